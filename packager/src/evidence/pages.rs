//! Metrics pages of a gateway's pods. They have counts since the pods started, and no past. What is counted for a candidate has
//! the mark of what was in force, so what was counted before its stage is not taken for it.

use sallyport_egress::evidence::{Answers, CLOCKS, Observed};
use sallyport_egress::rollout::written_moment;

use super::ask::{note_caller, note_entry, note_pod, note_seen};
use super::subject::Subject;
use crate::exit::Failure;
use crate::printable::visible;
use crate::prometheus::{MetricsPage, Sample};

/// When a pod's policy was loaded.
const LOADED: &str = "sallyport_config_loaded_at_seconds";

/// Reads those of one gateway. `now`: Unix seconds of this machine, as pages have no time.
pub(super) fn read(pages: &[&MetricsPage], subject: &Subject<'_>, now: i64) -> Result<Observed, Failure> {
    let mut found = Observed { now: now as f64, knows_pods: true, knows_answers: true, ..Observed::default() };
    let (mut sent, mut errors) = (None::<f64>, 0.0);
    let mut since = Some(subject.since as f64);
    for page in pages {
        let samples = page.read()?;
        let loaded = samples.named(LOADED).map(|sample| sample.value).reduce(f64::max);
        // A page that does not say since when it has it says nothing of how long it was observed.
        since = since.zip(loaded).map(|(since, loaded)| since.max(loaded));
        found.counts_since = found.counts_since.into_iter().chain(loaded).reduce(f64::min);
        match loaded {
            None => found.warnings.push(format!("{} has no `{LOADED}`", visible(page.source()))),
            Some(loaded) if loaded as i64 > now.saturating_add(CLOCKS) => found.warnings.push(format!(
                "a clock is wrong: by {} a policy was loaded at {}, and here it is {}",
                visible(page.source()),
                written_moment(loaded as i64),
                written_moment(now)
            )),
            Some(_) => {}
        }
        for sample in samples.iter() {
            if !sample.is_count() {
                if sample.name.starts_with("sallyport_") || answered(sample).is_some() {
                    found.warnings.push(sample.no_count());
                }
                continue;
            }
            let is_ours = sample.label("digest") == subject.mark;
            match sample.name.as_str() {
                "sallyport_caller_total" if is_ours => note_caller(&mut found, sample),
                "sallyport_region_total" if is_ours => note_entry(&mut found, sample),
                "sallyport_region_seen_seconds" if is_ours => note_seen(&mut found, sample),
                "sallyport_requests_total" => *found.requests.get_or_insert(0.0) += sample.value,
                name @ ("sallyport_workers" | "envoy_server_concurrency") => note_pod(&mut found, name, sample),
                _ => {}
            }
            if let Some(is_error) = answered(sample) {
                *sent.get_or_insert(0.0) += sample.value;
                errors += if is_error { sample.value } else { 0.0 };
            }
        }
    }
    found.answers = sent.map(|all| Answers { all, errors });
    found.seconds = since.map_or(0.0, |since| found.now - since).max(0.0);
    Ok(found)
}

/// Whether what a series counts are errors; `None`: it does not count answers.
fn answered(sample: &Sample) -> Option<bool> {
    let of_upstream = |label: &str| sample.label(label).starts_with("outbound");
    let class = match sample.name.as_str() {
        "envoy_cluster_upstream_rq" if of_upstream("cluster_name") => sample.label("response_code_class"),
        "envoy_cluster_upstream_rq_xx" if of_upstream("envoy_cluster_name") => {
            sample.label("envoy_response_code_class")
        }
        "sallyport_diverted_total" if sample.label("outcome") == "upstream_down" => "5",
        _ => "",
    };
    (!class.is_empty()).then(|| class.starts_with('5'))
}
