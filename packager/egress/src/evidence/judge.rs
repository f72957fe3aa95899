//! What follows for a gateway.

use super::answer::Answer;
use super::findings::{Finding, Findings};
use super::gate::Gate;
use super::observed::Observed;
use super::question::Question;
use super::regions::{Follows, JudgedRegion};

/// What follows for a gateway.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// What is known.
    pub answer: Answer,
    /// How many requests the candidate was evaluated for.
    pub requests: f64,
    /// For how many seconds.
    pub seconds: f64,
    /// The share of errors, if it is known.
    pub errors: Option<f64>,
    /// The regions, in their order, and what is in none.
    pub regions: Vec<JudgedRegion>,
    /// What keeps the next step from being taken.
    pub findings: Vec<Finding>,
}

impl Judgement {
    /// Whether the next step may be taken.
    #[must_use]
    pub fn promotes(&self) -> bool {
        self.findings.is_empty()
    }

    /// Whether something speaks against it.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.findings.iter().any(|finding| finding.blocks)
    }
}

/// What follows from what was observed.
#[must_use]
pub fn judge(question: &Question<'_>, observed: &Observed) -> Judgement {
    let gate = Gate::of(&question.rollout.gates, question.standing).unwrap_or_default();
    let requests = observed.evaluated();
    let mut regions: Vec<JudgedRegion> =
        question.regions.iter().map(|region| JudgedRegion::of(region, question, gate, observed)).collect();
    regions.extend(JudgedRegion::of_others(question, observed));
    let is_refused = |region: &JudgedRegion| match region.change {
        Some(_) => region.is_narrowed() && (region.entries() > 0.0 || region.last_seen.is_some()),
        None => matches!(region.follows, Follows::Blocks(_)),
    };
    let answer = match requests > 0.0 {
        _ if regions.iter().any(is_refused) => Answer::SomeRefused,
        true => Answer::NoneRefused,
        false if observed.is_known_quiet(question.mark) => Answer::NoTraffic,
        false => Answer::NoData,
    };
    for region in regions.iter_mut().filter(|region| region.follows == Follows::Promotes) {
        if matches!(answer, Answer::NoData | Answer::NoTraffic) {
            region.follows = Follows::Waits(vec![answer.words(question.standing).to_owned()]);
        }
    }
    let mut findings = Findings::default();
    findings.of_clocks(question.standing, question.since, observed);
    findings.of_past(question.since, observed);
    findings.of_source(observed, answer);
    findings.of_pods(question.mark, observed);
    if !matches!(answer, Answer::NoData | Answer::NoTraffic) {
        findings.of_amount(gate, requests, observed);
    }
    findings.of_errors(gate, requests, observed);
    findings.of_strangers(question.regions, observed);
    for region in &regions {
        match &region.follows {
            Follows::Promotes | Follows::Information => {}
            // Once there is data, each caller that was not seen is a reason of its own.
            Follows::Waits(reasons) if matches!(answer, Answer::NoneRefused | Answer::SomeRefused) => {
                reasons.iter().for_each(|reason| findings.missing(format!("region {}: {reason}", region.id)));
            }
            Follows::Waits(_) => {}
            Follows::Blocks(reasons) => {
                reasons.iter().for_each(|reason| findings.blocks(format!("region {}: {reason}", region.id)));
            }
        }
    }
    let findings = findings.sorted();
    Judgement { answer, requests, seconds: observed.seconds, errors: observed.error_share(requests), regions, findings }
}
