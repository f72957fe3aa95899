//! `plan`, `promote` and `rollback`: the rollout of changed rules, by the program.

use std::process::{Command, Stdio};

use serde_json::Value;
use snapbox::{assert_data_eq, str};

use crate::sandbox::{Ended, GOOD, LOCK, Sandbox};

pub(crate) const CANDIDATE: &str = "\
apiVersion: sallyport.dev/v1alpha1
kind: Candidate
metadata: {name: httpbin, namespace: httpbin}
spec:
  rules:
  # no other path
  - id: readers
    action: ALLOW
    from: [{source: {serviceAccounts: [httpbin/sleep]}}]
    to: [{operation: {methods: [GET], paths: [/get]}}]
";

/// The lock of a filter that knows candidates.
pub(crate) fn lock() -> String {
    LOCK.replace("\"}}", "\",\"candidates\":true}}")
}

pub(crate) fn sandbox() -> Sandbox {
    Sandbox::with(&[("egress.yaml", GOOD), ("httpbin.candidate.yaml", CANDIDATE), ("sallyport.lock", &lock())])
}

/// With two more gateways, each with a candidate, and waves.
pub(crate) fn three() -> Sandbox {
    let sandbox = sandbox();
    for name in ["b", "c"] {
        let egress =
            GOOD.replace("name: httpbin\n", &format!("name: {name}\n")).replace("httpbin.", &format!("{name}."));
        sandbox.write(format!("{name}/egress.yaml"), egress);
        sandbox.write(
            format!("{name}/{name}.candidate.yaml"),
            CANDIDATE.replace("{name: httpbin", &format!("{{name: {name}")),
        );
    }
    let rollout = "apiVersion: sallyport.dev/v1alpha1\nkind: Rollout\nmetadata: {name: rollout}\nspec:\n  waves:\n  \
                   - {name: first, gateways: [httpbin/c]}\n  gates: {canary: {steps: []}}\n  waivers:\n  \
                   - {gateway: httpbin/c, region: 5f2a09c1b7de, caller: cluster.local/ns/shop/sa/batch, reason: moves, until: 2026-12-31}\n  \
                   - {gateway: httpbin/c, region: 5f2a09c1b7de, caller: cluster.local/ns/shop/sa/old, reason: gone, until: 2026-01-31}\n";
    sandbox.write("rollout.yaml", rollout);
    sandbox
}

pub(crate) const START: i64 = 1_795_000_000;
/// How a line ends that says that the time is not that of the clock.
const CLOCK: &str = "Z here, whatever the clock says\n";

pub(crate) fn at(sandbox: &Sandbox, seconds: i64, arguments: &[&str]) -> Ended {
    let mut command = sandbox.command(arguments);
    command.env("SALLYPORT_NOW", START.saturating_add(seconds).to_string()).env("GIT_CONFIG_GLOBAL", "/dev/null");
    for (name, value) in [("NAME", "a"), ("EMAIL", "a@example.com")] {
        command.env(format!("GIT_AUTHOR_{name}"), value).env(format!("GIT_COMMITTER_{name}"), value);
    }
    let output = command.stdin(Stdio::null()).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    // Wrong words of a command line end it before.
    let stderr = match output.status.code() {
        Some(64) => stderr.split_once(CLOCK).map_or(stderr.as_str(), |(_, rest)| rest).to_owned(),
        _ => stderr.strip_prefix("note: ").unwrap().split_once(CLOCK).unwrap().1.to_owned(),
    };
    let ended = Ended { code: output.status.code(), stdout: String::from_utf8(output.stdout).unwrap(), stderr };
    for text in [&ended.stdout, &ended.stderr] {
        assert!(!text.contains(sandbox.path().to_str().unwrap()), "a path of this machine in:\n{text}");
    }
    ended
}

pub(crate) fn run(sandbox: &Sandbox, arguments: &[&str]) -> Ended {
    at(sandbox, 0, arguments)
}

