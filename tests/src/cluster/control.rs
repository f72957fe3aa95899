//! The control plane: etcd, the API server, the controllers and istiod, in a namespace of their own.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rcgen::KeyPair;
use serde_json::{Map, Value, json};

use super::kubectl::Kubectl;
use super::network::{Namespace, Network, run};
use super::{PATIENCE, program};
use crate::process::{Program, Scratch, Stdout};

const TOKEN: &str = "sallyport-tests";
/// The ports on which istiod answers, and their names in its Service.
const ISTIOD_PORTS: [(&str, u16); 4] =
    [("grpc-xds", 15010), ("https-dns", 15012), ("https-webhook", 15017), ("http-monitoring", 15014)];
/// Istio's own filters are not in a stock Envoy, so istiod leaves them out.
const STOCK_ENVOY: [&str; 5] = [
    "PILOT_ENABLE_METADATA_EXCHANGE=false",
    "PILOT_ENABLE_ALPN_FILTER=false",
    "PILOT_DISABLE_MX_ALPN=true",
    "PILOT_ENABLE_TELEMETRY_LABEL=false",
    "PILOT_ENDPOINT_TELEMETRY_LABEL=false",
];

/// The mesh as it was before anything of ours came to it.
fn mesh() -> Value {
    json!({
        "accessLogFile": "/dev/stdout",
        "defaultConfig": {"discoveryAddress": "istiod.istio-system.svc:15012"},
        "defaultProviders": {},
        "enablePrometheusMerge": false,
        "outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"},
        "rootNamespace": "istio-system",
        "trustDomain": "cluster.local",
    })
}

/// What `sallyport build` writes for hosts that have no address (`cluster_dns` holds it to that). Callers start before a
/// scene builds anything, so their mesh has it from the beginning.
fn dns_capture() -> Value {
    json!({"defaultConfig": {"proxyMetadata": {"ISTIO_META_DNS_CAPTURE": "true"}}})
}

/// The running control plane.
#[derive(Debug)]
pub struct Control {
    // Dropped in this order: those who ask before those who answer.
    istiod: Option<Program>,
    _controllers: Option<Program>,
    _apiserver: Program,
    _etcd: Program,
    namespace: Namespace,
    kubectl: Kubectl,
}

impl Control {
    /// An API server with nothing in it yet.
    pub fn bare(scratch: &Scratch, network: &Network) -> Result<Self> {
        let namespace = network.namespace(&[(Ipv4Addr::LOCALHOST, "istiod.istio-system.svc")])?;
        let etcd = etcd(scratch, &namespace)?;
        let (apiserver, kubectl) = apiserver(scratch, &namespace)?;
        Ok(Self { istiod: None, _controllers: None, _apiserver: apiserver, _etcd: etcd, namespace, kubectl })
    }

    /// Starts all of it.
    pub fn start(scratch: &Scratch, network: &Network) -> Result<Self> {
        let mut control = Self::bare(scratch, network)?;
        control.install(network)?;
        control._controllers = Some(control.controllers(scratch)?);
        control.istiod = Some(control.start_istiod(scratch, &[])?);
        Ok(control)
    }

    /// Starts all of it but the controllers: no Deployment makes a pod. `settings`: more of istiod's variables.
    pub fn without_controllers(scratch: &Scratch, network: &Network, settings: &[&str]) -> Result<Self> {
        let mut control = Self::bare(scratch, network)?;
        control.install(network)?;
        control.istiod = Some(control.start_istiod(scratch, settings)?);
        Ok(control)
    }

    /// Where all of it listens.
    #[must_use]
    pub fn address(&self) -> Ipv4Addr {
        self.namespace.address()
    }

    /// The namespace in which it runs.
    #[must_use]
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// kubectl as an administrator.
    #[must_use]
    pub fn kubectl(&self) -> &Kubectl {
        &self.kubectl
    }

