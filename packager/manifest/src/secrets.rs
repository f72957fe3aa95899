//! What the gateway's pods have from Secrets, which `build` does not write.

use std::collections::BTreeSet;

use sallyport_egress::model::Egress;
use sallyport_egress::model::outbound::Credential;
use sallyport_egress::value::file_path::{FileSource, tls_secret};

use crate::plan::Plan;

/// A variable of the proxy whose value is in a Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FromSecret {
    /// The variable.
    pub variable: String,
    /// The Secret's name, in the namespace of the Egress.
    pub secret: String,
    /// The key in the Secret.
    pub key: String,
}

/// A folder of the proxy with the content of a Secret: a file per key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretFolder {
    /// The folder's path in the pod.
    pub path: String,
    /// The Secret's name, in the namespace of the Egress.
    pub secret: String,
}

/// The volume with the files that the `tls` of an upstream names.
pub(crate) struct TlsVolume<'a> {
    pub(crate) name: String,
    pub(crate) secret: String,
    /// Where it is mounted.
    pub(crate) folders: BTreeSet<&'a str>,
    /// The keys that are read from the Secret.
    pub(crate) keys: BTreeSet<&'a str>,
}

/// The credentials for the upstream and its standbys, which the routes refer to.
pub(crate) fn variables(plan: &Plan<'_>) -> Vec<FromSecret> {
    let egresses = plan.standbys.iter().copied().chain([plan.egress]);
    let variable = |egress: &Egress| {
        let Credential { secret_name, secret_key, .. } = egress.spec.headers.credential.as_ref()?;
        let (secret, key) = (secret_name.to_string(), secret_key.to_string());
        Some(FromSecret { variable: egress.credential_variable(), secret, key })
    };
    egresses.filter_map(variable).collect()
}

/// One for the upstream and one for each standby, where anything is mounted.
pub(crate) fn tls_volumes<'p>(plan: &'p Plan<'_>) -> Vec<TlsVolume<'p>> {
    let volume = |(position, egress): (usize, &'p Egress)| {
        let tls = &egress.spec.upstream.tls;
        let mounted = tls.files().filter(|(_, path)| matches!(path.source(), FileSource::Mounted(_)));
        TlsVolume {
            name: if position == 0 { "upstream-tls".to_owned() } else { format!("standby-{position}-tls") },
            secret: tls_secret_name(egress),
            folders: tls.mounted_folders(),
            keys: mounted.filter_map(|(_, path)| Some(path.rsplit_once('/')?.1)).collect(),
        }
    };
    plan.upstreams().enumerate().map(volume).filter(|volume| !volume.folders.is_empty()).collect()
}

pub(crate) fn folders(plan: &Plan<'_>) -> Vec<SecretFolder> {
    let of_volume = |TlsVolume { secret, folders, .. }: TlsVolume<'_>| -> Vec<SecretFolder> {
        folders.iter().map(|path| SecretFolder { path: (*path).to_owned(), secret: secret.clone() }).collect()
    };
    tls_volumes(plan).into_iter().flat_map(of_volume).collect()
}

/// The Secret with the files that `upstream.tls` names. It is the same for every gateway that connects to that upstream.
#[must_use]
pub fn tls_secret_name(egress: &Egress) -> String {
    tls_secret(&egress.name)
}
