//! `kind: Cases`: requests, and what the gateway of an Egress must make of them.

use super::deploy::Document;
use super::{API_VERSION_TEXT, kind_text};
use crate::value::{NOT_EMPTY, NOT_EMPTY_LIST};
use sallyport_core::wire::{Ambiguity, Shape, TextKind};
use sallyport_core::{record, words};

const KIND: TextKind = kind_text("Cases");

record! {
    /// A file of cases.
    pub struct CasesFile = "Cases" {
        /// The version of this format.
        "apiVersion" api_version: String as (Shape::Text(&API_VERSION_TEXT)) = required,
        /// Requests, and what the gateway of one Egress must make of them.
        "kind" kind: String as (Shape::Text(&KIND)) = required,
        /// The Egress that the cases are about: `NAME`, or `NAMESPACE/NAME`.
        "egress" egress: Option<String> as (NOT_EMPTY) = default(None, "the one in the same folder"),
        /// The cases, in groups.
        "groups" groups: Vec<CaseGroup> = required,
    }
    instead {
        "metadata" => "leave it out, or write `egress: NAME`",
        "spec" => "write `groups` at the top of the file",
        "cases" => "write them in a group: `groups: [{name: ..., cases: [...]}]`",
        "tests" => "write `groups`",
    }
}

record! {
    /// Cases that belong together. Without `cases`, the group itself is a table of cases.
    pub struct CaseGroup = "group" {
        /// What the group is about, for reports.
        "name" name: String as (NOT_EMPTY) = required,
        /// Who calls, in cases that do not say it.
        "from" from: Option<CaseFrom> = optional,
        /// What is requested, in cases that do not say it.
        "to" to: Option<CaseTo> = optional,
        /// What is expected, in cases that do not say it.
        "expect" expect: Option<Expect> = optional,
        /// The cases. What one leaves out is as in its group.
        "cases" cases: Vec<CaseRow> = default(Vec::new(), "the group is one itself"),
    }
    instead {
        "callers" => "write `from: {serviceAccounts: [...]}`",
        "requests" => "write `to: {methods: [...], paths: [...]}`",
        "description" => "write `name`",
    }
}

record! {
    /// Each of some callers with each of some requests.
    pub struct CaseRow = "case" {
        /// What the case shows, for reports.
        "name" name: Option<String> as (NOT_EMPTY) = optional,
        /// Who calls. A caller written here takes the place of those of the group; so does every other field.
        "from" from: Option<CaseFrom> = optional,
        /// What is requested. Each field written here takes the place of that of the group.
        "to" to: Option<CaseTo> = optional,
        /// What is expected. It takes the place of what the group expects.
        "expect" expect: Option<Expect> = optional,
    }
    instead {
        "caller" => "write `from: {serviceAccounts: [...]}`",
        "request" => "write `to: {methods: [...], paths: [...]}`",
        "verdict" => "write `expect: {verdict: ...}`",
        "rule" => "write `expect: {rule: ...}`",
        "reason" => "write `expect: {reason: ...}`",
    }
}

record! {
    /// Who calls: each of the callers is a case of its own, and the other fields are the same for all of them.
    pub struct CaseFrom: Default = "from" {
        /// Workloads of the mesh: `NAMESPACE/ACCOUNT`.
        "serviceAccounts" service_accounts: Option<Vec<String>> as (NOT_EMPTY_LIST) = optional,
        /// Callers by principal: `TRUST_DOMAIN/ns/NAMESPACE/sa/ACCOUNT`.
        "principals" principals: Option<Vec<String>> as (NOT_EMPTY_LIST) = optional,
        /// Also a caller without a certificate.
        "anonymous" anonymous: Option<bool> = optional,
        /// The forwarder that sends the request for them, such as an ingress gateway: `NAMESPACE/ACCOUNT`, or a principal.
        /// It has the connection; they are in `x-forwarded-client-cert`.
        "through" through: Option<String> as (NOT_EMPTY) = optional,
        /// The claims of their verified token, such as `{iss: https://issuer.example, sub: alice}`.
        "claims" claims: Option<Document> as (Shape::Fields) = optional,
        /// The address that they call from.
        "address" address: Option<String> as (NOT_EMPTY) = default(None, "127.0.0.1"),
        /// The name that they ask for in the TLS handshake.
        "sni" sni: Option<String> as (NOT_EMPTY) = default(None, "the host, or `spec.host` if the gateway does not serve the host"),
        /// What other filters say of the request: a mapping for each filter.
        "metadata" metadata: Option<Document> as (Shape::Fields) = optional,
    }
    instead {
        "source" => "write its fields here: `from: {serviceAccounts: [...]}`",
        "namespaces" => "name a service account of it: `serviceAccounts: [NAMESPACE/ACCOUNT]`",
        "requestPrincipals" => "write the token's claims: `claims: {iss: ISSUER, sub: SUBJECT}`",
        "ipBlocks" => "write one address: `address: 10.0.0.1`",
        "remoteIpBlocks" => "write one address: `address: 10.0.0.1`",
        "serviceAccount" => "write `serviceAccounts: [NAMESPACE/ACCOUNT]`",
        "principal" => "write `principals: [...]`",
        "token" => "write `claims`",
        "jwt" => "write `claims`",
    }
}

