//! The options of `sallyport build` that are for Argo CD, and the usage that an error shows.

use snapbox::{assert_data_eq, str};

use crate::output::{ARGO, URL, build, built, sandbox};
use crate::sandbox::{GOOD, Sandbox};

#[test]
fn an_argument_that_argo_cd_could_not_use_is_a_usage_error() {
    let sandbox = sandbox();
    let argo = ["--argo", "--root"];
    for (option, wrong, right) in [
        ("--repository", &["", " ", "mesh", "https://a b/c", "https://x.example/a\nb", "ftp://x/y"][..], "URL"),
        ("--revision", &["", " ", "a b", "a\nb", "-x"], "branch"),
        ("--repository-path", &["", "/out", "../out", "a\nb", "{{.x}}"], "from the top"),
    ] {
        for value in wrong {
            let option = format!("{option}={value}");
            let repository = format!("--repository={URL}");
            let url = if option.starts_with("--repository=") { None } else { Some(repository.as_str()) };
            let arguments: Vec<_> = argo.into_iter().chain(url).chain([option.as_str()]).collect();
            let ended = build(&sandbox, &arguments);
            assert_eq!(ended.code, Some(64), "{option:?}: {ended:?}");
            assert!(ended.stderr.contains(right), "{option:?}: {}", ended.stderr);
        }
    }
    let ended = sandbox.run(&[&["build", "in", "-o", "../out"], &ARGO[..]].concat());
    assert_eq!(ended.code, Some(64));
    assert_data_eq!(
        ended.stderr,
        str![[r#"
error: the output folder, `../out`, is not a path in the Git repository
  help: add --repository-path PATH with its path from the top of the repository

"#]]
    );
    assert!(!sandbox.path().join("../out/.sallyport").exists() && !sandbox.path().join("out").exists());
    // An absolute path below the working directory is one in the repository.
    let out = sandbox.path().canonicalize().unwrap().join("out");
    let ended = sandbox.run(&[&["build", "in", "-q", "-o", out.to_str().unwrap()], &ARGO[..]].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(sandbox.read("out/applicationset.yaml").contains("\"out/{{.folder}}\""));
}

#[test]
fn a_password_in_the_url_of_the_repository_is_not_printed() {
    let sandbox = built();
    for url in ["https://user:hunter2@git.example.com/mesh.git", "user:hunter2@git.example.com:mesh.git", "hunter2"] {
        let ended = build(&sandbox, &["--argo", "--root", "--repository", url]);
        assert_eq!(ended.code, Some(64));
        assert!(ended.stderr.starts_with("error: invalid value for '--repository <URL>': "), "{}", ended.stderr);
        let record = sandbox.read("out/.sallyport");
        sandbox.write("out/.sallyport", format!("# Option: --repository={url}\n{record}"));
        let compared = sandbox.run(&["build", "in", "--check", "out"]);
        assert_eq!(compared.code, Some(3));
        for text in [ended.stdout, ended.stderr, compared.stdout, compared.stderr] {
            assert!(!text.contains("hunter2"), "{text}");
        }
        sandbox.write("out/.sallyport", record);
    }
}

#[test]
fn an_answer_goes_into_a_file_that_is_no_input() {
    let sandbox = Sandbox::with(&[("egress.yaml", GOOD)]);
    for command in [
        &["query", "egress.yaml", "--unreachable"][..],
        &["explain", "egress.yaml", "--as", "httpbin/sleep", "/get"],
        &["version"],
    ] {
        let printed = sandbox.run(command);
        let written = sandbox.run(&[command, &["--output", "answer.txt"]].concat());
        assert_eq!((written.code, written.stdout.as_str()), (printed.code, ""), "{command:?}: {written:?}");
        assert_eq!(sandbox.read("answer.txt"), printed.stdout, "{command:?}");
    }
    for command in [
        &["query", "egress.yaml", "--unreachable"][..],
        &["explain", "egress.yaml", "--as", "httpbin/sleep", "/get"],
        &["learn", "egress.yaml"],
    ] {
        let ended = sandbox.run(&[command, &["--output", "egress.yaml"]].concat());
        assert_eq!(ended.code, Some(3), "{command:?}: {ended:?}");
        assert_eq!(sandbox.read("egress.yaml"), GOOD);
    }
    assert_eq!(sandbox.run(&["learn", "a.log", "--merge=egress.yaml", "--write", "--output=a"]).code, Some(64));
}

#[test]
fn the_files_are_not_shown_as_required() {
    let sandbox = sandbox();
    for (command, usage) in [
        (
            &["build", "in", "--chek"][..],
            "sallyport build [OPTIONS] <--output <DIR>|--check <DIR>|--diff <DIR>> [FILE|DIR]...",
        ),
        (&["build"], "sallyport build [OPTIONS] <--output <DIR>|--check <DIR>|--diff <DIR>> [FILE|DIR]..."),
        (&["check", "in", "--formt"], "sallyport check [OPTIONS] [FILE|DIR]..."),
    ] {
        let ended = sandbox.run(command);
        assert!(ended.stderr.contains(&format!("\nUsage: {usage}\n")), "{}", ended.stderr);
    }
}

/// Two gateways, and the namespaces, with names that other teams' Applications do not have.
#[test]
fn applications_have_names_of_their_own() {
    let sandbox = sandbox();
    sandbox.write("in/egress.yaml", format!("{GOOD}  gateway: {{createNamespace: true}}\n"));
    assert_eq!(build(&sandbox, &[&ARGO[..], &["--repository-path", "./"]].concat()).code, Some(0));
    let text = sandbox.read("out/applicationset.yaml");
    assert!(text.contains("name: \"sallyport-{{.folder}}\"\n"), "{text}");
    assert!(text.contains("folder: namespaces\n") && text.contains("path: \"{{.folder}}\"\n"), "{text}");
}
