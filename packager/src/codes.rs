//! The stable codes of all that can be wrong, and the manual of each.
//!
//! `SP0xxx` are the files' (`sallyport-egress`), `SP1xxx` the policy's (`sallyport-core`), `SP9xxx` this program's own.

use sallyport_core::policy::error::Code;

/// A file or directory cannot be read.
pub(crate) const UNREADABLE: &str = "SP9001";
/// A directory holds no file for Sallyport.
pub(crate) const NOTHING_FOUND: &str = "SP9002";

/// The manual of this program's own codes.
const OWN: [(&str, &str); 2] = [
    (
        UNREADABLE,
        "A file or directory cannot be read.\n\nIt does not exist, may not be read by this user, or is larger than any \
         Egress file can be. The other files are checked all the same, and the exit code is 3.",
    ),
    (
        NOTHING_FOUND,
        "A directory holds no file for Sallyport.\n\nLooked at are the files `*.yaml` and `*.yml` in it and in all \
         directories below it, hidden ones left out; taken are those with `apiVersion: sallyport.dev/...`. A check that \
         checks nothing is most likely a wrong path, so the exit code is 3.",
    ),
];

/// The manual of a code: one sentence, and where there is more to say, paragraphs after it.
pub(crate) fn manual(code: &str) -> Option<&'static str> {
    let own = OWN
        .iter()
        .find(|(own, _)| *own == code)
        .map(|(_, text)| *text);
    let policy = || {
        Code::ALL
            .iter()
            .find(|known| known.as_str() == code)
            .map(|known| known.summary())
    };
    own.or_else(policy).map(str::trim)
}

/// The first sentence of a code's manual.
pub(crate) fn summary(code: &str) -> &'static str {
    let text = manual(code).unwrap_or("");
    text.split("\n\n").next().unwrap_or(text)
}

/// Every code.
pub(crate) fn all() -> impl Iterator<Item = &'static str> {
    Code::ALL
        .iter()
        .map(|code| code.as_str())
        .chain(OWN.iter().map(|(code, _)| *code))
}
