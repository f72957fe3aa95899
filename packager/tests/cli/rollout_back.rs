//! Which candidate `rollback` takes back, and that it says nothing else than what it does.

use std::fs;

use crate::rollout::{CANDIDATE, START, WITHOUT, commit, entry, git, repository, run, sandbox, three};
use crate::sandbox::{Ended, GOOD, Sandbox};

const BACK_ALREADY: &str = "httpbin/httpbin was rolled back already: nothing to roll back\n";
/// Another rule, beside the one of `CANDIDATE`.
const EXTRA: &str = "\
apiVersion: sallyport.dev/v1alpha1
kind: Candidate
metadata: {name: httpbin, namespace: httpbin}
spec:
  rules:
  - id: extra
    action: ALLOW
    from: [{source: {serviceAccounts: [httpbin/extra]}}]
    to: [{operation: {methods: [GET], paths: [/extra]}}]
";

fn promote(sandbox: &Sandbox, more: &[&str]) {
    let ended = run(sandbox, &[&["promote", "--commit"], more, &WITHOUT[..]].concat());
    assert_eq!(ended.code, Some(0), "{more:?}: {ended:?}");
}

fn settle(sandbox: &Sandbox) {
    for to in ["shadow", "enforce", "settled"] {
        promote(sandbox, &["httpbin", "--to", to]);
    }
}

/// A repository, and the Egress file as it will be with the candidate's rules.
fn begun() -> (Sandbox, String) {
    let sandbox = sandbox();
    repository(&sandbox);
    settle(&sandbox);
    let settled = sandbox.read("egress.yaml");
    git(&sandbox, &["reset", "--quiet", "--hard", &first(&sandbox)]);
    (sandbox, settled)
}

fn commit_of(sandbox: &Sandbox, revision: &str) -> String {
    git(sandbox, &["rev-parse", revision]).trim().to_owned()
}

fn first(sandbox: &Sandbox) -> String {
    git(sandbox, &["rev-list", "--max-parents=0", "HEAD"]).trim().to_owned()
}

fn back(sandbox: &Sandbox) -> Ended {
    run(sandbox, &["rollback", "httpbin"])
}

fn is_back(sandbox: &Sandbox, egress: &str, candidate: &str) {
    let ended = run(sandbox, &["rollback", "httpbin", "--commit"]);
    let said = "httpbin/httpbin: settled -> the rules from before\n";
    assert!(ended.code == Some(0) && ended.stdout.starts_with(said), "{ended:?}");
    assert_eq!(
        (sandbox.read("egress.yaml").as_str(), sandbox.read("httpbin.candidate.yaml").as_str()),
        (egress, candidate)
    );
    assert_eq!(git(sandbox, &["status", "--short"]), "");
    let again = back(sandbox);
    assert_eq!((again.code, again.stdout.as_str()), (Some(0), BACK_ALREADY), "{again:?}");
}

#[test]
fn rules_that_were_written_by_hand_before_the_last_step_go_back() {
    // Committed with the lock at its last stage; with the removal of the Candidate file, too; and with a change elsewhere.
    for (removes, more) in [(false, ""), (true, ""), (false, "  gateway: {replicas: 3}\n")] {
        let (sandbox, settled) = begun();
        promote(&sandbox, &["--to", "enforce"]);
        sandbox.write("egress.yaml", &settled);
        if removes {
            fs::remove_file(sandbox.path().join("httpbin.candidate.yaml")).unwrap();
        }
        commit(&sandbox);
        promote(&sandbox, &[]);
        sandbox.write("egress.yaml", settled + more);
        if !more.is_empty() {
            commit(&sandbox);
        }
        is_back(&sandbox, &format!("{GOOD}{more}"), CANDIDATE);
    }
}

