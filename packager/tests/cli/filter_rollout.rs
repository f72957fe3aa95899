//! `promote --filter` and `rollback --filter`: the filter's rollout, gateway by gateway.

use serde_json::{Value, json};
use snapbox::{assert_data_eq, str};

use crate::rollout::{CANDIDATE, START, WITHOUT, entry, lock, run, sandbox, three};
use crate::sandbox::{Ended, GOOD, LOCK, Sandbox};

/// The image of every lock here.
const IMAGE: &str = "registry.example.com/sallyport/filter";

fn digest(byte: &str) -> String {
    format!("sha256:{}", byte.repeat(32))
}

/// A lock with a filter and the next one, each with whether it knows candidates.
fn rolling(filter: (&str, bool), next: (&str, bool)) -> String {
    let of = |(byte, knows): (&str, bool)| {
        let mut entry = json!({"image": IMAGE, "digest": digest(byte)});
        if knows {
            entry["candidates"] = true.into();
        }
        entry
    };
    json!({"version": 1, "filter": of(filter), "next": of(next)}).to_string()
}

/// Three gateways, and a filter that is to take the place of another one.
fn rolling_three() -> Sandbox {
    let sandbox = three();
    sandbox.write("sallyport.lock", rolling(("ab", true), ("cd", true)));
    sandbox
}

fn promote(sandbox: &Sandbox, more: &[&str]) -> Ended {
    run(sandbox, &[&["promote"], more].concat())
}

fn lock_file(sandbox: &Sandbox) -> Value {
    serde_json::from_str(&sandbox.read("sallyport.lock")).unwrap()
}

#[test]
fn a_filter_is_promoted_one_gateway_at_a_time() {
    let sandbox = rolling_three();
    assert_eq!(promote(&sandbox, &["b", "c", "--filter"]).code, Some(64));
    let first = promote(&sandbox, &["--filter"]);
    assert!(first.stdout.starts_with(&format!("httpbin/c: {} -> {}\n", digest("ab"), digest("cd"))), "{first:?}");
    sandbox.run(&["build", ".", "-o", "out"]);
    let has = |name: &str| sandbox.read(&format!("out/httpbin-{name}/20-plugin.yaml")).contains(&"cd".repeat(32));
    assert_eq!((has("c"), has("b")), (true, false));
    let blocked = promote(&sandbox, &["--filter"]);
    let missing =
        format!("httpbin/b to {}: evidence of httpbin/c, which has it: nothing was read of what it did", digest("cd"));
    assert!(blocked.code == Some(8) && blocked.stderr.contains(&missing), "{blocked:?}");
    for (name, more) in [("httpbin/b", None), ("httpbin/httpbin", Some(digest("cd"))), ("the filter of the lock", None)]
    {
        let arguments: Vec<&str> = ["--filter"].into_iter().chain(more.as_deref()).chain(WITHOUT).collect();
        let ended = promote(&sandbox, &arguments);
        assert!(ended.stdout.starts_with(&format!("{name}: sha256:abab")), "{ended:?}");
    }
    assert_eq!(
        lock_file(&sandbox),
        json!({"version": 1, "filter": {"image": IMAGE, "digest": digest("cd"), "candidates": true}})
    );
    let again = promote(&sandbox, &["--filter", &digest("cd")]);
    assert!(again.stdout.starts_with("every gateway has the filter"), "{again:?}");
    let none = promote(&sandbox, &["--filter"]);
    assert!(
        none.code == Some(8) && none.stderr.contains("`sallyport.lock` has no filter that is rolled out"),
        "{none:?}"
    );
}

/// As for candidates: the lock would speak of what Git does not have.
#[test]
fn what_a_filters_step_depends_on_is_committed_before_it() {
    let sandbox = rolling_three();
    crate::rollout::repository(&sandbox);
    let rollout = sandbox.read("rollout.yaml");
    sandbox.write("rollout.yaml", format!("{rollout}# more\n"));
    let lock = sandbox.read("sallyport.lock");
    for commit in [None, Some("--commit")] {
        let arguments: Vec<&str> = ["--filter"].into_iter().chain(commit).collect();
        let ended = promote(&sandbox, &arguments);
        assert!(ended.code == Some(8) && ended.stderr.contains("`rollout.yaml` is not committed"), "{ended:?}");
        assert_eq!(sandbox.read("sallyport.lock"), lock);
    }
    sandbox.write("rollout.yaml", rollout);
    assert_eq!(promote(&sandbox, &["--filter"]).code, Some(0));
}

