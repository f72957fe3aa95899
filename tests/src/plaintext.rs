//! An upstream without TLS that keeps the first bytes of every connection and of every request, and answers 200.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 6\r\n\r\nplain\n";

/// A running upstream; dropping it ends it.
#[derive(Debug)]
pub struct Plaintext {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    heads: Mutex<Vec<String>>,
    ended: AtomicBool,
}

impl Plaintext {
    /// Starts it at this address.
    pub fn start(address: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind(address).with_context(|| format!("cannot listen at {address}"))?;
        let address = listener.local_addr()?;
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if shared.ended.load(Ordering::Relaxed) {
                    return;
                }
                let state = Arc::clone(&shared);
                // A connection that breaks is the other side's to report.
                thread::spawn(move || drop(serve(stream, &state)));
            }
        });
        Ok(Self { address, state })
    }

    /// Takes the heads of requests so far, as they came on the wire; bytes that are no text are escaped.
    #[must_use]
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.state.heads.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Plaintext {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::Relaxed);
        // Wakes the listener, so that it sees that it has ended.
        drop(TcpStream::connect(self.address));
    }
}

/// Requests have no bodies here; what does not look like HTTP is kept as it comes, and gets no answer.
fn serve(mut stream: TcpStream, state: &State) -> Result<()> {
    let mut head = Vec::new();
    loop {
        let mut part = [0; 4096];
        let length = stream.read(&mut part)?;
        head.extend_from_slice(part.get(..length).unwrap_or_default());
        let is_whole = head.ends_with(b"\r\n\r\n");
        if is_whole || !head.first().is_some_and(u8::is_ascii_alphabetic) {
            let text = String::from_utf8(std::mem::take(&mut head));
            let text = text.unwrap_or_else(|bytes| bytes.into_bytes().escape_ascii().to_string());
            if !text.is_empty() {
                state.heads.lock().unwrap_or_else(PoisonError::into_inner).push(text);
            }
        }
        if is_whole {
            stream.write_all(ANSWER)?;
        }
        if length == 0 {
            return Ok(());
        }
    }
}
