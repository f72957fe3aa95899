//! The engine: a compiled policy, and the decisions that it makes about requests.

mod settle;

use alloc::string::String;
use alloc::vec::Vec;
use core::mem;

use crate::authz::explain::{Explanation, RuleExplanation};
use crate::authz::observer::Recorder;
use crate::authz::{Matches, Requirements};
use crate::health::HealthPolicy;
use crate::outbound::Outbound;
#[cfg(feature = "compile")]
use crate::policy::compile::MAX_STEPS;
use crate::policy::compile::{Compiled, compile};
use crate::policy::index::Index;
#[cfg(feature = "compile")]
use crate::problem::Problem;
use crate::problem::{Flaw, InvalidPolicy, Place, PolicyCode, Problems};
use crate::request::canonical::CanonicalRequest;
use crate::request::name::{fold, fold_parameter};
use crate::request::needs::Needs;
use crate::request::pairs::Pair;
use crate::request::principal::Principal;
use crate::request::view::RequestView;
use crate::side::Side;
use crate::verdict::{CallerIdentity, Decision};
use crate::wire;

/// A compiled policy.
///
/// # Design
///
/// Everything that can fail fails in [`Engine::compile`]; [`Engine::on_request`] is total. There is no way to make an
/// engine from a part of a policy.
#[derive(Debug)]
pub struct Engine {
    policy: Compiled,
    index: Index,
    /// What the ALLOW rules in force require callers to show.
    in_force: Requirements,
    /// What those of the candidate do.
    candidate: Requirements,
    /// See [`Engine::mark`].
    mark: String,
}

impl Engine {
    /// Compiles a policy.
    ///
    /// # Errors
    ///
    /// Every problem of the policy. Then nothing of it is in force.
    pub fn compile(source: &wire::Policy) -> Result<Self, InvalidPolicy> {
        Self::with(compile(source, source.rules.iter().collect())?)
    }

    fn with(policy: Compiled) -> Result<Self, InvalidPolicy> {
        let index = Index::build(&policy.rules);
        #[cfg(feature = "compile")]
        check_steps(index.worst_case(&policy.rules))?;
        let required = |side| Requirements::of(policy.rules.iter().filter(|rule| rule.sides.contains(side)));
        let (in_force, candidate) = (required(Side::InForce), required(Side::Candidate));
        Ok(Self { policy, index, in_force, candidate, mark: String::new() })
    }

    /// Reads the JSON of the wire shape, then compiles it.
    ///
    /// # Errors
    ///
    /// [`PolicyCode::Shape`] for fields that are not of the shape, else as [`Engine::compile`].
    pub fn from_json(json: &[u8]) -> Result<Self, InvalidPolicy> {
        Self::from_configuration(json, b"")
    }

    /// The same, where the digest of the filter that takes it is known: `sha256:DIGEST`.
    ///
    /// # Errors
    ///
    /// As [`Engine::from_json`].
    pub fn from_configuration(json: &[u8], filter: &[u8]) -> Result<Self, InvalidPolicy> {
        let tree = wire::Reader::tree(json)?;
        let mark = wire::mark(&tree, filter);
        let mut policy = read(json, tree)?;
        let rules = mem::take(&mut policy.rules);
        let compiled = compile(&policy, rules)?;
        drop(policy);
        Ok(Self { mark, ..Self::with(compiled)? })
    }

    /// The [mark](wire::mark) of what is in force with this policy; empty if it was not read from JSON.
    #[must_use]
    pub fn mark(&self) -> &str {
        &self.mark
    }

    /// Most bytes that the regular expressions of the policy read for one request, one step per byte: whatever the request,
    /// no more rules with expressions can be evaluated for it, and no expression reads more of a value.
    #[cfg(feature = "compile")]
    #[must_use]
    pub fn worst_case_steps(&self) -> u64 {
        self.index.worst_case(&self.policy.rules)
    }

    /// What the rules need from the host.
    #[must_use]
    pub fn needs(&self) -> Needs {
        self.policy.needs
    }

