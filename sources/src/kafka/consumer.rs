//! The one file that calls librdkafka by its C interface.
//!
//! The safe wrapper reads one message at a time from an event queue; the batch queue is a fifth faster. Errors,
//! statistics and log lines come through the same queue, so they are served on the reader's own thread.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::NonNull;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rdkafka::bindings::{self as c, rd_kafka_message_t, rd_kafka_queue_t};
use rdkafka::client::{Client, ClientContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaType;
use rdkafka::{ClientConfig, TopicPartitionList};

/// Messages asked for at once: a batch of one partition.
const MESSAGES_MAX: usize = 4096;

/// What librdkafka has said since the last look.
#[derive(Debug, Default)]
pub struct Notes(Mutex<Said>);

#[derive(Debug, Default)]
pub struct Said {
    pub statistics: Option<Vec<u8>>,
    /// The last error that belongs to no partition.
    pub error: Option<String>,
}

impl ClientContext for Notes {}

impl Notes {
    pub fn said(&self) -> MutexGuard<'_, Said> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A client without a consumer queue, for questions.
pub fn client(config: &ClientConfig) -> Result<Client<Notes>, KafkaError> {
    let native = config.create_native_config()?;
    // SAFETY: the configuration is alive; `Client::new` gives it the address of the `Notes` as its opaque value and
    // keeps them alive for longer than the client that calls these functions.
    unsafe {
        c::rd_kafka_conf_set_error_cb(native.ptr(), Some(on_error));
        c::rd_kafka_conf_set_stats_cb(native.ptr(), Some(on_statistics));
        c::rd_kafka_conf_set_log_cb(native.ptr(), Some(on_log));
    }
    Client::new(config, native, RDKafkaType::RD_KAFKA_CONSUMER, Notes::default())
}

/// The last error the client has noted.
pub fn last_error(client: &Client<Notes>) -> Option<String> {
    // SAFETY: the client is alive.
    unsafe { c::rd_kafka_poll(client.native_ptr(), 0) };
    client.context().said().error.take()
}

/// Replaces the timestamps in a list by offsets.
pub fn offsets_for_times(client: &Client<Notes>, list: &TopicPartitionList, wait: Duration) -> Result<(), KafkaError> {
    // SAFETY: client and list are alive; the call writes offsets and errors into the list's own elements.
    let code = unsafe { c::rd_kafka_offsets_for_times(client.native_ptr(), list.ptr(), wait.as_millis() as c_int) };
    outcome(code).map_err(KafkaError::OffsetFetch)
}

fn outcome(code: c::rd_kafka_resp_err_t) -> Result<(), RDKafkaErrorCode> {
    match code {
        c::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
        code => Err(code.into()),
    }
}

/// A record, or what stands in a record's place.
pub enum Heard<'a> {
    Record(Record<'a>),
    /// A partition's end or an error of it; `None` where no partition is named.
    Trouble {
        place: Option<(&'a str, i32)>,
        code: RDKafkaErrorCode,
        offset: i64,
        text: &'a str,
    },
}

/// A record that librdkafka lends.
#[derive(Clone, Copy)]
pub struct Record<'a>(&'a rd_kafka_message_t);

/// Tells records of different partitions apart, during one call of [`Consumer::consume`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaceToken(usize, i32);

impl<'a> Record<'a> {
    pub fn token(self) -> PlaceToken {
        PlaceToken(self.0.rkt as usize, self.0.partition)
    }

    pub fn place(self) -> Option<(&'a str, i32)> {
        place(self.0)
    }

    pub fn offset(self) -> i64 {
        self.0.offset
    }

    /// Empty for a record without a value.
    pub fn payload(self) -> &'a [u8] {
        // SAFETY: payload and length describe one buffer that lives as long as the message; absent ones are null.
        unsafe { bytes(self.0.payload, self.0.len) }
    }

    /// Kafka's timestamp in milliseconds since 1970, if the record has one.
    pub fn timestamp_ms(self) -> Option<i64> {
        // SAFETY: the message is alive and came from a consumer; the type of the timestamp is not asked for.
        let at = unsafe { c::rd_kafka_message_timestamp(self.0, std::ptr::null_mut()) };
        (at >= 0).then_some(at)
    }
}

/// # Safety
/// `start` is null, or `length` bytes from it on can be read for as long as `'a`.
unsafe fn bytes<'a>(start: *const c_void, length: usize) -> &'a [u8] {
    // SAFETY: as the caller says.
    if start.is_null() { &[] } else { unsafe { std::slice::from_raw_parts(start.cast(), length) } }
}

fn place(message: &rd_kafka_message_t) -> Option<(&str, i32)> {
    if message.rkt.is_null() {
        return None;
    }
    // SAFETY: the message holds a reference to its topic, whose name ends with a zero and never changes.
    let name = unsafe { CStr::from_ptr(c::rd_kafka_topic_name(message.rkt)) };
    Some((name.to_str().ok()?, message.partition))
}

/// A client with its consumer queue.
pub struct Consumer {
    queue: NonNull<rd_kafka_queue_t>,
    messages: Vec<*mut rd_kafka_message_t>,
    client: Client<Notes>,
}

// SAFETY: librdkafka's handles may be used from any thread; the list of messages is empty between calls.
unsafe impl Send for Consumer {}

impl Consumer {
    /// Starts fetching the partitions of a list from the offsets in it.
    pub fn assign(config: &ClientConfig, partitions: &TopicPartitionList) -> Result<Self, KafkaError> {
        let client = client(config)?;
        // SAFETY: the client is alive and of the consumer type. Its queue is released in `drop`, before the client:
        // fields are dropped after the body of `drop` has run.
        let queue = unsafe {
            outcome(c::rd_kafka_poll_set_consumer(client.native_ptr())).map_err(KafkaError::Global)?;
            c::rd_kafka_queue_get_consumer(client.native_ptr())
        };
        let queue = NonNull::new(queue).ok_or_else(|| KafkaError::ClientCreation("no consumer queue".to_owned()))?;
        let consumer = Self { queue, messages: Vec::with_capacity(MESSAGES_MAX), client };
        // SAFETY: client and list are alive; librdkafka copies the list.
        let code = unsafe { c::rd_kafka_assign(consumer.client.native_ptr(), partitions.ptr()) };
        outcome(code).map_err(KafkaError::Global)?;
        Ok(consumer)
    }

    pub fn client(&self) -> &Client<Notes> {
        &self.client
    }

    /// Waits until there are enough messages for a batch, or for as long as `wait`, and shows what has come. True if
    /// there may be more at once.
    pub fn consume(&mut self, wait: Duration, mut show: impl FnMut(Heard<'_>)) -> bool {
        // SAFETY: the queue is alive and the buffer has room for MESSAGES_MAX pointers. The call returns how many it
        // has written, or -1.
        let count = unsafe {
            let buffer = self.messages.as_mut_ptr();
            c::rd_kafka_consume_batch_queue(self.queue.as_ptr(), wait.as_millis() as c_int, buffer, MESSAGES_MAX)
        };
        let count = usize::try_from(count).unwrap_or(0);
        // SAFETY: the first `count` pointers have been written.
        unsafe { self.messages.set_len(count) };
        let lent = Lent(&mut self.messages);
        for &message in lent.0.iter() {
            // SAFETY: the message is ours until `Lent` is dropped, after this loop.
            show(unsafe { heard(&*message) });
        }
        count == MESSAGES_MAX
    }

    /// Stops fetching some partitions; what is queued of them is thrown away and comes again.
    pub fn pause(&self, partitions: &TopicPartitionList) -> Result<(), KafkaError> {
        // SAFETY: client and list are alive.
        let code = unsafe { c::rd_kafka_pause_partitions(self.client.native_ptr(), partitions.ptr()) };
        outcome(code).map_err(KafkaError::Global)
    }

    pub fn resume(&self, partitions: &TopicPartitionList) -> Result<(), KafkaError> {
        // SAFETY: client and list are alive.
        let code = unsafe { c::rd_kafka_resume_partitions(self.client.native_ptr(), partitions.ptr()) };
        outcome(code).map_err(KafkaError::Global)
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        // SAFETY: the queue came from `rd_kafka_queue_get_consumer` and is not used again.
        unsafe { c::rd_kafka_queue_destroy(self.queue.as_ptr()) };
    }
}

/// Messages to be given back, whatever happens while they are looked at.
struct Lent<'a>(&'a mut Vec<*mut rd_kafka_message_t>);

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        for message in self.0.drain(..) {
            // SAFETY: each message came from the queue and is given back once.
            unsafe { c::rd_kafka_message_destroy(message) };
        }
    }
}

