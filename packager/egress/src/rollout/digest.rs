//! The digests by which a lock knows what it speaks of: SHA-256 of canonical JSON (RFC 8785).

use sallyport_core::wire::{self, Reader, Rule};

use crate::model::{Authz, Egress, Gateway};

/// The digest of a policy's rules: 64 hexadecimal digits. The order of rules counts, although it does not change what they
/// mean: what is compared is what was reviewed.
#[must_use]
pub fn digest(rules: &[Rule]) -> String {
    // What is written is JSON.
    let json = serde_json::to_vec(rules).unwrap_or_default();
    Reader::tree(&json).map(|tree| wire::digest(&tree.items().iter().collect::<Vec<_>>())).unwrap_or_default()
}

/// The digest of what an Egress says beside its rules: 64 hexadecimal digits. What was seen of a candidate was seen of callers,
/// an upstream and a gateway like these. The number and the size of pods are left out, because they change no answer.
#[must_use]
pub fn digest_beside_rules(egress: &Egress) -> String {
    let mut spec = egress.spec.clone();
    spec.authz = Authz { rules: Vec::new(), ..spec.authz };
    let Gateway { install, filter_digest, opa, num_trusted_proxies, .. } = spec.gateway;
    spec.gateway = Gateway { install, filter_digest, opa, num_trusted_proxies, ..Gateway::default() };
    // What is written is JSON. Defaults are not written, so a field that is new in this program changes no digest.
    let json = serde_json::to_vec(&spec).unwrap_or_default();
    Reader::tree(&json).map(|tree| wire::digest(&[&tree])).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::SourceFile;
    use sallyport_core::wire::Action;

    fn egress(more: &str) -> Egress {
        let text = format!(
            "apiVersion: sallyport.dev/v1alpha1\nkind: Egress\nmetadata: {{name: a, namespace: egress}}\nspec:\n  host: a.internal\n{more}"
        );
        let checked = crate::check(&[SourceFile { name: "a.yaml".to_owned(), text }]);
        checked.egresses.into_iter().next().expect("it is valid").value
    }

    #[test]
    fn what_changes_an_answer_is_in_the_digest_of_the_egress() {
        const UPSTREAM: &str = "  upstream: {host: a.example.com, port: 443}\n";
        let before = digest_beside_rules(&egress(UPSTREAM));
        for same in [
            "  authz: {rules: [{id: a, action: ALLOW, to: [{operation: {methods: [GET]}}]}]}\n",
            "  gateway: {replicas: 5, maxReplicas: 9, resources: {cpu: \"2\"}, concurrency: 4, drainSeconds: 60, maxSurge: 2}\n",
        ] {
            assert_eq!(digest_beside_rules(&egress(&format!("{UPSTREAM}{same}"))), before, "{same}");
        }
        for other in
            ["  aliases: [b.internal]\n", "  gateway: {numTrustedProxies: 1}\n", "  authz: {discloseRule: true}\n"]
        {
            assert_ne!(digest_beside_rules(&egress(&format!("{UPSTREAM}{other}"))), before, "{other}");
        }
        let elsewhere = egress("  upstream: {host: b.example.com, port: 443}\n");
        assert_ne!(digest_beside_rules(&elsewhere), before);
    }

    #[test]
    fn a_digest_is_that_of_the_canonical_text() {
        // `printf '[]' | sha256sum`, and of `[{"action":"DENY","id":"a"}]`.
        assert_eq!(digest(&[]), "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945");
        let rule = Rule { id: "a".to_owned(), action: Action::Deny, ..Rule::default() };
        assert_eq!(digest(&[rule]), "7944dee3c0a0cf83bd60e9a9fbcca18d8d0589c919a24bd7866a3bf41e690732");
    }
}
