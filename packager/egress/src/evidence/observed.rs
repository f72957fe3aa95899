//! What was observed of one gateway.

use std::collections::BTreeMap;
use std::fmt;

/// Whom a count is of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counted {
    /// A caller by its principal.
    Principal(String),
    /// The callers that have no series of their own, summed.
    Others,
    /// Callers without an identity.
    Anonymous,
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Principal(principal) => principal,
            Self::Others => "other callers",
            Self::Anonymous => "callers without an identity",
        })
    }
}

/// What both policies decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pair {
    /// Both allow it.
    Allowed,
    /// What is allowed now is refused by the candidate.
    Narrowed,
    /// What is refused now is allowed by the candidate.
    Widened,
    /// Both refuse it.
    Refused,
}

impl Pair {
    const ALL: [(Pair, &'static str); 4] = [
        (Pair::Allowed, "allowed_allowed"),
        (Pair::Narrowed, "allowed_refused"),
        (Pair::Widened, "refused_allowed"),
        (Pair::Refused, "refused_refused"),
    ];

    /// The value of the label `pair`.
    #[must_use]
    pub fn label(self) -> &'static str {
        Self::ALL.iter().find(|(pair, _)| *pair == self).map_or("", |(_, label)| label)
    }

    /// The pair of a label.
    #[must_use]
    pub fn of_label(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, label)| *label == text).map(|(pair, _)| *pair)
    }
}

/// Where requests were decided otherwise, and by whom they were sent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The region's id, or `other`.
    pub region: String,
    /// What both policies decide.
    pub pair: Pair,
    /// Who sent them.
    pub caller: Counted,
}

/// One pod of a gateway.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pod {
    /// Whether it answers Prometheus now; `None`: not known.
    pub is_up: Option<bool>,
    /// How many threads of Envoy have a configuration in force, by its digest: its workers and the main one.
    pub workers: BTreeMap<String, f64>,
    /// How many workers it has, without the main thread.
    pub concurrency: Option<f64>,
}

impl Pod {
    /// How many of its threads have this in force.
    #[must_use]
    pub fn in_force(&self, mark: &str) -> f64 {
        self.workers.get(mark).copied().unwrap_or_default()
    }
}

/// What the gateway's upstream and the gateway answered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answers {
    /// Requests that were to reach the upstream.
    pub all: f64,
    /// Those that were answered with 5xx.
    pub errors: f64,
}

/// What was observed of one gateway since the stage of its candidate began.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// The time of the source, in Unix seconds.
    pub now: f64,
    /// For how many seconds the configuration that is in force now has been observed; what has observed it may have ended before
    /// `now`.
    pub seconds: f64,
    /// Its pods. A log has none.
    pub pods: BTreeMap<String, Pod>,
    /// Whether there are requests, but nothing shows that the candidate was evaluated for them: then they are not here.
    pub is_unproven: bool,
    /// Whether the source knows pods and workers: a log does not.
    pub knows_pods: bool,
    /// Since when it counts at least, in Unix seconds, if that is not the beginning of the stage: a page has no past.
    pub counts_since: Option<f64>,
    /// Requests by caller, counted under the candidate at its stage.
    pub callers: BTreeMap<Counted, f64>,
    /// All requests, with and without a candidate; `None`: not known.
    pub requests: Option<f64>,
    /// Requests that both policies decide in different ways.
    pub entries: BTreeMap<Entry, f64>,
    /// When these were seen first, in Unix seconds, as far as it is known.
    pub first: BTreeMap<Entry, f64>,
    /// When each region was entered last, in Unix seconds.
    pub seen: BTreeMap<String, f64>,
    /// `None`: not known.
    pub answers: Option<Answers>,
    /// Whether the source counts errors.
    pub knows_answers: bool,
    /// Why some of the data is missing.
    pub warnings: Vec<String>,
}

impl Observed {
    /// How many requests the candidate was evaluated for.
    #[must_use]
    pub fn evaluated(&self) -> f64 {
        self.callers.values().fold(0.0, |sum, count| sum + count)
    }

    /// Whether there is a series of the filter.
    #[must_use]
    pub fn has_series(&self) -> bool {
        let has_workers = self.pods.values().any(|pod| !pod.workers.is_empty());
        has_workers || !self.callers.is_empty() || self.requests.is_some()
    }

    /// Whether it is known that there was no request: what there is counts, and a worker has what it should.
    pub(super) fn is_known_quiet(&self, mark: Result<&str, &str>) -> bool {
        if !self.knows_pods {
            return self.requests.is_some();
        }
        let has_ours = |pod: &Pod| mark.is_ok_and(|mark| pod.in_force(mark) > 0.0);
        self.requests.unwrap_or_default() <= 0.0 && self.pods.values().any(has_ours)
    }

    /// The share of requests that were answered with 5xx, from 0 on; `None`: not known. Errors may have been counted for longer
    /// than requests were, so it is one of as few requests as can be: more of them would hide errors.
    pub(super) fn error_share(&self, requests: f64) -> Option<f64> {
        let answers = self.answers.filter(|answers| answers.all > 0.0 && requests > 0.0)?;
        Some(answers.errors / answers.all.min(requests))
    }
}
