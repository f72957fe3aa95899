//! The semantics, a table for each sentence: every field and its twin, every key, action, mode and reason.
//!
//! Each row goes through one door, [`check`], which asks the engine and the reference alike.

use crate::common::request::Request;
use crate::door::{allow, anything, audit, check, deny, merged, operation, policy, policy_with, source, when};
use crate::{common, reference};
use serde_json::{Value, json};

const SLEEP: &str = "spiffe://cluster.local/ns/httpbin/sa/sleep";
const CURL: &str = "spiffe://cluster.local/ns/other/sa/curl";
const PARTNER: &str = "spiffe://partner.example/ns/httpbin/sa/sleep";
const MACHINE: &str = "spiffe://cluster.local/vm/7";

fn get() -> Request {
    Request::get("/get")
}

/// An ALLOW rule of this part alone, on each request.
#[track_caller]
fn allowing<const N: usize>(part: &Value, rows: [(Request, &str); N]) {
    let policy = policy([allow(part.clone())]);
    for (request, expect) in rows {
        check(&policy, &request, expect);
    }
}

/// A DENY rule of this part over an ALLOW for everyone, on each request.
#[track_caller]
fn denying<const N: usize>(part: &Value, rows: [(Request, &str); N]) {
    let policy = policy([deny(part.clone()), allow(anything())]);
    for (request, expect) in rows {
        check(&policy, &request, expect);
    }
}

const ALLOWED: &str = "allow a";
const DENIED: &str = "denied d";
const DEFAULT: &str = "not_allowed";
const NOBODY: &str = "no_identity";

#[test]
fn principals() {
    let exact = source(json!({"principals": ["cluster.local/ns/httpbin/sa/sleep"]}));
    allowing(
        &exact,
        [
            (get().peer(SLEEP), ALLOWED),
            (get().peer(CURL), DEFAULT),
            (get().peer(PARTNER), DEFAULT),
            (get(), NOBODY),
            (Request { mtls: false, ..get().peer(SLEEP) }, NOBODY),
            (Request { uri_san: None, ..get().peer(SLEEP) }, NOBODY),
        ],
    );
    denying(&exact, [(get().peer(SLEEP), DENIED), (get().peer(CURL), ALLOWED), (get(), ALLOWED)]);
    allowing(
        &source(json!({"principals": ["cluster.local/ns/httpbin/*"]})),
        [(get().peer(SLEEP), ALLOWED), (get().peer(CURL), DEFAULT)],
    );
    allowing(
        &source(json!({"principals": ["*/sa/sleep"]})),
        [(get().peer(SLEEP), ALLOWED), (get().peer(PARTNER), ALLOWED), (get().peer(CURL), DEFAULT)],
    );
    allowing(
        &source(json!({"principals": ["*"]})),
        [(get().peer(SLEEP), ALLOWED), (get().peer(MACHINE), ALLOWED), (get(), NOBODY)],
    );
}

#[test]
fn not_principals() {
    let part = source(json!({"notPrincipals": ["cluster.local/ns/httpbin/sa/sleep"]}));
    allowing(&part, [(get().peer(SLEEP), DEFAULT), (get().peer(CURL), ALLOWED), (get(), NOBODY)]);
    denying(&part, [(get().peer(SLEEP), ALLOWED), (get().peer(CURL), DENIED), (get(), DENIED)]);
    denying(&source(json!({"notPrincipals": ["*"]})), [(get().peer(SLEEP), ALLOWED), (get(), DENIED)]);
    let both = source(json!({"principals": ["*"], "notPrincipals": ["cluster.local/ns/httpbin/sa/sleep"]}));
    allowing(&both, [(get().peer(SLEEP), DEFAULT), (get().peer(CURL), ALLOWED)]);
}

#[test]
fn namespaces() {
    allowing(
        &source(json!({"namespaces": ["httpbin"]})),
        [
            (get().peer(SLEEP), ALLOWED),
            (get().peer(PARTNER), ALLOWED),
            (get().peer(CURL), DEFAULT),
            (get().peer(MACHINE), DEFAULT),
            (get(), NOBODY),
        ],
    );
    allowing(&source(json!({"namespaces": ["http*"]})), [(get().peer(SLEEP), ALLOWED), (get().peer(CURL), DEFAULT)]);
    let not = source(json!({"notNamespaces": ["httpbin"]}));
    allowing(
        &not,
        [
            (get().peer(SLEEP), DEFAULT),
            (get().peer(CURL), ALLOWED),
            // An identity, but not one with a namespace.
            (get().peer(MACHINE), DEFAULT),
            (get(), NOBODY),
        ],
    );
    denying(&not, [(get().peer(SLEEP), ALLOWED), (get().peer(MACHINE), DENIED), (get(), DENIED)]);
}

