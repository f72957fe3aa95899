//! Lints of Egress and Mesh files.

mod allow_all_except;
mod allow_without_identity;
mod ambiguous_probe_path;
mod caller_in_gateway_namespace;
mod certificate_chain_forwarded;
mod credential_in_plaintext;
mod deny_with_tolerated_ambiguity;
mod duplicate_rule;
mod duplicate_standby;
mod ejection_longer_than_hold;
mod failover_without_gate;
mod health_override;
mod istio_out_of_support;
mod opa_image_by_tag;
mod patch_of_caller_identity;
mod patch_of_protection;
mod probe_query_denied;
mod readiness_without_gate;
mod retried_write;
mod retries_distort_probe;
mod rule_disclosed_outside;
mod rule_for_another_host;
mod rule_for_probe_only;
mod same_certificate_folder;
mod same_exposed_host;
mod same_host;
mod same_metric_series;
mod same_upstream;
mod sni_not_in_subject_alt_names;
mod standby_loop;
mod standby_not_found;
mod timeout_below_probe_timeout;
mod tls_unusual_for_port;
mod token_in_plaintext;
mod tracing_strip_on_old_istio;
mod unreliable_remote_address;

use super::Lint;
use crate::code::Code;

pub(super) const LINTS: &[Lint] = &[
    Lint::new(Code::SameHost, same_host::run, include_str!("egress/same_host.rs")),
    Lint::new(Code::SameExposedHost, same_exposed_host::run, include_str!("egress/same_exposed_host.rs")),
    Lint::new(Code::SameUpstream, same_upstream::run, include_str!("egress/same_upstream.rs")),
    Lint::new(Code::StandbyNotFound, standby_not_found::run, include_str!("egress/standby_not_found.rs")),
    Lint::new(Code::StandbyLoop, standby_loop::run, include_str!("egress/standby_loop.rs")),
    Lint::new(Code::DuplicateStandby, duplicate_standby::run, include_str!("egress/duplicate_standby.rs")),
    Lint::new(
        Code::SameCertificateFolder,
        same_certificate_folder::run,
        include_str!("egress/same_certificate_folder.rs"),
    ),
    Lint::new(
        Code::AllowWithoutIdentity,
        allow_without_identity::run,
        include_str!("egress/allow_without_identity.rs"),
    ),
    Lint::new(Code::AllowAllExcept, allow_all_except::run, include_str!("egress/allow_all_except.rs")),
    Lint::new(Code::DuplicateRule, duplicate_rule::run, include_str!("egress/duplicate_rule.rs")),
    Lint::new(
        Code::DenyWithToleratedAmbiguity,
        deny_with_tolerated_ambiguity::run,
        include_str!("egress/deny_with_tolerated_ambiguity.rs"),
    ),
    Lint::new(
        Code::UnreliableRemoteAddress,
        unreliable_remote_address::run,
        include_str!("egress/unreliable_remote_address.rs"),
    ),
    Lint::new(
        Code::RuleDisclosedOutside,
        rule_disclosed_outside::run,
        include_str!("egress/rule_disclosed_outside.rs"),
    ),
    Lint::new(Code::RuleForAnotherHost, rule_for_another_host::run, include_str!("egress/rule_for_another_host.rs")),
    Lint::new(Code::AmbiguousProbePath, ambiguous_probe_path::run, include_str!("egress/ambiguous_probe_path.rs")),
    Lint::new(Code::ProbeQueryDenied, probe_query_denied::run, include_str!("egress/probe_query_denied.rs")),
    Lint::new(Code::RuleForProbeOnly, rule_for_probe_only::run, include_str!("egress/rule_for_probe_only.rs")),
    Lint::new(Code::TlsUnusualForPort, tls_unusual_for_port::run, include_str!("egress/tls_unusual_for_port.rs")),
    Lint::new(Code::TokenInPlaintext, token_in_plaintext::run, include_str!("egress/token_in_plaintext.rs")),
    Lint::new(
        Code::SniNotInSubjectAltNames,
        sni_not_in_subject_alt_names::run,
        include_str!("egress/sni_not_in_subject_alt_names.rs"),
    ),
    Lint::new(
        Code::CallerInGatewayNamespace,
        caller_in_gateway_namespace::run,
        include_str!("egress/caller_in_gateway_namespace.rs"),
    ),
    Lint::new(
        Code::CertificateChainForwarded,
        certificate_chain_forwarded::run,
        include_str!("egress/certificate_chain_forwarded.rs"),
    ),
    Lint::new(
        Code::CredentialInPlaintext,
        credential_in_plaintext::run,
        include_str!("egress/credential_in_plaintext.rs"),
    ),
    Lint::new(Code::SameMetricSeries, same_metric_series::run, include_str!("egress/same_metric_series.rs")),
    Lint::new(Code::RetriedWrite, retried_write::run, include_str!("egress/retried_write.rs")),
    Lint::new(Code::OpaImageByTag, opa_image_by_tag::run, include_str!("egress/opa_image_by_tag.rs")),
    Lint::new(Code::PatchOfProtection, patch_of_protection::run, include_str!("egress/patch_of_protection.rs")),
    Lint::new(Code::RetriesDistortProbe, retries_distort_probe::run, include_str!("egress/retries_distort_probe.rs")),
    Lint::new(
        Code::TimeoutBelowProbeTimeout,
        timeout_below_probe_timeout::run,
        include_str!("egress/timeout_below_probe_timeout.rs"),
    ),
    Lint::new(
        Code::EjectionLongerThanHold,
        ejection_longer_than_hold::run,
        include_str!("egress/ejection_longer_than_hold.rs"),
    ),
    Lint::new(Code::FailoverWithoutGate, failover_without_gate::run, include_str!("egress/failover_without_gate.rs")),
    Lint::new(
        Code::ReadinessWithoutGate,
        readiness_without_gate::run,
        include_str!("egress/readiness_without_gate.rs"),
    ),
    Lint::new(Code::HealthOverride, health_override::run, include_str!("egress/health_override.rs")),
    Lint::new(
        Code::PatchOfCallerIdentity,
        patch_of_caller_identity::run,
        include_str!("egress/patch_of_caller_identity.rs"),
    ),
    Lint::new(Code::IstioOutOfSupport, istio_out_of_support::run, include_str!("egress/istio_out_of_support.rs")),
    Lint::new(
        Code::TracingStripOnOldIstio,
        tracing_strip_on_old_istio::run,
        include_str!("egress/tracing_strip_on_old_istio.rs"),
    ),
];
