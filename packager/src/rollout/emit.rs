//! The gates for other controllers: Argo Rollouts, Flagger and Kargo.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use sallyport_egress::trial::counted;
use sallyport_manifest::yaml_document;
use serde_json::{Value, json};

use super::change::change;
use super::gates::{GateQuery, WINDOW, gates};
use super::state::{Gateway, State};
use super::write::{Disk, Writer};
use crate::exit::Failure;

/// Where a Prometheus usually is, if none was named.
const ADDRESS: &str = "http://prometheus.istio-system:9090";
/// The files of a gateway: of Argo Rollouts, of Flagger, and of Kargo.
const NAMES: [&str; 4] = [ARGO, FLAGGER_TEMPLATES, FLAGGER_ANALYSIS, KARGO];
const ARGO: &str = "argo-rollouts.yaml";
const FLAGGER_TEMPLATES: &str = "flagger-metric-templates.yaml";
const FLAGGER_ANALYSIS: &str = "flagger-analysis.yaml";
const KARGO: &str = "kargo-verification.yaml";
const HEAD: &str = "# The gates of `sallyport plan --emit`: written anew by it, so edit the Rollout file instead.\n";

/// What was done to a file.
pub(crate) enum Emitted {
    Written(PathBuf),
    /// It was written for a candidate that the gateway does not have any more.
    Removed(PathBuf),
}

/// Writes the gates of every gateway that has a candidate, or of those named, and removes what was written for one that is gone.
pub(crate) fn emit(
    state: &State,
    named: &[String],
    folder: &Path,
    address: Option<&str>,
) -> Result<Vec<Emitted>, Failure> {
    let address = address.unwrap_or(ADDRESS);
    let mut written = Vec::new();
    for gateway in state.gateways().iter().filter(|gateway| named.is_empty() || named.contains(&gateway.name())) {
        let own = folder.join(gateway.name().replace('/', "-"));
        let rules = &gateway.egress.value.spec.authz.rules;
        let Some(candidate) = gateway.candidate.filter(|candidate| !candidate.value.is_in(rules)) else {
            remove_old(&own, &mut written)?;
            continue;
        };
        let (diff, _) = change(state, gateway, &candidate.value)?;
        let regions: Vec<_> = counted(&diff).cloned().collect();
        let (queries, seconds) = gates(state, gateway, &regions)?;
        fs::create_dir_all(&own).map_err(|error| Failure::write(&own, &error))?;
        for (name, text) in files(gateway, &queries, seconds, address) {
            let path = own.join(name);
            let old = fs::read(&path).ok();
            Disk.replace(&path, old.as_deref(), text.as_bytes())?;
            written.push(Emitted::Written(path));
        }
    }
    Ok(written)
}

/// Gates of a candidate that is gone ask for what nothing has in force. Files of others stay.
fn remove_old(folder: &Path, done: &mut Vec<Emitted>) -> Result<(), Failure> {
    for name in NAMES {
        let path = folder.join(name);
        match fs::read(&path) {
            Ok(old) if old.starts_with(HEAD.as_bytes()) => {
                Disk.remove(&path, &old)?;
                done.push(Emitted::Removed(path));
            }
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            Err(error) => return Err(Failure::read(&path, &error)),
        }
    }
    Ok(())
}

fn files(gateway: &Gateway<'_>, queries: &[GateQuery], seconds: u64, address: &str) -> BTreeMap<&'static str, String> {
    let egress = &gateway.egress.value;
    // Kargo has the templates of all gateways in one namespace.
    let name = format!("sallyport-{}-{}", egress.namespace, egress.name);
    let head = |what: &str| format!("{HEAD}# {what}\n");
    let list = |values: &[Value]| values.iter().map(yaml_document).collect::<Vec<_>>().join("---\n");
    BTreeMap::from([
        (
            ARGO,
            head("Argo Rollouts, and Kargo with it: failed is blocked, inconclusive is something missing.")
                + &yaml_document(&analysis_template(&name, &egress.namespace, queries, seconds, address)),
        ),
        (
            FLAGGER_TEMPLATES,
            head("Flagger: one MetricTemplate for each gate.")
                + &list(&metric_templates(&name, &egress.namespace, queries, address)),
        ),
        (
            FLAGGER_ANALYSIS,
            head("Flagger: for `spec.analysis` of your Canary.")
                + &yaml_document(&analysis(&name, &egress.namespace, queries, seconds)),
        ),
        (
            KARGO,
            head(
                "Kargo: for `spec` of your Stage. The AnalysisTemplate of argo-rollouts.yaml goes into the project's namespace: \
                 `kubectl apply` takes it there if its `namespace` is replaced, as Kustomize does.",
            ) + &yaml_document(&json!({"verification": {
                "analysisTemplates": [{"name": name}],
                "args": [
                    {"name": "window", "value": format!("{}s", seconds.max(1))},
                    {"name": "prometheus", "value": address},
                ],
            }})),
        ),
    ])
}

/// Outside of what blocks it fails; outside of what is missing it is inconclusive.
fn analysis_template(name: &str, namespace: &str, queries: &[GateQuery], seconds: u64, address: &str) -> Value {
    let metrics = queries.iter().map(|query| {
        let within = within(query);
        let mut metric = json!({
            "name": query.name,
            "successCondition": format!("len(result) > 0 && {within}"),
            "provider": {"prometheus": {
                "address": "{{args.prometheus}}",
                "query": query.query.replace(WINDOW, "{{args.window}}"),
            }},
        });
        let failure = if query.blocks { format!("len(result) > 0 && !({within})") } else { "false".to_owned() };
        if let Some(fields) = metric.as_object_mut() {
            fields.insert("failureCondition".to_owned(), failure.into());
        }
        metric
    });
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisTemplate",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "args": [
                {"name": "window", "value": format!("{}s", seconds.max(1))},
                {"name": "prometheus", "value": address},
            ],
            "metrics": metrics.collect::<Vec<_>>(),
        },
    })
}

/// `result[0] >= 1000`. A number that is none is not within.
fn within(query: &GateQuery) -> String {
    let limits = [("<=", query.max), (">=", query.min)];
    let limits = limits.into_iter().filter_map(|(sign, limit)| Some(format!("result[0] {sign} {}", limit?)));
    limits.collect::<Vec<_>>().join(" && ")
}

fn metric_templates(name: &str, namespace: &str, queries: &[GateQuery], address: &str) -> Vec<Value> {
    let template = |query: &GateQuery| {
        json!({
            "apiVersion": "flagger.app/v1beta1",
            "kind": "MetricTemplate",
            "metadata": {"name": format!("{name}-{}", query.name), "namespace": namespace},
            "spec": {
                "provider": {"type": "prometheus", "address": address},
                "query": query.query.replace(WINDOW, "{{ interval }}"),
            },
        })
    };
    queries.iter().map(template).collect()
}

fn analysis(name: &str, namespace: &str, queries: &[GateQuery], seconds: u64) -> Value {
    let metrics = queries.iter().map(|query| {
        let limits = [("min", query.min), ("max", query.max)];
        let range: serde_json::Map<String, Value> =
            limits.into_iter().filter_map(|(name, limit)| Some((name.to_owned(), json!(limit?)))).collect();
        json!({
            "name": query.name,
            "templateRef": {"name": format!("{name}-{}", query.name), "namespace": namespace},
            "thresholdRange": range,
            "interval": format!("{}s", seconds.max(1)),
        })
    });
    json!({"metrics": metrics.collect::<Vec<_>>()})
}