/// # Safety
/// The message came from a consumer and lives as long as `'a`.
unsafe fn heard(message: &rd_kafka_message_t) -> Heard<'_> {
    match outcome(message.err) {
        Ok(()) => Heard::Record(Record(message)),
        Err(code) => {
            // SAFETY: in place of a payload, an error has its text.
            let text = unsafe { bytes(message.payload, message.len) };
            let text = std::str::from_utf8(text).unwrap_or("an error without text");
            Heard::Trouble { place: place(message), code, offset: message.offset, text }
        }
    }
}

unsafe extern "C" fn on_error(_: *mut c::rd_kafka_t, code: c_int, reason: *const c_char, opaque: *mut c_void) {
    // SAFETY: librdkafka passes a text that ends with a zero, and the opaque value it was given (see `client`).
    let (reason, notes) = unsafe { (CStr::from_ptr(reason), &*opaque.cast_const().cast::<Notes>()) };
    let mut said = notes.said();
    // That all brokers are down follows the reason why the last of them is.
    let is_sum = code == c::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN as c_int;
    if !is_sum || said.error.is_none() {
        said.error = Some(reason.to_string_lossy().into_owned());
    }
}

unsafe extern "C" fn on_statistics(
    _: *mut c::rd_kafka_t,
    json: *mut c_char,
    length: usize,
    opaque: *mut c_void,
) -> c_int {
    // SAFETY: as in `on_error`; the bytes stay librdkafka's, which the answer 0 says.
    let (json, notes) = unsafe { (bytes(json.cast(), length), &*opaque.cast_const().cast::<Notes>()) };
    notes.said().statistics = Some(json.to_vec());
    0
}

unsafe extern "C" fn on_log(_: *const c::rd_kafka_t, level: c_int, facility: *const c_char, line: *const c_char) {
    // SAFETY: librdkafka passes texts that end with a zero.
    let (facility, line) = unsafe { (CStr::from_ptr(facility), CStr::from_ptr(line)) };
    let (facility, line) = (facility.to_string_lossy(), line.to_string_lossy());
    match level {
        0..=2 => tracing::error!(%facility, %line, "kafka client"),
        3..=4 => tracing::warn!(%facility, %line, "kafka client"),
        5 => tracing::info!(%facility, %line, "kafka client"),
        _ => tracing::debug!(%facility, %line, "kafka client"),
    }
}
