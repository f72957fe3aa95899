//! The classes of attack on gateways that have had a name, one test each: every case ends in a refusal, in 400, or in
//! the right match. The numbers are those of the list these were collected in.
//!
//! Classes that the core cannot decide are named where their number comes, with who decides them.

use crate::common::request::Request;
use crate::door::{allow, anything, check, deny, merged, operation, policy, policy_with, refuses, source, when};
use sallyport_core::Engine;
use serde_json::{Value, json};

const SLEEP: &str = "spiffe://cluster.local/ns/httpbin/sa/sleep";
const GATEWAY: &str = "spiffe://cluster.local/ns/istio-system/sa/gateway";

fn get() -> Request {
    Request::get("/get")
}

/// Everything but `/admin` and what is under it: the policy that path tricks are aimed at.
fn guarded() -> Value {
    policy([deny(operation(json!({"paths": ["/admin", "/admin/*"]}))), allow(anything())])
}

/// What the part allows, and nothing else.
fn only(part: Value) -> Value {
    policy([allow(part)])
}

#[track_caller]
fn paths(policy: &Value, rows: &[(&str, &str)]) {
    for (path, expect) in rows {
        check(policy, &Request::get(path), expect);
    }
}

/// 1 (CVE-2019-9901)
#[test]
fn dot_segments() {
    paths(
        &guarded(),
        &[
            ("/info/../admin", "400 dotSegment"),
            ("/info/./../admin", "400 dotSegment"),
            ("/info/%2e%2e/admin", "400 dotSegment"),
            ("/info/%2E./admin", "400 dotSegment"),
            ("/admin/..", "400 dotSegment"),
            ("/./admin", "400 dotSegment"),
            ("/..", "400 dotSegment"),
            ("/%61dmin", "denied d"),
            ("/...", "allow a"),
        ],
    );
}

/// 2 (CVE-2021-29492, CVE-2021-31920)
#[test]
fn escaped_slashes() {
    paths(
        &guarded(),
        &[
            ("/something%2F..%2Fadmin", "400 escapedSlash"),
            ("/something%2f..%2fadmin", "400 escapedSlash"),
            ("/something%5C..%5Cadmin", "400 escapedSlash"),
            ("/something\\..\\admin", "400 backslash"),
            ("%2Fadmin", "400 malformedPath"),
            ("/admin%252Fx", "400 doubleEncoding"),
        ],
    );
}

/// 3 (CVE-2021-31920)
#[test]
fn multiple_slashes() {
    paths(
        &guarded(),
        &[
            ("//admin", "400 doubleSlash"),
            ("/a//b", "400 doubleSlash"),
            ("/admin//", "400 doubleSlash"),
            ("///", "400 doubleSlash"),
            ("/get?x=//", "allow a"),
        ],
    );
}

/// 4 (CVE-2021-32779, CVE-2021-39156)
#[test]
fn fragments() {
    paths(
        &guarded(),
        &[
            ("/admin#x", "400 fragment"),
            ("/admin#", "400 fragment"),
            ("/get?x#/admin", "400 fragment"),
            // Escaped it may be cut off by a server that decodes first.
            ("/admin%23x", "400 escapedDelimiter"),
        ],
    );
}

/// 5 (CVE-2026-73551)
#[test]
fn dots_with_parameters() {
    let tolerant = merged(guarded(), json!({"tolerate": ["semicolon"]}));
    paths(&guarded(), &[("/user/..;foo=bar/admin", "400 semicolon"), ("/user/..%3Bfoo/admin", "400 semicolon")]);
    paths(
        &tolerant,
        &[
            ("/user/..;foo=bar/admin", "400 dotSegment"),
            ("/user/%2e%2e;foo/admin", "400 dotSegment"),
            ("/user/.;/admin", "400 dotSegment"),
            ("/user/..%3bfoo/admin", "400 dotSegment"),
        ],
    );
}

/// 6 (CVE-2026-73511, CVE-2026-73553)
#[test]
fn matrix_parameters() {
    paths(
        &guarded(),
        &[
            ("/admin;x=y", "400 semicolon"),
            ("/admin;x=y/action;z", "400 semicolon"),
            ("/admin%3bx=y", "400 semicolon"),
            ("/get?a;b", "allow a"),
        ],
    );
}

