//! The other side: TLS to the upstream, verified, with the right name; and what the upstream gets to see.

use anyhow::{Result, ensure};
use sallyport_tests::certs::{Authority, Identity};
use sallyport_tests::client::Request;
use sallyport_tests::echo::Echo;
use sallyport_tests::envoys::{Envoy, each_envoy};
use sallyport_tests::gate::{Gate, Options};
use sallyport_tests::process::Scratch;
use sallyport_tests::stage::{CALLERS, UPSTREAM, egress};
use sallyport_tests::upstream::Httpbin;

const AUTHZ: &str = "
rules:
- id: readers
  action: ALLOW
  from: [{source: {serviceAccounts: [httpbin/sleep]}}]
  to: [{operation: {methods: [GET]}}]
";

fn gate(envoy: &Envoy, scratch: &Scratch, upstream: std::net::SocketAddr, ca: &std::path::Path) -> Result<Gate> {
    let egress = egress(AUTHZ);
    let options = Options { envoy: &envoy.path, egress: &egress, upstream, authority: ca, callers: &CALLERS };
    Gate::start(scratch, &options)
}

fn serve(scratch: &Scratch, authority: &Authority, hosts: &[&str]) -> Result<(Echo, Identity)> {
    let identity = authority.server(scratch, "upstream", hosts)?;
    Ok((Echo::start(&identity)?, identity))
}

#[test]
fn the_upstream_sees_its_own_name() {
    each_envoy("sni", |envoy, scratch| {
        let authority = Authority::new("upstream authority")?;
        let ca = authority.write(scratch, "upstream-ca")?;
        let (echo, _) = serve(scratch, &authority, &[UPSTREAM])?;
        let gate = gate(envoy, scratch, echo.address(), &ca)?;

        let reply = gate.caller("httpbin/sleep")?.send(&Request::get("/get?a=b").header("x-mine", "1"))?;
        ensure!(reply.status == 200, "{reply:?}");
        let seen = echo.take();
        let [seen] = seen.as_slice() else { anyhow::bail!("not one request: {seen:?}") };
        ensure!(seen.line == "GET /get?a=b HTTP/1.1", "{seen:?}");
        ensure!(seen.sni == UPSTREAM, "{seen:?}");
        ensure!(seen.values("host").eq([UPSTREAM.as_bytes()]), "the upstream is asked for another host: {seen:?}");
        ensure!(seen.values("x-mine").eq([b"1"]), "{seen:?}");
        Ok(())
    });
}

/// What the caller writes in its place is overwritten, and the upstream learns nothing of the mark.
#[test]
fn the_mark_of_the_route_is_the_filters_own() {
    each_envoy("mark", |envoy, scratch| {
        let authority = Authority::new("upstream authority")?;
        let ca = authority.write(scratch, "upstream-ca")?;
        let (echo, _) = serve(scratch, &authority, &[UPSTREAM])?;
        let gate = gate(envoy, scratch, echo.address(), &ca)?;

        let marks = ["httpbin/other", "httpbin/httpbin", ""];
        let forged = marks.iter().fold(Request::get("/get"), |request, mark| request.header("x-sallyport-route", mark));
        let reply = gate.caller("httpbin/sleep")?.send(&forged)?;
        ensure!(reply.status == 200, "{reply:?}");
        let refused = gate.caller("elsewhere/stranger")?.send(&forged)?;
        ensure!(refused.status == 403, "{refused:?}");
        let seen = echo.take();
        let [seen] = seen.as_slice() else { anyhow::bail!("not one request: {seen:?}") };
        ensure!(seen.values("x-sallyport-route").next().is_none(), "{seen:?}");
        Ok(())
    });
}

#[test]
fn an_upstream_with_another_name_is_not_believed() {
    each_envoy("wrong-name", |envoy, scratch| {
        let authority = Authority::new("upstream authority")?;
        let ca = authority.write(scratch, "upstream-ca")?;
        let (echo, _) = serve(scratch, &authority, &["example.org"])?;
        let gate = gate(envoy, scratch, echo.address(), &ca)?;

        let reply = gate.caller("httpbin/sleep")?.send(&Request::get("/get"))?;
        ensure!(reply.status == 503, "{reply:?}");
        ensure!(echo.count() == 0, "the wrong upstream was asked");
        Ok(())
    });
}

#[test]
fn an_upstream_of_another_authority_is_not_believed() {
    each_envoy("wrong-ca", |envoy, scratch| {
        let ca = Authority::new("upstream authority")?.write(scratch, "upstream-ca")?;
        let (echo, _) = serve(scratch, &Authority::new("upstream authority")?, &[UPSTREAM])?;
        let gate = gate(envoy, scratch, echo.address(), &ca)?;

        let reply = gate.caller("httpbin/sleep")?.send(&Request::get("/get"))?;
        ensure!(reply.status == 503, "{reply:?}");
        ensure!(echo.count() == 0, "the wrong upstream was asked");
        Ok(())
    });
}

#[test]
fn an_upstream_that_asks_for_a_certificate_gets_one() {
    each_envoy("mutual", |envoy, scratch| {
        let authority = Authority::new("upstream authority")?;
        let ca = authority.write(scratch, "upstream-ca")?;
        let identity = authority.server(scratch, "upstream", &[UPSTREAM])?;
        let httpbin = Httpbin::start(scratch, &identity, Some(&ca))?;
        let client = authority.server(scratch, "gateway", &["gateway.test"])?;

        let simple = egress(AUTHZ);
        let mutual = simple.replace(
            "mode: SIMPLE",
            &format!(
                "mode: MUTUAL, clientCertificate: {:?}, privateKey: {:?}",
                client.certificate.display().to_string(),
                client.key.display().to_string()
            ),
        );
        for (egress, status) in [(mutual, 200), (simple, 503)] {
            let options = Options {
                envoy: &envoy.path,
                egress: &egress,
                upstream: httpbin.address(),
                authority: &ca,
                callers: &CALLERS,
            };
            let gate = Gate::start(scratch, &options)?;
            let reply = gate.caller("httpbin/sleep")?.send(&Request::get("/get"))?;
            ensure!(reply.status == status, "{egress}\n{reply:?}");
        }
        Ok(())
    });
}
