//! How an upstream is reached and verified, and what is said when it does not answer.

use std::fs;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use serde_json::json;

use crate::session::{Session, curl, egress};
use crate::upstream::Upstream;

/// A gateway is a TLS server that verifies who calls it: the best upstream there is.
#[test]
#[ignore = "needs Envoy: make test"]
fn the_upstream_is_verified_and_shown_a_certificate() {
    let upstream = Upstream::start();
    let far = Session::start(&egress("GET", upstream.port()), &[]);
    let path = |name: &str| far.directory().join(name).to_string_lossy().into_owned();
    let near = |names: &str| {
        let tls = format!(
            "{{mode: MUTUAL, sni: httpbin.legacy.internal, subjectAltNames: [{names}], caCertificates: {}, \
             clientCertificate: {}, privateKey: {}}}",
            path("ca.pem"),
            path("callers/httpbin.sleep.pem"),
            path("callers/httpbin.sleep.key"),
        );
        egress("GET", far.port())
            .replace("{mode: NONE}", &tls)
            .replace("host: 127.0.0.1", "host: httpbin.legacy.internal")
    };
    let address = format!("127.0.0.1:{}", far.port());
    let mut session = Session::start(&near("httpbin.legacy.internal"), &["--upstream", &address]);
    assert_eq!(curl(&session.command("/get", true)), "200");
    session.save(&near("somebody.else"));
    session.event("policy_live");
    assert_eq!(curl(&session.command("/get", true)), "503", "the upstream is not who it should be");
    let failure = session.event("upstream_failure");
    assert_eq!(failure["cause"], "the upstream's certificate is not accepted");
    assert!(failure["transport"].as_str().unwrap().contains("CERTIFICATE_VERIFY_FAILED"), "{failure}");
    assert_eq!(upstream.served(), 1);
}

/// Each cause once, and again when the file has changed.
#[test]
#[ignore = "needs Envoy: make test"]
fn why_an_upstream_does_not_answer_is_said() {
    let upstream = Upstream::start();
    let mut session = Session::start(&egress("GET", 1), &[]);
    let ask = |session: &Session, status: &str| assert_eq!(curl(&session.command("/get", true)), status);
    let nothing_listens = "nothing listens at the upstream's address and port";
    for file in [egress("GET, PUT", 1), egress("GET", 1)] {
        ask(&session, "503");
        ask(&session, "503");
        let failure = session.event("upstream_failure");
        assert_eq!((&failure["egress"], &failure["flags"]), (&json!("httpbin/httpbin"), &json!("UF")));
        assert_eq!((&failure["cause"], &failure["address"]), (&json!(nothing_listens), &json!("127.0.0.1:1")));
        session.save(&file);
        session.event("policy_live");
    }
    let http1 = egress("GET", upstream.port());
    for (file, status, cause) in [
        (egress("GET", 1).replace("host: 127.0.0.1", "host: no-such-name.invalid"), "503", "does not resolve"),
        (
            http1.replace("{mode: NONE}", "{mode: SIMPLE}"),
            "503",
            "during the TLS handshake: often it does not speak TLS",
        ),
        (http1.replace("tls: {", "protocol: http2, tls: {"), "502", "another version of HTTP"),
    ] {
        session.save(&file);
        session.event("policy_live");
        ask(&session, status);
        let failure = session.event("upstream_failure");
        assert!(failure["cause"].as_str().unwrap_or_default().contains(cause), "{failure}");
    }
    session.save(&http1);
    session.event("policy_live");
    ask(&session, "200");
}

/// The certificate is loaded, so the file is served, with a warning.
#[test]
#[ignore = "needs Envoy: make test"]
fn a_certificate_that_has_expired_is_a_warning() {
    let home = tempfile::tempdir().unwrap();
    let (certificate, key) = (home.path().join("tls.crt"), home.path().join("tls.key"));
    let own = KeyPair::generate().unwrap();
    fs::write(&key, own.serialize_pem()).unwrap();
    let make = |year: i32| {
        let mut params = CertificateParams::default();
        params.not_after = date_time_ymd(year, 2, 3);
        fs::write(&certificate, params.self_signed(&own).unwrap().pem()).unwrap();
    };
    make(2001);
    let tls = format!("{{mode: MUTUAL, clientCertificate: {}, privateKey: {}}}", certificate.display(), key.display());
    let mut session = Session::start(&egress("GET", 1).replace("{mode: NONE}", &tls), &[]);
    let warning = session.ready["warnings"][0].as_str().unwrap();
    assert!(warning.contains("tls.crt` expired on 2001-02-03"), "{warning}");
    make(4001);
    assert_eq!(session.event("policy_live")["warnings"], json!([]));
}