/// 7 (CVE-2025-46821)
#[test]
fn stars_in_the_path() {
    let template = only(operation(json!({"paths": ["/foo/{*}"]})));
    paths(
        &template,
        &[("/foo/a*b", "allow a"), ("/foo/*", "allow a"), ("/foo/{*}", "allow a"), ("/foo/*/x", "not_allowed")],
    );
    let denied = policy([deny(operation(json!({"paths": ["/foo/{**}"]}))), allow(anything())]);
    paths(
        &denied,
        &[("/foo/a*b", "denied d"), ("/foo/{**}", "denied d"), ("/foo/%2A", "denied d"), ("/foo", "allow a")],
    );
}

/// 8 (CVE-2021-39155) and 9 (Istio's advice on host rules)
#[test]
fn hosts_in_every_spelling() {
    let denied = policy([deny(operation(json!({"hosts": ["httpbin.foo"]}))), allow(anything())]);
    for host in ["httpbin.foo", "Httpbin.Foo", "HTTPBIN.FOO:443", "httpbin.foo.", "httpbin.foo.:8443", "hTTpbin.foo:*"]
    {
        let expect = if host.ends_with('*') { "400 malformedHost" } else { "denied d" };
        check(&denied, &get().host(host), expect);
    }
    for host in [
        "",
        ".",
        "a b",
        "user@httpbin.foo",
        "httpbin.foo/x",
        "httpbin.foo#",
        "%68ttpbin.foo",
        "httpbin.foo:80:80",
        "[::1",
    ] {
        check(&denied, &get().host(host), "400 malformedHost");
    }
    check(&denied, &get().without(":authority"), "400 malformedHost");
    check(&denied, &get().host("[::1]:443"), "allow a");
    check(&denied, &get().host("a").header(":authority", "httpbin.foo"), "400 malformedHost");
}

/// 10 (CVE-2022-21679)
#[test]
fn a_newer_policy_is_refused_whole() {
    refuses(&merged(guarded(), json!({"version": 2})), "SP1002", "version");
    let newer = source(json!({"principals": ["*"], "spiffeIds": ["x"]}));
    refuses(&only(newer), "SP1001", "rules[0].from[0].source");
    refuses(&only(operation(json!({"host": ["x"]}))), "SP1001", "rules[0].to[0].operation");
}

/// 11 (GHSA-w44g-8m76-8gc5)
#[test]
fn methods_in_every_case() {
    let denied = policy([deny(operation(json!({"methods": ["DELETE"]}))), allow(anything())]);
    for method in ["DELETE", "delete", "DeLeTe"] {
        check(&denied, &Request::new(method, "/get"), "denied d");
    }
    let rest = policy([deny(operation(json!({"notMethods": ["GET"]}))), allow(anything())]);
    check(&rest, &Request::new("get", "/get"), "denied d");
    let allowed = only(operation(json!({"methods": ["DELETE"]})));
    check(&allowed, &Request::new("delete", "/get"), "not_allowed");
    check(&rest, &Request::new("post", "/get"), "denied d");
    check(&rest, &Request::new("GET ", "/get"), "400 malformedMethod");
}

/// 12 (CVE-2020-25017, CVE-2021-32777, CVE-2026-26308): both ways round, first and second, joined and apart.
#[test]
fn repeated_headers() {
    let role = |values: &[&str]| values.iter().fold(get(), |request, value| request.header("x-role", value));
    let is_admin = || when(json!({"key": "request.headers[x-role]", "values": ["admin"]}));
    let allowed = only(is_admin());
    let denied = policy([deny(is_admin()), allow(anything())]);
    let not_guest = only(when(json!({"key": "request.headers[x-role]", "notValues": ["guest"]})));
    for other in [&["guest", "admin"][..], &["admin", "guest"], &["guest,admin"], &["admin,guest"], &["admin , guest"]]
    {
        check(&allowed, &role(other), "not_allowed");
        check(&denied, &role(other), "denied d");
    }
    for other in [&["guest", "user"][..], &["user", "guest"]] {
        check(&not_guest, &role(other), "not_allowed");
    }
    check(&allowed, &role(&["admin", "admin"]), "not_allowed");
    check(&denied, &role(&["adminx", "xadmin"]), "allow a");
}

