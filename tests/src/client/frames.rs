//! HTTP/2, frame by frame: what is given is what is sent, even what no client library would send.
//!
//! Header blocks are literals without indexing (RFC 7541, 6.2.2), and the other side is told to keep no table, so of
//! what comes back only the status has to be decoded.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::Result;
use rustls::{ClientConnection, StreamOwned};

use super::{Caller, PATIENCE, Request};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// RFC 9113, 6: types of frames, and flags.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 0x20;
/// The most that every peer takes in one frame.
const LARGEST: usize = 16_384;

/// An open connection.
#[derive(Debug)]
pub struct Frames {
    host: Vec<u8>,
    stream: StreamOwned<ClientConnection, TcpStream>,
    /// What has come and is not a whole frame yet.
    unread: Vec<u8>,
    next: u32,
    usable: bool,
    /// The status of the request that is on its way, as soon as it is there.
    status: Option<u16>,
}

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The stream ended, with this status.
    Status(u16),
    /// The stream was reset or the connection closed: there is no answer and will be none.
    None,
    /// Nothing so far.
    Silence,
}

impl Frames {
    pub(super) fn open(caller: &Caller) -> Result<Self> {
        let (tls, name) = caller.tls_for(b"h2")?;
        let tcp = TcpStream::connect(caller.address)?;
        tcp.set_nodelay(true)?;
        tcp.set_write_timeout(Some(PATIENCE))?;
        let mut stream = StreamOwned::new(ClientConnection::new(tls, name)?, tcp);
        // No table of headers, and no push.
        let settings = [0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0];
        let mut bytes = PREFACE.to_vec();
        bytes.extend(frame(SETTINGS, 0, 0, &settings));
        bytes.extend(frame(WINDOW_UPDATE, 0, 0, &(1_u32 << 30).to_be_bytes()));
        stream.write_all(&bytes)?;
        let host = caller.host.clone().into_bytes();
        Ok(Self { host, stream, unread: Vec::new(), next: 1, usable: true, status: None })
    }

    /// Whether another request can be sent.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.usable
    }

    /// Sends a request and waits so long for the end of its stream. Headers whose name begins with `:` follow the
    /// request's own pseudo-headers, but `:scheme` takes the place of `https`.
    pub fn send(&mut self, request: &Request, patience: Duration) -> Result<Answer> {
        let bytes = self.encode(self.next, request);
        (self.next, self.status) = (self.next + 2, None);
        // A connection that is closed meanwhile has an answer to that, too: none.
        let _ = self.stream.write_all(&bytes).and_then(|()| self.stream.flush());
        self.wait(patience)
    }

    /// Waits on for the answer to the last request.
    pub fn wait(&mut self, patience: Duration) -> Result<Answer> {
        let (id, deadline) = (self.next - 2, Instant::now() + patience);
        loop {
            let Some((kind, flags, stream, payload)) = self.take_frame() else {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Ok(Answer::Silence);
                }
                self.stream.sock.set_read_timeout(Some(left))?;
                let mut bytes = [0; 4_096];
                match self.stream.read(&mut bytes) {
                    Ok(read @ 1..) => self.unread.extend(&bytes[..read]),
                    Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                    Ok(0) | Err(_) => return Ok(self.end(true)),
                }
                continue;
            };
            match kind {
                SETTINGS if flags & ACK == 0 => self.stream.write_all(&frame(SETTINGS, ACK, 0, &[]))?,
                PING if flags & ACK == 0 => self.stream.write_all(&frame(PING, ACK, 0, &payload))?,
                GOAWAY => self.usable = false,
                RST_STREAM if stream == id => return Ok(self.end(false)),
                HEADERS if stream == id => self.status = self.status.or_else(|| read_status(block(flags, &payload))),
                _ => {}
            }
            if stream == id && matches!(kind, HEADERS | DATA) && flags & END_STREAM != 0 {
                return Ok(self.end(false));
            }
        }
    }

    fn end(&mut self, closed: bool) -> Answer {
        self.usable &= !closed;
        self.status.map_or(Answer::None, Answer::Status)
    }

    fn encode(&self, id: u32, request: &Request) -> Vec<u8> {
        let host = request.host.as_deref().unwrap_or(&self.host);
        let is_scheme = |(name, _): &&(Vec<u8>, Vec<u8>)| name == b":scheme";
        let scheme = request.headers.iter().find(is_scheme).map_or(&b"https"[..], |(_, value)| value);
        let pseudo: [(&[u8], &[u8]); 4] =
            [(b":method", &request.method), (b":scheme", scheme), (b":authority", host), (b":path", &request.path)];
        let mut block = Vec::new();
        for (name, value) in pseudo {
            push_field(&mut block, name, value);
        }
        for (name, value) in request.headers.iter().filter(|header| !is_scheme(header)) {
            push_field(&mut block, name, value);
        }
        let ends = request.body.is_empty() && request.trailers.is_empty();
        let mut bytes = head(id, if ends { END_STREAM } else { 0 }, &block);
        if !request.body.is_empty() {
            let flags = if request.trailers.is_empty() { END_STREAM } else { 0 };
            bytes.extend(frame(DATA, flags, id, &request.body));
        }
        if !request.trailers.is_empty() {
            let mut block = Vec::new();
            for (name, value) in &request.trailers {
                push_field(&mut block, name, value);
            }
            bytes.extend(head(id, END_STREAM, &block));
        }
        bytes
    }

    fn take_frame(&mut self) -> Option<(u8, u8, u32, Vec<u8>)> {
        let [a, b, c, kind, flags, id @ ..] = *self.unread.first_chunk::<9>()?;
        let end = u32::from_be_bytes([0, a, b, c]) as usize + 9;
        let payload = self.unread.get(9..end)?.to_vec();
        self.unread.drain(..end);
        Some((kind, flags, u32::from_be_bytes(id) & 0x7fff_ffff, payload))
    }
}

