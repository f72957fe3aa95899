//! What the candidate of a gateway's rules changes, and for whom.
//!
//! # Design
//! A rule of the file and a rule of the candidate are compared by what they let each caller do, so a rule that gets one more caller
//! adds one grant, and the others stay as they are. How much of a grant is in force is one number, which every format shows.

use sallyport_egress::Located;
use sallyport_egress::rollout::{Candidate as CandidateFile, Standing};
use sallyport_manifest::GatewayState;

use super::model::{Gateway, Grant, Map};

/// The candidate of a gateway's rules.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Candidate {
    /// How far it has come; `Proposed`: no gateway has it.
    pub(crate) standing: Standing,
    /// `None`: its file is not among those that were read.
    pub(crate) rules: Option<ChangedRules>,
}

/// The ids of rules that a candidate changes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ChangedRules {
    pub(crate) adds: Vec<String>,
    pub(crate) changes: Vec<String>,
    pub(crate) removes: Vec<String>,
}

impl ChangedRules {
    /// What the candidate does, in a word, with the rules; without what it does not do.
    pub(super) fn parts(&self) -> impl Iterator<Item = (&'static str, &[String])> {
        let Self { adds, changes, removes } = self;
        let all = [("adds", adds), ("changes", changes), ("removes", removes)];
        all.into_iter().filter(|(_, rules)| !rules.is_empty()).map(|(what, rules)| (what, rules.as_slice()))
    }
}

/// What a candidate does to a grant, or to what is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Added,
    Removed,
}

impl Change {
    /// The word for it in JSON.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Change::Added => "added",
            Change::Removed => "removed",
        }
    }
}

impl Candidate {
    /// The candidate of a gateway, and its file if that says what the next rules are.
    pub(super) fn of<'f>(
        state: &GatewayState<'_>,
        file: Option<&'f Located<CandidateFile>>,
    ) -> (Option<Self>, Option<&'f Located<CandidateFile>>) {
        let (standing, file) = match state {
            GatewayState::Plain => return (None, None),
            GatewayState::Proposed(_) | GatewayState::Changed(..) => (Standing::Proposed, file),
            GatewayState::Rolling(_, locked) => (locked.standing, file),
            GatewayState::Settling(_, locked) => {
                return (Some(Self { standing: locked.standing, rules: Some(ChangedRules::default()) }), None);
            }
            GatewayState::Gone(locked) => (locked.standing, None),
        };
        (Some(Self { standing, rules: None }), file)
    }

    /// For how many of the callers it decides, in percent.
    fn share(&self) -> u32 {
        match self.standing {
            Standing::Proposed | Standing::Shadow => 0,
            Standing::Canary(percent) => percent.min(100),
            Standing::Enforce => 100,
        }
    }

    /// Its stage in a word: `proposed`, `shadow`, `canary`, `enforce`.
    pub(crate) fn stage(&self) -> &'static str {
        self.standing.stage().map_or("proposed", |stage| stage.as_str())
    }

    /// How far it has come, as short as it fits beside a gateway.
    pub(crate) fn words(&self) -> String {
        match self.standing {
            Standing::Canary(percent) => format!("candidate: {percent} %"),
            Standing::Proposed | Standing::Shadow | Standing::Enforce => format!("candidate: {}", self.stage()),
        }
    }
}

impl Gateway {
    /// For how many of the callers a part of its rules is in force, in percent.
    pub(crate) fn in_force(&self, change: Option<Change>, is_shadow: bool) -> u32 {
        let share = self.candidate.as_ref().map_or(0, Candidate::share);
        match change {
            _ if is_shadow || self.is_shadow() => 0,
            None => 100,
            Some(Change::Added) => share,
            Some(Change::Removed) => 100_u32.saturating_sub(share),
        }
    }
}

impl Map {
    /// For how many of the callers that it names a grant is in force, in percent.
    pub(crate) fn in_force(&self, grant: &Grant) -> u32 {
        self.gateways.get(grant.gateway).map_or(0, |gateway| gateway.in_force(grant.change, grant.is_shadow))
    }
}

/// What is to be seen of the grants, or the ways to upstreams, that one line stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) count: usize,
    is_in_force: bool,
    is_added: bool,
    is_removed: bool,
}

impl Line {
    /// One more way to an upstream.
    pub(super) fn way(&mut self, is_standby: bool) {
        self.count = self.count.saturating_add(1);
        self.is_in_force |= !is_standby;
    }

    /// One more grant.
    pub(super) fn grant(&mut self, map: &Map, grant: &Grant) {
        self.count = self.count.saturating_add(1);
        match grant.change {
            None => self.is_in_force |= map.in_force(grant) > 0,
            Some(Change::Added) => self.is_added = true,
            Some(Change::Removed) => self.is_removed = true,
        }
    }

    /// Its class in the picture. The page has the same ones.
    pub(super) fn class(self) -> &'static str {
        match (self.is_in_force, self.is_added, self.is_removed) {
            (true, false, false) => "",
            (false, false, false) => "dashed",
            (false, true, false) => "added",
            (false, false, true) => "removed",
            (_, true, _) | (_, _, true) => "changed",
        }
    }
}
