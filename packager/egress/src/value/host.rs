//! Hosts: DNS names and IP addresses.

use super::{FromText, checked_text, kind, text_value};
use crate::code::Code;
use crate::diagnostic::UnplacedDiagnostic;
use crate::wording::quoted;
use sallyport_core::dns;
use sallyport_core::wire::TextKind;
use std::net::IpAddr;

/// For the JSON Schema: a DNS name. It does not say how long one may be, and takes numbers, too.
macro_rules! dns_name {
    () => {
        "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?([.][a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*"
    };
}

/// The same, or an IP address.
macro_rules! host {
    () => {
        concat!(dns_name!(), "|[0-9a-f]*:[0-9a-f]*:[0-9a-f:.]*")
    };
}

/// A DNS name in lower case, or an IP address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host {
    text: String,
    address: Option<IpAddr>,
}

impl Host {
    /// The text, as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The address, if it is one.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }
}

text_value!(Host);

impl FromText for Host {
    const KIND: TextKind = TextKind { pattern: Some(concat!("^(", host!(), ")$")), ..kind::<Self>("host") };

    fn from_text(text: &str) -> Result<Self, UnplacedDiagnostic> {
        match problem(text, Code::Host) {
            None => Ok(Self { text: text.to_owned(), address: text.parse().ok() }),
            Some(flaw) => Err(flaw),
        }
    }
}

checked_text!(
    /// A DNS name that is sent as the TLS server name.
    ServerName,
    check_server_name,
    TextKind { pattern: Some(concat!("^", dns_name!(), "$")), ..kind::<Self>("server name") }
);

checked_text!(
    /// A DNS name, an IP address or a SPIFFE ID, as a certificate has it.
    SubjectAltName,
    check_subject_alt_name,
    TextKind {
        pattern: Some(concat!("^(spiffe://[!-~]+|", host!(), ")$")),
        ..kind::<Self>("subject alternative name")
    }
);

checked_text!(
    /// The DNS name that callers outside the mesh use.
    ExposedHost,
    check_exposed_host,
    TextKind { pattern: Some(concat!("^", dns_name!(), "$")), ..kind::<Self>("DNS name") }
);

impl ServerName {
    /// The name of a host; `None` for an IP address, which cannot be a server name.
    pub(crate) fn of_host(host: &Host) -> Option<Self> {
        host.address.is_none().then(|| Self(host.text.clone()))
    }
}

impl SubjectAltName {
    /// The name in the certificate of a host.
    pub(crate) fn of_host(host: &Host) -> Self {
        Self(host.text.clone())
    }

    /// The name in the certificate of the server that is asked for by this name.
    pub(crate) fn of_server(name: &ServerName) -> Self {
        Self(name.0.clone())
    }
}

fn is_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

/// Why there cannot be a connection to an address.
fn no_server(address: IpAddr) -> Option<&'static str> {
    let broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
    if address.is_unspecified() {
        Some("it stands for all addresses of a machine")
    } else if address.is_multicast() || broadcast {
        Some("it stands for a group of machines")
    } else {
        None
    }
}

/// A DNS name in lower case whose last label is not all digits (that is a bad address).
fn is_dns_name(text: &str) -> bool {
    let last_is_number = text.rsplit('.').next().is_some_and(|last| last.chars().all(|c| c.is_ascii_digit()));
    dns::is_subdomain(text) && !last_is_number
}

