//! Back to the rules of the Egress file, from any stage; and after the candidate was settled, back to the rules before.

use std::fs;
use std::path::{Path, PathBuf};

use sallyport_egress::check;
use sallyport_egress::diagnostic::SourceFile;
use sallyport_egress::model::Egress;
use sallyport_egress::rollout::{Standing, digest, digest_beside_rules, splice};
use sallyport_manifest::{GatewayState, LockFile, Locked};

use super::committed::own_candidate;
use super::git;
use super::lock;
use super::merge::merged;
use super::pending::{Committed, Pending, PendingKind, committed, pending_since};
use super::promote::{Promoted, Taken};
use super::state::{Gateway, State};
use super::write::Writer;
use crate::exit::{Exit, Failure};
use crate::printable::{printable, quoted_path};

/// What a gateway's rollback leads to, in words.
pub(super) const TO_THE_EGRESS: &str = "the rules of the Egress file";
/// The same after the candidate was settled: the Egress file itself goes back.
pub(super) const TO_BEFORE: &str = "the rules from before";

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

/// Takes the candidates of these gateways back; without names, of every gateway that has one in the lock. A step that is not
/// committed is undone instead.
pub(crate) fn roll_back(state: &State, named: &[String], writer: &mut dyn Writer) -> Result<Promoted, Failure> {
    let named = state.named(named)?;
    let committed = committed(state);
    let pending = match &committed {
        Ok(Some(committed)) => pending_since(state, &committed.lock),
        _ => Vec::new(),
    };
    let to_undo = |name: &str| {
        let is_step = |one: &&Pending| matches!(one.kind, PendingKind::Step | PendingKind::Settled);
        pending.iter().filter(is_step).find(|one| one.gateway == name)
    };
    let gateways = state.gateways();
    let is_meant = |gateway: &&Gateway<'_>| match named.is_empty() {
        true => state.lock.candidate(&gateway.name()).is_some() || to_undo(&gateway.name()).is_some(),
        false => named.contains(&gateway.name()),
    };
    let mut file = state.lock.clone();
    let (mut promoted, mut restored, mut unknown) = (Promoted::default(), Vec::new(), None);
    for gateway in gateways.iter().filter(is_meant) {
        let name = gateway.name();
        if let Some(step) = to_undo(&name) {
            restored.extend(undo(state, gateway, step, &mut file, &mut promoted)?);
            continue;
        }
        let is_in_lock = state.lock.candidate(&name).is_some();
        match &committed {
            Err(failure) if is_in_lock => promoted.notes.push(format!(
                "{}; so a step of {name} that was not committed is taken back with those before",
                failure.message
            )),
            // What was settled is known by Git alone.
            Err(failure) => {
                unknown = Some(failure.clone());
                continue;
            }
            Ok(None) if !is_in_lock => {
                unknown = Some(without_repository(state, &name));
                continue;
            }
            Ok(_) => {}
        }
        let back =
            back(state, gateway)?.filter(|back| is_in_lock || !back.restored.is_empty() || !back.left.is_empty());
        let Some(back) = back else {
            let is_back = pending.iter().any(|one| one.gateway == name && one.kind == PendingKind::Back);
            promoted.notes.push(match is_back {
                true => format!("{name} was rolled back already, but that is not committed"),
                false => format!("{name} has no candidate in the lock, and none is settled: nothing to roll back"),
            });
            continue;
        };
        if let Some(entry) = file.rollout.gateways.get_mut(&name) {
            entry.candidate = None;
        }
        restored.extend(take_back(state, gateway, back, &mut promoted));
    }
    for stray in state.strays().into_iter().filter(|stray| named.iter().any(|name| name == stray)) {
        let entry = file.rollout.gateways.remove(stray).and_then(|gateway| gateway.candidate);
        let from = entry.as_ref().map_or_else(|| "pinned".to_owned(), |locked| locked.standing.to_string());
        let (policy, candidate) = entry.map(|locked| (locked.policy, locked.candidate)).unwrap_or_default();
        let to = "no entry in the lock".to_owned();
        promoted.taken.push(Taken { gateway: stray.to_owned(), from, to, policy, candidate, ..Taken::default() });
    }
    match unknown {
        Some(failure) if promoted.taken.is_empty() => return Err(failure),
        Some(failure) => promoted.notes.push(failure.message),
        None if named.is_empty() && promoted.taken.is_empty() => {
            promoted.notes.push("no gateway has a candidate in the lock: nothing to roll back; to go back behind the last step, name the gateway: `sallyport \
                 rollback NAMESPACE/NAME`"
                    .to_owned());
        }
        None => {}
    }
    for Restored { path, old, new } in restored {
        writer.replace(&path, old.as_deref(), new.as_bytes())?;
        promoted.files.push(path);
    }
    if file != state.lock {
        match committed.ok().flatten() {
            // To the last byte.
            Some(Committed { bytes: Some(bytes), lock }) if lock == file => {
                writer.replace(&state.lock_path, state.lock_bytes.as_deref(), &bytes)?;
            }
            _ => lock::write(&state.lock_path, state.lock_bytes.as_deref(), file, writer)?,
        }
        promoted.files.push(state.lock_path.clone());
    }
    Ok(promoted)
}

