//! Credentials for a registry: Docker's configuration and its credential helpers.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, io};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::exit::{Exit, Failure, IoErrorText};
use crate::printable::printable;
use crate::reading;

/// Docker's key for the credentials of Docker Hub.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";
/// The user name of a helper whose secret is an identity token.
const TOKEN_USER: &str = "<token>";

/// A user name and a secret. Never printed.
pub(super) struct Credentials {
    pub(super) user: String,
    pub(super) secret: Secret,
}

pub(super) enum Secret {
    Password(String),
    IdentityToken(String),
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Configuration {
    auths: BTreeMap<String, Entry>,
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase", default)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
}

/// What a program answers.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HelperOutput {
    username: String,
    secret: String,
}

/// The credentials for a registry, if docker has any.
pub(super) fn find(registry: &str) -> Result<Option<Credentials>, Failure> {
    let Some(path) = path() else {
        return Ok(None);
    };
    let wrong = |why: String| Failure::new(Exit::Io, format!("cannot read `{}`: {why}", printable(&path)));
    let configuration: Configuration = match reading::whole(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(wrong(IoErrorText(&error).to_string())),
    };
    let key = match registry {
        "docker.io" | "index.docker.io" | "registry-1.docker.io" => DOCKER_HUB,
        other => other,
    };
    let program = configuration.cred_helpers.get(key).or(configuration.creds_store.as_ref());
    if let Some(found) = program.map(|program| ask(program, key)).transpose()?.flatten() {
        return Ok(Some(found));
    }
    let urls = [key.to_owned(), format!("https://{key}"), format!("http://{key}")];
    let entry = urls.iter().find_map(|url| configuration.auths.get(url));
    entry.map_or(Ok(None), |entry| from_file(entry).map_err(|why| wrong(format!("the entry of `{key}`: {why}"))))
}

fn path() -> Option<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
    let directory = set("DOCKER_CONFIG").map(PathBuf::from);
    let directory = directory.or_else(|| set("HOME").map(|home| Path::new(&home).join(".docker")))?;
    Some(directory.join("config.json"))
}

/// The credentials in the file itself. Docker leaves an empty entry if a helper keeps the secret.
fn from_file(entry: &Entry) -> Result<Option<Credentials>, &'static str> {
    let pair = match (&entry.auth, &entry.username, &entry.password) {
        (Some(auth), _, _) if !auth.is_empty() => {
            let text = STANDARD.decode(auth).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let text = text.ok_or("`auth` is not base64")?;
            let (user, password) = text.split_once(':').ok_or("`auth` has no `:`")?;
            Some((user.to_owned(), password.trim_end_matches('\0').to_owned()))
        }
        (_, Some(user), Some(password)) => Some((user.clone(), password.clone())),
        _ => None,
    };
    if let Some(token) = entry.identitytoken.as_ref().filter(|token| !token.is_empty()) {
        let user = pair.map(|(user, _)| user).unwrap_or_default();
        return Ok(Some(Credentials { user, secret: Secret::IdentityToken(token.clone()) }));
    }
    Ok(pair.map(|(user, password)| Credentials { user, secret: Secret::Password(password) }))
}

/// Runs `docker-credential-PROGRAM get`.
fn ask(program: &str, key: &str) -> Result<Option<Credentials>, Failure> {
    let program = format!("docker-credential-{program}");
    let failed = |why: &str| {
        let (program, why) = (program.escape_debug(), why.escape_debug());
        Failure::new(Exit::Io, format!("`{program}` from Docker's configuration failed: {why}"))
    };
    let mut child = Command::new(&program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(&IoErrorText(&error).to_string()))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A helper that does not read its input reports that itself.
        let _ = stdin.write_all(key.as_bytes());
    }
    let output = child.wait_with_output().map_err(|error| failed(&IoErrorText(&error).to_string()))?;
    if !output.status.success() {
        let output_text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if output_text.to_ascii_lowercase().contains("credentials not found") {
            return Ok(None);
        }
        return Err(failed(if output_text.is_empty() { "no error message" } else { &output_text }));
    }
    let HelperOutput { username, secret } =
        serde_json::from_slice(&output.stdout).map_err(|_| failed("its output is not JSON"))?;
    let secret = if username == TOKEN_USER { Secret::IdentityToken(secret) } else { Secret::Password(secret) };
    Ok(Some(Credentials { user: username, secret }))
}
