//! One Envoy with both sides of every case.
//!
//! # Design
//!
//! Both sides of all cases are filters of one connection manager, all of them off. A route for each side of each case
//! turns its own filters on, and answers 200 to what they let through. So both sides see the same connection, the same
//! listener and what the same filters before them have made of the request, and a caller needs one connection for
//! everything. A second listener is that of a gateway behind one trusted proxy.

use std::net::{IpAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use sallyport_tests::certs::Identity;
use sallyport_tests::envoys::Envoy;
use sallyport_tests::gate;
use sallyport_tests::process::{Program, Scratch, Stdout};
use serde_json::{Map, Value, json};

use super::caller::{ISSUERS, SECOND, V4, V6};
use super::case::Case;
use super::pool::{METADATA_FILTER, METADATA_HEADER, METADATA_KEY};

/// Which side of which case a request is for.
pub(crate) const SIDE_HEADER: &str = "x-parity-side";
/// In an answer of Envoy's own: why it was given.
pub(crate) const DETAILS_HEADER: &str = "x-parity-details";
/// How long Envoy may take to start: it makes hundreds of instances of the filter.
const PATIENCE: Duration = Duration::from_secs(240);

/// The value of [`SIDE_HEADER`] for Istio's side.
pub(crate) fn istio(case: usize) -> String {
    format!("istio-{case}")
}

/// And for ours.
pub(crate) fn sallyport(case: usize) -> String {
    format!("sallyport-{case}")
}

/// Ports for both listeners: without a trusted proxy, and with one. They are taken again by each Envoy of a run, so none
/// is of the range that connections get theirs from.
pub(crate) fn free_ports() -> Result<[u16; 2]> {
    const RANGE: std::ops::Range<u16> = 20_000..32_000;
    let start = RANGE.start + u16::try_from(std::process::id() % u32::from(RANGE.end - RANGE.start))?;
    let is_free = |port: &u16| [V4, SECOND].into_iter().all(|address| TcpListener::bind((address, *port)).is_ok());
    let mut free = (start..RANGE.end).chain(RANGE.start..start).filter(is_free);
    Ok([free.next().context("no port is free")?, free.next().context("one port is free")?])
}

/// Whether this machine has the loopback address of IPv6.
pub(crate) fn has_v6() -> bool {
    TcpListener::bind((V6, 0)).is_ok()
}

/// What Envoy is configured from.
#[derive(Debug)]
pub(crate) struct Setting<'a> {
    pub(crate) cases: &'a [Case],
    /// Istio's filters of each case.
    pub(crate) filters: &'a [Vec<Value>],
    pub(crate) ports: [u16; 2],
    pub(crate) server: &'a Identity,
    pub(crate) authority: &'a Path,
    pub(crate) key_set: &'a str,
}

