//! One line of a log: what it says, and whether that can be read.

use sallyport_core::verdict::Trial;
use sallyport_egress::evidence::{Counted, Pair};
use sallyport_egress::learn::LONGEST_LINE;
use sallyport_egress::rollout::moment;
use serde_json::{Deserializer, Value};

use super::examples::Example;
use super::form::{Form, Sign, is_begin, is_end, signs};

/// What a line is.
#[derive(Debug)]
pub(super) enum Line {
    /// One of the access log, with a time.
    Request(Record, Decision),
    /// An example of the filter, with a time and a region.
    Example(Record),
    /// One that would count, with what is known of it, and why it cannot be read.
    Broken(Option<Record>, &'static str),
    /// Anything else.
    Other,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// It went on, and what was answered may be a 5xx.
    Allowed {
        is_error: bool,
    },
    Refused,
    /// The filter was never asked, and the gateway answered with 5xx.
    Failed,
}

/// The JSON of a line.
#[derive(Debug)]
pub(super) struct Record {
    fields: Value,
    /// In Unix seconds.
    pub(super) at: Option<i64>,
}

/// How the filter's line about a configuration begins that it has taken.
pub(super) const TAKEN: &str = "policy for ";

/// How an example of the filter begins.
const EXAMPLE: &str = "{\"sallyport\"";

const CUT: &str = "its JSON is broken or cut off";
const WITHIN: &str = "its JSON is within another one";

impl Line {
    pub(super) fn read(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        if bytes.len() > LONGEST_LINE {
            return Self::Broken(None, "it is too long");
        }
        let has_sign = |text: &str| signs(text).next().is_some();
        match Form::of(&text) {
            Form::Foreign => Self::Other,
            Form::Wasm { before, message } => match message.starts_with(EXAMPLE) || EXAMPLE.starts_with(message) {
                true => Self::of_json(before, message),
                false => Self::Other,
            },
            Form::Json { before, json } => Self::of_json(before, json),
            Form::Behind(rest) if has_sign(rest) || rest.contains(TAKEN) => {
                Self::Broken(None, "what stands before its JSON, or before what the filter says, is not known")
            }
            Form::Plain(rest) if rest.starts_with('[') && has_sign(rest) => Self::Broken(None, "its JSON is a list"),
            Form::Plain(rest) if has_sign(rest) || is_end(rest) => Self::Broken(None, CUT),
            Form::Behind(_) | Form::Plain(_) => Self::Other,
        }
    }

    /// What begins with an object.
    fn of_json(before: &str, json: &str) -> Self {
        let Some((record, whole, behind)) = Record::of(before, json) else {
            let could_be = is_begin(json) || signs(json).next().is_some();
            return if could_be { Self::Broken(None, CUT) } else { Self::Other };
        };
        if signs(behind).next().is_some() || is_begin(behind) {
            return Self::Broken(None, "more stands behind its JSON");
        }
        let is_example = record.text("sallyport") == Some("candidate");
        // Headers of an example may have any name.
        let count = |key: &str| signs(whole).filter(|(name, sign)| *name == key && *sign == Sign::Plain).count();
        if !is_example
            && record.fields.get("decision").is_some()
            && ["region", "decision"].iter().any(|key| count(key) > 1)
        {
            return Self::Broken(Some(record), "it has `region` or `decision` twice");
        }
        if !matches!(record.fields.get("region"), None | Some(Value::Null | Value::String(_))) {
            return Self::Broken(Some(record), "its `region` is no text");
        }
        if is_example {
            return match (record.text("region"), record.at) {
                (None, _) => Self::Broken(Some(record), "it has no `region`"),
                (_, None) => Self::Broken(Some(record), "it has no time"),
                _ => Self::Example(record),
            };
        }
        match record.fields.get("decision") {
            None if record.has_within(whole) => Self::Broken(Some(record), WITHIN),
            // A region of the cloud is none of ours.
            None if !record.region().is_some_and(is_id) => Self::Other,
            Some(decision) if !decision.is_string() && !decision.is_null() => Self::Broken(Some(record), NO_DECISION),
            _ => record.request(),
        }
    }
}

const NO_DECISION: &str = "its `decision` is neither `allowed` nor `refused`";

impl Record {
    /// The object at the beginning of a text, its text, and what stands behind it.
    fn of<'l>(before: &str, json: &'l str) -> Option<(Self, &'l str, &'l str)> {
        let mut objects = Deserializer::from_str(json).into_iter::<Value>();
        let fields = objects.next()?.ok().filter(Value::is_object)?;
        let (whole, behind) = json.split_at_checked(objects.byte_offset())?;
        let record = Self { fields, at: None };
        let at = record.text("time").and_then(moment).or_else(|| moment_before(before));
        Some((Self { at, ..record }, whole, behind))
    }

    /// Whether a logger that writes JSON has put a line of ours into it, as an object or as a text.
    fn has_within(&self, whole: &str) -> bool {
        // An access log in Istio's own keys has what callers write in its texts.
        let is_access_log = self.fields.get("response_code").is_some();
        let is_text = || signs(whole).any(|(_, sign)| sign == Sign::Escaped);
        let mut inner = self.fields.as_object().into_iter().flatten().map(|(_, value)| value);
        (!is_access_log && is_text()) || inner.any(is_ours)
    }

