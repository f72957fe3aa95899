//! What must be committed before a step, and what a commit leaves behind: hooks, the index, and files that are gone.

use std::fs;

use crate::rollout::{CANDIDATE, WITHOUT, commit, entry, git, repository, run, sandbox, three};
use crate::rollout_carried::rolling;
use crate::sandbox::{Ended, GOOD, Sandbox};

fn promote(sandbox: &Sandbox, more: &[&str]) -> Ended {
    let ended = run(sandbox, &[&["promote"], more, &WITHOUT[..]].concat());
    assert_eq!(ended.code, Some(0), "{more:?}: {ended:?}");
    ended
}

fn head(sandbox: &Sandbox) -> String {
    git(sandbox, &["rev-parse", "HEAD"])
}

/// The command ends with 8, and neither a file nor a commit has changed.
fn refused(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let state = || (head(sandbox), git(sandbox, &["status", "--short"]), git(sandbox, &["diff", "HEAD"]));
    let before = state();
    let ended = run(sandbox, &[arguments, &WITHOUT[..]].concat());
    assert_eq!(ended.code, Some(8), "{arguments:?}: {ended:?}");
    assert_eq!(state(), before, "{arguments:?}");
    ended.stderr
}

#[cfg(unix)]
fn hook(sandbox: &Sandbox, name: &str, script: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let path = format!(".git/hooks/{name}");
    sandbox.write(&path, format!("#!/bin/sh\n{script}\n"));
    fs::set_permissions(sandbox.path().join(path), fs::Permissions::from_mode(0o755)).unwrap();
}

/// What is gone or changed without a commit gets nobody around a gate, a wave or the Mesh.
#[test]
fn files_that_are_gone_or_changed_stop_every_step() {
    let rollout = |sandbox: &Sandbox| {
        let text = sandbox.read("rollout.yaml");
        sandbox.write(
            "rollout.yaml",
            text.replace("- {name: first, gateways: [httpbin/c]}", "- {name: first, labels: {tier: one}}"),
        );
        let text = sandbox.read("c/egress.yaml");
        sandbox.write("c/egress.yaml", text.replace("name: c\n", "name: c\n  labels: {tier: one}\n"));
        sandbox
            .write("mesh.yaml", "apiVersion: sallyport.dev/v1alpha1\nkind: Mesh\nmetadata: {name: mesh}\nspec: {}\n");
    };
    let removals = ["rollout.yaml", "mesh.yaml", "c/c.candidate.yaml"];
    let edits = [
        ("c/egress.yaml", "tier: one", "tier: two"),
        ("c/c.candidate.yaml", "/get", "/got"),
        ("mesh.yaml", "spec: {}", "spec: {trustDomain: b.example}"),
        ("rollout.yaml", "{tier: one}", "{tier: two}"),
    ];
    let changes = removals.map(|file| (file, "", "")).into_iter().chain(edits);
    for (file, from, to) in changes {
        let sandbox = three();
        rollout(&sandbox);
        repository(&sandbox);
        if from.is_empty() {
            fs::remove_file(sandbox.path().join(file)).unwrap();
        } else {
            let text = sandbox.read(file);
            assert!(text.contains(from), "{text}");
            sandbox.write(file, text.replace(from, to));
        }
        let said = match from {
            "" => format!("the removal of `{file}` is not committed"),
            _ => format!("`{file}` is not committed"),
        };
        // The turn of an earlier wave may come before that.
        for arguments in [&["promote", "b"][..], &["promote", "b", "--commit"], &["promote", "--commit"]] {
            let stderr = refused(&sandbox, arguments);
            let is_turn = stderr.contains("`httpbin/b` is in the wave `(others)`");
            assert!(stderr.contains(&said) || (is_turn && arguments.contains(&"b")), "{file}: {stderr}");
            assert!(is_turn || stderr.contains("`git checkout HEAD -- FILE`"), "{stderr}");
        }
        for verb in ["plan", "status"] {
            let stdout = run(&sandbox, &[verb]).stdout;
            assert!(stdout.contains(&format!("missing: commit: {said}\n")), "{file}: {stdout}");
        }
        git(&sandbox, &["checkout", "--quiet", "HEAD", "--", file]);
        promote(&sandbox, &["--commit"]);
    }
    // What is staged is not committed, and what has another lock is another project.
    let sandbox = three();
    sandbox.write("other/sallyport.lock", sandbox.read("sallyport.lock"));
    sandbox
        .write("other/mesh.yaml", "apiVersion: sallyport.dev/v1alpha1\nkind: Mesh\nmetadata: {name: mesh}\nspec: {}\n");
    sandbox.write("values.yaml", "kind: Values\n");
    repository(&sandbox);
    for file in ["other/mesh.yaml", "values.yaml"] {
        fs::remove_file(sandbox.path().join(file)).unwrap();
    }
    promote(&sandbox, &["c", "--commit"]);
    git(&sandbox, &["rm", "--quiet", "rollout.yaml"]);
    assert!(
        refused(&sandbox, &["promote", "c"]).starts_with("error: the removal of `rollout.yaml` is not committed, and")
    );
}

