//! The control dataflow: offers and parts go to the leader, bindings come from it. The same in one process or several.

use std::{cell::RefCell, collections::VecDeque, rc::Rc};

use greenwave_model::Binding;
use serde::{Deserialize, Serialize};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::InputHandle;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::{Exchange, generic::Operator, vec::Broadcast};
use timely::dataflow::{Stream, operators::Input};
use timely::worker::Worker;

use crate::manifest::{Counters, Part, StagedRun};
use crate::mint::Offer;

/// One operator's part of a cut.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OperatorPart {
    pub id: String,
    pub schema: u32,
    /// Parts of earlier cuts stay from this tick on.
    pub keep_from_tick: u64,
    pub part: Option<Part>,
}

/// Everything one worker made durable for a cut.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CutParts {
    pub tick: u64,
    pub operators: Vec<OperatorPart>,
    pub runs: Vec<(String, StagedRun)>,
    pub counters: Counters,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ToLeader {
    Offer(Offer),
    Standing {
        partition: u16,
        at_end: bool,
        next: i64,
        fault: Option<String>,
    },
    /// Where logs end, by partition number.
    Ends(Vec<(u16, i64)>),
    Parts(CutParts),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum FromLeader {
    Bind(Box<Binding>),
    Finish,
}

type Handle<D> = InputHandle<u64, CapacityContainerBuilder<Vec<D>>>;
type Queue<D> = Rc<RefCell<VecDeque<D>>>;

/// One worker's end of the control dataflow.
pub struct Control {
    to_leader: Handle<ToLeader>,
    from_leader: Handle<FromLeader>,
    /// On worker 0: what every worker said.
    pub heard: Queue<ToLeader>,
    /// What the leader said.
    pub told: Queue<FromLeader>,
    round: u64,
    spoken: bool,
}

impl Control {
    pub fn build(worker: &mut Worker) -> Self {
        let (heard, told) = (Queue::default(), Queue::default());
        worker.dataflow_named("control", |scope| {
            let (to_leader, said) = scope.new_input();
            let (from_leader, orders) = scope.new_input();
            collect(said.exchange(|_| 0), "heard", &heard);
            collect(orders.broadcast(), "told", &told);
            Self { to_leader, from_leader, heard: heard.clone(), told: told.clone(), round: 0, spoken: false }
        })
    }

    pub fn say(&mut self, message: ToLeader) {
        self.spoken = true;
        self.to_leader.send(message);
    }

    pub fn order(&mut self, message: FromLeader) {
        self.spoken = true;
        self.from_leader.send(message);
    }

    /// Sends what was said. Times mean nothing here, but only moving on empties the buffers of an exchange.
    pub fn flush(&mut self) {
        if std::mem::take(&mut self.spoken) {
            self.round += 1;
            self.to_leader.advance_to(self.round);
            self.from_leader.advance_to(self.round);
        }
    }
}

fn collect<D: Clone + 'static>(stream: Stream<'_, u64, Vec<D>>, name: &str, queue: &Queue<D>) {
    let queue = queue.clone();
    stream.sink(Pipeline, name, move |(input, _frontier)| {
        input.for_each(|_time, data| queue.borrow_mut().extend(data.drain(..)));
    });
}
