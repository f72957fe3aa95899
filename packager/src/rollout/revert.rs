//! Back to the rules of the Egress file, from any stage; and after the candidate was settled, back to the rules before.

use std::fs;
use std::path::{Path, PathBuf};

use sallyport_egress::diagnostic::SourceFile;
use sallyport_egress::model::Egress;
use sallyport_egress::rollout::{Standing, digest, digest_beside_rules, splice};
use sallyport_egress::{check, decode};
use sallyport_manifest::{GatewayState, LockFile, Locked};

use super::git;
use super::lock;
use super::merge::merged;
use super::promote::{Promoted, Taken};
use super::state::{Gateway, State};
use super::write::Writer;
use crate::exit::{Exit, Failure};
use crate::printable::{printable, quoted_path};

/// What a gateway's rollback leads to, in words.
pub(super) const TO_THE_EGRESS: &str = "the rules of the Egress file";

/// What is taken back of one gateway.
struct Back {
    /// What the lock has of it, or had before the candidate was settled.
    locked: Locked,
    restored: Vec<Restored>,
    /// Files that an earlier rollback has restored, and that are not committed.
    left: Vec<PathBuf>,
}

/// A file that goes back to what it was.
struct Restored {
    path: PathBuf,
    old: Option<Vec<u8>>,
    new: String,
}

/// A candidate that the lock has no more.
struct Ended {
    /// The revision that still has it.
    before: String,
    /// The commit that took it out; `None`: that is not committed yet.
    after: Option<String>,
    locked: Locked,
}

/// Takes the candidates of these gateways back; without names, of every gateway that has one in the lock.
pub(crate) fn roll_back(state: &State, named: &[String], writer: &mut dyn Writer) -> Result<Promoted, Failure> {
    let named = state.named(named)?;
    let gateways = state.gateways();
    let is_meant = |gateway: &&Gateway<'_>| match named.is_empty() {
        true => state.lock.candidate(&gateway.name()).is_some(),
        false => named.contains(&gateway.name()),
    };
    let mut file = state.lock.clone();
    let (mut promoted, mut restored) = (Promoted::default(), Vec::new());
    for gateway in gateways.iter().filter(is_meant) {
        let name = gateway.name();
        let back = back(state, gateway)?
            .filter(|back| state.lock.candidate(&name).is_some() || !back.restored.is_empty() || !back.left.is_empty());
        let Some(Back { locked, restored: files, left }) = back else {
            promoted
                .notes
                .push(format!("{name} has no candidate in the lock, and none is settled: nothing to roll back"));
            continue;
        };
        if let Some(entry) = file.rollout.gateways.get_mut(&name) {
            entry.candidate = None;
        }
        let is_done = state.lock.candidate(&name).is_none() && files.is_empty();
        restored.extend(files);
        promoted.left.extend(left);
        if is_done {
            promoted.notes.push(format!("{name} was rolled back already, but that is not committed"));
        } else {
            let stays = gateway.candidate.map(|candidate| state.source(candidate.file).name);
            promoted.notes.extend(
                stays.map(|file| format!("{name}: `{file}` stays; the next `sallyport promote` begins with it again")),
            );
        }
        let from = match state.lock.candidate(&name) {
            Some(locked) => gateway.standing().unwrap_or(locked.standing).to_string(),
            None => "settled".to_owned(),
        };
        promoted.taken.push(Taken {
            gateway: name,
            from,
            to: TO_THE_EGRESS.to_owned(),
            policy: locked.policy,
            candidate: locked.candidate,
            ..Taken::default()
        });
    }
    for stray in state.strays().into_iter().filter(|stray| named.iter().any(|name| name == stray)) {
        let entry = file.rollout.gateways.remove(stray).and_then(|gateway| gateway.candidate);
        let from = entry.as_ref().map_or_else(|| "pinned".to_owned(), |locked| locked.standing.to_string());
        let (policy, candidate) = entry.map(|locked| (locked.policy, locked.candidate)).unwrap_or_default();
        let to = "no entry in the lock".to_owned();
        promoted.taken.push(Taken { gateway: stray.to_owned(), from, to, policy, candidate, ..Taken::default() });
    }
    if named.is_empty() && promoted.taken.is_empty() {
        promoted.notes.push("no gateway has a candidate in the lock: nothing to roll back".to_owned());
    }
    for Restored { path, old, new } in restored {
        writer.replace(&path, old.as_deref(), new.as_bytes())?;
        promoted.files.push(path);
    }
    if file != state.lock {
        lock::write(&state.lock_path, state.lock_bytes.as_deref(), file, writer)?;
        promoted.files.push(state.lock_path.clone());
    }
    Ok(promoted)
}

