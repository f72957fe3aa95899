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
    /// Whether the candidate is further: no promotion leads back.
    pub(crate) fn is_behind(self, from: Standing) -> bool {
        match self {
            Target::Shadow => from > Standing::Shadow,
            Target::Canary => from >= Standing::Enforce,
            Target::Percent(percent) => from > Standing::Canary(percent),
            Target::Enforce | Target::Settled => false,
        }
    }

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
        for (target, from, is_behind) in [
            ("shadow", Standing::Shadow, false),
            ("shadow", Standing::Canary(5), true),
            ("canary", Standing::Canary(25), false),
            ("canary", Standing::Enforce, true),
            ("25%", Standing::Canary(25), false),
            ("5%", Standing::Canary(25), true),
            ("5%", Standing::Enforce, true),
            ("enforce", Standing::Enforce, false),
            ("settled", Standing::Enforce, false),
        ] {
            assert_eq!(target.parse::<Target>().unwrap().is_behind(from), is_behind, "{target} from {from}");
        }
        for wrong in ["", "0%", "100%", "5", "production", "-1%"] {
            assert!(wrong.parse::<Target>().is_err(), "{wrong}");
        }
    }
}
