//! Telemetry: the access log, and which component reports traces.

use sallyport_core::attributes::{DECISION, HEALTH, RULE, SHADOW, operator};
use sallyport_core::wire::TracingMode;
use sallyport_egress::model::IstioVersion;
use serde_json::{Value, json};

use super::access_log;
use crate::plan::Plan;

pub(crate) fn telemetry(plan: &Plan<'_>) -> Value {
    json!({
        "apiVersion": "telemetry.istio.io/v1",
        "kind": "Telemetry",
        "metadata": plan.metadata(&plan.gateway_name()),
        "spec": plan.attached(json!({
            "accessLogging": [{"providers": [{"name": access_log::provider(plan.mesh)}]}],
            "tracing": tracing(plan).map(|tracing| json!([tracing])),
        })),
    })
}

/// Envoy's tracer writes its headers after every filter, so it must be off if the filter handles traces or strips them.
fn tracing(plan: &Plan<'_>) -> Option<Value> {
    let tracing = &plan.egress.spec.tracing;
    match tracing.mode {
        TracingMode::Envoy => Some(json!({
            "providers": tracing.provider.as_ref().map(|name| json!([{"name": name}])),
            "randomSamplingPercentage": tracing.sampling_per_mille.map(|share| f64::from(share) / 10.0),
            "customTags": tags(plan),
        })),
        // Older versions have no field for it; a lint reports that.
        TracingMode::Standalone | TracingMode::Strip => {
            (plan.mesh.istio_version >= IstioVersion::V1_30).then(|| json!({"disableContextPropagation": true}))
        }
    }
}

/// What the filter has stored in the request's filter state, under the same names.
fn tags(plan: &Plan<'_>) -> Value {
    let formatted = |text: String| json!({"formatter": {"value": text}});
    let left = [DECISION, RULE, SHADOW, HEALTH].map(|name| (name.to_owned(), formatted(operator(name))));
    let fixed = [
        ("sallyport.gateway".to_owned(), json!({"literal": {"value": plan.egress.route()}})),
        ("sallyport.reason".to_owned(), formatted("%RESPONSE_CODE_DETAILS%".to_owned())),
    ];
    left.into_iter().chain(fixed).collect()
}
