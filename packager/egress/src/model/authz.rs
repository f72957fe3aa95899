//! `spec.authz`, `spec.authn` and `spec.rollout`: who may do what.
//!
//! The rules are the filter's own wire types. What their texts mean, and whether they are right, the core decides.

use crate::value::NOT_EMPTY_LIST;
use crate::value::authn::{Issuer, Jwks, JwksUri};
use sallyport_core::record;
use sallyport_core::wire::Rule;
use sallyport_core::wire::{Ambiguity, Shape};
use sallyport_core::wire::{Canary, Stage};

record! {
    /// `spec.authz`: the policy's rules, in Istio's vocabulary.
    pub struct Authz: Default = "authz" {
        /// The rules. DENY rules are evaluated first, then ALLOW rules; what no rule allows is refused.
        "rules" rules: Vec<Rule> = default(Vec::new(), "every request is refused"),
        /// Principals (`TRUST_DOMAIN/ns/NAMESPACE/sa/ACCOUNT`, exact) whose `x-forwarded-client-cert` is trusted.
        "trustedForwarders" trusted_forwarders: Vec<String> = default(Vec::new()),
        /// Kinds of ambiguity to tolerate: such a request goes to the rules, byte for byte, instead of being refused
        /// with 400.
        "tolerate" tolerate: Vec<Ambiguity> as (Shape::List(&Shape::OneOf(Ambiguity::TOLERABLE_CHOICES)))
            = default(Vec::new()),
        /// Whether the `x-sallyport` header of answers names the rule that decided, and what was ambiguous.
        "discloseRule" disclose_rule: bool = default(false),
    }
    instead {
        "allow" => "write `rules` with `action: ALLOW`",
        "allowlist" => "write `rules` with `action: ALLOW`",
        "whitelist" => "write `rules` with `action: ALLOW`",
        "deny" => "write `rules` with `action: DENY`",
        "denylist" => "write `rules` with `action: DENY`",
        "blacklist" => "write `rules` with `action: DENY`",
        "action" => "each rule has its own `action`",
        "mode" => "write `stage` in a rule, or `rollout.stage` for the whole policy",
        "stage" => "write it in a rule, or in `rollout.stage` for the whole policy",
        "selector" => "leave it out: an Egress has one gateway",
        "targetRefs" => "leave it out: an Egress has one gateway",
        "jwtRules" => "write them in `authn.jwt`",
    }
}

impl Authz {
    /// What a gateway does with `x-forwarded-client-cert` (Istio's `gatewayTopology.forwardClientCertDetails`, Envoy's
    /// `forward_client_cert_details`). It writes its own behind those of others only where forwarders are trusted.
    #[must_use]
    pub fn forward_client_cert_details(&self) -> &'static str {
        if self.trusted_forwarders.is_empty() { "SANITIZE_SET" } else { "APPEND_FORWARD" }
    }
}

record! {
    /// `spec.authn`: whose tokens are trusted.
    pub struct Authn: Default = "authn" {
        /// Issuers of JSON Web Tokens that are trusted, each issuer once.
        "jwt" jwt: Vec<JwtProvider> = default(Vec::new()),
    }
    instead {
        "jwtRules" => "write `jwt`",
    }
}

record! {
    /// An issuer of tokens, with the field names of Istio's RequestAuthentication `jwtRules`.
    pub struct JwtProvider = "jwt" {
        /// The token's issuer (`iss`), exactly.
        "issuer" issuer: Issuer = required,
        /// The token's audience (`aud`) must have one of these.
        "audiences" audiences: Vec<String> as (NOT_EMPTY_LIST) = default(Vec::new(), "any audience"),
        /// The issuer's key set, as JSON text. Either this or `jwksUri`.
        "jwks" jwks: Option<Jwks> = optional,
        /// The URL of the issuer's key set. Either this or `jwks`.
        "jwksUri" jwks_uri: Option<JwksUri> = optional,
    }
    instead {
        "jwks_uri" => "write `jwksUri`",
        "keys" => "write `jwks` with the whole key set as JSON text",
        "spaceDelimitedClaims" => "leave it out: `scope` and `permission` are lists of words, any other claim is one text",
    }
}

record! {
    /// `spec.rollout`: for whom a new policy is enforced. What changes a policy that is in force is a Candidate file.
    pub struct Rollout: Default = "rollout" {
        /// How far the whole policy has come. What it would replace lets every request pass.
        "stage" stage: Stage = default(Stage::Enforce),
        /// Whose requests the policy decides at the stage `canary`. The others pass.
        "canary" canary: Option<Canary> = optional,
    }
    instead {
        "mode" => "write `stage`",
        "percent" => "write it in `canary.percent`",
        "weight" => "write it in `canary.percent`",
        "steps" => "write them in a Rollout file: `gates: {canary: {steps: [...]}}`",
        "strategy" => "write `stage`",
        "dryRun" => "write `stage: shadow`",
        "stage: dry-run" => "write `shadow`",
        "stage: dryRun" => "write `shadow`",
        "stage: audit" => "write `shadow`",
        "stage: monitor" => "write `shadow`",
        "stage: off" => "write `shadow`",
        "stage: on" => "write `enforce`",
    }
}
