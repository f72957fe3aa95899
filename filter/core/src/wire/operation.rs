//! A rule's `to`: Istio's, with `pathRegex`, `grpc` and their twins of our own.

use alloc::string::String;
use alloc::vec::Vec;

use super::shape::{Shape, TextKind};

crate::record! {
    /// Istio's `to` entry.
    pub struct ToEntry: Default = "to" {
        /// The fields of one operation: all fields that are written must match.
        "operation" operation: Operation = required,
    }
}

/// Port numbers are strings, as in Istio.
const PORTS: Shape = Shape::List(&Shape::Text(&TextKind::DIGITS));

crate::record! {
    /// Istio's `operation`: fields AND, values OR, each field with its `not` twin.
    pub struct Operation: Default = "operation" {
        /// Host names in any case, with `*.suffix`, `prefix.*` or `*`. The request's port and one trailing dot are
        /// ignored, unlike in Istio; `host:443` requires that port, `host:*` any explicit port.
        "hosts" hosts: Option<Vec<String>> = optional,
        /// None of these may match; written as in `hosts`.
        "notHosts" not_hosts: Option<Vec<String>> = optional,
        /// Ports of the gateway's connection, in quotes as in Istio.
        "ports" ports: Option<Vec<String>> as (PORTS) = optional,
        /// None of these may match; written as in `ports`.
        "notPorts" not_ports: Option<Vec<String>> as (PORTS) = optional,
        /// HTTP methods, in capitals. ALLOW compares them exactly, DENY in any case. A gRPC call is always POST.
        "methods" methods: Option<Vec<String>> = optional,
        /// None of these may match; written as in `methods`.
        "notMethods" not_methods: Option<Vec<String>> = optional,
        /// Paths without the query: exact, `/prefix*`, `*suffix`, `*`, or a template with `{*}` (one segment) and
        /// `{**}` (the rest).
        "paths" paths: Option<Vec<String>> = optional,
        /// None of these may match; written as in `paths`.
        "notPaths" not_paths: Option<Vec<String>> = optional,
        /// Regular expressions over the whole path, of which at most 2,048 bytes are read: no look-around, `.` is any byte.
        "pathRegex" path_regex: Option<Vec<String>> = optional,
        /// None of these may match; written as in `pathRegex`.
        "notPathRegex" not_path_regex: Option<Vec<String>> = optional,
        /// gRPC calls: `package.Service/Method`, `package.Service/*` or `*`. ALLOW requires a POST with a gRPC content type;
        /// DENY refuses the path whatever its content type.
        "grpc" grpc: Option<Vec<String>> = optional,
        /// None of these may match; written as in `grpc`.
        "notGrpc" not_grpc: Option<Vec<String>> = optional,
    }
    instead {
        "headers" => "write a condition: `when: [{key: \"request.headers[NAME]\", values: [...]}]`",
        "query" => "write a condition: `when: [{key: \"request.query[NAME]\", values: [...]}]`",
        "queryParams" => "write a condition: `when: [{key: \"request.query[NAME]\", values: [...]}]`",
        "cookies" => "write a condition: `when: [{key: \"request.headers[cookie]\", values: [...]}]`",
        "claims" => "write a condition: `when: [{key: \"request.auth.claims[NAME]\", values: [...]}]`",
        "body" => "leave it out: rules see no body; match `methods` and `paths`",
        "regex" => "write `pathRegex`",
        "notRegex" => "write `notPathRegex`",
        "prefix" => "write `paths: [\"/PREFIX*\"]`",
        "pathPrefix" => "write `paths: [\"/PREFIX*\"]`",
        "exact" => "write `paths`",
        "uri" => "write `paths`",
        "service" => "write `grpc: [SERVICE/METHOD]`",
        "schemes" => "leave it out: callers speak plain HTTP, which their sidecars encrypt",
        "verbs" => "write `methods`",
        "urls" => "write `paths`, and `hosts` if needed",
    }
}