/// Starts Envoy, and waits until it listens: by then every instance of the filter has taken its policy.
pub(crate) fn start(envoy: &Envoy, scratch: &Scratch, setting: &Setting<'_>) -> Result<Program> {
    let configuration = scratch.write("envoy.json", bootstrap(setting)?.to_string())?;
    let mut command = Command::new(&envoy.path);
    command.arg("--config-path").arg(configuration);
    // Istio's filters use fields that Envoy warns of, each time.
    command.args(["--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]);
    let mut program = Program::start("envoy", scratch.path(), &mut command, Stdout::Log)?;
    let deadline = Instant::now() + PATIENCE;
    while !setting.ports.into_iter().all(|port| TcpStream::connect((V4, port)).is_ok()) {
        program.check_running()?;
        ensure!(Instant::now() < deadline, "Envoy does not listen after {PATIENCE:?}");
        thread::sleep(Duration::from_millis(50));
    }
    Ok(program)
}

fn bootstrap(setting: &Setting<'_>) -> Result<Value> {
    let mut addresses = vec![V4, SECOND];
    if has_v6() {
        addresses.push(V6);
    }
    let mut listeners = Vec::new();
    for (hops, port) in setting.ports.into_iter().enumerate() {
        listeners.push(listener(setting, &addresses, port, hops)?);
    }
    Ok(json!({
        "node": {"id": "parity", "cluster": "parity"},
        "static_resources": {"listeners": listeners},
    }))
}

fn listener(setting: &Setting<'_>, addresses: &[IpAddr], port: u16, hops: usize) -> Result<Value> {
    let address = |ip: &IpAddr| json!({"socket_address": {"address": ip.to_string(), "port_value": port}});
    let (first, others) = addresses.split_at(1);
    let others: Vec<Value> = others.iter().map(|ip| json!({"address": address(ip)})).collect();
    let first: Vec<Value> = first.iter().map(address).collect();
    Ok(json!({
        "name": format!("hops-{hops}"),
        "address": first.first(),
        "additional_addresses": others,
        "listener_filters": [{
            "name": "envoy.filters.listener.tls_inspector",
            "typed_config": typed("envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector", json!({})),
        }],
        "filter_chains": [{
            "transport_socket": {
                "name": "envoy.transport_sockets.tls",
                "typed_config": typed(
                    "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
                    json!({"require_client_certificate": false, "common_tls_context": {
                        "alpn_protocols": ["h2", "http/1.1"],
                        "tls_certificates": [{
                            "certificate_chain": {"filename": setting.server.certificate},
                            "private_key": {"filename": setting.server.key},
                        }],
                        "validation_context": {"trusted_ca": {"filename": setting.authority}},
                    }}),
                ),
            },
            "filters": [{
                "name": "envoy.filters.network.http_connection_manager",
                "typed_config": connection_manager(setting, hops)?,
            }],
        }],
    }))
}

/// With what the gateways of `sallyport build` and `sallyport run` have in common with Istio's own.
fn connection_manager(setting: &Setting<'_>, hops: usize) -> Result<Value> {
    let mut filters = vec![metadata_filter(), jwt_filter(setting.key_set)];
    let mut routes = Vec::new();
    for (number, case) in setting.cases.iter().enumerate() {
        if case.trusts_a_proxy() != (hops > 0) {
            continue;
        }
        let mut names = Vec::new();
        for (position, filter) in setting.filters[number].iter().enumerate() {
            let name = format!("{}-{position}", istio(number));
            filters.push(json!({"name": name, "disabled": true, "typed_config": filter["typedConfig"]}));
            names.push(name);
        }
        routes.push(route(&istio(number), &names));
        let name = sallyport(number);
        filters.push(json!({"name": name, "disabled": true, "typed_config": wasm(case, &name)?}));
        routes.push(route(&name, std::slice::from_ref(&name)));
    }
    filters.push(json!({
        "name": "envoy.filters.http.router",
        "typed_config": typed("envoy.extensions.filters.http.router.v3.Router", json!({})),
    }));
    Ok(typed(
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        json!({
            "stat_prefix": format!("hops-{hops}"),
            "codec_type": "AUTO",
            "use_remote_address": true,
            "xff_num_trusted_hops": hops,
            "normalize_path": true,
            "merge_slashes": false,
            "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
            "forward_client_cert_details": "SANITIZE_SET",
            "set_current_client_cert_details": {"subject": true, "cert": true, "dns": true, "uri": true},
            "upgrade_configs": [{"upgrade_type": "websocket"}],
            "http2_protocol_options": {"max_concurrent_streams": 2_147_483_647_u32},
            "local_reply_config": {"mappers": [{
                "filter": {"status_code_filter": {"comparison": {
                    "op": "GE", "value": {"default_value": 200, "runtime_key": "parity.status"},
                }}},
                "headers_to_add": [{"header": {"key": DETAILS_HEADER, "value": "%RESPONSE_CODE_DETAILS%"}}],
            }]},
            "route_config": {
                "name": "cases",
                "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}],
            },
            "http_filters": filters,
        }),
    ))
}

/// Turns these filters on for one side of one case.
fn route(side: &str, filters: &[String]) -> Value {
    let on = typed("envoy.config.route.v3.FilterConfig", json!({"config": {}}));
    let on: Map<String, Value> = filters.iter().map(|name| (name.clone(), on.clone())).collect();
    json!({
        "name": side,
        "match": {"prefix": "/", "headers": [{"name": SIDE_HEADER, "string_match": {"exact": side}}]},
        "direct_response": {"status": 200},
        "typed_per_filter_config": on,
    })
}

/// As the gateway has it: one VM for all, and the policy as its configuration.
fn wasm(case: &Case, name: &str) -> Result<Value> {
    let configuration = serde_json::to_string(&case.policy)?;
    Ok(typed(
        "envoy.extensions.filters.http.wasm.v3.Wasm",
        json!({"config": {
            "name": name,
            "root_id": case.policy.upstream,
            "failure_policy": "FAIL_RELOAD",
            "vm_config": {"runtime": "envoy.wasm.runtime.v8", "code": {"local": {"filename": gate::filter()?}}},
            "configuration": typed("google.protobuf.StringValue", json!({"value": configuration})),
        }}),
    ))
}

/// Stands for any filter that leaves metadata for `experimental.envoy.filters.*`.
fn metadata_filter() -> Value {
    json!({
        "name": "envoy.filters.http.header_to_metadata",
        "typed_config": typed("envoy.extensions.filters.http.header_to_metadata.v3.Config", json!({
            "request_rules": [{
                "header": METADATA_HEADER,
                "on_header_present": {
                    "metadata_namespace": METADATA_FILTER,
                    "key": METADATA_KEY,
                    "type": "PROTOBUF_VALUE",
                    "encode": "BASE64",
                },
                "remove": true,
            }],
        })),
    })
}

/// What istiod makes of a RequestAuthentication with several issuers.
fn jwt_filter(key_set: &str) -> Value {
    let name = |index: usize| json!({"provider_name": format!("origins-{index}")});
    let providers: Map<String, Value> = ISSUERS
        .into_iter()
        .enumerate()
        .map(|(index, issuer)| {
            let provider = json!({
                "issuer": issuer,
                "forward": false,
                "payload_in_metadata": "payload",
                "normalize_payload_in_metadata": {"space_delimited_claims": ["permission", "scope"]},
                "local_jwks": {"inline_string": key_set},
            });
            (format!("origins-{index}"), provider)
        })
        .collect();
    let mut any: Vec<Value> = (0..ISSUERS.len()).map(name).collect();
    let optional = |index| json!({"requires_any": {"requirements": [name(index), {"allow_missing": {}}]}});
    any.push(json!({"requires_all": {"requirements": (0..ISSUERS.len()).map(optional).collect::<Vec<_>>()}}));
    json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": typed("envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication", json!({
            "providers": providers,
            "rules": [{"match": {"prefix": "/"}, "requires": {"requires_any": {"requirements": any}}}],
            "bypass_cors_preflight": true,
        })),
    })
}

fn typed(name: &str, mut message: Value) -> Value {
    if let Value::Object(fields) = &mut message {
        fields.insert("@type".to_owned(), Value::String(format!("type.googleapis.com/{name}")));
    }
    message
}
