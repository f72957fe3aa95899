//! Questions that people ask about a policy, and rules that never decide.

use sallyport_core::wire;

use super::*;

fn source(rules: &str) -> wire::Policy {
    let json = format!(r#"{{"version": 1, "upstream": "legacy/orders", "rules": [{rules}]}}"#);
    sallyport_core::engine::parse(json.as_bytes()).unwrap()
}

const POLICY: &str = r#"
    {"id": "readers", "action": "ALLOW", "from": [{"source": {"serviceAccounts": ["shop/web", "shop/mobile"]}}],
     "to": [{"operation": {"methods": ["GET", "HEAD"], "paths": ["/orders/{*}", "/items"]}}]},
    {"id": "admins", "action": "ALLOW",
     "from": [{"source": {"principals": ["*/sa/admin"]}}, {"source": {"serviceAccounts": ["shop/web"]}}],
     "to": [{"operation": {"methods": ["DELETE"], "paths": ["/orders/{*}"]}}, {"operation": {"paths": ["/admin/{**}"]}}]},
    {"id": "all-of-ops", "action": "ALLOW", "from": [{"source": {"namespaces": ["ops"]}}],
     "when": [{"key": "request.headers[x-ticket]", "values": ["*"]}]},
    {"id": "no-archive", "action": "DENY", "to": [{"operation": {"paths": ["/orders/archive"]}}]}"#;

/// Each grant in a line.
fn told(rules: &str, question: &Question) -> Vec<String> {
    let answer = query(&source(rules), "orders.internal", question, BUDGET).unwrap();
    assert!(answer.undecided.is_empty(), "{:#?}", answer.undecided);
    let line = |grant: &Grant| {
        let part = serde_json::to_value(&grant.part).unwrap();
        let except = if grant.except.is_empty() { String::new() } else { format!(" except {:?}", grant.except) };
        let also = grant.also.as_ref().map(|also| format!(" also {also}")).unwrap_or_default();
        let witness = &grant.witness;
        let part = |name: &str| match &part[name] {
            serde_json::Value::Null => "-".to_owned(),
            some => some.to_string().replace(['"', '{', '}'], "").replace("operation:", "").replace("source:", ""),
        };
        format!(
            "{}: {} {}{except}{also}: {} by {}",
            grant.rule,
            part("from"),
            part("to"),
            witness.request,
            witness.caller
        )
    };
    answer.grants.iter().map(line).collect()
}

fn who(method: &str, path: &str) -> Question {
    Question { method: Some(method.to_owned()), path: Some(path.to_owned()), ..Question::default() }
}

fn by(principal: &str) -> Question {
    let asker = Asker::Principal(format!("cluster.local/ns/{principal}"));
    Question { asker: Some(asker), ..Question::default() }
}

#[test]
fn who_can() {
    assert_eq!(
        told(POLICY, &who("DELETE", "/orders/*")),
        [
            "admins: [principals:[*/sa/admin],serviceAccounts:[shop/web]] [methods:[DELETE],paths:[/orders/*]] \
             except [\"no-archive\"]: DELETE /orders/a by a/admin",
            "all-of-ops: [namespaces:[ops]] - except [\"no-archive\"]: DELETE /orders/ -H 'x-ticket: ' by ops/a",
        ]
    );
}

#[test]
fn what_can_a_caller() {
    assert_eq!(
        told(POLICY, &by("shop/sa/mobile")),
        ["readers: [serviceAccounts:[shop/mobile]] [methods:[GET,HEAD],paths:[/orders/*,/items]] \
             except [\"no-archive\"]: GET /items by shop/mobile"]
    );
    assert_eq!(told(POLICY, &by("shop/sa/stranger")), [""; 0]);
    let anonymous = Question { asker: Some(Asker::Anonymous), ..Question::default() };
    assert_eq!(told(POLICY, &anonymous), [""; 0]);
    let public = r#"{"id": "public", "action": "ALLOW", "to": [{"operation": {"paths": ["/health", "/"]}}]}"#;
    assert_eq!(told(public, &anonymous), ["public: - [paths:[/health,/]]: GET / by anonymous"]);
}

#[test]
fn what_another_rule_grants_too_is_granted() {
    let rules = r#"{"id": "all", "action": "ALLOW", "from": [{"source": {"serviceAccounts": ["shop/web"]}}]}"#;
    assert_eq!(
        told(&format!("{rules}, {POLICY}"), &by("shop/sa/web")),
        [
            "all: [serviceAccounts:[shop/web]] - except [\"no-archive\"]: GET / by shop/web",
            "readers: [serviceAccounts:[shop/web]] [methods:[GET,HEAD],paths:[/orders/*,/items]] \
             except [\"no-archive\"] also all: GET /items by shop/web",
            "admins: [serviceAccounts:[shop/web]] [methods:[DELETE],paths:[/orders/*],paths:[/admin/**]] \
             except [\"no-archive\"] also all: GET /admin/ by shop/web",
        ]
    );
}

#[test]
fn headers_and_hosts_narrow_a_question() {
    let question = Question { headers: vec![("x-ticket".to_owned(), "T*".to_owned())], ..who("PUT", "/x") };
    assert_eq!(told(POLICY, &question), ["all-of-ops: [namespaces:[ops]] -: PUT /x -H 'x-ticket: T' by ops/a"]);
    let rules = r#"{"id": "r", "action": "ALLOW", "to": [{"operation": {"hosts": ["a.example", "b.example"]}}]}"#;
    let question = Question { host: Some("b.example".to_owned()), ..Question::default() };
    assert_eq!(told(rules, &question), ["r: - [hosts:[b.example]]: GET / by default/default"]);
}

/// Of the part that is shown, not of the rule.
#[test]
fn only_rules_that_deny_some_of_the_part_are_exceptions() {
    let rules = format!(
        "{}, {}, {}",
        paths("no-admin", "DENY", r#""/admin/{**}""#),
        paths("no-export", "DENY", r#""/orders/export""#),
        paths("r", "ALLOW", r#""/admin/*", "/orders/*", "/items""#)
    );
    let except = |question: &Question| {
        let answer = query(&source(&rules), "orders.internal", question, BUDGET).unwrap();
        let [grant] = <[Grant; 1]>::try_from(answer.grants).unwrap();
        (grant.part.to.unwrap()[0].operation.paths.clone().unwrap(), grant.except)
    };
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    // Nothing of `/admin/*` is allowed, so it is not in the part.
    assert_eq!(except(&Question::default()), (texts(&["/orders/*", "/items"]), texts(&["no-export"])));
    assert_eq!(except(&who("GET", "/items")), (texts(&["/items"]), texts(&[])));
    assert_eq!(except(&who("GET", "/orders/*")), (texts(&["/orders/*"]), texts(&["no-export"])));
}

#[test]
fn rules_in_shadow_mode_are_told_apart() {
    let shadow = POLICY.replace(r#""id": "admins", "#, r#""id": "admins", "stage": "shadow", "#);
    let answer = query(&source(&shadow), "orders.internal", &who("DELETE", "/orders/*"), BUDGET).unwrap();
    assert_eq!(answer.in_shadow, ["admins"]);
    assert_eq!(answer.grants.iter().map(|grant| &*grant.rule).collect::<Vec<_>>(), ["all-of-ops"]);
    let whole = wire::Policy { stage: wire::Stage::Shadow, ..source(POLICY) };
    let answer = query(&whole, "orders.internal", &who("DELETE", "/orders/*"), BUDGET).unwrap();
    assert!(answer.is_shadow && answer.grants.len() == 2, "{answer:#?}");
}

#[test]
fn a_question_that_is_not_valid_has_no_answer() {
    let Err(Unanswered::Question(invalid)) = query(&source(POLICY), "orders.internal", &who("GET", "orders"), BUDGET)
    else {
        panic!("the path is relative");
    };
    assert_eq!(invalid.problems[0].path, "rules[0].to[0].operation.paths[0]");
    let answer = query(&source(POLICY), "orders.internal", &who("GET", "/orders/*"), 1);
    assert!(matches!(answer, Err(Unanswered::Exhausted)), "{answer:?}");
}

/// Each rule that never decides, and why.
fn never(rules: &str) -> Vec<(String, Idle)> {
    let found = idle(&source(rules), "orders.internal", BUDGET).unwrap();
    assert_eq!(found.undecided, [""; 0]);
    found.rules.into_iter().map(|idle| (idle.rule, idle.why)).collect()
}

fn rule(id: &str, action: &str, rest: &str) -> String {
    format!(r#"{{"id": "{id}", "action": "{action}", {rest}}}"#)
}

fn paths(id: &str, action: &str, paths: &str) -> String {
    rule(id, action, &format!(r#""to": [{{"operation": {{"paths": [{paths}]}}}}]"#))
}

fn hidden(by: &[&str]) -> Idle {
    Idle::Hidden(by.iter().map(|id| (*id).to_owned()).collect())
}

#[test]
fn rules_that_decide_are_not_named() {
    assert_eq!(never(POLICY), []);
    assert_eq!(never(""), []);
}

#[test]
fn a_rule_may_be_hidden_by_one_or_several() {
    let all = [
        paths("a", "ALLOW", r#""/x/*""#),
        paths("b", "ALLOW", r#""/x/{*}""#),
        paths("d", "DENY", r#""/y", "/z""#),
        paths("e", "ALLOW", r#""/z""#),
        paths("f", "ALLOW", r#""/x/1", "/y""#),
        paths("g", "ALLOW", r#""/x/1", "/y", "/w""#),
        paths("h", "ALLOW", r#""/x/1", "/y", "/w""#),
        paths("i", "ALLOW", r#""/w""#),
    ];
    let same = Idle::Same("g".to_owned());
    let expected = [("b", hidden(&["a"])), ("e", hidden(&["d"])), ("f", hidden(&["d", "a"])), ("h", same)];
    let mut expected: Vec<_> = expected.into_iter().map(|(id, why)| (id.to_owned(), why)).collect();
    expected.push(("i".to_owned(), hidden(&["g"])));
    assert_eq!(never(&all.join(",")), expected);
}

#[test]
fn a_rule_may_match_nothing() {
    let nothing = |place: Option<&str>| Idle::Nothing(place.map(str::to_owned));
    for (rest, why) in [
        (r#""to": [{"operation": {"paths": ["/a"], "notPaths": ["/a"]}}]"#, nothing(Some("to"))),
        (
            r#""to": [{"operation": {"methods": ["GET"]}}], "when": [{"key": "request.headers[x-a]", "values": ["1"]},
                {"key": "request.headers[x-a]", "values": ["2"]}]"#,
            nothing(Some("when[0]")),
        ),
        (r#""from": [{"source": {"namespaces": ["a"], "notNamespaces": ["a"]}}]"#, nothing(Some("from"))),
    ] {
        assert_eq!(never(&rule("r", "ALLOW", rest)), [("r".to_owned(), why)], "{rest}");
    }
    // For AUDIT one reading of several is enough, but of a method there is one only.
    let audit = rule("r", "AUDIT", r#""to": [{"operation": {"methods": ["GET"], "notMethods": ["*"]}}]"#);
    assert_eq!(never(&audit), [("r".to_owned(), nothing(Some("to")))]);
}

#[test]
fn two_audit_rules_may_be_the_same() {
    let all = [
        paths("a", "AUDIT", r#""/x/{**}""#),
        paths("b", "AUDIT", r#""/x", "/x/*""#),
        paths("c", "AUDIT", r#""/x/*", "/x""#),
    ];
    let found = never(&all.join(","));
    assert_eq!(found, [("c".to_owned(), Idle::Same("b".to_owned()))]);
}

#[test]
fn rules_in_shadow_mode_are_looked_at_as_if_in_force() {
    let shadow = paths("s", "ALLOW", r#""/x/1""#).replace(r#""id""#, r#""stage": "shadow", "id""#);
    assert_eq!(never(&shadow), []);
    let all = format!("{}, {shadow}", paths("a", "ALLOW", r#""/x/*""#));
    assert_eq!(never(&all), [("s".to_owned(), hidden(&["a"]))]);
    // What is in shadow mode hides nothing that is in force.
    let all = format!("{}, {}", shadow, paths("a", "ALLOW", r#""/x/1""#));
    assert_eq!(never(&all), []);
}

/// A request that has a header may have more of it: another line, or a list.
#[test]
fn a_header_of_the_question_is_one_that_the_request_has() {
    let rules = r#"{"id": "plain", "action": "ALLOW", "from": [{"source": {"namespaces": ["shop"]}}]},
        {"id": "beta", "action": "ALLOW", "from": [{"source": {"namespaces": ["ops"]}}],
         "when": [{"key": "request.headers[x-feature]", "values": ["beta"], "match": "any"}]}"#;
    let who = |headers: &[(&str, &str)]| {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let question = Question { headers, ..Question::default() };
        let answer = query(&source(rules), "orders.internal", &question, BUDGET).unwrap();
        assert!(answer.undecided.is_empty(), "{:#?}", answer.undecided);
        answer.grants.into_iter().map(|grant| grant.rule).collect::<Vec<_>>()
    };
    assert_eq!(who(&[("accept", "text/html, text/plain")]), ["plain", "beta"]);
    assert_eq!(who(&[("x-feature", "alpha")]), ["plain", "beta"]);
    assert_eq!(who(&[("x-feature", "alpha"), ("x-feature", "beta")]), ["plain", "beta"]);
}