/// With TLS 1.3 the handshake is over when the upstream refuses, so Envoy sees a connection that ends.
#[test]
#[ignore = "needs Envoy: make test"]
fn a_certificate_that_the_upstream_refuses_is_a_connection_that_ends() {
    let upstream = Upstream::start();
    let (far, other) = (Session::start(&egress("GET", upstream.port()), &[]), Session::start(&egress("GET", 1), &[]));
    let path = |session: &Session, name: &str| session.directory().join(name).to_string_lossy().into_owned();
    let tls = format!(
        "{{mode: MUTUAL, sni: httpbin.legacy.internal, caCertificates: {}, clientCertificate: {}, privateKey: {}}}",
        path(&far, "ca.pem"),
        path(&other, "callers/httpbin.sleep.pem"),
        path(&other, "callers/httpbin.sleep.key"),
    );
    let file = egress("GET", far.port()).replace("{mode: NONE}", &tls);
    let mut session = Session::start(&file.replace("host: 127.0.0.1", "host: localhost"), &[]);
    assert_eq!(curl(&session.command("/get", true)), "503");
    let failure = session.event("upstream_failure");
    assert!(failure["cause"].as_str().unwrap().contains("after the TLS handshake"), "{failure}");
    let log = session.access_log(|log| log.contains("connection_termination"));
    for part in [r#""flags":"UC""#, r#""reason":"upstream_reset_before_response_started{connection_termination}""#] {
        assert!(log.contains(part), "{part}: {log}");
    }
    assert!(!log.contains(r#""upstreamCertificateEnds":null"#), "{log}");
}

/// Certificates rotate: the folder of the Secret is a link that is replaced, as the kubelet does it.
#[test]
#[ignore = "needs Envoy: make test"]
fn secrets_that_change_are_read_again() {
    let upstream = Upstream::start();
    let far = Session::start(&egress("GET", upstream.port()), &[]);
    let secrets = tempfile::tempdir().unwrap();
    let folder = |name: &str| secrets.path().join(name);
    let rotate = |certificate: &str, key: &str| {
        let new = folder(&format!("{certificate}.{key}"));
        fs::create_dir(&new).unwrap();
        let files = [("ca.crt", "ca.pem".to_owned()), ("tls.crt", format!("callers/{certificate}.pem"))];
        for (name, from) in files.into_iter().chain([("tls.key", format!("callers/{key}.key"))]) {
            fs::copy(far.directory().join(from), new.join(name)).unwrap();
        }
        std::os::unix::fs::symlink(&new, folder("link")).unwrap();
        fs::rename(folder("link"), folder("httpbin-upstream-tls")).unwrap();
    };
    let (allowed, refused) = ("httpbin.sleep", "elsewhere.stranger");
    rotate(allowed, allowed);
    let tls = "{mode: MUTUAL, sni: httpbin.legacy.internal, caCertificates: /etc/sallyport/tls/ca.crt, \
               clientCertificate: /etc/sallyport/tls/tls.crt, privateKey: /etc/sallyport/tls/tls.key}";
    let file = egress("GET", far.port())
        .replace("{mode: NONE}", tls)
        .replace("host: 127.0.0.1", "host: httpbin.legacy.internal");
    let (address, path) = (format!("127.0.0.1:{}", far.port()), secrets.path().to_string_lossy().into_owned());
    let mut session = Session::start(&file, &["--upstream", &address, "--secrets", &path]);
    let status = |session: &Session| curl(&session.command("/get", true));
    assert_eq!(status(&session), "200");
    rotate(refused, refused);
    let changed = session.event("policy_live")["changed"].clone();
    let names = ["tls.crt", "tls.key"].map(|key| folder("httpbin-upstream-tls").join(key));
    assert_eq!(changed, json!(names), "not the authority, which is the same");
    assert_eq!(status(&session), "403", "the upstream knows the new certificate");
    rotate(allowed, refused);
    let event = session.event("policy_refused");
    assert!(event["diagnostics"][0]["message"].as_str().unwrap().contains("is not that of"), "{event}");
    assert_eq!(status(&session), "403", "the old pair stays");
    fs::remove_file(folder("httpbin-upstream-tls")).unwrap();
    session.event("policy_refused");
    rotate(refused, allowed);
    session.event("policy_refused");
    let (old, link) = (folder(&format!("{allowed}.{allowed}")), folder("link"));
    std::os::unix::fs::symlink(old, &link).unwrap();
    fs::rename(link, folder("httpbin-upstream-tls")).unwrap();
    session.event("policy_live");
    assert_eq!(status(&session), "200");
}
