//! Paths of files in the gateway's pods, and how the pods come by those files.

use super::checked_text;
use crate::code::Code;
use crate::diagnostic::UnplacedDiagnostic;
use crate::wording::quoted;

checked_text!(
    /// The path of a file in the gateway's pods. A relative path is for `sallyport run`, which reads it from beside the
    /// Egress file.
    FilePath,
    check,
    "file path"
);

/// Where messages and examples have the Secret with the upstream's certificates mounted.
pub const CERTIFICATES: &str = "/etc/sallyport/upstream";
/// The Egress in the name of a Secret where a message does not know it.
const UNKNOWN: &str = "NAME";
/// What Istio takes for the authorities of the proxy's image, wherever they are.
const SYSTEM: &str = "system";
/// Folders of the proxy's image: a file there needs no Secret, and a Secret mounted there would hide the image's files.
const IMAGE_FOLDERS: [&str; 3] = ["/etc/ssl", "/etc/pki", "/usr"];
/// Where the gateway's pods have something else already: Istio's template mounts it, or the kernel. Nothing can be mounted at
/// or below them, and a Secret mounted above them would hide them.
const TAKEN_FOLDERS: [&str; 12] = [
    "/dev",
    "/etc/istio/pod",
    "/etc/istio/proxy",
    "/proc",
    "/sys",
    "/var/lib/istio/data",
    "/var/run/secrets/credential-uds",
    "/var/run/secrets/istio",
    "/var/run/secrets/kubernetes.io",
    "/var/run/secrets/tokens",
    "/var/run/secrets/workload-spiffe-credentials",
    "/var/run/secrets/workload-spiffe-uds",
];
/// Folders of the system that hold its programs, or what those above hold by another name.
const SYSTEM_FOLDERS: [&str; 6] = ["/bin", "/lib", "/lib64", "/run", "/run/secrets", "/sbin"];
/// Where an image has the system's authorities, as one file.
const BUNDLES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
];