#[test]
fn service_accounts() {
    for value in ["httpbin/sleep", "sleep"] {
        let part = source(json!({"serviceAccounts": [value]}));
        allowing(
            &part,
            [
                (get().peer(SLEEP), ALLOWED),
                (get().peer(CURL), DEFAULT),
                (get().peer("spiffe://cluster.local/ns/other/sa/sleep"), DEFAULT),
                (get().peer("spiffe://cluster.local/ns/httpbin/sa/sleep-evil"), DEFAULT),
                (get().peer("spiffe://cluster.local/ns/httpbin/sa/sleep/x/y"), DEFAULT),
                (get(), NOBODY),
            ],
        );
        let not = source(json!({"notServiceAccounts": [value]}));
        allowing(&not, [(get().peer(SLEEP), DEFAULT), (get().peer(CURL), ALLOWED), (get(), NOBODY)]);
        denying(&not, [(get().peer(SLEEP), ALLOWED), (get().peer(CURL), DENIED), (get(), DENIED)]);
    }
}

#[test]
fn trust_domains() {
    allowing(
        &source(json!({"trustDomains": ["partner.example"]})),
        [(get().peer(PARTNER), ALLOWED), (get().peer(SLEEP), DEFAULT), (get(), NOBODY)],
    );
    allowing(
        &source(json!({"trustDomains": ["partner.*"]})),
        [(get().peer(PARTNER), ALLOWED), (get().peer(SLEEP), DEFAULT)],
    );
    let not = source(json!({"notTrustDomains": ["cluster.local"]}));
    allowing(&not, [(get().peer(PARTNER), ALLOWED), (get().peer(SLEEP), DEFAULT), (get(), NOBODY)]);
    denying(&not, [(get().peer(PARTNER), DENIED), (get().peer(SLEEP), ALLOWED), (get(), DENIED)]);
}

#[test]
fn trust_domain_aliases_are_one_name() {
    let fields = json!({"trustDomain": "mesh.example", "trustDomainAliases": ["old.example"]});
    for name in ["cluster.local", "mesh.example", "old.example"] {
        let rule = allow(source(json!({"principals": [format!("{name}/ns/httpbin/sa/sleep")]})));
        let policy = policy_with(fields.clone(), [rule]);
        for domain in ["mesh.example", "old.example"] {
            check(&policy, &get().peer(format!("spiffe://{domain}/ns/httpbin/sa/sleep")), ALLOWED);
        }
        // Another mesh's `cluster.local` is not ours.
        check(&policy, &get().peer(SLEEP), DEFAULT);
        check(&policy, &get().peer(PARTNER), DEFAULT);
    }
}

#[test]
fn request_principals() {
    let alice = || json!({"iss": "https://idp.example", "sub": "alice"});
    let part = source(json!({"requestPrincipals": ["https://idp.example/alice"]}));
    allowing(
        &part,
        [
            (get().token(alice()), ALLOWED),
            (get().token(merged(alice(), json!({"sub": "bob"}))), DEFAULT),
            (get().token(json!({"sub": "alice"})), DEFAULT),
            (get().token(json!({"iss": 7, "sub": "alice"})), DEFAULT),
            (get(), NOBODY),
            (get().peer(SLEEP), NOBODY),
        ],
    );
    allowing(&source(json!({"requestPrincipals": ["*"]})), [(get().token(alice()), ALLOWED), (get(), NOBODY)]);
    let not = source(json!({"notRequestPrincipals": ["https://idp.example/*"]}));
    allowing(
        &not,
        [
            (get().token(alice()), DEFAULT),
            (get().token(merged(alice(), json!({"iss": "other"}))), ALLOWED),
            (get(), NOBODY),
        ],
    );
    denying(&source(json!({"notRequestPrincipals": ["*"]})), [(get().token(alice()), ALLOWED), (get(), DENIED)]);
}

#[test]
fn ip_blocks() {
    for (field, not) in [("ipBlocks", "notIpBlocks"), ("remoteIpBlocks", "notRemoteIpBlocks")] {
        let part = source(json!({(field): ["10.1.0.0/16", "fd00::/8"]}));
        allowing(
            &part,
            [
                (get(), ALLOWED),
                (get().source_at("10.2.0.0:1"), DEFAULT),
                (get().source_at("[fd12::1]:1"), ALLOWED),
                (get().source_at("[fe00::1]:1"), DEFAULT),
                (get().source_at("unix:///run/socket"), DEFAULT),
                (get().without_connection(), DEFAULT),
            ],
        );
        let part = source(json!({(not): ["10.1.2.3"]}));
        allowing(
            &part,
            [(get(), DEFAULT), (get().source_at("10.1.2.4:1"), ALLOWED), (get().without_connection(), DEFAULT)],
        );
        denying(&part, [(get(), ALLOWED), (get().without_connection(), DENIED)]);
    }
}