    /// `NAMESPACE/NAME` of the Egress that the policy was written for.
    #[must_use]
    pub fn upstream(&self) -> &str {
        &self.policy.upstream
    }

    /// The value of the route header that leads to a target: the upstream is the first, and the only one without a gate.
    #[must_use]
    pub fn route(&self, target: usize) -> &str {
        self.policy.health.as_ref().and_then(|health| health.targets().nth(target)).unwrap_or(&self.policy.upstream)
    }

    /// Whether callers may learn which rule decided.
    #[must_use]
    pub fn discloses_rule(&self) -> bool {
        self.policy.disclose_rule
    }

    /// Whether decisions are written into the filter state, for Envoy's access log and spans: [`attributes`](crate::attributes).
    #[must_use]
    pub fn sets_filter_state(&self) -> bool {
        self.policy.filter_state
    }

    /// The health gate, if there is one.
    #[must_use]
    pub fn health(&self) -> Option<&HealthPolicy> {
        self.policy.health.as_ref()
    }

    /// Where the kubelet's readiness probe comes in, if it does: the connection's port, and whether the upstream counts.
    #[must_use]
    pub fn readiness(&self) -> Option<&wire::Readiness> {
        self.policy.readiness.as_ref()
    }

    /// How the headers of permitted requests are changed.
    #[must_use]
    pub fn outbound(&self) -> &Outbound {
        &self.policy.outbound
    }