/// 13 (CVE-2026-73552, CVE-2023-27488)
#[test]
fn bytes_that_are_not_utf8() {
    let with = |value: &[u8]| get().header("x-role", value);
    let regex = |expression: &str| when(json!({"key": "request.headers[x-role]", "regex": [expression]}));
    let denied = policy([deny(regex(".*admin.*")), allow(anything())]);
    check(&denied, &with(b"\xffadmin"), "denied d");
    check(&denied, &with(b"\xc3(admin\x80"), "denied d");
    let not = only(when(json!({"key": "request.headers[x-role]", "notRegex": [".*admin.*"]})));
    check(&not, &with(b"\xffadmin"), "not_allowed");
    check(&not, &with(b"\xff"), "allow a");
    check(&only(regex("[a-z]+")), &with(b"admin\xff"), "not_allowed");
    check(&only(when(json!({"key": "request.headers[x-role]", "values": ["adm*"]}))), &with(b"adm\xff"), "allow a");
    check(&guarded(), &Request::get(b"/adm\xffin"), "400 nonAscii");
    check(&guarded(), &get().header(b"x-\xff", b"\xff"), "allow a");
}

/// 14 (CVE-2026-39350)
#[test]
fn identities_are_no_patterns() {
    let exact = only(source(json!({"principals": ["cluster.local/ns/cert-manager.io/sa/x"]})));
    check(&exact, &get().peer("spiffe://cluster.local/ns/cert-manager.io/sa/x"), "allow a");
    check(&exact, &get().peer("spiffe://cluster.local/ns/cert-manager-io/sa/x"), "not_allowed");
    let domain = only(source(json!({"principals": ["a.b/ns/n/sa/x"]})));
    check(&domain, &get().peer("spiffe://a-b/ns/n/sa/x"), "not_allowed");
    let suffix = only(source(json!({"principals": ["*/sa/x.y"]})));
    check(&suffix, &get().peer("spiffe://cluster.local/ns/n/sa/x-y"), "not_allowed");
    let namespace = only(source(json!({"namespaces": ["n"]})));
    check(&namespace, &get().peer("spiffe://cluster.local/ns/nn/sa/n"), "not_allowed");
}

/// 15 (Istio's generator)
#[test]
fn account_names_in_other_places() {
    let account = only(source(json!({"serviceAccounts": ["httpbin/sleep"]})));
    check(&account, &get().peer(SLEEP), "allow a");
    for uri in [
        "spiffe://cluster.local/ns/httpbin/sa/sleep-evil",
        "spiffe://cluster.local/ns/httpbin/sa/sleep/sa/x",
        "spiffe://cluster.local/ns/x/ns/httpbin/sa/sleep",
        "spiffe://cluster.local/x/ns/httpbin/sa/sleep",
        "spiffe://cluster.local/ns/evil/sa/x/ns/httpbin/sa/sleep",
        "spiffe://cluster.local/ns/httpbin/sa/Sleep",
        "spiffe://cluster.local/sa/sleep/ns/httpbin",
    ] {
        check(&account, &get().peer(uri), "not_allowed");
    }
}

/// 16 (CVE-2023-27487, CVE-2024-45806): that Envoy strips `x-envoy-*` at the edge is Envoy's. Here the path is `:path`.
#[test]
fn paths_told_by_headers_are_not_believed() {
    let lied = |request: Request| {
        request.header("x-envoy-original-path", "/get").header("x-original-url", "/get").header("x-rewrite-url", "/get")
    };
    check(&guarded(), &lied(Request::get("/admin")), "denied d");
    check(&only(operation(json!({"paths": ["/get"]}))), &lied(Request::get("/put")), "not_allowed");
}

