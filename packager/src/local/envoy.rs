//! The Envoy process of a session.

mod change;
mod log;

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::files::Layout;
use crate::exit::{Exit, Failure};
use crate::printable::printable;

pub(crate) use change::{HealthChange, HealthChanges};
pub(crate) use log::{last_error, last_filter_error, last_rejection};

/// How long Envoy may take to exit after SIGTERM.
const PATIENCE: Duration = Duration::from_secs(3);

/// A running Envoy, which is stopped when this is dropped.
pub(crate) struct Envoy {
    child: Child,
}

impl Envoy {
    /// Starts the program with the configuration in the directory.
    ///
    /// Envoy gets a process group of its own, so that Ctrl-C in the terminal signals only this program, and it is killed if
    /// this program dies for any reason.
    pub(crate) fn start(
        program: &Path,
        layout: &Layout,
        workers: u32,
        variables: &[(String, OsString)],
    ) -> Result<Self, Failure> {
        let cannot = |error: std::io::Error| {
            Failure::new(Exit::NoEnvoy, format!("cannot start `{}`: {error}", printable(program)))
        };
        // Envoy writes its address to this file, which must not have the one of an earlier session.
        let _ = fs::remove_file(layout.admin_address());
        // Envoy appends to this one.
        let _ = fs::remove_file(layout.failure_log());
        let log = File::create(layout.envoy_log()).map_err(|error| Failure::write(&layout.envoy_log(), &error))?;
        let also_log = log.try_clone().map_err(|error| Failure::write(&layout.envoy_log(), &error))?;
        let mut command = Command::new(program);
        command
            .arg("--config-path")
            .arg(layout.bootstrap())
            .arg("--admin-address-path")
            .arg(layout.admin_address())
            .args(["--concurrency", &workers.to_string()])
            .args(["--log-level", "warning", "--component-log-level", "wasm:info"])
            // As Istio's agent sets it: connections to a replaced listener are drained for this long.
            .args(["--drain-time-s", "45", "--parent-shutdown-time-s", "60"])
            .args(["--file-flush-interval-msec", "100", "--disable-hot-restart"])
            .current_dir(layout.root())
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(also_log)
            .process_group(0);
        die_with_parent(&mut command);
        Ok(Envoy { child: command.spawn().map_err(cannot)? })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The exit status, if Envoy has exited.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Stops Envoy, by force if necessary.
    pub(crate) fn stop(&mut self) {
        if self.ended().is_some() {
            return;
        }
        self.signal(Signal::TERM);
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if self.ended().is_some() {
                return;
            }
            sleep(Duration::from_millis(10));
        }
        self.signal(Signal::KILL);
        let _ = self.child.wait();
    }

    /// Must not be called after the child has been waited for, because its id may then belong to another process.
    fn signal(&self, signal: Signal) {
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Makes the kernel kill the child when this process ends, even by SIGKILL.
#[cfg(target_os = "linux")]
fn die_with_parent(command: &mut Command) {
    use rustix::process::{getpid, getppid, set_parent_process_death_signal};
    let parent = getpid();
    let hook = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // The parent may have ended between the fork and this line.
        if getppid() == Some(parent) { Ok(()) } else { Err(std::io::ErrorKind::Interrupted.into()) }
    };
    // SAFETY: between fork and exec only async-signal-safe functions are allowed. The hook makes system calls only: it takes
    // no lock and allocates no memory.
    unsafe { command.pre_exec(hook) };
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent(_: &mut Command) {}
