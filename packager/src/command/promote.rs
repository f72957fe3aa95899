//! `sallyport promote`: the next step of changed rules, or of a filter.

use std::path::PathBuf;

use sallyport_egress::value::digest::Digest;

use super::step::{self, Step};
use crate::console::Console;
use crate::evidence::EvidenceArgs;
use crate::exit::{Exit, Failure};
use crate::rollout::{Order, Target, promote, promote_filter, see};

/// Take the next step of the changed rules of a wave of gateways
///
/// A candidate goes from its file to `shadow`, over the steps of the `canary` to `enforce`, and is then settled: its rules go into
/// the Egress file, and the Candidate file goes. All other steps write `sallyport.lock` alone; `build` puts them into the
/// manifests. Waves are promoted one after the other. Nothing is written if something is missing.
///
/// With --filter, the filter that `image push --lock FILE --next` wrote into the lock is rolled out in the same way, one gateway at a
/// time.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sallyport promote --prometheus https://prometheus.example.com
  sallyport promote egress-httpbin/httpbin --to enforce --without-evidence \"tested by hand\" --commit
  sallyport promote --filter --prometheus https://prometheus.example.com
  sallyport promote egress-httpbin/httpbin --filter")]
pub(crate) struct Args {
    /// Gateways: NAMESPACE/NAME of their Egress, or NAME if no two have it [default: the wave whose turn it is]
    #[arg(value_name = "GATEWAY")]
    gateways: Vec<String>,
    /// How far: shadow, canary, a share of callers such as 25%, enforce or settled [default: one step]
    #[arg(long, value_name = "STAGE", conflicts_with = "filter")]
    to: Option<Target>,
    /// Pin the lock's next filter for the next gateway, or the one named before; once all have it, for all. The digest is the one that
    /// you expect
    #[arg(long, value_name = "DIGEST", num_args = 0..=1, value_parser = digest)]
    filter: Option<Option<Digest>>,
    /// Why the step needs no evidence; the reason goes into the message of the commit
    #[arg(long, value_name = "REASON", value_parser = reason)]
    without_evidence: Option<String>,
    /// Commit the files that were written, with hashes, evidence and waivers in the message
    #[arg(long)]
    commit: bool,
    /// The files of all gateways, or directories with them
    #[arg(long, value_name = "FILE|DIR", default_value = ".")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    evidence: EvidenceArgs,
}

fn digest(text: &str) -> Result<Digest, String> {
    text.parse()
        .map_err(|_| "a digest is `sha256:` and 64 hexadecimal digits; a gateway is named before --filter".to_owned())
}

pub(crate) fn run(args: &Args, console: &Console) -> Result<Exit, Failure> {
    let Args { gateways, to, filter, without_evidence, commit, files, evidence } = args;
    let order = Order { gateways, to: *to, without_evidence: without_evidence.as_deref() };
    let step = Step {
        verb: "promote",
        files,
        gateways,
        commit: *commit,
        reason: without_evidence.as_deref(),
        goes_back: false,
        is_completed: false,
        is_filter: filter.is_some(),
    };
    step::run(&step, console, |state, writer| match filter {
        Some(digest) => promote_filter(state, &order, digest.as_ref(), evidence, writer),
        None => {
            let seen = see(state, &state.named(gateways)?, evidence)?;
            promote(state, &order, &seen, writer)
        }
    })
}

/// A line for the message of a commit: one, so that it is no trailer of it.
fn reason(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("write a reason".to_owned()),
        line if line.chars().any(char::is_control) => Err("write the reason in one line".to_owned()),
        line => Ok(line.to_owned()),
    }
}
