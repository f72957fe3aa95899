//! The fields of `spec.health`: when the upstream is not asked, and who is asked instead.

use super::{Block, Shape, choice, defaulted, list, optional, required};
use crate::parse::text::Text;

pub(crate) static HEALTH: Block = Block {
    name: "health",
    fields: &[
        optional("probe", Shape::Block(&PROBE), "A request of the gateway's own, by which it knows the upstream."),
        optional("passive", Shape::Block(&PASSIVE), "Limits on what callers get. Costs one look at each answer."),
        defaulted("hold", Shape::Text(Text::Duration), "`5s`", "How long the gate stays open at least."),
        defaulted(
            "slowStart",
            Shape::Block(&SLOW_START),
            "10 % at first, all after 10 s",
            "How the upstream is asked again.",
        ),
        defaulted(
            "refusal",
            Shape::Block(&REFUSAL),
            "503, retry after 5 s",
            "What callers are told while the gate is open.",
        ),
        optional(
            "override",
            Shape::OneOf(&[
                choice("forceOpen", "the upstream is not asked, however well it is"),
                choice("forceClosed", "the upstream is asked, however ill it is"),
            ]),
            "A manual decision; the gate does not decide. It goes on probing, and tells what it finds.",
        ),
        defaulted(
            "readiness",
            Shape::OneOf(&[
                choice("gateway", "a pod is ready while it has its policy: it answers, and says why not"),
                choice("upstream", "a pod is ready while it has its policy and somebody is asked"),
            ]),
            "`gateway`",
            "Whether the gateway's pods leave their Service while the upstream is not asked.",
        ),
        defaulted(
            "failover",
            Shape::List(&Shape::Text(Text::Label)),
            "none",
            "Names of Egresses in the same namespace, whose upstreams are asked instead by idempotent requests: the first that is well.",
        ),
    ],
    tombstones: &[
        ("standby", "write `failover`"),
        ("outlierDetection", "write `passive`, or `route.outlierDetection` for single addresses"),
        ("interval", "write it in `probe`"),
        ("path", "write it in `probe`"),
        ("forceOpen", "write `override: forceOpen`"),
        ("forceClosed", "write `override: forceClosed`"),
    ],
};

static PROBE: Block = Block {
    name: "probe",
    fields: &[
        required("path", Shape::Text(Text::Free), "What is asked for, with a query if there is one."),
        defaulted("method", Shape::Text(Text::Free), "`GET`", "`GET` or `HEAD`: a probe changes nothing."),
        defaulted("host", Shape::Text(Text::NotEmpty), "`upstream.host`", "What the upstream reads as its own name."),
        defaulted("expect", Shape::Block(&EXPECT), "a status from 200 to 299", "What a good answer is."),
        defaulted(
            "interval",
            Shape::Text(Text::Duration),
            "`5s`",
            "From one probe to the next, however many workers there are.",
        ),
        defaulted(
            "jitter",
            Shape::Whole { least: 0, most: 100 },
            "10",
            "By how much of the interval a probe may be early, in percent: so that gateways do not probe together.",
        ),
        defaulted(
            "timeout",
            Shape::Text(Text::Duration),
            "`1s`, or the interval if that is shorter",
            "After which a probe has failed. Not longer than the interval.",
        ),
        defaulted(
            "rise",
            Shape::Whole { least: 1, most: 1000 },
            "2",
            "Good answers in a row that make the upstream well.",
        ),
        defaulted("fall", Shape::Whole { least: 1, most: 1000 }, "3", "Failed probes in a row that make it ill."),
    ],
    tombstones: &[
        ("url", "write `path`"),
        ("httpGet", "write its `path` here"),
        ("periodSeconds", "write `interval`"),
        ("timeoutSeconds", "write `timeout`"),
        ("successThreshold", "write `rise`"),
        ("failureThreshold", "write `fall`"),
        ("healthyThreshold", "write `rise`"),
        ("unhealthyThreshold", "write `fall`"),
        ("expectedStatuses", "write `expect.statuses`"),
    ],
};

static EXPECT: Block = Block {
    name: "expect",
    fields: &[
        defaulted("statuses", list(Text::Digits), "`200-299`", "One of these: `200`, `200-299`."),
        optional("header", Shape::Block(&HEADER), "This header with this value."),
        optional("bodyPrefix", Shape::Text(Text::Free), "How the body begins: at most 1024 bytes."),
    ],
    tombstones: &[("status", "write `statuses`"), ("body", "write `bodyPrefix`")],
};

static HEADER: Block = Block {
    name: "header",
    fields: &[
        required("name", Shape::Text(Text::NotEmpty), "Its name, in lower case."),
        required("value", Shape::Text(Text::Free), "Its whole value."),
    ],
    tombstones: &[],
};

const COUNT: Shape = Shape::Whole { least: 1, most: 1_000_000 };

static PASSIVE: Block = Block {
    name: "passive",
    fields: &[
        defaulted("window", Shape::Text(Text::Duration), "`10s`", "How far back `failurePercent` and `p95` look."),
        defaulted("minimumRequests", COUNT, "20", "Requests in the window before a share of them means anything."),
        optional(
            "failurePercent",
            Shape::Whole { least: 1, most: 100 },
            "Share of failed requests in the window that opens the gate.",
        ),
        defaulted("consecutive", COUNT, "5", "Failures of the upstream in a row that open the gate."),
        defaulted(
            "consecutiveLocal",
            COUNT,
            "5",
            "Requests in a row that do not reach the upstream (refused, reset, timed out) that open the gate.",
        ),
        defaulted("statuses", list(Text::Digits), "`500-599`", "Which statuses are failures."),
        defaulted(
            "grpcStatuses",
            Shape::List(&Shape::Whole { least: 1, most: 16 }),
            "14",
            "Which gRPC statuses are failures.",
        ),
        optional("p95", Shape::Text(Text::Duration), "The upstream's 95th percentile above which it is ill."),
    ],
    tombstones: &[
        ("consecutive5xxErrors", "write `consecutive`"),
        ("consecutiveGatewayErrors", "write `consecutiveLocal`"),
        ("consecutiveLocalOriginFailures", "write `consecutiveLocal`"),
        ("interval", "write `window`"),
        ("baseEjectionTime", "write `health.hold`"),
        ("latency", "write `p95`"),
    ],
};

static SLOW_START: Block = Block {
    name: "slowStart",
    fields: &[
        defaulted("share", Shape::Whole { least: 1, most: 100 }, "10", "The share of requests at first, in percent."),
        defaulted("duration", Shape::Text(Text::Duration), "`10s`", "Until all are let through."),
    ],
    tombstones: &[],
};

static REFUSAL: Block = Block {
    name: "refusal",
    fields: &[
        defaulted("status", Shape::Whole { least: 500, most: 599 }, "503", "The HTTP status; gRPC callers get 14."),
        defaulted("retryAfter", Shape::Text(Text::Duration), "`5s`", "`Retry-After`, in whole seconds."),
    ],
    tombstones: &[],
};
