//! `sallyport init`: a first Egress file with its cases, or a Mesh file, and their JSON Schema for the editor.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};

use sallyport_egress::{Template, init_cases, init_mesh, init_template};

use super::schema;
use crate::console::Console;
use crate::examine::examine;
use crate::exit::{Exit, Failure};
use crate::input::{Input, Inputs};
use crate::neighbours::mesh_beside;
use crate::output::{First, replace_file};
use crate::printable::{printable, quoted_path};
use crate::report::Format;
use crate::work_tree;

/// The schema's file name. The first line of each file refers to it.
const SCHEMA_FILE: &str = "sallyport.schema.json";
/// The cases of an Egress file that is alone in its folder.
const CASES_FILE: &str = "cases.yaml";

/// Write a first Egress file and cases for it, or a Mesh file
///
/// The file is short and commented, and passes `check`; its cases pass `test`. Their JSON Schema is written, too, so that
/// editors can complete and validate fields: once per repository, at the top of Git's work tree, and outside of one beside the
/// file.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sallyport init
  sallyport init --name httpbin --namespace egress-httpbin --host httpbin.legacy.internal \\
    --upstream httpbin.org:443 deploy/httpbin.egress.yaml
  sallyport init --mesh deploy/mesh.yaml")]
pub(crate) struct Args {
    /// Write a Mesh file instead: what all gateways of one mesh share
    #[arg(long, conflicts_with_all = ["name", "namespace", "host", "upstream"])]
    mesh: bool,
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
    /// The file to write; missing folders are made [default: egress.yaml, or mesh.yaml]
    file: Option<PathBuf>,
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

/// What is written beside the schema.
struct Draft {
    text: String,
    /// The file of cases, with its text.
    cases: Option<(PathBuf, String)>,
    /// What to do next.
    next: String,
}

pub(crate) fn run(args: &Args, console: &Console) -> Result<Exit, Failure> {
    let default = if args.mesh { "mesh.yaml" } else { "egress.yaml" };
    let file = args.file.clone().unwrap_or_else(|| PathBuf::from(default));
    let schema = SchemaPlace::of(&file);
    let Draft { text, cases, next } = if args.mesh { mesh(&file, &schema) } else { egress(args, &file, &schema) };
    let name = printable(&file);
    // The arguments may be invalid. Then nothing is written, and the report says why.
    let content = Ok(text.clone().into_bytes());
    let input = Input { name: name.clone(), uri: String::new(), path: None, content };
    let (report, _) = examine(Inputs { files: vec![input], ..Inputs::default() });
    if report.exit() != Exit::Ok {
        let shown = report.render(Format::Human, console.coloured(None), true);
        console.write(None, shown.as_bytes())?;
        return Err(Failure::new(report.exit(), "nothing was written, because the file would be invalid"));
    }
    refuse_folder(&file, default)?;
    refuse_special(&file)?;
    refuse_special(&schema.path)?;
    refuse_place(&file)?;
    if args.mesh && !args.force {
        refuse_second_mesh(&file)?;
    }
    if !args.force {
        refuse_other_schema(&schema.path)?;
    }
    if !args.force && fs::symlink_metadata(&file).is_ok() {
        return Err(overwriting(&file));
    }
    write_with_schema(&file, &text, &schema.path, args.force)?;
    let with_cases = match cases {
        None => String::new(),
        // Cases are work that nobody wants to lose, and those of another policy still say something about this one.
        Some((path, _)) if fs::symlink_metadata(&path).is_ok() => {
            format!("; `{}` was there already", printable(&path))
        }
        Some((path, cases)) => {
            write_new(&path, &cases, false)?;
            format!(", cases for it in `{}`", printable(&path))
        }
    };
    let schema = printable(&schema.path);
    console.note(&format!("wrote `{name}`{with_cases}, and the schema `{schema}` for your editor\n\n{next}"));
    Ok(Exit::Ok)
}

/// An Egress file and its cases.
fn egress(args: &Args, file: &Path, schema: &SchemaPlace) -> Draft {
    let host = args.host.clone().unwrap_or_else(|| format!("{}.legacy.internal", args.name));
    let namespace = args.namespace.clone().unwrap_or_else(|| format!("egress-{}", args.name));
    let template = Template {
        schema: &schema.reference,
        name: &args.name,
        namespace: &namespace,
        host: &host,
        upstream_host: &args.upstream.host,
        upstream_port: args.upstream.port,
    };
    let cases = cases_path(file);
    let is_alone = cases.file_name().is_some_and(|name| name == CASES_FILE);
    let word = quoted_path(file);
    Draft {
        text: init_template(&template),
        cases: Some((cases, init_cases(&template, is_alone))),
        next: format!(
            "Next, edit `spec.authz.rules` to say who may do what. Then run:\n  \
             sallyport check {word}\n  \
             sallyport test {word}           # what it means\n  \
             sallyport run {word}            # try it on this machine\n  \
             sallyport build {word} -o out   # the manifests, and what to do with them"
        ),
    }
}

fn mesh(file: &Path, schema: &SchemaPlace) -> Draft {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Draft {
        text: init_mesh(&schema.reference),
        cases: None,
        next: format!(
            "Next, write your version of Istio and the repository of the filter's image. Then run:\n  \
             sallyport check {}",
            quoted_path(folder)
        ),
    }
}

/// Where the schema is: once per repository.
struct SchemaPlace {
    path: PathBuf,
    /// From the folder of the file that refers to it.
    reference: String,
}

impl SchemaPlace {
    fn of(file: &Path) -> Self {
        let folder = file.parent().unwrap_or(Path::new(""));
        let beside = || Self { path: file.with_file_name(SCHEMA_FILE), reference: SCHEMA_FILE.to_owned() };
        let Some(top) = work_tree::around(folder) else { return beside() };
        let real = work_tree::real(folder);
        match real.strip_prefix(&top).ok().and_then(depth) {
            Some(depth @ 1..) => Self { path: from_here(&top).join(SCHEMA_FILE), reference: up(depth) + SCHEMA_FILE },
            _ => beside(),
        }
    }
}

/// How many folders a path has. `None` if it also leads up.
fn depth(path: &Path) -> Option<usize> {
    let is_down = path.components().all(|component| matches!(component, Component::Normal(_)));
    is_down.then(|| path.components().count())
}

fn up(folders: usize) -> String {
    "../".repeat(folders)
}

/// A folder as a path from the working directory, if one is above the other.
fn from_here(folder: &Path) -> PathBuf {
    let here = work_tree::real(Path::new("."));
    match (folder.strip_prefix(&here), here.strip_prefix(folder)) {
        (Ok(below), _) => below.to_owned(),
        (_, Ok(below)) => PathBuf::from(up(below.components().count())),
        _ => folder.to_owned(),
    }
}

/// `cases.yaml` for `egress.yaml`, `NAME.cases.yaml` for `NAME.egress.yaml` and `NAME.yaml`.
fn cases_path(file: &Path) -> PathBuf {
    let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    match stem.strip_suffix(".egress").unwrap_or(stem) {
        "egress" | "" => file.with_file_name(CASES_FILE),
        name => file.with_file_name(format!("{name}.{CASES_FILE}")),
    }
}

/// Writes the schema and a file, or neither: the folder of one of them may not be writable.
fn write_with_schema(file: &Path, text: &str, schema: &Path, force: bool) -> Result<(), Failure> {
    let make = |folder: Option<&Path>| match folder {
        Some(folder) => fs::create_dir_all(folder).map_err(|error| Failure::write(folder, &error)),
        None => Ok(()),
    };
    let is_new = fs::symlink_metadata(schema).is_err();
    make(schema.parent())?;
    replace(schema, &schema::schema_text())?;
    let written = make(file.parent()).and_then(|()| write_new(file, text, force));
    if written.is_err() && is_new {
        // What is reported is why the file could not be written.
        let _ = fs::remove_file(schema);
    }
    written
}

/// Writes a file, which must not exist unless `force` is set. One system call does both, so there is no race.
fn write_new(path: &Path, text: &str, force: bool) -> Result<(), Failure> {
    if force {
        return replace(path, text);
    }
    let mut file = match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(overwriting(path)),
        Err(error) => return Err(Failure::write(path, &error)),
    };
    file.write_all(text.as_bytes()).map_err(|error| {
        // What is reported is why it could not be written; half of a file would be in the way of the next try.
        let _ = fs::remove_file(path);
        Failure::write(path, &error)
    })
}

