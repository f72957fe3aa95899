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
mod tests {
    use super::*;

    #[test]
    fn times_and_callers_are_read() {
        let time = moment("2026-11-25T09:25:22Z");
        for (text, at) in [
            ("[2026-11-25 09:25:22.181][12][info][wasm] x ", time),
            ("2026-11-25T09:25:22.181Z\tinfo\tenvoy wasm x\t", time),
            ("2026-11-25T09:25:22.181Z stdout F ", time),
            ("[pod/gateway] [2026-11-25 09:25", None),
        ] {
            assert_eq!(moment_before(text), at, "{text}");
        }
        let who = |json: &str| Record::of("", json).unwrap().0.caller();
        let principal = |name: &str| Counted::Principal(name.to_owned());
        assert_eq!(who(r#"{"principal":"spiffe://td/ns/a/sa/b","caller":"-"}"#), principal("td/ns/a/sa/b"));
        assert_eq!(who(r#"{"principal":"spiffe://td/ns/a/sa/b","caller":"x/ns/c/sa/d"}"#), principal("x/ns/c/sa/d"));
        assert_eq!(who(r#"{"principal":"spiffe://a,spiffe://b"}"#), Counted::Anonymous);
        assert_eq!(who(r#"{"principal":null}"#), Counted::Anonymous);
    }

    fn why(line: &str) -> &'static str {
        match Line::read(line.as_bytes()) {
            Line::Broken(_, why) => why,
            other => panic!("{line:.200}: {other:?}"),
        }
    }

    #[test]
    fn what_would_count_and_cannot_be_read_is_broken() {
        let time = r#""time":"2026-11-25T09:25:22Z""#;
        for (line, reason) in [
            (r#"[pod/a] {"sallyport":"candidate","region":"a"}"#.to_owned(), "it has no time"),
            (format!(r#"{{"sallyport":"candidate",{time}}}"#), "it has no `region`"),
            (format!(r#"{{{time},"region":"a","deci"#), "its JSON is broken or cut off"),
            (r#"x {"sallyport":"candidate","region":"#.to_owned(), "its JSON is broken or cut off"),
            (format!(r#"{{{time},"region":"5f2a09c1b7de"}}"#), "it has a `region` and no `decision`"),
            (format!(r#"{{{time},"region":"other","decision":null}}"#), "it has a `region` and no `decision`"),
            (r#"{"region":null,"decision":"allowed","status":200}"#.to_owned(), "it has no time"),
            (format!(r#"{{{time},"decision":"allowed"}}"#), "it has no `status`"),
            (format!(r#"{{{time},"decision":"allowed","status":"many"}}"#), "it has no `status`"),
            (format!(r#"{{{time},"decision":"allowed","status":1000}}"#), "it has no `status`"),
            (format!(r#"{{{time},"decision":"maybe"}}"#), "its `decision` is neither `allowed` nor `refused`"),
            (format!(r#"{{{time},"msg":"x {{\"sallyport\":\"candidate\"}}"}}"#), "its JSON is within another one"),
            (format!(r#"{{{time},"decision":"{}"}}"#, "x".repeat(LONGEST_LINE)), "it is too long"),
            ("x".repeat(LONGEST_LINE + 1), "it is too long"),
            (format!(r#"{{{time},"region":["5f2a09c1b7de"],"decision":"allowed"}}"#), "its `region` is no text"),
            (format!(r#"{{{time},"region":5,"decision":"allowed"}}"#), "its `region` is no text"),
            (format!(r#"{{{time},"region":{{"id":"5f2a09c1b7de"}}}}"#), "its `region` is no text"),
            (format!(r#"{{{time},"decision":["allowed"],"status":200}}"#), NO_DECISION),
            (
                format!(r#"{{{time},"region":"5f2a09c1b7de","decision":"allowed","region":null,"status":200}}"#),
                "it has `region` or `decision` twice",
            ),
        ] {
            assert_eq!(why(&line), reason, "{line:.200}");
        }
    }

    /// What is read of a line is the one object at its beginning, so nothing of ours is in the rest.
    #[test]
    fn what_is_not_read_of_a_line_hides_nothing() {
        let ours = r#"{"time":"2026-11-25T09:25:22Z","region":"5f2a09c1b7de","decision":"allowed","status":200}"#;
        let spaced = ours.replace("\":", "\" : ");
        let none = r#"{"time":"2026-11-25T09:25:22Z","region":null,"decision":"allowed","status":200}"#;
        let behind = "more stands behind its JSON";
        let list = "its JSON is a list";
        for (line, reason) in [
            (format!("{none}{ours}"), behind),
            (format!("{none}\r{ours}"), behind),
            (format!("{{}} {spaced}"), behind),
            (format!(r#"{{"app":"gateway"}} {ours}"#), behind),
            (format!(r#"{none} {{"ti"#), behind),
            (format!(r#"{{"a":1}} "{}""#, ours.replace('"', "\\\"")), behind),
            (format!("[{ours}]"), list),
            (format!("[ {none},{ours}]"), list),
            (format!(r#"{{"timestamp":"x","jsonPayload":{ours}}}"#), WITHIN),
            (format!(r#"{{"a":[{{"b":{ours}}}]}}"#), WITHIN),
            (r#"{"a":{"sallyport":"candidate"}}"#.to_owned(), WITHIN),
            (format!(r#"{{"log":"{}"}}"#, spaced.replace('"', "\\\"")), WITHIN),
            (ours[..30].to_owned(), CUT),
            (ours[..3].to_owned(), CUT),
            (format!("2026-11-25T09:25:22Z stdout P {}", &ours[..30]), CUT),
            (ours[45..].to_owned(), CUT),
            (ours[60..].to_owned(), CUT),
            (ours[70..].to_owned(), CUT),
            (spaced[..spaced.len() - 3].to_owned(), CUT),
            (format!("[2026-11-25 09:25:22.181][12][info][wasm] wasm log a: {}", r#"{"sallyport":"cand"#), CUT),
            (format!("user: {ours}"), "what stands before its JSON, or before what the filter says, is not known"),
        ] {
            assert_eq!(why(&line), reason, "{line:.200}");
        }
    }

    #[test]
    fn a_line_is_its_json() {
        for line in [
            "",
            "GET /",
            "{",
            "[1]",
            "{ key: value }",
            "{ name: \"x\" }",
            "cluster { name: \"x\" }",
            r#"{"labels":{"region":"eu-1"}}"#,
            r#"{"status":503,"region":"eu-1"}"#,
            r#"{"status":200,"decision":null}"#,
        ] {
            assert!(matches!(Line::read(line.as_bytes()), Line::Other), "{line}");
        }
        let read = |json: &str| match Line::read(format!("[2026-11-25 09:25:22.181] {json}\tthread=12").as_bytes()) {
            Line::Request(_, decision) => Some(decision),
            Line::Example(_) => None,
            other => panic!("{other:?}"),
        };
        for (json, decision) in [
            (r#"{"decision":"allowed","status":200}"#, Some(Decision::Allowed { is_error: false })),
            (r#"{"decision":"allowed","status":0}"#, Some(Decision::Allowed { is_error: false })),
            (r#"{"decision":"allowed","status":"503"}"#, Some(Decision::Allowed { is_error: true })),
            (r#"{"decision":"refused","status":403}"#, Some(Decision::Refused)),
            (r#"{"decision":null,"status":503}"#, Some(Decision::Failed)),
            (r#"{"sallyport":"candidate","region":"a"}"#, None),
        ] {
            assert_eq!(read(json), decision, "{json}");
        }
        let taken = |line: &str| taken(line, "a/b").map(|(mark, at)| (mark.to_owned(), at));
        let at = moment("2026-11-25T09:25:22Z").unwrap();
        let line = "wasm log b: policy for a/b: 3 rules, shadow, in force as 0123456789abcdef";
        let envoy = format!("[2026-11-25 09:25:22.181][1][info][wasm] {line}");
        assert_eq!(taken(&envoy), Some(("0123456789abcdef".to_owned(), at)));
        let istio = format!("2026-11-25T09:25:22Z\tinfo\tenvoy wasm x.cc:1\t{line}\tthread=1");
        assert_eq!(taken(&istio).map(|(_, at)| at), Some(at));
        // In another form it may be of anyone.
        assert_eq!(taken(line), None);
        assert_eq!(taken(&envoy.replace("wasm log b: ", "")), None);
        assert_eq!(taken(&envoy.replace("[wasm]", "[lua]")), None);
        assert_eq!(taken(&envoy.replace("a/b", "a/bc")), None);
        for text in [
            format!(r#"{{"time":"x","decision":null,"userAgent":"{envoy}"}}"#),
            format!(r#"[2026-11-25T09:25:22.181Z] "GET / HTTP/1.1" 200 - "{envoy} ""#),
        ] {
            assert_eq!(taken(&text), None, "{text}");
            assert!(matches!(Line::read(text.as_bytes()), Line::Other), "{text}");
        }
    }

    /// What gateways log beside requests.
    #[test]
    fn lines_of_others_are_none_of_ours() {
        for line in [
            "[2026-11-23 17:50:19.515][8764][info][main] [source/server/server.cc:430] initializing epoch 0 (base id=0)",
            "[2026-11-23 17:50:19.515][8764][warning][config] gRPC config for x rejected: {\"a\":1, \"region\":2}",
            "[2026-11-23 17:50:19.515][8764][info][lua] script log: {\"decision\":\"allowed\"}",
            "[2026-11-23 17:50:19.515][8764][info][wasm] wasm log other: {\"a\":",
            "[2026-11-23 17:50:19.515][8764][info][wasm] wasm log a: allowed shadow=refused path=\"/{\\\"region\\\":1}\"",
            "2026-11-25T09:25:22.181000Z\tinfo\txdsproxy\tconnected to upstream XDS server: istiod.istio-system.svc:15012",
            "2026-11-25T09:25:22.181000Z\tinfo\tads\tADS: \"127.0.0.1:5000\" {\"x\":",
            "2026-11-25T09:25:22.181000Z\tinfo\tEffective config: binaryPath: /usr/local/bin/envoy",
            "'user-agent', '{\"decision\":\"allowed\",\"status\":200}'",
            "[2026-11-18T11:06:41.000Z] \"GET /x HTTP/1.1\" 200 - \"{\"sallyport\":\"candidate\",\"region\":\"a\"}\" \"id\"",
            r#"{"start_time":"x","response_code":200,"user_agent":"{\"decision\":\"allowed\"}"}"#,
        ] {
            assert!(matches!(Line::read(line.as_bytes()), Line::Other), "{line}");
        }
    }
}
