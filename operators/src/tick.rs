//! The one shell around tick logic: it waits for ticks, gives them to an operator in order, and keeps its state.
//!
//! A [`TickOperator`] is a plain struct. The shell hands it the rows of the oldest unfinished tick as they come, in any
//! order and division, and then the end of the tick; a tick without rows has an end too. At a cut the shell saves.

use std::collections::BTreeMap;

use greenwave_model::{Clock, group_of};
use timely::dataflow::{
    Stream,
    channels::pact::{ExchangeCore, ParallelizationContract, Pipeline},
    operators::{
        Capability, Inspect,
        generic::{OutputBuilder, builder_rc::OperatorBuilder},
    },
};
use timely::{ExchangeData, container::CapacityContainerBuilder};

use crate::state::{Saved, StateRow, StateSlot};

/// What an operator does with a tick.
///
/// The law every implementation keeps: after the end of a cut's tick, state and published values are a function of the
/// state at the cut before, the set of rows between, and the cut's clock; not of the rows' order nor of the ticks.
pub trait TickOperator: 'static {
    type In: Clone + 'static;
    type Out: Clone + 'static;
    /// A second output.
    type Side: Clone + 'static;
    const NAME: &'static str;

    /// Some rows of the tick. Called any number of times before [`close`](Self::close).
    fn fold(&mut self, clock: &Clock, rows: Vec<Self::In>, out: &mut Rows<Self::Out>, side: &mut Rows<Self::Side>);

    /// The end of the tick. When `clock.restored`, the operator emits everything it holds and changes nothing.
    fn close(&mut self, clock: &Clock, out: &mut Rows<Self::Out>, side: &mut Rows<Self::Side>) -> Closed;
}

/// How far [`TickOperator::close`] got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    Whole,
    /// It is to be called again, once others have had their turn with what it has given.
    Partly,
}

/// An operator whose state outlives the process.
pub trait Durable: TickOperator {
    /// Stable for the life of a job: a checkpoint finds the operator by it.
    const ID: &'static str;
    /// Raised when rows written before can no longer be read.
    const SCHEMA: u32 = 1;

    /// The state at a cut, after its tick was closed.
    fn save(&mut self, clock: &Clock) -> Saved;
    /// What was saved; and whether this run saves at all.
    fn load(&mut self, rows: Vec<StateRow>, saving: bool);
    fn live_rows(&self) -> usize;
    /// Differences found since the last call between loaded and refilled values.
    fn take_differences(&mut self) -> u64 {
        0
    }
}

/// Rows on their way out, in containers of a size that is allocated quickly.
#[derive(Debug)]
pub struct Rows<T> {
    full: Vec<Vec<T>>,
    open: Vec<T>,
}

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self { full: Vec::new(), open: Vec::new() }
    }
}

impl<T> Rows<T> {
    /// Rows of one container: 64 KiB, well below the size from which the allocator asks the system each time.
    const ROWS_MAX: usize = {
        let rows = (64 << 10) / if size_of::<T>() == 0 { 1 } else { size_of::<T>() };
        if rows == 0 { 1 } else { rows }
    };

    #[inline]
    pub fn give(&mut self, row: T) {
        if self.open.len() == self.open.capacity() {
            self.make_room();
        }
        self.open.push(row);
    }

    fn make_room(&mut self) {
        if self.open.len() >= Self::ROWS_MAX {
            self.full.push(std::mem::take(&mut self.open));
        }
        self.open.reserve_exact((self.open.len() * 3).clamp(16.min(Self::ROWS_MAX), Self::ROWS_MAX));
    }

    /// Passes a whole container on.
    pub fn give_container(&mut self, rows: Vec<T>) {
        if !rows.is_empty() {
            self.full.push(rows);
        }
    }

    fn containers(&mut self) -> impl Iterator<Item = Vec<T>> + '_ {
        let open = std::mem::take(&mut self.open);
        self.full.drain(..).chain(Some(open).filter(|rows| !rows.is_empty()))
    }

    /// All rows given so far, in one piece.
    pub fn take(&mut self) -> Vec<T> {
        self.containers().flatten().collect()
    }

    fn send(&mut self, output: &mut Output<T>, capability: &Capability<u64>)
    where
        T: Clone + 'static,
    {
        let mut port = output.activate();
        let mut session = port.session(capability);
        for mut container in self.containers() {
            session.give_container(&mut container);
        }
    }
}

type Output<T> = OutputBuilder<u64, CapacityContainerBuilder<Vec<T>>>;

/// The two outputs of an operator.
pub type Ports<'s, Op> =
    (Stream<'s, u64, Vec<<Op as TickOperator>::Out>>, Stream<'s, u64, Vec<<Op as TickOperator>::Side>>);

