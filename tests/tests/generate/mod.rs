//! Policies and requests by chance, from pools small enough that they often meet.

use anyhow::{Context as _, Result};
use fastrand::Rng;
use sallyport_core::wire::{self, WIRE_VERSION};
use sallyport_core::{Engine, wire::Policy};
use sallyport_tests::client::Request;
use sallyport_tests::stage::{egress, egress_with};
use serde_json::json;

const PRINCIPALS: &[&str] = &[
    "cluster.local/ns/httpbin/sa/sleep",
    "cluster.local/ns/httpbin/sa/writer",
    "cluster.local/ns/httpbin/*",
    "cluster.local/ns/other/sa/stranger",
    "*/sa/writer",
    "*",
];
const NAMESPACES: &[&str] = &["httpbin", "other", "elsewhere"];
const ACCOUNTS: &[&str] = &["httpbin/sleep", "httpbin/writer", "other/stranger", "httpbin/absent"];
const TRUST_DOMAINS: &[&str] = &["cluster.local", "elsewhere.test"];
const BLOCKS: &[&str] = &["127.0.0.0/8", "127.0.0.1", "10.0.0.0/8", "::1/128"];
const HOSTS: &[&str] =
    &["httpbin.legacy.internal", "*.internal", "HTTPBIN.*", "other.test", "httpbin.legacy.internal:*"];
const METHODS: &[&str] = &["GET", "POST", "HEAD", "P*", "*"];
const PATHS: &[&str] = &["/a", "/a/b", "/a/*", "*/c", "/*", "*", "/a/{*}", "/a/{**}", "/{*}/b", "/b/{*}/c", "/A"];
const EXPRESSIONS: &[&str] = &["/a/[a-z]+", "/(a|b)(/.*)?", "/.", ".*c"];
const VALUES: &[&str] = &["red", "green", "re*", "*en", "*", "blue"];
const VALUE_EXPRESSIONS: &[&str] = &["r.d", "(red|green)", "[a-z]+", "b.*"];

const ASKED_PATHS: &[&str] = &[
    "/",
    "/a",
    "/a",
    "/a/",
    "/a/b",
    "/a/b",
    "/a/b/",
    "/a/b/c",
    "/b",
    "/b/x/c",
    "/b/c",
    "/A",
    "/a/%62",
    "/%61",
    "/a/a%20b",
    "/a//b",
    "/a;x",
    "/a/b%3bc",
    "/a/%2fb",
    "/a/%5Cb",
    "/a/%2562",
    "/a/%zz",
    "/a/%4",
    "/a/%0a",
    "/a/%c3%a4",
    "/a*",
];
const ASKED_QUERIES: &[&str] = &[
    "",
    "",
    "",
    "?",
    "?q=red",
    "?q=green&q=red",
    "?q=blue",
    "?q",
    "?q=%72ed",
    "?q=re+d",
    "?r=red",
    "?q=&q=red",
    "?%71=red",
];
const ASKED_HOSTS: &[&str] =
    &["HTTPBIN.legacy.internal", "httpbin.legacy.internal:8443", "httpbin.legacy.internal.", "other.test", "127.0.0.1"];
const ASKED_METHODS: &[&str] = &["GET", "GET", "GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"];
const ASKED_VALUES: &[&str] = &["red", "green", "blue", "red,green", "red, blue", "", "RED", "reddish", "a\tb"];

/// A policy that compiles, and the engine it compiles to. One that does not compile is thrown away.
pub(crate) fn policy(random: &mut Rng, gate_port: u16) -> (Policy, Engine) {
    for _ in 0..1_000 {
        let policy = draw(random, gate_port);
        if let Ok(engine) = Engine::compile(&policy) {
            return (policy, engine);
        }
    }
    panic!("of a thousand generated policies none compiles: {:?}", Engine::compile(&draw(random, gate_port)).err());
}

/// The file that makes the gate decide by this policy.
pub(crate) fn egress_file(policy: &Policy) -> Result<String> {
    let authz = json!({
        "discloseRule": policy.disclose_rule,
        "tolerate": policy.tolerate,
        "rules": policy.rules,
    });
    // JSON is YAML, one line a key.
    let fields = authz.as_object().context("an object")?;
    let lines: String = fields.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    Ok(match policy.stage {
        wire::Stage::Enforce => egress(&lines),
        stage => egress_with(&format!("rollout: {{stage: {stage}, canary: {{percent: 50}}}}"), &lines),
    })
}

/// A request.
pub(crate) fn request(random: &mut Rng) -> Request {
    let path = format!("{}{}", one(random, ASKED_PATHS), one(random, ASKED_QUERIES));
    let mut request = Request::new(one(random, ASKED_METHODS), path);
    if random.u8(..5) == 0 {
        request = request.host(one(random, ASKED_HOSTS));
    }
    for name in ["x-color", "x-shape"] {
        for _ in 0..random.usize(..3) {
            request = request.header(name, one(random, ASKED_VALUES));
        }
    }
    if random.u8(..12) == 0 {
        request = request.header("x_color", one(random, ASKED_VALUES));
    }
    request
}

fn draw(random: &mut Rng, gate_port: u16) -> wire::Policy {
    wire::Policy {
        version: WIRE_VERSION,
        upstream: "httpbin/httpbin".to_owned(),
        stage: if random.u8(..8) == 0 { wire::Stage::Shadow } else { wire::Stage::Enforce },
        disclose_rule: true,
        tolerate: tolerated(random),
        rules: (0..random.usize(1..8)).map(|number| rule(random, number, gate_port)).collect(),
        ..wire::Policy::default()
    }
}

