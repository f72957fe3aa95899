//! The Envoy that a session runs: started, watched over, ended.

mod change;
mod log;

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

pub(crate) use change::{Change, Changes};
pub(crate) use log::{last_error, last_filter_error};

/// How long Envoy has to end by itself.
const PATIENCE: Duration = Duration::from_secs(3);

/// A running Envoy. Dropping it ends it.
pub(crate) struct Envoy {
    child: Child,
}

impl Envoy {
    /// Starts the program on what the directory holds.
    ///
    /// It gets a process group of its own, so that a Ctrl-C in the terminal reaches this program alone, and it dies
    /// with this program whatever that dies of.
    pub(crate) fn start(program: &Path, layout: &Layout, concurrency: u16) -> Result<Self, Failure> {
        let cannot = |error: std::io::Error| {
            Failure::new(Exit::NoEnvoy, format!("cannot start `{}`: {error}", printable(program)))
        };
        // Envoy writes the address when it knows it; an earlier session's must not be taken for it.
        let _ = fs::remove_file(layout.admin_address());
        let log = File::create(layout.envoy_log()).map_err(|error| Failure::write(&layout.envoy_log(), &error))?;
        let also_log = log.try_clone().map_err(|error| Failure::write(&layout.envoy_log(), &error))?;
        let mut command = Command::new(program);
        command
            .arg("--config-path")
            .arg(layout.bootstrap())
            .arg("--admin-address-path")
            .arg(layout.admin_address())
            .args(["--concurrency", &concurrency.to_string()])
            .args(["--log-level", "warning", "--component-log-level", "wasm:info"])
            // As the agent does: so long a connection to a listener that was replaced goes on.
            .args(["--drain-time-s", "45", "--parent-shutdown-time-s", "60"])
            .args(["--file-flush-interval-msec", "100", "--disable-hot-restart"])
            .current_dir(layout.root())
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

    /// How Envoy ended, if it did.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Asks Envoy to end, and makes it.
    pub(crate) fn stop(&mut self) {
        if self.ended().is_some() {
            return;
        }
        self.signal(Signal::TERM);
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if self.ended().is_some() {
                return;
            }
            sleep(Duration::from_millis(10));
        }
        self.signal(Signal::KILL);
        let _ = self.child.wait();
    }

    /// Only while the child has not been waited for: until then its id is its own.
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

/// Has the kernel kill the child when this process goes, even by `kill -9`.
#[cfg(target_os = "linux")]
fn die_with_parent(command: &mut Command) {
    use rustix::process::{getpid, getppid, set_parent_process_death_signal};
    let parent = getpid();
    let hook = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // The parent may have gone between the fork and this line.
        if getppid() == Some(parent) { Ok(()) } else { Err(std::io::ErrorKind::Interrupted.into()) }
    };
    // SAFETY: the hook makes system calls alone, as one must between fork and exec: it takes no lock and no memory.
    unsafe { command.pre_exec(hook) };
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent(_: &mut Command) {}
