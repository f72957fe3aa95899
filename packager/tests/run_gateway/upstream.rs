//! An HTTP server that answers everything with 200, and counts requests.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

pub(crate) struct Upstream {
    port: u16,
    served: Arc<AtomicUsize>,
}

impl Upstream {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let served = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&served);
        // Ends with the test's process.
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let counter = Arc::clone(&counter);
                thread::spawn(move || serve(connection, &counter));
            }
        });
        Upstream { port, served }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn served(&self) -> usize {
        self.served.load(Ordering::SeqCst)
    }
}

fn serve(connection: TcpStream, served: &AtomicUsize) -> Option<()> {
    let mut answers = connection.try_clone().ok()?;
    for line in BufReader::new(connection).lines() {
        // None of the requests has a body.
        if line.ok()?.is_empty() {
            served.fetch_add(1, Ordering::SeqCst);
            answers.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok\n").ok()?;
        }
    }
    Some(())
}