/// Waves or not, Rollout or not: a gateway that is not read has no turn.
#[test]
fn every_gateway_must_be_among_the_files() {
    for rollout in [None, Some(""), Some("spec: {waves: [{name: first, gateways: [httpbin/b]}]}")] {
        let sandbox = rolling_three();
        let path = sandbox.path().join("rollout.yaml");
        let text = "apiVersion: sallyport.dev/v1alpha1\nkind: Rollout\nmetadata: {name: rollout}\n";
        match rollout {
            None => std::fs::remove_file(&path).unwrap(),
            Some(spec) => std::fs::write(&path, format!("{text}{spec}")).unwrap(),
        }
        let before = sandbox.read("sallyport.lock");
        let mut parts = vec!["--files", "b", "--files", "egress.yaml", "--files", "httpbin.candidate.yaml"];
        if rollout.is_some() {
            parts.extend(["--files", "rollout.yaml"]);
        }
        for more in [&["--filter"][..], &["b", "--filter"]] {
            let ended = promote(&sandbox, &[more, &parts].concat());
            assert!(ended.code == Some(64) && ended.stderr.contains("is not among the files, so "), "{ended:?}");
            assert!(ended.stderr.contains("c/"), "{ended:?}");
        }
        assert_eq!(sandbox.read("sallyport.lock"), before);
        // Back needs no more than the gateways that have it.
        assert_eq!(promote(&sandbox, &["b", "--filter"]).code, Some(0));
        assert_eq!(run(&sandbox, &["rollback", "--filter", "--files", "b"]).code, Some(0));
    }
}

#[test]
fn a_filter_that_the_lock_does_not_know_is_refused() {
    let sandbox = rolling_three();
    let push = "`sallyport image push registry.example.com/sallyport/filter --lock sallyport.lock --next`";
    for (text, says, cure) in [
        (
            rolling(("ab", true), ("cd", true)),
            format!("does not know the filter {}; it rolls out {}", digest("ef"), digest("cd")),
            push.to_owned(),
        ),
        (lock(), format!("does not know the filter {}", digest("ef")), push.to_owned()),
        (
            "{\"version\":1,\"rollout\":{\"gateways\":{}}}".to_owned(),
            "has no filter, and a rollout begins with the one that all gateways have".to_owned(),
            "`sallyport image push REPOSITORY --lock sallyport.lock`".to_owned(),
        ),
    ] {
        sandbox.write("sallyport.lock", &text);
        let ended = promote(&sandbox, &["--filter", &digest("ef"), "--without-evidence", "a test"]);
        assert!(ended.code == Some(8) && ended.stderr.contains(&says) && ended.stderr.contains(&cure), "{ended:?}");
        assert_eq!(sandbox.read("sallyport.lock"), text);
    }
    // In the middle, the first one must be ended.
    sandbox.write("sallyport.lock", rolling(("ab", true), ("cd", true)));
    promote(&sandbox, &["--filter"]);
    let second = promote(&sandbox, &["--filter", &digest("ef")]);
    let cure = "end that rollout first with `sallyport rollback --filter`; then `sallyport image push";
    assert!(second.code == Some(8) && second.stderr.contains(cure), "{second:?}");
    // The Mesh file has the last word, so the lock would change nothing.
    sandbox.write(
        "mesh.yaml",
        format!(
            "apiVersion: sallyport.dev/v1alpha1\nkind: Mesh\nmetadata: {{name: mesh}}\nspec:\n  filter: {{image: {IMAGE}, digest: \"{}\"}}\n",
            digest("01")
        ),
    );
    let pinned = promote(&sandbox, &["--filter"]);
    assert!(
        pinned.code == Some(8) && pinned.stderr.contains("the Mesh file pins the filter sha256:0101"),
        "{pinned:?}"
    );
}

