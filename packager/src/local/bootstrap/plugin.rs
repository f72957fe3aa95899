//! The filter and its policy, as Istio's agent passes a Wasm plugin to Envoy.

use sallyport_egress::policy_source;
use serde_json::{Value, json};

use super::inputs::{EnvoyInputs, PLUGIN};
use super::message::typed;

/// The type of the filter's configuration.
pub(super) const TYPE: &str = "envoy.extensions.filters.http.wasm.v3.Wasm";

/// The resource that the listener refers to.
///
/// The root id is the upstream of the policy: the filter rejects a policy for another one.
pub(crate) fn plugin(inputs: EnvoyInputs<'_>) -> Result<Value, serde_json::Error> {
    let policy = policy_source(inputs.egress, inputs.mesh, &[]).with_automata();
    let configuration = serde_json::to_string(&policy)?;
    let wasm = json!({"config": {
        "name": format!("{}.{}", inputs.egress.namespace, inputs.egress.name),
        "root_id": policy.upstream,
        "failure_policy": "FAIL_RELOAD",
        "vm_config": {
            "runtime": "envoy.wasm.runtime.v8",
            "code": {"local": {"filename": inputs.layout.module()}},
        },
        "configuration": typed("google.protobuf.StringValue", json!({"value": configuration})),
    }});
    Ok(typed("envoy.config.core.v3.TypedExtensionConfig", json!({"name": PLUGIN, "typed_config": typed(TYPE, wasm)})))
}
