//! Metrics pages of a gateway's pods. They have counts since the pods started, and no past. What is counted for a candidate has
//! the mark of what was in force, so what was counted before its stage is not taken for it. A file says what was so when it was
//! written: the time that it was observed for ends there.

use std::collections::{BTreeMap, BTreeSet};

use sallyport_egress::evidence::{Answers, CLOCKS, Observed};
use sallyport_egress::rollout::written_moment;

use super::ask::{no_name, note_caller, note_entry, note_pod, note_seen};
use super::queries::is_unnamed;
use super::subject::Subject;
use crate::exit::Failure;
use crate::printable::visible;
use crate::prometheus::{MetricsPage, Sample, Samples};

/// When a pod's policy was loaded.
const LOADED: &str = "sallyport_config_loaded_at_seconds";
/// For how many seconds a pod has been counting.
const UPTIME: &str = "envoy_server_uptime";

const REQUESTS: &str = "sallyport_requests_total";
const CONCURRENCY: &str = "envoy_server_concurrency";

/// Reads those of one gateway. `now`: Unix seconds of this machine, as pages have no time.
pub(super) fn read(pages: &[&MetricsPage], subject: &Subject<'_>, now: i64) -> Result<Observed, Failure> {
    let found = Observed { now: now as f64, knows_pods: true, knows_answers: true, ..Observed::default() };
    let mut reader =
        Reader { subject, now, found, since: Some(subject.since as f64), until: now as f64, sent: None, errors: 0.0 };
    let (mut unanswered, mut of_pods) = (Vec::new(), Vec::new());
    let mut counted: Vec<(&str, Process)> = Vec::new();
    for page in pages {
        let samples = page.read()?;
        let process = Process::of(&samples);
        let known = |is_it: fn(&Process, &Process) -> bool| {
            counted.iter().find(|(_, known)| is_it(known, &process)).map(|(source, _)| visible(source))
        };
        if let Some(source) = known(Process::is_same) {
            let text = format!(
                "has the same counts as {source}, so they count once: is it of the same pod? Give one page of each"
            );
            reader.warn(page, &text);
            continue;
        }
        if let Some(source) = known(Process::may_be_same) {
            let text = format!(
                "may be of the same pod as {source}, a moment apart: both loaded their policy at the same time, and one has no count \
                 that is lower. Give one page of each pod; pages with `{STARTED}` tell pods apart"
            );
            reader.warn(page, &text);
        }
        counted.push((page.source(), process));
        of_pods.push(*page);
        reader.times(page, &samples);
        let has_answers = reader.counts(&samples);
        reader.whose(page, &samples);
        let has_requests = samples.named(REQUESTS).any(|sample| sample.value > 0.0);
        unanswered.extend((has_requests && !has_answers).then(|| page.source()));
    }
    Ok(reader.end(&of_pods, &unanswered))
}

/// For how long Envoy started, in milliseconds: a pod keeps it for as long as it lives.
const STARTED: &str = "envoy_server_initialization_time_ms_sum";

/// What a page says of the pod that it is of, whatever the page is called.
struct Process {
    counts: Vec<Sample>,
    /// Counters by their name and what the filter or the job says of them, without what a server adds.
    counters: BTreeMap<(String, Vec<String>), f64>,
    loaded: Option<f64>,
    started: Option<f64>,
}

impl Process {
    fn of(samples: &Samples) -> Self {
        let is_counted = |sample: &&Sample| sample.name.starts_with("sallyport_") || answered(sample).is_some();
        let without_pod = |sample: &Sample| {
            let mut sample = sample.clone();
            sample.labels.remove("pod");
            sample
        };
        let mut counters = BTreeMap::new();
        for sample in samples.iter().filter(|sample| sample.name.starts_with("sallyport_") && is_counter(&sample.name))
        {
            let labels = LABELS.iter().map(|name| sample.label(name).to_owned()).collect();
            *counters.entry((sample.name.clone(), labels)).or_default() += sample.value;
        }
        let first = |name: &str| samples.named(name).map(|sample| sample.value).find(|value| value.is_finite());
        Self {
            counts: samples.iter().filter(is_counted).map(without_pod).collect(),
            counters,
            loaded: first(LOADED),
            started: first(STARTED),
        }
    }

    /// Whether the pages tell that they are of two pods.
    fn is_another(&self, other: &Self) -> bool {
        self.started.zip(other.started).is_some_and(|(one, two)| one.total_cmp(&two).is_ne())
    }

    fn is_same(&self, other: &Self) -> bool {
        has_traffic(&self.counts) && self.counts == other.counts && !self.is_another(other)
    }

    /// Whether one may be a later page of the other's pod.
    fn may_be_same(&self, other: &Self) -> bool {
        let is_loaded = self.loaded.zip(other.loaded).is_some_and(|(one, two)| one.total_cmp(&two).is_eq());
        let is_within = |one: &Self, two: &Self| {
            one.counters.iter().all(|(key, count)| *count <= two.counters.get(key).copied().unwrap_or_default())
        };
        let has_traffic = has_traffic(&self.counts) || has_traffic(&other.counts);
        has_traffic && is_loaded && !self.is_another(other) && (is_within(self, other) || is_within(other, self))
    }
}

