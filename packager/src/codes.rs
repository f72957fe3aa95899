//! The stable codes of all that can be wrong, and the manual of each.
//!
//! `SP0xxx` are the files' (`sallyport-egress`), `SP1xxx` the policy's (`sallyport-core`), `SP2xxx` the lints', `SP3xxx` an
//! image's ([`crate::oci`]), `SP9xxx` this program's own.

use sallyport_core::PolicyCode;
use sallyport_egress::Code as FileCode;

use crate::oci::finding;

/// A file or directory cannot be read.
pub(crate) const UNREADABLE: &str = "SP9001";
/// A directory holds no file for Sallyport.
pub(crate) const NOTHING_FOUND: &str = "SP9002";
/// A file has more problems than are reported.
pub(crate) const MORE: &str = "SP9003";

/// The filter's image is not pinned.
pub(crate) const UNPINNED: &str = "SP9101";
/// A policy is too large.
pub(crate) const POLICY_SIZE: &str = "SP9102";
/// A name is too long, or two are one.
pub(crate) const NAME: &str = "SP9103";
/// A patch cannot be applied.
pub(crate) const PATCH: &str = "SP9104";
/// `sallyport.lock` is wrong.
pub(crate) const LOCK: &str = "SP9105";
/// The way to install has no word for what the file asks.
pub(crate) const INSTALL: &str = "SP9106";
/// A standby's Egress is not among the files.
pub(crate) const STANDBY: &str = "SP9107";

/// The manual of this program's own codes.
const OWN: [(&str, &str); 10] = [
    (
        UNREADABLE,
        "A file or directory cannot be read.\n\n\
         It does not exist, may not be read by this user, or is larger than any Egress file can be.\n\
         The other files are checked all the same, and the exit code is 3.",
    ),
    (
        NOTHING_FOUND,
        "A directory holds no file for Sallyport.\n\n\
         Looked at are the files `*.yaml` and `*.yml` in it and in all directories below it, hidden\n\
         ones left out; taken are those with `apiVersion: sallyport.dev/...`, and by `check` those with\n\
         Istio's. A check that checks nothing is most likely a wrong path, so the exit code is 3.",
    ),
    (
        MORE,
        "A file has more problems than are reported.\n\n\
         The first thousand of a file are. The severity is that of the worst of the others.",
    ),
    (
        UNPINNED,
        "The filter's image is not pinned by its digest.\n\n\
         A tag can be moved, and then another filter guards the upstream than the one that was tested.\n\
         `sallyport image push` pushes the filter and writes its digest to `sallyport.lock`, which\n\
         `sallyport build` reads beside the files that it is given; or write `filter.digest` in the\n\
         Mesh file.",
    ),
    (
        POLICY_SIZE,
        "A policy is larger than 1 MiB.\n\n\
         The policy travels inside the resource that loads the filter, and Kubernetes keeps no larger\n\
         object. Split the upstream in two by path or by caller, each with its own Egress, or say with\n\
         one wildcard or one namespace what many single names say. From 256 KiB on apply it with\n\
         `kubectl apply --server-side`: the other way keeps a copy in an annotation, which has less room.",
    ),
    (
        NAME,
        "The name of an Egress is too long to build from, or makes the same names as another.\n\n\
         A gateway's Service is called `NAME-egress`, where the host is exposed there is a Gateway\n\
         `NAMESPACE-NAME-ingress`, and where OPA decides, too, the mesh has a provider\n\
         `sallyport-opa-NAMESPACE-NAME`; none may have more than 63 characters. `a-b/c` and `a/b-c` would\n\
         share a folder and that Gateway.",
    ),
    (
        PATCH,
        "A patch of an Egress cannot be applied.\n\n\
         No manifest of its kind and name is emitted, an operation's path is not there, or a `test` does\n\
         not hold. Nothing is written then: somebody relies on what the patch would have changed.",
    ),
    (
        LOCK,
        "`sallyport.lock` cannot be read, or contradicts the Mesh file or another lock.\n\n\
         `sallyport image push` writes it: `{\"version\":1,\"filter\":{\"image\":\"...\",\"digest\":\"sha256:...\"}}`.\n\
         It must be for the image that the Mesh file names.",
    ),
    (
        INSTALL,
        "An Egress asks for what its way to install cannot say.\n\n\
         The Kubernetes Gateway API (`gateway.install: gateway-api`) has no retries in its standard\n\
         channel, can name neither an upstream that is an IP address nor a subset, which keeps outlier\n\
         detection from the gate's probe, and removes sixteen headers at most. Left out, a field would\n\
         quietly mean something else. Take another way to install, or leave the field out: without\n\
         retries of the file's own, Istio tries again only where the upstream has not seen the request.",
    ),
    (
        STANDBY,
        "A standby's Egress is not among the files.\n\n\
         The route to a standby is made from the standby's own file: its host, its TLS, its timeouts.\n\
         Without it the filter would send requests where no route leads. Build both files together.",
    ),
];

/// The manual of a code: one sentence, and where there is more to say, paragraphs after it.
pub(crate) fn manual(code: &str) -> Option<String> {
    let own = OWN.iter().chain(&finding::MANUAL).find(|(own, _)| *own == code).map(|(_, text)| *text);
    let text = own.or_else(|| sallyport_egress::explain(code))?;
    // Doc comments keep the space after their slashes.
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    Some(lines.join("\n").trim().to_owned())
}

/// The first paragraph of a code's manual, in one line.
pub(crate) fn summary(code: &str) -> String {
    let manual = manual(code).unwrap_or_default();
    manual.lines().take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Every code.
pub(crate) fn all() -> impl Iterator<Item = &'static str> {
    let file = FileCode::ALL.iter().map(|code| code.as_str());
    let policy = PolicyCode::ALL.iter().map(|code| code.as_str());
    let own = OWN.iter().chain(&finding::MANUAL).map(|(code, _)| *code);
    file.chain(policy).chain(sallyport_egress::lint::codes()).chain(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_manual_and_no_two_are_the_same() {
        let mut seen = std::collections::BTreeSet::new();
        for code in all() {
            assert!(manual(code).is_some_and(|text| text.len() > 10), "{code}");
            assert!(!summary(code).contains('\n'), "{code}");
            assert!(seen.insert(code), "{code}");
        }
    }
}