/// 17
#[test]
fn forwarded_certificates_are_hearsay() {
    let trusting =
        |rule| policy_with(json!({"trustedForwarders": ["cluster.local/ns/istio-system/sa/gateway"]}), [rule]);
    let sleep_only = || allow(source(json!({"principals": ["cluster.local/ns/httpbin/sa/sleep"]})));
    let claim = format!("Hash=ab;URI={SLEEP}");
    let curl = "spiffe://cluster.local/ns/other/sa/curl";
    // No certificate; one that is not the forwarder's; a forwarder that nobody named.
    check(&trusting(sleep_only()), &get().header("x-forwarded-client-cert", &claim), "no_identity");
    check(&trusting(sleep_only()), &get().peer(curl).header("x-forwarded-client-cert", &claim), "not_allowed");
    check(&policy([sleep_only()]), &get().peer(GATEWAY).header("x-forwarded-client-cert", &claim), "not_allowed");
    // APPEND_FORWARD: the caller wrote the first element, the forwarder the second.
    let appended = format!("{claim},Hash=cd;URI={curl}");
    check(&trusting(sleep_only()), &get().peer(GATEWAY).header("x-forwarded-client-cert", &appended), "not_allowed");
    // SANITIZE_SET: one element, the forwarder's.
    check(&trusting(sleep_only()), &get().peer(GATEWAY).header("x-forwarded-client-cert", &claim), "allow a");
    // Words within a quoted subject.
    let quoted = format!("Hash=ab;Subject=\"CN=x,URI={SLEEP};URI={SLEEP}\";URI={curl}");
    check(&trusting(sleep_only()), &get().peer(GATEWAY).header("x-forwarded-client-cert", &quoted), "not_allowed");
    let escaped = format!("Subject=\"a\\\";URI={SLEEP};\\\"\";URI={curl}");
    check(&trusting(sleep_only()), &get().peer(GATEWAY).header("x-forwarded-client-cert", &escaped), "not_allowed");
    // A quote that the caller opens before the forwarder's element, and one in its subject that would close it.
    for open in ["x=\"", "By=\"", "Subject=\"", "Cert=\"a\";Subject=\"", "DNS=\""] {
        for subject in ["CN=a\\\"b", "O=\\\"Acme\\\" Ltd", "", "CN=a\\\\"] {
            let line = format!("URI={SLEEP};{open},By=a;Hash=ab;Cert=\"--\";Subject=\"{subject}\";URI=");
            let request = get().peer(GATEWAY).header("x-forwarded-client-cert", &line);
            check(&trusting(sleep_only()), &request, "400 unreadableCertificate");
        }
    }
    // A semicolon in a name of the forwarder's caller, which has no URI name.
    let named = format!("Hash=ab;Subject=\"\";URI=;DNS=x;URI={SLEEP}");
    let request = get().peer(GATEWAY).header("x-forwarded-client-cert", &named);
    check(&trusting(sleep_only()), &request, "400 unreadableCertificate");
}

/// 17, of the gateway's own element: names hide none of the others from a rule that refuses.
#[test]
fn names_with_marks_hide_nothing() {
    let refusing =
        policy([allow(anything()), deny(source(json!({"principals": ["td/ns/x/sa/revoked", "*contractors"]})))]);
    check(&refusing, &get().peer(SLEEP).named("DNS=x"), "allow a");
    for names in [
        &["DNS=\"x", "DNS=td/ns/x/sa/revoked", "DNS=y\""][..],
        &["DNS=x;k=contractors"],
        &["DNS=x;Chain=contractors"],
        &["DNS=x;Subject=\"contractors\""],
    ] {
        let request = names.iter().fold(get().peer(SLEEP), |request, name| request.named(name));
        check(&refusing, &request, "400 unreadableCertificate");
    }
    // Of a subject the rules see the text with its escapes, as Istio does.
    for (subject, expected) in [("O=Acme\\, contractors", "denied d"), ("O=contractors\\, Inc", "allow a")] {
        check(&refusing, &get().peer(SLEEP).named(&format!("Subject=\"{subject}\"")), expected);
    }
}

/// 18: how many proxies X-Forwarded-For passes is Envoy's to count; the header itself is never read here.
#[test]
fn forwarded_addresses_are_hearsay() {
    let near = only(source(json!({"remoteIpBlocks": ["10.0.0.0/8"]})));
    let far = get().source_at("203.0.113.7:1");
    check(&near, &far.clone().header("x-forwarded-for", "10.0.0.1"), "not_allowed");
    check(&near, &far.header("x-real-ip", "10.0.0.1").header("x-user", "root"), "not_allowed");
    let hidden = merged(only(source(json!({"ipBlocks": ["10.0.0.0/8"]}))), json!({"numTrustedProxies": 1}));
    refuses(&hidden, "SP1206", "rules[0].from[0].source.ipBlocks");
    let hidden =
        merged(only(when(json!({"key": "source.ip", "values": ["10.0.0.0/8"]}))), json!({"numTrustedProxies": 1}));
    refuses(&hidden, "SP1206", "rules[0].when[0].key");
}

