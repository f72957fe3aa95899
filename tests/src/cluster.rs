//! A cluster without containers: etcd, the API server, its controllers, istiod, agents and Envoys as plain processes.
//!
//! A [`Cluster`] is all of it; dropping it ends all of it. What runs is real, built from its own sources by
//! `tests/setup cluster`; the harness itself plays three parts only: the scheduler and the kubelet ([`kubelet`]: it does
//! what a pod's injected spec says, as processes in a network namespace) and the world outside ([`doorway`]).
//! There is no kube-proxy and no cluster DNS: Envoys know the pods' addresses from istiod, the names of the world outside
//! stand in each pod's `/etc/hosts`, and the hosts of Egresses are resolved by the callers' sidecars.

pub mod collector;
pub mod control;
pub mod discovery;
pub mod doorway;
mod environment;
pub mod image;
pub mod kubectl;
pub mod kubelet;
pub mod manifests;
pub mod network;
pub mod network_policy;
pub mod pod;
pub mod registry;
mod secret;
pub mod stage;

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Signal, kill_process};
use serde_json::Value;

use self::control::Control;
use self::kubectl::Kubectl;
use self::kubelet::{Kubelet, Plan};
use self::network::Network;
use crate::process::Scratch;

/// How long something may take to come to be in the cluster. It takes seconds; a slow and busy machine may need more, and
/// a scene that passes never waits for the end.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// A running cluster.
#[derive(Debug)]
pub struct Cluster {
    // Dropped in this order.
    kubelet: Kubelet,
    control: Control,
    network: Arc<Network>,
    scratch: Scratch,
    enforcing: Arc<AtomicBool>,
}

/// What a call from a pod came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status; 0 where there was no answer.
    pub status: u16,
    /// The headers, one a line, names in lower case.
    pub headers: String,
    /// The body, as far as it is text.
    pub body: String,
    /// curl's own words, if it failed.
    pub error: String,
}

impl Answer {
    /// A header's value; empty if there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        value.unwrap_or_default().trim()
    }
}

impl Cluster {
    /// Starts a cluster whose folder's name begins with `name`. Pods find `hosts`, the world outside, at the bridge's
    /// address, and take the certificates of `authority` (a PEM file) for the public ones.
    pub fn start(name: &str, hosts: &[&str], authority: impl FnOnce(&Scratch) -> Result<PathBuf>) -> Result<Self> {
        for needed in ["etcd", "kube-apiserver", "kube-controller-manager", "kubectl", "pilot-discovery", "pilot-agent"]
        {
            ensure!(program(needed).exists(), "{needed} is not set up: run `tests/setup cluster`");
        }
        let scratch = Scratch::new(name)?;
        let authority = authority(&scratch)?;
        let network = Arc::new(Network::new()?);
        let control = Control::start(&scratch, &network)?;
        let bridge = network.bridge();
        let mut known: Vec<(Ipv4Addr, String)> = hosts.iter().map(|host| (bridge, (*host).to_owned())).collect();
        known.push((control.address(), "istiod.istio-system.svc".to_owned()));
        let enforcing = Arc::new(AtomicBool::new(false));
        let envoy = crate::envoys::newest()?.path;
        let plan = Plan { hosts: known, authority, envoy, enforcing: Arc::clone(&enforcing) };
        let kubelet = Kubelet::start(plan, control.kubectl().clone(), &scratch, &network)?;
        Ok(Self { kubelet, control, network, scratch, enforcing })
    }

    /// The folder with every log.
    #[must_use]
    pub fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    /// Keeps the folder, for a look at the logs.
    pub fn keep(&mut self) {
        self.scratch.keep();
    }

    /// The address at which the world outside is found.
    #[must_use]
    pub fn bridge(&self) -> Ipv4Addr {
        self.network.bridge()
    }

    /// The control plane.
    #[must_use]
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// kubectl as an administrator.
    #[must_use]
    pub fn kubectl(&self) -> &Kubectl {
        self.control.kubectl()
    }

    /// From now on, NetworkPolicies are enforced on pods that start.
    pub fn enforce_network_policies(&self) {
        self.enforcing.store(true, Ordering::Relaxed);
    }

    /// How many packets the NetworkPolicies of a pod have cut.
    pub fn cut(&self, namespace: &str, prefix: &str) -> Result<network_policy::Cut> {
        let (inside, _) = self.pod(namespace, prefix)?;
        network_policy::cut(&inside)
    }

    /// Waits until there are pods with the labels of the selector (`app=sleep`), and every one is ready.
    pub fn wait_ready(&self, namespace: &str, selector: &str) -> Result<()> {
        self.wait(&format!("ready pod {namespace}/{selector}"), || {
            let pods = self.kubectl().get(&["pods", "-n", namespace, "-l", selector])?;
            let ready = |pod: &Value| {
                let conditions = pod["status"]["conditions"].as_array().cloned().unwrap_or_default();
                conditions.iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
            };
            let items = pods["items"].as_array().cloned().unwrap_or_default();
            Ok(!items.is_empty() && items.iter().all(ready))
        })
        .with_context(|| self.kubelet.troubles())
    }

    /// Waits until something holds; failing to find out is not yet an error.
    pub fn wait(&self, what: &str, holds: impl Fn() -> Result<bool>) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let last = match holds() {
                Ok(true) => return Ok(()),
                Ok(false) => String::new(),
                Err(error) => format!(": {error:#}"),
            };
            if Instant::now() > deadline {
                bail!("there is no {what} after {PATIENCE:?}{last}");
            }
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// Waits until a check passes. Istio takes up what is applied object by object, each proxy in its own time: what a
    /// scene expects after an edit may come later than the first sign of it.
    pub fn wait_until(&self, what: &str, check: impl Fn() -> Result<()>) -> Result<()> {
        self.wait(what, || check().map(|()| true))
    }

