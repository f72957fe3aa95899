//! What became of a candidate is found in Git, however it got there, and whatever git is configured to print.

use std::fs;

use crate::rollout::{CANDIDATE, WITHOUT, commit, git, repository, run, sandbox};
use crate::sandbox::{Ended, GOOD, Sandbox};

fn promote(sandbox: &Sandbox, more: &[&str]) -> Ended {
    let ended = run(sandbox, &[&["promote"], more, &WITHOUT[..]].concat());
    assert_eq!(ended.code, Some(0), "{more:?}: {ended:?}");
    ended
}

/// A repository in which the candidate is settled, in one commit since the first step of these.
fn squashed(steps: &[&str]) -> Sandbox {
    let sandbox = sandbox();
    repository(&sandbox);
    let mut begin = git(&sandbox, &["rev-parse", "HEAD"]);
    for (at, to) in steps.iter().enumerate() {
        promote(&sandbox, &["--to", to, "--commit"]);
        if at == 0 && steps.len() > 2 {
            begin = git(&sandbox, &["rev-parse", "HEAD"]);
        }
    }
    git(&sandbox, &["reset", "--quiet", "--soft", begin.trim()]);
    git(&sandbox, &["commit", "--quiet", "--message=squashed"]);
    sandbox
}

fn is_back(sandbox: &Sandbox, egress: &str, candidate: &str) {
    let back = run(sandbox, &["rollback", "httpbin", "--commit"]);
    assert!(
        back.code == Some(0) && back.stdout.contains("httpbin/httpbin: settled -> the rules from before\n"),
        "{back:?}"
    );
    assert!(back.stdout.contains("  committed "), "{back:?}");
    assert_eq!((sandbox.read(egress).as_str(), sandbox.read(candidate).as_str()), (GOOD, CANDIDATE));
    assert_eq!(git(sandbox, &["status", "--short"]), "");
    let again = run(sandbox, &["rollback", "httpbin", "--commit"]);
    let said = "httpbin/httpbin was rolled back already: nothing to roll back\n";
    assert_eq!((again.code, again.stdout.as_str()), (Some(0), said), "{again:?}");
}

#[test]
fn a_candidate_that_was_settled_by_a_squash_merge_is_found() {
    // The last commit before had another stage; or none at all.
    for steps in [&["25%", "enforce", "settled"][..], &["shadow", "25%", "enforce", "settled"], &["enforce", "settled"]]
    {
        let sandbox = squashed(steps);
        is_back(&sandbox, "egress.yaml", "httpbin.candidate.yaml");
    }
}

#[test]
fn files_that_were_moved_since_are_found() {
    for (from, to) in [
        (&["sallyport.lock", "egress.yaml"][..], "gateways"),
        (&["egress.yaml"], "gateways"),
        (&["sallyport.lock"], ".."),
    ] {
        let sandbox = sandbox();
        // The lock is above the files, or beside them.
        let is_below = to == "..";
        if is_below {
            fs::create_dir(sandbox.path().join("d")).unwrap();
            for file in ["egress.yaml", "httpbin.candidate.yaml", "sallyport.lock"] {
                fs::rename(sandbox.path().join(file), sandbox.path().join("d").join(file)).unwrap();
            }
        }
        repository(&sandbox);
        promote(&sandbox, &["--to", "enforce", "--commit", "--files", if is_below { "d" } else { "." }]);
        promote(&sandbox, &["--commit", "--files", if is_below { "d" } else { "." }]);
        for file in from {
            let (from, to) = match is_below {
                true => (format!("d/{file}"), (*file).to_owned()),
                false => ((*file).to_owned(), format!("{to}/{file}")),
            };
            fs::create_dir_all(sandbox.path().join("gateways")).unwrap();
            git(&sandbox, &["mv", &from, &to]);
        }
        git(&sandbox, &["commit", "--quiet", "--message=moved"]);
        let folder = match (is_below, from.contains(&"egress.yaml")) {
            (true, _) => "d/",
            (_, true) => "gateways/",
            _ => "",
        };
        is_back(&sandbox, &format!("{folder}egress.yaml"), &format!("{folder}httpbin.candidate.yaml"));
    }
}

