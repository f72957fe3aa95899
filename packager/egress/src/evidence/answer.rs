//! What is known of a gateway in one word.

use crate::rollout::Standing;

/// What is known of a gateway in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// There are no series of the candidate.
    NoData,
    /// There are series, and no request.
    NoTraffic,
    /// There were requests, and the candidate would refuse none of those that were allowed.
    NoneRefused,
    /// The candidate would refuse some.
    SomeRefused,
}

impl Answer {
    /// For people, of a candidate that stands there: in shadow nothing is refused, and at `canary` what it decides for some callers.
    #[must_use]
    pub fn words(self, standing: Standing) -> &'static str {
        match self {
            Self::NoData => "no data",
            Self::NoTraffic => "no traffic",
            Self::NoneRefused => "none of it was refused",
            Self::SomeRefused if standing <= Standing::Shadow => "some of it would be refused",
            Self::SomeRefused if standing < Standing::Enforce => "some of it was refused, or would be for all",
            Self::SomeRefused => "some of it was refused",
        }
    }

    /// For programs.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::NoData => "noData",
            Self::NoTraffic => "noTraffic",
            Self::NoneRefused => "noneRefused",
            Self::SomeRefused => "someRefused",
        }
    }
}