fn back(state: &State, gateway: &Gateway<'_>) -> Result<Option<Back>, Failure> {
    if let Some(locked) = state.lock.candidate(&gateway.name()) {
        let restored = match gateway.state {
            GatewayState::Settling(..) => {
                let path = PathBuf::from(state.source(gateway.egress.file).name);
                // What was half done may have been committed since.
                let mut revisions = std::iter::once("HEAD".to_owned()).chain(git::commits_of(&path));
                let before = revisions.find(|revision| rules_at(revision, &path).as_ref() == Some(&locked.policy));
                let before = before.unwrap_or_else(|| "HEAD".to_owned());
                before_settling(gateway, state, &Ended { before, after: None, locked: locked.clone() })?
            }
            _ => Vec::new(),
        };
        return Ok(Some(Back { locked: locked.clone(), restored, left: Vec::new() }));
    }
    let Some(ended) = ended(state, gateway).filter(|ended| ended.locked.standing == Standing::Enforce) else {
        return Ok(None);
    };
    let restored = before_settling(gateway, state, &ended)?;
    let left = if restored.is_empty() { restored_before(gateway, state, &ended.locked) } else { Vec::new() };
    Ok(Some(Back { locked: ended.locked, restored, left }))
}

/// How the lock lost the candidate of a gateway; `None`: it had none, or the candidate was rolled back.
fn ended(state: &State, gateway: &Gateway<'_>) -> Option<Ended> {
    let name = gateway.name();
    let lock_at = |revision: &str| {
        let bytes = git::show(revision, &state.lock_path)?;
        LockFile::parse(&String::from_utf8_lossy(&bytes)).ok()
    };
    let of = |revision: &str| lock_at(revision)?.candidate(&name).cloned();
    if let Some(locked) = of("HEAD") {
        return Some(Ended { before: "HEAD".to_owned(), after: None, locked });
    }
    let (commit, before, locked) = git::commits_of(&state.lock_path).into_iter().find_map(|commit| {
        let before = format!("{commit}^");
        let locked = of(&before)?;
        of(&commit).is_none().then_some((commit, before, locked))
    })?;
    let path = PathBuf::from(state.source(gateway.egress.file).name);
    let is_rolled_back = rules_at(&commit, &path).as_ref() == Some(&locked.policy);
    (!is_rolled_back).then_some(Ended { before, after: Some(commit), locked })
}

/// The digest of the rules of an Egress file in a revision.
fn rules_at(revision: &str, path: &Path) -> Option<String> {
    let text = String::from_utf8(git::show(revision, path)?).ok()?;
    rules_of(&SourceFile { name: printable(path), text })
}

fn rules_of(file: &SourceFile) -> Option<String> {
    egress_of(file).map(|egress| digest(&egress.spec.authz.rules))
}

fn egress_of(file: &SourceFile) -> Option<Egress> {
    check(std::slice::from_ref(file)).egresses.into_iter().next().map(|egress| egress.value)
}