/// What is said is true: a later candidate was rolled back, and what was settled before it stays.
#[test]
fn a_rollback_does_not_go_behind_the_last_candidate() {
    let sandbox = sandbox();
    repository(&sandbox);
    promote(&sandbox, &["--to", "enforce", "--commit"]);
    promote(&sandbox, &["--commit"]);
    let settled = sandbox.read("egress.yaml");
    sandbox.write("httpbin.candidate.yaml", CANDIDATE.replace("/get", "/got"));
    commit(&sandbox);
    promote(&sandbox, &["--commit"]);
    assert_eq!(run(&sandbox, &["rollback", "--commit"]).code, Some(0));
    let again = run(&sandbox, &["rollback", "httpbin", "--commit"]);
    let said = "httpbin/httpbin was rolled back already: nothing to roll back\n";
    assert_eq!((again.code, again.stdout.as_str()), (Some(0), said), "{again:?}");
    assert_eq!(sandbox.read("egress.yaml"), settled);
    // Settled in one commit, without a word of the lock: the newest event counts.
    sandbox.write("egress.yaml", settled.replace("/get", "/got"));
    fs::remove_file(sandbox.path().join("httpbin.candidate.yaml")).unwrap();
    commit(&sandbox);
    let back = run(&sandbox, &["rollback", "httpbin"]);
    assert!(back.code == Some(0) && back.stdout.starts_with("httpbin/httpbin: settled -> "), "{back:?}");
    assert_eq!(sandbox.read("egress.yaml"), settled);
    // One that never had a candidate.
    let sandbox = crate::rollout::sandbox();
    fs::remove_file(sandbox.path().join("httpbin.candidate.yaml")).unwrap();
    repository(&sandbox);
    let none = run(&sandbox, &["rollback", "httpbin"]);
    let said =
        "httpbin/httpbin has no candidate in the lock, and Git knows of none that was settled: nothing to roll back\n";
    assert_eq!((none.code, none.stdout.as_str()), (Some(0), said), "{none:?}");
}

/// The next candidate is not overwritten by the one before, and there are no two.
#[test]
fn another_candidate_is_in_the_way_of_the_one_that_comes_back() {
    for (file, is_committed) in
        [("httpbin.candidate.yaml", false), ("httpbin.candidate.yaml", true), ("next.yaml", false)]
    {
        let sandbox = sandbox();
        repository(&sandbox);
        promote(&sandbox, &["--to", "enforce", "--commit"]);
        promote(&sandbox, &["--commit"]);
        let (egress, next) = (sandbox.read("egress.yaml"), CANDIDATE.replace("/get", "/got"));
        sandbox.write(file, &next);
        if is_committed {
            commit(&sandbox);
        }
        let refused = run(&sandbox, &["rollback", "httpbin"]);
        let message = format!(
            "error: `egress.yaml` cannot go back by itself: its Candidate file would come back, too, and `{file}` is another one\n"
        );
        assert!(refused.code == Some(8) && refused.stderr.starts_with(&message), "{refused:?}");
        assert_eq!((sandbox.read("egress.yaml"), sandbox.read(file)), (egress, next));
        fs::rename(sandbox.path().join(file), sandbox.path().join("away.txt")).unwrap();
        assert_eq!(run(&sandbox, &["rollback", "httpbin"]).code, Some(0));
        assert_eq!(
            (sandbox.read("egress.yaml").as_str(), sandbox.read("httpbin.candidate.yaml").as_str()),
            (GOOD, CANDIDATE)
        );
    }
}

#[test]
fn what_is_not_known_is_not_said() {
    let sandbox = sandbox();
    repository(&sandbox);
    promote(&sandbox, &["--to", "25%", "--commit"]);
    // Taken out together with other rules, by hand.
    run(&sandbox, &["rollback"]);
    sandbox.write("egress.yaml", GOOD.replace("[GET]", "[GET, HEAD]"));
    commit(&sandbox);
    let taken_out = git(&sandbox, &["rev-parse", "HEAD"]);
    let ended = run(&sandbox, &["rollback", "httpbin"]);
    let message = format!(
        "error: what became of the last candidate of `httpbin/httpbin` is not known: the commit {} took it out of the lock, and the \
         rules in its Egress file there are neither those from before nor the candidate's\n",
        taken_out.trim()
    );
    assert!(ended.code == Some(8) && ended.stderr.starts_with(&message), "{ended:?}");
    assert!(ended.stderr.contains(&format!("help: `git show {}` shows it: ", taken_out.trim())), "{ended:?}");
}

