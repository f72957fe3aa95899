//! What `diff` and `query` print as an example is an argument of `explain`, which decides the same.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::Command;

use arbitrary::Unstructured;
use clap::Parser as _;
use sallyport_core::{Engine, wire};
use sallyport_egress::diagnostic::SourceFile;
use sallyport_egress::meaning::{BUDGET, Policy, Question, diff, query};
use sallyport_egress::model::Mesh;
use sallyport_egress::scenario::{Caller, Certificate, Request, Scenario};
use sallyport_egress::{Checked, check};

use self::common::generate;
use super::{Args, pasted};
use crate::console::{Colour, Console};
use crate::report::ReportedFile;
use crate::report::example::Ground;

#[path = "../../../../filter/core/tests/core/common/mod.rs"]
#[expect(dead_code, reason = "a part of it is for the tests of the core")]
mod common;

/// How many policies.
const POLICIES: u64 = 40;

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

fn checked(domain: &str) -> (Checked, Ground) {
    let file = |name: &str, text: &str| SourceFile { name: name.to_owned(), text: text.to_owned() };
    let egress = "apiVersion: sallyport.dev/v1alpha1\nkind: Egress\nmetadata: {name: a, namespace: b}\nspec:\n  host: httpbin.org\n  \
                  upstream: {host: a.example, port: 443}\n  gateway: {install: gateway-api}\n  authz: {rules: []}\n";
    let mesh = format!(
        "apiVersion: sallyport.dev/v1alpha1\nkind: Mesh\nmetadata: {{name: mesh}}\nspec: {{trustDomain: {domain}}}\n"
    );
    let sources = [file("a b.yaml", egress), file("mesh.yaml", &mesh)];
    let checked = check(&sources);
    let reported = |source: &SourceFile| ReportedFile {
        name: source.name.clone(),
        uri: String::new(),
        text: String::new(),
        missing: false,
    };
    let files: Vec<_> = sources.iter().map(reported).collect();
    let ground = Ground::new(&checked.egresses[0], checked.mesh.as_ref(), &files, None);
    (checked, ground)
}

/// Every request that is shown of a policy, on the connection that is usual where the policy does not look at it.
fn examples(policy: &wire::Policy, checked: &Checked) -> Vec<Scenario> {
    let nothing = wire::Policy { rules: Vec::new(), stage: wire::Stage::Enforce, ..policy.clone() };
    let [old, new] = [policy, &nothing].map(|source| Policy::new(source.clone()).unwrap());
    let found = diff(&old, &new, "httpbin.org", BUDGET).unwrap();
    let granted = query(policy, "httpbin.org", &Question::default(), BUDGET).unwrap();
    let needs = old.engine().needs();
    let of_diff = found.regions.into_iter().map(|region| region.witness);
    let all = of_diff.chain(granted.grants.into_iter().map(|grant| grant.witness));
    all.map(|scenario| scenario.on_usual_connection(&checked.egresses[0].value, needs)).collect()
}

