//! A running program, and a folder for what it writes.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};

/// How long a program may take to end by itself before it is killed.
const PATIENCE: Duration = Duration::from_secs(5);

/// A running program; dropping it ends its whole process group.
#[derive(Debug)]
pub struct Program {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts `command` in a process group of its own, with stderr (and stdout, where it is not taken) in `NAME.log`.
    ///
    /// On Linux the program is told to end when the thread that started it ends, so that nothing is left behind when a
    /// test or the demo is itself killed.
    pub fn start(name: &str, folder: &Path, command: &mut Command, stdout: Stdout) -> Result<Self> {
        Self::spawn(name, folder, command.stdin(Stdio::null()), stdout)
    }

    /// As [`Program::start`], with stdin for the harness, by [`Program::take_stdin`].
    pub fn start_with_stdin(name: &str, folder: &Path, command: &mut Command, stdout: Stdout) -> Result<Self> {
        Self::spawn(name, folder, command.stdin(Stdio::piped()), stdout)
    }

    fn spawn(name: &str, folder: &Path, command: &mut Command, stdout: Stdout) -> Result<Self> {
        use std::os::unix::process::CommandExt as _;

        let log = folder.join(format!("{name}.log"));
        let file = File::create(&log).with_context(|| format!("cannot create {}", log.display()))?;
        command.stderr(file.try_clone()?).process_group(0);
        match stdout {
            Stdout::Log => command.stdout(file),
            Stdout::Taken => command.stdout(Stdio::piped()),
        };
        #[cfg(target_os = "linux")]
        // SAFETY: between fork and exec only prctl(2) is called, which is async-signal-safe.
        unsafe {
            command.pre_exec(|| {
                rustix::process::set_parent_process_death_signal(Some(Signal::TERM)).map_err(std::io::Error::from)
            });
        }
        let child = command.spawn().with_context(|| format!("cannot start {name} ({command:?})"))?;
        Ok(Self { name: name.to_owned(), child, log })
    }

    /// The id of its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The program's stdin; the second call has nothing left to give.
    pub fn take_stdin(&mut self) -> Result<ChildStdin> {
        self.child.stdin.take().context("stdin is already taken, or it is empty")
    }

    /// The program's stdout; the second call has nothing left to give.
    pub fn take_stdout(&mut self) -> Result<ChildStdout> {
        self.child.stdout.take().context("stdout is already taken")
    }

    /// What the program has written so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// An error with the end of the log, if the program has ended.
    pub fn check_running(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            let log = self.log();
            let start = log.len().saturating_sub(2_000);
            let tail: String = log.chars().skip(log.get(..start).map_or(0, |head| head.chars().count())).collect();
            bail!("{} ended with {status}:\n{tail}", self.name);
        }
        Ok(())
    }

    /// Waits until `ready` finds in the log what it looks for.
    pub fn wait_log<T>(&mut self, patience: Duration, ready: impl Fn(&str) -> Option<T>) -> Result<T> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(found) = ready(&self.log()) {
                return Ok(found);
            }
            self.check_running()?;
            if Instant::now() > deadline {
                bail!("{} is not ready after {patience:?}:\n{}", self.name, self.log());
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let group = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let signal = |signal| {
            // The group may be gone already, and that is what is wanted.
            if let Some(group) = group {
                let _ = kill_process_group(group, signal);
            }
        };
        signal(Signal::TERM);
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline && matches!(self.child.try_wait(), Ok(None)) {
            thread::sleep(Duration::from_millis(10));
        }
        signal(Signal::KILL);
        let _ = self.child.wait();
    }
}

/// The resident memory of a process, in KiB.
pub fn resident(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let size = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(size.trim().trim_end_matches(" kB").parse()?)
}

/// The CPU time that a process has taken so far, all its threads together.
pub fn cpu(process: u32) -> Result<Duration> {
    let mut nanoseconds = 0;
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        // Linux, "Scheduler statistics": the first number is the time on a CPU, in ns.
        let statistics = fs::read_to_string(thread?.path().join("schedstat"))?;
        nanoseconds += statistics.split(' ').next().unwrap_or_default().parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// Where a program's stdout goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stdout {
    /// To its log.
    Log,
    /// To the harness, by [`Program::take_stdout`].
    Taken,
}

/// A folder of one test's own under `target/e2e`, removed at the end unless [`Scratch::keep`] was called.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    kept: bool,
}

impl Scratch {
    /// Makes an empty folder whose name begins with `name`.
    pub fn new(name: &str) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = crate::workspace().join("target/e2e").join(format!("{name}-{}-{count}", std::process::id()));
        fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Self { path: path.canonicalize()?, kept: false })
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves the folder where it is, for a look at the logs.
    pub fn keep(&mut self) {
        self.kept = true;
    }

    /// Writes a file in the folder.
    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> Result<PathBuf> {
        let path = self.path.join(name);
        fs::write(&path, contents).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    /// A folder inside the folder.
    pub fn folder(&self, name: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        fs::create_dir_all(&path)?;
        Ok(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !self.kept && !thread::panicking() {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}
