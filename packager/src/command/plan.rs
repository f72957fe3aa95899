//! `sallyport plan`: where the candidates of gateways stand, and what the next step is.

use std::path::PathBuf;

use crate::console::Console;
use crate::exit::{Exit, Failure};
use crate::report;
use crate::rollout::render::{Format, render};
use crate::rollout::{Nothing, Read, now, plan, read};

/// Say where the changed rules of each gateway stand, and what the next step means
///
/// For each gateway, by waves: the stage of its candidate, the next step, which requests are decided otherwise (as `diff` shows
/// them), which manifests change and whether pods are restarted, and what is missing before the step. Nothing is written.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sallyport plan
  sallyport plan egress-httpbin/httpbin --files deploy/
  sallyport plan --format markdown --output comment.md")]
pub(crate) struct Args {
    /// Gateways: NAMESPACE/NAME of their Egress, or NAME if no two have it [default: all]
    #[arg(value_name = "GATEWAY")]
    gateways: Vec<String>,
    /// The files of all gateways, or directories with them
    #[arg(long, value_name = "FILE|DIR", default_value = ".")]
    files: Vec<PathBuf>,
    /// The format of the plan; the exit code is the same in each
    #[arg(long, short, value_enum, default_value_t)]
    format: Format,
    /// Write the plan to FILE instead of stdout
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, console: &Console) -> Result<Exit, Failure> {
    let state = match read(&args.files, now())? {
        Read::State(state) => state,
        Read::Wrong(wrong) => {
            console.problem(wrong.render(report::Format::Human, console.coloured(None), true).trim_end());
            return Ok(wrong.exit());
        }
    };
    let plan = plan(&state, &state.named(&args.gateways)?, &Nothing)?;
    console.write(args.output.as_deref(), render(&plan, &state, args.format).as_bytes())?;
    Ok(Exit::Ok)
}
