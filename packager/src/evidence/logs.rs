//! Logs of gateways: our JSON access log, and the filter's examples of what a candidate would change.
//!
//! # Design
//! An access log has a line for each request, so its lines are counted. Examples are limited to a few a second, so they show
//! requests and count nothing.

use std::path::PathBuf;

use sallyport_core::verdict::Trial;
use sallyport_egress::evidence::{Answers, Counted, Entry, Observed, Pair};
use sallyport_egress::meaning::{Change, Region};
use sallyport_egress::rollout::{Standing, moment};
use serde_json::Value;

use super::examples::{Example, Examples};
use super::subject::Subject;
use crate::exit::Failure;
use crate::input::lines::each_line;

/// So many callers are counted by name, in all and in regions; the rest is summed, as the gateways do.
const MOST_CALLERS: usize = 10_000;

/// What logs say of one gateway.
#[derive(Clone, Debug, Default)]
pub(super) struct Logged {
    pub(super) observed: Observed,
    pub(super) examples: Examples,
    first: Option<i64>,
    /// Whether a line shows that the gateway evaluates the candidate.
    is_proven: bool,
}

/// Reads all logs once, for all gateways.
pub(super) fn read(logs: &[PathBuf], subjects: &[Subject<'_>]) -> Result<Vec<Logged>, Failure> {
    let mut logged = vec![Logged::default(); subjects.len()];
    for path in logs {
        let line = |line: &[u8]| {
            let line = String::from_utf8_lossy(line);
            match json_of(line.trim_end()) {
                Some((fields, before)) => take(&fields, before, subjects, &mut logged),
                None => subjects.iter().zip(&mut logged).for_each(|(subject, logged)| logged.prove(&line, subject)),
            }
        };
        each_line(path, |_| {}, line)?;
    }
    for one in &mut logged {
        if !one.is_proven && one.observed.requests.is_some() {
            // A gateway without the candidate logs the same lines.
            one.observed = Observed { now: one.observed.now, is_unproven: true, ..Observed::default() };
        }
        one.observed.seconds = one.first.map_or(0.0, |first| one.observed.now - first as f64).max(0.0);
    }
    Ok(logged)
}

/// The JSON object of a line, and what `kubectl logs` or Envoy writes before it.
fn json_of(line: &str) -> Option<(Value, &str)> {
    let (before, json) = line.split_at_checked(line.find('{')?)?;
    serde_json::from_str::<Value>(json).ok().filter(Value::is_object).map(|fields| (fields, before))
}

fn text<'f>(fields: &'f Value, name: &str) -> Option<&'f str> {
    fields.get(name)?.as_str().filter(|text| !matches!(*text, "" | "-"))
}

fn take(fields: &Value, before: &str, subjects: &[Subject<'_>], logged: &mut [Logged]) {
    let host = text(fields, "host").map(|host| host.split(':').next().unwrap_or(host));
    let region = text(fields, "region");
    let at = text(fields, "time").and_then(moment).or_else(|| moment_before(before));
    let by_host = |subject: &Subject<'_>| subject.egress.hosts().any(|own| Some(&**own) == host);
    // Of a request that went on, the log has the upstream's host.
    let by_rest = |subject: &Subject<'_>| {
        let is_upstream = host.is_some_and(|host| subject.upstream == host);
        is_upstream || region.is_some_and(|id| subject.regions.iter().any(|region| region.id == id))
    };
    let is_told = subjects.iter().any(by_host);
    let is_own = |subject: &Subject<'_>| if is_told { by_host(subject) } else { by_rest(subject) };
    // Where it is not known whose a line is, it speaks against all of them, and for none.
    let is_open = subjects.iter().filter(|subject| is_own(subject)).count() > 1;
    if is_open && region.is_none() {
        return;
    }
    for (subject, logged) in subjects.iter().zip(logged).filter(|(subject, _)| is_own(subject)) {
        take_own(fields, (region, at), subject, logged);
    }
}

fn take_own(fields: &Value, (region, at): (Option<&str>, Option<i64>), subject: &Subject<'_>, logged: &mut Logged) {
    if at.is_some_and(|at| at < subject.since) {
        return;
    }
    if text(fields, "sallyport") == Some("candidate") {
        if let (Some(region), Some(example)) = (region, example(fields, at)) {
            logged.examples.note(region, caller(fields), example);
        }
    } else if let (Some(decision), Some(at)) = (text(fields, "decision"), at) {
        logged.count(fields, decision == "allowed", at, subject);
    }
}

impl Logged {
    /// The filter's own line about a configuration that it has taken.
    fn prove(&mut self, line: &str, subject: &Subject<'_>) {
        let Some((before, policy)) = line.split_once("policy for ") else { return };
        let is_own = policy.strip_prefix(&*subject.egress.route()).is_some_and(|rest| rest.starts_with(':'));
        let is_ours = policy.split_once("in force as ").is_some_and(|(_, mark)| mark.trim_end() == subject.mark);
        self.is_proven |= is_own && is_ours && moment_before(before).is_none_or(|at| at >= subject.since);
    }

