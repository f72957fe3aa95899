//! A name server for one name, which can be taken away and given back.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Result;

/// How often the server looks whether it has ended.
const TICK: Duration = Duration::from_millis(100);
/// The header of a message.
const HEADER: usize = 12;
/// Type and class of a question.
const TYPE_AND_CLASS: usize = 4;

/// A running name server; every name it is asked for is 127.0.0.1, or is not.
#[derive(Debug)]
pub struct Dns {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    exists: AtomicBool,
    ended: AtomicBool,
}

impl Dns {
    /// Starts it; the name exists.
    pub fn start() -> Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.set_read_timeout(Some(TICK))?;
        let address = socket.local_addr()?;
        let state = Arc::new(State { exists: AtomicBool::new(true), ended: AtomicBool::new(false) });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            let mut buffer = [0; 512];
            while !shared.ended.load(Ordering::Relaxed) {
                if let Ok((length, from)) = socket.recv_from(&mut buffer)
                    && let Some(answer) = answer(&buffer[..length], shared.exists.load(Ordering::Relaxed))
                {
                    // Who asked asks again.
                    let _ = socket.send_to(&answer, from);
                }
            }
        });
        Ok(Self { address, state })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether the name exists from now on.
    pub fn set_exists(&self, exists: bool) {
        self.state.exists.store(exists, Ordering::Relaxed);
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::Relaxed);
    }
}

/// The answer to one question (RFC 1035, 4.1); other types than A have no records.
fn answer(question: &[u8], exists: bool) -> Option<Vec<u8>> {
    const A: [u8; 2] = [0, 1];
    let mut end = HEADER;
    while *question.get(end)? != 0 {
        end += usize::from(*question.get(end)?) + 1;
    }
    let question = question.get(..end + 1 + TYPE_AND_CLASS)?;
    let records = exists && question[end + 1..].starts_with(&A);
    let mut answer = question.to_vec();
    // An answer with authority; NXDOMAIN is 3.
    answer[2..4].copy_from_slice(&[0x84, if exists { 0 } else { 3 }]);
    answer[4..HEADER].copy_from_slice(&[0, 1, 0, u8::from(records), 0, 0, 0, 0]);
    if records {
        // The name by its place, type A, class IN, no time to live, four bytes.
        answer.extend([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1]);
    }
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::answer;

    #[test]
    fn a_name_is_or_is_not() {
        let question = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x06legacy\x04test\0\0\x01\0\x01";
        let found = answer(question, true).unwrap();
        assert!(found.starts_with(b"\x12\x34\x84\0\0\x01\0\x01") && found.ends_with(&[127, 0, 0, 1]), "{found:?}");
        let none = answer(question, false).unwrap();
        assert!(none.starts_with(b"\x12\x34\x84\x03\0\x01\0\0") && none.len() == question.len(), "{none:?}");
        assert_eq!(answer(&question[..20], true), None);
    }
}
