//! The part the harness plays itself: the scheduler, and the kubelet of the only node.
//!
//! One thread follows every pod through `kubectl get --watch`: binds it to the node, starts it, reports its status,
//! restarts what ends, and takes it away when it is deleted.

use std::collections::BTreeMap;
use std::io::BufReader;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::kubectl::Kubectl;
use super::network::Network;
use super::pod::{Pod, text};
use crate::process::{Program, Scratch, Stdout};

/// How often pods are looked at.
const TICK: Duration = Duration::from_millis(100);
/// When a pod or a container that could not be started is tried again.
pub(super) const AGAIN: Duration = Duration::from_secs(1);

/// What pods are given beside their specs.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Names that stand in `/etc/hosts`.
    pub hosts: Vec<(Ipv4Addr, String)>,
    /// The public certificate authorities, as a PEM file.
    pub authority: PathBuf,
    /// The Envoy to run.
    pub envoy: PathBuf,
    /// Whether NetworkPolicies are enforced on pods that start.
    pub enforcing: Arc<AtomicBool>,
}

/// The running kubelet; dropping it ends every pod.
#[derive(Debug)]
pub struct Kubelet {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    ended: AtomicBool,
    pods: Mutex<BTreeMap<(String, String), Known>>,
    troubles: Mutex<Vec<String>>,
}

/// What others may know of a running pod.
#[derive(Clone, Debug)]
struct Known {
    network_namespace: String,
    address: Ipv4Addr,
    folder: PathBuf,
}

impl Kubelet {
    /// Starts it.
    pub fn start(plan: Plan, kubectl: Kubectl, scratch: &Scratch, network: &Arc<Network>) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let mut node = Node {
            plan,
            kubectl,
            folder: scratch.path().to_owned(),
            network: Arc::clone(network),
            shared: Arc::clone(&shared),
            pods: BTreeMap::new(),
            endings: Vec::new(),
        };
        let thread = thread::spawn(move || {
            while !node.shared.ended.load(Ordering::Relaxed) {
                if let Err(error) = node.run() {
                    node.trouble(format!("the kubelet: {error:#}"));
                    thread::sleep(AGAIN);
                }
            }
            for ending in node.endings.drain(..) {
                // What went wrong in there is of no more interest.
                let _ = ending.join();
            }
        });
        Ok(Self { shared, thread: Some(thread) })
    }

    /// The network namespace and the address of a running pod whose name begins so.
    #[must_use]
    pub fn find(&self, namespace: &str, prefix: &str) -> Option<(String, Ipv4Addr)> {
        self.known(namespace, prefix).map(|known| (known.network_namespace, known.address))
    }

    /// What the first container of such a pod that is Istio's proxy has written.
    #[must_use]
    pub fn log(&self, namespace: &str, prefix: &str) -> Option<String> {
        let known = self.known(namespace, prefix)?;
        let bytes = std::fs::read(known.folder.join("istio-proxy.log")).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// A file of such a pod, by its place below `/var/lib`.
    #[must_use]
    pub fn file(&self, namespace: &str, prefix: &str, path: &str) -> Option<PathBuf> {
        self.known(namespace, prefix).map(|known| known.folder.join(path))
    }

    /// What has gone wrong so far.
    #[must_use]
    pub fn troubles(&self) -> String {
        lock(&self.shared.troubles).join("\n")
    }

    fn known(&self, namespace: &str, prefix: &str) -> Option<Known> {
        let pods = lock(&self.shared.pods);
        let found = pods.iter().find(|((home, name), _)| home == namespace && name.starts_with(prefix));
        found.map(|(_, known)| known.clone())
    }
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It has nothing to tell but what is in its troubles.
            let _ = thread.join();
        }
    }
}

/// What the thread works on.
struct Node {
    plan: Plan,
    kubectl: Kubectl,
    folder: PathBuf,
    network: Arc<Network>,
    shared: Arc<Shared>,
    /// By unique id.
    pods: BTreeMap<String, Entry>,
    /// Pods that are ending.
    endings: Vec<JoinHandle<()>>,
}

struct Entry {
    object: Value,
    pod: Option<Pod>,
    next_try: Instant,
}

impl Node {
    /// Follows the pods until the watch or the kubelet ends.
    fn run(&mut self) -> Result<()> {
        let mut command = self.kubectl.command();
        command.args(["get", "pods", "--all-namespaces", "--watch", "--output-watch-events", "-o", "json"]);
        let mut watch = Program::start("watch", &self.folder, &mut command, Stdout::Taken)?;
        let stdout = BufReader::new(watch.take_stdout()?);
        let (sender, events) = channel();
        thread::spawn(move || {
            for event in serde_json::Deserializer::from_reader(stdout).into_iter::<Value>().map_while(Result::ok) {
                if sender.send(event).is_err() {
                    return;
                }
            }
        });
        while !self.shared.ended.load(Ordering::Relaxed) {
            ensure!(self.take(&events)?, "the watch has ended");
            self.look();
        }
        Ok(())
    }