/// The rules of the last commit stay, and the same command once more goes further.
#[test]
fn a_last_step_after_rules_by_hand_is_undone() {
    let (sandbox, settled) = begun();
    promote(&sandbox, &["--to", "enforce"]);
    sandbox.write("egress.yaml", &settled);
    commit(&sandbox);
    assert_eq!(run(&sandbox, &[&["promote"], &WITHOUT[..]].concat()).code, Some(0));
    let undone = back(&sandbox);
    assert!(undone.code == Some(0) && undone.stdout.starts_with("httpbin/httpbin: settled -> enforce\n"), "{undone:?}");
    assert_eq!(git(&sandbox, &["status", "--short"]), "");
    let again = back(&sandbox);
    let said = "httpbin/httpbin: enforce -> the rules of the Egress file\n";
    assert!(again.code == Some(0) && again.stdout.starts_with(said), "{again:?}");
    assert_eq!(sandbox.read("egress.yaml"), GOOD);
}

/// A merge made the lock of both sides, and did not change the Egress file.
#[test]
fn a_rollback_behind_a_merge_does_not_take_rules_from_before_the_rollout_for_a_rollback() {
    let sandbox = three();
    repository(&sandbox);
    promote(&sandbox, &["c", "--to", "enforce"]);
    promote(&sandbox, &["httpbin", "--to", "enforce"]);
    git(&sandbox, &["checkout", "--quiet", "-b", "br"]);
    promote(&sandbox, &["httpbin"]);
    git(&sandbox, &["checkout", "--quiet", "main"]);
    promote(&sandbox, &["c"]);
    git(&sandbox, &["merge", "--quiet", "--no-edit", "--strategy-option=theirs", "br"]);
    let egress = sandbox.read("egress.yaml");
    assert_ne!(egress, GOOD);
    sandbox.write("egress.yaml", egress.replace("/get]", "/get, /got]"));
    commit(&sandbox);
    let refused = back(&sandbox);
    let said = "error: `egress.yaml` cannot go back by itself: it has changed since its candidate was settled, in the same place\n";
    assert!(refused.code == Some(8) && refused.stderr.starts_with(said), "{refused:?}");
    // Without that change it goes back, and a branch from before is no rollback.
    sandbox.write("egress.yaml", &egress);
    commit(&sandbox);
    git(&sandbox, &["checkout", "--quiet", "-b", "old", &first(&sandbox)]);
    sandbox.write("egress.yaml", format!("# ours\n{GOOD}"));
    git(&sandbox, &["commit", "--quiet", "--all", "--message=old"]);
    git(&sandbox, &["checkout", "--quiet", "main"]);
    git(&sandbox, &["merge", "--quiet", "--no-edit", "old"]);
    sandbox.write("egress.yaml", sandbox.read("egress.yaml").replace("/get]", "/get, /got]"));
    commit(&sandbox);
    let refused = back(&sandbox);
    assert!(refused.code == Some(8) && refused.stderr.starts_with(said), "{refused:?}");
}

/// Two candidates after another, of which the second is settled on a branch.
fn squashed(second: &str, is_known: bool) -> (Sandbox, String) {
    let sandbox = sandbox();
    repository(&sandbox);
    settle(&sandbox);
    let first = sandbox.read("egress.yaml");
    let write = || {
        sandbox.write("httpbin.candidate.yaml", second);
        commit(&sandbox);
    };
    if is_known {
        write();
    }
    git(&sandbox, &["checkout", "--quiet", "-b", "br"]);
    if !is_known {
        write();
    }
    settle(&sandbox);
    git(&sandbox, &["checkout", "--quiet", "main"]);
    git(&sandbox, &["merge", "--quiet", "--squash", "br"]);
    git(&sandbox, &["commit", "--quiet", "--message=squashed"]);
    (sandbox, first)
}

#[test]
fn of_two_candidates_the_later_one_goes_back() {
    for second in [EXTRA.to_owned(), CANDIDATE.replace("/get", "/got")] {
        let (sandbox, first) = squashed(&second, true);
        is_back(&sandbox, &first, &second);
    }
    // The file is another one in Git than what was settled.
    let (sandbox, _) = squashed(EXTRA, true);
    git(&sandbox, &["checkout", "--quiet", "HEAD^"]);
    let settled = git(&sandbox, &["show", "main:egress.yaml"]);
    sandbox.write("egress.yaml", settled.replace("paths: [/extra]", "paths: [/extra, /more]"));
    fs::remove_file(sandbox.path().join("httpbin.candidate.yaml")).unwrap();
    commit(&sandbox);
    let last = commit_of(&sandbox, "HEAD");
    let refused = back(&sandbox);
    let said = format!(
        "error: what became of the last candidate of `httpbin/httpbin` is not known: the commit {last} removed its Candidate file, and \
         the rules in its Egress file there are neither those from before nor the candidate's\n"
    );
    assert!(refused.code == Some(8) && refused.stderr.starts_with(&said), "{refused:?}");
    assert!(refused.stderr.contains(&format!("help: `git show {last}` shows it")), "{refused:?}");
}

