//! Counters and log lines: kept here, and given to the host from time to time.
//!
//! # Design
//!
//! A request costs a few additions in memory and no host call. The number of names is bounded: the first 1,000 rules have
//! counters of their own, the others share one set.

mod example;
mod trial;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

pub use self::example::example;
use self::trial::Trials;
pub use self::trial::{MAX_ACTIVE, MAX_NAMED, in_metric};
use crate::engine::Engine;
use crate::health::Admission;
use crate::request::view::RequestView;
use crate::text::halves;
use crate::verdict::{Ambiguity, Decision, Reason, Refusal, Shadow, Trial, Verdict};

/// Rules with counters of their own.
pub const MAX_COUNTED_RULES: usize = 1000;
/// Log lines of one kind between two flushes.
pub const LINES_PER_FLUSH: u32 = 5;
/// Longest value in a log line, in bytes before escaping.
const MAX_LOGGED: usize = 256;

const ALLOWED: usize = 0;
const DENIED: usize = 1;
const NOT_ALLOWED: usize = 2;
const NO_IDENTITY: usize = 3;
const NO_POLICY: usize = 4;
const WOULD_ALLOW: usize = 5;
const WOULD_REFUSE: usize = 6;
const UPSTREAM_DOWN: usize = 7;
const FAILED_OVER: usize = 8;
const AMBIGUOUS: usize = 9;
const TOTALS: usize = AMBIGUOUS + Ambiguity::ALL.len();
const TOTAL_NAMES: [&str; AMBIGUOUS] = [
    "allowed",
    "denied",
    "not_allowed",
    "no_identity",
    "no_policy",
    "would_allow",
    "would_refuse",
    "upstream_down",
    "failed_over",
];

const PER_RULE: [&str; 5] = ["allowed", "denied", "audited", "would_allow", "would_refuse"];

