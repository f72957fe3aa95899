//! The URL of a Prometheus or of a metrics page.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ureq::http::Uri;

/// An `http` or `https` URL. Its user and password are taken out, so that no message shows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url {
    /// Without user, password, fragment and a slash at the end.
    pub(crate) text: String,
    /// The `authorization` header that the user and the password stand for.
    pub(crate) basic: Option<String>,
    /// Whether it is on this machine.
    pub(crate) is_loopback: bool,
}

impl std::str::FromStr for Url {
    type Err = String;

    /// The reason is for behind `invalid value ...`.
    fn from_str(text: &str) -> Result<Self, String> {
        let uri: Uri = text.parse().map_err(|_| "it is not a URL; write http://HOST:PORT".to_owned())?;
        let scheme = uri.scheme_str().filter(|scheme| matches!(*scheme, "http" | "https"));
        let (Some(scheme), Some(authority)) = (scheme, uri.authority()) else {
            return Err("it does not begin with `http://` or `https://`".to_owned());
        };
        let (user, place) = match authority.as_str().rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, authority.as_str()),
        };
        if place.is_empty() || place.starts_with(':') {
            return Err("it has no host".to_owned());
        }
        let path = uri.path_and_query().map_or("", |path| path.as_str()).trim_end_matches('/');
        let host = uri.host().unwrap_or_default();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
        Ok(Url {
            text: format!("{scheme}://{place}{path}"),
            basic: user.map(basic).transpose()?,
            is_loopback: host == "localhost" || address.is_ok_and(|address| address.is_loopback()),
        })
    }
}

/// The header of `USER:PASSWORD`, both percent-encoded.
fn basic(user: &str) -> Result<String, String> {
    let wrong = || "its user or password is not percent-encoded".to_owned();
    let (user, password) = user.split_once(':').unwrap_or((user, ""));
    let decoded = [decode(user).ok_or_else(wrong)?, decode(password).ok_or_else(wrong)?].join(&b':');
    Ok(format!("Basic {}", STANDARD.encode(decoded)))
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let mut digit = || char::from(bytes.next()?).to_digit(16);
            decoded.push(u8::try_from(digit()?.checked_mul(16)?.checked_add(digit()?)?).ok()?);
        } else {
            decoded.push(byte);
        }
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_a_prefix_and_hides_its_password() {
        let url: Url = "https://me:p%40ss@prometheus.example.com:9090/prefix/".parse().unwrap();
        assert_eq!(url.text, "https://prometheus.example.com:9090/prefix");
        assert_eq!(url.basic.as_deref(), Some("Basic bWU6cEBzcw=="));
        assert!(!url.is_loopback);
        for (text, plain, is_loopback) in [
            ("http://127.0.0.1:9090", "http://127.0.0.1:9090", true),
            ("http://[::1]:9090/", "http://[::1]:9090", true),
            ("http://localhost", "http://localhost", true),
            ("http://localhost.example.com", "http://localhost.example.com", false),
        ] {
            let url: Url = text.parse().unwrap();
            assert_eq!((url.text.as_str(), url.is_loopback), (plain, is_loopback));
        }
    }

    #[test]
    fn what_is_no_url_is_refused() {
        for (text, message) in [
            ("prometheus:9090", "it does not begin with `http://` or `https://`"),
            ("ftp://a", "it does not begin with `http://` or `https://`"),
            ("http://", "it is not a URL; write http://HOST:PORT"),
            ("http://me@", "it is not a URL; write http://HOST:PORT"),
            ("a b", "it is not a URL; write http://HOST:PORT"),
            ("http://:80", "it has no host"),
            ("http://me:%4@host", "its user or password is not percent-encoded"),
        ] {
            assert_eq!(text.parse::<Url>(), Err(message.to_owned()), "{text}");
        }
    }
}
