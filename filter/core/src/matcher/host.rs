//! Host names: lower case, without port and trailing dot.

use alloc::vec::Vec;

use super::string::{StringPattern, StringSet};
use crate::problem::{Flaw, PolicyCode};
use crate::text::rsplit_once;

/// One host pattern.
#[derive(Clone, Debug)]
pub struct HostPattern {
    name: StringPattern,
    port: Port,
}

/// What the authority must carry behind the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Port {
    /// A port or none.
    AnyOrNone,
    /// Some port.
    Any,
    /// This port.
    Exact(u16),
}

impl HostPattern {
    /// Reads `host`, `*.suffix`, `prefix.*`, `*`, `[IPv6]`, each with `:PORT`, or `:*` for any port but none,
    /// behind it. Without one the port of a request does not matter.
    pub fn parse(text: &str) -> Result<Self, Flaw> {
        let flaw = |help: &str| {
            Flaw::new(PolicyCode::Host, format_args!("`{text}` is not a host")).help(format_args!("{}", help))
        };
        if text.is_empty() {
            return Err(Flaw::new(PolicyCode::EmptyValue, format_args!("the host is empty"))
                .help(format_args!("write a host name, or `*` for any")));
        }
        if text.contains('/') && text.contains(':') {
            return Err(flaw("write the host name alone, without scheme and path"));
        }
        let (name, port) = split_port(text).ok_or_else(|| flaw("the port is a number from 1 to 65535, or `*`"))?;
        let pattern = StringPattern::parse(name)?.map(<[u8]>::to_ascii_lowercase);
        let literal = name.trim_matches('*');
        let is_literal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        let is_address = name.starts_with('[');
        if !is_address && !literal.bytes().all(is_literal) {
            return Err(flaw("write a host name such as `api.example.com` or `*.example.com`, without a path"));
        }
        if is_address {
            let written = flaw("an IPv6 address is written `[2001:db8::1]`");
            match crate::request::host::parse(name.as_bytes()).map(|address| address.canonical) {
                Some(None) => {}
                // Requests have the canonical spelling as a second reading, so only that one names every spelling.
                Some(Some(canonical)) => {
                    let canonical = canonical.escape_ascii();
                    return Err(written.help(format_args!("write `{canonical}`, which matches every spelling of it")));
                }
                None => return Err(written),
            }
        }
        if literal.ends_with('.') && !matches!(pattern, StringPattern::Prefix(_)) {
            let plain = text.trim_end_matches('.');
            return Err(Flaw::new(PolicyCode::Host, format_args!("the host `{text}` ends with a dot"))
                .help(format_args!("requests are matched without it: write `{plain}`")));
        }
        Ok(Self { name: pattern, port })
    }
}

impl Port {
    fn matches(self, port: Option<u16>) -> bool {
        match self {
            Self::AnyOrNone => true,
            Self::Any => port.is_some(),
            Self::Exact(expected) => port == Some(expected),
        }
    }
}

/// Splits `:PORT` or `:*` off; `None` when what follows the colon is neither.
fn split_port(text: &str) -> Option<(&str, Port)> {
    let Some((name, port)) = rsplit_once(text, b':') else { return Some((text, Port::AnyOrNone)) };
    if text.starts_with('[') && text.ends_with(']') {
        return Some((text, Port::AnyOrNone));
    }
    match port {
        "*" => Some((name, Port::Any)),
        port => super::port::parse(port).ok().map(|port| (name, Port::Exact(port))),
    }
}

/// Several host patterns, of which one must match.
#[derive(Clone, Debug)]
pub struct HostSet {
    /// Those that match with any port and without one.
    names: StringSet,
    /// Those that do not, one by one.
    with_port: Vec<HostPattern>,
}

