//! What the candidate of a gateway's rules changes, and for whom.
//!
//! # Design
//! A rule of the file and a rule of the candidate are compared by what they let each caller do, so a rule that gets one more caller
//! adds one grant, and the others stay as they are.

use sallyport_egress::Located;
use sallyport_egress::rollout::{Candidate as CandidateFile, Standing};
use sallyport_manifest::GatewayState;

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
    pub(super) fn share(&self) -> u32 {
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
