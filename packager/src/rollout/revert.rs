//! Back to the rules of the Egress file, from any stage; and after the candidate was settled, back to the rules before.

use std::fs;
use std::path::PathBuf;

use sallyport_egress::diagnostic::SourceFile;
use sallyport_egress::rollout::{digest, splice};
use sallyport_egress::{check, decode};
use sallyport_manifest::{GatewayState, LockFile, Locked};

use super::git;
use super::lock;
use super::promote::{Promoted, Taken};
use super::state::{Gateway, State};
use super::write::Writer;
use crate::exit::{Exit, Failure};
use crate::printable::printable;

/// A file that goes back to what it was.
struct Restored {
    path: PathBuf,
    old: Option<Vec<u8>>,
    new: String,
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
        let locked = match state.lock.candidate(&name) {
            Some(locked) => {
                if let GatewayState::Settling(..) = gateway.state {
                    restored.extend(before_settling(gateway, state, "HEAD", None, locked)?);
                }
                locked.clone()
            }
            None => match settled_at(state, &name) {
                Some((before, after, locked)) => {
                    restored.extend(before_settling(gateway, state, &before, after.as_deref(), &locked)?);
                    locked
                }
                None => {
                    promoted.notes.push(format!(
                        "{name} has no candidate in the lock, and none was settled: nothing to roll back"
                    ));
                    continue;
                }
            },
        };
        if let Some(entry) = file.rollout.gateways.get_mut(&name) {
            entry.candidate = None;
        }
        let stays = gateway.candidate.map(|candidate| state.source(candidate.file).name);
        promoted.notes.extend(
            stays.map(|file| format!("{name}: `{file}` stays; the next `sallyport promote` begins with it again")),
        );
        let from = gateway.standing().map_or_else(|| "settled".to_owned(), |standing| standing.to_string());
        promoted.taken.push(Taken {
            gateway: name,
            from,
            to: "the rules of the Egress file".to_owned(),
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

/// The revisions before and after the candidate was settled (`None`: that is not committed yet), and what the lock had of it.
fn settled_at(state: &State, gateway: &str) -> Option<(String, Option<String>, Locked)> {
    let lock_at = |revision: &str| {
        let bytes = git::show(revision, &state.lock_path)?;
        LockFile::parse(&String::from_utf8_lossy(&bytes)).ok()
    };
    let of = |revision: &str| lock_at(revision)?.candidate(gateway).cloned();
    let is_enforced = |locked: &Locked| locked.standing == sallyport_egress::rollout::Standing::Enforce;
    if let Some(locked) = of("HEAD").filter(is_enforced) {
        return Some(("HEAD".to_owned(), None, locked));
    }
    git::commits_of(&state.lock_path).into_iter().find_map(|commit| {
        let before = format!("{commit}^");
        let locked = of(&before).filter(is_enforced)?;
        of(&commit).is_none().then_some((before, Some(commit), locked))
    })
}

/// The Egress file and the Candidate file as they were before.
fn before_settling(
    gateway: &Gateway<'_>,
    state: &State,
    before: &str,
    after: Option<&str>,
    locked: &Locked,
) -> Result<Vec<Restored>, Failure> {
    let now = state.source(gateway.egress.file);
    let path = PathBuf::from(&now.name);
    let name = gateway.name();
    let refuse = |why: &str| {
        let message = format!("`{}` cannot go back by itself: {why}", printable(&path));
        let help = match after {
            Some(commit) => format!("`git revert {commit}` takes back what was settled"),
            None => format!("`git diff HEAD -- {}` shows what has changed", printable(&path)),
        };
        Failure::new(Exit::Blocked, message).with_help(help)
    };
    let old = git::show(before, &path).and_then(|bytes| String::from_utf8(bytes).ok());
    let Some(old) = old.map(|text| SourceFile { name: now.name.clone(), text }) else {
        return Err(refuse("Git does not have it as it was before"));
    };
    let files = git::removed(&path, before, after);
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
    let was = check(std::slice::from_ref(&old));
    let is_before = was.egresses.first().is_some_and(|egress| digest(&egress.value.spec.authz.rules) == locked.policy);
    let mut restored = Vec::new();
    if now.text != old.text {
        // Whatever else has changed since would be lost.
        if !is_before || splice(&old, source).as_ref() != Ok(&now.text) {
            return Err(refuse("it has changed since its candidate was settled"));
        }
        restored.push(Restored { path, old: Some(now.text.into_bytes()), new: old.text });
    }
    if let Some((file, source)) = candidate {
        let there = fs::read(&file).ok();
        if there.as_deref() != Some(source.text.as_bytes()) {
            restored.push(Restored { path: file, old: there, new: source.text });
        }
    }
    Ok(restored)
}
