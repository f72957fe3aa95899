//! Authorization: which rules match a canonical request, and what follows from that.
//!
//! # Semantics
//!
//! **A decision.** If an enforced DENY rule matches, the request is refused ([`Reason::Denied`]). Otherwise, if an enforced
//! ALLOW rule matches, it is permitted. Otherwise it is refused ([`Reason::NotAllowed`], or [`Reason::NoIdentity`] as
//! described below). Where several rules of the deciding action match, the first in the file is reported. A policy without
//! rules refuses every request.
//!
//! **A rule** matches when one of its sources AND one of its operations AND every condition hold; an absent `from` or
//! `to` holds. Within a source or an operation all written fields must hold. A field holds when one of its values
//! matches; its `not` twin holds when none does.
//!
//! **Strings** match exactly, by `prefix*`, by `*suffix`, or by `*` (present and not empty; for a header: present), as in
//! Istio. Paths also match by templates with `{*}` and `{**}`, and paths, headers and query parameters by regular expressions
//! over the whole value.
//!
//! **Readings.** Where an attribute has several readings, `values` in DENY and AUDIT rules and `notValues` in ALLOW rules
//! match if any of them matches; `values` in ALLOW rules and `notValues` in DENY and AUDIT rules match only if all do. The
//! principle, and the readings of each attribute, are in `request/usage.rs`.
//!
//! **Missing attributes.** A positive field or condition never holds on a missing attribute. A negative one holds, as in
//! Istio, with one exception, where Sallyport is stricter: *in an ALLOW rule a negative field on an identity (principal,
//! namespace, service account, trust domain, request principal, claim, audience, presenter), an address or a port does not
//! hold when it is missing.* A missing certificate or token must never help a caller. In DENY and AUDIT rules the negative
//! field holds, so Istio's idiom `DENY notRequestPrincipals: ["*"]` keeps its meaning. Headers, query parameters, the SNI, the
//! TLS version and other filters' metadata may legitimately be missing: on these a negative field always holds. A certificate
//! whose path is not `ns/NS/sa/SA` has a principal and a trust domain, but no namespace and no service account.
//!
//! **Headers and query parameters.** Without `match` their readings decide. `match: all` and `match: any` are the author's
//! choice instead: *all*: every line, trimmed, satisfies the condition; *any*: some line does, or with positive parts
//! (`values`, `regex`) some comma-separated element of one. A line satisfies it when (neither `values` nor `regex` is
//! written, or one of them matches) and none of `notValues` and `notRegex` matches. Without a line, a condition holds
//! exactly when it has only negative parts.
//!
//! **Claims** are strings, or lists of which one string must match; `scope` and `permission` are lists of words (RFC 8693).
//! Elements of a list that are not strings are ignored. A list without strings, and a claim of any other type, count as
//! missing. A token with an empty `iss` or `sub` has no request principal. Issuer and subject are matched separately, split at
//! the pattern's last `/`.
//! Other filters' metadata: `VALUE` is a string, `[VALUE]` an element of a list.
//!
//! **Identity** is the only URI name of a verified peer certificate. If `connection.mtls` is false there is none. A URI that
//! is not a plain `spiffe://TRUST-DOMAIN/PATH` is not an identity, and neither are two URI names; rules that restrict
//! still look at every name, DNS names and the subject, too. Where the names cannot be read, the request is refused before any
//! rule is asked. Where the peer is a trusted forwarder, the identity is that of the last
//! `x-forwarded-client-cert` element before the gateway's own that is not the forwarder's, if there is one; otherwise it is
//! the forwarder's. What a rule says about the mesh's own trust domain also applies to its aliases: for a permissive use
//! exactly where Istio expands it, for a restrictive one wherever a pattern matches one of the names.
//!
//! **Candidates.** There are two rulings: one by the policy in force, and one by its candidate. A rule in shadow is a candidate
//! of one rule: the policy as if it were enforced. A whole policy in shadow is one, too; what it would replace lets every request
//! pass. Which of the two decides depends on the stage, and at `canary` on the caller. Where the candidate does not decide and
//! one permits what the other refuses, its verdict is reported beside the first. AUDIT rules never decide.
//!
//! **Ambiguity.** A request that two programs may read in two ways is refused before any rule is asked
//! ([`Ambiguity`](crate::wire::Ambiguity) has the kinds). Some kinds depend on the rules. Servers that follow CGI read `x_role`
//! and `x-role` as one header, and PHP reads `role[]` as `role`. Such a twin of a name that an enforced rule reads makes the
//! request ambiguous, and so does a value that is longer than what an enforced rule reads of it. Rules in shadow make nothing
//! ambiguous; the rules of a candidate make requests ambiguous for the candidate only.
//!
//! **`NoIdentity`** replaces `NotAllowed` in two cases: the caller showed neither a certificate identity nor a token, and
//! some ALLOW rule requires one of them; or it showed no token, and there are ALLOW rules, all of which require one. For the
//! verdict these are the rules in force; for what is reported of a candidate, its rules. A rule requires a certificate
//! identity (a token) when any field or condition in it, positive or negative, is about one.

