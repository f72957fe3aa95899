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

#[test]
fn a_second_file_shares_the_schema() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.run(&["init", "--name=a", "a.yaml"]).code, Some(0));
    assert_eq!(sandbox.run(&["init", "--name=b", "b.yaml"]).code, Some(0));
    assert_eq!(sandbox.run(&["check", "."]).code, Some(0));
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
