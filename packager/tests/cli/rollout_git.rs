//! What Git has decides: repositories that cannot be asked, histories that end early, and steps that are not committed.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use crate::rollout::{CANDIDATE, START, WITHOUT, commit, entry, git, repository, run, sandbox, three};
use crate::sandbox::{Ended, GOOD, Sandbox};

fn promote(sandbox: &Sandbox, more: &[&str]) -> Ended {
    let ended = run(sandbox, &[&["promote"], more, &WITHOUT[..]].concat());
    assert_eq!(ended.code, Some(0), "{more:?}: {ended:?}");
    ended
}

/// The command with other variables of the environment, in a folder of the sandbox.
fn with(sandbox: &Sandbox, folder: &str, variables: &[(&str, &str)], arguments: &[&str]) -> Ended {
    let mut command = sandbox.command(arguments);
    command.current_dir(sandbox.path().join(folder)).env("SALLYPORT_NOW", START.to_string());
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").envs(variables.iter().copied());
    let output = command.stdin(Stdio::null()).output().unwrap();
    let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    Ended { code: output.status.code(), stdout, stderr }
}

/// A repository in which the candidate is settled.
fn settled() -> Sandbox {
    let sandbox = sandbox();
    repository(&sandbox);
    promote(&sandbox, &["--to", "enforce", "--commit"]);
    promote(&sandbox, &["--commit"]);
    sandbox
}

const OTHER_OWNER: (&str, &str) = ("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1");
/// No program is found there.
const NO_PROGRAM: (&str, &str) = ("PATH", "/nowhere");

#[test]
fn a_repository_that_cannot_be_asked_is_not_taken_for_none() {
    let ways: [(&[(&str, &str)], &str); 3] = [
        (&[OTHER_OWNER], "fatal: detected dubious ownership in repository"),
        (&[NO_PROGRAM], "cannot run `git`: No such file or directory"),
        // Its objects are gone.
        (&[], "fatal: "),
    ];
    for (variables, reason) in ways {
        for is_settled in [false, true] {
            let sandbox = if is_settled { settled() } else { sandbox() };
            if !is_settled {
                repository(&sandbox);
                promote(&sandbox, &["--commit"]);
            }
            if variables.is_empty() {
                fs::remove_dir_all(sandbox.path().join(".git/objects")).unwrap();
                fs::create_dir(sandbox.path().join(".git/objects")).unwrap();
            }
            let lock = sandbox.read("sallyport.lock");
            let said = format!("error: `sallyport.lock` is in a Git repository that cannot be asked: {reason}");
            let promote = [&["promote"], &WITHOUT[..]].concat();
            for arguments in [&promote[..], &[&promote[..], &["--commit"]].concat(), &["rollback", "--commit"]] {
                let ended = with(&sandbox, "", variables, arguments);
                if is_settled && !arguments.contains(&"--commit") {
                    continue;
                }
                assert!(ended.code == Some(3) && ended.stderr.contains(&said), "{arguments:?}: {ended:?}");
            }
            assert_eq!(sandbox.read("sallyport.lock"), lock);
            let back = with(&sandbox, "", variables, &["rollback", "httpbin"]);
            if is_settled {
                assert!(back.code == Some(3) && back.stderr.contains(&said), "{back:?}");
            } else {
                // Nothing keeps a bad candidate in force.
                assert!(
                    back.code == Some(0) && back.stdout.contains("so a step of httpbin/httpbin that was not"),
                    "{back:?}"
                );
                assert!(entry(&sandbox, "httpbin/httpbin").is_null());
            }
        }
    }
}

