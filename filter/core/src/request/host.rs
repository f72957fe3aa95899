//! The canonical host: lower case, without port and trailing dot.

use std::borrow::Cow;
use std::net::Ipv6Addr;

/// A host as rules see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host<'a> {
    /// Lower case, no trailing dot; an IPv6 address in brackets.
    pub name: Cow<'a, [u8]>,
    /// The port that the authority carries, if it does.
    pub port: Option<u16>,
}

/// Reads an authority. `None` for anything but `HOST`, `HOST:PORT`, `[IPv6]`, `[IPv6]:PORT`: user information, percent
/// signs and bytes outside ASCII have more than one reading.
#[must_use]
pub fn parse(authority: &[u8]) -> Option<Host<'_>> {
    let (name, port) = match authority.iter().rposition(|byte| *byte == b':') {
        Some(colon) if !authority.ends_with(b"]") => {
            let digits = authority.get(colon.checked_add(1)?..)?;
            (authority.get(..colon)?, Some(parse_port(digits)?))
        }
        _ => (authority, None),
    };
    if let Some(address) = name.strip_prefix(b"[") {
        let address = std::str::from_utf8(address.strip_suffix(b"]")?).ok()?;
        address.parse::<Ipv6Addr>().ok()?;
    } else if !name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(byte)) {
        return None;
    }
    // One trailing dot means the same name; a label without letters is no name at all.
    let name = name.strip_suffix(b".").unwrap_or(name);
    if name.split(|byte| *byte == b'.').any(<[u8]>::is_empty) {
        return None;
    }
    let name = if name.iter().any(u8::is_ascii_uppercase) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    };
    Some(Host { name, port })
}

fn parse_port(digits: &[u8]) -> Option<u16> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
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
        ] {
            let got = parse(authority.as_bytes());
            let got = got.as_ref().map(|host| (std::str::from_utf8(&host.name).unwrap(), host.port));
            assert_eq!(got, expected, "{authority}");
        }
    }
}
