//! Valid policies, and requests near them, out of any stream of bytes.
//!
//! Everything is drawn from small alphabets, so that rules and requests meet often. The lists hold what has gone wrong
//! in gateways before: look-alike identities, odd escapes, second headers, missing attributes.

use super::request::{JWT, Request, Text};
use arbitrary::Unstructured;
use sallyport_core::wire::{self, WIRE_VERSION};
use serde_json::{Value, json};

const PRINCIPALS: &[&str] = &[
    "*",
    "cluster.local/ns/httpbin/sa/sleep",
    "cluster.local/ns/httpbin/sa/curl",
    "mesh.example/ns/httpbin/sa/sleep",
    "old.example/ns/other/sa/sleep",
    "partner.example/ns/httpbin/sa/sleep",
    "cluster.local/ns/httpbin/*",
    "mesh.example/ns/*",
    "*/ns/other/sa/sleep",
    "*/sa/sleep",
];
const NAMESPACES: &[&str] = &["httpbin", "other", "istio-system", "http*", "*", "*bin"];
const ACCOUNTS: &[&str] = &["sleep", "httpbin/curl", "other/sleep", "httpbin/sleep"];
const TRUST_DOMAINS: &[&str] = &["cluster.local", "mesh.example", "old.example", "partner.example", "partner*", "*"];
const REQUEST_PRINCIPALS: &[&str] = &[
    "*",
    "issuer/alice",
    "issuer/*",
    "*/bob",
    "https://idp.example/alice",
    "https://idp.example/t/alice",
    "*e",
    "iss*",
];
const BLOCKS: &[&str] =
    &["10.1.0.0/16", "10.1.2.3", "192.168.0.0/24", "0.0.0.0/0", "10.9.0.1", "fd00::/8", "fd00::1", "10.1.2.2/31"];
const HOSTS: &[&str] =
    &["httpbin.org", "HTTPBIN.org", "*.example.com", "api.*", "*", "httpbin.org:8443", "httpbin.org:*", "[::1]"];
const PORTS: &[&str] = &["8443", "443", "80"];
const METHODS: &[&str] = &["GET", "POST", "PUT", "P*", "*", "*T"];
const PATHS: &[&str] = &[
    "/get",
    "/status/200",
    "/status/*",
    "/anything/*",
    "*",
    "*/admin",
    "*.json",
    "/status/{*}",
    "/{*}/admin",
    "/anything/{**}",
    "/anything/{**}/",
    "/{**}/admin",
    "/{*}/b/{**}",
    "/~user",
    "/caf%C3%A9",
    "/a%20b",
    "/",
    "/pkg.Svc/Get",
];
/// Patterns that only a tolerant policy may have.
const ODD_PATHS: &[(wire::Ambiguity, &str)] = &[
    (wire::Ambiguity::EscapedSlash, "/a%2Fb"),
    (wire::Ambiguity::DoubleSlash, "/anything//"),
    (wire::Ambiguity::Semicolon, "/get;v=1"),
    (wire::Ambiguity::Backslash, "/a\\b"),
    (wire::Ambiguity::DotSegment, "/anything/../get"),
    (wire::Ambiguity::DoubleEncoding, "/%2541"),
    (wire::Ambiguity::Fragment, "/get#top"),
    (wire::Ambiguity::EscapedNul, "/get%00"),
    (wire::Ambiguity::ControlCharacter, "/a%0Ab"),
];
const PATH_REGEXES: &[&str] = &["/status/[0-9]+", "/.*", "/get|/anything.*", "(?i)/GET", "/caf%C3%A9"];
const CALLS: &[&str] = &["pkg.Svc/Get", "pkg.Svc/*", "other.Svc/Get", "*"];
const HEADERS: &[&str] = &["X-Role", "x-team", "user-agent", "x_team"];
const QUERIES: &[&str] = &["q", "debug", "a b", "q[]"];
const VALUES: &[&str] = &["admin", "reader", "adm*", "*er", "*", "a,b", "a, b", "admin,reader", "caf\u{e9}"];
const REGEXES: &[&str] = &["adm.n", "[a-z]+", "()", ".*,.*", "caf.+", "admin\\n?", "(?s).*"];
const WORDS: &[&str] = &["admin", "reader", "adm*", "*er", "*", "admin reader"];
const TAGS: &[&str] = &["admin", "[admin]", "[adm*]", "*", "[*]", "writer"];
const SNIS: &[&str] = &["httpbin.org", "*.example.com", "*"];
const TLS_VERSIONS: &[&str] = &["TLSv1.3", "TLSv1.2", "TLSv1.*", "tlsv1.3", "*"];
const CLAIM_KEYS: &[&str] = &[
    "request.auth.claims[scope]",
    "request.auth.claims[groups]",
    "request.auth.claims[realm][roles]",
    "request.auth.claims[a.b]",
    "request.auth.claims[level]",
];