fn without_repository(state: &State, name: &str) -> Failure {
    let message = format!(
        "`{name}` has no candidate in the lock, and what there was before is known by Git alone, but `{}` is in no repository, or \
         ignored there",
        printable(&state.lock_path)
    );
    Failure::new(Exit::Blocked, message).with_help("write the rules from before into the Egress file by hand")
}

/// Undoes a step that is not committed: all is as the last commit has it.
fn undo(
    state: &State,
    gateway: &Gateway<'_>,
    step: &Pending,
    file: &mut LockFile,
    promoted: &mut Promoted,
) -> Result<Vec<Restored>, Failure> {
    let name = gateway.name();
    let before = step.before.candidate.clone();
    let mut restored = Vec::new();
    if let (PendingKind::Settled, Some(locked)) = (step.kind, before.clone()) {
        restored = before_settling(gateway, state, &Ended { before: "HEAD".to_owned(), after: None, locked })?;
        // The Egress file comes last: without its candidate's rules, nothing says that they were settled.
        restored.reverse();
    }
    let words = |locked: Option<&Locked>, none: &str| {
        locked.map_or_else(|| none.to_owned(), |locked| locked.standing.to_string())
    };
    let to = words(before.as_ref(), "proposed");
    let more = match before {
        Some(_) => format!("; `sallyport rollback {name}` once more goes back to {TO_THE_EGRESS}"),
        None => String::new(),
    };
    promoted.notes.push(format!(
        "{name}: the step was not committed, so it is undone: it is at `{to}`, as in the last commit{more}"
    ));
    let digests = before.as_ref().or(step.now.candidate.as_ref());
    promoted.taken.push(Taken {
        from: words(step.now.candidate.as_ref(), "settled"),
        to,
        policy: digests.map(|locked| locked.policy.clone()).unwrap_or_default(),
        candidate: digests.map(|locked| locked.candidate.clone()).unwrap_or_default(),
        is_undone: true,
        gateway: name.clone(),
        ..Taken::default()
    });
    file.rollout.gateways.entry(name.clone()).or_default().candidate = before;
    // What has neither a candidate nor a filter is not in a lock.
    file.rollout.gateways.retain(|_, entry| entry.candidate.is_some() || entry.filter.is_some());
    Ok(restored)
}

/// What is written and said of one gateway.
fn take_back(state: &State, gateway: &Gateway<'_>, back: Back, promoted: &mut Promoted) -> Vec<Restored> {
    let name = gateway.name();
    let Back { locked, restored, left } = back;
    promoted.left.extend(left);
    if state.lock.candidate(&name).is_none() && restored.is_empty() {
        promoted.notes.push(format!("{name} was rolled back already, but that is not committed"));
    } else {
        let stays = gateway.candidate.map(|candidate| state.source(candidate.file).name);
        promoted.notes.extend(
            stays.map(|file| format!("{name}: `{file}` stays; the next `sallyport promote` begins with it again")),
        );
    }
    let egress = PathBuf::from(state.source(gateway.egress.file).name);
    let is_back = |restored: &&Restored| restored.path != egress;
    promoted.notes.extend(restored.iter().find(is_back).map(|candidate| {
        let file = printable(&candidate.path);
        format!("{name}: the Candidate file `{file}` is back; the next `sallyport promote` begins with it in shadow")
    }));
    let (from, to) = match state.lock.candidate(&name) {
        Some(locked) => (locked.standing.to_string(), TO_THE_EGRESS),
        None => ("settled".to_owned(), TO_BEFORE),
    };
    promoted.taken.push(Taken {
        gateway: name,
        from,
        to: to.to_owned(),
        policy: locked.policy,
        candidate: locked.candidate,
        ..Taken::default()
    });
    restored
}

