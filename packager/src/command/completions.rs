//! `sallyport completions`: completion scripts.

use clap_complete::Shell;

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

/// `program`: the whole tree of arguments.
pub(crate) fn run(args: &Args, mut program: clap::Command, console: &Console) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut program, "sallyport", &mut script);
    console.write(None, &script)?;
    Ok(Exit::Ok)
}
