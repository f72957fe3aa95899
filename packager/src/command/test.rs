//! `sallyport test`: runs cases, and says what came out otherwise.

use std::fs;
use std::path::{Path, PathBuf};

use sallyport_egress::Checked;
use sallyport_egress::cases::{Change, Coverage, Mixed, Suite, suites};
use sallyport_egress::code::Code;
use sallyport_egress::diagnostic::{Diagnostic, LineIndex, Span};
use sallyport_egress::scenario::Outcome;

use crate::against::{Sent, Target, nothing_sent};
use crate::console::Console;
use crate::examine::examine_but;
use crate::exit::{Exit, Failure};
use crate::input::{Selection, gather, relative};
use crate::local::module;
use crate::neighbours::{Needs, with_needed};
use crate::printable::{printable, quoted_path, visible};
use crate::report::suite::{DecidedBy, SuiteFormat, SuiteReport, TestedSuite};
use crate::report::{Format, Report};
use crate::trial::{Decider, engine_of, mesh_of, play, policy_of, tested};
use crate::vm::Loaded;

/// Run the cases of Egress files: requests, and what must become of them
///
/// Cases are in a file of `kind: Cases`, `cases.yaml`, beside the Egress file. Each is decided by the code that runs in the
/// gateway, without a gateway. A case that comes out otherwise is shown with the rule that decided and the condition that
/// failed; a failed case makes the exit code 1.
///
/// Coverage says which parts of the rules no case shows: a rule that no case matches, one of several sources or operations that
/// is never the one that matches, and a `from`, `to` or condition that never is all that keeps a request out.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sallyport test
  sallyport test deploy/ --min-coverage 90 --format junit --output results.xml
  sallyport test cases.yaml --update
  sallyport test --wasm
  sallyport test --against https://127.0.0.1:8443 --cert-dir dir/callers")]
// Below an error clap would show the files as required.
#[command(override_usage = "sallyport test [OPTIONS] [FILE|DIR]...")]
pub(crate) struct Args {
    /// Files of cases, Egress files with cases beside them, or directories
    #[arg(value_name = "FILE|DIR", default_value = ".")]
    paths: Vec<PathBuf>,
    /// The format of the report; the exit code is the same in each
    #[arg(long, short, value_enum, default_value_t)]
    format: SuiteFormat,
    /// Write the report to FILE instead of stdout
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Fail if less of the branches of a policy is covered
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    min_coverage: Option<u8>,
    /// Let the filter's module decide, in a wasm host: the one in this program, or in FILE
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    wasm: Option<Option<PathBuf>>,
    /// Send the cases to a gateway (`https://HOST:PORT`); those that are allowed are left out
    #[arg(long, value_name = "URL", requires = "cert_dir", conflicts_with_all = ["wasm", "update"])]
    against: Option<String>,
    /// The folder of the callers' certificates, named as `run` names them: NAMESPACE.ACCOUNT.pem and .key
    #[arg(long, value_name = "DIR", requires = "against")]
    cert_dir: Option<PathBuf>,
    /// The authority of the gateway's certificate [default: ca.pem beside the certificates, or in the folder above]
    #[arg(long, value_name = "FILE", requires = "against")]
    ca: Option<PathBuf>,
    /// Send the cases that are allowed, too: they reach the upstream
    #[arg(long, requires = "against")]
    send_allowed: bool,
    /// Write what came of the cases into their files, in place of what was expected
    #[arg(long, conflicts_with = "min_coverage")]
    update: bool,
}

