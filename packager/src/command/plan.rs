//! `sallyport plan`: where the candidates of gateways stand, and what the next step is.

use std::path::PathBuf;

use super::step::{now, valid};
use crate::console::Console;
use crate::evidence::EvidenceArgs;
use crate::exit::{Exit, Failure};
use crate::printable::printable;
use crate::rollout::render::{Format, render};
use crate::rollout::{Emitted, emit, filter_rollout, plan, read, see};

/// Say where the changed rules of each gateway stand, and what the next step means
///
/// For each gateway, by waves: the stage of its candidate, the next step, which requests are decided otherwise (as `diff` shows
/// them), which manifests change and whether pods are restarted, and what is missing before the step. Nothing is written but what
/// --emit and --output name.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sallyport plan
  sallyport plan egress-httpbin/httpbin --files deploy/
  sallyport plan --prometheus http://localhost:9090
  sallyport plan --format markdown --output comment.md
  sallyport plan --emit gates/")]
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
    /// Write the gates before the next steps into DIR, for Argo Rollouts, Flagger and Kargo
    #[arg(long, value_name = "DIR")]
    emit: Option<PathBuf>,
    #[command(flatten)]
    evidence: EvidenceArgs,
}

pub(crate) fn run(args: &Args, console: &Console) -> Result<Exit, Failure> {
    let state = match valid(read(&args.files, &args.gateways, now(console)?)?, console) {
        Ok(state) => state,
        Err(exit) => return Ok(exit),
    };
    let named = state.named(&args.gateways)?;
    let mut plan = plan(&state, &named, &see(&state, &named, &args.evidence)?)?;
    plan.filter = filter_rollout(&state, &args.evidence)?;
    console.write(args.output.as_deref(), render(&plan, &state, args.format).as_bytes())?;
    if let Some(folder) = &args.emit {
        let address = args.evidence.prometheus.prometheus.as_ref().map(|url| url.text.as_str());
        let files = emit(&state, &named, folder, address)?;
        if !files.iter().any(|file| matches!(file, Emitted::Written(_))) {
            console.note("no gateway has a candidate, so there are no gates to write");
        }
        for file in &files {
            console.note(&match file {
                Emitted::Written(file) => format!("wrote {}", printable(file)),
                Emitted::Removed(file) => format!("removed {}: its candidate is gone", printable(file)),
            });
        }
    }
    Ok(Exit::Ok)
}
