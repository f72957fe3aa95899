//! The fields of `spec.authz`: Istio's vocabulary, and a few words of our own. What the values mean, and whether they
//! are right, is for the core to say: strings are free here.

use super::rule::RULE;
use super::{Block, Shape, choice, defaulted, list};
use crate::parse::text::Text;

pub(crate) static AUTHZ: Block = Block {
    name: "authz",
    fields: &[
        defaulted(
            "rules",
            Shape::List(&Shape::Block(&RULE)),
            "nobody may do anything",
            "DENY rules come first, then ALLOW; what no rule allows is refused.",
        ),
        defaulted(
            "trustedForwarders",
            list(Text::Free),
            "none",
            "Principals (`TRUST_DOMAIN/ns/NAMESPACE/sa/ACCOUNT`, exact) whose `x-forwarded-client-cert` is believed.",
        ),
        defaulted(
            "tolerate",
            Shape::List(&AMBIGUITY),
            "none",
            "Kinds of ambiguity that are let through to the rules, byte for byte, instead of answered with 400.",
        ),
        defaulted(
            "discloseRule",
            Shape::Boolean,
            "`false`",
            "Whether callers are told, in the answer's `x-sallyport`, which rule decided and what was ambiguous.",
        ),
    ],
    tombstones: &[
        ("allow", "write `rules` with `action: ALLOW`"),
        ("allowlist", "write `rules` with `action: ALLOW`"),
        ("whitelist", "write `rules` with `action: ALLOW`"),
        ("deny", "write `rules` with `action: DENY`"),
        ("denylist", "write `rules` with `action: DENY`"),
        ("blacklist", "write `rules` with `action: DENY`"),
        ("action", "each rule has its own `action`"),
        ("mode", "write it in a rule, or in `rollout.mode` for the whole policy"),
        ("selector", "leave it out: an Egress has one gateway"),
        ("targetRefs", "leave it out: an Egress has one gateway"),
        ("jwtRules", "write them in `authn.jwt`"),
    ],
};

static AMBIGUITY: Shape = Shape::OneOf(&[
    choice("escapedSlash", "`%2F` or `%5C` in the path"),
    choice("escapedNul", "`%00` in the path"),
    choice("doubleSlash", "`//` in the path"),
    choice("semicolon", "`;` or `%3B` in the path"),
    choice("backslash", "`\\` in the path"),
    choice(
        "dotSegment",
        "a `.` or `..` segment that Envoy has left, such as one beside a `;`; it resolves plain ones and `%2e`",
    ),
    choice("doubleEncoding", "`%25` followed by two hexadecimal digits"),
    choice("controlCharacter", "a control character, plain or percent-encoded"),
    choice("nonAscii", "a plain byte above 0x7f in the path"),
    choice("fragment", "`#` in the path"),
    choice("escapedDelimiter", "`%23` or `%3F` in the path"),
    choice("invalidEncoding", "`%` not followed by two hexadecimal digits"),
    choice(
        "invalidUtf8",
        "a path that is not UTF-8 when it is decoded, such as `/caf%E9`; overlong forms are refused all the same",
    ),
    choice("underscoreHeader", "a header that differs from one that a rule reads only by `_` for `-`"),
    choice(
        "ambiguousQuery",
        "in a query that a rule reads: `;`, a name that is its parameter's but for case or brackets, bytes that are not text",
    ),
]);
