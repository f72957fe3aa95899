//! Certificates with several names, or with none that is an identity: they grant nothing, and lead round no DENY.

use std::fs;

use anyhow::ensure;
use sallyport_tests::certs::Authority;
use sallyport_tests::client::{Caller, Request};
use sallyport_tests::envoys::each_envoy;
use sallyport_tests::named::Named;
use sallyport_tests::stage::Stage;

const AUTHZ: &str = "
rules:
- {id: sleepers, action: ALLOW, from: [{source: {serviceAccounts: [httpbin/sleep]}}], to: [{operation: {paths: [/sleep]}}]}
- {id: own, action: ALLOW, from: [{source: {namespaces: [httpbin]}}], to: [{operation: {paths: [/own]}}]}
- {id: not-evil, action: ALLOW, from: [{source: {notPrincipals: ['*/sa/evil']}}], to: [{operation: {paths: [/not-evil]}}]}
- {id: present, action: ALLOW, from: [{source: {principals: ['*']}}], to: [{operation: {paths: [/present]}}]}
- {id: anyone, action: ALLOW, to: [{operation: {paths: [/open, /only]}}]}
- {id: no-evil, action: DENY, from: [{source: {principals: ['*/sa/evil']}}], to: [{operation: {paths: [/open, /own]}}]}
- {id: only-sleep, action: DENY, from: [{source: {notPrincipals: ['*/sa/sleep']}}], to: [{operation: {paths: [/only]}}]}
";
const SLEEP: &str = "spiffe://cluster.local/ns/httpbin/sa/sleep";
const EVIL: &str = "spiffe://cluster.local/ns/httpbin/sa/evil";
const WRITER: &str = "spiffe://cluster.local/ns/httpbin/sa/writer";
const ALL: &[&str] = &["/sleep", "/own", "/not-evil", "/present", "/open", "/only"];

struct Case {
    name: &'static str,
    uris: &'static [&'static str],
    hosts: &'static [&'static str],
    allowed: &'static [&'static str],
    refused: &'static [&'static str],
}

/// Names and paths; what is in neither list is not judged.
const CASES: [Case; 13] = [
    Case { name: "sleep", uris: &[SLEEP], hosts: &[], allowed: ALL, refused: &[] },
    Case {
        name: "writer",
        uris: &[WRITER],
        hosts: &[],
        allowed: &["/own", "/not-evil", "/present", "/open"],
        refused: &["/sleep", "/only"],
    },
    Case {
        name: "evil",
        uris: &[EVIL],
        hosts: &[],
        allowed: &["/present"],
        refused: &["/sleep", "/own", "/not-evil", "/open", "/only"],
    },
    Case { name: "sleep-evil", uris: &[SLEEP, EVIL], hosts: &[], allowed: &[], refused: ALL },
    Case { name: "evil-sleep", uris: &[EVIL, SLEEP], hosts: &[], allowed: &[], refused: ALL },
    Case {
        name: "sleep-writer",
        uris: &[SLEEP, WRITER],
        hosts: &[],
        allowed: &[],
        refused: &["/sleep", "/own", "/not-evil", "/present", "/only"],
    },
    Case {
        name: "hosts-only",
        uris: &[],
        hosts: &["sleep.httpbin", "cluster.local"],
        allowed: &["/open"],
        refused: &["/sleep", "/own", "/not-evil", "/present", "/only"],
    },
    Case {
        name: "evil-host",
        uris: &[EVIL],
        hosts: &["sleep.httpbin"],
        allowed: &[],
        refused: &["/own", "/open", "/not-evil", "/only"],
    },
    Case { name: "other-evil", uris: &["https://example.com/", EVIL], hosts: &[], allowed: &[], refused: ALL },
    Case { name: "evil-other", uris: &[EVIL, "https://example.com/"], hosts: &[], allowed: &[], refused: ALL },
    Case {
        name: "foreign",
        uris: &["spiffe://evil.example/ns/other/sa/sleep"],
        hosts: &[],
        allowed: &["/open"],
        refused: &["/sleep", "/own"],
    },
    Case {
        name: "nul",
        uris: &["spiffe://cluster.local/ns/httpbin/sa/sleep\0x"],
        hosts: &[],
        allowed: &[],
        refused: &["/sleep", "/own", "/only"],
    },
    Case {
        name: "longer",
        uris: &["spiffe://cluster.local/ns/httpbin/sa/sleep/x"],
        hosts: &[],
        allowed: &["/open"],
        refused: &["/sleep", "/own"],
    },
];

#[test]
fn certificates_with_many_names() {
    each_envoy("certificates", |envoy, scratch| {
        let stage = Stage::start(envoy, scratch, AUTHZ)?;
        // The gate's own authority signs one name for each, so an Envoy beside it trusts another authority, too.
        let authority = Authority::new("authority of odd certificates")?;
        let trusted = stage.gate.authority()?;
        let both = fs::read_to_string(&trusted)? + &fs::read_to_string(authority.write(scratch, "odd")?)?;
        fs::write(&trusted, both)?;
        let beside = Named::start(scratch, envoy, &stage.gate)?;

        let mut wrong = Vec::new();
        for case in &CASES {
            let identity = authority.named(scratch, case.name, case.uris, case.hosts)?;
            let shown = Some((identity.certificate.as_path(), identity.key.as_path()));
            let caller = Caller::new(case.name, "", (beside.listener(), stage.gate.host()), &trusted, shown)?;
            let all = case.allowed.iter().map(|path| (path, true)).chain(case.refused.iter().map(|path| (path, false)));
            for (path, expected) in all {
                for http2 in [false, true] {
                    let before = stage.echo.count();
                    let reply = caller.send_over(&Request::get(path), http2);
                    let arrived = stage.echo.count() > before;
                    // Envoy may end the handshake of a certificate that it cannot read.
                    let answered = reply.as_ref().map_or(0, |reply| reply.status);
                    if arrived != expected || (expected && answered != 200) {
                        wrong.push(format!("{} {path} (HTTP/2: {http2}): {answered}, arrived: {arrived}", case.name));
                    }
                }
            }
        }
        ensure!(wrong.is_empty(), "{} went wrong:\n{}", wrong.len(), wrong.join("\n"));
        ensure!(!beside.log().contains("panicked at"), "{}", beside.log());
        Ok(())
    });
}
