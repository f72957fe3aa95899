//! Compiled rules: matchers only, with nothing left to parse.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

use crate::matcher::host::HostSet;
use crate::matcher::metadata::MetadataSet;
use crate::matcher::network::NetworkSet;
use crate::matcher::path::PathSet;
use crate::matcher::port::PortSet;
use crate::matcher::regex::RegexSet;
use crate::matcher::request_principal::RequestPrincipalSet;
use crate::matcher::string::StringSet;
use crate::matcher::value::ValueTest;
use crate::request::caller::IdentityField;
use crate::request::canonical::CanonicalRequest;
#[cfg(feature = "compile")]
use crate::request::path::MAX_PATH_READINGS;
#[cfg(feature = "compile")]
use crate::request::reading::MAX_READ;
#[cfg(feature = "compile")]
use crate::request::reading::{MAX_HEADER_READINGS, MAX_PARAMETER_READINGS};
use crate::side::Sides;
use crate::wire::{Action, Quantifier};

/// One rule, or the part of one that a region has.
///
/// # Design
///
/// The index knows nothing of the two policies: the rules of both are in it, and so are the regions of the change from one to
/// the other. One search finds the candidates among all of them. [`Matches`](crate::authz::Matches) then keeps, for each action
/// and policy, the rule that comes first.
#[derive(Debug)]
pub struct CompiledRule {
    pub(crate) id: Box<str>,
    pub(crate) action: Action,
    /// Which policies have it so. What is in shadow is the candidate's only.
    pub(crate) sides: Sides,
    /// Its place among the rules of either policy: a rule that takes the place of another has that one's.
    pub(crate) rank: u32,
    /// Of which region it is a part: then it decides nothing.
    pub(crate) region: Option<u8>,
    /// One of these must match; `None`: any caller does.
    pub(crate) from: Option<Vec<Source>>,
    /// One of these must match; `None`: any request does.
    pub(crate) to: Option<Vec<Operation>>,
    /// All of these must hold, each with its position in the file.
    pub(crate) when: Vec<(usize, Condition)>,
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
    RequestPrincipals(RequestPrincipalSet),
    /// The packet's source.
    IpBlocks(NetworkSet),
    /// The trusted remote address.
    RemoteIpBlocks(NetworkSet),
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

impl SourceTest {
    /// The field's name.
    pub(crate) fn field(&self) -> &'static str {
        match (&self.matcher, self.negated) {
            (SourceMatcher::Identity(IdentityField::Principal, _), false) => "principals",
            (SourceMatcher::Identity(IdentityField::Principal, _), true) => "notPrincipals",
            (SourceMatcher::Identity(IdentityField::Namespace, _), false) => "namespaces",
            (SourceMatcher::Identity(IdentityField::Namespace, _), true) => "notNamespaces",
            (SourceMatcher::Identity(IdentityField::ServiceAccount, _), false) => "serviceAccounts",
            (SourceMatcher::Identity(IdentityField::ServiceAccount, _), true) => "notServiceAccounts",
            (SourceMatcher::Identity(IdentityField::TrustDomain, _), false) => "trustDomains",
            (SourceMatcher::Identity(IdentityField::TrustDomain, _), true) => "notTrustDomains",
            (SourceMatcher::RequestPrincipals(_), false) => "requestPrincipals",
            (SourceMatcher::RequestPrincipals(_), true) => "notRequestPrincipals",
            (SourceMatcher::IpBlocks(_), false) => "ipBlocks",
            (SourceMatcher::IpBlocks(_), true) => "notIpBlocks",
            (SourceMatcher::RemoteIpBlocks(_), false) => "remoteIpBlocks",
            (SourceMatcher::RemoteIpBlocks(_), true) => "notRemoteIpBlocks",
        }
    }
}