pub(super) fn problem(text: &str, code: Code) -> Option<UnplacedDiagnostic> {
    let shown = quoted(text);
    if let Ok(address) = text.parse::<IpAddr>() {
        // As text an address has one spelling, by which hosts are compared (RFC 5952).
        let usual = address.to_canonical().to_string();
        if usual != text {
            let flaw = UnplacedDiagnostic::new(code, format!("{shown} is not the usual spelling of the address"));
            return Some(flaw.help(format!("write `{usual}`")));
        }
        let what = no_server(address)?;
        let flaw = UnplacedDiagnostic::new(code, format!("no server has the address {shown}: {what}"));
        return Some(flaw.help("write the server's own address, or its name"));
    }
    if is_dns_name(text) {
        return None;
    }
    let (problem, near) = if let Some((_, rest)) = text.split_once("://") {
        (format!("{shown} is a URL, not a host"), plain_host(rest))
    } else if is_network(text) {
        let flaw = UnplacedDiagnostic::new(code, format!("{shown} is a network, not a host"));
        return Some(flaw.help("write the address of one server, or its name"));
    } else if text.contains(['/', '?', '#']) {
        (format!("{shown} has a path, which is not part of a host"), plain_host(text))
    } else if text.contains('@') {
        (format!("{shown} has a user, which is not part of a host"), plain_host(text))
    } else if text.starts_with('[') {
        (format!("{shown} has brackets, which are not part of an address"), plain_host(text))
    } else if text.contains(':') {
        (format!("{shown} has a port, which is not part of a host"), plain_host(text))
    } else if text.contains('*') {
        return Some(
            UnplacedDiagnostic::new(code, format!("{shown} is a pattern, not a host")).help("write each name out"),
        );
    } else if text.ends_with('.') {
        (format!("{shown} ends with a dot"), plain_host(text))
    } else if text.chars().any(|c| c.is_ascii_uppercase()) {
        (format!("{shown} has upper-case letters"), plain_host(text))
    } else if text.chars().all(|c| c.is_ascii_digit() || c == '.') {
        (format!("{shown} is not an IP address"), None)
    } else {
        // What else was pasted with it.
        let bare = text.trim_matches(|c: char| matches!(c, '\u{2018}'..='\u{201f}' | '"' | '\'' | ';' | ',' | ' '));
        (format!("{shown} is not a DNS name: {}", why_no_name(text)), plain_host(bare))
    };
    let flaw = UnplacedDiagnostic::new(code, problem);
    Some(match near {
        Some(near) => flaw.help(format!("write `{near}`")),
        None => flaw.help("write a name such as `httpbin.org`, or an IP address"),
    })
}

/// Whether it is a network in CIDR notation.
fn is_network(text: &str) -> bool {
    let is_length = |length: &str| !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once('/').is_some_and(|(address, length)| is_address(address) && is_length(length))
}

/// The first reason why a text is not a DNS name.
fn why_no_name(text: &str) -> String {
    let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let of_label = |label: &str| match label.chars().find(|c| !is_allowed(*c)) {
        Some(' ') => Some("it has a blank".to_owned()),
        Some('\u{2018}'..='\u{201f}') => Some("it has a typographic quotation mark".to_owned()),
        Some(wrong) if wrong.is_ascii() => {
            Some(format!("it has {}; names have letters, digits, `-` and `.`", quoted(&wrong.to_string())))
        }
        Some(wrong) => {
            Some(format!("{} is not an ASCII letter; write its punycode, `xn--...`", quoted(&wrong.to_string())))
        }
        None if label.is_empty() => Some("there is nothing between two dots".to_owned()),
        None if label.len() > 63 => Some("a part has more than 63 characters".to_owned()),
        None if label.starts_with('-') || label.ends_with('-') => Some("a part begins or ends with `-`".to_owned()),
        None => None,
    };
    match text.split('.').find_map(of_label) {
        Some(reason) => reason,
        None if text.len() > 253 => "it has more than 253 characters".to_owned(),
        None => "its last part is a number".to_owned(),
    }
}

/// The host within a URL, an authority, or a badly written host.
pub(super) fn plain_host(text: &str) -> Option<String> {
    let authority = text.split(['/', '?', '#']).next()?;
    let authority = authority.rsplit('@').next()?;
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next()?,
        None => authority.split(':').next()?,
    };
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    (is_address(&host) || is_dns_name(&host)).then_some(host)
}

fn check_server_name(text: &str) -> Option<UnplacedDiagnostic> {
    if is_address(text) {
        let flaw = UnplacedDiagnostic::new(
            Code::ServerName,
            format!("{} is an IP address, which cannot be a server name", quoted(text)),
        );
        return Some(flaw.help("leave `sni` out, and write the address in `subjectAltNames`"));
    }
    problem(text, Code::ServerName)
}

fn check_subject_alt_name(text: &str) -> Option<UnplacedDiagnostic> {
    let Some(rest) = text.strip_prefix("spiffe://") else {
        return problem(text, Code::SubjectAltName);
    };
    let good = rest.split('/').all(|part| !part.is_empty()) && rest.bytes().all(|byte| byte.is_ascii_graphic());
    (!good).then(|| {
        UnplacedDiagnostic::new(Code::SubjectAltName, format!("{} is not a SPIFFE ID", quoted(text)))
            .help("write `spiffe://TRUST_DOMAIN/PATH`")
    })
}

