//! Cases: what is made of a file of them, what is said of a wrong one, and what `--update` leaves of it.

#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a broken assumption ends the test")]

use sallyport_core::Engine;
use sallyport_egress::cases::{Coverage, Suite, suites};
use sallyport_egress::code::Code;
use sallyport_egress::diagnostic::{LineIndex, Severity, SourceFile};
use sallyport_egress::model::Mesh;
use sallyport_egress::scenario::{ByEnvoy, Effect, Outcome};
use sallyport_egress::{Checked, check, policy_source};

const EGRESS: &str = "\
apiVersion: sallyport.dev/v1alpha1
kind: Egress
metadata: {name: api, namespace: egress-api}
spec:
  host: api.internal
  upstream: {host: api.example, port: 443}
  authn: {jwt: [{issuer: https://issuer.example, jwksUri: https://issuer.example/keys}]}
  authz:
    trustedForwarders: [cluster.local/ns/istio-system/sa/ingress]
    rules:
    - {id: no-admin, action: DENY, to: [{operation: {paths: [/admin, \"/admin/{**}\"]}}]}
    - {id: log, action: AUDIT, to: [{operation: {methods: [POST]}}]}
    - id: readers
      action: ALLOW
      from: [{source: {serviceAccounts: [app/a]}}, {source: {serviceAccounts: [app/b]}}]
      to: [{operation: {methods: [GET], paths: [/get]}}, {operation: {methods: [POST], paths: [/post]}}]
      when: [{key: \"request.headers[x-role]\", notValues: [guest]}]
    - id: calls
      action: ALLOW
      from: [{source: {serviceAccounts: [app/a]}}]
      to: [{operation: {grpc: [pkg.Service/Get]}}]
    - {id: staff, action: ALLOW, when: [{key: \"request.auth.claims[role]\", values: [staff]}]}
    - {id: inside, action: ALLOW, from: [{source: {ipBlocks: [10.0.0.0/8]}}], to: [{operation: {paths: [/inside]}}]}
";

fn cases(groups: &str) -> String {
    format!("apiVersion: sallyport.dev/v1alpha1\nkind: Cases\ngroups:\n{groups}")
}

/// What is said of the style of the Egress is not the point here.
fn without_lints(mut checked: Checked) -> Checked {
    checked.diagnostics.retain(|problem| problem.severity == Severity::Error);
    checked
}

fn checked(groups: &str) -> ([SourceFile; 2], Checked) {
    let file = |name: &str, text: &str| SourceFile { name: name.to_owned(), text: text.to_owned() };
    let files = [file("a/egress.yaml", EGRESS), file("a/cases.yaml", &cases(groups))];
    let checked = without_lints(check(&files));
    (files, checked)
}

/// What is said of the groups: `LINE:COLUMN CODE MESSAGE; HELP`.
fn problems(groups: &str) -> Vec<String> {
    let (files, mut checked) = checked(groups);
    let (_, of_cases) = suites(&["a/egress.yaml", "a/cases.yaml"], &checked);
    checked.diagnostics.extend(of_cases);
    let shown = checked.diagnostics.iter().map(|problem| {
        assert_eq!(problem.file, 1, "{problem:?}");
        let place = LineIndex::new(&files[1].text).position(problem.span.start);
        let help = problem.help.as_deref().unwrap_or_else(|| panic!("{problem:?}"));
        format!("{}:{} {} {}; {help}", place.line, place.column, problem.code, problem.message)
    });
    shown.collect()
}

struct Ran {
    labels: Vec<String>,
    outcomes: Vec<Outcome>,
    failed: Vec<String>,
    updated: String,
    changes: Vec<String>,
    mixed: Vec<(String, Vec<String>)>,
    missing: Vec<String>,
}

fn run(groups: &str) -> Ran {
    let (files, checked) = checked(groups);
    assert!(checked.diagnostics.is_empty(), "{:#?}", checked.diagnostics);
    let (suites, problems) = suites(&["a/egress.yaml", "a/cases.yaml"], &checked);
    // An update renames rules.
    assert!(problems.iter().all(|problem| problem.code == Code::CaseRule), "{problems:#?}");
    let suite: &Suite<'_> = &suites[0];
    let egress = &suite.egress.value;
    let engine = Engine::compile(&policy_source(egress, &Mesh::default(), &[])).unwrap();
    let mut coverage = Coverage::new(egress, &Mesh::default());
    let outcomes: Vec<_> = suite.cases.iter().map(|case| case.play(&engine, egress)).collect();
    suite.cases.iter().for_each(|case| coverage.observe(&case.scenario, &engine, egress));
    let failed = suite.cases.iter().zip(&outcomes).flat_map(|(case, outcome)| {
        case.judge(outcome)
            .into_iter()
            .map(move |found| format!("{case}: {}: {} is {}", found.field, found.expected, found.actual))
    });
    let update = suite.update(&files[1].text, &outcomes);
    let changes = update.changes.iter().map(|change| {
        let fields = change.fields.iter().map(|(field, was, is)| format!("{field}: {was} -> {is}"));
        fields.collect::<Vec<_>>().join("; ")
    });
    Ran {
        labels: suite.cases.iter().map(ToString::to_string).collect(),
        failed: failed.collect(),
        updated: update.text,
        changes: changes.collect(),
        mixed: update.mixed.into_iter().flat_map(|mixed| mixed.parts).collect(),
        missing: coverage.missing().map(|branch| format!("{}: {branch}", branch.path())).collect(),
        outcomes,
    }
}

#[test]
fn each_caller_with_each_request_is_a_case() {
    let ran = run("\
- name: readers
  from: {serviceAccounts: [app/a, app/b], anonymous: true}
  to: {methods: [GET, HEAD], paths: [/get, /x], headers: [{name: X-Role, value: a}, {name: x-role, value: b}]}
  expect: {verdict: DENY}
  cases:
  - {}
  - {name: one, from: {serviceAccounts: [app/c]}, to: {methods: [PUT], paths: [/y], headers: []}}
");
    assert_eq!(ran.labels.len(), 3 * 4 + 1);
    assert_eq!(ran.labels[0], "app/a GET /get -H 'x-role: a' -H 'x-role: b'");
    assert_eq!(ran.labels[12], "one: app/c PUT /y");
    assert_eq!(ran.failed.len(), 2, "{:?}", ran.failed);
}

#[test]
fn every_kind_of_caller_and_request_can_be_written() {
    let ran = run("\
- name: callers
  to: {paths: [/x]}
  cases:
  - {from: {principals: [other.example/ns/app/sa/a]}, expect: {verdict: DENY, reason: not_allowed}}
  - {from: {anonymous: true}, expect: {verdict: DENY, reason: no_identity, status: 401}}
  - {from: {anonymous: true, claims: {iss: https://issuer.example, sub: me, role: staff}}, expect: {rule: staff}}
  - {from: {serviceAccounts: [app/a], through: istio-system/ingress}, to: {paths: [/get]}, expect: {rule: readers}}
  - {from: {serviceAccounts: [app/a], through: other/proxy}, to: {paths: [/get]}, expect: {verdict: DENY}}
  - {from: {anonymous: true, address: 10.1.2.3}, to: {paths: [/inside]}, expect: {rule: inside}}
  - {from: {anonymous: true, address: 11.1.2.3}, to: {paths: [/inside]}, expect: {verdict: DENY}}
  - {from: {serviceAccounts: [app/a]}, to: {grpc: [pkg.Service/Get]}, expect: {rule: calls, audits: [log]}}
  - {from: {serviceAccounts: [app/a]}, to: {paths: [/a%2fb]}, expect: {reason: ambiguous_request, ambiguity: escapedSlash}}
  - {from: {serviceAccounts: [app/a]}, to: {paths: [/get], query: a=b}, expect: {upstream: {route: egress-api/api, headers: [{name: ':path', value: '/get?a=b'}, {name: ':authority', value: api.example}]}}}
");
    assert_eq!(ran.failed, Vec::<String>::new());
    assert!(ran.outcomes[3].upstream.is_some());
}

#[test]
fn what_no_case_can_be_made_of_is_said_in_its_place() {
    for (groups, expected) in [
        (
            "- {name: a, from: {anonymous: true}, to: {paths: [/]}}\n",
            "4:3 SP0602 the case expects nothing; write `expect: {verdict: ALLOW, rule: ID}` or `expect: {verdict: DENY, reason: not_allowed}`",
        ),
        (
            "- {name: a, to: {paths: [/]}, expect: {verdict: DENY}}\n",
            "4:3 SP0602 the case does not say who calls; write `from: {serviceAccounts: [NAMESPACE/ACCOUNT]}` or `from: {anonymous: true}`",
        ),
        (
            "- {name: a, from: {anonymous: true}, expect: {verdict: DENY}}\n",
            "4:3 SP0602 the case does not say what is requested; write `to: {paths: [/PATH]}`",
        ),
        (
            "- {name: a, from: {serviceAccounts: [x]}, to: {paths: [/]}, expect: {verdict: DENY}}\n",
            "4:38 SP0603 `x` is not a service account; write `NAMESPACE/ACCOUNT`",
        ),
        (
            "- {name: a, from: {anonymous: true, through: x}, to: {paths: [/]}, expect: {verdict: DENY}}\n",
            "4:46 SP0603 `x` is not a service account; write `NAMESPACE/ACCOUNT`, or a principal",
        ),
        (
            "- {name: a, from: {anonymous: true, address: 10.0.0.0/8}, to: {paths: [/]}, expect: {verdict: DENY}}\n",
            "4:46 SP0603 `10.0.0.0/8` is not an IP address; write one address, such as `10.0.0.1`",
        ),
        (
            "- {name: a, from: {anonymous: true}, to: {paths: [/, x]}, expect: {verdict: DENY}}\n",
            "4:54 SP0603 `x` cannot be sent; write the path as it is sent: it begins with `/`, and a space is `%20`",
        ),
        (
            "- {name: a, from: {anonymous: true}, to: {paths: [/], methods: ['G T']}, expect: {verdict: DENY}}\n",
            "4:65 SP0603 `G T` cannot be sent; write a method, such as `GET`",
        ),
        (
            "- {name: a, from: {anonymous: true}, to: {paths: [/], headers: [{name: ':path', value: x}]}, expect: {verdict: DENY}}\n",
            "4:72 SP0603 `:path` cannot be the name of a header; the method, host and path have fields of their own in `to`",
        ),
        (
            "- {name: a, from: {anonymous: true}, to: {grpc: [Get]}, expect: {verdict: DENY}}\n",
            "4:50 SP0603 `Get` cannot be sent; write `package.Service/Method`",
        ),
        (
            "- {name: a, from: {anonymous: true, metadata: {ab: 1}}, to: {paths: [/]}, expect: {verdict: DENY}}\n",
            "4:52 SP0603 the metadata of `ab` is not a mapping; write `metadata: {FILTER: {NAME: VALUE}}`",
        ),
        (
            "- {name: a, from: {anonymous: true}, to: {paths: [/]}, expect: {rule: reader}}\n",
            "4:71 SP0604 the Egress `egress-api/api` has no rule `reader`; did you mean `readers`?",
        ),
        (
            "- {name: a, from: {anonymous: true}, to: {paths: [/]}, expect: {shadow: {rule: zzz}}}\n",
            "4:80 SP0604 the Egress `egress-api/api` has no rule `zzz`; the rules are `no-admin`, `log`, `readers`, `calls`, `staff` and `inside`",
        ),
        (
            "- {name: a, from: {anonymous: true}, to: {paths: [/]}, expect: {verdict: ALLOW, reason: denied}}\n",
            "4:89 SP0605 no request fulfils this expectation: a request that goes on has no reason and no status, and one that is refused does not reach the upstream; remove one of the fields",
        ),
        (
            "- {name: a, from: {anonymous: true}, to: {paths: [/]}, expect: {verdict: ALLOW, rule: no-admin}}\n",
            "4:87 SP0605 no request fulfils this expectation: a DENY rule lets no request through; remove one of the fields",
        ),
        (
            "- {name: a, from: {anonymous: true}, to: {paths: [/]}, expect: {rule: log}}\n",
            "4:71 SP0605 no request fulfils this expectation: an AUDIT rule does not decide: write it in `audits`; remove one of the fields",
        ),
        (
            "- {name: a, from: {anonymous: true}, to: {path: /}, expect: {verdict: DENY}}\n",
            "4:43 SP0204 unknown field `path` in `to`; write `paths: [...]`",
        ),
        (
            "- {name: a, from: {anonymous: true}, to: {paths: /}, expect: {verdict: DENY}}\n",
            "4:50 SP0206 `paths` is the string `/`, not a list of strings; write a list: `paths: [/]`",
        ),
        (
            "- {name: a, from: {anonymous: true}, to: {paths: [/], headers: [x-a: b]}, expect: {verdict: DENY}}\n",
            "4:65 SP0203 a header is written with the fields `name` and `value`; write `{name: x-a, value: b}`",
        ),
        (
            "- {name: a, form: {anonymous: true}, to: {paths: [/]}, expect: {verdict: DENY}}\n",
            "4:13 SP0203 unknown field `form` in `group`; did you mean `from`?",
        ),
        (
            "- {name: a, from: {anonymous: true}, to: {paths: [/]}, expect: {verdict: allow}}\n",
            "4:74 SP0209 `verdict` cannot be `allow`; did you mean `ALLOW`? it can be `ALLOW` or `DENY`",
        ),
    ] {
        assert_eq!(problems(groups), [expected], "{groups}");
    }
}

/// What Envoy does before the filter and behind it is a part of each case.
#[test]
fn what_envoy_does_is_a_part_of_a_case() {
    let ran = run("\
- name: by Envoy
  from: {serviceAccounts: [app/a]}
  to: {headers: [{name: x-role, value: a}]}
  expect: {verdict: DENY}
  cases:
  - {to: {paths: [/x/../get, /./x/%2e%2E/%67et]}, expect: {verdict: ALLOW, rule: readers, upstream: {headers: [{name: ':path', value: /get}]}}}
  - {to: {paths: [/get/../admin]}, expect: {rule: no-admin}}
  - {to: {paths: [\"/get%00\", \"/get#x\"]}, expect: {verdict: DENY, status: 400}}
  - {to: {methods: [OPTIONS], paths: ['*']}, expect: {verdict: DENY, status: 404}}
  - {to: {paths: [/get], hosts: [example.com]}, expect: {verdict: DENY, status: 404}}
  - {to: {paths: [/none], hosts: [example.com]}, expect: {verdict: DENY, reason: not_allowed, status: 403}}
  - {to: {paths: [/get], hosts: [\"API.internal:8443\"]}, expect: {rule: readers}}
  - {to: {paths: [/get]}, from: {sni: example.com}}
");
    assert_eq!(ran.failed, Vec::<String>::new());
    let last = ran.outcomes.last().unwrap();
    assert_eq!((last.status, &last.effect), (None, &Effect::ByEnvoy(ByEnvoy::ServerName)));
}

#[test]
fn one_mistake_of_a_group_is_one_message() {
    let groups =
        "- {name: a, from: {serviceAccounts: [x]}, to: {paths: [/]}, expect: {rule: zz}, cases: [{}, {}, {}]}\n";
    assert_eq!(problems(groups).len(), 2, "{:?}", problems(groups));
}

#[test]
fn a_billion_cases_are_refused() {
    let many = |prefix: &str| (0..400).map(|n| format!("{prefix}{n}")).collect::<Vec<_>>().join(", ");
    let groups = format!(
        "- {{name: a, from: {{serviceAccounts: [{}]}}, to: {{paths: [{}]}}, expect: {{verdict: DENY}}}}\n",
        many("app/a"),
        many("/")
    );
    assert!(problems(&groups)[0].starts_with("4:3 SP0606 the file has more than 100000 cases"));
}

#[test]
fn the_egress_of_the_cases_must_be_clear() {
    let said = |names: [&str; 3], first: &str| {
        let text = cases("- {name: a, from: {anonymous: true}, to: {paths: [/]}, expect: {verdict: DENY}}\n");
        let other = EGRESS
            .replace("name: api", "name: other")
            .replace("api.internal", "b.internal")
            .replace("api.example", "b.example");
        let files = [(names[0], EGRESS.to_owned()), (names[1], other), (names[2], format!("{first}{text}"))];
        let files = files.map(|(name, text)| SourceFile { name: name.to_owned(), text });
        let checked = without_lints(check(&files));
        assert!(checked.diagnostics.is_empty(), "{:?}", checked.diagnostics);
        let (suites, problems) = suites(&names, &checked);
        let problem =
            problems.first().map(|problem| format!("{} {}", problem.code, problem.help.as_deref().unwrap_or_default()));
        problem.unwrap_or_else(|| suites[0].egress.value.route())
    };
    assert_eq!(said(["a/egress.yaml", "b/egress.yaml", "b/cases.yaml"], ""), "egress-api/other");
    assert_eq!(said(["a/a.yaml", "a/b.yaml", "a/cases.yaml"], ""), "SP0601 write `egress: NAMESPACE/NAME`");
    assert_eq!(said(["a/a.yaml", "a/b.yaml", "c/cases.yaml"], "egress: other\n"), "egress-api/other");
    assert_eq!(said(["a/a.yaml", "a/b.yaml", "a/cases.yaml"], "egress: egress-api/api\n"), "egress-api/api");
    assert_eq!(said(["a/a.yaml", "a/b.yaml", "a/cases.yaml"], "egress: othre\n"), "SP0601 did you mean `other`?");
}

#[test]
fn coverage_counts_alternatives_and_what_alone_keeps_out() {
    let one = run("\
- name: a
  from: {serviceAccounts: [app/a]}
  to: {paths: [/get]}
  expect: {rule: readers}
");
    let of_readers = |ran: &Ran| {
        ran.missing
            .iter()
            .filter(|line| line.contains("rules[2]"))
            .map(|line| line.split(':').next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let rule = "spec.authz.rules[2]";
    assert_eq!(of_readers(&one), ["from[1]", "to[1]", "from", "to", "when[0]"].map(|part| format!("{rule}.{part}")));
    let all = run("\
- name: a
  from: {serviceAccounts: [app/a, app/b]}
  to: {paths: [/get]}
  cases:
  - expect: {rule: readers}
  - {to: {methods: [POST], paths: [/post]}, expect: {rule: readers}}
  - {from: {serviceAccounts: [app/c]}, expect: {verdict: DENY}}
  - {to: {methods: [PUT]}, expect: {verdict: DENY}}
  - {to: {headers: [{name: x-role, value: guest}]}, expect: {verdict: DENY}}
");
    assert_eq!(of_readers(&all), Vec::<String>::new());
}

#[test]
fn an_update_touches_nothing_else() {
    let groups = "\
- name: a   # of the group
  from: {serviceAccounts: [app/a]}
  to: {paths: [/get], headers: [{name: x-role, value: a}]}
  expect: {verdict: DENY, reason: not_allowed}   # inherited
  cases:
  - {to: {methods: [POST], paths: [/post]}}   # flow
  # a comment
  - name: block
  - name: own
    to: {paths: [/admin]}
    expect:
      verdict: ALLOW   # was so once
      # and another comment
      rule: readers
  - name: values
    expect:
      rule: calls # why
      upstream:
        headers:
        - {name: \":path\", value: /x}   # the path
        - name: x-role
          value: a
";
    let ran = run(groups);
    assert_eq!(ran.mixed, Vec::new());
    let expected = cases(
        "\
- name: a   # of the group
  from: {serviceAccounts: [app/a]}
  to: {paths: [/get], headers: [{name: x-role, value: a}]}
  expect: {verdict: ALLOW, rule: readers}   # inherited
  cases:
  - {to: {methods: [POST], paths: [/post]}}   # flow
  # a comment
  - name: block
  - name: own
    to: {paths: [/admin]}
    expect:
      verdict: DENY   # was so once
      # and another comment
      rule: no-admin
      reason: denied
  - name: values
    expect:
      rule: readers # why
      upstream:
        headers:
        - {name: \":path\", value: /get}   # the path
        - name: x-role
          value: a
",
    );
    assert_eq!(ran.updated, expected);
    let groups = expected.split_once("groups:\n").unwrap().1;
    assert_eq!(run(groups).failed, Vec::<String>::new());
}

#[test]
fn a_row_that_comes_out_both_ways_is_not_updated() {
    let groups = "- {name: a, from: {serviceAccounts: [app/a, app/c]}, to: {paths: [/get], headers: [{name: x-role, value: a}]}, expect: {verdict: DENY}}\n";
    let ran = run(groups);
    let part =
        |expectation: &str, case: &str| (expectation.to_owned(), vec![format!("{case} GET /get -H 'x-role: a'")]);
    let parts = vec![part("{verdict: ALLOW, rule: readers}", "app/a"), part("{verdict: DENY}", "app/c")];
    assert_eq!((ran.mixed, ran.updated), (parts, cases(groups)));
}

/// Rows of one group whose callers are `app/a`, with `GET /get`.
fn updated(rows: &str) -> String {
    let head =
        "- name: a\n  from: {serviceAccounts: [app/a]}\n  to: {paths: [/get], headers: [{name: x-role, value: a}]}\n";
    let ran = run(&format!("{head}{rows}"));
    let (_, updated) = ran.updated.split_once(head).unwrap();
    // What was written is a file of cases again, and they pass.
    assert_eq!(run(&format!("{head}{updated}")).failed, Vec::<String>::new(), "{updated}");
    updated.to_owned()
}

/// Each comment is kept, wherever it is in what is written anew.
#[test]
fn comments_between_brackets_stay() {
    for (rows, expected) in [
        ("  expect: {verdict: DENY} # why\n", "  expect: {verdict: ALLOW, rule: readers} # why\n"),
        ("  expect: {reason: denied} # why\n", "  expect: {verdict: ALLOW, rule: readers} # why\n"),
        (
            "  expect: {   # first\n    verdict: DENY, # verdict\n    # between\n    reason: denied, # reason\n    status: 403 # last\n    }\n",
            "  expect: {   # first\n    verdict: ALLOW, # verdict\n    # between\n    rule: readers # reason\n     # last\n    }\n",
        ),
        (
            "  expect: {verdict: DENY, # verdict\n    rule: no-admin, # rule\n    reason: denied, status: 403, # both\n    }\n",
            "  expect: {verdict: ALLOW, # verdict\n    rule: readers # rule\n     # both\n    }\n",
        ),
        (
            "  expect: {status: 403, # status\n    verdict: DENY}\n",
            "  expect: {rule: readers, # status\n    verdict: ALLOW}\n",
        ),
        (
            "  cases:\n  - {name: b, # row\n     expect: {verdict: DENY # v\n     }, # after\n     to: {paths: [/get]}}\n",
            "  cases:\n  - {name: b, # row\n     expect: {verdict: ALLOW, rule: readers # v\n     }, # after\n     to: {paths: [/get]}}\n",
        ),
        (
            "  cases:\n  - to: {paths: [/admin]}\n    expect: {upstream: {route: egress-api/api, # route\n      headers: [{name: ':path', value: /x}, # path\n      ]}, # up\n      verdict: ALLOW}\n",
            "  cases:\n  - to: {paths: [/admin]}\n    expect: {\n                       # route\n                       # path\n                       rule: no-admin, # up\n      verdict: DENY, reason: denied}\n",
        ),
        (
            "  expect:\n    # before\n    verdict: DENY   # v\n    # reason\n    reason: denied\n    status: 403   # status\n",
            "  expect:\n    # before\n    verdict: ALLOW   # v\n    # reason\n    rule: readers\n       # status\n",
        ),
        (
            "  expect:\n    reason: ambiguous_request\n    status: 403\n    ambiguity: semicolon\n    verdict: DENY\n",
            "  expect:\n    rule: readers\n    verdict: ALLOW\n",
        ),
        (
            "  expect:\n    rule: readers\n    audits:\n    # none\n    - log # was\n    - log\n",
            "  expect:\n    rule: readers\n    audits:\n    # none\n      []\n    # was\n",
        ),
        (
            "  expect: {verdict: DENY, reason: not_allowed}\n  cases:\n  - {expect: {rule: readers}}\n  - {}\n  - {to: {methods: [PUT]}}\n",
            "  expect: {verdict: DENY, reason: not_allowed}\n  cases:\n  - {expect: {rule: readers}}\n  - {expect: {verdict: ALLOW, rule: readers}}\n  - {to: {methods: [PUT]}}\n",
        ),
    ] {
        assert_eq!(updated(rows), expected, "{rows}");
    }
}

/// The rule of an expectation was renamed: the group's expectation is changed once, and what changed is named.
#[test]
fn a_renamed_rule_is_written_where_it_was() {
    let rows = "  expect: {verdict: ALLOW, rule: old} # why\n  cases:\n  - {}\n  - {to: {methods: [POST], paths: [/post]}, expect: {rule: older, audits: [log]}}\n";
    let expected = rows.replace("older", "readers").replace("old", "readers");
    assert_eq!(updated(rows), expected);
    let group = format!(
        "- name: a\n  from: {{serviceAccounts: [app/a]}}\n  to: {{paths: [/get], headers: [{{name: x-role, value: a}}]}}\n{rows}"
    );
    assert_eq!(run(&group).changes, ["rule: old -> readers", "rule: older -> readers"]);
}