    /// Waits until every Deployment whose pods have these labels runs what its spec says, and nothing else is left of it.
    pub fn wait_rolled_out(&self, namespace: &str, label: (&str, &str)) -> Result<()> {
        self.wait(&format!("finished rollout of {namespace}/{}", label.1), || {
            let deployments = self.kubectl().get(&["deployments", "-n", namespace])?;
            let items = deployments["items"].as_array().cloned().unwrap_or_default();
            let mut ours =
                items.iter().filter(|item| item["spec"]["template"]["metadata"]["labels"][label.0] == label.1);
            Ok(ours.all(|deployment| {
                let (wanted, status) = (&deployment["spec"]["replicas"], &deployment["status"]);
                status["observedGeneration"] == deployment["metadata"]["generation"]
                    && ["replicas", "updatedReplicas", "readyReplicas"].iter().all(|count| &status[*count] == wanted)
            }))
        })
        .with_context(|| self.kubelet.troubles())
    }

    /// The network namespace and the address of the pod `NAMESPACE/NAME...`.
    pub fn pod(&self, namespace: &str, prefix: &str) -> Result<(String, Ipv4Addr)> {
        self.kubelet.find(namespace, prefix).with_context(|| format!("no pod {namespace}/{prefix} runs"))
    }

    /// What a pod's container has written.
    pub fn log(&self, namespace: &str, prefix: &str) -> Result<String> {
        self.kubelet.log(namespace, prefix).with_context(|| format!("no pod {namespace}/{prefix} runs"))
    }

    /// What istiod has signed for a caller: the chain and the key.
    pub fn identity(&self, namespace: &str, prefix: &str) -> Result<[PathBuf; 2]> {
        let file = |name: &str| {
            let file = self.kubelet.file(namespace, prefix, &format!("istio/data/{name}.pem"));
            file.with_context(|| format!("no pod {namespace}/{prefix} runs"))
        };
        Ok([file("cert-chain")?, file("key")?])
    }

    /// Kills all that runs in a pod.
    pub fn kill(&self, namespace: &str, prefix: &str) -> Result<()> {
        let (inside, _) = self.pod(namespace, prefix)?;
        network::kill_all(&inside);
        Ok(())
    }

    /// Sends a signal to the program of this name in a pod.
    pub fn signal(&self, namespace: &str, prefix: &str, program: &str, signal: Signal) -> Result<()> {
        let (inside, _) = self.pod(namespace, prefix)?;
        let pids = network::pids_named(&inside, program);
        ensure!(!pids.is_empty(), "no {program} runs in {namespace}/{prefix}");
        // One that has just ended is as good as told.
        for pid in pids {
            let _ = kill_process(pid, signal);
        }
        Ok(())
    }

    /// Calls a URL with curl from inside a pod.
    pub fn curl(&self, namespace: &str, pod: &str, arguments: &[&str]) -> Result<Answer> {
        let (inside, _) = self.pod(namespace, pod)?;
        curl(network::command_in(&inside, "curl"), arguments)
    }

    /// Calls a URL from a pod until the answer is as wanted; that answer.
    pub fn wait_for(&self, namespace: &str, pod: &str, url: &str, wanted: impl Fn(&Answer) -> bool) -> Result<Answer> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.curl(namespace, pod, &[url])?;
            if wanted(&answer) {
                return Ok(answer);
            }
            ensure!(Instant::now() < deadline, "{url} from {pod}, after {PATIENCE:?}: {answer:?}");
            thread::sleep(Duration::from_millis(200));
        }
    }
}

/// Calls with curl from the machine itself, which is outside the cluster.
pub fn curl_from_outside(arguments: &[&str]) -> Result<Answer> {
    curl(Command::new("curl"), arguments)
}

fn curl(mut command: Command, arguments: &[&str]) -> Result<Answer> {
    command.args(["-sS", "--max-time", "10", "-i"]).args(arguments);
    let output = command.output().context("cannot start curl")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split_whitespace().nth(1)).and_then(|code| code.parse().ok());
    let lower = |line: &str| match line.split_once(':') {
        Some((name, value)) => format!("{}:{value}", name.to_ascii_lowercase()),
        None => line.to_owned(),
    };
    Ok(Answer {
        status: status.unwrap_or(0),
        headers: lines.map(lower).collect::<Vec<_>>().join("\n"),
        body: body.to_owned(),
        error: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

/// What `tests/setup cluster` made.
#[must_use]
pub fn home() -> PathBuf {
    crate::tools().join("cluster")
}

/// One of the programs that `tests/setup cluster` built.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    let path = home().join("bin").join(name);
    Path::new(&path).canonicalize().unwrap_or(path)
}

/// Runs a scene in a cluster of its own; when it fails, says where the logs are.
///
/// # Panics
///
/// When the scene fails.
pub fn scene(cluster: Result<Cluster>, test: impl FnOnce(&Cluster) -> Result<()>) {
    let mut cluster = cluster.unwrap_or_else(|error| panic!("{error:#}"));
    if let Err(error) = test(&cluster) {
        cluster.keep();
        panic!("{error:#}\nits logs are in {}", cluster.scratch().path().display());
    }
}
