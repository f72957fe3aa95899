//! `sallyport init`

use snapbox::{assert_data_eq, str};

use crate::sandbox::Sandbox;

#[test]
fn a_first_file_passes_the_check() {
    let sandbox = Sandbox::new();
    let ended = sandbox.run(&["init"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""));
    assert_data_eq!(
        ended.stderr,
        str![[r#"
wrote `egress.yaml`, cases for it in `cases.yaml`, and the schema `sallyport.schema.json` for your editor

Next, edit `spec.authz.rules` to say who may do what. Then run:
  sallyport check egress.yaml
  sallyport test egress.yaml           # what it means
  sallyport run egress.yaml            # try it on this machine
  sallyport build egress.yaml -o out   # the manifests, and what to do with them

"#]]
    );
    let text = sandbox.read("egress.yaml");
    assert!(text.starts_with("# yaml-language-server: $schema=sallyport.schema.json\n"), "{text}");
    // No caller lives beside the gateway.
    assert!(text.contains("namespace: egress-httpbin\n") && text.contains("[default/sleep]"), "{text}");
    assert_eq!(sandbox.read("sallyport.schema.json"), sandbox.run(&["schema"]).stdout);
    assert_eq!(sandbox.run(&["check", "."]).code, Some(0));
    assert_eq!(sandbox.run(&["test", "--min-coverage=100"]).code, Some(0));
    // That the filter is nowhere yet is said, and is no fault of the files.
    let ended = sandbox.run(&["check", "--deny-warnings"]);
    assert_eq!((ended.code, ended.stdout.contains("SP9108")), (Some(0), true), "{ended:?}");
}

#[test]
fn a_file_is_where_commands_find_it() {
    let sandbox = Sandbox::with(&[("r/.git/HEAD", ""), ("r/a/readme", ""), ("r/mesh.yaml", "kind: Mesh\n")]);
    for (arguments, message) in [
        (
            &["r/m2"][..],
            "`r/m2` would not be found in its folder: files are `*.yaml` or `*.yml`\n  help: write `r/m2.yaml`",
        ),
        (&["r/a"], "`r/a` is a folder, not a file\n  help: name a file in it: `r/a/egress.yaml`"),
        (&["--mesh", "r/a/"], "`r/a/` is a folder, not a file\n  help: name a file in it: `r/a/mesh.yaml`"),
        (
            &["r/.git/x/egress.yaml"],
            "`r/.git/x/egress.yaml` is in Git's own folder\n  help: name a file in the work tree",
        ),
        (
            &["--mesh", "r/other.yml"],
            "`r/mesh.yaml` is a Mesh file already, and all gateways share one\n  help: edit that file, or use --force to write \
             another one",
        ),
    ] {
        let ended = sandbox.run(&[&["init"], arguments].concat());
        assert_eq!((ended.code, ended.stderr), (Some(3), format!("error: {message}\n")), "{arguments:?}");
    }
    assert!(!sandbox.path().join("r/sallyport.schema.json").exists() && !sandbox.path().join("r/.git/x").exists());
    assert_eq!(sandbox.run(&["init", "--mesh", "--force", "r/other.yml"]).code, Some(0));
    assert_eq!(sandbox.run(&["init", "--mesh", "--force", "r/mesh.yaml"]).code, Some(0));
}

#[cfg(unix)]
#[test]
fn a_linked_folder_is_where_its_files_are() {
    let sandbox = Sandbox::with(&[("r/.git/HEAD", ""), ("real/sub/readme", "")]);
    std::os::unix::fs::symlink("../real/sub", sandbox.path().join("r/linked")).unwrap();
    assert_eq!(sandbox.run(&["init", "r/linked/egress.yaml"]).code, Some(0));
    // The work tree does not have them, so neither does it have their schema.
    assert!(
        sandbox.read("real/sub/egress.yaml").starts_with("# yaml-language-server: $schema=sallyport.schema.json\n")
    );
    assert!(sandbox.path().join("real/sub/sallyport.schema.json").exists());
    assert!(!sandbox.path().join("r/sallyport.schema.json").exists());
}

#[test]
fn the_arguments_are_in_the_file() {
    let sandbox = Sandbox::with(&[("deploy/readme", "")]);
    let ended = sandbox.run(&[
        "init",
        "--quiet",
        "--name=billing",
        "--namespace=finance",
        "--host=billing.legacy.internal",
        "--upstream=10.1.2.3:8443",
        "deploy/billing.egress.yaml",
    ]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let text = sandbox.read("deploy/billing.egress.yaml");
    for value in ["billing", "finance", "billing.legacy.internal", "10.1.2.3", "8443"] {
        assert!(text.contains(value), "{value} in:\n{text}");
    }
    assert!(sandbox.path().join("deploy/sallyport.schema.json").exists());
    assert_eq!(sandbox.run(&["check", "deploy"]).code, Some(0));
}

#[test]
fn missing_folders_are_made() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.run(&["init", "a/b/egress.yaml"]).code, Some(0));
    assert_eq!(sandbox.run(&["check", "a"]).code, Some(0));
    let ended = sandbox.run(&["init", "a/b/egress.yaml/c/egress.yaml"]);
    assert_eq!(ended.code, Some(3));
    assert!(ended.stderr.starts_with("error: cannot write `a/b/egress.yaml/c`: "), "{}", ended.stderr);
    // Nothing is made for a file that would be invalid.
    assert_eq!(sandbox.run(&["init", "--name=Not A Label", "c/egress.yaml"]).code, Some(1));
    assert!(!sandbox.path().join("c").exists());
}

#[cfg(unix)]
#[test]
fn a_pipe_is_not_written_to() {
    for name in ["egress.yaml", "sallyport.schema.json"] {
        let sandbox = Sandbox::new();
        let pipe = sandbox.path().join(name);
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for force in [&[][..], &["--force"]] {
            let ended = sandbox.run(&[&["init"], force].concat());
            assert_eq!(ended.code, Some(3));
            assert!(ended.stderr.starts_with(&format!("error: `{name}` is not a regular file\n  help: ")), "{ended:?}");
        }
    }
}

/// A file system of one page has no place for the schema.
#[cfg(target_os = "linux")]
#[test]
fn on_a_full_disk_nothing_is_left() {
    let sandbox = Sandbox::new();
    let shell = "mount -t tmpfs -o size=4k none . && cd \"$PWD\" && \"$0\" init; echo $?; ls";
    let mut unshare = std::process::Command::new("unshare");
    unshare.args(["--map-root-user", "--mount", "sh", "-c", shell, env!("CARGO_BIN_EXE_sallyport")]);
    let ended = unshare.current_dir(sandbox.path()).output().unwrap();
    let stderr = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(String::from_utf8_lossy(&ended.stdout), "3\n", "{stderr}");
    assert!(stderr.starts_with("error: cannot write `sallyport.schema.json`: no space left on the device"), "{stderr}");
}

#[cfg(unix)]
#[test]
fn a_removed_working_folder_is_named() {
    let sandbox = Sandbox::new();
    for command in ["init", "check"] {
        let shell = format!("mkdir gone && cd gone && rmdir ../gone && \"$0\" {command}");
        let ended = std::process::Command::new("sh")
            .args(["-c", &shell, env!("CARGO_BIN_EXE_sallyport")])
            .current_dir(sandbox.path())
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(3), "{stderr}");
        let text = stderr + &String::from_utf8_lossy(&ended.stdout);
        assert!(text.contains("the working folder has been removed"), "{text}");
    }
}

