//! A reject as a Kafka record.

use greenwave_model::{PartitionKey, Reject};
use rdkafka::message::{Header, OwnedHeaders};

/// A reject on its way. It is kept until the broker has acknowledged it.
#[derive(Debug)]
pub(super) struct Letter {
    pub partition: PartitionKey,
    pub reject: Reject,
    /// The topic does not take its bytes: it goes without them, and says how many they are.
    pub without_bytes: bool,
}

impl Letter {
    /// The record id. A repeat has the same one, by which a reader tells.
    pub fn key(&self) -> String {
        format!("{}@{}", self.partition, self.reject.offset)
    }

    pub fn value(&self) -> &[u8] {
        if self.without_bytes { &[] } else { &self.reject.bytes }
    }

    pub fn headers(&self, job: &str) -> OwnedHeaders {
        let Self { partition, reject, .. } = self;
        let (offset, length) = (reject.offset.to_string(), reject.bytes.len().to_string());
        let always = [
            ("greenwave.reason", reject.reason.as_str()),
            ("greenwave.detail", &reject.detail),
            ("greenwave.topic", &partition.topic),
            ("greenwave.partition", &partition.partition),
            ("greenwave.offset", &offset),
            ("greenwave.job", job),
        ];
        let left_out = self.without_bytes.then_some(("greenwave.bytes_left_out", length.as_str()));
        let headers = OwnedHeaders::new_with_capacity(always.len() + 1);
        always
            .into_iter()
            .chain(left_out)
            .fold(headers, |headers, (key, value)| headers.insert(Header { key, value: Some(value) }))
    }

    /// Memory it takes here, about.
    pub fn bytes(&self) -> usize {
        self.reject.bytes.len() + self.reject.detail.len() + 200
    }
}