fn frame(kind: u8, flags: u8, id: u32, payload: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
    let mut bytes = length.to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(id.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// A block of headers, in as many frames as it takes.
fn head(id: u32, flags: u8, block: &[u8]) -> Vec<u8> {
    let mut parts = block.chunks(LARGEST).peekable();
    let (mut bytes, mut kind, mut flags) = (Vec::new(), HEADERS, flags);
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            flags |= END_HEADERS;
        }
        bytes.extend(frame(kind, flags, id, part));
        (kind, flags) = (CONTINUATION, 0);
    }
    bytes
}

/// A literal field without indexing, with a new name, nothing compressed.
fn push_field(block: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    block.push(0);
    for text in [name, value] {
        push_length(block, text.len());
        block.extend(text);
    }
}

/// RFC 7541, 5.1, with a prefix of seven bits.
fn push_length(block: &mut Vec<u8>, length: usize) {
    const PREFIX: usize = 0x7f;
    let byte = |value: usize| u8::try_from(value).unwrap_or(u8::MAX);
    if length < PREFIX {
        return block.push(byte(length));
    }
    block.push(byte(PREFIX));
    let mut rest = length - PREFIX;
    while rest >= 0x80 {
        block.push(byte(rest % 0x80) | 0x80);
        rest /= 0x80;
    }
    block.push(byte(rest));
}

/// The block of headers in a frame, without padding and priority.
fn block(flags: u8, payload: &[u8]) -> &[u8] {
    let skipped = usize::from(flags & PADDED != 0) + if flags & PRIORITY != 0 { 5 } else { 0 };
    payload.get(skipped..).unwrap_or_default()
}

/// The status, which is the first field: indexed, or a literal whose name is.
fn read_status(block: &[u8]) -> Option<u16> {
    const INDEXED: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];
    let mut block = block;
    // An update of the table's size.
    while let Some((0x20..=0x3f, rest)) = block.split_first() {
        block = rest;
    }
    match block {
        [index @ 0x88..=0x8e, ..] => INDEXED.get(usize::from(index - 0x88)).copied(),
        [0x08 | 0x18 | 0x48, 3, a, b, c, ..] => std::str::from_utf8(&[*a, *b, *c]).ok()?.parse().ok(),
        [0x08 | 0x18 | 0x48, length @ 0x82..=0x83, code @ ..] => digits(code.get(..usize::from(length - 0x80))?),
        _ => None,
    }
}

/// Three digits in the code of RFC 7541, appendix B: 0 to 2 have five bits, the others six.
fn digits(code: &[u8]) -> Option<u16> {
    let bits: Vec<u16> = code.iter().flat_map(|byte| (0..8).rev().map(move |bit| u16::from(byte >> bit & 1))).collect();
    let mut bits = &bits[..];
    let mut number = 0;
    for _ in 0..3 {
        let read = |count: usize| Some(bits.get(..count)?.iter().fold(0, |value, bit| value << 1 | bit));
        let (digit, used) = match read(5)? {
            digit @ 0..=2 => (digit, 5),
            _ => (read(6)?.checked_sub(0b01_1001)? + 3, 6),
        };
        number = number * 10 + digit;
        bits = bits.get(used..)?;
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses() {
        // 200 by its index, 403 and 503 in the code, 418 as it is written.
        assert_eq!(read_status(&[0x88]), Some(200));
        assert_eq!(read_status(&[0x20, 0x48, 0x83, 0x68, 0x0c, 0xff]), Some(403));
        assert_eq!(read_status(&[0x08, 3, b'4', b'1', b'8']), Some(418));
        assert_eq!(read_status(&[0x7f]), None);
    }

    #[test]
    fn lengths() {
        for (length, bytes) in [(10, &[10][..]), (127, &[0x7f, 0]), (1337, &[0x7f, 0xba, 0x09])] {
            let mut block = Vec::new();
            push_length(&mut block, length);
            assert_eq!(block, bytes, "{length}");
        }
    }
}
