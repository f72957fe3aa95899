//! What gateways did while they had a candidate, and what is missing before the next step.

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
}

impl Missing {
    /// Something to wait for, or to do.
    pub(crate) fn new(text: String) -> Self {
        Self { blocks: false, text }
    }

    /// What follows from evidence. `what`: of which.
    pub(super) fn of(finding: &Finding, what: &str) -> Self {
        Self { blocks: finding.blocks, text: format!("{what}: {}", finding.text) }
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
        let missing = Missing::new("evidence: nothing was read of what the gateway did".to_owned());
        Evidence { lines: Vec::new(), missing: vec![missing] }
    }
}

impl Witness for Nothing {
    fn evidence(&self, _: &Gateway<'_>, step: Step) -> Evidence {
        // In shadow a candidate decides nothing.
        if step == Step::Shadow { Evidence::default() } else { Self::says() }
    }
}
