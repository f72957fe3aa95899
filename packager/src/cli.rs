//! The tree of arguments, from which help, completions and manual pages are made.

use clap::{Parser, Subcommand};

use crate::command::{
    build, check, completions, diff, explain, fmt, image, init, learn, man, map, plan, promote, query, rollback, run,
    schema, status, test, version,
};
use crate::console::Colour;
use crate::exit;

/// Safe, observable, dependable access from an Istio mesh to the services that cannot move into it.
#[derive(Debug, Parser)]
#[command(
    name = "sallyport",
    version,
    arg_required_else_help = true,
    max_term_width = 100,
    after_help = exit::table(),
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// When to use colours; `auto` depends on the terminal and NO_COLOR
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t)]
    pub(crate) color: Colour,
    /// Print only results and errors, without summaries and hints
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Check(check::Args),
    Fmt(fmt::Args),
    Test(test::Args),
    Explain(explain::Args),
    Diff(diff::Args),
    Query(query::Args),
    Map(map::Args),
    Learn(learn::Args),
    Build(build::Args),
    Run(run::Args),
    Plan(plan::Args),
    Status(status::Args),
    Promote(promote::Args),
    Rollback(rollback::Args),
    Image(image::Args),
    Init(init::Args),
    Schema(schema::Args),
    Completions(completions::Args),
    Man(man::Args),
    Version(version::Args),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    /// `--output` is a file or a folder, and `--format` one of some words, in every command.
    #[test]
    fn an_option_means_the_same_everywhere() {
        let mut commands = vec![Cli::command()];
        let mut seen = 0;
        while let Some(command) = commands.pop() {
            for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
                let id = argument.get_id().as_str();
                let names = argument.get_value_names().unwrap_or_default().iter();
                let name = names.map(|name| name.as_str()).collect::<String>();
                let words = argument.get_possible_values().len();
                match id {
                    "output" => assert!(words == 0 && (name.starts_with("FILE") || name.starts_with("DIR")), "{name}"),
                    "format" => assert!(words > 1, "{}", command.get_name()),
                    _ => continue,
                }
                seen += 1;
            }
            commands.extend(command.get_subcommands().cloned());
        }
        assert!(seen > 20, "{seen}");
    }

    #[test]
    fn the_tree_of_arguments_is_valid() {
        Cli::command().debug_assert();
    }
}