/// A number that shows whether two gateways have the same configuration: FNV-1a, 32 bits (a gauge keeps no more exactly).
/// It is no protection against configurations that are made to collide.
#[must_use]
pub fn policy_hash(configuration: &[u8]) -> u32 {
    configuration.iter().fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

/// What happened since the last flush.
#[derive(Debug)]
pub struct Counters {
    values: Vec<u64>,
    rules: usize,
    dirty: bool,
    /// Where there is a candidate beside the policy in force.
    trials: Option<Trials>,
}

impl Counters {
    /// Counters for a policy.
    #[must_use]
    pub fn new(engine: &Engine) -> Self {
        Self::of(engine.rule_ids().len(), engine.candidate_digest().map(|_| Trials::new(engine.region_ids().len())))
    }

    fn of(rule_count: usize, trials: Option<Trials>) -> Self {
        // One more set, for all rules beyond the limit.
        let rules = rule_count.min(MAX_COUNTED_RULES);
        let length = TOTALS.saturating_add(rules.saturating_add(1).saturating_mul(PER_RULE.len()));
        Self { values: vec![0; length], rules, dirty: false, trials }
    }

    /// Counts a decision.
    pub fn record(&mut self, decision: &Decision<'_>) {
        match &decision.verdict {
            Verdict::Continue(permit) => {
                self.add(ALLOWED);
                if let Some(rule) = permit.rule() {
                    self.add_rule(rule.index, 0);
                }
            }
            Verdict::Refuse(refusal) => {
                self.add(total_of(refusal.reason));
                if let Some(rule) = refusal.rule {
                    self.add_rule(rule.index, 1);
                }
            }
        }
        match &decision.shadow {
            Some(Shadow::WouldContinue(rule)) => {
                self.add(WOULD_ALLOW);
                self.add_rule(rule.index, 3);
            }
            Some(Shadow::WouldRefuse(refusal)) => {
                self.add(WOULD_REFUSE);
                if let Some(rule) = refusal.rule {
                    self.add_rule(rule.index, 4);
                }
            }
            None => {}
        }
        for rule in &decision.audits {
            self.add_rule(rule.index, 2);
        }
        if let Some(trials) = &mut self.trials {
            trials.record(decision);
        }
    }

    /// Regions of a candidate's change that were entered since this was asked, by their ids.
    pub fn entered<'e>(&mut self, engine: &'e Engine) -> Vec<&'e str> {
        self.trials.as_mut().map(|trials| trials.entered(engine)).unwrap_or_default()
    }

    /// Counts where an allowed request goes, if that is not the upstream: it has been counted as allowed.
    pub fn record_admission(&mut self, admission: Admission) {
        match admission {
            Admission::To(0) => {}
            Admission::To(_) => self.add(FAILED_OVER),
            Admission::Refused => self.add(UPSTREAM_DOWN),
        }
    }

    fn add(&mut self, slot: usize) {
        if let Some(value) = self.values.get_mut(slot) {
            *value = value.saturating_add(1);
            self.dirty = true;
        }
    }

    fn add_rule(&mut self, index: u32, kind: usize) {
        let set = usize::try_from(index).unwrap_or(usize::MAX).min(self.rules);
        self.add(TOTALS.saturating_add(set.saturating_mul(PER_RULE.len())).saturating_add(kind));
    }

    /// Emits every counter that has grown, as (slot, increase), and starts again at zero. A slot keeps its meaning for as
    /// long as the policy is in force.
    pub fn drain(&mut self, mut emit: impl FnMut(usize, u64)) {
        if !core::mem::take(&mut self.dirty) {
            return;
        }
        for (slot, value) in self.values.iter_mut().enumerate() {
            match core::mem::take(value) {
                0 => {}
                increase => emit(slot, increase),
            }
        }
        if let Some(trials) = &mut self.trials {
            let first = self.values.len();
            trials.drain(|metric, increase| emit(first.saturating_add(metric), increase));
        }
    }

    /// The metric name of a slot: `sallyport.requests.VERDICT`, `sallyport.requests.ambiguous.KIND`,
    /// `sallyport.rule.ID.VERDICT`, `sallyport.caller.MARK.CALLER`, `sallyport.region.MARK.REGION.PAIR.CALLER`; the rules beyond the first 1,000 share `sallyport.other_rules.VERDICT`.
    #[must_use]
    pub fn name(&self, slot: usize, engine: &Engine) -> String {
        if let Some(name) = TOTAL_NAMES.get(slot) {
            return format!("sallyport.requests.{name}");
        }
        if let Some(kind) = slot.checked_sub(AMBIGUOUS).and_then(|kind| Ambiguity::ALL.get(kind)) {
            return format!("sallyport.requests.ambiguous.{}", kind.as_str());
        }
        if let (Some(metric), Some(trials)) = (slot.checked_sub(self.values.len()), &self.trials) {
            return trials.name(metric, engine);
        }
        let offset = slot.saturating_sub(TOTALS);
        let set = offset.checked_div(PER_RULE.len()).unwrap_or(0);
        let verdict = offset.checked_rem(PER_RULE.len()).and_then(|kind| PER_RULE.get(kind)).unwrap_or(&"");
        match engine.rule_ids().nth(set).filter(|_| set < self.rules) {
            Some(id) => format!("sallyport.rule.{id}.{verdict}"),
            None => format!("sallyport.other_rules.{verdict}"),
        }
    }
}

fn total_of(reason: Reason) -> usize {
    match reason {
        Reason::Denied => DENIED,
        Reason::NotAllowed => NOT_ALLOWED,
        Reason::NoIdentity => NO_IDENTITY,
        Reason::NoPolicy => NO_POLICY,
        Reason::UpstreamDown => UPSTREAM_DOWN,
        Reason::Ambiguous(kind) => {
            let position = Ambiguity::ALL.iter().position(|known| *known == kind).unwrap_or(0);
            AMBIGUOUS.saturating_add(position)
        }
    }
}

/// Which log lines may be written: a few of each kind between two flushes.
#[derive(Debug, Default)]
pub struct LogLimit {
    written: [u32; Self::KINDS],
    suppressed: u64,
    /// Regions of which an example was written, one bit each.
    regions: u64,
}

impl LogLimit {
    const KINDS: usize = 8;
    const EXAMPLE: usize = 7;

    /// Whether a line about this decision may be written now; counts it either way.
    pub fn admit(&mut self, decision: &Decision<'_>) -> bool {
        let kind = match (&decision.verdict, &decision.shadow) {
            (Verdict::Continue(_), _) if decision.trial.is_some() => return false,
            (Verdict::Refuse(refusal), _) => match refusal.reason {
                Reason::Denied => 0,
                Reason::NotAllowed => 1,
                Reason::NoIdentity => 2,
                Reason::Ambiguous(_) => 3,
                Reason::NoPolicy => 4,
                // Each change of the gate has a line, and each refusal is counted; a line per request would add nothing.
                Reason::UpstreamDown => return false,
            },
            (Verdict::Continue(_), Some(_)) => 5,
            (Verdict::Continue(_), None) if !decision.audits.is_empty() => 6,
            (Verdict::Continue(_), None) => return false,
        };
        self.admit_kind(kind)
    }

