//! Ports, written as decimal strings as in Istio.

use alloc::vec::Vec;

use crate::problem::{Flaw, PolicyCode};

/// Several ports, of which one must be the connection's.
#[derive(Clone, Debug)]
pub struct PortSet(Vec<u16>);

impl PortSet {
    /// A set of these ports.
    #[must_use]
    pub fn new(ports: Vec<u16>) -> Self {
        Self(ports)
    }

    /// The ports.
    #[cfg(feature = "compile")]
    pub(crate) fn ports(&self) -> &[u16] {
        &self.0
    }

    /// Whether the port is one of them.
    #[must_use]
    pub fn matches(&self, port: u16) -> bool {
        self.0.contains(&port)
    }
}

/// Reads a port.
pub fn parse(text: &str) -> Result<u16, Flaw> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<u16>() {
        Ok(port) if digits && port != 0 => Ok(port),
        _ => Err(Flaw::new(PolicyCode::Port, format_args!("`{text}` is not a port"))
            .help(format_args!("write a number from 1 to 65535"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_numbers_are_ports() {
        assert_eq!(parse("443"), Ok(443));
        for text in ["", "0", "65536", "+80", "80-90", "http", " 80"] {
            assert_eq!(parse(text).unwrap_err().code, PolicyCode::Port, "{text}");
        }
    }
}
