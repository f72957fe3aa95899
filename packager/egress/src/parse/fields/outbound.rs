//! The fields of `spec.tracing` and `spec.headers`: what leaves the mesh.

use super::{Block, Shape, choice, defaulted, list, optional, required};
use crate::parse::text::Text;

pub(crate) static TRACING: Block = Block {
    name: "tracing",
    fields: &[
        defaulted(
            "mode",
            Shape::OneOf(&[
                choice("envoy", "Envoy's tracer; the mesh has one"),
                choice("standalone", "the filter: it goes on with the caller's trace, or begins one"),
                choice("strip", "nobody: the upstream is told of no trace"),
            ]),
            "`standalone`",
            "Who tells the upstream of the trace.",
        ),
        defaulted(
            "formats",
            Shape::List(&Shape::OneOf(&[
                choice("w3c", "`traceparent` and `tracestate`"),
                choice("b3", "`b3`"),
                choice("b3multi", "`x-b3-traceid` and its fellows"),
            ])),
            "`w3c`",
            "What the upstream reads: one or several. Needs `mode: standalone`.",
        ),
        defaulted(
            "baggage",
            list(Text::Word),
            "none",
            "Keys of W3C baggage that leave the mesh. Needs `mode: standalone`.",
        ),
        optional(
            "provider",
            Shape::Text(Text::Word),
            "The tracer among Istio's extension providers. Needs `mode: envoy`; absent: the mesh's own.",
        ),
        optional(
            "samplingPerMille",
            Shape::Whole { least: 0, most: 1000 },
            "How many requests of a thousand begin a trace, where the caller has not said. Needs `mode: envoy`.",
        ),
        defaulted(
            "requestId",
            Shape::OneOf(&[
                choice("keep", "the caller's, so that its log and the upstream's can be joined"),
                choice("new", "a new one, as Istio's gateways make it"),
            ]),
            "`keep`",
            "Which `x-request-id` the upstream gets.",
        ),
    ],
    tombstones: &[
        ("sampling", "write `samplingPerMille`"),
        ("randomSamplingPercentage", "write `samplingPerMille`"),
        ("format", "write `formats`"),
        ("providers", "write `provider`"),
    ],
};

pub(crate) static HEADERS: Block = Block {
    name: "headers",
    fields: &[
        defaulted(
            "hygiene",
            Shape::OneOf(&[
                choice("strict", "what tells of the mesh, addresses, and what callers must not say of themselves"),
                choice("compatible", "what tells of the mesh"),
                choice("off", "nothing"),
            ]),
            "`strict`",
            "Which headers do not leave the mesh.",
        ),
        defaulted(
            "keep",
            list(Text::HeaderName),
            "none",
            "Names that are kept anyway, in lower case, and exactly as written: with `x-user` kept, `x_user` still goes.",
        ),
        defaulted(
            "remove",
            list(Text::HeaderName),
            "none",
            "Names that go, too, in lower case. With `x-user`, `x_user` goes, too: CGI reads the two as one header.",
        ),
        defaulted(
            "set",
            Shape::List(&Shape::Block(&SET)),
            "none",
            "Headers that are set, in place of what the caller sent under their names, with `_` for `-` too.",
        ),
        defaulted("response", Shape::Block(&RESPONSE), "by `hygiene`", "The same for answers."),
        optional(
            "credential",
            Shape::Block(&CREDENTIAL),
            "A header with a secret, for the upstream, in place of the caller's own.",
        ),
    ],
    tombstones: &[
        ("add", "write `set`"),
        ("request", "write its fields here"),
        ("set-cookie", "write `response: {remove: [set-cookie]}`"),
    ],
};

static SET: Block = Block {
    name: "set",
    fields: &[
        required("name", Shape::Text(Text::HeaderName), "Its name, in lower case."),
        required(
            "value",
            Shape::Text(Text::NotEmpty),
            "Text, with `%{caller.principal}`, `%{caller.namespace}`, `%{caller.serviceAccount}`, `%{gateway}`, `%{rule}`, `%{traceId}`, `%{requestId}` and `%{foreignTrace}` (an id of X-Ray or Datadog) for what differs. What is not known leaves the header out.",
        ),
    ],
    tombstones: &[("header", "write `name`")],
};

static RESPONSE: Block = Block {
    name: "response",
    fields: &[
        defaulted(
            "keep",
            list(Text::HeaderName),
            "none",
            "Names that are kept anyway, in lower case. Of `server` callers see Envoy's own, whatever is written here.",
        ),
        defaulted("remove", list(Text::HeaderName), "none", "Names that go, too, in lower case: `set-cookie`."),
    ],
    tombstones: &[],
};

static CREDENTIAL: Block = Block {
    name: "credential",
    fields: &[
        required("name", Shape::Text(Text::HeaderName), "The header's name, in lower case: `authorization`."),
        defaulted(
            "prefix",
            Shape::Text(Text::HeaderPrefix),
            "nothing",
            "What stands before the secret: `Bearer `. Visible ASCII and spaces, and no space at the beginning.",
        ),
        required("secretName", Shape::Text(Text::ResourceName), "The Secret, in the Egress's namespace."),
        defaulted("secretKey", Shape::Text(Text::SecretKey), "`token`", "Its key: letters, digits, `-`, `_` and `.`."),
    ],
    tombstones: &[
        ("value", "a secret is never written here: write `secretName`"),
        ("secret", "write `secretName`"),
        ("header", "write `name`"),
    ],
};
