//! Requests by chance. Half of what is asked is led by a rule of the case, so that rules are met, or nearly so.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fastrand::Rng;
use sallyport_core::wire;
use sallyport_tests::client::Request;
use serde_json::Value;

use super::caller::{HOST, WHO, tokens};
use super::case::Asked;
use super::istio::{claim_strings, string_matches};
use super::pool::METADATA_HEADER;

const PATHS: &[&str] = &[
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
    "/c",
    "/A",
    "/a/%62",
    "/%61",
    "/a/%41",
    "/a/a%20b",
    "/a//b",
    "/a;x",
    "/a/b%3bc",
    "/a/%2fb",
    "/a/%5Cb",
    "/a/%2562",
    "/a/%zz",
    "/a/%0a",
    "/a/%c3%a4",
    "/a/%40",
    "/a/%C3%A4",
    "/a/%c0%ae",
    "/a*",
    "/a/*",
    "/a/../b",
    "/a/./b",
    "/a%2e",
    "/a/b?x=/c",
    "/a?",
    "/a/{x}",
    "/ab",
];
const HOSTS: &[&str] = &[
    "HTTPBIN.legacy.internal",
    "httpbin.legacy.internal:8443",
    "httpbin.legacy.internal:80",
    "httpbin.legacy.internal.",
    "httpbin.legacy.internal.:8443",
    "other.test",
    "other.test:8443",
    "a..",
    "a..internal",
    "127.0.0.1",
];
const METHODS: &[&str] = &["GET", "GET", "GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"];
const ODD_METHODS: &[&str] = &["get", "Get", "pUT", "deletE", "post"];
const VALUES: &[&str] = &[
    "red",
    "red",
    "green",
    "blue",
    "red,green",
    "red, blue",
    "blue ,green",
    "",
    "RED",
    "reddish",
    "a b",
    ",red",
    "broken",
];
const AGENTS: &[&str] = &["curl", "curl, red", "red", "curl/8 (x, red)", ""];

/// One request for a case.
pub(crate) fn draw(random: &mut Rng, policy: &wire::Policy) -> Asked {
    let rule = policy.rules.get(random.usize(..policy.rules.len())).filter(|_| random.u8(..4) > 0);
    let http2 = random.bool();
    let path = pick(random, http2, rule, &[PATHS], |rule| {
        rule.to.iter().flatten().flat_map(|to| [&to.operation.paths, &to.operation.not_paths]).flatten().flatten()
    });
    let method = if http2 && random.u8(..6) == 0 {
        one(random, ODD_METHODS).to_owned()
    } else {
        pick(random, http2, rule, &[METHODS], |rule| {
            rule.to
                .iter()
                .flatten()
                .flat_map(|to| [&to.operation.methods, &to.operation.not_methods])
                .flatten()
                .flatten()
        })
    };
    let path = if path.starts_with('/') { path } else { format!("/{path}") };
    let mut request = Request::new(&method, &path);
    let host = pick(random, http2, rule, &[&[HOST, HOST, HOST], HOSTS], |rule| {
        rule.to.iter().flatten().flat_map(|to| [&to.operation.hosts, &to.operation.not_hosts]).flatten().flatten()
    });
    request = request.host(decorated_host(random, host));
    for (name, pool) in [("x-color", VALUES), ("x-shape", VALUES), ("user-agent", AGENTS)] {
        request = with_header(random, http2, rule, request, name, pool);
    }
    if random.u8(..16) == 0 {
        request = request.header("x_color", one(random, VALUES));
    }
    if random.u8(..16) == 0 {
        // Whoever it names, the gateway writes its own.
        request = request.header("x-forwarded-client-cert", "URI=spiffe://cluster.local/ns/httpbin/sa/writer");
    }
    if policy.num_trusted_proxies > 0 && random.bool() {
        request = request.header("x-forwarded-for", one(random, &["10.1.2.3", "10.1.2.3, 192.0.2.1", "192.0.2.9"]));
    }
    if random.bool() {
        request = request.header(METADATA_HEADER, metadata(random));
    }
    Asked { who: caller(random, rule), token: token(random, rule), http2, request }
}