#[test]
fn hosts() {
    let part =
        operation(json!({"hosts": ["Httpbin.org", "*.example.com", "api.*", "x.test:8443", "y.test:*", "[::1]"]}));
    allowing(
        &part,
        [
            (get(), ALLOWED),
            (get().host("HTTPBIN.ORG"), ALLOWED),
            (get().host("httpbin.org:443"), ALLOWED),
            (get().host("httpbin.org."), ALLOWED),
            (get().host("a.example.com"), ALLOWED),
            (get().host("example.com"), DEFAULT),
            (get().host("api.anything"), ALLOWED),
            (get().host("x.test:8443"), ALLOWED),
            (get().host("x.test"), DEFAULT),
            (get().host("x.test:443"), DEFAULT),
            (get().host("y.test"), DEFAULT),
            (get().host("y.test:1"), ALLOWED),
            (get().host("[::1]:8443"), ALLOWED),
            (get().host("evil-httpbin.org"), DEFAULT),
            (get().without(":authority").header("host", "httpbin.org"), ALLOWED),
            (get().without(":authority"), "400 malformedHost"),
            (get().header("host", "other.org"), ALLOWED),
        ],
    );
    let not = operation(json!({"notHosts": ["httpbin.org"]}));
    allowing(&not, [(get(), DEFAULT), (get().host("HTTPBIN.org.:8443"), DEFAULT), (get().host("x"), ALLOWED)]);
    denying(&not, [(get(), ALLOWED), (get().host("x"), DENIED)]);
    allowing(&operation(json!({"hosts": ["*"]})), [(get(), ALLOWED)]);
}

#[test]
fn ports() {
    let part = operation(json!({"ports": ["8443", "443"]}));
    allowing(
        &part,
        [
            (get(), ALLOWED),
            (get().destination_at("[fd00::1]:443"), ALLOWED),
            (get().destination_at("10.9.0.1:80"), DEFAULT),
            (get().without_connection(), DEFAULT),
            // The port of the connection, not that of the name.
            (get().destination_at("10.9.0.1:80").host("httpbin.org:443"), DEFAULT),
        ],
    );
    let not = operation(json!({"notPorts": ["8443"]}));
    allowing(
        &not,
        [(get(), DEFAULT), (get().destination_at("10.9.0.1:80"), ALLOWED), (get().without_connection(), DEFAULT)],
    );
    denying(&not, [(get(), ALLOWED), (get().without_connection(), DENIED)]);
}

#[test]
fn methods() {
    let request = |method: &str| Request::new(method, "/get");
    allowing(
        &operation(json!({"methods": ["GET", "P*"]})),
        [
            (request("GET"), ALLOWED),
            // The upstream may take it for GET, or not.
            (request("get"), DEFAULT),
            (request("POST"), ALLOWED),
            (request("PATCH"), ALLOWED),
            (request("DELETE"), DEFAULT),
            (request("G ET"), "400 malformedMethod"),
            (request(""), "400 malformedMethod"),
            (get().header(":method", "GET"), "400 malformedMethod"),
            (get().without(":method"), "400 malformedMethod"),
        ],
    );
    let not = operation(json!({"notMethods": ["DELETE"]}));
    allowing(&not, [(request("DELETE"), DEFAULT), (request("Delete"), DEFAULT), (request("GET"), ALLOWED)]);
    denying(&not, [(request("DELETE"), ALLOWED), (request("GET"), DENIED)]);
}

/// Which paths of the right a pattern of the left matches; the others are not matched.
#[test]
fn paths() {
    let paths = [
        "/",
        "/get",
        "/get/",
        "/get/a",
        "/status/200",
        "/status/",
        "/status",
        "/foo/bar/",
        "/foo/bar",
        "/foo/",
        "/foo/a/b/",
        "/a.json",
        "/x/admin",
        "/x/y/admin",
        "/foo/x/b/y",
        "/~u",
        "/caf%C3%A9",
        "/a*b",
    ];
    let table: &[(&str, &[&str])] = &[
        ("/get", &["/get"]),
        ("/get*", &["/get", "/get/", "/get/a"]),
        ("/get/*", &["/get/", "/get/a"]),
        ("*.json", &["/a.json"]),
        ("*", &paths),
        ("/status/{*}", &["/status/200"]),
        ("/foo/{**}", &["/foo/bar/", "/foo/bar", "/foo/", "/foo/a/b/", "/foo/x/b/y"]),
        ("/foo/{**}/", &["/foo/bar/", "/foo/a/b/"]),
        ("/{*}/admin", &["/x/admin"]),
        ("/{**}/admin", &["/x/admin", "/x/y/admin"]),
        ("/foo/{*}/b/{**}", &["/foo/x/b/y", "/foo/a/b/"]),
        ("/{*}", &["/get", "/status", "/a.json", "/~u", "/caf%C3%A9", "/a*b"]),
        ("/~u", &["/~u"]),
        ("/caf%C3%A9", &["/caf%C3%A9"]),
    ];
    for (pattern, matched) in table {
        for path in paths {
            let (positive, negative) = if matched.contains(&path) { (ALLOWED, DEFAULT) } else { (DEFAULT, ALLOWED) };
            allowing(&operation(json!({"paths": [pattern]})), [(Request::get(path), positive)]);
            allowing(&operation(json!({"notPaths": [pattern]})), [(Request::get(path), negative)]);
        }
    }
    allowing(
        &operation(json!({"paths": ["/get"]})),
        [(Request::get("/get?x=/admin"), ALLOWED), (Request::get("/%67et?"), DEFAULT), (Request::get("/GET"), DEFAULT)],
    );
}

