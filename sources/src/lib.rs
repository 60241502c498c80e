//! What brings events in: Kafka topics and folders of files, and the decoding of their records.

pub mod decode;
