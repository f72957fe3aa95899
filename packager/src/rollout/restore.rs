//! The Egress file and the Candidate file as they were before a candidate was settled.

use std::fs;
use std::path::{Path, PathBuf};

use sallyport_egress::diagnostic::SourceFile;
use sallyport_egress::rollout::{digest, digest_beside_rules, splice};
use sallyport_manifest::Locked;

use super::committed::own_candidate;
use super::git;
use super::history::{Ended, Past, egress_at, egress_of, had_since, rules_at, rules_of};
use super::merge::merged;
use super::state::{Gateway, State};
use crate::exit::{Exit, Failure};
use crate::printable::{printable, quoted_path};

/// A file that goes back to what it was.
pub(super) struct Restored {
    pub(super) path: PathBuf,
    pub(super) old: Option<Vec<u8>>,
    pub(super) new: String,
}

/// The files that were restored before, if the last commit still has what was settled. A Candidate file that was written since is not
/// one of them.
pub(super) fn restored_before(gateway: &Gateway<'_>, state: &State, ended: &Ended) -> Result<Vec<PathBuf>, Failure> {
    let Ended { before, after, locked } = ended;
    let path = PathBuf::from(state.source(gateway.egress.file).name);
    let is_restored = digest(&gateway.egress.value.spec.authz.rules) == locked.policy;
    if !is_restored || rules_at("HEAD", &path)?.as_ref() != Some(&locked.candidate) {
        return Ok(Vec::new());
    }
    let removed = git::removed(&path, before, after.as_deref())?;
    let candidate = gateway.candidate.map(|candidate| state.source(candidate.file));
    let candidate = candidate.filter(|candidate| removed.iter().any(|(_, text)| *text == candidate.text));
    git::not_as_committed(std::iter::once(path).chain(candidate.map(|candidate| PathBuf::from(candidate.name))))
}

/// The Egress file and the Candidate file as they were before. What has changed since beside them stays.
pub(super) fn before_settling(gateway: &Gateway<'_>, state: &State, ended: &Ended) -> Result<Vec<Restored>, Failure> {
    let Ended { before, after, locked } = ended;
    let now = state.source(gateway.egress.file);
    let path = PathBuf::from(&now.name);
    let name = gateway.name();
    let past = egress_at(before, &path, &name)?;
    let refuse = |why: &'static str| {
        let shows = match past.as_ref().and_then(|past| past.elsewhere.as_ref()) {
            Some(elsewhere) => format!("`git show {before}:{elsewhere}` shows what it was"),
            None => format!("`git diff {before} -- {}` shows what has changed since", quoted_path(&path)),
        };
        let message = format!("`{}` cannot go back by itself: {why}", printable(&path));
        Failure::new(Exit::Blocked, message).with_help(format!("{shows}: write the rules from before into it by hand"))
    };
    let Some(Past { file: old, elsewhere }) = &past else {
        return Err(refuse("Git does not have it as it was before"));
    };
    let files = git::removed(&path, before, after.as_deref())?;
    let own = |(file, text): (PathBuf, String)| own_candidate(&file, &text, old, &name).map(|source| (file, source));
    let candidate = files.into_iter().find_map(own);
    // Also one that the lock knows nothing of yet.
    let still_there = state.checked.candidates.iter().find(|candidate| candidate.value.gateway() == name);
    let still_there = still_there.map(|found| state.source(found.file));
    let Some(source) = candidate.as_ref().map(|(_, source)| source).or(still_there.as_ref()) else {
        return Err(refuse("Git does not have its Candidate file"));
    };
    let settled = after.as_ref().map(|after| egress_at(after, &path, &name)).transpose()?.flatten();
    let new = match unsettled(&now, old, source, settled.map(|past| past.file.text), locked) {
        Ok(new) => new,
        // Then it went back, and other rules followed.
        Err(_) if is_back_since(&path, ended)? => return Ok(Vec::new()),
        Err(why) => return Err(refuse(why)),
    };
    let mut restored = Vec::new();
    let is_back = new == now.text;
    if !is_back {
        restored.push(Restored { path: path.clone(), old: Some(now.text.into_bytes()), new });
    } else if after.is_some() && git::is_committed(&path)? {
        // It went back before, and what became of the candidate since is not undone.
        return Ok(Vec::new());
    }
    if let Some((file, source)) = candidate {
        // It goes with the Egress file that was moved.
        let file = match (elsewhere, file.file_name()) {
            (Some(_), Some(name)) => path.with_file_name(name),
            _ => file,
        };
        let there = fs::read(&file).ok();
        let is_other = there.as_ref().is_some_and(|bytes| bytes != source.text.as_bytes());
        let other = still_there.filter(|there| there.text != source.text).map(|there| PathBuf::from(there.name));
        match other.or_else(|| is_other.then(|| file.clone())) {
            // One that was written since it went back stays.
            Some(_) if is_back => {}
            Some(other) => return Err(refuse_other_candidate(&path, &other)),
            None if there.is_none() => restored.push(Restored { path: file, old: None, new: source.text }),
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

fn is_back_since(path: &Path, ended: &Ended) -> Result<bool, Failure> {
    match &ended.after {
        Some(after) => Ok(git::is_committed(path)? && had_since(path, &ended.locked.policy, after)?),
        None => Ok(false),
    }
}

/// The Egress file without what was settled; or why that cannot be said. `source`: its Candidate file; `settled`: the Egress file in
/// the commit that settled it.
fn unsettled(
    now: &SourceFile,
    old: &SourceFile,
    source: &SourceFile,
    settled: Option<String>,
    locked: &Locked,
) -> Result<String, &'static str> {
    let is_before = rules_of(old).as_ref() == Some(&locked.policy);
    if now.text != old.text && rules_of(now).as_ref() == Some(&locked.policy) {
        // They are back already, and what has changed beside them stays.
        return Ok(now.text.clone());
    }
    if now.text == old.text {
        let is_settled = rules_of(now).as_ref() == Some(&locked.candidate);
        return if is_before || !is_settled { Ok(old.text.clone()) } else { Err(OTHER_RULES) };
    }
    let spliced = splice(old, source).ok().filter(|_| is_before).ok_or(OTHER_RULES)?;
    let is_meant = |merged: &SourceFile| {
        let [now, merged] = [now, merged].map(egress_of);
        let (Some(now), Some(merged)) = (now, merged) else { return false };
        let [rules, new] = [&now, &merged].map(|egress| digest(&egress.spec.authz.rules));
        digest_beside_rules(&now) == digest_beside_rules(&merged) && (rules != locked.candidate || new == locked.policy)
    };
    // Rules that were written by hand may look otherwise.
    let mut merged = std::iter::once(spliced).chain(settled).filter_map(|settled| {
        let text = merged(&settled, &now.text, &old.text)?;
        Some(SourceFile { name: now.name.clone(), text }).filter(is_meant)
    });
    merged.next().map(|merged| merged.text).ok_or("it has changed since its candidate was settled, in the same place")
}

const OTHER_RULES: &str = "in Git, it had other rules before";
