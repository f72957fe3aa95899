//! `sallyport init`: a first Egress file with its cases, and their JSON Schema for the editor.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sallyport_egress::{Template, init_cases, init_template};

use super::schema;
use crate::console::Console;
use crate::examine::examine;
use crate::exit::{Exit, Failure};
use crate::input::{Input, Inputs};
use crate::printable::{printable, quoted_path};
use crate::report::Format;

/// The schema's file name. The first line of the Egress file refers to it.
const SCHEMA_FILE: &str = "sallyport.schema.json";
/// The cases of an Egress file that is alone in its folder.
const CASES_FILE: &str = "cases.yaml";

/// Write a first Egress file, and cases for it
///
/// The file is short and commented, and passes `check`; its cases pass `test`. Their JSON Schema is written beside them, so that
/// editors can complete and validate fields.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sallyport init
  sallyport init --name httpbin --namespace egress-httpbin --host httpbin.legacy.internal \\
    --upstream httpbin.org:443 deploy/httpbin.egress.yaml")]
pub(crate) struct Args {
    /// The name of the upstream, and of its gateway
    #[arg(long, default_value = "httpbin")]
    name: String,
    /// The namespace of the gateway, which should contain nothing else [default: egress-NAME]
    #[arg(long)]
    namespace: Option<String>,
    /// The host that callers in the mesh use [default: NAME.legacy.internal]
    #[arg(long)]
    host: Option<String>,
    /// The address of the upstream
    #[arg(long, value_name = "HOST:PORT", default_value = "httpbin.org:443", value_parser = Upstream::parse)]
    upstream: Upstream,
    /// The file to write; missing folders are made
    #[arg(default_value = "egress.yaml")]
    file: PathBuf,
    /// Overwrite existing files
    #[arg(long)]
    force: bool,
}

/// `HOST:PORT`, an IPv6 address in brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Upstream {
    host: String,
    port: u16,
}

impl Upstream {
    fn parse(text: &str) -> Result<Self, String> {
        let expected = || "expected `HOST:PORT`, such as `httpbin.org:443`".to_owned();
        let (host, port) = text.rsplit_once(':').ok_or_else(expected)?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        if host.is_empty() || (bare.is_none() && host.contains([':', '/'])) {
            return Err(expected());
        }
        let host = bare.unwrap_or(host).to_owned();
        match port.parse() {
            Ok(port) if port > 0 => Ok(Upstream { host, port }),
            _ => Err(format!("`{port}` is not a port: a port is a number from 1 to 65535")),
        }
    }
}

pub(crate) fn run(args: &Args, console: &Console) -> Result<Exit, Failure> {
    let (text, cases) = templates(args);
    let name = printable(&args.file);
    // The arguments may be invalid. Then nothing is written, and the report says why.
    let input = Input { name: name.clone(), uri: String::new(), content: Ok(text.clone().into_bytes()) };
    let (report, _) = examine(Inputs { files: vec![input], ..Inputs::default() });
    if report.exit() != Exit::Ok {
        let shown = report.render(Format::Human, console.coloured(None), true);
        console.write(None, shown.as_bytes())?;
        return Err(Failure::new(report.exit(), "nothing was written, because the file would be invalid"));
    }
    let schema_path = args.file.with_file_name(SCHEMA_FILE);
    let schema = schema::schema_text();
    refuse_special(&args.file)?;
    refuse_special(&schema_path)?;
    if !args.force {
        refuse_other_schema(&schema_path)?;
    }
    if let Some(folder) = args.file.parent() {
        fs::create_dir_all(folder).map_err(|error| Failure::write(folder, &error))?;
    }
    write_new(&args.file, &text, args.force)?;
    fs::write(&schema_path, schema).map_err(|error| Failure::write(&schema_path, &error))?;
    let cases_path = cases_path(&args.file);
    // Cases are work that nobody wants to lose, and those of another policy still say something about this one.
    let with_cases = if fs::symlink_metadata(&cases_path).is_ok() {
        format!("; `{}` was there already", printable(&cases_path))
    } else {
        write_new(&cases_path, &cases, false)?;
        format!(", cases for it in `{}`", printable(&cases_path))
    };
    let word = quoted_path(&args.file);
    console.note(&format!(
        "wrote `{name}`{with_cases}, and the schema `{}` for your editor\n\n\
         Next, edit `spec.authz.rules` to say who may do what. Then run:\n  \
         sallyport check {word}\n  \
         sallyport test {word}           # what it means\n  \
         sallyport run {word}            # try it on this machine\n  \
         sallyport build {word} -o out   # the manifests, and what to do with them",
        printable(&schema_path),
    ));
    Ok(Exit::Ok)
}

