//! What is on the map of some files, in every format.

use std::fmt::Write as _;

use sallyport_egress::{check, decode};
use sallyport_manifest::LockFile;
use serde_json::Value;

use super::*;
use crate::report::ReportedFile;

/// An Egress of this name in its own namespace, with these rules in lines of YAML.
fn egress(name: &str, namespace: &str, more: &str, rules: &str) -> String {
    format!(
        "apiVersion: sallyport.dev/v1alpha1\nkind: Egress\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec:\n  \
         host: {name}.internal\n  upstream: {{host: {name}.example.com, port: 443}}\n{more}  authz:\n    rules:\n{rules}"
    )
}

fn map_of(texts: &[String]) -> Map {
    map_with(texts, &LockFile::default())
}

fn map_with(texts: &[String], lock: &LockFile) -> Map {
    let names = (0..texts.len()).map(|number| format!("{number}.yaml"));
    let sources: Vec<_> = names.zip(texts).map(|(name, text)| decode(&name, text.as_bytes()).unwrap()).collect();
    let checked = check(&sources);
    let errors = checked.diagnostics.iter().filter(|one| one.severity == sallyport_egress::diagnostic::Severity::Error);
    assert_eq!(errors.map(|one| one.message.clone()).collect::<Vec<_>>(), Vec::<String>::new());
    let file = |source: &sallyport_egress::diagnostic::SourceFile| {
        let (name, uri) = (source.name.clone(), source.name.clone());
        ReportedFile { name, uri, text: source.text.clone(), missing: false }
    };
    Map::of(&checked, &sources.iter().map(file).collect::<Vec<_>>(), lock)
}

/// Each grant on a line: `KIND CALLER: REQUESTS if CONDITIONS`.
fn grants(from: &str) -> Vec<String> {
    let rule = format!("    - id: r\n      action: ALLOW\n{from}");
    let map = map_of(&[egress(
        "a",
        "own",
        "  authn: {jwt: [{issuer: \"https://i\", jwksUri: \"https://i/keys\"}]}\n",
        &rule,
    )]);
    let line = |grant: &model::Grant| {
        let caller = &map.callers[grant.caller];
        let conditions: String = grant.conditions.iter().fold(String::new(), |all, one| all + " if " + one);
        format!("{} {}: {}{conditions}", caller.kind.word(), caller.name, grant.requests.join(" or "))
    };
    map.grants.iter().map(line).collect()
}

#[test]
fn callers_are_what_rules_name() {
    for (from, expected) in [
        ("      to: [{operation: {methods: [GET]}}]\n", "anyone any caller: GET"),
        ("      from: [{source: {serviceAccounts: [job]}}]\n", "account own/job: any request"),
        ("      from: [{source: {serviceAccounts: [shop/web]}}]\n", "account shop/web: any request"),
        ("      from: [{source: {principals: [cluster.local/ns/shop/sa/web]}}]\n", "account shop/web: any request"),
        (
            "      from: [{source: {principals: [other.org/ns/shop/sa/web]}}]\n",
            "principal other.org/ns/shop/sa/web: any request",
        ),
        ("      from: [{source: {principals: [\"cluster.local/ns/shop/sa/*\"]}}]\n", "namespace shop/*: any request"),
        ("      from: [{source: {principals: [\"*\"]}}]\n", "identified any identity: any request"),
        ("      from: [{source: {principals: [\"*/sa/admin\"]}}]\n", "principal */sa/admin: any request"),
        ("      from: [{source: {namespaces: [shop]}}]\n", "namespace shop/*: any request"),
        ("      from: [{source: {namespaces: [\"shop-*\"]}}]\n", "principal namespaces shop-*: any request"),
        ("      from: [{source: {trustDomains: [other.org]}}]\n", "principal trust domain other.org: any request"),
        ("      from: [{source: {requestPrincipals: [\"https://i/me\"]}}]\n", "token token https://i/me: any request"),
        ("      from: [{source: {requestPrincipals: [\"*\"]}}]\n", "token any verified token: any request"),
        ("      from: [{source: {ipBlocks: [10.0.0.0/8]}}]\n", "address 10.0.0.0/8: any request"),
        (
            "      from: [{source: {namespaces: [shop], notPrincipals: [\"*/sa/job\"]}}]\n",
            "namespace shop/*: any request if notPrincipals: [\"*/sa/job\"]",
        ),
        (
            "      from: [{source: {notNamespaces: [shop]}}]\n",
            "anyone any caller: any request if notNamespaces: [shop]",
        ),
        ("      when: [{key: source.namespace, values: [shop]}]\n", "namespace shop/*: any request"),
        (
            "      when: [{key: source.principal, values: [\"*\"], notValues: [\"*/sa/job\"]}]\n",
            "identified any identity: any request if source.principal: notValues: [\"*/sa/job\"], values: [\"*\"]",
        ),
        (
            "      to: [{operation: {methods: [GET, HEAD], paths: [/a, \"/b/*\"], hosts: [a.internal]}}, {operation: {methods: [PUT]}}]\n",
            "anyone any caller: GET, HEAD /a, /b/* hosts: [a.internal] or PUT",
        ),
    ] {
        assert_eq!(grants(from), [expected], "{from}");
    }
}

