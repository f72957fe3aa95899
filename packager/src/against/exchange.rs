//! One request over HTTP/1.1, byte for byte as a case has it: an HTTP library would tidy its path up.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use sallyport_egress::scenario::Request;

use crate::exit::{Exit, Failure, IoErrorText};

/// How long a gateway may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// The head of an answer.
const LONGEST_HEAD: usize = 64 << 10;

pub(super) struct Gateway {
    url: String,
    address: SocketAddr,
}

/// What is read of an answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    /// `x-sallyport`.
    pub(super) spoken: Option<String>,
}

impl Gateway {
    pub(super) fn at(url: &str) -> Result<Self, Failure> {
        let wrong = |why: &str| {
            Failure::new(Exit::Usage, format!("`{}` is not the URL of a gateway: {why}", url.escape_debug()))
                .with_help("write `https://HOST:PORT`, such as `https://127.0.0.1:8443`")
        };
        let rest = url.strip_prefix("https://").ok_or_else(|| wrong("it does not begin with `https://`"))?;
        let authority = rest.trim_end_matches('/');
        if authority.contains('/') {
            return Err(wrong("it has a path, which cases have themselves"));
        }
        let has_port =
            authority.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
        let authority = if has_port { authority.to_owned() } else { format!("{authority}:443") };
        let mut addresses = authority.to_socket_addrs().map_err(|_| wrong("the host has no address"))?;
        let address = addresses.next().ok_or_else(|| wrong("the host has no address"))?;
        Ok(Self { url: url.to_owned(), address })
    }

    /// The server name is the one that the caller asks for, whatever the address.
    pub(super) fn exchange(&self, request: &Request, name: &str, config: Arc<ClientConfig>) -> Result<Reply, Failure> {
        let failed = |error: io::Error| {
            let message = format!("`{}` does not answer {request}: {}", self.url, IoErrorText(&error));
            Failure::new(Exit::Io, message)
        };
        let name = ServerName::try_from(name.to_owned()).map_err(|_| {
            Failure::new(Exit::Usage, format!("`{}` cannot be a server name in TLS", name.escape_debug()))
        })?;
        let connection = ClientConnection::new(config, name).map_err(|error| failed(io::Error::other(error)))?;
        let stream = TcpStream::connect_timeout(&self.address, PATIENCE).map_err(failed)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
        stream.set_write_timeout(Some(PATIENCE)).map_err(failed)?;
        let mut stream = StreamOwned::new(connection, stream);
        stream.write_all(&bytes_of(request)).map_err(failed)?;
        stream.flush().map_err(failed)?;
        let head = head(&mut stream).map_err(failed)?;
        reply(&head).ok_or_else(|| failed(io::Error::other("what comes back is not HTTP/1.1")))
    }
}

fn bytes_of(request: &Request) -> Vec<u8> {
    let Request { method, authority, path, headers } = request;
    let mut bytes =
        [method.as_slice(), b" ", path, b" HTTP/1.1\r\nhost: ", authority, b"\r\nconnection: close\r\n"].concat();
    let has_body = !matches!(method.as_slice(), b"GET" | b"HEAD" | b"OPTIONS" | b"DELETE");
    if has_body && !headers.iter().any(|(name, _)| name == "content-length" || name == "transfer-encoding") {
        bytes.extend(b"content-length: 0\r\n");
    }
    for (name, value) in headers {
        bytes.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    bytes.extend(b"\r\n");
    bytes
}

fn head(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut part = [0; 4096];
    while head.len() < LONGEST_HEAD && !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut part) {
            Ok(0) => break,
            Ok(count) => head.extend(part.get(..count).unwrap_or_default()),
            // Who closes without a word has said all there is.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && !head.is_empty() => break,
            Err(error) => return Err(error),
        }
    }
    Ok(head)
}

fn reply(head: &[u8]) -> Option<Reply> {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    let spoken = lines.take_while(|line| !line.is_empty()).find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case(sallyport_core::answer::HEADER).then(|| value.trim().to_owned())
    });
    Some(Reply { status, spoken })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_sent_as_it_is_written() {
        let request = Request::new("POST", "a.b", "//x/%2e?q").with("x-a", b"1").with("x-a", b"2");
        let sent = String::from_utf8(bytes_of(&request)).unwrap();
        assert_eq!(
            sent,
            "POST //x/%2e?q HTTP/1.1\r\nhost: a.b\r\nconnection: close\r\ncontent-length: 0\r\nx-a: 1\r\nx-a: 2\r\n\r\n"
        );
    }

    #[test]
    fn of_an_answer_the_status_and_one_header_count() {
        let read = reply(b"HTTP/1.1 403 Forbidden\r\nX-Sallyport: refused;reason=denied\r\n\r\nbody").unwrap();
        assert_eq!((read.status, read.spoken.as_deref()), (403, Some("refused;reason=denied")));
        assert!(reply(b"SSH-2.0").is_none());
    }

    #[test]
    fn only_the_url_of_a_gateway_is_taken() {
        for bad in ["http://127.0.0.1", "https://127.0.0.1/x", "127.0.0.1:1", "https://"] {
            assert!(Gateway::at(bad).is_err(), "{bad}");
        }
        assert!(Gateway::at("https://127.0.0.1:8443/").is_ok());
    }
}