    /// Istio's own objects, but for what would run in containers.
    fn install(&self, network: &Network) -> Result<()> {
        // Those of the Gateway API too: istiod looks for them when it starts.
        for crds in ["crds.yaml", "gateway-api-crds.yaml"] {
            let crds = super::home().join(crds);
            self.kubectl.run(&["apply", "--server-side", "-f", &crds.to_string_lossy()])?;
        }
        self.kubectl.apply(&format!(
            "{{apiVersion: v1, kind: Namespace, metadata: {{name: istio-system}}}}\n---\n\
             {{apiVersion: v1, kind: Node, metadata: {{name: node-1, labels: {{kubernetes.io/hostname: node-1}}}}, \
             status: {{addresses: [{{type: InternalIP, address: {}}}]}}}}\n",
            network.bridge()
        ))?;
        let manifests =
            run(Command::new(program("istioctl")).args(["manifest", "generate", "--set", "profile=minimal"]))?;
        let left_out = ["Deployment", "HorizontalPodAutoscaler", "CustomResourceDefinition", "PodDisruptionBudget"];
        let wanted: Vec<&str> = manifests
            .split("\n---")
            .filter(|document| left_out.iter().all(|kind| !document.contains(&format!("\nkind: {kind}\n"))))
            .collect();
        self.kubectl.apply(&wanted.join("\n---"))?;
        self.configure(&Map::new())?;
        let ports: Vec<String> =
            ISTIOD_PORTS.iter().map(|(name, port)| format!("{{name: {name}, port: {port}}}")).collect();
        self.kubectl.apply(&format!(
            "{{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: IPv4, metadata: {{name: istiod-here, \
             namespace: istio-system, labels: {{kubernetes.io/service-name: istiod}}}}, \
             endpoints: [{{addresses: [{}], conditions: {{ready: true}}}}], ports: [{}]}}\n",
            self.address(),
            ports.join(", ")
        ))
    }

    /// Lays fields of a `meshConfig` over the mesh's own, in which sidecars answer DNS queries.
    pub fn configure(&self, fields: &Map<String, Value>) -> Result<()> {
        let mut with_dns = dns_capture();
        merge(&mut with_dns, &Value::Object(fields.clone()));
        self.configure_only(&with_dns)
    }

    /// Lays fields of a `meshConfig` over the mesh's own, and nothing else.
    pub fn configure_only(&self, fields: &Value) -> Result<()> {
        let mut mesh = mesh();
        merge(&mut mesh, fields);
        let map = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "istio", "namespace": "istio-system"},
            // JSON is YAML.
            "data": {"meshNetworks": "networks: {}", "mesh": mesh.to_string()},
        });
        self.kubectl.apply(&map.to_string())
    }

    fn controllers(&self, scratch: &Scratch) -> Result<Program> {
        let mut command = self.namespace.command(program("kube-controller-manager"));
        let folder = scratch.path();
        command.arg("--kubeconfig").arg(self.kubectl.kubeconfig());
        command.arg("--service-account-private-key-file").arg(folder.join("sa.key"));
        command.arg("--root-ca-file").arg(folder.join("apiserver/apiserver.crt"));
        command.args(["--leader-elect=false", "--secure-port=0", "--use-service-account-credentials=false"]);
        command.arg("--controllers=*,-nodeipam,-nodelifecycle,-cloud-node-lifecycle-controller");
        Program::start("controllers", scratch.path(), &mut command, Stdout::Log)
    }

    fn start_istiod(&self, scratch: &Scratch, settings: &[&str]) -> Result<Program> {
        let mut command = self.namespace.command(program("pilot-discovery"));
        command.args(["discovery", "--monitoringAddr=:15014", "--kubeconfig"]).arg(self.kubectl.kubeconfig());
        let environment = [
            "POD_NAME=istiod",
            "POD_NAMESPACE=istio-system",
            "REVISION=default",
            "SERVICE_ACCOUNT=istiod",
            "ISTIOD_CUSTOM_HOST=istiod.istio-system.svc",
            "PILOT_CERT_PROVIDER=istiod",
            "CLUSTER_ID=Kubernetes",
            "JWT_POLICY=third-party-jwt",
        ];
        command.envs(environment.iter().chain(&STOCK_ENVOY).chain(settings).filter_map(|pair| pair.split_once('=')));
        command.current_dir(scratch.folder("istiod")?);
        let mut istiod = Program::start("istiod", scratch.path(), &mut command, Stdout::Log)?;
        let ready = SocketAddr::from((self.address(), 8080));
        wait(&mut istiod, "istiod", || http_status(ready, "/ready", "istiod").is_ok_and(|status| status == 200))?;
        let webhooks = ["mutatingwebhookconfiguration/istio-sidecar-injector"];
        wait(&mut istiod, "the injection webhook", || {
            let bundles = ["-o", "jsonpath={.webhooks[*].clientConfig.caBundle}"];
            self.kubectl.run(&[&["get"], &webhooks[..], &bundles].concat()).is_ok_and(|text| !text.trim().is_empty())
        })?;
        Ok(istiod)
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // Nothing of it is wanted any more, so nothing needs to be written to the end.
        self.namespace.kill();
    }
}

