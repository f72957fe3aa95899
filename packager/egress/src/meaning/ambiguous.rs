//! Ambiguous requests where one policy enforces nothing.

use sallyport_core::wire;

use super::lists::View;
use super::merge::Side;
use super::policy::Policy;
use super::region::{Region, Scope, Source};
use crate::scenario::{Caller, Request, Scenario};

/// Ambiguous paths, by kind.
const AMBIGUOUS: [(wire::Ambiguity, &str); 5] = [
    (wire::Ambiguity::EscapedSlash, "/a%2Fb"),
    (wire::Ambiguity::DoubleSlash, "/a//b"),
    (wire::Ambiguity::Semicolon, "/a;b"),
    (wire::Ambiguity::EscapedDelimiter, "/a%3Fb"),
    (wire::Ambiguity::DoubleEncoding, "/%2541"),
];

/// Requests that one policy refuses as ambiguous and the other allows, because it enforces nothing: they are not searched
/// for, but shown by one of them.
pub(super) fn of_ambiguity(policies: [&Policy; 2], host: &str) -> Option<Region> {
    let [old, new] = policies.map(|policy| policy.outline().enforced);
    if old == new {
        return None;
    }
    let is_tolerated = |kind| policies.iter().any(|policy| policy.outline().tolerated.contains(kind));
    let (_, path) = AMBIGUOUS.iter().find(|(kind, _)| !is_tolerated(kind))?;
    let scenario = Scenario { caller: Caller::anonymous(), request: Request::new("GET", host, path) };
    let [before, after] = policies.map(|policy| scenario.decide(policy.engine()).effect);
    let of = if old { Side::New } else { Side::Old };
    let scope = Scope::of_no_rule(of, Source::Shadow);
    Some(Region::new(View::InForce, before, after, scope, scenario))
}
