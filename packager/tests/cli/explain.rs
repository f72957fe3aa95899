//! `sallyport explain`

use serde_json::Value;
use snapbox::{assert_data_eq, str};

use crate::sandbox::{Ended, GOOD, Sandbox};

fn sandbox() -> Sandbox {
    Sandbox::with(&[("egress.yaml", GOOD)])
}

fn explain(arguments: &[&str]) -> Ended {
    sandbox().run(&[&["explain", "egress.yaml"], arguments].concat())
}

#[test]
fn a_refusal_names_the_condition_that_failed() {
    let ended = explain(&["--as", "httpbin/sleep", "DELETE", "/get", "-H", "X-Role: a"]);
    assert_data_eq!(
        ended.stdout,
        str![[r#"
httpbin/sleep DELETE /get -H 'x-role: a'

verdict   refused: not_allowed
principal cluster.local/ns/httpbin/sa/sleep
caller    gets 403, x-sallyport: refused;reason=not_allowed
upstream  gets nothing

rules
  readers  ALLOW  no: the method is DELETE  (egress.yaml:20:20)

"#]]
    );
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}

#[test]
fn an_allowed_request_shows_what_the_upstream_gets() {
    let ended = explain(&["--as", "httpbin/sleep", "/get?a=b", "--format", "json"]);
    let said: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(said["decision"]["rule"], "readers");
    let headers = said["upstream"]["headers"].as_array().unwrap();
    let value = |name: &str| headers.iter().find(|header| header["name"] == name).map(|header| header["value"].clone());
    assert_eq!((value(":authority"), value(":path")), (Some("httpbin.org".into()), Some("/get?a=b".into())));
    assert_eq!(value("x-forwarded-client-cert"), None);
    assert_eq!((&said["rules"][0]["matched"], &said["answer"]), (&Value::Bool(true), &Value::Null));
}

#[test]
fn a_curl_command_is_a_request_by_the_caller_of_its_certificate() {
    let command = "curl -i --cert /x/callers/httpbin.sleep.pem --key k --resolve httpbin.legacy.internal:8443:127.0.0.1 \
                   https://httpbin.legacy.internal:8443/get";
    let ended = explain(&["--curl", command]);
    assert!(
        ended.stdout.contains("\nverdict   allowed by `readers`\n") && !ended.stdout.contains("\nnote"),
        "{ended:?}"
    );
    let piped =
        sandbox().run_with(&["explain", "egress.yaml", "--curl", "-", "--as", "httpbin/other"], command.as_bytes());
    assert!(piped.stdout.contains("\nverdict   refused: not_allowed\n"), "{piped:?}");
    let elsewhere = explain(&["--as", "httpbin/sleep", "--curl", "curl https://example.com"]);
    assert!(
        elsewhere
            .stdout
            .contains("note      the gateway does not serve the host example.com, but httpbin.legacy.internal"),
        "{elsewhere:?}"
    );
}

#[test]
fn the_requests_of_a_har_are_listed_and_one_is_explained() {
    let sandbox = sandbox();
    let entry = |method: &str| {
        format!(
            r#"{{"request": {{"method": "{method}", "url": "https://httpbin.legacy.internal/get", "headers": []}}, "response": {{}}}}"#
        )
    };
    sandbox.write("a.har", format!(r#"{{"log": {{"entries": [{}, {}]}}}}"#, entry("GET"), entry("PUT")));
    let all = sandbox.run(&["explain", "egress.yaml", "--har", "a.har", "--as", "httpbin/sleep"]);
    assert_data_eq!(
        all.stdout,
        str![[r#"
   1  httpbin/sleep GET /get: allowed by `readers`
   2  httpbin/sleep PUT /get: refused: not_allowed

"#]]
    );
    let one = sandbox.run(&["explain", "egress.yaml", "--har", "a.har", "--as", "httpbin/sleep", "--entry", "2"]);
    assert!(one.stdout.contains("no: the method is PUT"), "{one:?}");
    let none = sandbox.run(&["explain", "egress.yaml", "--har", "a.har", "--as", "httpbin/sleep", "--entry", "3"]);
    assert_eq!((none.code, none.stderr.as_str()), (Some(64), "error: there is no request 3: there are 2\n"));
}

#[test]
fn a_line_of_the_log_is_explained_beside_what_it_says() {
    let line = r#"{"method":"GET","path":"/get","host":"httpbin.legacy.internal","principal":"spiffe://cluster.local/ns/httpbin/sa/other","sni":null,"decision":"refused","reason":"sallyport:not_allowed"}"#;
    let ended = explain(&["--log", line]);
    assert!(ended.stdout.contains("the log   refused: not_allowed\n"), "{ended:?}");
    assert!(ended.stdout.contains("no: the caller is cluster.local/ns/httpbin/sa/other"), "{ended:?}");
}

/// What an attacker sends is in the log, and must not reach the terminal of its reader.
#[test]
fn control_characters_are_escaped() {
    let line = "{\"method\":\"GET\",\"path\":\"/\\u001b[31m\",\"traceparent\":\"\\u202e\\u0007\",\"principal\":\"spiffe://cluster.local/ns/a/sa/b\"}";
    let ended = explain(&["--log", line]);
    assert!(ended.code == Some(0) && ended.stdout.contains("\\u{1b}[31m"), "{ended:?}");
    assert!(!ended.stdout.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{ended:?}");
    let several = sandbox().run_with(&["explain", "egress.yaml", "--log", "-"], format!("{line}\n{line}\n").as_bytes());
    assert!(several.code == Some(0) && !several.stdout.contains('\u{1b}'), "{several:?}");
}

/// Whoever pastes something gets told what is wrong with it, and where.
#[test]
fn what_cannot_be_read_is_named_with_its_place() {
    for (arguments, code, message) in [
        (
            &["--log", r#"{"method":"GET","pa"#][..],
            1,
            "the line:1:19: a line of the access log ends here in the middle: it is cut",
        ),
        (&["--curl", "curl 'https://a", "--as", "a/b"], 1, "the command:1:6: the quotes that begin here do not end"),
        (&["--har", "missing.har"], 3, "cannot read `missing.har`: no such file or directory"),
        (&["GET", "get", "--as", "a/b"], 64, "`get` is neither a path nor a URL"),
        (&["/get"], 64, "nothing says who calls"),
        (&["--as", "a/b"], 64, "the request is missing"),
        (&["--as", "a", "/get"], 64, "`a` is not a caller"),
        (&["--as", "a/b", "/get", "-H", "x"], 64, "`x` is not a header"),
        (&["--as", "a/b", "/get", "--claims", "{"], 64, "the claims are not a JSON object: column 1"),
        (&["--as", "spiffe://a b", "/get"], 64, "`spiffe://a b` is not a caller"),
        (
            &["--as", "a/b", "/get", "--metadata", r#"{"a": 1}"#],
            64,
            "the metadata is not a JSON object of objects: column 7",
        ),
    ] {
        let ended = explain(arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(code), ""), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.starts_with(&format!("error: {message}\n")), "{arguments:?}: {ended:?}");
    }
}

/// It is not read to its end.
#[test]
fn a_har_of_a_hundred_megabytes_is_refused() {
    let sandbox = sandbox();
    let file = std::fs::File::create(sandbox.path().join("big.har")).unwrap();
    file.set_len(100 << 20).unwrap();
    let ended = sandbox.run(&["explain", "egress.yaml", "--har", "big.har", "--as", "a/b"]);
    assert_eq!(ended.code, Some(3));
    assert!(ended.stderr.starts_with("error: cannot read `big.har`: it is larger than 64 MiB\n"), "{ended:?}");
}

#[test]
fn an_invalid_egress_is_reported_as_check_does() {
    let sandbox = Sandbox::with(&[("egress.yaml", &crate::sandbox::bad())]);
    let ended = sandbox.run(&["explain", "egress.yaml", "--as", "a/b", "/get"]);
    assert!(ended.code == Some(1) && ended.stdout.contains("error[SP0203]"), "{ended:?}");
}
