//! Query parameters: `&` between them, the first `=` inside, percent-decoded, `+` for a blank.
//!
//! This is the reading of the WHATWG URL standard's form parser. Servers differ in `;` as a separator, in names such as
//! `role[]`, `role%00x`, `+role` and `ROLE` (PHP reads the first three as `role`, ASP.NET the last), in a NUL inside of a
//! value, in escapes that are none (`%u0061`), and in bytes that are no UTF-8. Where a rule reads the query,
//! these are refused as [`Ambiguity::AmbiguousQuery`], unless that is tolerated; then names are taken to the letter.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::doubts::Doubts;
use super::name::{fold_as_php, fold_parameter};
use super::path::{Tolerance, escape, is_overlong};
use super::table::{NameTable, Values};
use crate::text::{halves, split_bytes};
use crate::wire::Ambiguity;

/// What the query has under the names that rules read.
#[inline(never)]
pub fn read<'a>(
    query: Option<&'a [u8]>,
    table: &NameTable,
    tolerance: Tolerance,
    doubts: &mut Doubts,
) -> Result<Values<'a>, Ambiguity> {
    let mut values = Values::new(table);
    let Some(query) = query.filter(|_| !table.is_empty()) else { return Ok(values) };
    let strict = (!tolerance.allows(Ambiguity::AmbiguousQuery)).then_some(Ambiguity::AmbiguousQuery);
    // What is odd anywhere in the query matters to a policy that reads any of it.
    let of_all = table.decides();
    if let Some(kind) = strict.filter(|_| !of_all.is_empty() && query.contains(&b';')) {
        doubts.raise(of_all, kind)?;
    }
    for pair in split_bytes(query, b'&').filter(|pair| !pair.is_empty()) {
        let (raw_name, raw_value) = halves(pair, b'=');
        let raw_value = raw_value.unwrap_or_default();
        let (name, value) = (decode(raw_name), decode(raw_value));
        let folded = fold_parameter(&name);
        // ASP.NET reads `%u0072ole` as `role`, its forerunner `ro%le`, careless decoders `r%c1%afle`.
        let odd_name_for = || {
            let as_php = fold_as_php(&name).filter(|name| **name != *folded);
            if has_broken_escape(raw_name) || is_overlong(&name) {
                return of_all;
            }
            as_php.and_then(|name| table.reads(&name)).unwrap_or_default()
        };
        if let Some(kind) = strict.filter(|_| !of_all.is_empty()) {
            doubts.raise(odd_name_for(), kind)?;
        }
        let Some(decides) = table.reads(&folded) else { continue };
        let is_odd = || value.contains(&0) || core::str::from_utf8(&value).is_err() || has_broken_escape(raw_value);
        if let Some(kind) = strict.filter(|_| !decides.is_empty() && is_odd()) {
            doubts.raise(decides, kind)?;
        }
        values.take(table, (&folded, &name), value, strict, doubts)?;
    }
    values.check_lengths(table, doubts)?;
    Ok(values)
}

/// Whether a `%` is not followed by two hexadecimal digits.
fn has_broken_escape(text: &[u8]) -> bool {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| *byte == b'%') {
        rest = rest.get(at.saturating_add(1)..).unwrap_or_default();
        if escape(rest).is_none() {
            return true;
        }
    }
    false
}

fn decode(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return Cow::Borrowed(text);
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match byte {
            b'+' => decoded.push(b' '),
            b'%' => match escape(tail) {
                Some((value, behind)) => {
                    decoded.push(value);
                    rest = behind;
                }
                None => decoded.push(byte),
            },
            byte => decoded.push(byte),
        }
    }
    Cow::Owned(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::reading::Kind;
    use crate::request::table::Reader;
    use crate::side::Sides;

    fn values(query: &str, name: &str, tolerance: Tolerance) -> Result<Vec<String>, Ambiguity> {
        let mut table = NameTable::default();
        let reader = Reader { decides: Sides::BOTH, by_pattern: Sides::NONE };
        let slot = table.slot(&fold_parameter(name.as_bytes()), name.as_bytes(), Kind::Parameter, reader);
        let values = read(Some(query.as_bytes()), &table, tolerance, &mut Doubts::default())?;
        let lines = values.slot(slot).unwrap().lines();
        Ok(lines.iter().map(|value| String::from_utf8_lossy(value).into_owned()).collect())
    }

    #[test]
    fn parameters() {
        let query = "a=1&b=x%20y+z&a=&%61=2&c&&=3&other=%zz";
        for (name, expected) in
            [("a", &["1", "", "2"][..]), ("b", &["x y z"]), ("c", &[""]), ("", &["3"]), ("none", &[])]
        {
            assert_eq!(values(query, name, Tolerance::default()).unwrap(), expected, "{name}");
        }
    }

    #[test]
    fn what_servers_read_in_two_ways_is_refused_unless_tolerated() {
        let tolerant = Tolerance::new(&[Ambiguity::AmbiguousQuery]);
        for query in [
            "a=1;role=x",
            "role[]=x",
            "role[a]=x",
            "role%00x=x",
            "+role=x",
            "%20role=x",
            "role+=x",
            "ROLE=x",
            "role=x%00y",
            "role=%c0%ae",
            "role[=x",
            "role=%ff",
            "role=%u0061dmin",
            "role=ad%min",
            "role=a%",
            "%u0072ole=x",
            "ro%le=x",
            "r%c1%afle=x",
        ] {
            assert_eq!(values(query, "role", Tolerance::default()), Err(Ambiguity::AmbiguousQuery), "{query}");
            assert!(values(query, "role", tolerant).is_ok(), "{query}");
        }
        assert_eq!(values("my[role=x", "my_role", Tolerance::default()), Err(Ambiguity::AmbiguousQuery));
        assert_eq!(values("my.role=x", "my_role", Tolerance::default()), Err(Ambiguity::AmbiguousQuery));
        for php in ["role_+=x", "role%20=x", "role.=x", "+role_=x"] {
            assert_eq!(values(php, "role_", Tolerance::default()), Err(Ambiguity::AmbiguousQuery), "{php}");
        }
        for query in
            ["a=%zz", "gr%f6%dfe=1", "a=1%3Brole=x", "roles=x", "other[]=x", "other=%00", "role=a%3bb", "a=%ff"]
        {
            assert!(values(query, "role", Tolerance::default()).is_ok(), "{query}");
        }
        // A rule that names the parameter so reads it so.
        assert_eq!(values("role[]=x", "role[]", Tolerance::default()).unwrap(), ["x"]);
    }
}
