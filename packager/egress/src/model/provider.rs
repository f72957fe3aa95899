//! The mesh's extension providers, as far as gateways have to do with them.

use super::Mesh;
use serde_json::Value;

/// What an extension provider can be.
pub(crate) struct ProviderKind {
    /// Its key in an entry of `extensionProviders`.
    pub(crate) name: &'static str,
    /// Whether Envoy connects to it: it has a `service` and a `port`.
    pub(crate) is_service: bool,
    /// Whether it takes spans.
    is_tracer: bool,
}

const fn kind(name: &'static str, is_service: bool, is_tracer: bool) -> ProviderKind {
    ProviderKind { name, is_service, is_tracer }
}

/// Every kind of Istio 1.29 to 1.31.
/// [Source](https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#MeshConfig-ExtensionProvider)
pub(crate) const PROVIDER_KINDS: [ProviderKind; 15] = [
    kind("envoyExtAuthzHttp", true, false),
    kind("envoyExtAuthzGrpc", true, false),
    kind("zipkin", true, true),
    kind("lightstep", true, true),
    kind("datadog", true, true),
    kind("stackdriver", false, true),
    kind("opencensus", true, true),
    kind("skywalking", true, true),
    kind("opentelemetry", true, true),
    kind("prometheus", false, false),
    kind("envoyFileAccessLog", false, false),
    kind("envoyHttpAls", true, false),
    kind("envoyTcpAls", true, false),
    kind("envoyOtelAls", true, false),
    kind("sds", true, false),
];

impl ProviderKind {
    /// Istio reads its keys also as its protocol buffers have them: `envoy_ext_authz_grpc`.
    pub(crate) fn of(written: &str) -> Option<&'static Self> {
        PROVIDER_KINDS.iter().find(|kind| kind.name == written || snake_case(kind.name) == written)
    }
}

fn snake_case(name: &str) -> String {
    let lower = |c: char| if c.is_ascii_uppercase() { format!("_{}", c.to_ascii_lowercase()) } else { c.to_string() };
    name.chars().map(lower).collect()
}

/// One of `extensionProviders`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Provider<'a> {
    /// By which Istio's resources refer to it.
    pub name: &'a str,
    /// Which of Istio's kinds it is: `opentelemetry`.
    pub kind: &'a str,
    /// Where it listens, if it says so.
    pub port: Option<u16>,
}

impl Provider<'_> {
    /// Whether Envoy can send spans to it.
    #[must_use]
    pub fn is_tracer(&self) -> bool {
        ProviderKind::of(self.kind).is_some_and(|kind| kind.is_tracer)
    }
}

impl Mesh {
    /// The mesh's own extension providers.
    pub fn providers(&self) -> impl Iterator<Item = Provider<'_>> {
        self.extension_providers.iter().filter_map(|document| {
            let name = document.get("name")?.as_str()?;
            let (kind, settings) = document.as_object()?.iter().find(|(key, _)| *key != "name")?;
            let port = settings.get("port").and_then(Value::as_u64).and_then(|port| port.try_into().ok());
            Some(Provider { name, kind, port })
        })
    }
}
