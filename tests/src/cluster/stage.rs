//! What the scenes have in common: callers with sidecars, an upstream outside, and the manifests in between.

use anyhow::Result;

use super::Cluster;
use super::registry::Registry;
use crate::certs::Authority;
use crate::upstream::Httpbin;

/// The upstream's name.
pub const UPSTREAM: &str = "httpbin.org";
/// What callers in the mesh call it.
pub const HOST: &str = "httpbin.legacy.internal";

/// Two namespaces that are injected, and one for gateways.
const NAMESPACES: &str = "\
{apiVersion: v1, kind: Namespace, metadata: {name: httpbin, labels: {istio-injection: enabled}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: other, labels: {istio-injection: enabled}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: egress}}
";

/// A caller, as Istio's sleep sample has it. It runs nothing by itself; `Cluster::curl` calls from its namespace.
fn caller(namespace: &str, name: &str) -> String {
    format!(
        "apiVersion: v1
kind: ServiceAccount
metadata: {{name: {name}, namespace: {namespace}}}
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: {namespace}, labels: {{app: {name}}}}}
spec:
  ports: [{{port: 80, name: http}}]
  selector: {{app: {name}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      serviceAccountName: {name}
      containers: [{{name: sleep, image: curlimages/curl, command: [/bin/sleep, infinity]}}]
"
    )
}

/// A gateway's ServiceAccount, Service (`PORT` to `TARGET`) and Deployment, filled in by the injection webhook.
#[must_use]
pub fn gateway(namespace: &str, name: &str, labels: &str, ports: &str) -> String {
    format!(
        "apiVersion: v1
kind: ServiceAccount
metadata: {{name: {name}, namespace: {namespace}}}
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  ports: {ports}
  selector: {{app: {name}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata:
      annotations: {{inject.istio.io/templates: gateway}}
      labels: {{app: {name}, sidecar.istio.io/inject: \"true\", {labels}}}
    spec:
      serviceAccountName: {name}
      containers: [{{name: istio-proxy, image: auto}}]
"
    )
}

/// The filter for the gateway of `httpbin`, with these rules (JSON).
#[must_use]
pub fn plugin(url: &str, rules: &str) -> String {
    format!(
        "apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {{name: httpbin, namespace: egress}}
spec:
  selector: {{matchLabels: {{sallyport.dev/gateway: httpbin}}}}
  url: {url}
  phase: AUTHZ
  priority: 100
  pluginName: egress/httpbin
  failStrategy: FAIL_RELOAD
  match: [{{mode: CLIENT}}]
  pluginConfig: {{version: 1, upstream: egress/httpbin, discloseRule: true, rules: {rules}}}
"
    )
}

/// How callers reach the gateway, with an identity, and the gateway the upstream, by its name.
pub const ROUTES: &str = "\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: httpbin, namespace: egress}
spec:
  hosts: [httpbin.org]
  exportTo: [\".\"]
  location: MESH_EXTERNAL
  resolution: DNS
  ports: [{number: 443, name: https, protocol: HTTPS}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: httpbin-upstream, namespace: egress}
spec:
  host: httpbin.org
  exportTo: [\".\"]
  trafficPolicy:
    portLevelSettings:
    - port: {number: 443}
      tls: {mode: SIMPLE, sni: httpbin.org, subjectAltNames: [httpbin.org], caCertificates: system}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: httpbin-gateway, namespace: egress}
spec:
  host: egress-httpbin.egress.svc.cluster.local
  trafficPolicy: {tls: {mode: ISTIO_MUTUAL, sni: httpbin.legacy.internal}}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: httpbin, namespace: egress}
spec:
  selector: {sallyport.dev/gateway: httpbin}
  servers:
  - port: {number: 443, name: https, protocol: HTTPS}
    hosts: [httpbin.legacy.internal]
    tls: {mode: ISTIO_MUTUAL}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: httpbin, namespace: egress}
spec:
  hosts: [httpbin.legacy.internal]
  gateways: [mesh, egress/httpbin]
  http:
  - match: [{gateways: [egress/httpbin]}]
    rewrite: {authority: httpbin.org}
    route: [{destination: {host: httpbin.org, port: {number: 443}}}]
  - match: [{gateways: [mesh]}]
    route: [{destination: {host: egress-httpbin.egress.svc.cluster.local, port: {number: 443}}}]
";

/// A cluster with the callers `httpbin/sleep` and `other/stranger` ready.
pub fn cluster(name: &str, authority: &Authority) -> Result<Cluster> {
    let hosts = [UPSTREAM, HOST, "second.org", "second.legacy.internal", "third.org", "third.legacy.internal"];
    let cluster = Cluster::start(name, &hosts, |scratch| authority.write(scratch, "upstream-ca"))?;
    cluster.kubectl().apply(NAMESPACES)?;
    cluster.kubectl().apply(&caller("httpbin", "sleep"))?;
    cluster.kubectl().apply(&caller("other", "stranger"))?;
    cluster.wait_ready("httpbin", "sleep")?;
    cluster.wait_ready("other", "stranger")?;
    Ok(cluster)
}

/// A pod without a sidecar, `outside/outsider`.
pub fn outsider(cluster: &Cluster) -> Result<()> {
    cluster.kubectl().apply("{apiVersion: v1, kind: Namespace, metadata: {name: outside}}")?;
    cluster.kubectl().apply(&caller("outside", "outsider"))?;
    cluster.wait_ready("outside", "outsider")
}

/// The real httpbin, with a certificate for these names.
pub fn httpbin(cluster: &Cluster, authority: &Authority, hosts: &[&str]) -> Result<Httpbin> {
    let identity = authority.server(cluster.scratch(), &hosts.join("-"), hosts)?;
    Httpbin::start(cluster.scratch(), &identity, None)
}

/// Our own gateway: a registry with the filter, the plugin, the gateway and, last, the routes.
pub fn sallyport(cluster: &Cluster, rules: &str) -> Result<Registry> {
    let registry = Registry::start(cluster.scratch(), cluster.control().namespace())?;
    let (url, _) = registry.push_filter(cluster.scratch(), "sallyport/filter")?;
    sallyport_from(cluster, &plugin(&url, rules))?;
    Ok(registry)
}

/// Another gateway beside it, for `NAME.org`, which callers know as `NAME.legacy.internal`.
pub fn another(cluster: &Cluster, registry: &Registry, name: &str, rules: &str) -> Result<()> {
    let (url, _) = registry.push_filter(cluster.scratch(), "sallyport/filter")?;
    let renamed = |text: &str| text.replace("httpbin", name);
    cluster.kubectl().apply(&renamed(&plugin(&url, "RULES")).replace("RULES", rules))?;
    let ports = "[{port: 443, targetPort: 8443, name: https}]";
    let labels = format!("sallyport.dev/gateway: {name}");
    cluster.kubectl().apply(&gateway("egress", &format!("egress-{name}"), &labels, ports))?;
    cluster.kubectl().apply(&renamed(ROUTES))
}

/// Our own gateway with this plugin, from whatever registry there is.
pub fn sallyport_from(cluster: &Cluster, plugin: &str) -> Result<()> {
    cluster.kubectl().apply(plugin)?;
    let ports = "[{port: 443, targetPort: 8443, name: https}]";
    cluster.kubectl().apply(&gateway("egress", "egress-httpbin", "sallyport.dev/gateway: httpbin", ports))?;
    cluster.kubectl().apply(ROUTES)
}
