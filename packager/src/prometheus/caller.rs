//! The label `caller`, in which the filter encodes a principal.

pub(crate) use sallyport_egress::evidence::Counted;

/// The caller that a label means. In it every byte of the principal other than letters and digits is `_` and two hexadecimal
/// digits, as a metric's name can have no other characters. `None`: the filter has not written it.
pub(crate) fn decode_caller(label: &str) -> Option<Counted> {
    match label {
        "_others" => return Some(Counted::Others),
        "_none" => return Some(Counted::Anonymous),
        _ => {}
    }
    let mut bytes = Vec::new();
    let mut rest = label.bytes();
    while let Some(byte) = rest.next() {
        let decoded = if byte == b'_' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            u8::try_from(digit()?.checked_mul(16)?.checked_add(digit()?)?).ok()?
        } else {
            byte
        };
        bytes.push(decoded);
    }
    String::from_utf8(bytes).ok().filter(|principal| !principal.is_empty()).map(Counted::Principal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_is_what_was_encoded() {
        let principal = |text: &str| Some(Counted::Principal(text.to_owned()));
        for (label, caller) in [
            ("cluster_2elocal_2fns_2fshop_2fsa_2fweb", principal("cluster.local/ns/shop/sa/web")),
            ("a_5fb_c3_bc", principal("a_bü")),
            ("_others", Some(Counted::Others)),
            ("_none", Some(Counted::Anonymous)),
            ("", None),
            ("a_2", None),
            ("a_zz", None),
            // Not UTF-8.
            ("_ff", None),
        ] {
            assert_eq!(decode_caller(label), caller, "{label}");
        }
    }
}