/// Nothing in Git says that there was another one.
#[test]
fn where_the_last_candidate_has_left_no_trace_it_is_said_which_one_goes_back() {
    let (sandbox, first) = squashed(EXTRA, false);
    let settled = commit_of(&sandbox, "HEAD^");
    let ended = back(&sandbox);
    let said = format!(
        "httpbin/httpbin: the last candidate that Git knows of was settled by the commit {settled}, and it is the one that is taken \
         back; what has changed since in the rules of `egress.yaml` stays\n"
    );
    assert!(ended.code == Some(0) && ended.stdout.contains(&said), "{ended:?}");
    let egress = sandbox.read("egress.yaml");
    assert!(egress != first && egress.contains("/extra") && !egress.contains("/get"), "{egress}");
}

/// The history of the lock goes on where it was before; moved by one commit, and by two.
#[test]
fn what_was_rolled_back_before_the_lock_was_moved_is_not_forgotten() {
    for commits in [1, 2] {
        let sandbox = sandbox();
        repository(&sandbox);
        settle(&sandbox);
        sandbox.write("httpbin.candidate.yaml", EXTRA);
        commit(&sandbox);
        promote(&sandbox, &[]);
        assert_eq!(run(&sandbox, &["rollback", "--commit"]).code, Some(0));
        git(&sandbox, &["rm", "--quiet", "httpbin.candidate.yaml"]);
        commit(&sandbox);
        let (egress, lock) = (sandbox.read("egress.yaml"), sandbox.read("sallyport.lock"));
        sandbox.write("sub/sallyport.lock", lock);
        if commits == 2 {
            commit(&sandbox);
        }
        git(&sandbox, &["rm", "--quiet", "--force", "sallyport.lock"]);
        git(&sandbox, &["mv", "egress.yaml", "sub/"]);
        commit(&sandbox);
        let ended = run(&sandbox, &["rollback", "httpbin", "--files", "sub"]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), BACK_ALREADY), "{ended:?}");
        assert_eq!(sandbox.read("sub/egress.yaml"), egress);
    }
}

#[test]
fn rules_that_were_written_after_a_rollback_are_not_taken_for_it() {
    let (sandbox, settled) = begun();
    promote(&sandbox, &["--to", "25%"]);
    assert_eq!(run(&sandbox, &["rollback", "--commit"]).code, Some(0));
    let rolled_back = commit_of(&sandbox, "HEAD");
    sandbox.write("egress.yaml", &settled);
    let said = |place: &str| {
        format!(
            "error: `httpbin/httpbin` was rolled back by the commit {rolled_back}, but since then the rules of the candidate were \
             written into `{place}`\n"
        )
    };
    fs::remove_file(sandbox.path().join("httpbin.candidate.yaml")).unwrap();
    let refused = back(&sandbox);
    assert!(refused.code == Some(8) && refused.stderr.starts_with(&said("egress.yaml")), "{refused:?}");
    assert!(refused.stderr.contains("`git diff HEAD -- egress.yaml` shows them"), "{refused:?}");
    git(&sandbox, &["commit", "--quiet", "--message=a", "egress.yaml"]);
    sandbox.write("egress.yaml", GOOD);
    let refused = back(&sandbox);
    let place = said("egress.yaml of the last commit");
    assert!(refused.code == Some(8) && refused.stderr.starts_with(&place), "{refused:?}");
    git(&sandbox, &["commit", "--quiet", "--message=a", "egress.yaml"]);
    assert_eq!(back(&sandbox).stdout, BACK_ALREADY);
}