/// All that HEAD has must have a filter before it is that of the lock.
#[test]
fn a_filter_is_not_given_to_all_while_an_egress_is_gone() {
    let sandbox = rolling();
    for _ in 0..2 {
        promote(&sandbox, &["--filter", "--commit"]);
    }
    fs::remove_dir_all(sandbox.path().join("b")).unwrap();
    let gone = "the removal of `b/b.candidate.yaml`, `b/egress.yaml` is not committed";
    assert!(refused(&sandbox, &["promote", "--filter", "--commit"]).starts_with(&format!("error: {gone}, and")));
    assert!(refused(&sandbox, &["promote", "c"]).starts_with(&format!("error: {gone}, and")));
    git(&sandbox, &["checkout", "--quiet", "HEAD", "--", "b"]);
    promote(&sandbox, &["--filter", "--commit"]);
}

/// The next commit by hand has no step that was undone.
#[cfg(unix)]
#[test]
fn a_commit_that_fails_leaves_nothing_in_the_index() {
    for name in ["pre-commit", "commit-msg"] {
        for to in ["shadow", "enforce", "settled", "back"] {
            let sandbox = sandbox();
            repository(&sandbox);
            if to != "shadow" {
                promote(&sandbox, &["--commit"]);
            }
            if ["settled", "back"].contains(&to) {
                promote(&sandbox, &["--to", "enforce", "--commit"]);
            }
            if to == "back" {
                promote(&sandbox, &["--commit"]);
            }
            hook(&sandbox, name, "exit 1");
            let step = [&["promote", "--commit", "--to", to], &WITHOUT[..]].concat();
            // It has a file that Git did not have before.
            let back = ["rollback", "httpbin", "--commit"];
            let failed = run(&sandbox, if to == "back" { &back } else { &step });
            assert_eq!(failed.code, Some(3), "{failed:?}");
            assert_eq!(git(&sandbox, &["diff", "--cached", "--name-only"]), "", "{to}");
            assert_eq!(git(&sandbox, &["ls-files"]).contains("candidate"), to != "back");
            if to != "back" {
                let undone = run(&sandbox, &["rollback"]);
                assert!(undone.code == Some(0) && undone.stdout.contains("so it is undone: "), "{undone:?}");
            }
            fs::remove_file(sandbox.path().join(".git/hooks").join(name)).unwrap();
            sandbox.write("README", "readme\n");
            git(&sandbox, &["add", "README"]);
            git(&sandbox, &["commit", "--quiet", "--message=readme"]);
            assert_eq!(git(&sandbox, &["show", "--format=", "--name-only"]), "README\n");
        }
    }
    // What somebody has staged is taken out, too.
    let sandbox = sandbox();
    repository(&sandbox);
    promote(&sandbox, &[]);
    git(&sandbox, &["add", "sallyport.lock"]);
    assert_eq!(run(&sandbox, &["rollback"]).code, Some(0));
    assert_eq!(git(&sandbox, &["status", "--short"]), "");
}

