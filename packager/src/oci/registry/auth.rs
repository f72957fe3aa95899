//! A registry's authentication challenge, and the answer: basic credentials or a bearer token.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use ureq::Agent;
use ureq::http::{HeaderMap, header};

use super::credentials::{Credentials, Secret};
use crate::exit::{Exit, Failure};
use crate::oci::reference::is_loopback;

/// The `www-authenticate` header of a registry.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    Basic,
    Bearer { realm: String, service: Option<String> },
}

/// What a token is requested for.
#[derive(Debug)]
pub(super) struct TokenRequest {
    pub(super) scope: String,
    /// Whether credentials may be sent without TLS, because the user has chosen plain HTTP.
    pub(super) plain_http: bool,
}

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

impl Challenge {
    /// The first challenge of a known scheme.
    pub(super) fn from_headers(headers: &HeaderMap) -> Option<Challenge> {
        headers.get_all(header::WWW_AUTHENTICATE).iter().find_map(|value| Challenge::parse(value.to_str().ok()?))
    }

    fn parse(text: &str) -> Option<Challenge> {
        let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Challenge::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        Some(Challenge::Bearer { realm: parameter(rest, "realm")?, service: parameter(rest, "service") })
    }

    /// The `authorization` header for the challenge; `None` if it needs credentials and there are none.
    pub(super) fn answer(
        &self,
        agent: &Agent,
        credentials: Option<&Credentials>,
        token_request: &TokenRequest,
    ) -> Result<Option<String>, Failure> {
        match self {
            Challenge::Basic => Ok(credentials.and_then(basic)),
            Challenge::Bearer { realm, service } => {
                let host = realm.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
                if !realm.starts_with("https://") && !token_request.plain_http && !is_loopback(host) {
                    let realm = realm.escape_debug();
                    let message = format!("the registry asks for a token from `{realm}`, which is without TLS");
                    return Err(Failure::new(Exit::Io, message));
                }
                let token = fetch(agent, realm, service.as_deref(), credentials, token_request).map_err(|why| {
                    Failure::new(Exit::Io, format!("cannot get a token from `{}`: {why}", realm.escape_debug()))
                        .with_help("check the credentials in Docker's configuration")
                })?;
                Ok(Some(format!("Bearer {token}")))
            }
        }
    }
}

fn basic(credentials: &Credentials) -> Option<String> {
    match &credentials.secret {
        Secret::Password(password) => {
            Some(format!("Basic {}", STANDARD.encode(format!("{}:{password}", credentials.user))))
        }
        Secret::IdentityToken(_) => None,
    }
}

fn fetch(
    agent: &Agent,
    realm: &str,
    service: Option<&str>,
    credentials: Option<&Credentials>,
    token_request: &TokenRequest,
) -> Result<String, String> {
    let service = service.unwrap_or_default();
    let response = match credentials.map(|credentials| &credentials.secret) {
        Some(Secret::IdentityToken(token)) => agent.post(realm).send_form([
            ("grant_type", "refresh_token"),
            ("client_id", "sallyport"),
            ("service", service),
            ("scope", &token_request.scope),
            ("refresh_token", token),
        ]),
        _ => {
            let mut request = agent.get(realm).query("service", service).query("scope", &token_request.scope);
            if let Some(authorization) = credentials.and_then(basic) {
                request = request.header(header::AUTHORIZATION, authorization);
            }
            request.call()
        }
    };
    let mut response = response.map_err(|error| error.to_string())?;
    if !response.status().is_success() {
        return Err(response.status().to_string());
    }
    let body = response.body_mut().with_config().limit(1 << 20).read_to_vec().map_err(|error| error.to_string())?;
    let token: Token = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
    token.token.or(token.access_token).ok_or_else(|| "the response has no token".to_owned())
}

/// The value of a parameter in a list of `name="value"`.
fn parameter(list: &str, name: &str) -> Option<String> {
    let mut rest = list;
    loop {
        let (key, after) = rest.split_once('=')?;
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_once(',').unwrap_or((after, "")),
        };
        if key.trim_matches([',', ' ']).eq_ignore_ascii_case(name) {
            return Some(value.to_owned());
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read() {
        assert_eq!(Challenge::parse("Basic realm=\"x\""), Some(Challenge::Basic));
        let bearer = |realm: &str, service: Option<&str>| {
            Some(Challenge::Bearer { realm: realm.into(), service: service.map(Into::into) })
        };
        let text = r#"Bearer realm="https://a/token",service="a,b=c",scope="repository:x:pull""#;
        assert_eq!(Challenge::parse(text), bearer("https://a/token", Some("a,b=c")));
        assert_eq!(Challenge::parse("bearer scope=x, realm=https://a"), bearer("https://a", None));
        for other in ["", "Negotiate", "Bearer", "Bearer service=\"x\"", "Bearer realm=\"x"] {
            assert_eq!(Challenge::parse(other), None, "{other}");
        }
    }

    #[test]
    fn credentials_are_not_sent_without_tls() {
        let challenge = Challenge::Bearer { realm: "http://far.example/token".into(), service: None };
        let token_request = TokenRequest { scope: String::new(), plain_http: false };
        let agent = Agent::new_with_defaults();
        assert!(challenge.answer(&agent, None, &token_request).unwrap_err().message.contains("without TLS"));
    }
}
