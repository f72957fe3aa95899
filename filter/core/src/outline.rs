//! What a compiled policy consists of: every test of every rule, with its patterns, for those who reason about policies.
//!
//! # Design
//!
//! Whether a request matches is decided by [`Engine`](crate::Engine) alone. What two policies have in common, or which
//! requests could ever match a rule, takes the patterns themselves. They are read off the compiled rules here, so that a
//! field means the same to both: which patterns a text stands for (aliases of the trust domain, the own namespace) is
//! decided where rules are compiled.

mod patterns;
mod rules;

pub use self::patterns::{Hosts, Texts};
pub use self::rules::outline;
pub use crate::matcher::path::{PathPattern, Segment, Template};
pub use crate::matcher::string::StringPattern;
pub use crate::policy::key::IdentityField;
pub use crate::request::reading::Kind;
pub use crate::request::usage::Use;
pub use sallyport_pattern::{Pattern, Survey};

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use ipnet::IpNet;

use crate::wire::{Action, Ambiguity, Quantifier};

/// What a policy consists of.
#[derive(Clone, Debug)]
pub struct Outline {
    /// Whether refusals are enforced.
    pub enforced: bool,
    /// What is not refused as ambiguous.
    pub tolerated: Vec<Ambiguity>,
    /// Principals whose `x-forwarded-client-cert` is trusted, with the aliases of each.
    pub forwarders: Vec<String>,
    /// Whether the host is asked for the caller's certificate. Without that no caller has an identity.
    pub knows_callers: bool,
    /// Whether the host is asked for tokens.
    pub knows_tokens: bool,
    /// The headers that rules read.
    pub headers: Vec<ReadName>,
    /// The query parameters that rules read.
    pub parameters: Vec<ReadName>,
    /// Whether an enforced rule reads the path by an expression: then a long path is refused.
    pub path_by_pattern: bool,
    /// The rules, in file order.
    pub rules: Vec<OutlinedRule>,
}

/// A name that rules read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadName {
    /// The name, a header's in lower case.
    pub name: String,
    /// Whether an enforced rule reads it, so that its twins and values that are too long are refused.
    pub decides: bool,
    /// Whether an enforced rule reads it by an expression.
    pub by_pattern: bool,
}

/// A rule: one of its sources AND one of its operations AND every condition.
#[derive(Clone, Debug)]
pub struct OutlinedRule {
    /// Its id.
    pub id: String,
    /// What its match means.
    pub action: Action,
    /// False in shadow mode.
    pub enforced: bool,
    /// Whether it is about the caller's certificate, or its token.
    pub requires_certificate: bool,
    /// Whether it is about the caller's token.
    pub requires_token: bool,
    /// Its sources.
    pub from: Option<Vec<Vec<Test>>>,
    /// Its operations.
    pub to: Option<Vec<Vec<Test>>>,
    /// Its conditions.
    pub when: Vec<Test>,
}

/// One field or condition.
#[derive(Clone, Debug)]
pub struct Test {
    /// The path of the field below the rule: `to[0].operation.paths`, `when[1]`.
    pub place: String,
    /// What it tests, and by which patterns.
    pub subject: Subject,
}

/// A list of patterns of a field, and how it is used.
#[derive(Clone, Debug)]
pub struct Listed<P> {
    /// One of these must match.
    pub patterns: P,
    /// Whether it is a `not` field: none of them may.
    pub negated: bool,
    /// Which readings count.
    pub by: Use,
    /// Whether the test holds where the attribute is missing.
    pub if_missing: bool,
}

/// What a test is about.
#[derive(Clone, Debug)]
pub enum Subject {
    /// A part of the caller's names.
    Identity(IdentityField, Listed<Vec<StringPattern>>),
    /// Issuer and subject of the token, each by a pattern of its own.
    RequestPrincipal(Listed<Vec<(StringPattern, StringPattern)>>),
    /// The source address of the connection, or the remote one behind proxies.
    SourceAddress(Listed<Vec<IpNet>>),
    /// The gateway's address.
    GatewayAddress(Listed<Vec<IpNet>>),
    /// The gateway's port.
    GatewayPort(Listed<Vec<u16>>),
    /// The authority.
    Host(Listed<Hosts>),
    /// The method.
    Method(Listed<Vec<StringPattern>>),
    /// The path.
    Path(Listed<Vec<PathPattern>>),
    /// The path, by expressions.
    PathRegex(Listed<Vec<Arc<Pattern>>>),
    /// The path of a gRPC call.
    Grpc(Listed<Vec<PathPattern>>),
    /// A header: its name in lower case, and how it is read.
    Header(String, Kind, Values),
    /// A query parameter.
    Parameter(String, Values),
    /// A claim by its path; `words`: a text is a list of words.
    Claim {
        /// The names, from the outermost object.
        path: Vec<String>,
        /// Whether a text is a list of words.
        words: bool,
        /// The patterns.
        listed: Listed<Vec<StringPattern>>,
    },
    /// A field of another filter's metadata.
    Metadata {
        /// The filter's name.
        filter: String,
        /// The field's name.
        field: String,
        /// The patterns.
        listed: Listed<Texts>,
    },
    /// A text of the connection, by the name of its key. `folds`: it is also read in lower case.
    Connection {
        /// The name of the condition key.
        key: &'static str,
        /// Whether it is also read in lower case.
        folds: bool,
        /// The patterns.
        listed: Listed<Vec<StringPattern>>,
    },
}

/// What a header or parameter must satisfy, as `authz` tells it.
#[derive(Clone, Debug)]
pub struct Values {
    /// The action of its rule.
    pub action: Action,
    /// Which occurrences must satisfy it.
    pub quantifier: Option<Quantifier>,
    /// One of these must match, or one of `regex`.
    pub values: Option<Vec<StringPattern>>,
    /// One of these must match, or one of `values`.
    pub regex: Option<Vec<Arc<Pattern>>>,
    /// None of these may.
    pub not_values: Option<Vec<StringPattern>>,
    /// Nor of these.
    pub not_regex: Option<Vec<Arc<Pattern>>>,
}
