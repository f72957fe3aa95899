//! From AuthorizationPolicies that ask somebody else (`CUSTOM`) to Envoy's filters for external authorization
//! (`pilot/pkg/security/authz/builder` of Istio).
//!
//! The first filter only notes which policy a request meets; the second asks about requests that meet one. Only the
//! conditions that Sallyport emits are translated. A rule with another one is for every request: more are asked about,
//! never fewer.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::route::cluster_name;
use super::view::View;
use crate::message::extension;

/// A `CUSTOM` AuthorizationPolicy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Policy<'a> {
    pub(super) name: &'a str,
    pub(super) namespace: &'a str,
    pub(super) spec: View<'a>,
}

const RBAC: &str = "envoy.filters.http.rbac";
/// How the filters agree on what was noted.
const NOTE: &str = "istio_ext_authz_";

/// The filters for all policies. `providers`: those of the mesh's configuration.
pub(super) fn filters(policies: &[Policy<'_>], providers: &[Value]) -> Vec<Value> {
    let mut by_provider: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for policy in policies {
        let provider = policy.spec.field("provider").and_then(|provider| provider.text("name")).unwrap_or_default();
        let rules = by_provider.entry(provider).or_default();
        for (index, rule) in policy.spec.list("rules").enumerate() {
            let (namespace, name) = (policy.namespace, policy.name);
            let id = format!("istio-ext-authz-{provider}-ns[{namespace}]-policy[{name}]-rule[{index}]");
            rules.insert(id, meets(rule));
        }
    }
    by_provider.into_iter().flat_map(|(provider, rules)| pair(provider, &rules, providers)).collect()
}

fn pair(provider: &str, rules: &Map<String, Value>, providers: &[Value]) -> Vec<Value> {
    let named = providers.iter().find(|found| found.get("name").and_then(Value::as_str) == Some(provider));
    let Some(config) = named.and_then(|provider| provider.get("envoyExtAuthzGrpc")) else {
        // istiod, too, denies everything if it does not know whom to ask.
        let rules = json!({"action": "DENY", "policies": {"unknown-provider": everything()}});
        return vec![rbac(json!({"rules": rules}))];
    };
    let noted = rbac(json!({
        "shadow_rules": {"action": "DENY", "policies": rules},
        "shadow_rules_stat_prefix": NOTE,
    }));
    vec![noted, ask(provider, config)]
}

fn rbac(config: Value) -> Value {
    extension(RBAC, "envoy.extensions.filters.http.rbac.v3.RBAC", config)
}

fn ask(provider: &str, config: &Value) -> Value {
    // `NAMESPACE/HOST`, or only the host.
    let service = config.get("service").and_then(Value::as_str).unwrap_or_default();
    let host = service.rsplit_once('/').map_or(service, |(_, host)| host);
    let port = config.get("port").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
    let timeout = config.get("timeout").and_then(Value::as_str).unwrap_or("600s");
    let mut message = json!({
        "grpc_service": {
            "envoy_grpc": {"cluster_name": cluster_name("", host, port.unwrap_or_default()), "authority": host},
            "timeout": timeout,
        },
        "transport_api_version": "V3",
        "filter_enabled_metadata": {
            "filter": RBAC,
            "path": [{"key": format!("{NOTE}shadow_effective_policy_id")}],
            "value": {"string_match": {"prefix": format!("istio-ext-authz-{provider}")}},
        },
    });
    if let (Some(true), Value::Object(fields)) = (config.get("failOpen").and_then(Value::as_bool), &mut message) {
        fields.insert("failure_mode_allow".to_owned(), true.into());
    }
    extension("envoy.filters.http.ext_authz", "envoy.extensions.filters.http.ext_authz.v3.ExtAuthz", message)
}

/// Which requests a rule is for.
fn meets(rule: View<'_>) -> Value {
    let operations: Vec<_> = rule.list("to").filter_map(|to| to.field("operation")).collect();
    let ports: Vec<Vec<u32>> = operations
        .iter()
        .map(|operation| operation.texts("notPorts").into_iter().filter_map(|port| port.parse().ok()).collect())
        .collect();
    if ports.is_empty() || ports.iter().any(Vec::is_empty) {
        return everything();
    }
    let permissions: Vec<Value> = ports
        .into_iter()
        .map(|ports| {
            let any: Vec<Value> = ports.into_iter().map(|port| json!({"destination_port": port})).collect();
            json!({"and_rules": {"rules": [{"not_rule": {"or_rules": {"rules": any}}}]}})
        })
        .collect();
    json!({"permissions": permissions, "principals": anybody()})
}

fn everything() -> Value {
    json!({"permissions": [{"and_rules": {"rules": [{"any": true}]}}], "principals": anybody()})
}

fn anybody() -> Value {
    json!([{"and_ids": {"ids": [{"any": true}]}}])
}
