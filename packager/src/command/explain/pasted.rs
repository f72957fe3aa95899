//! The requests that the arguments give, written out or pasted.

use std::collections::BTreeMap;
use std::io;

use sallyport_egress::model::{Egress, Mesh};
use sallyport_egress::scenario::paste::{PasteError, Pasted, from_curl, from_har, from_log};
use sallyport_egress::scenario::{Caller, Certificate, Request, Scenario, usual_server_name};
use serde_json::{Map, Value};

use super::args::Args;
use crate::console::Console;
use crate::exit::{Exit, Failure};
use crate::input::{Missing, read_at_most};
use crate::printable::printable;
use crate::reading;

/// Browsers save whole answers in a HAR file.
const LARGEST_HAR: u64 = 64 << 20;
/// A command, or lines of a log.
const LARGEST_TEXT: u64 = 1 << 20;

/// A request that was asked about.
#[derive(Debug)]
pub(super) struct Asked {
    method: String,
    /// `None`: the Egress's own host.
    pub(super) authority: Option<String>,
    path: Vec<u8>,
    headers: Vec<(String, Vec<u8>)>,
    caller: Option<String>,
    through: Option<String>,
    sni: Option<String>,
    pub(super) logged: Option<String>,
    /// Which one of its file it is, counted from 1.
    pub(super) number: usize,
}

impl From<Pasted> for Asked {
    fn from(pasted: Pasted) -> Self {
        let Pasted { request: Request { method, authority, path, headers }, caller, through, sni, logged } = pasted;
        let authority =
            Some(String::from_utf8_lossy(&authority).into_owned()).filter(|authority| !authority.is_empty());
        let method = String::from_utf8_lossy(&method).into_owned();
        Asked { method, authority, path, headers, caller, through, sni, logged, number: 1 }
    }
}

/// Reads the requests of the arguments. Entries that are none are counted on stderr.
pub(super) fn read(args: &Args, console: &Console) -> Result<Vec<Asked>, Failure> {
    let mut asked: Vec<Asked> = match (&args.curl, &args.har, &args.log) {
        (Some(command), ..) => {
            let (name, text) = text_or_stdin(command, "the command")?;
            vec![from_curl(&text).map_err(|error| placed(&name, error))?.into()]
        }
        (_, Some(path), _) => {
            let bytes = if path.as_os_str() == "-" {
                read_at_most(LARGEST_HAR, io::stdin().lock())
            } else {
                reading::open(path)
                    .map_err(|error| Missing::from(&error))
                    .and_then(|file| read_at_most(LARGEST_HAR, file))
            };
            let name = if path.as_os_str() == "-" { "<stdin>".to_owned() } else { printable(path) };
            let bytes = bytes.map_err(|missing| {
                unreadable(&name, &missing, "save only the requests that matter: filter them in the browser first")
            })?;
            let text = String::from_utf8_lossy(&bytes);
            let found = from_har(&text).map_err(|error| placed(&name, error))?;
            note_skipped(found.skipped, console);
            let numbered = |(number, pasted)| Asked { number, ..Asked::from(pasted) };
            found.requests.into_iter().map(numbered).collect()
        }
        (_, _, Some(line)) => {
            let (name, text) = text_or_stdin(line, "the line")?;
            let lines = from_log(&text).map_err(|error| placed(&name, error))?;
            (1..).zip(lines).map(|(number, line)| Asked { number, ..Asked::from(line) }).collect()
        }
        (None, None, None) => vec![written(args)?],
    };
    for line in &args.headers {
        let (name, value) = line.split_once(':').filter(|(name, _)| !name.is_empty()).ok_or_else(|| {
            Failure::new(Exit::Usage, format!("`{}` is not a header", line.escape_debug()))
                .with_help("write `-H 'name: value'`")
        })?;
        for asked in &mut asked {
            if name.eq_ignore_ascii_case("host") {
                asked.authority = Some(value.trim().to_owned());
            } else {
                asked.headers.push((name.to_ascii_lowercase(), value.trim().as_bytes().to_vec()));
            }
        }
    }
    Ok(asked)
}

fn note_skipped(mut schemes: Vec<String>, console: &Console) {
    let count = schemes.len();
    schemes.sort();
    schemes.dedup();
    if count > 0 {
        let schemes: Vec<_> = schemes.iter().map(|scheme| format!("`{scheme}:`")).collect();
        let entries = if count == 1 { "entry is" } else { "entries are" };
        console.note(&format!("{count} {entries} left out, with URLs of {}: no server gets these", schemes.join(", ")));
    }
}

/// `[METHOD] PATH`, or a URL in the place of the path.
fn written(args: &Args) -> Result<Asked, Failure> {
    let (method, target) = match args.request.as_slice() {
        [method, target] => (method.as_str(), target.as_str()),
        [target] => ("GET", target.as_str()),
        _ => {
            return Err(Failure::new(Exit::Usage, "the request is missing")
                .with_help("write `GET /path`, or give one with `--curl`, `--har` or `--log`"));
        }
    };
    let (authority, path) = match target.split_once("://").filter(|_| !target.starts_with('/')) {
        Some((_, rest)) => {
            // The fragment stays with the client.
            let rest = rest.split('#').next().unwrap_or(rest);
            let end = rest.find(['/', '?']).unwrap_or(rest.len());
            let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
            (Some(authority.to_owned()), if path.is_empty() { "/" } else { path })
        }
        None => (None, target),
    };
    if args.request.len() == 1 && is_method(target) {
        let message = format!("the path is missing after `{target}`");
        return Err(
            Failure::new(Exit::Usage, message).with_help(format!("write `{} /path`", target.to_ascii_uppercase()))
        );
    }
    if !path.starts_with(['/', '*']) {
        let message = format!("`{}` is neither a path nor a URL", target.escape_debug());
        return Err(Failure::new(Exit::Usage, message).with_help("a path begins with `/`: `GET /path`"));
    }
    let path = path.as_bytes().to_vec();
    Ok(Asked {
        method: method.to_owned(),
        authority,
        path,
        headers: Vec::new(),
        caller: None,
        through: None,
        sni: None,
        logged: None,
        number: 1,
    })
}