#[test]
fn outside_of_a_repository_what_was_settled_is_not_known() {
    let sandbox = sandbox();
    for _ in 0..2 {
        let ended = with(&sandbox, "", &[NO_PROGRAM], &[&["promote", "--to", "enforce"], &WITHOUT[..]].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    let ended = with(&sandbox, "", &[NO_PROGRAM], &[&["promote"], &WITHOUT[..]].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for variables in [&[][..], &[NO_PROGRAM]] {
        let back = with(&sandbox, "", variables, &["rollback", "httpbin"]);
        let message = "error: `httpbin/httpbin` has no candidate in the lock, and what there was before is known by Git alone, but \
                       `sallyport.lock` is in no repository, or ignored there\n";
        assert!(back.code == Some(8) && back.stderr.contains(message), "{back:?}");
    }
}

#[test]
fn a_long_history_is_searched_to_its_end() {
    let sandbox = settled();
    let lock = sandbox.read("sallyport.lock");
    for ends in 0..210 {
        sandbox.write("sallyport.lock", lock.clone() + &"\n".repeat(ends % 2 + 1));
        git(&sandbox, &["commit", "--quiet", "--all", "--message=a"]);
    }
    let back = run(&sandbox, &["rollback", "httpbin", "--commit"]);
    assert!(back.code == Some(0) && back.stdout.contains("httpbin/httpbin: settled -> "), "{back:?}");
    assert_eq!(sandbox.read("egress.yaml"), GOOD);
}

#[test]
fn a_shallow_clone_says_what_is_missing() {
    let sandbox = settled();
    let from = format!("file://{}", sandbox.path().display());
    git(&sandbox, &["clone", "--quiet", "--depth=1", &from, "clone"]);
    let back = with(&sandbox, "clone", &[], &["rollback", "httpbin"]);
    assert!(
        back.code == Some(8) && back.stderr.contains("the history of this clone is shallow, and ends before it\n"),
        "{back:?}"
    );
    assert!(back.stderr.contains("help: `git fetch --unshallow` gets the rest"), "{back:?}");
    git(&sandbox, &["-C", "clone", "fetch", "--quiet", "--unshallow"]);
    let back = with(&sandbox, "clone", &[], &["rollback", "httpbin"]);
    assert_eq!(back.code, Some(0), "{back:?}");
    assert_eq!(sandbox.read("clone/egress.yaml"), GOOD);
}

#[test]
fn a_rollout_counts_however_its_kind_is_written() {
    let flow = "{metadata: {name: rollout}, kind: Rollout, apiVersion: sallyport.dev/v1alpha1, spec: {gates: {shadow: {minTime: 1h}}}}\n";
    let json = "{\n  \"apiVersion\" : \"sallyport.dev/v1alpha1\",\n  \"kind\" : \"Rollout\",\n  \"metadata\": {\"name\": \"rollout\"},\n  \
                \"spec\": {\"gates\": {\"shadow\": {\"minTime\": \"1h\"}}}\n}\n";
    let block = three().read("rollout.yaml");
    let kinds = ["kind: \"Rollout\"", "kind : Rollout", "'kind': 'Rollout' # of all", "kind:\n  Rollout"];
    let texts = kinds.map(|kind| block.replace("kind: Rollout", kind));
    let broken = block.replace("kind: Rollout", "kind: \"Rollout\"") + "  gates: [\n";
    let crlf = block.replace('\n', "\r\n");
    for text in texts.iter().map(String::as_str).chain([flow, json, &crlf, &broken]) {
        let sandbox = three();
        sandbox.write("rollout.yaml", text);
        let part = run(&sandbox, &["plan", "--files", "egress.yaml", "--files", "httpbin.candidate.yaml"]);
        assert!(
            part.code == Some(64) && part.stderr.starts_with("error: `rollout.yaml` is not among the files"),
            "{text}\n{part:?}"
        );
    }
}

/// Asked before, so nothing is half done.
#[test]
fn nothing_is_written_that_git_would_not_commit() {
    let cases: [(&str, &str); 6] = [
        ("MERGE_HEAD", "the repository is in the middle of a merge"),
        ("CHERRY_PICK_HEAD", "the repository is in the middle of a cherry-pick"),
        ("REVERT_HEAD", "the repository is in the middle of a revert"),
        ("rebase-merge/", "the repository is in the middle of a rebase"),
        ("conflict", "`other.txt` has conflicts"),
        ("identity", ""),
    ];
    for (what, said) in cases {
        let sandbox = sandbox();
        sandbox.write("other.txt", "one\n");
        repository(&sandbox);
        promote(&sandbox, &["--commit"]);
        let before = sandbox.read("sallyport.lock");
        match what {
            "conflict" => {
                sandbox.write("other.txt", "two\n");
                git(&sandbox, &["stash", "--quiet"]);
                sandbox.write("other.txt", "three\n");
                git(&sandbox, &["commit", "--quiet", "--all", "--message=a"]);
                std::process::Command::new("git").args(["stash", "pop"]).current_dir(sandbox.path()).output().unwrap();
            }
            "identity" => drop(git(&sandbox, &["config", "user.useConfigOnly", "true"])),
            folder if folder.ends_with('/') => fs::create_dir(sandbox.path().join(".git").join(folder)).unwrap(),
            file => {
                sandbox.write(Path::new(".git").join(file), git(&sandbox, &["rev-parse", "HEAD"]));
            }
        }
        for arguments in [&["promote", "--commit", WITHOUT[0], WITHOUT[1]][..], &["rollback", "--commit"]] {
            let ended = match what {
                "identity" => with(&sandbox, "", &[], arguments),
                _ => run(&sandbox, arguments),
            };
            let message = format!("error: nothing is written, because git could not commit it: {said}");
            assert!(ended.code == Some(8) && ended.stderr.contains(&message), "{what}: {ended:?}");
            assert_eq!(sandbox.read("sallyport.lock"), before);
        }
    }
}

#[cfg(unix)]
#[test]
fn a_hook_that_fails_without_a_word_is_named() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = sandbox();
    repository(&sandbox);
    sandbox.write(".git/hooks/pre-commit", "#!/bin/sh\nexit 7\n");
    let hook = sandbox.path().join(".git/hooks/pre-commit");
    fs::set_permissions(hook, fs::Permissions::from_mode(0o755)).unwrap();
    let ended = run(&sandbox, &["promote", "--commit"]);
    let message = "error: the files are written, but git did not commit them: a hook or git failed without a reason (exit code 1)\n";
    assert!(ended.code == Some(3) && ended.stderr.starts_with(message), "{ended:?}");
}

/// The commit of a rollback has the rollback alone.
#[test]
fn a_step_of_another_gateway_is_not_committed_by_a_rollback() {
    let sandbox = three();
    repository(&sandbox);
    promote(&sandbox, &["--to", "enforce", "--commit"]);
    promote(&sandbox, &[]);
    let (lock, head) = (sandbox.read("sallyport.lock"), git(&sandbox, &["rev-parse", "HEAD"]));
    let refused = run(&sandbox, &["rollback", "c", "--commit"]);
    assert_eq!(refused.code, Some(8));
    assert_eq!(
        refused.stderr,
        "error: `sallyport.lock` has changes that are not committed, and the commit of this step would have them, too:\n  httpbin/b: \
         proposed -> shadow\n  httpbin/httpbin: proposed -> shadow\n  help: `sallyport promote --commit` commits it by itself, and \
         `sallyport rollback httpbin/b httpbin/httpbin` undoes it; without --commit nothing is in the way of a rollback\n"
    );
    assert_eq!((sandbox.read("sallyport.lock"), git(&sandbox, &["rev-parse", "HEAD"])), (lock, head));
    let undone = run(&sandbox, &["rollback", "b"]).stdout;
    let note = "httpbin/b: the step was not committed, so it is undone: it is at `proposed`, as in the last commit\n";
    assert!(undone.starts_with("httpbin/b: shadow -> proposed\n") && undone.contains(note), "{undone}");
    assert!(entry(&sandbox, "httpbin/b").is_null() && !entry(&sandbox, "httpbin/httpbin").is_null());
    // Of all: what is not committed is undone, and what is committed goes back, in a commit that says that alone.
    let all = run(&sandbox, &["rollback", "--commit"]);
    assert!(all.code == Some(0) && all.stdout.contains("  committed "), "{all:?}");
    let message = git(&sandbox, &["log", "-1", "--format=%B"]);
    assert!(message.starts_with("roll back httpbin/c to the rules of the Egress file\n"), "{message}");
    assert!(!message.contains("httpbin/httpbin"), "{message}");
    assert_eq!(git(&sandbox, &["status", "--short"]), "");
}

#[test]
fn a_step_that_is_not_committed_is_undone_to_the_last_byte() {
    let sandbox = sandbox();
    repository(&sandbox);
    promote(&sandbox, &["--to", "25%", "--commit"]);
    let before = sandbox.read("sallyport.lock");
    promote(&sandbox, &["--to", "enforce"]);
    let undone = run(&sandbox, &["rollback", "--commit"]).stdout;
    assert!(undone.starts_with("httpbin/httpbin: enforce -> canary 25 %\n"), "{undone}");
    assert!(
        undone.contains("; `sallyport rollback httpbin/httpbin` once more goes back to the rules of the Egress file\n"),
        "{undone}"
    );
    assert!(undone.contains("  nothing is committed: the last commit has it so\n"), "{undone}");
    assert_eq!((sandbox.read("sallyport.lock"), git(&sandbox, &["status", "--short"])), (before, String::new()));
    promote(&sandbox, &["--to", "enforce", "--commit"]);
    promote(&sandbox, &[]);
    let undone = run(&sandbox, &["rollback"]).stdout;
    assert!(undone.starts_with("httpbin/httpbin: settled -> enforce\n"), "{undone}");
    assert_eq!(git(&sandbox, &["status", "--short"]), "");
}

#[test]
fn a_rollback_that_is_not_committed_comes_before_the_next_step() {
    let sandbox = sandbox();
    repository(&sandbox);
    promote(&sandbox, &["--commit"]);
    run(&sandbox, &["rollback"]);
    let waits = run(&sandbox, &["promote"]);
    let message = "error: the last step is not committed: `httpbin/httpbin` to `the rules of the Egress file`\n";
    assert!(waits.code == Some(8) && waits.stderr.starts_with(message), "{waits:?}");
    let done = run(&sandbox, &["promote", "--commit"]);
    let plainly = "the last rollback was not committed, so this run has committed it, and has taken no step of its own: the same command \
                   again takes it\n";
    assert!(done.code == Some(8) && done.stdout.ends_with(plainly), "{done:?}");
    assert_eq!(
        git(&sandbox, &["log", "-1", "--format=%s"]),
        "roll back httpbin/httpbin to the rules of the Egress file\n"
    );
    // After the last step, its files are what is not committed.
    promote(&sandbox, &["--to", "enforce", "--commit"]);
    promote(&sandbox, &["--commit"]);
    run(&sandbox, &["rollback", "httpbin"]);
    let lock = sandbox.read("sallyport.lock");
    for more in [&[][..], &["--commit"]] {
        let waits = run(&sandbox, &[&["promote"], more].concat());
        assert!(
            waits.code == Some(8)
                && waits.stderr.starts_with("error: `egress.yaml`, `httpbin.candidate.yaml` are not committed"),
            "{waits:?}"
        );
        assert!(
            waits.stderr.contains("what `sallyport rollback` wrote is committed by the same rollback with --commit\n"),
            "{waits:?}"
        );
    }
    assert_eq!(sandbox.read("sallyport.lock"), lock);
    assert!(run(&sandbox, &["rollback", "httpbin", "--commit"]).stdout.contains("  committed "));
    assert_eq!(git(&sandbox, &["status", "--short"]), "");
}

/// With and without --commit the same is asked for.
#[test]
fn what_a_step_depends_on_is_committed_before_it() {
    let mesh = "apiVersion: sallyport.dev/v1alpha1\nkind: Mesh\nmetadata: {name: mesh}\nspec: {}\n";
    let edits = [
        ("egress.yaml", GOOD.replace("host: httpbin.org", "host: other.org")),
        ("httpbin.candidate.yaml", CANDIDATE.replace("/get", "/got")),
        ("rollout.yaml", "apiVersion: sallyport.dev/v1alpha1\nkind: Rollout\nmetadata: {name: rollout}\nspec: {gates: {shadow: {minTime: 1m}}}\n".to_owned()),
        ("mesh.yaml", mesh.to_owned()),
    ];
    for (file, text) in edits {
        let sandbox = sandbox();
        repository(&sandbox);
        promote(&sandbox, &["--commit"]);
        let lock = sandbox.read("sallyport.lock");
        sandbox.write(file, text);
        for more in [&[][..], &["--commit"]] {
            let ended = run(&sandbox, &[&["promote"], more, &WITHOUT[..]].concat());
            let message =
                format!("error: `{file}` is not committed, and the lock would speak of what Git does not have\n");
            assert!(ended.code == Some(8) && ended.stderr.starts_with(&message), "{ended:?}");
            assert_eq!(sandbox.read("sallyport.lock"), lock);
        }
        // What stops `promote` is in what comes before it.
        for verb in ["plan", "status"] {
            let said = run(&sandbox, &[verb]).stdout;
            assert!(said.contains(&format!("missing: commit: `{file}` is not committed\n")), "{said}");
        }
        commit(&sandbox);
        promote(&sandbox, &[]);
        for verb in ["plan", "status"] {
            let said = run(&sandbox, &[verb]).stdout;
            let missing = "missing: commit: what the lock has of httpbin/httpbin is not committed\n";
            assert!(said.contains(missing), "{said}");
        }
    }
    // All at once.
    let sandbox = sandbox();
    repository(&sandbox);
    sandbox.write("egress.yaml", GOOD.replace("host: httpbin.org", "host: other.org"));
    sandbox.write("httpbin.candidate.yaml", CANDIDATE.replace("/get", "/got"));
    let both = run(&sandbox, &["promote"]).stderr;
    assert!(
        both.starts_with("error: `egress.yaml`, `httpbin.candidate.yaml` are not committed, and the lock"),
        "{both}"
    );
    // The draft of another gateway, which Git does not have, is in nobody's way.
    let sandbox = three();
    fs::rename(sandbox.path().join("b/b.candidate.yaml"), sandbox.path().join("draft")).unwrap();
    repository(&sandbox);
    fs::rename(sandbox.path().join("draft"), sandbox.path().join("b/b.candidate.yaml")).unwrap();
    promote(&sandbox, &["c", "--commit"]);
}

/// What was written by hand, or by a promotion that was killed, is in the commit.
#[test]
fn rules_that_are_written_by_hand_are_committed_with_the_last_step() {
    let sandbox = settled();
    let after = sandbox.read("egress.yaml");
    git(&sandbox, &["reset", "--quiet", "--hard", "HEAD~1"]);
    sandbox.write("egress.yaml", &after);
    fs::remove_file(sandbox.path().join("httpbin.candidate.yaml")).unwrap();
    let early = run(&sandbox, &["promote", "--commit"]);
    assert!(
        early.code == Some(8) && early.stderr.contains("to `settled`: time: at `enforce` for 0s of 24h"),
        "{early:?}"
    );
    // What was seen of another upstream is no evidence.
    sandbox.write("egress.yaml", after.replace("host: httpbin.org", "host: other.org"));
    let other = run(&sandbox, &["promote"]);
    assert!(
        other.stderr.contains("evidence: the Egress has changed outside of its rules since 2026-11-18T11:06:40Z"),
        "{other:?}"
    );
    sandbox.write("egress.yaml", &after);
    promote(&sandbox, &["--commit"]);
    assert_eq!(git(&sandbox, &["status", "--short"]), "");
    assert!(git(&sandbox, &["log", "-1", "--format=%B"]).contains("promoted without it: tested by hand\n"));
}

/// A candidate is about one gateway.
#[test]
fn what_is_wrong_with_a_candidate_is_in_no_other_gateways_way() {
    let (_, rules) = GOOD.split_once("    rules:\n").unwrap();
    let same = format!("{}  rules:\n{rules}", CANDIDATE.split_once("  rules:\n").unwrap().0);
    for text in [
        same.replace("{name: httpbin", "{name: b"),
        CANDIDATE.replace("{name: httpbin", "{name: b").replace("ALLOW", "ALOW"),
    ] {
        let sandbox = three();
        sandbox.write("b/b.candidate.yaml", &text);
        for command in ["plan", "status", "promote"] {
            let ended = run(&sandbox, &[command]);
            assert!(ended.code == Some(1) && ended.stderr.contains("b/b.candidate.yaml"), "{ended:?}");
            let own = run(&sandbox, &[command, "b"]);
            assert!(own.code == Some(1), "{own:?}");
            let ended = run(&sandbox, &[command, "c"]);
            assert_eq!(ended.code, Some(0), "{ended:?}");
        }
        assert_eq!(entry(&sandbox, "httpbin/c")["stage"], "shadow");
    }
    // One that is not read is overtaken by none.
    let sandbox = three();
    sandbox.write("c/c.candidate.yaml", CANDIDATE.replace("{name: httpbin", "{name: c").replace("ALLOW", "ALOW"));
    let ended = run(&sandbox, &["promote", "b"]);
    let message = "error: `httpbin/b` is in the wave `(others)`, and `httpbin/c` of the wave `first` has a Candidate file with errors\n";
    assert!(ended.code == Some(8) && ended.stderr.starts_with(message), "{ended:?}");
}

#[test]
fn a_wave_is_named_with_why_it_is_its_turn() {
    let sandbox = three();
    let why = "it is the first one whose candidates do not all decide for all, and none is settled before they do\n";
    assert!(
        run(&sandbox, &["plan"])
            .stdout
            .contains(&format!("note: the next `sallyport promote` is of the wave `first`: {why}"))
    );
    assert!(!run(&sandbox, &["plan", "c"]).stdout.contains("the next `sallyport promote`"));
    let said = promote(&sandbox, &[]).stdout;
    assert!(said.contains(&format!("\nthis was the turn of the wave `first`: {why}")), "{said}");
    promote(&sandbox, &[]);
    assert!(promote(&sandbox, &[]).stdout.contains("\nthis was the turn of the wave `(others)`: "));
    promote(&sandbox, &[]);
    let last = promote(&sandbox, &[]).stdout;
    let why = "all candidates decide for all, and it is the first one that is not settled\n";
    assert!(last.contains(&format!("\nthis was the turn of the wave `first`: {why}")), "{last}");
}

/// The gateways whose candidate, filter or Egress file the last commit changed, and the filters of the lock that it changed.
fn changed(sandbox: &Sandbox) -> BTreeSet<String> {
    let lock = |revision: &str| -> serde_json::Value {
        serde_json::from_str(&git(sandbox, &["show", &format!("{revision}:sallyport.lock")])).unwrap()
    };
    let (before, after) = (lock("HEAD^"), lock("HEAD"));
    // Once all gateways have a filter, none is pinned, and each keeps what it has.
    let of = |lock: &serde_json::Value, name: &str| {
        let mut entry = lock["rollout"]["gateways"][name].clone();
        let pin = entry.as_object_mut().and_then(|entry| entry.remove("filter"));
        (entry.as_object().filter(|entry| !entry.is_empty()).cloned(), pin.unwrap_or(lock["filter"]["digest"].clone()))
    };
    let files = git(sandbox, &["diff", "--name-only", "HEAD^", "HEAD"]);
    let gateways = [("httpbin", "egress.yaml"), ("b", "b/egress.yaml"), ("c", "c/egress.yaml")];
    let is_changed = |(name, file): &(&str, &str)| {
        let name = format!("httpbin/{name}");
        of(&before, &name) != of(&after, &name) || files.lines().any(|changed| changed == *file)
    };
    let mut found: BTreeSet<String> =
        gateways.into_iter().filter(is_changed).map(|(name, _)| format!("httpbin/{name}")).collect();
    if before["filter"] != after["filter"] {
        found.insert("the filter of the lock".to_owned());
    } else if before["next"] != after["next"] {
        found.insert("every gateway".to_owned());
    }
    found
}

/// Whatever is done in whatever order: a commit has the steps that its message has, and what fails changes nothing.
#[test]
fn every_commit_has_what_its_message_says() {
    let (mut commits, mut done, mut kinds) = (0, Vec::new(), BTreeSet::new());
    for seed in [1, 2] {
        let mut random = fastrand::Rng::with_seed(seed);
        let sandbox = three();
        repository(&sandbox);
        let by_hand = || {
            git(&sandbox, &["add", "--all"]);
            git(&sandbox, &["commit", "--quiet", "--allow-empty", "--message=a"]);
        };
        for version in 0..80 {
            let name = ["b", "c", "httpbin"][random.usize(0..3)];
            let with_name: &[&str] = if random.bool() { &[name] } else { &[] };
            let with_commit: &[&str] = if random.u8(0..3) > 0 { &["--commit"] } else { &[] };
            let arguments = match random.u8(0..14) {
                8 => {
                    let text = sandbox.read("sallyport.lock");
                    let mut lock: serde_json::Value = serde_json::from_str(&text).unwrap();
                    if !text.contains("\"filter\": \"sha256") {
                        lock["next"] = lock["filter"].clone();
                        lock["next"]["digest"] = format!("sha256:{version:064}").into();
                        sandbox.write("sallyport.lock", lock.to_string());
                    }
                    done.push("image push --next".to_owned());
                    if random.u8(0..4) > 0 {
                        by_hand();
                    }
                    continue;
                }
                9 => {
                    by_hand();
                    continue;
                }
                10..=12 => [&["promote", "--filter"], with_commit, &WITHOUT[..]].concat(),
                13 => [&["rollback", "--filter"], with_name, with_commit].concat(),
                0 => {
                    let file = if name == "httpbin" {
                        "httpbin.candidate.yaml".to_owned()
                    } else {
                        format!("{name}/{name}.candidate.yaml")
                    };
                    let text = CANDIDATE
                        .replace("{name: httpbin", &format!("{{name: {name}"))
                        .replace("/get", &format!("/v{version}"));
                    sandbox.write(&file, text);
                    done.push(file.clone());
                    git(&sandbox, &["add", &file]);
                    git(&sandbox, &["commit", "--quiet", "--allow-empty", "--message=a", "--", &file]);
                    continue;
                }
                1 | 2 => [&["rollback"], with_name, with_commit].concat(),
                3 => [&["promote", "--to", "enforce"], with_name, with_commit, &WITHOUT[..]].concat(),
                _ => [&["promote"], with_name, with_commit, &WITHOUT[..]].concat(),
            };
            let state = || (git(&sandbox, &["rev-parse", "HEAD"]), git(&sandbox, &["diff", "HEAD"]));
            let before = state();
            let ended = run(&sandbox, &arguments);
            done.push(format!("{arguments:?}: {}{}", ended.stdout, ended.stderr));
            // The step before was committed, and no other was taken.
            let is_completed = ended.code == Some(8) && ended.stdout.contains("so this run has committed it");
            if ended.code != Some(0) && !is_completed {
                assert_eq!(state(), before, "{arguments:?}: {ended:?}");
                continue;
            }
            if state().0 == before.0 {
                continue;
            }
            commits += 1;
            let message = git(&sandbox, &["log", "-1", "--format=%B"]);
            let lines = message.lines().skip(1).filter(|line| !line.starts_with(' '));
            let said = lines.filter_map(|line| line.split_once(": "));
            let said: BTreeSet<String> = said.map(|(name, _)| name.to_owned()).collect();
            assert_eq!(said, changed(&sandbox), "{arguments:?}\n{message}\n{}", done.join("\n"));
            kinds.insert((
                message.starts_with("promote "),
                said.contains("every gateway") || message.contains("sha256:"),
            ));
            let is_back = ["the rules of the Egress file", "the rules from before", ", the filter of the lock\n"]
                .map(|to| message.contains(to));
            assert!(message.starts_with("promote ") != is_back.contains(&true), "{message}\n{}", done.join("\n"));
        }
    }
    assert!(commits > 30 && kinds.len() == 4, "{commits} {kinds:?}");
}
