//! A Prometheus is asked about one gateway.

use sallyport_egress::evidence::{Answers, CLOCKS, Counted, Entry, Observed, Pair};
use sallyport_egress::rollout::written_moment;

use super::queries::{Measure, Selector, first, left, observed, seen, taken, unnamed};
use super::subject::Subject;
use crate::printable::visible;
use crate::prometheus::{Client, Sample, Unanswered, decode_caller};

/// Asks at one time of the server. `here`: Unix seconds of this machine.
pub(super) fn ask(client: &Client, subject: &Subject<'_>, now: f64, here: i64) -> Result<Observed, Unanswered> {
    let selector = Selector::of(&subject.egress.namespace, &subject.egress.name, subject.mark);
    let mut found = Observed { now, knows_pods: true, knows_answers: true, ..Observed::default() };
    let mut asked = Asked { client, now, warnings: Vec::new() };
    if (now as i64).abs_diff(here) > CLOCKS.unsigned_abs() {
        let [theirs, ours] = [now as i64, here].map(written_moment);
        asked.warnings.push(format!("a clock is wrong: by Prometheus it is {theirs}, and here it is {ours}"));
    }
    asked.pods(&selector, &mut found)?;
    // One that nobody could have observed, by a clock that is wrong, has no window.
    let mut since = Some(subject.since).filter(|since| *since <= now as i64);
    if let (Some(from), true) = (since, subject.is_of_filter) {
        since = asked.in_force_since(&selector, from)?;
    }
    if let Some(since) = since {
        let seconds = (now as i64).saturating_sub(since).max(1).unsigned_abs();
        let window = format!("{seconds}s");
        asked.counts(&selector, (&window, seconds), &mut found)?;
        found.seconds = asked.number(&observed(&selector, &window, seconds))?.unwrap_or_default();
    }
    found.warnings.extend(asked.warnings);
    found.warnings.extend(too_few(&found, subject));
    found.warnings.sort();
    found.warnings.dedup();
    Ok(found)
}

/// What there is to say of pods that should be there and are not: what they did is not known. Without any series, more is missing.
fn too_few(found: &Observed, subject: &Subject<'_>) -> Option<String> {
    let least = subject.egress.spec.gateway.replicas;
    match found.pods.len() {
        0 if found.has_series() => Some("no pod of the gateway is seen now".to_owned()),
        count if count > 0 && (count as u64) < u64::from(least) => {
            let seen = if count == 1 {
                "1 pod of the gateway is".to_owned()
            } else {
                format!("{count} pods of the gateway are")
            };
            Some(format!("{seen} seen now, and it has at least {least} (`gateway.replicas`): are all of them scraped?"))
        }
        _ => None,
    }
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
        let (sound, broken): (Vec<_>, Vec<_>) = answer.samples.iter().cloned().partition(Sample::is_count);
        self.warnings.extend(broken.iter().map(Sample::no_count));
        Ok(sound)
    }

    fn number(&mut self, query: &str) -> Result<Option<f64>, Unanswered> {
        Ok(self.samples(query)?.first().map(|sample| sample.value))
    }

    /// Since when all that counts has what it is to have in force, after this time; `None`: it has not.
    fn in_force_since(&mut self, selector: &Selector, from: i64) -> Result<Option<i64>, Unanswered> {
        let seconds = (self.now as i64).saturating_sub(from).max(1).unsigned_abs();
        let window = format!("{seconds}s");
        let Some(taken) = self.number(&taken(selector, &window, seconds))? else { return Ok(None) };
        let left = self.number(&left(selector, &window, seconds))?.unwrap_or_default();
        let since = taken.max(left).ceil() as i64;
        Ok(Some(since.max(from)).filter(|since| *since <= self.now as i64))
    }

    fn pods(&mut self, selector: &Selector, found: &mut Observed) -> Result<(), Unanswered> {
        for sample in self.samples(&selector.series("up"))? {
            let pod = found.pods.entry(sample.label("pod").to_owned()).or_default();
            pod.is_up = Some(pod.is_up.unwrap_or(true) && sample.value > 0.0);
        }
        for name in ["sallyport_workers", "envoy_server_concurrency"] {
            for sample in self.samples(&selector.series(name))? {
                note_pod(found, name, &sample);
            }
        }
        let unnamed = self.samples(&unnamed(selector))?;
        self.warnings.extend(unnamed.iter().map(|sample| no_name(&sample.name)));
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
            if let Ok(entry) = entry_of(&sample) {
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

/// The warning for a series of a candidate whose name says nothing.
pub(super) fn no_name(name: &str) -> String {
    format!(
        "nothing is known of a series `{}`: the filter is another one, or the job does not rename it",
        visible(name)
    )
}

/// A series of a pod. Another one of the same kind is none of it: what is scraped twice is counted twice.
pub(super) fn note_pod(found: &mut Observed, name: &str, sample: &Sample) {
    let pod = found.pods.entry(sample.label("pod").to_owned()).or_default();
    let known = match name {
        "sallyport_workers" if sample.value > 0.0 => {
            pod.workers.insert(sample.label("digest").to_owned(), sample.value)
        }
        "envoy_server_concurrency" => pod.concurrency.replace(sample.value),
        _ => None,
    };
    if known.is_some() {
        found.warnings.push(format!(
            "pod {} has two series `{name}`: is it scraped twice? Then all of its counts are doubled",
            visible(sample.label("pod"))
        ));
    }
}

pub(super) fn note_caller(found: &mut Observed, sample: &Sample) {
    match caller_of(sample) {
        Ok(who) if sample.value > 0.0 => *found.callers.entry(who).or_default() += sample.value,
        Ok(_) => {}
        Err(warning) => found.warnings.push(warning),
    }
}

pub(super) fn note_entry(found: &mut Observed, sample: &Sample) {
    match entry_of(sample) {
        Ok(entry) => *found.entries.entry(entry).or_default() += sample.value,
        Err(warning) => found.warnings.push(warning),
    }
}

/// What a series of a region counts, or a warning.
fn entry_of(sample: &Sample) -> Result<Entry, String> {
    let label = sample.label("pair");
    let pair =
        Pair::of_label(label).ok_or_else(|| format!("nothing is known of `{}` as what both decide", visible(label)))?;
    Ok(Entry { region: sample.label("region").to_owned(), pair, caller: caller_of(sample)? })
}

fn caller_of(sample: &Sample) -> Result<Counted, String> {
    let label = sample.label("caller");
    decode_caller(label).ok_or_else(|| format!("the caller `{}` of a count cannot be read", visible(label)))
}

pub(super) fn note_seen(found: &mut Observed, sample: &Sample) {
    let last = found.seen.entry(sample.label("region").to_owned()).or_default();
    *last = last.max(sample.value);
}
