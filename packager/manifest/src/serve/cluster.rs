//! From services and their DestinationRules to Envoy's clusters (`cluster_builder.go` and `cluster_traffic_policy.go` of
//! Istio).

use serde_json::{Map, Value, json};

use super::route::config_metadata;
use super::service::{Port, Resolution, Service};
use super::view::View;
use super::{tls, traffic};
use crate::message::typed;

/// A DestinationRule.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule<'a> {
    pub(super) name: &'a str,
    pub(super) namespace: &'a str,
    pub(super) spec: View<'a>,
}

/// The clusters of a service: for each port one of the whole service, and one for each subset.
pub(super) fn clusters(service: &Service<'_>, rule: Option<Rule<'_>>) -> Vec<Value> {
    let policy = rule.and_then(|rule| rule.spec.field("trafficPolicy"));
    let mut all = Vec::new();
    for port in &service.ports {
        all.extend(cluster(service, *port, rule, "", [None, policy]));
        for subset in rule.into_iter().flat_map(|rule| rule.spec.list("subsets")) {
            let of_subset = subset.field("trafficPolicy");
            let name = subset.text("name").unwrap_or_default();
            all.extend(cluster(service, *port, rule, name, [of_subset, policy]));
        }
    }
    all
}

/// `policies`: the subset's comes before the rule's, block by block.
fn cluster(
    service: &Service<'_>,
    port: Port<'_>,
    rule: Option<Rule<'_>>,
    subset: &str,
    policies: [Option<View<'_>>; 2],
) -> Option<Value> {
    let name = service.cluster(subset, port);
    let block = |name: &str| policies.into_iter().flatten().find_map(|policy| policy.field(name));
    let pool = block("connectionPool");
    let mut protocol = traffic::protocol(port, pool);
    let is_http2 = protocol.is_http2();
    let tls = block("tls").and_then(|tls| tls::upstream(tls, service, is_http2, &mut protocol));
    let mut fields = discovery(service, port, &name)?;
    fields.insert("alt_stat_name".to_owned(), format!("{name};").into());
    fields.insert("name".to_owned(), name.into());
    fields.insert("lb_policy".to_owned(), "LEAST_REQUEST".into());
    fields.insert("circuit_breakers".to_owned(), traffic::thresholds(pool));
    fields.insert("connect_timeout".to_owned(), traffic::connect_timeout(pool).into());
    // Even if every address is ejected, Envoy sends no request to one.
    let percent = block("outlierDetection").and_then(|outlier| outlier.number("minHealthPercent")).unwrap_or(0);
    fields.insert("common_lb_config".to_owned(), json!({"healthy_panic_threshold": percent_of(percent)}));
    if let Some(keepalive) = traffic::keepalive(pool) {
        fields.insert("upstream_connection_options".to_owned(), keepalive);
    }
    if let Some(outlier) = block("outlierDetection") {
        fields.insert("outlier_detection".to_owned(), traffic::outlier_detection(outlier));
    }
    let metadata = metadata(service, rule, subset, tls.is_some());
    if let Some(tls) = tls {
        fields.insert("transport_socket".to_owned(), tls);
    }
    if let Some(options) = protocol.into_options() {
        fields.insert("typed_extension_protocol_options".to_owned(), options);
    }
    if let Some(metadata) = metadata {
        fields.insert("metadata".to_owned(), metadata);
    }
    Some(typed("envoy.config.cluster.v3.Cluster", Value::Object(fields)))
}

/// Zero is the default, which is not written.
fn percent_of(percent: u64) -> Value {
    if percent == 0 { json!({}) } else { json!({"value": percent}) }
}

/// How Envoy finds the addresses. Those that are written it gets apart from the cluster (EDS).
fn discovery(service: &Service<'_>, port: Port<'_>, name: &str) -> Option<Map<String, Value>> {
    let discovery = match service.resolution {
        Resolution::Static => json!({
            "type": "EDS",
            "eds_cluster_config": {
                "eds_config": {"ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3"},
                "service_name": name,
            },
        }),
        Resolution::Dns | Resolution::DnsRoundRobin => json!({
            "type": if service.resolution == Resolution::Dns { "STRICT_DNS" } else { "LOGICAL_DNS" },
            "load_assignment": service.load_assignment(name, port)?,
            "dns_lookup_family": "V4_ONLY",
            "dns_refresh_rate": "60s",
            "dns_jitter": "0.100s",
            "respect_dns_ttl": true,
            "typed_dns_resolver_config": {
                "name": "envoy.network.dns_resolver.cares",
                "typed_config": typed(
                    "envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
                    json!({"udp_max_queries": 100}),
                ),
            },
        }),
    };
    match discovery {
        Value::Object(fields) => Some(fields),
        _ => None,
    }
}

/// What Istio's own filters and reports read; `None` if there is nothing for them.
fn metadata(service: &Service<'_>, rule: Option<Rule<'_>>, subset: &str, is_tls: bool) -> Option<Value> {
    let mut metadata = match rule {
        None => json!({"filter_metadata": {"istio": {}}}),
        Some(rule) => config_metadata("destination-rule", rule.namespace, rule.name),
    };
    let istio = metadata.pointer_mut("/filter_metadata/istio").and_then(Value::as_object_mut)?;
    if !subset.is_empty() {
        istio.insert("subset".to_owned(), subset.into());
    } else if service.is_external {
        istio.insert("external".to_owned(), true.into());
    }
    if is_tls {
        istio.insert("alpn_override".to_owned(), "false".into());
    }
    (!istio.is_empty()).then_some(metadata)
}
