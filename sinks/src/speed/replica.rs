//! The current values of all views, in memory: what the embedded speed layer serves and what Redis is repaired from.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use greenwave_model::{Change, Current, Deltas, GROUPS, Name, StoredValue, ViewSpec, group_of, vnode};

use super::batch::Group;
use super::inbox::Tick;
use super::json;

/// Expired values are not shown from that moment on; their memory is freed in sweeps this far apart at least, so that
/// looking at every key costs little beside changing some.
const SWEEP_MS: i64 = 5_000;
const SWEEP_TICKS: u32 = 16;

/// One key's current value.
#[derive(Clone, Debug)]
pub struct Kept {
    pub spec: &'static ViewSpec,
    pub value: Arc<dyn StoredValue>,
    pub revision: u32,
    pub is_final: bool,
    pub expires_ms: Option<i64>,
}

impl Kept {
    /// All columns, times with `Z`.
    pub fn own_json(&self, out: &mut Vec<u8>) {
        json::row(self.spec, out, |cells| self.value.cells(cells));
    }

    fn is_live(&self, now_ms: i64) -> bool {
        self.expires_ms.is_none_or(|expires| expires > now_ms)
    }
}

/// Values by view and key. It changes a whole tick at a time. The lock is held while a tick is applied, or while
/// handles are copied: write them as JSON afterwards.
#[derive(Debug, Default)]
pub struct Replica(RwLock<Content>);

#[derive(Debug)]
struct Content {
    tick: u64,
    now_ms: i64,
    views: Vec<View>,
    swept_ms: i64,
    unswept: u32,
}

impl Default for Content {
    fn default() -> Self {
        Self { tick: 0, now_ms: i64::MIN, views: vec![], swept_ms: i64::MIN, unswept: 0 }
    }
}

#[derive(Debug)]
struct View {
    spec: &'static ViewSpec,
    rows: HashMap<Name, Kept, rustc_hash::FxBuildHasher>,
}

impl Replica {
    /// The last tick whose changes are in.
    pub fn tick(&self) -> u64 {
        self.read().tick
    }

    /// The clock of that tick's binding.
    pub fn now_ms(&self) -> Option<i64> {
        Some(self.read().now_ms).filter(|now| *now != i64::MIN)
    }

    /// Every view that has or had values, with the number of its keys; those of an older system are not shown.
    pub fn views(&self) -> Vec<(&'static ViewSpec, usize)> {
        let content = self.read();
        let live = |view: &View| view.rows.values().filter(|kept| kept.is_live(content.now_ms)).count();
        let shown = content.views.iter().filter(|view| !view.spec.current.is_compatibility());
        shown.map(|view| (view.spec, live(view))).collect()
    }

    pub fn get(&self, view: &str, key: &str) -> Option<Kept> {
        let content = self.read();
        let view = content.views.iter().find(|known| known.spec.name == view)?;
        view.rows.get(key).filter(|kept| kept.is_live(content.now_ms)).cloned()
    }

    /// All keys of a view, in no order.
    pub fn list(&self, view: &str) -> Vec<(Name, Kept)> {
        let content = self.read();
        let Some(view) = content.views.iter().find(|known| known.spec.name == view) else { return vec![] };
        let live = view.rows.iter().filter(|(_, kept)| kept.is_live(content.now_ms));
        live.map(|(key, kept)| (key.clone(), kept.clone())).collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, Content> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything in the groups that `wanted` marks, by group.
    pub(super) fn groups(&self, wanted: &[bool; GROUPS as usize]) -> Vec<Vec<(Name, Kept)>> {
        let mut groups = vec![vec![]; GROUPS as usize];
        let content = self.read();
        for view in &content.views {
            for (key, kept) in view.rows.iter().filter(|(_, kept)| kept.is_live(content.now_ms)) {
                let group = usize::from(group_of(vnode(view.spec.name, key)));
                if wanted[group] {
                    groups[group].push((key.clone(), kept.clone()));
                }
            }
        }
        groups
    }

    /// Marks the changes whose key is not here: Redis, which holds the same, has to be told that it is a member.
    pub(super) fn mark_new(&self, groups: &mut [Group]) {
        let content = self.read();
        for change in groups.iter_mut().flat_map(|group| &mut group.changes) {
            let name = change.deltas.spec().name;
            let view = content.views.iter().find(|view| view.spec.name == name);
            change.is_new |= view.is_none_or(|view| !view.rows.contains_key(change.key.as_str()));
        }
    }

    pub(super) fn fill(&self, deltas: &dyn Deltas) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).change(deltas, &mut String::new());
    }

    /// Takes whole ticks, in order.
    pub(super) fn apply(&self, ticks: &[Tick]) {
        let mut key = String::new();
        for tick in ticks {
            let mut content = self.0.write().unwrap_or_else(PoisonError::into_inner);
            tick.deltas.iter().for_each(|deltas| content.change(&**deltas, &mut key));
            content.tick = tick.tick;
            content.now_ms = tick.now_ms;
            content.sweep();
        }
    }
}

impl Content {
    fn change(&mut self, deltas: &dyn Deltas, key: &mut String) {
        let spec = deltas.spec();
        if spec.current == Current::FeedOnly {
            return;
        }
        let rows = &mut self.view(spec).rows;
        for row in 0..deltas.len() {
            key.clear();
            deltas.key_text(row, key);
            match deltas.change(row) {
                Change::Set(()) => {
                    let Some(value) = deltas.stored(row) else { continue };
                    let (revision, is_final) = (deltas.revision(row), deltas.is_final(row));
                    let kept = Kept { spec, value, revision, is_final, expires_ms: deltas.expires_ms(row) };
                    match rows.get_mut(key.as_str()) {
                        Some(old) => *old = kept,
                        None => drop(rows.insert(Name::new(&*key), kept)),
                    }
                }
                Change::Remove | Change::Retire => drop(rows.remove(key.as_str())),
            }
        }
    }

    fn view(&mut self, spec: &'static ViewSpec) -> &mut View {
        let found = self.views.iter().position(|view| view.spec.name == spec.name);
        let place = found.unwrap_or_else(|| {
            self.views.push(View { spec, rows: HashMap::default() });
            self.views.len() - 1
        });
        &mut self.views[place]
    }

    fn sweep(&mut self) {
        self.unswept += 1;
        if self.unswept < SWEEP_TICKS || self.now_ms.saturating_sub(self.swept_ms) < SWEEP_MS {
            return;
        }
        (self.unswept, self.swept_ms) = (0, self.now_ms);
        for view in &mut self.views {
            view.rows.retain(|_, kept| kept.is_live(self.now_ms));
        }
    }
}