/// The labels of the filter's series.
const LABELS: [&str; 9] = ["digest", "caller", "region", "pair", "verdict", "reason", "kind", "rule", "outcome"];

/// Whether a series never falls, by its name.
fn is_counter(name: &str) -> bool {
    name.ends_with("_total")
}

/// Whether there is anything that could be counted twice.
fn has_traffic(counts: &[Sample]) -> bool {
    let names = [REQUESTS, "sallyport_caller_total", "sallyport_region_total"];
    counts.iter().any(|sample| names.contains(&sample.name.as_str()) && sample.value > 0.0)
}

/// What the pages of one gateway say.
struct Reader<'s> {
    subject: &'s Subject<'s>,
    now: i64,
    found: Observed,
    /// Since when all of them have what is in force; `None`: one does not say so.
    since: Option<f64>,
    /// Until when all of them say what was so.
    until: f64,
    sent: Option<f64>,
    errors: f64,
}

impl Reader<'_> {
    fn warn(&mut self, page: &MetricsPage, text: &str) {
        self.found.warnings.push(format!("{} {text}", visible(page.source())));
    }

    /// Since when a page counts, and until when.
    fn times(&mut self, page: &MetricsPage, samples: &Samples) {
        let written = page.written().map_or(self.now, |written| written.min(self.now));
        self.until = self.until.min(written as f64);
        if written < self.subject.since {
            let [at, since] = [written, self.subject.since].map(written_moment);
            self.warn(page, &format!("was written at {at}, and what is asked for began at {since}"));
        }
        let loaded = samples.named(LOADED).map(|sample| sample.value).reduce(f64::max);
        // A page that does not say since when it has it says nothing of how long it was observed.
        self.since = self.since.zip(loaded).map(|(since, loaded)| since.max(loaded));
        // Envoy cannot have counted for longer than it runs.
        if let Some(uptime) =
            samples.named(UPTIME).filter(|sample| sample.is_count()).map(|sample| sample.value).reduce(f64::min)
        {
            self.since = self.since.map(|since| since.max(written as f64 - uptime));
        }
        self.found.counts_since = self.found.counts_since.into_iter().chain(loaded).reduce(f64::min);
        match loaded {
            None => self.warn(page, &format!("has no `{LOADED}`")),
            Some(loaded) if loaded as i64 > written.saturating_add(CLOCKS) => {
                let [loaded, now] = [loaded as i64, written].map(written_moment);
                let what = if written < self.now { "the page was written at" } else { "here it is" };
                self.found.warnings.push(format!(
                    "a clock is wrong: by {} a policy was loaded at {loaded}, and {what} {now}",
                    visible(page.source())
                ));
            }
            Some(loaded) if self.subject.is_of_filter => self.of_filter(page, samples, (loaded, written as f64)),
            Some(_) => {}
        }
    }

    /// All requests of a pod are counted in one, whichever filter decided them.
    fn of_filter(&mut self, page: &MetricsPage, samples: &Samples, (loaded, written): (f64, f64)) {
        let Some(uptime) = samples.named(UPTIME).map(|sample| sample.value).reduce(f64::min) else {
            let text = format!("has no `{UPTIME}`, so what another filter counted before may be in it");
            return self.warn(page, &text);
        };
        let begin = written - uptime;
        if loaded > begin + CLOCKS as f64 {
            let [begin, loaded] = [begin as i64, loaded as i64].map(written_moment);
            let text = format!(
                "counts since {begin}, and what is in force was loaded at {loaded}: what another filter counted before may be in \
                 it; Prometheus knows what came after that"
            );
            self.warn(page, &text);
        }
    }

    /// What a page counts; whether it counts answers.
    fn counts(&mut self, samples: &Samples) -> bool {
        let mut has_answers = false;
        let mut last: Option<&Sample> = None;
        for sample in samples.iter() {
            let is_again = last.is_some_and(|last| last.is_same(sample));
            last = Some(sample);
            let answer = answered(sample);
            let is_read = sample.name.starts_with("sallyport_")
                || [CONCURRENCY, UPTIME].contains(&sample.name.as_str())
                || answer.is_some();
            if is_again {
                // It cannot be told which one is right.
                if is_read {
                    self.found.warnings.push(format!("{} has `{}` twice", sample.label("pod"), visible(&sample.name)));
                }
                continue;
            }
            if !sample.is_count() {
                if is_read {
                    self.found.warnings.push(sample.no_count());
                }
                continue;
            }
            let found = &mut self.found;
            if let Some(warning) = unlabelled(sample) {
                found.warnings.push(warning);
                continue;
            }
            let is_ours = sample.label("digest") == self.subject.mark;
            match sample.name.as_str() {
                "sallyport_caller_total" if is_ours => note_caller(found, sample),
                "sallyport_region_total" if is_ours => note_entry(found, sample),
                "sallyport_region_seen_seconds" if is_ours => note_seen(found, sample),
                REQUESTS => *found.requests.get_or_insert(0.0) += sample.value,
                name @ ("sallyport_workers" | CONCURRENCY) => note_pod(found, name, sample),
                name if is_unnamed(name) || has_prefix(name) => found.warnings.push(no_name(name)),
                _ => {}
            }
            if let Some(is_error) = answer {
                has_answers = true;
                *self.sent.get_or_insert(0.0) += sample.value;
                self.errors += if is_error { sample.value } else { 0.0 };
            }
        }
        has_answers
    }

    /// A page that may be another gateway's: nothing on it is of this one, and its upstream is another one.
    fn whose(&mut self, page: &MetricsPage, samples: &Samples) {
        let own = self.subject.egress.spec.upstream.host.to_string();
        let has_ours = samples.named("sallyport_workers").any(|sample| sample.label("digest") == self.subject.mark);
        let hosts: BTreeSet<&str> = samples.iter().filter_map(upstream).collect();
        if !has_ours && !hosts.is_empty() && !hosts.contains(own.as_str()) {
            let text = format!(
                "counts answers of {}, and the upstream of {} is {own}: is it the page of another gateway?",
                visible(&hosts.into_iter().collect::<Vec<_>>().join(", ")),
                page.route()
            );
            self.warn(page, &text);
        }
    }

    fn end(mut self, pages: &[&MetricsPage], unanswered: &[&str]) -> Observed {
        let has_data = self.found.has_series() || !self.found.pods.is_empty();
        if has_data {
            // One without any of it is a pod of which nothing is known.
            for page in pages {
                self.found.pods.entry(page.source().to_owned()).or_default();
            }
            let least = self.subject.egress.spec.gateway.replicas;
            if (pages.len() as u64) < u64::from(least) {
                let given =
                    if pages.len() == 1 { "1 page is".to_owned() } else { format!("{} pages are", pages.len()) };
                self.found.warnings.push(format!(
                    "{given} given, and the gateway has at least {least} pods (`gateway.replicas`): give a page of each, with \
                     --metrics for each"
                ));
            }
        }
        // If none has any, that is said of all.
        if self.sent.is_some() {
            for source in unanswered {
                self.found
                    .warnings
                    .push(format!("{} counts requests, and no answers of the upstream", visible(source)));
            }
        }
        self.found.answers = self.sent.map(|all| Answers { all, errors: self.errors });
        self.found.seconds = self.since.map_or(0.0, |since| self.until - since).max(0.0);
        self.found
    }
}

