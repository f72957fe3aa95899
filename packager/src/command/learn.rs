//! `sallyport learn`: rules that allow what the log of a gateway shows.

mod base;
mod progress;

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use clap::builder::NonEmptyStringValueParser;
use sallyport_egress::learn::{Counts, Learned, Learner, MOST_VALUES, Options, Unlearned, Unread, grouped};

use crate::console::Console;
use crate::exit::{Exit, Failure};
use crate::input::lines::each_line;
use crate::input::refuse_to_overwrite;
use crate::printable::{printable, visible};
use crate::report::learn::{FILTER_WITHOUT_PRINCIPAL, GIVE_ACCESS_LOG, LearnReport, NO_PRINCIPAL, hosts};
use base::Ground;
use progress::Progress;

/// Propose the fewest rules that allow what the log of a gateway shows
///
/// Reads Sallyport's JSON access log, Istio's JSON access log with the caller's principal in it, and the filter's own lines about
/// shadow mode. What was refused, what the upstream does not have, what one address sent on one day only, and what no line with a
/// time shows is not learned, but listed for review, and so is every segment of a path of which the rules allow any value. Nothing is
/// learned of headers and queries.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kubectl logs deployment/httpbin -n egress-httpbin | sallyport learn -
  sallyport learn access.log.gz access.log > rules.yaml
  sallyport learn access.log --merge egress.yaml           # what is missing, as a diff
  sallyport learn access.log --merge egress.yaml --write")]
// Below an error clap would show the option of the log's key, too.
#[command(override_usage = "sallyport learn [OPTIONS] <LOG>...")]
pub(crate) struct Args {
    /// Logs, also compressed with gzip; `-` is standard input
    #[arg(value_name = "LOG", required = true)]
    logs: Vec<PathBuf>,
    /// An Egress file: propose only what its policy does not allow yet, as a unified diff of the file
    #[arg(long, value_name = "EGRESS")]
    merge: Option<PathBuf>,
    /// With --merge: write the file. Everything else in it stays as it is
    #[arg(long, requires = "merge")]
    write: bool,
    /// The Mesh file, which has the trust domain; with --merge, one in the folder of the Egress file is read anyway
    #[arg(long, value_name = "FILE")]
    mesh: Option<PathBuf>,
    /// Learn only from requests for this host; may be repeated. Default: the hosts of the Egress file, or the only host of the log
    #[arg(long = "host", value_name = "HOST", value_parser = NonEmptyStringValueParser::new())]
    hosts: Vec<String>,
    /// From how many names that one caller uses in one place a segment of a path is general
    #[arg(long, value_name = "NUMBER", default_value_t = 10, value_parser = clap::value_parser!(u16).range(2..=MOST_VALUES as i64))]
    names: u16,
    /// From how many ids that all callers use in one place a segment of a path is general: numbers, UUIDs, dates and the like
    #[arg(long, value_name = "NUMBER", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=MOST_VALUES as i64))]
    ids: u16,
    /// Learn from what one address sent on one day only, or what has no time, too
    #[arg(long)]
    keep_rare: bool,
    /// The key of the log that has the caller's principal, if `learn` does not know it
    #[arg(long, value_name = "KEY", value_parser = NonEmptyStringValueParser::new())]
    principal_key: Option<String>,
    /// The format of the proposal
    #[arg(long, short, value_enum, default_value_t)]
    format: LearnFormat,
    /// Write the proposal to FILE instead of stdout
    #[arg(long, short, value_name = "FILE", conflicts_with = "write")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum LearnFormat {
    /// YAML or a diff on stdout, and what to review on stderr
    #[default]
    Human,
    /// For programs: one JSON object with a versioned schema
    Json,
}

pub(crate) fn run(args: &Args, console: &Console) -> Result<Exit, Failure> {
    if let Some(output) = &args.output {
        let inputs: Vec<_> = args.logs.iter().chain(&args.merge).cloned().collect();
        refuse_to_overwrite(output, &inputs)?;
    }
    let ground = match Ground::read(args.merge.as_deref(), args.mesh.as_deref(), console)? {
        Ok(ground) => ground,
        Err(exit) => return Ok(exit),
    };
    let options = Options {
        names: usize::from(args.names),
        ids: usize::from(args.ids),
        keeps_rare: args.keep_rare,
        hosts: args.hosts.clone(),
        principal_key: args.principal_key.clone(),
        mesh: ground.mesh.clone(),
        base: ground.base.clone(),
    };
    let mut learner = Learner::new(options)
        .map_err(|invalid| Failure::new(Exit::Problems, format!("the policy does not compile: {invalid}")))?;
    let mut progress = Progress::new(console, &args.logs);
    for log in &args.logs {
        let read = each_line(log, |bytes| progress.line(bytes), |line| learner.line(line));
        progress.file_done(read?);
    }
    progress.end();
    let learned = learner.finish(&ground.files).map_err(|error| failure(error, args.merge.as_deref()))?;
    let report = LearnReport {
        learned: &learned,
        trust_domain: &ground.mesh.trust_domain,
        file: ground.files.first().filter(|_| ground.base.is_some()),
    };
    if learned.counts.kept == 0 && learned.counts.allowed == 0 {
        if learned.counts.lines == 0 {
            return Err(empty(&args.logs));
        }
        console.note(&report.review());
        return Err(nothing(&learned, args, &ground));
    }
    let text = match args.format {
        LearnFormat::Human => report.proposal(),
        LearnFormat::Json => report.json(),
    };
    if args.write && !learned.rules.is_empty() {
        ground.write(&learned.text)?;
    }
    if !args.write || args.format == LearnFormat::Json {
        console.write(args.output.as_deref(), text.as_bytes())?;
    }
    if args.format == LearnFormat::Human {
        console.note(&report.review());
        if let (Some(path), true, false) = (&args.merge, args.write, learned.rules.is_empty()) {
            console.note(&format!("{} added to `{}`", report.rules_in_words(), printable(path)));
        }
    }
    Ok(Exit::Ok)
}

