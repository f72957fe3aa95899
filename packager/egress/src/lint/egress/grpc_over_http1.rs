//! A rule allows gRPC, but the upstream is called with HTTP/1.1.
//!
//! gRPC needs HTTP/2. The gateway would call the upstream with HTTP/1.1, a gRPC server closes such a
//! connection, and every call ends with the status 14 (UNAVAILABLE).
//!
//! Bad:
//!
//! ```yaml
//! # spec
//! upstream: {host: rpc.partner.example, port: 443}
//! authz:
//!   rules:
//!   - id: payments
//!     action: ALLOW
//!     from: [{source: {serviceAccounts: [shop/frontend]}}]
//!     to: [{operation: {grpc: [pay.Payments/*]}}]
//! ```
//!
//! Good:
//!
//! ```yaml
//! # spec
//! upstream: {host: rpc.partner.example, port: 443, protocol: http2}
//! authz:
//!   rules:
//!   - id: payments
//!     action: ALLOW
//!     from: [{source: {serviceAccounts: [shop/frontend]}}]
//!     to: [{operation: {grpc: [pay.Payments/*]}}]
//! ```
//!
//! Fix: Write `upstream.protocol: http2`.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::model::HttpVersion;
use crate::wording::quoted;
use sallyport_core::wire;

pub(super) const LINT: Lint = Lint { code: Code::GrpcOverHttp1, run, source: include_str!("grpc_over_http1.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let over_http1 =
        input.egresses.iter().filter(|subject| subject.egress.spec.upstream.protocol == HttpVersion::Http1);
    let first = over_http1.filter_map(|subject| {
        let (at, rule) =
            subject.rules(wire::Action::Allow).find_map(|(path, rule)| Some((path + &grpc(rule)?, rule)))?;
        let message = format!("the rule {} allows gRPC, but the upstream is called with HTTP/1.1", quoted(&rule.id));
        Some(subject.at(&at, message, "write `upstream.protocol: http2`"))
    });
    first.collect()
}

/// Where a rule names gRPC methods.
fn grpc(rule: &wire::Rule) -> Option<String> {
    let to = rule.to.as_ref()?.iter().position(|to| to.operation.grpc.is_some())?;
    Some(format!(".to[{to}].operation.grpc[0]"))
}