/// 19 (CVE-2026-73547, GHSA-8vc2-jrm4-835w)
#[test]
fn requests_without_a_plain_path() {
    let open = only(anything());
    check(&open, &Request::new("CONNECT", "").host("httpbin.org:443"), "400 malformedPath");
    check(&open, &Request::new("CONNECT", "/").without(":path"), "400 malformedPath");
    check(&open, &Request::new("OPTIONS", "*"), "400 malformedPath");
    check(&open, &Request::get("http://httpbin.org/get"), "400 malformedPath");
    check(&open, &Request::get("/get").header(":path", "/admin"), "400 malformedPath");
    let engine = Engine::from_json(&serde_json::to_vec(&open).expect("JSON")).expect("a policy");
    assert!(!matches!(engine.on_request(&Default::default()).verdict, sallyport_core::Verdict::Continue(_)));
}

/// 20 (CVE-2026-48743, CVE-2026-73548, CVE-2025-64763, CVE-2023-27491, CVE-2023-27493): framing is Envoy's. What would
/// split a request line or a header, had it come through, is refused where it could matter.
#[test]
fn characters_that_split() {
    for path in ["/get\r\nx: y", "/get HTTP/1.1", "/get\t", "/get\x7f", "/get%0d%0aSet-Cookie:x", "/get%00"] {
        let expect = if path.ends_with("%00") { "400 escapedNul" } else { "400 controlCharacter" };
        check(&only(anything()), &Request::get(path), expect);
    }
    check(&only(anything()), &get().host("httpbin.org\r\nx: y"), "400 malformedHost");
    check(&only(anything()), &Request::new("GET\r\n", "/get"), "400 malformedMethod");
}

/// 21 (CVE-2026-47778, CVE-2025-66220)
#[test]
fn certificates_that_are_no_plain_spiffe_ids() {
    let anyone = only(source(json!({"principals": ["*"]})));
    for uri in [
        &b"spiffe://cluster.local/ns/a/sa/b\0c"[..],
        b"spiffe://cluster.local/ns/a/sa/b\0",
        b"spiffe://cluster.local/ns/a/sa/\xff",
        b"spiffe://cluster.local/ns/a/sa/b?x",
        b"spiffe://cluster.local/ns/a/sa/b#x",
        b"spiffe://cluster.local/ns/a/sa/%62",
        b"spiffe://cluster.local/ns/a/../b",
        b"spiffe://cluster.local//ns/a/sa/b",
        b"spiffe://cluster.local/ns/a/sa/b/",
        b"spiffe://cluster.local:443/ns/a/sa/b",
        b"spiffe://u@cluster.local/ns/a/sa/b",
        b"spiffe:///ns/a/sa/b",
        b"spiffe://cluster.local",
        b"https://cluster.local/ns/a/sa/b",
        b" spiffe://cluster.local/ns/a/sa/b",
        b"",
    ] {
        check(&anyone, &get().peer(uri), "no_identity");
    }
}

/// 22
#[test]
fn underscores_for_dashes() {
    let reads =
        |action: fn(Value) -> Value| action(when(json!({"key": "request.headers[x-role]", "values": ["admin"]})));
    check(&policy([reads(allow)]), &get().header("x_role", "admin"), "400 underscoreHeader");
    check(&policy([reads(deny), allow(anything())]), &get().header("x_role", "admin"), "400 underscoreHeader");
    check(&policy([reads(allow)]), &get().header("x-role", "admin").header("x_role", "guest"), "400 underscoreHeader");
    check(&only(anything()), &get().header("x_role", "admin"), "allow a");
}

