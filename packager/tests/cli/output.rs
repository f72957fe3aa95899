//! The output folder of `sallyport build`: what stands in the way there, whose files they are, and what its record is for.

use std::fs;

use snapbox::{assert_data_eq, str};

use crate::sandbox::{Ended, GOOD, LOCK, Sandbox};

pub(crate) const URL: &str = "https://git.example.com/mesh.git";
pub(crate) const ARGO: [&str; 4] = ["--argo", "--root", "--repository", URL];

pub(crate) fn sandbox() -> Sandbox {
    Sandbox::with(&[("in/egress.yaml", GOOD), ("in/sallyport.lock", LOCK)])
}

pub(crate) fn built() -> Sandbox {
    let sandbox = sandbox();
    assert_eq!(build(&sandbox, &[]).code, Some(0));
    sandbox
}

pub(crate) fn build(sandbox: &Sandbox, more: &[&str]) -> Ended {
    sandbox.run(&[&["build", "in", "-o", "out"], more].concat())
}

/// Every way to look at the folder fails, with this at the head of the message.
fn assert_refused(sandbox: &Sandbox, message: &str) {
    for how in [&["-o", "out"][..], &["-o", "out", "--prune"], &["--check", "out"], &["--diff", "out"]] {
        let ended = sandbox.run(&[&["build", "in"], how].concat());
        assert_eq!(ended.code, Some(3), "{how:?}: {ended:?}");
        assert!(ended.stderr.starts_with(&format!("error: {message}")), "{how:?}: {}", ended.stderr);
        assert!(ended.stderr.contains("\n  help: "), "{how:?}: {}", ended.stderr);
    }
}

