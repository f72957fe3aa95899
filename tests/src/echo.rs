//! An upstream of our own that keeps every request as it came and answers 200, or what it is told.

mod http2;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::Result;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

pub use self::http2::Http2Echo;
use crate::certs::{Authority, Identity};

/// How many requests are kept; later ones are only counted.
const KEPT: usize = 1_000;
/// What it answers until it is told something else.
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 3\r\n\r\nok\n";

/// One request as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// The first line, without its end.
    pub line: String,
    /// The headers in order, names as they were written.
    pub headers: Vec<(String, Vec<u8>)>,
    /// What came after the body; over HTTP/2.
    pub trailers: Vec<(String, Vec<u8>)>,
    /// The server name the connection asked for.
    pub sni: String,
    /// The client's certificate, as it was presented (DER); over HTTP/1.1.
    pub certificate: Vec<u8>,
}

impl Received {
    /// The names of its headers, in lower case and in order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        names.sort();
        names
    }

    /// Every value of a header, as text.
    #[must_use]
    pub fn texts(&self, name: &str) -> Vec<String> {
        self.values(name).map(|value| value.escape_ascii().to_string()).collect()
    }

    /// Every value of a header.
    pub fn values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.headers
            .iter()
            .filter(move |(candidate, _)| candidate.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_slice())
    }
}

/// A running upstream.
#[derive(Debug)]
pub struct Echo {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    requests: Mutex<Vec<Received>>,
    /// Empty: the usual one.
    answer: Mutex<Vec<u8>>,
    count: AtomicUsize,
    ended: AtomicBool,
}

impl Echo {
    /// Starts it with a server certificate.
    pub fn start(identity: &Identity) -> Result<Self> {
        Self::start_with(identity.tls(&[])?)
    }

    /// The same for clients with a certificate of one of these authorities, and for no others.
    pub fn start_mutual(identity: &Identity, authorities: &[&Authority]) -> Result<Self> {
        Self::start_with(identity.mutual_tls(authorities)?)
    }

    fn start_with(tls: ServerConfig) -> Result<Self> {
        let tls = Arc::new(tls);
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if shared.ended.load(Ordering::Relaxed) {
                    return;
                }
                let (tls, state) = (Arc::clone(&tls), Arc::clone(&shared));
                // A connection that breaks is the other side's to report.
                thread::spawn(move || drop(serve(stream, tls, &state)));
            }
        });
        Ok(Self { address, state })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many requests came.
    #[must_use]
    pub fn count(&self) -> usize {
        self.state.count.load(Ordering::Relaxed)
    }

    /// Tells it what to answer from now on: a response as it is on the wire. After a 101, what comes goes back.
    pub fn answer(&self, bytes: impl Into<Vec<u8>>) {
        *self.state.answer.lock().unwrap_or_else(PoisonError::into_inner) = bytes.into();
    }

    /// Takes the requests kept so far.
    #[must_use]
    pub fn take(&self) -> Vec<Received> {
        self.state.take()
    }
}

impl State {
    fn keep(&self, received: Received) {
        self.count.fetch_add(1, Ordering::Relaxed);
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        if requests.len() < KEPT {
            requests.push(received);
        }
    }

    fn take(&self) -> Vec<Received> {
        std::mem::take(&mut *self.requests.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::Relaxed);
        // Wakes the listener, so that it sees that it has ended.
        drop(TcpStream::connect(self.address));
    }
}

fn serve(stream: TcpStream, tls: Arc<ServerConfig>, state: &State) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(StreamOwned::new(ServerConnection::new(tls)?, stream));
    while let Some((mut received, length)) = read_head(&mut stream)? {
        if received.values("transfer-encoding").next().is_some() {
            skip_chunks(&mut stream)?;
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body)?;
        received.sni = stream.get_ref().conn.server_name().unwrap_or_default().to_owned();
        let presented = stream.get_ref().conn.peer_certificates().and_then(|chain| chain.first());
        received.certificate = presented.map(|certificate| certificate.to_vec()).unwrap_or_default();
        state.keep(received);
        let answer = state.answer.lock().unwrap_or_else(PoisonError::into_inner).clone();
        stream.get_mut().write_all(if answer.is_empty() { ANSWER } else { &answer })?;
        if answer.starts_with(b"HTTP/1.1 101") {
            return send_back(&mut stream);
        }
    }
    Ok(())
}

fn skip_chunks(stream: &mut TlsReader) -> Result<()> {
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let size = usize::from_str_radix(line.trim(), 16)?;
        let mut chunk = vec![0; size + b"\r\n".len()];
        stream.read_exact(&mut chunk)?;
        if size == 0 {
            return Ok(());
        }
    }
}

fn send_back(stream: &mut TlsReader) -> Result<()> {
    loop {
        let bytes = stream.fill_buf()?.to_vec();
        if bytes.is_empty() {
            return Ok(());
        }
        stream.consume(bytes.len());
        stream.get_mut().write_all(&bytes)?;
        stream.get_mut().flush()?;
    }
}

type TlsReader = BufReader<StreamOwned<ServerConnection, TcpStream>>;

/// The next request's head and the length of its body; none at the end of the connection.
fn read_head(stream: &mut TlsReader) -> Result<Option<(Received, usize)>> {
    let mut received = Received::default();
    let mut length = 0;
    let mut line = Vec::new();
    loop {
        line.clear();
        if stream.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        let text = line.trim_ascii_end();
        if text.is_empty() {
            return Ok(Some((received, length)));
        }
        if received.line.is_empty() {
            received.line = String::from_utf8_lossy(text).into_owned();
            continue;
        }
        let colon = text.iter().position(|byte| *byte == b':').unwrap_or(text.len());
        let (name, value) = text.split_at(colon);
        let name = String::from_utf8_lossy(name).into_owned();
        let value = value.get(1..).unwrap_or_default().trim_ascii().to_vec();
        if name.eq_ignore_ascii_case("content-length") {
            length = String::from_utf8_lossy(&value).parse()?;
        }
        received.headers.push((name, value));
    }
}
