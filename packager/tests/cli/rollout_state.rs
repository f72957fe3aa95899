//! The state of a rollout: what the lock, Git and the files say together, and what commands do with what is half known.

use std::fs;

use crate::rollout::{CANDIDATE, START, WITHOUT, at, entry, git, lock, repository, run, sandbox, three};
use crate::sandbox::{Ended, GOOD, Sandbox};

fn promote(sandbox: &Sandbox, more: &[&str]) -> Ended {
    let ended = run(sandbox, &[&["promote"], more, &WITHOUT[..]].concat());
    assert_eq!(ended.code, Some(0), "{more:?}: {ended:?}");
    ended
}

/// What was seen with another upstream is no evidence; the rules are the same, so the gateway keeps its stage.
#[test]
fn a_stage_begins_again_if_the_egress_changes_beside_its_rules() {
    let sandbox = sandbox();
    promote(&sandbox, &["--to", "25%"]);
    sandbox.write("egress.yaml", format!("{GOOD}  gateway: {{replicas: 5}}\n"));
    let day = 24 * 3600;
    let grown = at(&sandbox, day, &["status"]);
    assert!(!grown.stdout.contains("begins again"), "{grown:?}");
    let moved = GOOD.replace("host: httpbin.org", "host: other.org");
    sandbox.write("egress.yaml", &moved);
    for command in ["plan", "status"] {
        let ended = at(&sandbox, day, &[command]);
        let note = "note: the Egress has changed outside of its rules since 2026-11-18T11:06:40Z: what was seen before says \
                    nothing of it, so the stage begins again with the next `sallyport promote`";
        assert!(ended.stdout.contains(note), "{ended:?}");
        assert!(ended.stdout.contains("next: canary 25 %") && !ended.stdout.contains("time: "), "{ended:?}");
    }
    assert_eq!(sandbox.run(&["build", ".", "-o", "out"]).code, Some(0));
    let skipped = at(&sandbox, day, &["promote", "--to", "enforce"]);
    let begins_again = |step: &str, before: &str| {
        format!(
            "to `{step}`: steps: the Egress has changed outside of its rules since 2026-11-18T11:06:40Z, so `{before}` begins again \
             before it\n"
        )
    };
    assert!(skipped.stderr.contains(&begins_again("enforce", "canary 25 %")), "{skipped:?}");
    let again = at(&sandbox, day, &["promote"]);
    assert!(
        again.stdout.starts_with("httpbin/httpbin: canary 25 % begins again, because the Egress has changed\n"),
        "{again:?}"
    );
    assert_eq!(entry(&sandbox, "httpbin/httpbin")["since"], "2026-11-19T11:06:40Z");
    let early = at(&sandbox, day, &["promote"]);
    assert!(early.stderr.contains("time: at `canary 25 %` for 0s of "), "{early:?}");
    // At the last stage, too.
    promote(&sandbox, &["--to", "enforce"]);
    sandbox.write("egress.yaml", GOOD);
    let settled = run(&sandbox, &["promote", "--to", "settled"]);
    assert!(settled.stderr.contains(&begins_again("settled", "enforce")), "{settled:?}");
    assert!(run(&sandbox, &["promote"]).stdout.contains(": enforce begins again, because the Egress has changed\n"));
    // A lock of an older program does not say what the Egress was.
    let older: String = sandbox
        .read("sallyport.lock")
        .lines()
        .filter(|line| !line.contains("\"egress\""))
        .collect::<Vec<_>>()
        .join("\n");
    sandbox.write("sallyport.lock", older);
    let note = "note: an older `sallyport` wrote the lock, which does not say what the Egress was outside of its rules on 2026-11-18T";
    assert!(run(&sandbox, &["plan"]).stdout.contains(note));
    let again = run(&sandbox, &["promote"]);
    assert!(
        again.stdout.contains(": enforce begins again, because the lock did not say what the Egress was\n"),
        "{again:?}"
    );
    assert!(!run(&sandbox, &["plan"]).stdout.contains("begins again"));
}

