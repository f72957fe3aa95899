//! How the program ends: the exit codes, and the failure that carries one.

use std::fmt::{self, Write as _};
use std::io;
use std::path::Path;
use std::process::ExitCode;

use sallyport_manifest::BuildError;

use crate::printable::printable;

/// The exit codes. They are part of the interface: never renumbered, and the same in every report format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Ok = 0,
    Problems = 1,
    /// Clap ends the program with this one itself. `build --check` has it too, for a folder that is stale.
    Usage = 2,
    Io = 3,
    NoEnvoy = 4,
    Port = 5,
    EnvoyDied = 6,
    Module = 7,
}

impl Exit {
    /// `build --check`: the folder is not what would be built now.
    pub(crate) const STALE: Exit = Exit::Usage;

    /// Every code, in order.
    const ALL: [Exit; 8] =
        [Exit::Ok, Exit::Problems, Exit::Usage, Exit::Io, Exit::NoEnvoy, Exit::Port, Exit::EnvoyDied, Exit::Module];

    /// What the code tells a script.
    fn meaning(self) -> &'static str {
        match self {
            Exit::Ok => "all is well; warnings may have been printed",
            Exit::Problems => "the input has errors",
            Exit::Usage => "the arguments are wrong; build --check: the folder is stale",
            Exit::Io => "a file or registry cannot be read or written, or none was found",
            Exit::NoEnvoy => "run: no Envoy was found",
            Exit::Port => "run: a port is busy or cannot be bound",
            Exit::EnvoyDied => "run: Envoy ended by itself",
            Exit::Module => "run: the filter module is missing or was refused",
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
        let _ = write!(text, "\n  {}  {}", exit as u8, exit.meaning());
    }
    text
}

/// Why a command could not do its work: one line, what would help, and the exit code.
///
/// Problems *in* a user's files are no failure: they are what `check` is there to report.
#[derive(Debug)]
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

    /// A file that cannot be written.
    pub(crate) fn write(path: &Path, error: &io::Error) -> Self {
        Failure::new(Exit::Io, format!("cannot write `{}`: {}", printable(path), Reason(error)))
    }
}

impl From<BuildError> for Failure {
    fn from(BuildError { code, message, help }: BuildError) -> Self {
        Failure { exit: Exit::Problems, message: format!("{code}: {message}"), help }
    }
}

/// An I/O error in a user's words, the same on every system: no `(os error 2)`.
pub(crate) struct Reason<'a>(pub(crate) &'a io::Error);

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self.0.kind() {
            io::ErrorKind::NotFound => "no such file or directory",
            io::ErrorKind::PermissionDenied => "permission denied",
            io::ErrorKind::AlreadyExists => "it exists already",
            io::ErrorKind::IsADirectory => "it is a directory",
            io::ErrorKind::NotADirectory => "a part of the path is not a directory",
            io::ErrorKind::StorageFull => "no space left on the device",
            io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only",
            _ => return self.0.fmt(f),
        };
        f.write_str(words)
    }
}
