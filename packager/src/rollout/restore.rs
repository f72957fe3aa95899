//! The Egress file and the Candidate file as they were before a candidate was settled.

use std::fs;
use std::path::{Path, PathBuf};

use sallyport_egress::diagnostic::SourceFile;
use sallyport_egress::rollout::{digest, digest_beside_rules, splice};
use sallyport_manifest::Locked;

use super::committed::own_candidate;
use super::git;
use super::history::Ended;
use super::merge::merged;
use super::past::{Before, Past, by_hand, egress_at, egress_of, rules_at, rules_of, was_back_since, with_rules};
use super::state::{Gateway, State};
use super::stored;
use super::write::Writer;
use crate::exit::{Exit, Failure};
use crate::printable::{printable, quoted_path};

/// A file that goes back to what it was.
pub(super) struct Restored {
    pub(super) path: PathBuf,
    pub(super) old: Option<Vec<u8>>,
    pub(super) new: String,
    /// What it leads to, if it was a link.
    pub(super) link: Option<PathBuf>,
}

impl Restored {
    /// Writes it; returns its path.
    pub(super) fn write(self, writer: &mut dyn Writer) -> Result<PathBuf, Failure> {
        let Self { path, old, new, link } = self;
        match link {
            Some(target) => writer.link(&path, &target)?,
            None => writer.replace(&path, old.as_deref(), new.as_bytes())?,
        }
        Ok(path)
    }
}

/// A Candidate file that is not there any more.
struct Gone {
    path: PathBuf,
    source: SourceFile,
    link: Option<PathBuf>,
}

/// The files that were restored before, if the last commit still has what was settled. A Candidate file that was written since is not
/// one of them.
pub(super) fn restored_before(gateway: &Gateway<'_>, state: &State, ended: &Ended) -> Result<Vec<PathBuf>, Failure> {
    let Ended { before, after, locked } = ended;
    let path = PathBuf::from(state.source(gateway.egress.file).name);
    let is_restored = digest(&gateway.egress.value.spec.authz.rules) == locked.policy;
    if !is_restored || rules_at("HEAD", &path)?.as_ref() == Some(&locked.policy) {
        return Ok(Vec::new());
    }
    let mut removed = git::removed(&path, before, after.as_deref())?;
    if let Some(Before { revision, .. }) = with_rules(&locked.policy, before, &path, &gateway.name())? {
        removed.extend(git::removed(&path, &revision, after.as_deref())?);
    }
    let candidate = gateway.candidate.map(|candidate| state.source(candidate.file));
    let candidate = candidate.filter(|candidate| removed.iter().any(|(_, text)| *text == candidate.text));
    stored::not_as_committed(std::iter::once(path).chain(candidate.map(|candidate| PathBuf::from(candidate.name))))
}

/// The Egress file and the Candidate file as they were before. What has changed since beside them stays.
pub(super) fn before_settling(gateway: &Gateway<'_>, state: &State, ended: &Ended) -> Result<Vec<Restored>, Failure> {
    let Ended { before, after, locked } = ended;
    let now = state.source(gateway.egress.file);
    let path = PathBuf::from(&now.name);
    let name = gateway.name();
    let cannot =
        |why: &str| Failure::new(Exit::Blocked, format!("`{}` cannot go back by itself: {why}", printable(&path)));
    let Some(Before { revision, past, next }) = with_rules(&locked.policy, before, &path, &name)? else {
        return Err(cannot("Git does not have it with the rules from before").with_help(by_hand(&path, &locked.policy)));
    };
    let Past { file: old, elsewhere } = &past;
    let refuse = |why: &'static str| {
        let shows = match elsewhere {
            Some(elsewhere) => format!("`git show {revision}:{elsewhere}` shows what it was"),
            None => format!("`git diff {revision} -- {}` shows what has changed since", quoted_path(&path)),
        };
        cannot(why).with_help(format!("{shows}: write the rules from before into it by hand"))
    };
    let mut candidate = removed_candidate(&path, before, after.as_deref(), old, &name)?;
    if candidate.is_none() && revision != *before {
        candidate = removed_candidate(&path, &revision, after.as_deref(), old, &name)?;
    }
    // Also one that the lock knows nothing of yet.
    let still_there = state.checked.candidates.iter().find(|candidate| candidate.value.gateway() == name);
    let still_there = still_there.map(|found| state.source(found.file));
    let Some(source) = candidate.as_ref().map(|gone| &gone.source).or(still_there.as_ref()) else {
        return Err(refuse("Git does not have its Candidate file"));
    };
    let settled = after.as_ref().map(|after| egress_at(after, &path, &name)).transpose()?.flatten();
    let settled = settled.map(|past| past.file.text).into_iter().chain(next);
    let new = match unsettled(&now, old, source, settled, locked) {
        Ok(new) => new,
        // Then it went back, and other rules followed.
        Err(_) if is_back_since(&path, &now, ended)? => return Ok(Vec::new()),
        Err(why) => return Err(refuse(why)),
    };
    let mut restored = Vec::new();
    let is_back = new == now.text;
    if !is_back {
        restored.push(Restored { path: path.clone(), old: Some(now.text.into_bytes()), new, link: None });
    } else if after.is_some() && stored::is_committed(&path)? {
        // It went back before, and what became of the candidate since is not undone.
        return Ok(Vec::new());
    }
    if let Some(Gone { path: file, source, link }) = candidate {
        // It goes with the Egress file that was moved; a link would lead elsewhere then.
        let (file, link) = match (elsewhere, file.file_name()) {
            (Some(_), Some(name)) => (path.with_file_name(name), None),
            _ => (file, link),
        };
        let there = fs::read(&file).ok();
        let is_other = there.as_ref().is_some_and(|bytes| bytes != source.text.as_bytes());
        let other = still_there.filter(|there| there.text != source.text).map(|there| PathBuf::from(there.name));
        match other.or_else(|| is_other.then(|| file.clone())) {
            // One that was written since it went back stays.
            Some(_) if is_back => {}
            Some(other) => return Err(refuse_other_candidate(&path, &other)),
            None if there.is_none() => restored.push(Restored { path: file, old: None, new: source.text, link }),
            None => {}
        }
    }
    Ok(restored)
}

