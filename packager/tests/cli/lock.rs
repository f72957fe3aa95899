//! `sallyport.lock`: where it is found, and what is said if it cannot be used.

use std::fs;

use crate::sandbox::{GOOD, LOCK, Sandbox};

fn sandbox() -> Sandbox {
    Sandbox::with(&[("in/egress.yaml", GOOD), ("in/sallyport.lock", LOCK)])
}

/// A gateway of this name.
fn egress(name: &str) -> String {
    GOOD.replace("name: httpbin", &format!("name: {name}"))
        .replace("httpbin.legacy", &format!("{name}.legacy"))
        .replace("host: httpbin.org", &format!("host: {name}.example.org"))
}

/// One folder per upstream.
fn folders() -> Sandbox {
    let [a, b, c] = ["a", "b", "c"].map(egress);
    Sandbox::with(&[("a/egress.yaml", &a), ("b/egress.yaml", &b), ("c/egress.yaml", &c)])
}

/// A lock for another image.
fn other_lock() -> String {
    LOCK.replace("example.com", "example.net")
}

/// Every way to name these gateways.
const ALL: [&[&str]; 5] =
    [&["."], &["a", "b", "c"], &["a/egress.yaml", "b", "c"], &["./a/", "./b", "c"], &["a", "b", "c/egress.yaml"]];

#[test]
fn one_lock_above_all_folders_is_found_however_they_are_named() {
    let sandbox = folders();
    sandbox.write("sallyport.lock", other_lock());
    for arguments in ALL.into_iter().chain([&["a"][..], &["b/egress.yaml"]]) {
        for command in [&["check"][..], &["build", "-o", "out"]] {
            let ended = sandbox.run(&[command, arguments].concat());
            assert_eq!((ended.code, ended.stdout.contains("SP91")), (Some(0), false), "{arguments:?}: {ended:?}");
        }
        let plugin = sandbox.read("out/httpbin-b/20-plugin.yaml");
        assert!(plugin.contains("registry.example.net/sallyport/filter"), "{arguments:?}: {plugin}");
    }
    // Not above the working directory: a checkout is the same wherever it is.
    let below = sandbox.command(&["build", "b", "-o", "out", "--quiet"]).current_dir(sandbox.path().join("b")).output();
    assert_ne!(below.unwrap().status.code(), Some(0));
    let mut below = sandbox.command(&["check", "."]);
    let below = String::from_utf8(below.current_dir(sandbox.path().join("b")).output().unwrap().stdout).unwrap();
    assert!(below.contains("SP9108") || below.contains("SP9101"), "{below}");
}

/// The path that SP9108 (or SP9101), the summary and the notes name is one that each of these commands reads.
#[test]
fn the_place_for_a_lock_is_one_that_is_found_however_the_folders_are_named() {
    for (arguments, place) in ALL.into_iter().map(|arguments| (arguments, "sallyport.lock")).chain([
        (&["d/a", "d/b"][..], "d/sallyport.lock"),
        (&["d"], "d/sallyport.lock"),
        (&["my files"], "'my files/sallyport.lock'"),
    ]) {
        let sandbox = folders();
        sandbox.write("d/a/egress.yaml", egress("one"));
        sandbox.write("d/b/egress.yaml", egress("two"));
        sandbox.write("my files/egress.yaml", egress("three"));
        let arguments = if arguments == ["."] { &["a", ".", "b"] } else { arguments };
        let ended = sandbox.run(&[&["check"], arguments].concat());
        let command = format!("--lock {place}");
        assert!(
            ended.stdout.contains(&format!("{command}` with")) || ended.stdout.contains(&format!("{command}`, or"))
        );
        let ended = sandbox.run(&[&["build", "-o", "out"], arguments].concat());
        if ended.code == Some(0) {
            assert!(ended.stdout.contains(&format!("{command}\n")), "{}", ended.stdout);
        }
        sandbox.write(place.trim_matches('\''), LOCK);
        let ended = sandbox.run(&[&["check"], arguments].concat());
        assert!(!ended.stdout.contains("SP910"), "{arguments:?}: {}", ended.stdout);
    }
}

