//! The one principle by which every matcher reads a request.
//!
//! An attribute may have several **readings**: a header is each of its lines, each element of a line between commas, and
//! the lines joined (RFC 9110, 5.3); a certificate has several names; `get` over HTTP/2 is `get` to one server and `GET`
//! to another. The gate cannot know which of them the upstream will take, so the reading that counts is the one that helps
//! the caller least:
//!
//! *A restrictive use (values in DENY and AUDIT, notValues in ALLOW) matches if **any** reading matches. A permissive
//! use (values in ALLOW, notValues in DENY and AUDIT) matches only if **all** readings do.*
//!
//! | attribute | readings |
//! |---|---|
//! | header | each line as it came and trimmed, each comma-separated element, the joined lines (`request::reading`) |
//! | query parameter | each value (`request::query`) |
//! | method | as it came, and in upper case |
//! | path | the canonical form, and as it came where its escapes have lower-case digits; what has more is refused (`request::path`) |
//! | host | in lower case, without port and trailing dot; an IPv6 address also as RFC 5952 spells it (`request::host`) |
//! | server name (SNI) | as it came, and in lower case |
//! | identity | permissive: the one SPIFFE name of the certificate; restrictive: every name that it has (`request::caller`) |
//! | `grpc` | permissive: a POST with a gRPC content type; restrictive: any request for the path |
//! | `scope`, `permission` | permissive: each word; restrictive: the whole text, too |
//! | other claims, metadata | one: a text, or a list in which one element must match |
//! | address, port | one |

use crate::wire::Action;

/// How a list of values is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// A match refuses the request, or keeps a rule from permitting it.
    Restrictive,
    /// A match permits the request, or keeps a rule from refusing it.
    Permissive,
}

impl Use {
    /// The use of `values`, or of `notValues` (`negated`), in a rule.
    #[must_use]
    pub fn of(action: Action, negated: bool) -> Self {
        match (action, negated) {
            (Action::Allow, true) | (Action::Deny | Action::Audit, false) => Self::Restrictive,
            (Action::Allow, false) | (Action::Deny | Action::Audit, true) => Self::Permissive,
        }
    }

    /// Whether a test matches an attribute of these readings. There is at least one.
    pub fn matches<T>(self, mut readings: impl Iterator<Item = T>, test: impl FnMut(T) -> bool) -> bool {
        match self {
            Self::Restrictive => readings.any(test),
            Self::Permissive => readings.all(test),
        }
    }
}