/// Routes rows to the worker that owns their slice.
pub fn by_vnode<T, F>(
    mut vnode: F,
) -> ExchangeCore<CapacityContainerBuilder<Vec<T>>, impl for<'a> FnMut(&T) -> u64 + 'static>
where
    T: ExchangeData,
    F: FnMut(&T) -> u8 + 'static,
{
    ExchangeCore::new(move |row: &T| u64::from(group_of(vnode(row))))
}

/// Passes rows on. An exchange must not stand right behind a dataflow's input: rows sent there wait in the exchange for
/// the input's flush, and timely 0.31 drops a flush that comes after the worker has reported the rows as sent.
pub fn received<T: Clone + 'static>(rows: Stream<'_, u64, Vec<T>>) -> Stream<'_, u64, Vec<T>> {
    rows.inspect_batch(|_, _| {})
}

/// Runs an operator that keeps nothing beyond a cut.
pub fn run<'s, Op: TickOperator>(
    rows: Stream<'s, u64, Vec<Op::In>>,
    clock: Stream<'s, u64, Vec<Clock>>,
    pact: impl ParallelizationContract<u64, Vec<Op::In>>,
    operator: Op,
) -> Ports<'s, Op> {
    build(rows, clock, pact, operator, |_, _| {})
}

/// Runs an operator with durable state: loads it now, saves it at every cut.
pub fn run_durable<'s, Op: Durable>(
    rows: Stream<'s, u64, Vec<Op::In>>,
    clock: Stream<'s, u64, Vec<Clock>>,
    pact: impl ParallelizationContract<u64, Vec<Op::In>>,
    mut operator: Op,
    slot: StateSlot,
) -> Ports<'s, Op> {
    operator.load(slot.load(), slot.saving());
    build(rows, clock, pact, operator, move |operator, clock| {
        if clock.restored {
            slot.add_differences(operator.take_differences());
        }
        if clock.restored || clock.is_cut {
            slot.set_rows(operator.live_rows());
        }
        if clock.is_cut && !clock.restored && slot.saving() {
            slot.save(clock.tick, operator.save(clock));
        }
    })
}

/// A tick whose clock has come and that is not closed.
struct Open {
    clock: Clock,
    /// Held until the tick is closed; they are what keeps the outputs' frontiers from passing it.
    capabilities: [Capability<u64>; 2],
}

fn build<'s, Op: TickOperator>(
    rows: Stream<'s, u64, Vec<Op::In>>,
    clock: Stream<'s, u64, Vec<Clock>>,
    pact: impl ParallelizationContract<u64, Vec<Op::In>>,
    mut operator: Op,
    mut closed: impl FnMut(&mut Op, &Clock) + 'static,
) -> Ports<'s, Op> {
    let scope = rows.scope();
    let mut builder = OperatorBuilder::new(Op::NAME.to_owned(), scope);
    let activator = scope.worker().activator_for(builder.operator_info().address);
    let mut rows_in = builder.new_input(rows, pact);
    let mut clock_in = builder.new_input(clock, Pipeline);
    let (out_port, out_stream) = builder.new_output();
    let (side_port, side_stream) = builder.new_output();
    let mut out_port: Output<Op::Out> = OutputBuilder::from(out_port);
    let mut side_port: Output<Op::Side> = OutputBuilder::from(side_port);

    builder.build(move |_| {
        let mut waiting: BTreeMap<u64, Vec<Vec<Op::In>>> = BTreeMap::new();
        let mut open: BTreeMap<u64, Open> = BTreeMap::new();
        let (mut out, mut side) = (Rows::default(), Rows::default());
        move |frontiers| {
            clock_in.for_each(|capability, clocks| {
                for clock in clocks.drain(..) {
                    debug_assert_eq!(clock.tick, *capability.time());
                    let capabilities = [capability.retain(0), capability.retain(1)];
                    open.insert(*capability.time(), Open { clock, capabilities });
                }
            });
            rows_in.for_each(|capability, rows| {
                waiting.entry(*capability.time()).or_default().push(std::mem::take(rows));
            });
            while let Some(oldest) = open.first_entry() {
                let tick = *oldest.key();
                // A tick before this one may still bring its clock or rows.
                if frontiers.iter().any(|frontier| frontier.less_than(&tick)) {
                    break;
                }
                let Open { clock, capabilities } = oldest.get();
                for rows in waiting.remove(&tick).into_iter().flatten() {
                    operator.fold(clock, rows, &mut out, &mut side);
                }
                let over = !frontiers.iter().any(|frontier| frontier.less_equal(&tick));
                let end = if over { operator.close(clock, &mut out, &mut side) } else { Closed::Partly };
                if end == Closed::Whole {
                    closed(&mut operator, clock);
                }
                out.send(&mut out_port, &capabilities[0]);
                side.send(&mut side_port, &capabilities[1]);
                if end == Closed::Partly {
                    if over {
                        activator.activate();
                    }
                    break;
                }
                oldest.remove();
            }
        }
    });
    (out_stream, side_stream)
}
