//! Lints of several manifests together.

mod caller_in_secret_namespace;
mod callers_without_mtls;
mod callers_without_sni;
mod covered_host;
mod filter_selects_no_gateway;
mod identity_without_mtls;
mod module_expiry;
mod same_listener;
mod same_route;
mod wildcard_mutual_tls;

use super::Lint;
use crate::code::Code;

pub(super) const LINTS: &[Lint] = &[
    Lint::new(Code::SameListener, same_listener::run, include_str!("set/same_listener.rs")),
    Lint::new(Code::CoveredHost, covered_host::run, include_str!("set/covered_host.rs")),
    Lint::new(Code::SameRoute, same_route::run, include_str!("set/same_route.rs")),
    Lint::new(Code::IdentityWithoutMtls, identity_without_mtls::run, include_str!("set/identity_without_mtls.rs")),
    Lint::new(Code::CallersWithoutMtls, callers_without_mtls::run, include_str!("set/callers_without_mtls.rs")),
    Lint::new(Code::CallersWithoutSni, callers_without_sni::run, include_str!("set/callers_without_sni.rs")),
    Lint::new(Code::WildcardMutualTls, wildcard_mutual_tls::run, include_str!("set/wildcard_mutual_tls.rs")),
    Lint::new(Code::ModuleExpiry, module_expiry::run, include_str!("set/module_expiry.rs")),
    Lint::new(
        Code::FilterSelectsNoGateway,
        filter_selects_no_gateway::run,
        include_str!("set/filter_selects_no_gateway.rs"),
    ),
    Lint::new(
        Code::CallerInSecretNamespace,
        caller_in_secret_namespace::run,
        include_str!("set/caller_in_secret_namespace.rs"),
    ),
];
