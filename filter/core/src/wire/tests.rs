use super::*;
use crate::problem::PolicyCode;

fn problems(json: &str) -> Vec<(String, String)> {
    let invalid = Reader::parse::<Policy>(json.as_bytes()).unwrap_err();
    assert!(invalid.problems.iter().all(|problem| problem.code == PolicyCode::Shape));
    invalid.problems.into_iter().map(|problem| (problem.path, problem.message)).collect()
}

fn problem(path: &str, message: &str) -> (String, String) {
    (path.to_owned(), message.to_owned())
}

#[test]
fn every_problem_in_its_place() {
    let json = r#"{"version":"1","upstream":"a/b","colour":1,"stage":"audit","rules":[
        {"id":"a","action":"allow","from":[{"source":{"principal":["x"]}}]},
        {"id":"b","action":"ALLOW","to":[{"operation":{"paths":["/a",5],"hosts":"x"}}],"to":[]},
        {"action":"DENY","from":[{}],"when":[{"values":[]}]},
        7]}"#;
    assert_eq!(
        problems(json),
        [
            problem(".", "the field `colour` is unknown"),
            problem("version", "expected a whole number, found a string"),
            problem("stage", "`audit` is not known here"),
            problem("rules[0].action", "`allow` is not known here"),
            problem("rules[0].from[0].source", "the field `principal` is unknown"),
            problem("rules[1]", "the field `to` is written twice"),
            problem("rules[1].to[0].operation.hosts", "expected a list, found a string"),
            problem("rules[1].to[0].operation.paths[1]", "expected a string, found a whole number"),
            problem("rules[2]", "the field `id` is missing"),
            problem("rules[2].from[0]", "the field `source` is missing"),
            problem("rules[2].when[0]", "the field `key` is missing"),
            problem("rules[3]", "expected a mapping, found a whole number"),
        ]
    );
}

#[test]
fn what_is_no_json_is_one_problem() {
    for json in ["", " ", "{", "[]", "{} {}", "null", "\u{feff}{}", "{\"version\":1e999}"] {
        assert_eq!(problems(json).len(), 1, "{json}");
    }
    let deep = "[".repeat(100_000);
    assert_eq!(problems(&deep).len(), 1);
}

