//! One pod: its containers as processes in a network namespace, as its injected spec says.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::control::http_status;
use super::environment::environment;
use super::image::Image;
use super::kubectl::Kubectl;
use super::kubelet::{AGAIN, Plan};
use super::network::{Namespace, Network, run};
use super::network_policy;
use super::program;
use super::secret::MountedSecret;
use crate::process::{Program, Stdout};

/// The user under which Istio's proxy runs; its packets are not captured.
const PROXY_USER: u32 = 1337;
/// What `/var/lib` is inside a pod: the pod's own folder, as the agent keeps what it pulls below it.
pub(super) const INSIDE: &str = "/var/lib";

/// A running pod; dropping it ends it at once.
#[derive(Debug)]
pub struct Pod {
    containers: Vec<Container>,
    secrets: Vec<MountedSecret>,
    namespace: Namespace,
    folder: PathBuf,
}

#[derive(Debug)]
struct Container {
    name: String,
    spec: Value,
    program: Option<Program>,
    restarts: u32,
    started: bool,
    ready: bool,
    failures: u64,
    next_probe: Instant,
    /// Why it is not started.
    waiting: Option<String>,
}

impl Pod {
    /// Starts the pod of this object.
    pub fn start(object: &Value, plan: &Plan, kubectl: &Kubectl, logs: &Path, network: &Network) -> Result<Self> {
        let name = text(object, "/metadata/name")?;
        let home = text(object, "/metadata/namespace")?;
        let folder = logs.join("pods").join(format!("{home}.{name}"));
        fs::create_dir_all(&folder)?;
        let hosts: Vec<(Ipv4Addr, &str)> = plan.hosts.iter().map(|(address, host)| (*address, host.as_str())).collect();
        let namespace = network.namespace(&hosts)?;
        let mut pod = Self { containers: Vec::new(), secrets: Vec::new(), namespace, folder };
        pod.write_files(object, home, kubectl)?;
        pod.secrets = MountedSecret::of(object, &pod.folder, kubectl)?;
        pod.set_sysctls(object)?;
        if plan.enforcing.load(Ordering::Relaxed) {
            network_policy::enforce(object, &pod.namespace, kubectl).context("cannot enforce the NetworkPolicy")?;
        }
        for spec in list(object, "/spec/initContainers").iter().chain(list(object, "/spec/containers")) {
            let name = text(spec, "/name")?;
            let arguments = strings(spec, "/args");
            if arguments.first().is_some_and(|first| first == "istio-iptables") {
                // Its environment says whether DNS queries are captured, too.
                let environment = environment(spec, object, pod.address(), kubectl)?;
                run(pod.namespace.command(program("pilot-agent")).args(arguments).envs(environment))?;
                continue;
            }
            if has_only_its_image(spec) {
                Image::find(text(spec, "/image")?)?.unpack(&root(&pod.folder, name), spec, object, kubectl)?;
            }
            pod.containers.push(Container {
                name: name.to_owned(),
                spec: spec.clone(),
                program: None,
                restarts: 0,
                started: false,
                ready: false,
                failures: 0,
                next_probe: Instant::now(),
                waiting: None,
            });
        }
        for index in 0..pod.containers.len() {
            pod.start_container(index, object, plan, kubectl)?;
        }
        Ok(pod)
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> Ipv4Addr {
        self.namespace.address()
    }

    /// The name of its network namespace.
    #[must_use]
    pub fn network_namespace(&self) -> &str {
        self.namespace.name()
    }

    /// Where its containers write what they have to say.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Ends it as the kubelet does: the agent is asked, drains its Envoy, and has `grace` for it.
    pub fn stop(self, grace: Duration) {
        self.namespace.terminate("pilot-agent", grace);
    }

    /// Starts what has ended or waits, and probes what is due; whether there is something to report.
    pub fn look(&mut self, object: &Value, plan: &Plan, kubectl: &Kubectl) -> Result<bool> {
        for secret in &mut self.secrets {
            secret.look(kubectl)?;
        }
        let before = self.is_ready();
        let mut changed = false;
        for index in 0..self.containers.len() {
            let Some(container) = self.containers.get_mut(index) else { continue };
            let is_due = Instant::now() >= container.next_probe;
            let is_ended = match &mut container.program {
                Some(program) => program.check_running().is_err(),
                None => is_due,
            };
            if is_ended {
                container.restarts = container.restarts.saturating_add(container.program.take().map_or(0, |_| 1));
                (container.started, container.ready, container.failures) = (false, false, 0);
                self.start_container(index, object, plan, kubectl)?;
                changed = true;
            } else if is_due {
                container.probe(&self.namespace);
            }
        }
        Ok(changed || self.is_ready() != before)
    }

    /// What the kubelet reports of it.
    #[must_use]
    pub fn status(&self, bridge: Ipv4Addr) -> Value {
        let condition = |kind: &str, holds: bool| json!({"type": kind, "status": if holds { "True" } else { "False" }});
        let ready = self.is_ready();
        let conditions = [("PodScheduled", true), ("Initialized", true), ("ContainersReady", ready), ("Ready", ready)];
        let containers: Vec<Value> = self
            .containers
            .iter()
            .map(|container| {
                json!({
                    "name": container.name, "ready": container.ready, "started": container.started,
                    "restartCount": container.restarts, "image": container.spec["image"], "imageID": "none",
                    "state": container.state(),
                })
            })
            .collect();
        json!({"status": {
            "phase": "Running", "podIP": self.address().to_string(), "podIPs": [{"ip": self.address().to_string()}],
            "hostIP": bridge.to_string(), "hostIPs": [{"ip": bridge.to_string()}],
            "conditions": conditions.map(|(kind, holds)| condition(kind, holds)), "containerStatuses": containers,
        }})
    }

    fn is_ready(&self) -> bool {
        self.containers.iter().all(|container| container.ready)
    }

    /// What would be mounted: the token, the root certificate, and the pod's labels and annotations.
    fn write_files(&self, object: &Value, home: &str, kubectl: &Kubectl) -> Result<()> {
        let account = object.pointer("/spec/serviceAccountName").and_then(Value::as_str).unwrap_or("default");
        let write = |path: &str, contents: &str| -> Result<()> {
            let path = self.folder.join(path);
            fs::create_dir_all(path.parent().context("no folder")?)?;
            fs::write(&path, contents).with_context(|| format!("cannot write {}", path.display()))
        };
        let root = kubectl.get(&["configmap", "istio-ca-root-cert", "-n", home])?;
        write("var/run/secrets/istio/root-cert.pem", text(&root, "/data/root-cert.pem")?)?;
        let token = kubectl.run(&["create", "token", account, "-n", home, "--audience", "istio-ca"])?;
        write("var/run/secrets/tokens/istio-token", token.trim())?;
        for kind in ["labels", "annotations"] {
            let pairs: BTreeMap<String, String> =
                serde_json::from_value(object["metadata"][kind].clone()).unwrap_or_default();
            let lines: Vec<String> = pairs.iter().map(|(key, value)| format!("{key}={value:?}")).collect();
            write(&format!("etc/istio/pod/{kind}"), &lines.join("\n"))?;
        }
        for folder in ["istio/data", "etc/istio/proxy", "tools", "envoy"] {
            fs::create_dir_all(self.folder.join(folder))?;
        }
        own(&self.folder)
    }

    /// What the kernel is told of the pod's network, such as which ports need no privilege.
    fn set_sysctls(&self, object: &Value) -> Result<()> {
        for sysctl in list(object, "/spec/securityContext/sysctls") {
            let path = format!("/proc/sys/{}", text(sysctl, "/name")?.replace('.', "/"));
            let mut command = self.namespace.command("sh");
            run(command.args(["-c", "echo \"$1\" >\"$0\"", &path, text(sysctl, "/value")?]))?;
        }
        Ok(())
    }

    fn start_container(&mut self, index: usize, object: &Value, plan: &Plan, kubectl: &Kubectl) -> Result<()> {
        let container = self.containers.get_mut(index).context("no such container")?;
        let environment = match environment(&container.spec, object, self.namespace.address(), kubectl) {
            Ok(environment) => environment,
            Err(why) => {
                container.waiting = Some(format!("{why:#}"));
                container.next_probe = Instant::now() + AGAIN;
                return Ok(());
            }
        };
        let expand = |text: &String| {
            environment.iter().fold(text.clone(), |text, (name, value)| text.replace(&format!("$({name})"), value))
        };
        let mut arguments: Vec<String> = strings(&container.spec, "/args").iter().map(expand).collect();
        let is_proxy = arguments.first().is_some_and(|first| first == "proxy");
        let mut command;
        if is_proxy {
            arguments.extend(["--templateFile".to_owned(), format!("{INSIDE}/tools/envoy_bootstrap.json")]);
            // The certificates of the machine are those of the test: what is outside is not the internet.
            let script = format!(
                "set -e; mount --bind \"$1\" \"$0\"/tools; mount --bind \"$2\" \"$0\"/envoy; \
                 mount --bind \"$3\" /etc/ssl/certs/ca-certificates.crt; mount --rbind \"$0\" {INSIDE}; cd {INSIDE}; \
                 shift 3; exec setpriv --pdeathsig TERM --reuid {PROXY_USER} --regid {PROXY_USER} --clear-groups \
                 {INSIDE}/tools/bin/pilot-agent \"$@\""
            );
            command = self.namespace.command("sh");
            command.arg("-c").arg(script).arg(&self.folder).arg(super::home().canonicalize()?);
            command.arg(plan.envoy.parent().context("no folder")?.canonicalize()?).arg(&plan.authority);
            command.args(&arguments);
        } else if let Some((first, rest)) = strings(&container.spec, "/command").split_first() {
            command = self.namespace.command(first);
            command.args(rest).args(&arguments);
        } else {
            command = Image::find(text(&container.spec, "/image")?)?
                .command(&self.namespace, &root(&self.folder, &container.name));
            command.args(&arguments);
        }
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.envs(environment);
        let log = self.folder.join(format!("{}.log", container.name));
        fs::write(&log, "")?;
        if is_proxy {
            // Envoy opens its stdout anew, as the proxy's user.
            chown(&log, Some(PROXY_USER), Some(PROXY_USER))?;
        }
        container.waiting = None;
        container.program = Some(Program::start(&container.name, &self.folder, &mut command, Stdout::Log)?);
        container.next_probe = Instant::now();
        Ok(())
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        self.namespace.kill();
    }
}

impl Container {
    fn state(&self) -> Value {
        match &self.waiting {
            Some(why) => json!({"waiting": {"reason": "CreateContainerConfigError", "message": why}}),
            None => json!({"running": {}}),
        }
    }

