//! A CUSTOM policy depends on what happens after it.
//!
//! Istio asks the authorizer of a CUSTOM policy before all plugins, in whatever phase, and before tokens
//! are verified. What a plugin of phase `AUTHN` adds or removes, the authorizer does not see; and a rule
//! that needs a token's claims never matches, so the authorizer is not asked and the request passes.
//!
//! Bad:
//!
//! ```yaml
//! kind: AuthorizationPolicy
//! metadata: {name: ask, namespace: egress}
//! spec:
//!   selector: {matchLabels: {app: partner-egress}}
//!   action: CUSTOM
//!   provider: {name: authorizer}
//!   rules: [{to: [{operation: {paths: [/admin]}}]}]
//! ---
//! kind: WasmPlugin
//! metadata: {name: identity, namespace: egress}
//! spec:
//!   selector: {matchLabels: {app: partner-egress}}
//!   phase: AUTHN
//! ```
//!
//! Good:
//!
//! ```yaml
//! kind: AuthorizationPolicy
//! metadata: {name: ask, namespace: egress}
//! spec:
//!   selector: {matchLabels: {app: partner-egress}}
//!   action: CUSTOM
//!   provider: {name: authorizer}
//!   rules: [{to: [{operation: {paths: [/admin]}}]}]
//! ---
//! kind: WasmPlugin
//! metadata: {name: identity, namespace: egress}
//! spec:
//!   selector: {matchLabels: {app: partner-egress}}
//!   phase: AUTHZ
//! ```
//!
//! Fix: Verify tokens and prepare requests in the authorizer itself, or decide in a plugin of phase
//! `AUTHZ` instead of a CUSTOM policy.

use crate::code::Code;
use crate::import::{Kind, Manifest};
use crate::lint::definition::Lint;
use crate::lint::finding::{Finding, finding};
use crate::lint::input::Input;
use crate::wording::quoted;
use crate::yaml::tree::Node;
use sallyport_core::policy::key::{Topic, topic_of};

pub(super) const LINT: Lint =
    Lint { code: Code::CustomPolicyFirst, run, source: include_str!("custom_policy_first.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let is_custom = |policy: &&Manifest| policy.spec().text_at(&["action"]) == Some("CUSTOM");
    for policy in input.set.of(Kind::AuthorizationPolicy).filter(is_custom) {
        if let Some(place) = token(policy) {
            let message = "rules of CUSTOM policies are compared before tokens are verified, so this one never matches";
            let help = "let the authorizer verify the token, and match by host or path";
            findings.push(finding(policy.file, place, message, help));
        }
        for plugin in input.set.extensions.overlapping(policy) {
            let Some(phase) = plugin.spec().get("phase").filter(|phase| phase.text() == Some("AUTHN")) else {
                continue;
            };
            let name = quoted(&policy.qualified());
            let message = format!("the authorizer of the CUSTOM policy {name} is asked before this plugin runs");
            findings.push(finding(plugin.file, phase, message, "let the authorizer do it, or decide in a plugin"));
        }
    }
    findings
}

/// The first place where a policy asks for a verified token.
fn token(policy: &Manifest) -> Option<&Node> {
    policy.rules().iter().find_map(|rule| {
        let mut sources = rule.items_at(&["from"]).iter().filter_map(|from| from.get("source"));
        let keys = rule.items_at(&["when"]).iter().filter_map(|condition| condition.get("key"));
        let mut keys = keys.filter(|key| key.text().and_then(topic_of) == Some(Topic::Token));
        sources.find_map(|source| source.get("requestPrincipals")).or_else(|| keys.next())
    })
}