#[test]
fn path_regexes() {
    let part = operation(json!({"pathRegex": ["/status/[0-9]{3}", "/caf%C3%A9"]}));
    allowing(
        &part,
        [
            (Request::get("/status/200?q"), ALLOWED),
            (Request::get("/status/2000"), DEFAULT),
            (Request::get("/x/status/200"), DEFAULT),
            (Request::get("/caf%C3%A9"), ALLOWED),
            // To the letter, as Istio matches escapes.
            (Request::get("/caf%c3%a9"), DEFAULT),
        ],
    );
    let alternatives = operation(json!({"pathRegex": ["/get|/put"]}));
    allowing(
        &alternatives,
        [(Request::get("/get"), ALLOWED), (Request::get("/getx"), DEFAULT), (Request::get("/x/put"), DEFAULT)],
    );
    let not = operation(json!({"notPathRegex": ["/admin.*"]}));
    allowing(&not, [(Request::get("/get"), ALLOWED), (Request::get("/administrator"), DEFAULT)]);
}

#[test]
fn grpc() {
    let call = |path: &str| Request::new("POST", path).header("content-type", "application/grpc");
    let part = operation(json!({"grpc": ["pkg.Svc/Get", "pkg.Other/*"]}));
    allowing(
        &part,
        [
            (call("/pkg.Svc/Get"), ALLOWED),
            (call("/pkg.Svc/Put"), DEFAULT),
            (call("/pkg.Other/Put"), ALLOWED),
            (Request::new("POST", "/pkg.Svc/Get"), DEFAULT),
            (Request::new("POST", "/pkg.Svc/Get").header("content-type", "application/grpc+proto"), ALLOWED),
            (Request::new("POST", "/pkg.Svc/Get").header("content-type", "application/grpc-web"), DEFAULT),
            (Request::new("POST", "/pkg.Svc/Get").header("content-type", "application/json"), DEFAULT),
        ],
    );
    allowing(&operation(json!({"grpc": ["*"]})), [(call("/pkg.Svc/Get"), ALLOWED), (get(), DEFAULT)]);
    let not = operation(json!({"notGrpc": ["pkg.Svc/*"]}));
    allowing(&not, [(call("/pkg.Svc/Get"), DEFAULT), (call("/pkg.Other/Get"), ALLOWED), (get(), ALLOWED)]);
    denying(&not, [(call("/pkg.Svc/Get"), ALLOWED), (get(), DENIED)]);
}

#[test]
fn fields_and_values_and_entries() {
    let two_fields = source(json!({"namespaces": ["httpbin"], "ipBlocks": ["10.1.2.3"]}));
    allowing(
        &two_fields,
        [
            (get().peer(SLEEP), ALLOWED),
            (get().peer(CURL), DEFAULT),
            (get().peer(SLEEP).source_at("10.1.2.4:1"), DEFAULT),
        ],
    );
    let two_entries =
        json!({"from": [{"source": {"namespaces": ["httpbin"]}}, {"source": {"ipBlocks": ["10.1.2.4"]}}]});
    allowing(
        &two_entries,
        [(get().peer(SLEEP), ALLOWED), (get().source_at("10.1.2.4:1"), ALLOWED), (get().peer(CURL), DEFAULT)],
    );
    let all_parts = json!({
        "from": [{"source": {"namespaces": ["httpbin"]}}],
        "to": [{"operation": {"paths": ["/get"], "methods": ["GET"]}}, {"operation": {"paths": ["/put"]}}],
        "when": [{"key": "request.headers[x-a]", "values": ["1"]}, {"key": "request.headers[x-b]", "values": ["2"]}],
    });
    let caller = || get().peer(SLEEP).header("x-a", "1");
    allowing(
        &all_parts,
        [
            (caller().header("x-b", "2"), ALLOWED),
            (caller(), DEFAULT),
            (Request::new("POST", "/get").peer(SLEEP).header("x-a", "1").header("x-b", "2"), DEFAULT),
            (Request::new("POST", "/put").peer(SLEEP).header("x-a", "1").header("x-b", "2"), ALLOWED),
            (get().header("x-a", "1").header("x-b", "2"), NOBODY),
        ],
    );
}

