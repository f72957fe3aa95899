//! One call to a registry: authorised where it asks for it, tried again where that may help, its errors in words.

use std::cell::RefCell;
use std::io;
use std::thread;
use std::time::Duration;

use serde::Deserialize;
use ureq::http::{HeaderMap, HeaderName, Method, Request, StatusCode, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Error};

use super::Access;
use super::auth::{Asked, Challenge};
use super::credentials;
use crate::exit::{Exit, Failure, Reason};
use crate::oci::reference::Reference;

/// How long to wait before the second, and before the third attempt.
const PAUSES: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(1)];
const CONNECT: Duration = Duration::from_secs(15);
const WHOLE: Duration = Duration::from_secs(300);
/// Of an answer that is not content.
const SHORT: u64 = 64 << 10;

/// A connection to one repository.
#[derive(Debug)]
pub(super) struct Transport {
    agent: Agent,
    /// Scheme, host and port.
    origin: String,
    repository: String,
    registry: String,
    access: Access,
    /// The `authorization` header that worked last.
    authorization: RefCell<Option<String>>,
}

/// What to ask for. `target` is a path below the repository, a path with `/v2/`, or a whole URL.
#[derive(Clone, Debug)]
pub(super) struct Call<'a> {
    pub(super) method: Method,
    pub(super) target: &'a str,
    pub(super) headers: &'a [(HeaderName, String)],
    pub(super) body: Option<&'a [u8]>,
    /// The largest body to read.
    pub(super) limit: u64,
}

impl<'a> Call<'a> {
    fn new(method: Method, target: &'a str, body: Option<&'a [u8]>) -> Self {
        Call { method, target, headers: &[], body, limit: SHORT }
    }

    pub(super) fn head(target: &'a str) -> Self {
        Call::new(Method::HEAD, target, None)
    }

    pub(super) fn get(target: &'a str) -> Self {
        Call::new(Method::GET, target, None)
    }

    pub(super) fn post(target: &'a str) -> Self {
        Call::new(Method::POST, target, Some(b""))
    }

    pub(super) fn put(target: &'a str, body: &'a [u8]) -> Self {
        Call::new(Method::PUT, target, Some(body))
    }
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Transport {
    pub(super) fn new(reference: &Reference, access: Access, plain_http: bool) -> Result<Self, Failure> {
        let here = reference.is_loopback();
        let scheme = if plain_http || here { "http" } else { "https" };
        let host = match reference.registry.as_str() {
            "docker.io" | "index.docker.io" => "registry-1.docker.io",
            other => other,
        };
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT))
            .timeout_global(Some(WHOLE))
            .user_agent(concat!("sallyport/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls);
        if here {
            config = config.proxy(None);
        }
        Ok(Transport {
            agent: config.build().into(),
            origin: format!("{scheme}://{host}"),
            repository: reference.repository.clone(),
            registry: reference.registry.clone(),
            access,
            authorization: RefCell::new(None),
        })
    }

    /// Calls, and once more with what the registry asks for if it does not know us.
    pub(super) fn call(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        let url = self.url(call.target);
        let first = self.patiently(call, &url)?;
        if first.status != StatusCode::UNAUTHORIZED || !self.is_own(&url) {
            return Ok(first);
        }
        let Some(challenge) = Challenge::from_headers(&first.headers) else {
            return Err(self.refused(&first, "say how to log in"));
        };
        let credentials = credentials::find(&self.registry)?;
        let actions = match self.access {
            Access::Pull => "pull",
            Access::Push => "pull,push",
        };
        let asked = Asked {
            scope: format!("repository:{}:{actions}", self.repository),
            plain_http: self.origin.starts_with("http:"),
        };
        let header = challenge.answer(&self.agent, credentials.as_ref(), &asked)?;
        if header.is_none() {
            return Err(self.refused(&first, "let anybody in"));
        }
        *self.authorization.borrow_mut() = header;
        let second = self.patiently(call, &url)?;
        match second.status {
            StatusCode::UNAUTHORIZED => Err(self.refused(&second, "let us in")),
            _ => Ok(second),
        }
    }

    /// Tries again what failed on the way, or what a busy registry could not do.
    fn patiently(&self, call: &Call<'_>, url: &str) -> Result<Answer, Failure> {
        for pause in PAUSES {
            match self.send(call, url) {
                Ok(answer) if !is_busy(answer.status) => return Ok(answer),
                Err(error) if !is_passing(&error) => return Err(self.unreachable(&error)),
                _ => thread::sleep(pause),
            }
        }
        self.send(call, url).map_err(|error| self.unreachable(&error))
    }

    fn send(&self, call: &Call<'_>, url: &str) -> Result<Answer, Error> {
        let mut request = Request::builder().method(call.method.clone()).uri(url);
        for (name, value) in call.headers {
            request = request.header(name, value);
        }
        // An upload may go to another host, which is told everything by its URL.
        if let Some(authorization) = self.authorization.borrow().as_ref().filter(|_| self.is_own(url)) {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let mut response = match call.body {
            Some(body) => self.agent.run(request.body(body)?)?,
            None => self.agent.run(request.body(())?)?,
        };
        let body = match call.method {
            Method::HEAD => Vec::new(),
            _ => response.body_mut().with_config().limit(call.limit).read_to_vec()?,
        };
        Ok(Answer { status: response.status(), headers: response.headers().clone(), body })
    }

    fn url(&self, target: &str) -> String {
        let Transport { origin, repository, .. } = self;
        if target.starts_with("http://") || target.starts_with("https://") {
            target.to_owned()
        } else if target.starts_with("/v2/") {
            format!("{origin}{target}")
        } else {
            format!("{origin}/v2/{repository}{target}")
        }
    }

    fn is_own(&self, url: &str) -> bool {
        url.strip_prefix(&self.origin).is_some_and(|rest| rest.starts_with('/'))
    }

    /// A registry that does not do what was asked of it.
    pub(super) fn refused(&self, answer: &Answer, what: &str) -> Failure {
        let said = Said::of(&answer.body);
        let (registry, status) = (&self.registry, answer.status);
        let message = format!("the registry `{registry}` does not {what}: {status}{said}");
        let failure = Failure::new(Exit::Io, message);
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                failure.with_help(format!("`docker login {registry}` writes the credentials that are used"))
            }
            StatusCode::NOT_FOUND => {
                failure.with_help(format!("is `{}` a repository there, and may you use it?", self.repository))
            }
            _ => failure,
        }
    }

