//! Metrics pages of a gateway's pods. They have counts since the pods started, and no past.

use sallyport_egress::evidence::{Answers, Observed};

use super::ask::{note_caller, note_entry, note_pod, note_seen};
use super::subject::Subject;
use crate::exit::Failure;
use crate::prometheus::{MetricsPage, Sample};

/// Reads those of one gateway. `now`: Unix seconds of this machine, as pages have no time.
pub(super) fn read(pages: &[&MetricsPage], subject: &Subject<'_>, now: i64) -> Result<Observed, Failure> {
    let mut found = Observed { now: now as f64, knows_pods: true, knows_answers: true, ..Observed::default() };
    let (mut sent, mut errors) = (None::<f64>, 0.0);
    for page in pages {
        for sample in page.read()?.iter().filter(|sample| sample.value.is_finite()) {
            match sample.name.as_str() {
                "sallyport_caller_total" => note_caller(&mut found, sample),
                "sallyport_region_total" => note_entry(&mut found, sample),
                "sallyport_region_seen_seconds" => note_seen(&mut found, sample),
                "sallyport_requests_total" => *found.requests.get_or_insert(0.0) += sample.value,
                name => note_pod_of(&mut found, name, sample),
            }
            if let Some(is_error) = answered(sample) {
                *sent.get_or_insert(0.0) += sample.value;
                errors += if is_error { sample.value } else { 0.0 };
            }
        }
    }
    found.answers = sent.map(|all| Answers { all, errors });
    let loaded = found.pods.values().filter_map(|pod| pod.loaded_at).fold(subject.since as f64, f64::max);
    found.seconds = (found.now - loaded).max(0.0);
    Ok(found)
}

fn note_pod_of(found: &mut Observed, name: &str, sample: &Sample) {
    if matches!(name, "sallyport_workers" | "sallyport_config_loaded_at_seconds" | "envoy_server_concurrency") {
        note_pod(found, name, sample);
    }
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
