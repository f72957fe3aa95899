//! Where a caller stands and what its connection asks for: addresses, X-Forwarded-For, ports, SNI.

use anyhow::Result;
use sallyport_tests::client::{Caller, Request};
use sallyport_tests::envoys::each_envoy;
use sallyport_tests::stage::{Stage, egress, egress_with};

const XFF: &str = "x-forwarded-for";

fn status(caller: &Caller, request: &Request) -> Result<u16> {
    Ok(caller.send(request)?.status)
}

#[test]
fn without_trusted_proxies_a_header_moves_nobody() {
    let authz = "
rules:
- id: near
  action: ALLOW
  from: [{source: {ipBlocks: [127.0.0.0/8]}}]
  to: [{operation: {paths: [/near]}}]
- id: remote
  action: ALLOW
  from: [{source: {remoteIpBlocks: [127.0.0.0/8]}}]
  to: [{operation: {paths: [/remote]}}]
- id: far
  action: ALLOW
  from: [{source: {remoteIpBlocks: [10.1.2.0/24]}}]
  to: [{operation: {paths: [/far]}}]
";
    each_envoy("addresses", |envoy, scratch| {
        let stage = Stage::with_file(envoy, scratch, &egress(authz))?;
        let sleep = stage.sleep()?;
        for forged in [None, Some("10.1.2.3"), Some("10.1.2.3, 10.1.2.4"), Some("nonsense")] {
            let ask = |path: &str| match forged {
                Some(value) => Request::get(path).header(XFF, value),
                None => Request::get(path),
            };
            assert_eq!(status(&sleep, &ask("/near"))?, 200, "{forged:?}");
            assert_eq!(status(&sleep, &ask("/remote"))?, 200, "{forged:?}");
            assert_eq!(status(&sleep, &ask("/far"))?, 403, "{forged:?}");
        }
        Ok(())
    });
}

#[test]
fn behind_a_trusted_proxy_only_what_it_adds_counts() {
    let authz = "
rules:
- id: far
  action: ALLOW
  from: [{source: {remoteIpBlocks: [10.1.2.0/24]}}]
  to: [{operation: {paths: [/far]}}]
";
    each_envoy("proxies", |envoy, scratch| {
        let stage = Stage::with_file(envoy, scratch, &egress_with("gateway: {numTrustedProxies: 1}", authz))?;
        let sleep = stage.sleep()?;
        for (forwarded, expected) in [
            // The trusted proxy writes the last address; what stands before it is the caller's own invention.
            ("10.1.2.3", 200),
            ("192.0.2.1, 10.1.2.3", 200),
            ("10.1.2.3, 192.0.2.1", 403),
            ("192.0.2.1", 403),
        ] {
            let request = Request::get("/far").header(XFF, forwarded);
            assert_eq!(status(&sleep, &request)?, expected, "{forwarded}");
        }
        assert_eq!(status(&sleep, &Request::get("/far"))?, 403);
        Ok(())
    });
}

#[test]
fn a_host_behind_another_name_is_seen() {
    let authz = "
rules:
- id: fronted
  action: ALLOW
  to: [{operation: {paths: [/fronted], hosts: [inner.example]}}]
  when: [{key: connection.sni, values: [inner.example]}]
- id: straight
  action: ALLOW
  to: [{operation: {paths: [/straight], hosts: [httpbin.legacy.internal]}}]
  when: [{key: connection.sni, values: [httpbin.legacy.internal]}]
";
    each_envoy("sni", |envoy, scratch| {
        let stage = Stage::with_file(envoy, scratch, &egress(authz))?;
        let sleep = stage.sleep()?;
        let as_host = |path: &str, host: &str| Request::get(path).host(host);
        assert_eq!(status(&sleep, &as_host("/straight", "httpbin.legacy.internal"))?, 200);
        assert_eq!(status(&sleep, &as_host("/straight", "HTTPBIN.legacy.internal:8443"))?, 200);
        // Of the same host for the rule; no route has the dot.
        assert_eq!(status(&sleep, &as_host("/straight", "HTTPBIN.legacy.internal.:8443"))?, 404);
        assert_eq!(status(&sleep, &as_host("/straight", "inner.example"))?, 403);
        assert_eq!(status(&sleep, &as_host("/fronted", "inner.example"))?, 403);
        assert_eq!(status(&sleep, &as_host("/straight", "user@httpbin.legacy.internal"))?, 400);
        Ok(())
    });
}

#[test]
fn the_version_of_tls_is_seen() {
    let authz = "
rules:
- id: new
  action: ALLOW
  to: [{operation: {paths: [/new]}}]
  when: [{key: connection.tlsVersion, values: [TLSv1.3]}]
- id: no-old
  action: DENY
  to: [{operation: {paths: [/denied]}}]
  when: [{key: connection.tlsVersion, values: [TLSv1.2]}]
- id: others
  action: ALLOW
  to: [{operation: {paths: [/denied]}}]
- id: not-new
  action: ALLOW
  to: [{operation: {paths: [/not-new]}}]
  when: [{key: connection.tlsVersion, notValues: [TLSv1.3]}]
";
    each_envoy("tls-version", |envoy, scratch| {
        let stage = Stage::with_file(envoy, scratch, &egress(authz))?;
        let sleep = stage.sleep()?;
        for (caller, expected) in [(&sleep, [200, 200, 403]), (&sleep.with_tls12(), [403, 403, 200])] {
            for (path, expected) in ["/new", "/denied", "/not-new"].into_iter().zip(expected) {
                assert_eq!(status(caller, &Request::get(path))?, expected, "{path}");
            }
        }
        Ok(())
    });
}
