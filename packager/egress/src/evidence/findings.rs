//! Reasons for which a step is not taken.

use std::collections::BTreeSet;

use sallyport_core::verdict::Trial;

use super::answer::Answer;
use super::gate::{Gate, requests as counted_requests, span};
use super::observed::{Observed, Pod};
use super::regions::whole;
use crate::meaning::Region;
use crate::rollout::{Standing, written_moment};

/// How far clocks may differ, in seconds.
pub const CLOCKS: i64 = 60;

/// One reason why the next step is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Whether something was seen that speaks against the step. Otherwise something is missing.
    pub blocks: bool,
    /// In words: lower case, no full stop.
    pub text: String,
}

/// All reasons.
#[derive(Default)]
pub(super) struct Findings(Vec<Finding>);

impl Findings {
    /// Those that speak against the step first.
    pub(super) fn sorted(mut self) -> Vec<Finding> {
        self.0.sort_by_key(|finding| !finding.blocks);
        self.0
    }

    pub(super) fn missing(&mut self, text: String) {
        self.0.push(Finding { blocks: false, text });
    }

    pub(super) fn blocks(&mut self, text: String) {
        self.0.push(Finding { blocks: true, text });
    }

    pub(super) fn of_clocks(&mut self, standing: Standing, since: i64, observed: &Observed) {
        if since > (observed.now as i64).saturating_add(CLOCKS) {
            self.missing(format!(
                "a clock is wrong: it is at `{standing}` since {}, and where the data is from it is {}",
                written_moment(since),
                written_moment(observed.now as i64)
            ));
        }
    }

    /// What was counted before the stage began is in the counts, and cannot be taken out.
    pub(super) fn of_past(&mut self, since: i64, observed: &Observed) {
        let before = observed.counts_since.map(|counts| counts as i64);
        if let Some(before) = before.filter(|before| *before < since.saturating_sub(CLOCKS)) {
            self.missing(format!(
                "the page counts since {}, before this stage began: Prometheus or a log knows what came after that",
                written_moment(before)
            ));
        }
    }

    pub(super) fn of_source(&mut self, observed: &Observed, answer: Answer) {
        for warning in &observed.warnings {
            self.missing(format!("some of the data is missing, so what is absent is not known: {warning}"));
        }
        match answer {
            Answer::NoData if observed.is_unproven => self.missing(
                "no data: the log does not show what the gateway has in force; give its filter's line `policy for \
                 NAMESPACE/NAME`, too, which its pods log when they take a configuration"
                    .to_owned(),
            ),
            Answer::NoData if !observed.knows_pods => self.missing(
                "no data: the logs have no line about this gateway that counts: give the JSON access log of its gateway \
                 (`accessLog: json` in the Mesh file) since the stage began; the filter's own lines are only examples"
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

    /// `mark`: what its workers are to have in force, or why that is not known.
    pub(super) fn of_pods(&mut self, mark: Result<&str, &str>, observed: &Observed) {
        let mark = match mark {
            Ok(mark) => mark,
            Err(why) => return self.missing(format!("what its workers are to have in force is not known: {why}")),
        };
        for (name, pod) in &observed.pods {
            self.of_pod(mark, name, pod);
        }
    }

    fn of_pod(&mut self, mark: &str, name: &str, pod: &Pod) {
        let workers: f64 = pod.workers.values().sum();
        let ours = pod.in_force(mark);
        if pod.is_up == Some(false) {
            self.missing(format!("pod {name} does not answer Prometheus: what it did is not known"));
        } else if workers <= 0.0 {
            self.missing(format!(
                "pod {name} does not say what its workers have in force: its filter is an old one, or it has none"
            ));
        } else if ours < workers {
            let others: Vec<_> =
                pod.workers.iter().filter(|(digest, count)| *digest != mark && **count > 0.0).collect();
            let others: Vec<_> = others.into_iter().map(|(digest, _)| digest.as_str()).collect();
            self.missing(format!(
                "pod {name}: {} of {} threads have what `sallyport build` writes ({mark}) in force, others have {}: apply it",
                whole(ours),
                whole(workers),
                others.join(", ")
            ));
        } else if let Some(concurrency) = pod.concurrency {
            let all = concurrency + 1.0;
            if ours < all {
                self.missing(format!("pod {name}: {} of {} threads have a policy in force", whole(ours), whole(all)));
            }
        } else {
            self.missing(format!(
                "pod {name} does not say how many workers it has: `envoy_server_concurrency` is not among its series"
            ));
        }
    }

    pub(super) fn of_amount(&mut self, gate: Gate, requests: f64, observed: &Observed) {
        if requests < f64::from(gate.requests) {
            self.missing(format!("{} of {}", whole(requests), counted_requests(&gate.requests.to_string())));
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

    /// `requests`: those that the gateway is judged by.
    pub(super) fn of_errors(&mut self, gate: Gate, requests: f64, observed: &Observed) {
        match (observed.answers, observed.error_share(requests)) {
            (Some(answers), Some(found)) if answers.errors > 0.0 && found > gate.errors => self.blocks(format!(
                "{} were answered with 5xx by the gateway or its upstream: {} of the {} that count as evidence; at most {} may be",
                counted_requests(&whole(answers.errors)),
                share(found),
                whole(answers.all.min(requests)),
                share(gate.errors)
            )),
            (None, _) if observed.knows_answers && requests > 0.0 => self.missing(
                "errors are not known: there are no series `envoy_cluster_upstream_rq`, which the pods of `sallyport build` keep"
                    .to_owned(),
            ),
            _ => {}
        }
    }

    /// Counts of regions that the change does not have.
    pub(super) fn of_strangers(&mut self, regions: &[Region], observed: &Observed) {
        let is_known = |id: &str| id == Trial::OTHER || regions.iter().any(|region| region.id == id);
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
