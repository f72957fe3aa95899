//! The `sallyport` program: checks Egress files, and builds, serves and packages what a mesh needs from them.
//!
//! `main` parses the arguments, runs one command and turns its result into an exit code. Reports go to stdout, everything
//! else to stderr.
//!
//! # Floors
//!
//! Each module uses only modules of lower floors, beside its own children; a test holds it to that.
//!
//! ```text
//! cli
//! command
//! rollout
//! compare
//! against assemble map trial
//! local
//! evidence examine
//! prometheus report
//! console input lock neighbours output oci vm
//! record
//! exit reading
//! printable work_tree
//! ```
//!
//! From below: paths in messages ([`printable`]), and the work tree of Git ([`work_tree`]); exit codes and failures ([`exit`]), and files that are opened without waiting ([`reading`]); what `build` notes in a folder
//! ([`record`]); the terminal, files that are read and
//! written, what a file needs of its folder ([`neighbours`]), the filter in a wasm host ([`vm`]), and the filter's image ([`console`], [`input`], [`lock`], [`output`], [`oci`]); what `check` has found, in one
//! file per format ([`report`]); the gateways' metrics ([`prometheus`]); what gateways did ([`evidence`]); files checked together ([`examine`]); cases that are run ([`trial`]),
//! or sent to a gateway ([`against`]); the gateway that `run` serves ([`local`]); what
//! `build` would write ([`assemble`]); the map ([`map`]); two sets of files compared ([`compare`]); how far changed rules have
//! come, and the files that a step writes ([`rollout`]); one file per command ([`command`]); and the tree of arguments
//! ([`cli`]).

#![cfg_attr(test, expect(clippy::arithmetic_side_effects, reason = "a broken assumption ends the test"))]

mod against;
mod assemble;
mod cli;
mod command;
mod compare;
mod console;
mod evidence;
mod examine;
mod exit;
mod input;
mod local;
mod lock;
mod map;
mod neighbours;
mod oci;
mod output;
mod printable;
mod prometheus;
mod reading;
mod record;
mod report;
mod rollout;
mod trial;
mod vm;
mod work_tree;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use cli::{Cli, Command};
use console::Console;
use exit::{Exit, Failure};

/// The C library's takes longer for each file, the more there have been.
#[cfg(not(target_env = "musl"))]
#[global_allocator]
static HEAP: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
        Command::Fmt(args) => command::fmt::run(&args, console),
        Command::Test(args) => command::test::run(&args, console),
        Command::Explain(args) => command::explain::run(&args, console),
        Command::Diff(args) => command::diff::run(&args, console),
        Command::Query(args) => command::query::run(&args, console),
        Command::Map(args) => command::map::run(&args, console),
        Command::Learn(args) => command::learn::run(&args, console),
        Command::Build(args) => command::build::run(&args, console),
        Command::Run(args) => command::run::run(&args, console),
        Command::Plan(args) => command::plan::run(&args, console),
        Command::Status(args) => command::status::run(&args, console),
        Command::Promote(args) => command::promote::run(&args, console),
        Command::Rollback(args) => command::rollback::run(&args, console),
        Command::Image(args) => command::image::run(&args, console),
        Command::Init(args) => command::init::run(&args, console),
        Command::Schema(args) => command::schema::run(&args, console),
        Command::Completions(args) => command::completions::run(&args, Cli::command(), console),
        Command::Man(args) => command::man::run(&args, Cli::command(), console),
        Command::Version(args) => command::version::run(&args, console),
    }
}