/// The words of each line, as a shell reads them.
fn words(lines: &[String]) -> Vec<Vec<String>> {
    let mut script = tempfile::NamedTempFile::new().unwrap();
    for line in lines {
        writeln!(script, "printf '%s\\0' {line}; printf '\\1'").unwrap();
    }
    let output = Command::new("sh").arg(script.path()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_terminator('\u{1}').map(|line| line.split_terminator('\0').map(str::to_owned).collect()).collect()
}

#[test]
fn an_example_is_an_argument_of_explain() {
    for (domain, first) in [("cluster.local", 0), ("td1", POLICIES)] {
        let (checked, ground) = checked(domain);
        let (mut commands, mut shown, mut left) = (Vec::new(), Vec::new(), 0);
        for seed in first..first + POLICIES {
            let mut bytes = vec![0; 4000];
            fastrand::Rng::with_seed(seed).fill(&mut bytes);
            let policy = generate::policy(&mut Unstructured::new(&bytes));
            let policy = wire::Policy { trust_domain: Some(domain.to_owned()), ..policy };
            let Ok(engine) = Engine::compile(&policy) else { continue };
            let engine = std::rc::Rc::new(engine);
            for scenario in examples(&policy, &checked) {
                match ground.command(&scenario) {
                    Some(command) => {
                        commands.push(command);
                        shown.push((scenario, engine.clone()));
                    }
                    // No argument has bytes that are no UTF-8, or an unprintable character.
                    None => {
                        left += 1;
                        let text = ground.text(&scenario);
                        assert!(text.contains(['\\', '\u{fffd}']), "{text}");
                    }
                }
            }
        }
        assert!(commands.len() > 150 && left * 20 < commands.len(), "{} and {left}", commands.len());
        for ((explained, command), (scenario, engine)) in
            explained(&commands, &checked).into_iter().zip(&commands).zip(&shown)
        {
            assert_eq!(explained, *scenario, "{command}");
            let (explained, decided) = (explained.play(engine), scenario.decide(engine));
            assert_eq!(
                (explained.effect, explained.shadow, explained.audits),
                (decided.effect, decided.shadow, decided.audits),
                "{command}"
            );
        }
    }
}

/// What `explain` makes of each command.
fn explained(commands: &[String], checked: &Checked) -> Vec<Scenario> {
    let mesh: &Mesh = &checked.mesh.as_ref().unwrap().value;
    let scenario = |(words, command): (&Vec<String>, &String)| {
        assert_eq!(words[..3], ["sallyport", "explain", "a b.yaml"]);
        let line = Line::try_parse_from(&words[1..]).unwrap_or_else(|error| panic!("{command}: {error}"));
        let asked = pasted::read(&line.args, &Console::new(Colour::Never, true)).unwrap().pop().unwrap();
        asked.scenario(&line.args, &checked.egresses[0].value, mesh).unwrap()
    };
    words(commands).iter().zip(commands).map(scenario).collect()
}

#[test]
fn each_part_of_a_request_has_an_argument() {
    let (checked, ground) = checked("corp.example");
    let usual = Caller {
        certificate: Some(Certificate::of_principal("corp.example/ns/shop/sa/web")),
        ..Caller::usual(&checked.egresses[0].value, "httpbin.org".to_owned())
    };
    let get = Request::new("GET", "httpbin.org", "/");
    let by = |caller: Caller| (caller, get.clone());
    let with = |request: Request| (usual.clone(), request);
    let of = |principal: &str| Some(Certificate::of_principal(principal));
    let port = usual.gateway.unwrap().port();
    let json = |text: &str| serde_json::from_str(text).unwrap();
    let parts = [
        (by(usual.clone()), "GET / --as shop/web"),
        (by(Caller { certificate: None, ..usual.clone() }), "GET / --as anonymous"),
        (
            by(Caller { certificate: of("a.example/ns/shop/sa/web"), ..usual.clone() }),
            "GET / --as a.example/ns/shop/sa/web",
        ),
        (by(Caller { certificate: of("partner.example/a"), ..usual.clone() }), "GET / --as spiffe://partner.example/a"),
        (
            by(Caller {
                certificate: of("corp.example/ns/x/sa/in"),
                forwarded: vec![Certificate::default()],
                ..usual.clone()
            }),
            "GET / --as unnamed --through x/in",
        ),
        (
            by(Caller { address: None, server_name: None, tls_version: None, ..usual.clone() }),
            "GET / --as shop/web --address none --sni none --tls none",
        ),
        (
            by(Caller { tls_version: Some("TLSv1.2".to_owned()), server_name: Some("-a".to_owned()), ..usual.clone() }),
            "GET / --as shop/web --sni=-a --tls TLSv1.2",
        ),
        (
            by(Caller { gateway: Some(SocketAddr::new([10, 0, 0, 1].into(), port)), ..usual.clone() }),
            "GET / --as shop/web --gateway-address 10.0.0.1",
        ),
        (
            by(Caller { gateway: Some(SocketAddr::new([127, 0, 0, 1].into(), 1)), ..usual.clone() }),
            "GET / --as shop/web --port 1",
        ),
        (
            by(Caller {
                token: json(r#"{"a": "it's"}"#),
                metadata: serde_json::from_str(r#"{"f": {"x": ["1"]}}"#).unwrap(),
                ..usual.clone()
            }),
            r#"GET / --as shop/web --claims '{"a":"it'\''s"}' --metadata '{"f":{"x":["1"]}}'"#,
        ),
        // An empty value, a line that is repeated, and what looks like an option.
        (
            with(get.clone().with("x-a", b"").with("x-a", b"1").with("-x", b"-")),
            "GET / --as shop/web -H x-a: -H 'x-a: 1' '--header=-x: -'",
        ),
        (with(Request::new("-X", "httpbin.org", "/a?b=$c")), "--as shop/web -- -X '/a?b=$c'"),
        (with(Request::new("GET", "httpbin.org", "/to=https://a")), "GET /to=https://a --as shop/web"),
        (by_host(&usual, "other.example:8080", "httpbin.org"), "GET / --as shop/web -H 'host: other.example:8080'"),
        (by_host(&usual, "[2001:db8::1]", "httpbin.org"), "GET / --as shop/web -H 'host: [2001:db8::1]'"),
    ];
    let scenarios: Vec<Scenario> = parts
        .iter()
        .map(|((caller, request), _)| Scenario { caller: caller.clone(), request: request.clone() })
        .collect();
    let commands: Vec<String> = scenarios.iter().map(|scenario| ground.command(scenario).unwrap()).collect();
    for (scenario, (_, text)) in scenarios.iter().zip(&parts) {
        assert_eq!(ground.text(scenario), *text);
    }
    for ((explained, scenario), command) in explained(&commands, &checked).iter().zip(&scenarios).zip(&commands) {
        assert_eq!(explained, scenario, "{command}");
    }
    // What no line of a shell has.
    for (name, value) in [("x-a", &b"\xff"[..]), ("x-a", b"\x07"), ("x-a", b" a"), ("host", b"a")] {
        let request = get.clone().with(name, value);
        assert_eq!(ground.command(&Scenario { caller: usual.clone(), request }), None, "{name}");
    }
}

fn by_host(usual: &Caller, authority: &str, name: &str) -> (Caller, Request) {
    (Caller { server_name: Some(name.to_owned()), ..usual.clone() }, Request::new("GET", authority, "/"))
}
