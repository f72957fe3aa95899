//! A Prometheus is asked about one gateway.

use sallyport_egress::evidence::{Answers, Entry, Observed, Pair};

use super::queries::{Measure, Selector, first, observed, seen};
use super::subject::Subject;
use crate::prometheus::{Client, Sample, Unanswered, decode_caller};

/// Asks at one time of the server.
pub(super) fn ask(client: &Client, subject: &Subject<'_>, now: f64) -> Result<Observed, Unanswered> {
    let selector = Selector::of(&subject.egress.namespace, &subject.egress.name);
    let seconds = (now as i64).saturating_sub(subject.since).max(1).unsigned_abs();
    let window = format!("{seconds}s");
    let mut found = Observed { now, knows_pods: true, knows_answers: true, ..Observed::default() };
    let mut asked = Asked { client, now, warnings: Vec::new() };
    asked.pods(&selector, &mut found)?;
    // One that nobody could have observed, by a clock that is wrong, has no window.
    if subject.since <= now as i64 {
        asked.counts(&selector, (&window, seconds), &mut found)?;
        let digests: Vec<&str> = found.pods.values().flat_map(|pod| pod.workers.keys()).map(String::as_str).collect();
        if !digests.is_empty() {
            let query = observed(&selector, &digests.join("|"), &window, seconds);
            found.seconds = asked.number(&query)?.unwrap_or_default();
        }
    }
    asked.warnings.sort();
    asked.warnings.dedup();
    found.warnings = asked.warnings;
    Ok(found)
}

struct Asked<'a> {
    client: &'a Client,
    now: f64,
    warnings: Vec<String>,
}

impl Asked<'_> {
    fn samples(&mut self, query: &str) -> Result<Vec<Sample>, Unanswered> {
        let answer = self.client.query(query, Some(self.now))?;
        self.warnings.extend(answer.warnings);
        Ok(answer.samples.iter().filter(|sample| sample.value.is_finite()).cloned().collect())
    }

    fn number(&mut self, query: &str) -> Result<Option<f64>, Unanswered> {
        Ok(self.samples(query)?.first().map(|sample| sample.value))
    }

    fn pods(&mut self, selector: &Selector, found: &mut Observed) -> Result<(), Unanswered> {
        for sample in self.samples(&selector.series("up"))? {
            let pod = found.pods.entry(sample.label("pod").to_owned()).or_default();
            pod.is_up = Some(pod.is_up.unwrap_or(true) && sample.value > 0.0);
        }
        for name in ["sallyport_workers", "sallyport_config_loaded_at_seconds", "envoy_server_concurrency"] {
            for sample in self.samples(&selector.series(name))? {
                note_pod(found, name, &sample);
            }
        }
        Ok(())
    }

    fn counts(
        &mut self,
        selector: &Selector,
        (window, seconds): (&str, u64),
        found: &mut Observed,
    ) -> Result<(), Unanswered> {
        let by_caller = format!("sum by (caller) ({})", Measure::Requests.increase(selector, window));
        for sample in self.samples(&by_caller)? {
            note_caller(found, &sample);
        }
        let by_entry = format!("sum by (region, pair, caller) ({})", Measure::Entries.increase(selector, window));
        for sample in self.samples(&by_entry)? {
            note_entry(found, &sample);
        }
        for sample in self.samples(&first(selector, window, seconds))? {
            if let Some(entry) = entry_of(&sample) {
                found.first.insert(entry, sample.value);
            }
        }
        // What came since the last look at the past came now.
        for (entry, _) in found.entries.iter().filter(|(_, count)| **count > 0.0) {
            found.first.entry(entry.clone()).or_insert(self.now);
        }
        for sample in self.samples(&seen(selector, window))? {
            note_seen(found, &sample);
        }
        found.requests = self.number(&Measure::AllRequests.total(selector, window))?;
        let sent = self.number(&Measure::Sent.total(selector, window))?;
        let errors = self.number(&Measure::Errors.total(selector, window))?.unwrap_or_default();
        found.answers = sent.map(|all| Answers { all, errors });
        Ok(())
    }
}

/// A series of a pod.
pub(super) fn note_pod(found: &mut Observed, name: &str, sample: &Sample) {
    let pod = found.pods.entry(sample.label("pod").to_owned()).or_default();
    match name {
        "sallyport_workers" if sample.value > 0.0 => {
            *pod.workers.entry(sample.label("digest").to_owned()).or_default() += sample.value;
        }
        "sallyport_config_loaded_at_seconds" => pod.loaded_at = Some(sample.value),
        "envoy_server_concurrency" => pod.concurrency = Some(sample.value),
        _ => {}
    }
}

pub(super) fn note_caller(found: &mut Observed, sample: &Sample) {
    if let Some(who) = decode_caller(sample.label("caller")).filter(|_| sample.value > 0.0) {
        *found.callers.entry(who).or_default() += sample.value;
    }
}

pub(super) fn note_entry(found: &mut Observed, sample: &Sample) {
    if let Some(entry) = entry_of(sample) {
        *found.entries.entry(entry).or_default() += sample.value.max(0.0);
    }
}

/// What a series of a region counts.
fn entry_of(sample: &Sample) -> Option<Entry> {
    let pair = Pair::of_label(sample.label("pair"))?;
    let caller = decode_caller(sample.label("caller"))?;
    Some(Entry { region: sample.label("region").to_owned(), pair, caller })
}

pub(super) fn note_seen(found: &mut Observed, sample: &Sample) {
    let last = found.seen.entry(sample.label("region").to_owned()).or_default();
    *last = last.max(sample.value);
}