    /// A line of the access log.
    fn request(self) -> Line {
        let is_error = self.is_error();
        let decision = match (self.text("decision"), is_error) {
            (Some("allowed"), Some(is_error)) => Decision::Allowed { is_error },
            (Some("allowed"), None) => return Line::Broken(Some(self), "it has no `status`"),
            (Some("refused"), _) => Decision::Refused,
            (Some(_), _) => return Line::Broken(Some(self), NO_DECISION),
            (None, _) if self.region().is_some() => {
                return Line::Broken(Some(self), "it has a `region` and no `decision`");
            }
            // Of others' logs nothing is known.
            (None, Some(true)) if self.fields.get("decision").is_some() => Decision::Failed,
            (None, _) => return Line::Other,
        };
        if self.at.is_none() { Line::Broken(Some(self), "it has no time") } else { Line::Request(self, decision) }
    }

    /// Whether it was answered with 5xx; `None`: not known. A client that has gone was answered with nothing, which is 0.
    fn is_error(&self) -> Option<bool> {
        let status = match self.fields.get("status")? {
            Value::Number(number) => number.as_u64()?,
            Value::String(text) => text.parse().ok()?,
            _ => return None,
        };
        matches!(status, 0 | 100..=599).then_some(status >= 500)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.fields.get(name)?.as_str().filter(|text| !matches!(*text, "" | "-"))
    }

    /// What makes it the line that it is, however it is written. With the request's ID that is what would count; another key may
    /// be added on the way.
    pub(super) fn known_by(&self) -> String {
        let milliseconds = self.text("time").map(fraction).unwrap_or_default();
        let of = |name| self.fields.get(name).unwrap_or(&Value::Null);
        if self.has_id() {
            let [id, host, decision] = ["requestId", "host", "decision"].map(of);
            let [region, caller, peer] = ["region", "caller", "principal"].map(of);
            let answer = self.is_error();
            return format!("{:?}.{milliseconds} {id} {host} {decision} {region} {caller} {peer} {answer:?}", self.at);
        }
        let mut fields = self.fields.clone();
        if let (Some(fields), true) = (fields.as_object_mut(), self.at.is_some()) {
            fields.remove("time");
        }
        format!("{:?}.{milliseconds} {fields}", self.at)
    }

    /// Whether it has the request's own ID, so that no other request has the same line.
    pub(super) fn has_id(&self) -> bool {
        self.text("requestId").is_some()
    }

    /// Without the port.
    pub(super) fn host(&self) -> Option<&str> {
        self.text("host").map(|host| host.split(':').next().unwrap_or(host))
    }

    pub(super) fn region(&self) -> Option<&str> {
        self.text("region")
    }

    /// Who sent it: by a trusted forwarder, or by its certificate.
    pub(super) fn caller(&self) -> Counted {
        let peer = self.text("principal").filter(|peer| !peer.contains(','));
        let found = self.text("caller").or(peer).map(|name| name.strip_prefix("spiffe://").unwrap_or(name));
        found.map_or(Counted::Anonymous, |name| Counted::Principal(name.to_owned()))
    }

    /// What both policies decide, as an example says it. What cannot be read as anything else may be refused.
    pub(super) fn pair(&self) -> Pair {
        let is_allowed = |name: &str| self.text(name).is_some_and(|text| text.split(':').next() == Some("allowed"));
        match [is_allowed("inForce"), is_allowed("candidate")] {
            [true, true] => Pair::Allowed,
            [true, false] => Pair::Narrowed,
            [false, true] => Pair::Widened,
            [false, false] => Pair::Refused,
        }
    }

    pub(super) fn example(&self) -> Option<Example> {
        let of = |name: &str| self.text(name).map(str::to_owned);
        let headers = self.fields.get("headers").and_then(Value::as_object).into_iter().flatten();
        let headers = headers.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect();
        Some(Example {
            method: of("method")?,
            host: of("host")?,
            path: of("path")?,
            headers,
            at: self.at,
            id: of("id").or_else(|| of("requestId")),
        })
    }
}

/// Whether it can be the id of a region.
fn is_id(text: &str) -> bool {
    text == Trial::OTHER || (text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Whether a line of ours is in a value, however deep.
fn is_ours(value: &Value) -> bool {
    match value {
        Value::Array(values) => values.iter().any(is_ours),
        Value::Object(fields) => {
            let is_region = |region: &Value| match region {
                Value::String(text) => is_id(text),
                // A cloud has names.
                Value::Null => false,
                _ => true,
            };
            fields.contains_key("decision")
                || fields.get("sallyport").is_some_and(|sallyport| sallyport == "candidate")
                || fields.get("region").is_some_and(is_region)
                || fields.values().any(is_ours)
        }
        _ => false,
    }
}

/// The milliseconds of a time.
fn fraction(time: &str) -> String {
    let digits = time.split_once('.').map_or("", |(_, rest)| rest);
    let digits: String = digits.chars().take_while(char::is_ascii_digit).take(3).collect();
    format!("{digits:0<3}")
}

/// The filter's own line about a configuration that it has taken: which, and when. `route`: of the gateway.
pub(super) fn taken<'l>(line: &'l str, route: &str) -> Option<(&'l str, i64)> {
    let Form::Wasm { before, message } = Form::of(line) else { return None };
    let policy = message.strip_prefix(TAKEN)?;
    let (_, mark) = policy.strip_prefix(route)?.strip_prefix(':')?.split_once("in force as ")?;
    Some((mark.split_whitespace().next()?, moment_before(before)?))
}

/// The time before a line: Envoy's `[2026-11-25 09:25:22.181]`, or a word that is one, of Istio or of a container's log.
fn moment_before(text: &str) -> Option<i64> {
    let of_envoy = || {
        let start = text.find("[20")?;
        let time = text.get(start.saturating_add(1)..start.saturating_add(20))?;
        moment(&format!("{}Z", time.replacen(' ', "T", 1)))
    };
    of_envoy().or_else(|| text.split_whitespace().find_map(moment))
}

#[cfg(test)]
mod tests;