fn etcd(scratch: &Scratch, namespace: &Namespace) -> Result<Program> {
    let mut command = namespace.command(program("etcd"));
    command.arg("--data-dir").arg(scratch.folder("etcd")?);
    command.args(["--listen-client-urls=http://127.0.0.1:2379", "--advertise-client-urls=http://127.0.0.1:2379"]);
    command.args(["--listen-peer-urls=http://127.0.0.1:2380", "--unsafe-no-fsync", "--log-level=warn"]);
    Program::start("etcd", scratch.path(), &mut command, Stdout::Log)
}

fn apiserver(scratch: &Scratch, namespace: &Namespace) -> Result<(Program, Kubectl)> {
    let address = namespace.address();
    let key = KeyPair::generate()?;
    let private = scratch.write("sa.key", key.serialize_pem())?;
    let public = scratch.write("sa.pub", key.public_key_pem())?;
    let tokens = scratch.write("tokens.csv", format!("{TOKEN},admin,admin,\"system:masters\"\n"))?;
    let folder = scratch.folder("apiserver")?;
    let kubeconfig = scratch.write(
        "kubeconfig",
        format!(
            "{{apiVersion: v1, kind: Config, current-context: here, contexts: [{{name: here, context: {{cluster: here, \
             user: admin}}}}], users: [{{name: admin, user: {{token: {TOKEN}}}}}], clusters: [{{name: here, cluster: \
             {{server: 'https://{address}:6443', certificate-authority: '{}'}}}}]}}\n",
            folder.join("apiserver.crt").display()
        ),
    )?;
    let mut command = namespace.command(program("kube-apiserver"));
    command.arg("--etcd-servers=http://127.0.0.1:2379").arg("--secure-port=6443").arg("--cert-dir").arg(&folder);
    command.arg(format!("--advertise-address={address}")).arg("--service-cluster-ip-range=10.96.0.0/16");
    command.arg("--service-account-issuer=https://kubernetes.default.svc");
    command.arg("--service-account-key-file").arg(public).arg("--service-account-signing-key-file").arg(private);
    command.arg("--token-auth-file").arg(tokens).arg("--authorization-mode=RBAC");
    // A webhook's Service has no kube-proxy here: its address is looked up in the EndpointSlice.
    command.args(["--enable-aggregator-routing=true", "--allow-privileged=true"]);
    let mut apiserver = Program::start("apiserver", scratch.path(), &mut command, Stdout::Log)?;
    let kubectl = Kubectl::new(&kubeconfig);
    wait(&mut apiserver, "the API server", || kubectl.run(&["get", "--raw", "/readyz"]).is_ok())?;
    Ok((apiserver, kubectl))
}

fn wait(program: &mut Program, what: &str, ready: impl Fn() -> bool) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !ready() {
        program.check_running()?;
        if Instant::now() > deadline {
            bail!("{what} is not ready after {PATIENCE:?}");
        }
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// As Helm and istioctl merge values: mappings field by field, all else is replaced.
fn merge(base: &mut Value, over: &Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (name, value) in over {
                merge(base.entry(name).or_insert(Value::Null), value);
            }
        }
        (base, over) => *base = over.clone(),
    }
}

/// The status of a plain GET.
pub fn http_status(address: SocketAddr, path: &str, host: &str) -> Result<u16> {
    let patience = Duration::from_secs(1);
    let mut stream = TcpStream::connect_timeout(&address, patience)?;
    stream.set_read_timeout(Some(patience))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")?;
    let mut head = [0; 12];
    stream.read_exact(&mut head)?;
    let status = head.get(9..).and_then(|digits| std::str::from_utf8(digits).ok()).context("no status")?;
    Ok(status.parse()?)
}
