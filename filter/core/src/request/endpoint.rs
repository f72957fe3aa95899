//! Addresses as Envoy's attributes have them.

use core::net::{IpAddr, SocketAddr};

/// Reads `IP:PORT` or `[IPv6]:PORT`. A pipe or an internal address has no IP. An IPv4-mapped address becomes the IPv4 address
/// that it stands for, or `::ffff:10.0.0.1` would pass a rule that names 10.0.0.0/8.
#[must_use]
pub fn parse(text: &[u8]) -> Option<(IpAddr, u16)> {
    let endpoint: SocketAddr = core::str::from_utf8(text).ok()?.parse().ok()?;
    Some((endpoint.ip().to_canonical(), endpoint.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints() {
        assert_eq!(parse(b"10.0.0.1:80"), Some(("10.0.0.1".parse().unwrap(), 80)));
        assert_eq!(parse(b"[::ffff:10.0.0.1]:80"), Some(("10.0.0.1".parse().unwrap(), 80)));
        assert_eq!(parse(b"/run/socket"), None);
    }
}
