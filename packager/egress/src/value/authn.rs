//! What says whose tokens are believed: issuers and their keys.

use super::host::plain_host;
use super::{FromText, checked_text, jwks, kind, text_value};
use crate::code::Code;
use crate::diagnostic::UnplacedDiagnostic;
use crate::wording::quoted;
use sallyport_core::wire::TextKind;

checked_text!(
    /// The issuer of tokens, exactly as their `iss` has it.
    Issuer,
    check_issuer,
    "issuer"
);

checked_text!(
    /// A JSON Web Key Set of public keys, as JSON text.
    Jwks,
    jwks::check,
    "JSON Web Key Set"
);

/// The http or https URL of a JSON Web Key Set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwksUri {
    text: String,
    is_tls: bool,
    host: String,
    port: u16,
}

impl JwksUri {
    /// The text, as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is fetched over TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// The DNS name or address of the server, without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port of the server.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

text_value!(JwksUri);

impl FromText for JwksUri {
    const KIND: TextKind = TextKind { pattern: Some("^https?://"), ..kind::<Self>("URL") };

    fn from_text(text: &str) -> Result<Self, UnplacedDiagnostic> {
        parse_uri(text).ok_or_else(|| {
            UnplacedDiagnostic::new(Code::JwksUri, format!("{} is not an http or https URL", quoted(text)))
                .help("write a URL such as `https://issuer.example.com/.well-known/jwks.json`")
        })
    }
}

fn parse_uri(text: &str) -> Option<JwksUri> {
    let (is_tls, rest) = match text.strip_prefix("https://") {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix("http://")?),
    };
    let authority = rest.split(['/', '?']).next()?;
    if authority.contains('@') || rest.contains('#') || !rest.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    plain_host(authority)?;
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok().filter(|port| *port > 0)?),
        _ => (authority, if is_tls { 443 } else { 80 }),
    };
    let host = match host.strip_prefix('[') {
        Some(address) => address.strip_suffix(']')?,
        None if host.contains(':') => return None,
        None => host,
    };
    Some(JwksUri { text: text.to_owned(), is_tls, host: host.to_owned(), port })
}

fn check_issuer(text: &str) -> Option<UnplacedDiagnostic> {
    text.chars().any(|c| c.is_whitespace() || c.is_control()).then(|| {
        UnplacedDiagnostic::new(
            Code::JwtIssuer,
            format!("the issuer {} has a space or control character", quoted(text)),
        )
        .help("write the token's `iss` exactly")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_set_urls() {
        for good in ["https://a.b/jwks", "http://localhost:8080/k?x=y", "http://[::1]:80/", "https://a.b"] {
            assert!(good.parse::<JwksUri>().is_ok(), "{good}");
        }
        for bad in
            ["a.b/jwks", "ftp://a.b", "https://", "https://u@a.b/", "https://a.b:0/", "https://a.b:x", "https://a.b/ x"]
        {
            assert!(bad.parse::<JwksUri>().is_err(), "{bad}");
        }
        for (text, host, port, is_tls) in [
            ("https://id.example/keys", "id.example", 443, true),
            ("http://127.0.0.1:9000/k?a=b:c", "127.0.0.1", 9000, false),
            ("https://[::1]/k", "::1", 443, true),
            ("https://[::1]:1/k", "::1", 1, true),
        ] {
            let uri: JwksUri = text.parse().expect("a URL");
            assert_eq!((uri.host(), uri.port(), uri.is_tls()), (host, port, is_tls), "{text}");
        }
    }
}
