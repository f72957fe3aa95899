//! The fields of one rule.

use super::operation::TO;
use super::source::FROM;
use super::{Block, Field, Presence, Shape, choice, defaulted, list, optional, required};
use crate::parse::text::Text;

pub(crate) static RULE: Block = Block {
    name: "rule",
    fields: &[
        required(
            "id",
            Shape::Text(Text::Free),
            "The name under which the rule speaks in reasons, metrics, logs and tests: 1 to 64 of `A-Za-z0-9._-`.",
        ),
        required(
            "action",
            Shape::OneOf(&[
                choice("ALLOW", "let the request through, unless a DENY rule matches too"),
                choice("DENY", "refuse the request, whatever else matches"),
                choice("AUDIT", "only note the request, with the rule's id"),
            ]),
            "What a match means.",
        ),
        defaulted(
            "mode",
            Shape::OneOf(&[
                choice("enforce", "the rule decides"),
                choice("shadow", "a match is counted, and decides nothing"),
            ]),
            "`enforce`",
            "Whether the rule decides.",
        ),
        defaulted("from", Shape::List(&Shape::Block(&FROM)), "anyone", "Who: any of these sources."),
        defaulted("to", Shape::List(&Shape::Block(&TO)), "anything", "What: any of these operations."),
        defaulted("when", Shape::List(&Shape::Block(&CONDITION)), "always", "Under which conditions: all of these."),
    ],
    tombstones: &[
        ("name", "write `id`"),
        ("rule", "write `id`"),
        ("effect", "write `action`"),
        ("source", "write `from: [{source: {...}}]`"),
        ("operation", "write `to: [{operation: {...}}]`"),
        ("conditions", "write `when`"),
        ("shadow", "write `mode: shadow`"),
        ("dryRun", "write `mode: shadow`"),
        ("disabled", "write `mode: shadow`, or comment the rule out"),
    ],
};

static CONDITION: Block = Block {
    name: "when",
    fields: &[
        required(
            "key",
            Shape::Text(Text::Free),
            "What is looked at: a key of Istio's conditions such as `request.headers[x-role]`, or `request.query[NAME]`.",
        ),
        optional("values", list(Text::Free), "One of these must match: exact, `prefix*`, `*suffix` or `*` (present)."),
        optional("notValues", list(Text::Free), "None of these may match."),
        optional(
            "regex",
            list(Text::Free),
            "One of these regular expressions must match the whole value. Headers and query parameters only.",
        ),
        optional(
            "notRegex",
            list(Text::Free),
            "None of these regular expressions may match the whole value. Headers and query parameters only.",
        ),
        Field {
            name: "match",
            shape: Shape::OneOf(&[
                choice("any", "at least one line, or element of one, must satisfy the condition"),
                choice("all", "every line must satisfy the condition"),
            ]),
            presence: Presence::Default(
                "what helps the caller least: any reading (line, element between commas, joined lines) to deny, all of them to allow",
            ),
            doc: "Which lines of a repeated header, or values of a query parameter, must satisfy the condition, in place of the default.",
        },
    ],
    tombstones: &[
        ("value", "write `values` with a list"),
        ("equals", "write `values` with a list"),
        ("header", "write `key: \"request.headers[NAME]\"`"),
        ("name", "write `key`"),
    ],
};
