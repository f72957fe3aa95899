//! Requests.

use std::fmt;

/// A request, as the gateway's filter sees its headers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Request {
    /// `GET`.
    pub method: Vec<u8>,
    /// The authority: `HOST` or `HOST:PORT`.
    pub authority: Vec<u8>,
    /// Path and query, as they are sent.
    pub path: Vec<u8>,
    /// Further headers in order, names in lower case, repeated ones repeated.
    pub headers: Vec<(String, Vec<u8>)>,
}

impl Request {
    /// A request without further headers.
    #[must_use]
    pub fn new(method: &str, authority: &str, path: &str) -> Self {
        let bytes = |text: &str| text.as_bytes().to_vec();
        Self { method: bytes(method), authority: bytes(authority), path: bytes(path), headers: Vec::new() }
    }

    /// The same with a further header line.
    #[must_use]
    pub fn with(mut self, name: &str, value: &[u8]) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.to_vec()));
        self
    }
}

/// `GET /path`, and each further header as `-H 'name: value'`.
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method.escape_ascii(), String::from_utf8_lossy(&self.path))?;
        for (name, value) in &self.headers {
            write!(f, " -H '{name}: {}'", String::from_utf8_lossy(value).replace('\'', "'\\''"))?;
        }
        Ok(())
    }
}
