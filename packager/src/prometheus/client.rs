//! Prometheus' HTTP API: instant queries.

use std::collections::BTreeMap;
use std::time::Duration;

use sallyport_egress::rollout::written_moment;
use serde::Deserialize;
use serde_json::Value;
use ureq::http::{Method, Request, StatusCode, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Error};

use super::samples::{Sample, Samples};
use super::unanswered::Unanswered;
use super::url::Url;
use crate::exit::{Exit, Failure};
use crate::printable::visible;

const CONNECT: Duration = Duration::from_secs(10);
const WHOLE: Duration = Duration::from_secs(60);
/// Some hundred thousand series.
const LARGEST_ANSWER: u64 = 64 << 20;
/// As much as is shown of a text that another server wrote.
const SHOWN: usize = 300;

/// A Prometheus.
#[derive(Debug)]
pub(crate) struct Client {
    agent: Agent,
    url: String,
    authorization: Option<String>,
}

/// What a query returned.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) samples: Samples,
    /// Why some of the data is missing. If there are any, what is absent is not known.
    pub(crate) warnings: Vec<String>,
    /// What Prometheus says about the query. Nothing is missing.
    pub(crate) notes: Vec<String>,
}

/// The envelope of each answer.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    status: String,
    data: Option<Data>,
    #[serde(default)]
    error_type: String,
    #[serde(default)]
    error: String,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default)]
    infos: Vec<String>,
    /// VictoriaMetrics and others: whether a part of the storage did not answer.
    #[serde(default)]
    is_partial: Value,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    result_type: String,
    result: Value,
}

/// One series of a vector; its value is `[TIME, "VALUE"]`. Those of native histograms and of ranges have none.
#[derive(Debug, Deserialize)]
struct Series {
    metric: BTreeMap<String, String>,
    value: Option<(f64, String)>,
}

impl Client {
    /// Connects only when it is asked.
    pub(crate) fn new(url: &Url, authorization: Option<String>) -> Self {
        Client::with_timeout(url, authorization, WHOLE)
    }

    fn with_timeout(url: &Url, authorization: Option<String>, whole: Duration) -> Self {
        let authorization = authorization.or_else(|| url.basic.clone());
        Client { agent: agent(url, whole), url: url.text.clone(), authorization }
    }

    /// What a query returns: a vector, or a number as one sample without labels. `at`: seconds since 1970; else the server's
    /// time.
    pub(crate) fn query(&self, query: &str, at: Option<f64>) -> Result<Answer, Unanswered> {
        let envelope = self.ask(query, at)?;
        let mut warnings = envelope.doubts();
        let samples = match envelope.data {
            Some(Data { result_type, result }) if result_type == "vector" => vector(result, &mut warnings)?,
            Some(Data { result_type, result }) if result_type == "scalar" => scalar(result)?,
            Some(Data { result_type, .. }) => {
                return Err(Unanswered::Refused(format!("the query returns a {}, no vector", shown(&result_type))));
            }
            None => return Err(Unanswered::NotPrometheus("its answer has no `data`".to_owned())),
        };
        let all_shown = |texts: &[String]| texts.iter().map(|text| shown(text)).collect();
        Ok(Answer { samples, warnings: all_shown(&warnings), notes: all_shown(&envelope.infos) })
    }

    /// The server's time, in seconds since 1970.
    pub(crate) fn now(&self) -> Result<f64, Unanswered> {
        let answer = self.query("time()", None)?;
        let time = answer.samples.iter().next().map(|sample| sample.value);
        let is_moment = |time: &f64| *time >= 0.0 && !written_moment(*time as i64).is_empty();
        time.filter(is_moment).ok_or_else(|| Unanswered::NotPrometheus("its time is no time of a calendar".to_owned()))
    }

    /// The failure of a command that needs an answer.
    pub(crate) fn failure(&self, unanswered: &Unanswered) -> Failure {
        let failure = Failure::new(Exit::Io, format!("the Prometheus `{}` {}", self.url, unanswered.reason()));
        match unanswered.help() {
            Some(help) => failure.with_help(help),
            None => failure,
        }
    }

    /// With POST, as a query may be longer than a URL may be; with GET, if a proxy before the server allows only that.
    fn ask(&self, query: &str, at: Option<f64>) -> Result<Envelope, Unanswered> {
        let mut form = format!("query={}", escape(query));
        if let Some(at) = at {
            form.push_str(&format!("&time={at}"));
        }
        let url = format!("{}/api/v1/query", self.url);
        let (status, body) = self.send(Method::POST, &url, &form)?;
        let is_other_way = matches!(status, StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED);
        let (status, body) =
            if is_other_way { self.send(Method::GET, &format!("{url}?{form}"), "")? } else { (status, body) };
        read(status, &body)
    }