/// Two gateways with rules of every kind, one of which stands in for the other.
fn several() -> Vec<String> {
    vec![
        egress(
            "a",
            "egress",
            "  health: {probe: {path: /health}, failover: [b]}\n",
            "    - {id: web, action: ALLOW, from: [{source: {serviceAccounts: [shop/web]}}]}\n    \
             - {id: shop, action: ALLOW, from: [{source: {namespaces: [shop]}}], to: [{operation: {methods: [GET]}}]}\n    \
             - {id: no-admin, action: DENY, from: [{source: {namespaces: [x]}}], to: [{operation: {paths: [/admin]}}]}\n",
        ),
        egress(
            "b",
            "egress",
            "  rollout: {stage: shadow}\n",
            "    - {id: later, action: ALLOW, stage: shadow, from: [{source: {principals: [\"*/sa/web\"]}}]}\n    \
             - {id: seen, action: AUDIT, to: [{operation: {methods: [PUT]}}]}\n",
        ),
    ]
}

#[test]
fn a_map_has_stages_standbys_and_wider_callers() {
    let map = map_of(&several());
    let json = json::of_map(&map, None);
    let named = |list: &str, name: &str| {
        json[list].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap_or(&Value::Null).clone()
    };
    let (a, b) = (named("gateways", "egress/a"), named("gateways", "egress/b"));
    assert_eq!((&a["stage"], &b["stage"]), (&"enforce".into(), &"shadow".into()));
    assert_eq!(b["shadowRules"], serde_json::json!(["later"]));
    assert_eq!(a["standbys"], serde_json::json!([b["upstream"]]));
    let no = serde_json::json!([{"rule": "no-admin", "shadow": false, "change": null, "inForce": 100,
        "what": "any method /admin from namespaces: [x]"}]);
    assert_eq!(a["denies"], no);
    let mut also: Vec<_> = named("callers", "shop/web")["alsoAs"].as_array().unwrap().clone();
    let mut wider = vec![named("callers", "shop/*")["id"].clone(), named("callers", "*/sa/web")["id"].clone()];
    also.sort_by_key(Value::to_string);
    wider.sort_by_key(Value::to_string);
    assert_eq!(also, wider);
    let web = json["grants"].as_array().unwrap().iter().find(|grant| grant["rule"] == "web").unwrap();
    assert_eq!(web["place"], "0.yaml:10:12");
}

#[test]
fn the_order_of_the_files_changes_nothing_but_their_names() {
    let mut texts = several();
    let one = map_of(&texts);
    texts.reverse();
    let other = map_of(&texts);
    for format in [MapFormat::Svg, MapFormat::Mermaid] {
        assert_eq!(one.render(format, None), other.render(format, None));
    }
    for format in [MapFormat::Html, MapFormat::Json] {
        assert_eq!(one.render(format, None), map_of(&several()).render(format, None));
    }
}

