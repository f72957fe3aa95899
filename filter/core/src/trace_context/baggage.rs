//! `baggage` (W3C Baggage): keys and values that callers propagate from service to service. Only those that the file lists
//! leave the mesh.

use alloc::boxed::Box;
use alloc::string::String;

use crate::request::is_token_byte;
use crate::request::pairs::Pair;
use crate::text::{split_bytes, split_once};

/// The header's name.
pub const BAGGAGE: &str = "baggage";
/// Most members that are passed on.
const MOST_MEMBERS: usize = 64;
/// Most bytes that are passed on, commas included.
const MOST_BYTES: usize = 8192;
/// Optional white space between a key and its `=`. Trimming any other would change what the upstream reads as the key.
const OWS: [char; 2] = [' ', '\t'];

/// The members of all headers whose keys are listed, in order; none if there are none.
///
/// Text that is not a member is left out, and so are members beyond the 64th or beyond 8,192 bytes.
#[must_use]
pub fn listed(headers: &[Pair<'_>], keys: &[Box<str>]) -> Option<String> {
    let values = headers.iter().filter(|(name, _)| *name == BAGGAGE.as_bytes()).map(|(_, value)| *value);
    let members = values.flat_map(|value| split_bytes(value, b',')).map(<[u8]>::trim_ascii);
    let listed = members.filter_map(member_of).filter(|(key, _)| keys.iter().any(|listed| **listed == **key));
    let mut text = String::new();
    for (_, member) in listed.take(MOST_MEMBERS) {
        if text.len().saturating_add(member.len()).saturating_add(1) > MOST_BYTES {
            break;
        }
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(member);
    }
    (!text.is_empty()).then_some(text)
}

/// The key and the whole of a member `key=value;property`.
fn member_of(member: &[u8]) -> Option<(&str, &str)> {
    let text = core::str::from_utf8(member).ok()?;
    let (key, value) = split_once(text, "=")?;
    let key = key.trim_end_matches(OWS);
    // Octets of a value, and those that properties have in addition.
    let good = |byte: u8| (b' '..=b'~').contains(&byte) && !b"\",\\".contains(&byte) || byte == b'\t';
    (!key.is_empty() && key.bytes().all(is_token_byte) && value.bytes().all(good)).then_some((key, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(values: &[&str], keys: &[&str]) -> Option<String> {
        let headers: Vec<Pair<'_>> = values.iter().map(|value| (&b"baggage"[..], value.as_bytes())).collect();
        listed(&headers, &keys.iter().map(|key| (*key).into()).collect::<Vec<_>>())
    }

    #[test]
    fn only_listed_members_leave() {
        assert_eq!(
            keep(&["user=alice, tenant=a;x=1", "other=2"], &["tenant", "other"]).as_deref(),
            Some("tenant=a;x=1,other=2")
        );
        assert_eq!(keep(&["user=alice"], &[]), None);
        assert_eq!(keep(&["Tenant=a"], &["tenant"]), None, "keys have a case");
        assert_eq!(keep(&["tenant = a"], &["tenant"]).as_deref(), Some("tenant = a"));
    }

    #[test]
    fn text_that_is_not_a_member_is_left_out() {
        assert_eq!(
            keep(&["=1,tenant,a b=1,tenant=\u{1},tenant=é,tenant=ok"], &["tenant", ""]).as_deref(),
            Some("tenant=ok")
        );
        assert_eq!(keep(&["tenant\r\n=a,tenant\u{c}=b,tenant\t =c"], &["tenant"]).as_deref(), Some("tenant\t =c"));
        let many = vec!["k=v"; 100].join(",");
        assert_eq!(keep(&[&many], &["k"]).map(|text| text.split(',').count()), Some(64));
        let long = format!("k={},k=short", "x".repeat(9000));
        assert_eq!(keep(&[&long], &["k"]), None);
    }
}
