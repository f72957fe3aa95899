//! `sallyport map`: who may call what through which gateway.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use sallyport_manifest::{BuildError, Lock, LockFile};

use crate::console::Console;
use crate::examine::examine;
use crate::exit::{Exit, Failure};
use crate::input::revision::{self, gather_all};
use crate::input::{self, Selection};
use crate::lock;
use crate::map::{Map, MapFormat, Observation};
use crate::prometheus::{MetricsPage, PrometheusArgs};
use crate::report::Format;

/// Draw who may call what through which gateway
///
/// The map has the callers that rules name, the gateways and the upstreams: what each caller may do, in the rules' words, and in
/// which stage each gateway's policy is. A namespace, a pattern and `any caller` are callers of their own. With `--prometheus`
/// or `--metrics` it also has requests, refusals and health.
///
/// The page is one file that loads nothing, so it can be kept as an artifact of a pipeline. It is written to a file or to a pipe, not
/// to a terminal.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sallyport map deploy/ -o map.html
  sallyport map deploy/ -o map.html --prometheus https://prometheus.example.com
  sallyport map deploy/ --format svg -o docs/map.svg
  sallyport map deploy/ --format mermaid >> README.md")]
// Below an error clap would show the files as required.
#[command(override_usage = "sallyport map [OPTIONS] [FILE|DIR]...")]
pub(crate) struct Args {
    /// Egress and Mesh files, directories with them, or REVISION:PATH of the Git repository
    #[arg(value_name = "FILE|DIR", default_value = ".")]
    paths: Vec<PathBuf>,
    /// The format of the map
    #[arg(long, short, value_enum, default_value_t)]
    format: MapFormat,
    /// Write the map to FILE instead of stdout; an HTML page needs it where stdout is a terminal
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    prometheus: PrometheusArgs,
    /// A metrics page of one of a gateway's pods, if there is no Prometheus; NAME alone if no two gateways have it; may be repeated
    #[arg(long, value_name = "NAMESPACE/NAME=FILE|URL", conflicts_with = "prometheus")]
    metrics: Vec<MetricsPage>,
    /// Which time the counts of Prometheus are of, until now: 30m, 1h, 7d
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = window)]
    window: String,
}

pub(crate) fn run(args: &Args, console: &Console) -> Result<Exit, Failure> {
    let output = args.output.as_deref();
    if output.is_none() && args.format == MapFormat::Html && io::stdout().is_terminal() {
        return Err(Failure::new(Exit::Usage, "the map is a page for a browser, and stdout is a terminal")
            .with_help("write it to a file, `-o map.html`; `--format mermaid` is a short text"));
    }
    if let Some(output) = output {
        input::refuse_to_overwrite(output, &args.paths)?;
    }
    let (report, checked) = examine(gather_all(&args.paths, Selection::Ours)?);
    if report.exit() != Exit::Ok {
        console.problem(report.render(Format::Human, console.coloured(None), console.quiet()).trim_end());
        return Ok(report.exit());
    }
    if checked.egresses.is_empty() {
        let failure = Failure::new(Exit::Io, "there is nothing to draw: no Egress was given");
        return Err(failure.with_help("name an Egress file; a Mesh file alone has no gateway"));
    }
    let lock = lock_of(&args.paths, report.files.iter().map(|file| Path::new(&file.name)))?;
    let map = Map::of(&checked, &report.files, &lock);
    let observation = observe(args, &map)?;
    for warning in observation.iter().flat_map(|observation| &observation.warnings) {
        console.note(&format!("some of the data is missing: {warning}"));
    }
    let strangers: Vec<_> = observation.iter().flat_map(|observation| observation.strangers(&map)).collect();
    if !strangers.is_empty() {
        console.note(&format!("gateways of which there are metrics, but no file: {}", strangers.join(", ")));
    }
    for note in observation.iter().flat_map(|observation| &observation.notes) {
        console.note(&format!("Prometheus: {note}"));
    }
    console.write(output, map.render(args.format, observation.as_ref()).as_bytes())?;
    Ok(Exit::Ok)
}

/// The lock of what arguments name, some of which may be `REVISION:PATH`: such a one has the lock of its revision, whatever the work
/// tree has. `files`: those that were read.
fn lock_of<'f>(arguments: &[PathBuf], files: impl Iterator<Item = &'f Path>) -> Result<LockFile, Failure> {
    let (revisions, paths): (Vec<_>, Vec<_>) = arguments.iter().partition(|path| revision::named(path).is_some());
    let mut found = Vec::new();
    if !paths.is_empty() {
        let paths: Vec<_> = paths.into_iter().map(|path| input::relative(path)).collect();
        found.extend(lock::find(&paths, files).found.map_err(|(_, error)| lock::unusable(error, Exit::Problems))?);
    }
    for spec in revisions.into_iter().filter_map(|path| revision::named(path)) {
        let Some((name, bytes)) = revision::nearest(spec, Lock::FILE)? else { continue };
        let file = LockFile::parse(&String::from_utf8_lossy(&bytes)).map_err(|error| {
            let help = "name another revision: what a commit has stays as it is".to_owned();
            lock::unusable(BuildError::unusable_lock(&name, error, help), Exit::Problems)
        })?;
        found.push((PathBuf::from(name), file));
    }
    let found = lock::agreed(found.into_iter()).map_err(|(_, error)| lock::unusable(error, Exit::Problems))?;
    Ok(found.map_or_else(LockFile::default, |(_, file)| file))
}

fn observe(args: &Args, map: &Map) -> Result<Option<Observation>, Failure> {
    let known: Vec<String> = map.gateways.iter().map(|gateway| gateway.route.clone()).collect();
    let pages = MetricsPage::of_known(&args.metrics, &known)?;
    if let Some(client) = args.prometheus.client()? {
        let asked = Observation::ask(&client, &args.window);
        return asked.map(Some).map_err(|unanswered| client.failure(&unanswered));
    }
    if pages.is_empty() { Ok(None) } else { Observation::read(&pages).map(Some) }
}

/// A duration of Prometheus with one unit.
fn window(text: &str) -> Result<String, String> {
    let is_whole =
        |number: &str| !number.is_empty() && number.len() <= 6 && number.bytes().all(|byte| byte.is_ascii_digit());
    let is_some = |number: &str| is_whole(number) && number.bytes().any(|byte| byte != b'0');
    let units = ['s', 'm', 'h', 'd', 'w'];
    match text.strip_suffix(units).filter(|number| is_some(number)) {
        Some(_) => Ok(text.to_owned()),
        None => Err("write a number and a unit: 30m, 1h, 7d".to_owned()),
    }
}
