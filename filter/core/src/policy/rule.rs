//! Compiled rules: matchers only, nothing left to parse.

use crate::matcher::host::HostSet;
use crate::matcher::network::NetworkSet;
use crate::matcher::path::PathSet;
use crate::matcher::port::PortSet;
use crate::matcher::regex::RegexSet;
use crate::matcher::string::StringSet;
use crate::matcher::value::{Quantifier, ValueTest};

/// What a match means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Grant.
    Allow,
    /// Refuse.
    Deny,
    /// Note.
    Audit,
}

/// One rule.
#[derive(Debug)]
pub struct CompiledRule {
    pub(crate) id: Box<str>,
    pub(crate) action: Action,
    /// False in shadow mode.
    pub(crate) enforced: bool,
    /// Any of these; `None`: anyone.
    pub(crate) from: Option<Vec<Source>>,
    /// Any of these; `None`: anything.
    pub(crate) to: Option<Vec<Operation>>,
    /// All of these.
    pub(crate) when: Vec<Condition>,
}

/// One source: every test must hold.
pub type Source = Vec<SourceTest>;
/// One operation: every test must hold.
pub type Operation = Vec<OperationTest>;

/// One field of a source.
#[derive(Debug)]
pub struct SourceTest {
    /// A `not` field.
    pub(crate) negated: bool,
    pub(crate) matcher: SourceMatcher,
}

/// What a source's field matches.
#[derive(Debug)]
pub enum SourceMatcher {
    /// On the caller's certificate.
    Identity(IdentityField, StringSet),
    /// `ISS/SUB`.
    RequestPrincipals(StringSet),
    /// The packet's source.
    IpBlocks(NetworkSet),
    /// The trusted remote address.
    RemoteIpBlocks(NetworkSet),
}

/// A part of the certificate identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityField {
    /// `TD/PATH`.
    Principal,
    /// The namespace.
    Namespace,
    /// `ns/NS/sa/SA`.
    ServiceAccount,
    /// The trust domain.
    TrustDomain,
}

/// One field of an operation.
#[derive(Debug)]
pub struct OperationTest {
    /// A `not` field.
    pub(crate) negated: bool,
    pub(crate) matcher: OperationMatcher,
}

/// What an operation's field matches.
#[derive(Debug)]
pub enum OperationMatcher {
    /// The authority.
    Hosts(HostSet),
    /// The connection's port.
    Ports(PortSet),
    /// The method.
    Methods(StringSet),
    /// The path.
    Paths(PathSet),
    /// The path, by expression.
    PathRegex(RegexSet),
    /// The path of a gRPC call.
    Grpc(PathSet),
}

/// One condition.
#[derive(Debug)]
pub enum Condition {
    /// `request.headers[NAME]`.
    Header { name: Box<[u8]>, quantifier: Quantifier, test: ValueTest },
    /// `request.query[NAME]`.
    Query { name: Box<[u8]>, quantifier: Quantifier, test: ValueTest },
    /// `source.principal`, `.namespace`, `.serviceAccount`, `.trustDomain`.
    Identity { field: IdentityField, test: ValueTest },
    /// `request.auth.principal`.
    RequestPrincipal { test: ValueTest },
    /// `request.auth.audiences`, `.presenter`, `.claims[A][B]`.
    Claim { path: Vec<String>, test: ValueTest },
    /// `experimental.envoy.filters.NAME[KEY]`.
    Metadata { filter: String, key: String, test: ValueTest },
    /// `source.ip`, `remote.ip`.
    SourceAddress { values: Option<NetworkSet>, not_values: Option<NetworkSet> },
    /// `destination.ip`.
    DestinationAddress { values: Option<NetworkSet>, not_values: Option<NetworkSet> },
    /// `destination.port`.
    DestinationPort { values: Option<PortSet>, not_values: Option<PortSet> },
    /// `connection.sni`.
    Sni { test: ValueTest },
}
