//! A commit has what its message says and nothing else, whatever else the lock and the files have.

use std::fs;

use serde_json::{Value, json};

use crate::rollout::{CANDIDATE, WITHOUT, commit, entry, git, repository, run, sandbox, three};
use crate::sandbox::{Ended, GOOD, Sandbox};

fn promote(sandbox: &Sandbox, more: &[&str]) -> Ended {
    let ended = run(sandbox, &[&["promote"], more, &WITHOUT[..]].concat());
    assert_eq!(ended.code, Some(0), "{more:?}: {ended:?}");
    ended
}

/// What `image push --lock --next` does to the lock.
fn push_next(sandbox: &Sandbox) {
    let mut lock: Value = serde_json::from_str(&sandbox.read("sallyport.lock")).unwrap();
    lock["next"] = lock["filter"].clone();
    lock["next"]["digest"] = format!("sha256:{}", "cd".repeat(32)).into();
    sandbox.write("sallyport.lock", serde_json::to_string_pretty(&lock).unwrap() + "\n");
}

/// Three gateways in a repository, whose lock has a filter that is rolled out.
pub(crate) fn rolling() -> Sandbox {
    let sandbox = three();
    push_next(&sandbox);
    repository(&sandbox);
    sandbox
}

fn head(sandbox: &Sandbox) -> String {
    git(sandbox, &["rev-parse", "HEAD"])
}

fn message(sandbox: &Sandbox) -> String {
    git(sandbox, &["log", "-1", "--format=%B"])
}

/// The command ends with 8, and neither a file nor a commit has changed.
fn refused(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let state = || (head(sandbox), git(sandbox, &["status", "--short"]), git(sandbox, &["diff", "HEAD"]));
    let before = state();
    let ended = run(sandbox, arguments);
    assert_eq!(ended.code, Some(8), "{arguments:?}: {ended:?}");
    assert_eq!(state(), before, "{arguments:?}");
    ended.stderr
}

/// Runs the commands of git in a help, with a message for each commit.
fn follow(sandbox: &Sandbox, help: &str, begin: &str) {
    let command = help.split('`').find(|part| part.starts_with(begin)).unwrap();
    let mut words: Vec<&str> = command.split(' ').skip(1).collect();
    if words.first() == Some(&"commit") {
        words.insert(1, "--message=by hand");
    }
    git(sandbox, &words);
}

const OTHERS: &str =
    "error: `sallyport.lock` has changes that are not committed, and the commit of this step would have them, too:\n";

#[test]
fn what_image_push_wrote_is_committed_by_itself() {
    for cure in ["git commit", "git checkout"] {
        let sandbox = three();
        repository(&sandbox);
        push_next(&sandbox);
        for arguments in [
            &["promote"][..],
            &["promote", "--commit"],
            &["promote", "--filter"],
            &["promote", "--filter", "--commit"],
            &["rollback", "c", "--commit"],
        ] {
            let stderr = refused(&sandbox, arguments);
            let image = "registry.example.com/sallyport/filter";
            let line =
                format!("  the next filter: none -> {image}@sha256:{}, which knows candidates\n", "cd".repeat(32));
            assert!(stderr.starts_with(&format!("{OTHERS}{line}")), "{stderr}");
            let help = "  help: `git commit sallyport.lock` commits it by itself, and `git checkout HEAD -- sallyport.lock` takes it \
                        back";
            assert!(stderr.contains(help), "{stderr}");
            if arguments[0] == "promote" && arguments.last() == Some(&"--commit") && arguments.len() == 3 {
                follow(&sandbox, &stderr, cure);
            }
            if git(&sandbox, &["status", "--short"]).is_empty() {
                break;
            }
        }
        promote(&sandbox, &["--commit"]);
        assert!(message(&sandbox).starts_with("promote httpbin/c to shadow\n"));
    }
    // It is taken back by its own command, and then there is nothing to commit.
    let sandbox = three();
    repository(&sandbox);
    push_next(&sandbox);
    let back = run(&sandbox, &["rollback", "--filter", "--commit"]);
    assert!(back.code == Some(0) && back.stdout.contains("  nothing is committed: "), "{back:?}");
    assert!(!sandbox.read("sallyport.lock").contains("next"));
}