fn failure(error: Unlearned, merge: Option<&Path>) -> Failure {
    let fault = "this is a fault in sallyport: please report it";
    match error {
        Unlearned::Hosts(found) => {
            let message = format!("the log has requests for {} hosts: {}", found.len(), hosts(&found));
            Failure::new(Exit::Usage, message).with_help(
                "each upstream has its own rules: name its hosts, `--host HOST`, or its Egress file, `--merge FILE`",
            )
        }
        Unlearned::NoPlace => {
            let file = merge.map_or_else(String::new, printable);
            Failure::new(
                Exit::Problems,
                format!("`{file}` has no place for rules: `spec` or `authz` is written in brackets"),
            )
            .with_help("write `authz:` on a line of its own, and `rules:` below it")
        }
        Unlearned::Invalid(problem) => {
            Failure::new(Exit::Problems, format!("the proposed rules are not valid: {}", visible(&problem)))
                .with_help(fault)
        }
        Unlearned::Refused(requests) => {
            let first = requests.first().map_or("", String::as_str);
            let message =
                format!("the proposed rules refuse {} of the requests, such as {}", requests.len(), visible(first));
            Failure::new(Exit::Problems, message).with_help(fault)
        }
    }
}

/// There is not even a line.
fn empty(logs: &[PathBuf]) -> Failure {
    let names: Vec<_> = logs.iter().map(|log| format!("`{}`", printable(log))).collect();
    let verb = if names.len() == 1 { "is" } else { "are" };
    Failure::new(Exit::Problems, format!("{} {verb} empty: there is no line to learn from", names.join(", ")))
        .with_help(
            "`kubectl logs deployment/NAME -n NAMESPACE` prints the log of a gateway; with `--since=24h` that of a day",
        )
}

/// Nothing in the log can be learned from: why probably, and what to do.
fn nothing(learned: &Learned, args: &Args, ground: &Ground) -> Failure {
    let options = &args.hosts;
    let counts = &learned.counts;
    let lines = format!("{} {}", grouped(counts.lines), if counts.lines == 1 { "line" } else { "lines" });
    let failure = Failure::new(Exit::Problems, format!("there is no request to learn from in {lines}"));
    let left_out = |why| counts.unread.get(&why).copied().unwrap_or_default();
    let (filter, principal) = (left_out(Unread::FilterNoPrincipal), left_out(Unread::NoPrincipal));
    let most = [counts.other_hosts, filter, principal].into_iter().max().unwrap_or_default();
    failure.with_help(match most {
        // The host is right, and the callers are known.
        _ if counts.apart > 0 => of_review(counts, args.keep_rare).to_owned(),
        0 => format!("{GIVE_ACCESS_LOG}, or Istio's with {ISTIO_KEY}"),
        most if most == counts.other_hosts => {
            let own = match &ground.base {
                Some(base) if options.is_empty() => {
                    base.egress.hosts().map(|host| format!("`{host}`")).collect::<Vec<_>>()
                }
                _ => options.iter().map(|host| format!("`{}`", visible(host))).collect(),
            };
            let found = hosts(&learned.other_hosts);
            format!(
                "the log is about other hosts than {}: {found}; give the log of the gateway of that host, or the right host",
                own.join(", ")
            )
        }
        most if most == filter => format!("{FILTER_WITHOUT_PRINCIPAL}: {GIVE_ACCESS_LOG}"),
        _ => format!("{NO_PRINCIPAL}; add it to Istio's JSON format as {ISTIO_KEY}"),
    })
}

/// What to do if all that could be learned is listed for review.
fn of_review(counts: &Counts, keeps_rare: bool) -> &'static str {
    if keeps_rare {
        "what is listed for review is not learned: write the rules for it by hand, if it is to be allowed"
    } else if counts.timeless >= counts.apart {
        "the lines have no time that can be read: give a log with `time`; or `--keep-rare` learns what is of no known day"
    } else {
        "what is listed for review is not learned; `--keep-rare` learns what one address sent on one day only"
    }
}

/// The key of the principal for Istio's access log.
const ISTIO_KEY: &str = "`\"principal\": \"%DOWNSTREAM_PEER_URI_SAN%\"`";
