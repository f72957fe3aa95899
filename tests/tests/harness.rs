//! The harness against itself, without a gate: what the other tests take for granted.

use anyhow::Result;
use sallyport_tests::certs::Authority;
use sallyport_tests::client::{Caller, Request};
use sallyport_tests::echo::Echo;
use sallyport_tests::process::Scratch;
use sallyport_tests::upstream::Httpbin;

#[test]
fn httpbin_answers_over_tls() -> Result<()> {
    let scratch = Scratch::new("harness-httpbin")?;
    let authority = Authority::new("upstream authority")?;
    let ca = authority.write(&scratch, "ca")?;
    let identity = authority.server(&scratch, "httpbin.org", &["httpbin.org"])?;
    let httpbin = Httpbin::start(&scratch, &identity, None)?;

    let caller = Caller::new("test", "", (httpbin.address(), "httpbin.org"), &ca, None)?;
    let mut connection = caller.http1()?;
    assert_eq!(connection.send(&Request::get("/status/418"))?.status, 418);
    assert!(connection.send(&Request::new("HEAD", "/get"))?.body.is_empty());
    let posted = connection.send(&Request::new("POST", "/post").body("hello"))?;
    assert!(posted.text().contains("\"data\": \"hello\""), "{posted:?}");
    assert_eq!(connection.send(&Request::get("/stream/3"))?.text().lines().count(), 3);

    let misled = Caller::new("test", "", (httpbin.address(), "example.org"), &ca, None)?;
    assert!(misled.send(&Request::get("/get")).is_err(), "another name must not be believed");
    Ok(())
}

#[test]
fn httpbin_can_ask_for_a_certificate() -> Result<()> {
    let scratch = Scratch::new("harness-mutual")?;
    let authority = Authority::new("upstream authority")?;
    let ca = authority.write(&scratch, "ca")?;
    let identity = authority.server(&scratch, "httpbin.org", &["httpbin.org"])?;
    let httpbin = Httpbin::start(&scratch, &identity, Some(&ca))?;

    let client = authority.client(&scratch, "client", "spiffe://cluster.local/ns/a/sa/b")?;
    let files = (client.certificate.as_path(), client.key.as_path());
    let known = Caller::new("test", "", (httpbin.address(), "httpbin.org"), &ca, Some(files))?;
    assert_eq!(known.send(&Request::get("/get"))?.status, 200);

    let unknown = Caller::new("test", "", (httpbin.address(), "httpbin.org"), &ca, None)?;
    assert!(unknown.send(&Request::get("/get")).is_err(), "{}", httpbin.log());
    Ok(())
}

#[test]
fn the_echo_keeps_what_was_sent() -> Result<()> {
    let scratch = Scratch::new("harness-echo")?;
    let authority = Authority::new("upstream authority")?;
    let ca = authority.write(&scratch, "ca")?;
    let echo = Echo::start(&authority.server(&scratch, "echo.test", &["echo.test"])?)?;

    let caller = Caller::new("test", "", (echo.address(), "echo.test"), &ca, None)?;
    let request = Request::get("/a//b?c").header("X-Raw", b"\xff").header("x-twice", "1").header("x-twice", "2");
    assert_eq!(caller.send(&request)?.text(), "ok\n");
    let [received] = echo.take().try_into().expect("one request");
    assert_eq!(received.line, "GET /a//b?c HTTP/1.1");
    assert_eq!(received.values("x-raw").collect::<Vec<_>>(), [b"\xff"]);
    assert_eq!(received.values("x-twice").collect::<Vec<_>>(), [b"1", b"2"]);
    assert_eq!(received.sni, "echo.test");
    assert_eq!(echo.count(), 1);
    Ok(())
}
