//! The digest of a list of rules: SHA-256 of its canonical JSON (RFC 8785).

use sallyport_core::wire::Rule;
use sha2::{Digest as _, Sha256};

/// The digest of a policy's rules: 64 hexadecimal digits. The order of rules counts, although it does not change what they
/// mean: what is compared is what was reviewed.
#[must_use]
pub fn digest(rules: &[Rule]) -> String {
    // A map of `serde_json` is in the order of its keys, and what it writes is canonical for names and numbers such as these.
    let canonical = serde_json::to_value(rules).unwrap_or_default().to_string();
    Sha256::digest(canonical.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sallyport_core::wire::Action;

    #[test]
    fn a_digest_is_that_of_the_canonical_text() {
        // `printf '[]' | sha256sum`, and of `[{"action":"DENY","id":"a"}]`.
        assert_eq!(digest(&[]), "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945");
        let rule = Rule { id: "a".to_owned(), action: Action::Deny, ..Rule::default() };
        assert_eq!(digest(&[rule]), "7944dee3c0a0cf83bd60e9a9fbcca18d8d0589c919a24bd7866a3bf41e690732");
    }
}
