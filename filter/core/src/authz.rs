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
//! Istio.
//!
//! **Readings.** Where an attribute has several readings, `values` in DENY and AUDIT rules and `notValues` in ALLOW rules
//! match if any of them matches; `values` in ALLOW rules and `notValues` in DENY and AUDIT rules match only if all do. The
//! principle, and the readings of each attribute, are in `request/usage.rs`.
//!
//! **Missing attributes.** A positive field or condition never holds on a missing attribute. A negative one holds, as in
//! Istio, with one exception, where Sallyport is stricter: *in an ALLOW rule a negative field on an identity (principal,
//! namespace, service account, trust domain, request principal, claim, audience, presenter), an address or a port does not
//! hold when it is missing.* A missing certificate or token must never help a caller. In DENY and AUDIT rules the negative
//! field holds, so Istio's idiom `DENY notRequestPrincipals: ["*"]` keeps its meaning. Headers, query parameters, the SNI
//! and other filters' metadata may legitimately be missing: on these a negative field always holds. A certificate whose path
//! is not `ns/NS/sa/SA` has a principal and a trust domain, but no namespace and no service account.
//!
//! **Headers and query parameters.** Without `match` their readings decide. `match: all` and `match: any` are the author's
//! choice instead: *all*: every line, trimmed, satisfies the condition; *any*: some line does, or with positive parts
//! (`values`, `regex`) some comma-separated element of one. A line satisfies it when (neither `values` nor `regex` is
//! written, or one of them matches) and none of `notValues` and `notRegex` matches. Without a line, a condition holds
//! exactly when it has only negative parts.
//!
//! **Claims** are strings, or lists of which one string must match; `scope` and `permission` are lists of words (RFC 8693).
//! Elements of a list that are not strings are ignored. A list without strings, and a claim of any other type, count as
//! missing, and so does an empty `iss` or `sub`. Issuer and subject are matched separately, split at the pattern's last `/`.
//! Other filters' metadata: `VALUE` is a string, `[VALUE]` an element of a list.
//!
//! **Identity** is the only URI name of a verified peer certificate. If `connection.mtls` is false there is none. A URI that
//! is not a plain `spiffe://TRUST-DOMAIN/PATH` is not an identity, and neither are two URI names; rules that restrict
//! still look at every name. Where the peer is a trusted forwarder, the identity is that of the last
//! `x-forwarded-client-cert` element before the gateway's own that is not the forwarder's, if there is one; otherwise it is
//! the forwarder's. What a rule says about the mesh's own trust domain also applies to its aliases: for a permissive use
//! exactly where Istio expands it, for a restrictive one wherever a pattern matches one of the names.
//!
//! **Shadow.** There are two rulings: one by the enforced rules, and one by all rules as if all were enforced. Where one
//! permits and the other refuses, the second is reported beside the first. With the whole policy in shadow mode every request
//! continues, and what is reported is a refusal by all rules. AUDIT rules never decide.
//!
//! **Ambiguity.** Servers that follow CGI read `x_role` and `x-role` as one header, and PHP reads `role[]` as `role`. Such a
//! twin of a name that an enforced rule reads makes the request ambiguous, and so does a value that is longer than what an
//! enforced rule reads of it. Rules that do not decide make nothing ambiguous.
//!
//! **`NoIdentity`** replaces `NotAllowed` in two cases: the caller showed neither a certificate identity nor a token, and
//! some ALLOW rule requires one of them; or it showed no token, and there are ALLOW rules, all of which require one. For the
//! verdict these are the enforced rules; for what is reported of shadow mode, all rules. A rule requires a certificate
//! identity (a token) when any field or condition in it, positive or negative, is about one.

pub mod explain;
mod matching;
pub(crate) mod observer;

use self::matching::rule_matches;
pub(crate) use self::matching::{requires_certificate, requires_token};
use self::observer::{Observer, Silent};
use crate::policy::index::Index;
use crate::policy::rule::{CompiledRule, Role};
use crate::request::canonical::CanonicalRequest;
use crate::verdict::Reason;
use crate::wire::Action;

/// Which rules matched: for each action and role, the one that comes first in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Matches {
    allow: First,
    deny: First,
    audits: Vec<u32>,
}

/// By role, the position of the first rule that matched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct First([Option<u32>; Role::COUNT]);

impl First {
    fn slot(&mut self, role: Role) -> Option<&mut Option<u32>> {
        self.0.get_mut(role as usize)
    }

    /// The first among several roles.
    fn of(&self, roles: &[Role]) -> Option<u32> {
        roles.iter().filter_map(|role| *self.0.get(*role as usize)?).min()
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

    /// Evaluates one rule, unless it could not change anything.
    pub(crate) fn consider<O: Observer>(
        &mut self,
        rules: &[CompiledRule],
        position: u32,
        request: &CanonicalRequest<'_>,
        observer: &mut O,
    ) -> bool {
        let Some(rule) = usize::try_from(position).ok().and_then(|position| rules.get(position)) else { return false };
        let slot = match rule.action {
            Action::Allow => self.allow.slot(rule.role),
            Action::Deny => self.deny.slot(rule.role),
            Action::Audit => None,
        };
        // Only the first rule of an action and a role can be reported, so a later one need not be evaluated: most of the
        // rules that a search finds for a busy path are skipped here.
        let settled = slot.as_ref().is_some_and(|slot| slot.is_some_and(|first| first <= position));
        if settled && !O::RECORDS {
            return false;
        }
        let matched = rule_matches(rule, request, observer);
        if matched && !settled {
            match slot {
                Some(slot) => *slot = Some(position),
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

    /// What the rules of these roles decide together.
    pub(crate) fn ruling(&self, roles: &[Role]) -> Ruling {
        match (self.deny.of(roles), self.allow.of(roles)) {
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
    pub(crate) fn default_reason(self, request: &CanonicalRequest<'_>) -> Reason {
        if !self.some_identity {
            return Reason::NotAllowed;
        }
        let nothing_shown = || request.caller.principal.is_none() && !request.metadata.has_token();
        let token_missing = || self.only_tokens && !request.metadata.has_token();
        if nothing_shown() || token_missing() { Reason::NoIdentity } else { Reason::NotAllowed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ruling_is_read_off_a_set_of_roles() {
        let matches = |allow, deny| Matches { allow: First(allow), deny: First(deny), audits: Vec::new() };
        for (allow, deny, in_force, if_enforced) in [
            ([None, None], [None, None], Ruling::Default, Ruling::Default),
            ([Some(3), Some(1)], [None, None], Ruling::Allowed(3), Ruling::Allowed(1)),
            ([Some(1), Some(3)], [None, None], Ruling::Allowed(1), Ruling::Allowed(1)),
            ([None, Some(1)], [None, None], Ruling::Default, Ruling::Allowed(1)),
            ([Some(1), None], [None, Some(4)], Ruling::Allowed(1), Ruling::Denied(4)),
            ([None, None], [Some(2), Some(0)], Ruling::Denied(2), Ruling::Denied(0)),
        ] {
            let matches = matches(allow, deny);
            let rulings = (matches.ruling(Role::IN_FORCE), matches.ruling(Role::IF_ENFORCED));
            assert_eq!(rulings, (in_force, if_enforced), "{matches:?}");
        }
    }
}