pub(crate) fn git(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]).args(arguments);
    let output = command.current_dir(sandbox.path()).env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) fn repository(sandbox: &Sandbox) {
    git(sandbox, &["init", "--quiet", "--initial-branch=main"]);
    commit(sandbox);
}

pub(crate) fn commit(sandbox: &Sandbox) {
    git(sandbox, &["add", "--all"]);
    git(sandbox, &["commit", "--quiet", "--message=a"]);
}

/// The entry of a gateway in the lock.
pub(crate) fn entry(sandbox: &Sandbox, gateway: &str) -> Value {
    let lock: Value = serde_json::from_str(&sandbox.read("sallyport.lock")).unwrap();
    lock["rollout"]["gateways"][gateway].clone()
}

pub(crate) const WITHOUT: [&str; 2] = ["--without-evidence", "tested by hand"];

#[test]
fn a_candidate_goes_from_its_file_into_the_egress_file() {
    let sandbox = sandbox();
    let plan = run(&sandbox, &["plan"]);
    assert_eq!((plan.code, plan.stderr.as_str()), (Some(0), ""));
    assert_data_eq!(
        plan.stdout,
        str![[r#"
wave (all)
  httpbin/httpbin: proposed
    next: shadow
      narrowed [..] refused: not_allowed; was allowed by `readers`
        example: GET / --as httpbin/sleep
...
      no pod is restarted

1 candidate; `sallyport promote` takes the next step

"#]]
    );
    let shadow = run(&sandbox, &["promote"]);
    assert_eq!(
        (shadow.code, shadow.stdout.as_str()),
        (Some(0), "httpbin/httpbin: proposed -> shadow\n  wrote sallyport.lock\n")
    );
    assert_eq!(entry(&sandbox, "httpbin/httpbin")["since"], "2026-11-18T11:06:40Z");
    // An hour later it is too early, and without evidence it would never be time.
    let early = at(&sandbox, 3600, &["promote"]);
    assert_eq!(early.code, Some(8));
    assert_data_eq!(
        early.stderr,
        str![[r#"
error: nothing is promoted, because something is missing:
  httpbin/httpbin to `canary 5 %`: time: at `shadow` for 1h of 24h, until 2026-11-19T11:06:40Z
  httpbin/httpbin to `canary 5 %`: evidence: nothing was read of what the gateway did
  help: give --prometheus URL, --metrics NAMESPACE/NAME=FILE or --log FILE; wait until the time has passed; or give a reason why it is not needed: --without-evidence REASON

"#]]
    );
    for (to, percent) in [("canary 5 %", Some(5)), ("canary 25 %", Some(25)), ("enforce", None)] {
        let step = run(&sandbox, &[&["promote"], &WITHOUT[..]].concat());
        assert!(step.stdout.contains(&format!("-> {to}\n")), "{step:?}");
        assert_eq!(entry(&sandbox, "httpbin/httpbin")["percent"].as_u64(), percent);
        assert_eq!(sandbox.run(&["build", ".", "-o", "out"]).code, Some(0));
    }
    assert_eq!(sandbox.read("egress.yaml"), GOOD);
    let settled = run(&sandbox, &[&["promote"], &WITHOUT[..]].concat());
    assert_data_eq!(
        settled.stdout,
        str![[r#"
httpbin/httpbin: enforce -> settled
  wrote egress.yaml
  removed httpbin.candidate.yaml
  wrote sallyport.lock

"#]]
    );
    assert!(sandbox.read("egress.yaml").contains("    # no other path\n    - id: readers\n      action: ALLOW\n"));
    assert_eq!(
        run(&sandbox, &["plan"]).stdout,
        "wave (all)\n  httpbin/httpbin: no candidate\n\nno gateway has a candidate to promote\n"
    );
    let nothing = run(&sandbox, &["promote"]);
    assert_eq!(nothing.stdout, "no gateway has a candidate: write one beside an Egress file (`kind: Candidate`)\n");
}

#[test]
fn what_decides_for_all_is_what_the_gateway_gets() {
    let sandbox = sandbox();
    let config = |sandbox: &Sandbox| {
        sandbox.run(&["build", ".", "-o", "out"]);
        sandbox.read("out/httpbin-httpbin/20-plugin.yaml")
    };
    let before = config(&sandbox);
    assert!(!before.contains("/get"), "{before}");
    run(&sandbox, &[&["promote", "--to", "enforce"], &WITHOUT[..]].concat());
    assert!(config(&sandbox).contains("/get"));
    let back = run(&sandbox, &["rollback"]);
    assert_data_eq!(
        back.stdout,
        str![[r#"
httpbin/httpbin: enforce -> the rules of the Egress file
  wrote sallyport.lock
httpbin/httpbin: `httpbin.candidate.yaml` stays; the next `sallyport promote` begins with it again

"#]]
    );
    assert_eq!(config(&sandbox), before);
    assert_eq!(
        run(&sandbox, &["rollback"]).stdout,
        "no gateway has a candidate in the lock: nothing to roll back; to go back behind the last step, name the gateway: `sallyport rollback NAMESPACE/NAME`\n"
    );
}

#[test]
fn waves_are_promoted_in_order() {
    let sandbox = three();
    let out_of_turn = run(&sandbox, &["promote", "b"]);
    assert_eq!(out_of_turn.code, Some(8));
    assert_data_eq!(
        out_of_turn.stderr,
        str![[r#"
error: `httpbin/b` is in the wave `(others)`, and `httpbin/c` of the wave `first` is at `proposed`
  help: waves are promoted one after the other: promote that one first, or change the waves

"#]]
    );
    let steps: Vec<String> = (0..8)
        .map(|_| {
            let ended = run(&sandbox, &[&["promote"], &WITHOUT[..]].concat());
            let taken: Vec<&str> = ended.stdout.lines().filter(|line| line.contains(" -> ")).collect();
            taken.join(" | ").replace("httpbin/", "")
        })
        .collect();
    assert_eq!(
        steps,
        [
            "c: proposed -> shadow",
            "c: shadow -> enforce",
            "b: proposed -> shadow | httpbin: proposed -> shadow",
            "b: shadow -> enforce | httpbin: shadow -> enforce",
            "c: enforce -> settled",
            "b: enforce -> settled | httpbin: enforce -> settled",
            "",
            "",
        ]
    );
}

#[test]
fn a_commit_has_what_was_written_and_why() {
    let sandbox = three();
    repository(&sandbox);
    sandbox.write("other.txt", "not part of it");
    git(&sandbox, &["add", "other.txt"]);
    let ended = run(&sandbox, &["promote", "--commit"]);
    assert!(ended.code == Some(0) && ended.stdout.contains("\n  committed "), "{ended:?}");
    let ended = run(&sandbox, &[&["promote", "--commit"], &WITHOUT[..]].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_data_eq!(
        git(&sandbox, &["log", "-1", "--format=%B", "--name-status"]),
        str![[r#"
promote httpbin/c to enforce

httpbin/c: shadow -> enforce
  policy: [..]
  candidate: [..]
  missing: time: at `shadow` for 0s of 24h, until 2026-11-19T11:06:40Z
  missing: evidence: nothing was read of what the gateway did
  promoted without it: tested by hand
  waiver: 5f2a09c1b7de cluster.local/ns/shop/sa/batch until 2026-12-31: moves


M	sallyport.lock

"#]]
    );
    assert_eq!(git(&sandbox, &["status", "--short"]), "A  other.txt\n");
}

#[test]
fn no_promotion_leads_back() {
    let sandbox = sandbox();
    run(&sandbox, &[&["promote", "--to", "25%"], &WITHOUT[..]].concat());
    let lock = sandbox.read("sallyport.lock");
    for to in ["shadow", "5%"] {
        let ended = run(&sandbox, &["promote", "--to", to]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(64), ""), "{ended:?}");
        assert!(ended.stderr.contains("is at `canary 25 %`, and no promotion leads back"), "{ended:?}");
        assert!(ended.stderr.contains("`sallyport rollback httpbin/httpbin`"), "{ended:?}");
    }
    assert!(run(&sandbox, &["promote", "--to", "25%"]).stdout.contains("is at `canary 25 %` already"));
    assert_eq!(sandbox.read("sallyport.lock"), lock);
}

#[test]
fn the_help_is_about_what_is_missing() {
    let sandbox = sandbox();
    run(&sandbox, &["promote"]);
    let ended = at(&sandbox, 7 * 86_400, &["promote", "--to", "enforce"]);
    let help = "  help: `promote` without --to takes the steps between, one at a time; give --prometheus URL, --metrics \
                NAMESPACE/NAME=FILE or --log FILE; or give a reason why it is not needed: --without-evidence REASON\n";
    assert!(ended.code == Some(8) && ended.stderr.ends_with(help), "{ended:?}");
}

#[test]
fn a_step_that_is_not_committed_comes_first() {
    let sandbox = sandbox();
    repository(&sandbox);
    run(&sandbox, &["promote"]);
    let lock = sandbox.read("sallyport.lock");
    let waits = run(&sandbox, &[&["promote"], &WITHOUT[..]].concat());
    assert_eq!(waits.code, Some(8));
    assert_eq!(
        waits.stderr,
        "error: the last step is not committed: `httpbin/httpbin` to `shadow`\n  help: commit it first, or use --commit, which commits it and goes no further; `sallyport rollback httpbin/httpbin` undoes it\n"
    );
    let committed = run(&sandbox, &[&["promote", "--commit"], &WITHOUT[..]].concat());
    // It was not the step that was asked for, and no file was written.
    assert_eq!(committed.code, Some(8), "{committed:?}");
    assert!(committed.stdout.contains("\n  committed ") && !committed.stdout.contains("wrote"), "{committed:?}");
    assert_eq!((sandbox.read("sallyport.lock"), git(&sandbox, &["status", "--short"])), (lock, String::new()));
    // The same with the last step, which has three files.
    run(&sandbox, &[&["promote", "--to", "enforce", "--commit"], &WITHOUT[..]].concat());
    run(&sandbox, &[&["promote"], &WITHOUT[..]].concat());
    let committed = run(&sandbox, &[&["promote", "--commit"], &WITHOUT[..]].concat());
    assert_eq!((committed.code, git(&sandbox, &["status", "--short"])), (Some(8), String::new()));
    assert_data_eq!(
        git(&sandbox, &["log", "-1", "--format=%s", "--name-status"]),
        str![[r#"
promote httpbin/httpbin to settled

M	egress.yaml
D	httpbin.candidate.yaml
M	sallyport.lock

"#]]
    );
    // And back, by Git.
    let back = run(&sandbox, &["rollback", "httpbin", "--commit"]);
    assert_eq!((back.code, git(&sandbox, &["status", "--short"])), (Some(0), String::new()));
    assert_eq!(
        (sandbox.read("egress.yaml").as_str(), sandbox.read("httpbin.candidate.yaml").as_str()),
        (GOOD, CANDIDATE)
    );
}

#[test]
fn git_must_have_what_the_lock_speaks_of() {
    let sandbox = sandbox();
    let nowhere = run(&sandbox, &["promote", "--commit"]);
    assert_eq!(nowhere.code, Some(64));
    assert!(nowhere.stderr.starts_with("error: `sallyport.lock` is in no Git repository"), "{nowhere:?}");
    repository(&sandbox);
    sandbox.write("httpbin.candidate.yaml", CANDIDATE.replace("/get", "/got"));
    let edited = run(&sandbox, &["promote", "--commit"]);
    assert_eq!(edited.code, Some(8));
    assert!(edited.stderr.starts_with("error: `httpbin.candidate.yaml` is not committed"), "{edited:?}");
}

#[test]
fn a_candidate_that_changed_begins_again_and_is_not_built() {
    let sandbox = sandbox();
    run(&sandbox, &[&["promote", "--to", "25%"], &WITHOUT[..]].concat());
    sandbox.write("httpbin.candidate.yaml", CANDIDATE.replace("/get", "/got"));
    let build = sandbox.run(&["build", ".", "-o", "out"]);
    assert_eq!(build.code, Some(1));
    assert!(
        build
            .stdout
            .contains("`httpbin/httpbin` is at `canary 25 %` with other rules, of the Egress or of its candidate"),
        "{build:?}"
    );
    let plan = run(&sandbox, &["plan"]).stdout;
    assert!(
        plan.contains("  httpbin/httpbin: changed\n    note: it was at `canary 25 %` since 2026-11-18T11:06:40Z"),
        "{plan}"
    );
    assert!(plan.contains("    next: shadow\n"), "{plan}");
    let again = run(&sandbox, &["promote"]).stdout;
    assert!(again.starts_with("httpbin/httpbin: canary 25 % with other rules -> shadow\n"), "{again}");
    assert_eq!(sandbox.run(&["build", ".", "-o", "out"]).code, Some(0));
}

#[test]
fn a_candidate_whose_file_is_gone_is_explained() {
    let sandbox = sandbox();
    run(&sandbox, &["promote"]);
    std::fs::remove_file(sandbox.path().join("httpbin.candidate.yaml")).unwrap();
    let plan = run(&sandbox, &["plan"]).stdout;
    assert!(
        plan.contains("note: its Candidate file is gone: restore it, or run `sallyport rollback httpbin/httpbin`"),
        "{plan}"
    );
    assert!(sandbox.run(&["check"]).stdout.contains("but its Candidate file is gone"));
    assert_eq!(run(&sandbox, &["promote", "httpbin"]).code, Some(8));
    assert_eq!(run(&sandbox, &["rollback"]).code, Some(0));
    assert_eq!(sandbox.run(&["check"]).code, Some(0));
}

/// Whatever the candidate is, the rules of the Egress file can be in force again.
#[test]
fn a_wrong_candidate_does_not_keep_anybody_from_going_back() {
    let sandbox = sandbox();
    run(&sandbox, &["promote"]);
    sandbox.write("httpbin.candidate.yaml", CANDIDATE.replace("ALLOW", "ALOW"));
    assert_eq!(run(&sandbox, &["promote"]).code, Some(1));
    let back = run(&sandbox, &["rollback"]);
    assert!(back.code == Some(0) && entry(&sandbox, "httpbin/httpbin").is_null(), "{back:?}");
}

#[test]
fn a_gateway_that_is_gone_leaves_the_lock_when_it_is_named() {
    let sandbox = three();
    run(&sandbox, &["promote"]);
    for file in ["c/egress.yaml", "c/c.candidate.yaml", "rollout.yaml"] {
        std::fs::remove_file(sandbox.path().join(file)).unwrap();
    }
    let plan = run(&sandbox, &["plan"]).stdout;
    assert!(
        plan.contains(
            "note: the lock has httpbin/c, whose Egress is not among the files; `sallyport rollback httpbin/c`"
        ),
        "{plan}"
    );
    assert_eq!(run(&sandbox, &["promote", "c"]).stdout, "the Egress of httpbin/c is not among the files\n");
    let back = run(&sandbox, &["rollback", "c"]);
    assert_eq!(back.stdout, "httpbin/c: shadow -> no entry in the lock\n  wrote sallyport.lock\n");
    assert!(entry(&sandbox, "httpbin/c").is_null());
}

#[test]
fn a_wrong_word_is_a_wrong_argument() {
    let sandbox = three();
    for (arguments, words) in [
        (&["plan", "htpbin"][..], "there is no gateway `htpbin`"),
        (&["promote", "--to", "production"], "a stage is `shadow`, `canary`, a share of callers such as `25%`"),
        (&["promote", "--filter", "1"], "a digest is `sha256:` and 64 hexadecimal digits"),
        (&["promote", "--filter", "httpbin/c"], "a gateway is named before --filter"),
        (&["promote", "--without-evidence", ""], "write a reason"),
        (&["promote", "--without-evidence", "x\nSigned-off-by: y"], "write the reason in one line"),
        (&["promote", "--to", "0%"], "a stage is `shadow`"),
        (&["promote", "--log", "a.log", "--log", "a.log"], "the same evidence is given twice"),
    ] {
        let ended = run(&sandbox, arguments);
        assert!(ended.code == Some(64) && ended.stderr.contains(words), "{arguments:?}: {ended:?}");
    }
    let settled = run(&sandbox, &["promote", "c", "--to", "settled"]);
    assert!(settled.code == Some(8) && settled.stderr.contains("is settled after `enforce`"), "{settled:?}");
    assert!(
        settled.stderr.contains("`sallyport promote httpbin/c --to enforce --without-evidence REASON`"),
        "{settled:?}"
    );
    run(&sandbox, &[&["promote", "httpbin/c", "--to", "enforce"], &WITHOUT[..]].concat());
    assert_eq!(run(&sandbox, &[&["promote", "c", "--to", "settled"], &WITHOUT[..]].concat()).code, Some(0));
}

/// After a merge or a kill: the Egress has the rules of a candidate that decides for all, and beside it is the next one.
#[test]
fn another_candidate_is_not_settled() {
    let sandbox = sandbox();
    run(&sandbox, &[&["promote", "--to", "enforce"], &WITHOUT[..]].concat());
    let (lock, candidate) = (sandbox.read("sallyport.lock"), sandbox.read("httpbin.candidate.yaml"));
    run(&sandbox, &[&["promote"], &WITHOUT[..]].concat());
    sandbox.write("sallyport.lock", &lock);
    let other = "- {id: everybody, action: ALLOW, to: [{operation: {paths: [/other]}}]}\n";
    sandbox
        .write("httpbin.candidate.yaml", format!("{}  rules:\n  {other}", candidate.split("  rules:").next().unwrap()));
    let promoted = run(&sandbox, &["promote"]);
    assert!(promoted.stdout.contains("-> shadow") && !promoted.stdout.contains("settled"), "{promoted:?}");
    assert!(!sandbox.read("egress.yaml").contains("everybody"));
}

#[test]
fn stages_that_are_left_out_need_a_reason() {
    let sandbox = sandbox();
    run(&sandbox, &["promote"]);
    let skipped = run(&sandbox, &["promote", "--to", "enforce"]);
    assert_eq!(skipped.code, Some(8), "{skipped:?}");
    assert!(skipped.stderr.contains("to `enforce`: steps: `canary 5 %` comes before it"), "{skipped:?}");
}

#[test]
fn a_gateway_is_once_in_a_lock() {
    let sandbox = sandbox();
    run(&sandbox, &["promote"]);
    let lock = sandbox.read("sallyport.lock");
    let (head, rest) = lock.split_once("\"gateways\": {").unwrap();
    let (entry, _) = rest.split_once('}').unwrap();
    sandbox.write("sallyport.lock", format!("{head}\"gateways\": {{{entry}}},{rest}"));
    let planned = run(&sandbox, &["plan"]);
    assert!(planned.code != Some(0) && planned.stderr.contains("is there twice"), "{planned:?}");
}

#[test]
fn a_wrong_lock_is_named() {
    for (lock, words) in [
        ("{}", "missing field `version`"),
        (
            r#"{"version":1,"rollout":{"parent":null,"gateways":{"a/b":{"stage":"shadow"}}}}"#,
            "the gateway `a/b`: a candidate has `policy`, `candidate`, `stage` and `since`",
        ),
    ] {
        let sandbox = sandbox();
        sandbox.write("sallyport.lock", lock);
        for arguments in [&["plan"][..], &["promote"], &["rollback"]] {
            let ended = run(&sandbox, arguments);
            assert!(ended.code == Some(3) && ended.stderr.contains(words), "{arguments:?}: {ended:?}");
        }
        assert!(sandbox.run(&["check"]).stdout.contains(words));
    }
}

#[test]
fn what_cannot_be_spliced_is_refused_and_done_by_hand() {
    let sandbox = sandbox();
    let (before, _) = GOOD.split_once("    rules:\n").unwrap();
    let odd = format!(
        "{before}    ? rules\n    : - {{id: readers, action: ALLOW, from: [{{source: {{serviceAccounts: [httpbin/sleep]}}}}]}}\n"
    );
    sandbox.write("egress.yaml", &odd);
    assert_eq!(run(&sandbox, &[&["promote", "--to", "enforce"], &WITHOUT[..]].concat()).code, Some(0));
    let refused = run(&sandbox, &[&["promote"], &WITHOUT[..]].concat());
    assert_eq!(refused.code, Some(8));
    assert_data_eq!(
        refused.stderr,
        str![[r#"
error: egress.yaml:13:7: the list of rules has no place for the candidate's
  help: write the rules of `httpbin.candidate.yaml` into `egress.yaml` by hand, in place of those of the same IDs, take out those in `remove`, and run the command again: it finds them there

"#]]
    );
    assert_eq!(sandbox.read("egress.yaml"), odd);
    let (_, rules) = CANDIDATE.split_once("  rules:\n").unwrap();
    let by_hand = format!("{before}    rules:\n{}", rules.replace("\n  ", "\n    ").replacen("  #", "    #", 1));
    sandbox.write("egress.yaml", &by_hand);
    // Whoever wrote them there, the gate holds.
    let early = run(&sandbox, &["promote"]);
    assert!(
        early.code == Some(8) && early.stderr.contains("to `settled`: time: at `enforce` for 0s of 24h"),
        "{early:?}"
    );
    assert!(
        run(&sandbox, &["plan"])
            .stdout
            .contains("note: a promotion was interrupted, or the rules were written by hand: ")
    );
    let settled = run(&sandbox, &[&["promote"], &WITHOUT[..]].concat());
    assert_eq!(settled.code, Some(0), "{settled:?}");
    assert_eq!(sandbox.read("egress.yaml"), by_hand);
    assert!(!sandbox.path().join("httpbin.candidate.yaml").exists());
}

#[test]
fn a_plan_is_json_and_markdown_too() {
    let sandbox = three();
    run(&sandbox, &["promote"]);
    let json: Value = serde_json::from_str(&run(&sandbox, &["plan", "--format", "json"]).stdout).unwrap();
    assert_eq!(json["version"], 1);
    let first = &json["waves"][0]["gateways"][0];
    assert_eq!(
        (&first["gateway"], &first["stage"], &first["next"]["step"]),
        (&"httpbin/c".into(), &"shadow".into(), &"enforce".into())
    );
    assert_eq!(first["next"]["regions"][0]["change"], "narrowed");
    assert_eq!(first["next"]["missing"].as_array().unwrap().len(), 2);
    assert_eq!(first["next"]["objects"][0]["name"], "c-egress");
    let markdown = run(&sandbox, &["plan", "c", "--format", "markdown", "--output", "plan.md"]);
    assert_eq!((markdown.code, markdown.stdout.as_str()), (Some(0), ""));
    let text = sandbox.read("plan.md");
    assert!(
        text.contains("the waiver of cluster.local/ns/shop/sa/old for 5f2a09c1b7de has ended on 2026-01-31"),
        "{text}"
    );
    assert!(text.contains("is for 5f2a09c1b7de, and the change has no such region"), "{text}");
    sandbox.write("empty.log", "");
    let status = run(&sandbox, &["status", "c", "--log", "empty.log"]).stdout;
    assert!(status.contains("is for 5f2a09c1b7de, and the change has no such region"), "{status}");
    assert!(text.contains("| first | `httpbin/c` | shadow | 2026-11-18T11:06:40Z | enforce | 2 |"), "{text}");
    assert!(text.contains("- **missing**: time: at `shadow` for 0s of 24h"), "{text}");
}