/// The candidate never decides for more callers than before.
#[test]
fn a_lock_behind_the_last_commit_is_a_rollback() {
    let (sandbox, _) = begun();
    promote(&sandbox, &["--to", "shadow"]);
    promote(&sandbox, &["--to", "enforce"]);
    for commits in [false, true] {
        git(&sandbox, &["checkout", "--quiet", "HEAD~1", "--", "sallyport.lock"]);
        let stopped = run(&sandbox, &[&["promote"], &WITHOUT[..]].concat());
        assert!(stopped.code == Some(8) && !stopped.stderr.contains("undoes it"), "{stopped:?}");
        let arguments = ["rollback", "--commit"];
        let ended = run(&sandbox, &arguments[..if commits { 2 } else { 1 }]);
        let said = "httpbin/httpbin: shadow -> the rules of the Egress file\n";
        assert!(ended.code == Some(0) && ended.stdout.starts_with(said), "{ended:?}");
        assert!(entry(&sandbox, "httpbin/httpbin").is_null());
        if !commits {
            git(&sandbox, &["reset", "--quiet", "--hard"]);
        }
    }
    git(&sandbox, &["reset", "--quiet", "--hard", "HEAD~1"]);
    git(&sandbox, &["checkout", "--quiet", "HEAD~1", "--", "sallyport.lock"]);
    let done = run(&sandbox, &["promote", "--commit"]);
    assert!(done.code == Some(8) && done.stdout.starts_with("httpbin/httpbin: enforce -> shadow\n"), "{done:?}");
    assert_eq!(git(&sandbox, &["log", "-1", "--format=%s"]), "roll back httpbin/httpbin to shadow\n");
    // The older lock is of another candidate; a step of a new one is undone as ever.
    let (sandbox, _) = begun();
    promote(&sandbox, &["--to", "shadow"]);
    sandbox.write("httpbin.candidate.yaml", EXTRA);
    commit(&sandbox);
    assert_eq!(run(&sandbox, &[&["promote"], &WITHOUT[..]].concat()).code, Some(0));
    assert!(back(&sandbox).stdout.contains("the step was not committed, so it is undone: it is at `shadow`"));
    promote(&sandbox, &["--to", "enforce"]);
    git(&sandbox, &["checkout", "--quiet", "HEAD~2", "--", "sallyport.lock"]);
    let ended = back(&sandbox);
    let said = "httpbin/httpbin: shadow -> the rules of the Egress file\n";
    assert!(ended.code == Some(0) && ended.stdout.starts_with(said), "{ended:?}");
}

#[cfg(unix)]
#[test]
fn a_candidate_file_of_any_name_is_found() {
    for name in ["c\"a nd.yaml", "c ü.yaml"] {
        let sandbox = sandbox();
        fs::rename(sandbox.path().join("httpbin.candidate.yaml"), sandbox.path().join(name)).unwrap();
        repository(&sandbox);
        git(&sandbox, &["checkout", "--quiet", "-b", "br"]);
        settle(&sandbox);
        git(&sandbox, &["checkout", "--quiet", "main"]);
        git(&sandbox, &["merge", "--quiet", "--squash", "br"]);
        git(&sandbox, &["commit", "--quiet", "--message=squashed"]);
        let ended = run(&sandbox, &["rollback", "httpbin", "--commit"]);
        let said = "httpbin/httpbin: settled -> the rules from before\n";
        assert!(ended.code == Some(0) && ended.stdout.starts_with(said), "{name:?}: {ended:?}");
        assert_eq!((sandbox.read("egress.yaml").as_str(), sandbox.read(name).as_str()), (GOOD, CANDIDATE));
    }
}

