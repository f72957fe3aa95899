//! From the wire shape to rules that can decide, or a refusal of the whole policy with every problem in it.
//!
//! Each wire struct is destructured exhaustively, so a new field does not build until it has a meaning here.

mod candidate;
mod condition;
mod list;
mod operation;
mod source;

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::borrow::Borrow;
use core::fmt::Arguments;

use super::rollout::Rollout;
use super::rule::CompiledRule;
use crate::dns;
use crate::health::{self, HealthPolicy};
use crate::map::ByteMap;
use crate::matcher::identity::{self, DEFAULT_TRUST_DOMAIN, TrustDomains};
use crate::matcher::regex::RegexCompiler;
use crate::outbound::{self, Outbound};
use crate::problem::{Flaw, InvalidPolicy, Place, PolicyCode, Problems};
use crate::request::needs::Needs;
use crate::request::path::Tolerance;
use crate::request::settings::ReadSettings;
use crate::request::table::NameTable;
use crate::side::{Side, Sides};
use crate::text::split;
use crate::wire::{self, Action, Ambiguity, Stage, WIRE_VERSION};

/// Most rules in a policy.
pub const MAX_RULES: usize = 50_000;
/// Most sources, and most operations, in a rule (Istio's limit).
pub const MAX_ALTERNATIVES: usize = 512;
/// Most values in one list.
pub const MAX_VALUES: usize = 10_000;
#[cfg(feature = "compile")]
/// Most bytes that regular expressions read for one request, whatever its caller and content; each is one step.
pub const MAX_STEPS: u64 = 500_000;
/// Longest rule id, in bytes.
pub const MAX_RULE_ID: usize = 64;

/// What compilation gives.
#[derive(Debug)]
pub struct Compiled {
    pub(crate) upstream: Box<str>,
    pub(crate) rollout: Rollout,
    pub(crate) disclose_rule: bool,
    pub(crate) filter_state: bool,
    pub(crate) reading: ReadSettings,
    pub(crate) rules: Vec<CompiledRule>,
    pub(crate) needs: Needs,
    pub(crate) health: Option<HealthPolicy>,
    pub(crate) readiness: Option<wire::Readiness>,
    pub(crate) outbound: Outbound,
}

/// Compiles a policy with these rules in place of its own, or reports everything that is wrong with it. Rules that it owns are
/// given back one by one: in the filter memory that was once in use stays with the VM.
#[inline(never)]
pub fn compile<R: Borrow<wire::Rule>>(source: &wire::Policy, rules: Vec<R>) -> Result<Compiled, InvalidPolicy> {
    let wire::Policy {
        version,
        upstream,
        stage: _,
        canary: _,
        trust_domain,
        trust_domain_aliases,
        trusted_forwarders,
        tolerate,
        disclose_rule,
        filter_state,
        num_trusted_proxies,
        health,
        readiness,
        tracing,
        headers,
        rules: _,
        candidate,
        automata: _,
    } = source;
    let mut compiler = Compiler::new(source);
    compiler.check_version(*version);
    compiler.check_upstream(upstream);
    compiler.check_domains(trust_domain.as_deref(), trust_domain_aliases);
    compiler.check_tolerated(tolerate);
    // Only the digest tells the gateway's own element of the header from one that the caller wrote.
    let forwarders =
        compiler.principals(&Place::Field("trustedForwarders"), trusted_forwarders, ("trusted forwarder", "forwarder"));
    if !forwarders.is_empty() {
        compiler.needs |= Needs::PEER;
        compiler.needs |= Needs::PEER_DIGEST;
    }
    compiler.source_address_known = *num_trusted_proxies == 0;
    let (mut rules, numbers) = compiler.rules(rules, candidate.as_ref());
    let rollout = compiler.rollout(source, &numbers, &mut rules);
    drop(numbers);
    let health = health.as_ref().map(|health| health::compile(upstream, health, &mut compiler.problems));
    if let Some(readiness) = readiness {
        health::check_readiness(readiness, &mut compiler.problems);
    }
    let outbound = outbound::compile(tracing, headers, &mut compiler.problems);
    if outbound.needs_principal() {
        compiler.needs |= Needs::PEER;
    }
    // Callers are counted by name, and chosen by name.
    let is_by_caller = candidate.is_some() || source.stage == Stage::Canary;
    let is_for_both = candidate.is_none() || compiler.needs.contains(Needs::PEER_DIGEST) || outbound.needs_principal();
    let certificates = if is_for_both { Sides::BOTH } else { compiler.which_need(Needs::URI_SAN) };
    let metadata = if candidate.is_none() { Sides::BOTH } else { compiler.which_need(Needs::METADATA) };
    if is_by_caller {
        compiler.needs |= Needs::PEER;
    }
    let compiled = Compiled {
        upstream: upstream.as_str().into(),
        rollout,
        disclose_rule: *disclose_rule,
        filter_state: *filter_state,
        reading: ReadSettings {
            tolerance: Tolerance::new(tolerate),
            forwarders,
            headers: compiler.headers,
            parameters: compiler.parameters,
            path_by_pattern: compiler.path_by_pattern,
            certificates,
            metadata,
        },
        rules,
        needs: compiler.needs,
        health,
        readiness: readiness.clone(),
        outbound,
    };
    compiler.problems.or(compiled)
}

