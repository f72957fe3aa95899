//! What the scenes have in common: callers with sidecars, an upstream outside, and the manifests in between.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use anyhow::{Context, Result};
use serde_json::{Map, Value};

use super::Cluster;
use super::network::run;
use super::registry::Registry;
use crate::certs::Authority;
use crate::gate::sallyport;
use crate::upstream::Httpbin;

/// The upstream's name.
pub const UPSTREAM: &str = "httpbin.org";
/// What callers in the mesh call it.
pub const HOST: &str = "httpbin.legacy.internal";

/// Where the agent of every pod answers Prometheus.
pub const AGENT: u16 = 15020;

/// Two namespaces that are injected, and one for gateways.
const NAMESPACES: &str = "\
{apiVersion: v1, kind: Namespace, metadata: {name: httpbin, labels: {istio-injection: enabled}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: other, labels: {istio-injection: enabled}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: egress}}
";

/// Where the agent of a caller writes its certificate: below the only folder of a pod that it may write to.
const CERTIFICATES: &str = "/var/lib/istio/data";

/// A caller, as Istio's sleep sample has it. It runs nothing by itself; `Cluster::curl` calls from its namespace.
#[must_use]
pub fn caller(namespace: &str, name: &str) -> String {
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
    metadata:
      labels: {{app: {name}}}
      # As Istio's documentation tells Prometheus to have certificates of its own: see `Cluster::identity`.
      annotations: {{proxy.istio.io/config: '{{proxyMetadata: {{OUTPUT_CERTS: {CERTIFICATES}}}}}'}}
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

/// The Egress file of `egress/NAME`: callers ask for `NAME.legacy.internal`, the upstream is `NAME.org`. A scene adds
/// what else it wants of the spec.
#[must_use]
pub fn egress(name: &str, rules: &str) -> String {
    format!(
        "apiVersion: sallyport.dev/v1alpha1
kind: Egress
metadata: {{name: {name}, namespace: egress}}
spec:
  host: {name}.legacy.internal
  upstream: {{host: {name}.org, port: 443}}
  authz: {{rules: {rules}}}
  gateway: {{replicas: 1, drainSeconds: 5}}
"
    )
}

/// A folder with Egress files and one Mesh file, and what `sallyport build` made of it, as a user would have them.
#[derive(Debug)]
pub struct Site<'a> {
    cluster: &'a Cluster,
    registry: Registry,
    folder: PathBuf,
    out: PathBuf,
}

impl<'a> Site<'a> {
    /// A site for this version of Istio, with a registry of its own to which the filter has been pushed.
    pub fn new(cluster: &'a Cluster, istio_version: &str) -> Result<Self> {
        let registry = Registry::start(cluster.scratch(), cluster.control().namespace())?;
        let folder = cluster.scratch().folder("site")?;
        let out = cluster.scratch().path().join("manifests");
        let site = Self { cluster, registry, folder, out };
        let image = site.registry.name("sallyport/filter");
        site.write("mesh", &mesh(istio_version, &image, ""))?;
        site.registry.push_filter("sallyport/filter", &site.folder.join("sallyport.lock"))?;
        Ok(site)
    }

    /// The registry.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The folder with the files, where an operator types commands.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs a command of `sallyport` in the folder; what it says.
    pub fn sallyport(&self, arguments: &[&str]) -> Result<String> {
        run(Command::new(sallyport()?).args(arguments).current_dir(&self.folder))
    }

    /// Writes `NAME.yaml` into the folder.
    pub fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.folder.join(format!("{name}.yaml"));
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Runs `sallyport build`; what it says.
    pub fn build(&self) -> Result<String> {
        run(Command::new(sallyport()?).arg("build").arg(&self.folder).arg("-o").arg(&self.out).arg("--prune"))
    }

    /// Gives istiod the configuration that `sallyport build` wrote of the mesh; its fields.
    pub fn configure_mesh(&self) -> Result<Map<String, Value>> {
        let mut command = self.cluster.kubectl().command();
        // Made JSON of without asking the server, which does not know the kind.
        command.args(["annotate", "--local", "-o", "json", "read-by=tests", "-f"]);
        let mut operator: Value = serde_json::from_str(&run(command.arg(self.out.join("mesh/istiooperator.yaml")))?)?;
        let mesh = operator.pointer_mut("/spec/meshConfig").and_then(Value::as_object_mut).context("no meshConfig")?;
        self.cluster.control().configure(mesh)?;
        Ok(std::mem::take(mesh))
    }

