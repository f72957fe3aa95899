//! The mesh's extension providers, as far as gateways have to do with them.

use super::Mesh;
use serde_json::Value;

/// What takes spans.
/// [Source](https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#MeshConfig-ExtensionProvider)
const TRACERS: [&str; 7] =
    ["datadog", "lightstep", "opencensus", "opentelemetry", "skywalking", "stackdriver", "zipkin"];

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
        TRACERS.contains(&self.kind)
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
