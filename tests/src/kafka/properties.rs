//! What a broker is told: one node that is broker and controller, every replication factor one.

use std::path::Path;

/// How one broker is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// Heap of the Java machine.
    pub heap_mb: u32,
    /// Let Java compile for a long run. Costs seconds of both cores at the start, so only benchmarks want it.
    pub long_run: bool,
    /// Broker properties beside, or in place of, our own.
    pub properties: Vec<(String, String)>,
}

impl Options {
    /// Quick to start, 400 MB in all.
    pub fn test() -> Self {
        Self { heap_mb: 512, long_run: false, properties: Vec::new() }
    }

    /// A gigabyte of heap and Java's best compiler.
    pub fn bench() -> Self {
        Self { heap_mb: 1024, long_run: true, properties: Vec::new() }
    }

    /// Adds a broker property.
    pub fn property(mut self, name: &str, value: &str) -> Self {
        self.properties.push((name.to_owned(), value.to_owned()));
        self
    }

    /// What Java is told before the class path.
    pub(super) fn java_arguments(&self) -> Vec<String> {
        let mut arguments = vec![
            format!("-Xmx{}m", self.heap_mb),
            "-XX:+UseSerialGC".to_owned(),
            "-XX:-UsePerfData".to_owned(),
            "-Djava.awt.headless=true".to_owned(),
            "-Dorg.slf4j.simpleLogger.showDateTime=true".to_owned(),
        ];
        if !self.long_run {
            arguments.push("-XX:TieredStopAtLevel=1".to_owned());
        }
        arguments
    }
}

/// The text of the properties file. A later line wins over an earlier one.
pub(super) fn text(options: &Options, clients: u16, controller: u16, data: &Path) -> String {
    let mut text = format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         controller.quorum.voters=1@127.0.0.1:{controller}\n\
         listeners=PLAINTEXT://127.0.0.1:{clients},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{clients}\n\
         listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n\
         controller.listener.names=CONTROLLER\n\
         inter.broker.listener.name=PLAINTEXT\n\
         log.dirs={}\n",
        data.display()
    );
    for (name, value) in OURS {
        text.push_str(&format!("{name}={value}\n"));
    }
    for (name, value) in &options.properties {
        text.push_str(&format!("{name}={value}\n"));
    }
    text
}

const OURS: &[(&str, &str)] = &[
    ("offsets.topic.replication.factor", "1"),
    ("offsets.topic.num.partitions", "1"),
    ("transaction.state.log.replication.factor", "1"),
    ("transaction.state.log.min.isr", "1"),
    ("transaction.state.log.num.partitions", "1"),
    ("share.coordinator.state.topic.replication.factor", "1"),
    ("share.coordinator.state.topic.min.isr", "1"),
    ("share.coordinator.state.topic.num.partitions", "1"),
    ("group.initial.rebalance.delay.ms", "0"),
    // A topic is there because a test made it, or it is a test of a topic that is not there.
    ("auto.create.topics.enable", "false"),
    ("delete.topic.enable", "true"),
    ("num.network.threads", "2"),
    ("num.io.threads", "4"),
    // 128 MB of heap by default.
    ("log.cleaner.dedupe.buffer.size", "8388608"),
    // After kill -9 the new run is refused until the old one's session has passed; 9 s by default.
    ("broker.session.timeout.ms", "2000"),
    ("broker.heartbeat.interval.ms", "500"),
];
