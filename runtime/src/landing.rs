//! Where the dataflow ends: deltas go to the speed layer at every tick, rows and verdicts wait for their cut.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc, sync::Arc};

use greenwave_model::{Deltas, RecordRef};
use greenwave_operators::graph::{Outputs, Verdict};
use greenwave_sinks::speed::{Speed, ToSpeed};
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::Operator;
use timely::dataflow::operators::probe::Handle as ProbeHandle;
use timely::dataflow::operators::Probe;

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
        let deltas = outputs.deltas.unary("speed", |_, _| {
            move |input, output| {
                input.for_each(|time, batches| {
                    let tick = *time.time();
                    for deltas in batches.drain(..) {
                        let filling = Some(tick) == restored;
                        speed.send(if filling { ToSpeed::Fill { deltas } } else { ToSpeed::Deltas { tick, deltas } });
                    }
                    output.session(&time).give_iterator(std::iter::empty::<()>());
                });
            }
        });
        deltas.probe_with(probe);
        let landed = self.0.clone();
        let rows = outputs.rows.unary("rows", |_, _| {
            move |input, output| {
                input.for_each(|time, batches| {
                    landed.borrow_mut().entry(*time.time()).or_default().rows.append(batches);
                    output.session(&time).give_iterator(std::iter::empty::<()>());
                });
            }
        });
        rows.probe_with(probe);
        let landed = self.0.clone();
        let verdicts = outputs.verdicts.unary("verdicts", |_, _| {
            move |input, output| {
                input.for_each(|time, found| {
                    landed.borrow_mut().entry(*time.time()).or_default().verdicts.append(found);
                    output.session(&time).give_iterator(std::iter::empty::<()>());
                });
            }
        });
        verdicts.probe_with(probe);
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