pub mod explain;
mod matching;
pub(crate) mod observer;

use alloc::vec::Vec;

use self::matching::rule_matches;
pub(crate) use self::matching::{matches, requires_certificate, requires_token};
use self::observer::{Observer, Silent};
use crate::policy::index::Index;
use crate::policy::rule::CompiledRule;
use crate::request::canonical::CanonicalRequest;
use crate::side::Side;
use crate::verdict::Reason;
use crate::wire::Action;

/// Which rules matched: for each action and policy, the one that comes first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Matches {
    allow: First,
    deny: First,
    audits: Vec<u32>,
    /// Regions of which a part was found, one bit each.
    regions: u64,
}

/// By policy, the first rule that matched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct First([Option<Hit>; Side::COUNT]);

/// A rule that matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Hit {
    rank: u32,
    position: u32,
}

impl First {
    /// Whether the rule could not change anything.
    fn is_settled(&self, rule: &CompiledRule) -> bool {
        let is_later = |hit: &Option<Hit>| hit.is_some_and(|hit| hit.rank <= rule.rank);
        Side::ALL.into_iter().zip(&self.0).all(|(side, hit)| !rule.sides.contains(side) || is_later(hit))
    }

    fn take(&mut self, rule: &CompiledRule, position: u32) {
        for (side, hit) in Side::ALL.into_iter().zip(&mut self.0) {
            if rule.sides.contains(side) && hit.is_none_or(|hit| rule.rank < hit.rank) {
                *hit = Some(Hit { rank: rule.rank, position });
            }
        }
    }

    fn of(&self, side: Side) -> Option<u32> {
        self.0.get(side as usize).and_then(|hit| hit.map(|hit| hit.position))
    }
}

impl Matches {
    /// Finds the matching rules by the index.
    pub(crate) fn find(rules: &[CompiledRule], index: &Index, request: &CanonicalRequest<'_>) -> Self {
        let mut matches = Self::default();
        index.candidates(request, |position| {
            matches.consider(rules, position, request, &mut Silent);
        });
        matches
    }

    /// Evaluates one rule, unless it could not change anything; whether it was evaluated and matched. A part of a region is
    /// only noted.
    pub(crate) fn consider<O: Observer>(
        &mut self,
        rules: &[CompiledRule],
        position: u32,
        request: &CanonicalRequest<'_>,
        observer: &mut O,
    ) -> bool {
        let Some(rule) = usize::try_from(position).ok().and_then(|position| rules.get(position)) else { return false };
        if let Some(region) = rule.region {
            // Evaluated only where the policies disagree: most requests never need it.
            self.regions |= 1_u64.checked_shl(region.into()).unwrap_or(0);
            return false;
        }
        let first = match rule.action {
            Action::Allow => Some(&mut self.allow),
            Action::Deny => Some(&mut self.deny),
            Action::Audit => None,
        };
        // Only the first rule of an action and a policy can be reported, so a later one need not be evaluated: most of the
        // rules that a search finds for a busy path are skipped here.
        let settled = first.as_ref().is_some_and(|first| first.is_settled(rule));
        if settled && !O::RECORDS {
            return false;
        }
        let matched = rule_matches(rule, request, observer);
        if matched && !settled {
            match first {
                Some(first) => first.take(rule, position),
                None => {
                    // Candidates come in any order, and may come twice.
                    let place = self.audits.partition_point(|known| *known < position);
                    if self.audits.get(place) != Some(&position) {
                        self.audits.insert(place, position);
                    }
                }
            }
        }
        matched
    }

