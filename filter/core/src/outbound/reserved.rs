//! Headers that no file may keep, remove or set: one list for the filter and the packager.

use crate::answer::{HEADER, ROUTE_HEADER};
use crate::request::name::is_same_to_cgi;

/// Headers that carry the request itself, or belong to one connection.
pub const OF_THE_REQUEST: [&str; 9] =
    ["connection", "content-length", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"];
/// Headers that only the gate may set: for callers, and for its own route. Whatever the file says, they neither leave the
/// mesh nor come in.
pub const OF_THE_GATE: [&str; 2] = [HEADER, ROUTE_HEADER];

/// Other headers that the filter reads from every request.
pub const READ: [&str; 3] = ["content-type", "x-forwarded-client-cert", "x-request-id"];

/// Whether a name is another spelling, which CGI reads as the same, of a header that carries the request or that the filter
/// reads. No client needs one, and `content_length` beside `content-length` gives some servers two lengths.
pub(super) fn is_second_reading(name: &[u8], folded: &[u8]) -> bool {
    name != folded && OF_THE_REQUEST.iter().chain(&READ).any(|known| known.as_bytes() == folded)
}

/// Why the file may not keep, remove or set a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// It is reserved for the proxies.
    Request,
    /// It is reserved for the gate.
    Gate,
}

impl Reserved {
    /// Whether a header of this name, or one that CGI reads as the same, is reserved.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        let is_one_of = |names: &[&str]| names.iter().any(|known| is_same_to_cgi(known.as_bytes(), name.as_bytes()));
        if is_one_of(&OF_THE_REQUEST) {
            Some(Self::Request)
        } else if is_one_of(&OF_THE_GATE) {
            Some(Self::Gate)
        } else {
            None
        }
    }

    /// What is wrong: the end of a sentence that begins with the name.
    #[must_use]
    pub fn problem(self) -> &'static str {
        match self {
            Self::Request => "is reserved for the proxies",
            Self::Gate => "is reserved for the gate",
        }
    }

    /// What would be right.
    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            Self::Request => "leave it out: only the proxies handle it",
            Self::Gate => "leave it out: the gate removes it from requests and responses",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_readings() {
        for (name, is_second) in [
            ("content_length", true),
            ("x_request-id", true),
            ("x_forwarded_client_cert", true),
            ("content-length", false),
            ("x_plain", false),
        ] {
            let folded = crate::request::name::fold(name.as_bytes());
            assert_eq!(is_second_reading(name.as_bytes(), &folded), is_second, "{name}");
        }
    }

    #[test]
    fn twins_are_reserved_too() {
        for (name, reserved) in [
            ("te", Some(Reserved::Request)),
            ("expect", Some(Reserved::Request)),
            ("content_length", Some(Reserved::Request)),
            ("Transfer_Encoding", Some(Reserved::Request)),
            ("x-sallyport", Some(Reserved::Gate)),
            ("x_sallyport-route", Some(Reserved::Gate)),
            ("x-sallyport-other", None),
            ("content-type", None),
            ("", None),
        ] {
            assert_eq!(Reserved::of(name), reserved, "{name}");
        }
    }
}
