//! The policy's wire shape: what the packager writes into `pluginConfig` and the filter reads back.
//!
//! Plain structs only, one for one with the `authz` block of an Egress file, so a field path in a compile error
//! (`rules[3].to[0].operation.paths[1]`) points at the same place in both. Nothing here has meaning yet:
//! [`Engine::compile`](crate::Engine::compile) turns a [`PolicySource`] into something that can decide, or refuses the whole.
//!
//! The field names are those of Istio's `AuthorizationPolicy` (`security.istio.io/v1`), because that is what its users
//! know. They are written by serde and read by [`engine::parse`](crate::engine::parse), which refuses unknown fields everywhere.

use crate::health::source::{HealthSource, ReadinessSource};
use crate::outbound::source::{HeadersSource, TracingSource};
use crate::verdict::Ambiguity;
use serde::Serialize;

/// The wire version this build reads and writes. Any other is refused, never guessed at.
pub const WIRE_VERSION: u32 = 1;

/// A whole policy for one upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicySource {
    /// The shape's version: [`WIRE_VERSION`].
    pub version: u32,
    /// `NAMESPACE/NAME` of the Egress this policy was written for. A filter configured under another plugin name
    /// (`pluginName`, Envoy's `root_id`) refuses it.
    pub upstream: String,
    /// Whether refusals are enforced or only counted.
    #[serde(skip_serializing_if = "is_default")]
    pub mode: ModeSource,
    /// The mesh's trust domain. Default: `cluster.local`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust_domain: Option<String>,
    /// Other names under which the mesh's own trust domain is known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trust_domain_aliases: Vec<String>,
    /// Principals (`TD/ns/NS/sa/SA`, exact) whose `x-forwarded-client-cert` is believed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trusted_forwarders: Vec<String>,
    /// Kinds of ambiguity that are let through to the rules instead of answered with 400.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tolerate: Vec<AmbiguitySource>,
    /// Whether a refused caller is told the id of the rule that refused it. Default: no.
    #[serde(skip_serializing_if = "is_default")]
    pub disclose_rule: bool,
    /// Whether what was decided is left in Envoy's filter state, where its access log and spans find it. Default: no.
    #[serde(skip_serializing_if = "is_default")]
    pub filter_state: bool,
    /// The gateway's `numTrustedProxies`: above 0 the address Envoy reports is the remote one, not the packet's.
    #[serde(skip_serializing_if = "is_default")]
    pub num_trusted_proxies: u32,
    /// When the upstream is not asked. Absent: it always is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthSource>,
    /// Where the kubelet asks whether the gateway is ready. Absent: not here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readiness: Option<ReadinessSource>,
    /// Who speaks of the trace. Absent: Envoy.
    #[serde(skip_serializing_if = "is_default")]
    pub tracing: TracingSource,
    /// What else the upstream gets. Absent: what the caller sent.
    #[serde(skip_serializing_if = "is_default")]
    pub headers: HeadersSource,
    /// The rules. None means: nobody may do anything.
    pub rules: Vec<RuleSource>,
    /// Of each regular expression in the rules its automaton, in base64: the filter has no compiler.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub automata: Vec<AutomatonSource>,
}

/// A regular expression and its automaton.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AutomatonSource {
    /// The expression, as the rules have it.
    pub pattern: String,
    /// The automaton that `sallyport-pattern` makes of it, in base64 (RFC 4648, 4).
    pub automaton: String,
}

#[cfg(feature = "compile")]
impl PolicySource {
    /// The same policy with the automata of its regular expressions, as the filter needs it. They are not complete if one
    /// of the expressions is refused: [`Engine::compile`](crate::Engine::compile) says why.
    #[must_use]
    pub fn with_automata(mut self) -> Self {
        let operations = self.rules.iter().filter_map(|rule| rule.to.as_ref()).flatten().map(|to| &to.operation);
        let of_paths = operations.flat_map(|operation| [&operation.path_regex, &operation.not_path_regex]);
        let conditions = self.rules.iter().filter_map(|rule| rule.when.as_ref()).flatten();
        let of_values = conditions.flat_map(|condition| [&condition.regex, &condition.not_regex]);
        let patterns: std::collections::BTreeSet<&String> = of_paths.chain(of_values).flatten().flatten().collect();
        self.automata = crate::matcher::regex::carry(patterns.into_iter());
        self
    }
}