    /// Probes as the spec says: the startup probe until it holds, then the readiness probe.
    fn probe(&mut self, namespace: &Namespace) {
        let startup = self.spec.get("startupProbe");
        let (probe, is_startup) = match startup {
            Some(probe) if !self.started => (Some(probe.clone()), true),
            _ => (self.spec.get("readinessProbe").cloned(), false),
        };
        let Some(probe) = probe else {
            (self.started, self.ready) = (true, true);
            self.next_probe = Instant::now() + Duration::from_secs(1);
            return;
        };
        let period = probe["periodSeconds"].as_u64().unwrap_or(10);
        let holds = holds(&probe, namespace);
        if holds {
            self.failures = 0;
            if is_startup {
                self.started = true;
                // The readiness probe is due at once.
                self.next_probe = Instant::now();
                return;
            }
            (self.started, self.ready) = (true, true);
        } else {
            self.failures = self.failures.saturating_add(1);
            if self.failures >= probe["failureThreshold"].as_u64().unwrap_or(3) {
                self.ready = false;
            }
        }
        let wait = if holds || self.ready { period } else { period.min(1) };
        self.next_probe = Instant::now() + Duration::from_secs(wait);
    }
}

fn holds(probe: &Value, namespace: &Namespace) -> bool {
    if let Some(path) = probe.pointer("/httpGet/path").and_then(Value::as_str) {
        let port = probe.pointer("/httpGet/port").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
        let address = SocketAddr::from((namespace.address(), port.unwrap_or(80)));
        return http_status(address, path, "kubelet").is_ok_and(|status| (200..400).contains(&status));
    }
    let command = strings(probe, "/exec/command");
    let Some((first, rest)) = command.split_first() else { return false };
    let mut command: Command = namespace.command(first);
    command.args(rest).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Gives a folder and all in it to the proxy's user.
fn own(path: &Path) -> Result<()> {
    chown(path, Some(PROXY_USER), Some(PROXY_USER))?;
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            own(&entry?.path())?;
        }
    }
    Ok(())
}

/// A string that must be there.
pub fn text<'a>(value: &'a Value, pointer: &str) -> Result<&'a str> {
    value.pointer(pointer).and_then(Value::as_str).with_context(|| format!("no {pointer}"))
}

/// The root folder of a container that is run from its image.
fn root(pod: &Path, container: &str) -> PathBuf {
    pod.join("roots").join(container)
}

/// Whether the spec leaves to the image what is run.
fn has_only_its_image(spec: &Value) -> bool {
    list(spec, "/command").is_empty() && strings(spec, "/args").first().is_none_or(|first| first != "proxy")
}

/// The items of a list; none, if it is not there.
#[must_use]
pub fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

pub(super) fn strings(value: &Value, pointer: &str) -> Vec<String> {
    list(value, pointer).iter().filter_map(Value::as_str).map(str::to_owned).collect()
}
