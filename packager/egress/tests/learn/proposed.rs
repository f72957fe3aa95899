//! What is proposed of a log.

use sallyport_egress::learn::{Options, Unlearned, Why};
use sallyport_egress::model::Mesh;
use snapbox::{assert_data_eq, str};

use crate::{Line, learn, learned, options};

fn ids(account: &str, method: &'static str, shape: &str, many: u32) -> Vec<Line> {
    (0..many).map(|id| Line::new(account, method, &shape.replace('#', &id.to_string())).on(id % 3 + 1)).collect()
}

#[test]
fn rules_are_few_and_have_their_evidence() {
    let mut lines = ids("shop/web", "GET", "/orders/#", 30);
    lines.extend(ids("shop/mobile", "GET", "/orders/#", 2));
    lines.extend(ids("shop/web", "PUT", "/orders/#/notes", 3));
    lines.push(Line::new("shop/batch", "POST", "/orders/export"));
    lines.push(Line::new("partner.example/ns/a/sa/b", "GET", "/items"));
    assert_data_eq!(
        learn(&lines).text,
        str![[r#"
authz:
  rules:
  - id: b # 1 call on 2026-11-01
    action: ALLOW
    from:
    - source:
        principals:
        - partner.example/ns/a/sa/b # 1 call on 2026-11-01
    to:
    - operation:
        methods: [GET]
        paths:
        - /items # 1 call on 2026-11-01
  - id: batch # 1 call on 2026-11-01
    action: ALLOW
    from:
    - source:
        serviceAccounts:
        - shop/batch # 1 call on 2026-11-01
    to:
    - operation:
        methods: [POST]
        paths:
        - /orders/export # 1 call on 2026-11-01
  - id: orders # 32 calls on 3 days, 2026-11-01 to 2026-11-03
    action: ALLOW
    from:
    - source:
        serviceAccounts:
        - shop/mobile # 2 calls on 2 days, 2026-11-01 to 2026-11-02
        - shop/web    # 30 calls on 3 days, 2026-11-01 to 2026-11-03
    to:
    - operation:
        methods: [GET]
        paths:
        - "/orders/{*}" # 32 calls on 3 days, 2026-11-01 to 2026-11-03
        # requested by other callers, or refused
        notPaths: [/orders/export]
  - id: web # 3 calls on 3 days, 2026-11-01 to 2026-11-03
    action: ALLOW
    from:
    - source:
        serviceAccounts:
        - shop/web # 3 calls on 3 days, 2026-11-01 to 2026-11-03
    to:
    - operation:
        methods: [PUT]
        paths:
        - "/orders/{*}/notes" # 3 calls on 3 days, 2026-11-01 to 2026-11-03

"#]]
    );
}

#[test]
fn segments_become_general_by_ids_sooner_than_by_names() {
    let patterns = |lines: &[Line]| {
        let learned = learn(lines);
        let paths = learned.rules.iter().flat_map(|rule| &rule.operations).flat_map(|one| &one.paths);
        paths.map(|(path, _)| path.clone()).collect::<Vec<_>>()
    };
    assert_eq!(patterns(&ids("a/b", "GET", "/x/#", 2)), ["/x/0", "/x/1"]);
    assert_eq!(patterns(&ids("a/b", "GET", "/x/#", 3)), ["/x/{*}"]);
    let names = |account: &str, names: &[&str]| {
        names.iter().map(|name| Line::new(account, "GET", &format!("/x/{name}"))).collect::<Vec<_>>()
    };
    assert_eq!(patterns(&names("a/b", &["c", "d", "e"])), ["/x/c", "/x/d", "/x/e"]);
    assert_eq!(patterns(&names("a/b", &["c", "d", "e", "f"])), ["/x/{*}"]);
    // Names of several callers are parts of the API, not values.
    let mut several = names("a/b", &["c", "d"]);
    several.extend(names("a/e", &["f", "g"]));
    assert_eq!(patterns(&several).len(), 4);
    // The first segment is general for ids alone, and then it is said.
    let first =
        |list: &[&str]| list.iter().map(|name| Line::new("a/b", "GET", &format!("/{name}"))).collect::<Vec<_>>();
    assert_eq!(patterns(&first(&["c", "d", "e", "f", "g"])).len(), 5);
    let of_ids = learn(&first(&["1", "2", "3"]));
    assert!(of_ids.generalisations.iter().any(|one| one.is_first_segment() && one.values == 3));
}

#[test]
fn head_is_learned_only_if_it_was_seen() {
    let of = |methods: &[&'static str]| {
        let lines: Vec<_> = methods.iter().map(|method| Line::new("a/b", method, "/x")).collect();
        learn(&lines).rules[0].operations[0].methods.clone()
    };
    assert_eq!(of(&["GET"]), ["GET"]);
    assert_eq!(of(&["HEAD", "GET", "GET"]), ["GET", "HEAD"]);
}

#[test]
fn what_is_not_learned_is_listed_with_its_reason() {
    let seen = |day| Line::new("a/b", "GET", "/x").on(day);
    let one = |path: &str| Line::new("a/b", "GET", path).on(2);
    let json = [
        seen(1).json(),
        seen(2).json(),
        // By two addresses, so it may be a habit.
        one("/two").json(),
        Line { address: 2, ..one("/two") }.json(),
        one("/once").json(),
        one("/refused").json().replace(r#""decision":"allowed""#, r#""decision":"refused""#),
        one("/x//y").json(),
        one("/a*b").json(),
        Line { method: "get", ..one("/lower") }.json(),
        Line { status: 404, ..one("/missing") }.json(),
        Line { status: 404, ..seen(1) }.json(),
        Line { status: 403, ..one("/forbidden") }.json(),
        one("/none").json().replace("spiffe://cluster.local/ns/a/sa/b", "-"),
        "no line".to_owned(),
    ];
    let learned = learned(Options { keeps_rare: false, ..options() }, &[], &json).unwrap();
    let apart: Vec<String> = learned
        .apart
        .iter()
        .map(|apart| format!("{:?} {} {}", apart.key.why, apart.key.path, apart.is_allowed))
        .collect();
    assert_eq!(
        apart,
        [
            "Refused(\"via_upstream\") /refused false",
            "Forbidden(\"403\") /forbidden false",
            "Ambiguous(\"doubleSlash\") /x//y false",
            "Spelling /a*b false",
            "Spelling /lower false",
            "Rare /once false",
            "NotFound(\"404\") /missing false",
        ]
    );
    assert_eq!((learned.counts.lines, learned.counts.kept, learned.not_found_but_allowed), (14, 4, 1));
    assert_eq!(learned.counts.unread.values().sum::<u64>(), 2);
    // A log of one day shows nothing of what is rare.
    let one_day = learn(&[Line::new("a/b", "GET", "/x")]);
    assert_eq!(one_day.rules.len(), 1);
}

/// As in Istio, `serviceAccounts` does not look at the trust domain.
#[test]
fn an_account_that_two_trust_domains_have_is_written_in_full() {
    let learned = learn(&[
        Line::new("a/b", "GET", "/x"),
        Line::new("partner.example/ns/a/sa/b", "GET", "/y"),
        Line::new("c/d", "GET", "/x"),
    ]);
    assert!(learned.text.contains("- cluster.local/ns/a/sa/b"), "{}", learned.text);
    assert!(learned.text.contains("- c/d"), "{}", learned.text);
}

/// What the mesh is called otherwise is the same caller.
#[test]
fn aliases_of_the_trust_domain_are_one_caller() {
    let mesh = Mesh {
        trust_domain: "prod.example".to_owned(),
        trust_domain_aliases: vec!["old.example".to_owned()],
        ..Mesh::default()
    };
    let json = ["prod.example", "old.example", "cluster.local"]
        .map(|domain| Line::new(&format!("{domain}/ns/a/sa/b"), "GET", "/x").json());
    let learned = learned(Options { mesh, ..options() }, &[], &json).unwrap();
    assert_eq!((learned.rules.len(), learned.rules[0].callers.len()), (1, 1));
    assert_eq!(learned.rules[0].callers[0].account.as_deref(), Some("a/b"));
}

#[test]
fn a_caller_behind_a_forwarder_is_the_caller() {
    let gateway = "cluster.local/ns/istio-system/sa/ingress";
    let line =
        Line::new(gateway, "GET", "/x").json().replace(r#""caller":"-""#, r#""caller":"partner.example/ns/a/sa/b""#);
    let learned = learned(options(), &[], &[line]).unwrap();
    assert_eq!(learned.forwarders, [gateway]);
    assert!(learned.text.starts_with(&format!("authz:\n  trustedForwarders:\n  - {gateway}\n")), "{}", learned.text);
    assert_eq!(learned.rules[0].callers[0].principal, "partner.example/ns/a/sa/b");
}

#[test]
fn a_log_of_several_hosts_needs_one_to_be_named() {
    let other = Line::new("a/b", "GET", "/x").json().replace("orders.internal", "Items.internal.:8443");
    let json = [Line::new("a/b", "GET", "/x").json(), other];
    match learned(options(), &[], &json) {
        Err(Unlearned::Hosts(hosts)) => {
            assert_eq!(hosts, [("items.internal".to_owned(), 1), ("orders.internal".to_owned(), 1)]);
        }
        other => panic!("{other:?}"),
    }
    let named = learned(Options { hosts: vec!["items.internal".to_owned()], ..options() }, &[], &json).unwrap();
    assert_eq!((named.counts.kept, named.counts.other_hosts), (1, 1));
}

#[test]
fn names_that_were_refused_in_the_place_of_an_id_stay_refused() {
    let mut json: Vec<String> = ids("a/b", "GET", "/x/#", 5).iter().map(Line::json).collect();
    json.push(Line::new("a/b", "GET", "/x/admin").json().replace(r#""allowed""#, r#""refused""#));
    json.push(Line { status: 404, ..Line::new("a/b", "GET", "/x/nothing") }.json());
    let learned = learned(options(), &[], &json).unwrap();
    assert_eq!(learned.rules[0].operations[0].not_paths, ["/x/admin"]);
    assert!(learned.apart.iter().all(|apart| !apart.is_allowed && matches!(apart.key.why, Why::Refused(_))));
}