/// The warning for a series whose labels do not say what it counts: whose it is, or whether it is counted by another one, too.
fn unlabelled(sample: &Sample) -> Option<String> {
    let is_digest = |text: &str| text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let name = sample.name.as_str();
    let missing = match name {
        "sallyport_caller_total" | "sallyport_region_total" | "sallyport_region_seen_seconds" | "sallyport_workers" => {
            (!is_digest(sample.label("digest"))).then_some("digest")
        }
        REQUESTS => sample.label("verdict").is_empty().then_some("verdict"),
        _ => None,
    };
    missing.map(|label| {
        format!(
            "{} has a series `{name}` without a label `{label}`, so it is not known what it counts",
            visible(sample.label("pod"))
        )
    })
}

/// Whether it is a series of ours with something before its name.
fn has_prefix(name: &str) -> bool {
    const OURS: [&str; 4] = ["sallyport_region_", "sallyport_caller_", "sallyport_workers_", "sallyport_requests_"];
    !name.starts_with("sallyport_") && OURS.iter().any(|ours| name.contains(ours))
}

/// The label of Envoy's own statistics with the cluster: by Istio's tags, or by Envoy's.
fn cluster(sample: &Sample) -> &str {
    match sample.name.as_str() {
        "envoy_cluster_upstream_rq" => sample.label("cluster_name"),
        "envoy_cluster_upstream_rq_xx" => sample.label("envoy_cluster_name"),
        _ => "",
    }
}

/// The host of the upstream whose answers a series counts: `outbound|443||HOST`.
fn upstream(sample: &Sample) -> Option<&str> {
    cluster(sample).strip_prefix("outbound|")?.rsplit('|').next()
}

/// Whether what a series counts are errors; `None`: it does not count answers.
fn answered(sample: &Sample) -> Option<bool> {
    let class = match sample.name.as_str() {
        "sallyport_diverted_total" if sample.label("outcome") == "upstream_down" => "5",
        _ if !cluster(sample).starts_with("outbound") => "",
        "envoy_cluster_upstream_rq" => sample.label("response_code_class"),
        _ => sample.label("envoy_response_code_class"),
    };
    (!class.is_empty()).then(|| class.starts_with('5'))
}
