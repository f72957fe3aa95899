//! What is missing in a file.

use sallyport_egress::learn::{Learned, Unlearned, Why};
use sallyport_egress::{check, diagnostic::SourceFile};

use crate::{Line, based, learned};

const HEAD: &str = "\
# Who may call the orders service.
apiVersion: sallyport.dev/v1alpha1
kind: Egress
metadata: {name: orders, namespace: shop}
spec:
  host: orders.internal   # in DNS
  upstream: {host: orders.example.com, port: 443}
";

const RULE: &str = "    - id: readers   # read only
      action: ALLOW
      from: [{source: {serviceAccounts: [shop/web]}}]
      to: [{operation: {methods: [GET], paths: [/items]}}]  # one
";

fn merge(text: &str, lines: &[String]) -> Learned {
    let (options, files) = based(text);
    learned(options, &files, lines).unwrap_or_else(|error| panic!("{error:?}\n{text}"))
}

fn new() -> String {
    Line::new("shop/web", "PUT", "/items").json()
}

/// The lines of the old text are in the new one, in their order, and all others are the rule's.
fn only_adds(old: &str, new: &str) {
    let mut rest = new.lines();
    for line in old.lines() {
        assert!(rest.any(|other| other == line), "`{line}` is missing in\n{new}");
    }
    let checked = check(&[SourceFile { name: "x.yaml".to_owned(), text: new.to_owned() }]);
    assert!(!checked.egresses.is_empty(), "{:#?}\n{new}", checked.diagnostics);
}

#[test]
fn rules_are_put_behind_the_others_whatever_the_style() {
    for body in [
        format!("  authz:\n    rules:\n{RULE}"),
        format!("  authz:\n    rules:\n{RULE}    # the end\n  tracing: {{mode: strip}}\n"),
        format!("  authz:\n    rules:\n{RULE}\n\n    discloseRule: true # last\n"),
        format!(
            "  authz: # who\n    rules:\n{}",
            RULE.replace("    - ", "      - ")
                .replace("      a", "        a")
                .replace("      f", "        f")
                .replace("      t", "        t")
        ),
        format!(
            "  authz:\n    rules:\n{}",
            RULE.replace("    - ", "  - ")
                .replace("      ", "    ")
                .replace("  - ", "    - ")
                .replace("    action", "      action")
                .replace("    from", "      from")
                .replace("    to", "      to")
        ),
        format!("  authz:\n    rules:\n{}", RULE.trim_end()),
        "  authz:\n    discloseRule: true\n  tracing: {mode: strip}\n".to_owned(),
        "  authz:\n    discloseRule: true # so".to_owned(),
        "  tracing: {mode: strip}\n# the end\n".to_owned(),
        String::new(),
    ] {
        let old = format!("{HEAD}{body}");
        let learned = merge(&old, &[new()]);
        assert_eq!(learned.rules.len(), 1, "{old}");
        only_adds(&old, &learned.text);
    }
}

#[test]
fn lists_in_brackets_get_rules_in_brackets() {
    for body in [
        "  authz: {rules: [{id: a, action: ALLOW, to: [{operation: {methods: [HEAD]}}]}]} # so\n",
        "  authz:\n    rules: [{id: a, action: ALLOW, to: [{operation: {methods: [HEAD]}}]}, # one\n      ] # all\n",
    ] {
        let old = format!("{HEAD}{body}");
        let text = merge(&old, &[new()]).text;
        assert!(text.contains("]}}]}, {\"id\":\"web\""), "{text}");
    }
    let empty = format!("{HEAD}  authz:\n    rules: [] # none yet\n    discloseRule: true\n");
    let text = merge(&empty, &[new()]).text;
    assert!(text.contains("    rules: # none yet\n    - id: web # 1 call on 2026-11-01\n"), "{text}");
    for body in ["  authz: {discloseRule: true}\n", "  authz: {}\n", "  authz: {rules: []}\n"] {
        let (options, files) = based(&format!("{HEAD}{body}"));
        assert!(matches!(learned(options, &files, &[new()]), Err(Unlearned::NoPlace)), "{body}");
    }
}

#[test]
fn what_the_file_allows_is_not_missing() {
    let old = format!("{HEAD}  authz:\n    rules:\n{RULE}");
    let allowed = Line::new("shop/web", "GET", "/items");
    let not_found = Line { status: 404, ..Line::new("shop/web", "GET", "/items") };
    let learned = merge(&old, &[allowed.json(), not_found.json()]);
    assert_eq!((learned.counts.allowed, learned.rules.len(), learned.apart.len()), (2, 0, 0));
    assert_eq!(learned.text, old);
}

#[test]
fn a_new_rule_has_an_id_of_its_own() {
    let old = format!("{HEAD}  authz:\n    rules:\n{}", RULE.replace("readers", "web"));
    assert_eq!(merge(&old, &[new()]).rules[0].id, "shop-web");
}