/// The command after these words in a text, as a shell would run it.
fn pasted(sandbox: &Sandbox, text: &str, words: &str) -> Ended {
    let (_, command) = text.split_once(words).unwrap();
    let command = command.lines().next().unwrap();
    let program = sandbox.command(&[] as &[&str]).get_program().to_owned();
    let path = std::path::Path::new(&program).parent().unwrap().to_owned();
    let output = std::process::Command::new("sh")
        .args(["-c", command])
        .env("PATH", format!("{}:{}", path.display(), std::env::var("PATH").unwrap()))
        .current_dir(sandbox.path())
        .output()
        .unwrap();
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_or_a_socket_or_a_folder_in_place_of_a_file_is_named_and_not_opened() {
    let pipe = |path: &std::path::Path| {
        assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
    };
    for name in ["httpbin-httpbin/20-plugin.yaml", "mesh/values.yaml", ".sallyport"] {
        let sandbox = built();
        let path = sandbox.path().join("out").join(name);
        fs::remove_file(&path).unwrap();
        pipe(&path);
        assert_refused(&sandbox, &format!("`out/{name}` is a named pipe, where `build` has a file\n"));
    }
    let sandbox = built();
    let path = sandbox.path().join("out/mesh/values.yaml");
    fs::remove_file(&path).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
    assert_refused(&sandbox, "`out/mesh/values.yaml` is a socket, where `build` has a file\n");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_refused(&sandbox, "`out/mesh/values.yaml` is a folder, where `build` has a file\n");
    fs::remove_dir_all(sandbox.path().join("out/mesh")).unwrap();
    sandbox.write("out/mesh", "");
    assert_refused(&sandbox, "`out/mesh` is a file, where `build` has a folder\n");
    fs::remove_dir_all(sandbox.path().join("out")).unwrap();
    pipe(&sandbox.path().join("out"));
    assert_refused(&sandbox, "`out` is a named pipe, not a folder\n");
    // One of an earlier build, too.
    let sandbox = built();
    sandbox.write("in/egress.yaml", GOOD.replace("name: httpbin", "name: other"));
    let path = sandbox.path().join("out/httpbin-httpbin/NOTES.md");
    fs::remove_file(&path).unwrap();
    pipe(&path);
    assert_refused(&sandbox, "`out/httpbin-httpbin/NOTES.md` is a named pipe, where `build` has a file\n");
    // What is not of a build does not matter.
    let sandbox = built();
    pipe(&sandbox.path().join("out/mesh/mine"));
    assert_eq!(sandbox.run(&["build", "in", "--check", "out"]).code, Some(0));
}

#[cfg(unix)]
#[test]
fn no_link_in_the_folder_leads_out_of_it() {
    use std::os::unix::fs::symlink;
    let link = "is a symbolic link, and links inside the output folder are not followed";
    for name in ["httpbin-httpbin", "mesh", "mesh/values.yaml", "httpbin-httpbin/NOTES.md", ".sallyport"] {
        let sandbox = built();
        let path = sandbox.path().join("out").join(name);
        let elsewhere = sandbox.path().join("elsewhere");
        fs::rename(&path, &elsewhere).unwrap();
        symlink(&elsewhere, &path).unwrap();
        sandbox.write("in/egress.yaml", GOOD.replace("port: 443", "port: 8443"));
        let modified = || fs::metadata(&elsewhere).unwrap().modified().unwrap();
        let before = modified();
        assert_refused(&sandbox, &format!("`out/{name}` {link}\n"));
        sandbox.write("in/egress.yaml", GOOD.replace("name: httpbin", "name: other"));
        assert_refused(&sandbox, &format!("`out/{name}` {link}\n"));
        fs::remove_file(&path).unwrap();
        symlink("nowhere", &path).unwrap();
        assert_refused(&sandbox, &format!("`out/{name}` {link}\n"));
        assert_eq!(modified(), before);
    }
    // The output folder itself may be one.
    let sandbox = sandbox();
    fs::create_dir(sandbox.path().join("real")).unwrap();
    symlink("real", sandbox.path().join("out")).unwrap();
    assert_eq!(build(&sandbox, &[]).code, Some(0));
    assert_eq!(sandbox.run(&["build", "in", "--check", "real"]).code, Some(0));
    fs::remove_dir_all(sandbox.path().join("real")).unwrap();
    assert_refused(&sandbox, "`out` is a symbolic link to a folder that does not exist\n");
}

#[test]
fn a_file_that_build_has_not_written_is_not_overwritten() {
    let sandbox = built();
    sandbox.write("out/kustomization.yaml", "mine");
    sandbox.write("out/httpbin-other/NOTES.md", "mine");
    sandbox.write("in/other.yaml", GOOD.replace("name: httpbin", "name: other").replace("httpbin.leg", "other.leg"));
    let ended = build(&sandbox, &["--root"]);
    assert_eq!(ended.code, Some(3));
    assert_data_eq!(
        ended.stderr,
        str![[r#"
error: `out/httpbin-other/NOTES.md` was not written by `sallyport build`, which would overwrite it (and 1 more)
  help: remove it or move it away, or use another output folder

"#]]
    );
    assert_refused(&sandbox, "`out/httpbin-other/NOTES.md` was not written by `sallyport build`, which would");
    assert_eq!([sandbox.read("out/kustomization.yaml"), sandbox.read("out/httpbin-other/NOTES.md")], ["mine", "mine"]);
    fs::remove_file(sandbox.path().join("out/httpbin-other/NOTES.md")).unwrap();
    assert_eq!(build(&sandbox, &[]).code, Some(0));
    assert_eq!(sandbox.read("out/kustomization.yaml"), "mine");
}

#[test]
fn a_file_of_a_build_is_overwritten_even_if_it_was_edited_or_the_record_lacks_it() {
    let sandbox = built();
    let record = sandbox.read("out/.sallyport");
    let notes = sandbox.read("out/httpbin-httpbin/NOTES.md");
    sandbox.write("out/httpbin-httpbin/kustomization.yaml", "edited, and without its head");
    let ended = sandbox.run(&["build", "in", "--check", "out"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), "changed httpbin-httpbin/kustomization.yaml\n"));
    // As after a merge of two branches.
    for name in [
        "httpbin-httpbin/NOTES.md",
        "httpbin-httpbin/20-plugin.yaml",
        "httpbin-httpbin/kustomization.yaml",
        "mesh/values.yaml",
        "mesh/istiooperator.yaml",
    ] {
        sandbox.write("out/.sallyport", record.replace(&format!("{name}\n"), ""));
        let text = format!("{}\nedited\n", sandbox.read(&format!("out/{name}")));
        let is_known = text.contains("Made by `sallyport build`");
        sandbox.write(format!("out/{name}"), text);
        let ended = build(&sandbox, &[]);
        assert_eq!(ended.code, Some(if is_known { 0 } else { 3 }), "{name}: {}", ended.stderr);
        sandbox.write("out/.sallyport", &record);
        assert_eq!(build(&sandbox, &[]).code, Some(0));
        assert_eq!(sandbox.read("out/httpbin-httpbin/NOTES.md"), notes);
    }
}

/// By these words a file is known that the record lacks.
#[test]
fn every_file_of_a_build_says_at_its_head_that_it_is_one() {
    let sandbox = sandbox();
    sandbox.write("in/egress.yaml", format!("{GOOD}  gateway: {{install: helm, createNamespace: true}}\n"));
    for (name, options) in [("out", &["--root"][..]), ("argo", &ARGO)] {
        assert_eq!(sandbox.run(&[&["build", "in", "-o", name], options].concat()).code, Some(0));
        for file in sandbox.read(&format!("{name}/.sallyport")).lines().filter(|line| !line.starts_with('#')) {
            let text = sandbox.read(&format!("{name}/{file}"));
            assert!(text.lines().take(3).any(|line| line.contains("Made by `sallyport build`")), "{file}");
        }
    }
}

#[test]
fn the_last_egress_can_be_pruned_but_only_on_request() {
    let sandbox = built();
    fs::remove_file(sandbox.path().join("in/egress.yaml")).unwrap();
    for how in ["-o", "--check", "--diff"] {
        let ended = sandbox.run(&["build", "in", how, "out"]);
        assert_eq!((ended.code, ended.stdout.contains("error[SP9002]")), (Some(3), true), "{ended:?}");
        assert_eq!(ended.stderr, "to remove what earlier builds wrote: sallyport build in -o out --prune\n");
    }
    assert!(sandbox.path().join("out/httpbin-httpbin/20-plugin.yaml").exists());
    let ended = sandbox.run(&["build", "in", "--check", "out", "--prune"]);
    assert_eq!((ended.code, ended.stdout.contains("stale httpbin-httpbin/20-plugin.yaml\n")), (Some(2), true));
    let ended = pasted(&sandbox, &ended.stderr, "to bring the folder up to date: ");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.starts_with("nothing is built: no Egress and no Mesh was given\nremoved:\n"), "{ended:?}");
    assert!(ended.stdout.contains("\n  kubectl delete --ignore-not-found -n httpbin "), "{}", ended.stdout);
    assert!(ended.stdout.ends_with("in your Istio installation, if you added them.\n"), "{}", ended.stdout);
    let left: Vec<_> =
        fs::read_dir(sandbox.path().join("out")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, [".sallyport"]);
    // There is nothing left to remove, and a wrong path is still one.
    assert_eq!(build(&sandbox, &["--prune"]).code, Some(3));
    assert_eq!(sandbox.run(&["build", "gone", "-o", "out", "--prune"]).code, Some(3));
    sandbox.write("in/egress.yaml", GOOD);
    assert_eq!(build(&sandbox, &[]).code, Some(0));
}

#[test]
fn a_typing_error_prunes_nothing() {
    let sandbox = built();
    for input in ["gone", "in/gone.yaml", "in/sallyport.lock"] {
        let ended = sandbox.run(&["build", input, "-o", "out", "--prune"]);
        assert!(matches!(ended.code, Some(1 | 3)), "{input}: {ended:?}");
        assert!(sandbox.path().join("out/httpbin-httpbin/20-plugin.yaml").exists());
    }
}

#[test]
fn a_comparison_uses_the_options_of_the_folder() {
    for options in [&["--root"][..], &["--argo"], &ARGO, &[&ARGO[..], &["--revision", "main"]].concat()] {
        let sandbox = sandbox();
        assert_eq!(build(&sandbox, options).code, Some(0));
        for how in ["--check", "--diff"] {
            let ended = sandbox.run(&["build", "in", how, "out"]);
            assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{options:?}: {ended:?}");
        }
        // From another place the path in the repository is still the same.
        let ended = sandbox.run(&["build", "in", "--check", sandbox.path().join("in/../out").to_str().unwrap(), "-q"]);
        assert_eq!(ended.code, Some(0), "{options:?}: {ended:?}");
        sandbox.write("in/egress.yaml", GOOD.replace("name: httpbin", "name: other"));
        let ended = sandbox.run(&["build", "in", "--check", "out"]);
        assert_eq!(ended.code, Some(2));
        assert_eq!(pasted(&sandbox, &ended.stderr, "to bring the folder up to date: ").code, Some(0), "{ended:?}");
        assert_eq!(sandbox.run(&["build", "in", "--check", "out"]).code, Some(0));
        let entry =
            ["out/kustomization.yaml", "out/applicationset.yaml"].map(|name| sandbox.path().join(name).exists());
        assert_eq!(entry.contains(&true), options.contains(&"--root"));
    }
}

#[test]
fn other_options_than_those_of_the_folder_are_pointed_out() {
    let sandbox = sandbox();
    assert_eq!(build(&sandbox, &["--root"]).code, Some(0));
    let ended = sandbox.run(&["build", "in", "--check", "out", "--argo"]);
    assert_eq!(
        ended.stderr,
        "options: --argo; those of the last build: --root\n\
         to bring the folder up to date: sallyport build in -o out --argo --prune\n"
    );
    let ended = build(&sandbox, &[]);
    assert!(ended.stdout.contains("\noptions: none; those of the last build: --root\n"), "{}", ended.stdout);
    assert!(!build(&sandbox, &[]).stdout.contains("options: "));
}

#[test]
fn a_record_with_other_options_is_refused_for_a_comparison() {
    let sandbox = built();
    let record = sandbox.read("out/.sallyport");
    for option in ["--rot", "--repository=x", "in"] {
        sandbox.write("out/.sallyport", format!("# Option: {option}\n{record}"));
        let ended = sandbox.run(&["build", "in", "--check", "out"]);
        assert_eq!(ended.code, Some(3));
        let shown = option.replace("=x", "=...");
        let message =
            format!("error: `out/.sallyport`: its options, `{shown}`, are not those of a build\n  help: remove");
        assert!(ended.stderr.starts_with(&message), "{}", ended.stderr);
    }
    // A build has its own.
    assert_eq!(build(&sandbox, &[]).code, Some(0));
    assert_eq!(sandbox.run(&["build", "in", "--check", "out"]).code, Some(0));
}

#[test]
fn the_command_that_prunes_can_be_pasted() {
    let sandbox = Sandbox::with(&[("my files/egress.yaml", GOOD), ("my files/sallyport.lock", LOCK)]);
    let arguments = [&["build", "my files", "-o", "my out"], &ARGO[..], &["--revision=v1.*"]].concat();
    assert_eq!(sandbox.run(&arguments).code, Some(0));
    sandbox.write("my files/egress.yaml", GOOD.replace("name: httpbin", "name: other"));
    let ended = sandbox.run(&arguments);
    let command = format!(
        "to remove them: sallyport build 'my files' -o 'my out' --argo --root --repository={URL} '--revision=v1.*' --prune\n"
    );
    assert!(ended.stdout.contains(&command), "{}", ended.stdout);
    let ended = pasted(&sandbox, &ended.stdout, "to remove them: ");
    assert!(ended.stdout.contains(" 0 written, 7 removed\n"), "{ended:?}");
    assert_eq!(sandbox.run(&["build", "my files", "--check", "my out"]).code, Some(0));
}

#[test]
fn what_build_wrote_is_checked_only_if_its_folder_is_named() {
    let sandbox = sandbox();
    let merge = "merge: {spec: {wasm: {failStrategy: FAIL_OPEN}}}";
    sandbox.write("in/egress.yaml", format!("{GOOD}  patches:\n  - kind: TrafficExtension\n    {merge}\n"));
    let before = sandbox.run(&["check", "."]);
    assert_eq!(sandbox.run(&["build", "in", "-o", "in/deep/out", "--root"]).code, Some(0));
    let ended = sandbox.run(&["check", "."]);
    assert_eq!(ended.stdout, before.stdout);
    assert!(sandbox.run(&["check", "in/deep/out"]).stdout.contains("warning[SP2508]"));
    // A file that someone put beside them is checked.
    sandbox.write("in/deep/out/mine.yaml", crate::sandbox::bad());
    assert!(sandbox.run(&["check", "."]).stdout.contains("--> in/deep/out/mine.yaml:"));
    assert!(sandbox.run(&["build", "in", "-o", "other"]).stdout.contains("--> in/deep/out/mine.yaml:"));
}

#[cfg(unix)]
#[test]
fn a_pipe_in_place_of_a_record_or_of_a_lock_does_not_block() {
    let sandbox = sandbox();
    for name in ["in/.sallyport", "in/deep/.sallyport"] {
        fs::create_dir_all(sandbox.path().join("in/deep")).unwrap();
        let status = std::process::Command::new("mkfifo").arg(sandbox.path().join(name)).status().unwrap();
        assert!(status.success());
        assert_eq!(sandbox.run(&["check", "."]).code, Some(0));
    }
    fs::remove_file(sandbox.path().join("in/sallyport.lock")).unwrap();
    std::process::Command::new("mkfifo").arg(sandbox.path().join("in/sallyport.lock")).status().unwrap();
    let ended = sandbox.run(&["check", "in"]);
    let message = "error[SP9105]: `in/sallyport.lock`: it is not a regular file";
    assert_eq!((ended.code, ended.stdout.contains(message)), (Some(1), true), "{}", ended.stdout);
}
