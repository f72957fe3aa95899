//! The fields of `spec.authz`: Istio's vocabulary, and a few words of our own. What the values mean, and whether they
//! are right, is for the core to say: strings are free here.

use super::{Block, Field, Presence, Shape, choice, defaulted, list, optional, required};
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
            "Whether a refused caller is told the id of the rule that refused it.",
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
        (
            "mode",
            "write it in a rule, or in `rollout.mode` for the whole policy",
        ),
        ("selector", "leave it out: an Egress has one gateway"),
        ("targetRefs", "leave it out: an Egress has one gateway"),
        ("jwtRules", "write them in `authn.jwt`"),
    ],
};

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
                choice(
                    "ALLOW",
                    "let the request through, unless a DENY rule matches too",
                ),
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
        defaulted(
            "from",
            Shape::List(&Shape::Block(&FROM)),
            "anyone",
            "Who: any of these sources.",
        ),
        defaulted(
            "to",
            Shape::List(&Shape::Block(&TO)),
            "anything",
            "What: any of these operations.",
        ),
        defaulted(
            "when",
            Shape::List(&Shape::Block(&CONDITION)),
            "always",
            "Under which conditions: all of these.",
        ),
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

static FROM: Block = Block {
    name: "from",
    fields: &[required(
        "source",
        Shape::Block(&SOURCE),
        "The fields of one source: all that are written must hold.",
    )],
    tombstones: &[],
};

static SOURCE: Block = Block {
    name: "source",
    fields: &[
        optional(
            "principals",
            list(Text::Free),
            "`TRUST_DOMAIN/ns/NAMESPACE/sa/ACCOUNT` of the caller's certificate, with `prefix*`, `*suffix` or `*` (any). Needs mTLS.",
        ),
        optional(
            "notPrincipals",
            list(Text::Free),
            "None of these, in the terms of `principals`.",
        ),
        optional(
            "requestPrincipals",
            list(Text::Free),
            "`ISSUER/SUBJECT` of a verified token, with `prefix*`, `*suffix` or `*` (any). Needs `authn.jwt`.",
        ),
        optional(
            "notRequestPrincipals",
            list(Text::Free),
            "None of these, in the terms of `requestPrincipals`.",
        ),
        optional(
            "namespaces",
            list(Text::Free),
            "The caller's namespace. Needs mTLS.",
        ),
        optional(
            "notNamespaces",
            list(Text::Free),
            "None of these, in the terms of `namespaces`.",
        ),
        optional(
            "serviceAccounts",
            list(Text::Free),
            "The caller's service account, `NAMESPACE/ACCOUNT`, or `ACCOUNT` in the Egress's own namespace. No wildcard. Needs mTLS.",
        ),
        optional(
            "notServiceAccounts",
            list(Text::Free),
            "None of these, in the terms of `serviceAccounts`.",
        ),
        optional(
            "trustDomains",
            list(Text::Free),
            "The caller's trust domain. Needs mTLS.",
        ),
        optional(
            "notTrustDomains",
            list(Text::Free),
            "None of these, in the terms of `trustDomains`.",
        ),
        optional(
            "ipBlocks",
            list(Text::Free),
            "The packet's source address: IP or CIDR.",
        ),
        optional(
            "notIpBlocks",
            list(Text::Free),
            "None of these, in the terms of `ipBlocks`.",
        ),
        optional(
            "remoteIpBlocks",
            list(Text::Free),
            "The caller's address as far as the gateway trusts X-Forwarded-For: IP or CIDR.",
        ),
        optional(
            "notRemoteIpBlocks",
            list(Text::Free),
            "None of these, in the terms of `remoteIpBlocks`.",
        ),
    ],
    tombstones: &[
        (
            "users",
            "write `principals`, `serviceAccounts` or `requestPrincipals`",
        ),
        (
            "user",
            "write `principals`, `serviceAccounts` or `requestPrincipals`",
        ),
        ("ips", "write `ipBlocks` or `remoteIpBlocks`"),
        ("cidrs", "write `ipBlocks` or `remoteIpBlocks`"),
    ],
};

static TO: Block = Block {
    name: "to",
    fields: &[required(
        "operation",
        Shape::Block(&OPERATION),
        "The fields of one operation: all that are written must hold.",
    )],
    tombstones: &[],
};

static OPERATION: Block = Block {
    name: "operation",
    fields: &[
        optional(
            "hosts",
            list(Text::Free),
            "Host names in any case, with `*.suffix`, `prefix.*` or `*`; `host:port` or `host:*`.",
        ),
        optional(
            "notHosts",
            list(Text::Free),
            "None of these, in the terms of `hosts`.",
        ),
        optional(
            "ports",
            list(Text::Digits),
            "Ports of the gateway's connection, in quotes as in Istio.",
        ),
        optional(
            "notPorts",
            list(Text::Digits),
            "None of these, in the terms of `ports`.",
        ),
        optional(
            "methods",
            list(Text::Free),
            "HTTP methods. A gRPC call is always POST.",
        ),
        optional(
            "notMethods",
            list(Text::Free),
            "None of these, in the terms of `methods`.",
        ),
        optional(
            "paths",
            list(Text::Free),
            "Paths without query: exact, `/prefix*`, `*suffix`, `*`, or a template with `{*}` (one segment) and `{**}` (the rest).",
        ),
        optional(
            "notPaths",
            list(Text::Free),
            "None of these, in the terms of `paths`.",
        ),
        optional(
            "pathRegex",
            list(Text::Free),
            "Regular expressions over the whole path: linear time, no look-around.",
        ),
        optional(
            "notPathRegex",
            list(Text::Free),
            "None of these, in the terms of `pathRegex`.",
        ),
        optional(
            "grpc",
            list(Text::Free),
            "gRPC calls: `package.Service/Method`, `package.Service/*` or `*`. Holds for gRPC requests only.",
        ),
        optional(
            "notGrpc",
            list(Text::Free),
            "None of these, in the terms of `grpc`.",
        ),
    ],
    tombstones: &[
        (
            "headers",
            "write a condition: `when: [{key: \"request.headers[NAME]\", values: [...]}]`",
        ),
        (
            "query",
            "write a condition: `when: [{key: \"request.query[NAME]\", values: [...]}]`",
        ),
        ("verbs", "write `methods`"),
        ("urls", "write `paths`, and `hosts` if need be"),
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
        optional(
            "values",
            list(Text::Free),
            "One of these must match: exact, `prefix*`, `*suffix` or `*` (present).",
        ),
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
                choice("any", "at least one occurrence must satisfy the condition"),
                choice("all", "every occurrence must satisfy the condition"),
            ]),
            presence: Presence::Default("`all` in an ALLOW rule, `any` in a DENY or AUDIT rule"),
            doc: "Which occurrences of a repeated header or query parameter must satisfy the condition.",
        },
    ],
    tombstones: &[
        ("value", "write `values` with a list"),
        ("equals", "write `values` with a list"),
        ("header", "write `key: \"request.headers[NAME]\"`"),
        ("name", "write `key`"),
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
        "a `.` or `..` segment, plain or percent-encoded",
    ),
    choice("doubleEncoding", "`%25` followed by two hexadecimal digits"),
    choice(
        "controlCharacter",
        "a control character, plain or percent-encoded",
    ),
    choice("nonAscii", "a plain byte above 0x7f in the path"),
    choice("fragment", "`#` in the path"),
    choice(
        "invalidEncoding",
        "`%` not followed by two hexadecimal digits",
    ),
    choice(
        "underscoreHeader",
        "a header that differs from one that a rule reads only by `_` for `-`",
    ),
]);
