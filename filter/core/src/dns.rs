//! DNS names, as Kubernetes restricts them (RFC 1123).

/// Whether this is a label: 1 to 63 of `a-z`, `0-9` and `-`, with a letter or digit at both ends.
#[must_use]
pub fn is_label(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 63
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// Whether this is a subdomain: labels joined by dots, at most 253 bytes.
#[must_use]
pub fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_subdomains() {
        let long = "a".repeat(64);
        for good in ["a", "a-1", "1", &long[1..]] {
            assert!(is_label(good) && is_subdomain(&format!("{good}.{good}")), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a_b", "é", "a.b.", &long] {
            assert!(!is_label(bad) && !is_subdomain(&format!("a.{bad}")), "{bad}");
        }
        assert!(!is_subdomain(&"a.".repeat(127)) && !is_subdomain(&format!("{}a", "a.".repeat(127))));
    }
}
