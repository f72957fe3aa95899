//! Lints of Egress and Mesh files.

mod allow_all_except;
mod allow_without_identity;
mod ambiguous_probe_path;
mod caller_in_gateway_namespace;
mod certificate_chain_forwarded;
mod certificate_in_image;
mod credential_in_plaintext;
mod credential_prefix_without_space;
mod deny_with_tolerated_ambiguity;
mod duplicate_rule;
mod duplicate_standby;
mod ejection_longer_than_hold;
mod failover_without_gate;
mod grpc_over_http1;
mod grpc_rule_without_post;
mod health_override;
mod host_is_upstream;
mod host_of_others;
mod istio_out_of_support;
mod key_in_quotes;
mod namespace_created_twice;
mod namespace_of_others;
mod opa_image_by_tag;
mod patch_of_caller_identity;
mod patch_of_protection;
mod path_of_another_notation;
mod principal_of_no_workload;
mod probe_query_denied;
mod readiness_without_gate;
mod retried_write;
mod retries_distort_probe;
mod rewrite_with_tolerated_ambiguity;
mod rule_disclosed_outside;
mod rule_for_another_host;
mod rule_for_another_port;
mod rule_for_probe_only;
mod rule_hidden;
mod rule_never_matches;
mod rules_of_one_meaning;
mod same_certificate_folder;
mod same_exposed_host;
mod same_host;
mod same_metric_series;
mod same_upstream;
mod service_account_without_namespace;
mod sni_not_in_subject_alt_names;
mod standby_loop;
mod standby_not_found;
mod standby_without_port;
mod timeout_below_probe_timeout;
mod tls_unusual_for_port;
mod token_in_plaintext;
mod tracer_not_in_mesh;
mod tracing_strip_on_old_istio;
mod unknown_method;
mod unlikely_resources;
mod unreliable_remote_address;
mod upstream_is_local;
mod upstream_not_http;
mod value_of_another_notation;
mod websocket_over_http2;

use super::definition::Lint;

/// In the order of their codes.
pub(super) const LINTS: &[Lint] = &[
    same_host::LINT,
    same_exposed_host::LINT,
    same_upstream::LINT,
    standby_not_found::LINT,
    standby_loop::LINT,
    duplicate_standby::LINT,
    same_certificate_folder::LINT,
    standby_without_port::LINT,
    namespace_created_twice::LINT,
    allow_without_identity::LINT,
    allow_all_except::LINT,
    duplicate_rule::LINT,
    deny_with_tolerated_ambiguity::LINT,
    unreliable_remote_address::LINT,
    rule_disclosed_outside::LINT,
    rule_for_another_host::LINT,
    ambiguous_probe_path::LINT,
    probe_query_denied::LINT,
    rule_for_probe_only::LINT,
    rule_for_another_port::LINT,
    grpc_rule_without_post::LINT,
    rule_never_matches::LINT,
    rule_hidden::LINT,
    rules_of_one_meaning::LINT,
    path_of_another_notation::LINT,
    service_account_without_namespace::LINT,
    unknown_method::LINT,
    key_in_quotes::LINT,
    principal_of_no_workload::LINT,
    rewrite_with_tolerated_ambiguity::LINT,
    tls_unusual_for_port::LINT,
    token_in_plaintext::LINT,
    sni_not_in_subject_alt_names::LINT,
    caller_in_gateway_namespace::LINT,
    certificate_chain_forwarded::LINT,
    credential_in_plaintext::LINT,
    same_metric_series::LINT,
    host_of_others::LINT,
    host_is_upstream::LINT,
    namespace_of_others::LINT,
    upstream_is_local::LINT,
    certificate_in_image::LINT,
    retried_write::LINT,
    opa_image_by_tag::LINT,
    patch_of_protection::LINT,
    retries_distort_probe::LINT,
    timeout_below_probe_timeout::LINT,
    ejection_longer_than_hold::LINT,
    failover_without_gate::LINT,
    readiness_without_gate::LINT,
    health_override::LINT,
    patch_of_caller_identity::LINT,
    value_of_another_notation::LINT,
    credential_prefix_without_space::LINT,
    unlikely_resources::LINT,
    grpc_over_http1::LINT,
    websocket_over_http2::LINT,
    upstream_not_http::LINT,
    tracer_not_in_mesh::LINT,
    istio_out_of_support::LINT,
    tracing_strip_on_old_istio::LINT,
];