/// One rule: a source AND an operation AND every condition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleSource {
    /// The name under which the rule speaks in reasons, metrics, logs and tests: `[A-Za-z0-9._-]`, 1 to 64 bytes.
    pub id: String,
    /// What a match means.
    pub action: ActionSource,
    /// `shadow`: a match is counted, not enforced.
    #[serde(skip_serializing_if = "is_default")]
    pub mode: ModeSource,
    /// Who: any of these. Absent: anyone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Vec<FromSource>>,
    /// What: any of these. Absent: anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Vec<ToSource>>,
    /// Under which conditions: all of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<Vec<ConditionSource>>,
}

/// What a matching rule does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ActionSource {
    /// Let the request through, unless a DENY rule matches too.
    #[default]
    Allow,
    /// Refuse the request, whatever else matches.
    Deny,
    /// Neither: note the request with the rule's id.
    Audit,
}

/// Whether a rule, or the whole policy, is enforced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ModeSource {
    /// Decide.
    #[default]
    Enforce,
    /// Only count what would have been decided.
    Shadow,
}

macro_rules! tolerable {
    ($($(#[doc = $doc:literal])+ $kind:ident,)+) => {
        /// A kind of ambiguity that `tolerate` can name. A tolerated one is matched literally, byte for byte.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
        #[serde(rename_all = "camelCase")]
        pub enum AmbiguitySource { $($(#[doc = $doc])+ $kind,)+ }

        impl AmbiguitySource {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)+];

            /// The kind as the core speaks of it; its name there is the one that `tolerate` has.
            #[must_use]
            pub fn kind(self) -> Ambiguity {
                match self { $(Self::$kind => Ambiguity::$kind,)+ }
            }
        }
    };
}

tolerable! {
    /// `%2F` or `%5C` in the path.
    EscapedSlash,
    /// `%00` in the path.
    EscapedNul,
    /// `//` in the path.
    DoubleSlash,
    /// `;` (or `%3B`) in the path: matrix parameters.
    Semicolon,
    /// `\` in the path.
    Backslash,
    /// A `.` or `..` segment that Envoy has left: it resolves plain ones, and `%2e`, before the filter sees the path.
    DotSegment,
    /// `%25` followed by two hexadecimal digits.
    DoubleEncoding,
    /// A control character, plain or percent-encoded (`%00` has its own kind).
    ControlCharacter,
    /// A plain byte above 0x7f in the path.
    NonAscii,
    /// `#` in the path.
    Fragment,
    /// `%23` or `%3F` in the path: a server that decodes before it splits off the query cuts the path there.
    EscapedDelimiter,
    /// `%` not followed by two hexadecimal digits.
    InvalidEncoding,
    /// A path that is not UTF-8 when it is decoded, such as `/caf%E9`. Overlong forms (`%c0%ae`) are refused all the same.
    InvalidUtf8,
    /// A header whose name differs from one that a rule reads only by `_` for `-`.
    UnderscoreHeader,
    /// In the query, where a rule reads it: `;`, a parameter whose name differs from the one that the rule reads only by
    /// case, blanks at its ends, a NUL or brackets behind it or `.` for `_`, and a value with a NUL or outside UTF-8.
    AmbiguousQuery,
}

/// Istio's `from` entry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FromSource {
    /// The fields of one source; all that are written must hold.
    pub source: SourceSource,
}

/// Istio's `source`: fields AND, values OR, each with its `not` twin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceSource {
    /// `TD/ns/NS/sa/SA`, with `prefix*`, `*suffix` and `*` (any authenticated). Needs mTLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principals: Option<Vec<String>>,
    /// Negative twin of `principals`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_principals: Option<Vec<String>>,
    /// `ISSUER/SUBJECT` of a verified JWT.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_principals: Option<Vec<String>>,
    /// Negative twin of `requestPrincipals`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_request_principals: Option<Vec<String>>,
    /// The caller's namespace. Needs mTLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<Vec<String>>,
    /// Negative twin of `namespaces`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_namespaces: Option<Vec<String>>,
    /// `NS/SA`, or `SA` in the Egress's own namespace. No wildcard. Needs mTLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_accounts: Option<Vec<String>>,
    /// Negative twin of `serviceAccounts`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_service_accounts: Option<Vec<String>>,
    /// The caller's trust domain. Needs mTLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust_domains: Option<Vec<String>>,
    /// Negative twin of `trustDomains`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_trust_domains: Option<Vec<String>>,
    /// The packet's source address: IP or CIDR.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_blocks: Option<Vec<String>>,
    /// Negative twin of `ipBlocks`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_ip_blocks: Option<Vec<String>>,
    /// The address from X-Forwarded-For or PROXY protocol, as far as the gateway trusts it: IP or CIDR.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_ip_blocks: Option<Vec<String>>,
    /// Negative twin of `remoteIpBlocks`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_remote_ip_blocks: Option<Vec<String>>,
}

/// Istio's `to` entry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ToSource {
    /// The fields of one operation; all that are written must hold.
    pub operation: OperationSource,
}

