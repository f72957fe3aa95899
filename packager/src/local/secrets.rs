//! The files and credentials that a gateway's pods have, found on this machine.

mod missing;

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustls::pki_types::UnixTime;
use sallyport_egress::model::Egress;
use sallyport_manifest::{CertificateFiles, FromSecret, Served};

use missing::Cure;

use super::pem::{self, Flaw, Role};
use super::validity;
use crate::exit::{Exit, Failure, IoErrorText};
use crate::oci::digest::digest_of;
use crate::printable::printable;

pub(crate) use missing::{Missing, failure as failure_of_missing};

/// The CA certificates of the system: Debian, Fedora, openSUSE, Alpine and BSD, RHEL.
const SYSTEM: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
];

/// The size of a credential, in bytes. The headers of a request have 60 KiB in Envoy.
const MOST_OF_CREDENTIAL: usize = 64 << 10;
/// The size of a file, in bytes: a Secret has 1 MiB, the authorities of a system less than that.
const MOST_OF_FILE: u64 = 4 << 20;

/// Where to look.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sources<'a> {
    /// The folder of the Egress file, for relative paths.
    pub(crate) directory: &'a Path,
    /// `--secrets`: a folder per Secret with a file per key.
    pub(crate) secrets: Option<&'a Path>,
    /// `--ca-certificates`.
    pub(crate) authorities: Option<&'a Path>,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// For each file that the manifests name, the one on this machine.
    pub(crate) files: BTreeMap<String, String>,
    /// What the files on this machine held, by their path.
    pub(crate) digests: BTreeMap<String, String>,
    /// The authorities that this machine trusts; empty if nothing needs them.
    pub(crate) system_authorities: String,
    /// Those of `--ca-certificates`.
    pub(crate) upstream_authorities: Option<String>,
    /// The variables with credentials.
    pub(crate) variables: Vec<(String, OsString)>,
    /// The certificates that are not valid now, in one line each. Envoy loads them.
    pub(crate) warnings: Vec<String>,
}

