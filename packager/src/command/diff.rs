//! `sallyport diff`: what a change means.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use sallyport_egress::meaning::Change;

use crate::compare::render::{Compared, Format};
use crate::compare::{Comparison, Side, compare};
use crate::console::Console;
use crate::exit::{Exit, Failure};
use crate::input::refuse_to_overwrite;
use crate::input::revision::of_head;
use crate::report;

/// Compare Egress files by what they mean: which requests a change allows or refuses, and what else changes
///
/// Each set of requests that is decided differently is shown in the patterns of its rule, with a shortest request of it, which
/// the engine of the gateway has decided by both policies. The comparison covers everything that rules read: callers, paths,
/// methods, hosts, addresses, headers, query, gRPC, server names and tokens, and which requests are ambiguous.
///
/// Other fields follow, and the manifests that change, with what applying them does to gateways that run. With --quiet only the
/// exit code says whether something differs. An example is an argument of `sallyport explain`.
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "sallyport diff [OPTIONS] <OLD> <NEW>\n       sallyport diff [OPTIONS] [FILE|DIR]",
    after_help = "Examples:
  sallyport diff deploy/                                      # what is not committed yet
  sallyport diff egress.yaml egress.new.yaml
  sallyport diff main:deploy/ deploy/
  sallyport diff origin/main:deploy/ deploy/ --format markdown --output comment.md
  sallyport diff v1.2:deploy/ main:deploy/ --fail-on widened"
)]
pub(crate) struct Args {
    /// A file, a folder, or REVISION:PATH of the Git repository, such as main:deploy/
    #[arg(value_name = "OLD", default_value = ".")]
    old: String,
    /// What to compare it with: the same forms. Without it, OLD is compared with what it is in the last commit (HEAD)
    #[arg(value_name = "NEW")]
    new: Option<String>,
    /// Which differences make the exit code 2
    #[arg(long, value_name = "WHAT", value_enum, default_value_t)]
    fail_on: FailOn,
    /// The format of the comparison; the exit code is the same in each
    #[arg(long, short, value_enum, default_value_t)]
    format: Format,
    /// Write the comparison to FILE instead of stdout
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Which differences make the exit code 2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// Requests that are allowed now and were refused
    Widened,
    /// Requests that are refused now and were allowed
    Narrowed,
    /// Any difference
    #[default]
    Any,
}

impl FailOn {
    fn is_met(self, comparison: &Comparison) -> bool {
        match self {
            Self::Widened => comparison.count(Change::Widened) > 0 || comparison.changes_tokens(),
            Self::Narrowed => comparison.count(Change::Narrowed) > 0 || comparison.changes_tokens(),
            Self::Any => !comparison.is_empty(),
        }
    }
}

pub(crate) fn run(args: &Args, console: &Console) -> Result<Exit, Failure> {
    let (old, new) = match &args.new {
        Some(new) => (args.old.clone(), new),
        None => (of_head(Path::new(&args.old))?, &args.old),
    };
    let (old, new) = (Side::read(&old)?, Side::read(new)?);
    let output = args.output.as_deref();
    if let Some(output) = output {
        let files = [&old, &new].into_iter().flat_map(|side| &side.report.files).map(|file| &file.name);
        let inputs: Vec<_> = files.chain([&args.old]).chain(&args.new).map(PathBuf::from).collect();
        refuse_to_overwrite(output, &inputs)?;
    }
    let wrong: Vec<_> = [&old, &new].into_iter().filter(|side| side.report.exit() != Exit::Ok).collect();
    for side in &wrong {
        console.problem(side.report.render(report::Format::Human, false, true).trim_end());
    }
    if let Some(exit) = wrong.iter().map(|side| side.report.exit()).max_by_key(|exit| *exit as u8) {
        return Ok(exit);
    }
    let comparison = compare(&old, &new)?;
    let compared = Compared { comparison: &comparison, old: &old, new: &new };
    // With --quiet the exit code says it, as that of `git diff --quiet` does.
    if output.is_some() || args.format != Format::Human || !console.quiet() || comparison.has_undecided() {
        console.write(output, compared.render(args.format, console.coloured(output)).as_bytes())?;
    }
    Ok(match () {
        () if comparison.has_undecided() => Exit::Problems,
        () if args.fail_on.is_met(&comparison) => Exit::Differs,
        () => Exit::Ok,
    })
}