fn back(state: &State, gateway: &Gateway<'_>) -> Result<Option<Back>, Failure> {
    if let Some(locked) = state.lock.candidate(&gateway.name()) {
        let restored = match gateway.state {
            GatewayState::Settling(..) => {
                let path = PathBuf::from(state.source(gateway.egress.file).name);
                // What was half done may have been committed since.
                let mut before = "HEAD".to_owned();
                if rules_at("HEAD", &path)?.as_ref() != Some(&locked.policy) {
                    let has_them = |commit: &str, _: Option<&[u8]>, after: Option<&[u8]>| {
                        (after.and_then(|bytes| rules_in(&path, bytes)).as_ref() == Some(&locked.policy))
                            .then(|| commit.to_owned())
                    };
                    before = git::find_in_history(&path, has_them)?.unwrap_or(before);
                }
                before_settling(gateway, state, &Ended { before, after: None, locked: locked.clone() })?
            }
            _ => Vec::new(),
        };
        return Ok(Some(Back { locked: locked.clone(), restored, left: Vec::new() }));
    }
    let Some(ended) = ended(state, gateway)?.filter(|ended| ended.locked.standing == Standing::Enforce) else {
        return Ok(None);
    };
    let restored = before_settling(gateway, state, &ended)?;
    let left = if restored.is_empty() { restored_before(gateway, state, &ended.locked)? } else { Vec::new() };
    Ok(Some(Back { locked: ended.locked, restored, left }))
}

/// How the lock lost the candidate of a gateway; `None`: it had none, or the candidate was rolled back.
fn ended(state: &State, gateway: &Gateway<'_>) -> Result<Option<Ended>, Failure> {
    let name = gateway.name();
    let of = |lock: Option<&[u8]>| {
        let lock = LockFile::parse(&String::from_utf8_lossy(lock?)).ok()?;
        lock.candidate(&name).cloned()
    };
    if of(git::show("HEAD", &state.lock_path)?.as_deref()).is_some() {
        // It is rolled back, but that is not committed.
        return Ok(None);
    }
    let found = git::find_in_history(&state.lock_path, |commit, before, after| {
        let locked = of(before)?;
        of(after).is_none().then(|| (commit.to_owned(), locked))
    })?;
    let Some((commit, locked)) = found else {
        if git::is_shallow(&state.lock_path)? {
            let message = format!(
                "`{name}` has no candidate in the lock, and whether one is settled is not known: the history of this clone is shallow, \
                 and ends before it"
            );
            return Err(Failure::new(Exit::Blocked, message)
                .with_help("`git fetch --unshallow` gets the rest; then run the same command again"));
        }
        return Ok(None);
    };
    let path = PathBuf::from(state.source(gateway.egress.file).name);
    let is_rolled_back = rules_at(&commit, &path)?.as_ref() == Some(&locked.policy);
    Ok((!is_rolled_back).then(|| Ended { before: format!("{commit}^"), after: Some(commit), locked }))
}

/// The digest of the rules of an Egress file in a revision.
fn rules_at(revision: &str, path: &Path) -> Result<Option<String>, Failure> {
    Ok(git::show(revision, path)?.and_then(|bytes| rules_in(path, &bytes)))
}

fn rules_in(path: &Path, bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8(bytes.to_vec()).ok()?;
    rules_of(&SourceFile { name: printable(path), text })
}

fn rules_of(file: &SourceFile) -> Option<String> {
    egress_of(file).map(|egress| digest(&egress.spec.authz.rules))
}

fn egress_of(file: &SourceFile) -> Option<Egress> {
    check(std::slice::from_ref(file)).egresses.into_iter().next().map(|egress| egress.value)
}

/// The files that were restored before, if the last commit still has what was settled.
fn restored_before(gateway: &Gateway<'_>, state: &State, locked: &Locked) -> Result<Vec<PathBuf>, Failure> {
    let path = PathBuf::from(state.source(gateway.egress.file).name);
    let is_restored = digest(&gateway.egress.value.spec.authz.rules) == locked.policy;
    if !is_restored || rules_at("HEAD", &path)?.as_ref() != Some(&locked.candidate) {
        return Ok(Vec::new());
    }
    let candidate = gateway.candidate.map(|candidate| PathBuf::from(state.source(candidate.file).name));
    git::not_as_committed(std::iter::once(path).chain(candidate))
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
    let old = git::show(before, &path)?.and_then(|bytes| String::from_utf8(bytes).ok());
    let Some(old) = old.map(|text| SourceFile { name: now.name.clone(), text }) else {
        return Err(refuse("Git does not have it as it was before"));
    };
    let files = git::removed(&path, before, after.as_deref())?;
    let own = |(file, text): (PathBuf, String)| own_candidate(&file, &text, &old, &name).map(|source| (file, source));
    let candidate = files.into_iter().find_map(own);
    // Also one that the lock knows nothing of yet.
    let still_there = state.checked.candidates.iter().find(|candidate| candidate.value.gateway() == name);
    let still_there = still_there.map(|found| state.source(found.file));
    let Some(source) = candidate.as_ref().map(|(_, source)| source).or(still_there.as_ref()) else {
        return Err(refuse("Git does not have its Candidate file"));
    };
    let new = unsettled(&now, &old, source, locked).map_err(refuse)?;
    let mut restored = Vec::new();
    if new != now.text {
        restored.push(Restored { path, old: Some(now.text.into_bytes()), new });
    } else if after.is_some() && git::is_committed(&path)? {
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
