//! The stable codes of all that can be wrong, and the manual of each.
//!
//! `SP0xxx` are the files' (`sallyport-egress`), `SP1xxx` the policy's (`sallyport-core`), `SP3xxx` an image's
//! ([`crate::oci`]), `SP9xxx` this program's own.

use sallyport_core::Code as PolicyCode;
use sallyport_egress::Code as FileCode;

use crate::oci::finding;

/// A file or directory cannot be read.
pub(crate) const UNREADABLE: &str = "SP9001";
/// A directory holds no file for Sallyport.
pub(crate) const NOTHING_FOUND: &str = "SP9002";
/// A file has more problems than are reported.
pub(crate) const MORE: &str = "SP9003";

/// The manual of this program's own codes.
const OWN: [(&str, &str); 3] = [
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
         ones left out; taken are those with `apiVersion: sallyport.dev/...`. A check that checks\n\
         nothing is most likely a wrong path, so the exit code is 3.",
    ),
    (
        MORE,
        "A file has more problems than are reported.\n\n\
         The first thousand of a file are. The severity is that of the worst of the others.",
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
    file.chain(policy).chain(OWN.iter().chain(&finding::MANUAL).map(|(code, _)| *code))
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