    /// Whether an example of this region may be written now: one, and not too many together.
    pub fn admit_example(&mut self, trial: &Trial<'_>) -> bool {
        let bit = u32::try_from(trial.region).ok().and_then(|region| 1_u64.checked_shl(region)).unwrap_or(0);
        let is_told = self.regions & bit != 0;
        self.regions |= bit;
        !is_told && self.admit_kind(Self::EXAMPLE)
    }

    fn admit_kind(&mut self, kind: usize) -> bool {
        let Some(written) = self.written.get_mut(kind) else { return false };
        if *written >= LINES_PER_FLUSH {
            self.suppressed = self.suppressed.saturating_add(1);
            return false;
        }
        *written = written.saturating_add(1);
        true
    }

    /// Starts a new interval. How many lines were suppressed in the last one.
    pub fn refill(&mut self) -> u64 {
        (self.written, self.regions) = ([0; Self::KINDS], 0);
        core::mem::take(&mut self.suppressed)
    }
}

/// One line about a decision: `refused reason=denied rule=no-admin method="GET" host="..." path="..." peer="..."
/// id="..."`. Whatever the caller sent is escaped and truncated; the query is left out, because it may contain secrets.
#[must_use]
pub fn log_line(decision: &Decision<'_>, view: &RequestView<'_>) -> String {
    let mut line = String::new();
    match &decision.verdict {
        Verdict::Refuse(refusal) => push_refusal(&mut line, "refused", refusal),
        Verdict::Continue(_) => line.push_str("allowed"),
    }
    match &decision.shadow {
        Some(Shadow::WouldRefuse(refusal)) => push_refusal(&mut line, " shadow=refused", refusal),
        Some(Shadow::WouldContinue(rule)) => {
            let _ = write!(line, " shadow=allowed rule={}", rule.id);
        }
        None => {}
    }
    for rule in decision.audits.iter().take(8) {
        let _ = write!(line, " audit={}", rule.id);
    }
    for (label, name) in
        [("method", &b":method"[..]), ("host", b":authority"), ("path", b":path"), ("id", b"x-request-id")]
    {
        if let Some((_, value)) = view.headers.iter().find(|(key, _)| *key == name) {
            let value = if label == "path" { halves(value, b'?').0 } else { value };
            push_quoted(&mut line, label, value);
        }
    }
    if let Some(peer) = view.peer.uri_san {
        push_quoted(&mut line, "peer", peer);
    }
    line
}

fn push_refusal(line: &mut String, word: &str, refusal: &Refusal<'_>) {
    let _ = write!(line, "{word} reason={}", refusal.reason.as_str());
    if let Reason::Ambiguous(kind) = refusal.reason {
        let _ = write!(line, " kind={}", kind.as_str());
    }
    if let Some(rule) = refusal.rule {
        let _ = write!(line, " rule={}", rule.id);
    }
}

