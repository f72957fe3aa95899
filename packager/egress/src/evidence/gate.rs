//! What a step needs of the stage before it.

use crate::model::rollout::Gates;
use crate::rollout::Standing;

/// What a step needs of the stage before it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Gate {
    /// How long the candidate must have been at the stage.
    pub seconds: u64,
    /// How many requests it must have seen there.
    pub requests: u32,
    /// The largest share of errors, from 0 to 1.
    pub errors: f64,
}

impl Gate {
    /// The gate behind a stage; `None`: a candidate that no gateway has passes none.
    #[must_use]
    pub fn of(gates: &Gates, standing: Standing) -> Option<Self> {
        let (time, requests) = match standing {
            Standing::Proposed => return None,
            Standing::Shadow => (&gates.shadow.min_time, gates.shadow.min_requests),
            Standing::Canary(_) => (&gates.canary.min_time, gates.canary.min_requests),
            Standing::Enforce => (&gates.enforce.min_time, 0),
        };
        Some(Self { seconds: time.length().as_secs(), requests, errors: gates.errors.at_most.share() })
    }
}

/// A length of time for people, in its two largest units: `26h`, `1h30m`, `1m30s`, `0s`.
#[must_use]
pub fn span(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, 0) => format!("{minutes}m"),
        (0, minutes, seconds) => format!("{minutes}m{seconds}s"),
        (hours, 0, _) => format!("{hours}h"),
        (hours, minutes, _) => format!("{hours}h{minutes}m"),
    }
}

/// A number of requests with its noun; `number`: as people read it.
#[must_use]
pub fn requests(number: &str) -> String {
    format!("{number} {}", if number == "1" { "request" } else { "requests" })
}
