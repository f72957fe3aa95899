//! Tokens are verified, but none is required.
//!
//! A RequestAuthentication refuses invalid tokens. A request without a token passes it: only a policy
//! that requires a claim or a request principal refuses it.
//!
//! Bad:
//!
//! ```yaml
//! kind: RequestAuthentication
//! metadata: {name: tokens, namespace: egress}
//! spec:
//!   selector: {matchLabels: {gateway: httpbin}}
//!   jwtRules: [{issuer: "https://login.example.com"}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: RequestAuthentication
//! metadata: {name: tokens, namespace: egress}
//! spec:
//!   selector: {matchLabels: {gateway: httpbin}}
//!   jwtRules: [{issuer: "https://login.example.com"}]
//! ---
//! kind: AuthorizationPolicy
//! metadata: {name: with-token, namespace: egress}
//! spec:
//!   selector: {matchLabels: {gateway: httpbin}}
//!   action: DENY
//!   rules: [{from: [{source: {notRequestPrincipals: ["*"]}}]}]
//! ```
//!
//! Fix: Write an AuthorizationPolicy that denies `notRequestPrincipals: ["*"]`, or use a filter whose
//! rules check the token.

use crate::code::Code;
use crate::import::{Kind, Manifest};
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, of_manifest};
use crate::lint::input::Input;
use crate::yaml::tree::Node;
use sallyport_core::policy::key::{Topic, topic_of};

pub(super) const LINT: Lint = Lint { code: Code::TokenNotRequired, run, source: include_str!("token_not_required.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for tokens in input.set.of(Kind::RequestAuthentication) {
        if !input.set.policies.overlapping(tokens).into_iter().any(requires_token) {
            let message = "a request without a token passes: no policy here requires one";
            let help = "deny `notRequestPrincipals: [\"*\"]` in an AuthorizationPolicy for the same pods";
            findings.push(of_manifest(tokens, message, help));
        }
    }
    findings
}

/// A filter denies what its rules do not allow, so whether a token is required is up to its rules.
fn requires_token(policy: &Manifest) -> bool {
    policy.kind != Kind::AuthorizationPolicy
        || policy.spec().descendants().any(|node| {
            let of_token = |key: &Node| key.text().and_then(topic_of) == Some(Topic::Token);
            node.get("requestPrincipals").or_else(|| node.get("notRequestPrincipals")).is_some()
                || node.get("key").is_some_and(of_token)
        })
}
