//! Lints of one manifest and of the resources that it selects.

mod authority_not_rewritten;
mod deny_by_path;
mod deny_host_without_port;
mod deprecated_field;
mod filter_not_in_authz_phase;
mod filter_not_reloaded;
mod gateway_as_root;
mod gateway_routes_to_itself;
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
mod unknown_subset;

use super::Lint;
use crate::code::Code;

pub(super) const LINTS: &[Lint] = &[
    Lint::new(Code::PluginModeServer, plugin_mode_server::run, include_str!("manifest/plugin_mode_server.rs")),
    Lint::new(
        Code::PluginWithoutPriority,
        plugin_without_priority::run,
        include_str!("manifest/plugin_without_priority.rs"),
    ),
    Lint::new(
        Code::FilterNotInAuthzPhase,
        filter_not_in_authz_phase::run,
        include_str!("manifest/filter_not_in_authz_phase.rs"),
    ),
    Lint::new(
        Code::PluginUrlWithoutScheme,
        plugin_url_without_scheme::run,
        include_str!("manifest/plugin_url_without_scheme.rs"),
    ),
    Lint::new(Code::PluginByTag, plugin_by_tag::run, include_str!("manifest/plugin_by_tag.rs")),
    Lint::new(Code::PluginDigestFormat, plugin_digest_format::run, include_str!("manifest/plugin_digest_format.rs")),
    Lint::new(Code::PluginTwoDigests, plugin_two_digests::run, include_str!("manifest/plugin_two_digests.rs")),
    Lint::new(Code::PluginFailsOpen, plugin_fails_open::run, include_str!("manifest/plugin_fails_open.rs")),
    Lint::new(Code::PluginSignature, plugin_signature::run, include_str!("manifest/plugin_signature.rs")),
    Lint::new(Code::PluginPullSecret, plugin_pull_secret::run, include_str!("manifest/plugin_pull_secret.rs")),
    Lint::new(
        Code::PluginWithoutSelector,
        plugin_without_selector::run,
        include_str!("manifest/plugin_without_selector.rs"),
    ),
    Lint::new(Code::PluginPhaseName, plugin_phase_name::run, include_str!("manifest/plugin_phase_name.rs")),
    Lint::new(Code::PolicyInEnvironment, policy_in_environment::run, include_str!("manifest/policy_in_environment.rs")),
    Lint::new(Code::FilterNotReloaded, filter_not_reloaded::run, include_str!("manifest/filter_not_reloaded.rs")),
    Lint::new(Code::PluginFileDigest, plugin_file_digest::run, include_str!("manifest/plugin_file_digest.rs")),
    Lint::new(Code::PluginLargeNumber, plugin_large_number::run, include_str!("manifest/plugin_large_number.rs")),
    Lint::new(
        Code::SniWithoutSubjectAltNames,
        sni_without_subject_alt_names::run,
        include_str!("manifest/sni_without_subject_alt_names.rs"),
    ),
    Lint::new(Code::TlsWithoutSni, tls_without_sni::run, include_str!("manifest/tls_without_sni.rs")),
    Lint::new(Code::TlsUnverified, tls_unverified::run, include_str!("manifest/tls_unverified.rs")),
    Lint::new(
        Code::AuthorityNotRewritten,
        authority_not_rewritten::run,
        include_str!("manifest/authority_not_rewritten.rs"),
    ),
    Lint::new(Code::UnknownSubset, unknown_subset::run, include_str!("manifest/unknown_subset.rs")),
    Lint::new(
        Code::GatewayRoutesToItself,
        gateway_routes_to_itself::run,
        include_str!("manifest/gateway_routes_to_itself.rs"),
    ),
    Lint::new(
        Code::ServiceEntryWithoutResolution,
        service_entry_without_resolution::run,
        include_str!("manifest/service_entry_without_resolution.rs"),
    ),
    Lint::new(
        Code::ServiceEntryWithTls,
        service_entry_with_tls::run,
        include_str!("manifest/service_entry_with_tls.rs"),
    ),
    Lint::new(
        Code::ServiceEntryExportedEverywhere,
        service_entry_exported_everywhere::run,
        include_str!("manifest/service_entry_exported_everywhere.rs"),
    ),
    Lint::new(
        Code::ServiceEntryForAnyHost,
        service_entry_for_any_host::run,
        include_str!("manifest/service_entry_for_any_host.rs"),
    ),
    Lint::new(
        Code::StrictMtlsWithoutEffect,
        strict_mtls_without_effect::run,
        include_str!("manifest/strict_mtls_without_effect.rs"),
    ),
    Lint::new(Code::DenyByPath, deny_by_path::run, include_str!("manifest/deny_by_path.rs")),
    Lint::new(
        Code::DenyHostWithoutPort,
        deny_host_without_port::run,
        include_str!("manifest/deny_host_without_port.rs"),
    ),
    Lint::new(Code::TokenNotRequired, token_not_required::run, include_str!("manifest/token_not_required.rs")),
    Lint::new(Code::ProbeByShell, probe_by_shell::run, include_str!("manifest/probe_by_shell.rs")),
    Lint::new(Code::ProbeOfUpstream, probe_of_upstream::run, include_str!("manifest/probe_of_upstream.rs")),
    Lint::new(Code::GatewayAsRoot, gateway_as_root::run, include_str!("manifest/gateway_as_root.rs")),
    Lint::new(Code::RegistryUnverified, registry_unverified::run, include_str!("manifest/registry_unverified.rs")),
    Lint::new(Code::SharedGatewayLabel, shared_gateway_label::run, include_str!("manifest/shared_gateway_label.rs")),
    Lint::new(Code::DeprecatedField, deprecated_field::run, include_str!("manifest/deprecated_field.rs")),
];
