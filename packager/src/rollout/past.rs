//! Egress files as revisions of Git have them.

use std::path::Path;

use sallyport_egress::check;
use sallyport_egress::diagnostic::SourceFile;
use sallyport_egress::model::Egress;
use sallyport_egress::rollout::digest;
use sallyport_manifest::Locked;

use super::git;
use super::log::{self, Range};
use super::whole;
use crate::exit::Failure;
use crate::input::relative;
use crate::printable::{printable, quoted_path};

/// The Egress file of a gateway in a revision.
pub(super) struct Past {
    /// With its name of now.
    pub(super) file: SourceFile,
    /// Its name then, below the folder of the repository; `None`: the same.
    pub(super) elsewhere: Option<String>,
}

/// The Egress file of a gateway as a revision has it: at its path, or where it was before it was moved.
pub(super) fn egress_at(revision: &str, path: &Path, gateway: &str) -> Result<Option<Past>, Failure> {
    let name = printable(path);
    let is_of = |file: &SourceFile| egress_of(file).is_some_and(|egress| egress.route() == gateway);
    let here = git::show(revision, path)?.and_then(|bytes| String::from_utf8(bytes).ok());
    if let Some(file) = here.map(|text| SourceFile { name: name.clone(), text }).filter(is_of) {
        return Ok(Some(Past { file, elsewhere: None }));
    }
    let files = git::files_with(path, revision, "Egress")?.into_iter();
    let files = files.map(|(at, text)| (at, SourceFile { name: name.clone(), text }));
    let mut own = files.filter(|(_, file)| whole::is_egress_of(&file.text, gateway) && is_of(file));
    Ok(own.next().map(|(at, file)| Past { file, elsewhere: Some(at) }))
}

/// The Egress of a gateway in the bytes of its file.
pub(super) fn egress_in(path: &Path, bytes: &[u8], gateway: &str) -> Option<Egress> {
    let text = String::from_utf8(bytes.to_vec()).ok()?;
    egress_of(&SourceFile { name: printable(path), text }).filter(|egress| egress.route() == gateway)
}

/// A revision in which the Egress file of a gateway has rules of this digest: the last commit, or the newest one before.
pub(super) fn revision_with(path: &Path, rules: &str) -> Result<Option<String>, Failure> {
    let has_them = |bytes: Option<&[u8]>| bytes.and_then(|bytes| rules_in(path, bytes)).as_deref() == Some(rules);
    if has_them(git::show("HEAD", path)?.as_deref()) {
        return Ok(Some("HEAD".to_owned()));
    }
    log::find_in_history(path, Range::All, |commit, _, after| has_them(after).then(|| commit.to_owned()))
}

/// Whether the rules from before were back in a commit after this one, and the candidate's were not in force since.
pub(super) fn was_back_since(path: &Path, locked: &Locked, commit: &str) -> Result<bool, Failure> {
    let found = log::find_in_history(path, Range::After(commit), |_, _, after| {
        let rules = after.and_then(|bytes| rules_in(path, bytes))?;
        [&locked.policy, &locked.candidate].contains(&&rules).then(|| rules == locked.policy)
    })?;
    Ok(found.unwrap_or_default())
}

/// The Egress file with the rules that a candidate was for.
pub(super) struct Before {
    pub(super) revision: String,
    pub(super) past: Past,
    /// What followed, if that was before the candidate left the lock: its rules were written by hand, or the step was half done.
    pub(super) next: Option<String>,
}

/// The Egress file of a gateway as it was with these rules: in a revision, or the last time before it.
pub(super) fn with_rules(rules: &str, revision: &str, path: &Path, gateway: &str) -> Result<Option<Before>, Failure> {
    let Some(past) = egress_at(revision, path, gateway)? else { return Ok(None) };
    if rules_of(&past.file).as_deref() == Some(rules) {
        return Ok(Some(Before { revision: revision.to_owned(), past, next: None }));
    }
    let place = match &past.elsewhere {
        Some(elsewhere) => relative(&git::top(path)?.join(elsewhere)),
        None => path.to_owned(),
    };
    log::find_in_history(&place, Range::To(revision), |commit, before, after| {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        let has_them = |bytes: &&[u8]| rules_in(path, bytes).as_deref() == Some(rules);
        let (revision, own) = match (before.filter(has_them), after.filter(has_them)) {
            (_, Some(own)) => (commit.to_owned(), own),
            (Some(own), None) => (format!("{commit}^"), own),
            (None, None) => return None,
        };
        let file = SourceFile { name: past.file.name.clone(), text: text(own)? };
        let past = Past { file, elsewhere: past.elsewhere.clone() };
        Some(Before { revision, past, next: after.and_then(text) })
    })
}

/// The digest of the rules of an Egress file in a revision.
pub(super) fn rules_at(revision: &str, path: &Path) -> Result<Option<String>, Failure> {
    Ok(git::show(revision, path)?.and_then(|bytes| rules_in(path, &bytes)))
}

fn rules_in(path: &Path, bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8(bytes.to_vec()).ok()?;
    rules_of(&SourceFile { name: printable(path), text })
}

/// The digest of the rules of an Egress file.
pub(super) fn rules_of(file: &SourceFile) -> Option<String> {
    egress_of(file).map(|egress| digest(&egress.spec.authz.rules))
}

pub(super) fn egress_of(file: &SourceFile) -> Option<Egress> {
    check(std::slice::from_ref(file)).egresses.into_iter().next().map(|egress| egress.value)
}

/// How the rules from before get into an Egress file by hand.
pub(super) fn by_hand(path: &Path, rules: &str) -> String {
    let file = quoted_path(path);
    match revision_with(path, rules) {
        Ok(Some(revision)) => {
            format!("write the rules from before into it first: `git diff {revision} -- {file}` shows them")
        }
        _ => format!("write the rules from before into it first: those with the digest {rules}"),
    }
}