fn push_quoted(line: &mut String, label: &str, value: &[u8]) {
    let cut = value.get(..MAX_LOGGED);
    let _ = write!(line, " {label}=\"{}\"", cut.unwrap_or(value).escape_ascii());
    if cut.is_some_and(|cut| cut.len() < value.len()) {
        line.push_str("...");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine() -> Engine {
        Engine::from_json(
            br#"{"version":1,"upstream":"a/b","rules":[
              {"id":"r","action":"ALLOW","to":[{"operation":{"paths":["/r"]}}]},
              {"id":"d","action":"DENY","stage":"shadow","to":[{"operation":{"paths":["/r"]}}]}]}"#,
        )
        .unwrap()
    }

    /// A policy with a candidate that refuses `/b` and allows `/c`; `more` is behind the rules, with a comma before it.
    pub(super) fn candidate(more: &str) -> Engine {
        let allow = |id: &str, paths: &str| {
            format!(r#"{{"id":"{id}","action":"ALLOW","to":[{{"operation":{{"paths":[{paths}]}}}}]}}"#)
        };
        let (old, new) = (allow("read", r#""/a","/b""#), allow("read", r#""/a","/c""#));
        let json = format!(
            r#"{{"version":1,"upstream":"a/b","trustDomain":"td","stage":"shadow","rules":[{old}, {identity}{more}],
              "candidate":{{"policy":"","candidate":"","rules":[{new}],"regions":[{{"id":"aaaaaaaaaaaa",
               "inForce":["allowed:read"],"candidate":["not_allowed"],"rule":{part}}}]}}}}"#,
            identity = r#"{"id":"none","action":"AUDIT","from":[{"source":{"namespaces":["none"]}}]}"#,
            part = allow("read", r#""/b""#),
        );
        let policy: crate::wire::Policy = crate::wire::Reader::parse(json.as_bytes()).unwrap();
        Engine::from_json(&serde_json::to_vec(&policy.with_digests()).unwrap()).unwrap()
    }

    /// A request of the service account, or without a certificate.
    pub(super) fn request(path: &str, caller: Option<&str>, look: impl FnOnce(&RequestView<'_>)) {
        let uri = caller.map(|caller| format!("spiffe://td/ns/n/sa/{caller}"));
        let line = uri.as_ref().map(|uri| format!("Hash=1;URI={uri}"));
        let mut headers: Vec<(&[u8], &[u8])> = vec![
            (b":method", b"GET"),
            (b":path", path.as_bytes()),
            (b":authority", b"host"),
            (b"x-role", b"reader \"1\""),
            (b"x-api-key", b"T0P"),
        ];
        headers.extend(line.as_ref().map(|line| (&b"x-forwarded-client-cert"[..], line.as_bytes())));
        let uri_san = uri.as_ref().map(String::as_bytes);
        let peer = crate::request::view::PeerView { mtls: uri.is_some(), uri_san, digest: None };
        look(&RequestView { headers: &headers, peer, ..RequestView::default() });
    }

    #[test]
    fn hashes_are_those_of_fnv() {
        assert_eq!(
            (policy_hash(b""), policy_hash(b"a"), policy_hash(b"foobar")),
            (0x811c_9dc5, 0xe40c_292c, 0xbf9c_f968)
        );
    }

    #[test]
    fn counters_have_names_and_start_again() {
        let engine = engine();
        let mut counters = Counters::new(&engine);
        let headers: &[(&[u8], &[u8])] = &[(b":method", b"GET"), (b":path", b"/r"), (b":authority", b"a")];
        counters.record(&engine.on_request(&RequestView { headers, ..RequestView::default() }));
        counters.record(&engine.on_request(&RequestView::default()));
        let mut drained = Vec::new();
        counters.drain(|slot, increase| drained.push((slot, increase)));
        let names: Vec<_> = drained.iter().map(|(slot, increase)| (counters.name(*slot, &engine), *increase)).collect();
        let expected = [
            ("sallyport.requests.allowed", 1),
            ("sallyport.requests.would_refuse", 1),
            ("sallyport.requests.ambiguous.malformedMethod", 1),
            ("sallyport.rule.r.allowed", 1),
            ("sallyport.rule.d.would_refuse", 1),
        ];
        assert_eq!(names, expected.map(|(name, increase)| (name.to_owned(), increase)));
        counters.drain(|slot, _| panic!("{slot} moved"));
    }

    #[test]
    fn rules_beyond_the_limit_share_a_name() {
        let engine = engine();
        let counters = Counters::of(MAX_COUNTED_RULES * 2, None);
        let last = counters.values.len() - 1;
        assert_eq!(counters.name(last, &engine), "sallyport.other_rules.would_refuse");
    }

    #[test]
    fn log_lines_are_one_line() {
        let headers: &[(&[u8], &[u8])] =
            &[(b":method", b"GET"), (b":path", b"/a\n\"\xff?secret"), (b":authority", b"a"), (b"x-request-id", b"1")];
        let view = RequestView { headers, ..RequestView::default() };
        let engine = engine();
        assert_eq!(
            log_line(&engine.on_request(&view), &view),
            r#"refused reason=ambiguous_request kind=controlCharacter method="GET" host="a" path="/a\n\"\xff" id="1""#
        );
    }

    #[test]
    fn lines_are_limited_by_kind() {
        let engine = engine();
        let view = RequestView::default();
        let mut limit = LogLimit::default();
        let admitted = (0..20).filter(|_| limit.admit(&engine.on_request(&view))).count();
        assert_eq!(admitted, 5);
        assert_eq!(limit.refill(), 15);
        assert!(limit.admit(&engine.on_request(&view)));
    }
}
