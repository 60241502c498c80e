//! A reader of Redis beside the job: whoever writes there, and whatever it has lost, no group goes back to an older tick.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use redis::{Connection, RedisResult};

const LOOK_EVERY: Duration = Duration::from_millis(10);
/// A server that is gone, or silent, is looked for again.
const PATIENCE: Duration = Duration::from_millis(200);

pub struct Reader {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<(u64, Vec<String>)>,
}

impl Reader {
    pub fn of(url: String) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        Self { stop, thread: std::thread::spawn(move || watch(&url, &stopped)) }
    }

    /// How often it has seen the groups; panics if one of them has ever gone back.
    #[track_caller]
    pub fn content(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        let (looks, wrong) = self.thread.join().expect("the reader does not panic");
        assert!(wrong.is_empty(), "{} groups of Redis went back, first of all {}", wrong.len(), wrong[0]);
        looks
    }
}

fn watch(url: &str, stop: &AtomicBool) -> (u64, Vec<String>) {
    let (mut looks, mut wrong, mut reached) = (0, vec![], BTreeMap::new());
    let mut connection = None;
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(LOOK_EVERY);
        connection = connection.or_else(|| connect(url).ok());
        let Some(groups) = connection.as_mut().map(positions) else { continue };
        let Ok(groups) = groups else {
            connection = None;
            continue;
        };
        looks += u64::from(!groups.is_empty());
        for (group, tick) in groups {
            let before = reached.insert(group, tick).filter(|before| *before > tick);
            wrong.extend(before.map(|before| format!("group {group} from tick {before} to {tick}")));
        }
    }
    (looks, wrong)
}

fn connect(url: &str) -> RedisResult<Connection> {
    let connection = redis::Client::open(url)?.get_connection_with_timeout(PATIENCE)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    Ok(connection)
}

/// The tick that each group shows; none of a group that is lost or stale.
fn positions(connection: &mut Connection) -> RedisResult<BTreeMap<u64, u64>> {
    redis::cmd("SELECT").arg(1).query::<()>(connection)?;
    redis::cmd("HGETALL").arg("greenwave:city:applied").query(connection)
}
