//! Revisions of a Git repository.

use std::process::Command;

use snapbox::{Data, assert_data_eq, str};

use super::{OLD, diff, json, new};
use crate::sandbox::Sandbox;

pub(super) fn git(sandbox: &Sandbox, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]).args(arguments);
    let output = command.current_dir(sandbox.path()).env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
}

/// The old file at `main:deploy/x/egress.yaml`, the new one in the folder.
pub(super) fn repository() -> Sandbox {
    let sandbox =
        Sandbox::with(&[("deploy/x/egress.yaml", OLD), ("deploy/service.yaml", "apiVersion: v1\nkind: Service\n")]);
    git(&sandbox, &["init", "--quiet", "--initial-branch=main"]);
    commit(&sandbox);
    sandbox.write("deploy/x/egress.yaml", new());
    sandbox
}

pub(super) fn commit(sandbox: &Sandbox) {
    git(sandbox, &["add", "--all"]);
    git(sandbox, &["commit", "--quiet", "--message=a"]);
}

#[test]
fn a_revision_is_a_folder_or_a_file() {
    let sandbox = repository();
    let folders = diff(&sandbox, &["main:deploy/", "deploy/"]);
    assert_eq!((folders.code, folders.stderr.as_str()), (Some(2), ""));
    for arguments in [
        ["main:deploy", "deploy"],
        ["HEAD:", "deploy/x/egress.yaml"],
        ["main:deploy/x/egress.yaml", "deploy/x/egress.yaml"],
        [":deploy/x/egress.yaml", "."],
        ["main:./deploy", "deploy"],
    ] {
        assert_eq!(diff(&sandbox, &arguments).stdout, folders.stdout, "{arguments:?}");
    }
    commit(&sandbox);
    assert_eq!(diff(&sandbox, &["HEAD^:deploy", "HEAD:deploy"]).stdout, folders.stdout);
    assert_eq!(diff(&sandbox, &["main:deploy", "deploy"]).stdout, "no difference\n");
    let below =
        sandbox.command(&["diff", "HEAD^:deploy", "egress.yaml"]).current_dir(sandbox.path().join("deploy/x")).output();
    assert_eq!(String::from_utf8(below.unwrap().stdout).unwrap(), folders.stdout);
}

/// `git archive` would leave it out.
#[test]
fn attributes_of_a_revision_hide_nothing() {
    let sandbox = repository();
    sandbox.write(".gitattributes", "*.yaml export-ignore\n");
    commit(&sandbox);
    assert_eq!(json(&sandbox, &["HEAD^:deploy", "HEAD:deploy"]), json(&sandbox, &["HEAD^:deploy", "deploy"]));
    assert_eq!(diff(&sandbox, &["HEAD^:deploy", "HEAD:deploy"]).code, Some(2));
}

/// A pull request would be compared with itself.
#[cfg(unix)]
#[test]
fn a_folder_with_the_name_of_a_revision_is_not_read() {
    let sandbox = repository();
    sandbox.write("main:deploy/egress.yaml", new());
    assert_eq!(diff(&sandbox, &["main:deploy", "deploy"]).code, Some(2));
    assert_eq!(diff(&sandbox, &["./main:deploy", "deploy"]).code, Some(0));
}

fn unreadable(sandbox: &Sandbox, old: &str, shown: impl Into<Data>) {
    let ended = diff(sandbox, &[old, "deploy"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(3), ""), "{old}");
    assert_data_eq!(ended.stderr, shown.into());
}

#[test]
fn a_revision_that_cannot_be_read_is_a_failure() {
    let sandbox = repository();
    unreadable(
        &sandbox,
        "gone:deploy/",
        str![[r#"
error: cannot read `gone:deploy/`: there is no revision `gone`
  help: fetch it first; in a pipeline, a checkout may have one commit only

"#]],
    );
    unreadable(
        &sandbox,
        "main:gone/",
        str![[r#"
error: cannot read `main:gone/`: the revision has no such file or folder
  help: write REVISION:PATH, such as `main:deploy/`; the path counts from the root of the repository

"#]],
    );
    unreadable(
        &sandbox,
        "main:deploy/service.yaml",
        str![[r#"
error: `main:deploy/service.yaml` has no Egress and no Mesh file
  help: name a file or folder that has them

"#]],
    );
    unreadable(
        &sandbox,
        "main:\u{1b}[31m\n",
        str![[r#"
error: cannot read `main:/u{1b}[31m/n`: path '?[31m
  help: write REVISION:PATH, such as `main:deploy/`; the path counts from the root of the repository

"#]],
    );
    sandbox.write("empty/a.txt", "");
    #[cfg(unix)]
    std::os::unix::fs::symlink("x/egress.yaml", sandbox.path().join("deploy/link.yaml")).unwrap();
    commit(&sandbox);
    unreadable(
        &sandbox,
        "main:empty",
        str![[r#"
error: `main:empty` has no Egress and no Mesh file
  help: name a file or folder that has them

"#]],
    );
    unreadable(
        &sandbox,
        "main:deploy",
        str![[r#"
error: `link.yaml` in `main:deploy` is a symbolic link
  help: links are not followed in a revision; check both revisions out, and compare two folders

"#]],
    );
    unreadable(
        &Sandbox::with(&[("deploy/egress.yaml", OLD)]),
        "main:deploy",
        str![[r#"
error: cannot read `main:deploy`: this folder is in no Git repository
  help: run it in the repository; a file with a colon in its name is written `./NAME`

"#]],
    );
    unreadable(
        &sandbox,
        "gone.yaml",
        str![[r#"
error[SP9001]: cannot read `gone.yaml`: no such file or directory
--> gone.yaml

"#]],
    );
}

#[test]
fn a_revision_needs_git() {
    let sandbox = repository();
    let output = sandbox.command(&["diff", "main:deploy", "deploy"]).env("PATH", sandbox.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert_data_eq!(
        String::from_utf8(output.stderr).unwrap(),
        str![[r#"
error: cannot run `git` to read `main:deploy`: there is no such program in PATH
  help: install Git, or compare two files or folders

"#]]
    );
    let folders = sandbox.command(&["diff", "deploy", "deploy"]).env("PATH", sandbox.path()).output().unwrap();
    assert_eq!(folders.status.code(), Some(0));
}
