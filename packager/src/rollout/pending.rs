//! What the lock has and the last commit does not: steps that are completed or undone before another one, and what is neither.

use std::collections::BTreeSet;

use sallyport_egress::rollout::{Standing, digest};
use sallyport_manifest::{GatewayState, Lock, LockFile, Locked};

use super::git;
use super::state::State;
use super::words::{EVERY_GATEWAY, LOCK_FILTER, NEXT_FILTER, SETTLED, TO_THE_EGRESS, of_the_lock};
use crate::exit::{Exit, Failure};
use crate::printable::{printable, quoted_path};

/// A part of the lock that the last commit has otherwise.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pending {
    /// `NAMESPACE/NAME`; of what is for all gateways, its name.
    pub(crate) gateway: String,
    pub(crate) part: Part,
    pub(crate) kind: PendingKind,
    /// What it was and what it is, in words.
    pub(crate) from: String,
    pub(crate) to: String,
    /// The candidate that the lock of the last commit has, and that the lock has.
    pub(super) before: Option<Locked>,
    pub(super) now: Option<Locked>,
}

/// What of the lock a step is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Part {
    /// The candidate of a gateway.
    #[default]
    Candidate,
    /// The filter of a gateway.
    Pin,
    /// The filter of the lock, or the next one.
    All,
}

/// What was not committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PendingKind {
    /// A step to a stage.
    Step,
    /// The last step.
    Settled,
    /// A rollback, or an older lock: the candidate decides for fewer callers than in the last commit.
    Back,
    /// The candidate left the lock from its last stage, and the rules are neither its own nor those before.
    Unknown,
    /// A step of a filter.
    Filter,
    /// A rollback of a filter.
    FilterBack,
    /// What `image push` or somebody's hand wrote.
    Pushed,
}

impl PendingKind {
    /// Whether it takes back what was promoted.
    pub(crate) fn goes_back(self) -> bool {
        matches!(self, Self::Back | Self::FilterBack)
    }

    /// Whether it is about the filter's image.
    pub(crate) fn is_filter(self) -> bool {
        matches!(self, Self::Filter | Self::FilterBack | Self::Pushed)
    }

    /// Whether it is a step that a command has taken.
    pub(crate) fn is_step(self) -> bool {
        !matches!(self, Self::Unknown | Self::Pushed)
    }

    /// Whether one commit has both.
    pub(crate) fn goes_with(self, other: Self) -> bool {
        self.is_step()
            && other.is_step()
            && (self.goes_back(), self.is_filter()) == (other.goes_back(), other.is_filter())
    }
}

/// The lock as the last commit has it.
pub(super) struct Committed {
    /// `None`: it has no lock.
    pub(super) bytes: Option<Vec<u8>>,
    pub(super) lock: LockFile,
}

/// What the last commit has; `None`: there is no repository.
///
/// # Errors
/// Fails if git cannot say it, and if its lock cannot be read: what is not committed is not known then.
pub(super) fn committed(state: &State) -> Result<Option<Committed>, Failure> {
    if !git::has_repository(&state.lock_path)? {
        return Ok(None);
    }
    let Some(bytes) = git::show("HEAD", &state.lock_path)? else {
        return Ok(Some(Committed { bytes: None, lock: LockFile::default() }));
    };
    let lock = LockFile::parse(&String::from_utf8_lossy(&bytes)).map_err(|error| {
        let name = printable(&state.lock_path);
        let message =
            format!("`{name}` of the last commit cannot be read, so what is not committed is not known: {error}");
        let help = format!("commit the one that is there by itself: `git commit {}`", quoted_path(&state.lock_path));
        Failure::new(Exit::Blocked, message).with_help(help)
    })?;
    Ok(Some(Committed { bytes: Some(bytes), lock }))
}

/// What the lock has and the last commit does not; nothing outside of a repository.
pub(crate) fn pending(state: &State) -> Result<Vec<Pending>, Failure> {
    Ok(committed(state)?.map(|committed| pending_since(state, &committed.lock, &state.lock)).unwrap_or_default())
}