pub(crate) fn run(args: &Args, console: &Console) -> Result<Exit, Failure> {
    let output = args.output.as_deref();
    // A rule that is renamed is what an update is for.
    let is_for_update = |problem: &Diagnostic| args.update && problem.code == Code::CaseRule;
    let (report, checked) =
        examine_but(gather(&with_needed(&args.paths, Needs::Cases), Selection::WithCases), is_for_update);
    if report.exit() != Exit::Ok {
        let text = report.render(format_of_check(args.format), console.coloured(output), console.quiet());
        console.write(output, text.as_bytes())?;
        return Ok(report.exit());
    }
    let names: Vec<_> = report.files.iter().map(|file| file.name.as_str()).collect();
    let (mut suites, _) = suites(&names, &checked);
    suites.retain(|suite| is_named(&args.paths, &report, suite));
    if suites.iter().all(|suite| suite.cases.is_empty()) {
        return Err(no_cases(&args.paths));
    }
    let loaded = match &args.wasm {
        Some(file) => Some(Loaded::new(&module::load(file.as_deref())?)?),
        None => None,
    };
    let target = target(args, &checked)?;
    let mut skipped = Vec::new();
    let mut tested_suites = Vec::new();
    let mut updates = Updates::default();
    for suite in &suites {
        let policy = policy_of(&checked, suite);
        let engine = engine_of(&policy)?;
        let decider = loaded.as_ref().map_or(Decider::Native, |loaded| Decider::Module(loaded, &policy));
        let coverage = Coverage::new(&suite.egress.value, &mesh_of(&checked));
        let (outcomes, coverage) = play(suite, &engine, decider, coverage)?;
        if let Some(target) = &target {
            let sent = replay(suite, &outcomes, target, args.send_allowed)?;
            skipped.extend(sent.skipped);
            tested_suites.push(tested(&sent.suite, (&engine, &policy), &sent.outcomes, &coverage, &report.files));
        } else if args.update {
            updates.apply(suite, &outcomes, &report)?;
        } else {
            tested_suites.push(tested(suite, (&engine, &policy), &outcomes, &coverage, &report.files));
        }
    }
    if args.update {
        return updates.end(console);
    }
    report_skipped(&tested_suites, &skipped, console)?;
    let decider = match (&loaded, &target) {
        (Some(_), _) => DecidedBy::Module,
        (None, Some(_)) => DecidedBy::Gateway,
        (None, None) => DecidedBy::Command,
    };
    let result = SuiteReport { files: report.files, suites: tested_suites, min_coverage: args.min_coverage, decider };
    let text = result.render(args.format, console.coloured(output), console.quiet());
    console.write(output, text.as_bytes())?;
    Ok(result.exit())
}

fn target(args: &Args, checked: &Checked) -> Result<Option<Target>, Failure> {
    let (Some(url), Some(folder)) = (&args.against, &args.cert_dir) else { return Ok(None) };
    Target::new(url, folder, args.ca.as_deref(), &mesh_of(checked).trust_domain).map(Some)
}

/// The cases of a suite that were sent, what came of each, and why the others were not.
struct Replay<'c> {
    suite: Suite<'c>,
    outcomes: Vec<Outcome>,
    skipped: Vec<String>,
}

fn replay<'c>(
    suite: &Suite<'c>,
    native: &[Outcome],
    target: &Target,
    may_be_allowed: bool,
) -> Result<Replay<'c>, Failure> {
    let mut replay = Replay { suite: suite.clone(), outcomes: Vec::new(), skipped: Vec::new() };
    replay.suite.cases.clear();
    for (case, native) in suite.cases.iter().zip(native) {
        match target.send(case, native, may_be_allowed)? {
            Sent::Came(outcome) => {
                replay.suite.cases.push(case.clone());
                replay.outcomes.push(outcome);
            }
            Sent::Skipped(reason) => replay.skipped.push(reason),
        }
    }
    Ok(replay)
}

/// Says how many cases were not sent, for each reason.
fn report_skipped(suites: &[TestedSuite], skipped: &[String], console: &Console) -> Result<(), Failure> {
    if !skipped.is_empty() && suites.iter().all(|suite| suite.cases.is_empty()) {
        return Err(nothing_sent(skipped));
    }
    let mut reasons: Vec<(&str, usize)> = Vec::new();
    for reason in skipped {
        match reasons.iter_mut().find(|(known, _)| known == reason) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => reasons.push((reason, 1)),
        }
    }
    for (reason, count) in reasons {
        console.note(&format!("{count} case{} not sent: {reason}", if count == 1 { "" } else { "s" }));
    }
    Ok(())
}