record! {
    /// What is requested: each method with each host and path is a case of its own, and so is each gRPC call.
    pub struct CaseTo: Default = "to" {
        /// HTTP methods.
        "methods" methods: Option<Vec<String>> as (NOT_EMPTY_LIST) = default(None, "`GET`"),
        /// Hosts, with a port if the caller sends one.
        "hosts" hosts: Option<Vec<String>> as (NOT_EMPTY_LIST) = default(None, "the Egress's `spec.host`"),
        /// Paths as they are sent, with or without a query.
        "paths" paths: Option<Vec<String>> as (NOT_EMPTY_LIST) = optional,
        /// The query, without `?`, for paths that have none.
        "query" query: Option<String> as (NOT_EMPTY) = optional,
        /// gRPC calls: `package.Service/Method`.
        "grpc" grpc: Option<Vec<String>> as (NOT_EMPTY_LIST) = optional,
        /// Headers in order. A header may be repeated.
        "headers" headers: Option<Vec<CaseHeader>> = optional,
        /// The gateway's port that they connect to, as `ports` of a rule has it.
        "port" port: Option<u16> as (Shape::Whole { least: 1, most: 65_535 })
            = default(None, "the one for callers' port 80"),
    }
    instead {
        "operation" => "write its fields here: `to: {methods: [...], paths: [...]}`",
        "method" => "write `methods: [...]`",
        "path" => "write `paths: [...]`",
        "host" => "write `hosts: [...]`",
        "ports" => "write one: `port: 8443`",
    }
}

record! {
    /// A header of a request.
    pub struct CaseHeader = "headers" {
        /// The name.
        "name" name: String as (NOT_EMPTY) = required,
        /// The value.
        "value" value: String = required,
    }
}

record! {
    /// What is expected. What is not written may be anything.
    pub struct Expect: Default = "expect" {
        /// What becomes of the request.
        "verdict" verdict: Option<ExpectedVerdict> = optional,
        /// The ID of the rule that decides.
        "rule" rule: Option<String> as (NOT_EMPTY) = optional,
        /// Why the request is refused.
        "reason" reason: Option<ExpectedReason> = optional,
        /// In which way the request is ambiguous, for the reason `ambiguous_request`.
        "ambiguity" ambiguity: Option<Ambiguity> = optional,
        /// The status of the gateway's own answer.
        "status" status: Option<u16> as (Shape::Whole { least: 200, most: 599 }) = optional,
        /// What would happen if everything in shadow mode were enforced.
        "shadow" shadow: Option<ExpectShadow> = optional,
        /// The IDs of the AUDIT rules that match, in any order: these and no others.
        "audits" audits: Option<Vec<String>> = optional,
        /// What the upstream gets.
        "upstream" upstream: Option<ExpectUpstream> = optional,
    }
    instead {
        "action" => "write `verdict`",
        "allow" => "write `verdict: ALLOW`",
        "deny" => "write `verdict: DENY`",
        "allowed" => "write `verdict: ALLOW`, or `verdict: DENY`",
        "headers" => "write `upstream: {headers: [...]}`",
        "verdict: allowed" => "write `ALLOW`",
        "verdict: refused" => "write `DENY`",
        "verdict: denied" => "write `DENY`",
    }
}

words! {
    /// What becomes of a request.
    pub enum ExpectedVerdict {
        /// It goes on to the upstream.
        "ALLOW" Allow,
        /// The gateway answers it.
        "DENY" Deny,
    }
}

words! {
    /// Why a request is refused.
    pub enum ExpectedReason {
        /// A DENY rule matches.
        "denied" Denied,
        /// No ALLOW rule matches.
        "not_allowed" NotAllowed,
        /// No ALLOW rule matches, and the caller has no identity.
        "no_identity" NoIdentity,
        /// The request can be read in more than one way.
        "ambiguous_request" AmbiguousRequest,
    }
}

record! {
    /// What would happen without shadow mode.
    pub struct ExpectShadow: Default = "shadow" {
        /// What would become of the request.
        "verdict" verdict: Option<ExpectedVerdict> = optional,
        /// The ID of the rule that would decide.
        "rule" rule: Option<String> as (NOT_EMPTY) = optional,
        /// Why the request would be refused.
        "reason" reason: Option<ExpectedReason> = optional,
    }
}

record! {
    /// What the upstream gets.
    pub struct ExpectUpstream: Default = "upstream" {
        /// The Egress whose upstream gets it: `NAMESPACE/NAME`.
        "route" route: Option<String> as (NOT_EMPTY) = optional,
        /// Headers that it gets, or does not get.
        "headers" headers: Vec<ExpectHeader> = default(Vec::new(), "any"),
    }
}

record! {
    /// A header that the upstream gets, or does not get.
    pub struct ExpectHeader = "headers" {
        /// The name; pseudo headers such as `:path` too.
        "name" name: String as (NOT_EMPTY) = required,
        /// The value of one of its lines.
        "value" value: Option<String> = default(None, "any value"),
        /// That the upstream does not get it.
        "absent" absent: bool = default(false),
    }
}
