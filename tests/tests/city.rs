//! A simulated city with everything that goes wrong in one, through a real broker into Redis and the lake, killed twice:
//! every view at every cut and every value in Redis is what an independent recomputation says.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use greenwave_tests::{Folder, Job, Server, greenwave_binary, need, python};

const LIMIT: Duration = Duration::from_secs(600);

#[test]
fn a_simulated_city_survives_two_kills() {
    let servers = [Server::Kafka, Server::Redis, Server::Python];
    if !servers.map(|server| need(server, "a simulated city, killed twice")).iter().all(|there| *there) {
        return;
    }
    let folder = Folder::new("city");
    let mut command = Command::new(python().unwrap());
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("judge/end_to_end.py")).arg("kafka");
    command.arg("--greenwave").arg(greenwave_binary()).arg("--servers").arg(env!("CARGO_BIN_EXE_servers"));
    command.arg("--work").arg(folder.join("run")).args(["--for", "65s", "--rate", "8000", "--vehicles", "4000"]);
    let mut run = Job::spawn(command);
    run.success(LIMIT);
    let said = run.stdout();
    let produced = said.iter().find_map(|line| line.split_once(" records produced")?.0.parse::<u64>().ok());
    assert!(produced.unwrap() >= 500_000, "{said:#?}");
    assert_eq!(said.last().unwrap(), "judge: all is as it must be");
}
