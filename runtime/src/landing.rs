//! Where the dataflow ends: deltas go to the speed layer as they come, rows and verdicts wait for their cut.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc, sync::Arc};

use greenwave_model::{Deltas, RecordRef};
use greenwave_operators::graph::{Outputs, Verdict};
use greenwave_sinks::speed::{Speed, ToSpeed};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::Stream;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::Probe;
use timely::dataflow::operators::generic::Operator;
use timely::dataflow::operators::probe::Handle as ProbeHandle;

/// What one tick left behind for the cut it belongs to.
#[derive(Default)]
pub struct Landed {
    pub rows: Vec<Arc<dyn Deltas>>,
    pub verdicts: Vec<(Verdict, RecordRef, i64)>,
}

/// Shared by the landing operators and their worker.
#[derive(Clone, Default)]
pub struct Landing(Rc<RefCell<BTreeMap<u64, Landed>>>);

impl Landing {
    /// Connects the outputs. `restored` is the tick that refills the dataflow: its deltas fill the embedded copy of the
    /// speed layer and reach no sink.
    pub fn attach(&self, outputs: Outputs<'_>, speed: Arc<Speed>, restored: Option<u64>, probe: &ProbeHandle<u64>) {
        land(outputs.deltas, "speed", probe, move |tick, batches| {
            for deltas in batches.drain(..) {
                let filling = Some(tick) == restored;
                speed.send(if filling { ToSpeed::Fill { deltas } } else { ToSpeed::Deltas { tick, deltas } });
            }
        });
        let landed = self.0.clone();
        land(outputs.rows, "rows", probe, move |tick, rows| {
            landed.borrow_mut().entry(tick).or_default().rows.append(rows);
        });
        let landed = self.0.clone();
        land(outputs.verdicts, "verdicts", probe, move |tick, verdicts| {
            landed.borrow_mut().entry(tick).or_default().verdicts.append(verdicts);
        });
    }

    /// Everything of the cut `tick`: all that landed at it or before.
    pub fn take(&self, tick: u64) -> Landed {
        let mut landed = self.0.borrow_mut();
        let later = landed.split_off(&(tick + 1));
        let mut cut = Landed::default();
        for (_, mut one) in std::mem::replace(&mut *landed, later) {
            cut.rows.append(&mut one.rows);
            cut.verdicts.append(&mut one.verdicts);
        }
        cut
    }
}

/// Hands each container to `take`, and lets the probe see how far that has come.
fn land<D: Clone + 'static>(
    stream: Stream<'_, u64, Vec<D>>,
    name: &str,
    probe: &ProbeHandle<u64>,
    mut take: impl FnMut(u64, &mut Vec<D>) + 'static,
) {
    let landed = stream.unary::<CapacityContainerBuilder<Vec<()>>, _, _, _>(Pipeline, name, |_, _| {
        move |input, _output| input.for_each(|time, rows| take(*time.time(), rows))
    });
    landed.probe_with(probe);
}
