//! `sallyport status`: what gateways saw of their candidates, and what follows.

use std::path::PathBuf;

use super::step::{now, valid};
use crate::console::Console;
use crate::evidence::EvidenceArgs;
use crate::exit::{Exit, Failure};
use crate::rollout::{FailOn, ReportTarget, Status, StatusFormat, filter_rollout, read, see, write_report};

/// Say what gateways saw of the candidates of their rules, and what follows
///
/// For each gateway and each region of the change: how often it was entered, by whom and when last, which callers could enter it
/// and were active, and whether that lets the next step be taken. "No data", "no traffic" and "none of it was refused" are three
/// answers, and only evidence promotes. The evidence is from Prometheus, from metrics pages or from logs; a log beside the others
/// gives examples of requests.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sallyport status --prometheus https://prometheus.example.com
  sallyport status --prometheus http://localhost:9090 --log gateway.log --report refused/
  sallyport status --log access.log --format markdown --output comment.md
  sallyport status --metrics egress-httpbin/httpbin=metrics.txt --fail-on blocked")]
pub(crate) struct Args {
    /// Gateways: NAMESPACE/NAME of their Egress, or NAME if no two have it [default: all]
    #[arg(value_name = "GATEWAY")]
    gateways: Vec<String>,
    /// The files of all gateways, or directories with them
    #[arg(long, value_name = "FILE|DIR", default_value = ".")]
    files: Vec<PathBuf>,
    /// The format of the status; the exit code is the same in each
    #[arg(long, short, value_enum, default_value_t)]
    format: StatusFormat,
    /// Write the status to FILE instead of stdout
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write what would have been refused, by caller: FILE.html, .md, .json or .txt, or a folder with a page for each caller
    #[arg(long, value_name = "FILE|DIR")]
    report: Option<ReportTarget>,
    /// When to exit with 8
    #[arg(long, value_enum, value_name = "WHEN")]
    fail_on: Option<FailOn>,
    #[command(flatten)]
    evidence: EvidenceArgs,
}

pub(crate) fn run(args: &Args, console: &Console) -> Result<Exit, Failure> {
    let state = match valid(read(&args.files, &args.gateways, now(console)?)?, console) {
        Ok(state) => state,
        Err(exit) => return Ok(exit),
    };
    if args.report.is_some() && !args.evidence.is_given() {
        return Err(Failure::new(Exit::Usage, "`--report` needs evidence")
            .with_help("give --prometheus URL, --metrics NAMESPACE/NAME=FILE or --log FILE"));
    }
    let named = state.named(&args.gateways)?;
    let seen = see(&state, &named, &args.evidence)?;
    let mut status = Status::of(&state, &named, &seen);
    status.filter = filter_rollout(&state, &args.evidence)?;
    console.write(args.output.as_deref(), status.render(args.format).as_bytes())?;
    if !args.evidence.is_given() {
        console.note(
            "nothing was read of what gateways did: give --prometheus URL, --metrics NAMESPACE/NAME=FILE or --log FILE",
        );
    }
    if let Some(target) = &args.report {
        for note in write_report(target, &state, &seen)? {
            console.note(&note);
        }
    }
    Ok(status.exit(args.fail_on))
}
