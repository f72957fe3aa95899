//! The `sallyport` program: checks Egress files and makes of them what a mesh needs.
//!
//! `main` reads the arguments, runs one command and turns its end into an exit code; [`cli`] is the tree of arguments,
//! [`command`] has one file a verb, [`report`] one file a format. Reports go to stdout, all else to stderr.

mod cli;
mod command;
mod console;
mod exit;
mod input;
mod local;
mod lock;
mod oci;
mod output;
mod printable;
mod report;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use console::Console;
use exit::{Exit, Failure};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let console = Console::new(cli.global.color, cli.global.quiet);
    match run(cli.command, &console) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            console.fail(&failure);
            failure.exit.into()
        }
    }
}

fn run(command: Command, console: &Console) -> Result<Exit, Failure> {
    match command {
        Command::Check(args) => command::check::run(&args, console),
        Command::Build(args) => command::build::run(&args, console),
        Command::Run(args) => command::run::run(&args, console),
        Command::Image(args) => command::image::run(&args, console),
        Command::Init(args) => command::init::run(&args, console),
        Command::Schema(args) => command::schema::run(&args, console),
        Command::Completions(args) => command::completions::run(&args, console),
        Command::Man(args) => command::man::run(&args, console),
        Command::Version(args) => command::version::run(&args, console),
    }
}