/// A value out of the pools; or, led by a rule, one that a pattern of its own matches.
fn pick<'r, I: Iterator<Item = &'r String>>(
    random: &mut Rng,
    http2: bool,
    rule: Option<&'r wire::Rule>,
    pools: &[&[&str]],
    patterns: impl Fn(&'r wire::Rule) -> I,
) -> String {
    let patterns: Vec<&String> = rule.into_iter().flat_map(patterns).collect();
    if !patterns.is_empty() && random.u8(..3) > 0 {
        let pattern = patterns[random.usize(..patterns.len())];
        let met = meet(random, pattern);
        let is_sendable = met.bytes().all(|byte| byte.is_ascii_graphic());
        if is_sendable && (http2 || met != "get") {
            return met;
        }
    }
    let pool = pools[random.usize(..pools.len())];
    one(random, pool).to_owned()
}

/// A text that a pattern matches.
fn meet(random: &mut Rng, pattern: &str) -> String {
    let templated = pattern.replace("{**}", one(random, &["p/q", "p", ""])).replace("{*}", "p");
    let filling = one(random, &["", "x"]);
    match templated.as_str() {
        "*" => "x".to_owned(),
        text => text.replace('*', filling),
    }
}

fn decorated_host(random: &mut Rng, host: String) -> String {
    match random.u8(..12) {
        0 if !host.contains(':') => format!("{host}:8443"),
        1 if !host.contains(':') && !host.ends_with('.') => format!("{host}."),
        2 => host.to_ascii_uppercase(),
        _ if host.is_empty() => HOST.to_owned(),
        _ => host,
    }
}

/// None to three lines of a header; over HTTP/2 some with white space at their ends.
fn with_header(
    random: &mut Rng,
    http2: bool,
    rule: Option<&wire::Rule>,
    mut request: Request,
    name: &str,
    pool: &[&str],
) -> Request {
    let key = format!("request.headers[{name}]");
    let conditions: Vec<&wire::Condition> =
        conditions(rule).filter(|condition| condition.key.eq_ignore_ascii_case(&key)).collect();
    let lines = if conditions.is_empty() { random.usize(..2) } else { [0, 1, 1, 1, 2, 3][random.usize(..6)] };
    for _ in 0..lines {
        let mut value = match conditions.first().and_then(|condition| pattern_of(random, condition)) {
            Some(pattern) if random.u8(..3) > 0 => meet(random, &pattern),
            _ => one(random, pool).to_owned(),
        };
        if random.u8(..10) == 0 {
            value = format!("{value},{}", one(random, pool));
        }
        if http2 && random.u8(..8) == 0 {
            value = [format!(" {value}"), format!("{value}\t")][random.usize(..2)].clone();
        }
        request = request.header(name, value);
    }
    request
}

fn conditions(rule: Option<&wire::Rule>) -> impl Iterator<Item = &wire::Condition> {
    rule.into_iter().flat_map(|rule| rule.when.iter().flatten())
}

fn pattern_of(random: &mut Rng, condition: &wire::Condition) -> Option<String> {
    let patterns: Vec<&String> = condition.values.iter().chain(&condition.not_values).flatten().collect();
    (!patterns.is_empty()).then(|| patterns[random.usize(..patterns.len())].clone())
}

/// A caller; where a rule leads, often one that its sources speak of.
fn caller(random: &mut Rng, rule: Option<&wire::Rule>) -> usize {
    let mut who = random.usize(..WHO.len());
    let Some(rule) = rule else { return who };
    for _ in 0..6 {
        let uris = WHO[who].uris;
        let fits = |source: &wire::Source| {
            let any = |list: &Option<Vec<String>>, test: &dyn Fn(&str, &str) -> bool| {
                list.as_ref().is_none_or(|list| list.iter().any(|text| uris.iter().any(|uri| test(text, uri))))
            };
            any(&source.principals, &|text, uri| string_matches(text, uri.trim_start_matches("spiffe://")))
                && any(&source.namespaces, &|text, uri| uri.contains(&format!("/ns/{}", text.trim_matches('*'))))
                && any(&source.service_accounts, &|text, uri| uri.contains(text.rsplit('/').next().unwrap_or(text)))
        };
        if rule.from.as_ref().is_none_or(|from| from.iter().any(|from| fits(&from.source))) {
            return who;
        }
        who = random.usize(..WHO.len());
    }
    who
}

/// A token; where a rule asks for one, seldom none, and often one with the claim.
fn token(random: &mut Rng, rule: Option<&wire::Rule>) -> usize {
    let all = tokens();
    let asks_for = |condition: &&wire::Condition| condition.key.starts_with("request.auth.");
    let claims: Vec<&wire::Condition> = conditions(rule).filter(asks_for).collect();
    let principals = rule.is_some_and(|rule| {
        let mut sources = rule.from.iter().flatten().map(|from| &from.source);
        sources.any(|source| source.request_principals.is_some() || source.not_request_principals.is_some())
    });
    if claims.is_empty() && !principals {
        return if random.bool() { 0 } else { random.usize(..all.len()) };
    }
    let mut token = random.usize(..all.len());
    for _ in 0..4 {
        let has = |condition: &&wire::Condition| !claim_strings(&all[token], &condition.key).is_empty();
        if all[token] != Value::Null && claims.iter().all(has) {
            return token;
        }
        token = random.usize(..all.len());
    }
    token
}

/// A serialised `google.protobuf.Value`, as the listener takes it for the metadata of a filter.
fn metadata(random: &mut Rng) -> String {
    let text = |text: &str| {
        let mut bytes = vec![0x1a, u8::try_from(text.len()).unwrap_or_default()];
        bytes.extend_from_slice(text.as_bytes());
        bytes
    };
    let list = |texts: &[&str]| {
        let mut elements = Vec::new();
        for element in texts.iter().map(|element| text(element)) {
            elements.extend([0x0a, u8::try_from(element.len()).unwrap_or_default()]);
            elements.extend(element);
        }
        let mut bytes = vec![0x32, u8::try_from(elements.len()).unwrap_or_default()];
        bytes.extend(elements);
        bytes
    };
    let yes = vec![0x20, 1];
    let values = [
        text("update"),
        text("[update]"),
        text("read"),
        text(""),
        list(&["update", "read"]),
        list(&["read"]),
        list(&[]),
        yes,
    ];
    STANDARD.encode(&values[random.usize(..values.len())])
}

fn one<'p>(random: &mut Rng, pool: &[&'p str]) -> &'p str {
    pool[random.usize(..pool.len())]
}