#[test]
fn a_lock_that_is_near_but_not_read_is_named() {
    let not_read = |sandbox: &Sandbox, arguments: &[&str], lock: &str| {
        let ended = sandbox.run(&[&["check"], arguments].concat());
        let expected =
            format!("; `{lock}` is not read: a lock is beside the files that the command names, or above them");
        assert!(ended.stdout.contains(&expected), "{arguments:?}: {}", ended.stdout);
    };
    // Below the directory that is named.
    let sandbox = folders();
    sandbox.write("b/sallyport.lock", LOCK);
    not_read(&sandbox, &["."], "b/sallyport.lock");
    // In the working directory, for files that are elsewhere.
    let (here, there) = (Sandbox::with(&[("sallyport.lock", LOCK)]), sandbox);
    fs::remove_file(there.path().join("b/sallyport.lock")).unwrap();
    let mut command = here.command(&["check", "--format", "human", "--quiet"]);
    let ended = command.arg(there.path().join("a")).output().unwrap();
    let stdout = String::from_utf8(ended.stdout).unwrap();
    assert!(stdout.contains("; `sallyport.lock` is not read: "), "{stdout}");
    assert!(!folders().run(&["check", "."]).stdout.contains("is not read"));
}

#[test]
fn two_locks_must_agree_and_the_cure_is_to_remove_one() {
    let sandbox = folders();
    sandbox.write("a/sallyport.lock", LOCK);
    for other in ["b/sallyport.lock", "sallyport.lock"] {
        sandbox.write(other, LOCK);
        assert_eq!(sandbox.run(&["check", "a", "b"]).code, Some(0));
        sandbox.write(other, other_lock());
        let ended = sandbox.run(&["check", "a", "b"]);
        assert_eq!(ended.code, Some(1));
        for expected in [
            "error[SP9105]: `".to_owned(),
            " it pins another image than `".to_owned(),
            format!(" = help: remove one of `a/sallyport.lock` and `{other}`: the other then holds for all files\n"),
        ] {
            assert!(ended.stdout.contains(&expected), "{expected} in {}", ended.stdout);
        }
        fs::remove_file(sandbox.path().join(other)).unwrap();
        assert_eq!(sandbox.run(&["check", "a", "b"]).stdout, "2 files, 2 rules: no problems\n");
    }
    sandbox.write("b/sallyport.lock", other_lock());
    fs::remove_file(sandbox.path().join("a/sallyport.lock")).unwrap();
    assert_eq!(sandbox.run(&["check", "a", "b"]).stdout, "2 files, 2 rules: no problems\n");
}

#[test]
fn a_lock_that_cannot_be_used_is_reported_at_its_place() {
    let sandbox = sandbox();
    let of_other = "apiVersion: sallyport.dev/v1alpha1\nkind: Mesh\nmetadata: {name: mesh}\nspec: {filter: {image: r.example.com/f}}\n";
    sandbox.write("in/mesh.yaml", of_other);
    let ended = sandbox.run(&["build", "in", "-o", "out"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stdout.contains("error[SP9105]: `in/sallyport.lock` is for "), "{}", ended.stdout);
    assert!(ended.stdout.contains("--> in/mesh.yaml:4:24\n"), "{}", ended.stdout);
    assert!(ended.stdout.contains(" image push r.example.com/f --lock in/sallyport.lock`, or"), "{}", ended.stdout);
    sandbox.write("in/sallyport.lock", "{}");
    for command in [&["build", "in", "-o", "out"][..], &["check", "in"]] {
        let ended = sandbox.run(command);
        assert_eq!(ended.code, Some(1));
        let message = "error[SP9105]: `in/sallyport.lock`: missing field";
        assert!(ended.stdout.contains(message), "{}", ended.stdout);
        assert!(ended.stdout.contains("--> in/sallyport.lock\n"), "{}", ended.stdout);
    }
    sandbox.write("in/sallyport.lock", LOCK.replace("sha256:", "sha"));
    fs::remove_file(sandbox.path().join("in/mesh.yaml")).unwrap();
    let ended = sandbox.run(&["check", "in"]);
    assert!(ended.stdout.contains("error[SP9105]: `in/sallyport.lock`: `sha"), "{}", ended.stdout);
    assert!(ended.stdout.contains("push REPOSITORY --lock in/sallyport.lock`, which"), "{}", ended.stdout);
    assert!(!sandbox.path().join("out").exists());
}

#[test]
fn a_lock_for_this_machine_alone_is_warned_of() {
    let sandbox = sandbox();
    for here in ["localhost:5000", "127.0.0.1:5000", "[::1]:5000"] {
        sandbox.write("in/sallyport.lock", LOCK.replace("registry.example.com", here));
        for command in [&["build", "in", "-o", "out"][..], &["check", "in"]] {
            let ended = sandbox.run(command);
            assert_eq!(ended.code, Some(0));
            assert!(ended.stdout.contains("warning[SP9109]: the filter's image is `"), "{}", ended.stdout);
            let help = "push REPOSITORY --lock in/sallyport.lock` with a repository that the cluster can reach";
            assert!(ended.stdout.contains(help) && !ended.stdout.contains("same name"), "{}", ended.stdout);
            assert!(ended.stdout.contains("--> in/sallyport.lock\n"), "{}", ended.stdout);
        }
    }
}