/// The Egress file and its cases.
fn templates(args: &Args) -> (String, String) {
    let host = args.host.clone().unwrap_or_else(|| format!("{}.legacy.internal", args.name));
    let namespace = args.namespace.clone().unwrap_or_else(|| format!("egress-{}", args.name));
    let template = Template {
        schema: SCHEMA_FILE,
        name: &args.name,
        namespace: &namespace,
        host: &host,
        upstream_host: &args.upstream.host,
        upstream_port: args.upstream.port,
    };
    let is_alone = cases_path(&args.file).file_name().is_some_and(|name| name == CASES_FILE);
    (init_template(&template), init_cases(&template, is_alone))
}

/// `cases.yaml` for `egress.yaml`, `NAME.cases.yaml` for `NAME.egress.yaml` and `NAME.yaml`.
fn cases_path(file: &Path) -> PathBuf {
    let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    match stem.strip_suffix(".egress").unwrap_or(stem) {
        "egress" | "" => file.with_file_name(CASES_FILE),
        name => file.with_file_name(format!("{name}.{CASES_FILE}")),
    }
}

/// Writes a file, which must not exist unless `force` is set. One system call does both, so there is no race.
fn write_new(path: &Path, text: &str, force: bool) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    if force {
        options.write(true).create(true).truncate(true);
    } else {
        options.write(true).create_new(true);
    }
    let result = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    result.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => overwriting(path),
        _ => Failure::write(path, &error),
    })
}

/// Opening a named pipe would block, and a folder is not replaced by a file.
fn refuse_special(path: &Path) -> Result<(), Failure> {
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return Err(Failure::new(Exit::Io, format!("`{}` is not a regular file", printable(path)))
            .with_help("move it away, or name a file in another folder"));
    }
    Ok(())
}

/// Only Sallyport's own schema is overwritten.
fn refuse_other_schema(path: &Path) -> Result<(), Failure> {
    match fs::read(path) {
        Ok(bytes) if is_our_schema(&bytes) => Ok(()),
        Ok(_) => Err(overwriting(path)),
        // A folder that cannot be made is reported when it is made.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(()),
        Err(error) => Err(Failure::read(path, &error)),
    }
}

fn is_our_schema(bytes: &[u8]) -> bool {
    let ours = sallyport_egress::json_schema();
    let existing = serde_json::from_slice::<serde_json::Value>(bytes).ok();
    ours.get("title").is_some() && ours.get("title") == existing.as_ref().and_then(|schema| schema.get("title"))
}

fn overwriting(path: &Path) -> Failure {
    Failure::new(Exit::Io, format!("`{}` already exists", printable(path))).with_help("use --force to overwrite it")
}

#[cfg(test)]
mod tests {
    use super::Upstream;

    fn upstream(host: &str, port: u16) -> Upstream {
        Upstream { host: host.into(), port }
    }

    #[test]
    fn an_upstream_is_a_host_and_a_port() {
        assert_eq!(Upstream::parse("httpbin.org:443"), Ok(upstream("httpbin.org", 443)));
        assert_eq!(Upstream::parse("[::1]:8443"), Ok(upstream("::1", 8443)));
        for bad in ["", "httpbin.org", ":443", "a:", "a:0", "a:65536", "a:-1", "::1:443", "https://a:443"] {
            assert!(Upstream::parse(bad).is_err(), "{bad}");
        }
    }
}
