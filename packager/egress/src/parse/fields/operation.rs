//! The fields of a rule's `to`: Istio's, with `pathRegex` and `grpc` of our own.

use super::{Block, Shape, list, optional, required};
use crate::parse::text::Text;

pub(crate) static TO: Block = Block {
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
            "Host names in any case, with `*.suffix`, `prefix.*` or `*`. The request's port and one trailing dot do not matter, which is looser than Istio; `host:443` wants that port, `host:*` any explicit one.",
        ),
        optional("notHosts", list(Text::Free), "None of these, in the terms of `hosts`."),
        optional("ports", list(Text::Digits), "Ports of the gateway's connection, in quotes as in Istio."),
        optional("notPorts", list(Text::Digits), "None of these, in the terms of `ports`."),
        optional(
            "methods",
            list(Text::Free),
            "HTTP methods, in capitals. ALLOW compares them to the letter, DENY in any case. A gRPC call is always POST.",
        ),
        optional("notMethods", list(Text::Free), "None of these, in the terms of `methods`."),
        optional(
            "paths",
            list(Text::Free),
            "Paths without query: exact, `/prefix*`, `*suffix`, `*`, or a template with `{*}` (one segment) and `{**}` (the rest).",
        ),
        optional("notPaths", list(Text::Free), "None of these, in the terms of `paths`."),
        optional(
            "pathRegex",
            list(Text::Free),
            "Regular expressions over the whole path, of which at most 2,048 bytes are read: no look-around, `.` is any byte.",
        ),
        optional("notPathRegex", list(Text::Free), "None of these, in the terms of `pathRegex`."),
        optional(
            "grpc",
            list(Text::Free),
            "gRPC calls: `package.Service/Method`, `package.Service/*` or `*`. ALLOW wants a POST with a gRPC content type; DENY refuses the path whatever its content type.",
        ),
        optional("notGrpc", list(Text::Free), "None of these, in the terms of `grpc`."),
    ],
    tombstones: &[
        ("headers", "write a condition: `when: [{key: \"request.headers[NAME]\", values: [...]}]`"),
        ("query", "write a condition: `when: [{key: \"request.query[NAME]\", values: [...]}]`"),
        ("verbs", "write `methods`"),
        ("urls", "write `paths`, and `hosts` if need be"),
    ],
};
