//! `sallyport image verify`: whether Istio and Envoy would take an image.

use std::path::PathBuf;

use clap::ValueEnum;
use serde_json::json;

use super::{line, own_filter};
use crate::console::Console;
use crate::exit::{Exit, Failure};
use crate::oci::digest::Digest;
use crate::oci::layout::Layout;
use crate::oci::reference::Reference;
use crate::oci::registry::{Access, Registry};
use crate::oci::verify::{Expected, Verdict, verify};
use crate::printable::printable;

/// The version of the shape of the JSON report.
const VERSION: u32 = 1;

/// Say whether Istio and Envoy would take an image
///
/// What the registry serves is judged by the algorithm of Istio's own agent, in its words, and the module in it by what
/// Envoy has. `sallyport check --explain SP3003` is the manual of one finding.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sallyport image verify ghcr.io/acme/sallyport-filter:1.0.0
  sallyport image verify ghcr.io/acme/filter:1 --expect sha256:0123... --format json
  sallyport image verify --layout filter.tar")]
pub(crate) struct Args {
    /// The image at a registry: REGISTRY/REPOSITORY, and :TAG or @DIGEST
    #[arg(value_name = "REF", required_unless_present = "layout", conflicts_with = "layout")]
    reference: Option<Reference>,
    /// An OCI image layout instead
    #[arg(long, value_name = "DIR|FILE.tar")]
    layout: Option<PathBuf>,
    /// The digest that the image must have
    #[arg(long, value_name = "DIGEST")]
    expect: Option<Digest>,
    /// Speak HTTP without TLS; to this machine itself that is the default
    #[arg(long)]
    plain_http: bool,
    /// The form of the report; the exit code is the same in each
    #[arg(long, short, value_enum, default_value_t)]
    format: Format,
}

/// In which form the verdict is printed.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    /// For people: a line a finding
    #[default]
    Human,
    /// For programs: one object, its shape versioned
    Json,
}

pub(super) fn run(args: &Args, console: &Console) -> Result<Exit, Failure> {
    let own = own_filter();
    let filter = own.as_deref();
    let expect = args.expect.as_ref();
    let verdict = match (&args.layout, &args.reference) {
        (Some(path), _) => verify(&Layout::open(path)?, printable(path), Expected { digest: expect, filter })?,
        (None, Some(reference)) => {
            let registry = Registry::new(reference, Access::Pull, args.plain_http)?;
            let digest = expect.or(reference.digest());
            verify(&registry, reference.to_string(), Expected { digest, filter })?
        }
        (None, None) => return Err(Failure::new(Exit::Usage, "no image was named")),
    };
    let text = match args.format {
        Format::Human => human(&verdict, console.quiet()),
        Format::Json => format!("{:#}\n", json!({"version": VERSION, "good": verdict.is_good(), "verdict": verdict})),
    };
    console.write(None, text.as_bytes())?;
    Ok(if verdict.is_good() { Exit::Ok } else { Exit::Problems })
}

fn human(verdict: &Verdict, quiet: bool) -> String {
    let mut text: String = verdict.findings.iter().map(|finding| line(finding) + "\n").collect();
    if quiet {
        return text;
    }
    let end = if verdict.is_good() { "Istio and Envoy take it" } else { "it would not serve" };
    text.push_str(&format!("{}: {end}\n", verdict.image));
    if let Some(digest) = &verdict.digest {
        text.push_str(&format!("  digest: {digest}\n"));
    }
    if let Some(size) = verdict.module_size {
        text.push_str(&format!("  module: {size} bytes\n"));
    }
    text
}
