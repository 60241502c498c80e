//! The thread that sends dead letters and keeps each until the broker has acknowledged it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};

use super::letter::Letter;
use super::{LetterError, LetterSettings, Letters};

/// Letters on their way to the broker. Above that no more are taken from the workers.
const ON_THE_WAY_BYTES_MAX: usize = 16 << 20;
const ON_THE_WAY_MAX: usize = 50_000;
/// How long one look for answers takes while some are awaited.
const LOOK: Duration = Duration::from_millis(5);
/// How often a client with nothing to do is looked after.
const REST: Duration = Duration::from_secs(1);
/// Before a letter that was refused is sent again.
const TRY_AGAIN: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) enum Order {
    Letters(Letters),
    Flush(Sender<()>),
}

/// Why letters wait, if they do.
#[derive(Debug, Default)]
pub(super) struct Trouble(Mutex<Option<String>>);

impl Trouble {
    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn why(&self) -> String {
        self.lock().clone().unwrap_or_else(|| "it has acknowledged nothing; its log may say why".into())
    }
}

/// What the broker has said of letters, by number.
struct Answers {
    said: Mutex<Vec<(usize, Result<(), KafkaError>)>>,
    trouble: Arc<Trouble>,
}

impl ClientContext for Answers {
    fn error(&self, _: KafkaError, reason: &str) {
        *self.trouble.lock() = Some(reason.to_owned());
    }
}

impl ProducerContext for Answers {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        let said = result.as_ref().map(drop).map_err(|(error, _)| error.clone());
        self.said.lock().unwrap_or_else(PoisonError::into_inner).push((number, said));
    }
}

pub(super) struct Outbox {
    settings: LetterSettings,
    inbox: Receiver<Order>,
    trouble: Arc<Trouble>,
    producer: BaseProducer<Answers>,
    /// Letters that are not acknowledged, by number.
    waiting: BTreeMap<usize, Letter>,
    waiting_bytes: usize,
    next: usize,
    /// Of those, the ones to be sent, now or again.
    unsent: Vec<usize>,
    /// When the refused ones are sent again.
    due: Option<Instant>,
    /// Flushes, with the number that letters before them stay below.
    flushes: Vec<(usize, Sender<()>)>,
}

impl Outbox {
    pub fn new(settings: LetterSettings, inbox: Receiver<Order>, trouble: Arc<Trouble>) -> Result<Self, LetterError> {
        Ok(Self {
            producer: producer(&settings, &trouble)?,
            settings,
            inbox,
            trouble,
            waiting: BTreeMap::new(),
            waiting_bytes: 0,
            next: 0,
            unsent: vec![],
            due: None,
            flushes: vec![],
        })
    }

    /// Until nobody is left to give orders.
    pub fn run(mut self) {
        while self.take_orders() {
            self.send();
            self.producer.poll(if self.waiting.is_empty() { Duration::ZERO } else { LOOK });
            self.hear();
            self.answer_flushes();
        }
    }

    /// Takes what there is room for; waits for an order only where no answer is awaited.
    fn take_orders(&mut self) -> bool {
        while self.waiting.len() < ON_THE_WAY_MAX && self.waiting_bytes < ON_THE_WAY_BYTES_MAX {
            let is_idle = self.waiting.is_empty() && self.flushes.is_empty();
            match self.inbox.recv_timeout(if is_idle { REST } else { Duration::ZERO }) {
                Ok(Order::Letters(letters)) => self.take(letters),
                Ok(Order::Flush(acknowledged)) => self.flushes.push((self.next, acknowledged)),
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
        true
    }

    fn take(&mut self, Letters { partition, rejects }: Letters) {
        for reject in rejects {
            let letter = Letter { partition: partition.clone(), reject, without_bytes: false };
            self.waiting_bytes += letter.bytes();
            self.waiting.insert(self.next, letter);
            self.unsent.push(self.next);
            self.next += 1;
        }
    }

    fn send(&mut self) {
        if self.due.is_some_and(|due| due > Instant::now()) {
            return;
        }
        if self.due.take().is_some() && self.producer.client().fatal_error().is_some() {
            self.begin_anew();
        }
        for number in std::mem::take(&mut self.unsent) {
            let Some(letter) = self.waiting.get(&number) else { continue };
            let key = letter.key();
            let record = BaseRecord::with_opaque_to(&self.settings.topic, number)
                .key(&key)
                .payload(letter.value())
                .headers(letter.headers(&self.settings.job));
            if let Err((error, _)) = self.producer.send(record) {
                self.refused(number, &error);
            }
        }
    }

    /// An idempotent producer that has lost count takes nothing any more. What it had may come twice.
    fn begin_anew(&mut self) {
        match producer(&self.settings, &self.trouble) {
            Ok(producer) => {
                self.producer = producer;
                self.unsent = self.waiting.keys().copied().collect();
            }
            Err(error) => self.wait(error.to_string()),
        }
    }

    fn hear(&mut self) {
        let context = self.producer.context().clone();
        let said = std::mem::take(&mut *context.said.lock().unwrap_or_else(PoisonError::into_inner));
        for (number, said) in said {
            match said {
                Ok(()) => {
                    if let Some(letter) = self.waiting.remove(&number) {
                        self.waiting_bytes -= letter.bytes();
                        *self.trouble.lock() = None;
                    }
                }
                Err(error) => self.refused(number, &error),
            }
        }
    }

    fn refused(&mut self, number: usize, error: &KafkaError) {
        self.unsent.push(number);
        let too_large = error.rdkafka_error_code() == Some(RDKafkaErrorCode::MessageSizeTooLarge);
        match self.waiting.get_mut(&number).filter(|letter| too_large && !letter.without_bytes) {
            Some(letter) => letter.without_bytes = true,
            None => self.wait(error.to_string()),
        }
    }

    fn wait(&mut self, why: String) {
        self.due = Some(Instant::now() + TRY_AGAIN);
        *self.trouble.lock() = Some(why);
    }

    fn answer_flushes(&mut self) {
        let oldest = self.waiting.first_key_value().map_or(self.next, |(number, _)| *number);
        self.flushes.retain(|(before, acknowledged)| {
            let is_done = oldest >= *before;
            if is_done {
                let _ = acknowledged.send(());
            }
            !is_done
        });
    }
}

fn producer(settings: &LetterSettings, trouble: &Arc<Trouble>) -> Result<BaseProducer<Answers>, LetterError> {
    let answers = Answers { said: Mutex::default(), trouble: trouble.clone() };
    settings.client_config()?.create_with_context(answers).map_err(|error| settings.client_failed(error))
}