/// Istio's `operation`, and three fields of our own (`pathRegex`, `grpc` and their twins).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OperationSource {
    /// Host names, any case; `*.example.com`, `api.*`, `*`; `host:port` or `host:*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hosts: Option<Vec<String>>,
    /// Negative twin of `hosts`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_hosts: Option<Vec<String>>,
    /// Ports of the gateway's connection, as decimal strings (Istio's shape).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ports: Option<Vec<String>>,
    /// Negative twin of `ports`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_ports: Option<Vec<String>>,
    /// HTTP methods in capitals, with Istio's wildcards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub methods: Option<Vec<String>>,
    /// Negative twin of `methods`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_methods: Option<Vec<String>>,
    /// Paths without query: exact, `/prefix*`, `*suffix`, `*`, or a template with `{*}` and `{**}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paths: Option<Vec<String>>,
    /// Negative twin of `paths`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_paths: Option<Vec<String>>,
    /// Regular expressions over the whole path (anchored at both ends), linear time, no look-around.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_regex: Option<Vec<String>>,
    /// Negative twin of `pathRegex`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_path_regex: Option<Vec<String>>,
    /// gRPC calls: `package.Service/Method`, `package.Service/*` or `*`. To permit, for gRPC requests only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grpc: Option<Vec<String>>,
    /// Negative twin of `grpc`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_grpc: Option<Vec<String>>,
}

/// Istio's `when` entry, with `regex`, `notRegex` and `match` of our own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConditionSource {
    /// One of Istio's condition keys, or `request.query[NAME]`.
    pub key: String,
    /// One of these must match.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<String>>,
    /// None of these may match.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_values: Option<Vec<String>>,
    /// As `values`, by regular expression over the whole value. Headers and query parameters only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regex: Option<Vec<String>>,
    /// As `notValues`, by regular expression over the whole value. Headers and query parameters only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_regex: Option<Vec<String>>,
    /// Which lines of a repeated header, or values of a query parameter, must satisfy the condition. Default: the reading
    /// that helps the caller least, as told in [`authz`](crate::authz).
    #[serde(rename = "match", skip_serializing_if = "Option::is_none")]
    pub quantifier: Option<QuantifierSource>,
}

/// Which occurrences of a repeated header or query parameter must satisfy a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum QuantifierSource {
    /// At least one.
    Any,
    /// Every one.
    All,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
