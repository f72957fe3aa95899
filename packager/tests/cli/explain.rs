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
            .contains("verdict   answered by Envoy with 404, behind the filter: the gateway does not serve the host\n"),
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
    sandbox.write(
        "a.har",
        format!(
            "\u{feff}{{\"log\": {{\"entries\": [{}, {}, {}]}}}}",
            entry("GET"),
            entry("GET").replace("https://httpbin.legacy.internal/get", "data:text/plain,x"),
            entry("PUT")
        ),
    );
    let all = sandbox.run(&["explain", "egress.yaml", "--har", "a.har", "--as", "httpbin/sleep"]);
    assert_data_eq!(
        all.stdout,
        str![[r#"
   1  httpbin/sleep GET httpbin.legacy.internal/get: allowed by `readers`
   3  httpbin/sleep PUT httpbin.legacy.internal/get: refused: not_allowed

"#]]
    );
    assert!(
        all.stderr.starts_with("1 entry is left out, with URLs of `data:`: no server gets these\n"),
        "{}",
        all.stderr
    );
    let one = sandbox.run(&["explain", "egress.yaml", "--har", "a.har", "--as", "httpbin/sleep", "--entry", "3"]);
    assert!(one.stdout.contains("no: the method is PUT"), "{one:?}");
    for (entry, message) in [
        ("2", "entry 2 is left out: no server gets it"),
        ("4", "there is no request 4: the last is 3"),
        ("0", "there is no request 0: the first is 1"),
    ] {
        let none =
            sandbox.run(&["explain", "egress.yaml", "--har", "a.har", "--as", "httpbin/sleep", "--entry", entry]);
        assert_eq!(none.code, Some(64));
        assert!(none.stderr.ends_with(&format!("error: {message}\n")), "{none:?}");
    }
}

#[test]
fn a_line_of_the_log_is_explained_beside_what_it_says() {
    let line = r#"{"method":"GET","path":"/get","host":"httpbin.legacy.internal","principal":"spiffe://cluster.local/ns/httpbin/sa/other","sni":null,"decision":"refused","reason":"sallyport:not_allowed"}"#;
    let ended = explain(&["--log", line]);
    assert!(ended.stdout.contains("the log   refused: not_allowed\n"), "{ended:?}");
    assert!(ended.stdout.contains("no: the caller is cluster.local/ns/httpbin/sa/other"), "{ended:?}");
}

/// A log is pasted to see what a policy decides otherwise.
#[test]
fn lines_of_the_log_are_listed_beside_what_they_say() {
    let sandbox = sandbox();
    let shadow =
        "    - {id: no-sleep, action: DENY, stage: shadow, from: [{source: {serviceAccounts: [httpbin/sleep]}}]}\n";
    let rules = GOOD.find("    - id: readers").unwrap();
    let (before, after) = GOOD.split_at(rules);
    sandbox.write("egress.yaml", format!("{before}{shadow}{after}"));
    let line = |account: &str, decision: &str| {
        format!(
            "{{\"method\":\"GET\",\"path\":\"/get\",\"host\":\"httpbin.legacy.internal\",\"principal\":\"spiffe://cluster.local/ns/httpbin/sa/{account}\",{decision}}}\n"
        )
    };
    let allowed = r#""decision":"allowed","rule":"readers""#;
    let lines = [
        line("sleep", allowed),
        line("other", allowed),
        line("other", r#""decision":"refused","reason":"sallyport:not_allowed""#),
        line("other", r#""decision":null"#),
    ];
    let ended = sandbox.run_with(&["explain", "egress.yaml", "--log", "-"], lines.concat().as_bytes());
    assert_data_eq!(
        ended.stdout,
        str![[r#"
   1  httpbin/sleep GET httpbin.legacy.internal/get: allowed by `readers`, as the log says; shadow would be refused: denied by `no-sleep`
   2  httpbin/other GET httpbin.legacy.internal/get: refused: not_allowed, the log says allowed by `readers`
   3  httpbin/other GET httpbin.legacy.internal/get: refused: not_allowed, as the log says
   4  httpbin/other GET httpbin.legacy.internal/get: refused: not_allowed

"#]]
    );
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
        (&["DELETE", "--as", "a/b"], 64, "the path is missing after `DELETE`"),
        (&["delete", "--as", "a/b"], 64, "the path is missing after `delete`"),
        (&["get", "--as", "a/b"], 64, "the path is missing after `get`"),
        (&["x.y", "--as", "a/b"], 64, "`x.y` is neither a path nor a URL"),
        (
            &["--curl", "curl https://a && curl https://b", "--as", "a/b"],
            1,
            "the command:1:19: a second command begins here: `curl`",
        ),
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

#[test]
fn standard_input_is_named_so() {
    let ended = sandbox().run_with(&["explain", "egress.yaml", "--har", "-", "--as", "a/b"], b"[]");
    assert!(ended.stderr.starts_with("error: <stdin>:1:1: this is not a HAR file: it has no `log`\n"), "{ended:?}");
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
    assert!(ended.code == Some(1) && ended.stderr.contains("error[SP0203]"), "{ended:?}");
}

/// Other files of the folder, cases above all, are of no concern to a request; the Mesh file is.
#[test]
fn only_what_the_file_needs_is_read() {
    let sandbox = sandbox();
    sandbox.write("other.yaml", crate::sandbox::bad());
    sandbox.write("cases.yaml", "apiVersion: sallyport.dev/v1alpha1\nkind: Cases\ngroups: [");
    let arguments = ["explain", "egress.yaml", "--as", "httpbin/sleep", "/get"];
    let ended = sandbox.run(&arguments);
    assert!(ended.code == Some(0) && ended.stdout.contains("\nverdict   allowed by `readers`\n"), "{ended:?}");
    let mesh =
        "apiVersion: sallyport.dev/v1alpha1\nkind: Mesh\nmetadata: {name: mesh}\nspec: {trustDomain: td.example}\n";
    sandbox.write("mesh.yaml", mesh);
    assert!(sandbox.run(&arguments).stdout.contains("principal td.example/ns/httpbin/sa/sleep"));
    sandbox.write("mesh.yaml", mesh.replace("spec:", "spce:"));
    assert_eq!(sandbox.run(&arguments).code, Some(1));
}

#[test]
fn what_envoy_does_is_a_part_of_the_explanation() {
    let ended = explain(&["--as", "httpbin/sleep", "/a/../%67et"]);
    assert!(ended.stdout.contains("          :path: /get\n"), "{ended:?}");
    assert!(
        ended.stdout.contains("note      Envoy makes the path /get of /a/../%67et before the filter\n"),
        "{ended:?}"
    );
    let refused = explain(&["--as", "httpbin/sleep", "/a%00"]);
    assert_data_eq!(
        refused.stdout,
        str![[r#"
httpbin/sleep GET /a%00

verdict   answered by Envoy with 400, before the filter: the path is not valid
caller    gets 400
upstream  gets nothing

No rule was evaluated.

"#]]
    );
    let name = explain(&["--as", "httpbin/sleep", "/get", "--sni", "example.com"]);
    assert!(
        name.stdout.contains("verdict   no connection: ") && name.stdout.contains("caller    gets nothing\n"),
        "{name:?}"
    );
    let ambiguous = explain(&["--as", "httpbin/sleep", "/a//b"]);
    assert!(ambiguous.stdout.contains("principal cluster.local/ns/httpbin/sa/sleep\n"), "{ambiguous:?}");
}

/// The host that callers outside the mesh use is the ingress gateway's.
#[test]
fn an_exposed_host_is_rewritten_by_the_ingress_gateway() {
    let sandbox = sandbox();
    sandbox.write(
        "egress.yaml",
        GOOD.replace("  upstream:\n", "  expose: {host: out.example, credentialName: c}\n  upstream:\n"),
    );
    let url = "https://out.example/get";
    let inside = sandbox.run(&["explain", "egress.yaml", "--as", "istio-system/ingress", "--format", "json", url]);
    let said: Value = serde_json::from_str(&inside.stdout).unwrap();
    assert_eq!(said["decision"]["reason"], "not_allowed");
    assert_eq!(said["notes"][0], "the ingress gateway makes the host httpbin.legacy.internal of out.example");
    let direct = sandbox.run(&["explain", "egress.yaml", "--as", "httpbin/sleep", url]);
    assert!(direct.stdout.contains("note      the ingress gateway serves it: add `--through "), "{direct:?}");
}

/// Methods are compared as they are written.
#[test]
fn a_method_in_lower_case_is_noted() {
    let note = "note      methods are case-sensitive: get is not GET\n";
    let lower = explain(&["--as", "httpbin/sleep", "get", "/get"]);
    assert!(lower.stdout.contains(note) && lower.stdout.contains("refused: not_allowed"), "{lower:?}");
    let upper = explain(&["--as", "httpbin/sleep", "GET", "/get"]);
    assert!(!upper.stdout.contains("case-sensitive"), "{upper:?}");
}

/// No client sends the fragment of a URL. A path is taken as it is written.
#[test]
fn the_fragment_of_a_url_is_not_sent() {
    let url = explain(&["--as", "httpbin/sleep", "https://httpbin.legacy.internal/get?a#b?c"]);
    assert!(url.stdout.starts_with("httpbin/sleep GET /get?a\n") && url.stdout.contains("allowed by"), "{url:?}");
    let host = explain(&["--as", "httpbin/sleep", "https://httpbin.legacy.internal#/get"]);
    assert!(host.stdout.starts_with("httpbin/sleep GET /\n"), "{host:?}");
    let path = explain(&["--as", "httpbin/sleep", "/get#b"]);
    assert!(path.stdout.contains("answered by Envoy with 400"), "{path:?}");
}

/// `-H` of `explain` is not curl's: a header without a value is sent so.
#[test]
fn a_header_may_be_empty() {
    let ended = explain(&["--as", "httpbin/sleep", "/get", "-H", "X-Empty:"]);
    assert!(ended.stdout.starts_with("httpbin/sleep GET /get -H 'x-empty: '\n"), "{ended:?}");
    assert!(ended.stdout.contains("          x-empty: \n"), "{ended:?}");
}
