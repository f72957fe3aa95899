//! Names of the DNS and of Kubernetes.

use crate::text::{split, split_once};

/// Whether a text is a label (RFC 1123): the name of most Kubernetes resources.
#[must_use]
pub fn is_label(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 63
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// Whether a text is a subdomain, as Kubernetes calls it: labels with dots between.
#[must_use]
pub fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && split(text, ".").all(is_label)
}

/// Whether a text is `NAMESPACE/NAME` of a resource.
#[must_use]
pub fn is_namespaced(text: &str) -> bool {
    split_once(text, "/").is_some_and(|(namespace, name)| is_label(namespace) && is_label(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (text, label, subdomain, namespaced) in [
            ("a", true, true, false),
            ("a-1", true, true, false),
            ("a.b", false, true, false),
            ("a/b", false, false, true),
            ("", false, false, false),
            ("-a", false, false, false),
            ("a-", false, false, false),
            ("A", false, false, false),
            ("a..b", false, false, false),
            ("a/b/c", false, false, false),
            ("a/", false, false, false),
        ] {
            assert_eq!(
                (is_label(text), is_subdomain(text), is_namespaced(text)),
                (label, subdomain, namespaced),
                "{text}"
            );
        }
        assert!(is_label(&"a".repeat(63)) && !is_label(&"a".repeat(64)));
    }
}