/// How a gateway's pods come by a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileSource<'a> {
    /// A Secret is mounted at this folder.
    Mounted(&'a str),
    /// The proxy's image has the system's authorities there.
    Bundle,
    /// It would have to be in the proxy's image: nothing is mounted there.
    Image,
    /// The pods cannot have it: a path that is not absolute.
    Relative,
    /// The pods cannot have it: no Secret can be mounted at this folder.
    Taken(&'a str),
}

impl FilePath {
    /// The folder of the file: empty for one at the root.
    #[must_use]
    pub fn folder(&self) -> &str {
        self.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// How the gateway's pods come by the file.
    #[must_use]
    pub fn source(&self) -> FileSource<'_> {
        let folder = self.folder();
        let is_below = |parents: &[&str]| parents.iter().any(|parent| is_within(folder, parent));
        let is_above = |children: &[&str]| children.iter().any(|child| is_within(child, folder));
        if self.as_str() == SYSTEM || BUNDLES.contains(&self.as_str()) {
            FileSource::Bundle
        } else if !self.starts_with('/') {
            FileSource::Relative
        } else if folder.is_empty() {
            FileSource::Taken("/")
        } else if is_below(&IMAGE_FOLDERS) {
            FileSource::Image
        } else if is_below(&TAKEN_FOLDERS)
            || is_above(&TAKEN_FOLDERS)
            || is_above(&IMAGE_FOLDERS)
            || SYSTEM_FOLDERS.contains(&folder)
        {
            FileSource::Taken(folder)
        } else {
            FileSource::Mounted(folder)
        }
    }
}

/// The Secret with the files that `upstream.tls` of the Egress of this name has.
#[must_use]
pub fn tls_secret(name: &str) -> String {
    format!("{name}-upstream-tls")
}

/// A help that names the Secret of an Egress, with the name of that Egress.
pub(crate) fn with_name(help: &str, name: &str) -> String {
    help.replace(&format!("`{}`", tls_secret(UNKNOWN)), &format!("`{}`", tls_secret(name)))
}

/// Whether a folder is `parent` or below it.
fn is_within(folder: &str, parent: &str) -> bool {
    folder.strip_prefix(parent).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn check(text: &str) -> Option<UnplacedDiagnostic> {
    if is_pem(text) {
        return Some(
            UnplacedDiagnostic::new(Code::FilePath, "a PEM text stands where the path of a file is expected").help(format!(
                "put the text into the Secret `{}` in the gateway's namespace, and write the path at which the gateway gets \
                 it: `{CERTIFICATES}/KEY`, with a key of that Secret",
                tls_secret(UNKNOWN)
            )),
        );
    }
    if text == CERTIFICATES {
        return Some(
            UnplacedDiagnostic::new(
                Code::FilePath,
                format!("{} is the folder of the certificates, not a file", quoted(text)),
            )
            .help(format!("write the path of a file in it: `{CERTIFICATES}/ca.crt`, with a key of the Secret")),
        );
    }
    // A colon ends the path of a mount, and `..` would lead out of the folder that is mounted.
    let is_segment = |segment: &str| !matches!(segment, "" | "." | "..");
    let good = text.strip_prefix('/').unwrap_or(text).split('/').all(is_segment)
        && !text.contains(':')
        && !text.chars().any(char::is_control);
    (!good).then(|| {
        UnplacedDiagnostic::new(Code::FilePath, format!("{} is not the path of a file", quoted(text)))
            .help(format!("write it without `.`, `..`, `//` and `:`: `{CERTIFICATES}/tls.crt`"))
    })
}

/// Whether the text is a certificate or key itself, also in the base64 of a Secret. It may be a private key, so no message
/// repeats it.
pub(super) fn is_pem(text: &str) -> bool {
    const BASE64_OF_DASHES: &str = "LS0tLS1CRUdJTi";
    text.contains("-----BEGIN") || text.trim_start().starts_with(BASE64_OF_DASHES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::FromText;

    #[test]
    fn paths() {
        for good in ["/ca.pem", "/etc/upstream/tls.crt", "/a b/c", "/..data/tls.crt", "beside/ca.pem"] {
            assert!(FilePath::from_text(good).is_ok(), "{good}");
        }
        for bad in [
            "./ca.pem",
            "../ca.pem",
            "/",
            "/a/",
            "/a//b",
            "/a/../b",
            "/..",
            "/./a",
            "/a:b",
            "/a\nb",
            "C:/a",
            CERTIFICATES,
        ] {
            assert!(FilePath::from_text(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_private_key_is_not_repeated() {
        for pem in ["-----BEGIN PRIVATE KEY-----\nMIIsecret\n", "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0t"] {
            let flaw = FilePath::from_text(pem).expect_err("it is no path");
            assert!(!format!("{flaw:?}").contains("secret") && !format!("{flaw:?}").contains("LS0t"), "{flaw:?}");
        }
    }

    #[test]
    fn how_the_pods_come_by_a_file() {
        use FileSource::{Bundle, Image, Mounted, Relative, Taken};
        for (path, source) in [
            ("/etc/sallyport/upstream/ca.crt", Mounted("/etc/sallyport/upstream")),
            ("/certs/ca.crt", Mounted("/certs")),
            ("/etc/sslx/ca.crt", Mounted("/etc/sslx")),
            ("/etc/istiox/ca.crt", Mounted("/etc/istiox")),
            ("/tmp/tls/ca.crt", Mounted("/tmp/tls")),
            ("system", Bundle),
            ("/etc/ssl/certs/ca-certificates.crt", Bundle),
            ("/etc/ssl/certs/corp.crt", Image),
            ("/usr/local/share/ca.crt", Image),
            ("ca.crt", Relative),
            ("certs/ca.crt", Relative),
            ("/ca.crt", Taken("/")),
            ("/etc/ca.crt", Taken("/etc")),
            ("/etc/istio/proxy/ca.crt", Taken("/etc/istio/proxy")),
            ("/var/run/secrets/istio/root-cert.pem", Taken("/var/run/secrets/istio")),
            ("/var/run/secrets/upstream/ca.crt", Mounted("/var/run/secrets/upstream")),
            ("/var/run/secrets/ca.crt", Taken("/var/run/secrets")),
            ("/proc/1/ca.crt", Taken("/proc/1")),
            ("/usr/ca.crt", Image),
        ] {
            let path: FilePath = path.parse().expect("a path");
            assert_eq!(path.source(), source, "{path}");
        }
    }
}