#[test]
fn a_small_map_is_mermaid() {
    snapbox::assert_data_eq!(
        map_of(&several()).render(MapFormat::Mermaid, None),
        snapbox::str![[r#"
flowchart LR
  c0(["*/sa/web"])
  c1(["shop/*"])
  c2(["shop/web"])
  g1["egress/a"]
  g0["egress/b (policy in shadow, shadow rules)"]
  u0[("a.example.com:443")]
  u1[("b.example.com:443")]
  c0 -.-> g0
  c1 --> g1
  c2 --> g1
  g1 --> u0
  g1 -.-> u1
  g0 --> u1

"#]]
    );
}

/// So many gateways, each in a namespace of its own and with callers of its own.
fn many(count: usize) -> Map {
    let text = |number: usize| {
        let rules = format!(
            "    - {{id: r, action: ALLOW, from: [{{source: {{serviceAccounts: [team-{}/a, team-{}/b-{number}]}}}}]}}\n",
            number % 7,
            number % 5
        );
        egress(&format!("up-{number}"), &format!("egress-{number}"), "", &rules)
    };
    map_of(&(0..count).map(text).collect::<Vec<_>>())
}

#[test]
fn a_large_map_says_what_mermaid_leaves_out() {
    let text = many(31).render(MapFormat::Mermaid, None);
    assert!(text.contains("%% callers by namespace"), "{text}");
    assert!(text.contains("[\"egress-7/up-7\"]") && !text.contains("left out"), "{text}");
    let text = many(100).render(MapFormat::Mermaid, None);
    assert!(text.contains("%% callers and gateways by groups"), "{text}");
    assert!(text.contains("[\"for team-0 (32 gateways)\"]") && !text.contains("left out"), "{text}");
    // Callers that are in no namespace are not many in one.
    let rules: String = (0..100).fold(String::new(), |rules, number| {
        let from = format!("[{{source: {{ipBlocks: [10.0.0.{number}]}}}}]");
        rules + &format!("    - {{id: r{number}, action: ALLOW, from: {from}}}\n")
    });
    let text = map_of(&[egress("a", "b", "", &rules)]).render(MapFormat::Mermaid, None);
    assert!(text.contains("  %% left out: 40 of 100 links\n"), "{text}");
    assert!(text.ends_with("  more[\"and 40 of 100 links\"]\n"), "{text}");
    // GitHub draws no more.
    assert!(text.len() < 50_000 && text.matches("-->").count() < 500);
}

#[test]
fn gateways_of_many_namespaces_are_together_by_their_callers() {
    let map = many(100);
    let groups: std::collections::BTreeSet<_> = map.gateways.iter().map(|gateway| gateway.group.as_str()).collect();
    assert_eq!(groups.into_iter().next(), Some("for team-0"));
    let picture = map.render(MapFormat::Svg, None);
    assert!(picture.contains("for team-0 (") && picture.len() < 30_000, "{picture}");
}

#[test]
fn pictures_and_pages_are_well_formed() {
    let mut rules = String::new();
    for text in ["</script>", "]]>", "<!--", "\\\"'&", "\\u2028", "{{data}}"] {
        let id = rules.len();
        let _ = writeln!(
            rules,
            "    - {{id: r{id}, action: ALLOW, from: [{{source: {{requestPrincipals: [\"https://i/{text}\"]}}}}]}}"
        );
    }
    let authn = "  authn: {jwt: [{issuer: \"https://i\", jwksUri: \"https://i/keys\"}]}\n";
    let map = map_of(&[egress("a", "b", authn, &rules)]);
    let picture = map.render(MapFormat::Svg, None);
    let document = roxmltree::Document::parse(&picture).unwrap();
    let titles: Vec<_> =
        document.descendants().filter(|node| node.has_tag_name(("http://www.w3.org/2000/svg", "title"))).collect();
    assert!(titles.iter().any(|title| title.text() == Some("token https://i/\"'&")), "{picture}");
    let page = map.render(MapFormat::Html, None);
    assert_eq!(page.matches("</script>").count(), 2);
    let (_, data) = page.split_once("id=\"data\">").unwrap();
    let (data, _) = data.split_once("</script>").unwrap();
    let data: Value = serde_json::from_str(data).unwrap();
    assert_eq!(data, json::of_map(&map, None));
    // Whatever is asked for comes from elsewhere.
    for outside in ["src=", "href=", "url(", "@import", "fetch(", "innerHTML", "eval("] {
        assert!(!page.contains(outside), "{outside}");
    }
}

/// A gateway whose candidate gives `readers` a caller more and takes one away, adds a rule, removes a rule, and refuses less.
fn with_candidate() -> [String; 2] {
    let rules = "    - {id: readers, action: ALLOW, from: [{source: {serviceAccounts: [shop/web, shop/old]}}]}\n    \
                 - {id: batch, action: ALLOW, from: [{source: {serviceAccounts: [shop/batch]}}]}\n    \
                 - {id: stays, action: ALLOW, from: [{source: {namespaces: [ops]}}]}\n    \
                 - {id: no-admin, action: DENY, to: [{operation: {paths: [/admin]}}]}\n";
    let candidate = "apiVersion: sallyport.dev/v1alpha1\nkind: Candidate\nmetadata: {name: a, namespace: own}\nspec:\n  rules:\n  \
                     - {id: readers, action: ALLOW, from: [{source: {serviceAccounts: [shop/web, shop/mobile]}}]}\n  \
                     - {id: export, action: ALLOW, from: [{source: {serviceAccounts: [shop/export]}}]}\n  \
                     remove: [batch, no-admin]\n";
    [egress("a", "own", "", rules), candidate.to_owned()]
}

/// The lock of that gateway, with the digests of its rules.
fn lock_at(texts: &[String], stage: &str) -> LockFile {
    let sources: Vec<_> = texts.iter().map(|text| decode("a", text.as_bytes()).unwrap()).collect();
    let checked = check(&sources);
    let rules = &checked.egresses[0].value.spec.authz.rules;
    let next = checked.candidates[0].value.apply(rules);
    let [policy, candidate] = [rules, &next].map(|rules| sallyport_egress::rollout::digest(rules));
    let lock = format!(
        r#"{{"version": 1, "rollout": {{"parent": null, "gateways": {{"own/a": {{"policy": "{policy}",
            "candidate": "{candidate}", {stage}, "since": "2026-11-26T21:29:59Z"}}}}}}}}"#
    );
    LockFile::parse(&lock).unwrap()
}