#[test]
fn header_conditions() {
    let condition = |fields| when(merged(json!({"key": "request.headers[X-Role]"}), fields));
    let role = |values: &[&str]| values.iter().fold(get(), |request, value| request.header("x-role", value));
    let values = condition(json!({"values": ["admin", "read*"]}));
    allowing(
        &values,
        [
            (role(&["admin"]), ALLOWED),
            (role(&["reader"]), ALLOWED),
            (role(&["Admin"]), DEFAULT),
            (role(&["reader", "reading"]), ALLOWED),
            // Joined, as Envoy and Istio read them, the two are `admin,reader`.
            (role(&["admin", "reader"]), DEFAULT),
            (role(&["reader,reading"]), ALLOWED),
            (role(&["admin", "writer"]), DEFAULT),
            (role(&["admin,writer"]), DEFAULT),
            (role(&[" admin"]), DEFAULT),
            (role(&[]), DEFAULT),
        ],
    );
    denying(
        &values,
        [
            (role(&["writer", "admin"]), DENIED),
            (role(&["writer, admin"]), DENIED),
            (role(&["writer,\tadmin \t,x"]), DENIED),
            (role(&["\tadmin "]), DENIED),
            (role(&["writer"]), ALLOWED),
            (role(&[]), ALLOWED),
        ],
    );
    let any = condition(json!({"values": ["admin"], "match": "any"}));
    allowing(
        &any,
        [(role(&["writer", "admin"]), ALLOWED), (role(&["writer,admin"]), ALLOWED), (role(&["x"]), DEFAULT)],
    );
    let all = condition(json!({"values": ["admin"], "match": "all"}));
    denying(&all, [(role(&["admin", "admin"]), DENIED), (role(&["writer", "admin"]), ALLOWED), (role(&[]), ALLOWED)]);
    let not = condition(json!({"notValues": ["admin"]}));
    allowing(&not, [(role(&["writer"]), ALLOWED), (role(&["writer", "admin"]), DEFAULT), (role(&[]), ALLOWED)]);
    denying(&not, [(role(&["admin"]), ALLOWED), (role(&["admin", "writer"]), DENIED), (role(&[]), DENIED)]);
    denying(&not, [(role(&["admin,admin"]), DENIED), (role(&[" admin"]), DENIED)]);
    allowing(&not, [(role(&["writer,admin"]), DEFAULT), (role(&["admin "]), DEFAULT)]);
    let several = condition(json!({"values": ["x, admin"]}));
    denying(&several, [(role(&["x", "admin"]), DENIED), (role(&["x ,admin"]), DENIED), (role(&["x"]), ALLOWED)]);
    let both = condition(json!({"values": ["*"], "notValues": ["admin"]}));
    allowing(
        &both,
        // An empty header is there.
        [(role(&["writer"]), ALLOWED), (role(&["admin"]), DEFAULT), (role(&[""]), ALLOWED), (role(&[]), DEFAULT)],
    );
    denying(&both, [(role(&["admin,writer"]), DENIED), (role(&["admin"]), ALLOWED)]);
    let agent = when(json!({"key": "request.headers[user-agent]", "values": ["Mozilla (KHTML, like Gecko)"]}));
    allowing(&agent, [(get().header("user-agent", "Mozilla (KHTML, like Gecko)"), ALLOWED)]);
    let regex = condition(json!({"regex": ["adm.n|[0-9]+"], "notRegex": ["13"]}));
    allowing(
        &regex,
        [
            (role(&["admin"]), ALLOWED),
            (role(&["xadmin"]), DEFAULT),
            (role(&["12", "14"]), DEFAULT),
            (role(&["12", "13"]), DEFAULT),
            (role(&["13 "]), DEFAULT),
        ],
    );
    let either = condition(json!({"values": ["a"], "regex": ["b"]}));
    allowing(&either, [(role(&["a"]), ALLOWED), (role(&["b"]), ALLOWED), (role(&["c"]), DEFAULT)]);
}

#[test]
fn query_conditions() {
    let condition = |fields| when(merged(json!({"key": "request.query[a b]"}), fields));
    let values = condition(json!({"values": ["x y", "z y"]}));
    allowing(
        &values,
        [
            (Request::get("/get?a+b=x+y"), ALLOWED),
            (Request::get("/get?%61%20b=x%20y"), ALLOWED),
            (Request::get("/get?a+b=%zz"), "400 ambiguousQuery"),
            (Request::get("/get?a+b=x+%u0079"), "400 ambiguousQuery"),
            (Request::get("/get?%u0061+b=x+y"), "400 ambiguousQuery"),
            (Request::get("/get?a+b=x+y&c=%zz"), ALLOWED),
            (Request::get("/get?c=1&a+b=x+y"), ALLOWED),
            (Request::get("/get?a+b=x+y&a+b=z"), DEFAULT),
            (Request::get("/get?A+b=x+y"), "400 ambiguousQuery"),
            (Request::get("/get?a+b=x+y;c"), "400 ambiguousQuery"),
            (Request::get("/get?a+b[]=x+y"), "400 ambiguousQuery"),
            (Request::get("/get?c[]=x%00&a+b=x+y"), ALLOWED),
            (Request::get("/get?a+b=x,x+y"), DEFAULT),
            (Request::get("/get"), DEFAULT),
        ],
    );
    denying(&values, [(Request::get("/get?a+b=z&a+b=x+y"), DENIED), (Request::get("/get?a+b=z,x+y"), ALLOWED)]);
    let not = condition(json!({"notValues": ["x"], "notRegex": ["y+"]}));
    allowing(
        &not,
        [
            (Request::get("/get"), ALLOWED),
            (Request::get("/get?a+b=x"), DEFAULT),
            (Request::get("/get?a+b=yy"), DEFAULT),
            (Request::get("/get?a+b"), ALLOWED),
        ],
    );
    let accented = condition(json!({"regex": ["\u{e9}"]}));
    allowing(
        &accented,
        [(Request::get("/get?a+b=%c3%a9"), ALLOWED), (Request::get("/get?a+b=%e9"), "400 ambiguousQuery")],
    );
    let tolerant = policy_with(json!({"tolerate": ["ambiguousQuery"]}), [allow(accented)]);
    check(&tolerant, &Request::get("/get?A+b=x;c&a+b=%c3%a9"), ALLOWED);
    check(&tolerant, &Request::get("/get?a+b=%e9"), DEFAULT);
}

