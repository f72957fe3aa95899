//! From the text of an expression to its automaton.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Display;

use regex_automata::MatchKind;
use regex_automata::dfa::{StartKind, dense};
use regex_automata::nfa::thompson::{self, WhichCaptures};
use regex_automata::util::syntax;
use regex_syntax::ast::{self, Ast, Flag, GroupKind};

/// Largest automaton of one expression, in bytes. Ordinary expressions take 1 to 10 kB.
pub const MAX_AUTOMATON: usize = 64 * 1024;
/// Most memory while one is built, in bytes: many sparse states fit where few dense ones do. An expression that explodes
/// takes as long as it takes to fill this, so it is no more than ordinary expressions need.
const MAX_DENSE: usize = 1024 * 1024;
/// Most memory of the nondeterministic automaton before, in bytes.
const MAX_NFA: usize = 1024 * 1024;

/// Why a text is not an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvalidPattern {
    /// It breaks the syntax: how.
    Syntax(String),
    /// It turns the flag `u` on, under which a `.` no longer matches every byte.
    Unicode,
    /// Its automaton is larger than [`MAX_AUTOMATON`].
    TooLarge,
}

/// Compiles an expression into the bytes that [`Pattern::from_bytes`](crate::Pattern::from_bytes) loads. The same text
/// gives the same bytes everywhere.
///
/// # Errors
///
/// [`InvalidPattern`].
pub fn compile(text: &str) -> Result<Vec<u8>, InvalidPattern> {
    let bytes = syntax::Config::new().unicode(false).utf8(false).dot_matches_new_line(true);
    if turns_unicode_on(text) {
        return Err(InvalidPattern::Unicode);
    }
    // What is wrong with the syntax is said by its own parser; any error behind it is one of size.
    syntax::parse_with(text, &bytes).map_err(|error| InvalidPattern::Syntax(one_line(&error)))?;
    let automaton = dense::Builder::new()
        .syntax(bytes)
        .thompson(thompson::Config::new().utf8(false).nfa_size_limit(Some(MAX_NFA)).which_captures(WhichCaptures::None))
        .configure(
            dense::Config::new()
                .accelerate(false)
                .minimize(false)
                // Every way to match is followed, so that a search may ask at the end whether one of them took all.
                .match_kind(MatchKind::All)
                .start_kind(StartKind::Anchored)
                .dfa_size_limit(Some(MAX_DENSE))
                .determinize_size_limit(Some(MAX_DENSE)),
        )
        .build(text)
        .map_err(|_| InvalidPattern::TooLarge)?;
    let sparse = automaton.to_sparse().map_err(|_| InvalidPattern::TooLarge)?.to_bytes_little_endian();
    if sparse.len() > MAX_AUTOMATON { Err(InvalidPattern::TooLarge) } else { Ok(sparse) }
}

/// Whether a flag `u` is set anywhere, as in `(?u)` and `(?i-s:(?u:a))`. What does not parse sets none.
fn turns_unicode_on(text: &str) -> bool {
    struct Unicode;
    impl ast::Visitor for Unicode {
        type Output = ();
        type Err = ();
        fn finish(self) -> Result<(), ()> {
            Ok(())
        }
        fn visit_pre(&mut self, node: &Ast) -> Result<(), ()> {
            let flags = match node {
                Ast::Flags(set) => Some(&set.flags),
                Ast::Group(group) => match &group.kind {
                    GroupKind::NonCapturing(flags) => Some(flags),
                    GroupKind::CaptureIndex(_) | GroupKind::CaptureName { .. } => None,
                },
                _ => None,
            };
            let is_on = flags.and_then(|flags| flags.flag_state(Flag::Unicode)) == Some(true);
            if is_on { Err(()) } else { Ok(()) }
        }
    }
    ast::parse::Parser::new().parse(text).is_ok_and(|parsed| ast::visit(&parsed, Unicode).is_err())
}

