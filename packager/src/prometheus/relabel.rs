//! What the job of `deploy/dashboards/prometheus.yaml` makes of a page: names become labels.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use regex_lite::Regex;
use sallyport_egress::yaml_value;
use serde_json::Value;

use super::samples::Sample;

/// The job as it ships.
const JOB: &str = include_str!("../../../deploy/dashboards/prometheus.yaml");
/// The label that is a metric's name.
const NAME: &str = "__name__";

/// One of `metric_relabel_configs`, with the action `replace`.
#[derive(Debug)]
struct Step {
    sources: Vec<String>,
    /// Matches the whole text.
    regex: Regex,
    target: String,
    replacement: String,
}

/// The sample as Prometheus would have it.
pub(super) fn relabel(sample: Sample) -> Sample {
    static STEPS: OnceLock<Vec<Step>> = OnceLock::new();
    // The file is part of the program, and a test reads it.
    let steps = STEPS.get_or_init(|| steps(JOB).unwrap_or_default());
    let Sample { name, mut labels, value } = sample;
    labels.insert(NAME.to_owned(), name);
    for step in steps {
        step.apply(&mut labels);
    }
    let name = labels.remove(NAME).unwrap_or_default();
    Sample { name, labels, value }
}

impl Step {
    fn apply(&self, labels: &mut BTreeMap<String, String>) {
        let values: Vec<_> = self.sources.iter().map(|name| labels.get(name).map_or("", String::as_str)).collect();
        let text = values.join(";");
        let Some(captures) = self.regex.captures(&text) else { return };
        let mut replaced = String::new();
        captures.expand(&self.replacement, &mut replaced);
        if replaced.is_empty() {
            labels.remove(&self.target);
        } else {
            labels.insert(self.target.clone(), replaced);
        }
    }
}

/// The steps of a job; `None` if one is of a kind that is not known here.
fn steps(job: &str) -> Option<Vec<Step>> {
    let job = yaml_value(job)?;
    let configs = job.get("scrape_configs")?.get(0)?.get("metric_relabel_configs")?.as_array()?;
    configs.iter().map(step).collect()
}

fn step(config: &Value) -> Option<Step> {
    let text = |field: &str, default: &str| match config.get(field) {
        Some(value) => value.as_str().map(str::to_owned),
        None => Some(default.to_owned()),
    };
    if text("action", "replace")? != "replace" {
        return None;
    }
    let sources = config.get("source_labels")?.as_array()?;
    Some(Step {
        sources: sources.iter().map(|name| name.as_str().map(str::to_owned)).collect::<Option<_>>()?,
        regex: Regex::new(&format!("^(?s:{})$", text("regex", "(.*)")?)).ok()?,
        target: config.get("target_label")?.as_str()?.to_owned(),
        replacement: text("replacement", "$1")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relabelled(name: &str) -> String {
        let Sample { name, labels, .. } =
            relabel(Sample { name: name.to_owned(), labels: BTreeMap::new(), value: 1.0 });
        let labels: Vec<_> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{name}{{{}}}", labels.join(","))
    }

    #[test]
    fn every_step_of_the_job_is_known() {
        assert!(steps(JOB).unwrap().len() > 20);
    }

    #[test]
    fn names_become_labels() {
        for (flat, series) in [
            ("sallyport_requests_allowed", "sallyport_requests_total{verdict=allowed}"),
            ("sallyport_requests_denied", "sallyport_requests_total{reason=denied,verdict=refused}"),
            (
                "sallyport_requests_ambiguous_semicolon",
                "sallyport_requests_total{kind=semicolon,reason=ambiguous_request,verdict=refused}",
            ),
            ("sallyport_rule_no_admin_denied", "sallyport_rule_total{rule=no_admin,verdict=denied}"),
            ("sallyport_other_rules_allowed", "sallyport_rule_total{rule=(others),verdict=allowed}"),
            ("sallyport_health_standby_1_state", "sallyport_health_state{target=standby_1}"),
            ("sallyport_config_policy_hash", "sallyport_config_policy_hash{}"),
            ("up", "up{}"),
            (
                "sallyport_region_0123456789abcdef_5f2a09c1b7de_allowed_refused_cluster_2elocal_2fns_2fshop_2fsa_2fweb",
                "sallyport_region_total{caller=cluster_2elocal_2fns_2fshop_2fsa_2fweb,digest=0123456789abcdef,\
                 pair=allowed_refused,region=5f2a09c1b7de}",
            ),
            (
                "sallyport_region_0123456789abcdef_other_refused_refused__none",
                "sallyport_region_total{caller=_none,digest=0123456789abcdef,pair=refused_refused,region=other}",
            ),
            (
                "sallyport_region_seen_0123456789abcdef_5f2a09c1b7de",
                "sallyport_region_seen_seconds{digest=0123456789abcdef,region=5f2a09c1b7de}",
            ),
            (
                "sallyport_region_seen_0123456789abcdef_other",
                "sallyport_region_seen_seconds{digest=0123456789abcdef,region=other}",
            ),
            (
                "sallyport_caller_0123456789abcdef__others",
                "sallyport_caller_total{caller=_others,digest=0123456789abcdef}",
            ),
            ("sallyport_workers_0123456789abcdef", "sallyport_workers{digest=0123456789abcdef}"),
        ] {
            assert_eq!(relabelled(flat), series);
        }
    }
}
