//! What a request has as its `Host`.

use super::checked_text;
use super::host::{Host, plain_host, problem};
use crate::code::Code;
use crate::diagnostic::UnplacedDiagnostic;
use crate::wording::quoted;
use std::net::IpAddr;

checked_text!(
    /// A host with or without a port, as a request names it: `HOST`, `HOST:PORT`; an IPv6 address is in brackets.
    Authority,
    check_authority,
    "host with or without a port"
);

impl Authority {
    /// That of a host, and of a port if it is not the usual one.
    pub(crate) fn of_host(host: &str, port: Option<u16>) -> Self {
        let host = match host.parse() {
            Ok(IpAddr::V6(address)) => format!("[{address}]"),
            Ok(IpAddr::V4(_)) | Err(_) => host.to_owned(),
        };
        Self(port.map_or_else(|| host.clone(), |port| format!("{host}:{port}")))
    }

    /// Whether it is a DNS name without a port.
    #[must_use]
    pub fn is_dns_name(&self) -> bool {
        !self.0.contains(':') && self.0.parse::<IpAddr>().is_err()
    }
}

impl Host {
    /// As requests name it: an IPv6 address is in brackets.
    #[must_use]
    pub fn authority(&self) -> Authority {
        Authority::of_host(self.as_str(), None)
    }
}

fn check_authority(text: &str) -> Option<UnplacedDiagnostic> {
    let flaw = |problem: String| UnplacedDiagnostic::new(Code::Host, problem);
    if let Ok(IpAddr::V6(address)) = text.parse() {
        let problem = format!("{} is an IPv6 address without brackets", quoted(text));
        return Some(flaw(problem).help(format!("write `[{address}]`, or `[{address}]:PORT`")));
    }
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) if matches!(address.parse(), Ok(IpAddr::V6(_))) => match port.strip_prefix(':') {
            None if port.is_empty() => return None,
            None => return problem(text, Code::Host),
            Some(port) => (address, Some(port)),
        },
        Some(_) => return problem(text, Code::Host),
        None => match text.rsplit_once(':') {
            // What else a URL has is said of the whole text.
            Some((host, port)) if plain_host(host).is_some() && !text.contains(['/', '?', '#', '@']) => {
                (host, Some(port))
            }
            _ => (text, None),
        },
    };
    if let Some(port) = port
        && (!port.parse::<u16>().is_ok_and(|port| port > 0) || port.starts_with(['0', '+']))
    {
        let problem = format!("{} has the port {}, which is not one", quoted(text), quoted(port));
        return Some(flaw(problem).help("write a port from 1 to 65535, or none"));
    }
    problem(host, Code::Host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_with_and_without_a_port() {
        for good in
            ["httpbin.org", "httpbin.org:8443", "10.0.0.1", "10.0.0.1:1", "[::1]", "[2001:db8::15]:8443", "a:65535"]
        {
            assert_eq!(check_authority(good), None, "{good}");
        }
        for (bad, says) in [
            ("::1", "`::1` is an IPv6 address without brackets"),
            ("httpbin.org:0", "`httpbin.org:0` has the port `0`, which is not one"),
            ("httpbin.org:65536", "`httpbin.org:65536` has the port `65536`, which is not one"),
            ("httpbin.org:", "`httpbin.org:` has the port ``, which is not one"),
            ("[::1]:x", "`[::1]:x` has the port `x`, which is not one"),
            ("[10.0.0.1]:80", "`[10.0.0.1]:80` has brackets, which are not part of an address"),
            ("[::1]80", "`[::1]80` has brackets, which are not part of an address"),
            ("https://httpbin.org:443", "`https://httpbin.org:443` is a URL, not a host"),
            ("user@httpbin.org:443", "`user@httpbin.org:443` has a user, which is not part of a host"),
            ("httpbin.org:443/get", "`httpbin.org:443/get` has a path, which is not part of a host"),
            ("HTTPBIN.org:443", "`HTTPBIN.org` has upper-case letters"),
            ("*.org", "`*.org` is a pattern, not a host"),
        ] {
            assert_eq!(check_authority(bad).map(|flaw| flaw.message), Some(says.to_owned()), "{bad}");
        }
    }

    #[test]
    fn names_and_addresses() {
        for (text, is_name) in [("a.b", true), ("a.b:1", false), ("10.0.0.1", false), ("[::1]", false)] {
            assert_eq!(text.parse::<Authority>().expect("an authority").is_dns_name(), is_name, "{text}");
        }
        assert_eq!(Authority::of_host("::1", Some(1)).as_str(), "[::1]:1");
        assert_eq!(Authority::of_host("a.b", None).as_str(), "a.b");
    }
}