    /// The names to remove from a request's trailers: those that are removed from headers, and those that enforced rules
    /// read, in every spelling that CGI reads as the same name. Rules do not see trailers, but some servers read a trailer
    /// as the header of that name.
    #[must_use]
    pub fn removed_from_trailers<'a>(&self, trailers: &[Pair<'a>]) -> Vec<&'a [u8]> {
        let mut names = self.policy.outbound.removed_from_trailers(trailers);
        let rollout = &self.policy.rollout;
        let is_read = |name: &[u8]| {
            let reads = self.policy.reading.headers.reads(&fold(name)).unwrap_or_default();
            Side::ALL.into_iter().any(|side| reads.contains(side) && rollout.may_decide(side))
        };
        for (name, _) in trailers {
            if is_read(name) && !names.contains(name) {
                names.push(*name);
            }
        }
        names
    }

    /// The ids of all rules, in file order, and behind them those of the candidate: [`RuleRef::index`](crate::RuleRef::index) counts
    /// here.
    pub fn rule_ids(&self) -> impl ExactSizeIterator<Item = &str> {
        // Parts of regions come last.
        let count = self.policy.rules.partition_point(|rule| rule.region.is_none());
        self.policy.rules.iter().take(count).map(|rule| &*rule.id)
    }

    /// The ids of the regions of the change to the candidate: [`Trial::region`](crate::Trial::region) counts here.
    pub fn region_ids(&self) -> impl ExactSizeIterator<Item = &str> {
        let candidate = self.policy.rollout.candidate.as_ref();
        candidate.map(|candidate| &*candidate.regions).unwrap_or_default().iter().map(|region| &*region.id)
    }

    /// The digest of the candidate's rules, if there is a candidate beside the policy in force.
    #[must_use]
    pub fn candidate_digest(&self) -> Option<&str> {
        self.policy.rollout.candidate.as_ref().map(|candidate| &*candidate.digest)
    }

    /// Whether rules read this header, or one that servers take for it.
    pub(crate) fn reads_header(&self, name: &[u8]) -> bool {
        self.policy.reading.headers.reads(&fold(name)).is_some()
    }

    /// Whether rules read this query parameter.
    pub(crate) fn reads_parameter(&self, name: &[u8]) -> bool {
        self.policy.reading.parameters.reads(&fold_parameter(name)).is_some()
    }

    /// How far the candidate has come, or without one the policy itself.
    #[must_use]
    pub fn stage(&self) -> wire::Stage {
        self.policy.rollout.stage
    }

    /// Decides one request.
    #[must_use]
    pub fn on_request<'r>(&'r self, view: &RequestView<'r>) -> Decision<'r> {
        self.decide(view, |request| Matches::find(&self.policy.rules, &self.index, request))
    }

    /// Decides one request, and says for every rule why it did or did not match. Slow: it evaluates all of them.
    #[must_use]
    pub fn explain<'e: 'r, 'r>(&'e self, view: &RequestView<'r>) -> Explanation<'e, 'r> {
        let mut rules = Vec::new();
        let decision = self.decide(view, |request| {
            let mut matches = Matches::default();
            for (position, rule) in (0u32..).zip(&self.policy.rules) {
                let mut recorder = Recorder::default();
                let matched = matches.consider(&self.policy.rules, position, request, &mut recorder);
                if rule.region.is_some() {
                    continue;
                }
                rules.push(RuleExplanation {
                    id: &rule.id,
                    action: rule.action,
                    enforced: rule.sides.contains(Side::InForce),
                    matched,
                    failed: recorder.paths(position),
                });
            }
            matches
        });
        Explanation { decision, rules }
    }

    /// The one sequence of a decision: make the request canonical, find the rules that match, and read the verdicts off
    /// them. `find` is what deciding and explaining do differently.
    #[inline(never)]
    fn decide<'r>(
        &'r self,
        view: &RequestView<'r>,
        find: impl FnOnce(&CanonicalRequest<'r>) -> Matches,
    ) -> Decision<'r> {
        let request = match CanonicalRequest::read(view, &self.policy.reading) {
            Ok(request) => request,
            Err(doubts) => return self.refuse_ambiguity(doubts),
        };
        let matches = find(&request);
        let decision = self.decision(&request, &matches);
        Decision { caller: self.caller(request, view), ..decision }
    }

    /// The caller is a forwarded one where its identity is not that of the connection's own certificate.
    fn caller<'r>(&self, request: CanonicalRequest<'r>, view: &RequestView<'r>) -> CallerIdentity<'r> {
        let principal = request.caller.principal.map(Principal::into_text);
        let peer = view.peer.uri_san.and_then(|uri| uri.strip_prefix(b"spiffe://"));
        let is_forwarded = self.policy.reading.has_forwarders()
            && principal.as_ref().is_some_and(|principal| Some(principal.as_bytes()) != peer);
        CallerIdentity { principal, is_forwarded }
    }

    fn requirements(&self, side: Side) -> Requirements {
        match side {
            Side::InForce => self.in_force,
            Side::Candidate => self.candidate,
        }
    }
}

/// The limit is checked where policies are written; the filter takes what has been checked.
#[cfg(feature = "compile")]
fn check_steps(steps: u64) -> Result<(), InvalidPolicy> {
    if steps <= MAX_STEPS {
        return Ok(());
    }
    let message = format!("for one request the regular expressions could take {steps} steps, more than {MAX_STEPS}");
    let help = "write templates, prefixes or values instead, or give the rules different exact paths or callers";
    let problem = Problem { path: "rules".into(), code: PolicyCode::Limit, message, help: Some(help.into()) };
    Err(InvalidPolicy { problems: vec![problem] })
}

/// Reads the JSON of the wire shape.
///
/// # Errors
///
/// [`PolicyCode::Shape`] for every field that is not of the shape; [`PolicyCode::Candidate`] for digests that do not fit.
pub fn parse(json: &[u8]) -> Result<wire::Policy, InvalidPolicy> {
    read(json, wire::Reader::tree(json)?)
}

