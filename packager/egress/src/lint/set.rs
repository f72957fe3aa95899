//! Lints of several manifests together.

mod caller_in_secret_namespace;
mod callers_without_mtls;
mod callers_without_sni;
mod certificate_not_at_proxy;
mod covered_host;
mod custom_policy_first;
mod delegate_unusable;
mod entry_hidden;
mod export_to_nowhere;
mod filter_selects_no_gateway;
mod gateway_api_name;
mod guard_without_requests;
mod host_not_served;
mod identity_without_mtls;
mod match_never_applies;
mod module_expiry;
mod patch_without_effect;
mod plaintext_to_tls_port;
mod policy_for_unserved_host;
mod policy_not_enforced;
mod route_hidden;
mod route_kind_unfit;
mod rule_not_used;
mod same_listener;
mod same_route;
mod selector_elsewhere;
mod telemetry_without_effect;
mod tls_to_plaintext_port;
mod tls_twice;
mod unknown_destination;
mod unknown_gateway;
mod unknown_port;
mod wildcard_mutual_tls;

use super::definition::Lint;

/// In the order of their codes.
pub(super) const LINTS: &[Lint] = &[
    same_listener::LINT,
    covered_host::LINT,
    same_route::LINT,
    identity_without_mtls::LINT,
    callers_without_mtls::LINT,
    callers_without_sni::LINT,
    wildcard_mutual_tls::LINT,
    module_expiry::LINT,
    filter_selects_no_gateway::LINT,
    caller_in_secret_namespace::LINT,
    entry_hidden::LINT,
    rule_not_used::LINT,
    route_hidden::LINT,
    unknown_gateway::LINT,
    unknown_destination::LINT,
    unknown_port::LINT,
    guard_without_requests::LINT,
    route_kind_unfit::LINT,
    tls_twice::LINT,
    plaintext_to_tls_port::LINT,
    certificate_not_at_proxy::LINT,
    policy_not_enforced::LINT,
    custom_policy_first::LINT,
    patch_without_effect::LINT,
    telemetry_without_effect::LINT,
    selector_elsewhere::LINT,
    host_not_served::LINT,
    match_never_applies::LINT,
    delegate_unusable::LINT,
    export_to_nowhere::LINT,
    tls_to_plaintext_port::LINT,
    gateway_api_name::LINT,
    policy_for_unserved_host::LINT,
];