fn tolerated(random: &mut Rng) -> Vec<wire::Ambiguity> {
    use wire::Ambiguity as Kind;
    let kinds = [
        Kind::EscapedSlash,
        Kind::DoubleSlash,
        Kind::Semicolon,
        Kind::DoubleEncoding,
        Kind::ControlCharacter,
        Kind::InvalidEncoding,
        Kind::UnderscoreHeader,
    ];
    kinds.into_iter().filter(|_| random.u8(..4) == 0).collect()
}

fn rule(random: &mut Rng, number: usize, gate_port: u16) -> wire::Rule {
    wire::Rule {
        id: format!("rule-{number}"),
        action: match random.u8(..10) {
            0..3 => wire::Action::Deny,
            3 => wire::Action::Audit,
            _ => wire::Action::Allow,
        },
        stage: if random.u8(..5) == 0 { wire::Stage::Shadow } else { wire::Stage::Enforce },
        from: list(random, 2, |random| wire::FromEntry { source: source(random) }),
        to: list(random, 2, |random| wire::ToEntry { operation: operation(random, gate_port) }),
        when: if random.u8(..3) == 0 { list(random, 2, |random| condition(random, gate_port)) } else { None },
    }
}

fn source(random: &mut Rng) -> wire::Source {
    let mut source = wire::Source::default();
    match random.u8(..4) {
        0 => {
            source.principals = values(random, PRINCIPALS, 2);
            source.not_principals = values(random, PRINCIPALS, 8);
        }
        1 => {
            source.namespaces = values(random, NAMESPACES, 2);
            source.not_namespaces = values(random, NAMESPACES, 6);
        }
        2 => {
            source.service_accounts = values(random, ACCOUNTS, 2);
            source.not_service_accounts = values(random, ACCOUNTS, 6);
        }
        _ => source.ip_blocks = values(random, BLOCKS, 1),
    }
    source.trust_domains = values(random, TRUST_DOMAINS, 8);
    source.not_trust_domains = values(random, TRUST_DOMAINS, 16);
    source.not_ip_blocks = values(random, BLOCKS, 16);
    source
}

fn operation(random: &mut Rng, gate_port: u16) -> wire::Operation {
    let port = [gate_port.to_string(), "443".to_owned()];
    let port = [port[0].as_str(), port[1].as_str()];
    wire::Operation {
        hosts: values(random, HOSTS, 8),
        not_hosts: values(random, HOSTS, 16),
        ports: values(random, &port, 8),
        not_ports: values(random, &port, 16),
        methods: values(random, METHODS, 3),
        not_methods: values(random, METHODS, 10),
        paths: values(random, PATHS, 2),
        not_paths: values(random, PATHS, 6),
        path_regex: values(random, EXPRESSIONS, 10),
        not_path_regex: values(random, EXPRESSIONS, 10),
        grpc: None,
        not_grpc: None,
    }
}

fn condition(random: &mut Rng, gate_port: u16) -> wire::Condition {
    let named = |key: &str| wire::Condition { key: key.to_owned(), ..wire::Condition::default() };
    let port = gate_port.to_string();
    match random.u8(..9) {
        0 => wire::Condition { values: values(random, BLOCKS, 1), ..named("source.ip") },
        1 => wire::Condition {
            not_values: values(random, &["httpbin.legacy.internal", "other"], 1),
            ..named("connection.sni")
        },
        2 => wire::Condition { values: values(random, &[port.as_str(), "1"], 1), ..named("destination.port") },
        3 => wire::Condition { values: values(random, NAMESPACES, 1), ..named("source.namespace") },
        4 => wire::Condition { values: values(random, &["TLSv1.3", "TLSv1.2"], 1), ..named("connection.tlsVersion") },
        chance => wire::Condition {
            values: values(random, VALUES, 2),
            not_values: values(random, VALUES, 2),
            regex: values(random, VALUE_EXPRESSIONS, 5),
            not_regex: values(random, VALUE_EXPRESSIONS, 8),
            quantifier: [None, Some(wire::Quantifier::Any), Some(wire::Quantifier::All)][random.usize(..3)],
            ..named(
                ["request.headers[x-color]", "request.headers[X-Shape]", "request.query[q]"][usize::from(chance) % 3],
            )
        },
    }
}

/// One to two of the pool, one time in `rarity`.
fn values(random: &mut Rng, pool: &[&str], rarity: u8) -> Option<Vec<String>> {
    if random.u8(..rarity) != 0 {
        return None;
    }
    Some((0..random.usize(1..3)).map(|_| one(random, pool).to_owned()).collect())
}

fn list<T>(random: &mut Rng, rarity: u8, make: impl Fn(&mut Rng) -> T) -> Option<Vec<T>> {
    if random.u8(..rarity) != 0 {
        return None;
    }
    Some((0..random.usize(1..3)).map(|_| make(random)).collect())
}

fn one<'a>(random: &mut Rng, pool: &[&'a str]) -> &'a str {
    pool[random.usize(..pool.len())]
}

#[test]
fn generated_policies_decide_in_every_way() {
    let mut random = Rng::with_seed(1);
    let mut actions = [0usize; 3];
    for _ in 0..200 {
        let (policy, _) = policy(&mut random, 443);
        for rule in &policy.rules {
            actions[rule.action as usize] += 1;
        }
    }
    assert!(actions.iter().all(|count| *count > 20), "{actions:?}");
}
