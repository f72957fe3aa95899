//! The program's own reference: help, schema, completions, manual pages, version.

use std::process::Command;

use serde_json::Value;
use snapbox::{assert_data_eq, file, str};

use crate::sandbox::Sandbox;

#[test]
fn help() {
    let sandbox = Sandbox::new();
    assert_data_eq!(sandbox.run(&["--help"]).stdout, file!["golden/help.txt"].raw());
    assert_data_eq!(sandbox.run(&["check", "--help"]).stdout, file!["golden/help-check.txt"].raw());
    assert_data_eq!(sandbox.run(&["diff", "--help"]).stdout, file!["golden/help-diff.txt"].raw());
    assert_data_eq!(sandbox.run(&["init", "--help"]).stdout, file!["golden/help-init.txt"].raw());
}

#[test]
fn every_command_has_help_with_an_example() {
    let sandbox = Sandbox::new();
    for command in [
        "check",
        "fmt",
        "test",
        "explain",
        "diff",
        "query",
        "map",
        "build",
        "run",
        "image",
        "init",
        "schema",
        "completions",
        "man",
        "version",
    ] {
        let ended = sandbox.run(&[command, "--help"]);
        assert_eq!(ended.code, Some(0), "{command}");
        assert!(ended.stdout.contains("Examples:\n  sallyport "), "{command}:\n{}", ended.stdout);
    }
}

#[test]
fn wrong_usage_is_exit_code_64() {
    let sandbox = Sandbox::new();
    for arguments in [&["chekc"][..], &["--no-such"], &[], &["check", "--format=yaml", "x"], &["completions"]] {
        assert_eq!(sandbox.run(arguments).code, Some(64), "{arguments:?}");
    }
    assert!(sandbox.run(&["chekc"]).stderr.contains("check"));
}

#[test]
fn the_schema_is_draft_07() {
    let sandbox = Sandbox::new();
    let printed = sandbox.run(&["schema"]);
    let schema: Value = serde_json::from_str(&printed.stdout).unwrap();
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    assert_eq!(sandbox.run(&["schema", "--output=s.json"]).code, Some(0));
    assert_eq!(sandbox.read("s.json"), printed.stdout);
}

#[test]
fn completions_are_scripts() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ended = sandbox.run(&["completions", shell]);
        assert_eq!(ended.code, Some(0), "{shell}");
        assert!(ended.stdout.contains("sallyport"), "{shell}");
    }
    let script = sandbox.run(&["completions", "bash"]).stdout;
    let path = sandbox.write("script", &script);
    let status = Command::new("bash").arg("-n").arg(path).status().unwrap();
    assert!(status.success());
}

#[test]
fn manual_pages() {
    let sandbox = Sandbox::new();
    let page = sandbox.run(&["man"]).stdout;
    assert!(page.contains(".TH sallyport 1") && page.contains("Exit codes"), "{page}");
    assert_eq!(sandbox.run(&["man", "new/man1"]).code, Some(0));
    for name in ["sallyport.1", "sallyport-check.1", "sallyport-diff.1", "sallyport-init.1"] {
        assert!(sandbox.read(&format!("new/man1/{name}")).contains(".SH SYNOPSIS"), "{name}");
    }
}

#[test]
fn version() {
    let sandbox = Sandbox::new();
    let number = env!("CARGO_PKG_VERSION");
    assert!(sandbox.run(&["version"]).stdout.starts_with(&format!("sallyport {number}\n")));
    assert_eq!(sandbox.run(&["--version"]).stdout, format!("sallyport {number}\n"));
    let old = sandbox.run(&["version", "--json"]);
    assert_eq!(old.code, Some(64));
    assert!(old.stderr.ends_with("help: write `--format json`\n"), "{}", old.stderr);
    let json: Value = serde_json::from_str(&sandbox.run(&["version", "--format", "json"]).stdout).unwrap();
    assert_eq!((&json["version"], &json["apiVersion"]), (&number.into(), &"sallyport.dev/v1alpha1".into()));
    assert_data_eq!(json["policyVersion"].to_string(), str!["1"]);
}
