//! Stages of a candidate, and the steps between them.

use std::fmt;

use sallyport_core::wire::Stage;

/// Where a candidate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It is a file: no gateway has it.
    Proposed,
    /// It is evaluated, and decides nothing.
    Shadow,
    /// It decides for this share of the callers, in percent.
    Canary(u32),
    /// It decides for all.
    Enforce,
}

/// What a promotion does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The gateway gets the candidate.
    Shadow,
    /// The candidate decides for this share of the callers, in percent.
    Canary(u32),
    /// It decides for all.
    Enforce,
    /// Its rules go into the Egress file, and the Candidate file goes.
    Settle,
}

impl Standing {
    /// The step from here; `steps`: those of the canary.
    #[must_use]
    pub fn next(self, steps: &[u32]) -> Step {
        let above = |percent: Option<u32>| steps.iter().find(|step| percent.is_none_or(|percent| **step > percent));
        match self {
            Self::Proposed => Step::Shadow,
            Self::Shadow => above(None).map_or(Step::Enforce, |step| Step::Canary(*step)),
            Self::Canary(percent) => above(Some(percent)).map_or(Step::Enforce, |step| Step::Canary(*step)),
            Self::Enforce => Step::Settle,
        }
    }

    /// The step that leads here.
    #[must_use]
    pub fn step(self) -> Step {
        match self {
            Self::Proposed | Self::Shadow => Step::Shadow,
            Self::Canary(percent) => Step::Canary(percent),
            Self::Enforce => Step::Enforce,
        }
    }

    /// The stage of a gateway that has the candidate.
    #[must_use]
    pub fn stage(self) -> Option<Stage> {
        match self {
            Self::Proposed => None,
            Self::Shadow => Some(Stage::Shadow),
            Self::Canary(_) => Some(Stage::Canary),
            Self::Enforce => Some(Stage::Enforce),
        }
    }

    /// The share of callers at the stage `canary`.
    #[must_use]
    pub fn percent(self) -> Option<u32> {
        match self {
            Self::Canary(percent) => Some(percent),
            Self::Proposed | Self::Shadow | Self::Enforce => None,
        }
    }
}

impl Step {
    /// Where the candidate stands after the step; `None`: it is no more.
    #[must_use]
    pub fn leads_to(self) -> Option<Standing> {
        match self {
            Self::Shadow => Some(Standing::Shadow),
            Self::Canary(percent) => Some(Standing::Canary(percent)),
            Self::Enforce => Some(Standing::Enforce),
            Self::Settle => None,
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Proposed => f.write_str("proposed"),
            Self::Shadow => f.write_str("shadow"),
            Self::Canary(percent) => write!(f, "canary {percent} %"),
            Self::Enforce => f.write_str("enforce"),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.leads_to() {
            Some(standing) => standing.fmt(f),
            None => f.write_str("settled"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_candidate_goes_step_by_step() {
        for (steps, expected) in [
            (&[5, 25][..], "shadow, canary 5 %, canary 25 %, enforce, settled"),
            (&[], "shadow, enforce, settled"),
            (&[0, 50], "shadow, canary 0 %, canary 50 %, enforce, settled"),
        ] {
            let (mut standing, mut walk) = (Some(Standing::Proposed), Vec::new());
            while let Some(here) = standing {
                let step = here.next(steps);
                walk.push(step.to_string());
                standing = step.leads_to();
            }
            assert_eq!(walk.join(", "), expected);
        }
    }

    /// The Rollout may have been edited since.
    #[test]
    fn a_share_that_is_no_step_goes_to_the_next_above_it() {
        assert_eq!(Standing::Canary(10).next(&[5, 25]), Step::Canary(25));
        assert_eq!(Standing::Canary(30).next(&[5, 25]), Step::Enforce);
    }
}
