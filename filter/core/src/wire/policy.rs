//! A whole policy.

use alloc::string::String;
use alloc::vec::Vec;

use super::ambiguity::Ambiguity;
use super::candidate::{Canary, Candidate};
use super::health::{Health, Readiness};
use super::json::Json;
use super::outbound::{Headers, Tracing};
use super::read::Reader;
use super::rule::Rule;
use super::shape::Shape;
use super::stage::Stage;

/// The wire version this build reads and writes. Any other is refused, never guessed at.
pub const WIRE_VERSION: u32 = 1;

crate::record! {
    /// A whole policy for one upstream.
    ///
    /// The field names of its rules are those of Istio's `AuthorizationPolicy` (`security.istio.io/v1`), because that is what
    /// its users know. A problem's field path (`rules[3].to[0].operation.paths[1]`) points at the same place in the `authz`
    /// block of the Egress file.
    pub struct Policy: Default = "policy" {
        /// The version of this shape: [`WIRE_VERSION`].
        "version" version: u32 = required,
        /// `NAMESPACE/NAME` of the Egress that this policy was written for. A filter configured under another plugin name
        /// (`pluginName`, Envoy's `root_id`) refuses it.
        "upstream" upstream: String = required,
        /// How far the candidate has come; without a candidate, whether the refusals of the policy itself are enforced.
        "stage" stage: Stage = default(Stage::Enforce, "`enforce`"),
        /// For whom the candidate, or without one the policy, decides at the stage `canary`.
        "canary" canary: Option<Canary> = default(None, "nobody"),
        /// The mesh's trust domain.
        "trustDomain" trust_domain: Option<String> = default(None, "`cluster.local`"),
        /// Other names of the mesh's own trust domain.
        "trustDomainAliases" trust_domain_aliases: Vec<String> = default(Vec::new(), "none"),
        /// Principals (`TRUST_DOMAIN/ns/NAMESPACE/sa/ACCOUNT`, exact) whose `x-forwarded-client-cert` is trusted.
        "trustedForwarders" trusted_forwarders: Vec<String> = default(Vec::new(), "none"),
        /// Kinds of ambiguity to tolerate: such a request goes to the rules, byte for byte, instead of being refused
        /// with 400.
        "tolerate" tolerate: Vec<Ambiguity> as (Shape::List(&Shape::OneOf(Ambiguity::TOLERABLE_CHOICES)))
            = default(Vec::new(), "none"),
        /// Whether the answer to a refused caller names the rule that refused it.
        "discloseRule" disclose_rule: bool = default(false),
        /// Whether the decision is written to Envoy's filter state, for its access log and spans.
        "filterState" filter_state: bool = default(false),
        /// The gateway's `numTrustedProxies`: above 0 the address that Envoy reports is the remote one, not the packet's.
        "numTrustedProxies" num_trusted_proxies: u32 = default(0),
        /// When requests are not sent to the upstream.
        "health" health: Option<Health> = default(None, "they always are"),
        /// The gateway's readiness endpoint.
        "readiness" readiness: Option<Readiness> = default(None, "none"),
        /// Which trace headers the upstream gets.
        "tracing" tracing: Tracing = default(Tracing::default(), "those of Envoy's tracer"),
        /// Which other headers the upstream gets.
        "headers" headers: Headers = default(Headers::default(), "those that the caller sent"),
        /// The rules. DENY rules are evaluated first, then ALLOW rules; what no rule allows is refused.
        "rules" rules: Vec<Rule> = written(Vec::new(), "every request is refused"),
        /// The next version of the rules.
        "candidate" candidate: Option<Candidate> = default(None, "none"),
        /// The automaton of each regular expression in the rules: the filter has no compiler.
        "automata" automata: Vec<Automaton> = default(Vec::new(), "none"),
    }
}

impl Policy {
    /// Reads a policy as [`Wire::read`](super::Wire::read) does, and gives back the memory of each rule's tree once the rule is
    /// read: in the filter memory that was once in use stays with the VM. `None`: something is wrong; to say what takes the whole
    /// tree.
    #[inline(never)]
    pub(crate) fn take(mut tree: Json<'_>) -> Option<Self> {
        let rules = tree.take_list("rules")?;
        let mut policy: Self = Reader::read(&tree).ok()?;
        policy.rules.reserve_exact(rules.len());
        for rule in rules {
            policy.rules.push(Reader::read(&rule).ok()?);
        }
        Some(policy)
    }
}

crate::record! {
    /// A regular expression and its automaton.
    pub struct Automaton: Default = "automaton" {
        /// The expression, as it is written in the rules.
        "pattern" pattern: String = required,
        /// The automaton that `sallyport-pattern` compiles it to, in base64 (RFC 4648, 4).
        "automaton" automaton: String = required,
    }
}
