//! Batches a worker has decoded and offered, until a binding takes them.

use std::collections::VecDeque;

use greenwave_model::{Batch, PartitionBound};

#[derive(Default)]
pub struct Held {
    by_partition: Vec<VecDeque<Batch>>,
}

impl Held {
    pub fn push(&mut self, batch: Batch) {
        let partition = usize::from(batch.partition);
        if self.by_partition.len() <= partition {
            self.by_partition.resize_with(partition + 1, VecDeque::new);
        }
        self.by_partition[partition].push_back(batch);
    }

    /// Takes exactly the rows below the bound ends. A repeated tick may end inside a batch.
    pub fn take(&mut self, bounds: &[PartitionBound]) -> Vec<Batch> {
        let mut taken = vec![];
        for (batches, bound) in self.by_partition.iter_mut().zip(bounds) {
            while let Some(mut batch) = batches.pop_front_if(|batch| batch.start < bound.end || batch.end <= bound.end)
            {
                if batch.end > bound.end {
                    batches.push_front(batch.split_off(bound.end));
                }
                taken.push(batch);
            }
        }
        taken
    }
}
