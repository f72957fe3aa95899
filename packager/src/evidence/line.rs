//! One line of a log: what it says, and whether that can be read.

use sallyport_core::verdict::Trial;
use sallyport_egress::evidence::{Counted, Pair};
use sallyport_egress::learn::LONGEST_LINE;
use sallyport_egress::rollout::moment;
use serde_json::{Deserializer, Value};

use super::examples::Example;

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

/// What shows that a line would count, where its JSON cannot be read.
const SIGNS: [&str; 3] = ["\"sallyport\":\"candidate\"", "\"region\":", "\"decision\":"];

impl Line {
    pub(super) fn read(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let has_sign = |text: &str| SIGNS.iter().any(|sign| text.contains(sign));
        if bytes.len() > LONGEST_LINE {
            return if has_sign(&text) { Self::Broken(None, "it is too long") } else { Self::Other };
        }
        let Some(record) = Record::of(&text) else {
            return if has_sign(&text) { Self::Broken(None, "its JSON is broken or cut off") } else { Self::Other };
        };
        if record.text("sallyport") == Some("candidate") {
            return match (record.text("region"), record.at) {
                (None, _) => Self::Broken(Some(record), "it has no `region`"),
                (_, None) => Self::Broken(Some(record), "it has no time"),
                _ => Self::Example(record),
            };
        }
        let is_within = || SIGNS.iter().any(|sign| text.contains(&sign.replace('"', "\\\"")));
        match record.fields.get("decision") {
            // A logger that writes JSON has put the line into a text of it.
            None if is_within() => Self::Broken(Some(record), "its JSON is within another one"),
            // A region of the cloud is none of ours.
            None if !record.region().is_some_and(is_id) => Self::Other,
            _ => record.request(),
        }
    }
}

impl Record {
    /// The JSON object of a line, whatever `kubectl logs`, Istio or Envoy write before and behind it.
    fn of(line: &str) -> Option<Self> {
        let start = line.find("{\"sallyport\"").or_else(|| line.find('{'))?;
        let (before, json) = line.split_at_checked(start)?;
        let fields = Deserializer::from_str(json).into_iter::<Value>().next()?.ok().filter(Value::is_object)?;
        let record = Self { fields, at: None };
        let at = record.text("time").and_then(moment).or_else(|| moment_before(before));
        Some(Self { at, ..record })
    }

    /// A line of the access log.
    fn request(self) -> Line {
        let is_error = self.is_error();
        let decision = match (self.text("decision"), is_error) {
            (Some("allowed"), Some(is_error)) => Decision::Allowed { is_error },
            (Some("allowed"), None) => return Line::Broken(Some(self), "it has no `status`"),
            (Some("refused"), _) => Decision::Refused,
            (Some(_), _) => return Line::Broken(Some(self), "its `decision` is neither `allowed` nor `refused`"),
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

    /// All that it says, the same for each way in which it can be written.
    pub(super) fn whole(&self) -> String {
        format!("{:?} {}", self.at, self.fields)
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

/// The filter's own line about a configuration that it has taken: which, and when. `route`: of the gateway.
pub(super) fn taken<'l>(line: &'l str, route: &str) -> Option<(&'l str, i64)> {
    let (before, policy) = line.split_once(TAKEN)?;
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
        let who = |json: &str| Record::of(json).unwrap().caller();
        let principal = |name: &str| Counted::Principal(name.to_owned());
        assert_eq!(who(r#"{"principal":"spiffe://td/ns/a/sa/b","caller":"-"}"#), principal("td/ns/a/sa/b"));
        assert_eq!(who(r#"{"principal":"spiffe://td/ns/a/sa/b","caller":"x/ns/c/sa/d"}"#), principal("x/ns/c/sa/d"));
        assert_eq!(who(r#"{"principal":"spiffe://a,spiffe://b"}"#), Counted::Anonymous);
        assert_eq!(who(r#"{"principal":null}"#), Counted::Anonymous);
    }

    #[test]
    fn what_would_count_and_cannot_be_read_is_broken() {
        let why = |line: &str| match Line::read(line.as_bytes()) {
            Line::Broken(_, why) => why,
            other => panic!("{other:?}"),
        };
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
            "{\"a\":1",
            "[1]",
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
        let line = "policy for a/b: 3 rules, shadow, in force as 0123456789abcdef";
        assert_eq!(taken(&format!("[2026-11-25 09:25:22.181] {line}")), Some(("0123456789abcdef".to_owned(), at)));
        assert_eq!(taken(&format!("2026-11-25T09:25:22Z\tinfo\t{line}\tthread=1")).map(|(_, at)| at), Some(at));
        // Without a time it may be of any.
        assert_eq!(taken(line), None);
        assert_eq!(taken(&format!("[2026-11-25 09:25:22.181] {}", line.replace("a/b", "a/bc"))), None);
    }
}