#[test]
fn numbers_may_have_been_through_a_protobuf_struct() {
    let policy = Reader::parse::<Policy>(br#"{"version":1.0,"upstream":"a/b"}"#).unwrap();
    assert_eq!(policy.version, 1);
}

#[test]
fn every_field_comes_back() {
    let all = |text: &str| Some(vec![text.to_owned()]);
    let policy = Policy {
        version: 1,
        upstream: "a/b".to_owned(),
        stage: Stage::Shadow,
        canary: Some(Canary { percent: 5, callers: vec!["c".to_owned()] }),
        trust_domain: Some("td".to_owned()),
        trust_domain_aliases: vec!["alias".to_owned()],
        trusted_forwarders: vec!["td/x".to_owned()],
        tolerate: Ambiguity::TOLERABLE.to_vec(),
        disclose_rule: true,
        filter_state: true,
        num_trusted_proxies: 3,
        health: Some(full_health()),
        readiness: Some(Readiness { port: 8081, upstream: true }),
        tracing: Tracing {
            mode: TracingMode::Standalone,
            formats: vec![TraceFormat::W3c, TraceFormat::B3, TraceFormat::B3Multi, TraceFormat::Jaeger],
            baggage: vec!["k".to_owned()],
            parent: ParentSpan::Gateway,
            sampling_per_mille: Some(5),
        },
        headers: Headers {
            hygiene: Hygiene::Strict,
            keep: vec!["x-k".to_owned()],
            remove: vec!["x-r".to_owned()],
            routed: vec!["x-s".to_owned()],
            set: vec![SetHeader { name: "n".to_owned(), value: "v".to_owned() }],
            response: ResponseHeaders { keep: vec!["x-k".to_owned()], remove: vec!["x-r".to_owned()] },
        },
        rules: vec![Rule {
            id: "r".to_owned(),
            action: Action::Audit,
            stage: Stage::Shadow,
            from: Some(vec![FromEntry {
                source: Source {
                    principals: all("1"),
                    not_principals: all("2"),
                    request_principals: all("3"),
                    not_request_principals: all("4"),
                    namespaces: all("5"),
                    not_namespaces: all("6"),
                    service_accounts: all("7"),
                    not_service_accounts: all("8"),
                    trust_domains: all("9"),
                    not_trust_domains: all("10"),
                    ip_blocks: all("11"),
                    not_ip_blocks: all("12"),
                    remote_ip_blocks: all("13"),
                    not_remote_ip_blocks: all("14"),
                },
            }]),
            to: Some(vec![ToEntry {
                operation: Operation {
                    hosts: all("1"),
                    not_hosts: all("2"),
                    ports: all("3"),
                    not_ports: all("4"),
                    methods: all("5"),
                    not_methods: all("6"),
                    paths: all("7"),
                    not_paths: all("8"),
                    path_regex: all("9"),
                    not_path_regex: all("10"),
                    grpc: all("11"),
                    not_grpc: all("12"),
                },
            }]),
            when: Some(vec![Condition {
                key: "k\"\u{1}é".to_owned(),
                values: all("1"),
                not_values: all("2"),
                regex: all("3"),
                not_regex: all("4"),
                quantifier: Some(Quantifier::All),
            }]),
        }],
        candidate: Some(Candidate {
            policy: "p".to_owned(),
            candidate: "c".to_owned(),
            rules: vec![Rule { id: "n".to_owned(), ..Rule::default() }],
            remove: vec!["r".to_owned()],
            regions: vec![Region {
                id: "i".to_owned(),
                in_force: vec!["f".to_owned()],
                candidate: vec!["d".to_owned()],
                rule: Some(Rule::default()),
                and: Some(Rule::default()),
                fails: Some(Rule::default()),
            }],
        }),
        automata: vec![Automaton { pattern: "p".to_owned(), automaton: "YQ==".to_owned() }],
    };
    assert_eq!(Reader::parse(&serde_json::to_vec(&policy).unwrap()), Ok(policy));
}

/// Every field, each with a value of its own.
fn full_health() -> Health {
    let probe = Probe {
        cluster: "outbound|443||a".to_owned(),
        scheme: Scheme::Http,
        method: "HEAD".to_owned(),
        host: "h".to_owned(),
        path: "/p".to_owned(),
        user_agent: "u".to_owned(),
        expect: Expect {
            statuses: vec!["200".to_owned()],
            header: Some(ExpectedHeader { name: "n".to_owned(), value: "v".to_owned() }),
            body_prefix: Some("b".to_owned()),
        },
        interval: 1,
        jitter: 2,
        timeout: 3,
        rise: 4,
        fall: 5,
    };
    Health {
        force: Some(Override::ForceClosed),
        probe: Some(probe.clone()),
        passive: Some(Passive {
            window: 6,
            minimum_requests: 7,
            failure_percent: Some(8),
            consecutive: Some(9),
            consecutive_local: Some(10),
            statuses: vec!["500-599".to_owned()],
            grpc_statuses: vec![14],
            p95: Some(11),
        }),
        hold: 12,
        slow_start: SlowStart { share: 13, duration: 14 },
        refusal: RefusalAnswer { status: 15, retry_after: 16 },
        failover: vec![Standby { upstream: "a/c".to_owned(), probe: Some(probe) }],
    }
}

#[test]
fn what_cannot_be_tolerated_is_refused() {
    let kinds: Vec<&str> = Ambiguity::ALL.iter().map(|kind| kind.as_str()).collect();
    let json = format!(r#"{{"version":1,"upstream":"a/b","tolerate":{kinds:?}}}"#);
    let invalid = crate::Engine::from_json(json.as_bytes()).unwrap_err();
    let paths: Vec<&str> = invalid.problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(paths, ["15", "16", "17", "18", "19", "20", "21"].map(|at| format!("tolerate[{at}]")));
    assert!(Ambiguity::TOLERABLE.contains(&Ambiguity::AmbiguousQuery));
    assert!(!Ambiguity::TOLERABLE.contains(&Ambiguity::ValueTooLong));
}
