//! `tracestate` (W3C Trace Context level 2, 3.3): entries of tracing vendors, newest first.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use crate::request::pairs::Pair;
use crate::text::{split_bytes, split_once};

/// The header's name.
pub const TRACESTATE: &str = "tracestate";
/// Most members. A list with more is invalid, and none of it is passed on.
const MOST_MEMBERS: usize = 32;
/// Most bytes that are passed on, commas included: every implementation must propagate this many.
const MOST_BYTES: usize = 512;
/// Members longer than this are dropped first.
const LONG: usize = 128;

/// Members `key=value`, in order, each key once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tracestate(Vec<Box<str>>);

impl Tracestate {
    /// Reads every header of the name, in order. A member that is invalid or has the key of an earlier one is left out.
    #[must_use]
    pub fn read(headers: &[Pair<'_>]) -> Self {
        let mut kept: Vec<Box<str>> = Vec::new();
        for (_, line) in headers.iter().filter(|(name, _)| *name == TRACESTATE.as_bytes()) {
            for part in split_bytes(line, b',') {
                let Some((key, text)) = member_of(part.trim_ascii()) else { continue };
                if kept.iter().any(|other| other.strip_prefix(key).is_some_and(|rest| rest.starts_with('='))) {
                    continue;
                }
                if kept.len() >= MOST_MEMBERS {
                    return Self::default();
                }
                kept.push(text.into());
            }
        }
        shorten(&mut kept);
        Self(kept)
    }

    /// Whether there is no member to pass on.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Tracestate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, member) in self.0.iter().enumerate() {
            write!(f, "{}{member}", if position == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

/// Drops long members first, from the right, then the rightmost ones, as the specification says (3.3.1.5).
fn shorten(members: &mut Vec<Box<str>>) {
    let length = |members: &[Box<str>]| {
        members.iter().fold(0_usize, |sum, member| sum.saturating_add(member.len()).saturating_add(1)).saturating_sub(1)
    };
    while length(members) > MOST_BYTES {
        match members.iter().rposition(|member| member.len() > LONG) {
            Some(long) => drop(members.remove(long)),
            None => drop(members.pop()),
        }
    }
}

/// The key and the whole of a valid member `key=value`.
fn member_of(member: &[u8]) -> Option<(&str, &str)> {
    let text = core::str::from_utf8(member).ok()?;
    let (key, value) = split_once(text, "=")?;
    (is_key(key) && is_value(value)).then_some((key, text))
}

/// Since level 2 an `@` may stand anywhere but at the beginning, and more than once.
fn is_key(key: &str) -> bool {
    let letter_or_digit = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=256).contains(&key.len())
        && key.bytes().all(|byte| letter_or_digit(byte) || b"_-*/@".contains(&byte))
        && key.bytes().next().is_some_and(letter_or_digit)
}

fn is_value(value: &str) -> bool {
    let good = |byte: u8| (b' '..=b'~').contains(&byte) && !b",=".contains(&byte);
    (1..=256).contains(&value.len()) && value.bytes().all(good) && !value.ends_with(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&str]) -> String {
        let headers: Vec<Pair<'_>> = values.iter().map(|value| (&b"tracestate"[..], value.as_bytes())).collect();
        Tracestate::read(&headers).to_string()
    }

    #[test]
    fn members_keep_their_order() {
        assert_eq!(read(&["rojo=00f067aa0ba902b7, congo=t61rcWkgMzE"]), "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE");
        assert_eq!(read(&["a=1,,", " ,b=2", ""]), "a=1,b=2");
        assert_eq!(read(&["fw529a3039@dt=x y,0a=1"]), "fw529a3039@dt=x y,0a=1");
    }

    #[test]
    fn keys_of_level_2() {
        let longest = format!("{}=1", "k".repeat(256));
        for member in ["foo@=1", "t@x@y=1", "foo@@bar=1", "0@=1", "a_-*/@=1", "t@0=1", &longest] {
            assert_eq!(read(&[member]), member);
        }
    }

    #[test]
    fn an_invalid_member_leaves_its_neighbours() {
        let (long_key, long_value) = (format!("{}=1", "k".repeat(257)), format!("a={}", "x".repeat(257)));
        for member in
            ["b", "A=1", "a==", "a=", "=1", "a=\u{1}", "a=é", "a@B=1", "@b=1", "a b=1", "a =1", &long_key, &long_value]
        {
            assert_eq!(read(&[&format!("x=1,{member},y=2")]), "x=1,y=2", "{member:?}");
        }
    }

    #[test]
    fn of_members_with_one_key_the_first_stays() {
        assert_eq!(read(&["a=1,b=2,a=3", "b=4,ab=5,a=1"]), "a=1,b=2,ab=5");
        // One that is invalid is no first.
        assert_eq!(read(&["a=,a=2"]), "a=2");
    }

    #[test]
    fn most_members() {
        let many: Vec<_> = (0..33).map(|number| format!("k{number}=1")).collect();
        assert_eq!(read(&[&many.join(",")]), "");
        let most = many[..32].join(",");
        assert_eq!(read(&[&most]), most);
        // What is left out does not count.
        assert_eq!(read(&[&format!("{most},k0=2,B=1")]), most);
    }

    #[test]
    fn too_many_members_are_dropped_from_the_right() {
        let long = format!("long={}", "x".repeat(200));
        let short: Vec<_> = (0..20).map(|number| format!("k{number:02}={}", "y".repeat(20))).collect();
        let all = format!("{long},{}", short.join(","));
        assert_eq!(read(&[&all]), short[..20].join(","), "the long one goes first");
        let short: Vec<_> = (0..30).map(|number| format!("k{number:02}={}", "y".repeat(20))).collect();
        let kept = read(&[&short.join(",")]);
        assert!(kept.len() <= 512 && kept.starts_with(&short[..20].join(",")), "{kept}");
    }
}