impl OperationTest {
    /// The field's name.
    pub(crate) fn field(&self) -> &'static str {
        match (&self.matcher, self.negated) {
            (OperationMatcher::Hosts(_), false) => "hosts",
            (OperationMatcher::Hosts(_), true) => "notHosts",
            (OperationMatcher::Ports(_), false) => "ports",
            (OperationMatcher::Ports(_), true) => "notPorts",
            (OperationMatcher::Methods(_), false) => "methods",
            (OperationMatcher::Methods(_), true) => "notMethods",
            (OperationMatcher::Paths(_), false) => "paths",
            (OperationMatcher::Paths(_), true) => "notPaths",
            (OperationMatcher::PathRegex(_), false) => "pathRegex",
            (OperationMatcher::PathRegex(_), true) => "notPathRegex",
            (OperationMatcher::Grpc(_), false) => "grpc",
            (OperationMatcher::Grpc(_), true) => "notGrpc",
        }
    }
}

/// One condition.
#[derive(Debug)]
pub enum Condition {
    /// `request.headers[NAME]`, by its slot; without a quantifier by the principle of
    /// [`usage`](crate::request::usage).
    Header { slot: usize, quantifier: Option<Quantifier>, test: ValueTest },
    /// `request.query[NAME]`, by its slot.
    Query { slot: usize, quantifier: Option<Quantifier>, test: ValueTest },
    /// `source.principal`, `.namespace`, `.serviceAccount`, `.trustDomain`.
    Identity { field: IdentityField, test: SetTest<StringSet> },
    /// `request.auth.principal`.
    RequestPrincipal { test: SetTest<RequestPrincipalSet> },
    /// `request.auth.audiences`, `.presenter`, `.claims[A][B]`; `words`: a text is a list of words.
    Claim { path: Vec<String>, words: bool, test: SetTest<StringSet> },
    /// `experimental.envoy.filters.NAME[KEY]`.
    Metadata { filter: String, key: String, test: SetTest<MetadataSet> },
    /// A key whose value is an IP address, such as `source.ip`.
    Address { of: fn(&CanonicalRequest<'_>) -> Option<IpAddr>, test: SetTest<NetworkSet> },
    /// A key whose value is a port, such as `destination.port`.
    Port { of: fn(&CanonicalRequest<'_>) -> Option<u16>, test: SetTest<PortSet> },
    /// A key whose value is a text of the connection, such as `connection.sni`.
    Text { of: for<'r> fn(&'r CanonicalRequest<'_>) -> Option<&'r [u8]>, fold: fn(&u8) -> u8, test: SetTest<StringSet> },
}

/// `values` and `notValues` of a condition without regular expressions.
#[derive(Debug)]
pub struct SetTest<S> {
    /// One of these must match, if the list is written.
    pub(crate) values: Option<S>,
    /// None of these may match.
    pub(crate) not_values: Option<S>,
}

#[cfg(feature = "compile")]
impl CompiledRule {
    /// Most bytes that its regular expressions read for one request.
    pub(crate) fn steps(&self) -> u64 {
        let of_path = self.to.iter().flatten().flatten().map(|test| match &test.matcher {
            OperationMatcher::PathRegex(set) => set.len().saturating_mul(MAX_PATH_READINGS),
            _ => 0,
        });
        let of_values = self.when.iter().map(|(_, condition)| match condition {
            Condition::Header { .. } => condition.patterns().saturating_mul(MAX_HEADER_READINGS),
            _ => condition.patterns().saturating_mul(MAX_PARAMETER_READINGS),
        });
        let reads = of_path.chain(of_values).fold(0, usize::saturating_add).saturating_mul(MAX_READ);
        u64::try_from(reads).unwrap_or(u64::MAX)
    }
}

impl Condition {
    /// How many regular expressions it has.
    pub(crate) fn patterns(&self) -> usize {
        match self {
            Self::Header { test, .. } | Self::Query { test, .. } => test.patterns(),
            _ => 0,
        }
    }
}
