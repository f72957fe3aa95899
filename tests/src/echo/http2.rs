//! The same over HTTP/2, trailers and all.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::{Received, State};
use crate::certs::Identity;

/// How often it looks whether it has ended.
const TICK: Duration = Duration::from_millis(50);
/// The most bytes of headers that it takes.
const MOST: u32 = 8 << 20;

/// Headers or trailers of an answer.
type Fields = &'static [(&'static str, &'static str)];

/// A running upstream that speaks HTTP/2, and answers 200.
#[derive(Debug)]
pub struct Http2Echo {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: State,
    /// What it answers beside the status: headers, trailers.
    told: Mutex<(Fields, Fields)>,
}

impl Http2Echo {
    /// Starts it with a server certificate.
    pub fn start(identity: &Identity) -> Result<Self> {
        let tls = TlsAcceptor::from(Arc::new(identity.tls(&[b"h2"])?));
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let served = Arc::clone(&shared);
        thread::spawn(move || {
            if let Err(error) = runtime.block_on(listen(&listener, &tls, &served)) {
                eprintln!("the upstream on {address} ended: {error:#}");
            }
        });
        Ok(Self { address, shared })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Tells it with which headers and trailers to answer from now on.
    pub fn answer(&self, headers: Fields, trailers: Fields) {
        *self.shared.told.lock().unwrap_or_else(PoisonError::into_inner) = (headers, trailers);
    }

    /// Takes the requests kept so far.
    #[must_use]
    pub fn take(&self) -> Vec<Received> {
        self.shared.state.take()
    }
}

impl Drop for Http2Echo {
    fn drop(&mut self) {
        self.shared.state.ended.store(true, Ordering::Relaxed);
    }
}

async fn listen(listener: &TcpListener, tls: &TlsAcceptor, shared: &Arc<Shared>) -> Result<()> {
    let mut connections = JoinSet::new();
    while !shared.state.ended.load(Ordering::Relaxed) {
        if let Ok(accepted) = timeout(TICK, listener.accept()).await {
            // A connection that breaks is the other side's to report.
            let (stream, tls, shared) = (accepted?.0, tls.clone(), Arc::clone(shared));
            connections.spawn(async move { drop(serve(stream, &tls, &shared).await) });
        }
    }
    Ok(())
}

async fn serve(stream: TcpStream, tls: &TlsAcceptor, shared: &Arc<Shared>) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut builder = h2::server::Builder::new();
    builder.max_header_list_size(MOST);
    let mut connection = builder.handshake(tls.accept(stream).await?).await?;
    let mut requests = JoinSet::new();
    while let Some(request) = connection.accept().await {
        let ((request, respond), shared) = (request?, Arc::clone(shared));
        requests.spawn(async move { drop(answer(request, respond, &shared).await) });
    }
    Ok(())
}

async fn answer(request: Request<RecvStream>, mut respond: SendResponse<Bytes>, shared: &Shared) -> Result<()> {
    let (head, mut body) = request.into_parts();
    while let Some(data) = body.data().await {
        body.flow_control().release_capacity(data?.len())?;
    }
    let trailers = body.trailers().await?.unwrap_or_default();
    shared.state.keep(Received {
        line: format!("{} {} HTTP/2", head.method, head.uri),
        headers: fields(&head.headers),
        trailers: fields(&trailers),
        ..Received::default()
    });
    let (headers, trailers) = *shared.told.lock().unwrap_or_else(PoisonError::into_inner);
    let mut response = Response::new(());
    *response.headers_mut() = map(headers);
    let mut stream = respond.send_response(response, false)?;
    stream.send_data(Bytes::from_static(b"ok\n"), trailers.is_empty())?;
    if !trailers.is_empty() {
        stream.send_trailers(map(trailers))?;
    }
    Ok(())
}

fn fields(map: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    map.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect()
}

fn map(fields: Fields) -> HeaderMap {
    let pair =
        |(name, value): &(&'static str, &'static str)| (HeaderName::from_static(name), HeaderValue::from_static(value));
    fields.iter().map(pair).collect()
}
