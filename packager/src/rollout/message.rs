//! The message of a commit: what was done, with hashes, evidence and waivers. Git is the history of the rollout.

use super::evidence::Missing;
use super::git::{self, Commit, Pending};
use super::promote::{Promoted, Taken};
use super::revert::TO_THE_EGRESS;
use super::state::State;
use sallyport_egress::rollout::Standing;
use sallyport_manifest::Locked;
use std::path::PathBuf;

/// Where the last step leads, in words.
const SETTLED: &str = "settled";
/// Of a step that was written without `--commit`.
const UNRECORDED: &str = "what there was is not recorded: the step was written before, and is committed now";

impl Promoted {
    /// Whether it takes back what was promoted, and nothing else.
    pub(crate) fn goes_back(&self) -> bool {
        self.taken.iter().all(|taken| taken.to == TO_THE_EGRESS)
    }

    /// The commit of what was done, without files that Git has as they are. `verb`: `promote` or `roll back`; `reason`: why
    /// evidence was not needed, of steps for which that is not known.
    pub(crate) fn commit(&self, verb: &str, reason: Option<&str>) -> Commit {
        let subject = match self.taken.as_slice() {
            [one] => format!("{verb} {} to {}", one.gateway, one.to),
            all => {
                let to: std::collections::BTreeSet<&str> = all.iter().map(|taken| taken.to.as_str()).collect();
                format!("{verb} {} gateways to {}", all.len(), to.into_iter().collect::<Vec<_>>().join(", "))
            }
        };
        let mut message = format!("{subject}\n");
        for taken in &self.taken {
            message.push_str(&paragraph(taken, reason));
        }
        let files = self.files.iter().chain(&self.left).filter(|file| !git::is_committed(file));
        Commit { files: files.cloned().collect(), message }
    }
}

fn paragraph(taken: &Taken, reason: Option<&str>) -> String {
    let Taken { gateway, from, to, policy, candidate, evidence, missing, reason: own, waivers } = taken;
    let mut text = format!("\n{gateway}: {from} -> {to}\n");
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
pub(crate) fn uncommitted(state: &State) -> Option<Promoted> {
    let pending = git::pending(state);
    if pending.is_empty() {
        return None;
    }
    let mut promoted = Promoted::default();
    for one in pending {
        let Pending { gateway, before, now } = &one;
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
        if was == is {
            let digest = |gateway: &sallyport_manifest::LockedGateway| {
                gateway.filter.as_ref().map_or("the filter of the lock".to_owned(), ToString::to_string)
            };
            (taken.from, taken.to) = (digest(before), digest(now));
        } else if is.is_none() {
            let (files, to) = of_end(state, gateway);
            promoted.files.extend(files);
            taken.to = to.to_owned();
        }
        // The lock has why evidence was missing; of a filter and of the last step it has nothing.
        match is.filter(|_| was != is) {
            Some(Locked { without_evidence: None, .. }) => taken.evidence.push(UNRECORDED.to_owned()),
            Some(Locked { without_evidence: reason, .. }) => {
                taken.reason.clone_from(reason);
                taken.missing.push(Missing(format!("evidence: {UNRECORDED}")));
            }
            None if taken.to == TO_THE_EGRESS => {}
            None => taken.missing.push(Missing(format!("evidence: {UNRECORDED}"))),
        }
        promoted.taken.push(taken);
    }
    promoted.files.push(state.lock_path.clone());
    Some(promoted)
}

/// The files that went with a candidate that the lock has no more: if its rules are in the Egress file, it was settled.
fn of_end(state: &State, gateway: &str) -> (Vec<PathBuf>, &'static str) {
    let egress = state.checked.egresses.iter().find(|egress| egress.value.route() == gateway);
    let Some(path) = egress.map(|egress| PathBuf::from(state.source(egress.file).name)) else {
        return (Vec::new(), TO_THE_EGRESS);
    };
    if git::is_committed(&path) {
        return (Vec::new(), TO_THE_EGRESS);
    }
    let removed = git::removed(&path, "HEAD", None).into_iter();
    let is_own = |text: &str| text.contains("kind: Candidate") && gateway.split('/').all(|part| text.contains(part));
    let removed = removed.filter(|(_, text)| is_own(text)).map(|(file, _)| file);
    (std::iter::once(path).chain(removed).collect(), SETTLED)
}

/// The files that must be in the last commit, so that Git has what the lock is about; those that are not.
pub(crate) fn not_committed(state: &State, promoted: &[String]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for gateway in state.gateways().iter().filter(|gateway| promoted.is_empty() || promoted.contains(&gateway.name())) {
        if matches!(gateway.state, sallyport_manifest::GatewayState::Settling(..)) {
            continue;
        }
        if let Some(candidate) = gateway.candidate {
            files.extend([gateway.egress.file, candidate.file].map(|file| PathBuf::from(state.source(file).name)));
        }
    }
    files.retain(|file| !git::is_committed(file));
    files
}
