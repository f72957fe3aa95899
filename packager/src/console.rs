//! The terminal: what is printed where, and whether in colour.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use clap::ValueEnum;

use crate::exit::{Exit, Failure, Reason};

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    /// When a terminal reads, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always, whatever reads
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

    /// Whether text written to `output` (`None`: stdout) may carry colour.
    pub(crate) fn coloured(&self, output: Option<&Path>) -> bool {
        match (self.colour, output) {
            (Colour::Always, _) => true,
            (Colour::Never, _) | (Colour::Auto, Some(_)) => false,
            (Colour::Auto, None) => AutoStream::choice(&io::stdout()) != ColorChoice::Never,
        }
    }

    /// Writes a result to `output`, or to stdout.
    ///
    /// A reader that has seen enough (`| head`) is no failure.
    pub(crate) fn write(&self, output: Option<&Path>, bytes: &[u8]) -> Result<(), Failure> {
        if let Some(path) = output {
            return fs::write(path, bytes).map_err(|error| Failure::write(path, &error));
        }
        let mut stdout = io::stdout().lock();
        match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Failure::new(Exit::Io, format!("cannot write to stdout: {}", Reason(&error))))
            }
            _ => Ok(()),
        }
    }

    /// Tells the user something that is not the result.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.stderr(&format!("{text}\n"));
        }
    }

    /// Tells the user why a command ended early.
    pub(crate) fn fail(&self, failure: &Failure) {
        let error = AnsiColor::BrightRed.on_default().bold();
        let help = Style::new().bold();
        let mut text = format!("{error}error{error:#}: {}\n", failure.message);
        if let Some(cure) = &failure.help {
            text.push_str(&format!("  {help}help{help:#}: {cure}\n"));
        }
        self.stderr(&text);
    }

    /// When nobody can read stderr there is nobody to tell.
    fn stderr(&self, text: &str) {
        let choice = match self.colour {
            Colour::Auto => AutoStream::choice(&io::stderr()),
            Colour::Always => ColorChoice::Always,
            Colour::Never => ColorChoice::Never,
        };
        let _ = AutoStream::new(io::stderr(), choice).write_all(text.as_bytes());
    }
}