/// What is known, and which problems were found, so far.
struct Compiler<'s> {
    problems: Problems,
    domains: TrustDomains,
    tolerance: Tolerance,
    own_namespace: String,
    source_address_known: bool,
    regexes: RegexCompiler<'s>,
    needs: Needs,
    headers: NameTable,
    parameters: NameTable,
    path_by_pattern: Sides,
    /// What the rules of each policy need.
    needs_of: [Needs; Side::COUNT],
}

impl<'s> Compiler<'s> {
    fn new(source: &'s wire::Policy) -> Self {
        let own = source.trust_domain.as_deref().unwrap_or(DEFAULT_TRUST_DOMAIN);
        let own_namespace = split(&source.upstream, "/").next().unwrap_or("").to_owned();
        Self {
            problems: Problems::default(),
            domains: TrustDomains::new(own, &source.trust_domain_aliases),
            tolerance: Tolerance::new(&source.tolerate),
            own_namespace,
            source_address_known: true,
            regexes: RegexCompiler::new(&source.automata),
            needs: Needs::default(),
            headers: NameTable::default(),
            parameters: NameTable::default(),
            path_by_pattern: Sides::NONE,
            needs_of: [Needs::NONE; Side::COUNT],
        }
    }

    fn report(&mut self, place: &Place<'_>, flaw: Flaw) {
        self.problems.report(place, flaw);
    }

    fn check_version(&mut self, version: u32) {
        if version != WIRE_VERSION {
            let flaw =
                Flaw::new(PolicyCode::Version, format_args!("the policy has version {version}")).help(format_args!(
                    "this build reads version {WIRE_VERSION}; use a filter and a `sallyport` from the same release"
                ));
            self.report(&Place::Field("version"), flaw);
        }
    }

    fn check_upstream(&mut self, upstream: &str) {
        if !dns::is_namespaced(upstream) {
            let flaw = Flaw::new(PolicyCode::Upstream, format_args!("`{upstream}` does not name an upstream"))
                .help(format_args!("write `NAMESPACE/NAME`"));
            self.report(&Place::Field("upstream"), flaw);
        }
    }

    fn check_domains(&mut self, own: Option<&str>, aliases: &[String]) {
        let empty = || Flaw::new(PolicyCode::EmptyValue, format_args!("the trust domain is empty"));
        let check = |name: &str| if name.is_empty() { Err(empty()) } else { identity::check_trust_domain(name) };
        if let Some(Err(flaw)) = own.map(check) {
            self.report(&Place::Field("trustDomain"), flaw);
        }
        let list = Place::Field("trustDomainAliases");
        for (position, alias) in aliases.iter().enumerate() {
            if let Err(flaw) = check(alias) {
                self.report(&list.item(position), flaw);
            }
        }
    }

