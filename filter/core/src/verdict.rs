//! What the engine decides about a request.

use std::borrow::Cow;
use std::fmt;

pub use crate::wire::Ambiguity;

/// Why a request was refused, coarse enough for the caller to learn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// A DENY rule matched.
    Denied,
    /// No ALLOW rule matched.
    NotAllowed,
    /// No ALLOW rule matched, and the caller showed no identity though the policy asks for one.
    NoIdentity,
    /// The request can be read in more than one way.
    Ambiguous(Ambiguity),
    /// No policy is in force.
    NoPolicy,
    /// The policy allows the request, but the health gate is open.
    UpstreamDown,
}

impl Reason {
    /// The word used in the response header, metrics and logs: `denied`, `not_allowed`, `no_identity`,
    /// `ambiguous_request`, `no_policy`, `upstream_down`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::NotAllowed => "not_allowed",
            Self::NoIdentity => "no_identity",
            Self::Ambiguous(_) => "ambiguous_request",
            Self::NoPolicy => "no_policy",
            Self::UpstreamDown => "upstream_down",
        }
    }

    /// The HTTP status of the answer: 400 for ambiguity, 401 for a missing identity, 503 while the health gate is open (or
    /// the status that the file sets), otherwise 403.
    #[must_use]
    pub fn http_status(self) -> u16 {
        match self {
            Self::Ambiguous(_) => 400,
            Self::NoIdentity => 401,
            Self::UpstreamDown => 503,
            Self::Denied | Self::NotAllowed | Self::NoPolicy => 403,
        }
    }

    /// The gRPC status of the answer (grpc/grpc `doc/statuscodes.md`): 3 INVALID_ARGUMENT, 16 UNAUTHENTICATED,
    /// 14 UNAVAILABLE, 7 PERMISSION_DENIED.
    #[must_use]
    pub fn grpc_status(self) -> u32 {
        match self {
            Self::Ambiguous(_) => 3,
            Self::NoIdentity => 16,
            Self::UpstreamDown => 14,
            Self::Denied | Self::NotAllowed | Self::NoPolicy => 7,
        }
    }
}

/// A rule that decided, or would have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleRef<'e> {
    /// Its position in the policy, from 0.
    pub index: u32,
    /// Its id.
    pub id: &'e str,
}

/// Proof that a request may pass: only the engine can make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permit<'e> {
    rule: Option<RuleRef<'e>>,
}

impl<'e> Permit<'e> {
    pub(crate) fn new(rule: Option<RuleRef<'e>>) -> Self {
        Self { rule }
    }

    /// The ALLOW rule that matched; `None` when none did and the policy is in shadow mode.
    #[must_use]
    pub fn rule(&self) -> Option<RuleRef<'e>> {
        self.rule
    }
}

/// Why a request may not pass, and by which rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal<'e> {
    /// The coarse reason.
    pub reason: Reason,
    /// The DENY rule, if one decided.
    pub rule: Option<RuleRef<'e>>,
}

/// `REASON`, or with the rule that decided `REASON:RULE`; for an ambiguity `REASON:KIND`.
impl fmt::Display for Refusal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason.as_str())?;
        let detail = match self.reason {
            Reason::Ambiguous(kind) => Some(kind.as_str()),
            _ => self.rule.map(|rule| rule.id),
        };
        detail.map_or(Ok(()), |detail| write!(f, ":{detail}"))
    }
}

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict<'e> {
    /// It goes on to the upstream.
    Continue(Permit<'e>),
    /// It is answered here.
    Refuse(Refusal<'e>),
}

/// What would have happened if everything in shadow mode were enforced. Reported only where it differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shadow<'e> {
    /// A shadow ALLOW rule would have let a refused request through.
    WouldContinue(RuleRef<'e>),
    /// A shadow DENY rule, or the shadow policy, would have refused a request that went through.
    WouldRefuse(Refusal<'e>),
}

/// All that the engine decides about one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision<'e> {
    /// What happens.
    pub verdict: Verdict<'e>,
    /// What would have happened without shadow mode, where it differs.
    pub shadow: Option<Shadow<'e>>,
    /// The AUDIT rules that matched, in file order.
    pub audits: Vec<RuleRef<'e>>,
    /// Who called; unknown where the request is ambiguous.
    pub caller: CallerIdentity<'e>,
}

/// Who called, as rules see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallerIdentity<'e> {
    /// `TD/ns/NS/sa/SA`, from the caller's certificate or from a trusted forwarder; none without an identity.
    pub principal: Option<Cow<'e, str>>,
    /// Whether it is a trusted forwarder that says so.
    pub is_forwarded: bool,
}

impl<'e> CallerIdentity<'e> {
    /// The caller on whose behalf a trusted forwarder sends the request.
    #[must_use]
    pub fn forwarded(&self) -> Option<&Cow<'e, str>> {
        self.principal.as_ref().filter(|_| self.is_forwarded)
    }
}