/// Writes a file whole, or leaves what was there. A link stays a link.
fn replace(path: &Path, text: &str) -> Result<(), Failure> {
    let is_link = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
    let target = if is_link { fs::canonicalize(path) } else { Ok(path.to_owned()) };
    let written = target.and_then(|target| replace_file(&target, ".sallyport-", text.as_bytes(), First::Identity));
    written.map_err(|error| Failure::write(path, &error))
}

/// A folder is the place of a file, and not one.
fn refuse_folder(path: &Path, name: &str) -> Result<(), Failure> {
    if path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/") {
        return Err(Failure::new(Exit::Io, format!("`{}` is a folder, not a file", printable(path)))
            .with_help(format!("name a file in it: `{}`", printable(&path.join(name)))));
    }
    Ok(())
}

/// Where no command looks for files, they are of no use.
fn refuse_place(path: &Path) -> Result<(), Failure> {
    if work_tree::real(path).components().any(|part| part.as_os_str() == ".git") {
        return Err(Failure::new(Exit::Io, format!("`{}` is in Git's own folder", printable(path)))
            .with_help("name a file in the work tree"));
    }
    if !path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
        let better = format!("{}.yaml", printable(path));
        let message = format!("`{}` would not be found in its folder: files are `*.yaml` or `*.yml`", printable(path));
        return Err(Failure::new(Exit::Io, message).with_help(format!("write `{better}`")));
    }
    Ok(())
}

/// All gateways share one Mesh.
fn refuse_second_mesh(path: &Path) -> Result<(), Failure> {
    match mesh_beside(path) {
        Some(mesh) if mesh != path => {
            let message = format!("`{}` is a Mesh file already, and all gateways share one", printable(&mesh));
            Err(Failure::new(Exit::Io, message).with_help("edit that file, or use --force to write another one"))
        }
        _ => Ok(()),
    }
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
