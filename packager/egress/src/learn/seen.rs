//! What a line says of a request.

use std::borrow::Cow;

use super::moment::Moment;

/// A request that a line is about.
#[derive(Debug)]
pub(super) struct Seen<'l> {
    pub(super) kind: Kind,
    pub(super) method: Cow<'l, str>,
    /// As the line has it. Of a request that went on, that is the one that the upstream got.
    pub(super) host: Option<Cow<'l, str>>,
    /// The name that the caller asked for in the TLS handshake.
    pub(super) server_name: Option<Cow<'l, str>>,
    /// Without the query.
    pub(super) path: Cow<'l, str>,
    /// The URI names of the certificate.
    pub(super) peer: Cow<'l, str>,
    /// The principal on whose behalf the peer sends it.
    pub(super) caller: Option<Cow<'l, str>>,
    pub(super) address: Option<Cow<'l, str>>,
    pub(super) at: Option<Moment>,
    pub(super) fate: Fate,
    /// The rule that allowed it.
    pub(super) rule: Option<Cow<'l, str>>,
}

/// Which log a line is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An access log: one line for each request.
    Access,
    /// The filter's own lines, of which there are a few per second: one request has one in either log.
    Example,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It reached the upstream, or should have.
    Reached,
    /// The gateway refused it, for this reason.
    Refused(String),
    /// A DENY rule in shadow mode, or the check for ambiguity, would refuse it.
    WouldBeRefused(String),
    /// The upstream answered that the caller may not.
    Forbidden(String),
    /// The upstream answered that there is no such thing.
    NotFound(String),
}

/// Why a line says nothing of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unread {
    /// It is of another log.
    Other,
    /// It is not valid, or ends in the middle.
    Broken,
    /// It has no principal.
    NoPrincipal,
    /// It is one of the filter's own, and has no principal: no rule of the gateway looks at callers.
    FilterNoPrincipal,
    /// It has no method or no path.
    NotHttp,
    /// The filter has cut the path.
    PathCut,
}

impl Unread {
    /// What such lines are, as a report counts them.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Other => "of another log",
            Self::Broken => "broken or cut off",
            Self::NoPrincipal => "without a principal",
            Self::FilterNoPrincipal => "of the filter without a principal",
            Self::NotHttp => "without a method or a path",
            Self::PathCut => "with a path that the log has cut",
        }
    }

    /// The same in JSON.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Other => "otherLog",
            Self::Broken => "broken",
            Self::NoPrincipal => "noPrincipal",
            Self::FilterNoPrincipal => "filterNoPrincipal",
            Self::NotHttp => "notHttp",
            Self::PathCut => "pathCut",
        }
    }
}

/// Whether the reason is that no rule matches: what may be learned.
pub(super) fn is_unlisted(reason: &str) -> bool {
    matches!(reason.split(':').next(), Some("not_allowed" | "no_identity"))
}

/// The path of a path and query.
pub(super) fn without_query(path: Cow<'_, str>) -> Cow<'_, str> {
    match path {
        Cow::Borrowed(path) => Cow::Borrowed(path.split('?').next().unwrap_or(path)),
        Cow::Owned(path) => Cow::Owned(path.split('?').next().unwrap_or_default().to_owned()),
    }
}