const IDENTITIES: &[&str] = &[
    "spiffe://cluster.local/ns/httpbin/sa/sleep",
    "spiffe://cluster.local/ns/httpbin/sa/curl",
    "spiffe://cluster.local/ns/other/sa/sleep",
    "spiffe://mesh.example/ns/httpbin/sa/sleep",
    "spiffe://old.example/ns/other/sa/sleep",
    "spiffe://partner.example/ns/httpbin/sa/sleep",
    "spiffe://cluster.local/ns/istio-system/sa/ingress",
];
const ODD_IDENTITIES: &[&[u8]] = &[
    b"spiffe://cluster.local/ns/httpbin/sa/sleep-evil",
    b"spiffe://cluster.local/ns/httpbin/sa/sleep/x",
    b"spiffe://cluster.local/vm/7",
    b"spiffe://cluster.local",
    b"spiffe://cluster.local/",
    b"spiffe://cluster.local/ns/httpbin/sa/sleep\0c",
    b"spiffe://cluster.local/ns/httpbin/sa/sleep?x",
    b"spiffe://cluster.local//ns/httpbin/sa/sleep",
    b"spiffe://cluster.local/ns/other/sa/../sa/sleep",
    b"SPIFFE://cluster.local/ns/httpbin/sa/sleep",
    b"https://cluster.local/ns/httpbin/sa/sleep",
    b"spiffe://user@cluster.local/ns/httpbin/sa/sleep",
    b"spiffe://cluster.local/ns/httpbin/sa/sl\xffp",
    b"",
];
/// What a certificate may have beside its first URI name, as the gateway writes it.
const OTHER_NAMES: &[&str] = &[
    "URI=spiffe://cluster.local/ns/httpbin/sa/sleep",
    "URI=spiffe://old.example/x/ns/other/y/sa/sleep/z",
    "URI=https://httpbin.org",
    "DNS=httpbin.org",
    "DNS=cluster.local/ns/httpbin/sa/sleep",
    "Subject=\"CN=sleep,O=\\\"x\\\"\"",
    "Subject=\"\"",
    "DNS=unbalanced\"",
    "DNS=x;Chain=cluster.local/ns/httpbin/sa/sleep",
    "DNS=\"x;DNS=cluster.local/ns/httpbin/sa/sleep;DNS=y\"",
    "DNS=x,URI=spiffe://cluster.local/ns/httpbin/sa/sleep",
];
const FORWARDED: &[&str] = &[
    "By=spiffe://cluster.local/ns/istio-system/sa/gw;Hash=ab;Subject=\"CN=a,b;c\";URI=spiffe://cluster.local/ns/httpbin/sa/sleep",
    "Hash=ab;URI=spiffe://cluster.local/ns/other/sa/sleep",
    "URI=spiffe://cluster.local/ns/other/sa/sleep,URI=spiffe://cluster.local/ns/istio-system/sa/ingress",
    "URI=spiffe://cluster.local/ns/istio-system/sa/ingress",
    "Hash=ab;Subject=\"URI=spiffe://cluster.local/ns/httpbin/sa/sleep\"",
    "URI=https://cluster.local/ns/httpbin/sa/sleep",
    "Subject=\"unterminated;URI=spiffe://cluster.local/ns/httpbin/sa/sleep",
    "URI=spiffe://cluster.local/ns/httpbin/sa/sleep;By=\",Hash=ab;Subject=\"CN=a\\\"b\";URI=",
    "URI=spiffe://cluster.local/ns/httpbin/sa/sleep;Subject=\" ,Hash=ab;Subject=\"CN=a\\\"b\";URI=",
    "Hash=ab;Subject=\"\";URI=;DNS=x;URI=spiffe://cluster.local/ns/httpbin/sa/sleep",
    "Hash=ab;Subject=\"O=Acme\\, Inc\\\\\" ,Hash=cd;Subject=\"\";URI=spiffe://cluster.local/ns/httpbin/sa/sleep ",
];
const REQUEST_PATHS: &[&str] = &[
    "/get",
    "/get?q=admin",
    "/get?q=reader&q=admin",
    "/get?debug",
    "/get?q[]=admin",
    "/get?debug=1;q=admin",
    "/get?Q=admin",
    "/get?q=admin%0a",
    "/get?a+b=adm%69n&%71=reader",
    "/status/200",
    "/status/",
    "/status",
    "/status/200/x",
    "/anything",
    "/anything/",
    "/anything/a/b",
    "/anything/a/",
    "/x/admin",
    "/x/y/admin",
    "/x/b/",
    "/data.json",
    "/~user",
    "/%7Euser",
    "/caf%c3%A9",
    "/a%20b",
    "/",
    "/pkg.Svc/Get",
    "/pkg.Svc/Put",
    "/%47et",
];
const ODD_REQUEST_PATHS: &[&[u8]] = &[
    b"/anything/../get",
    b"/anything/%2e%2E/get",
    b"/a%2Fb",
    b"/a%5cb",
    b"/anything//",
    b"//get",
    b"/get;v=1",
    b"/get%3bv=1",
    b"/a\\b",
    b"/get#top",
    b"/get?q=admin#top",
    b"/get%00",
    b"/a%0ab",
    b"/a b",
    b"/caf\xc3\xa9",
    b"/%2541",
    b"/%zz",
    b"/get%",
    b"/%25",
    b"/anything/..;/get",
    b"/.",
    b"get",
    b"*",
    b"",
    b"http://httpbin.org/get",
    b"/get?q=%zz&q=a%",
    b"/get?q=caf\xe9",
    b"/get?+q=admin",
    b"/get?q%00=admin",
    b"/get?q=admin%00",
    b"/get?q=%c1%a1dmin",
    b"/get%23",
    b"/get%3fq=1",
    b"/get?q=%0aadmin+",
    b"/get?q[=admin",
    b"/get?q%ff=admin",
    b"/%c0%ae%c0%ae/get",
    b"/anything/%e9",
    b"/anything/%c1%81",
];
const REQUEST_HOSTS: &[&str] = &[
    "httpbin.org",
    "Httpbin.ORG",
    "httpbin.org:8443",
    "httpbin.org:80",
    "httpbin.org.",
    "a.example.com",
    "api.x",
    "[::1]:8443",
    "[0:0::1]",
    "[0::1]:80",
];
const ODD_HOSTS: &[&[u8]] = &[
    b"",
    b"user@httpbin.org",
    b"httpbin.org:x",
    b"::1",
    b"[::1",
    b"http bin",
    b"h\xff",
    b".",
    b"httpbin.org..",
    b"httpbin..org",
];
const HEADER_VALUES: &[&[u8]] = &[
    b"admin",
    b"reader",
    b"admin,reader",
    b"reader , admin",
    b"",
    b"a,b",
    b"\xff",
    b"caf\xc3\xa9",
    b"ADMIN",
    b",",
    b" admin",
    b"admin\t",
    b"\treader ,admin",
];
const ADDRESSES: &[&str] =
    &["10.1.2.3:41000", "10.1.2.2:41000", "192.168.0.9:1", "[fd00::1]:5", "[2001:db8::1]:5", "203.0.113.9:65535"];
