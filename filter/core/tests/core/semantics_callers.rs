//! The semantics of callers: whom a forwarder speaks for, certificates with several names, trust domain aliases, tokens.

use crate::common::request::Request;
use crate::door::{allow, anything, check, deny, policy, policy_with, source, when};
use serde_json::{Value, json};

const SLEEP: &str = "spiffe://cluster.local/ns/httpbin/sa/sleep";
const CURL: &str = "spiffe://cluster.local/ns/other/sa/curl";
const GATEWAY: &str = "spiffe://cluster.local/ns/istio-system/sa/gateway";
const ALLOWED: &str = "allow a";
const DENIED: &str = "denied d";
const DEFAULT: &str = "not_allowed";
const NOBODY: &str = "no_identity";

fn get() -> Request {
    Request::get("/get")
}

fn allowing<const N: usize>(part: &Value, rows: [(Request, &str); N]) {
    let policy = policy([allow(part.clone())]);
    for (request, expect) in rows {
        check(&policy, &request, expect);
    }
}

fn denying<const N: usize>(part: &Value, rows: [(Request, &str); N]) {
    let policy = policy([deny(part.clone()), allow(anything())]);
    for (request, expect) in rows {
        check(&policy, &request, expect);
    }
}

#[test]
fn forwarded_identity() {
    let fields = json!({"trustedForwarders": ["cluster.local/ns/istio-system/sa/gateway"]});
    let rule = || allow(source(json!({"principals": ["cluster.local/ns/httpbin/sa/sleep"]})));
    let trusting = policy_with(fields, [rule()]);
    let forwarded = |peer: &str, lines: &[&str]| {
        lines.iter().fold(get().peer(peer), |request, line| request.header("x-forwarded-client-cert", line))
    };
    let of = |uri: &str| format!("By=spiffe://x/y;Hash=ab;Subject=\"CN=a,b;c\";URI={uri};DNS=x");
    let (sleep, curl, own) = (of(SLEEP), of(CURL), of(GATEWAY));
    let rows: Vec<(&str, Vec<&str>, &str)> = vec![
        (GATEWAY, vec![&sleep], ALLOWED),
        (GATEWAY, vec![&curl], DEFAULT),
        (GATEWAY, vec![], DEFAULT),
        // Only what is nearest to the forwarder counts; before it, anyone may have written.
        (GATEWAY, vec![&sleep, &curl], DEFAULT),
        (GATEWAY, vec![&curl, &sleep], ALLOWED),
        (GATEWAY, vec![&sleep, &own], ALLOWED),
        (GATEWAY, vec![&own], DEFAULT),
        // From anyone else it is hearsay.
        (CURL, vec![&sleep], DEFAULT),
        (SLEEP, vec![&curl], ALLOWED),
        // The words of a quoted subject are not keys.
        (GATEWAY, vec!["Hash=a;Subject=\"URI=spiffe://cluster.local/ns/httpbin/sa/sleep\""], NOBODY),
        (GATEWAY, vec!["Subject=\"x;URI=spiffe://cluster.local/ns/httpbin/sa/sleep"], "400 unreadableCertificate"),
    ];
    for (peer, lines, expect) in rows {
        check(&trusting, &forwarded(peer, &lines), expect);
    }
    let joined = format!("{curl},{sleep}");
    check(&trusting, &forwarded(GATEWAY, &[&joined]), ALLOWED);
    check(&policy([rule()]), &forwarded(GATEWAY, &[&sleep]), DEFAULT);
    check(&trusting, &get().header("x-forwarded-client-cert", &sleep), NOBODY);
}

/// A wildcard that cuts a trust domain's name still speaks of the mesh's own domain by each of its names: a caller whose
/// certificate says `old.example` is denied by `old.*`.
#[test]
fn wildcards_see_every_name_of_the_mesh() {
    let fields = json!({"trustDomain": "mesh.example", "trustDomainAliases": ["old.example"]});
    let caller = || get().peer("spiffe://old.example/ns/n/sa/s");
    let denied = |part| policy_with(fields.clone(), [deny(part), allow(anything())]);
    check(&denied(source(json!({"trustDomains": ["old.*"]}))), &caller(), DENIED);
    check(&denied(source(json!({"principals": ["old*"]}))), &caller(), DENIED);
    check(&denied(source(json!({"trustDomains": ["mesh.*"]}))), &caller(), DENIED);
}

/// The whole text of a list of words counts against the caller only.
#[test]
fn words_of_a_scope() {
    let scope = || get().token(json!({"iss": "i", "sub": "s", "scope": "r w"}));
    let whole = || when(json!({"key": "request.auth.claims[scope]", "values": ["r w"]}));
    check(&policy([allow(whole())]), &scope(), DEFAULT);
    check(&policy([deny(whole()), allow(anything())]), &scope(), DENIED);
}

/// Issuer and subject are matched apart.
#[test]
fn slashes_in_tokens() {
    let token = |iss: &str, sub: &str| get().token(json!({"iss": iss, "sub": sub}));
    let part = |pattern: &str| source(json!({ "requestPrincipals": [pattern] }));
    allowing(&part("*/admin"), [(token("https://i", "admin"), ALLOWED), (token("https://i", "guest/admin"), DEFAULT)]);
    let exact = "https://i/t/u";
    allowing(&part(exact), [(token("https://i/t", "u"), ALLOWED), (token("https://i", "t/u"), DEFAULT)]);
    denying(&part("https://i/*"), [(token("https://i", "t/u"), DENIED), (token("https://i/t", "u"), ALLOWED)]);
}

/// A certificate that is not one plain SPIFFE identity is granted nothing, and escapes no rule that refuses.
#[test]
fn certificates_with_several_names() {
    let with = |request: Request, name: &str| {
        let mut request = request;
        request.other_names.push(name.into());
        request
    };
    let second = "URI=spiffe://cluster.local/ns/httpbin/sa/curl";
    let several = || with(get().peer(SLEEP), second);
    let principals = |name: &str| source(json!({ "principals": [name] }));
    check(&policy([allow(principals("*"))]), &several(), NOBODY);
    check(&policy([allow(source(json!({"notPrincipals": ["x/y"]})))]), &several(), NOBODY);
    for name in ["cluster.local/ns/httpbin/sa/sleep", "cluster.local/ns/httpbin/sa/curl", "*"] {
        check(&policy([deny(principals(name)), allow(anything())]), &several(), DENIED);
    }
    // A DNS name takes no identity away, and gives none.
    let named = || with(get().peer(SLEEP), "DNS=other.example");
    check(&policy([allow(principals("cluster.local/ns/httpbin/sa/sleep"))]), &named(), ALLOWED);
    check(&policy([allow(principals("other.example/x"))]), &named(), DEFAULT);
    check(&policy([deny(source(json!({"notPrincipals": ["*"]}))), allow(anything())]), &several(), DENIED);
    // What the gateway writes cannot be told from what a name makes of it: refused.
    check(&policy([allow(principals("*"))]), &with(get().peer(SLEEP), "DNS=\""), "400 unreadableCertificate");
}
