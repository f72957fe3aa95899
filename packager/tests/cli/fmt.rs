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
