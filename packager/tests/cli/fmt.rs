//! `sallyport fmt`

use std::fs;

use crate::sandbox::{GOOD, LOCK, Sandbox, bad};

/// The good file as somebody else writes it, with comments everywhere.
const ODD: &str = "\
# head


apiVersion:   sallyport.dev/v1alpha1
kind: Egress     # what it is
metadata: { name: httpbin , namespace: httpbin }
spec:
    host: httpbin.legacy.internal
    upstream:
        # where
        host: httpbin.org
        port: 443
    authz:
        rules:
            # who
            -   id: readers
                action: ALLOW
                from:
                    - source:
                          serviceAccounts: [ httpbin/sleep,
                                             # and
                                             httpbin/other ]
                to:
                    - operation:
                          methods: [GET]   
# foot
";

const USUAL: &str = "\
# head

apiVersion: sallyport.dev/v1alpha1
kind: Egress     # what it is
metadata: {name: httpbin, namespace: httpbin}
spec:
  host: httpbin.legacy.internal
  upstream:
    # where
    host: httpbin.org
    port: 443
  authz:
    rules:
    # who
    - id: readers
      action: ALLOW
      from:
      - source:
          serviceAccounts: [httpbin/sleep,
                             # and
                             httpbin/other]
      to:
      - operation:
          methods: [GET]
# foot
";

#[test]
fn files_are_brought_into_one_form_with_their_comments() {
    let service = "apiVersion: v1\nkind:   Service\n";
    let sandbox = Sandbox::with(&[("d/odd.yaml", ODD), ("d/good.yaml", GOOD), ("d/service.yaml", service)]);
    let checked = sandbox.run(&["fmt", "d", "--check"]);
    assert_eq!((checked.code, checked.stdout.as_str()), (Some(2), "d/odd.yaml\n"));
    assert_eq!(checked.stderr, "these files are not formatted: `sallyport fmt` writes them\n");
    assert_eq!(sandbox.read("d/odd.yaml"), ODD);
    let ended = sandbox.run(&["fmt", "d"]);
    assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (Some(0), "d/odd.yaml\n", ""));
    assert_eq!(sandbox.read("d/odd.yaml"), USUAL);
    assert_eq!((sandbox.read("d/good.yaml").as_str(), sandbox.read("d/service.yaml").as_str()), (GOOD, service));
    for arguments in [&["fmt", "d"][..], &["fmt", "d", "--check"]] {
        let again = sandbox.run(arguments);
        assert_eq!((again.code, again.stdout.as_str(), again.stderr.as_str()), (Some(0), "", ""));
    }
}

#[test]
fn what_both_say_is_the_same() {
    let sandbox = Sandbox::with(&[("a/egress.yaml", ODD), ("b/egress.yaml", USUAL), ("sallyport.lock", LOCK)]);
    for folder in ["a", "b"] {
        let out = format!("out-{folder}");
        assert_eq!(sandbox.run(&["build", folder, "-q", "-o", &out]).code, Some(0));
    }
    let built = |folder: &str| sandbox.read(&format!("out-{folder}/httpbin-httpbin/20-plugin.yaml"));
    assert_eq!(built("a"), built("b"));
}

#[test]
fn standard_input_is_written_to_stdout() {
    let sandbox = Sandbox::new();
    for text in [ODD, USUAL] {
        let ended = sandbox.run_with(&["fmt", "-"], text.as_bytes());
        assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (Some(0), USUAL, ""));
    }
    assert_eq!(sandbox.run_with(&["fmt", "-", "--check"], ODD.as_bytes()).code, Some(2));
    assert_eq!(sandbox.run_with(&["fmt", "-", "--check"], USUAL.as_bytes()).code, Some(0));
    assert_eq!(sandbox.run_with(&["fmt", "-", "egress.yaml"], USUAL.as_bytes()).code, Some(64));
}

#[test]
fn what_is_not_yaml_is_left_alone_and_the_others_are_written() {
    let wrong_fields = bad();
    let sandbox = Sandbox::with(&[
        ("d/broken.yaml", "apiVersion: sallyport.dev/v1alpha1\nkind: [\n"),
        ("d/bad.yaml", &wrong_fields.replace("kind: ", "kind:   ")),
        ("d/egress.yaml", ""),
    ]);
    let ended = sandbox.run(&["fmt", "d"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), "d/bad.yaml\n"));
    assert!(ended.stderr.contains("error[SP0101]") && ended.stderr.contains("error[SP0006]"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("SP0203"), "{}", ended.stderr);
    assert_eq!(sandbox.read("d/bad.yaml"), wrong_fields);
    assert_eq!(sandbox.run(&["fmt", "gone.yaml"]).code, Some(3));
    assert_eq!(sandbox.run(&["fmt", "d/broken.yaml", "--check"]).code, Some(1));
    sandbox.write("service.yaml", "apiVersion: v1\nkind:   Service\n");
    let named = sandbox.run(&["fmt", "service.yaml"]);
    assert!(named.code == Some(0) && named.stderr.contains("warning[SP9004]"), "{named:?}");
}

