//! `baggage` (W3C Baggage): keys and values that callers propagate from service to service. Only those that the file lists
//! leave the mesh.

use alloc::boxed::Box;
use alloc::string::String;

use crate::request::is_token_byte;
use crate::request::name::trim_where;
use crate::request::pairs::Pair;
use crate::text::{halves, split_bytes};

/// The header's name.
pub const BAGGAGE: &str = "baggage";
/// Headers that are lists of members: that of W3C, its draft of before, and Jaeger's.
pub const LISTS: [&str; 3] = [BAGGAGE, "correlation-context", "jaeger-baggage"];
/// Beginnings of headers that are one member each: what follows is its key.
const MEMBERS: [&str; 3] = ["baggage-", "ot-baggage-", "uberctx-"];
/// Most members that are passed on.
const MOST_MEMBERS: usize = 64;
/// Most bytes that are passed on, commas included.
const MOST_BYTES: usize = 8192;
/// The members of all headers of a name whose keys are listed, in order; none if there are none.
///
/// Text that is not a member is left out, and so are members beyond the 64th and those that do not fit into 8,192 bytes.
#[must_use]
pub fn listed(headers: &[Pair<'_>], header: &str, keys: &[Box<str>]) -> Option<String> {
    let (mut text, mut count) = (String::new(), 0_usize);
    for (_, line) in headers.iter().filter(|(name, _)| *name == header.as_bytes()) {
        for part in split_bytes(line, b',') {
            let Some((key, member)) = member_of(part.trim_ascii()) else { continue };
            let comma = if text.is_empty() { "" } else { "," };
            let length = text.len().saturating_add(comma.len()).saturating_add(member.len());
            let is_listed = keys.iter().any(|listed| listed.as_bytes() == key);
            if is_listed && count < MOST_MEMBERS && length <= MOST_BYTES {
                count = count.saturating_add(1);
                text.push_str(comma);
                text.push_str(member);
            }
        }
    }
    (count > 0).then_some(text)
}

/// Whether a header is a member whose key is listed. Names of headers have no case, so neither has the key here.
#[must_use]
pub fn is_listed_member(header: &[u8], keys: &[Box<str>]) -> bool {
    let key = MEMBERS.iter().find_map(|prefix| header.strip_prefix(prefix.as_bytes()));
    key.is_some_and(|key| keys.iter().any(|listed| listed.as_bytes().eq_ignore_ascii_case(key)))
}

/// The key and the whole of a member `key=value;property`. A property is `key` or `key=value`.
fn member_of(member: &[u8]) -> Option<(&[u8], &str)> {
    let mut parts = split_bytes(member, b';');
    let (key, value) = halves(parts.next()?, b'=');
    let is_property = |part| {
        let (key, value) = halves(part, b'=');
        is_pair(key, value.unwrap_or_default())
    };
    let is_member = is_pair(key, value?) && parts.all(is_property);
    let text = core::str::from_utf8(member).ok()?;
    is_member.then_some((trim(key), text))
}

/// Whether one is a token and the other nothing but octets of a value, white space around them aside.
fn is_pair(key: &[u8], value: &[u8]) -> bool {
    let is_octet = |byte: &u8| byte.is_ascii_graphic() && !b"\",;\\".contains(byte);
    let key = trim(key);
    !key.is_empty() && key.iter().all(|byte| is_token_byte(*byte)) && trim(value).iter().all(is_octet)
}

/// Without optional white space. To trim any other would change what the upstream reads as the key.
fn trim(text: &[u8]) -> &[u8] {
    trim_where(text, |byte| matches!(byte, b' ' | b'\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(values: &[&str], keys: &[&str]) -> Option<String> {
        let headers: Vec<Pair<'_>> = values.iter().map(|value| (&b"baggage"[..], value.as_bytes())).collect();
        listed(&headers, BAGGAGE, &keys.iter().map(|key| (*key).into()).collect::<Vec<_>>())
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
    }

    #[test]
    fn headers_that_are_members() {
        let keys: Vec<Box<str>> = vec!["tenant".into(), "userId".into()];
        for (name, listed) in [
            ("uberctx-tenant", true),
            ("ot-baggage-userid", true),
            ("baggage-tenant", true),
            ("uberctx-user", false),
            ("uberctx-", false),
            ("uberctx_tenant", false),
            ("tenant", false),
        ] {
            assert_eq!(is_listed_member(name.as_bytes(), &keys), listed, "{name}");
        }
    }

    #[test]
    fn members_obey_the_grammar() {
        for good in ["k=", "k=!#$%&'()*+-./:<=>?@[]^_`{|}~", "k \t=\t v", "k=v;p", "k=v ; p = 1;q", "k==", "!=v"] {
            assert_eq!(keep(&[good], &["k", "!"]).as_deref(), Some(good), "{good}");
        }
        for bad in
            ["k=a b", "k=\"v\"", "k=a\\b", "k=a\tb", "k=v;", "k=v;;p", "k=v;p q", "k=v;p=\"1\"", "k;p=v", "k=v;=1"]
        {
            assert_eq!(keep(&[&format!("{bad},k=ok")], &["k"]).as_deref(), Some("k=ok"), "{bad}");
        }
    }

    #[test]
    fn what_does_not_fit_is_left_out() {
        let of_length = |length: usize| format!("k={}", "x".repeat(length - 2));
        let whole = of_length(8192);
        assert_eq!(keep(&[&whole], &["k"]).as_ref(), Some(&whole));
        let long = of_length(8193);
        assert_eq!(keep(&[&long], &["k"]), None);
        assert_eq!(keep(&[&format!("{long},k=short")], &["k"]).as_deref(), Some("k=short"));
        let two = format!("{},{}", of_length(8000), of_length(191));
        assert_eq!((two.len(), keep(&[&format!("{two},k=1")], &["k"])), (8192, Some(two.clone())));
        let rest = format!("{},{},k=1", of_length(8000), of_length(192));
        assert_eq!(keep(&[&rest], &["k"]), Some(format!("{},k=1", of_length(8000))), "a later one fits");
    }
}