fn asks_who(key: &str) -> bool {
    key.starts_with("request.auth.") || (key.starts_with("source.") && key != "source.ip")
}

/// Keys with one value: what holds, what does not, and what a missing attribute means under `notValues`.
#[test]
fn single_valued_conditions() {
    let token = |claims: Value| get().token(merged(json!({"iss": "i", "sub": "s"}), claims));
    let waf = |tags: Value| get().filter_state("envoy.filters.http.waf", json!({ "tags": tags }));
    let nothing = || get().without_connection();
    // key, value, holds, does not hold, has no such attribute, and whether that last counts under ALLOW notValues
    let rows: Vec<(&str, &str, Request, Request, Request, bool)> = vec![
        ("source.ip", "10.1.0.0/16", get(), get().source_at("1.1.1.1:1"), nothing(), false),
        ("remote.ip", "10.1.0.0/16", get(), get().source_at("1.1.1.1:1"), nothing(), false),
        ("destination.ip", "10.9.0.1", get(), get().destination_at("1.1.1.1:1"), nothing(), false),
        ("destination.port", "8443", get(), get().destination_at("10.9.0.1:1"), nothing(), false),
        ("connection.sni", "*.org", get(), get().sni("x"), nothing(), true),
        ("connection.tlsVersion", "TLSv1.3", get(), get().tls_version("TLSv1.2"), nothing(), true),
        ("connection.tlsVersion", "TLSv1.3", get(), get().tls_version("tlsv1.3"), get().tls_version(""), true),
        ("connection.tlsVersion", "TLSv1.*", get(), get().tls_version("TLSv1"), nothing(), true),
        ("experimental.envoy.filters.http.waf[tags]", "a", waf(json!("a")), waf(json!("b")), get(), true),
        (
            "experimental.envoy.filters.http.waf[tags]",
            "[a]",
            waf(json!(["b", "a"])),
            waf(json!("a")),
            waf(json!(1)),
            true,
        ),
        ("source.namespace", "httpbin", get().peer(SLEEP), get().peer(CURL), get().peer(MACHINE), false),
        ("source.serviceAccount", "httpbin/sleep", get().peer(SLEEP), get().peer(CURL), get().peer(MACHINE), false),
        ("source.trustDomain", "partner.example", get().peer(PARTNER), get().peer(CURL), get(), false),
        ("source.principal", "*/sa/sleep", get().peer(SLEEP), get().peer(CURL), get(), false),
        ("request.auth.principal", "i/*", token(json!({})), token(json!({"iss": "j"})), get(), false),
        (
            "request.auth.audiences",
            "a",
            token(json!({"aud": ["b", "a"]})),
            token(json!({"aud": "b"})),
            token(json!({})),
            false,
        ),
        (
            "request.auth.presenter",
            "a",
            token(json!({"azp": "a"})),
            token(json!({"azp": "b"})),
            token(json!({})),
            false,
        ),
        (
            "request.auth.claims[scope]",
            "w",
            token(json!({"scope": "r w"})),
            token(json!({"scope": "r"})),
            token(json!({})),
            false,
        ),
        (
            "request.auth.claims[role]",
            "r w",
            token(json!({"role": "r w"})),
            token(json!({"role": "w r"})),
            get(),
            false,
        ),
        ("request.auth.claims[role]", "w", token(json!({"role": "w"})), token(json!({"role": "r w"})), get(), false),
        (
            "request.auth.claims[g]",
            "a",
            token(json!({"g": ["a"]})),
            token(json!({"g": ["a b"]})),
            token(json!({"g": 7})),
            false,
        ),
        (
            "request.auth.claims[g]",
            "a",
            token(json!({"g": "a"})),
            token(json!({"g": "b"})),
            token(json!({"g": [7]})),
            false,
        ),
        (
            "request.auth.claims[a][b]",
            "x",
            token(json!({"a": {"b": "x"}})),
            token(json!({"a": {"b": "y"}})),
            token(json!({"a": "x"})),
            false,
        ),
        (
            "request.auth.claims[a.b]",
            "x",
            token(json!({"a.b": "x"})),
            token(json!({"a.b": "y"})),
            token(json!({"a": {"b": "x"}})),
            false,
        ),
    ];
    for (key, value, holds, fails, lacks, lacking_counts) in rows {
        let policies = |fields: Value| {
            let part = when(merged(json!({ "key": key }), fields));
            (policy([allow(part.clone())]), policy([deny(part), allow(anything())]))
        };
        let (allows, denies) = policies(json!({"values": [value]}));
        check(&allows, &holds, ALLOWED);
        check(&denies, &holds, DENIED);
        for request in [&fails, &lacks] {
            let nobody = asks_who(key) && request.metadata.is_empty() && !request.mtls;
            check(&allows, request, if nobody { NOBODY } else { DEFAULT });
            check(&denies, request, ALLOWED);
        }
        let (allows, denies) = policies(json!({"notValues": [value]}));
        check(&allows, &holds, DEFAULT);
        check(&denies, &holds, ALLOWED);
        check(&allows, &fails, ALLOWED);
        check(&denies, &fails, DENIED);
        check(&denies, &lacks, DENIED);
        let nobody = asks_who(key) && lacks.metadata.is_empty() && !lacks.mtls;
        check(
            &allows,
            &lacks,
            if lacking_counts {
                ALLOWED
            } else if nobody {
                NOBODY
            } else {
                DEFAULT
            },
        );
    }
}

