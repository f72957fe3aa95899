//! What a map consists of.

use sallyport_core::wire::Stage;

use super::candidate::{Candidate, Change};

/// The nodes in the order in which they are shown, and what callers may do.
#[derive(Debug, Default)]
pub(crate) struct Map {
    pub(crate) callers: Vec<Caller>,
    pub(crate) gateways: Vec<Gateway>,
    pub(crate) upstreams: Vec<Upstream>,
    /// By gateway, in the order of the rules.
    pub(crate) grants: Vec<Grant>,
}

/// What kind of caller a rule names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum CallerKind {
    /// One service account.
    Account,
    /// Every service account of a namespace.
    Namespace,
    /// Principals of a pattern, or of another trust domain.
    Principal,
    /// The bearer of a verified token.
    Token,
    /// An address or a network.
    Address,
    /// Every caller with an identity.
    Identified,
    /// Every caller.
    Anyone,
}

impl CallerKind {
    /// The word for it in JSON, and in the page.
    pub(crate) fn word(self) -> &'static str {
        match self {
            CallerKind::Account => "account",
            CallerKind::Namespace => "namespace",
            CallerKind::Principal => "principal",
            CallerKind::Token => "token",
            CallerKind::Address => "address",
            CallerKind::Identified => "identified",
            CallerKind::Anyone => "anyone",
        }
    }
}

/// A caller, or callers that a rule names together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Caller {
    /// What it is shown with: its namespace, or one that stands for all without.
    pub(crate) group: String,
    pub(crate) kind: CallerKind,
    pub(crate) name: String,
    /// The namespace that it is in; empty if it may be in any.
    pub(crate) namespace: String,
    /// The principals that it has: one, or a pattern with `*` at an end.
    pub(crate) principal: Option<String>,
}

/// A gateway.
#[derive(Clone, Debug)]
pub(crate) struct Gateway {
    pub(crate) group: String,
    pub(crate) namespace: String,
    /// `NAMESPACE/NAME`.
    pub(crate) route: String,
    /// The hosts that callers use.
    pub(crate) hosts: Vec<String>,
    /// The host outside the mesh.
    pub(crate) exposed: Option<String>,
    /// The stage of its policy, as its file says.
    pub(crate) stage: &'static str,
    /// The candidate of its rules.
    pub(crate) candidate: Option<Candidate>,
    /// Rules that are only counted.
    pub(crate) shadow_rules: Vec<String>,
    pub(crate) denies: Vec<Deny>,
    /// Index of the upstream.
    pub(crate) upstream: usize,
    /// Indices of the upstreams that requests go to while it is down, in order.
    pub(crate) standbys: Vec<usize>,
    /// Whether a health gate keeps requests from an upstream that is down.
    pub(crate) has_gate: bool,
    pub(crate) file: String,
}

impl Gateway {
    /// Whether its policy is in shadow: every request is let through.
    pub(crate) fn is_shadow(&self) -> bool {
        self.stage == Stage::Shadow.as_str()
    }

    /// What there is to say of its stages: that of its policy, of its candidate, and of single rules.
    pub(crate) fn stages(&self) -> Vec<String> {
        let policy = if self.is_shadow() { "policy in shadow" } else { self.stage };
        let rules = (!self.shadow_rules.is_empty()).then(|| "shadow rules".to_owned());
        [Some(policy.to_owned()), self.candidate.as_ref().map(Candidate::words), rules].into_iter().flatten().collect()
    }
}

/// What a DENY rule refuses.
#[derive(Clone, Debug)]
pub(crate) struct Deny {
    pub(crate) rule: String,
    pub(crate) is_shadow: bool,
    /// What the candidate does to it.
    pub(crate) change: Option<Change>,
    /// The rule in the file's words.
    pub(crate) what: String,
}

impl Deny {
    /// Whether both rules refuse the same.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        (&self.rule, self.is_shadow, &self.what) == (&other.rule, other.is_shadow, &other.what)
    }
}

/// An upstream: a host and a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Upstream {
    pub(crate) group: String,
    pub(crate) name: String,
    /// How it is called: `HTTP/1.1, TLS`.
    pub(crate) protocol: String,
}

/// What an ALLOW rule lets a caller do, unless a DENY rule refuses it.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) caller: usize,
    pub(crate) gateway: usize,
    pub(crate) rule: String,
    /// It allows nothing yet.
    pub(crate) is_shadow: bool,
    /// What the candidate does to it.
    pub(crate) change: Option<Change>,
    /// Alternatives, in the file's words.
    pub(crate) requests: Vec<String>,
    /// All of these must hold, too.
    pub(crate) conditions: Vec<String>,
    /// `FILE:LINE:COLUMN` of the rule.
    pub(crate) place: String,
}

impl Grant {
    /// Whether both let the caller do the same.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let of =
            |one: &Self| (one.caller, one.is_shadow, one.rule.clone(), one.requests.clone(), one.conditions.clone());
        of(self) == of(other)
    }
}
