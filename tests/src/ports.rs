//! Free ports, held by a file lock so that two test processes are never given the same one.

use std::fs::{self, File};
use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

/// Below the range from which the kernel takes ports for outgoing connections, above the well-known ones.
const FIRST: u32 = 21_000;
const COUNT: u32 = 11_000;

/// A port of 127.0.0.1 that stays ours while this value lives, also between two runs of the server on it.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _lock: File,
}

impl Port {
    /// Its number.
    pub fn number(&self) -> u16 {
        self.number
    }
}

/// A port nobody listens on and no other test process holds.
pub fn free_port() -> Port {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    // SAFETY: geteuid has no preconditions and cannot fail.
    let user = unsafe { libc::geteuid() };
    let locks = std::env::temp_dir().join(format!("greenwave-ports-{user}"));
    fs::create_dir_all(&locks).unwrap_or_else(|e| panic!("cannot make {}: {e}", locks.display()));
    // Processes start far apart, so that they rarely ask for the same port.
    let start = std::process::id().wrapping_mul(7919) % COUNT;
    for _ in 0..COUNT {
        let number = (FIRST + (start + ASKED.fetch_add(1, Ordering::Relaxed)) % COUNT) as u16;
        let Ok(lock) = File::create(locks.join(number.to_string())) else { continue };
        if lock.try_lock().is_ok() && TcpListener::bind(("127.0.0.1", number)).is_ok() {
            return Port { number, _lock: lock };
        }
    }
    panic!("cannot find a free port from {FIRST} to {}: all are taken; stop what listens there", FIRST + COUNT);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_port_is_not_given_twice() {
        let held: Vec<Port> = (0..50).map(|_| free_port()).collect();
        let mut numbers: Vec<u16> = held.iter().map(Port::number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 50);
        assert!(!numbers.contains(&6379) && !numbers.contains(&9092));
    }
}
