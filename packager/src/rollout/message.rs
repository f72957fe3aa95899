//! The message of a commit: what was done, with hashes, evidence and waivers. Git is the history of the rollout.

use sallyport_egress::rollout::Standing;
use sallyport_manifest::{Locked, LockedGateway};

use super::committed::files_of_end;
use super::evidence::Missing;
use super::filter::of_the_lock;
use super::git::{self, Commit};
use super::pending::{Pending, PendingKind};
use super::promote::{Promoted, Taken};
use super::revert::{TO_BEFORE, TO_THE_EGRESS};
use super::state::State;
use crate::exit::Failure;

/// Where the last step leads, in words.
const SETTLED: &str = "settled";
/// Of a step that was written without `--commit`.
const UNRECORDED: &str = "what there was is not recorded: the step was written before, and is committed now";

impl Promoted {
    /// Whether it takes back what was promoted, and nothing else.
    pub(crate) fn goes_back(&self) -> bool {
        self.taken.iter().all(|taken| [TO_THE_EGRESS, TO_BEFORE].contains(&taken.to.as_str()))
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
                taken.missing.push(Missing::new(format!("evidence: {UNRECORDED}")));
            }
            _ => taken.missing.push(Missing::new(format!("evidence: {UNRECORDED}"))),
        }
        match kind {
            PendingKind::Filter => {
                let pin = |gateway: &LockedGateway| gateway.filter.as_ref().map(ToString::to_string);
                taken.from = pin(before).unwrap_or_else(|| "the filter of the lock".to_owned());
                taken.to = pin(now).unwrap_or_else(|| of_the_lock(state));
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