fn check_exposed_host(text: &str) -> Option<UnplacedDiagnostic> {
    if is_address(text) {
        let problem = format!("{} is an IP address, which cannot be a TLS server name", quoted(text));
        return Some(UnplacedDiagnostic::new(Code::Host, problem).help("write a DNS name from the certificate"));
    }
    problem(text, Code::Host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::InvalidValue;
    use std::str::FromStr;

    fn complaint<T: FromStr<Err = InvalidValue>>(text: &str) -> Option<String> {
        text.parse::<T>().err().map(|error| error.to_string())
    }

    #[test]
    fn hosts() {
        const OTHER: &str = "write the server's own address, or its name";
        for good in ["httpbin.org", "a", "a-b.c1", "10.0.0.1", "::1", "fe80::1", "1a.example"] {
            assert_eq!(complaint::<Host>(good), None);
        }
        for (bad, says, help) in [
            ("https://httpbin.org/get", "`https://httpbin.org/get` is a URL, not a host", "write `httpbin.org`"),
            ("httpbin.org/get", "`httpbin.org/get` has a path, which is not part of a host", "write `httpbin.org`"),
            ("httpbin.org:443", "`httpbin.org:443` has a port, which is not part of a host", "write `httpbin.org`"),
            ("10.20.0.0/24", "`10.20.0.0/24` is a network, not a host", "write the address of one server, or its name"),
            (
                "2001:db8::/32",
                "`2001:db8::/32` is a network, not a host",
                "write the address of one server, or its name",
            ),
            ("10.0.0.1/a", "`10.0.0.1/a` has a path, which is not part of a host", "write `10.0.0.1`"),
            ("[::1]:80", "`[::1]:80` has brackets, which are not part of an address", "write `::1`"),
            ("HTTPBIN.org", "`HTTPBIN.org` has upper-case letters", "write `httpbin.org`"),
            ("httpbin.org.", "`httpbin.org.` ends with a dot", "write `httpbin.org`"),
            ("*.org", "`*.org` is a pattern, not a host", "write each name out"),
            ("10.0.0.256", "`10.0.0.256` is not an IP address", "write a name such as `httpbin.org`, or an IP address"),
            ("::", "no server has the address `::`: it stands for all addresses of a machine", OTHER),
            ("ff02::1", "no server has the address `ff02::1`: it stands for a group of machines", OTHER),
            ("0:0:0:0:0:0:0:1", "`0:0:0:0:0:0:0:1` is not the usual spelling of the address", "write `::1`"),
            ("2001:DB8::1", "`2001:DB8::1` is not the usual spelling of the address", "write `2001:db8::1`"),
            ("::ffff:192.0.2.1", "`::ffff:192.0.2.1` is not the usual spelling of the address", "write `192.0.2.1`"),
            (
                "255.255.255.255",
                "no server has the address `255.255.255.255`: it stands for a group of machines",
                OTHER,
            ),
        ] {
            assert_eq!(Host::from_text(bad), Err(UnplacedDiagnostic::new(Code::Host, says).help(help)), "{bad}");
        }
    }

    #[test]
    fn the_reason_why_a_text_is_no_name_is_said() {
        let long = "a".repeat(64);
        let longer = "a.".repeat(130) + "a";
        for (bad, reason) in [
            ("a_b.c", "it has `_`; names have letters, digits, `-` and `.`"),
            ("a b", "it has a blank"),
            ("a\tb", "it has `\\t`; names have letters, digits, `-` and `.`"),
            ("b\u{fc}cher.example", "`\u{fc}` is not an ASCII letter; write its punycode, `xn--...`"),
            ("a..b", "there is nothing between two dots"),
            (".a", "there is nothing between two dots"),
            ("-a.b", "a part begins or ends with `-`"),
            ("a-.b", "a part begins or ends with `-`"),
            ("a.1", "its last part is a number"),
            (&long, "a part has more than 63 characters"),
            (&longer, "it has more than 253 characters"),
        ] {
            let says = complaint::<Host>(bad).unwrap_or_default();
            assert!(says.contains(&format!(" is not a DNS name: {reason}")), "{bad:?}: {says}");
        }
    }

    #[test]
    fn names_in_certificates() {
        for good in ["httpbin.org", "10.0.0.1", "spiffe://td/ns/a/sa/b"] {
            assert_eq!(complaint::<SubjectAltName>(good), None);
        }
        for bad in ["*.httpbin.org", "spiffe://", "spiffe://td//x", "https://a.b"] {
            assert!(complaint::<SubjectAltName>(bad).is_some(), "{bad}");
        }
        assert!(complaint::<ServerName>("10.0.0.1").is_some_and(|says| says.contains("cannot be a server name")));
        assert_eq!(complaint::<ExposedHost>("a.example"), None);
        for bad in ["10.0.0.1", "::1"] {
            assert!(complaint::<ExposedHost>(bad).is_some(), "{bad}");
        }
    }
}