/// What was written since is not overwritten.
fn refuse_other_candidate(path: &Path, other: &Path) -> Failure {
    let message = format!(
        "`{}` cannot go back by itself: its Candidate file would come back, too, and `{}` is another one",
        printable(path),
        printable(other)
    );
    Failure::new(Exit::Blocked, message).with_help(format!(
        "move `{}` away, and run the same command again: `promote` begins with it once it is back in place of the other one",
        printable(other)
    ))
}

/// The Candidate file of a gateway that is in one revision and not in another (`None`: on disk).
fn removed_candidate(
    path: &Path,
    before: &str,
    after: Option<&str>,
    egress: &SourceFile,
    gateway: &str,
) -> Result<Option<Gone>, Failure> {
    for (path, text) in git::removed(path, before, after)? {
        if let Some(source) = own_candidate(&path, &text, egress, gateway) {
            let link = git::link_at(before, &path)?;
            return Ok(Some(Gone { path, source, link }));
        }
    }
    Ok(None)
}

/// The files of a last step that is not committed, as the last commit has them. What has changed beside the rules stays.
pub(super) fn as_committed(gateway: &Gateway<'_>, state: &State, locked: Locked) -> Result<Vec<Restored>, Failure> {
    let egress = state.source(gateway.egress.file);
    let path = PathBuf::from(&egress.name);
    if rules_at("HEAD", &path)? != rules_of(&egress) {
        return before_settling(gateway, state, &Ended { before: "HEAD".to_owned(), after: None, locked });
    }
    // The rules were written by hand before, and committed.
    let removed = removed_candidate(&path, "HEAD", None, &egress, &gateway.name())?;
    let restored = |Gone { path, source, link }| Restored { path, old: None, new: source.text, link };
    Ok(removed.map(restored).into_iter().collect())
}

/// Whether Git shows that it went back before, and that what is in force now came after that.
fn is_back_since(path: &Path, now: &SourceFile, ended: &Ended) -> Result<bool, Failure> {
    let is_settled = rules_of(now).as_ref() == Some(&ended.locked.candidate);
    match &ended.after {
        Some(after) if !is_settled => Ok(stored::is_committed(path)? && was_back_since(path, &ended.locked, after)?),
        _ => Ok(false),
    }
}

/// The Egress file without what was settled; or why that cannot be said. `source`: its Candidate file; `settled`: the Egress file in
/// the commit that settled it.
fn unsettled(
    now: &SourceFile,
    old: &SourceFile,
    source: &SourceFile,
    settled: impl Iterator<Item = String>,
    locked: &Locked,
) -> Result<String, &'static str> {
    if rules_of(now).as_ref() == Some(&locked.policy) {
        // They are back already, and what has changed beside them stays.
        return Ok(now.text.clone());
    }
    let is_meant = |merged: &SourceFile| {
        let [now, merged] = [now, merged].map(egress_of);
        let (Some(now), Some(merged)) = (now, merged) else { return false };
        let [rules, new] = [&now, &merged].map(|egress| digest(&egress.spec.authz.rules));
        digest_beside_rules(&now) == digest_beside_rules(&merged) && (rules != locked.candidate || new == locked.policy)
    };
    // Rules that were written by hand may look otherwise.
    let mut merged = splice(old, source).ok().into_iter().chain(settled).filter_map(|settled| {
        let text = merged(&settled, &now.text, &old.text)?;
        Some(SourceFile { name: now.name.clone(), text }).filter(is_meant)
    });
    merged.next().map(|merged| merged.text).ok_or("it has changed since its candidate was settled, in the same place")
}
