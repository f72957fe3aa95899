//! `sallyport completions`: a completion script for a shell.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::console::Console;
use crate::exit::{Exit, Failure};

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sallyport completions bash > /etc/bash_completion.d/sallyport
  sallyport completions zsh > \"${fpath[1]}/_sallyport\"
  sallyport completions fish > ~/.config/fish/completions/sallyport.fish")]
pub(crate) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(args: &Args, console: &Console) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "sallyport", &mut script);
    console.write(None, &script)?;
    Ok(Exit::Ok)
}