#[cfg(unix)]
#[test]
fn what_a_hook_adds_to_a_commit_is_named() {
    let hooks = [
        ("echo wip >wip.txt; git add wip.txt", "`wip.txt`\n"),
        (
            "sed -i.old 's/host: httpbin.org/host: evil.example.com/' egress.yaml; git add egress.yaml",
            "`egress.yaml`\n",
        ),
        ("git reset --quiet -- egress.yaml", "`egress.yaml`\n"),
    ];
    for (script, named) in hooks {
        let sandbox = sandbox();
        repository(&sandbox);
        promote(&sandbox, &["--to", "enforce", "--commit"]);
        let before = git(&sandbox, &["rev-parse", "--short", "HEAD"]);
        hook(&sandbox, "pre-commit", script);
        let ended = run(&sandbox, &[&["promote", "--commit"], &WITHOUT[..]].concat());
        assert!(ended.code == Some(3) && ended.stdout.contains("  committed "), "{ended:?}");
        let says = format!(
            "is not what this command wrote, and its message does not say so: a hook has added, changed or left out {named}"
        );
        assert!(ended.stderr.contains(&says), "{ended:?}");
        // Its cure leads back.
        let undo = format!("git reset {}", before.trim());
        assert!(ended.stderr.contains(&format!("`{undo}` takes the commit back")), "{ended:?}");
        git(&sandbox, &["reset", "--quiet", before.trim()]);
        fs::remove_file(sandbox.path().join(".git/hooks/pre-commit")).unwrap();
        let text = sandbox.read("egress.yaml").replace("evil.example.com", "httpbin.org");
        sandbox.write("egress.yaml", text);
        let done = run(&sandbox, &["promote", "--commit"]);
        assert!(done.code == Some(8) && done.stdout.contains("so this run has committed it"), "{done:?}");
        let has = git(&sandbox, &["show", "--format=", "--name-only", "--no-renames"]);
        assert_eq!(has, "egress.yaml\nhttpbin.candidate.yaml\nsallyport.lock\n");
    }
}

#[cfg(unix)]
#[test]
fn what_git_would_not_take_is_asked_before() {
    // A series of cherry-picks, one of which was committed by hand.
    let sandbox = sandbox();
    repository(&sandbox);
    fs::create_dir(sandbox.path().join(".git/sequencer")).unwrap();
    let stderr = refused(&sandbox, &["promote", "--commit"]);
    assert!(stderr.contains("the repository is in the middle of a series of cherry-picks or reverts\n"), "{stderr}");
    fs::remove_dir(sandbox.path().join(".git/sequencer")).unwrap();
    // Another git is at work, or was killed.
    sandbox.write(".git/index.lock", "");
    let ended = run(&sandbox, &["promote", "--commit"]);
    assert!(
        ended.code == Some(8) && ended.stderr.contains("nothing is written, because git could not commit it: "),
        "{ended:?}"
    );
    fs::remove_file(sandbox.path().join(".git/index.lock")).unwrap();
    assert!(entry(&sandbox, "httpbin/httpbin").is_null());
    // Outside of the sparse checkout.
    git(&sandbox, &["sparse-checkout", "set", "--no-cone", "/*", "!/sallyport.lock"]);
    sandbox.write("sallyport.lock", crate::rollout::lock());
    git(&sandbox, &["update-index", "--skip-worktree", "sallyport.lock"]);
    let lock = sandbox.read("sallyport.lock");
    let ended = run(&sandbox, &["promote", "--commit"]);
    assert!(ended.code == Some(8) && ended.stderr.contains("outside of your sparse-checkout definition"), "{ended:?}");
    assert_eq!(sandbox.read("sallyport.lock"), lock);
    // A folder behind a link is the folder.
    let sandbox = Sandbox::with(&[
        ("gw/egress.yaml", GOOD),
        ("gw/httpbin.candidate.yaml", CANDIDATE),
        ("gw/sallyport.lock", &crate::rollout::lock()),
    ]);
    std::os::unix::fs::symlink("gw", sandbox.path().join("link")).unwrap();
    repository(&sandbox);
    for to in ["shadow", "enforce", "settled"] {
        promote(&sandbox, &["--files", "link", "--commit", "--to", to]);
        assert_eq!(git(&sandbox, &["status", "--short"]), "");
    }
}

/// What git stores is compared.
#[cfg(unix)]
#[test]
fn filters_of_git_are_no_change() {
    let sandbox = sandbox();
    sandbox.write(".gitattributes", "*.yaml filter=up\n");
    git(&sandbox, &["init", "--quiet", "--initial-branch=main"]);
    git(&sandbox, &["config", "filter.up.clean", "sed 's/host: httpbin.org/host: stored.example.com/'"]);
    commit(&sandbox);
    assert!(git(&sandbox, &["show", "HEAD:egress.yaml"]).contains("stored.example.com"));
    promote(&sandbox, &["--commit"]);
    sandbox.write("egress.yaml", sandbox.read("egress.yaml") + "# more\n");
    assert!(refused(&sandbox, &["promote", "--commit"]).starts_with("error: `egress.yaml` is not committed"));
}
