//! An upstream whose behaviour the test sets: it answers correctly, wrongly, late or never, or does not listen at all. It
//! serves HTTP/2.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{HeaderMap, HeaderValue, Request, Response};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use sallyport_core::wire::Probe;

use crate::certs::Identity;

/// How often a task checks whether the behaviour has been changed.
const TICK: Duration = Duration::from_millis(10);

/// What it does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// 200, with the body `ok`.
    Healthy,
    /// This status, with the body `ok`.
    Status(u16),
    /// 200, with this body.
    Body(&'static str),
    /// 200, after so long.
    Slow(Duration),
    /// 200, and this `grpc-status` in the trailers.
    Grpc(&'static str),
    /// No answer until the behaviour is changed; then the request is reset.
    Hang,
    /// The request is reset.
    Reset,
    /// The port is closed, and so is every connection.
    Refuse,
}

/// A running upstream.
#[derive(Debug)]
pub struct Faulty {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    mood: Mutex<Mood>,
    probes: AtomicUsize,
    requests: AtomicUsize,
    ended: AtomicBool,
}

/// The listener, or a socket that keeps its port while it is closed.
enum Door {
    Open(TcpListener),
    Closed(TcpSocket),
}

impl Faulty {
    /// Starts it with a server certificate; at first it is healthy.
    pub fn start(identity: &Identity) -> Result<Self> {
        let tls = TlsAcceptor::from(Arc::new(identity.tls(&[b"h2"])?));
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            mood: Mutex::new(Mood::Healthy),
            probes: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
            ended: AtomicBool::new(false),
        });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            if let Err(error) = runtime.block_on(listen(listener, address, &tls, &shared)) {
                eprintln!("the upstream on {address} ended: {error:#}");
            }
        });
        Ok(Self { address, state })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets its behaviour from now on.
    pub fn set(&self, mood: Mood) {
        *self.state.mood.lock().unwrap_or_else(PoisonError::into_inner) = mood;
    }

    /// How many probes came.
    #[must_use]
    pub fn probes(&self) -> usize {
        self.state.probes.load(Ordering::Relaxed)
    }

    /// How many requests came that were no probes.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.state.requests.load(Ordering::Relaxed)
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::Relaxed);
    }
}

impl State {
    fn mood(&self) -> Mood {
        *self.mood.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn listen(listener: TcpListener, address: SocketAddr, tls: &TlsAcceptor, state: &Arc<State>) -> Result<()> {
    let mut door = Door::Open(listener);
    let mut connections = JoinSet::new();
    while !state.ended.load(Ordering::Relaxed) {
        let refuses = state.mood() == Mood::Refuse;
        door = match door {
            Door::Open(listener) if refuses => {
                connections = JoinSet::new();
                drop(listener);
                let socket = TcpSocket::new_v4()?;
                socket.set_reuseaddr(true)?;
                socket.bind(address)?;
                Door::Closed(socket)
            }
            Door::Closed(socket) if !refuses => Door::Open(socket.listen(1024)?),
            Door::Open(listener) => {
                if let Ok(accepted) = timeout(TICK, listener.accept()).await {
                    // A connection that breaks is the other side's to report.
                    let (stream, tls, state) = (accepted?.0, tls.clone(), Arc::clone(state));
                    connections.spawn(async move { drop(serve(stream, &tls, &state).await) });
                }
                Door::Open(listener)
            }
            closed @ Door::Closed(_) => {
                sleep(TICK).await;
                closed
            }
        };
    }
    Ok(())
}

async fn serve(stream: TcpStream, tls: &TlsAcceptor, state: &Arc<State>) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut connection = h2::server::handshake(tls.accept(stream).await?).await?;
    let mut requests = JoinSet::new();
    while let Some(request) = connection.accept().await {
        let ((request, respond), state) = (request?, Arc::clone(state));
        requests.spawn(async move { drop(answer(request, respond, &state).await) });
    }
    Ok(())
}

async fn answer(request: Request<RecvStream>, mut respond: SendResponse<Bytes>, state: &State) -> Result<()> {
    let is_probe = request.headers().get("user-agent").is_some_and(|agent| agent == Probe::USER_AGENT);
    let counter = if is_probe { &state.probes } else { &state.requests };
    counter.fetch_add(1, Ordering::Relaxed);
    let has_body = request.method() != "HEAD";
    let mut sent = request.into_body();
    while let Some(data) = sent.data().await {
        sent.flow_control().release_capacity(data?.len())?;
    }
    let (status, body, grpc_status) = match state.mood() {
        Mood::Healthy => (200, "ok\n", None),
        Mood::Status(status) => (status, "ok\n", None),
        Mood::Body(body) => (200, body, None),
        Mood::Slow(time) => {
            sleep(time).await;
            (200, "ok\n", None)
        }
        Mood::Grpc(status) => (200, "", Some(status)),
        Mood::Hang => {
            while state.mood() == Mood::Hang {
                sleep(TICK).await;
            }
            respond.send_reset(Reason::CANCEL);
            return Ok(());
        }
        Mood::Reset | Mood::Refuse => {
            respond.send_reset(Reason::INTERNAL_ERROR);
            return Ok(());
        }
    };
    let kind = if grpc_status.is_some() { "application/grpc" } else { "text/plain" };
    let head = Response::builder().status(status).header("content-type", kind).body(())?;
    let mut stream = respond.send_response(head, !has_body)?;
    if has_body {
        stream.send_data(Bytes::from_static(body.as_bytes()), grpc_status.is_none())?;
    }
    if let Some(status) = grpc_status {
        stream.send_trailers(HeaderMap::from_iter([(
            http::HeaderName::from_static("grpc-status"),
            HeaderValue::from_static(status),
        )]))?;
    }
    Ok(())
}
