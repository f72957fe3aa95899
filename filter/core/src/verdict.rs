//! What the engine decides about a request.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;

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
    /// The word for every kind of ambiguity.
    pub(crate) const AMBIGUOUS: &'static str = "ambiguous_request";

    /// The word used in the response header, metrics and logs: `denied`, `not_allowed`, `no_identity`,
    /// `ambiguous_request`, `no_policy`, `upstream_down`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::NotAllowed => "not_allowed",
            Self::NoIdentity => "no_identity",
            Self::Ambiguous(_) => Self::AMBIGUOUS,
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

/// `allowed:RULE`, `allowed` without a rule, or as [`Refusal`] is written.
impl fmt::Display for Verdict<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Continue(permit) => {
                f.write_str("allowed")?;
                permit.rule.map_or(Ok(()), |rule| write!(f, ":{}", rule.id))
            }
            Self::Refuse(refusal) => refusal.fmt(f),
        }
    }
}

/// A request that the policy in force and its candidate decide in different ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trial<'e> {
    /// Which region of the change it is in, from 0; the number of regions, if it is in none.
    pub region: usize,
    /// The region's id, or [`Trial::OTHER`].
    pub id: &'e str,
    /// What the policy in force decides, and what the candidate does.
    pub verdicts: [Verdict<'e>; 2],
    /// Whether the candidate decides this caller's requests.
    pub decides_candidate: bool,
}

impl Trial<'_> {
    /// In place of the id of a region: the request is in none that the configuration names.
    pub const OTHER: &'static str = "other";
}

/// All that the engine decides about one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision<'e> {
    /// What happens.
    pub verdict: Verdict<'e>,
    /// What would have happened by what is in shadow, where it differs.
    pub shadow: Option<Shadow<'e>>,
    /// Where there is a candidate beside the policy in force, and the two differ.
    pub trial: Option<Trial<'e>>,
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
