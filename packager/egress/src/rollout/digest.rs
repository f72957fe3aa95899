//! The digest of a list of rules: SHA-256 of its canonical JSON (RFC 8785).

use sallyport_core::wire::{self, Reader, Rule};

/// The digest of a policy's rules: 64 hexadecimal digits. The order of rules counts, although it does not change what they
/// mean: what is compared is what was reviewed.
#[must_use]
pub fn digest(rules: &[Rule]) -> String {
    // What is written is JSON.
    let json = serde_json::to_vec(rules).unwrap_or_default();
    Reader::tree(&json).map(|tree| wire::digest(&tree.items().iter().collect::<Vec<_>>())).unwrap_or_default()
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
