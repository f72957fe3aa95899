//! The message of a commit: what was done, with hashes, evidence and waivers. Git is the history of the rollout.

use std::path::{Path, PathBuf};

use sallyport_egress::check;
use sallyport_egress::decode;
use sallyport_egress::diagnostic::SourceFile;
use sallyport_egress::rollout::{Standing, Step};
use sallyport_manifest::{GatewayState, Locked};

use super::evidence::Missing;
use super::git::{self, Commit};
use super::pending::{Pending, PendingKind};
use super::promote::{Promoted, Taken};
use super::revert::TO_THE_EGRESS;
use super::state::{Gateway, State};
use crate::exit::{Exit, Failure};
use crate::printable::printable;

/// Where the last step leads, in words.
const SETTLED: &str = "settled";
/// Of a step that was written without `--commit`.
const UNRECORDED: &str = "what there was is not recorded: the step was written before, and is committed now";

impl Promoted {
    /// Whether it takes back what was promoted, and nothing else.
    pub(crate) fn goes_back(&self) -> bool {
        self.taken.iter().all(|taken| taken.to == TO_THE_EGRESS)
    }

    /// The commit of what was done, without files that Git has as they are, and without steps that no commit has. `verb`:
    /// `promote` or `roll back`; `reason`: why evidence was not needed, of steps for which that is not known.
    pub(crate) fn commit(&self, verb: &str, reason: Option<&str>) -> Result<Commit, Failure> {
        let taken: Vec<&Taken> = self.taken.iter().filter(|taken| !taken.is_undone).collect();
        let subject = match taken.as_slice() {
            [one] if one.begins_again.is_some() => format!("{verb} {}: {} begins again", one.gateway, one.to),
            [one] => format!("{verb} {} to {}", one.gateway, one.to),
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
        Ok(Commit { files: git::not_as_committed(files)?, message })
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
    missing.iter().for_each(|Missing(what)| line("missing", what));
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
        let Pending { gateway, kind, before, now } = one;
        let words =
            |standing: Option<Standing>, none: &str| standing.map_or(none.to_owned(), |standing| standing.to_string());
        let (was, is) = (before.candidate.as_ref(), now.candidate.as_ref());
        let of_digests = is.or(was);
        let mut taken = Taken {
            gateway: gateway.clone(),
            policy: of_digests.map(|locked| locked.policy.clone()).unwrap_or_default(),
            candidate: of_digests.map(|locked| locked.candidate.clone()).unwrap_or_default(),
            from: words(was.map(|locked| locked.standing), "proposed"),
            to: words(is.map(|locked| locked.standing), SETTLED),
            ..Taken::default()
        };
        // The lock has why evidence was missing; of a filter and of the last step it has nothing.
        match (kind, is) {
            (PendingKind::Back, _) => TO_THE_EGRESS.clone_into(&mut taken.to),
            (PendingKind::Step, Some(Locked { without_evidence: None, .. })) => {
                taken.evidence.push(UNRECORDED.to_owned());
            }
            (PendingKind::Step, Some(Locked { without_evidence: reason, .. })) => {
                taken.reason.clone_from(reason);
                taken.missing.push(Missing(format!("evidence: {UNRECORDED}")));
            }
            _ => taken.missing.push(Missing(format!("evidence: {UNRECORDED}"))),
        }
        match kind {
            PendingKind::Filter => {
                let digest = |gateway: &sallyport_manifest::LockedGateway| {
                    gateway.filter.as_ref().map_or("the filter of the lock".to_owned(), ToString::to_string)
                };
                (taken.from, taken.to) = (digest(before), digest(now));
            }
            PendingKind::Settled => promoted.files.extend(files_of_end(state, gateway)?),
            PendingKind::Step if was.is_some_and(|was| is.is_some_and(|is| was.standing == is.standing)) => {
                taken.begins_again = Some("with other rules, or because the Egress had changed");
            }
            PendingKind::Step | PendingKind::Back => {}
        }
        promoted.taken.push(taken);
    }
    promoted.files.push(state.lock_path.clone());
    Ok(promoted)
}

/// The files that change with the last step of a gateway, without those that Git has as they are.
pub(super) fn files_of_end(state: &State, gateway: &str) -> Result<Vec<PathBuf>, Failure> {
    let egress = state.checked.egresses.iter().find(|egress| egress.value.route() == gateway);
    let Some(egress) = egress.map(|egress| state.source(egress.file)) else { return Ok(Vec::new()) };
    let path = PathBuf::from(&egress.name);
    let mut files = vec![path.clone()];
    for (file, text) in git::removed(&path, "HEAD", None)? {
        files.extend(own_candidate(&file, &text, &egress, gateway).map(|_| file));
    }
    git::not_as_committed(files)
}

/// The text of a file if it is the Candidate file of a gateway, whose Egress file is this one.
pub(super) fn own_candidate(file: &Path, text: &str, egress: &SourceFile, gateway: &str) -> Option<SourceFile> {
    let source = decode(&printable(file), text.as_bytes()).ok()?;
    let checked = check(&[egress.clone(), source.clone()]);
    let is_own = checked.candidates.iter().any(|candidate| candidate.value.gateway() == gateway);
    is_own.then_some(source)
}

/// In a repository, Git must have what a step depends on: the Egress and the Candidate of each gateway, the Rollout and the Mesh.
pub(super) fn refuse_uncommitted(state: &State, steps: &[(Gateway<'_>, Step)]) -> Result<(), Failure> {
    if steps.is_empty() || !git::has_repository(&state.lock_path)? {
        return Ok(());
    }
    let mut read: Vec<usize> = Vec::new();
    for (gateway, _) in steps {
        // What was half done is not committed yet.
        if !matches!(gateway.state, GatewayState::Settling(..)) {
            read.push(gateway.egress.file);
            read.extend(gateway.candidate.map(|candidate| candidate.file));
        }
    }
    read.extend(state.checked.rollout.as_ref().map(|rollout| rollout.file));
    read.extend(state.checked.mesh.as_ref().map(|mesh| mesh.file));
    let files = git::not_as_committed(read.into_iter().map(|file| PathBuf::from(state.source(file).name)))?;
    let Some(first) = files.first() else { return Ok(()) };
    let message =
        format!("`{}` is not committed, and the lock would speak of what Git does not have", printable(first));
    let help = "commit the files of the gateway, the Rollout and the Mesh first; what `sallyport rollback` wrote is committed by the \
                same rollback with --commit";
    Err(Failure::new(Exit::Blocked, message).with_help(help))
}
