//! Steps that are written, but not committed: they are completed or undone before another one.

use std::collections::BTreeSet;

use sallyport_egress::rollout::{Standing, digest};
use sallyport_manifest::{LockFile, LockedGateway};

use super::git;
use super::state::State;
use crate::exit::Failure;

/// A gateway whose step is written, but not committed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pending {
    pub(crate) gateway: String,
    pub(crate) kind: PendingKind,
    /// What the lock of the last commit has of it, and what the lock has.
    pub(super) before: LockedGateway,
    pub(super) now: LockedGateway,
}

/// What was not committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PendingKind {
    /// A step to a stage.
    Step,
    /// The last step.
    Settled,
    /// A rollback.
    Back,
    /// The filter of the gateway alone.
    Filter,
}

/// The lock as the last commit has it.
pub(super) struct Committed {
    /// `None`: it has no lock.
    pub(super) bytes: Option<Vec<u8>>,
    pub(super) lock: LockFile,
}

/// What the last commit has; `None`: there is no repository.
pub(super) fn committed(state: &State) -> Result<Option<Committed>, Failure> {
    if !git::has_repository(&state.lock_path)? {
        return Ok(None);
    }
    let bytes = git::show("HEAD", &state.lock_path)?;
    let text = bytes.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
    // A lock that cannot be read has no step that is known.
    let lock = LockFile::parse(&text).unwrap_or_default();
    Ok(Some(Committed { bytes, lock }))
}

/// The steps in the lock that the last commit does not have; none outside of a repository.
pub(crate) fn pending(state: &State) -> Result<Vec<Pending>, Failure> {
    Ok(committed(state)?.map(|committed| pending_since(state, &committed.lock)).unwrap_or_default())
}

/// The steps in the lock that another lock does not have.
pub(super) fn pending_since(state: &State, before: &LockFile) -> Vec<Pending> {
    let (before, now) = (&before.rollout.gateways, &state.lock.rollout.gateways);
    let names: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let pending = |name: &String| {
        let (before, now) = (before.get(name).cloned().unwrap_or_default(), now.get(name).cloned().unwrap_or_default());
        let kind = kind(state, name, &before, &now);
        (before != now).then(|| Pending { gateway: name.clone(), kind, before, now })
    };
    names.into_iter().filter_map(pending).collect()
}

fn kind(state: &State, name: &str, before: &LockedGateway, now: &LockedGateway) -> PendingKind {
    match (&before.candidate, &now.candidate) {
        (was, is) if was == is => PendingKind::Filter,
        (Some(was), None) => {
            let egress = state.checked.egresses.iter().find(|egress| egress.value.route() == name);
            let rules = egress.map(|egress| digest(&egress.value.spec.authz.rules));
            let is_settled = rules.as_ref() == Some(&was.candidate);
            // If both were edited since, a candidate whose file is gone was settled.
            let has_file = state.checked.candidates.iter().any(|candidate| candidate.value.gateway() == name);
            let is_edited = rules.is_some_and(|rules| rules != was.policy) && !has_file;
            if was.standing == Standing::Enforce && (is_settled || is_edited) {
                PendingKind::Settled
            } else {
                PendingKind::Back
            }
        }
        _ => PendingKind::Step,
    }
}