/// A kill before the last write leaves the lock of the last commit beside the candidate's rules, and no lock that speaks of a rollback.
#[cfg(unix)]
#[test]
fn an_undo_that_was_killed_is_not_taken_for_a_rollback() {
    let sandbox = Sandbox::with(&[
        ("gateway/egress.yaml", GOOD),
        ("httpbin.candidate.yaml", CANDIDATE),
        ("sallyport.lock", &crate::rollout::lock()),
    ]);
    repository(&sandbox);
    promote(&sandbox, &["--to", "enforce"]);
    assert_eq!(run(&sandbox, &[&["promote"], &WITHOUT[..]].concat()).code, Some(0));
    // Who writes there waits.
    let held = fs::File::open(sandbox.path().join("gateway")).unwrap();
    held.lock().unwrap();
    let mut command = sandbox.command(&["rollback", "httpbin"]);
    let mut child =
        command.env("SALLYPORT_NOW", START.to_string()).env("GIT_CONFIG_GLOBAL", "/dev/null").spawn().unwrap();
    let lock = git(&sandbox, &["show", "HEAD:sallyport.lock"]);
    for _ in 0..600 {
        if sandbox.read("sallyport.lock") == lock {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    drop(held);
    assert_eq!(git(&sandbox, &["status", "--short"]), " M gateway/egress.yaml\n");
    let again = back(&sandbox);
    let said = "httpbin/httpbin: enforce -> the rules of the Egress file\n";
    assert!(again.code == Some(0) && again.stdout.starts_with(said), "{again:?}");
    assert_eq!(sandbox.read("gateway/egress.yaml"), GOOD);
}

#[cfg(unix)]
#[test]
fn a_candidate_file_that_was_a_link_is_one_again() {
    for is_squashed in [false, true] {
        let sandbox = sandbox();
        fs::create_dir(sandbox.path().join("real")).unwrap();
        let [file, target] = ["httpbin.candidate.yaml", "real/c.txt"].map(|name| sandbox.path().join(name));
        fs::rename(&file, &target).unwrap();
        std::os::unix::fs::symlink("real/c.txt", &file).unwrap();
        repository(&sandbox);
        settle(&sandbox);
        if is_squashed {
            git(&sandbox, &["reset", "--quiet", "--soft", &first(&sandbox)]);
            git(&sandbox, &["commit", "--quiet", "--message=squashed"]);
        }
        let ended = run(&sandbox, &["rollback", "httpbin", "--commit"]);
        let said = "httpbin/httpbin: settled -> the rules from before\n";
        assert!(ended.code == Some(0) && ended.stdout.starts_with(said), "{ended:?}");
        assert_eq!(
            (fs::read_link(&file).unwrap().as_path(), sandbox.read("egress.yaml").as_str()),
            ("real/c.txt".as_ref(), GOOD)
        );
        assert_eq!(git(&sandbox, &["status", "--short"]), "");
    }
}

/// Settled on two branches: as one commit on this, in steps on the other.
#[test]
fn of_candidates_beside_each_other_none_is_the_last_unless_they_are_the_same() {
    for is_same in [true, false] {
        let (sandbox, settled) = begun();
        git(&sandbox, &["checkout", "--quiet", "-b", "br"]);
        settle(&sandbox);
        let one = commit_of(&sandbox, "HEAD");
        git(&sandbox, &["checkout", "--quiet", "main"]);
        if !is_same {
            sandbox.write("httpbin.candidate.yaml", CANDIDATE.replace("/get", "/got"));
            commit(&sandbox);
        }
        sandbox.write("egress.yaml", if is_same { settled } else { settled.replace("/get", "/got") });
        git(&sandbox, &["rm", "--quiet", "httpbin.candidate.yaml"]);
        commit(&sandbox);
        let other = commit_of(&sandbox, "HEAD");
        git(&sandbox, &["merge", "--quiet", "--no-edit", "--strategy-option=ours", "br"]);
        if is_same {
            is_back(&sandbox, GOOD, CANDIDATE);
            continue;
        }
        let refused = back(&sandbox);
        let said = format!(
            "error: what became of the last candidate of `httpbin/httpbin` is not known: the commits {one} and {other} ended one each, and \
             none is the later one\n"
        );
        assert!(refused.code == Some(8) && refused.stderr.starts_with(&said), "{refused:?}");
        assert!(refused.stderr.contains(&format!("help: `git show {one} {other}` shows it")), "{refused:?}");
    }
}
