//! By which tool the pods of a gateway are installed, and how what it made is deleted again.

use sallyport_egress::value::names::JsonPointer;
use sallyport_manifest::SELECTED;
use serde_json::Value;

use super::object::{DELETE, documents, text};
use crate::printable::quoted;

/// A way of installation, by its name in `gateway.install`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tool {
    Injected,
    IstioOperator,
    Helm,
    GatewayApi,
}

/// The pods of one gateway, and the objects that belong to them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pods {
    pub(super) tool: Tool,
    /// The namespace of the Egress.
    namespace: String,
    /// The name of the Egress.
    egress: String,
    /// The name of the Deployment, of its Service, and of the Helm release.
    name: String,
}

impl Tool {
    pub(super) fn name(self) -> &'static str {
        match self {
            Tool::Injected => "injected",
            Tool::IstioOperator => "istiooperator",
            Tool::Helm => "helm",
            Tool::GatewayApi => "gateway-api",
        }
    }

    /// Whether the file has the objects themselves, and not the input of another program.
    pub(super) fn is_applied(self) -> bool {
        matches!(self, Tool::Injected | Tool::GatewayApi)
    }
}

impl Pods {
    /// What the file of a gateway's folder says about its pods.
    pub(super) fn of(file: &str, text: &str) -> Option<Pods> {
        let is_kind = |value: &Value, kind: &str, group: &str| {
            let version = value.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
            value.get("kind").is_some_and(|found| found == kind) && version.starts_with(group)
        };
        let documents = || documents(file, text);
        match file {
            "30-helm-values.yaml" => Pods::read(Tool::Helm, documents().first()?, "/name", "/labels"),
            "30-istiooperator.yaml" => Pods::read(
                Tool::IstioOperator,
                documents().first()?,
                "/metadata/name",
                "/spec/components/egressGateways/0/label",
            ),
            "30-deployment.yaml" => documents().iter().find_map(|value| {
                let tool = if is_kind(value, "Deployment", "apps/") {
                    Tool::Injected
                } else if is_kind(value, "Gateway", "gateway.networking.k8s.io/") {
                    Tool::GatewayApi
                } else {
                    return None;
                };
                Pods::read(tool, value, "/metadata/name", "/metadata/labels")
            }),
            _ => None,
        }
    }

    fn read(tool: Tool, value: &Value, name: &str, labels: &str) -> Option<Pods> {
        let label = |name: &str| text(value, &format!("{labels}/{}", JsonPointer::token(name)));
        let [egress, namespace] = SELECTED.map(label);
        Some(Pods { tool, namespace: namespace?, egress: egress?, name: text(value, name)? })
    }

    /// `NAMESPACE/NAME` of the Egress.
    pub(super) fn route(&self) -> String {
        format!("{}/{}", self.namespace, self.egress)
    }

    /// The commands that delete what this tool has made, and nothing that another one has made under the same names: they
    /// may be run again when the other tool has made it.
    pub(super) fn deletion(&self) -> Vec<String> {
        let Pods { tool, namespace, egress, name } = self;
        let [label, _] = SELECTED;
        let in_namespace = format!("-n {}", quoted(namespace));
        let selected = |kinds: &str, others: &str| {
            let selector = quoted(&format!("{label}={egress},{others}"));
            format!("kubectl delete {in_namespace} {kinds} -l {selector}")
        };
        let named = |kinds: &[&str], name: &str| {
            let names: Vec<_> = kinds.iter().map(|kind| quoted(&format!("{kind}/{name}"))).collect();
            format!("{DELETE} {in_namespace} {}", names.join(" "))
        };
        match tool {
            Tool::Injected => {
                vec![selected(KINDS, &format!("app.kubernetes.io/managed-by=sallyport,!{OF_GATEWAY_API}"))]
            }
            Tool::IstioOperator => vec![
                selected(&format!("{KINDS},serviceaccount"), "operator.istio.io/component=EgressGateways"),
                named(&["role", "rolebinding"], &format!("{name}-sds")),
            ],
            Tool::Helm => vec![format!("helm uninstall {} {in_namespace}", quoted(name))],
            Tool::GatewayApi => vec![
                named(&["gateway.gateway.networking.k8s.io", "configmap"], name),
                // Kubernetes deletes what istiod made for the Gateway, but only after the Gateway.
                format!(
                    "kubectl wait --for=delete --timeout=2m {in_namespace} {KINDS} -l {}",
                    quoted(&format!("{OF_GATEWAY_API}={name}"))
                ),
            ],
        }
    }
}

/// What every way of installation makes, under the same name.
const KINDS: &str = "deployment,service,horizontalpodautoscaler,poddisruptionbudget";
/// The label of what istiod makes for a Gateway, which has the labels of that Gateway, too.
const OF_GATEWAY_API: &str = "gateway.networking.k8s.io/gateway-name";