/// An older program pinned without the lock knowing the image.
#[test]
fn the_pins_of_an_older_lock_are_read_as_before() {
    let sandbox = three();
    let mut older: Value = serde_json::from_str(&lock()).unwrap();
    older["rollout"] = json!({"parent": null, "gateways": {"httpbin/c": {"filter": digest("cd")}}});
    sandbox.write("sallyport.lock", older.to_string());
    sandbox.run(&["build", ".", "-o", "out"]);
    assert!(sandbox.read("out/httpbin-c/20-plugin.yaml").contains(&"cd".repeat(32)));
    let plan = run(&sandbox, &["plan"]).stdout;
    assert!(
        plan.contains(&format!("filter: {} is rolled out: 1 of 3 gateways has it: httpbin/c\n", digest("cd"))),
        "{plan}"
    );
    assert!(
        plan.contains("  missing: `sallyport.lock` has no filter that is rolled out; httpbin/c has sha256:cdcd"),
        "{plan}"
    );
    let ended = promote(&sandbox, &["--filter", &digest("cd")]);
    assert!(ended.code == Some(8) && ended.stderr.contains("`sallyport rollback --filter`"), "{ended:?}");
    let back = run(&sandbox, &["rollback", "--filter"]);
    assert_eq!(
        back.stdout,
        format!("httpbin/c: {} -> {}, the filter of the lock\n  wrote sallyport.lock\n", digest("cd"), digest("ab"))
    );
}

#[test]
fn a_pinned_filter_goes_back() {
    let sandbox = rolling_three();
    promote(&sandbox, &["--filter"]);
    promote(&sandbox, &[&["b", "--filter"], &WITHOUT[..]].concat());
    // One gateway, by either way: the rollout goes on.
    for back in [&["rollback", "b", "--filter"][..], &["promote", "c", "--filter", &digest("ab")]] {
        let ended = run(&sandbox, back);
        assert!(
            ended.stdout.contains(&format!("-> {}, the filter of the lock\n  wrote sallyport.lock\n", digest("ab"))),
            "{ended:?}"
        );
        assert_eq!(lock_file(&sandbox)["next"]["digest"], digest("cd"));
    }
    assert_eq!(entry(&sandbox, "httpbin/b"), Value::Null);
    promote(&sandbox, &["--filter"]);
    let back = run(&sandbox, &["rollback", "--filter"]);
    assert!(back.stdout.contains(&format!("{} is not rolled out any more\n", digest("cd"))), "{back:?}");
    assert_eq!(lock_file(&sandbox)["next"], Value::Null);
    let nothing = |more: &[&str]| run(&sandbox, &[&["rollback", "--filter"], more].concat()).stdout;
    assert_eq!(nothing(&[]), "no gateway has a filter of its own, and none is rolled out\n");
    assert_eq!(nothing(&["b"]), "no filter of its own: httpbin/b\n");
    // One that has not begun is ended as well.
    sandbox.write("sallyport.lock", rolling(("ab", true), ("cd", true)));
    let back = run(&sandbox, &["rollback", "--filter"]);
    assert!(
        back.stdout.starts_with(&format!(
            "every gateway: {} -> {}, the filter of the lock\n",
            digest("cd"),
            digest("ab")
        )),
        "{back:?}"
    );
    assert_eq!(lock_file(&sandbox)["next"], Value::Null);
}

#[test]
fn a_filter_that_does_not_know_candidates_comes_first() {
    let sandbox = sandbox();
    sandbox.write("sallyport.lock", LOCK);
    let plan = run(&sandbox, &["plan"]).stdout;
    assert!(
        plan.contains("    missing: filter: sha256:abab") && plan.contains("is not known to know candidates; push"),
        "{plan}"
    );
    assert!(
        plan.contains(
            "--lock sallyport.lock --next`, and give it to this gateway, `sallyport promote httpbin/httpbin --filter`"
        ),
        "{plan}"
    );
    let blocked = promote(&sandbox, &WITHOUT);
    assert!(blocked.code == Some(8) && blocked.stderr.contains("is not known to know candidates"), "{blocked:?}");
    // The next one does.
    sandbox.write("sallyport.lock", rolling(("ab", false), ("cd", true)));
    let plan = run(&sandbox, &["plan"]).stdout;
    assert!(plan.contains(&format!("    next: the filter {}, then shadow\n", digest("cd"))), "{plan}");
    let cure =
        format!("`sallyport promote httpbin/httpbin --filter` comes first: it gives it {}, which does\n", digest("cd"));
    assert!(plan.contains(&cure), "{plan}");
    assert_eq!(promote(&sandbox, &["httpbin/httpbin", "--filter"]).code, Some(0));
    assert_eq!(promote(&sandbox, &[]).code, Some(0));
    // That of the lock does, and this gateway has an older one.
    let older = json!({"filter": digest("cd")});
    let mut lock: Value = serde_json::from_str(&lock()).unwrap();
    lock["rollout"] = json!({"gateways": {"httpbin/httpbin": older}});
    sandbox.write("sallyport.lock", lock.to_string());
    let plan = run(&sandbox, &["plan"]).stdout;
    let cure = format!(
        "`sallyport rollback --filter httpbin/httpbin` gives it that of the lock, {}, which does\n",
        digest("ab")
    );
    assert!(plan.contains(&cure), "{plan}");
    assert_eq!(run(&sandbox, &["rollback", "--filter", "httpbin/httpbin"]).code, Some(0));
    assert_eq!(promote(&sandbox, &[]).code, Some(0));
}

