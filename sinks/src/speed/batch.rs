//! The changes of some ticks by group, the last of each key.

use std::collections::HashMap;
use std::sync::Arc;

use greenwave_model::{Change, Current, Deltas, GROUPS, Name, group_of, vnode};

use super::ends::is_cut;
use super::inbox::Tick;

/// What some ticks change in one group.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// The last of the ticks that moves this group; 0 when none does.
    pub to: u64,
    pub changes: Vec<KeyChange>,
}

/// The last change of a key: a row of some deltas.
#[derive(Debug)]
pub(super) struct KeyChange {
    pub key: Name,
    pub deltas: Arc<dyn Deltas>,
    pub row: usize,
    /// Its state was freed after that: the value is written and no longer ours to delete.
    pub retired: bool,
    /// The key may not be among the members of its group when this is written.
    pub is_new: bool,
}

impl KeyChange {
    pub fn kind(&self) -> Change<()> {
        self.deltas.change(self.row)
    }
}

/// Where a key's change is, by number of the view and key.
type Places = HashMap<(u8, Name), (u8, u32), rustc_hash::FxBuildHasher>;

/// Merges ticks, which come in order. A cut moves every group, with changes or without.
pub(super) fn merge(ticks: &[Tick]) -> Vec<Group> {
    let mut groups: Vec<Group> = (0..GROUPS).map(|_| Group::default()).collect();
    let mut views: Vec<&'static str> = vec![];
    let mut places = Places::default();
    let mut text = String::new();
    for tick in ticks {
        if is_cut(&tick.binding) {
            groups.iter_mut().for_each(|group| group.to = tick.tick);
        }
        for deltas in &tick.deltas {
            let name = deltas.spec().name;
            let view = views.iter().position(|known| *known == name).unwrap_or_else(|| {
                views.push(name);
                views.len() - 1
            });
            let only_final = deltas.spec().current == Current::FeedOnly;
            for row in (0..deltas.len()).filter(|&row| !only_final || deltas.is_final(row)) {
                text.clear();
                deltas.key_text(row, &mut text);
                let group = group_of(vnode(name, &text));
                groups[usize::from(group)].to = tick.tick;
                let key = Name::new(&text);
                let change = KeyChange { key: key.clone(), deltas: deltas.clone(), row, retired: false, is_new: false };
                put(&mut groups, &mut places, (view as u8, key), group, change);
            }
        }
    }
    groups
}

fn put(groups: &mut [Group], places: &mut Places, key: (u8, Name), group: u8, change: KeyChange) {
    let changes = &mut groups[usize::from(group)].changes;
    let place = *places.entry(key).or_insert((group, changes.len() as u32));
    match changes.get_mut(place.1 as usize) {
        None => changes.push(change),
        // What was set before is still to be seen: readers keep the last value.
        Some(before) if change.kind() == Change::Retire && before.kind() == Change::Set(()) => before.retired = true,
        Some(before) => {
            let is_new = before.is_new || before.retired || before.kind() != Change::Set(());
            *before = KeyChange { is_new, ..change };
        }
    }
}
