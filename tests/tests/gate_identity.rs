//! Who is calling: certificates, their absence, and the headers that claim to stand for them.

use anyhow::Result;
use sallyport_tests::client::{Caller, Reply, Request};
use sallyport_tests::envoys::each_envoy;
use sallyport_tests::stage::Stage;

const XFCC: &str = "x-forwarded-client-cert";
const SLEEP: &str = "By=spiffe://cluster.local/ns/httpbin/sa/gateway;Hash=00;Subject=\"\";\
                     URI=spiffe://cluster.local/ns/httpbin/sa/sleep";

const AUTHZ: &str = "
discloseRule: true
trustedForwarders: [cluster.local/ns/istio-system/sa/ingressgateway]
rules:
- id: sleepers
  action: ALLOW
  from: [{source: {serviceAccounts: [httpbin/sleep]}}]
  to: [{operation: {paths: [/sleep]}}]
- id: forwarders
  action: ALLOW
  from: [{source: {principals: [cluster.local/ns/istio-system/sa/ingressgateway]}}]
  to: [{operation: {paths: [/forwarder]}}]
- id: own-namespace
  action: ALLOW
  from: [{source: {namespaces: [httpbin]}}]
  to: [{operation: {paths: [/namespace]}}]
- id: not-strangers
  action: ALLOW
  from: [{source: {notNamespaces: [other]}}]
  to: [{operation: {paths: [/not-strangers]}}]
";

/// Over both protocols the answer must be the same.
fn ask(caller: &Caller, request: &Request) -> Result<Reply> {
    let first = caller.http1()?.send(request)?;
    let second = caller.http2()?.send(request)?;
    let told = |reply: &Reply| {
        let spoken = reply.spoken();
        (reply.status, spoken.verdict, spoken.reason, spoken.rule, spoken.kind)
    };
    assert_eq!(told(&first), told(&second), "{}: HTTP/1.1 and HTTP/2 differ on {request:?}", caller.name);
    Ok(first)
}

fn allowed(caller: &Caller, request: &Request, rule: &str) -> Result<()> {
    let reply = ask(caller, request)?;
    let spoken = reply.spoken();
    assert_eq!((reply.status, spoken.rule.as_str()), (200, rule), "{}: {request:?}: {reply:?}", caller.name);
    assert_eq!(spoken.verdict, "allowed", "{reply:?}");
    Ok(())
}

fn refused(caller: &Caller, request: &Request, status: u16, reason: &str) -> Result<()> {
    let reply = ask(caller, request)?;
    let spoken = reply.spoken();
    assert_eq!((reply.status, spoken.reason.as_str()), (status, reason), "{}: {request:?}: {reply:?}", caller.name);
    assert_eq!(spoken.verdict, "refused", "{reply:?}");
    assert!(!spoken.id.is_empty(), "{reply:?}");
    Ok(())
}

#[test]
fn a_certificate_is_the_identity() {
    each_envoy("identity", |envoy, scratch| {
        let stage = Stage::start(envoy, scratch, AUTHZ)?;
        let (sleep, writer, stranger, nobody) =
            (stage.sleep()?, stage.writer()?, stage.stranger()?, stage.gate.nobody()?);

        allowed(&sleep, &Request::get("/sleep"), "sleepers")?;
        allowed(&sleep, &Request::get("/namespace"), "own-namespace")?;
        allowed(&writer, &Request::get("/namespace"), "own-namespace")?;
        allowed(&writer, &Request::get("/not-strangers"), "not-strangers")?;
        refused(&writer, &Request::get("/sleep"), 403, "not_allowed")?;
        refused(&stranger, &Request::get("/sleep"), 403, "not_allowed")?;
        refused(&stranger, &Request::get("/namespace"), 403, "not_allowed")?;
        refused(&stranger, &Request::get("/not-strangers"), 403, "not_allowed")?;
        for path in ["/sleep", "/namespace", "/not-strangers", "/elsewhere"] {
            refused(&nobody, &Request::get(path), 401, "no_identity")?;
        }
        Ok(())
    });
}