/// What is said can be done: it names the evidence that the step needs.
#[test]
fn the_filter_that_comes_first_may_need_evidence() {
    let sandbox = three();
    std::fs::remove_file(sandbox.path().join("rollout.yaml")).unwrap();
    sandbox.write("sallyport.lock", rolling(("ab", false), ("cd", true)));
    promote(&sandbox, &["c", "--filter"]);
    let blocked = promote(&sandbox, &["b"]);
    let cure = format!(
        "`sallyport promote httpbin/b --filter` comes first: it gives it {}, which does; that needs evidence of httpbin/c \
         (--prometheus, --metrics or --log), or a reason (--without-evidence REASON)",
        digest("cd")
    );
    assert!(blocked.code == Some(8) && blocked.stderr.contains(&cure), "{blocked:?}");
    assert_eq!(promote(&sandbox, &["httpbin/b", "--filter"]).code, Some(8));
    assert_eq!(promote(&sandbox, &[&["httpbin/b", "--filter"], &WITHOUT[..]].concat()).code, Some(0));
    assert_eq!(promote(&sandbox, &["b"]).code, Some(0));
    let egress = GOOD.replace("  authz:", &format!("  gateway: {{filterDigest: \"{}\"}}\n  authz:", digest("01")));
    sandbox.write("egress.yaml", egress);
    let pinned = promote(&sandbox, &["httpbin/httpbin"]);
    assert!(pinned.stderr.contains("its Egress file pins it: remove `gateway.filterDigest` there"), "{pinned:?}");
}

#[test]
fn a_gateway_with_a_candidate_gets_no_filter_that_may_not_know_it() {
    let sandbox = sandbox();
    // Forth.
    promote(&sandbox, &[]);
    let mut lock = lock_file(&sandbox);
    lock["next"] = json!({"image": IMAGE, "digest": digest("cd")});
    sandbox.write("sallyport.lock", lock.to_string());
    let refused = promote(&sandbox, &[&["--filter"], &WITHOUT[..]].concat());
    let says = format!("`httpbin/httpbin` has a candidate at `shadow`, and the filter {} is not known", digest("cd"));
    assert!(refused.code == Some(8) && refused.stderr.contains(&says), "{refused:?}");
    let plan = run(&sandbox, &["plan"]).stdout;
    assert!(
        plan.contains("  note: it is not known to know candidates: no gateway that has it can have one. ")
            && plan.contains(&says),
        "{plan}"
    );
    // Back.
    let (filter, next) = (lock["filter"].clone(), lock["next"].clone());
    lock["rollout"]["gateways"]["httpbin/httpbin"]["filter"] = filter["digest"].clone();
    (lock["filter"], lock["next"]) = (next, filter);
    sandbox.write("sallyport.lock", lock.to_string());
    for back in [&["rollback", "--filter"][..], &["promote", "--filter", &digest("cd")]] {
        let refused = run(&sandbox, back);
        assert!(refused.code == Some(8) && refused.stderr.contains(&says), "{refused:?}");
        assert!(refused.stderr.contains("first: `sallyport rollback httpbin/httpbin`"), "{refused:?}");
    }
    assert_eq!(lock_file(&sandbox), lock);
    assert_eq!(run(&sandbox, &["rollback", "httpbin/httpbin"]).code, Some(0));
    assert_eq!(run(&sandbox, &["rollback", "--filter"]).code, Some(0));
    assert!(sandbox.read("httpbin.candidate.yaml") == CANDIDATE && !sandbox.read("sallyport.lock").contains("next"));
}