    /// Takes what has happened; false at the end of the watch.
    fn take(&mut self, events: &Receiver<Value>) -> Result<bool> {
        let mut next = match events.recv_timeout(TICK) {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return Ok(false),
        };
        while let Some(event) = next {
            let kind = event["type"].as_str().unwrap_or_default().to_owned();
            let object = event["object"].clone();
            if let Err(error) = self.note(&kind, object) {
                self.trouble(format!("{error:#}"));
            }
            next = events.try_recv().ok();
        }
        Ok(true)
    }

    fn note(&mut self, kind: &str, object: Value) -> Result<()> {
        let uid = text(&object, "/metadata/uid")?.to_owned();
        let (namespace, name) = (text(&object, "/metadata/namespace")?, text(&object, "/metadata/name")?);
        if kind == "DELETED" {
            drop(self.remove(&uid));
        } else if object["metadata"].get("deletionTimestamp").is_some() {
            if let Some(pod) = self.remove(&uid) {
                let grace = object.pointer("/metadata/deletionGracePeriodSeconds").and_then(Value::as_u64);
                let grace = Duration::from_secs(grace.unwrap_or(30));
                let (kubectl, namespace, name) = (self.kubectl.clone(), namespace.to_owned(), name.to_owned());
                // It takes seconds, and the other pods are not to wait.
                self.endings.push(thread::spawn(move || {
                    pod.stop(grace);
                    // Gone already is as good; the garbage collector takes what stays.
                    let _ = kubectl.run(&["delete", "pod", &name, "-n", &namespace, "--grace-period=0", "--force"]);
                }));
            }
        } else if object["spec"].get("nodeName").is_none() {
            let binding = json!({
                "apiVersion": "v1", "kind": "Binding", "metadata": {"name": name, "namespace": namespace},
                "target": {"apiVersion": "v1", "kind": "Node", "name": "node-1"},
            });
            let path = format!("/api/v1/namespaces/{namespace}/pods/{name}/binding");
            self.kubectl.feed(&["create", "--raw", &path, "-f", "-"], &binding.to_string())?;
        } else {
            let entry = Entry { object: object.clone(), pod: None, next_try: Instant::now() };
            self.pods.entry(uid).or_insert(entry).object = object;
        }
        Ok(())
    }

    fn remove(&mut self, uid: &str) -> Option<Pod> {
        let entry = self.pods.remove(uid)?;
        if let Some(key) = key(&entry.object) {
            lock(&self.shared.pods).remove(&key);
        }
        entry.pod
    }

    fn look(&mut self) {
        let mut troubles = Vec::new();
        for entry in self.pods.values_mut().filter(|entry| Instant::now() >= entry.next_try) {
            let outcome = match &mut entry.pod {
                Some(pod) => pod.look(&entry.object, &self.plan, &self.kubectl),
                none => Pod::start(&entry.object, &self.plan, &self.kubectl, &self.folder, &self.network).map(|pod| {
                    if let Some(key) = key(&entry.object) {
                        let known = Known {
                            network_namespace: pod.network_namespace().to_owned(),
                            address: pod.address(),
                            folder: pod.folder().to_owned(),
                        };
                        lock(&self.shared.pods).insert(key, known);
                    }
                    *none = Some(pod);
                    true
                }),
            };
            let outcome = outcome.and_then(|changed| match &entry.pod {
                Some(pod) if changed => report(&self.kubectl, &entry.object, pod, self.network.bridge()),
                _ => Ok(()),
            });
            if let Err(error) = outcome {
                entry.next_try = Instant::now() + AGAIN;
                troubles.push(format!("{}: {error:#}", entry.object["metadata"]["name"]));
            }
        }
        for trouble in troubles {
            self.trouble(trouble);
        }
    }

    fn trouble(&self, what: String) {
        let mut troubles = lock(&self.shared.troubles);
        if troubles.last() != Some(&what) {
            troubles.push(what);
        }
    }
}

fn report(kubectl: &Kubectl, object: &Value, pod: &Pod, bridge: Ipv4Addr) -> Result<()> {
    let (namespace, name) = (text(object, "/metadata/namespace")?, text(object, "/metadata/name")?);
    let patch = pod.status(bridge).to_string();
    kubectl
        .run(&["patch", "pod", name, "-n", namespace, "--subresource=status", "--type=merge", "-p", &patch])
        .map(drop)
        .with_context(|| format!("cannot report on {namespace}/{name}"))
}

fn key(object: &Value) -> Option<(String, String)> {
    let metadata = &object["metadata"];
    Some((metadata["namespace"].as_str()?.to_owned(), metadata["name"].as_str()?.to_owned()))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