/// "In the same place" is said where it is so.
#[test]
fn a_rollback_is_completed_whatever_changed_elsewhere() {
    let sandbox = sandbox();
    repository(&sandbox);
    promote(&sandbox, &["--to", "enforce", "--commit"]);
    promote(&sandbox, &["--commit"]);
    let more = "  gateway: {replicas: 3}\n";
    sandbox.write("egress.yaml", sandbox.read("egress.yaml") + more);
    commit(&sandbox);
    assert_eq!(run(&sandbox, &["rollback", "httpbin"]).code, Some(0));
    let again = run(&sandbox, &["rollback", "httpbin"]);
    assert!(again.stdout.contains("httpbin/httpbin was rolled back already, but that is not committed\n"), "{again:?}");
    let done = run(&sandbox, &["rollback", "httpbin", "--commit"]);
    assert!(done.code == Some(0) && done.stdout.contains("  committed "), "{done:?}");
    assert_eq!(sandbox.read("egress.yaml"), format!("{GOOD}{more}"));
    assert_eq!(git(&sandbox, &["status", "--short"]), "");
    // Other rules after it are no change of what was settled.
    sandbox.write("egress.yaml", GOOD.replace("[GET]", "[GET, HEAD]"));
    commit(&sandbox);
    let again = run(&sandbox, &["rollback", "httpbin"]);
    let said = "httpbin/httpbin was rolled back already: nothing to roll back\n";
    assert_eq!((again.code, again.stdout.as_str()), (Some(0), said), "{again:?}");
}

/// One commit cannot have both, so nothing is written.
#[test]
fn an_egress_file_of_another_repository_is_found_before_anything_is_written() {
    let module = sandbox();
    fs::remove_file(module.path().join("sallyport.lock")).unwrap();
    repository(&module);
    let sandbox = Sandbox::with(&[("sallyport.lock", &crate::rollout::lock())]);
    repository(&sandbox);
    let from = module.path().to_str().unwrap();
    git(&sandbox, &["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", from, "module"]);
    commit(&sandbox);
    // A step that writes the lock alone is one commit.
    promote(&sandbox, &["--to", "enforce", "--commit"]);
    let (lock, egress) = (sandbox.read("sallyport.lock"), sandbox.read("module/egress.yaml"));
    let message = "error: nothing is written, because git could not commit it: `module/egress.yaml` is in another Git repository than \
                   `sallyport.lock`\n";
    let refused = run(&sandbox, &[&["promote", "--commit"], &WITHOUT[..]].concat());
    assert!(refused.code == Some(8) && refused.stderr.starts_with(message), "{refused:?}");
    assert_eq!((sandbox.read("sallyport.lock"), sandbox.read("module/egress.yaml")), (lock, egress));
    assert!(sandbox.path().join("module/httpbin.candidate.yaml").exists());
    promote(&sandbox, &[]);
    let head = git(&sandbox, &["rev-parse", "HEAD"]);
    let refused = run(&sandbox, &["promote", "--commit"]);
    assert!(refused.code == Some(8) && refused.stderr.starts_with(message), "{refused:?}");
    assert_eq!(git(&sandbox, &["rev-parse", "HEAD"]), head);
    // By hand, in each.
    for folder in ["module", "."] {
        git(&sandbox, &["-C", folder, "commit", "--quiet", "--all", "--message=settled"]);
    }
    let back = run(&sandbox, &["rollback", "httpbin"]);
    let said = "error: what became of the last candidate of `httpbin/httpbin` is not known: `module/egress.yaml` is in another Git \
                repository than `sallyport.lock`\n";
    assert!(back.code == Some(8) && back.stderr.starts_with(said), "{back:?}");
    // A file that Git ignores is in none.
    let sandbox = crate::rollout::sandbox();
    sandbox.write(".gitignore", "egress.yaml\n");
    repository(&sandbox);
    let ended = run(&sandbox, &[&["promote", "--to", "enforce"], &WITHOUT[..]].concat());
    assert!(ended.code == Some(8) && ended.stderr.contains("`egress.yaml` is not committed"), "{ended:?}");
}

