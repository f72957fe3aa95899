//! The files and credentials that a gateway's pods have, found on this machine.

use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use sallyport_egress::model::Egress;
use sallyport_manifest::{CertificateFiles, FromSecret, Served};

use super::pem::{self, Flaw, Role};
use crate::exit::{Exit, Failure, IoErrorText};
use crate::oci::digest::digest_of;
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
    /// What the files on this machine held, by their path.
    pub(crate) digests: BTreeMap<String, String>,
    /// The authorities that this machine trusts; empty if nothing needs them.
    pub(crate) system_authorities: String,
    /// Those of `--ca-certificates`.
    pub(crate) upstream_authorities: Option<String>,
    /// The variables with credentials.
    pub(crate) variables: Vec<(String, OsString)>,
}

/// Finds everything and checks it, or says what is missing and where it could be.
pub(crate) fn find(egress: &Egress, served: &Served, sources: Sources<'_>) -> Result<Found, Failure> {
    let places = Places { served, sources };
    let mut found = Found::default();
    if let Some(folder) = sources.secrets {
        places.check_folder(folder)?;
    }
    if let Some(path) = sources.authorities {
        let (path, _) = found.read(path, "--ca-certificates", Role::Certificates)?;
        found.upstream_authorities = Some(path);
    }
    let CertificateFiles { pairs, authorities } = served.certificate_files();
    for name in authorities.iter().filter(|_| sources.authorities.is_none()) {
        found.named(name, Role::Certificates, &places)?;
    }
    for (certificate, key) in &pairs {
        let chain = found.named(certificate, Role::Certificates, &places)?;
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
    let CertificateFiles { pairs, authorities } = served.certificate_files();
    let authorities = authorities.into_iter().filter(|_| sources.authorities.is_none());
    let names = authorities.chain(pairs.into_iter().flat_map(|(certificate, key)| [certificate, key]));
    let places = Places { served, sources };
    let in_secrets = |relative: String| sources.secrets.map(|folder| folder.join(relative));
    let of_files =
        names.flat_map(|name| [Some(sources.directory.join(&name)), places.in_secret(&name).and_then(in_secrets)]);
    let of_credentials = served.variables.iter().map(|of| in_secrets(format!("{}/{}", of.secret, of.key)));
    let given = sources.authorities.map(Path::to_owned);
    of_files.chain(of_credentials).chain([given]).flatten().collect()
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

    /// The same for a file that the manifests name.
    fn named(&mut self, name: &str, role: Role, places: &Places<'_>) -> Result<Vec<u8>, Failure> {
        let (path, from) = places.of_file(name);
        let (canonical, content) = self
            .read(&path, from, role)
            .map_err(|failure| if path.exists() { failure } else { failure.with_help(places.help(name)) })?;
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
    fs::read(path).map_err(|error| unread(&error))
}

fn failed(path: &Path, from: &str, what: &str) -> Failure {
    Failure::new(Exit::Io, format!("the file `{}` from {from} {what}", printable(path)))
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
    fn help(&self, name: &str) -> String {
        let Some(relative) = self.in_secret(name) else {
            return "copy it there, or change the path in the file".to_owned();
        };
        let key = relative.rsplit('/').next().unwrap_or_default();
        match self.sources.secrets {
            None => format!("give a folder with `{relative}` by --secrets"),
            Some(folder) if folder.join(key).exists() => {
                let folder = printable(folder);
                format!("`{folder}` has `{key}` itself: its files belong in a folder with the name of the Secret")
            }
            Some(_) => format!("it is not at `{name}` either, the path in the Egress file"),
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
    let FromSecret { variable, secret, key } = variable;
    if let Some(path) = sources.secrets.map(|secrets| secrets.join(secret).join(key)).filter(|path| path.exists()) {
        let content = content(&path, "--secrets")?;
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
mod tests {
    use super::*;
    use crate::local::example::tests::egress_with;
    use crate::local::pem::tests::pair;
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

    /// The Egress shows a certificate, whose files are those of a Secret, and trusts a private authority.
    fn mutual() -> Egress {
        let mut egress = egress_with(Vec::new());
        let tls = &mut egress.spec.upstream.tls;
        tls.mode = TlsMode::Mutual;
        tls.ca_certificates = "/etc/sallyport/upstream/ca.crt".parse().ok();
        tls.client_certificate = "/etc/sallyport/upstream/tls.crt".parse().ok();
        tls.private_key = "/etc/sallyport/upstream/tls.key".parse().ok();
        egress
    }

    /// A folder for `--secrets` with these files of the Secret.
    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        let secret = directory.path().join("httpbin-upstream-tls");
        fs::create_dir(&secret).unwrap();
        for (name, content) in files {
            fs::write(secret.join(name), content).unwrap();
        }
        directory
    }

    fn failure(egress: &Egress, sources: Sources<'_>) -> (String, String) {
        let failure = find(egress, &served(egress), sources).unwrap_err();
        (failure.message, failure.help.unwrap_or_default())
    }

    #[test]
    fn a_file_is_found_in_a_secret_or_where_its_path_says() {
        let egress = mutual();
        let (message, help) = failure(&egress, sources(None));
        assert_eq!(message, "the file `/etc/sallyport/upstream/ca.crt` from the Egress file does not exist");
        assert_eq!(help, "give a folder with `httpbin-upstream-tls/ca.crt` by --secrets");
        let (certificate, key) = pair();
        let directory = folder(&[("ca.crt", &certificate), ("tls.crt", &certificate), ("tls.key", &key)]);
        let given = sources(Some(directory.path()));
        let found = find(&egress, &served(&egress), given).unwrap();
        let own = fs::canonicalize(directory.path().join("httpbin-upstream-tls/ca.crt")).unwrap();
        assert_eq!(found.files.get("/etc/sallyport/upstream/ca.crt"), Some(&text(&own)));
        assert_eq!((found.files.len(), found.digests.len()), (3, 3));
        let watched = sought(&served(&egress), given);
        assert!(watched.iter().any(|path| fs::canonicalize(path).is_ok_and(|path| path == own)), "{watched:?}");
        assert!(watched.contains(&"/etc/sallyport/upstream/tls.key".into()), "{watched:?}");
        // `--ca-certificates` takes the file's place.
        fs::remove_file(&own).unwrap();
        let other = directory.path().join("other.pem");
        fs::write(&other, certificate).unwrap();
        let given = Sources { authorities: Some(&other), ..given };
        let canonical = text(&fs::canonicalize(&other).unwrap());
        assert_eq!(find(&egress, &served(&egress), given).unwrap().upstream_authorities, Some(canonical));
        assert!(sought(&served(&egress), given).contains(&other));
    }

    #[test]
    fn a_file_that_envoy_cannot_use_is_named() {
        let egress = mutual();
        let ((certificate, key), (_, other)) = (pair(), pair());
        for (name, content, expected) in [
            ("ca.crt", "", "is empty"),
            ("tls.crt", key.as_str(), "holds a private key, but no certificate"),
            ("tls.key", certificate.as_str(), "holds a certificate, but no private key"),
            ("tls.key", other.as_str(), "is not that of"),
        ] {
            let directory = folder(&[("ca.crt", &certificate), ("tls.crt", &certificate), ("tls.key", &key)]);
            let path = directory.path().join("httpbin-upstream-tls").join(name);
            fs::write(&path, content).unwrap();
            let (message, help) = failure(&egress, sources(Some(directory.path())));
            assert!(message.contains(&printable(&path)) && message.contains(expected), "{message}");
            assert!(!help.is_empty(), "{message}");
        }
        let directory = folder(&[]);
        let given = Sources { authorities: Some(directory.path()), ..sources(None) };
        let (message, _) = failure(&egress, given);
        assert!(message.ends_with("from --ca-certificates is a directory"), "{message}");
        let given = Sources { authorities: Some(Path::new("/dev/null")), ..sources(None) };
        assert_eq!(failure(&egress, given).0, "the file `/dev/null` from --ca-certificates is not a regular file");
    }

    #[test]
    fn a_folder_that_is_missing_is_described() {
        let (message, help) = failure(&mutual(), sources(Some(Path::new("/x/no"))));
        assert_eq!(message, "the folder `/x/no` from --secrets does not exist");
        let files = "`/x/no/httpbin-upstream-tls/ca.crt`, `/x/no/httpbin-upstream-tls/tls.crt`, \
                     `/x/no/httpbin-upstream-tls/tls.key`";
        assert_eq!(help, format!("it has a folder per Secret with a file per key, here {files}"));
        let (message, _) = failure(&mutual(), sources(Some(Path::new("/dev/null"))));
        assert_eq!(message, "the folder `/dev/null` from --secrets is not a directory");
        let (_, help) = failure(&egress_with(Vec::new()), sources(Some(Path::new("/x/no"))));
        assert_eq!(help, "the Egress needs no Secret: leave the option out");
        let directory = folder(&[]);
        let (message, help) = failure(&mutual(), sources(Some(directory.path())));
        let place = printable(&directory.path().join("httpbin-upstream-tls/ca.crt"));
        assert_eq!(message, format!("the file `{place}` from --secrets does not exist"));
        assert_eq!(help, "it is not at `/etc/sallyport/upstream/ca.crt` either, the path in the Egress file");
        fs::write(directory.path().join("ca.crt"), "").unwrap();
        let (_, help) = failure(&mutual(), sources(Some(directory.path())));
        assert!(
            help.ends_with("has `ca.crt` itself: its files belong in a folder with the name of the Secret"),
            "{help}"
        );
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
        let missing = find(&egress, &served(&egress), sources(None)).unwrap_err();
        let message = "the Egress `httpbin/httpbin` needs the credential in the Secret `token-of-partner`, key `token`";
        assert_eq!(missing.message, message);
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("token-of-partner")).unwrap();
        let path = directory.path().join("token-of-partner/token");
        std::fs::write(&path, "s3cret\n").unwrap();
        let found = find(&egress, &served(&egress), sources(Some(directory.path()))).unwrap();
        assert_eq!(found.variables, [(egress.credential_variable(), OsString::from("s3cret"))]);
        std::fs::write(&path, "\n").unwrap();
        assert!(find(&egress, &served(&egress), sources(Some(directory.path()))).is_err());
        // What is no file is not opened: a pipe would block.
        fs::remove_file(&path).unwrap();
        std::os::unix::net::UnixListener::bind(&path).unwrap();
        let (message, _) = failure(&egress, sources(Some(directory.path())));
        assert!(message.ends_with("from --secrets is not a regular file"), "{message}");
    }
}