    /// The AUDIT rules that matched, in file order.
    pub(crate) fn audits(&self) -> &[u32] {
        &self.audits
    }

    /// Whether a part of this region was found.
    pub(crate) fn has_region(&self, region: u8) -> bool {
        self.regions.checked_shr(region.into()).is_some_and(|bits| bits & 1 == 1)
    }

    /// What a policy decides.
    pub(crate) fn ruling(&self, side: Side) -> Ruling {
        match (self.deny.of(side), self.allow.of(side)) {
            (Some(rule), _) => Ruling::Denied(rule),
            (None, Some(rule)) => Ruling::Allowed(rule),
            (None, None) => Ruling::Default,
        }
    }
}

/// DENY before ALLOW before the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ruling {
    /// By this ALLOW rule.
    Allowed(u32),
    /// By this DENY rule.
    Denied(u32),
    /// No rule matched.
    Default,
}

/// What ALLOW rules require callers to show; decides between 401 and 403.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Requirements {
    some_identity: bool,
    only_tokens: bool,
}

impl Requirements {
    /// What these rules require.
    pub(crate) fn of<'r>(rules: impl Iterator<Item = &'r CompiledRule>) -> Self {
        let mut allows = rules.filter(|rule| rule.action == Action::Allow).peekable();
        let any = allows.peek().is_some();
        let mut requirements = Self { some_identity: false, only_tokens: any };
        for rule in allows {
            let token = requires_token(rule);
            requirements.some_identity |= token || requires_certificate(rule);
            requirements.only_tokens &= token;
        }
        requirements
    }

    /// Why a request that no rule matches is refused.
    ///
    /// `sees`: whether the policy looks at certificates, and at tokens.
    pub(crate) fn default_reason(self, request: &CanonicalRequest<'_>, sees: (bool, bool)) -> Reason {
        if !self.some_identity {
            return Reason::NotAllowed;
        }
        let (certificates, tokens) = sees;
        let has_token = tokens && request.metadata.has_token();
        let has_certificate = certificates && request.caller.principal.is_some();
        if !has_token && (!has_certificate || self.only_tokens) { Reason::NoIdentity } else { Reason::NotAllowed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::side::Sides;

    fn rule(sides: Sides, rank: u32) -> CompiledRule {
        CompiledRule {
            id: "r".into(),
            action: Action::Allow,
            sides,
            rank,
            region: None,
            from: None,
            to: None,
            when: Vec::new(),
        }
    }

    #[test]
    fn the_first_rule_counts_for_each_policy() {
        let found = |rules: &[(Sides, u32)]| {
            let mut first = First::default();
            for (position, (sides, rank)) in (0..).zip(rules) {
                let rule = rule(*sides, *rank);
                if !first.is_settled(&rule) {
                    first.take(&rule, position);
                }
            }
            [first.of(Side::InForce), first.of(Side::Candidate)]
        };
        assert_eq!(found(&[]), [None, None]);
        assert_eq!(found(&[(Sides::IN_FORCE, 3), (Sides::BOTH, 1)]), [Some(1), Some(1)]);
        assert_eq!(found(&[(Sides::BOTH, 1), (Sides::CANDIDATE, 0)]), [Some(0), Some(1)]);
        assert_eq!(found(&[(Sides::IN_FORCE, 2), (Sides::CANDIDATE, 2)]), [Some(0), Some(1)]);
        assert_eq!(found(&[(Sides::CANDIDATE, 4), (Sides::NONE, 0)]), [None, Some(0)]);
    }

    #[test]
    fn deny_comes_before_allow() {
        let hit = |position| First([Some(Hit { rank: 0, position }), None]);
        let matches = Matches { allow: hit(3), deny: hit(7), ..Matches::default() };
        assert_eq!(matches.ruling(Side::InForce), Ruling::Denied(7));
        assert_eq!(matches.ruling(Side::Candidate), Ruling::Default);
        assert_eq!(Matches { allow: hit(3), ..Matches::default() }.ruling(Side::InForce), Ruling::Allowed(3));
    }

    #[test]
    fn regions_are_bits() {
        let matches = Matches { regions: 1 << 63 | 1, ..Matches::default() };
        assert_eq!([0, 1, 63, 64, 255].map(|region| matches.has_region(region)), [true, false, true, false, false]);
    }
}
