//! What the gateway's pods cannot do without, and a patch takes from them, mostly by a list that it replaces.
//!
//! # Design
//! Each way of installation describes the pods in a form of its own. They are brought into one form, the spec of a pod, and
//! compared before and after the patch: what was there must still be there. Its value may change, because a patch that
//! names another Secret or another probe interval is intended.

use sallyport_egress::model::Egress;
use sallyport_egress::yaml_value;
use serde_json::{Map, Value};

use super::target::kind;

/// The container of the proxy, which has the filter.
const PROXY: &str = "istio-proxy";
/// Where an IstioOperator has the gateway.
const OPERATED: &str = "/spec/components/egressGateways/0";
/// Where the fields of an overlay are.
const OVERLAID: &str = "spec.template.spec.";
/// Where a ConfigMap of the Gateway API has the Deployment, as text.
const PARAMETERS: &str = "/data/deployment";

/// Something that pods need: of a container, or of the whole pod.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Need {
    container: Option<String>,
    /// `None`: the container itself.
    what: Option<String>,
}

/// What a patch takes, and what to do.
pub(super) fn lost(egress: &Egress, before: &Value, after: &Value) -> Option<(String, String)> {
    // Only such a namespace refuses pods that do not say that they have no privileges.
    let is_restricted = egress.spec.gateway.create_namespace;
    let needs = |object| pod_spec(object).map(|spec| needs(&spec, is_restricted)).unwrap_or_default();
    let after_patch = needs(after);
    let gone: Vec<_> = needs(before).into_iter().filter(|need| !after_patch.contains(need)).collect();
    if gone.is_empty() {
        return None;
    }
    let is_of_lost_container = |need: &Need| need.what.is_some() && gone.contains(&Need { what: None, ..need.clone() });
    let words: Vec<_> = gone.iter().filter(|need| !is_of_lost_container(need)).map(Need::describe).collect();
    let help = match kind(before) {
        Some("ConfigMap") => {
            "the Deployment in it is one text: write the emitted text into the patch, with your change"
        }
        _ => "leave them as they are: change other fields, and add to a list with a path that ends with `/-`",
    };
    Some((format!("it drops what the pods need: {}", words.join(", ")), help.to_owned()))
}

impl Need {
    fn describe(&self) -> String {
        match self {
            Need { container: Some(container), what: Some(what) } => format!("{what} of `{container}`"),
            Need { container: Some(container), what: None } => format!("the container `{container}`"),
            Need { container: None, what } => what.clone().unwrap_or_default(),
        }
    }
}

fn needs(spec: &Value, is_restricted: bool) -> Vec<Need> {
    let of_pod = |what: String| Need { container: None, what: Some(what) };
    let mut needs = Vec::new();
    needs.extend(spec.get("serviceAccountName").map(|_| of_pod("`serviceAccountName`".to_owned())));
    if is_restricted {
        needs.extend(spec.get("securityContext").map(|_| of_pod("the pod's `securityContext`".to_owned())));
    }
    needs.extend(names(spec, "volumes", "name").map(|name| of_pod(format!("the volume `{name}`"))));
    needs.extend(names(spec, "imagePullSecrets", "name").map(|name| of_pod(format!("the pull Secret `{name}`"))));
    needs.extend(items(spec, "containers").flat_map(|container| of_container(container, is_restricted)));
    needs
}

fn of_container(container: &Value, is_restricted: bool) -> Vec<Need> {
    let Some(name) = container.get("name").and_then(Value::as_str) else { return Vec::new() };
    let need = |what| Need { container: Some(name.to_owned()), what };
    let mut needs = vec![need(None)];
    // Its numbers can change, but what it asks decides when a pod is ready.
    let probe = container.pointer("/readinessProbe/httpGet");
    needs.extend(probe.map(|probe| {
        let part = |field| probe.get(field).map(ToString::to_string).unwrap_or_default();
        need(Some(format!("the readiness probe of {} at the port {}", part("path").replace('"', "`"), part("port"))))
    }));
    if is_restricted {
        needs.extend(container.get("securityContext").map(|_| need(Some("`securityContext`".to_owned()))));
    }
    needs.extend(names(container, "env", "name").map(|name| need(Some(format!("the variable `{name}`")))));
    let mounts = names(container, "volumeMounts", "mountPath");
    needs.extend(mounts.map(|path| need(Some(format!("the mount `{path}`")))));
    needs
}

fn items<'v>(value: &'v Value, list: &str) -> impl Iterator<Item = &'v Value> {
    value.get(list).and_then(Value::as_array).into_iter().flatten()
}

fn names<'v>(value: &'v Value, list: &str, key: &'static str) -> impl Iterator<Item = &'v str> {
    items(value, list).filter_map(move |item| item.get(key)?.as_str())
}

/// The spec of the pods that an object describes, as far as it is about what they need.
fn pod_spec(object: &Value) -> Option<Value> {
    match kind(object) {
        Some("Deployment") => object.pointer("/spec/template/spec").cloned(),
        Some("ConfigMap") => {
            let deployment = yaml_value(object.pointer(PARAMETERS)?.as_str()?)?;
            deployment.pointer("/spec/template/spec").cloned()
        }
        Some("IstioOperator") => Some(of_operator(object)),
        _ => None,
    }
}

fn of_operator(object: &Value) -> Value {
    let at = |path: &str| object.pointer(&format!("{OPERATED}/k8s/{path}")).cloned().unwrap_or_default();
    let overlays = at("overlays");
    let of_deployment = overlays.as_array().into_iter().flatten().filter(|overlay| kind(overlay) == Some("Deployment"));
    let patches: Vec<_> = of_deployment.flat_map(|overlay| items(overlay, "patches")).collect();
    let overlaid = |field: &str| {
        let path = format!("{OVERLAID}{field}");
        let patch = patches.iter().find(|patch| patch.get("path").and_then(Value::as_str) == Some(&path))?;
        patch.get("value").cloned()
    };
    let of_proxy = |field: &str| overlaid(&format!("containers.[name:{PROXY}].{field}"));
    let proxy = [
        ("name", object.pointer(OPERATED).map(|_| PROXY.into())),
        ("env", Some(at("env"))),
        ("readinessProbe", Some(at("readinessProbe"))),
        ("securityContext", of_proxy("securityContext")),
        ("volumeMounts", of_proxy("volumeMounts")),
    ];
    let others = object.pointer("/spec/values/gateways/istio-egressgateway/additionalContainers");
    let containers =
        std::iter::once(there(proxy)).chain(others.and_then(Value::as_array).into_iter().flatten().cloned());
    there([
        ("serviceAccountName", overlaid("serviceAccountName")),
        ("securityContext", overlaid("securityContext")),
        ("volumes", overlaid("volumes")),
        ("imagePullSecrets", overlaid("imagePullSecrets")),
        ("containers", Some(containers.collect())),
    ])
}

/// An object of the fields that are there.
fn there<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    let there = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.filter(|v| !v.is_null())?)));
    Value::Object(there.collect::<Map<_, _>>())
}
