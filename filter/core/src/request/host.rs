//! The canonical host: lower case, without port and trailing dot.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use core::net::{Ipv4Addr, Ipv6Addr};

use crate::request::usage::Use;
use crate::text::split_bytes;

/// A host as rules see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host<'a> {
    /// Lower case, no trailing dot; an IPv6 address in brackets.
    pub name: Cow<'a, [u8]>,
    /// Of an IPv6 address the canonical spelling (RFC 5952), where that is another: a second reading.
    pub canonical: Option<Box<[u8]>>,
    /// The port that the authority carries, if it does.
    pub port: Option<u16>,
}

impl Host<'_> {
    /// Whether a test matches, as it is used.
    pub(crate) fn matches(&self, by: Use, test: impl Fn(&[u8], Option<u16>) -> bool) -> bool {
        match &self.canonical {
            None => test(&self.name, self.port),
            Some(canonical) => by.matches([&*self.name, canonical].into_iter(), |name| test(name, self.port)),
        }
    }
}

/// Reads an authority. `None` for anything but `HOST`, `HOST:PORT`, `[IPv6]`, `[IPv6]:PORT`: user information, percent
/// signs and bytes outside ASCII have more than one reading, and so have IPv4 addresses in any form but `10.1.2.3` (WHATWG
/// URL, "ends in a number").
#[must_use]
pub fn parse(authority: &[u8]) -> Option<Host<'_>> {
    let (name, port) = match authority.iter().rposition(|byte| *byte == b':') {
        Some(colon) if !authority.ends_with(b"]") => {
            let digits = authority.get(colon.checked_add(1)?..)?;
            (authority.get(..colon)?, Some(parse_port(digits)?))
        }
        _ => (authority, None),
    };
    if is_plain(name) {
        return Some(Host { name: Cow::Borrowed(name), canonical: None, port });
    }
    let mut canonical = None;
    if let Some(address) = name.strip_prefix(b"[") {
        let address = core::str::from_utf8(address.strip_suffix(b"]")?).ok()?;
        let spelled = format!("[{}]", address.parse::<Ipv6Addr>().ok()?).into_bytes();
        canonical = (!spelled.eq_ignore_ascii_case(name)).then(|| spelled.into());
    } else if !name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')) {
        return None;
    }
    // One trailing dot means the same name; a label without letters is no name at all.
    let name = name.strip_suffix(b".").unwrap_or(name);
    if split_bytes(name, b'.').any(<[u8]>::is_empty) {
        return None;
    }
    let last = name.rsplit(|byte| *byte == b'.').next().unwrap_or(name);
    let is_number = last.iter().all(u8::is_ascii_digit) || last.starts_with(b"0x") || last.starts_with(b"0X");
    if is_number && core::str::from_utf8(name).ok()?.parse::<Ipv4Addr>().is_err() {
        return None;
    }
    let name = if name.iter().any(u8::is_ascii_uppercase) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    };
    Some(Host { name, canonical, port })
}

/// Whether this is a name without anything that could be meant in another way: what most requests have, read once.
fn is_plain(authority: &[u8]) -> bool {
    let mut at_start = true;
    let mut is_letter = false;
    for byte in authority {
        match byte {
            b'.' if at_start => return false,
            b'.' => at_start = true,
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => {
                // Of each label, so at the end of the last: with a digit it may be a number.
                if at_start {
                    is_letter = !byte.is_ascii_digit();
                }
                at_start = false;
            }
            _ => return false,
        }
    }
    is_letter && !at_start
}

fn parse_port(digits: &[u8]) -> Option<u16> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u16, |port, digit| {
        let value = digit.checked_sub(b'0').filter(|value| *value <= 9)?;
        port.checked_mul(10)?.checked_add(value.into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for (authority, expected) in [
            ("Httpbin.Foo", Some(("httpbin.foo", None))),
            ("a.b.:8443", Some(("a.b", Some(8443)))),
            ("[2001:DB8::1]:443", Some(("[2001:db8::1]", Some(443)))),
            ("a-1.b_c:80", Some(("a-1.b_c", Some(80)))),
            ("a.b:080", Some(("a.b", Some(80)))),
            ("a:b:80", None),
            ("[::1]", Some(("[::1]", None))),
            ("", None),
            (".", None),
            ("a..", None),
            (".a", None),
            ("a..b", None),
            (":443", None),
            ("a:", None),
            ("a:b", None),
            ("a:99999", None),
            ("user@a", None),
            ("a/b", None),
            ("a%2eb", None),
            ("::1", None),
            ("[::1", None),
            ("[::1%eth0]", None),
            ("a,b", None),
            ("10.1.2.3:80", Some(("10.1.2.3", Some(80)))),
            ("a.10", None),
            ("10.1.2", None),
            ("167772161", None),
            ("0x0a.0.0.1", None),
            ("010.1.2.3", None),
            ("a.0x7f", None),
            ("10.example", Some(("10.example", None))),
        ] {
            let got = parse(authority.as_bytes());
            let got = got.as_ref().map(|host| (std::str::from_utf8(&host.name).unwrap(), host.port));
            assert_eq!(got, expected, "{authority}");
        }
    }

    #[test]
    fn addresses_have_one_more_reading() {
        let host = parse(b"[2001:DB8:0:0::1]:80").unwrap();
        assert_eq!(host.canonical.as_deref(), Some(&b"[2001:db8::1]"[..]));
        let is = |wanted: &'static [u8]| move |name: &[u8], _| name == wanted;
        for wanted in [&b"[2001:db8::1]"[..], b"[2001:db8:0:0::1]"] {
            assert!(host.matches(Use::Restrictive, is(wanted)));
            assert!(!host.matches(Use::Permissive, is(wanted)));
        }
        assert_eq!(parse(b"[2001:DB8::1]").unwrap().canonical, None);
    }
}
