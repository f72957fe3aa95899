//! A bridge and the network namespaces on it: the wire between the pods.
//!
//! Names begin with `sp` and the process id, so that runs side by side do not meet, and a later run knows what one that
//! crashed has left behind.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

const PREFIX: &str = "sp";
/// Where `ip netns` keeps the namespaces.
const NAMESPACES: &str = "/run/netns";

/// A bridge with a /24 of its own; dropping it takes it away.
#[derive(Debug)]
pub struct Network {
    name: String,
    third: u8,
    last: AtomicU8,
}

impl Network {
    /// Makes the bridge, on the first free one of the networks 10.44.0.0/24 to 10.44.255.0/24, after taking away what
    /// crashed runs have left.
    pub fn new() -> Result<Self> {
        remove_leftovers()?;
        let name = format!("{PREFIX}{}", std::process::id());
        let taken = run(Command::new("ip").args(["-4", "-o", "address"]))?;
        let third = (0..=u8::MAX).find(|third| !taken.contains(&format!(" 10.44.{third}.")));
        let third = third.context("every network of 10.44.0.0/16 is taken")?;
        ip(&["link", "add", &name, "type", "bridge"])?;
        let network = Self { name, third, last: AtomicU8::new(1) };
        ip(&["address", "add", &format!("{}/24", network.bridge()), "dev", &network.name])?;
        ip(&["link", "set", &network.name, "up"])?;
        Ok(network)
    }

    /// The bridge's own address, on which the host answers.
    #[must_use]
    pub fn bridge(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 44, self.third, 1)
    }

    /// A new namespace on the bridge, in which `hosts` stands for `/etc/hosts`.
    pub fn namespace(&self, hosts: &[(Ipv4Addr, &str)]) -> Result<Namespace> {
        let last = self.last.fetch_add(1, Ordering::Relaxed).checked_add(1).context("no address is left")?;
        let address = Ipv4Addr::new(10, 44, self.third, last);
        let name = format!("{}-{last}", self.name);
        let outside = format!("{}v{last}", self.name);
        ip(&["netns", "add", &name])?;
        let namespace = Namespace { name, address };
        let name = namespace.name.as_str();
        ip(&["link", "add", &outside, "type", "veth", "peer", "name", "eth0", "netns", name])?;
        ip(&["link", "set", &outside, "master", &self.name, "up"])?;
        ip(&["-n", name, "address", "add", &format!("{address}/24"), "dev", "eth0"])?;
        ip(&["-n", name, "link", "set", "lo", "up"])?;
        ip(&["-n", name, "link", "set", "eth0", "up"])?;
        ip(&["-n", name, "route", "add", "default", "via", &self.bridge().to_string()])?;
        let folder = settings(name);
        fs::create_dir_all(&folder)?;
        let mut text = String::from("127.0.0.1 localhost\n");
        for (address, host) in hosts {
            text.push_str(&format!("{address} {host}\n"));
        }
        fs::write(folder.join("hosts"), text)?;
        // Nothing answers there but what captures the queries on their way.
        let resolver = format!("nameserver {}\noptions attempts:1 timeout:1\n", self.bridge());
        fs::write(folder.join("resolv.conf"), resolver)?;
        Ok(namespace)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = ip(&["link", "delete", &self.name]);
    }
}

/// A network namespace; dropping it ends whatever still runs in it.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    address: Ipv4Addr,
}

impl Namespace {
    /// Its address on the bridge.
    #[must_use]
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Its name, as `ip netns` knows it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A command that will run inside.
    #[must_use]
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        command_in(&self.name, program)
    }

    /// Asks the programs of this name to end, and waits until they have, if it is not for longer than `patience`.
    pub fn terminate(&self, program: &str, patience: Duration) {
        for pid in pids_named(&self.name, program) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let deadline = Instant::now() + patience;
        while !pids_named(&self.name, program).is_empty() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Ends all that runs inside, at once.
    pub fn kill(&self) {
        kill_all(&self.name);
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        remove_namespace(&self.name);
    }
}

/// A command that will run inside the namespace of this name.
#[must_use]
pub fn command_in(namespace: &str, program: impl AsRef<Path>) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace]).arg(program.as_ref());
    command
}

/// Runs a command to its end; its stdout, or an error with its stderr.
pub fn run(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot start {command:?}"))?;
    ensure!(
        output.status.success(),
        "{command:?}: {}: {}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn ip(arguments: &[&str]) -> Result<()> {
    run(Command::new("ip").args(arguments)).map(drop)
}

fn settings(namespace: &str) -> PathBuf {
    Path::new("/etc/netns").join(namespace)
}

fn pids(namespace: &str) -> Vec<Pid> {
    let pids = run(Command::new("ip").args(["netns", "pids", namespace])).unwrap_or_default();
    pids.lines().filter_map(|line| Pid::from_raw(line.trim().parse().ok()?)).collect()
}

/// The programs of one name in the namespace of another.
#[must_use]
pub fn pids_named(namespace: &str, program: &str) -> Vec<Pid> {
    let named = |pid: &Pid| {
        let comm = fs::read_to_string(format!("/proc/{}/comm", pid.as_raw_nonzero())).unwrap_or_default();
        comm.trim() == program
    };
    pids(namespace).into_iter().filter(named).collect()
}

/// Ends all that runs in the namespace of this name.
pub fn kill_all(namespace: &str) {
    for pid in pids(namespace) {
        // It may have ended by itself, and that is what is wanted.
        let _ = kill_process(pid, Signal::KILL);
    }
}

fn remove_namespace(name: &str) {
    kill_all(name);
    // What is killed needs a moment to be gone; a namespace lives on as long as anything in it.
    let deadline = Instant::now() + Duration::from_secs(5);
    while !pids(name).is_empty() && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(10));
    }
    let _ = ip(&["link", "delete", &name.replace('-', "v")]);
    let _ = ip(&["netns", "delete", name]);
    let _ = fs::remove_dir_all(settings(name));
}

/// Takes away the namespaces and bridges of processes that are no more.
fn remove_leftovers() -> Result<()> {
    let names = |folder: &str| -> Vec<String> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    };
    for name in names(NAMESPACES) {
        if name.split_once('-').is_some_and(|(owner, _)| is_orphan(owner)) {
            remove_namespace(&name);
        }
    }
    for name in names("/sys/class/net") {
        // `sp1234` is a bridge, `sp1234v2` the outer end of a namespace's link.
        let owner = name.split_once('v').map_or(name.as_str(), |(owner, _)| owner);
        if is_orphan(owner) {
            // A link goes with its namespace, a moment later: it may be gone by now.
            let _ = ip(&["link", "delete", &name]);
        }
    }
    if !rustix::process::geteuid().is_root() {
        bail!("network namespaces need root: run `make cluster` as root");
    }
    Ok(())
}

/// Whether this is a name of ours, and its process is no more.
fn is_orphan(name: &str) -> bool {
    let Some(pid) = name.strip_prefix(PREFIX) else { return false };
    !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit()) && !Path::new("/proc").join(pid).exists()
}
