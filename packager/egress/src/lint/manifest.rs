//! Lints of one manifest and of the resources that it selects.

mod authority_not_rewritten;
mod deny_by_path;
mod deny_host_without_port;
mod deprecated_field;
mod fields_together;
mod filter_not_in_authz_phase;
mod filter_not_reloaded;
mod gateway_as_root;
mod gateway_routes_to_itself;
mod missing_field;
mod plugin_by_tag;
mod plugin_digest_format;
mod plugin_fails_open;
mod plugin_file_digest;
mod plugin_large_number;
mod plugin_mode_server;
mod plugin_phase_name;
mod plugin_pull_secret;
mod plugin_signature;
mod plugin_two_digests;
mod plugin_url_without_scheme;
mod plugin_without_priority;
mod plugin_without_selector;
mod policy_in_environment;
mod probe_by_shell;
mod probe_of_upstream;
mod refused;
mod registry_unverified;
mod service_entry_exported_everywhere;
mod service_entry_for_any_host;
mod service_entry_with_tls;
mod service_entry_without_resolution;
mod shared_gateway_label;
mod sni_without_subject_alt_names;
mod strict_mtls_without_effect;
mod tls_unverified;
mod tls_without_sni;
mod token_not_required;
mod unknown_field;
mod unknown_kind;
mod unknown_subset;
mod unknown_value;
mod value_never_met;
mod wrong_type;

use super::definition::Lint;

/// In the order of their codes.
pub(super) const LINTS: &[Lint] = &[
    plugin_mode_server::LINT,
    plugin_without_priority::LINT,
    filter_not_in_authz_phase::LINT,
    plugin_url_without_scheme::LINT,
    plugin_by_tag::LINT,
    plugin_digest_format::LINT,
    plugin_two_digests::LINT,
    plugin_fails_open::LINT,
    plugin_signature::LINT,
    plugin_pull_secret::LINT,
    plugin_without_selector::LINT,
    plugin_phase_name::LINT,
    policy_in_environment::LINT,
    filter_not_reloaded::LINT,
    plugin_file_digest::LINT,
    plugin_large_number::LINT,
    sni_without_subject_alt_names::LINT,
    tls_without_sni::LINT,
    tls_unverified::LINT,
    authority_not_rewritten::LINT,
    unknown_subset::LINT,
    gateway_routes_to_itself::LINT,
    service_entry_without_resolution::LINT,
    service_entry_with_tls::LINT,
    service_entry_exported_everywhere::LINT,
    service_entry_for_any_host::LINT,
    strict_mtls_without_effect::LINT,
    deny_by_path::LINT,
    deny_host_without_port::LINT,
    token_not_required::LINT,
    probe_by_shell::LINT,
    probe_of_upstream::LINT,
    gateway_as_root::LINT,
    registry_unverified::LINT,
    shared_gateway_label::LINT,
    deprecated_field::LINT,
    unknown_kind::LINT,
    unknown_field::LINT,
    wrong_type::LINT,
    unknown_value::LINT,
    missing_field::LINT,
    fields_together::LINT,
    refused::LINT,
    value_never_met::LINT,
];