/// One that Git does not have yet, and another filter for all gateways at once.
#[test]
fn the_filter_of_a_lock_is_committed_before_a_step() {
    let sandbox = sandbox();
    git(&sandbox, &["init", "--quiet", "--initial-branch=main"]);
    git(&sandbox, &["add", "egress.yaml", "httpbin.candidate.yaml"]);
    git(&sandbox, &["commit", "--quiet", "--message=a"]);
    let stderr = refused(&sandbox, &["promote", "--commit"]);
    assert!(stderr.contains("  the filter of the lock: none -> registry.example.com/"), "{stderr}");
    let help = "  help: `git add sallyport.lock` and `git commit sallyport.lock` commits it by itself\n";
    assert!(stderr.ends_with(help), "{stderr}");
    follow(&sandbox, &stderr, "git add");
    follow(&sandbox, &stderr, "git commit");
    let lock = sandbox.read("sallyport.lock").replace("abab", "abef");
    sandbox.write("sallyport.lock", lock);
    let stderr = refused(&sandbox, &["promote", "--commit"]);
    assert!(stderr.contains("  the filter of the lock: registry.example.com/sallyport/filter@sha256:abab"), "{stderr}");
    follow(&sandbox, &stderr, "git checkout");
    promote(&sandbox, &["--commit"]);
}

#[test]
fn steps_of_two_kinds_are_not_one_commit() {
    // A rollback of the filter beside one of a candidate.
    let sandbox = rolling();
    promote(&sandbox, &["--commit"]);
    assert_eq!(run(&sandbox, &["rollback", "--filter"]).code, Some(0));
    let stderr = refused(&sandbox, &["rollback", "c", "--commit"]);
    assert!(stderr.starts_with(&format!("{OTHERS}  every gateway: sha256:cdcd")), "{stderr}");
    assert!(stderr.contains("; without --commit nothing is in the way of a rollback\n"), "{stderr}");
    assert!(
        stderr.contains("`sallyport promote --commit` commits it by itself, and `git checkout HEAD -- "),
        "{stderr}"
    );
    // Both are there: no command commits them.
    assert_eq!(run(&sandbox, &["rollback", "c"]).code, Some(0));
    for arguments in
        [&["promote", "--commit"][..], &["rollback", "c", "--commit"], &["rollback", "--filter", "--commit"]]
    {
        let stderr = refused(&sandbox, arguments);
        assert!(stderr.contains("`git commit sallyport.lock` commits it by itself"), "{stderr}");
    }
    follow(&sandbox, &refused(&sandbox, &["promote", "--commit"]), "git commit");
    promote(&sandbox, &["--commit"]);
    // A step of a candidate beside one of the filter.
    let sandbox = rolling();
    promote(&sandbox, &[]);
    let lock: Value = serde_json::from_str(&sandbox.read("sallyport.lock")).unwrap();
    let mut both = lock.clone();
    both["rollout"]["gateways"]["httpbin/b"] = json!({"filter": format!("sha256:{}", "cd".repeat(32))});
    sandbox.write("sallyport.lock", both.to_string());
    let stderr = refused(&sandbox, &["promote", "--commit"]);
    assert!(stderr.contains("\n  httpbin/b: sha256:abab") && stderr.contains("\n  httpbin/c: proposed -> shadow\n"));
    // The cure of a step is the command that completes it.
    sandbox.write("sallyport.lock", lock.to_string());
    let stderr = refused(&sandbox, &["rollback", "b", "--commit"]);
    assert!(stderr.contains(
        "help: `sallyport promote --commit` commits it by itself, and `sallyport rollback httpbin/c` undoes it; "
    ));
    assert_eq!(run(&sandbox, &["promote", "--filter", "--commit"]).code, Some(8));
    assert!(message(&sandbox).starts_with("promote httpbin/c to shadow\n\nhttpbin/c: proposed -> shadow\n"));
    assert_eq!(git(&sandbox, &["status", "--short"]), "");
}

