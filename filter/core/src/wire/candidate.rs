//! The candidate: the next version of the rules, evaluated beside those in force.

use alloc::string::String;
use alloc::vec::Vec;

use super::rule::Rule;
use super::shape::Shape;

crate::record! {
    /// Whose requests a candidate decides at the stage `canary`. Callers without an identity are never among them.
    pub struct Canary: Default = "canary" {
        /// The share of callers, in percent, by a hash of their principals: the same in every worker, replica and restart. A
        /// caller that is among them stays so when the share grows.
        "percent" percent: u32 as (Shape::Whole { least: 0, most: 100 }) = default(0),
        /// Callers by name: principals (`TRUST_DOMAIN/ns/NAMESPACE/sa/ACCOUNT`, exact).
        "callers" callers: Vec<String> = default(Vec::new(), "none"),
    }
}

crate::record! {
    /// The next version of the rules.
    pub struct Candidate: Default = "candidate" {
        /// SHA-256 of the rules in force: 64 hexadecimal digits. [`digest()`](super::digest()) says of which bytes.
        "policy" policy: String = required,
        /// The same of the candidate's rules.
        "candidate" candidate: String = required,
        /// Rules in place of those of the same id, or new: these come last.
        "rules" rules: Vec<Rule> = default(Vec::new(), "none"),
        /// Ids of rules that it does not have.
        "remove" remove: Vec<String> = default(Vec::new(), "none"),
        /// What the change means: requests that it decides otherwise, in disjoint sets. At most 64.
        "regions" regions: Vec<Region> = default(Vec::new(), "none"),
    }
}

crate::record! {
    /// Requests that the candidate decides otherwise: those that `rule` and `and` match, and `fails` does not, and that the two
    /// policies decide in one of these ways: `allowed:RULE`, `denied:RULE`, `not_allowed`, `no_identity`,
    /// `ambiguous_request:KIND`.
    pub struct Region: Default = "region" {
        /// Its name in metrics and logs.
        "id" id: String = required,
        /// How the policy in force decides them.
        "inForce" in_force: Vec<String> = required,
        /// How the candidate decides them.
        "candidate" candidate: Vec<String> = required,
        /// The part of a rule that matches them.
        "rule" rule: Option<Rule> = optional,
        /// The part of another rule that matches them, too.
        "and" and: Option<Rule> = optional,
        /// The part of another rule that matches none of them.
        "fails" fails: Option<Rule> = optional,
    }
}
