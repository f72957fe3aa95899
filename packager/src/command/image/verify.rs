//! `sallyport image verify`: whether those who use an image would accept it.

use std::path::PathBuf;

use clap::ValueEnum;
use serde_json::json;

use super::common::{line, own_filter};
use crate::console::Console;
use crate::exit::{Exit, Failure};
use crate::oci::Content;
use crate::oci::digest::Digest;
use crate::oci::layout::Layout;
use crate::oci::reference::Reference;
use crate::oci::registry::{Access, Registry};
use crate::oci::verify::{Expected, Verification, verify};
use crate::printable::printable;

/// The version of the JSON report's format.
const VERSION: u32 = 1;

/// Check whether Istio and Envoy would accept an image
///
/// The image is checked as Istio's agent checks it, with the agent's error messages, and the module is checked against
/// what Envoy supports. An image of the command is checked as a container runtime uses it. `sallyport check --explain SP3003` prints the manual page of a code.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sallyport image verify ghcr.io/acme/sallyport-filter:1.0.0
  sallyport image verify ghcr.io/acme/filter:1 --expect sha256:0123... --format json
  sallyport image verify --layout filter.tar
  sallyport image verify --of command --layout sallyport.tar")]
pub(crate) struct Args {
    /// The image in a registry: REGISTRY/REPOSITORY, followed by :TAG or @DIGEST
    #[arg(value_name = "REF", required_unless_present = "layout", conflicts_with = "layout")]
    reference: Option<Reference>,
    /// What the image holds
    #[arg(long, value_name = "CONTENT", value_enum, default_value_t)]
    of: Content,
    /// Verify the image in this OCI image layout instead
    #[arg(long, value_name = "DIR|FILE.tar")]
    layout: Option<PathBuf>,
    /// The digest that the image must have
    #[arg(long, value_name = "DIGEST")]
    expect: Option<Digest>,
    /// Use HTTP without TLS, which is the default for a registry on this machine
    #[arg(long)]
    plain_http: bool,
    /// The format of the report; it does not change the exit code
    #[arg(long, short, value_enum, default_value_t)]
    format: Format,
    /// Write the report to FILE instead of stdout
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// The format of the report.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    /// Text, one line per problem
    #[default]
    Human,
    /// One JSON object, whose format has a version
    Json,
}

pub(super) fn run(args: &Args, console: &Console) -> Result<Exit, Failure> {
    let own = own_filter();
    let (content, filter) = (args.of, own.as_deref());
    let expect = args.expect.as_ref();
    let verification = match (&args.layout, &args.reference) {
        (Some(path), _) => verify(&Layout::open(path)?, printable(path), Expected { content, digest: expect, filter })?,
        (None, Some(reference)) => {
            let registry = Registry::new(reference, Access::Pull, args.plain_http)?;
            let digest = expect.or(reference.digest());
            verify(&registry, reference.to_string(), Expected { content, digest, filter })?
        }
        (None, None) => return Err(Failure::new(Exit::Usage, "no image was given")),
    };
    let text = match args.format {
        Format::Human => human(&verification, content, console.quiet()),
        Format::Json => {
            format!("{:#}\n", json!({"version": VERSION, "good": verification.is_good(), "verdict": verification}))
        }
    };
    console.write(args.output.as_deref(), text.as_bytes())?;
    Ok(if verification.is_good() { Exit::Ok } else { Exit::Problems })
}

fn human(verification: &Verification, content: Content, quiet: bool) -> String {
    let mut text: String = verification.problems.iter().map(|problem| line(problem) + "\n").collect();
    if quiet {
        return text;
    }
    let end = match (content, verification.is_good()) {
        (Content::Filter, true) => "Istio and Envoy would accept it",
        (Content::Filter, false) => "Istio or Envoy would reject it",
        (Content::Command, true) => "a container runtime would run it",
        (Content::Command, false) => "a container runtime would not run it",
    };
    text.push_str(&format!("{}: {end}\n", verification.image));
    if let Some(digest) = &verification.digest {
        text.push_str(&format!("  digest: {digest}\n"));
    }
    if let Some(size) = verification.module_size {
        text.push_str(&format!("  module: {size} bytes\n"));
    }
    if let Some(size) = verification.program_size {
        text.push_str(&format!("  program: {size} bytes\n"));
    }
    text
}
