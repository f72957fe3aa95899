//! Rules: Istio's, with an id on each, `mode`, and in conditions `regex`, `notRegex` and `match` of our own.

use alloc::string::String;
use alloc::vec::Vec;

use super::operation::ToEntry;
use super::shape::Shape;
use super::source::FromEntry;
use super::stage::Stage;

crate::record! {
    /// One rule: a source AND an operation AND every condition.
    pub struct Rule: Default = "rule" {
        /// The rule's name in reasons, metrics, logs and tests: 1 to 64 of `A-Za-z0-9._-`.
        "id" id: String = required,
        /// What happens to a request that matches.
        "action" action: Action = required,
        /// Whether the rule is enforced or only counted.
        "stage" stage: Stage as (Shape::OneOf(Stage::OF_A_RULE)) = default(Stage::Enforce, "`enforce`"),
        /// The callers: one of these sources must match.
        "from" from: Option<Vec<FromEntry>> = default(None, "anyone"),
        /// The requests: one of these operations must match.
        "to" to: Option<Vec<ToEntry>> = default(None, "anything"),
        /// Further conditions: all of them must match.
        "when" when: Option<Vec<Condition>> = default(None, "always"),
    }
    instead {
        "name" => "write `id`",
        "rule" => "write `id`",
        "effect" => "write `action`",
        "source" => "write `from: [{source: {...}}]`",
        "operation" => "write `to: [{operation: {...}}]`",
        "conditions" => "write `when`",
        "mode" => "write `stage`",
        "shadow" => "write `stage: shadow`",
        "dryRun" => "write `stage: shadow`",
        "disabled" => "write `stage: shadow`, or comment the rule out",
        "stage: dry-run" => "write `shadow`",
        "stage: dryRun" => "write `shadow`",
        "stage: audit" => "write `shadow`",
        "stage: monitor" => "write `shadow`",
        "stage: off" => "write `shadow`",
        "stage: on" => "write `enforce`",
        "action: PERMIT" => "write `ALLOW`",
        "action: ACCEPT" => "write `ALLOW`",
        "action: REJECT" => "write `DENY`",
        "action: BLOCK" => "write `DENY`",
        "action: LOG" => "write `AUDIT`",
        "action: CUSTOM" => "write `ALLOW`, and the external decision in `gateway.opa` of the Egress",
    }
}

crate::words! {
    /// What a matching rule does.
    pub enum Action: Default = Allow {
        /// Let the request through, unless a DENY rule matches too.
        "ALLOW" Allow,
        /// Refuse the request, whatever else matches.
        "DENY" Deny,
        /// Only record the request, with the rule's ID.
        "AUDIT" Audit,
    }
}

crate::record! {
    /// Istio's `when` entry.
    pub struct Condition: Default = "when" {
        /// What the condition is about: a key of Istio's conditions, such as `request.headers[x-role]`, or
        /// `request.query[NAME]`.
        "key" key: String = required,
        /// One of these must match: exact, `prefix*`, `*suffix` or `*` (present).
        "values" values: Option<Vec<String>> = optional,
        /// None of these may match.
        "notValues" not_values: Option<Vec<String>> = optional,
        /// One of these regular expressions must match the whole value. Headers and query parameters only.
        "regex" regex: Option<Vec<String>> = optional,
        /// None of these regular expressions may match the whole value. Headers and query parameters only.
        "notRegex" not_regex: Option<Vec<String>> = optional,
        /// Which lines of a repeated header, or values of a repeated query parameter, must satisfy the condition.
        "match" quantifier: Option<Quantifier> = default(
            None,
            "in ALLOW rules every reading (line, element between commas, joined lines) must satisfy it, in DENY and AUDIT rules one is enough"
        ),
    }
    instead {
        "value" => "write `values` with a list",
        "equals" => "write `values` with a list",
        "header" => "write `key: \"request.headers[NAME]\"`",
        "name" => "write `key`",
    }
}

crate::words! {
    /// Which occurrences of a repeated header or query parameter must satisfy a condition.
    pub enum Quantifier {
        /// At least one line, or element of one, must satisfy the condition.
        "any" Any,
        /// Every line must satisfy the condition.
        "all" All,
    }
}
