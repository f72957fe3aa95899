//! What the gateways count.

use std::collections::{BTreeMap, BTreeSet};

use time::OffsetDateTime;

use super::model::{Gateway, Map};
use crate::exit::Failure;
use crate::printable::visible;
use crate::prometheus::{Client, Counted, MetricsPage, Sample, Unanswered, decode_caller};

/// The series that are read, each with the query for those of some time.
const SERIES: [(&str, &str); 6] = [
    (
        "sallyport_requests_total",
        "sum by (namespace, gateway, verdict, reason) (increase(sallyport_requests_total[WINDOW]))",
    ),
    ("sallyport_diverted_total", "sum by (namespace, gateway) (increase(sallyport_diverted_total[WINDOW]))"),
    ("sallyport_rule_total", "sum by (namespace, gateway, rule, verdict) (increase(sallyport_rule_total[WINDOW]))"),
    ("sallyport_caller_total", "sum by (namespace, gateway, caller) (increase(sallyport_caller_total[WINDOW]))"),
    ("sallyport_health_state", "sallyport_health_state"),
    ("sallyport_config_loaded_at_seconds", "sallyport_config_loaded_at_seconds"),
];

/// What is known of all gateways.
#[derive(Debug, Default)]
pub(crate) struct Observation {
    /// The server's time, in RFC 3339; `None`: pages have none.
    pub(crate) as_of: Option<String>,
    /// Of what the counts are: `1h`, or all since the pods started.
    pub(crate) window: Option<String>,
    /// Why some of the data is missing.
    pub(crate) warnings: Vec<String>,
    /// What the server says about the queries.
    pub(crate) notes: Vec<String>,
    /// By `NAMESPACE/NAME`. A gateway that is not here has no series.
    pub(crate) gateways: BTreeMap<String, Observed>,
}

/// What is known of one gateway.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    pods: BTreeSet<String>,
    /// Requests that were allowed.
    pub(crate) allowed: f64,
    /// Requests that were refused, by reason.
    pub(crate) refused: BTreeMap<String, f64>,
    /// Allowed requests that did not go to the upstream.
    pub(crate) diverted: f64,
    /// Requests that a rule allows, or would allow, by the rule's label.
    rules: BTreeMap<String, f64>,
    /// Requests by principal, which are counted while there is a candidate.
    callers: BTreeMap<String, f64>,
    /// The state of each gate: 0 closed, 1 half-open, 2 open, the worst of all pods.
    health: BTreeMap<String, f64>,
}

/// How an upstream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    Healthy,
    /// Some requests are sent to it.
    Recovering,
    Down,
    /// Its gateway has no health gate.
    NoGate,
    /// There are no series of the gateway.
    NoData,
}

impl Health {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Health::Healthy => "healthy",
            Health::Recovering => "recovering",
            Health::Down => "down",
            Health::NoGate => "no gate",
            Health::NoData => "no data",
        }
    }
}

impl Observation {
    /// Asks a Prometheus about the last `window`, at one time of its own.
    pub(crate) fn ask(client: &Client, window: &str) -> Result<Observation, Unanswered> {
        let now = client.now()?;
        let mut observation =
            Observation { as_of: rfc3339(now), window: Some(window.to_owned()), ..Observation::default() };
        for (name, query) in SERIES {
            let answer = client.query(&query.replace("WINDOW", window), Some(now))?;
            observation.warnings.extend(answer.warnings);
            observation.notes.extend(answer.notes);
            answer.samples.iter().for_each(|sample| observation.take(name, sample));
        }
        observation.warnings.sort();
        observation.warnings.dedup();
        observation.notes.sort();
        observation.notes.dedup();
        Ok(observation)
    }

    /// Reads metrics pages.
    pub(crate) fn read(pages: &[MetricsPage]) -> Result<Observation, Failure> {
        let mut observation = Observation::default();
        for page in pages {
            let samples = page.read()?;
            for (name, _) in SERIES {
                samples.named(name).for_each(|sample| observation.take(name, sample));
            }
        }
        Ok(observation)
    }

    fn take(&mut self, name: &str, sample: &Sample) {
        if !sample.is_count() {
            let warning = sample.no_count();
            if !self.warnings.contains(&warning) {
                self.warnings.push(warning);
            }
            return;
        }
        let label = |name: &str| sample.label(name).to_owned();
        let value = sample.value;
        let observed = self.gateways.entry(format!("{}/{}", label("namespace"), label("gateway"))).or_default();
        match (name, sample.label("verdict")) {
            ("sallyport_requests_total", "allowed") => observed.allowed += value,
            ("sallyport_requests_total", _) => *observed.refused.entry(label("reason")).or_default() += value,
            ("sallyport_diverted_total", _) => observed.diverted += value,
            ("sallyport_rule_total", "allowed" | "would_allow") => {
                *observed.rules.entry(label("rule")).or_default() += value;
            }
            ("sallyport_caller_total", _) => {
                if let Some(Counted::Principal(principal)) = decode_caller(sample.label("caller")) {
                    *observed.callers.entry(principal).or_default() += value;
                }
            }
            ("sallyport_health_state", _) => {
                let worst = observed.health.entry(label("target")).or_default();
                *worst = worst.max(value);
            }
            ("sallyport_config_loaded_at_seconds", _) => {
                observed.pods.insert(label("pod"));
            }
            _ => {}
        }
    }

    /// The gateways that are not on the map.
    pub(crate) fn strangers(&self, map: &Map) -> Vec<String> {
        let is_on_map = |route: &String| map.gateways.iter().any(|gateway| gateway.route == *route);
        self.gateways.keys().filter(|route| !is_on_map(route)).map(|route| visible(route)).collect()
    }

    pub(crate) fn of(&self, gateway: &Gateway) -> Option<&Observed> {
        self.gateways.get(&gateway.route)
    }

    pub(crate) fn health(&self, gateway: &Gateway) -> Health {
        let Some(observed) = self.of(gateway) else { return Health::NoData };
        match observed.health.get("upstream") {
            Some(state) if *state >= 2.0 => Health::Down,
            Some(state) if *state >= 1.0 => Health::Recovering,
            Some(_) => Health::Healthy,
            None if gateway.has_gate => Health::NoData,
            None => Health::NoGate,
        }
    }
}

impl Observed {
    /// How many pods report.
    pub(crate) fn pods(&self) -> usize {
        self.pods.len()
    }

    /// How many requests were refused.
    pub(crate) fn all_refused(&self) -> f64 {
        self.refused.values().sum()
    }

    /// How many requests a rule allowed; `None`: the gateway does not count it.
    pub(crate) fn calls(&self, rule: &str) -> Option<f64> {
        let is_of_label = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let label: String = rule.chars().map(|c| if is_of_label(c) { c } else { '_' }).collect();
        self.rules.get(&label).copied()
    }

    /// How many requests a caller sent; `None`: the gateway does not count it.
    pub(crate) fn calls_of(&self, principal: &str) -> Option<f64> {
        self.callers.get(principal).copied()
    }
}

/// `2027-01-31T12:00:00Z`
fn rfc3339(seconds: f64) -> Option<String> {
    let time = OffsetDateTime::from_unix_timestamp(seconds as i64).ok()?;
    let (date, (hour, minute, second)) = (time.date(), time.to_hms());
    let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"))
}