#[cfg(unix)]
#[test]
fn the_configuration_of_git_changes_nothing() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = Sandbox::with(&[
        ("grün/egress.yaml", GOOD),
        ("grün/httpbin.candidate.yaml", CANDIDATE),
        ("grün/sallyport.lock", &crate::rollout::lock()),
        (".gitattributes", "*.yaml diff=odd\n*.lock diff=odd\n"),
        ("wrong.sh", "#!/bin/sh\necho wrong\n"),
    ]);
    let wrong = sandbox.path().join("wrong.sh");
    fs::set_permissions(&wrong, fs::Permissions::from_mode(0o755)).unwrap();
    repository(&sandbox);
    let wrong = wrong.to_str().unwrap();
    for (name, value) in [
        ("diff.relative", "true"),
        ("diff.noprefix", "true"),
        ("diff.mnemonicPrefix", "true"),
        ("diff.external", wrong),
        ("diff.odd.textconv", wrong),
        ("diff.odd.command", wrong),
        ("diff.renames", "copies"),
        ("diff.submodule", "diff"),
        ("core.quotePath", "true"),
        ("core.fsmonitor", wrong),
        ("core.abbrev", "40"),
        ("color.ui", "always"),
        ("color.grep", "always"),
        ("grep.lineNumber", "true"),
        ("grep.column", "true"),
        ("log.follow", "true"),
        ("log.showSignature", "true"),
        ("log.decorate", "full"),
        ("log.showRoot", "false"),
        ("commit.verbose", "true"),
        ("commit.cleanup", "scissors"),
        ("format.pretty", "fuller"),
        ("status.relativePaths", "true"),
    ] {
        git(&sandbox, &["config", name, value]);
    }
    let folder = ["--files", "grün"];
    let step = |arguments: &[&str]| {
        let ended = run(&sandbox, &[arguments, &folder[..]].concat());
        assert!(ended.code == Some(0) && ended.stdout.contains("  committed "), "{arguments:?}: {ended:?}");
    };
    let is_clean = || {
        let mut command = std::process::Command::new("git");
        let arguments = ["-c", "core.fsmonitor=false", "-c", "color.ui=false", "status", "--short"];
        let output = command.args(arguments).current_dir(sandbox.path()).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "");
    };
    step(&[&["promote", "--to", "enforce", "--commit"], &WITHOUT[..]].concat());
    is_clean();
    // Completed later: what was removed is found.
    let ended = run(&sandbox, &[&["promote"], &WITHOUT[..], &folder[..]].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let done = run(&sandbox, &[&["promote", "--commit"], &folder[..]].concat());
    assert!(done.code == Some(8) && done.stdout.contains("  committed "), "{done:?}");
    is_clean();
    step(&["rollback", "httpbin", "--commit"]);
    is_clean();
    assert_eq!(sandbox.read("grün/egress.yaml"), GOOD);
    // By the history of files, too.
    step(&[&["promote", "--to", "enforce", "--commit"], &WITHOUT[..]].concat());
    step(&[&["promote", "--commit"], &WITHOUT[..]].concat());
    git(&sandbox, &["-c", "core.fsmonitor=false", "mv", "grün/egress.yaml", "grün/moved.yaml"]);
    git(&sandbox, &["-c", "core.fsmonitor=false", "mv", "grün/sallyport.lock", "sallyport.lock"]);
    git(&sandbox, &["-c", "core.fsmonitor=false", "commit", "--quiet", "--message=moved"]);
    step(&["rollback", "httpbin", "--commit"]);
    is_clean();
    assert_eq!(sandbox.read("grün/moved.yaml"), GOOD);
}