/// What is not there of the files that the manifests name, and of the credentials.
pub(crate) fn missing(egress: &Egress, served: &Served, sources: Sources<'_>) -> Result<Vec<Missing>, Failure> {
    let places = Places { served, sources };
    if let Some(folder) = sources.secrets {
        places.check_folder(folder)?;
    }
    let names = names(served, sources);
    let files = names.filter_map(|name| {
        let (path, from) = places.of_file(&name);
        let is_missing = fs::metadata(&path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
        is_missing.then(|| Missing { what: file(&path, from), cure: places.cure(&name) })
    });
    let credentials = served.variables.iter().filter(|variable| !is_given(variable, sources));
    Ok(files.chain(credentials.map(|variable| missing_credential(egress, variable))).collect())
}

/// Finds everything and checks it.
pub(crate) fn find(egress: &Egress, served: &Served, sources: Sources<'_>) -> Result<Found, Failure> {
    let places = Places { served, sources };
    let (mut found, now) = (Found::default(), UnixTime::now());
    if let Some(path) = sources.authorities {
        let (canonical, content) = found.read(path, "--ca-certificates", Role::Certificates)?;
        found.warn_of_authorities(path, &content, now);
        found.upstream_authorities = Some(canonical);
    }
    let CertificateFiles { pairs, authorities } = served.certificate_files();
    for name in authorities.iter().filter(|_| sources.authorities.is_none()) {
        let content = found.named(name, Role::Certificates, &places)?;
        found.warn_of_authorities(&places.of_file(name).0, &content, now);
    }
    for (certificate, key) in &pairs {
        let chain = found.named(certificate, Role::Certificates, &places)?;
        found.warn_of_chain(&places.of_file(certificate).0, &chain, now);
        let private = found.named(key, Role::Key, &places)?;
        if pem::is_of_another(&chain, &private) {
            let name = |name| printable(&places.of_file(name).0);
            let message = format!("the private key `{}` is not that of `{}`", name(key), name(certificate));
            return Err(Failure::new(Exit::Io, message)
                .with_help("the first certificate of the file must be the one that was issued for this key"));
        }
    }
    if served.needs_system_authorities(sources.authorities.is_some()) {
        let (path, from) = system()?;
        found.system_authorities = found.read(&path, from, Role::Certificates)?.0;
    }
    let variables = served.variables.iter().map(|variable| credential(egress, variable, sources));
    found.variables = variables.collect::<Result<_, _>>()?;
    Ok(found)
}

/// The files in which [`find`] looks, whether they are there or not, beside those of the system.
pub(crate) fn sought(served: &Served, sources: Sources<'_>) -> Vec<PathBuf> {
    let places = Places { served, sources };
    let in_secrets = |relative: String| sources.secrets.map(|folder| folder.join(relative));
    let of_files = names(served, sources)
        .flat_map(|name| [Some(sources.directory.join(&name)), places.in_secret(&name).and_then(in_secrets)]);
    let of_credentials = served.variables.iter().map(|of| in_secrets(format!("{}/{}", of.secret, of.key)));
    let given = sources.authorities.map(Path::to_owned);
    of_files.chain(of_credentials).chain([given]).flatten().collect()
}

/// The files that the manifests name and that are read: `--ca-certificates` takes the place of authorities.
fn names(served: &Served, sources: Sources<'_>) -> impl Iterator<Item = String> {
    let CertificateFiles { pairs, authorities } = served.certificate_files();
    let authorities = authorities.into_iter().filter(move |_| sources.authorities.is_none());
    authorities.chain(pairs.into_iter().flat_map(|(certificate, key)| [certificate, key]))
}

impl Found {
    /// Reads and checks a file, and notes what it held. Returns its canonical path and its content.
    fn read(&mut self, path: &Path, from: &str, role: Role) -> Result<(String, Vec<u8>), Failure> {
        let content = content(path, from)?;
        pem::check(role, &content).map_err(|Flaw { what, help }| failed(path, from, what).with_help(help))?;
        let canonical = text(&fs::canonicalize(path).map_err(|error| Failure::read(path, &error))?);
        self.digests.insert(canonical.clone(), digest_of(&content).to_string());
        Ok((canonical, content))
    }

    fn warn_of_chain(&mut self, path: &Path, chain: &[u8], now: UnixTime) {
        let warning = |flaw| format!("the certificate in `{}` {flaw}: an upstream refuses it", printable(path));
        self.warnings.extend(validity::of_chain(chain, now).map(warning));
    }

    fn warn_of_authorities(&mut self, path: &Path, authorities: &[u8], now: UnixTime) {
        let warning =
            |flaw| format!("the authority in `{}` {flaw}: no certificate that it signed is accepted", printable(path));
        self.warnings.extend(validity::of_authorities(authorities, now).map(warning));
    }

    /// The same for a file that the manifests name.
    fn named(&mut self, name: &str, role: Role, places: &Places<'_>) -> Result<Vec<u8>, Failure> {
        let (path, from) = places.of_file(name);
        let (canonical, content) = self.read(&path, from, role)?;
        self.files.insert(name.to_owned(), canonical);
        Ok(content)
    }
}

/// The content of a regular file. Reading a pipe could block, and Envoy could not read it a second time.
fn content(path: &Path, from: &str) -> Result<Vec<u8>, Failure> {
    let unread = |error: &io::Error| match error.kind() {
        io::ErrorKind::NotFound => failed(path, from, "does not exist"),
        _ => failed(path, from, &format!("cannot be read: {}", IoErrorText(error))),
    };
    let metadata = fs::metadata(path).map_err(|error| unread(&error))?;
    if !metadata.is_file() {
        return Err(failed(path, from, if metadata.is_dir() { "is a directory" } else { "is not a regular file" }));
    }
    if metadata.len() > MOST_OF_FILE {
        return Err(failed(path, from, "has more than 4 MiB"));
    }
    fs::read(path).map_err(|error| unread(&error))
}

fn failed(path: &Path, from: &str, what: &str) -> Failure {
    Failure::new(Exit::Io, format!("{} {what}", file(path, from)))
}

fn file(path: &Path, from: &str) -> String {
    format!("the file `{}` from {from}", printable(path))
}

/// Where the files are that the manifests name.
struct Places<'a> {
    served: &'a Served,
    sources: Sources<'a>,
}