/// Behind a head that asks for another protocol Envoy reads no more requests, and an upstream that knows none might.
#[test]
fn upgrades_that_hide_what_comes_after() {
    for protocol in ["websocket", "WebSocket"] {
        check(&only(anything()), &get().header("upgrade", protocol), "allow a");
    }
    for protocol in ["TLS/1.0", "websocket, h2c", "h2c", "", "web socket", "connect-udp"] {
        check(&only(anything()), &get().header("upgrade", protocol), "400 unknownUpgrade");
    }
    check(&only(anything()), &get().header("upgrade", "websocket").header("upgrade", "foo"), "400 unknownUpgrade");
    check(&only(anything()), &get().header("upgrade-insecure-requests", "1"), "allow a");
}

/// 23 (CVE-2025-64527): that a token is verified, and that there is one only, is Envoy's.
#[test]
fn tokens() {
    let scope = only(when(json!({"key": "request.auth.claims[scope]", "values": ["write"]})));
    let token = |claims: Value| get().token(merged(json!({"iss": "i", "sub": "s"}), claims));
    check(&scope, &get(), "no_identity");
    check(&scope, &get().header("authorization", "Bearer x"), "no_identity");
    check(&scope, &token(json!({"scope": "read write"})), "allow a");
    check(&scope, &token(json!({"scope": ["write"]})), "allow a");
    check(&scope, &token(json!({"scope": "rewrite writes"})), "not_allowed");
    check(&scope, &token(json!({"scope": ["read write"]})), "not_allowed");
    check(&scope, &token(json!({"scope": {"write": true}})), "not_allowed");
    check(&scope, &token(json!({"scope": true})), "not_allowed");
    check(&scope, &token(json!({})), "not_allowed");
    let dotted = only(when(json!({"key": "request.auth.claims[a.b]", "values": ["x"]})));
    check(&dotted, &token(json!({"a.b": "x"})), "allow a");
    check(&dotted, &token(json!({"a": {"b": "x"}})), "not_allowed");
    let nested = only(when(json!({"key": "request.auth.claims[a][b]", "values": ["x"]})));
    check(&nested, &token(json!({"a": {"b": "x"}})), "allow a");
    check(&nested, &token(json!({"a.b": "x", "a][b": "x"})), "not_allowed");
    // Negative rules do not let in who shows nothing.
    check(&only(source(json!({"notRequestPrincipals": ["i/evil"]}))), &get(), "no_identity");
    check(
        &only(when(json!({"key": "request.auth.claims[role]", "notValues": ["guest"]}))),
        &token(json!({})),
        "not_allowed",
    );
    // Metadata of another filter is no token.
    let elsewhere =
        get().filter_state("envoy.filters.http.lua", json!({"payload": {"iss": "i", "sub": "s", "scope": "write"}}));
    check(&scope, &elsewhere, "no_identity");
}

/// A claim that the caller may choose does not hide the token from a rule that denies it.
#[test]
fn tokens_that_are_nested_too_deeply() {
    let policy = policy([deny(source(json!({"requestPrincipals": ["i/mallory"]}))), allow(anything())]);
    let nested = |depth: usize| {
        let deep = (0..depth).fold(json!("x"), |inner, _| json!({"a": inner}));
        get().token(json!({"iss": "i", "sub": "mallory", "user_metadata": deep}))
    };
    check(&policy, &nested(10), "denied d");
    for depth in [40, 90] {
        check(&policy, &nested(depth), "400 unreadableMetadata");
    }
}

/// To most servers `%40` is `@` and `[` is `%5B`: a denial of one is a denial of the other, an ALLOW is to the letter.
#[test]
fn characters_of_a_segment_plain_and_escaped() {
    let denied = policy([
        deny(operation(json!({"paths": ["*:delete", "/@admin*", "/{*}/@me", "/a%5Bb%5D", "/s%2At"]}))),
        allow(anything()),
    ]);
    for path in ["/v1/x:delete", "/v1/x%3Adelete", "/%40admin/x", "/a/%40me", "/a[b]", "/a%5bb]", "/s*t", "/s%2at"] {
        check(&denied, &Request::get(path), "denied d");
    }
    let excepted = only(operation(json!({"notPaths": ["/@admin*"]})));
    paths(&excepted, &[("/%40admin", "not_allowed"), ("/@admin", "not_allowed"), ("/admin", "allow a")]);
    paths(&only(operation(json!({"paths": ["/@me"]}))), &[("/@me", "allow a"), ("/%40me", "not_allowed")]);
    let both = only(operation(json!({"paths": ["/@me", "/%40me"]})));
    paths(&both, &[("/@me", "allow a"), ("/%40me", "allow a")]);
}

