//! HTTP/2, stream by stream.

use std::sync::Arc;

use anyhow::{Context, Result};
use bytes::Bytes;
use h2::client::SendRequest;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::{Caller, PATIENCE, Reply, Request};

/// An open connection.
#[derive(Debug)]
pub struct Http2 {
    runtime: Runtime,
    channel: Arc<Channel>,
}

/// An open connection, for requests that do not wait for each other.
#[derive(Debug)]
pub(crate) struct Channel {
    host: String,
    requests: SendRequest<Bytes>,
}

impl Http2 {
    pub(super) fn open(caller: &Caller) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let channel = runtime.block_on(Channel::open(caller))?;
        Ok(Self { runtime, channel: Arc::new(channel) })
    }

    /// Sends a request on a new stream and reads the answer.
    pub fn send(&mut self, request: &Request) -> Result<Reply> {
        self.runtime.block_on(self.channel.send(request))
    }

    /// Sends a request so many times, a few of them at once; the answers, as they came.
    pub fn send_many(&mut self, request: &Request, times: usize, at_once: usize) -> Result<Vec<Reply>> {
        let request = Arc::new(request.clone());
        self.runtime.block_on(async {
            let (mut calls, mut replies) = (JoinSet::new(), Vec::with_capacity(times));
            for number in 0..times {
                if number >= at_once {
                    replies.push(calls.join_next().await.context("no call is on its way")???);
                }
                let (channel, request) = (Arc::clone(&self.channel), Arc::clone(&request));
                calls.spawn(async move { channel.send(&request).await });
            }
            while let Some(reply) = calls.join_next().await {
                replies.push(reply??);
            }
            Ok(replies)
        })
    }
}

impl Channel {
    pub(super) async fn open(caller: &Caller) -> Result<Self> {
        let (tls, name): (_, ServerName<'static>) = caller.tls_for(b"h2")?;
        let requests = timeout(PATIENCE, async {
            let tcp = TcpStream::connect(caller.address).await?;
            tcp.set_nodelay(true)?;
            let stream = TlsConnector::from(tls).connect(name, tcp).await?;
            let (requests, connection) = h2::client::handshake(stream).await?;
            // It ends with the connection; what it has to say is said by the streams too.
            tokio::spawn(async move { drop(connection.await) });
            anyhow::Ok(requests)
        })
        .await??;
        Ok(Self { host: caller.host.clone(), requests })
    }

    /// Sends a request on a new stream and reads the answer.
    pub(crate) async fn send(&self, request: &Request) -> Result<Reply> {
        let head = self.encode(request)?;
        let body = Bytes::copy_from_slice(&request.body);
        let mut trailers = HeaderMap::new();
        append(&mut trailers, &request.trailers)?;
        let requests = self.requests.clone();
        timeout(PATIENCE, async {
            let mut requests = requests.ready().await?;
            let (response, mut stream) = requests.send_request(head, body.is_empty() && trailers.is_empty())?;
            if !body.is_empty() {
                stream.send_data(body, trailers.is_empty())?;
            }
            if !trailers.is_empty() {
                stream.send_trailers(trailers)?;
            }
            read_reply(response.await?).await
        })
        .await
        .context("no answer")?
    }

    fn encode(&self, request: &Request) -> Result<http::Request<()>> {
        let host = request.host.as_deref().unwrap_or(self.host.as_bytes());
        let uri = Uri::builder().scheme(request.scheme).authority(host).path_and_query(&request.path[..]).build()?;
        let mut head = http::Request::builder().method(Method::from_bytes(&request.method)?).uri(uri).body(())?;
        append(head.headers_mut(), &request.headers)?;
        Ok(head)
    }
}

fn append(map: &mut HeaderMap, fields: &[(Vec<u8>, Vec<u8>)]) -> Result<()> {
    for (name, value) in fields {
        map.append(HeaderName::from_bytes(name)?, HeaderValue::from_bytes(value)?);
    }
    Ok(())
}

async fn read_reply(response: http::Response<h2::RecvStream>) -> Result<Reply> {
    let (head, mut stream) = response.into_parts();
    let headers = |map: &HeaderMap| {
        map.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect::<Vec<_>>()
    };
    let mut reply = Reply {
        status: head.status.as_u16(),
        headers: headers(&head.headers),
        headers_only: stream.is_end_stream(),
        ..Reply::default()
    };
    while let Some(data) = stream.data().await {
        let data = data?;
        stream.flow_control().release_capacity(data.len())?;
        reply.body.extend_from_slice(&data);
    }
    if let Some(trailers) = stream.trailers().await? {
        reply.headers.extend(headers(&trailers));
    }
    Ok(reply)
}
