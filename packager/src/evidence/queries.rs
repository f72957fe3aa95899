//! The PromQL of the evidence, each text once.
//!
//! # Design
//! Prometheus' `increase` begins with the second sample of a series: of a counter that appears with 1 it says nothing. But one
//! entry of a region is what matters. So an increase here is the larger one of two: `increase`, which sees resets, and the last
//! value less the one before the window, which counts a series that is new from zero.
//!
//! A series that was not scraped when the window began is not new if it was scraped before. What came in the gap may be of before
//! the window or within it. What speaks for a step does not count it; what speaks against one does.

use std::fmt;

/// Which series: those of one gateway, and of what it is to have in force.
#[derive(Clone, Debug)]
pub(crate) struct Selector {
    matchers: String,
    mark: String,
}

/// What is asked, for one gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    /// Requests that the candidate was evaluated for.
    Requests,
    /// All requests.
    AllRequests,
    /// Requests that both policies decide in different ways.
    Entries,
    /// Requests that were to reach the upstream.
    Sent,
    /// Those that were answered with 5xx.
    Errors,
}

impl Selector {
    pub(crate) fn of(namespace: &str, gateway: &str, mark: &str) -> Self {
        Self { matchers: format!("namespace=\"{namespace}\",gateway=\"{gateway}\""), mark: mark.to_owned() }
    }

    /// With further matchers.
    pub(crate) fn and(&self, matchers: impl fmt::Display) -> Self {
        Self { matchers: format!("{},{matchers}", self.matchers), mark: self.mark.clone() }
    }

    /// With what it is to have in force: what is counted under something else is of another stage or another candidate.
    fn in_force(&self) -> Self {
        self.and(format!("digest=\"{}\"", self.mark))
    }

    /// With anything else in force.
    fn others(&self) -> Self {
        self.and(format!("digest!=\"{}\"", self.mark))
    }

    pub(crate) fn series(&self, name: &str) -> String {
        format!("{name}{{{}}}", self.matchers)
    }
}

impl Measure {
    /// The increase within the window, by series. `window`: a duration of Prometheus.
    pub(crate) fn increase(self, selector: &Selector, window: &str) -> String {
        let all = self.series(selector);
        let parts: Vec<String> = all.iter().map(|series| increase(series, window, self.speaks_against())).collect();
        parts.join(" or ")
    }

    /// The sum within the window.
    pub(crate) fn total(self, selector: &Selector, window: &str) -> String {
        format!("sum({})", self.increase(selector, window))
    }

    /// Whether more of it keeps a step from being taken.
    fn speaks_against(self) -> bool {
        matches!(self, Self::Entries | Self::Errors)
    }

    fn series(self, selector: &Selector) -> Vec<String> {
        // By their Envoy's tags they have other names than by Istio's.
        let answered = |class: &str, digit: &str| {
            [
                selector.and("cluster_name=~\"outbound.*\"").and(class).series("envoy_cluster_upstream_rq"),
                selector.and("envoy_cluster_name=~\"outbound.*\"").and(digit).series("envoy_cluster_upstream_rq_xx"),
            ]
        };
        let diverted = || selector.and("outcome=\"upstream_down\"").series("sallyport_diverted_total");
        match self {
            Self::Requests => vec![selector.in_force().series("sallyport_caller_total")],
            Self::AllRequests => vec![selector.series("sallyport_requests_total")],
            Self::Entries => vec![selector.in_force().series("sallyport_region_total")],
            Self::Sent => {
                let [istio, plain] = answered("response_code_class!=\"\"", "envoy_response_code_class!=\"\"");
                vec![istio, plain, diverted()]
            }
            Self::Errors => {
                let [istio, plain] = answered("response_code_class=\"5xx\"", "envoy_response_code_class=\"5\"");
                vec![istio, plain, diverted()]
            }
        }
    }
}

/// For how long before the window a series is looked for that was not scraped when the window began.
const BEFORE: &str = "1d";

fn increase(series: &str, window: &str, speaks_against: bool) -> String {
    let grown = format!("increase({series}[{window}])");
    let last = format!("last_over_time({series}[{window}])");
    let before = format!("last_over_time({series}[{BEFORE}] offset {window})");
    let now = match speaks_against {
        // One that is less than it was has begun again.
        true => format!("({last} - {before} >= 0 or {last})"),
        false => format!("({last} - {series} offset {window} or ({last} unless {before}))"),
    };
    let named = |query: &str, way: &str| format!("label_replace({query}, \"way\", \"{way}\", \"\", \"\")");
    format!("max without (way) ({} or {})", named(&grown, "increase"), named(&now, "last"))
}

