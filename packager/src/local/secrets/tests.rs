//! What is found, what is missing, and what is wrong.

use rcgen::{CertificateParams, KeyPair};

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
    let served = served(egress);
    let missing = missing(egress, &served, sources).map(|missing| failure_of_missing(&missing));
    let failure = missing.unwrap_or_else(Some).or_else(|| find(egress, &served, sources).err()).unwrap();
    (failure.message, failure.help.unwrap_or_default())
}

#[test]
fn a_file_is_found_in_a_secret_or_where_its_path_says() {
    let egress = mutual();
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
fn everything_that_is_missing_is_named_at_once() {
    let mut egress = mutual();
    egress.spec.upstream.tls.ca_certificates = "beside/ca.pem".parse().ok();
    egress.spec.headers.credential = Some(credential());
    let (message, help) = failure(&egress, sources(None));
    let expected = "4 things that gateways need do not exist: the file `/x/beside/ca.pem` from the Egress file, the file \
                    `/etc/sallyport/upstream/tls.crt` from the Egress file, the file `/etc/sallyport/upstream/tls.key` from \
                    the Egress file, the credential of the Egress `httpbin/httpbin` (Secret `token-of-partner`, key `token`)";
    assert_eq!(message, expected);
    let expected = "give a folder with `httpbin-upstream-tls/tls.crt`, `httpbin-upstream-tls/tls.key` by --secrets; copy it \
                    there, or change the path in the file; set the variable";
    assert!(help.starts_with(expected), "{help}");
    let directory = folder(&[]);
    let (message, help) = failure(&mutual(), sources(Some(directory.path())));
    assert!(message.starts_with("3 things that gateways need do not exist: the file `"), "{message}");
    let paths =
        "`/etc/sallyport/upstream/ca.crt`, `/etc/sallyport/upstream/tls.crt`, `/etc/sallyport/upstream/tls.key`";
    assert_eq!(help, format!("they are not at {paths} either, the paths in the Egress file"));
    // Two Egresses can name the same file.
    let of_one = missing(&mutual(), &served(&mutual()), sources(None)).unwrap();
    let of_both = [of_one.clone(), of_one.clone()].concat();
    assert_eq!(failure_of_missing(&of_both).unwrap().message, failure_of_missing(&of_one).unwrap().message);
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
    let egress = egress_with(Vec::new());
    let directory = folder(&[]);
    let given = Sources { authorities: Some(directory.path()), ..sources(None) };
    let (message, _) = failure(&egress, given);
    assert!(message.ends_with("from --ca-certificates is a directory"), "{message}");
    let given = Sources { authorities: Some(Path::new("/dev/null")), ..sources(None) };
    assert_eq!(failure(&egress, given).0, "the file `/dev/null` from --ca-certificates is not a regular file");
}

#[test]
fn a_certificate_out_of_its_time_is_a_warning() {
    let egress = mutual();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.not_after = rcgen::date_time_ymd(2001, 2, 3);
    let (old, (valid, _)) = (params.self_signed(&key).unwrap().pem(), pair());
    let directory = folder(&[("ca.crt", &old), ("tls.crt", &old), ("tls.key", &key.serialize_pem())]);
    let of = |name: &str| printable(&directory.path().join("httpbin-upstream-tls").join(name));
    let warnings = |given| find(&egress, &served(&egress), given).unwrap().warnings;
    let given = sources(Some(directory.path()));
    let of_chain = format!("the certificate in `{}` expired on 2001-02-03: an upstream refuses it", of("tls.crt"));
    let end = "expired on 2001-02-03: no certificate that it signed is accepted";
    assert_eq!(warnings(given), [format!("the authority in `{}` {end}", of("ca.crt")), of_chain.clone()]);
    let other = directory.path().join("other.pem");
    for (content, expected) in [(&valid, None), (&old, Some(format!("the authority in `{}` {end}", printable(&other))))]
    {
        fs::write(&other, content).unwrap();
        let warned = warnings(Sources { authorities: Some(&other), ..given });
        assert_eq!(warned, expected.into_iter().chain([of_chain.clone()]).collect::<Vec<_>>());
    }
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
    let (certificate, key) = pair();
    let directory = folder(&[("tls.crt", &certificate), ("tls.key", &key)]);
    let (message, help) = failure(&mutual(), sources(Some(directory.path())));
    let place = printable(&directory.path().join("httpbin-upstream-tls/ca.crt"));
    assert_eq!(message, format!("the file `{place}` from --secrets does not exist"));
    assert_eq!(help, "it is not at `/etc/sallyport/upstream/ca.crt` either, the path in the Egress file");
    fs::write(directory.path().join("ca.crt"), "").unwrap();
    let (_, help) = failure(&mutual(), sources(Some(directory.path())));
    assert!(help.ends_with("has `ca.crt` itself: its files belong in a folder with the name of the Secret"), "{help}");
}

fn credential() -> Credential {
    Credential {
        name: "authorization".parse().unwrap(),
        prefix: "Bearer ".parse().unwrap(),
        secret_name: "token-of-partner".parse().unwrap(),
        secret_key: "token".parse().unwrap(),
    }
}

#[test]
fn a_credential_that_is_missing_is_named() {
    let mut egress = egress_with(Vec::new());
    egress.spec.upstream.tls.mode = TlsMode::None;
    egress.spec.headers.credential = Some(credential());
    let (message, help) = failure(&egress, sources(None));
    let expected =
        "the credential of the Egress `httpbin/httpbin` (Secret `token-of-partner`, key `token`) does not exist";
    assert_eq!(message, expected);
    let expected = "or give a folder with `token-of-partner/token` by --secrets";
    assert_eq!(help, format!("set the variable {}, {expected}", egress.credential_variable()));
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("token-of-partner")).unwrap();
    let path = directory.path().join("token-of-partner/token");
    std::fs::write(&path, "s3cret").unwrap();
    let found = find(&egress, &served(&egress), sources(Some(directory.path()))).unwrap();
    assert_eq!(found.variables, [(egress.credential_variable(), OsString::from("s3cret"))]);
    for (value, flaw) in [
        ("", "is empty"),
        ("s3cret\n", "ends with a line end, which is part of the credential"),
        ("s3cret\r\n", "ends with a line end, which is part of the credential"),
        ("s3cret\nx: y", "has a control character, which no header can have"),
        ("s3cret\0", "has a control character, which no header can have"),
        (&"s".repeat(70_000), "has more than 64 KiB"),
    ] {
        std::fs::write(&path, value).unwrap();
        let (message, help) = failure(&egress, sources(Some(directory.path())));
        assert!(message.ends_with(flaw), "{message}");
        assert!(value.is_empty() || !format!("{message}{help}").contains("s3cret"), "{message} {help}");
    }
    fs::File::create(&path).and_then(|file| file.set_len(5 << 20)).unwrap();
    let (message, _) = failure(&egress, sources(Some(directory.path())));
    assert!(message.ends_with("has more than 4 MiB"), "{message}");
    // What is no file is not opened: a pipe would block.
    fs::remove_file(&path).unwrap();
    std::os::unix::net::UnixListener::bind(&path).unwrap();
    let (message, _) = failure(&egress, sources(Some(directory.path())));
    assert!(message.ends_with("from --secrets is not a regular file"), "{message}");
}