impl HostSet {
    /// A set of these patterns.
    #[must_use]
    pub fn new(patterns: Vec<HostPattern>) -> Self {
        let (mut names, mut with_port) = (Vec::new(), Vec::new());
        for pattern in patterns {
            match pattern.port {
                Port::AnyOrNone => names.push(pattern.name),
                Port::Any | Port::Exact(_) => with_port.push(pattern),
            }
        }
        Self { names: StringSet::new(names), with_port }
    }

    /// The names that match with any port and without one.
    #[cfg(feature = "compile")]
    pub(crate) fn names(&self) -> &StringSet {
        &self.names
    }

    /// The others, each with its port; `None`: any.
    #[cfg(feature = "compile")]
    pub(crate) fn with_port(&self) -> impl Iterator<Item = (&StringPattern, Option<u16>)> {
        self.with_port.iter().map(|pattern| match pattern.port {
            Port::Exact(port) => (&pattern.name, Some(port)),
            Port::Any | Port::AnyOrNone => (&pattern.name, None),
        })
    }

    /// Whether one of them matches.
    #[must_use]
    pub fn matches(&self, name: &[u8], port: Option<u16>) -> bool {
        self.names.matches(name)
            || self.with_port.iter().any(|pattern| pattern.port.matches(port) && pattern.name.matches(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_match_without_case_and_port() {
        for (pattern, name, port, expected) in [
            ("HttpBin.org", "httpbin.org", None, true),
            ("httpbin.org", "httpbin.org", Some(8443), true),
            ("httpbin.org:*", "httpbin.org", Some(8443), true),
            ("httpbin.org:443", "httpbin.org", Some(443), true),
            ("httpbin.org:443", "httpbin.org", None, false),
            ("*.example.com", "a.example.com", None, true),
            ("*.example.com", "example.com", None, false),
            ("api.*", "api.example.com", None, true),
            ("[2001:db8::1]", "[2001:db8::1]", None, true),
            ("httpbin.org:*", "httpbin.org", None, false),
        ] {
            let parsed = HostSet::new(vec![HostPattern::parse(pattern).unwrap()]);
            assert_eq!(parsed.matches(name.as_bytes(), port), expected, "{pattern} on {name} {port:?}");
        }
    }

    #[test]
    fn an_address_has_one_spelling() {
        for (text, canonical) in [
            ("[2001:db8:0::1]", "[2001:db8::1]"),
            ("[2001:DB8:0:0:0:0:0:1]:443", "[2001:db8::1]"),
            ("[::01]", "[::1]"),
            ("[::ffff:a00:1]:*", "[::ffff:10.0.0.1]"),
        ] {
            let flaw = HostPattern::parse(text).unwrap_err();
            assert_eq!(
                (flaw.code, flaw.help),
                (PolicyCode::Host, Some(format!("write `{canonical}`, which matches every spelling of it"))),
                "{text}"
            );
            assert!(HostPattern::parse(canonical).is_ok(), "{canonical}");
        }
        assert!(HostPattern::parse("[2001:DB8::1]").is_ok());
    }

    #[test]
    fn a_set_matches_where_one_of_its_patterns_does() {
        let texts = (0..40).map(|n| format!("h{n}{}", ["", ":*", ":80", ".*", ".*:443"][n % 5]));
        let patterns: Vec<_> = texts.map(|text| HostPattern::parse(&text).unwrap()).collect();
        let set = HostSet::new(patterns.clone());
        for name in (0..41).flat_map(|n| [format!("h{n}"), format!("h{n}.a")]) {
            for port in [None, Some(80), Some(443)] {
                let alone = |pattern: &HostPattern| HostSet::new(vec![pattern.clone()]).matches(name.as_bytes(), port);
                let expected = patterns.iter().any(alone);
                assert_eq!(set.matches(name.as_bytes(), port), expected, "{name} {port:?}");
            }
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in ["https://a", "a/b", "a:b", "a:0", "a b", "[::1", "é.com", "user@host", "a.", "*.a.", "a.:80"] {
            assert_eq!(HostPattern::parse(text).unwrap_err().code, PolicyCode::Host, "{text}");
        }
    }
}
