//! A wire to Redis that can be cut at a byte.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use greenwave_tests::Redis;

pub struct Wire {
    port: u16,
    /// Bytes that still pass to Redis.
    left: Arc<AtomicI64>,
}

impl Wire {
    pub fn to(redis: &Redis) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let left = Arc::new(AtomicI64::new(i64::MAX));
        let address = redis.url().replace("redis://", "").trim_end_matches('/').to_owned();
        let budget = left.clone();
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                // Once cut, nobody answers any more.
                if budget.load(Ordering::SeqCst) <= 0 {
                    continue;
                }
                let server = TcpStream::connect(&address).unwrap();
                let (mut back, mut answers) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                std::thread::spawn(move || std::io::copy(&mut answers, &mut back));
                let budget = budget.clone();
                std::thread::spawn(move || carry(client, server, &budget));
            }
        });
        Self { port, left }
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    pub fn cut_after(&self, bytes: i64) {
        self.left.store(bytes, Ordering::SeqCst);
    }
}

fn carry(mut client: TcpStream, mut server: TcpStream, left: &AtomicI64) {
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = client.read(&mut buffer) {
        let allowed = left.fetch_sub(read as i64, Ordering::SeqCst).clamp(0, read as i64);
        if server.write_all(&buffer[..allowed as usize]).is_err() || allowed < read as i64 {
            break;
        }
    }
    for end in [client, server] {
        let _ = end.shutdown(Shutdown::Both);
    }
}