#[test]
fn a_rollback_of_a_filter_is_completed_under_its_own_name() {
    for is_named in [false, true] {
        let sandbox = rolling();
        promote(&sandbox, &["--filter", "--commit"]);
        promote(&sandbox, &["--filter", "--commit"]);
        let name: &[&str] = if is_named { &["b"] } else { &[] };
        let back = [&["rollback", "--filter"], name].concat();
        assert_eq!(run(&sandbox, &back).code, Some(0));
        let done = run(&sandbox, &[&back[..], &["--commit"]].concat());
        assert!(done.code == Some(0) && done.stdout.contains("  committed "), "{done:?}");
        assert!(done.stdout.contains("it was rolled back already, but that was not committed\n"), "{done:?}");
        let (message, of_lock) = (message(&sandbox), format!("sha256:{}, the filter of the lock", "ab".repeat(32)));
        let of = |name: &str| message.contains(&format!("\n{name}: sha256:{} -> {of_lock}\n", "cd".repeat(32)));
        let subject = match is_named {
            true => format!("roll back httpbin/b to {of_lock}\n"),
            false => "roll back the filter of every gateway\n".to_owned(),
        };
        assert!(message.starts_with(&subject), "{message}");
        let named = ["every gateway", "httpbin/b", "httpbin/c"].map(of);
        assert_eq!(named, [!is_named, true, !is_named], "{message}");
        assert_eq!(git(&sandbox, &["status", "--short"]), "");
    }
    // With --commit at once it says the same, and a pin that no commit has is in none.
    let sandbox = rolling();
    promote(&sandbox, &["--filter", "--commit"]);
    promote(&sandbox, &["--filter"]);
    let back = run(&sandbox, &["rollback", "--filter", "--commit"]);
    assert!(back.stdout.starts_with("httpbin/b: sha256:cdcd") && back.stdout.contains("\nhttpbin/c: "), "{back:?}");
    let message = message(&sandbox);
    assert!(message.contains("\nhttpbin/c: ") && message.contains("\nevery gateway: "), "{message}");
    assert!(!message.contains("httpbin/b"), "{message}");
}

/// Its last step takes the pins with it.
#[test]
fn the_last_step_of_a_filter_is_one_step() {
    let sandbox = rolling();
    for _ in 0..3 {
        promote(&sandbox, &["--filter", "--commit"]);
    }
    promote(&sandbox, &["--filter"]);
    let done = run(&sandbox, &["promote", "--filter", "--commit"]);
    assert!(done.code == Some(8) && done.stdout.starts_with("the filter of the lock: sha256:abab"), "{done:?}");
    let message = message(&sandbox);
    let subject = format!("promote the filter of the lock to sha256:{}\n", "cd".repeat(32));
    assert!(message.starts_with(&subject) && !message.contains("httpbin/"), "{message}");
    let unrecorded = "  evidence: what there was is not recorded: the step was written before, and is committed now; the waivers are not, \
                      either, nor is a reason why none was needed\n";
    assert!(message.contains(unrecorded), "{message}");
    assert_eq!(git(&sandbox, &["status", "--short"]), "");
}

#[test]
fn a_lock_of_the_last_commit_that_cannot_be_read_is_not_taken_for_none() {
    let sandbox = sandbox();
    repository(&sandbox);
    promote(&sandbox, &["--commit"]);
    let lock = sandbox.read("sallyport.lock");
    sandbox.write("sallyport.lock", format!("<<<<<<< HEAD\n{lock}"));
    git(&sandbox, &["commit", "--quiet", "--all", "--message=a"]);
    sandbox.write("sallyport.lock", &lock);
    for arguments in [&["promote"][..], &["promote", "--commit"], &["rollback", "--commit"]] {
        let stderr = refused(&sandbox, arguments);
        let message =
            "error: `sallyport.lock` of the last commit cannot be read, so what is not committed is not known: ";
        assert!(stderr.starts_with(message), "{stderr}");
    }
    follow(&sandbox, &refused(&sandbox, &["promote"]), "git commit");
    promote(&sandbox, &["--commit"]);
}

/// They would decide for all, without evidence.
#[test]
fn rules_of_a_candidate_that_were_written_by_hand_are_not_put_in_force_by_a_rollback() {
    let settled = GOOD.replace("          methods: [GET]\n", "          methods: [GET]\n          paths: [/get]\n");
    for (is_committed, steps) in [(true, 1), (false, 1), (true, 0)] {
        let sandbox = sandbox();
        repository(&sandbox);
        if steps > 0 {
            promote(&sandbox, &["--commit"]);
        }
        promote(&sandbox, &["--to", "25%"]);
        if is_committed && steps > 0 {
            run(&sandbox, &["promote", "--commit"]);
        }
        let lock = sandbox.read("sallyport.lock");
        sandbox.write("egress.yaml", &settled);
        fs::remove_file(sandbox.path().join("httpbin.candidate.yaml")).unwrap();
        if !is_committed {
            // The step is undone, and the one before has an entry.
            assert_eq!(run(&sandbox, &["rollback"]).code, Some(0));
        }
        for arguments in [&["rollback"][..], &["rollback", "httpbin"], &["rollback", "--commit"]] {
            let ended = run(&sandbox, arguments);
            let message = ", and the rules in `egress.yaml` are those of the candidate already: without its entry in the lock they \
                           would decide for all\n";
            assert!(ended.code == Some(8) && ended.stderr.contains(message), "{ended:?}");
            assert!(ended.stderr.contains("`git diff HEAD -- egress.yaml` shows them"), "{ended:?}");
            assert!(!is_committed || sandbox.read("sallyport.lock") == lock);
        }
        sandbox.write("egress.yaml", GOOD);
        assert_eq!(run(&sandbox, &["rollback"]).code, Some(0));
        assert!(entry(&sandbox, "httpbin/httpbin").is_null());
    }
    // Outside of a repository, too.
    let sandbox = sandbox();
    promote(&sandbox, &[]);
    let policy = entry(&sandbox, "httpbin/httpbin")["policy"].as_str().unwrap().to_owned();
    sandbox.write("egress.yaml", &settled);
    let ended = run(&sandbox, &["rollback"]);
    assert!(ended.code == Some(8) && ended.stderr.contains(&format!("those with the digest {policy}\n")), "{ended:?}");
}