/// Whoever names a part of the files gets no weaker gates by it.
#[test]
fn a_part_of_the_files_is_refused() {
    let sandbox = three();
    let cure = |ended: &Ended| {
        let (_, help) = ended.stderr.split_once("`--files ").unwrap();
        help.split_once('`').unwrap().0.to_owned()
    };
    for command in ["plan", "status", "promote"] {
        let ended = run(&sandbox, &[command, "--files", "egress.yaml", "--files", "httpbin.candidate.yaml"]);
        assert_eq!(ended.code, Some(64), "{ended:?}");
        let message = "error: `rollout.yaml` is not among the files, so its waves, gates and waivers would not count\n";
        assert!(ended.stderr.starts_with(message), "{ended:?}");
        assert_eq!(cure(&ended), ".");
    }
    let all = ["plan", "--files", "c", "--files", "b", "--files", "rollout.yaml"];
    let part = run(&sandbox, &all);
    let message = "error: `egress.yaml` is not among the files, so its turn in the waves would not count\n";
    assert!(part.code == Some(64) && part.stderr.starts_with(message), "{part:?}");
    assert_eq!(run(&sandbox, &["plan", "--files", &cure(&part)]).code, Some(0));
    let ended = run(&sandbox, &[&all[..], &["--files", "egress.yaml", "--files", "httpbin.candidate.yaml"]].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    // A candidate that is not read would be behind.
    let ended = run(&sandbox, &[&all[..], &["--files", "egress.yaml"]].concat());
    assert!(ended.stderr.starts_with("error: `httpbin.candidate.yaml` is not among the files"), "{ended:?}");
    assert_eq!(run(&sandbox, &["plan", "--files", sandbox.path().to_str().unwrap()]).code, Some(0));
    // A folder with a lock of its own is another project, and going back needs no Rollout.
    sandbox.write("c/sallyport.lock", lock());
    assert_eq!(run(&sandbox, &["rollback", "--files", "b"]).code, Some(0));
    fs::rename(sandbox.path().join("rollout.yaml"), sandbox.path().join("c/rollout.yaml")).unwrap();
    assert_eq!(run(&sandbox, &["plan", "--files", "b"]).code, Some(0));
}

/// A rollback is about the gateways that it names.
#[test]
fn a_broken_file_of_another_gateway_is_in_nobodys_way_back() {
    for broken in ["kind: Egress\nmetadata: [", &GOOD.replace("name: httpbin\n", "name: b\n").replace("ALLOW", "ALOW")]
    {
        let sandbox = three();
        promote(&sandbox, &["--to", "enforce", "c"]);
        promote(&sandbox, &["b", "httpbin"]);
        sandbox.write("b/egress.yaml", broken);
        sandbox.write("rollout.yaml", "kind: Rollout\nspec: 1\n");
        assert_eq!(run(&sandbox, &["promote"]).code, Some(1));
        let back = run(&sandbox, &["rollback", "c"]);
        assert!(back.code == Some(0) && entry(&sandbox, "httpbin/c").is_null(), "{back:?}");
        assert!(!entry(&sandbox, "httpbin/b").is_null());
        let back = run(&sandbox, &["rollback", "httpbin/httpbin"]);
        assert!(back.code == Some(0) && entry(&sandbox, "httpbin/httpbin").is_null(), "{back:?}");
    }
    // Its own file must be right.
    let sandbox = sandbox();
    promote(&sandbox, &[]);
    sandbox.write("egress.yaml", GOOD.replace("ALLOW", "ALOW"));
    for arguments in [&["rollback"][..], &["rollback", "httpbin"]] {
        let ended = run(&sandbox, arguments);
        assert!(ended.code == Some(1) && ended.stderr.contains("ALOW"), "{ended:?}");
    }
}

#[test]
fn a_step_that_is_committed_later_keeps_its_reason() {
    let sandbox = sandbox();
    repository(&sandbox);
    promote(&sandbox, &["--to", "25%"]);
    assert_eq!(entry(&sandbox, "httpbin/httpbin")["withoutEvidence"], "tested by hand");
    let later = run(&sandbox, &["promote", "--commit", "--without-evidence", "another reason"]);
    assert_eq!(later.code, Some(8), "{later:?}");
    let message = git(&sandbox, &["log", "-1", "--format=%B"]);
    assert!(message.contains("  promoted without it: tested by hand\n"), "{message}");
    assert!(message.contains("  missing: evidence: what there was is not recorded: "), "{message}");
    assert!(!message.contains("interrupted"), "{message}");
    // One that had what it needed has no reason.
    run(&sandbox, &["rollback", "--commit"]);
    run(&sandbox, &["promote"]);
    assert!(entry(&sandbox, "httpbin/httpbin")["withoutEvidence"].is_null());
    run(&sandbox, &["promote", "--commit"]);
    let message = git(&sandbox, &["log", "-1", "--format=%B"]);
    assert!(
        message.contains("  evidence: what there was is not recorded: ") && !message.contains("without it"),
        "{message}"
    );
}

#[test]
fn a_rollback_is_committed_later_and_said_once() {
    let sandbox = sandbox();
    repository(&sandbox);
    promote(&sandbox, &["--to", "enforce", "--commit"]);
    let nothing = "httpbin/httpbin was rolled back already: nothing to roll back\n";
    for name in [&["httpbin"][..], &[]] {
        assert_eq!(run(&sandbox, &[&["rollback"], name].concat()).code, Some(0));
        if !name.is_empty() {
            let again = run(&sandbox, &["rollback", "httpbin"]).stdout;
            assert_eq!(again, "httpbin/httpbin was rolled back already, but that is not committed\n");
        }
        let committed = run(&sandbox, &[&["rollback", "--commit"], name].concat());
        assert!(committed.code == Some(0) && committed.stdout.contains("  committed "), "{committed:?}");
        assert_eq!(git(&sandbox, &["status", "--short"]), "");
        let subject = git(&sandbox, &["log", "-1", "--format=%s"]);
        assert_eq!(subject, "roll back httpbin/httpbin to the rules of the Egress file\n");
        let again = run(&sandbox, &["rollback", "httpbin", "--commit"]);
        assert_eq!((again.code, again.stdout.as_str()), (Some(0), nothing));
        promote(&sandbox, &["--to", "enforce", "--commit"]);
    }
    // The same after it was settled.
    promote(&sandbox, &["--commit"]);
    run(&sandbox, &["rollback", "httpbin"]);
    let again = run(&sandbox, &["rollback", "httpbin"]);
    assert!(again.stdout.contains("was rolled back already, but that is not committed\n"), "{again:?}");
    let committed = run(&sandbox, &["rollback", "httpbin", "--commit"]);
    assert!(committed.code == Some(0) && committed.stdout.contains("  committed "), "{committed:?}");
    assert_eq!(git(&sandbox, &["status", "--short"]), "");
    assert_eq!(run(&sandbox, &["rollback", "httpbin", "--commit"]).stdout, nothing);
    assert_eq!(
        (sandbox.read("egress.yaml").as_str(), sandbox.read("httpbin.candidate.yaml").as_str()),
        (GOOD, CANDIDATE)
    );
    // A step that is taken back before it was committed leaves nothing to commit.
    let before = sandbox.read("sallyport.lock");
    promote(&sandbox, &[]);
    let back = run(&sandbox, &["rollback", "--commit"]);
    assert!(back.stdout.contains("  nothing is committed: the last commit has it so\n"), "{back:?}");
    assert_eq!(sandbox.read("sallyport.lock"), before);
}

#[test]
fn plan_and_status_say_whose_turn_it_is() {
    let sandbox = three();
    let refused = run(&sandbox, &["promote", "b"]).stderr;
    let why = refused.lines().next().unwrap().strip_prefix("error: ").unwrap().to_owned();
    let plan = run(&sandbox, &["plan", "b"]).stdout;
    assert!(plan.contains(&format!("    missing: wave: {why}\n")), "{plan}");
    let status = run(&sandbox, &["status"]).stdout;
    assert!(status.contains(&format!("  next: shadow: waiting\n    missing: wave: {why}\n")), "{status}");
    assert!(status.ends_with("1 ready for the next step, 2 waiting, 0 blocked\n"), "{status}");
}

/// What became of the candidate is not known, so nobody overtakes it.
#[test]
fn a_candidate_whose_file_is_gone_holds_the_waves_behind_it() {
    let sandbox = three();
    promote(&sandbox, &[]);
    fs::remove_file(sandbox.path().join("c/c.candidate.yaml")).unwrap();
    let lost = "`httpbin/c` of the wave `first` has lost its Candidate file: restore it, or go back with `sallyport rollback httpbin/c`";
    let ended = run(&sandbox, &["promote", "b", "--without-evidence", "known"]);
    assert!(ended.code == Some(8) && ended.stderr.contains(lost), "{ended:?}");
    let plan = run(&sandbox, &["plan"]).stdout;
    assert!(plan.ends_with("the Candidate file of httpbin/c is gone: `sallyport promote` stops there\n"), "{plan}");
    run(&sandbox, &["promote", "--to", "enforce", "--without-evidence", "known"]);
    assert!(entry(&sandbox, "httpbin/b").is_null() && entry(&sandbox, "httpbin/httpbin").is_null());
    // The cure.
    assert_eq!(run(&sandbox, &["rollback", "httpbin/c"]).code, Some(0));
    promote(&sandbox, &["b"]);
    assert_eq!(entry(&sandbox, "httpbin/b")["stage"], "shadow");
}

/// Named or not.
#[test]
fn none_is_settled_before_all_candidates_decide_for_all() {
    let sandbox = three();
    promote(&sandbox, &["c", "--to", "enforce"]);
    let missing = "does not decide for all, and none is settled before all do";
    for verb in ["promote", "plan"] {
        let ended = run(&sandbox, &[verb, "c"]);
        assert!(format!("{}{}", ended.stdout, ended.stderr).contains(missing), "{verb}: {ended:?}");
    }
    assert_eq!(entry(&sandbox, "httpbin/c")["stage"], "enforce");
    let reason = run(&sandbox, &["promote", "c", "--without-evidence", "the others wait for a supplier"]);
    assert!(reason.stdout.starts_with("httpbin/c: enforce -> settled\n"), "{reason:?}");
}

#[cfg(unix)]
#[test]
fn a_link_is_committed_if_what_it_leads_to_is() {
    let sandbox = sandbox();
    sandbox.write("next/candidate.txt", CANDIDATE);
    sandbox.write("now/egress.txt", GOOD);
    for (file, target) in [("httpbin.candidate.yaml", "next/candidate.txt"), ("egress.yaml", "now/egress.txt")] {
        fs::remove_file(sandbox.path().join(file)).unwrap();
        std::os::unix::fs::symlink(target, sandbox.path().join(file)).unwrap();
    }
    repository(&sandbox);
    sandbox.write("next/candidate.txt", CANDIDATE.replace("/get", "/got"));
    let edited = run(&sandbox, &["promote", "--commit"]);
    assert!(
        edited.code == Some(8) && edited.stderr.contains("`httpbin.candidate.yaml` is not committed"),
        "{edited:?}"
    );
    sandbox.write("next/candidate.txt", CANDIDATE);
    promote(&sandbox, &["--to", "enforce", "--commit"]);
    promote(&sandbox, &["--commit"]);
    assert_eq!(git(&sandbox, &["status", "--short"]), "");
    assert!(sandbox.read("now/egress.txt").contains("no other path"));
}

#[test]
fn a_broken_lock_with_a_rollout_is_mended_as_the_help_says() {
    let sandbox = sandbox();
    repository(&sandbox);
    run(&sandbox, &["promote", "--commit"]);
    let good = sandbox.read("sallyport.lock");
    sandbox.write("sallyport.lock", good.replace("\"shadow\"", "\"shadwo\""));
    for ended in [run(&sandbox, &["plan"]).stderr, sandbox.run(&["check", "."]).stdout] {
        assert!(
            ended.contains(
                "help: correct it by hand, or take that of the last commit: `git checkout HEAD -- sallyport.lock`"
            ),
            "{ended}"
        );
    }
    git(&sandbox, &["checkout", "HEAD", "--", "sallyport.lock"]);
    assert_eq!(sandbox.read("sallyport.lock"), good);
    assert_eq!(run(&sandbox, &["plan"]).code, Some(0));
}

#[test]
fn a_time_that_is_not_the_clocks_is_said() {
    let sandbox = sandbox();
    let with = |now: &str| {
        let output = sandbox.command(&["plan"]).env("SALLYPORT_NOW", now).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let said = "note: SALLYPORT_NOW is set, so it is 2026-11-18T11:06:40Z here, whatever the clock says\n";
    assert_eq!(with(&START.to_string()), (Some(0), said.to_owned()));
    for wrong in ["tomorrow", "", "9223372036854775807"] {
        let (code, stderr) = with(wrong);
        let message = format!("error: SALLYPORT_NOW is `{wrong}`, but a time is in Unix seconds\n");
        assert!(code == Some(64) && stderr.starts_with(&message), "{stderr}");
    }
    let mut command = sandbox.command(&["plan"]);
    assert_eq!(command.env_remove("SALLYPORT_NOW").output().unwrap().stderr, b"");
}

/// Only its removal in a commit of its own begins anew.
#[test]
fn a_lock_that_is_gone_or_cannot_be_read_is_not_taken_for_none() {
    let sandbox = sandbox();
    repository(&sandbox);
    promote(&sandbox, &["--to", "enforce", "--commit"]);
    let lock = sandbox.path().join("sallyport.lock");
    let push = ["image", "push", "localhost:1/filter", "--lock", "sallyport.lock"];
    let verbs: [&[&str]; 7] = [
        &["plan"],
        &["status"],
        &["promote"],
        &["promote", "--commit"],
        &["promote", "--filter"],
        &["rollback"],
        &push,
    ];
    for text in [None, Some(""), Some("<<<<<<< HEAD\n")] {
        let (code, message) = match text {
            None => (8, "error: `sallyport.lock` is gone, and the last commit has it with a rollout\n"),
            Some(_) => (3, "error: `sallyport.lock`"),
        };
        match text {
            None => fs::remove_file(&lock).unwrap(),
            Some(text) => fs::write(&lock, text).unwrap(),
        }
        for verb in verbs {
            let ended = if verb == push { sandbox.run(verb) } else { run(&sandbox, verb) };
            assert!(ended.code == Some(code) && ended.stderr.starts_with(message), "{verb:?}: {ended:?}");
            assert!(ended.stderr.contains("`git checkout HEAD -- sallyport.lock`"), "{verb:?}: {ended:?}");
            assert_eq!(fs::read_to_string(&lock).ok().as_deref(), text, "{verb:?}");
        }
    }
    git(&sandbox, &["checkout", "--quiet", "HEAD", "--", "sallyport.lock"]);
    assert!(run(&sandbox, &["plan"]).stdout.contains("httpbin/httpbin: enforce since"));
    git(&sandbox, &["rm", "--quiet", "sallyport.lock"]);
    git(&sandbox, &["commit", "--quiet", "--message", "anew"]);
    promote(&sandbox, &["--commit"]);
    assert_eq!(entry(&sandbox, "httpbin/httpbin")["stage"], "shadow");
}

/// A file that has an error is there.
#[test]
fn a_candidate_with_an_error_is_not_gone() {
    let sandbox = sandbox();
    promote(&sandbox, &[]);
    sandbox.write("httpbin.candidate.yaml", CANDIDATE.replace("spec:", "spec:\n  remove: [nope]"));
    for verb in [&["check", "."][..], &["build", ".", "--output", "out"]] {
        let ended = sandbox.run(verb);
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert!(ended.code == Some(1) && said.contains("SP0704") && !said.contains("is gone"), "{verb:?}: {said}");
    }
}