impl Places<'_> {
    /// `SECRET/KEY`, if a Secret is mounted where the file is.
    fn in_secret(&self, name: &str) -> Option<String> {
        self.served.folders.iter().find_map(|folder| {
            let key = name.strip_prefix(&folder.path)?.strip_prefix('/')?;
            Some(format!("{}/{key}", folder.secret))
        })
    }

    /// In a folder of `--secrets`, or else where the path says; and what names it.
    fn of_file(&self, name: &str) -> (PathBuf, &'static str) {
        let own = self.sources.directory.join(name);
        let in_secrets = self.in_secret(name).and_then(|relative| Some(self.sources.secrets?.join(relative)));
        match in_secrets.filter(|path| path.exists() || !own.exists()) {
            Some(path) => (path, "--secrets"),
            None => (own, "the Egress file"),
        }
    }

    /// How to give a file that is missing.
    fn cure(&self, name: &str) -> Cure {
        let Some(relative) = self.in_secret(name) else {
            return Cure::Other("copy it there, or change the path in the file".to_owned());
        };
        let key = relative.rsplit('/').next().unwrap_or_default();
        match self.sources.secrets {
            None => Cure::InFolder(relative),
            Some(folder) if folder.join(key).exists() => {
                let folder = printable(folder);
                let help = "itself: its files belong in a folder with the name of the Secret";
                Cure::Other(format!("`{folder}` has `{key}` {help}"))
            }
            Some(_) => Cure::InEither(name.to_owned()),
        }
    }

    /// The folder of `--secrets` must be there, with a folder per Secret.
    fn check_folder(&self, folder: &Path) -> Result<(), Failure> {
        if folder.is_dir() {
            return Ok(());
        }
        let what = if folder.exists() { "is not a directory" } else { "does not exist" };
        let CertificateFiles { pairs, authorities } = self.served.certificate_files();
        let files = authorities.iter().chain(pairs.iter().flat_map(|(certificate, key)| [certificate, key]));
        let mut expected: Vec<String> = files.filter_map(|name| self.in_secret(name)).collect();
        expected.extend(self.served.variables.iter().map(|of| format!("{}/{}", of.secret, of.key)));
        let expected: Vec<String> =
            expected.iter().map(|file| format!("`{}`", printable(&folder.join(file)))).collect();
        let help = match expected.as_slice() {
            [] => "the Egress needs no Secret: leave the option out".to_owned(),
            files => format!("it has a folder per Secret with a file per key, here {}", files.join(", ")),
        };
        Err(Failure::new(Exit::Io, format!("the folder `{}` from --secrets {what}", printable(folder))).with_help(help))
    }
}

/// A credential is in the environment, or in a file of `--secrets`. Without it the upstream would get an empty one.
fn credential(egress: &Egress, variable: &FromSecret, sources: Sources<'_>) -> Result<(String, OsString), Failure> {
    let name = &variable.variable;
    if let Some(path) = credential_file(variable, sources) {
        let value = content(&path, "--secrets")?;
        check_credential(&value, &file(&path, "--secrets"))?;
        return Ok((name.clone(), OsString::from_vec(value)));
    }
    match env::var_os(name).filter(|value| !value.is_empty()) {
        Some(value) => {
            check_credential(value.as_bytes(), &format!("the variable {name}"))?;
            Ok((name.clone(), value))
        }
        None => Err(Failure::new(Exit::Io, format!("{} does not exist", missing_credential(egress, variable).what))),
    }
}

/// The credential becomes the value of a header as it is, here and in the mesh. No message repeats it.
fn check_credential(value: &[u8], subject: &str) -> Result<(), Failure> {
    let lines = "write it as one line without an end: `printf %s CREDENTIAL > FILE`. A Secret that is made of such a file \
                 has the end of its line, too, and no request would reach the upstream in the mesh";
    let (what, help) = match value {
        [] => ("is empty", "write the credential into it"),
        _ if value.len() > MOST_OF_CREDENTIAL => ("has more than 64 KiB", "no server takes a header of that size"),
        [.., b'\n' | b'\r'] => ("ends with a line end, which is part of the credential", lines),
        _ if value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') => {
            ("has a control character, which no header can have", lines)
        }
        _ => return Ok(()),
    };
    Err(Failure::new(Exit::Io, format!("{subject} {what}")).with_help(help))
}

/// The file of a credential, if there is one.
fn credential_file(FromSecret { secret, key, .. }: &FromSecret, sources: Sources<'_>) -> Option<PathBuf> {
    sources.secrets.map(|secrets| secrets.join(secret).join(key)).filter(|path| path.exists())
}

fn is_given(variable: &FromSecret, sources: Sources<'_>) -> bool {
    credential_file(variable, sources).is_some()
        || env::var_os(&variable.variable).is_some_and(|value| !value.is_empty())
}

fn missing_credential(egress: &Egress, FromSecret { variable, secret, key }: &FromSecret) -> Missing {
    Missing {
        what: format!("the credential of the Egress `{}` (Secret `{secret}`, key `{key}`)", egress.route()),
        cure: Cure::Other(format!("set the variable {variable}, or give a folder with `{secret}/{key}` by --secrets")),
    }
}

/// The authorities that this machine trusts, and what names them.
fn system() -> Result<(PathBuf, &'static str), Failure> {
    let own = env::var_os("SSL_CERT_FILE").map(|path| (PathBuf::from(path), "SSL_CERT_FILE"));
    let known = SYSTEM.map(|path| (PathBuf::from(path), "this machine"));
    own.into_iter().chain(known).find(|(path, _)| path.is_file()).ok_or_else(|| {
        Failure::new(Exit::Io, "no CA certificates were found on this machine")
            .with_help("install ca-certificates, or give a file with --ca-certificates or SSL_CERT_FILE")
    })
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests;
