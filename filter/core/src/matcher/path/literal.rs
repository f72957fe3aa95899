//! The literal text of path patterns: only what a request can have.

use alloc::boxed::Box;
use core::fmt::{self, Display, Formatter};

use crate::problem::{Flaw, PolicyCode};
use crate::request::path::{Tolerance, canonical_pattern, escape, is_unreserved};
use crate::text::lossy;
use crate::wire::Ambiguity;

/// Reads a literal. One that no request can have is refused, because its author expects it to match.
#[inline(never)]
pub(super) fn canonical_literal(text: &str, tolerance: Tolerance) -> Result<Box<[u8]>, Flaw> {
    if text.contains('?') {
        return Err(Flaw::new(PolicyCode::Path, format_args!("the path `{text}` has a query")).help(format_args!(
            "paths are matched without query; use `when: [{{key: \"request.query[NAME]\", values: [...]}}]`"
        )));
    }
    match canonical_pattern(text.as_bytes(), tolerance) {
        Ok(canonical) if canonical == text.as_bytes() => Ok(canonical.into()),
        Ok(_) if may_come(text) => Ok(text.as_bytes().into()),
        // Istio would match it to the letter, and so never.
        Ok(canonical) => {
            Err(Flaw::new(PolicyCode::Path, format_args!("the path `{text}` is not in the form that requests have"))
                .help(format_args!("write `{}`", lossy(&canonical))))
        }
        Err(kind) => Err(Flaw::new(
            PolicyCode::Path,
            format_args!(
                "no request with the path `{text}` ever reaches a rule: it is refused as ambiguous ({})",
                kind.as_str()
            ),
        )
        .help(format_args!("{}", Instead(kind, text)))),
    }
}

/// Whether a request may have this text: Envoy decodes escaped letters, digits, `-`, `.`, `_` and `~`, and refuses or
/// escapes what is not ASCII.
fn may_come(text: &str) -> bool {
    let escaped = |(at, _): (usize, &str)| text.as_bytes().get(at.saturating_add(1)..).and_then(escape);
    text.is_ascii() && !text.match_indices('%').filter_map(escaped).any(|(byte, _)| is_unreserved(byte))
}

/// What to write in place of a path that is ambiguous. Some kinds are of no use to tolerate: Envoy answers such requests
/// itself, or rewrites them before any filter sees them.
struct Instead<'t>(Ambiguity, &'t str);

impl Display for Instead<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(kind, text) = self;
        let is_plain = !text.contains(['%', ';', '\\']);
        match kind {
            Ambiguity::ControlCharacter if text.contains(' ') => write!(f, "write `{}`", text.replace(' ', "%20")),
            Ambiguity::ControlCharacter if is_plain => {
                f.write_str("write the path without it: Envoy refuses it before any rule")
            }
            Ambiguity::Fragment | Ambiguity::EscapedNul => {
                f.write_str("write the path without it: Envoy refuses it before any rule")
            }
            Ambiguity::Backslash => {
                write!(f, "write `{}`: Envoy rewrites the path to this before any rule", text.replace('\\', "/"))
            }
            Ambiguity::DotSegment if is_plain => {
                f.write_str("write the path without dot segments: Envoy resolves them before any rule")
            }
            kind => write!(f, "write the path without it, or tolerate `{}`", kind.as_str()),
        }
    }
}
