//! One call to a registry, with authorization if the registry asks for it, retries and readable errors.

use std::cell::RefCell;
use std::io;
use std::thread;
use std::time::Duration;

use serde::Deserialize;
use ureq::http::{HeaderMap, HeaderName, Method, Request, StatusCode, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Error};

use super::auth::{Challenge, TokenRequest};
use super::credentials;
use crate::exit::{Exit, Failure, IoErrorText};
use crate::oci::reference::Reference;

/// The pauses before the second and the third attempt.
const PAUSES: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(1)];
const CONNECT: Duration = Duration::from_secs(15);
const WHOLE: Duration = Duration::from_secs(300);
/// The limit for a response that is not content.
const SHORT: u64 = 64 << 10;

/// The permission that is needed for a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Pull,
    Push,
}

/// A connection to one repository.
#[derive(Debug)]
pub(super) struct Transport {
    agent: Agent,
    /// Scheme, host and port.
    origin: String,
    repository: String,
    registry: String,
    access: Access,
    /// The last `authorization` header that worked.
    authorization: RefCell<Option<String>>,
}

/// A request. `target` is a path below the repository, a path with `/v2/`, or a whole URL.
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

/// The response to a call.
#[derive(Debug)]
pub(super) struct Response {
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

    /// Makes a call, and repeats it with credentials if the registry asks for them.
    pub(super) fn call(&self, call: &Call<'_>) -> Result<Response, Failure> {
        let url = self.url(call.target);
        let first = self.send_with_retries(call, &url)?;
        if first.status != StatusCode::UNAUTHORIZED || !self.is_own(&url) {
            return Ok(first);
        }
        let Some(challenge) = Challenge::from_headers(&first.headers) else {
            return Err(self.unexpected(&first, "say how to log in"));
        };
        let credentials = credentials::find(&self.registry)?;
        let actions = match self.access {
            Access::Pull => "pull",
            Access::Push => "pull,push",
        };
        let token_request = TokenRequest {
            scope: format!("repository:{}:{actions}", self.repository),
            plain_http: self.origin.starts_with("http:"),
        };
        let header = challenge.answer(&self.agent, credentials.as_ref(), &token_request)?;
        if header.is_none() {
            return Err(self.unexpected(&first, "allow anonymous access"));
        }
        *self.authorization.borrow_mut() = header;
        let second = self.send_with_retries(call, &url)?;
        match second.status {
            StatusCode::UNAUTHORIZED => Err(self.unexpected(&second, "accept the credentials")),
            _ => Ok(second),
        }
    }

    /// Retries after a network error, or if the registry is busy.
    fn send_with_retries(&self, call: &Call<'_>, url: &str) -> Result<Response, Failure> {
        for pause in PAUSES {
            match self.send(call, url) {
                Ok(response) if !is_busy(response.status) => return Ok(response),
                Err(error) if !is_transient(&error) => return Err(self.unreachable(&error)),
                _ => thread::sleep(pause),
            }
        }
        self.send(call, url).map_err(|error| self.unreachable(&error))
    }

    fn send(&self, call: &Call<'_>, url: &str) -> Result<Response, Error> {
        let mut request = Request::builder().method(call.method.clone()).uri(url);
        for (name, value) in call.headers {
            request = request.header(name, value);
        }
        // An upload may go to another host, whose URL has all the authorization that it needs.
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
        Ok(Response { status: response.status(), headers: response.headers().clone(), body })
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

    /// The failure for a response that is not the expected one.
    pub(super) fn unexpected(&self, response: &Response, action: &str) -> Failure {
        let details = ErrorBody::parse(&response.body);
        let (registry, status) = (&self.registry, response.status);
        let message = format!("the registry `{registry}` does not {action}: {status}{details}");
        let failure = Failure::new(Exit::Io, message);
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                failure.with_help(format!("log in with `docker login {registry}`; its credentials are used"))
            }
            StatusCode::NOT_FOUND => failure.with_help(format!(
                "check that the repository `{}` exists, and that you have access to it",
                self.repository
            )),
            _ => failure,
        }
    }

    /// The failure for a registry that cannot be reached.
    fn unreachable(&self, error: &Error) -> Failure {
        let registry = &self.registry;
        let why = match error {
            Error::HostNotFound => "no such host".to_owned(),
            Error::Timeout(_) => "it does not respond in time".to_owned(),
            Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
            Error::BodyExceedsLimit(limit) => format!("its response is larger than the limit of {limit} bytes"),
            Error::Io(error) if is_broken_tls(error) => format!("TLS failed: {error}"),
            error if is_tls(error) => format!("TLS failed: {error}"),
            Error::Io(error) => IoErrorText(error).to_string(),
            error => error.to_string(),
        };
        let failure = Failure::new(Exit::Io, format!("cannot connect to the registry `{registry}`: {why}"));
        match error {
            error if is_tls(error) => failure.with_help(
                "a private CA certificate must be in this machine's trust store or in $SSL_CERT_FILE; \
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

/// The error of rustls for invalid bytes or certificates.
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

fn is_transient(error: &Error) -> bool {
    match error {
        Error::Timeout(_) | Error::ConnectionFailed => true,
        Error::Io(_) => !is_tls(error),
        _ => false,
    }
}

/// The body of an error response.
#[derive(Debug, Default, Deserialize)]
struct ErrorBody {
    errors: Vec<OneError>,
}

#[derive(Debug, Deserialize)]
struct OneError {
    #[serde(default)]
    message: String,
}

impl ErrorBody {
    /// Empty if the body has another format: it only adds details to a message.
    fn parse(body: &[u8]) -> ErrorBody {
        serde_json::from_slice(body).unwrap_or_default()
    }
}

impl std::fmt::Display for ErrorBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.errors.first() {
            Some(error) if !error.message.is_empty() => write!(f, " ({})", error.message.escape_debug()),
            _ => Ok(()),
        }
    }
}
