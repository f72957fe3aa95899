//! Addresses and CIDR blocks.

use alloc::vec::Vec;
use core::net::IpAddr;

use ipnet::IpNet;

use crate::problem::{Flaw, PolicyCode};
use crate::text::split_once;

/// Several blocks, of which one must hold the address.
#[derive(Clone, Debug)]
pub struct NetworkSet(Vec<IpNet>);

impl NetworkSet {
    /// A set of these blocks.
    #[must_use]
    pub fn new(blocks: Vec<IpNet>) -> Self {
        Self(blocks)
    }

    /// The blocks.
    #[cfg(feature = "compile")]
    pub(crate) fn blocks(&self) -> &[IpNet] {
        &self.0
    }

    /// Whether the address is in one of them.
    #[must_use]
    pub fn matches(&self, address: IpAddr) -> bool {
        self.0.iter().any(|block| block.contains(&address))
    }
}

/// Reads an address or a CIDR block. Bits outside the mask are refused: either the address or the length is a mistake, and guessing could
/// widen an ALLOW rule.
pub fn parse(text: &str) -> Result<IpNet, Flaw> {
    let flaw = || {
        Flaw::new(PolicyCode::Cidr, format_args!("`{text}` is neither an IP address nor a CIDR block"))
            .help(format_args!("write `10.1.2.3`, `10.0.0.0/8` or `2001:db8::/32`"))
    };
    let (address, length) = split_once(text, "/").map_or((text, None), |(address, length)| (address, Some(length)));
    let address: IpAddr = address.parse().map_err(|_| flaw())?;
    let block = match length {
        None => IpNet::from(address.to_canonical()),
        Some(length) => block(address, length).ok_or_else(flaw)?,
    };
    let truncated = block.trunc();
    if truncated != block {
        return Err(Flaw::new(PolicyCode::Cidr, format_args!("`{text}` has bits set outside its mask"))
            .help(format_args!("did you mean `{truncated}`?")));
    }
    Ok(block)
}

/// An IPv4-mapped block becomes an IPv4 block, since addresses are compared in canonical form.
fn block(address: IpAddr, length: &str) -> Option<IpNet> {
    if !length.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let length: u8 = length.parse().ok()?;
    match address.to_canonical() {
        IpAddr::V4(v4) if address.is_ipv6() => IpNet::new(v4.into(), length.checked_sub(96)?).ok(),
        _ => IpNet::new(address, length).ok(),
    }
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
        for text in [
            "",
            "10.0.0.0/33",
            "10.0.0/8",
            "example.com",
            "10.0.0.1/8",
            "*",
            "::ffff:10.0.0.0/8",
            "10.0.0.0/+8",
            "10.0.0.0/",
            "/8",
        ] {
            assert_eq!(parse(text).unwrap_err().code, PolicyCode::Cidr, "{text}");
        }
    }
}
