//! Certificates of callers, in files that are named as `run` names them: `NAMESPACE.ACCOUNT.pem` and `.key`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::exit::{Exit, Failure};
use crate::printable::printable;
use crate::reading;

pub(super) struct Certificates {
    folder: PathBuf,
    roots: Arc<RootCertStore>,
}

impl Certificates {
    /// The authority of the gateway's certificate is given, or is beside the callers' as `run` has it.
    pub(super) fn of(folder: &Path, ca: Option<&Path>) -> Result<Self, Failure> {
        let beside = [folder.join("ca.pem"), folder.parent().unwrap_or(folder).join("ca.pem")];
        let found = ca.map(Path::to_owned).or_else(|| beside.into_iter().find(|path| path.is_file()));
        let Some(path) = found else {
            return Err(Failure::new(Exit::Io, format!("there is no `ca.pem` in `{}` or above it", printable(folder)))
                .with_help("write `--ca FILE`: the authority of the gateway's certificate"));
        };
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&path)? {
            roots.add(certificate).map_err(|error| unusable(&path, &error.to_string()))?;
        }
        Ok(Self { folder: folder.to_owned(), roots: Arc::new(roots) })
    }

    /// The TLS settings of a caller, or of one without a certificate; none if there are no files.
    pub(super) fn config(&self, stem: Option<&str>) -> Result<Option<Arc<ClientConfig>>, Failure> {
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| Failure::new(Exit::Io, format!("TLS cannot be used: {error}")))?
            .with_root_certificates(Arc::clone(&self.roots));
        let Some(stem) = stem else { return Ok(Some(Arc::new(builder.with_no_client_auth()))) };
        let file = |extension: &str| self.folder.join(format!("{stem}.{extension}"));
        let Some(path) = [file("pem"), file("crt")].into_iter().find(|path| path.is_file()) else { return Ok(None) };
        let key_path = file("key");
        let key = reading::whole(&key_path).map_err(|error| Failure::read(&key_path, &error))?;
        let key = PrivateKeyDer::from_pem_slice(&key).map_err(|error| unusable(&key_path, &error.to_string()))?;
        let config = builder.with_client_auth_cert(certificates(&path)?, key);
        config.map(|config| Some(Arc::new(config))).map_err(|error| unusable(&path, &error.to_string()))
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let text = reading::whole(path).map_err(|error| Failure::read(path, &error))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    found.map_err(|error| unusable(path, &error.to_string()))
}

fn unusable(path: &Path, why: &str) -> Failure {
    Failure::new(Exit::Io, format!("`{}` cannot be used: {why}", printable(path)))
}
