//! `tracestate` (W3C Trace Context, 3.3): entries of tracing vendors, newest first.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use crate::request::pairs::Pair;
use crate::text::{split, split_bytes, split_once};

/// The header's name.
pub const TRACESTATE: &str = "tracestate";
/// Most members that are passed on.
const MOST_MEMBERS: usize = 32;
/// Most bytes that are passed on, commas included: every implementation must propagate this many.
const MOST_BYTES: usize = 512;
/// Members longer than this are dropped first.
const LONG: usize = 128;

/// Members `key=value`, in order, each key once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tracestate(Vec<Box<str>>);

impl Tracestate {
    /// Reads every header of the name, in order. One invalid member invalidates all of them, as the specification says.
    #[must_use]
    pub fn read(headers: &[Pair<'_>]) -> Self {
        let values = headers.iter().filter(|(name, _)| *name == TRACESTATE.as_bytes()).map(|(_, value)| *value);
        let members = values.flat_map(|value| split_bytes(value, b',')).map(<[u8]>::trim_ascii);
        let mut kept: Vec<Box<str>> = Vec::new();
        for member in members.filter(|member| !member.is_empty()) {
            let Some(text) = member_of(member) else { return Self::default() };
            let key = split(text, "=").next();
            if kept.len() >= MOST_MEMBERS || kept.iter().any(|other| split(other, "=").next() == key) {
                return Self::default();
            }
            kept.push(text.into());
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

/// A valid member: `key=value`.
fn member_of(member: &[u8]) -> Option<&str> {
    let text = core::str::from_utf8(member).ok()?;
    let (key, value) = split_once(text, "=")?;
    (is_key(key) && is_value(value)).then_some(text)
}

/// `simple-key`, or `tenant@system`.
fn is_key(key: &str) -> bool {
    let is_part = |part: &str, most: usize, may_begin: fn(u8) -> bool| {
        let rest = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-*/".contains(&byte);
        (1..=most).contains(&part.len()) && part.bytes().next().is_some_and(may_begin) && part.bytes().all(rest)
    };
    let letter = |byte: u8| byte.is_ascii_lowercase();
    let letter_or_digit = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    match split_once(key, "@") {
        Some((tenant, system)) => is_part(tenant, 241, letter_or_digit) && is_part(system, 14, letter),
        None => is_part(key, 256, letter_or_digit),
    }
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
    fn one_invalid_member_invalidates_all() {
        for value in ["a=1,b", "A=1", "a=1,a=2", "a==", "a=", "=1", "a=\u{1}", "a=é", "a@B=1", "@b=1", "a b=1"] {
            assert_eq!(read(&[value]), "", "{value:?}");
        }
        let many: Vec<_> = (0..33).map(|number| format!("k{number}=1")).collect();
        assert_eq!(read(&[&many.join(",")]), "");
        assert_ne!(read(&[&many[..32].join(",")]), "");
        assert_eq!(read(&[&format!("a={}", "x".repeat(257))]), "");
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
