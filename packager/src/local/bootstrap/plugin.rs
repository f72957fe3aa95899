//! The filter and its policy, as the agent hands a Wasm plugin to Envoy.

use sallyport_egress::policy_source;
use serde_json::{Value, json};

use super::{PLUGIN, Plan, typed};

/// The type of the message that carries the filter.
pub(super) const TYPE: &str = "envoy.extensions.filters.http.wasm.v3.Wasm";

/// The resource that the listener asks for.
///
/// The root id is the upstream that the policy was written for: the filter refuses another's.
pub(crate) fn plugin(plan: Plan<'_>) -> Result<Value, serde_json::Error> {
    let policy = policy_source(plan.egress, plan.mesh, &[]).with_automata();
    let configuration = serde_json::to_string(&policy)?;
    let wasm = json!({"config": {
        "name": format!("{}.{}", plan.egress.namespace, plan.egress.name),
        "root_id": policy.upstream,
        "failure_policy": "FAIL_RELOAD",
        "vm_config": {
            "runtime": "envoy.wasm.runtime.v8",
            "code": {"local": {"filename": plan.layout.module()}},
        },
        "configuration": typed("google.protobuf.StringValue", json!({"value": configuration})),
    }});
    Ok(typed("envoy.config.core.v3.TypedExtensionConfig", json!({"name": PLUGIN, "typed_config": typed(TYPE, wasm)})))
}
