//! What the engine decides about a request.

use std::borrow::Cow;
use std::fmt;

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

macro_rules! ambiguities {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal,)+) => {
        /// In which way a request is ambiguous or malformed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Ambiguity { $($(#[doc = $doc])+ $name,)+ }

        impl Ambiguity {
            /// Every kind.
            pub const ALL: &'static [Ambiguity] = &[$(Ambiguity::$name,)+];

            /// The name used in details, logs, metrics and the Egress file's `tolerate`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Ambiguity::$name => $text,)+ }
            }
        }
    };
}

ambiguities! {
    /// `%2F` or `%5C` in the path.
    EscapedSlash = "escapedSlash",
    /// `%00` in the path.
    EscapedNul = "escapedNul",
    /// `//` in the path.
    DoubleSlash = "doubleSlash",
    /// `;` or `%3B` in the path.
    Semicolon = "semicolon",
    /// `\` in the path.
    Backslash = "backslash",
    /// A `.` or `..` segment that Envoy has not resolved.
    DotSegment = "dotSegment",
    /// `%25` followed by two hexadecimal digits.
    DoubleEncoding = "doubleEncoding",
    /// A control character.
    ControlCharacter = "controlCharacter",
    /// An unescaped byte above 0x7f in the path.
    NonAscii = "nonAscii",
    /// `#` in the path.
    Fragment = "fragment",
    /// `%23` or `%3F` in the path: a server that decodes before it splits off the query cuts the path there.
    EscapedDelimiter = "escapedDelimiter",
    /// `%` not followed by two hexadecimal digits.
    InvalidEncoding = "invalidEncoding",
    /// The path, decoded, is not UTF-8.
    InvalidUtf8 = "invalidUtf8",
    /// A header name that differs from one a rule reads only by `_` for `-`.
    UnderscoreHeader = "underscoreHeader",
    /// A rule reads the query, and it has `;`, or a parameter that some servers read as the one that the rule reads.
    AmbiguousQuery = "ambiguousQuery",
    /// A value is longer than what a rule reads of it. Cannot be tolerated.
    ValueTooLong = "valueTooLong",
    /// No `:path`, more than one, or one that does not begin with `/`. Cannot be tolerated.
    MalformedPath = "malformedPath",
    /// No `:authority`, more than one, or one that is not a host name or address. Cannot be tolerated.
    MalformedHost = "malformedHost",
    /// No `:method`, more than one, or one that is not a token. Cannot be tolerated.
    MalformedMethod = "malformedMethod",
    /// The caller has a certificate, and the `x-forwarded-client-cert` in which the gateway names it is missing or cannot be
    /// read. Cannot be tolerated.
    UnreadableCertificate = "unreadableCertificate",
    /// A rule reads the token or other metadata, and it cannot be read: it is nested too deeply (objects in a claim more than
    /// about 30 levels), or a text is not UTF-8. Cannot be tolerated.
    UnreadableMetadata = "unreadableMetadata",
    /// An `Upgrade` to anything but a WebSocket: the upstream may read what follows the headers as another request. Cannot
    /// be tolerated.
    UnknownUpgrade = "unknownUpgrade",
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
