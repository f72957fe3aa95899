//! The terminal: stdout, stderr and colours.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use clap::ValueEnum;

use crate::exit::{Exit, Failure, IoErrorText};
use crate::printable::{is_device, printable};

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    /// If the output is a terminal and NO_COLOR is not set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Where a command prints: results to stdout, everything else to stderr.
#[derive(Debug)]
pub(crate) struct Console {
    colour: Colour,
    quiet: bool,
}

impl Console {
    pub(crate) fn new(colour: Colour, quiet: bool) -> Self {
        Console { colour, quiet }
    }

    /// Whether the user asked for results and errors only.
    pub(crate) fn quiet(&self) -> bool {
        self.quiet
    }

    /// Whether text for `output` (`None` for stdout) may have colours.
    pub(crate) fn coloured(&self, output: Option<&Path>) -> bool {
        match (self.colour, output) {
            (Colour::Always, _) => true,
            (Colour::Never, _) | (Colour::Auto, Some(_)) => false,
            (Colour::Auto, None) => AutoStream::choice(&io::stdout()) != ColorChoice::Never,
        }
    }

    /// Writes a result to `output`, or to stdout.
    ///
    /// A closed pipe (`| head`) is not a failure.
    pub(crate) fn write(&self, output: Option<&Path>, bytes: &[u8]) -> Result<(), Failure> {
        if let Some(path) = output {
            // Opening a named pipe blocks until something reads it. A folder is refused when it is opened.
            let is_other = |metadata: fs::Metadata| !metadata.is_file() && !metadata.is_dir();
            if !is_device(path) && fs::metadata(path).is_ok_and(is_other) {
                let message = format!("cannot write to `{}`: it is not a regular file", printable(path));
                return Err(Failure::new(Exit::Io, message).with_help("leave `--output` out to write to stdout"));
            }
            return fs::write(path, bytes).map_err(|error| Failure::write(path, &error));
        }
        let mut stdout = io::stdout().lock();
        match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Failure::new(Exit::Io, format!("cannot write to stdout: {}", IoErrorText(&error))))
            }
            _ => Ok(()),
        }
    }

    /// Prints a note for the user, which is not part of the result.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.stderr(&format!("{text}\n"));
        }
    }

    /// Prints a line about why a command fails, whatever the user asked for.
    pub(crate) fn problem(&self, text: &str) {
        self.stderr(&format!("{text}\n"));
    }

    /// Prints why a command has failed.
    pub(crate) fn fail(&self, failure: &Failure) {
        let error = AnsiColor::BrightRed.on_default().bold();
        let help = Style::new().bold();
        let mut text = format!("{error}error{error:#}: {}\n", failure.message);
        if let Some(hint) = &failure.help {
            text.push_str(&format!("  {help}help{help:#}: {hint}\n"));
        }
        self.stderr(&text);
    }

    /// Errors are ignored: there is nowhere left to report them.
    fn stderr(&self, text: &str) {
        let choice = match self.colour {
            Colour::Auto => AutoStream::choice(&io::stderr()),
            Colour::Always => ColorChoice::Always,
            Colour::Never => ColorChoice::Never,
        };
        let _ = AutoStream::new(io::stderr(), choice).write_all(text.as_bytes());
    }
}