/// The files that were restored before, if the last commit still has what was settled.
fn restored_before(gateway: &Gateway<'_>, state: &State, locked: &Locked) -> Vec<PathBuf> {
    let path = PathBuf::from(state.source(gateway.egress.file).name);
    let is_restored = digest(&gateway.egress.value.spec.authz.rules) == locked.policy;
    if !is_restored || rules_at("HEAD", &path).as_ref() != Some(&locked.candidate) {
        return Vec::new();
    }
    let candidate = gateway.candidate.map(|candidate| PathBuf::from(state.source(candidate.file).name));
    std::iter::once(path).chain(candidate).filter(|file| !git::is_committed(file)).collect()
}

/// The Egress file and the Candidate file as they were before. What has changed since beside them stays.
fn before_settling(gateway: &Gateway<'_>, state: &State, ended: &Ended) -> Result<Vec<Restored>, Failure> {
    let Ended { before, after, locked } = ended;
    let now = state.source(gateway.egress.file);
    let path = PathBuf::from(&now.name);
    let name = gateway.name();
    let refuse = |why: &'static str| {
        let message = format!("`{}` cannot go back by itself: {why}", printable(&path));
        Failure::new(Exit::Blocked, message).with_help(format!(
            "`git diff {before} -- {}` shows what has changed since: write the rules from before into it by hand",
            quoted_path(&path)
        ))
    };
    let old = git::show(before, &path).and_then(|bytes| String::from_utf8(bytes).ok());
    let Some(old) = old.map(|text| SourceFile { name: now.name.clone(), text }) else {
        return Err(refuse("Git does not have it as it was before"));
    };
    let files = git::removed(&path, before, after.as_deref());
    let own = |(file, text): (PathBuf, String)| {
        let source = decode(&printable(&file), text.as_bytes()).ok()?;
        let checked = check(&[old.clone(), source.clone()]);
        let is_own = checked.candidates.iter().any(|candidate| candidate.value.gateway() == name);
        is_own.then_some((file, source))
    };
    let candidate = files.into_iter().find_map(own);
    let still_there = gateway.candidate.map(|found| state.source(found.file));
    let Some(source) = candidate.as_ref().map(|(_, source)| source).or(still_there.as_ref()) else {
        return Err(refuse("Git does not have its Candidate file"));
    };
    let new = unsettled(&now, &old, source, locked).map_err(refuse)?;
    let mut restored = Vec::new();
    if new != now.text {
        restored.push(Restored { path, old: Some(now.text.into_bytes()), new });
    } else if after.is_some() && git::is_committed(&path) {
        // It went back before, and what became of the candidate since is not undone.
        return Ok(Vec::new());
    }
    if let Some((file, source)) = candidate {
        let there = fs::read(&file).ok();
        if there.as_deref() != Some(source.text.as_bytes()) {
            restored.push(Restored { path: file, old: there, new: source.text });
        }
    }
    Ok(restored)
}

/// The Egress file without what was settled; or why that cannot be said. `source`: its Candidate file.
fn unsettled(now: &SourceFile, old: &SourceFile, source: &SourceFile, locked: &Locked) -> Result<String, &'static str> {
    let is_before = rules_of(old).as_ref() == Some(&locked.policy);
    if now.text == old.text {
        let is_settled = rules_of(now).as_ref() == Some(&locked.candidate);
        return if is_before || !is_settled { Ok(old.text.clone()) } else { Err(OTHER_RULES) };
    }
    let settled = splice(old, source).ok().filter(|_| is_before).ok_or(OTHER_RULES)?;
    let merged = merged(&settled, &now.text, &old.text).map(|text| SourceFile { name: now.name.clone(), text });
    let is_meant = |merged: &SourceFile| {
        let [now, merged] = [now, merged].map(egress_of);
        let (Some(now), Some(merged)) = (now, merged) else { return false };
        let [rules, new] = [&now, &merged].map(|egress| digest(&egress.spec.authz.rules));
        digest_beside_rules(&now) == digest_beside_rules(&merged) && (rules != locked.candidate || new == locked.policy)
    };
    let merged = merged.filter(is_meant);
    merged.map(|merged| merged.text).ok_or("it has changed since its candidate was settled, in the same place")
}

const OTHER_RULES: &str = "in Git, it had other rules before";