fn read(json: &[u8], tree: wire::Json<'_>) -> Result<wire::Policy, InvalidPolicy> {
    let found = wire::digests(&tree);
    let policy = match wire::Policy::take(tree) {
        Some(policy) => policy,
        None => wire::Reader::parse(json)?,
    };
    let digests = policy.candidate.as_ref().map(|candidate| [&candidate.policy, &candidate.candidate]);
    if let (Some(written), Some(found)) = (digests, found) {
        let mut problems = Problems::default();
        for ((name, written), found) in ["policy", "candidate"].into_iter().zip(written).zip(&found) {
            if written != found {
                let flaw =
                    Flaw::new(PolicyCode::Candidate, format_args!("the digest is not that of the rules: {found}"));
                problems.report(&Place::Field("candidate").field(name), flaw);
            }
        }
        problems.or(())?;
    }
    Ok(policy)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::matcher::regex::steps;
    use crate::request::reading::MAX_READ;
    use crate::request::view::PeerView;

    fn engine(rules: &str) -> Result<Engine, InvalidPolicy> {
        Engine::from_json(format!(r#"{{"version": 1, "upstream": "a/b", "rules": [{rules}]}}"#).as_bytes())
    }

    fn rule(id: usize, match_: &str) -> String {
        format!(r#"{{"id": "r{id}", "action": "DENY", {match_}}}"#)
    }

    /// Bytes that expressions read when this is decided.
    fn steps_of(engine: &Engine, path: &str, headers: &[(&[u8], &[u8])]) -> u64 {
        let mut all: Vec<(&[u8], &[u8])> =
            vec![(b":method", b"GET"), (b":authority", b"a"), (b":path", path.as_bytes())];
        all.extend_from_slice(headers);
        let line = b"Hash=1;URI=spiffe://cluster.local/ns/n/sa/a";
        all.push((b"x-forwarded-client-cert", line));
        let peer = PeerView { mtls: true, uri_san: Some(b"spiffe://cluster.local/ns/n/sa/a"), digest: None };
        steps::take();
        let _ = engine.on_request(&RequestView { headers: &all, peer, ..RequestView::default() });
        u64::try_from(steps::take()).unwrap()
    }

    #[test]
    fn no_request_takes_more_steps_than_the_policy_says() {
        let mut rules = Vec::new();
        for at in 0..4 {
            rules.push(rule(at, &format!(r#""to": [{{"operation": {{"pathRegex": [".*k{at}", "x{at}"]}}}}]"#)));
            rules.push(rule(
                10 + at,
                &format!(r#""to": [{{"operation": {{"paths": ["/p{at}"], "notPathRegex": ["y{at}"]}}}}]"#),
            ));
            rules.push(rule(
                20 + at,
                &format!(
                    r#""from": [{{"source": {{"serviceAccounts": ["n/s{at}"]}}}}],
                   "when": [{{"key": "request.headers[x]", "regex": [".*z{at}", "w{at}"]}}]"#
                ),
            ));
            rules.push(rule(
                30 + at,
                &format!(
                    r#""when": [{{"key": "request.headers[x]", "notRegex": ["v{at}"]}},
                            {{"key": "request.query[q]", "regex": ["u{at}"], "match": "all"}}]"#
                ),
            ));
        }
        let engine = engine(&rules.join(",")).unwrap();
        let bound = engine.worst_case_steps();
        // Rules for other callers and other whole paths are no part of it.
        let reads = |path: u64, header: u64, query: u64| (path + 8 * header + 2 * query) * MAX_READ as u64;
        assert_eq!(bound, reads(3 * (4 * 2 + 2), 4 * 2 + 4, 4));
        // Of those that allow, one caller's.
        let allow = rules.join(",").replace("DENY", "ALLOW");
        let allowing = self::engine(&allow).unwrap().worst_case_steps();
        assert_eq!(allowing, reads(3 * (4 * 2 + 2), 2 + 4, 4));
        let mut worst = 0;
        for path in [format!("/%c3%a9{}", "a".repeat(MAX_READ - 7)), format!("/p1?q={}", "b".repeat(MAX_READ - 1))] {
            for value in ["c".repeat(MAX_READ - 1), "c,".repeat(127), " c".repeat(MAX_READ / 2 - 1)] {
                worst = worst.max(steps_of(&engine, &path, &[(b"x", value.as_bytes())]));
            }
            let lines = vec![(&b"x"[..], &b" cccccccccccccccc"[..]); 200];
            worst = worst.max(steps_of(&engine, &path, &lines));
        }
        assert!(worst <= bound, "{worst} steps, {bound} were promised");
        assert!(worst * 10 > bound, "the bound says nothing: {worst} of {bound}");
    }

    /// A rule that does not decide refuses no value for its length, and does not read it either.
    #[test]
    fn an_audit_takes_no_more_steps_than_the_policy_says() {
        let audit = rule(0, r#""when": [{"key": "request.query[q]", "regex": [".*x", "y"]}]"#).replace("DENY", "AUDIT");
        let engine = engine(&audit).unwrap();
        let many: Vec<String> = (0..28).map(|at| format!("q={at}{}", "a".repeat(1000))).collect();
        let few = format!("/?q={}", "a".repeat(MAX_READ - 1));
        assert!(steps_of(&engine, &few, &[]) > 0);
        let steps = steps_of(&engine, &format!("/?{}", many.join("&")), &[]);
        assert!(steps <= engine.worst_case_steps(), "{steps}");
    }

    /// Rules may name both spellings of a path, and a certificate may have the names of several callers.
    #[test]
    fn what_one_request_can_meet_counts_together() {
        let mut rules = Vec::new();
        for (at, path) in ["/%C3%A9", "/%c3%a9\", \"/%C3%A9"].into_iter().enumerate() {
            rules.push(rule(
                at,
                &format!(r#""to": [{{"operation": {{"paths": ["{path}"], "notPathRegex": ["x{at}"]}}}}]"#),
            ));
        }
        for at in 2..6 {
            rules.push(rule(
                at,
                &format!(
                    r#""from": [{{"source": {{"namespaces": ["n{at}"]}}}}], "to": [{{"operation": {{"pathRegex": ["y{at}"]}}}}]"#
                ),
            ));
        }
        let bound = engine(&rules.join(",")).unwrap().worst_case_steps();
        assert!(bound >= (2 + 4) * 3 * MAX_READ as u64, "{bound}");
    }

    #[test]
    fn what_rules_read_is_removed_from_trailers() {
        let engine = engine(&rule(0, r#""when": [{"key": "request.headers[x-marked]", "values": ["evil"]}]"#)).unwrap();
        let trailers: Vec<Pair<'_>> =
            vec![(b"x-marked", b"evil"), (b"x_marked", b"a"), (b"x-other", b"b"), (b"x-marked", b"c")];
        assert_eq!(engine.removed_from_trailers(&trailers), [&b"x-marked"[..], b"x_marked"]);
    }

    #[test]
    fn a_caller_without_permission_causes_no_expression_to_read() {
        let engine = engine(
            r#"{"id": "a", "action": "ALLOW", "from": [{"source": {"serviceAccounts": ["n/other"]}}],
                "to": [{"operation": {"pathRegex": [".*"]}}],
                "when": [{"key": "request.headers[x]", "regex": [".*"]}]}"#,
        )
        .unwrap();
        assert_eq!(steps_of(&engine, "/a", &[(b"x", b"y")]), 0);
    }

    #[test]
    fn a_policy_that_could_read_too_much_is_refused() {
        let mut patterns = String::new();
        for at in 0..=MAX_STEPS / MAX_READ as u64 / 3 {
            let _ = write!(patterns, r#"{}"x{at}""#, if at == 0 { "" } else { "," });
        }
        let many = format!(r#""to": [{{"operation": {{"pathRegex": [{patterns}]}}}}]"#);
        let invalid = engine(&rule(0, &many)).unwrap_err();
        assert_eq!((invalid.problems[0].code, invalid.problems[0].path.as_str()), (PolicyCode::Limit, "rules"));
        let fewer = many.replacen(r#""x0","#, "", 1);
        assert!(engine(&rule(0, &fewer)).is_ok());
    }
}