    fn check_tolerated(&mut self, kinds: &[Ambiguity]) {
        let list = Place::Field("tolerate");
        for (position, kind) in kinds.iter().enumerate().filter(|(_, kind)| !kind.is_tolerable()) {
            let flaw = Flaw::new(PolicyCode::Shape, format_args!("`{kind}` cannot be tolerated"));
            self.report(&list.item(position), flaw);
        }
    }

    /// The rules in force, and the numbers of their ids.
    #[inline(never)]
    fn rules<R: Borrow<wire::Rule>>(
        &mut self,
        sources: Vec<R>,
        candidate: Option<&wire::Candidate>,
    ) -> (Vec<CompiledRule>, ByteMap) {
        let list = Place::Field("rules");
        if sources.len() > MAX_RULES {
            let flaw = Flaw::new(
                PolicyCode::Limit,
                format_args!("the policy has {} rules, but at most {MAX_RULES} are allowed", sources.len()),
            );
            self.report(&list, flaw);
            // None of them is compiled: the limit is there so that this takes bounded time.
            let ids = sources.iter().map(|rule| rule.borrow().id.as_bytes().into());
            return (Vec::new(), ids.zip(0..).collect());
        }
        let numbers = self.check_unique(&list, &mut sources.iter().map(Borrow::borrow));
        let mut changed = ByteMap::default();
        if let Some(candidate) = candidate {
            changed.extend(candidate.rules.iter().map(|rule| (rule.id.as_bytes().into(), 0)));
            changed.extend(candidate.remove.iter().map(|id| (id.as_bytes().into(), 0)));
        }
        let mut rules = Vec::with_capacity(sources.len());
        for (number, source) in (0u32..).zip(sources) {
            let source = source.borrow();
            let place = list.item(usize::try_from(number).unwrap_or(usize::MAX));
            let sides = match (source.stage, candidate) {
                (Stage::Enforce, _) if changed.contains_key(source.id.as_bytes()) => Sides::IN_FORCE,
                (Stage::Enforce, _) => Sides::BOTH,
                (Stage::Shadow | Stage::Canary, None) => Sides::CANDIDATE,
                (Stage::Shadow | Stage::Canary, Some(_)) => {
                    let id = &source.id;
                    let flaw = Flaw::new(
                        PolicyCode::Candidate,
                        format_args!("the rule `{id}` is in shadow, and there is a candidate beside the policy"),
                    );
                    self.report(&place.field("stage"), flaw.help(format_args!("write the rule in the candidate")));
                    Sides::NONE
                }
            };
            if source.stage == Stage::Canary {
                let flaw = Flaw::new(PolicyCode::Candidate, format_args!("one rule alone has no canary"));
                let help = format_args!("write `shadow` or `enforce`, or write the rule in a candidate");
                self.report(&place.field("stage"), flaw.help(help));
            }
            rules.push(self.rule(&place, source, sides, number));
        }
        (rules, numbers)
    }

    /// Reports ids that come twice; gives the number of each.
    fn check_unique(&mut self, list: &Place<'_>, sources: &mut dyn ExactSizeIterator<Item = &wire::Rule>) -> ByteMap {
        let mut first_use = ByteMap::default();
        first_use.reserve(sources.len());
        for (number, source) in (0u32..).zip(sources) {
            let place = list.item(usize::try_from(number).unwrap_or(usize::MAX));
            match first_use.get(source.id.as_bytes()) {
                Some(first) => {
                    let flaw = Flaw::new(
                        PolicyCode::DuplicateRuleId,
                        format_args!("the rule ID `{}` is taken", source.id),
                    )
                    .help(format_args!(
                        "`{list}[{first}]` has it; logs and metrics name a rule by its ID, so give each rule its own"
                    ));
                    self.report(&place.field("id"), flaw);
                }
                None => {
                    first_use.insert(source.id.as_bytes().into(), number);
                }
            }
        }
        first_use
    }