#[test]
fn actions_and_the_default() {
    let get_only = || operation(json!({"paths": ["/get"]}));
    check(&policy([]), &get(), DEFAULT);
    check(&policy([allow(get_only())]), &get(), ALLOWED);
    check(&policy([allow(get_only())]), &Request::get("/put"), DEFAULT);
    check(&policy([deny(get_only())]), &get(), DENIED);
    check(&policy([deny(get_only())]), &Request::get("/put"), DEFAULT);
    check(&policy([allow(get_only()), deny(get_only())]), &get(), DENIED);
    check(&policy([audit(get_only())]), &get(), "not_allowed | audit: n");
    check(&policy([audit(get_only()), allow(get_only())]), &get(), "allow a | audit: n");
    let second = |action| merged(json!({"id": "second", "action": action}), anything());
    check(&policy([allow(get_only()), second("ALLOW")]), &get(), ALLOWED);
    check(&policy([allow(get_only()), second("ALLOW")]), &Request::get("/put"), "allow second");
    check(&policy([deny(get_only()), second("DENY")]), &get(), DENIED);
    check(&policy([audit(get_only()), second("AUDIT"), allow(get_only())]), &get(), "allow a | audit: n second");
}

#[test]
fn shadow_rules() {
    let shadow = |rule| merged(rule, json!({"stage": "shadow"}));
    let everything = || merged(allow(anything()), json!({"id": "all"}));
    check(&policy([shadow(deny(anything())), everything()]), &get(), "allow all | shadow: denied d");
    check(&policy([shadow(allow(anything()))]), &get(), "not_allowed | shadow: allow a");
    check(&policy([shadow(allow(anything())), deny(anything())]), &get(), DENIED);
    check(&policy([shadow(deny(source(json!({"principals": ["*"]})))), everything()]), &get(), "allow all");
    check(&policy([shadow(audit(anything())), everything()]), &get(), "allow all | audit: n");
    check(&policy([shadow(deny(anything())), shadow(allow(anything()))]), &get(), DEFAULT);
}

#[test]
fn shadow_policies() {
    let shadow = |rules: Vec<Value>| policy_with(json!({"stage": "shadow"}), rules);
    check(&shadow(vec![]), &get(), "allow | shadow: not_allowed");
    check(&shadow(vec![allow(anything())]), &get(), ALLOWED);
    check(&shadow(vec![deny(anything())]), &get(), "allow | shadow: denied d");
    check(&shadow(vec![allow(source(json!({"principals": ["*"]})))]), &get(), "allow | shadow: no_identity");
    // All rules as if all were enforced: those in shadow ask for an identity, too.
    let asking = merged(allow(source(json!({"principals": ["*"]}))), json!({"stage": "shadow"}));
    check(&shadow(vec![asking]), &get(), "allow | shadow: no_identity");
    check(&shadow(vec![allow(anything())]), &Request::get("//"), "allow | shadow: 400 doubleSlash");
}

#[test]
fn no_identity_is_told_from_not_allowed() {
    let certificate = || allow(source(json!({"principals": ["cluster.local/ns/httpbin/sa/sleep"]})));
    let token = || merged(allow(source(json!({"requestPrincipals": ["i/s"]}))), json!({"id": "t"}));
    let other = || merged(allow(operation(json!({"paths": ["/put"]}))), json!({"id": "o"}));
    let bob = || get().token(json!({"iss": "i", "sub": "bob"}));
    let rows: Vec<(Vec<Value>, Request, &str)> = vec![
        // Neither was shown, and some rule asks for one.
        (vec![certificate()], get(), NOBODY),
        (vec![token()], get(), NOBODY),
        (vec![other(), certificate()], get(), NOBODY),
        (vec![other()], get(), DEFAULT),
        // One was shown, and it is not enough.
        (vec![certificate()], get().peer(CURL), DEFAULT),
        (vec![certificate()], bob(), DEFAULT),
        (vec![token()], bob(), DEFAULT),
        // A token is asked for whichever rule is to match.
        (vec![token()], get().peer(CURL), NOBODY),
        (vec![token(), certificate()], get().peer(CURL), DEFAULT),
        // Refused by name.
        (vec![certificate(), deny(anything())], get(), DENIED),
        // Rules in shadow ask for nothing.
        (vec![merged(certificate(), json!({"stage": "shadow"})), other()], get(), DEFAULT),
    ];
    for (rules, request, expect) in rows {
        check(&policy(rules), &request, expect);
    }
}