    fn send(&self, method: Method, url: &str, body: &str) -> Result<(StatusCode, Vec<u8>), Unanswered> {
        let mut request = Request::builder().method(method.clone()).uri(url).header(header::ACCEPT, "application/json");
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let sent = if method == Method::POST {
            let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
            request.body(body).map_err(Error::from).and_then(|request| self.agent.run(request))
        } else {
            request.body(()).map_err(Error::from).and_then(|request| self.agent.run(request))
        };
        let mut response = sent.map_err(|error| Unanswered::of_transport(&error))?;
        let body = response.body_mut().with_config().limit(LARGEST_ANSWER).read_to_vec();
        Ok((response.status(), body.map_err(|error| Unanswered::of_transport(&error))?))
    }
}

/// For an `http` or `https` URL. Redirections are not followed: they would lose the form, or give the token away.
pub(super) fn agent(url: &Url, whole: Duration) -> Agent {
    let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
    let mut config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_connect(Some(CONNECT.min(whole)))
        .timeout_global(Some(whole))
        .user_agent(concat!("sallyport/", env!("CARGO_PKG_VERSION")))
        .tls_config(tls);
    if url.is_loopback {
        config = config.proxy(None);
    }
    config.build().into()
}

fn read(status: StatusCode, body: &[u8]) -> Result<Envelope, Unanswered> {
    let envelope: Envelope = match serde_json::from_slice(body) {
        Ok(envelope) => envelope,
        Err(_) if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
            return Err(Unanswered::Unauthorized(status));
        }
        Err(error) if status == StatusCode::OK && error.is_eof() && !body.is_empty() => return Err(Unanswered::CutOff),
        Err(_) if status == StatusCode::GATEWAY_TIMEOUT => return Err(Unanswered::TimedOut),
        Err(_) if status.is_server_error() => return Err(Unanswered::Refused(status.to_string())),
        Err(_) if status == StatusCode::OK => {
            return Err(Unanswered::NotPrometheus("its answer is not the JSON of a query".to_owned()));
        }
        Err(_) => return Err(Unanswered::NotPrometheus(status.to_string())),
    };
    match envelope.error_type.as_str() {
        _ if envelope.status == "success" && status == StatusCode::OK => Ok(envelope),
        "timeout" => Err(Unanswered::TimedOut),
        _ if envelope.error.is_empty() => Err(Unanswered::Refused(status.to_string())),
        _ => Err(Unanswered::Refused(shown(&envelope.error))),
    }
}

impl Envelope {
    /// What there is beside a success that makes it a part of one.
    fn doubts(&self) -> Vec<String> {
        let mut doubts = self.warnings.clone();
        if !matches!(self.is_partial, Value::Null | Value::Bool(false)) {
            doubts.push("the server says `isPartial`: not all of its storage has answered".to_owned());
        }
        let error = [&self.error_type, &self.error].map(String::as_str).into_iter().filter(|text| !text.is_empty());
        let error: Vec<_> = error.collect();
        if !error.is_empty() {
            doubts.push(format!("the server says `success` beside an error: {}", error.join(": ")));
        }
        doubts
    }
}

/// `warnings` gets what is wrong with some of the series.
fn vector(result: Value, warnings: &mut Vec<String>) -> Result<Samples, Unanswered> {
    let wrong = || Unanswered::NotPrometheus("it returns a vector that is none".to_owned());
    let series: Vec<Series> = serde_json::from_value(result).map_err(|_| wrong())?;
    let all = series.len();
    let samples = series.into_iter().filter_map(|Series { metric: mut labels, value }| {
        let name = labels.remove("__name__").unwrap_or_default();
        value.map(|(_, text)| number(&text).map(|value| Sample { name, labels, value }))
    });
    let samples = samples.collect::<Option<Samples>>().ok_or_else(wrong)?;
    let without = all.saturating_sub(samples.iter().count());
    if without > 0 {
        warnings.push(format!("{without} of {all} series have no `value`"));
    }
    warnings.extend(samples.twice().map(|sample| format!("{} is in the answer twice", sample.words())));
    Ok(samples)
}

fn scalar(result: Value) -> Result<Samples, Unanswered> {
    let value = serde_json::from_value::<(f64, String)>(result).ok().and_then(|(_, text)| number(&text));
    let value = value.ok_or_else(|| Unanswered::NotPrometheus("it returns a scalar that is none".to_owned()))?;
    Ok(std::iter::once(Sample { name: String::new(), labels: BTreeMap::new(), value }).collect())
}

/// A value as Prometheus writes it: `1.5`, `1e+06`, `NaN`, `+Inf`.
pub(super) fn number(text: &str) -> Option<f64> {
    text.parse().ok()
}

/// A text of the server on one line that is not too long.
fn shown(text: &str) -> String {
    visible(&text.chars().take(SHOWN).collect::<String>())
}

fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => escaped.push(char::from(byte)),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

#[cfg(test)]
mod tests;