    /// A registry that cannot be reached.
    fn unreachable(&self, error: &Error) -> Failure {
        let registry = &self.registry;
        let why = match error {
            Error::HostNotFound => "no such host".to_owned(),
            Error::Timeout(_) => "it does not answer in time".to_owned(),
            Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
            Error::BodyExceedsLimit(limit) => format!("it sends more than the {limit} bytes that are expected"),
            Error::Io(error) if is_broken_tls(error) => format!("TLS failed: {error}"),
            error if is_tls(error) => format!("TLS failed: {error}"),
            Error::Io(error) => Reason(error).to_string(),
            error => error.to_string(),
        };
        let failure = Failure::new(Exit::Io, format!("cannot talk to the registry `{registry}`: {why}"));
        match error {
            error if is_tls(error) => failure.with_help(
                "an authority of your own belongs into this machine's trust store, or in $SSL_CERT_FILE; \
                 a registry without TLS needs --plain-http",
            ),
            _ => failure,
        }
    }
}

fn is_tls(error: &Error) -> bool {
    match error {
        Error::Tls(_) | Error::Rustls(_) | Error::Pem(_) => true,
        Error::Io(error) => is_broken_tls(error),
        _ => false,
    }
}

/// How rustls ends a connection whose bytes or certificates are wrong.
fn is_broken_tls(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidData
}

fn is_busy(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

fn is_passing(error: &Error) -> bool {
    match error {
        Error::Timeout(_) | Error::ConnectionFailed => true,
        Error::Io(_) => !is_tls(error),
        _ => false,
    }
}

/// What a registry says of an error.
#[derive(Debug, Default, Deserialize)]
struct Said {
    errors: Vec<OneError>,
}

#[derive(Debug, Deserialize)]
struct OneError {
    #[serde(default)]
    message: String,
}

impl Said {
    /// Nothing, where the body is something else.
    fn of(body: &[u8]) -> Said {
        serde_json::from_slice(body).unwrap_or_default()
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.errors.first() {
            Some(error) if !error.message.is_empty() => write!(f, " ({})", error.message.escape_debug()),
            _ => Ok(()),
        }
    }
}
