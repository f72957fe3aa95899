//! The fields of `spec.route`: how requests go to the upstream, with Istio's names.

use super::{Block, Shape, defaulted, optional, required};
use crate::parse::text::Text;

pub(crate) static ROUTE: Block = Block {
    name: "route",
    fields: &[
        optional("timeout", Shape::Text(Text::Duration), "For the whole request, retries included: `10s`."),
        defaulted(
            "retries",
            Shape::Block(&RETRIES),
            "none: the upstream is not asked twice",
            "Retries at the gateway.",
        ),
        optional("connectionPool", Shape::Block(&CONNECTION_POOL), "Limits on what one gateway pod opens and sends."),
        optional(
            "outlierDetection",
            Shape::Block(&OUTLIER_DETECTION),
            "When one of the upstream's addresses is left out for a while.",
        ),
    ],
    tombstones: &[("retry", "write `retries`"), ("trafficPolicy", "write its fields here")],
};

static RETRIES: Block = Block {
    name: "retries",
    fields: &[
        required("attempts", Shape::Whole { least: 0, most: 10 }, "How many times more, at most."),
        optional("perTryTimeout", Shape::Text(Text::Duration), "For each try: `2s`. Not longer than `timeout`."),
        defaulted(
            "retryOn",
            Shape::Text(Text::RetryConditions),
            "`connect-failure,refused-stream`",
            "Envoy's retry conditions, comma-separated. The default repeats only what the upstream has not seen.",
        ),
    ],
    tombstones: &[("retries", "write `attempts`"), ("numRetries", "write `attempts`")],
};

const COUNT: Shape = Shape::Whole { least: 1, most: 2_147_483_647 };

static CONNECTION_POOL: Block = Block {
    name: "connectionPool",
    fields: &[
        optional("maxConnections", COUNT, "How many connections to the upstream one gateway pod opens, at most."),
        optional("connectTimeout", Shape::Text(Text::Duration), "For a new connection: `3s`."),
        optional("maxRequests", COUNT, "How many requests one gateway pod has in flight, at most."),
        optional("maxPendingRequests", COUNT, "How many requests wait for a connection, at most."),
    ],
    tombstones: &[
        ("tcp", "write its fields here"),
        ("http", "write its fields here"),
        ("http1MaxPendingRequests", "write `maxPendingRequests`"),
        ("http2MaxRequests", "write `maxRequests`"),
    ],
};

static OUTLIER_DETECTION: Block = Block {
    name: "outlierDetection",
    fields: &[
        optional("consecutive5xxErrors", COUNT, "After how many errors in a row an address is left out."),
        optional("interval", Shape::Text(Text::Duration), "Between two looks: `10s`."),
        optional("baseEjectionTime", Shape::Text(Text::Duration), "How long an address stays out: `30s`."),
        optional(
            "maxEjectionPercent",
            Shape::Whole { least: 1, most: 100 },
            "How many of the addresses may be out at once, in percent.",
        ),
    ],
    tombstones: &[("consecutiveErrors", "write `consecutive5xxErrors`")],
};