/// What a lock has and one before does not: each candidate, each pin, the filter and the next one by itself.
pub(super) fn pending_since(state: &State, before: &LockFile, now: &LockFile) -> Vec<Pending> {
    let mut found = of_all(state, before, now);
    let is_everywhere = found.iter().any(|one| one.kind == PendingKind::Filter);
    let (olds, news) = (&before.rollout.gateways, &now.rollout.gateways);
    for name in olds.keys().chain(news.keys()).collect::<BTreeSet<&String>>() {
        let [old, new] = [olds, news].map(|gateways| gateways.get(name).cloned().unwrap_or_default());
        if old.candidate != new.candidate {
            found.push(of_candidate(state, name, old.candidate, new.candidate));
        }
        let pins = [&old.filter, &new.filter].map(|pin| pin.as_ref().map(ToString::to_string));
        // With the last step of a filter, a gateway keeps what it has.
        let keeps =
            is_everywhere && pins[1].is_none() && pins[0].as_ref() == now.filter.as_ref().map(|own| &own.digest);
        if old.filter != new.filter && !keeps {
            let kind = if new.filter.is_some() { PendingKind::Filter } else { PendingKind::FilterBack };
            let [from, to] = pins.map(|pin| pin.unwrap_or_else(|| of_the_lock(state)));
            found.push(of_filter(name, Part::Pin, kind, from, to));
        }
    }
    found
}

fn of_filter(gateway: &str, part: Part, kind: PendingKind, from: String, to: String) -> Pending {
    Pending { gateway: gateway.to_owned(), part, kind, from, to, before: None, now: None }
}

/// The filter of the lock, and the next one.
fn of_all(state: &State, before: &LockFile, now: &LockFile) -> Vec<Pending> {
    if let (Some(old), Some(next), None) = (&before.filter, &before.next, &now.next) {
        if now.filter.as_ref() == Some(next) && old != next {
            let (from, to) = (old.digest.clone(), next.digest.clone());
            return vec![of_filter(LOCK_FILTER, Part::All, PendingKind::Filter, from, to)];
        }
        if before.filter == now.filter {
            let to = of_the_lock(state);
            return vec![of_filter(EVERY_GATEWAY, Part::All, PendingKind::FilterBack, next.digest.clone(), to)];
        }
    }
    let word = |lock: &Option<Lock>| match lock {
        None => "none".to_owned(),
        Some(Lock { image, digest, candidates: true }) => format!("{image}@{digest}, which knows candidates"),
        Some(Lock { image, digest, candidates: false }) => format!("{image}@{digest}"),
    };
    let both = [(LOCK_FILTER, &before.filter, &now.filter), (NEXT_FILTER, &before.next, &now.next)];
    let changed = both.into_iter().filter(|(_, old, new)| old != new);
    changed.map(|(what, old, new)| of_filter(what, Part::All, PendingKind::Pushed, word(old), word(new))).collect()
}

fn of_candidate(state: &State, name: &str, before: Option<Locked>, now: Option<Locked>) -> Pending {
    let words = |locked: &Option<Locked>, none: &str| {
        locked.as_ref().map_or_else(|| none.to_owned(), |locked| locked.standing.to_string())
    };
    let kind = kind(state, name, before.as_ref(), now.as_ref());
    let to = match kind {
        PendingKind::Back => TO_THE_EGRESS,
        PendingKind::Settled => SETTLED,
        _ => "no entry, and the rules in its Egress file are neither those from before nor the candidate's",
    };
    Pending {
        gateway: name.to_owned(),
        part: Part::Candidate,
        kind,
        from: words(&before, "proposed"),
        to: words(&now, to),
        before,
        now,
    }
}

fn kind(state: &State, name: &str, before: Option<&Locked>, now: Option<&Locked>) -> PendingKind {
    let Some(was) = before else { return PendingKind::Step };
    let egress = state.checked.egresses.iter().find(|egress| egress.value.route() == name).map(|egress| &egress.value);
    // After a rollback it stays.
    let candidate = state.checked.candidates.iter().find(|candidate| candidate.value.gateway() == name);
    let candidate = candidate.map(|candidate| &candidate.value);
    if let Some(is) = now {
        let is_same = (&was.policy, &was.candidate) == (&is.policy, &is.candidate);
        let decides = |locked| match GatewayState::of(egress?, candidate, Some(locked)) {
            GatewayState::Rolling(_, locked) | GatewayState::Settling(_, locked) => Some(locked.standing),
            _ => None,
        };
        let is_behind = if is_same { is.standing < was.standing } else { decides(is) < decides(was) };
        return if is_behind { PendingKind::Back } else { PendingKind::Step };
    }
    match egress.map(|egress| digest(&egress.spec.authz.rules)) {
        Some(rules) if rules == was.candidate => PendingKind::Settled,
        Some(rules) if was.standing == Standing::Enforce && rules != was.policy && candidate.is_none() => {
            PendingKind::Unknown
        }
        _ => PendingKind::Back,
    }
}