const DESTINATIONS: &[&str] = &["10.9.0.1:8443", "10.9.0.1:443", "[fd00::1]:80"];

const ODD_METHODS: &[&[u8]] = &[b"", b"G T", b"CONNECT", b"OPTIONS", b"\xff", b"get", b"Post", b"pOST"];

type Bytes<'a, 'b> = &'a mut Unstructured<'b>;

/// Holds in about this many of a hundred cases.
fn sometimes(u: Bytes<'_, '_>, percent: u8) -> bool {
    u.ratio(percent, 100).unwrap_or(false)
}

fn pick<'x, T: ?Sized>(u: Bytes<'_, '_>, alphabet: &'x [&'x T]) -> &'x T {
    let at = u.choose_index(alphabet.len()).unwrap_or(0);
    alphabet[at]
}

fn below(u: Bytes<'_, '_>, end: usize) -> usize {
    u.choose_index(end).unwrap_or(0)
}

/// One to three different values.
fn values(u: Bytes<'_, '_>, alphabet: &[&str]) -> Option<Vec<String>> {
    let mut values = Vec::new();
    for _ in 0..=below(u, 3) {
        let value = pick(u, alphabet).to_owned();
        if !values.contains(&value) {
            values.push(value);
        }
    }
    Some(values)
}

/// A valid policy.
pub fn policy(u: Bytes<'_, '_>) -> wire::Policy {
    let mut policy =
        wire::Policy { version: WIRE_VERSION, upstream: "httpbin/httpbin".to_owned(), ..wire::Policy::default() };
    if sometimes(u, 30) {
        policy.trust_domain = Some("mesh.example".to_owned());
        if sometimes(u, 70) {
            policy.trust_domain_aliases = vec!["old.example".to_owned()];
            if sometimes(u, 40) {
                policy.trust_domain_aliases.push("cluster.local".to_owned());
            }
        }
    }
    if sometimes(u, 30) {
        policy.trusted_forwarders = vec!["cluster.local/ns/istio-system/sa/ingress".to_owned()];
    }
    // A bounded number of tries: a stream that has run dry gives the same answer for ever.
    let tolerated = if sometimes(u, 75) { 0 } else { 1 + below(u, 3) };
    for _ in 0..tolerated {
        let kind = wire::Ambiguity::TOLERABLE[below(u, wire::Ambiguity::TOLERABLE.len())];
        if !policy.tolerate.contains(&kind) {
            policy.tolerate.push(kind);
        }
    }
    if sometimes(u, 10) {
        policy.stage = wire::Stage::Shadow;
    }
    policy.disclose_rule = sometimes(u, 10);
    policy.num_trusted_proxies = if sometimes(u, 20) { 1 } else { 0 };
    let rules = if sometimes(u, 3) { 0 } else { 1 + below(u, 8) };
    for index in 0..rules {
        let rule = rule(u, &policy, index);
        policy.rules.push(rule);
    }
    policy
}

/// A valid rule of this policy, with an id that no other index gives.
pub fn rule(u: Bytes<'_, '_>, policy: &wire::Policy, index: usize) -> wire::Rule {
    let action = match below(u, 10) {
        0..=5 => wire::Action::Allow,
        6..=7 => wire::Action::Deny,
        _ => wire::Action::Audit,
    };
    let stage = if sometimes(u, 20) { wire::Stage::Shadow } else { wire::Stage::Enforce };
    let mut rule = wire::Rule { id: format!("r{index}"), action, stage, ..wire::Rule::default() };
    if sometimes(u, 55) {
        rule.from = Some((0..=below(u, 2)).map(|_| wire::FromEntry { source: source(u, policy) }).collect());
    }
    if sometimes(u, 60) {
        rule.to = Some((0..=below(u, 2)).map(|_| wire::ToEntry { operation: operation(u, policy) }).collect());
    }
    if sometimes(u, 35) || (rule.from.is_none() && rule.to.is_none()) {
        rule.when = Some((0..=below(u, 2)).map(|_| condition(u, policy)).collect());
    }
    rule
}

fn source(u: Bytes<'_, '_>, policy: &wire::Policy) -> wire::Source {
    let mut source = wire::Source::default();
    for _ in 0..=below(u, 2) {
        match below(u, 16) {
            0..=2 => source.principals = values(u, PRINCIPALS),
            3 => source.not_principals = values(u, PRINCIPALS),
            4 => source.request_principals = values(u, REQUEST_PRINCIPALS),
            5 => source.not_request_principals = values(u, REQUEST_PRINCIPALS),
            6 => source.namespaces = values(u, NAMESPACES),
            7 => source.not_namespaces = values(u, NAMESPACES),
            8 => source.service_accounts = values(u, ACCOUNTS),
            9 => source.not_service_accounts = values(u, ACCOUNTS),
            10 => source.trust_domains = values(u, TRUST_DOMAINS),
            11 => source.not_trust_domains = values(u, TRUST_DOMAINS),
            12 => source.remote_ip_blocks = values(u, BLOCKS),
            13 => source.not_remote_ip_blocks = values(u, BLOCKS),
            14 if policy.num_trusted_proxies == 0 => source.ip_blocks = values(u, BLOCKS),
            15 if policy.num_trusted_proxies == 0 => source.not_ip_blocks = values(u, BLOCKS),
            _ => source.principals = values(u, PRINCIPALS),
        }
    }
    // Accounts do not go together with principals or namespaces.
    if source.service_accounts.is_some() || source.not_service_accounts.is_some() {
        source.principals = None;
        source.not_principals = None;
        source.namespaces = None;
        source.not_namespaces = None;
    }
    source
}

fn operation(u: Bytes<'_, '_>, policy: &wire::Policy) -> wire::Operation {
    let mut operation = wire::Operation::default();
    for _ in 0..=below(u, 2) {
        match below(u, 18) {
            0..=2 => operation.methods = values(u, METHODS),
            3 => operation.not_methods = values(u, METHODS),
            4..=7 => operation.paths = paths(u, policy),
            8 => operation.not_paths = paths(u, policy),
            9 => operation.path_regex = values(u, PATH_REGEXES),
            10 => operation.not_path_regex = values(u, PATH_REGEXES),
            11 => operation.hosts = values(u, HOSTS),
            12 => operation.not_hosts = values(u, HOSTS),
            13 => operation.ports = values(u, PORTS),
            14 => operation.not_ports = values(u, PORTS),
            15..=16 => operation.grpc = values(u, CALLS),
            _ => operation.not_grpc = values(u, CALLS),
        }
    }
    operation
}

fn paths(u: Bytes<'_, '_>, policy: &wire::Policy) -> Option<Vec<String>> {
    let mut paths = values(u, PATHS)?;
    for (kind, path) in ODD_PATHS {
        if policy.tolerate.contains(kind) && sometimes(u, 60) {
            paths.push((*path).to_owned());
        }
    }
    Some(paths)
}

fn condition(u: Bytes<'_, '_>, policy: &wire::Policy) -> wire::Condition {
    let hidden = policy.num_trusted_proxies > 0;
    let (key, alphabet) = match below(u, 24) {
        0..=5 => return repeated(u, "request.headers", HEADERS),
        6..=7 => return repeated(u, "request.query", QUERIES),
        8 => (if hidden { "remote.ip" } else { "source.ip" }, BLOCKS),
        9 => ("remote.ip", BLOCKS),
        10 => ("source.namespace", NAMESPACES),
        11 => ("source.serviceAccount", ACCOUNTS),
        12 => ("source.trustDomain", TRUST_DOMAINS),
        13 => ("source.principal", PRINCIPALS),
        14 => ("request.auth.principal", REQUEST_PRINCIPALS),
        15 => ("request.auth.audiences", WORDS),
        16 => ("request.auth.presenter", WORDS),
        17..=18 => (pick(u, CLAIM_KEYS), WORDS),
        19 => ("destination.ip", BLOCKS),
        20 => ("destination.port", PORTS),
        21 => ("connection.sni", SNIS),
        22 => ("connection.tlsVersion", TLS_VERSIONS),
        _ => ("experimental.envoy.filters.http.waf[tags]", TAGS),
    };
    let (positive, negative) = (sometimes(u, 70), sometimes(u, 40));
    wire::Condition {
        key: key.to_owned(),
        values: if positive || !negative { values(u, alphabet) } else { None },
        not_values: if negative { values(u, alphabet) } else { None },
        ..wire::Condition::default()
    }
}

fn repeated(u: Bytes<'_, '_>, what: &str, names: &[&str]) -> wire::Condition {
    let key = format!("{what}[{}]", pick(u, names));
    let mut condition = wire::Condition { key, ..wire::Condition::default() };
    for _ in 0..=below(u, 2) {
        match below(u, 7) {
            0..=2 => condition.values = values(u, VALUES),
            3 => condition.not_values = values(u, VALUES),
            4..=5 => condition.regex = values(u, REGEXES),
            _ => condition.not_regex = values(u, REGEXES),
        }
    }
    condition.quantifier = match below(u, 4) {
        0 => Some(wire::Quantifier::Any),
        1 => Some(wire::Quantifier::All),
        _ => None,
    };
    condition
}

/// A request that the alphabets above speak of; now and then a malformed one.
pub fn request(u: Bytes<'_, '_>) -> Request {
    let path: Text = if sometimes(u, 9) { pick(u, ODD_REQUEST_PATHS).into() } else { pick(u, REQUEST_PATHS).into() };
    let method: &[u8] = match below(u, 24) {
        0..=11 => b"GET",
        12..=16 => b"POST",
        17..=18 => b"get",
        19..=20 => b"PATCH",
        21..=22 => b"DELETE",
        _ => pick(u, ODD_METHODS),
    };
    let mut request = Request::new(method, path.0);
    request = match below(u, 60) {
        0 => request.host(pick(u, ODD_HOSTS)),
        1 => request.without(":authority"),
        2 => request.without(":authority").header("host", pick(u, REQUEST_HOSTS)),
        3 => request.header("host", pick(u, REQUEST_HOSTS)),
        4..=18 => request.host(pick(u, REQUEST_HOSTS)),
        _ => request,
    };
    if sometimes(u, 2) {
        let name = pick(u, &[":method", ":path", ":authority"]);
        request = if sometimes(u, 50) { request.without(name) } else { request.header(name, "/get") };
    }
    caller(u, &mut request);
    for _ in 0..below(u, 4) {
        let name = pick(u, &["x-role", "x-role", "x-role", "x-team", "x-other", "user-agent"]);
        request = request.header(name, pick(u, HEADER_VALUES));
    }
    if sometimes(u, 4) {
        request = request.header(pick(u, &["x_role", "x_other", "x-_team", "user_agent"]), "admin");
    }
    if sometimes(u, 12) {
        let kinds = [
            "application/grpc",
            "application/grpc",
            "application/grpc+proto",
            "application/json",
            "application/grpc-web",
        ];
        request = request.header("content-type", pick(u, &kinds));
    }
    if sometimes(u, 3) {
        request = request.header("upgrade", pick(u, &["websocket", "WebSocket", "h2c"]));
    }
    connection(u, &mut request);
    request
}

fn caller(u: Bytes<'_, '_>, request: &mut Request) {
    if sometimes(u, 60) {
        request.mtls = sometimes(u, 96);
        request.uri_san =
            Some(if sometimes(u, 8) { pick(u, ODD_IDENTITIES).into() } else { pick(u, IDENTITIES).into() });
    }
    for _ in 0..below(u, 3) {
        if sometimes(u, 6) {
            request.other_names.push(pick(u, OTHER_NAMES).into());
        }
    }
    for _ in 0..below(u, 3) {
        if sometimes(u, 60) {
            request.headers.push(("x-forwarded-client-cert".into(), pick(u, FORWARDED).into()));
        }
    }
    if sometimes(u, 45) {
        let claims = claims(u);
        request.metadata.insert(JWT.to_owned(), claims);
    }
    if sometimes(u, 15) {
        let tags = [json!("admin"), json!(["admin", "writer"]), json!(7), json!([])];
        let tags = &tags[below(u, tags.len())];
        request.metadata.insert("envoy.filters.http.waf".to_owned(), json!({ "tags": tags }));
    }
}

fn claims(u: Bytes<'_, '_>) -> Value {
    let mut claims = serde_json::Map::new();
    if sometimes(u, 90) {
        claims.insert(
            "iss".to_owned(),
            pick(u, &["issuer", "issuer", "https://idp.example", "https://idp.example/t", ""]).into(),
        );
    }
    if sometimes(u, 90) {
        claims.insert("sub".to_owned(), pick(u, &["alice", "alice", "bob", "t/alice", "x/bob"]).into());
    }
    for name in ["aud", "azp", "scope", "groups", "a.b", "level", "a"] {
        if sometimes(u, 40) {
            claims.insert(name.to_owned(), claim(u));
        }
    }
    if sometimes(u, 40) {
        claims.insert("realm".to_owned(), json!({ "roles": claim(u) }));
    }
    if sometimes(u, 4) {
        return json!({ "payload": "not an object" });
    }
    json!({ "payload": claims })
}

fn claim(u: Bytes<'_, '_>) -> Value {
    match below(u, 10) {
        0..=1 => json!("admin"),
        2 => json!("reader admin"),
        3 => json!(["admin", "reader"]),
        4 => json!(["admin reader"]),
        5 => json!(["writer"]),
        6 => json!(["admin", 7]),
        7 => json!(7),
        8 => json!({ "admin": "admin" }),
        _ => json!(""),
    }
}

fn connection(u: Bytes<'_, '_>, request: &mut Request) {
    match below(u, 12) {
        0 => request.source_address = None,
        1 => request.source_address = Some("unix:///run/x".into()),
        2..=5 => request.source_address = Some(pick(u, ADDRESSES).into()),
        _ => {}
    }
    match below(u, 12) {
        0 => request.destination_address = None,
        1..=3 => request.destination_address = Some(pick(u, DESTINATIONS).into()),
        _ => {}
    }
    match below(u, 12) {
        0 => request.sni = None,
        1 => request.sni = Some("a.example.com".into()),
        2 => request.sni = Some("".into()),
        _ => {}
    }
    match below(u, 12) {
        0 => request.tls_version = None,
        1 => request.tls_version = Some("TLSv1.2".into()),
        2 => request.tls_version = Some("".into()),
        _ => {}
    }
}