/// Two gateways without candidates, the second one after the first.
fn two() -> Sandbox {
    let second =
        GOOD.replace("name: httpbin", "name: second").replace("httpbin.legacy.internal", "second.legacy.internal");
    let lock = rolling(("ab", true), ("ff", true));
    let first = crate::status::one_pod();
    Sandbox::with(&[("egress.yaml", &first), ("second.yaml", &second), ("sallyport.lock", &lock)])
}

const PAGE: [&str; 2] = ["--metrics", "httpbin/httpbin=page.txt"];
/// A day and a bit later.
const LATER: i64 = 90_000;

fn later(sandbox: &Sandbox, arguments: &[&str]) -> Ended {
    crate::rollout::at(sandbox, LATER, arguments)
}

fn status(sandbox: &Sandbox, more: &[&str]) -> Value {
    serde_json::from_str(&later(sandbox, &[&["status", "--format", "json"], more].concat()).stdout).unwrap()
}

#[test]
fn a_filter_needs_evidence_of_the_gateways_that_have_it() {
    let sandbox = two();
    assert_eq!(status(&sandbox, &[])["filter"]["next"], "httpbin/httpbin");
    let before = status(&sandbox, &[])["gateways"][0]["digest"].clone();
    let first = later(&sandbox, &["promote", "--filter"]);
    assert_eq!(first.code, Some(0), "{first:?}");
    let filter = &status(&sandbox, &[])["filter"];
    assert_eq!((&filter["have"], &filter["next"]), (&json!(["httpbin/httpbin"]), &json!("httpbin/second")));
    // What its workers are to have in force, although there is no candidate.
    let mark = status(&sandbox, &[])["gateways"][0]["digest"].as_str().unwrap().to_owned();
    assert!(before.is_string() && before != mark, "{before} {mark}");
    let human = later(&sandbox, &["status"]).stdout;
    assert!(human.contains(&format!("  to be in force: {mark}\n")), "{human}");
    // A page of the filter before: its workers have something else in force.
    sandbox.write(
        "page.txt",
        "envoy_server_concurrency 1\nsallyport_workers_0123456789abcdef 2\nsallyport_requests_allowed 5000\n",
    );
    let promote = || later(&sandbox, &[&["promote", "--filter"], &PAGE[..]].concat());
    let blocked = promote();
    assert!(blocked.code == Some(8) && blocked.stderr.contains(&mark), "{blocked:?}");
    let page = |requests: u32| {
        format!(
            "envoy_server_concurrency 1\nenvoy_server_uptime {LATER}\nsallyport_config_loaded_at_seconds {START}\nsallyport_workers_{mark} 2\n\
             sallyport_requests_allowed {requests}\n\
             envoy_cluster_upstream_rq{{cluster_name=\"outbound|443||httpbin.org\",response_code_class=\"2xx\"}} {requests}\n"
        )
    };
    sandbox.write("page.txt", page(9));
    let says =
        format!("httpbin/second to {}: evidence of httpbin/httpbin, which has it: 9 of 1000 requests", digest("ff"));
    assert!(promote().stderr.contains(&says));
    let missing = &status(&sandbox, &PAGE)["filter"]["missing"];
    assert!(missing[0].as_str().unwrap().contains("httpbin/httpbin, which has it: 9 of 1000 requests"), "{missing}");
    assert_eq!(later(&sandbox, &[&["status", "--fail-on", "missing"], &PAGE[..]].concat()).code, Some(8));
    // What another filter counted, in the same pod, cannot be told apart from what this one did.
    for (page, says) in [
        (page(5000).replace("envoy_server_uptime", "x"), "page.txt has no `envoy_server_uptime`"),
        (
            page(5000).replace(&format!("uptime {LATER}"), "uptime 200000"),
            "page.txt counts since 2026-11-17T04:33:20Z, and what is in force was loaded at 2026-11-18T11:06:40Z",
        ),
    ] {
        sandbox.write("page.txt", page);
        let blocked = promote();
        assert!(blocked.code == Some(8) && blocked.stderr.contains(says), "{says}: {blocked:?}");
    }
    sandbox.write("page.txt", page(5000));
    assert_eq!(later(&sandbox, &[&["status", "--fail-on", "missing"], &PAGE[..]].concat()).code, Some(0));
    let second = promote();
    assert!(second.code == Some(0) && second.stdout.contains("second"), "{second:?}");
}

