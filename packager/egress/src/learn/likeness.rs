//! What looks like the id of one thing among many, and not like the name of a part of an API.

/// Whether a path segment looks like an id: a number, a UUID, a digest, a date, or a word with many digits.
pub(super) fn is_like_an_id(segment: &str) -> bool {
    let digits = segment.bytes().filter(u8::is_ascii_digit).count();
    if digits == 0 {
        return false;
    }
    let is_number = segment.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.' | b',' | b'_'));
    let is_hex = segment.len() >= 8 && segment.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~=:@%".contains(&byte);
    // `report-2026-11-25`, `INV0001234`, `01ARZ3NDEKTSV4RRFFQ69G5FAV`: `v2`, `oauth2` and `area51` are names.
    let has_many_digits = digits >= 4 || (digits >= 3 && segment.contains(['-', '_']));
    is_number || is_hex || (has_many_digits && segment.bytes().all(is_token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_from_names() {
        for id in [
            "1",
            "0815",
            "2026-11-25",
            "10.5",
            "5f0e1c1a-0000-4000-8000-0123456789ab",
            "deadbeef1",
            "01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "INV0001234",
            "ord-123",
        ] {
            assert!(is_like_an_id(id), "{id}");
        }
        for name in ["", "orders", "v1", "v2", "oauth2", "area51", "deadbeef", "-", "get", "ip4", "x-9"] {
            assert!(!is_like_an_id(name), "{name}");
        }
    }
}
