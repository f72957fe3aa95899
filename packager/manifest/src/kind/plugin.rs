//! WasmPlugin or TrafficExtension: the filter and its policy on this gateway.

use std::fmt;

use sallyport_core::flow::configure::FILTER_VARIABLE;
use sallyport_core::wire::mark_of;
use sallyport_egress::Code;
use sallyport_egress::model::{IstioVersion, Mesh};
use serde_json::{Map, Value, json};

use crate::error::BuildError;
use crate::plan::{IMAGE_VOLUME_PATH, Plan};

/// The API server and etcd accept no larger object.
const LARGEST_CONFIG: usize = 1 << 20;
/// Written, because without a priority Istio sorts a plugin after all others, although its documentation says otherwise.
const PRIORITY: i32 = 1000;

/// Which resource loads the filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PluginApi {
    /// Up to Istio 1.29.
    WasmPlugin,
    /// From Istio 1.30 on.
    TrafficExtension,
}

impl PluginApi {
    /// The one for this mesh's version of Istio.
    #[must_use]
    pub fn of(mesh: &Mesh) -> Self {
        if mesh.istio_version < IstioVersion::V1_30 { PluginApi::WasmPlugin } else { PluginApi::TrafficExtension }
    }
}

impl fmt::Display for PluginApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PluginApi::WasmPlugin => "WasmPlugin",
            PluginApi::TrafficExtension => "TrafficExtension",
        })
    }
}

pub(crate) fn plugin(plan: &Plan<'_>) -> Result<Value, BuildError> {
    let api = PluginApi::of(plan.mesh);
    // The listeners of a gateway count as clients: another mode never matches.
    let mut spec = json!({"phase": "AUTHZ", "priority": PRIORITY, "match": [{"mode": "CLIENT"}]});
    let wasm = wasm(plan)?;
    if let Some(spec) = spec.as_object_mut() {
        match api {
            PluginApi::WasmPlugin => spec.extend(wasm),
            PluginApi::TrafficExtension => {
                spec.insert("wasm".to_owned(), Value::Object(wasm));
            }
        }
    }
    Ok(json!({
        "apiVersion": "extensions.istio.io/v1alpha1",
        "kind": api.to_string(),
        "metadata": plan.metadata(&plan.gateway_name()),
        "spec": plan.attached(spec),
    }))
}

/// The fields that both resources have.
fn wasm(plan: &Plan<'_>) -> Result<Map<String, Value>, BuildError> {
    let config = configuration(plan)?;
    let size = config.to_string().len();
    if size > LARGEST_CONFIG {
        let message = format!("its policy has {size} bytes, more than the {LARGEST_CONFIG} that fit into one object");
        let help = "split the upstream in two by path or caller, or replace many names with one wildcard or namespace";
        let wrong = BuildError::of(plan.egress, Code::PolicyTooLarge, message);
        return Err(wrong.at("spec.authz").with_help(help));
    }
    let variable = json!({"name": FILTER_VARIABLE, "value": plan.filter.digest.to_string()});
    let mut wasm = Map::from_iter([
        ("pluginName".to_owned(), plan.egress.route().into()),
        ("failStrategy".to_owned(), "FAIL_RELOAD".into()),
        ("type".to_owned(), "HTTP".into()),
        ("pluginConfig".to_owned(), config),
        // So the filter can say which one it is, together with its configuration.
        ("vmConfig".to_owned(), json!({"env": [variable]})),
    ]);
    if plan.by_image_volume() {
        // No pull secret: for a local file Istio would put its content into the filter's environment.
        wasm.insert("url".to_owned(), format!("file://{IMAGE_VOLUME_PATH}/plugin.wasm").into());
    } else {
        wasm.insert("url".to_owned(), format!("oci://{}", plan.filter.reference()).into());
        wasm.insert("sha256".to_owned(), plan.filter.digest.hex().into());
        wasm.insert("imagePullPolicy".to_owned(), "IfNotPresent".into());
        wasm.insert("imagePullSecret".to_owned(), plan.mesh.filter.pull_secret.as_deref().into());
    }
    Ok(wasm)
}

fn configuration(plan: &Plan<'_>) -> Result<Value, BuildError> {
    serde_json::to_value(plan.policy()?.with_automata()).map_err(|error| {
        BuildError::of(plan.egress, Code::PolicyTooLarge, format!("its policy cannot be serialized: {error}"))
    })
}

impl Plan<'_> {
    /// The mark of what a worker of this gateway is to have in force: [`sallyport_core::wire::mark`].
    ///
    /// # Errors
    /// As [`Plan::policy`].
    pub fn mark(&self) -> Result<String, BuildError> {
        let configuration = configuration(self)?.to_string();
        mark_of(configuration.as_bytes(), self.filter.digest.to_string().as_bytes())
            .map_err(|error| BuildError::of(self.egress, Code::PolicyTooLarge, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_follows_the_version() {
        for (version, api) in [
            (IstioVersion::V1_29, PluginApi::WasmPlugin),
            (IstioVersion::V1_30, PluginApi::TrafficExtension),
            (IstioVersion::V1_31, PluginApi::TrafficExtension),
        ] {
            let mesh = Mesh { istio_version: version, ..Mesh::default() };
            assert_eq!(PluginApi::of(&mesh), api, "{version}");
        }
    }
}