#[cfg(unix)]
#[test]
fn a_link_stays_a_link_and_a_file_keeps_its_permissions() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let sandbox = Sandbox::with(&[("real/egress.yaml", ODD)]);
    let (real, link) = (sandbox.path().join("real/egress.yaml"), sandbox.path().join("egress.yaml"));
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    symlink("real/egress.yaml", &link).unwrap();
    assert_eq!(sandbox.run(&["fmt", "egress.yaml"]).code, Some(0));
    assert!(link.is_symlink());
    assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(sandbox.read("real/egress.yaml"), USUAL);
}

#[cfg(unix)]
#[test]
fn a_file_keeps_its_owner_and_its_other_names_and_a_read_only_one_is_refused() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    let sandbox = Sandbox::with(&[("a.yaml", ODD), ("b.yaml", ODD), ("c.yaml", ODD)]);
    let at = |name: &str| sandbox.path().join(name);
    fs::hard_link(at("a.yaml"), at("other.yaml")).unwrap();
    // Only root can give a file away.
    let is_given = chown(at("b.yaml"), Some(4321), Some(4321)).is_ok();
    fs::set_permissions(at("c.yaml"), fs::Permissions::from_mode(0o444)).unwrap();
    assert_eq!(sandbox.run(&["fmt", "a.yaml", "b.yaml"]).code, Some(0));
    assert_eq!((sandbox.read("a.yaml").as_str(), sandbox.read("other.yaml").as_str()), (USUAL, USUAL));
    let owner = fs::metadata(at("b.yaml")).unwrap();
    assert!(!is_given || (owner.uid(), owner.gid()) == (4321, 4321), "{owner:?}");
    assert_eq!(sandbox.read("b.yaml"), USUAL);
    let refused = sandbox.run(&["fmt", "c.yaml"]);
    let message = "error: `c.yaml` cannot be written: it is read-only\n  help: make it writable, or leave it out\n";
    assert_eq!((refused.code, refused.stderr.as_str()), (Some(3), message));
    assert_eq!(sandbox.read("c.yaml"), ODD);
}

/// A file that is mounted by itself, as a container has it, is not replaced.
#[cfg(target_os = "linux")]
#[test]
fn a_mounted_file_is_written_in_place() {
    let sandbox = Sandbox::new();
    sandbox.write("egress.yaml", ODD);
    sandbox.write("other.yaml", "");
    let shell = "mount --bind egress.yaml other.yaml && \"$0\" fmt other.yaml";
    let mut unshare = std::process::Command::new("unshare");
    unshare.args(["--map-root-user", "--mount", "sh", "-c", shell, env!("CARGO_BIN_EXE_sallyport")]);
    let ended = unshare.current_dir(sandbox.path()).output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    assert_eq!(fs::read_to_string(sandbox.path().join("egress.yaml")).unwrap(), USUAL);
}

#[test]
fn what_is_for_other_programs_is_not_formatted() {
    let manifest = "apiVersion: networking.istio.io/v1\nkind:   Gateway\n";
    let sandbox = Sandbox::new();
    for text in [manifest, "a:   1\n", "apiVersion: v1\nkind:   Service\n"] {
        sandbox.write("a.yaml", text);
        for arguments in
            [&["fmt", "-"][..], &["fmt", "a.yaml"], &["fmt", "-", "--check"], &["fmt", "a.yaml", "--check"]]
        {
            let ended = sandbox.run_with(arguments, text.as_bytes());
            let stdout = if arguments == ["fmt", "-"] { text } else { "" };
            assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), stdout), "{arguments:?}");
            assert!(ended.stderr.contains("warning[SP9004]"), "{arguments:?}: {}", ended.stderr);
        }
        assert_eq!(sandbox.read("a.yaml"), text);
    }
}

#[test]
fn what_cannot_be_formatted_is_left_as_it_is_with_a_word() {
    let text = GOOD.replacen("kind: Egress", "? kind\n: Egress", 1);
    let sandbox = Sandbox::with(&[("egress.yaml", &text)]);
    for (arguments, stdout) in
        [(&["fmt"][..], ""), (&["fmt", "--check"], ""), (&["fmt", "-", "--check"], ""), (&["fmt", "-"], text.as_str())]
    {
        let ended = sandbox.run_with(arguments, text.as_bytes());
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), stdout), "{arguments:?}");
        assert!(ended.stderr.contains("warning[SP9005]: `?` is used here"), "{}", ended.stderr);
    }
    assert_eq!(sandbox.read("egress.yaml"), text);
}
