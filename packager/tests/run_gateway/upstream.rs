//! An HTTP server that answers everything with 200, and counts requests.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

pub(crate) struct Upstream {
    port: u16,
    served: Arc<AtomicUsize>,
    head: Arc<Mutex<String>>,
}

impl Upstream {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let served = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&served);
        let head = Arc::new(Mutex::new(String::new()));
        let last = Arc::clone(&head);
        // Ends with the test's process.
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (counter, last) = (Arc::clone(&counter), Arc::clone(&last));
                thread::spawn(move || serve(connection, &counter, &last));
            }
        });
        Upstream { port, served, head }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The head of the last request.
    pub(crate) fn last_head(&self) -> String {
        self.head.lock().unwrap().clone()
    }

    pub(crate) fn served(&self) -> usize {
        self.served.load(Ordering::SeqCst)
    }
}

fn serve(connection: TcpStream, served: &AtomicUsize, last: &Mutex<String>) -> Option<()> {
    let mut answers = connection.try_clone().ok()?;
    let mut head = String::new();
    for line in BufReader::new(connection).lines() {
        let line = line.ok()?;
        head.push_str(&line);
        head.push('\n');
        // None of the requests has a body.
        if line.is_empty() {
            *last.lock().ok()? = std::mem::take(&mut head);
            served.fetch_add(1, Ordering::SeqCst);
            answers.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok\n").ok()?;
        }
    }
    Some(())
}