/// The files' own errors in the nearest format.
fn format_of_check(format: SuiteFormat) -> Format {
    match format {
        SuiteFormat::Human => Format::Human,
        SuiteFormat::Json => Format::Json,
        SuiteFormat::Junit => Format::Junit,
        SuiteFormat::Github => Format::Github,
    }
}

/// Whether the user named the cases or their Egress. Others may be beside a file that is named.
fn is_named(arguments: &[PathBuf], report: &Report, suite: &Suite<'_>) -> bool {
    let name = |file: usize| report.files.get(file).map_or("", |file| file.name.as_str());
    arguments.iter().any(|argument| {
        argument.is_dir()
            || [suite.file, suite.egress.file].iter().any(|file| printable(&relative(argument)) == name(*file))
            || (argument == Path::new("-") && name(suite.file) == "<stdin>")
    })
}

fn no_cases(arguments: &[PathBuf]) -> Failure {
    let names: Vec<_> = arguments.iter().map(|path| format!("`{}`", printable(path))).collect();
    Failure::new(Exit::Io, format!("there are no cases in {}", names.join(", "))).with_help(
        "cases are in files with `kind: Cases`, beside the Egress file; `sallyport init` writes one to start from",
    )
}

/// How many lines of a list are shown.
const MOST_LINES: usize = 50;

/// What `--update` wrote.
#[derive(Default)]
struct Updates {
    lines: Vec<String>,
    mixed: Vec<String>,
}

impl Updates {
    fn apply(&mut self, suite: &Suite<'_>, outcomes: &[Outcome], report: &Report) -> Result<(), Failure> {
        let Some(file) = report.files.get(suite.file) else { return Ok(()) };
        let update = suite.update(&file.text, outcomes);
        let path = Path::new(&file.name);
        let lines = LineIndex::new(&file.text);
        let placed = |place: Span, text: String| {
            let position = lines.position(place.start);
            format!("{}:{}:{}: {text}", file.name, position.line, position.column)
        };
        if !update.changes.is_empty() {
            if !path.is_file() {
                return Err(Failure::new(Exit::Io, format!("`{}` cannot be updated: it is not a file", file.name)));
            }
            fs::write(path, &update.text).map_err(|error| Failure::write(path, &error))?;
            let changes = update.changes.iter().map(|Change { place, fields }| {
                let fields = fields.iter().map(|(field, was, is)| visible(&format!("`{field}`: {was} -> {is}")));
                placed(*place, fields.collect::<Vec<_>>().join("; "))
            });
            self.lines.extend(shortened(changes.collect()));
            let count = update.changes.len();
            let s = if count == 1 { "" } else { "s" };
            self.lines.push(format!("{count} expectation{s} written to {}", quoted_path(path)));
        }
        for Mixed { place, parts } in update.mixed {
            self.mixed.push(placed(place, "the cases of this row come out differently: split it".to_owned()));
            for (expectation, cases) in parts {
                self.mixed.push(visible(&format!("  expect: {expectation}")));
                self.mixed.extend(shortened(cases.iter().map(|case| visible(&format!("    {case}"))).collect()));
            }
        }
        Ok(())
    }

    fn end(self, console: &Console) -> Result<Exit, Failure> {
        if self.lines.is_empty() && self.mixed.is_empty() {
            console.note("every case comes out as expected: nothing was written");
        }
        self.lines.iter().for_each(|line| console.note(line));
        self.mixed.iter().for_each(|line| console.problem(line));
        Ok(if self.mixed.is_empty() { Exit::Ok } else { Exit::Problems })
    }
}

/// The first lines of a list, and how many more there are.
fn shortened(mut lines: Vec<String>) -> Vec<String> {
    let more = lines.len().saturating_sub(MOST_LINES);
    lines.truncate(MOST_LINES);
    lines.extend((more > 0).then(|| format!("and {more} more")));
    lines
}
