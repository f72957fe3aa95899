//! What follows for a gateway.

use std::collections::BTreeSet;

use super::gate::{Gate, span};
use super::observed::{Observed, Pod};
use super::question::Question;
use super::regions::{Follows, JudgedRegion, whole};
use crate::rollout::written_moment;

/// How far clocks may differ, in seconds.
const CLOCKS: i64 = 60;

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
    /// For people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::NoData => "no data",
            Self::NoTraffic => "no traffic",
            Self::NoneRefused => "none of it was refused",
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

/// One reason why the next step is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Whether something was seen that speaks against the step. Otherwise something is missing.
    pub blocks: bool,
    /// In words: lower case, no full stop.
    pub text: String,
}

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
        false if is_traffic_known(question, observed) => Answer::NoTraffic,
        false => Answer::NoData,
    };
    for region in regions.iter_mut().filter(|region| region.follows == Follows::Promotes) {
        if matches!(answer, Answer::NoData | Answer::NoTraffic) {
            region.follows = Follows::Waits(vec![answer.words().to_owned()]);
        }
    }
    let mut findings = Findings::default();
    findings.of_source(question, observed, answer);
    findings.of_pods(question, observed);
    findings.of_amount(gate, observed, answer);
    findings.of_errors(gate, observed);
    findings.of_strangers(question, observed);
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
    findings.0.sort_by_key(|finding| !finding.blocks);
    Judgement {
        answer,
        requests,
        seconds: observed.seconds,
        errors: observed.answers.filter(|answers| answers.all > 0.0).map(|answers| answers.errors / answers.all),
        regions,
        findings: findings.0,
    }
}

/// Whether it is known that there was no request: what is there counts, and is of this stage.
fn is_traffic_known(question: &Question<'_>, observed: &Observed) -> bool {
    if !observed.knows_pods {
        return observed.requests.is_some();
    }
    let is_ours =
        |pod: &Pod| pod.loaded_at.is_some_and(|loaded| loaded as i64 >= question.since.saturating_sub(CLOCKS));
    observed.has_series() && observed.requests.unwrap_or_default() <= 0.0 && observed.pods.values().any(is_ours)
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn missing(&mut self, text: String) {
        self.0.push(Finding { blocks: false, text });
    }

    fn blocks(&mut self, text: String) {
        self.0.push(Finding { blocks: true, text });
    }

    fn of_source(&mut self, question: &Question<'_>, observed: &Observed, answer: Answer) {
        for warning in &observed.warnings {
            self.missing(format!("some of the data is missing, so what is absent is not known: {warning}"));
        }
        if question.since > (observed.now as i64).saturating_add(CLOCKS) {
            self.missing(format!(
                "a clock is wrong: it is at `{}` since {}, and where the data is from it is {}",
                question.standing,
                written_moment(question.since),
                written_moment(observed.now as i64)
            ));
        }
        match answer {
            Answer::NoData if observed.is_unproven => self.missing(
                "no data: the log does not show that the gateway evaluates the candidate; give its filter's line `policy for                  NAMESPACE/NAME`, too, which its pods log when they take a configuration"
                    .to_owned(),
            ),
            Answer::NoData if !observed.has_series() && observed.pods.is_empty() => self.missing(
                "no data: there are no series of this gateway; is it scraped, with the labels `namespace`, `gateway` and \
                 `pod` of deploy/dashboards/prometheus.yaml?"
                    .to_owned(),
            ),
            Answer::NoData if !observed.has_series() => {
                self.missing("no data: the pods have no series of the filter".to_owned());
            }
            Answer::NoData => self.missing(
                "no data: the gateway counts nothing for a candidate; was what `sallyport build` writes applied, and does \
                 its filter know candidates?"
                    .to_owned(),
            ),
            Answer::NoTraffic => self.missing("no traffic: there was no request".to_owned()),
            Answer::NoneRefused | Answer::SomeRefused => {}
        }
    }

    fn of_pods(&mut self, question: &Question<'_>, observed: &Observed) {
        let mut digests: BTreeSet<&str> = BTreeSet::new();
        for (name, pod) in &observed.pods {
            let workers: f64 = pod.workers.values().sum();
            digests.extend(pod.workers.iter().filter(|(_, count)| **count > 0.0).map(|(digest, _)| digest.as_str()));
            if pod.is_up == Some(false) {
                self.missing(format!("pod {name} does not answer Prometheus: what it did is not known"));
            } else if workers <= 0.0 {
                self.missing(format!(
                    "pod {name} does not say what its workers have in force: its filter is an old one, or it has none"
                ));
            } else if let Some(all) = pod.concurrency.map(|workers| workers + 1.0).filter(|all| *all > workers) {
                self.missing(format!(
                    "pod {name}: {} of {} threads have a policy in force",
                    whole(workers),
                    whole(all)
                ));
            }
            if let Some(loaded) =
                pod.loaded_at.filter(|loaded| (*loaded as i64) < question.since.saturating_sub(CLOCKS))
            {
                self.missing(format!(
                    "pod {name} has a policy from {}, before this stage began: apply what `sallyport build` writes",
                    written_moment(loaded as i64)
                ));
            }
        }
        if digests.len() > 1 {
            let digests: Vec<_> = digests.into_iter().collect();
            self.missing(format!("workers have different policies in force: {}", digests.join(", ")));
        }
    }

    fn of_amount(&mut self, gate: Gate, observed: &Observed, answer: Answer) {
        if matches!(answer, Answer::NoData | Answer::NoTraffic) {
            return;
        }
        let requests = observed.evaluated();
        if requests < f64::from(gate.requests) {
            self.missing(format!("{} of {} requests", whole(requests), gate.requests));
        }
        let least = gate.seconds as f64;
        if observed.seconds < least {
            self.missing(format!(
                "observed for {} of {}; until {} at the earliest",
                span(observed.seconds as u64),
                span(gate.seconds),
                written_moment((observed.now + least - observed.seconds) as i64)
            ));
        }
    }

    fn of_errors(&mut self, gate: Gate, observed: &Observed) {
        match observed.answers {
            Some(answers) if answers.errors > 0.0 && answers.errors > gate.errors * answers.all => self.blocks(format!(
                "{} of {} requests were answered with 5xx by the gateway or its upstream; at most {} may be",
                whole(answers.errors),
                whole(answers.all),
                share(gate.errors)
            )),
            Some(_) => {}
            None if observed.knows_answers && observed.evaluated() > 0.0 => self.missing(
                "errors are not known: there are no series `envoy_cluster_upstream_rq`, which the pods of `sallyport build` keep"
                    .to_owned(),
            ),
            None => {}
        }
    }

    /// Counts of regions that the change does not have.
    fn of_strangers(&mut self, question: &Question<'_>, observed: &Observed) {
        let is_known = |id: &str| id == "other" || question.regions.iter().any(|region| region.id == id);
        let counted = observed.entries.iter().filter(|(_, count)| **count > 0.0);
        let strangers: BTreeSet<&str> =
            counted.map(|(entry, _)| entry.region.as_str()).filter(|id| !is_known(id)).collect();
        if !strangers.is_empty() {
            let ids: Vec<_> = strangers.into_iter().collect();
            self.missing(format!("the gateway counts regions of another change: {}", ids.join(", ")));
        }
    }
}

fn share(share: f64) -> String {
    format!("{}%", (share * 100_000.0).round() / 1000.0)
}
