//! What librdkafka's statistics say about partitions: where they end, and which cannot be read now.

use std::collections::BTreeMap;

use serde::Deserialize;

#[derive(Deserialize)]
struct Statistics {
    #[serde(default)]
    brokers: BTreeMap<String, Broker>,
    #[serde(default)]
    topics: BTreeMap<String, Topic>,
}

#[derive(Deserialize)]
struct Broker {
    nodeid: i32,
    nodename: String,
    state: String,
}

#[derive(Deserialize)]
struct Topic {
    #[serde(default)]
    partitions: BTreeMap<String, Partition>,
}

#[derive(Deserialize)]
struct Partition {
    partition: i32,
    leader: i32,
    #[serde(default)]
    unknown: bool,
    /// The end for readers of committed records, and for all; negative where the broker has not told it.
    #[serde(default = "unheard")]
    ls_offset: i64,
    #[serde(default = "unheard")]
    hi_offset: i64,
}

fn unheard() -> i64 {
    -1
}

/// One report of librdkafka.
pub struct Health(Statistics);

impl Health {
    pub fn parse(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok().map(Self)
    }

    /// Why a partition cannot be read now; `None` if it can, or if nothing is known of it yet.
    pub fn fault(&self, topic: &str, partition: i32) -> Option<String> {
        let known = self.partition(topic, partition)?;
        if known.unknown {
            return Some("no broker knows the partition".to_owned());
        }
        if known.leader < 0 {
            return Some("the partition has no leader".to_owned());
        }
        let leader = self.0.brokers.values().find(|broker| broker.nodeid == known.leader)?;
        // UPDATE is a connected broker that learns something new about itself.
        let is_up = leader.state == "UP" || leader.state == "UPDATE";
        (!is_up).then(|| format!("broker {} is down ({})", leader.nodename, leader.state))
    }
}

impl Health {
    /// The offset after the last record that can be read; `None` until the broker has told it.
    pub fn end(&self, topic: &str, partition: i32) -> Option<i64> {
        let known = self.partition(topic, partition)?;
        [known.ls_offset, known.hi_offset].into_iter().find(|end| *end >= 0)
    }

    /// No broker knows the partition; it may be gone.
    pub fn is_unknown(&self, topic: &str, partition: i32) -> bool {
        self.partition(topic, partition).is_some_and(|known| known.unknown)
    }

    fn partition(&self, topic: &str, partition: i32) -> Option<&Partition> {
        self.0.topics.get(topic)?.partitions.values().find(|known| known.partition == partition)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_ends_where_its_broker_says() {
        let json = br#"{"topics":{"gps_data":{"topic":"gps_data","partitions":{
            "0":{"partition":0,"leader":1,"ls_offset":1042,"hi_offset":1050},
            "1":{"partition":1,"leader":1,"ls_offset":-1001,"hi_offset":-1001},
            "2":{"partition":2,"leader":1,"ls_offset":-1,"hi_offset":7},
            "3":{"partition":3,"leader":1}}}}}"#;
        let health = Health::parse(json).unwrap();
        let ends = [0, 1, 2, 3, 4].map(|partition| health.end("gps_data", partition));
        assert_eq!(ends, [Some(1042), None, Some(7), None, None]);
    }

    #[test]
    fn a_partition_is_as_well_as_its_leader() {
        let json = br#"{"name":"x","brokers":{
            "a:1/1":{"name":"a:1/1","nodeid":1,"nodename":"a:1","state":"UP"},
            "b:1/2":{"nodeid":2,"nodename":"b:1","state":"TRY_CONNECT"}},
            "topics":{"gps_data":{"topic":"gps_data","partitions":{
            "-1":{"partition":-1,"leader":-1},
            "0":{"partition":0,"leader":1,"unknown":false},
            "1":{"partition":1,"leader":2,"unknown":false},
            "2":{"partition":2,"leader":-1,"unknown":false},
            "3":{"partition":3,"leader":1,"unknown":true}}}}}"#;
        let health = Health::parse(json).unwrap();
        let fault = |partition| health.fault("gps_data", partition);
        assert_eq!(fault(0), None);
        assert_eq!(fault(1).unwrap(), "broker b:1 is down (TRY_CONNECT)");
        assert_eq!(fault(2).unwrap(), "the partition has no leader");
        assert_eq!(fault(3).unwrap(), "no broker knows the partition");
        assert_eq!(fault(4), None, "not heard of yet");
        assert_eq!(health.fault("other", 0), None);
        assert_eq!([2, 3, 4].map(|partition| health.is_unknown("gps_data", partition)), [false, true, false]);
        assert!(Health::parse(b"nothing").is_none());
    }
}