/// Settled is what has the candidate's rules, and nothing else.
#[test]
fn a_rollback_with_other_rules_is_not_committed_as_the_last_step() {
    let sandbox = sandbox();
    repository(&sandbox);
    promote(&sandbox, &["--to", "enforce", "--commit"]);
    assert_eq!(run(&sandbox, &["rollback"]).code, Some(0));
    sandbox.write("egress.yaml", GOOD.replace("[GET]", "[GET, HEAD]"));
    fs::remove_file(sandbox.path().join("httpbin.candidate.yaml")).unwrap();
    let line = "httpbin/httpbin: enforce -> no entry, and the rules in its Egress file are neither those from before nor the candidate's\n";
    for arguments in [&["promote", "--commit"][..], &["promote"], &["rollback", "--commit"]] {
        let stderr = refused(&sandbox, arguments);
        assert!(stderr.contains(line), "{stderr}");
        let files = "sallyport.lock egress.yaml httpbin.candidate.yaml";
        assert!(
            stderr.contains(&format!("`git commit {files}` commits it by itself, and `git checkout HEAD -- {files}`"))
        );
    }
    let stderr = refused(&sandbox, &["rollback", "httpbin"]);
    assert!(stderr.starts_with("error: what became of the candidate of `httpbin/httpbin` is not known: "), "{stderr}");
    follow(&sandbox, &stderr, "git checkout");
    assert_eq!(run(&sandbox, &["rollback", "httpbin"]).code, Some(0));
    follow(&sandbox, &refused(&sandbox, &["promote", "--commit"]), "git commit");
    assert_eq!(git(&sandbox, &["status", "--short"]), "");
}

/// Of an Egress file, the commit of its last step or of a rollback has the rules alone.
#[test]
fn what_else_an_egress_file_has_is_committed_by_itself() {
    let host = |sandbox: &Sandbox| {
        let text = sandbox.read("egress.yaml");
        sandbox.write("egress.yaml", text.replace("host: httpbin.org", "host: other.org"));
    };
    let says = "error: `egress.yaml` has changes outside of its rules that are not committed, and the commit of this step would have \
                them, too\n";
    // The last step, then its rollback, each completed later or at once.
    for is_back in [false, true] {
        for is_later in [false, true] {
            let sandbox = sandbox();
            repository(&sandbox);
            promote(&sandbox, &["--to", "enforce", "--commit"]);
            promote(&sandbox, if is_back { &["--commit"] } else { &[] });
            let arguments = if is_back { &["rollback", "httpbin", "--commit"][..] } else { &["promote", "--commit"] };
            if is_back && is_later {
                assert_eq!(run(&sandbox, &["rollback", "httpbin"]).code, Some(0));
            }
            host(&sandbox);
            let stderr = refused(&sandbox, arguments);
            assert!(stderr.starts_with(says), "{stderr}");
            follow(&sandbox, &stderr, "git add");
            follow(&sandbox, &stderr, "git commit");
            let done = run(&sandbox, arguments);
            assert!(done.stdout.contains("  committed ") || (is_back && is_later), "{done:?}");
        }
    }
}

/// What is mended after a rollback stays, and is no part of it.
#[test]
fn a_candidate_that_is_mended_after_a_rollback_is_not_committed_with_it() {
    let sandbox = sandbox();
    repository(&sandbox);
    promote(&sandbox, &["--to", "enforce", "--commit"]);
    promote(&sandbox, &["--commit"]);
    assert_eq!(run(&sandbox, &["rollback", "httpbin"]).code, Some(0));
    let mended = CANDIDATE.replace("/get", "/got");
    sandbox.write("httpbin.candidate.yaml", &mended);
    let back = run(&sandbox, &["rollback", "httpbin", "--commit"]);
    assert!(back.code == Some(0) && back.stdout.contains("  committed "), "{back:?}");
    assert_eq!(sandbox.read("httpbin.candidate.yaml"), mended);
    assert_eq!(git(&sandbox, &["status", "--short"]), "?? httpbin.candidate.yaml\n");
    let stderr = refused(&sandbox, &["promote", "--commit"]);
    assert!(stderr.starts_with("error: `httpbin.candidate.yaml` is not committed"), "{stderr}");
}

