//! What outlives a process: rows of operator state, kept per slice of the key space under a stable, human-given id.
//!
//! The runtime makes one [`States`] per worker before it builds the dataflow, hands it rows restored from a
//! checkpoint, and takes the parts of a cut once the dataflow's probe has passed it.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

/// One row of state: loaded by whichever worker owns its slice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StateRow {
    pub vnode: u8,
    pub key: Vec<u8>,
    pub value: Vec<u8>,
}

/// What a cut adds to an operator's state. Rows saved at cuts before `keep_from_tick` are no longer needed; the others
/// are loaded in the order of their cuts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    pub rows: Vec<StateRow>,
    pub keep_from_tick: u64,
}

/// One operator's state at one cut, of one worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedPart {
    pub id: &'static str,
    pub tick: u64,
    pub schema: u32,
    pub saved: Saved,
}

#[derive(Debug)]
struct Registered {
    id: &'static str,
    schema: u32,
    rows: usize,
}

#[derive(Debug)]
struct Inner {
    worker: usize,
    workers: usize,
    saving: bool,
    restored: BTreeMap<String, Vec<StateRow>>,
    operators: Vec<Registered>,
    saved: Vec<SavedPart>,
    differences: u64,
}

/// The durable state of one worker's dataflow. Clones are handles to the same.
///
/// ```
/// use greenwave_operators::{Saved, StateRow, States};
/// let row = StateRow { vnode: 3, key: vec![], value: vec![7] };
/// let states = States::restored(0, 1, true, [("counter".to_owned(), vec![row.clone()])].into());
/// let slot = states.register("counter", 1);
/// assert_eq!(slot.load(), vec![row.clone()]);
/// slot.save(90, Saved { rows: vec![row], keep_from_tick: 90 });
/// assert_eq!(states.take_saved(89), vec![]);
/// assert_eq!(states.take_saved(90).len(), 1);
/// ```
#[derive(Clone, Debug)]
pub struct States(Rc<RefCell<Inner>>);

impl States {
    /// State of a job that starts with none. Without `saving` operators encode nothing at cuts.
    pub fn new(worker: usize, workers: usize, saving: bool) -> Self {
        Self::restored(worker, workers, saving, BTreeMap::new())
    }

    /// State restored from a checkpoint: per operator id the rows of this worker's groups.
    pub fn restored(worker: usize, workers: usize, saving: bool, restored: BTreeMap<String, Vec<StateRow>>) -> Self {
        let (operators, saved) = (Vec::new(), Vec::new());
        Self(Rc::new(RefCell::new(Inner { worker, workers, saving, restored, operators, saved, differences: 0 })))
    }

    pub fn worker(&self) -> usize {
        self.0.borrow().worker
    }

    pub fn workers(&self) -> usize {
        self.0.borrow().workers
    }

    /// Takes an id for one operator of the dataflow being built.
    ///
    /// # Panics
    /// When the id is taken: the state of one operator would be loaded into another.
    pub fn register(&self, id: &'static str, schema: u32) -> StateSlot {
        let mut inner = self.0.borrow_mut();
        assert!(
            inner.operators.iter().all(|operator| operator.id != id),
            "cannot build the dataflow: two operators have the state id {id:?}; give each its own"
        );
        inner.operators.push(Registered { id, schema, rows: 0 });
        StateSlot { states: self.clone(), index: inner.operators.len() - 1 }
    }

    /// Every operator's id and schema, in the order of building.
    pub fn ids(&self) -> Vec<(&'static str, u32)> {
        self.0.borrow().operators.iter().map(|operator| (operator.id, operator.schema)).collect()
    }

    /// The parts of cuts up to `tick` that have not been taken. Complete once the dataflow has passed `tick`.
    pub fn take_saved(&self, tick: u64) -> Vec<SavedPart> {
        let mut inner = self.0.borrow_mut();
        let (taken, kept) = std::mem::take(&mut inner.saved).into_iter().partition(|part| part.tick <= tick);
        inner.saved = kept;
        taken
    }

    /// Live rows per operator at the last cut.
    pub fn rows(&self) -> Vec<(&'static str, usize)> {
        self.0.borrow().operators.iter().map(|operator| (operator.id, operator.rows)).collect()
    }

    /// Published values that differed from what the operators before them made of their restored state.
    pub fn restore_differences(&self) -> u64 {
        self.0.borrow().differences
    }
}

/// One operator's access to its durable state.
#[derive(Clone, Debug)]
pub struct StateSlot {
    states: States,
    index: usize,
}

impl StateSlot {
    /// The restored rows; empty the second time, and when there are none.
    pub fn load(&self) -> Vec<StateRow> {
        let mut inner = self.states.0.borrow_mut();
        let id = inner.operators[self.index].id;
        inner.restored.remove(id).unwrap_or_default()
    }

    pub fn saving(&self) -> bool {
        self.states.0.borrow().saving
    }

    pub fn save(&self, tick: u64, saved: Saved) {
        let mut inner = self.states.0.borrow_mut();
        let Registered { id, schema, .. } = inner.operators[self.index];
        inner.saved.push(SavedPart { id, tick, schema, saved });
    }

    pub fn set_rows(&self, rows: usize) {
        self.states.0.borrow_mut().operators[self.index].rows = rows;
    }

    pub fn add_differences(&self, differences: u64) {
        self.states.0.borrow_mut().differences += differences;
    }
}
