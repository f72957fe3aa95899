//! The paths that may differ, and why. Every entry must be needed: one that nothing uses fails the test.

use crate::compare::How::{Added, Changed, Missing};
use crate::compare::{How, Ignored};

const fn ignored(how: How, path: &'static str, reason: &'static str) -> Ignored {
    Ignored { how, path, reason }
}

/// The path of a connection manager.
macro_rules! manager {
    () => {
        "listeners/*/filterChains/*/filters/*/typedConfig/"
    };
}

/// The path of the TLS of a listener.
macro_rules! server {
    () => {
        "listeners/*/filterChains/*/transportSocket/typedConfig/commonTlsContext/"
    };
}

/// The path of the TLS of a cluster.
macro_rules! client {
    () => {
        "clusters/*/transportSocket/typedConfig/commonTlsContext/"
    };
}

const KEYS: &str = "the object names no service with the keys, which Envoy would need; `run` makes one";
const SPANS: &str = "the tracer is the mesh's; `run` sends no spans, and says so when it starts";
const OPA_PORT: &str = "istiod offers mutual TLS to every service; OPA's endpoint has none, so both use plaintext";

/// Between what istiod gives (first) and what `run` makes of the same objects (second).
pub(crate) const TRANSLATED: &[Ignored] = &[
    ignored(
        Changed,
        "extensions/*/typedConfig/config/vmConfig/environmentVariables/keyValues/ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION",
        "counted by the API server; the agent alone reads it",
    ),
    ignored(
        Changed,
        "extensions/*/typedConfig/config/vmConfig/environmentVariables/keyValues/ISTIO_META_WASM_IMAGE_PULL_SECRET",
        "istiod's debug interface hides it; the agent alone reads it",
    ),
    ignored(Changed, concat!(manager!(), "httpFilters/*/typedConfig/providers/*/remoteJwks/httpUri/cluster"), KEYS),
    ignored(Added, "clusters/jwks_outbound*/**", KEYS),
    ignored(Added, "endpoints/jwks_outbound*/**", KEYS),
    ignored(Missing, concat!(manager!(), "tracing/**"), SPANS),
    ignored(Missing, "clusters/outbound|15010||istiod.istio-system.svc.cluster.local/**", SPANS),
    ignored(Missing, "endpoints/outbound|15010||istiod.istio-system.svc.cluster.local/**", SPANS),
    ignored(Missing, "clusters/outbound|9191||opa.*/transportSocketMatches/**", OPA_PORT),
];

const FILES: &str = "certificates are files on this machine, where a pod has an agent that is asked for them";
const ADDRESSES: &str = "there is no control plane to ask for routes and addresses";
const PLUGIN: &str = "the filter is a file on this machine, and Envoy watches the one with its policy";

/// Between that (first) and what Envoy gets on a machine that is no pod (second).
pub(crate) const SURROUNDED: &[Ignored] = &[
    ignored(Changed, "listeners/*/name", "a listener is named after its address"),
    ignored(Changed, "listeners/*/address/socketAddress/address", "on this machine alone"),
    ignored(Changed, concat!(manager!(), "statPrefix"), "a listener is named after its address"),
    ignored(
        Changed,
        "listeners/*/filterChains/*/transportSocket/typedConfig/requireClientCertificate",
        "a caller without a certificate reaches the filter, which refuses it",
    ),
    ignored(Changed, "listeners/*/accessLog/*/typedConfig/path", "the log is a file"),
    ignored(Changed, concat!(manager!(), "accessLog/*/typedConfig/path"), "the log is a file"),
    ignored(Missing, concat!(server!(), "tlsCertificateSdsSecretConfigs/**"), FILES),
    ignored(Added, concat!(server!(), "tlsCertificates/**"), FILES),
    ignored(Missing, concat!(server!(), "combinedValidationContext/validationContextSdsSecretConfig/**"), FILES),
    ignored(Missing, concat!(server!(), "combinedValidationContext/defaultValidationContext"), FILES),
    ignored(Added, concat!(server!(), "combinedValidationContext/defaultValidationContext/trustedCa/**"), FILES),
    ignored(Missing, concat!(client!(), "tlsCertificateSdsSecretConfigs/**"), FILES),
    ignored(Added, concat!(client!(), "tlsCertificates/**"), FILES),
    ignored(Missing, concat!(client!(), "combinedValidationContext/validationContextSdsSecretConfig/**"), FILES),
    ignored(Added, concat!(client!(), "combinedValidationContext/defaultValidationContext/trustedCa/**"), FILES),
    ignored(
        Changed,
        "clusters/*/dnsLookupFamily",
        "a pod's resolver is its cluster's; this machine may have IPv6 alone",
    ),
    ignored(Changed, "clusters/*/type", ADDRESSES),
    ignored(Missing, "clusters/*/edsClusterConfig/**", ADDRESSES),
    ignored(Missing, concat!(manager!(), "rds/configSource/**"), ADDRESSES),
    ignored(Missing, concat!(manager!(), "httpFilters/*/configDiscovery/configSource/**"), PLUGIN),
    ignored(Added, concat!(manager!(), "httpFilters/*/configDiscovery/configSource/**"), PLUGIN),
    ignored(Missing, "extensions/*/typedConfig/config/vmConfig/code/**", PLUGIN),
    ignored(Added, "extensions/*/typedConfig/config/vmConfig/code/**", PLUGIN),
    ignored(Changed, "extensions/*/typedConfig/config/vmConfig/code/local/filename", PLUGIN),
    ignored(Missing, "extensions/*/typedConfig/config/vmConfig/environmentVariables/**", PLUGIN),
];
