//! The message of a commit: what was done, with hashes, evidence and waivers. Git is the history of the rollout.

use std::fs;

use sallyport_manifest::{LockFile, Locked};

use super::commit::Commit;
use super::committed::files_of_end;
use super::evidence::Missing;
use super::pending::{Part, Pending, PendingKind, committed, pending_since};
use super::promote::{Promoted, Taken};
use super::state::State;
use super::stored;
use super::words::TO_BEFORE;
use crate::exit::{Exit, Failure};
use crate::printable::printable;

/// Of a step that was written without `--commit`.
const UNRECORDED: &str =
    "what there was is not recorded: the step was written before, and is committed now; the waivers are not, either";

impl Promoted {
    /// The commit of what was done, without files that Git has as they are, and without steps that no commit has. `verb`:
    /// `promote` or `roll back`; `reason`: why evidence was not needed, of steps for which that is not known.
    pub(crate) fn commit(&self, verb: &str, reason: Option<&str>) -> Result<Commit, Failure> {
        let taken: Vec<&Taken> = self.taken.iter().filter(|taken| !taken.is_undone).collect();
        let subject = match taken.as_slice() {
            [one] if one.begins_again.is_some() => format!("{verb} {}: {} begins again", one.gateway, one.to),
            [one] => format!("{verb} {} to {}", one.gateway, one.to),
            all if all.iter().any(|taken| taken.part == Part::All) => format!("{verb} the filter of every gateway"),
            all => {
                let to: std::collections::BTreeSet<&str> = all.iter().map(|taken| taken.to.as_str()).collect();
                format!("{verb} {} gateways to {}", all.len(), to.into_iter().collect::<Vec<_>>().join(", "))
            }
        };
        let mut message = format!("{subject}\n");
        for taken in &taken {
            message.push_str(&paragraph(taken, reason));
        }
        let files = if taken.is_empty() { Vec::new() } else { self.files.iter().chain(&self.left).cloned().collect() };
        Ok(Commit { files: stored::not_as_committed(files)?, message })
    }
}

impl Taken {
    /// What was done, in one line.
    pub(crate) fn line(&self) -> String {
        let Self { gateway, from, to, .. } = self;
        match &self.begins_again {
            Some(why) => format!("{gateway}: {to} begins again, {why}"),
            None => format!("{gateway}: {from} -> {to}"),
        }
    }
}

fn paragraph(taken: &Taken, reason: Option<&str>) -> String {
    let Taken { policy, candidate, evidence, missing, reason: own, waivers, .. } = taken;
    let mut text = format!("\n{}\n", taken.line());
    let mut line = |label: &str, what: &str| {
        if !what.is_empty() {
            text.push_str(&format!("  {label}: {what}\n"));
        }
    };
    line("policy", policy);
    line("candidate", candidate);
    evidence.iter().for_each(|what| line("evidence", what));
    missing.iter().for_each(|Missing { text: what, .. }| line("missing", what));
    if !missing.is_empty() {
        line("promoted without it", own.as_deref().or(reason).unwrap_or_default());
    }
    waivers.iter().for_each(|what| line("waiver", what));
    text
}

/// What was written and not committed, as far as it is known: the command may have been interrupted, or was not to commit.
pub(crate) fn uncommitted(state: &State, pending: &[Pending]) -> Result<Promoted, Failure> {
    let mut promoted = Promoted::default();
    for one in pending {
        let Pending { gateway, part, kind, from, to, before, now } = one;
        let locked = now.as_ref().or(before.as_ref());
        let mut taken = Taken {
            gateway: gateway.clone(),
            part: *part,
            policy: locked.map(|locked| locked.policy.clone()).unwrap_or_default(),
            candidate: locked.map(|locked| locked.candidate.clone()).unwrap_or_default(),
            from: from.clone(),
            to: to.clone(),
            ..Taken::default()
        };
        // The lock has why evidence was missing; of a filter and of the last step it has nothing.
        match (kind, now) {
            (kind, _) if kind.goes_back() => {}
            (PendingKind::Step, Some(Locked { without_evidence: None, .. })) => {
                taken.evidence.push(UNRECORDED.to_owned());
            }
            (PendingKind::Step, Some(Locked { without_evidence: reason, .. })) => {
                taken.reason.clone_from(reason);
                taken.missing.push(Missing::new(format!("evidence: {UNRECORDED}")));
            }
            _ => taken.evidence.push(format!("{UNRECORDED}, nor is a reason why none was needed")),
        }
        if *kind == PendingKind::Settled {
            promoted.files.extend(files_of_end(state, gateway)?);
        }
        let stands = |locked: &Option<Locked>| locked.as_ref().map(|locked| locked.standing);
        if *kind == PendingKind::Step && stands(before) == stands(now) {
            taken.begins_again = Some("with other rules, or because the Egress had changed");
        }
        promoted.taken.push(taken);
    }
    promoted.files.push(state.lock_path.clone());
    Ok(promoted)
}

/// What a commit of the lock, as it is on disk now, has: what was done and changes something, and what was written before.
pub(crate) fn with_all(state: &State, mut promoted: Promoted) -> Result<Promoted, Failure> {
    let Some(committed) = committed(state)? else { return Ok(promoted) };
    let lock = match fs::read(&state.lock_path) {
        Ok(bytes) => LockFile::parse(&String::from_utf8_lossy(&bytes))
            .map_err(|error| Failure::new(Exit::Io, format!("`{}`: {error}", printable(&state.lock_path))))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => LockFile::default(),
        Err(error) => return Err(Failure::read(&state.lock_path, &error)),
    };
    let changes = pending_since(state, &committed.lock, &lock);
    let is_of = |taken: &Taken, one: &Pending| {
        taken.part == one.part && (taken.part == Part::All || taken.gateway == one.gateway)
    };
    for taken in &mut promoted.taken {
        // After the last step, the rules go back, and the lock stays.
        taken.is_undone |= taken.to != TO_BEFORE && !changes.iter().any(|one| is_of(taken, one));
    }
    let is_named = |one: &Pending| promoted.taken.iter().any(|taken| is_of(taken, one));
    let before: Vec<Pending> = changes.into_iter().filter(|one| !is_named(one)).collect();
    if before.is_empty() {
        return Ok(promoted);
    }
    if promoted.taken.is_empty() {
        promoted.notes = vec!["it was rolled back already, but that was not committed".to_owned()];
    }
    let Promoted { taken, files, .. } = uncommitted(state, &before)?;
    promoted.taken.extend(taken);
    promoted.left.extend(files);
    Ok(promoted)
}
