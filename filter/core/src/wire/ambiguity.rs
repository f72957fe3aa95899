//! Kinds of ambiguity: what `tolerate` lists, and what a refusal names.

use super::shape::Choice;

crate::words! {
    /// In which way a request is ambiguous or malformed. The names are those of `tolerate`, details, logs and metrics. Kinds
    /// that can be tolerated come first.
    pub enum Ambiguity {
        /// `%2F` or `%5C` in the path.
        "escapedSlash" EscapedSlash,
        /// `%00` in the path.
        "escapedNul" EscapedNul,
        /// `//` in the path.
        "doubleSlash" DoubleSlash,
        /// `;` or `%3B` in the path: matrix parameters.
        "semicolon" Semicolon,
        /// `\` in the path.
        "backslash" Backslash,
        /// A `.` or `..` segment that Envoy has left, such as one beside a `;`. Envoy resolves plain ones, and `%2e`, before
        /// the filter sees the path.
        "dotSegment" DotSegment,
        /// `%25` followed by two hexadecimal digits.
        "doubleEncoding" DoubleEncoding,
        /// A control character in the path, plain or percent-encoded (`%00` has its own kind).
        "controlCharacter" ControlCharacter,
        /// A plain byte above 0x7f in the path.
        "nonAscii" NonAscii,
        /// `#` in the path.
        "fragment" Fragment,
        /// `%23` or `%3F` in the path: a server that decodes before it splits off the query cuts the path there.
        "escapedDelimiter" EscapedDelimiter,
        /// `%` not followed by two hexadecimal digits.
        "invalidEncoding" InvalidEncoding,
        /// A path that is not UTF-8 when it is decoded, such as `/caf%E9`. Overlong forms (`%c0%ae`) are refused even if this
        /// is tolerated.
        "invalidUtf8" InvalidUtf8,
        /// A header whose name differs from one that a rule reads only in `_` instead of `-`.
        "underscoreHeader" UnderscoreHeader,
        /// In a query that a rule reads: `;`; a parameter whose name differs from the one that the rule reads only in
        /// case, in spaces at its ends, in a NUL or brackets after it, or in `.` instead of `_`; and a value that has a
        /// NUL or is not UTF-8.
        "ambiguousQuery" AmbiguousQuery,
        /// A rule would have to read more of a value than it does. Cannot be tolerated.
        "valueTooLong" ValueTooLong,
        /// No `:path`, more than one, or one that does not begin with `/`. Cannot be tolerated.
        "malformedPath" MalformedPath,
        /// No `:authority`, more than one, or one that is not a host name or address. Cannot be tolerated.
        "malformedHost" MalformedHost,
        /// No `:method`, more than one, or one that is not a token. Cannot be tolerated.
        "malformedMethod" MalformedMethod,
        /// The caller has a certificate, and the `x-forwarded-client-cert` in which the gateway names it is missing or cannot
        /// be read. Cannot be tolerated.
        "unreadableCertificate" UnreadableCertificate,
        /// A rule reads the token or other metadata, and it cannot be read: it is nested too deeply (objects in a claim more
        /// than about 30 levels), or a text is not UTF-8. Cannot be tolerated.
        "unreadableMetadata" UnreadableMetadata,
        /// An `Upgrade` to something other than a WebSocket: an upstream may take what follows the head for another request.
        /// Cannot be tolerated.
        "unknownUpgrade" UnknownUpgrade,
    }
}

/// How many kinds can be tolerated.
const TOLERABLE: usize = Ambiguity::AmbiguousQuery as usize + 1;

impl Ambiguity {
    /// The kinds that can be tolerated.
    pub const TOLERABLE: &'static [Self] = Self::ALL.split_at(TOLERABLE).0;
    /// Their names, and what they mean.
    pub const TOLERABLE_CHOICES: &'static [Choice] = Self::CHOICES.split_at(TOLERABLE).0;

    /// Whether it can be tolerated.
    #[must_use]
    pub fn is_tolerable(self) -> bool {
        (self as usize) < TOLERABLE
    }
}
