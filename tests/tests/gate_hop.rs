//! Headers that are for one connection, or for a proxy, end at the gateway.

use anyhow::ensure;
use sallyport_tests::client::Request;
use sallyport_tests::envoys::each_envoy;
use sallyport_tests::stage::{Stage, egress};

const AUTHZ: &str = "rules: [{id: all, action: ALLOW, from: [{source: {namespaces: [httpbin]}}]}]\n";

#[test]
fn what_is_for_one_hop_goes_no_further() {
    let request = [
        ("connection", "keep-alive, x-nominated"),
        ("x-nominated", "1"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("proxy-authorization", "Basic eDp5"),
        ("te", "trailers, deflate"),
    ];
    let request = request.into_iter().fold(Request::get("/get"), |request, (name, value)| request.header(name, value));
    each_envoy("hop", |envoy, scratch| {
        // Envoy's own part it does whatever the file says; `te: trailers` is what every HTTP/2 caller may say.
        for (hygiene, wanted) in [
            ("strict", &["host", "te", "x-request-id"][..]),
            (
                "compatible",
                &["host", "proxy-authorization", "te", "x-forwarded-for", "x-forwarded-proto", "x-request-id"],
            ),
        ] {
            let more = format!("  tracing: {{mode: strip}}\n  headers: {{hygiene: {hygiene}}}\n");
            let stage = Stage::with_file(envoy, scratch, &(egress(AUTHZ) + &more))?;
            let names = stage.pass(&request, false)?.names();
            ensure!(names == wanted, "{hygiene}: {names:?}");
        }
        Ok(())
    });
}
