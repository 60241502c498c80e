//! Garbage collection of the state store.

use std::collections::HashSet;

use greenwave_model::CrashPoint;

use crate::manifest::{self, Kind, Manifest};
use crate::savepoint;
use crate::store::{Store, StoreError};

/// Checkpoints kept to fall back to.
const CHECKPOINTS_KEPT: usize = 5;

/// Removes objects that no root names *and* that are older than the oldest of the last checkpoints. Roots are read
/// after listing, so nothing newer is ever a candidate, whoever collects.
pub fn garbage(store: &Store) -> Result<(), StoreError> {
    let ticks = store.list("state")?;
    let Some(roots) = roots(store)? else { return Ok(()) };
    let saved = savepoint::read_all(store)?;
    // A damaged checkpoint has cuts made once more, under higher numbers.
    let oldest_tick = roots.iter().map(|root| root.tick().unwrap_or(0)).min().unwrap_or(0);
    let oldest_seq = roots.iter().map(|root| root.seq).min().unwrap_or(0);
    let saved = saved.iter().map(|(_, manifest)| manifest);
    let named: HashSet<&str> = roots.iter().chain(saved).flat_map(Manifest::objects).collect();
    for tick in ticks.iter().filter(|tick| tick.parse().is_ok_and(|tick: u64| tick < oldest_tick)) {
        for object in store.list(&format!("state/{tick}"))? {
            let name = format!("state/{tick}/{object}");
            if !named.contains(name.as_str()) {
                store.delete(&name)?;
                CrashPoint::GarbageRemoved.pass();
            }
        }
    }
    CrashPoint::OldManifestsNext.pass();
    for seq in manifest::sequence_numbers(store)?.into_iter().filter(|&seq| seq < oldest_seq) {
        manifest::remove(store, seq)?;
        CrashPoint::OldManifestRemoved.pass();
    }
    Ok(())
}

/// The last checkpoints and everything after the oldest of them; `None` while there are fewer.
pub fn roots(store: &Store) -> Result<Option<Vec<Manifest>>, StoreError> {
    let (mut roots, mut checkpoints) = (vec![], 0);
    for seq in manifest::sequence_numbers(store)?.into_iter().rev() {
        let Some(root) = Manifest::read(store, seq)? else { continue };
        checkpoints += usize::from(root.kind == Kind::Checkpoint);
        roots.push(root);
        if checkpoints == CHECKPOINTS_KEPT {
            return Ok(Some(roots));
        }
    }
    Ok(None)
}