/// How many times it is looked at, within a window, whether a gateway was observed.
const LOOKS: u64 = 500;

fn step(seconds: u64) -> u64 {
    seconds.checked_div(LOOKS).unwrap_or_default().max(1)
}

/// How long workers were seen with what they are to have in force, and no pod with anything else, in seconds, within a window of
/// so many.
pub(crate) fn observed(selector: &Selector, window: &str, seconds: u64) -> String {
    let step = step(seconds);
    let workers = selector.in_force().series("sallyport_workers");
    format!("{step} * count_over_time((sum({workers}) > 0 unless count({}))[{window}:{step}s])", behind(selector))
}

/// Pods that count requests and do not have in force, or not in all of their workers, what they are to have.
fn behind(selector: &Selector) -> String {
    let workers = selector.in_force().series("sallyport_workers");
    let without = format!("({} unless on (pod) ({workers} > 0))", selector.series("sallyport_requests_total"));
    let others = format!("({} > 0)", selector.others().series("sallyport_workers"));
    format!("{without} or {others}")
}

/// When workers were first seen with what they are to have in force, within a window of so many seconds.
pub(super) fn taken(selector: &Selector, window: &str, seconds: u64) -> String {
    let workers = selector.in_force().series("sallyport_workers");
    let step = step(seconds);
    format!("min(min_over_time(timestamp({workers} > 0)[{window}:{step}s]))")
}

/// Until when there was a pod that counts requests and does not have in force, or not in all of its workers, what it is to have.
/// A step behind the last look that saw one: until the next look it may have been so.
pub(super) fn left(selector: &Selector, window: &str, seconds: u64) -> String {
    let step = step(seconds);
    format!("max(max_over_time(timestamp({})[{window}:{step}s])) + {step}", behind(selector))
}

/// Beginnings of the names of a candidate's series, before the job takes them apart.
const FLAT: [&str; 3] = ["sallyport_region_", "sallyport_caller_", "sallyport_workers_"];
/// The names that it makes of them, as far as they begin like that.
const NAMED: [&str; 3] = ["sallyport_region_total", "sallyport_region_seen_seconds", "sallyport_caller_total"];

/// Whether a name should have been taken apart, and was not: the job's rules do not know what is in it.
pub(super) fn is_unnamed(name: &str) -> bool {
    FLAT.iter().any(|begin| name.starts_with(begin)) && !NAMED.contains(&name)
}

/// The names of such series.
pub(super) fn unnamed(selector: &Selector) -> String {
    let [flat, named] = [FLAT, NAMED].map(|names| names.join("|"));
    let selector = selector.and(format!("__name__=~\"({flat}).*\",__name__!~\"{named}\""));
    format!("count by (__name__) ({})", selector.series(""))
}

/// Threads of the gateway that have something else in force now.
pub(crate) fn others(selector: &Selector) -> String {
    format!("sum({}) or vector(0)", selector.others().series("sallyport_workers"))
}

/// The share of requests that were answered with 5xx: of those that were sent or counted, whichever are fewer.
pub(crate) fn error_share(selector: &Selector, window: &str) -> String {
    let [sent, counted] = [Measure::Sent, Measure::Requests].map(|measure| measure.total(selector, window));
    let errors = Measure::Errors.increase(selector, window);
    format!("(sum({errors}) or vector(0)) / (({sent} < {counted}) or {counted})")
}

/// Pods of the gateway that do not answer.
pub(crate) fn silent(selector: &Selector) -> String {
    format!("count({} == 0) or vector(0)", selector.series("up"))
}

/// When requests of a region were first counted within a window of so many seconds.
pub(crate) fn first(selector: &Selector, window: &str, seconds: u64) -> String {
    let series = selector.in_force().series("sallyport_region_total");
    let step = step(seconds);
    format!("min by (region, pair, caller) (min_over_time(timestamp({series} > 0)[{window}:{step}s]))")
}

/// When each region was entered last.
pub(crate) fn seen(selector: &Selector, window: &str) -> String {
    format!(
        "max by (region) (max_over_time({}[{window}]))",
        selector.in_force().series("sallyport_region_seen_seconds")
    )
}