/// Of two gateways, one is undone, and the other goes back in a commit.
#[test]
fn what_is_undone_is_no_part_of_a_commit() {
    let sandbox = three();
    repository(&sandbox);
    promote(&sandbox, &["c", "--to", "enforce", "--commit"]);
    promote(&sandbox, &["b", "--to", "enforce", "--commit"]);
    promote(&sandbox, &["c"]);
    let egress = sandbox.read("c/egress.yaml");
    sandbox.write("c/egress.yaml", egress.replace("host: c.org", "host: other.org"));
    let stderr = refused(&sandbox, &["rollback", "--commit"]);
    assert!(stderr.starts_with("error: `c/egress.yaml` has changes outside of its rules"), "{stderr}");
    sandbox.write("c/egress.yaml", egress);
    let back = run(&sandbox, &["rollback", "--commit"]);
    assert!(back.code == Some(0) && back.stdout.contains("httpbin/c: settled -> enforce\n"), "{back:?}");
    let message = message(&sandbox);
    assert!(message.starts_with("roll back httpbin/b to ") && !message.contains("httpbin/c"), "{message}");
    assert_eq!(git(&sandbox, &["diff", "--name-only", "HEAD^", "HEAD"]), "sallyport.lock\n");
    assert_eq!(git(&sandbox, &["status", "--short"]), "");
}

/// With its pins.
#[test]
fn the_last_step_of_a_filter_is_undone() {
    for is_committed in [false, true] {
        let sandbox = rolling();
        for _ in 0..3 {
            promote(&sandbox, &["--filter", "--commit"]);
        }
        let before = sandbox.read("sallyport.lock");
        promote(&sandbox, &["--filter"]);
        let waits = refused(&sandbox, &["promote", "--filter"]);
        assert!(waits.contains("; `sallyport rollback --filter` undoes it\n"), "{waits}");
        let waits = refused(&sandbox, &["rollback", "c", "--commit"]);
        assert!(waits.contains("commits it by itself, and `sallyport rollback --filter` undoes it; "), "{waits}");
        let named = refused(&sandbox, &["rollback", "--filter", "b"]);
        assert!(named.starts_with("error: the last step of the filter is not committed, and is for all"), "{named}");
        let arguments = ["rollback", "--filter", "--commit"];
        let undone = run(&sandbox, if is_committed { &arguments } else { &arguments[..2] });
        let line = format!("the filter of the lock: sha256:{} -> sha256:{}\n", "cd".repeat(32), "ab".repeat(32));
        assert!(undone.stdout.starts_with(&line) && undone.stdout.contains("so it is undone: "), "{undone:?}");
        assert_eq!(undone.stdout.contains("nothing is committed: the last commit has it so"), is_committed);
        assert_eq!((sandbox.read("sallyport.lock"), git(&sandbox, &["status", "--short"])), (before, String::new()));
        let back = run(&sandbox, &arguments);
        assert!(back.code == Some(0) && back.stdout.starts_with("httpbin/b: "), "{back:?}");
    }
}

/// The cure of an error leads out of it.
#[test]
fn rules_that_were_written_by_hand_have_a_cure() {
    let sandbox = sandbox();
    repository(&sandbox);
    promote(&sandbox, &["--commit"]);
    sandbox.write(
        "egress.yaml",
        GOOD.replace("          methods: [GET]\n", "          methods: [GET]\n          paths: [/get]\n"),
    );
    git(&sandbox, &["commit", "--quiet", "--all", "--message=by hand"]);
    let ended = run(&sandbox, &["promote"]);
    assert!(ended.code == Some(1) && ended.stderr.contains("SP0703"), "{ended:?}");
    let help = "the lock has this candidate at `shadow`, and the rules in `egress.yaml` are its own already: keep the file, and write the \
                rules from before into it first: `git diff ";
    assert!(ended.stderr.replace("\n", " ").contains(help) || ended.stderr.contains(help), "{ended:?}");
    git(&sandbox, &["checkout", "--quiet", "HEAD^", "--", "egress.yaml"]);
    commit(&sandbox);
    promote(&sandbox, &["--commit"]);
}