#[test]
fn plan_and_status_say_where_the_filter_is_in_every_format() {
    let sandbox = two();
    later(&sandbox, &["promote", "--filter"]);
    let human = later(&sandbox, &["plan"]).stdout;
    assert_data_eq!(
        human.split_once("\nfilter: ").unwrap().1,
        str![[r#"
sha256:ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff is rolled out: 1 of 2 gateways has it: httpbin/httpbin
  next: httpbin/second gets it with `sallyport promote --filter`
  missing: evidence of httpbin/httpbin, which has it: nothing was read of what it did

no gateway has a candidate to promote

"#]]
    );
    let status = later(&sandbox, &["status"]).stdout;
    assert!(status.contains(human.split_once("\nfilter: ").unwrap().1.split_once("\n\n").unwrap().0), "{status}");
    let whole = json!({
        "digest": digest("ff"), "knowsCandidates": true, "have": ["httpbin/httpbin"], "lack": ["httpbin/second"],
        "next": "httpbin/second", "evidence": [],
        "missing": ["evidence of httpbin/httpbin, which has it: nothing was read of what it did"],
    });
    for command in ["plan", "status"] {
        let text = later(&sandbox, &[command, "--format", "json"]).stdout;
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["filter"], whole, "{command}");
        let text = later(&sandbox, &[command, "--format", "markdown"]).stdout;
        let begin =
            format!("\n- **filter**: {} is rolled out: 1 of 2 gateways has it: httpbin/httpbin\n", digest("ff"));
        assert!(text.contains(&begin) && text.contains("\n  - **next**: httpbin/second gets it"), "{command}: {text}");
    }
    assert!(later(&sandbox, &["status", "--format", "markdown"]).stdout.contains("**to be in force**"));
    later(&sandbox, &[&["promote", "--filter"], &WITHOUT[..]].concat());
    let all = later(&sandbox, &["plan"]).stdout;
    assert!(
        all.contains("  next: every gateway has it: `sallyport promote --filter` makes it the filter of the lock\n\n"),
        "{all}"
    );
    later(&sandbox, &["promote", "--filter"]);
    for command in ["plan", "status"] {
        let text = later(&sandbox, &[command, "--format", "json"]).stdout;
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["filter"], Value::Null, "{command}");
    }
}

#[test]
fn a_log_counts_from_the_line_of_the_filter_on() {
    let sandbox = two();
    assert_eq!(later(&sandbox, &["promote", "--filter"]).code, Some(0));
    let mark = status(&sandbox, &[])["gateways"][0]["digest"].as_str().unwrap().to_owned();
    let line = |time: &str| {
        format!(
            "{{\"time\":\"{time}\",\"decision\":\"allowed\",\"status\":200,\"host\":\"httpbin.legacy.internal\"}}\n"
        )
    };
    let of_before = line("2026-11-19T05:00:00Z").repeat(2000);
    let taken = format!(
        "[2026-11-19 06:00:00.000][1][info][wasm] wasm log httpbin: policy for httpbin/httpbin: 1 rules, enforce, in force as {mark}\n"
    );
    let other = taken.replace("06:00:", "11:00:").replace(&mark, "0123456789abcdef");
    let some = line("2026-11-19T07:00:00Z").repeat(499) + &line("2026-11-19T12:00:00Z");
    let after = line("2026-11-19T07:00:00Z").repeat(500) + &some;
    // A copy adds nothing.
    sandbox.write("access.log", taken.clone() + &some);
    sandbox.write("copy.log", taken.clone() + &some);
    let ended = later(&sandbox, &["promote", "--filter", "--log", "access.log", "--log", "copy.log"]);
    assert!(ended.code == Some(8) && ended.stderr.contains("500 of 1000 requests"), "{ended:?}");
    for (log, says) in [
        (of_before.clone(), "does not show what the gateway has in force"),
        (of_before.clone() + &taken, "no traffic"),
        (of_before.clone() + &some + &taken, "500 of 1000 requests"),
        (of_before.clone() + &after + &taken + &other, "does not show what the gateway has in force"),
        (of_before + &after + &taken, ""),
    ] {
        sandbox.write("access.log", log);
        let ended = later(&sandbox, &["promote", "--filter", "--log", "access.log"]);
        if says.is_empty() {
            assert!(ended.code == Some(0) && ended.stdout.contains("second"), "{ended:?}");
        } else {
            assert!(ended.code == Some(8) && ended.stderr.contains(says), "{says}: {ended:?}");
        }
    }
}