    /// Of which policies a rule needs this.
    fn which_need(&self, need: Needs) -> Sides {
        let needed = Side::ALL.into_iter().zip(self.needs_of).filter(|(_, needs)| needs.contains(need));
        needed.fold(Sides::NONE, |sides, (side, _)| sides | side.into())
    }

    fn rule(&mut self, place: &Place<'_>, source: &wire::Rule, sides: Sides, rank: u32) -> CompiledRule {
        let others = core::mem::take(&mut self.needs);
        let rule = self.rule_alone(place, source, sides, rank);
        for (_, needs) in Side::ALL.into_iter().zip(&mut self.needs_of).filter(|(side, _)| sides.contains(*side)) {
            *needs |= self.needs;
        }
        self.needs |= others;
        rule
    }

    fn rule_alone(&mut self, place: &Place<'_>, source: &wire::Rule, sides: Sides, rank: u32) -> CompiledRule {
        let wire::Rule { id, action, stage, from, to, when } = source;
        self.check_rule_id(&place.field("id"), id);
        if from.is_none() && to.is_none() && when.is_none() {
            let flaw = Flaw::new(PolicyCode::EmptyMatch, format_args!("the rule `{id}` has no `from`, `to` or `when`"))
                .help(format_args!("it would match every request of every caller; if that is intended, write `to: [{{operation: {{paths: [\"*\"]}}}}]`"));
            self.report(place, flaw);
        }
        let action = *action;
        let is_deciding = action != Action::Audit && *stage == Stage::Enforce;
        let decides = if is_deciding { sides } else { Sides::NONE };
        CompiledRule {
            id: id.as_str().into(),
            action,
            sides,
            rank,
            region: None,
            from: from.as_deref().map(|list| {
                self.alternatives(&place.field("from"), list, |this, place, from| this.source(place, from, action))
            }),
            to: to.as_deref().map(|list| {
                self.alternatives(&place.field("to"), list, |this, place, to| this.operation(place, to, decides))
            }),
            when: when
                .as_deref()
                .map(|list| self.conditions(&place.field("when"), list, action, decides))
                .unwrap_or_default(),
        }
    }

    fn check_rule_id(&mut self, place: &Place<'_>, id: &str) {
        let flaw = |message: Arguments<'_>| {
            Flaw::new(PolicyCode::RuleId, message)
                .help(format_args!("an ID has 1 to 64 letters, digits, `.`, `_` and `-`"))
        };
        let flaw = if id.is_empty() {
            flaw(format_args!("the rule's ID is empty"))
        } else if id.len() > MAX_RULE_ID {
            flaw(format_args!("the rule ID `{id}` is too long"))
        } else if !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) {
            flaw(format_args!("`{id}` is not a rule ID"))
        } else {
            return;
        };
        self.report(place, flaw);
    }

    /// A list whose entries are tried one by one: written, so not empty, and of bounded length.
    fn alternatives<S, C>(
        &mut self,
        place: &Place<'_>,
        sources: &[S],
        mut compile: impl FnMut(&mut Self, &Place<'_>, &S) -> C,
    ) -> Vec<C> {
        if sources.is_empty() {
            self.report(place, empty_list());
        }
        if sources.len() > MAX_ALTERNATIVES {
            let flaw = Flaw::new(
                PolicyCode::Limit,
                format_args!("the list has {} entries, but at most {MAX_ALTERNATIVES} are allowed", sources.len()),
            );
            self.report(place, flaw);
            return Vec::new();
        }
        sources.iter().enumerate().map(|(position, source)| compile(self, &place.item(position), source)).collect()
    }

    fn check_not_empty(&mut self, place: &Place<'_>, empty: bool, noun: &str, reach: &str) {
        if empty {
            let flaw = Flaw::new(PolicyCode::EmptyMatch, format_args!("the {noun} has no field"))
                .help(format_args!("it would match {reach}; write a field, or leave the entry out"));
            self.report(place, flaw);
        }
    }
}

fn empty_list() -> Flaw {
    Flaw::new(PolicyCode::EmptyList, format_args!("the list is empty"))
        .help(format_args!("write an entry, or leave the field out"))
}
