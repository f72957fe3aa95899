//! The `sallyport` program: checks Egress files, and builds, serves and packages what a mesh needs from them.
//!
//! `main` parses the arguments, runs one command and turns its result into an exit code. Reports go to stdout, everything
//! else to stderr.
//!
//! # Floors
//! A module uses only modules of lower floors, and no two modules use each other:
//!
//! 1. [`printable`]: paths in messages.
//! 2. [`exit`]: exit codes and failures.
//! 3. [`console`]: the terminal. [`input`], [`lock`], [`output`]: files that are read and written. [`oci`]: the filter's image.
//! 4. [`report`]: what `check` has found, in one file per format.
//! 5. [`examine`]: files checked together.
//! 6. [`local`]: the gateway that `run` serves.
//! 7. [`command`]: one file per command.
//! 8. [`cli`]: the tree of arguments.

mod cli;
mod command;
mod console;
mod examine;
mod exit;
mod input;
mod local;
mod lock;
mod oci;
mod output;
mod printable;
mod report;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use cli::{Cli, Command};
use console::Console;
use exit::{Exit, Failure};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return without_command(&error).into(),
    };
    let console = Console::new(cli.global.color, cli.global.quiet);
    match run(cli.command, &console) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            console.fail(&failure);
            failure.exit.into()
        }
    }
}

/// Prints help, the version or a usage error.
fn without_command(error: &clap::Error) -> Exit {
    // If the stream is closed, only the exit code is left to say it.
    let _ = error.print();
    if error.use_stderr() { Exit::Usage } else { Exit::Ok }
}

fn run(command: Command, console: &Console) -> Result<Exit, Failure> {
    match command {
        Command::Check(args) => command::check::run(&args, console),
        Command::Build(args) => command::build::run(&args, console),
        Command::Run(args) => command::run::run(&args, console),
        Command::Image(args) => command::image::run(&args, console),
        Command::Init(args) => command::init::run(&args, console),
        Command::Schema(args) => command::schema::run(&args, console),
        Command::Completions(args) => command::completions::run(&args, Cli::command(), console),
        Command::Man(args) => command::man::run(&args, Cli::command(), console),
        Command::Version(args) => command::version::run(&args, console),
    }
}