/// The last line of the parser's report, which says what is wrong; the lines before it point into the text.
fn one_line(error: &dyn Display) -> String {
    let text = error.to_string();
    let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or(&text);
    last.trim().trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{InvalidAutomaton, Pattern};

    fn pattern(text: &str) -> Pattern {
        Pattern::from_bytes(&compile(text).unwrap()).unwrap()
    }

    #[test]
    fn the_whole_value_is_meant() {
        for (text, value, expected) in [
            ("a|b", &b"b"[..], true),
            ("a|b", b"ab", false),
            ("a|ab", b"ab", true),
            ("a", b"a\n", false),
            ("(?m)a$", b"a", true),
            ("(?m)^a$", b"a\nb", false),
            ("", b"", true),
            (".*", b"", true),
            (r"\ba\b", b"a", true),
            ("(?i)admin", b"ADMIN", true),
            ("[0-9]{4}-[0-9]{2}", b"2026-11", true),
        ] {
            assert_eq!(pattern(text).is_match(value), expected, "{text}");
        }
    }

    #[test]
    fn a_dot_is_any_byte() {
        for value in [&b"/admin"[..], b"/admin\n", b"/admin\r\nx", b"/admin\xff", b"/admin\0"] {
            assert!(pattern("/admin.*").is_match(value), "{value:?}");
        }
        for byte in 0..=u8::MAX {
            assert!(pattern(".").is_match(&[byte]), "{byte}");
        }
        assert!(pattern(".*evil.*").is_match(b"\xff evil \xfe"));
        assert!(pattern("\u{e9}").is_match("\u{e9}".as_bytes()));
    }

    #[test]
    fn the_flag_for_unicode_is_refused() {
        for text in ["(?u).*admin.*", "(?u:.*)admin", "(?iu)a", "(?u-i)a", "a|(b(?i:(?su:c))*)", "(?-u)(?u)a"] {
            assert_eq!(compile(text), Err(InvalidPattern::Unicode), "{text}");
        }
        for text in ["(?-u).*admin.*", "(?i-u:.*)admin", r"\(\?u\)", "[(?u)]", "(?i)a"] {
            assert!(compile(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for text in ["(", "a)|(b", "(?=x)", r"\1", "[\u{e9}]", r"\p{L}"] {
            assert!(matches!(compile(text), Err(InvalidPattern::Syntax(_))), "{text}");
        }
        let product: Vec<String> = (0..14).map(|n| format!(".*k{n}x.*")).collect();
        for text in ["x{1000000}", "((((a{9}){9}){9}){9}){9}", ".*a.{12}", &format!("({})", product.join("|"))] {
            assert!(matches!(compile(text), Err(InvalidPattern::TooLarge)), "{text}");
        }
    }

    #[test]
    fn ordinary_expressions_are_small() {
        for text in [".*", "/orders/[0-9]+(/lines)?", "v[0-9]+", ".*admin.*", "(GET|PUT) .{1,64}", "[a-z0-9-]{1,63}"] {
            let size = compile(text).unwrap().len();
            assert!(size < 10_000, "{text} takes {size} bytes");
        }
    }

    #[test]
    fn damaged_automata_are_refused() {
        let good = compile("a(b|c)*d").unwrap();
        assert!(matches!(Pattern::from_bytes(&[]), Err(InvalidAutomaton)));
        for length in 0..good.len() {
            assert!(Pattern::from_bytes(&good[..length]).is_err(), "{length}");
        }
        let mut longer = good.clone();
        longer.push(0);
        assert!(Pattern::from_bytes(&longer).is_err());
        // Whatever a byte is changed into, it loads and searches, or is refused: it never panics.
        for position in 0..good.len() {
            let mut changed = good.clone();
            changed[position] ^= 0x55;
            if let Ok(pattern) = Pattern::from_bytes(&changed) {
                let _ = pattern.is_match(b"abcbcd");
            }
        }
    }

    #[test]
    fn the_same_text_gives_the_same_bytes() {
        assert_eq!(compile("/a/[a-z]+").unwrap(), compile("/a/[a-z]+").unwrap());
    }
}