#[test]
fn a_candidate_is_marked_by_what_it_changes_and_for_whom() {
    let texts = with_candidate();
    let enforce = r#""stage": "enforce""#;
    for (lock, candidate, share) in [
        (LockFile::default(), ("proposed", None, "candidate: proposed"), 0),
        (lock_at(&texts, r#""stage": "shadow""#), ("shadow", None, "candidate: shadow"), 0),
        (lock_at(&texts, r#""stage": "canary", "percent": 25"#), ("canary", Some(25), "candidate: 25 %"), 25),
        (lock_at(&texts, enforce), ("enforce", None, "candidate: enforce"), 100),
    ] {
        let map = map_with(&texts, &lock);
        let json: Value = serde_json::from_str(&map.render(MapFormat::Json, None)).unwrap();
        let gateway = &json["gateways"][0];
        let (stage, percent, words) = candidate;
        let expected = serde_json::json!({
            "stage": stage, "percent": percent, "adds": ["export"], "changes": ["readers"], "removes": ["batch", "no-admin"],
        });
        assert_eq!((&gateway["candidate"], &gateway["stages"]), (&expected, &serde_json::json!(["enforce", words])));
        let caller =
            |id: &Value| json["callers"].as_array().unwrap().iter().find(|one| one["id"] == *id).unwrap().clone();
        let mut grants: Vec<_> = json["grants"].as_array().unwrap().iter().collect();
        grants.sort_by_key(|grant| caller(&grant["caller"])["name"].to_string());
        let of = |grant: &Value| {
            let name = caller(&grant["caller"])["name"].as_str().unwrap().to_owned();
            (name, grant["change"].as_str().map(str::to_owned), grant["inForce"].as_u64().unwrap())
        };
        let (added, removed) = (Some("added".to_owned()), Some("removed".to_owned()));
        let expected = [
            ("ops/*", &None, 100),
            ("shop/batch", &removed, 100 - share),
            ("shop/export", &added, share),
            ("shop/mobile", &added, share),
            ("shop/old", &removed, 100 - share),
            ("shop/web", &None, 100),
        ];
        let found: Vec<_> = grants.into_iter().map(of).collect();
        assert_eq!(found, expected.map(|(name, change, share)| (name.to_owned(), change.clone(), share)));
        let deny = &gateway["denies"][0];
        assert_eq!((&deny["change"], &deny["inForce"]), (&"removed".into(), &(100 - share).into()));
        let places: Vec<_> =
            json["grants"].as_array().unwrap().iter().map(|one| one["place"].as_str().unwrap()).collect();
        assert!(places.contains(&"1.yaml:7:10") && places.contains(&"0.yaml:10:12"), "{places:?}");
        let picture = map.render(MapFormat::Svg, None);
        for part in [
            "link added",
            "link removed",
            "box candidate",
            words,
            "; adds export; changes readers; removes batch, no-admin",
        ] {
            assert!(picture.contains(part), "{part}: {picture}");
        }
        let diagram = map.render(MapFormat::Mermaid, None);
        for part in ["-. candidate adds .-> g0", "-- candidate removes --> g0", "--> g0", &escape::mermaid(words)] {
            assert!(diagram.contains(part), "{part}: {diagram}");
        }
    }
}

/// A lock says how far it has come, but without its file nobody knows what it is.
#[test]
fn a_candidate_without_its_file_has_a_stage_alone() {
    let texts = with_candidate();
    let lock = lock_at(&texts, r#""stage": "canary", "percent": 25"#);
    let json: Value = serde_json::from_str(&map_with(&texts[..1], &lock).render(MapFormat::Json, None)).unwrap();
    let expected =
        serde_json::json!({"stage": "canary", "percent": 25, "adds": null, "changes": null, "removes": null});
    assert_eq!(json["gateways"][0]["candidate"], expected);
    assert!(json["grants"].as_array().unwrap().iter().all(|grant| grant["inForce"] == 100));
}

/// A candidate that is edited is not the one that a gateway has.
#[test]
fn a_candidate_that_was_edited_is_proposed() {
    let mut texts = with_candidate();
    let lock = lock_at(&texts, r#""stage": "enforce""#);
    texts[1] = texts[1].replace("shop/export", "shop/exports");
    let json: Value = serde_json::from_str(&map_with(&texts, &lock).render(MapFormat::Json, None)).unwrap();
    assert_eq!(json["gateways"][0]["candidate"]["stage"], "proposed");
}

#[test]
fn a_line_is_what_all_of_it_is() {
    use candidate::Change::{Added, Removed};
    let texts = with_candidate();
    let map = map_of(&texts);
    let grant = |change| map.grants.iter().find(|grant| grant.change == change).unwrap();
    let class = |changes: &[Option<candidate::Change>]| {
        let mut line = line::Line::default();
        changes.iter().for_each(|change| line.grant(&map, grant(*change)));
        line.class()
    };
    for (changes, expected) in [
        (&[None][..], ""),
        (&[Some(Added), Some(Added)], "added"),
        (&[Some(Removed)], "removed"),
        (&[Some(Added), Some(Removed)], "changed"),
        (&[None, Some(Added)], "changed"),
        (&[None, Some(Removed)], "changed"),
    ] {
        assert_eq!(class(changes), expected, "{changes:?}");
    }
}
