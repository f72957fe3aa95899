//! Addresses and CIDR blocks.

use std::net::{IpAddr, SocketAddr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::Flaw;
use crate::policy::error::Code;

/// Several blocks, of which one must hold the address.
#[derive(Clone, Debug)]
pub struct NetworkSet(Box<[IpNet]>);

impl NetworkSet {
    /// A set of these blocks.
    #[must_use]
    pub fn new(blocks: Vec<IpNet>) -> Self {
        Self(blocks.into())
    }

    /// Whether the address is in one of them.
    #[must_use]
    pub fn matches(&self, address: IpAddr) -> bool {
        self.0.iter().any(|block| block.contains(&address))
    }
}

/// Reads an address or a CIDR block. Bits outside the mask are refused: they are a slip of the pen in one of the two.
pub fn parse(text: &str) -> Result<IpNet, Flaw> {
    let flaw = || {
        Flaw::new(Code::Cidr, format_args!("`{text}` is neither an IP address nor a CIDR block"))
            .help(format_args!("write `10.1.2.3`, `10.0.0.0/8` or `2001:db8::/32`"))
    };
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(IpNet::from(address.to_canonical()));
    }
    let block: IpNet = text.parse().map_err(|_| flaw())?;
    let block = unmapped(block).ok_or_else(flaw)?;
    let truncated = block.trunc();
    if truncated != block {
        return Err(Flaw::new(Code::Cidr, format_args!("`{text}` has bits set outside its mask"))
            .help(format_args!("did you mean `{truncated}`?")));
    }
    Ok(block)
}

/// An IPv4-mapped block as an IPv4 block, since addresses are compared in canonical form.
fn unmapped(block: IpNet) -> Option<IpNet> {
    match block {
        IpNet::V4(_) => Some(block),
        IpNet::V6(v6) => match v6.addr().to_ipv4_mapped() {
            Some(v4) => Ipv4Net::new(v4, v6.prefix_len().checked_sub(96)?).ok().map(IpNet::V4),
            None => Ipv6Net::new(v6.addr(), v6.prefix_len()).ok().map(IpNet::V6),
        },
    }
}

/// Reads Envoy's address attributes: `IP:PORT`, `[IPv6]:PORT`. A pipe or an internal address has no IP.
#[must_use]
pub fn parse_endpoint(text: &[u8]) -> Option<(IpAddr, u16)> {
    let endpoint: SocketAddr = std::str::from_utf8(text).ok()?.parse().ok()?;
    Some((endpoint.ip().to_canonical(), endpoint.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_hold_addresses() {
        for (block, address, expected) in [
            ("10.0.0.0/8", "10.9.8.7", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.1.2.3", "10.1.2.3", true),
            ("2001:db8::/32", "2001:db8::1", true),
            ("::ffff:10.0.0.0/104", "10.1.1.1", true),
            ("0.0.0.0/0", "::1", false),
        ] {
            let set = NetworkSet::new(vec![parse(block).unwrap()]);
            assert_eq!(set.matches(address.parse().unwrap()), expected, "{block} {address}");
        }
    }

    #[test]
    fn bad_blocks_are_refused() {
        for text in ["", "10.0.0.0/33", "10.0.0/8", "example.com", "10.0.0.1/8", "*", "::ffff:10.0.0.0/8"] {
            assert_eq!(parse(text).unwrap_err().code, Code::Cidr, "{text}");
        }
    }

    #[test]
    fn endpoints() {
        assert_eq!(parse_endpoint(b"10.0.0.1:80"), Some(("10.0.0.1".parse().unwrap(), 80)));
        assert_eq!(parse_endpoint(b"[::ffff:10.0.0.1]:80"), Some(("10.0.0.1".parse().unwrap(), 80)));
        assert_eq!(parse_endpoint(b"/run/socket"), None);
    }
}
