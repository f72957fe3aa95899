//! Which candidate each gateway gets, and how far it has come: the files and the lock together.

use std::collections::BTreeMap;

use sallyport_egress::Code;
use sallyport_egress::model::Egress;
use sallyport_egress::rollout::{Candidate, Rollout, Standing, digest};
use sallyport_egress::value::digest::Digest;

use crate::error::BuildError;
use crate::lock::{Lock, LockFile, Locked};

/// Where a gateway stands between its files and the lock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum GatewayState<'a> {
    /// It has no candidate.
    Plain,
    /// It has a Candidate file that no gateway has.
    Proposed(&'a Candidate),
    /// It has a candidate.
    Rolling(&'a Candidate, &'a Locked),
    /// Its rules, or those of its candidate, are not those that were promoted.
    Changed(&'a Candidate, &'a Locked),
    /// The Egress has the candidate's rules already: `promote` was interrupted while it settled them.
    Settling(Option<&'a Candidate>, &'a Locked),
    /// The lock has a candidate whose file is gone.
    Gone(&'a Locked),
}

impl<'a> GatewayState<'a> {
    /// Where a gateway stands.
    #[must_use]
    pub fn of(egress: &Egress, candidate: Option<&'a Candidate>, locked: Option<&'a Locked>) -> Self {
        let rules = &egress.spec.authz.rules;
        match (candidate, locked) {
            (None, None) => Self::Plain,
            (Some(candidate), None) => Self::Proposed(candidate),
            // Another candidate that is there by now is not settled with it.
            (candidate, Some(locked))
                if locked.standing == Standing::Enforce
                    && digest(rules) == locked.candidate
                    && candidate.is_none_or(|candidate| candidate.is_in(rules)) =>
            {
                Self::Settling(candidate, locked)
            }
            (None, Some(locked)) => Self::Gone(locked),
            (Some(candidate), Some(locked)) => {
                let fits = digest(rules) == locked.policy && digest(&candidate.apply(rules)) == locked.candidate;
                if fits { Self::Rolling(candidate, locked) } else { Self::Changed(candidate, locked) }
            }
        }
    }
}

/// The candidate of a gateway, and for whom it decides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rolling<'a> {
    /// The candidate.
    pub candidate: &'a Candidate,
    /// How far it has come, with the digests of both lists of rules.
    pub locked: &'a Locked,
    /// Callers for whom it decides in a canary, whatever their share: principals.
    pub callers: &'a [String],
}

/// What the gateways have beside their files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rollouts<'a> {
    /// By `NAMESPACE/NAME`.
    candidates: BTreeMap<String, Rolling<'a>>,
    /// Digests of the filter's image, by `NAMESPACE/NAME`.
    filters: BTreeMap<String, Digest>,
}

impl<'a> Rollouts<'a> {
    /// What the lock says of these gateways.
    ///
    /// # Errors
    /// Fails for each candidate that is not the one in the lock.
    pub fn of(
        egresses: &[&Egress],
        candidates: &[&'a Candidate],
        rollout: Option<&'a Rollout>,
        lock: &'a LockFile,
    ) -> Result<Self, Vec<BuildError>> {
        let mut rollouts = Self::default();
        let mut errors = Vec::new();
        let callers = rollout.map_or(&[][..], |rollout| &rollout.gates.canary.callers);
        let mut by_gateway: BTreeMap<String, &Candidate> = BTreeMap::new();
        for candidate in candidates {
            by_gateway.entry(candidate.gateway()).or_insert(candidate);
        }
        for egress in egresses {
            let gateway = egress.route();
            let filter = lock.rollout.gateways.get(&gateway).and_then(|locked| locked.filter.clone());
            rollouts.filters.extend(filter.map(|filter| (gateway.clone(), filter)));
            let candidate = by_gateway.get(&gateway).copied();
            match GatewayState::of(egress, candidate, lock.candidate(&gateway)) {
                GatewayState::Plain | GatewayState::Proposed(_) | GatewayState::Settling(..) => {}
                GatewayState::Rolling(candidate, locked) => {
                    rollouts.candidates.insert(gateway, Rolling { candidate, locked, callers });
                }
                GatewayState::Changed(_, locked) => errors.push(changed(&gateway, locked)),
                GatewayState::Gone(locked) => errors.push(gone(&gateway, locked)),
            }
        }
        if errors.is_empty() { Ok(rollouts) } else { Err(errors) }
    }

    /// The candidate of a gateway.
    #[must_use]
    pub fn candidate(&self, gateway: &str) -> Option<Rolling<'a>> {
        self.candidates.get(gateway).copied()
    }

    /// The gateways that have a candidate.
    pub fn rolling(&self) -> impl Iterator<Item = &str> {
        self.candidates.keys().map(String::as_str)
    }

    /// The digest of the filter's image that a gateway has of its own.
    #[must_use]
    pub fn filter(&self, gateway: &str) -> Option<&Digest> {
        self.filters.get(gateway)
    }
}

fn changed(gateway: &str, locked: &Locked) -> BuildError {
    let reason = format!("`{gateway}` is at `{}` with other rules, of the Egress or of its candidate", locked.standing);
    let help = format!(
        "`sallyport promote {gateway}` begins again in shadow, and `sallyport rollback {gateway}` goes back to the rules of \
         the Egress file"
    );
    BuildError::unusable_lock(Lock::FILE, reason, help)
}

const GONE: &str = "but its Candidate file is gone";

impl BuildError {
    /// Whether it is about something that a file may have which could not be read.
    #[must_use]
    pub fn is_of_missing_file(&self) -> bool {
        self.code == Code::StandbyMissing || (self.code == Code::Lock && self.message.ends_with(GONE))
    }
}

fn gone(gateway: &str, locked: &Locked) -> BuildError {
    let reason = format!("`{gateway}` is at `{}`, {GONE}", locked.standing);
    let help =
        format!("restore the file, or run `sallyport rollback {gateway}` to go back to the rules of the Egress file");
    BuildError::unusable_lock(Lock::FILE, reason, help)
}
