//! Revisions of a Git repository.

use std::process::Command;

use snapbox::{Data, assert_data_eq, str};

use super::{OLD, diff, json, new};
use crate::sandbox::{Ended, GOOD, Sandbox};

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
        let ended = diff(&sandbox, &arguments);
        assert_eq!(places_removed(&ended.stdout), places_removed(&folders.stdout), "{arguments:?}");
    }
    // Both sides name the rule in its file.
    assert!(
        folders
            .stdout
            .contains("      rule:     readers deploy/x/egress.yaml:14:11, was main:deploy/x/egress.yaml:13:11\n"),
        "{folders:?}"
    );
    commit(&sandbox);
    let committed = diff(&sandbox, &["HEAD^:deploy", "HEAD:deploy"]).stdout;
    assert_eq!(places_removed(&committed), places_removed(&folders.stdout));
    assert_eq!(diff(&sandbox, &["main:deploy", "deploy"]).stdout, "no difference\n");
    let below =
        sandbox.command(&["diff", "HEAD^:deploy", "egress.yaml"]).current_dir(sandbox.path().join("deploy/x")).output();
    let below = String::from_utf8(below.unwrap().stdout).unwrap();
    assert_eq!(places_removed(&below), places_removed(&folders.stdout));
}

/// `git archive` would leave it out.
#[test]
fn attributes_of_a_revision_hide_nothing() {
    let sandbox = repository();
    sandbox.write(".gitattributes", "*.yaml export-ignore\n");
    commit(&sandbox);
    let ids = |arguments: &[&str]| {
        let found = json(&sandbox, arguments);
        let regions = found["gateways"][0]["regions"].as_array().unwrap().clone();
        regions.iter().map(|region| region["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&["HEAD^:deploy", "HEAD:deploy"]), ids(&["HEAD^:deploy", "deploy"]));
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
error: cannot read `main:/u{1b}[31m/n`: the revision has no such file or folder
  help: write REVISION:PATH, such as `main:deploy/`; the path counts from the root of the repository

"#]],
    );
    sandbox.write("empty/a.txt", "");
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

fn diff_in(sandbox: &Sandbox, folder: &str, arguments: &[&str]) -> Ended {
    let arguments = [&["diff"], arguments].concat();
    let output = sandbox.command(&arguments).current_dir(sandbox.path().join(folder)).output().unwrap();
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// As Git reads a path: from the root, or from the working directory if it begins with a dot.
#[test]
fn a_path_of_a_revision_may_be_relative() {
    let sandbox = repository();
    let here = diff(&sandbox, &["main:deploy/x", "deploy/x"]).stdout;
    for (folder, arguments) in [
        ("deploy", &["HEAD:.", "."][..]),
        ("deploy", &["HEAD:./", "."]),
        ("deploy/x", &["HEAD:..", ".."]),
        ("deploy/x", &["HEAD:../x/./egress.yaml", "egress.yaml"]),
        ("deploy", &["HEAD:deploy", "../deploy"]),
        ("deploy/x", &["HEAD:deploy/x/egress.yaml", "."]),
        ("", &["deploy"]),
        ("", &["deploy/x/egress.yaml"]),
        ("deploy", &["."]),
        ("deploy", &[]),
        ("deploy/x", &[".."]),
    ] {
        let ended = diff_in(&sandbox, folder, arguments);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(2), ""), "{arguments:?}");
        assert_eq!(places_removed(&ended.stdout), places_removed(&here), "{arguments:?}");
    }
    for (arguments, message) in [
        (
            &["HEAD:x", "."][..],
            "error: cannot read `HEAD:x`: the revision has no such file or folder\n  \
             help: a path counts from the root of the repository; the one in this folder is `HEAD:./x`\n",
        ),
        (&["HEAD:../../x", "."], "error: cannot read `HEAD:../../x`: the path leaves the repository\n"),
        (
            &["../../x"],
            "error: `../../x` is not in the Git repository of this folder\n  help: name both sides: `sallyport diff OLD NEW`\n",
        ),
    ] {
        let ended = diff_in(&sandbox, "deploy", arguments);
        assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (Some(3), "", message));
    }
}

/// Without the names of files, which depend on the arguments.
fn places_removed(text: &str) -> String {
    text.lines().filter(|line| !line.starts_with("      rule")).collect::<Vec<_>>().join("\n")
}

#[test]
fn one_argument_is_compared_with_the_last_commit() {
    let sandbox = repository();
    let absolute = sandbox.path().join("deploy");
    let ended = diff(&sandbox, &[absolute.to_str().unwrap()]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(2), ""));
    commit(&sandbox);
    assert_eq!(diff(&sandbox, &["deploy"]).stdout, "no difference\n");
    sandbox.write("later/egress.yaml", OLD);
    let later = diff(&sandbox, &["later"]);
    assert!(later.stderr.starts_with("error: cannot read `HEAD:later`: the revision has no such file"), "{later:?}");
    let revision = diff(&sandbox, &["main:deploy"]);
    assert_eq!(
        (revision.code, revision.stderr.as_str()),
        (
            Some(64),
            "error: there is nothing to compare `main:deploy` with\n  help: name both sides: `sallyport diff OLD NEW`\n"
        )
    );
    let outside = diff(&Sandbox::with(&[("egress.yaml", OLD)]), &["egress.yaml"]);
    assert_data_eq!(
        outside.stderr,
        str![[r#"
error: cannot read `egress.yaml`: this folder is in no Git repository
  help: name both sides: `sallyport diff OLD NEW`

"#]]
    );
    let empty = Sandbox::with(&[("egress.yaml", OLD)]);
    git(&empty, &["init", "--quiet"]);
    assert_data_eq!(
        diff(&empty, &["egress.yaml"]).stderr,
        str![[r#"
error: cannot read `HEAD:egress.yaml`: there is no revision `HEAD`
  help: the repository has no commit yet

"#]]
    );
}

/// Within the revision, as the files of a folder are.
#[cfg(unix)]
#[test]
fn links_are_followed_within_a_revision() {
    use std::os::unix::fs::symlink;

    let sandbox = repository();
    let expected = diff(&sandbox, &["main:deploy", "deploy"]).stdout;
    sandbox.write("deploy/x/egress.yaml", OLD);
    let link = |target: &str, name: &str| symlink(target, sandbox.path().join(name)).unwrap();
    // The same file by another name, in the folder, beside it, and by a folder.
    link("x/egress.yaml", "deploy/link.yaml");
    link("deploy/x/egress.yaml", "link.yaml");
    link("deploy", "folder");
    std::fs::create_dir(sandbox.path().join("other")).unwrap();
    link("../deploy/x/egress.yaml", "other/egress.yaml");
    commit(&sandbox);
    sandbox.write("deploy/x/egress.yaml", new());
    for old in ["HEAD:deploy", "HEAD:link.yaml", "HEAD:./link.yaml", "HEAD:folder", "HEAD:folder/x", "HEAD:other"] {
        let ended = diff(&sandbox, &[old, "deploy"]);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(2), ""), "{old}");
        assert_eq!(places_removed(&ended.stdout), places_removed(&expected), "{old}");
    }
    let help = "  help: a revision has only what is in its repository; check both sides out, and compare two folders\n";
    for (target, is) in [
        ("/etc/hosts", "is a symbolic link that leaves the repository, to `/etc/hosts`"),
        ("../../a\u{1b}[31m", "is a symbolic link that leaves the repository, to `../a\\u{1b}[31m`"),
        ("gone.yaml", "is a symbolic link to a file that the revision does not have"),
        ("link.yaml", "is a symbolic link to itself"),
        ("x/egress.yaml/a", "has a file in the place of a folder"),
    ] {
        std::fs::remove_file(sandbox.path().join("deploy/link.yaml")).unwrap();
        link(target, "deploy/link.yaml");
        commit(&sandbox);
        for old in ["HEAD:deploy/link.yaml", "HEAD:deploy"] {
            let ended = diff(&sandbox, &[old, "deploy/x"]);
            assert_eq!((ended.code, ended.stdout.as_str()), (Some(3), ""), "{old} {target}");
            assert_eq!(ended.stderr, format!("error: `HEAD:deploy/link.yaml` {is}\n{help}"), "{old} {target}");
        }
    }
    let index = diff(&sandbox, &[":deploy/link.yaml", "deploy/x"]);
    assert!(index.stderr.contains("is a symbolic link, which is not followed in the index\n"), "{index:?}");
}

/// Other commands read revisions as well.
#[test]
fn a_revision_is_asked_and_explained() {
    let sandbox = repository();
    let asked = sandbox.run(&["query", "main:deploy", "--method", "DELETE"]);
    assert_eq!((asked.code, asked.stderr.as_str()), (Some(0), ""));
    assert_eq!(asked.stdout, "shop/orders: no rule allows DELETE requests\n");
    let asked = sandbox.run(&["query", "main:./deploy/x/egress.yaml", "--method", "POST"]);
    assert!(asked.stdout.contains("`checkout` (main:deploy/x/egress.yaml:17:11)\n"), "{asked:?}");
    for file in ["main:deploy", "main:deploy/x/egress.yaml", "main:./deploy/x/egress.yaml", ":deploy/x/egress.yaml"] {
        let explained = sandbox.run(&["explain", file, "--as", "shop/a", "DELETE", "/orders/1"]);
        assert_eq!((explained.code, explained.stderr.as_str()), (Some(0), ""), "{file}");
        assert!(explained.stdout.contains("verdict   refused: not_allowed\n"), "{file}: {explained:?}");
    }
    // With the Mesh file beside it, and without other files.
    let mesh =
        "apiVersion: sallyport.dev/v1alpha1\nkind: Mesh\nmetadata: {name: mesh}\nspec: {trustDomain: corp.example}\n";
    sandbox.write("deploy/x/mesh.yaml", mesh);
    sandbox.write("deploy/x/other.egress.yaml", GOOD);
    sandbox.write("deploy/x/below/egress.yaml", "");
    commit(&sandbox);
    let arguments = ["--as", "corp.example/ns/shop/sa/a", "GET", "/orders/1"];
    let explained = sandbox.run(&[&["explain", "HEAD:deploy/x/egress.yaml"], &arguments[..]].concat());
    assert!(explained.stdout.contains("verdict   allowed by `readers`\n"), "{explained:?}");
    for command in ["query", "explain"] {
        let gone =
            sandbox.run(&[&[command, "gone:deploy"], &arguments[..if command == "query" { 0 } else { 4 }]].concat());
        assert_eq!((gone.code, gone.stdout.as_str()), (Some(3), ""));
        assert!(gone.stderr.starts_with("error: cannot read `gone:deploy`: there is no revision `gone`"), "{gone:?}");
    }
}
