//! What gateways did while they had a candidate, and what is missing before the next step.

use std::collections::BTreeSet;

use sallyport_egress::evidence::Finding;
use sallyport_egress::rollout::Step;

use super::state::Gateway;

/// What is known before a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Evidence {
    /// What speaks for the step, each in one line. They go into the message of the commit.
    pub(crate) lines: Vec<String>,
    /// What keeps the step from being taken.
    pub(crate) missing: Vec<Missing>,
}

/// One thing that is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Missing {
    /// Whether it speaks against the step, and is no thing to wait for.
    pub(crate) blocks: bool,
    /// In words: lower case, no full stop.
    pub(crate) text: String,
    /// What helps, unless it blocks.
    cure: Cure,
}

/// What helps if something is missing, in the order in which it is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cure {
    /// To take the steps between.
    Steps,
    /// To mend or to waive what was seen.
    Mend,
    /// To give evidence.
    Read,
    /// What its text says.
    AsSaid,
    /// Time.
    Wait,
}

impl Cure {
    fn words(self) -> &'static str {
        match self {
            Cure::Steps => "`promote` without --to takes the steps between, one at a time",
            Cure::Mend => {
                "what speaks against the step does not pass: mend the candidate or its upstream, or waive the caller in the Rollout"
            }
            Cure::Read => "give --prometheus URL, --metrics NAMESPACE/NAME=FILE or --log FILE",
            Cure::AsSaid => "see to what is missing",
            Cure::Wait => "wait until the time has passed",
        }
    }
}

/// What to do about all that is missing.
pub(super) fn help(cures: &BTreeSet<Cure>) -> String {
    let words: Vec<&str> = cures.iter().map(|cure| cure.words()).collect();
    format!("{}; or give a reason why it is not needed: --without-evidence REASON", words.join("; "))
}

impl Missing {
    /// Something to wait for, or to do.
    pub(crate) fn new(text: String) -> Self {
        Self { blocks: false, text, cure: Cure::AsSaid }
    }

    /// The same with another cure.
    pub(super) fn cured_by(self, cure: Cure) -> Self {
        Self { cure, ..self }
    }

    /// What helps.
    pub(super) fn cure(&self) -> Cure {
        if self.blocks { Cure::Mend } else { self.cure }
    }

    /// What follows from evidence. `what`: of which.
    pub(super) fn of(finding: &Finding, what: &str) -> Self {
        Self { blocks: finding.blocks, ..Self::new(format!("{what}: {}", finding.text)) }
    }
}

/// What has seen gateways.
pub(crate) trait Witness {
    /// What it says before a step of a gateway.
    fn evidence(&self, gateway: &Gateway<'_>, step: Step) -> Evidence;
}

/// Nothing has been read of what gateways did.
pub(crate) struct Nothing;

impl Nothing {
    /// What that is as evidence.
    pub(super) fn says() -> Evidence {
        let missing =
            Missing::new("evidence: nothing was read of what the gateway did".to_owned()).cured_by(Cure::Read);
        Evidence { lines: Vec::new(), missing: vec![missing] }
    }
}

impl Witness for Nothing {
    fn evidence(&self, _: &Gateway<'_>, step: Step) -> Evidence {
        // In shadow a candidate decides nothing.
        if step == Step::Shadow { Evidence::default() } else { Self::says() }
    }
}