    /// Writes an Egress file, builds, and applies the manifests of `egress/NAME` in the order that they say.
    pub fn apply(&self, name: &str, text: &str) -> Result<()> {
        self.write(name, text)?;
        self.build()?;
        self.apply_built(name)
    }

    /// Applies the manifests of `egress/NAME` that were built.
    pub fn apply_built(&self, name: &str) -> Result<()> {
        let folder = self.manifests(name);
        let folder = folder.to_string_lossy();
        self.cluster.kubectl().run(&["apply", "--server-side", "--force-conflicts", "-k", &folder]).map(drop)
    }

    /// As [`Site::apply`], and waits for the gateway's pods.
    pub fn serve(&self, name: &str, text: &str) -> Result<()> {
        self.apply(name, text)?;
        self.wait_ready(name)
    }

    /// Waits until the pods of the gateway `egress/NAME` are ready.
    pub fn wait_ready(&self, name: &str) -> Result<()> {
        // Before the controller has seen an edit, the pods of the edition before are ready.
        self.cluster.wait_rolled_out("egress", ("sallyport.dev/gateway", name))?;
        self.cluster.wait_ready("egress", &format!("sallyport.dev/gateway={name}"))
    }

    /// The folder with the manifests of `egress/NAME`.
    #[must_use]
    pub fn manifests(&self, name: &str) -> PathBuf {
        self.out.join(format!("egress-{name}"))
    }

    /// Takes away what [`Site::apply`] applied, the last first.
    pub fn remove(&self, name: &str) -> Result<()> {
        let entries = fs::read_dir(self.manifests(name))?.collect::<io::Result<Vec<_>>>()?;
        let mut files: Vec<_> = entries.into_iter().map(|entry| entry.path()).collect();
        let is_manifest = |name: &str| name.ends_with(".yaml") && name != "kustomization.yaml";
        files.retain(|file| file.file_name().and_then(|name| name.to_str()).is_some_and(is_manifest));
        files.sort();
        for file in files.iter().rev() {
            self.cluster.kubectl().run(&["delete", "--wait=false", "-f", &file.to_string_lossy()])?;
        }
        Ok(())
    }
}

/// The Mesh file, with more fields of `filter` (a line each, indented by four).
#[must_use]
pub fn mesh(istio_version: &str, image: &str, more: &str) -> String {
    format!(
        "apiVersion: sallyport.dev/v1alpha1
kind: Mesh
metadata: {{name: tests}}
spec:
  istioVersion: {istio_version:?}
  filter:
    image: {image}
{more}"
    )
}

/// A cluster with the callers `httpbin/sleep` and `other/stranger` ready.
pub fn cluster(name: &str, authority: &Authority) -> Result<Cluster> {
    cluster_with_names(name, authority, &[])
}

/// The same, with more names that resolve everywhere, as by a record in the DNS.
pub fn cluster_with_names(name: &str, authority: &Authority, names: &[&str]) -> Result<Cluster> {
    let hosts = [&[UPSTREAM, "second.org", "third.org"], names].concat();
    let cluster = Cluster::start(name, &hosts, |scratch| authority.write(scratch, "upstream-ca"))?;
    cluster.kubectl().apply(NAMESPACES)?;
    cluster.kubectl().apply(&caller("httpbin", "sleep"))?;
    cluster.kubectl().apply(&caller("other", "stranger"))?;
    cluster.wait_ready("httpbin", "app=sleep")?;
    cluster.wait_ready("other", "app=stranger")?;
    Ok(cluster)
}

/// A pod without a sidecar, `outside/outsider`.
pub fn outsider(cluster: &Cluster) -> Result<()> {
    cluster.kubectl().apply("{apiVersion: v1, kind: Namespace, metadata: {name: outside}}")?;
    cluster.kubectl().apply(&caller("outside", "outsider"))?;
    cluster.wait_ready("outside", "app=outsider")
}

/// The real httpbin, with a certificate for these names.
pub fn httpbin(cluster: &Cluster, authority: &Authority, hosts: &[&str]) -> Result<Httpbin> {
    let identity = authority.server(cluster.scratch(), &hosts.join("-"), hosts)?;
    Httpbin::start(cluster.scratch(), &identity, None)
}
