//! How far a promotion goes.

use std::str::FromStr;

use sallyport_egress::rollout::{Standing, Step};

/// The value of `--to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Shadow,
    /// The first step of the canary.
    Canary,
    /// This share of the callers, in percent.
    Percent(u32),
    Enforce,
    Settled,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "shadow" => Ok(Target::Shadow),
            "canary" => Ok(Target::Canary),
            "enforce" => Ok(Target::Enforce),
            "settled" => Ok(Target::Settled),
            _ => {
                let percent = text.strip_suffix('%').and_then(|number| number.parse::<u32>().ok());
                let percent = percent.filter(|percent| (1..100).contains(percent));
                percent.map(Target::Percent).ok_or_else(|| {
                    "a stage is `shadow`, `canary`, a share of callers such as `25%`, `enforce` or `settled`".to_owned()
                })
            }
        }
    }
}

impl Target {
    /// The step that leads there; `None`: the candidate is there, or further.
    pub(crate) fn step(self, from: Standing, steps: &[u32]) -> Option<Step> {
        let step = match self {
            Target::Shadow => Step::Shadow,
            Target::Canary if matches!(from, Standing::Canary(_)) => return None,
            Target::Canary => steps.first().map_or(Step::Enforce, |percent| Step::Canary(*percent)),
            Target::Percent(percent) => Step::Canary(percent),
            Target::Enforce => Step::Enforce,
            Target::Settled => Step::Settle,
        };
        step.leads_to().is_none_or(|to| to > from).then_some(step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_step_or_reached() {
        for (target, from, step) in [
            ("shadow", Standing::Proposed, Some(Step::Shadow)),
            ("shadow", Standing::Canary(5), None),
            ("canary", Standing::Shadow, Some(Step::Canary(5))),
            ("canary", Standing::Canary(5), None),
            ("25%", Standing::Canary(5), Some(Step::Canary(25))),
            ("5%", Standing::Canary(25), None),
            ("enforce", Standing::Shadow, Some(Step::Enforce)),
            ("enforce", Standing::Enforce, None),
            ("settled", Standing::Enforce, Some(Step::Settle)),
        ] {
            assert_eq!(target.parse::<Target>().unwrap().step(from, &[5, 25]), step, "{target}");
        }
        for wrong in ["", "0%", "100%", "5", "production", "-1%"] {
            assert!(wrong.parse::<Target>().is_err(), "{wrong}");
        }
    }
}