#[test]
fn ambiguity_is_refused_unless_tolerated() {
    // kind, path, what it is matched as when tolerated
    let rows: &[(&str, &[u8])] = &[
        ("escapedSlash", b"/a%2Fb"),
        ("escapedSlash", b"/a%5cb"),
        ("escapedNul", b"/a%00"),
        ("doubleSlash", b"//a"),
        ("doubleSlash", b"/a//"),
        ("semicolon", b"/a;b=c"),
        ("semicolon", b"/a%3Bb"),
        ("backslash", b"/a\\b"),
        ("dotSegment", b"/a/../b"),
        ("dotSegment", b"/./a"),
        ("dotSegment", b"/a/.."),
        ("dotSegment", b"/a/%2e%2E/b"),
        ("dotSegment", b"/a/.%2e"),
        ("doubleEncoding", b"/%2541"),
        ("controlCharacter", b"/a%0a"),
        ("controlCharacter", b"/a%7F"),
        ("controlCharacter", b"/a\x01"),
        ("controlCharacter", b"/a b"),
        ("nonAscii", b"/caf\xc3\xa9"),
        ("fragment", b"/a#b"),
        ("fragment", b"/a?b#c"),
        ("invalidEncoding", b"/a%"),
        ("invalidEncoding", b"/a%4"),
        ("invalidEncoding", b"/a%zz"),
    ];
    for (kind, path) in rows {
        check(&policy([allow(anything())]), &Request::get(path), &format!("400 {kind}"));
        let tolerant = policy_with(json!({"tolerate": [kind]}), [allow(anything())]);
        check(&tolerant, &Request::get(path), ALLOWED);
        let others: Vec<&str> = rows.iter().map(|(other, _)| *other).filter(|other| other != kind).collect();
        let mut others: Vec<&str> = others;
        others.dedup();
        let tolerant = policy_with(json!({ "tolerate": others }), [allow(anything())]);
        check(&tolerant, &Request::get(path), &format!("400 {kind}"));
    }
    for path in ["/a%2525", "/%25", "/%25zz", "/...", "/.a", "/a.", "/..a/b", "/a%20b"] {
        let expect = if path == "/a%2525" { "400 doubleEncoding" } else { ALLOWED };
        check(&policy([allow(anything())]), &Request::get(path), expect);
    }
}

#[test]
fn tolerated_ambiguity_is_matched_as_it_stands() {
    for (kind, pattern, path) in [
        ("escapedSlash", "/a%2Fb", "/a%2Fb"),
        ("doubleSlash", "/foo/{**}/", "/foo//"),
        ("semicolon", "/a;b", "/a;b"),
        ("backslash", "/a\\b", "/a\\b"),
        ("dotSegment", "/a/../b", "/a/../b"),
        ("doubleEncoding", "/%2541", "/%2541"),
        ("fragment", "/a#b", "/a#b?c"),
    ] {
        let rule = allow(operation(json!({"paths": [pattern]})));
        let policy = policy_with(json!({"tolerate": [kind]}), [rule]);
        check(&policy, &Request::get(path), ALLOWED);
        check(&policy, &Request::get("/ab"), DEFAULT);
        check(&policy, &Request::get("/b"), DEFAULT);
    }
}

#[test]
fn the_request_line_must_be_whole() {
    let policy = policy([allow(anything())]);
    for path in ["", "*", "get", "http://httpbin.org/get", "?a", "httpbin.org:443"] {
        check(&policy, &Request::get(path), "400 malformedPath");
    }
    check(&policy, &get().without(":path"), "400 malformedPath");
    check(&policy, &get().header(":path", "/get"), "400 malformedPath");
    for host in ["", "user@httpbin.org", "httpbin.org:x", "::1", "[::1", "[x]", "http bin", "h/x", "h\u{e9}", "a,b"] {
        check(&policy, &get().host(host), "400 malformedHost");
    }
    check(&policy, &get().header(":authority", "httpbin.org"), "400 malformedHost");
}

#[test]
fn underscore_headers() {
    let reads = || allow(when(json!({"key": "request.headers[x-role]", "notValues": ["guest"]})));
    let twin = || get().header("x_role", "guest");
    check(&policy([reads()]), &twin(), "400 underscoreHeader");
    check(&policy([allow(anything())]), &twin(), ALLOWED);
    check(&policy([reads()]), &get().header("x_other", "guest"), ALLOWED);
    check(&policy_with(json!({"tolerate": ["underscoreHeader"]}), [reads()]), &twin(), ALLOWED);
}

/// A method is one segment of the path.
#[test]
fn grpc_methods_are_one_segment() {
    let call = |path: &str| Request::new("POST", path).header("content-type", "application/grpc");
    let part = operation(json!({"grpc": ["pkg.Svc/*"]}));
    allowing(&part, [(call("/pkg.Svc/Get"), ALLOWED), (call("/pkg.Svc/"), DEFAULT), (call("/pkg.Svc/a/b"), DEFAULT)]);
}

/// A rule in shadow is counted, not enforced: neither are the headers that it alone reads.
#[test]
fn shadow_rules_make_nothing_ambiguous() {
    let reads =
        merged(deny(when(json!({"key": "request.headers[x-role]", "values": ["x"]}))), json!({"stage": "shadow"}));
    let source = policy([reads, allow(anything())]);
    let source = common::wire::read(&source).expect("a policy");
    let engine = sallyport_core::Engine::compile(&source).expect("which compiles");
    let continues = get()
        .header("x_role", "x")
        .with_view(|view| reference::Outcome::from(&engine.on_request(view)).verdict.continues());
    assert!(continues);
}
