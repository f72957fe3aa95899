//! Tokens are verified, and none is required.
//!
//! A RequestAuthentication refuses wrong tokens. A request without any passes it: only a policy that asks for a token's
//! claims or principal keeps it out.
//!
//! Write an AuthorizationPolicy that denies `notRequestPrincipals: ["*"]`, or a filter whose rules ask for the token.

use super::{Finding, Input, of_manifest};
use crate::import::{Kind, Manifest};
use crate::parse::tree::Node;
use sallyport_core::policy::key::{Topic, topic_of};

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for tokens in input.set.of(Kind::RequestAuthentication) {
        if !input.set.policies.meeting(tokens).into_iter().any(asks_for_token) {
            let message = "a request without a token passes, and no policy here asks for one";
            let help = "deny `notRequestPrincipals: [\"*\"]` in an AuthorizationPolicy for the same pods";
            findings.push(of_manifest(tokens, message, help));
        }
    }
    findings
}

/// A filter's rules deny what they do not allow, so with one the token is the rules' matter.
fn asks_for_token(policy: &Manifest) -> bool {
    policy.kind != Kind::AuthorizationPolicy
        || policy.spec().descendants().any(|node| {
            let of_token = |key: &Node| key.text().and_then(topic_of) == Some(Topic::Token);
            node.get("requestPrincipals").or_else(|| node.get("notRequestPrincipals")).is_some()
                || node.get("key").is_some_and(of_token)
        })
}