#[test]
fn a_second_file_shares_the_schema() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.run(&["init", "--name=a", "a.yaml"]).code, Some(0));
    assert_eq!(sandbox.run(&["init", "--name=b", "b.yaml"]).code, Some(0));
    assert_eq!(sandbox.run(&["check", "."]).code, Some(0));
}

#[test]
fn a_mesh_file_is_written_too() {
    let sandbox = Sandbox::new();
    let ended = sandbox.run(&["init", "--mesh"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""));
    assert_data_eq!(
        ended.stderr,
        str![[r#"
wrote `mesh.yaml`, and the schema `sallyport.schema.json` for your editor

Next, write your version of Istio and the repository of the filter's image. Then run:
  sallyport check .

"#]]
    );
    assert!(sandbox.read("mesh.yaml").contains("kind: Mesh\n"));
    assert!(!sandbox.path().join("cases.yaml").exists());
    assert_eq!(sandbox.run(&["init", "--quiet"]).code, Some(0));
    assert_eq!(sandbox.run(&["check", "."]).code, Some(0));
    // The file says that its values are the defaults.
    let text = sandbox.read("mesh.yaml");
    let short: Vec<_> = text.lines().filter(|line| !line.contains("trustDomain") && !line.contains("istioV")).collect();
    sandbox.write("a/mesh.yaml", short.join("\n"));
    sandbox.write("b/mesh.yaml", &text);
    for folder in ["a", "b"] {
        sandbox.write(format!("{folder}/egress.yaml"), sandbox.read("egress.yaml"));
        assert_eq!(sandbox.run(&["build", folder, "-q", "-o", &format!("{folder}/out")]).code, Some(0));
    }
    let built = |folder: &str| sandbox.read(&format!("{folder}/out/egress-httpbin-httpbin/20-plugin.yaml"));
    assert_eq!(built("a"), built("b"));
    assert_eq!(sandbox.run(&["init", "--mesh"]).code, Some(3));
    assert_eq!(sandbox.run(&["init", "--mesh", "--name=a"]).code, Some(64));
}

#[test]
fn the_schema_is_written_once_per_repository() {
    let sandbox = Sandbox::with(&[("mono/.git/HEAD", "")]);
    let ended = sandbox.run(&["init", "mono/teams/a/egress.yaml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("the schema `mono/sallyport.schema.json` for"), "{}", ended.stderr);
    assert!(!sandbox.path().join("mono/teams/a/sallyport.schema.json").exists());
    for file in ["egress.yaml", "cases.yaml"] {
        let text = sandbox.read(&format!("mono/teams/a/{file}"));
        assert!(text.starts_with("# yaml-language-server: $schema=../../sallyport.schema.json\n"), "{text}");
    }
    // From a folder below, and where one is already.
    let below = sandbox.path().join("mono/teams");
    let output = sandbox.command(&["init", "--mesh", "b/mesh.yaml"]).current_dir(&below).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && stderr.contains("the schema `../sallyport.schema.json` for"), "{stderr}");
    assert!(sandbox.read("mono/teams/b/mesh.yaml").contains("$schema=../../sallyport.schema.json\n"));
    assert!(!sandbox.path().join("mono/teams/b/sallyport.schema.json").exists());
    assert_eq!(sandbox.run(&["check", "mono"]).code, Some(0));
    // At the top, and outside of a repository, it is beside the file.
    assert_eq!(sandbox.run(&["init", "mono/top.yaml"]).code, Some(0));
    assert!(sandbox.read("mono/top.yaml").starts_with("# yaml-language-server: $schema=sallyport.schema.json\n"));
    assert_eq!(sandbox.run(&["init", "alone/egress.yaml"]).code, Some(0));
    assert!(sandbox.path().join("alone/sallyport.schema.json").exists());
    sandbox.write("mono/sallyport.schema.json", "mine");
    let ended = sandbox.run(&["init", "mono/teams/c/egress.yaml"]);
    assert_eq!(ended.code, Some(3));
    assert!(ended.stderr.starts_with("error: `mono/sallyport.schema.json` already exists\n"), "{}", ended.stderr);
    assert!(!sandbox.path().join("mono/teams/c").exists());
}

#[test]
fn nothing_is_overwritten_unless_asked() {
    let sandbox = Sandbox::with(&[("egress.yaml", "mine"), ("d/sallyport.schema.json", "mine")]);
    let ended = sandbox.run(&["init"]);
    assert_eq!((ended.code, sandbox.read("egress.yaml").as_str()), (Some(3), "mine"));
    assert_data_eq!(
        ended.stderr,
        str![[r#"
error: `egress.yaml` already exists
  help: use --force to overwrite it

"#]]
    );
    assert!(!sandbox.path().join("sallyport.schema.json").exists());

    assert_eq!(sandbox.run(&["init", "d/egress.yaml"]).code, Some(3));
    assert_eq!(sandbox.read("d/sallyport.schema.json"), "mine");
    assert!(!sandbox.path().join("d/egress.yaml").exists());

    assert_eq!(sandbox.run(&["init", "--force"]).code, Some(0));
    assert_eq!(sandbox.run(&["check", "egress.yaml"]).code, Some(0));
}

#[test]
fn arguments_that_make_no_good_file_write_none() {
    let sandbox = Sandbox::new();
    let ended = sandbox.run(&["init", "--name=Not A Label"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stdout.contains("error[SP0301]"), "{}", ended.stdout);
    assert_eq!(sandbox.path().read_dir().unwrap().count(), 0);
    assert_eq!(sandbox.run(&["init", "--upstream=httpbin.org"]).code, Some(64));
}

#[cfg(unix)]
#[test]
fn without_a_place_for_the_schema_nothing_is_written() {
    let sandbox = Sandbox::new();
    std::os::unix::fs::symlink("gone/schema.json", sandbox.path().join("sallyport.schema.json")).unwrap();
    let ended = sandbox.run(&["init"]);
    assert!(ended.code == Some(3) && ended.stderr.contains("`sallyport.schema.json`"), "{ended:?}");
    assert!(!sandbox.path().join("egress.yaml").exists() && !sandbox.path().join("cases.yaml").exists());
}

#[cfg(unix)]
#[test]
fn without_a_place_for_the_file_no_schema_is_left() {
    let sandbox = Sandbox::with(&[(".git/HEAD", "ref: refs/heads/main\n"), ("d/file", "")]);
    let ended = sandbox.run(&["init", "d/file/egress.yaml"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(!sandbox.path().join("sallyport.schema.json").exists());
}
