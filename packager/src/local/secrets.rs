//! The files and credentials that a gateway's pods have, found on this machine.

use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use sallyport_egress::model::Egress;
use sallyport_manifest::{FromSecret, SecretFolder, Served};

use super::files::read;
use crate::exit::{Exit, Failure};
use crate::printable::printable;

/// The CA certificates of the system: Debian, Fedora, openSUSE, Alpine and BSD, RHEL.
const SYSTEM: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
];

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
    /// The authorities that this machine trusts; empty if nobody needs them.
    pub(crate) system_authorities: String,
    /// Those of `--ca-certificates`.
    pub(crate) upstream_authorities: Option<String>,
    /// The variables with credentials.
    pub(crate) variables: Vec<(String, OsString)>,
}

/// Finds everything, or says what is missing and where it could be.
pub(crate) fn find(egress: &Egress, served: &Served, sources: Sources<'_>) -> Result<Found, Failure> {
    let upstream_authorities = match sources.authorities {
        Some(path) => Some(text(&existing(path, "--ca-certificates")?)),
        None => None,
    };
    let authorities = egress.spec.upstream.tls.ca_certificates.as_deref();
    let is_replaced = |name: &str| upstream_authorities.is_some() && Some(name) == authorities;
    let mut files = BTreeMap::new();
    for name in served.files().into_iter().filter(|name| !is_replaced(name)) {
        let path = file(&name, &served.folders, sources)?;
        files.insert(name, text(&path));
    }
    let system_authorities = if served.needs_system_authorities() { text(&system()?) } else { String::new() };
    let variables = served.variables.iter().map(|variable| credential(egress, variable, sources));
    let variables = variables.collect::<Result<_, _>>()?;
    Ok(Found { files, system_authorities, upstream_authorities, variables })
}

/// A file that the manifests name: from a Secret that is mounted there, else the path itself.
fn file(name: &str, folders: &[SecretFolder], sources: Sources<'_>) -> Result<PathBuf, Failure> {
    let in_secret = |folder: &SecretFolder| {
        let rest = name.strip_prefix(&folder.path)?.strip_prefix('/')?;
        Some(format!("{}/{rest}", folder.secret))
    };
    let of_secret = folders.iter().find_map(in_secret);
    if let (Some(secrets), Some(relative)) = (sources.secrets, &of_secret) {
        let path = secrets.join(relative);
        if path.exists() {
            return existing(&path, "--secrets");
        }
    }
    let own = sources.directory.join(name);
    existing(&own, "the Egress file").map_err(|failure| {
        failure.with_help(match of_secret {
            Some(relative) => format!("give a folder with `{relative}` by --secrets"),
            None => "copy it there, or change the path in the file".to_owned(),
        })
    })
}

/// A credential is in the environment, or in a file of `--secrets`. Without it the upstream would get an empty one.
fn credential(egress: &Egress, variable: &FromSecret, sources: Sources<'_>) -> Result<(String, OsString), Failure> {
    let FromSecret { variable, secret, key } = variable;
    if let Some(path) = sources.secrets.map(|secrets| secrets.join(secret).join(key)).filter(|path| path.exists()) {
        let content = read(&path)?;
        let value = content.trim_ascii_end();
        if !value.is_empty() && !value.contains(&0) {
            return Ok((variable.clone(), OsStr::from_bytes(value).to_owned()));
        }
        return Err(Failure::new(Exit::Io, format!("`{}` holds no credential", printable(&path))));
    }
    if let Some(value) = env::var_os(variable).filter(|value| !value.is_empty()) {
        return Ok((variable.clone(), value));
    }
    let message = format!("the Egress `{}` needs the credential in the Secret `{secret}`, key `{key}`", egress.route());
    Err(Failure::new(Exit::Io, message)
        .with_help(format!("set the variable {variable}, or give a folder with `{secret}/{key}` by --secrets")))
}

fn existing(path: &Path, role: &str) -> Result<PathBuf, Failure> {
    std::fs::canonicalize(path)
        .map_err(|_| Failure::new(Exit::Io, format!("the file `{}` from {role} does not exist", printable(path))))
}

fn system() -> Result<PathBuf, Failure> {
    let own = env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let found = own.into_iter().chain(SYSTEM.map(PathBuf::from)).find(|path| path.is_file());
    found.ok_or_else(|| {
        Failure::new(Exit::Io, "no CA certificates were found on this machine")
            .with_help("install ca-certificates, or give a file with --ca-certificates or SSL_CERT_FILE")
    })
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::example::tests::egress_with;
    use crate::local::setup::tests::served;
    use sallyport_egress::model::TlsMode;
    use sallyport_egress::model::outbound::Credential;

    fn sources(secrets: Option<&Path>) -> Sources<'_> {
        Sources { directory: Path::new("/x"), secrets, authorities: None }
    }

    #[test]
    fn plaintext_needs_no_certificates() {
        let mut egress = egress_with(Vec::new());
        egress.spec.upstream.tls.mode = TlsMode::None;
        assert_eq!(find(&egress, &served(&egress), sources(None)).unwrap(), Found::default());
    }

    #[test]
    fn a_file_is_found_in_a_secret_or_where_its_path_says() {
        let mut egress = egress_with(Vec::new());
        egress.spec.upstream.tls.ca_certificates = "/etc/sallyport/upstream/ca.crt".parse().ok();
        let failure = find(&egress, &served(&egress), sources(None)).unwrap_err();
        assert_eq!(failure.message, "the file `/etc/sallyport/upstream/ca.crt` from the Egress file does not exist");
        let help = "give a folder with `httpbin-upstream-tls/ca.crt` by --secrets";
        assert_eq!(failure.help.as_deref(), Some(help));
        let directory = tempfile::tempdir().unwrap();
        let secret = directory.path().join("httpbin-upstream-tls");
        std::fs::create_dir(&secret).unwrap();
        std::fs::write(secret.join("ca.crt"), "").unwrap();
        let found = find(&egress, &served(&egress), sources(Some(directory.path()))).unwrap();
        let own = std::fs::canonicalize(secret.join("ca.crt")).unwrap();
        assert_eq!(found.files.get("/etc/sallyport/upstream/ca.crt"), Some(&text(&own)));
        // `--ca-certificates` takes the file's place.
        let given = Sources { authorities: Some(&own), ..sources(None) };
        assert_eq!(find(&egress, &served(&egress), given).unwrap().upstream_authorities, Some(text(&own)));
    }

    #[test]
    fn a_credential_that_is_missing_is_named() {
        let mut egress = egress_with(Vec::new());
        egress.spec.upstream.tls.mode = TlsMode::None;
        egress.spec.headers.credential = Some(Credential {
            name: "authorization".parse().unwrap(),
            prefix: "Bearer ".parse().unwrap(),
            secret_name: "token-of-partner".parse().unwrap(),
            secret_key: "token".parse().unwrap(),
        });
        let failure = find(&egress, &served(&egress), sources(None)).unwrap_err();
        let message = "the Egress `httpbin/httpbin` needs the credential in the Secret `token-of-partner`, key `token`";
        assert_eq!(failure.message, message);
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("token-of-partner")).unwrap();
        let path = directory.path().join("token-of-partner/token");
        std::fs::write(&path, "s3cret\n").unwrap();
        let found = find(&egress, &served(&egress), sources(Some(directory.path()))).unwrap();
        assert_eq!(found.variables, [(egress.credential_variable(), OsString::from("s3cret"))]);
        std::fs::write(&path, "\n").unwrap();
        assert!(find(&egress, &served(&egress), sources(Some(directory.path()))).is_err());
    }
}