#[test]
fn a_header_is_no_identity() {
    each_envoy("forged", |envoy, scratch| {
        let stage = Stage::start(envoy, scratch, AUTHZ)?;
        let claims = [
            SLEEP.to_owned(),
            format!("{SLEEP},{SLEEP}"),
            "URI=spiffe://cluster.local/ns/httpbin/sa/sleep".to_owned(),
            "URI=spiffe://cluster.local/ns/istio-system/sa/ingressgateway,".to_owned() + SLEEP,
        ];
        for claim in &claims {
            let request = Request::get("/sleep").header(XFCC, claim);
            refused(&stage.stranger()?, &request, 403, "not_allowed")?;
            refused(&stage.gate.nobody()?, &request, 401, "no_identity")?;
            let twice = request.header(XFCC, SLEEP);
            refused(&stage.stranger()?, &twice, 403, "not_allowed")?;
        }
        // A gateway with forwarders keeps what callers send, so what cannot be read is refused.
        for open in ["URI=\"spiffe://cluster.local/ns/httpbin/sa/sleep\"", "By=\"", "Hash=00;Subject=\"", "x=\""] {
            let request = Request::get("/sleep").header(XFCC, open);
            refused(&stage.stranger()?, &request, 400, "ambiguous_request")?;
            refused(&stage.stranger()?, &request.clone().header(XFCC, SLEEP), 400, "ambiguous_request")?;
            refused(&stage.gate.nobody()?, &request, 401, "no_identity")?;
        }
        assert_eq!(stage.echo.count(), 0, "a refused request reached the upstream");

        // It neither helps nor hurts one who may.
        allowed(
            &stage.sleep()?,
            &Request::get("/sleep").header(XFCC, "URI=spiffe://cluster.local/ns/a/sa/b"),
            "sleepers",
        )
    });
}

#[test]
fn a_trusted_forwarder_speaks_for_its_caller() {
    each_envoy("forwarder", |envoy, scratch| {
        let stage = Stage::start(envoy, scratch, AUTHZ)?;
        let forwarder = stage.forwarder()?;

        allowed(&forwarder, &Request::get("/sleep").header(XFCC, SLEEP), "sleepers")?;
        allowed(&forwarder, &Request::get("/forwarder"), "forwarders")?;
        refused(&forwarder, &Request::get("/sleep"), 403, "not_allowed")?;
        // What it forwards counts, not what it is.
        refused(&forwarder, &Request::get("/forwarder").header(XFCC, SLEEP), 403, "not_allowed")?;
        // The last element is the one that the forwarder wrote; those before are its caller's to invent.
        let stranger = "URI=spiffe://cluster.local/ns/other/sa/stranger";
        let invented = format!("{SLEEP},{stranger}");
        refused(&forwarder, &Request::get("/sleep").header(XFCC, invented), 403, "not_allowed")?;
        let true_one = format!("{stranger},{SLEEP}");
        allowed(&forwarder, &Request::get("/sleep").header(XFCC, true_one), "sleepers")?;
        // What cannot be read is refused.
        refused(&forwarder, &Request::get("/sleep").header(XFCC, "URI=\"spiffe://"), 400, "ambiguous_request")?;
        // Its caller has opened a quote, which a quote in the subject would close.
        for open in ["By=\"", "Subject=\"", "x=\""] {
            let own = "Hash=00;Cert=\"--\";Subject=\"CN=a\\\"b\";URI=";
            let line = format!("URI=spiffe://cluster.local/ns/httpbin/sa/sleep;{open},{own}");
            refused(&forwarder, &Request::get("/sleep").header(XFCC, line), 400, "ambiguous_request")?;
        }
        // A name of its caller has a semicolon.
        let line = "Hash=00;Subject=\"\";URI=;DNS=x;URI=spiffe://cluster.local/ns/httpbin/sa/sleep";
        refused(&forwarder, &Request::get("/sleep").header(XFCC, line), 400, "ambiguous_request")
    });
}
