//! HTTP/1.1, byte by byte: what is given is what is sent.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustls::{ClientConnection, StreamOwned};

use super::{Caller, PATIENCE, Reply, Request};

/// An open connection; where an answer says that it closes, the next request opens another.
#[derive(Debug)]
pub struct Http1 {
    caller: Caller,
    stream: BufReader<StreamOwned<ClientConnection, TcpStream>>,
    closing: bool,
}

impl Http1 {
    pub(super) fn open(caller: &Caller) -> Result<Self> {
        let (tls, name) = caller.tls_for(b"http/1.1")?;
        let tcp = TcpStream::connect(caller.address)?;
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(PATIENCE))?;
        tcp.set_write_timeout(Some(PATIENCE))?;
        let stream = StreamOwned::new(ClientConnection::new(tls, name)?, tcp);
        Ok(Self { caller: caller.clone(), stream: BufReader::new(stream), closing: false })
    }

    /// Waits no longer than this for an answer.
    pub fn set_patience(&self, patience: Duration) -> Result<()> {
        Ok(self.stream.get_ref().sock.set_read_timeout(Some(patience))?)
    }

    /// The caller's own address on this connection.
    pub fn local_address(&self) -> Result<std::net::SocketAddr> {
        Ok(self.stream.get_ref().sock.local_addr()?)
    }

    /// Sends a request and reads the answer.
    pub fn send(&mut self, request: &Request) -> Result<Reply> {
        if self.closing {
            *self = Self::open(&self.caller)?;
        }
        let bytes = self.encode(request);
        self.send_raw(&bytes, request.method == b"HEAD")
    }

    /// Sends a request, and goes away without an answer.
    pub fn send_and_leave(mut self, request: &Request) -> Result<()> {
        let bytes = self.encode(request);
        let stream = self.stream.get_mut();
        stream.write_all(&bytes)?;
        Ok(stream.flush()?)
    }

    /// Sends bytes as they are and reads the answer; that to a HEAD has no body.
    pub fn send_raw(&mut self, bytes: &[u8], head: bool) -> Result<Reply> {
        let stream = self.stream.get_mut();
        stream.write_all(bytes)?;
        stream.flush()?;
        self.read_reply(head)
    }

    /// Sends bytes after an upgrade, and reads as many.
    pub fn exchange(&mut self, bytes: &[u8]) -> Result<Vec<u8>> {
        let stream = self.stream.get_mut();
        stream.write_all(bytes)?;
        stream.flush()?;
        let mut back = vec![0; bytes.len()];
        self.stream.read_exact(&mut back)?;
        Ok(back)
    }

    /// Whether the last answer has closed the connection, as Envoy's 400 does.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.closing
    }

    fn encode(&self, request: &Request) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in [&request.method[..], b" ", &request.path, b" HTTP/1.1\r\nhost: "] {
            bytes.extend_from_slice(part);
        }
        bytes.extend_from_slice(request.host.as_deref().unwrap_or(self.caller.host.as_bytes()));
        bytes.extend_from_slice(b"\r\n");
        push_fields(&mut bytes, &request.headers);
        let length = request.body.len();
        if !request.trailers.is_empty() {
            bytes.extend_from_slice(format!("transfer-encoding: chunked\r\n\r\n{length:x}\r\n").as_bytes());
            bytes.extend_from_slice(&request.body);
            bytes.extend_from_slice(b"\r\n0\r\n");
            push_fields(&mut bytes, &request.trailers);
            bytes.extend_from_slice(b"\r\n");
            return bytes;
        }
        if length > 0 {
            bytes.extend_from_slice(format!("content-length: {length}\r\n").as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&request.body);
        bytes
    }

    fn read_reply(&mut self, head: bool) -> Result<Reply> {
        let mut block = Vec::new();
        while !block.ends_with(b"\r\n\r\n") {
            let read = self.stream.read_until(b'\n', &mut block).context("no answer")?;
            ensure!(read > 0, "the connection was closed without an answer");
        }
        let mut reply = parse_head(&block)?;
        self.closing = reply.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        let without_body = head || reply.status == 101 || reply.status == 204 || reply.status == 304;
        reply.headers_only = true;
        if without_body {
            return Ok(reply);
        }
        if reply.header("transfer-encoding").is_some_and(|encoding| encoding.eq_ignore_ascii_case("chunked")) {
            self.read_chunks(&mut reply.body)?;
        } else if let Some(length) = reply.header("content-length") {
            reply.body = vec![0; length.parse()?];
            self.stream.read_exact(&mut reply.body)?;
        } else {
            self.stream.read_to_end(&mut reply.body)?;
        }
        reply.headers_only = reply.body.is_empty();
        Ok(reply)
    }

    fn read_chunks(&mut self, body: &mut Vec<u8>) -> Result<()> {
        loop {
            let size = usize::from_str_radix(self.read_line()?.trim(), 16)?;
            let start = body.len();
            body.resize(start + size, 0);
            self.stream.read_exact(&mut body[start..])?;
            ensure!(self.read_line()?.trim().is_empty(), "a chunk is longer than it says");
            if size == 0 {
                return Ok(());
            }
        }
    }

    fn read_line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        Ok(line)
    }
}

fn push_fields(bytes: &mut Vec<u8>, fields: &[(Vec<u8>, Vec<u8>)]) {
    for (name, value) in fields {
        for part in [&name[..], b": ", value, b"\r\n"] {
            bytes.extend_from_slice(part);
        }
    }
}

fn parse_head(block: &[u8]) -> Result<Reply> {
    let mut headers = [httparse::EMPTY_HEADER; 128];
    let mut response = httparse::Response::new(&mut headers);
    if response.parse(block)?.is_partial() {
        bail!("half an answer: {}", String::from_utf8_lossy(block));
    }
    Ok(Reply {
        status: response.code.context("an answer without a status")?,
        headers: response
            .headers
            .iter()
            .map(|header| (header.name.to_ascii_lowercase(), header.value.to_vec()))
            .collect(),
        ..Reply::default()
    })
}
