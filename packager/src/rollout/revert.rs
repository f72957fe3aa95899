//! Back to the rules of the Egress file, from any stage; and after the candidate was settled, back to the rules before.

use std::path::{Path, PathBuf};

use sallyport_egress::rollout::digest;
use sallyport_manifest::{GatewayState, LockFile, Locked};

use super::committed::refuse_other_changes;
use super::history::{Ended, Fate, fate};
use super::lock;
use super::past::{by_hand, revision_with, rules_at};
use super::pending::{Committed, Part, Pending, PendingKind, committed, pending_since};
use super::promote::{Promoted, Taken};
use super::restore::{Restored, as_committed, before_settling, restored_before};
use super::state::{Gateway, State};
use super::words::{SETTLED, TO_BEFORE, TO_THE_EGRESS};
use super::write::Writer;
use crate::exit::{Exit, Failure};
use crate::printable::{printable, quoted_path};

/// What is taken back of one gateway.
struct Back {
    /// What the lock has of it, or had before the candidate was settled.
    locked: Locked,
    restored: Vec<Restored>,
    /// Files that an earlier rollback has restored, and that are not committed.
    left: Vec<PathBuf>,
    /// What there is to say beside that.
    note: Option<String>,
}

/// Takes the candidates of these gateways back; without names, of every gateway that has one in the lock. A step that is not
/// committed is undone instead.
pub(crate) fn roll_back(state: &State, named: &[String], writer: &mut dyn Writer) -> Result<Promoted, Failure> {
    let named = state.named(named)?;
    let committed = committed(state);
    let pending = match &committed {
        Ok(Some(committed)) => pending_since(state, &committed.lock, &state.lock),
        _ => Vec::new(),
    };
    let of = |name: &str, kinds: &[PendingKind]| {
        pending.iter().find(|one| one.gateway == name && one.part == Part::Candidate && kinds.contains(&one.kind))
    };
    let to_undo = |name: &str| of(name, &[PendingKind::Step, PendingKind::Settled]);
    let gateways = state.gateways();
    let is_meant = |gateway: &&Gateway<'_>| match named.is_empty() {
        true => state.lock.candidate(&gateway.name()).is_some() || to_undo(&gateway.name()).is_some(),
        false => named.contains(&gateway.name()),
    };
    let mut file = state.lock.clone();
    let (mut promoted, mut restored, mut unknown) = (Promoted::default(), Vec::new(), None);
    let mut last = Vec::new();
    for gateway in gateways.iter().filter(is_meant) {
        let name = gateway.name();
        if let Some(step) = to_undo(&name) {
            let undone = undo(state, gateway, step, &mut file, &mut promoted)?;
            if writer.commits() && !undone.is_empty() {
                refuse_other_changes(state, gateway.egress)?;
            }
            // A lock that is the older one says what is to be done, so the Egress file comes after it; without its candidate's rules,
            // nothing says that they were settled.
            let egress = state.source(gateway.egress.file).name;
            let (egress, others): (Vec<_>, Vec<_>) =
                undone.into_iter().partition(|restored| restored.path == Path::new(&egress));
            restored.extend(others);
            last.extend(egress);
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
        if let Some(unknown) = of(&name, &[PendingKind::Unknown]) {
            return Err(without_fate(state, unknown));
        }
        if of(&name, &[PendingKind::Back]).is_some() && !is_in_lock {
            promoted.notes.push(format!("{name} was rolled back already, but that is not committed"));
            continue;
        }
        let back = match back(state, gateway)? {
            Found::Back(back) => back,
            Found::Done => {
                promoted.notes.push(format!("{name} was rolled back already: nothing to roll back"));
                continue;
            }
            Found::Nothing => {
                promoted.notes.push(format!(
                    "{name} has no candidate in the lock, and Git knows of none that was settled: nothing to roll back"
                ));
                continue;
            }
        };
        let restores = !back.restored.is_empty() || !back.left.is_empty();
        if writer.commits() && restores {
            refuse_other_changes(state, gateway.egress)?;
        }
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
        let part = if candidate.is_empty() { Part::Pin } else { Part::Candidate };
        promoted.taken.push(Taken { gateway: stray.to_owned(), part, from, to, policy, candidate, ..Taken::default() });
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
    let named = restored.iter().chain(&last).map(|restored| &restored.path).chain(&promoted.left);
    writer.begin(&named.map(PathBuf::as_path).collect::<Vec<_>>())?;
    for restored in restored {
        promoted.files.push(restored.write(writer)?);
    }
    promoted.files.extend(last.iter().map(|restored| restored.path.clone()));
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
    for restored in last {
        restored.write(writer)?;
    }
    Ok(promoted)
}

/// Nothing says whether the candidate was settled or rolled back.
fn without_fate(state: &State, pending: &Pending) -> Failure {
    let Pending { gateway, from, to, .. } = pending;
    let message = format!("what became of the candidate of `{gateway}` is not known: in the lock, {from} -> {to}");
    Failure::new(Exit::Blocked, message).with_help(format!(
        "`git checkout HEAD -- {}` takes the changes of the lock back that are not committed; then `sallyport rollback {gateway}` takes \
         the candidate back, and the rules of the Egress file decide",
        quoted_path(&state.lock_path)
    ))
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
    let before = step.before.clone();
    let mut restored = Vec::new();
    if let (PendingKind::Settled, Some(locked)) = (step.kind, before.clone()) {
        restored = as_committed(gateway, state, locked)?;
    }
    if before.is_none() {
        step.now.iter().try_for_each(|locked| refuse_rules_of_candidate(state, gateway, locked))?;
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
    let digests = before.as_ref().or(step.now.as_ref());
    promoted.taken.push(Taken {
        from: words(step.now.as_ref(), SETTLED),
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
    let Back { locked, restored, left, note } = back;
    promoted.left.extend(left);
    promoted.notes.extend(note);
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
        None => (SETTLED.to_owned(), TO_BEFORE),
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

/// What there is to take back.
enum Found {
    Back(Back),
    /// It was taken back before.
    Done,
    Nothing,
}

fn back(state: &State, gateway: &Gateway<'_>) -> Result<Found, Failure> {
    let Some(locked) = state.lock.candidate(&gateway.name()) else {
        return Ok(match fate(state, gateway)? {
            Fate::None => Found::Nothing,
            Fate::RolledBack(commit, locked) => {
                refuse_rules_since(state, gateway, &commit, &locked)?;
                Found::Done
            }
            Fate::Settled(ended) => {
                let restored = before_settling(gateway, state, &ended)?;
                let left = if restored.is_empty() { restored_before(gateway, state, &ended)? } else { Vec::new() };
                let is_done = restored.is_empty() && left.is_empty();
                let note = changed_since(state, gateway, &ended).filter(|_| !restored.is_empty());
                if is_done { Found::Done } else { Found::Back(Back { locked: ended.locked, restored, left, note }) }
            }
        });
    };
    let restored = match gateway.state {
        GatewayState::Settling(..) => {
            // What was half done may have been committed since.
            let path = PathBuf::from(state.source(gateway.egress.file).name);
            let before = revision_with(&path, &locked.policy)?.unwrap_or_else(|| "HEAD".to_owned());
            before_settling(gateway, state, &Ended { before, after: None, locked: locked.clone() })?
        }
        _ => {
            refuse_rules_of_candidate(state, gateway, locked)?;
            Vec::new()
        }
    };
    Ok(Found::Back(Back { locked: locked.clone(), restored, left: Vec::new(), note: None }))
}

/// The rules may have another candidate's in them, which was merged without a trace.
fn changed_since(state: &State, gateway: &Gateway<'_>, ended: &Ended) -> Option<String> {
    let Ended { after, locked, .. } = ended;
    let rules = digest(&gateway.egress.value.spec.authz.rules);
    let commit = after.as_ref().filter(|_| rules != locked.candidate && rules != locked.policy)?;
    Some(format!(
        "{}: the last candidate that Git knows of was settled by the commit {commit}, and it is the one that is taken back; what has \
         changed since in the rules of `{}` stays",
        gateway.name(),
        state.source(gateway.egress.file).name
    ))
}

/// A candidate that was rolled back is not in force, unless its rules were written into the Egress file since.
fn refuse_rules_since(state: &State, gateway: &Gateway<'_>, commit: &str, locked: &Locked) -> Result<(), Failure> {
    let path = PathBuf::from(state.source(gateway.egress.file).name);
    let file = quoted_path(&path);
    let (place, help) = if digest(&gateway.egress.value.spec.authz.rules) == locked.candidate {
        (printable(&path), by_hand(&path, &locked.policy))
    } else if rules_at("HEAD", &path)?.as_ref() == Some(&locked.candidate) {
        (
            format!("{} of the last commit", printable(&path)),
            format!("commit the one that is there: `git commit {file}`"),
        )
    } else {
        return Ok(());
    };
    let message = format!(
        "`{}` was rolled back by the commit {commit}, but since then the rules of the candidate were written into `{place}`",
        gateway.name()
    );
    Err(Failure::new(Exit::Blocked, message).with_help(help))
}

/// Without its entry in the lock, rules of a candidate that were written into the Egress file by hand would decide for all.
fn refuse_rules_of_candidate(state: &State, gateway: &Gateway<'_>, locked: &Locked) -> Result<(), Failure> {
    if digest(&gateway.egress.value.spec.authz.rules) != locked.candidate {
        return Ok(());
    }
    let path = PathBuf::from(state.source(gateway.egress.file).name);
    let message = format!(
        "`{}` is at `{}`, and the rules in `{}` are those of the candidate already: without its entry in the lock they would decide for \
         all",
        gateway.name(),
        locked.standing,
        printable(&path)
    );
    Err(Failure::new(Exit::Blocked, message).with_help(by_hand(&path, &locked.policy)))
}
