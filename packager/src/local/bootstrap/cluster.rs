//! Clusters: the upstream, and the servers of key sets.

use std::net::IpAddr;
use std::path::Path;

use sallyport_egress::model::{HttpVersion, JwtProvider, TlsMode};
use sallyport_egress::value::authn::JwksUri;
use serde_json::{Value, json};

use super::inputs::{EnvoyInputs, HostPort};
use super::message::{address, typed};
use crate::local::files::Pair;

/// Every cluster.
pub(crate) fn clusters(inputs: EnvoyInputs<'_>) -> Vec<Value> {
    let mut all = upstream(inputs);
    for uri in inputs.egress.spec.authn.jwt.iter().filter_map(jwks_uri) {
        let cluster = jwks(uri, inputs.trust.jwks.as_deref());
        if !all.contains(&cluster) {
            all.push(cluster);
        }
    }
    all
}

/// For each provider the cluster of its key set; `None` if the key set is in the file.
pub(super) fn jwks_clusters(providers: &[JwtProvider]) -> Vec<Option<String>> {
    providers.iter().map(|provider| jwks_uri(provider).map(jwks_name)).collect()
}

fn jwks_uri(provider: &JwtProvider) -> Option<&JwksUri> {
    provider.jwks_uri.as_ref().filter(|_| provider.jwks.is_none())
}

fn jwks_name(uri: &JwksUri) -> String {
    format!("jwks_outbound|{}||{}", uri.port(), uri.host())
}

/// One for callers, and one for probes.
fn upstream(inputs: EnvoyInputs<'_>) -> Vec<Value> {
    let upstream = &inputs.egress.spec.upstream;
    let own = HostPort { host: upstream.host.to_string(), port: upstream.port };
    let server = inputs.connect_to.unwrap_or(&own);
    let names: Vec<&str> = upstream.tls.subject_alt_names.iter().map(|name| name.as_str()).collect();
    let tls = match upstream.tls.mode {
        TlsMode::None => None,
        TlsMode::Simple | TlsMode::Mutual => Some(upstream_tls(
            upstream.tls.sni.as_deref(),
            &names,
            inputs.trust.upstream.as_deref(),
            inputs.trust.client.as_ref(),
        )),
    };
    let name = |subset| inputs.egress.cluster(subset);
    let probed = inputs.egress.probe_subset().map(|subset| {
        cluster(&name(Some(subset)), server, tls.clone(), sallyport_manifest::probe_protocol(inputs.egress).into())
    });
    let options = match upstream.protocol {
        HttpVersion::Http1 => explicit("http_protocol_options"),
        HttpVersion::Http2 => explicit("http2_protocol_options"),
    };
    std::iter::once(cluster(&name(None), server, tls, options)).chain(probed).collect()
}

/// The HTTP settings of a cluster, with one version.
fn explicit(version: &str) -> Value {
    const KIND: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    json!({KIND: typed(KIND, json!({"explicit_http_config": {version: {}}}))})
}

fn jwks(uri: &JwksUri, trusted_ca: Option<&Path>) -> Value {
    let host = uri.host();
    // A server name is never an address (RFC 6066).
    let sni = host.parse::<IpAddr>().is_err().then_some(host);
    let tls = uri.is_tls().then(|| upstream_tls(sni, &[host], trusted_ca, None));
    cluster(
        &jwks_name(uri),
        &HostPort { host: host.to_owned(), port: uri.port() },
        tls,
        explicit("http_protocol_options"),
    )
}

fn cluster(name: &str, server: &HostPort, tls: Option<Value>, options: Value) -> Value {
    let is_address = server.host.parse::<IpAddr>().is_ok();
    let mut cluster = json!({
        "name": name,
        "type": if is_address { "STATIC" } else { "STRICT_DNS" },
        "dns_lookup_family": "V4_PREFERRED",
        "connect_timeout": "10s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(&server.host, server.port)}}]}],
        },
        "typed_extension_protocol_options": options,
    });
    if let (Value::Object(fields), Some(tls)) = (&mut cluster, tls) {
        fields.insert("transport_socket".to_owned(), tls);
    }
    typed("envoy.config.cluster.v3.Cluster", cluster)
}

fn upstream_tls(sni: Option<&str>, names: &[&str], trusted_ca: Option<&Path>, client: Option<&Pair>) -> Value {
    let names: Vec<Value> =
        names.iter().map(|name| json!({"san_type": san_type(name), "matcher": {"exact": name}})).collect();
    let certificates: Vec<Value> = client
        .into_iter()
        .map(|pair| json!({"certificate_chain": {"filename": pair.certificate}, "private_key": {"filename": pair.key}}))
        .collect();
    let mut context = json!({"common_tls_context": {
        "tls_certificates": certificates,
        "validation_context": {"trusted_ca": {"filename": trusted_ca}, "match_typed_subject_alt_names": names},
    }});
    if let (Value::Object(fields), Some(sni)) = (&mut context, sni) {
        fields.insert("sni".to_owned(), Value::String(sni.to_owned()));
    }
    json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": typed("envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext", context),
    })
}

fn san_type(name: &str) -> &'static str {
    if name.parse::<IpAddr>().is_ok() {
        "IP_ADDRESS"
    } else if name.contains("://") {
        "URI"
    } else {
        "DNS"
    }
}
