//! Exit codes, and failures, each of which has one.

use std::fmt::{self, Write as _};
use std::io;
use std::path::Path;
use std::process::ExitCode;

use crate::printable::printable;

/// The exit codes. They are part of the interface: never renumbered, and the same for every report format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Ok = 0,
    Problems = 1,
    Differs = 2,
    Io = 3,
    NoEnvoy = 4,
    Port = 5,
    EnvoyDied = 6,
    Module = 7,
    Blocked = 8,
    /// `EX_USAGE` of sysexits.h, so that a mistake in a script is not taken for a result.
    Usage = 64,
}

impl Exit {
    /// Every code, in order.
    const ALL: [Exit; 10] = [
        Exit::Ok,
        Exit::Problems,
        Exit::Differs,
        Exit::Io,
        Exit::NoEnvoy,
        Exit::Port,
        Exit::EnvoyDied,
        Exit::Module,
        Exit::Blocked,
        Exit::Usage,
    ];

    /// What the code means to a script.
    fn meaning(self) -> &'static str {
        match self {
            Exit::Ok => "success; there may be warnings",
            Exit::Problems => "the input has errors or denied warnings, a case failed, or a comparison is not complete",
            Exit::Differs => {
                "diff: something differs; build --check, --diff: a stale folder; fmt --check: not formatted"
            }
            Exit::Io => "a file, registry or Prometheus cannot be read or written, or no file was found",
            Exit::NoEnvoy => "run: no Envoy was found",
            Exit::Port => "run: a port is in use or cannot be bound",
            Exit::EnvoyDied => "run: Envoy exited unexpectedly",
            Exit::Module => "run, test --wasm: the filter module is missing or was rejected, or decides otherwise",
            Exit::Blocked => {
                "promote, rollback: the step was not taken, as something is missing; status: --fail-on applies"
            }
            Exit::Usage => "wrong arguments",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// The section of the help that lists the codes.
pub(crate) fn table() -> String {
    let mut text = String::from("Exit codes:");
    for exit in Exit::ALL {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n  {:>2}  {}", exit as u8, exit.meaning());
    }
    text
}

/// Why a command could not do its work: a message, a hint and the exit code.
///
/// Problems in a user's files are not failures: reporting them is the work of `check`.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// Lower case, no full stop, user text in backticks.
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Failure { exit, message: message.into(), help: None }
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// A file that cannot be read.
    pub(crate) fn read(path: &Path, error: &io::Error) -> Self {
        Failure::new(Exit::Io, format!("cannot read `{}`: {}", printable(path), IoErrorText(error)))
    }

    /// A file that cannot be written.
    pub(crate) fn write(path: &Path, error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::NotFound
            && let Some(why) = removed_folder(path)
        {
            return why;
        }
        Failure::new(Exit::Io, format!("cannot write `{}`: {}", printable(path), IoErrorText(error)))
    }
}

/// The text of an I/O error, the same on every system and without `(os error 2)`.
pub(crate) struct IoErrorText<'a>(pub(crate) &'a io::Error);

impl fmt::Display for IoErrorText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.0.kind() {
            io::ErrorKind::NotFound => "no such file or directory",
            io::ErrorKind::PermissionDenied => "permission denied",
            io::ErrorKind::AlreadyExists => "it already exists",
            io::ErrorKind::IsADirectory => "it is a directory",
            io::ErrorKind::NotADirectory => "a part of the path is not a directory",
            io::ErrorKind::StorageFull => "no space left on the device",
            io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only",
            _ => return self.0.fmt(f),
        };
        f.write_str(text)
    }
}

/// Why nothing relative is found: the working folder has been removed.
pub(crate) fn removed_folder(path: &Path) -> Option<Failure> {
    let is_gone = || std::env::current_dir().is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
    (path.is_relative() && is_gone()).then(|| {
        Failure::new(Exit::Io, "the working folder has been removed").with_help("change to a folder that exists")
    })
}