    fn count(&mut self, fields: &Value, is_allowed: bool, at: i64, subject: &Subject<'_>) {
        let (found, mut who) = (&mut self.observed, caller(fields));
        if !found.callers.contains_key(&who) && found.callers.len() >= MOST_CALLERS {
            who = Counted::Others;
        }
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
        found.now = found.now.max(at as f64);
        found.knows_answers = true;
        *found.callers.entry(who.clone()).or_default() += 1.0;
        *found.requests.get_or_insert(0.0) += 1.0;
        if is_allowed {
            let status = fields.get("status").map(|status| status.to_string().trim_matches('"').to_owned());
            let answers = found.answers.get_or_insert(Answers { all: 0.0, errors: 0.0 });
            answers.all += 1.0;
            answers.errors += if status.is_some_and(|status| status.starts_with('5')) { 1.0 } else { 0.0 };
        }
        let Some(region) = text(fields, "region") else { return };
        let change = subject.regions.iter().find(|known| known.id == region).map(Region::change);
        self.is_proven |= match (subject.standing, change) {
            (Standing::Proposed | Standing::Shadow, _) => true,
            // At these stages such a line shows that the candidate decided; in others it may be of the stage before.
            (_, Some(Change::Narrowed)) => !is_allowed,
            (_, Some(Change::Widened)) => is_allowed,
            (_, Some(_) | None) => false,
        };
        let pair = pair(change, is_allowed, subject.standing);
        let mut entry = Entry { region: region.to_owned(), pair, caller: who.clone() };
        if !found.entries.contains_key(&entry) && found.entries.len() >= MOST_CALLERS {
            entry.caller = Counted::Others;
            if !subject.regions.iter().any(|known| known.id == region) {
                Trial::OTHER.clone_into(&mut entry.region);
            }
        }
        *found.entries.entry(entry.clone()).or_default() += 1.0;
        let last = found.seen.entry(entry.region.clone()).or_default();
        *last = last.max(at as f64);
        found.first.entry(entry).and_modify(|first| *first = first.min(at as f64)).or_insert(at as f64);
        let request = example(fields, Some(at));
        if let Some(request) = request {
            self.examples.note(region, who, request);
        }
    }
}

/// What both policies decide of a request of a region.
fn pair(change: Option<Change>, is_allowed: bool, standing: Standing) -> Pair {
    match (change, standing) {
        (Some(Change::Narrowed), _) => Pair::Narrowed,
        (Some(Change::Widened), _) => Pair::Widened,
        (Some(_), _) => {
            if is_allowed {
                Pair::Allowed
            } else {
                Pair::Refused
            }
        }
        // The candidate decides, so what is refused may have been allowed.
        (None, Standing::Enforce) => {
            if is_allowed {
                Pair::Widened
            } else {
                Pair::Narrowed
            }
        }
        (None, Standing::Canary(_)) => Pair::Narrowed,
        (None, _) => {
            if is_allowed {
                Pair::Narrowed
            } else {
                Pair::Widened
            }
        }
    }
}

/// Who sent it: by a trusted forwarder, or by its certificate.
fn caller(fields: &Value) -> Counted {
    let peer = text(fields, "principal").filter(|peer| !peer.contains(','));
    let found = text(fields, "caller").or(peer).map(|name| name.strip_prefix("spiffe://").unwrap_or(name));
    found.map_or(Counted::Anonymous, |name| Counted::Principal(name.to_owned()))
}

fn example(fields: &Value, at: Option<i64>) -> Option<Example> {
    let of = |name: &str| text(fields, name).map(str::to_owned);
    let headers = fields.get("headers").and_then(Value::as_object).into_iter().flatten();
    let headers = headers.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect();
    Some(Example {
        method: of("method")?,
        host: of("host")?,
        path: of("path")?,
        headers,
        at,
        id: of("id").or_else(|| of("requestId")),
    })
}

/// The time that Envoy writes before a line: `[2026-11-25 09:25:22.181]`.
fn moment_before(text: &str) -> Option<i64> {
    let start = text.find("[20")?;
    let time = text.get(start.saturating_add(1)..start.saturating_add(20))?;
    moment(&format!("{}Z", time.replacen(' ', "T", 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_callers_are_read() {
        assert_eq!(moment_before("[2026-11-25 09:25:22.181][12][info][wasm] x "), moment("2026-11-25T09:25:22Z"));
        assert_eq!(moment_before("[pod/gateway] [2026-11-25 09:25"), None);
        let who = |json: &str| caller(&serde_json::from_str(json).unwrap());
        let principal = |name: &str| Counted::Principal(name.to_owned());
        assert_eq!(who(r#"{"principal":"spiffe://td/ns/a/sa/b","caller":"-"}"#), principal("td/ns/a/sa/b"));
        assert_eq!(who(r#"{"principal":"spiffe://td/ns/a/sa/b","caller":"x/ns/c/sa/d"}"#), principal("x/ns/c/sa/d"));
        assert_eq!(who(r#"{"principal":"spiffe://a,spiffe://b"}"#), Counted::Anonymous);
        assert_eq!(who(r#"{"principal":null}"#), Counted::Anonymous);
    }

    #[test]
    fn a_line_is_its_json() {
        assert_eq!(json_of("[pod/a] {\"a\":1}").map(|(_, before)| before.to_owned()), Some("[pod/a] ".to_owned()));
        for line in ["", "GET /", "{", "{\"a\":1", "[1]"] {
            assert!(json_of(line).is_none(), "{line}");
        }
    }
}
