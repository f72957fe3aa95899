//! `sallyport rollback`: back to the rules of the Egress file.

use std::path::PathBuf;

use super::step::{self, ROLL_BACK, Step};
use crate::console::Console;
use crate::exit::{Exit, Failure};
use crate::rollout::{roll_back, unpin_filters};

/// Take the changed rules of gateways back, from any stage, in one step
///
/// The candidate's entry leaves `sallyport.lock`, so that the next build has the rules of the Egress file; the Candidate file
/// stays. After a candidate was settled, the Egress file and the Candidate file are restored from Git as they were before; what has
/// changed since elsewhere in the Egress file stays. A step that is not committed is undone instead: all is as in the last commit.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sallyport rollback
  sallyport rollback egress-httpbin/httpbin --commit
  sallyport rollback --filter")]
pub(crate) struct Args {
    /// Gateways: NAMESPACE/NAME of their Egress, or NAME if no two have it [default: all with a candidate in the lock]
    #[arg(value_name = "GATEWAY")]
    gateways: Vec<String>,
    /// Take back the filters that gateways have of their own instead; without gateways no filter is rolled out any more
    #[arg(long)]
    filter: bool,
    /// Commit the files that were written
    #[arg(long)]
    commit: bool,
    /// The files of all gateways, or directories with them
    #[arg(long, value_name = "FILE|DIR", default_value = ".")]
    files: Vec<PathBuf>,
}

pub(crate) fn run(args: &Args, console: &Console) -> Result<Exit, Failure> {
    let Args { gateways, filter, commit, files } = args;
    // Nothing keeps a bad candidate in force.
    let step = Step {
        verb: ROLL_BACK,
        files,
        gateways,
        commit: *commit,
        reason: None,
        goes_back: true,
        is_completed: false,
        is_filter: *filter,
    };
    step::run(&step, console, |state, writer| match filter {
        true => unpin_filters(state, gateways, writer),
        false => roll_back(state, gateways, writer),
    })
}