/// 24 (CVE-2020-8595)
#[test]
fn exact_paths_with_a_query_or_fragment() {
    paths(&guarded(), &[("/admin?", "denied d"), ("/admin?x", "denied d"), ("/admin#", "400 fragment")]);
    paths(
        &only(operation(json!({"paths": ["/get"]}))),
        &[("/get?/admin", "allow a"), ("/get%3Fx", "400 escapedDelimiter")],
    );
}

/// 25
#[test]
fn configurations_that_say_too_little_or_too_much() {
    refuses(&json!({}), "SP1001", ".");
    refuses(&merged(guarded(), json!({"rule": []})), "SP1001", ".");
    refuses(&policy([merged(allow(anything()), json!({"action": "PERMIT"}))]), "SP1001", "rules[0].action");
    refuses(&policy([allow(json!({}))]), "SP1103", "rules[0]");
    refuses(&only(source(json!({}))), "SP1103", "rules[0].from[0].source");
    refuses(&only(operation(json!({}))), "SP1103", "rules[0].to[0].operation");
    refuses(&only(source(json!({"principals": []}))), "SP1104", "rules[0].from[0].source.principals");
    refuses(&only(source(json!({"principals": [""]}))), "SP1105", "rules[0].from[0].source.principals[0]");
    refuses(&policy([allow(anything()), allow(anything())]), "SP1102", "rules[1].id");
    // That a policy reaches the plugin of its own upstream is the filter's to see. No rules: nobody.
    check(&policy([]), &get().peer(SLEEP), "not_allowed");
}

/// 26: which names a listener serves is Envoy's; a rule can hold the two names together.
#[test]
fn domain_fronting() {
    let both = only(merged(
        operation(json!({"hosts": ["httpbin.org"]})),
        when(json!({"key": "connection.sni", "values": ["httpbin.org"]})),
    ));
    check(&both, &get(), "allow a");
    check(&both, &get().sni("front.example"), "not_allowed");
    check(&both, &get().host("back.example"), "not_allowed");
    check(&both, &get().without_connection(), "not_allowed");
}

/// 27: limits are Envoy's; many and large headers are no more than slow.
#[test]
fn many_and_large_headers() {
    let large = vec![b'a'; 1 << 20];
    let mut request = get().header("x-role", &large);
    for _ in 0..2_000 {
        request = request.header("x-role", "admin");
    }
    let is_admin = || when(json!({"key": "request.headers[x-role]", "regex": ["(a|b|ab)*min"]}));
    check(&only(is_admin()), &request, "400 valueTooLong");
    let admin = || when(json!({"key": "request.headers[x-role]", "values": ["admin"]}));
    check(&policy([deny(admin()), allow(anything())]), &request, "400 valueTooLong");
    // What only counts refuses nothing.
    let audit = merged(deny(is_admin()), json!({"action": "AUDIT"}));
    check(&policy([audit, allow(anything())]), &request, "allow a | audit: d");
    let long = format!("/{}", "a/".repeat(50_000));
    check(&only(operation(json!({"paths": ["/{*}/b/{**}"]}))), &Request::get(long), "not_allowed");
}

/// 28 (CVE-2024-45808, CVE-2026-73546): what reaches logs and metrics is the rule's id and a word; neither has a
/// character that could break out, whatever the request says.
#[test]
fn what_is_told_cannot_be_written_by_the_caller() {
    for id in ["a\nb", "<script>", "a b", "\"", "\u{e9}", ""] {
        let rule = merged(allow(anything()), json!({"id": id}));
        refuses(&policy([rule]), "SP1101", "rules[0].id");
    }
    check(&guarded(), &Request::get("/\"><script>").header("x-a", "\r\n"), "allow a");
    check(&guarded(), &Request::get("/a?\r\n"), "400 controlCharacter");
}

// 29 (GHSA-qm8v-g4f9-qhjx): verification of the upstream is in the cluster's TLS context, which the packager writes.
// 30: that nothing goes around the gateway is the NetworkPolicy's, which the packager writes.