#[test]
fn only_requests_for_the_hosts_of_the_file_count() {
    let (mine, other) = (new(), new().replace("orders.internal", "other.internal"));
    let port = new().replace("orders.internal", "Orders.internal:80");
    // The route writes the upstream's host into a request that goes on.
    let rewritten = new().replace("orders.internal", "orders.example.com");
    let learned = merge(HEAD, &[mine, other, port, rewritten]);
    assert_eq!((learned.counts.kept, learned.counts.other_hosts), (3, 1));
}

/// A log has no headers: a rule that looks at one may be the one that allowed the request.
#[test]
fn conditions_of_which_a_log_says_nothing_are_not_learned_away() {
    let rule = "    - id: trusted
      action: ALLOW
      from: [{source: {serviceAccounts: [shop/web]}}, {source: {namespaces: [none], ipBlocks: [10.0.0.0/8]}}]
      to: [{operation: {methods: [PUT], paths: [/items]}}]
      when: [{key: \"request.headers[x-role]\", values: [admin]}]
    - id: no-batch
      action: DENY
      from: [{source: {serviceAccounts: [shop/batch]}}]
";
    let old = format!("{HEAD}  authz:\n    rules:\n{rule}");
    let by_rule = new().replace(r#""rule":"-""#, r#""rule":"trusted""#);
    let by_another = Line::new("shop/mobile", "PUT", "/items").json();
    let denied = Line::new("shop/batch", "PUT", "/items").json();
    let learned = merge(&old, &[new(), by_rule, by_another, denied]);
    let apart: Vec<_> = learned.apart.iter().map(|apart| apart.key.why.clone()).collect();
    assert_eq!(apart, [Why::Denied("no-batch".to_owned()), Why::Conditional("trusted".to_owned())]);
    assert_eq!((learned.counts.allowed, learned.counts.kept), (1, 1));
    // What the log says nothing of does not matter where something else keeps the rule from matching.
    assert_eq!(learned.rules[0].callers[0].principal, "cluster.local/ns/shop/sa/mobile");
}

#[test]
fn a_forwarder_has_to_be_trusted_by_the_file() {
    let gateway = "cluster.local/ns/istio-system/sa/ingress";
    let line =
        Line::new(gateway, "GET", "/x").json().replace(r#""caller":"-""#, r#""caller":"partner.example/ns/a/sa/b""#);
    let apart = merge(HEAD, std::slice::from_ref(&line)).apart;
    assert_eq!(apart[0].key.why, Why::Forwarder(gateway.to_owned()));
    let trusting = format!("{HEAD}  authz:\n    trustedForwarders: [{gateway}]\n");
    assert_eq!(merge(&trusting, &[line]).rules[0].callers[0].principal, "partner.example/ns/a/sa/b");
}

/// A policy in shadow mode allows everything; what counts is what it will allow.
#[test]
fn a_policy_in_shadow_mode_is_completed_as_if_it_were_enforced() {
    let old = format!("{HEAD}  rollout: {{stage: shadow}}\n  authz:\n    rules:\n{RULE}");
    let line = new().replace(r#""caller":"-""#, r#""caller":"-","shadow":"would_refuse:not_allowed""#);
    let learned = merge(&old, &[line]);
    assert_eq!(learned.rules.len(), 1);
    only_adds(&old, &learned.text);
}

#[test]
fn what_the_file_tolerates_can_be_learned() {
    let old = format!("{HEAD}  authz:\n    tolerate: [semicolon, escapedSlash]\n    rules:\n{RULE}");
    let lines = ["/a;v=1/b", "/a%2Fb/c", "/a%2fb/c"].map(|path| Line::new("shop/web", "GET", path).json());
    let learned = merge(&old, &lines);
    assert_eq!((learned.counts.kept, learned.apart.len()), (3, 0));
}

/// What the file allows shows what is general, too: one more id is no path of its own.
#[test]
fn ids_of_what_is_allowed_count() {
    let old = format!("{HEAD}  authz:\n    rules:\n{}", RULE.replace("/items", "\"/items/{*}\", /items/export"));
    let mut lines: Vec<String> =
        (0..2).map(|id| Line::new("shop/web", "GET", &format!("/items/{id}")).json()).collect();
    lines.push(Line::new("shop/web", "GET", "/items/export").json());
    lines.push(Line::new("shop/mobile", "GET", "/items/9").json());
    let learned = merge(&old, &lines);
    let operation = &learned.rules[0].operations[0];
    assert_eq!(
        (operation.paths[0].0.as_str(), operation.not_paths.as_slice()),
        ("/items/{*}", &["/items/export".to_owned()][..])
    );
    assert_eq!(learned.generalisations[0].callers, ["cluster.local/ns/shop/sa/mobile"]);
}