/// Whether it is one of the usual methods, in any case.
pub(super) fn is_method(text: &str) -> bool {
    const USUAL: [&str; 9] = ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"];
    USUAL.iter().any(|usual| usual.eq_ignore_ascii_case(text))
}

fn text_or_stdin(argument: &str, name: &str) -> Result<(String, String), Failure> {
    if argument != "-" {
        return Ok((name.to_owned(), argument.to_owned()));
    }
    let bytes = read_at_most(LARGEST_TEXT, io::stdin().lock());
    let bytes = bytes.map_err(|missing| unreadable("<stdin>", &missing, "give the lines that matter"))?;
    Ok(("<stdin>".to_owned(), String::from_utf8_lossy(&bytes).into_owned()))
}

fn unreadable(name: &str, missing: &Missing, help: &str) -> Failure {
    let reason = match missing {
        Missing::Unreadable(reason) => reason.as_str(),
        Missing::NothingFound | Missing::ForOthers => "it has no requests",
    };
    let failure = Failure::new(Exit::Io, format!("cannot read `{name}`: {reason}"));
    if reason.starts_with("it is larger") { failure.with_help(help) } else { failure }
}

fn placed(name: &str, error: PasteError) -> Failure {
    let PasteError { position, message, help } = error;
    Failure::new(Exit::Problems, format!("{name}:{}:{}: {message}", position.line, position.column)).with_help(help)
}

impl Asked {
    /// The host without its port.
    pub(super) fn host(&self) -> Option<String> {
        let authority = self.authority.as_deref()?;
        Some(authority.rsplit_once(':').map_or(authority, |(host, _)| host).to_owned())
    }

    /// The request with everything that the gateway sees of its connection.
    pub(super) fn scenario(self, args: &Args, egress: &Egress, mesh: &Mesh) -> Result<Scenario, Failure> {
        let Some(caller) = args.caller.clone().or(self.caller) else {
            return Err(Failure::new(Exit::Usage, "nothing says who calls")
                .with_help("write `--as NAMESPACE/ACCOUNT`, or `--as anonymous`"));
        };
        let certificate = |text: &str| {
            Certificate::read(text, &mesh.trust_domain).ok_or_else(|| {
                let help =
                    "write `NAMESPACE/ACCOUNT`, `TRUST_DOMAIN/ns/NAMESPACE/sa/ACCOUNT`, `spiffe://ID`, or `anonymous`";
                Failure::new(Exit::Usage, format!("`{}` is not a caller", text.escape_debug())).with_help(help)
            })
        };
        let own = if caller == "anonymous" { None } else { Some(certificate(&caller)?) };
        // A log is written when the route has given the request the upstream's own host.
        let is_upstream = |authority: &String| *authority == egress.upstream_authority().to_string();
        let authority = self.authority.filter(|authority| self.logged.is_none() || !is_upstream(authority));
        let authority =
            authority.unwrap_or_else(|| self.sni.clone().unwrap_or_else(|| egress.spec.host.authority().to_string()));
        let server_name = self.sni.unwrap_or_else(|| usual_server_name(egress, &authority));
        let request = Request {
            method: self.method.into_bytes(),
            authority: authority.into_bytes(),
            path: self.path,
            headers: self.headers,
        };
        let connection = args.connection(egress, Some(server_name));
        let token = args.claims.as_deref().map(claims).transpose()?;
        let metadata = args.metadata.as_deref().map(metadata).transpose()?.unwrap_or_default();
        let (certificate, forwarded) = match args.through.as_deref().or(self.through.as_deref()) {
            Some(through) => (Some(certificate(through)?), own.into_iter().collect()),
            None => (own, Vec::new()),
        };
        let caller = Caller { certificate, forwarded, token, metadata, ..connection };
        Ok(Scenario { caller, request })
    }
}

fn claims(text: &str) -> Result<Map<String, Value>, Failure> {
    serde_json::from_str(text).map_err(|error| {
        Failure::new(Exit::Usage, format!("the claims are not a JSON object: column {}", error.column()))
            .with_help("write `--claims '{\"iss\": \"https://issuer.example\", \"sub\": \"alice\"}'`")
    })
}

/// What other filters say, by filter and field.
fn metadata(text: &str) -> Result<BTreeMap<String, Map<String, Value>>, Failure> {
    serde_json::from_str(text).map_err(|error| {
        Failure::new(Exit::Usage, format!("the metadata is not a JSON object of objects: column {}", error.column()))
            .with_help("write `--metadata '{\"FILTER\": {\"NAME\": \"VALUE\"}}'`")
    })
}
