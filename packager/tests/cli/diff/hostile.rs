//! Files of a stranger.

use std::path::Path;

use super::revisions::{commit, git};
use super::{FORMATS, OLD, diff};
use crate::sandbox::{Sandbox, bad};

/// The files may be those of a stranger's pull request, and the report goes to a terminal or a comment.
#[test]
fn what_files_say_cannot_pose_as_output() {
    let value = "a`` @team <img src=x> | [x](http://evil) \\u202e";
    let patch = "b\\n# c\\u001b[31m`` <b>@team";
    let new = OLD.replace(
        "paths: [/orders]}}]",
        &format!("paths: [/orders, /new]}}}}]\n      when: [{{key: \"request.headers[x-a]\", values: [\"{value}\"]}}]"),
    );
    let new = new.replace(
        "  upstream",
        &format!(
            "  patches: [{{kind: Deployment, merge: {{metadata: {{annotations: {{a: \"{patch}\"}}}}}}}}]\n  upstream"
        ),
    );
    let sandbox = Sandbox::new();
    let name = "e\u{1b}[31m\n::error::x](y).yaml";
    sandbox.write("old.yaml", OLD);
    sandbox.write(Path::new("d").join(name), new);
    for format in FORMATS {
        let ended = diff(&sandbox, &["old.yaml", "d", "--format", format]);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(2), ""), "{format}");
        // Programs get values as they are.
        let unseen = if format == "json" { &['\u{1b}'][..] } else { &['\u{1b}', '\u{202e}'] };
        assert!(ended.stdout.contains("@team") && !ended.stdout.contains(unseen), "{format}: {ended:?}");
        let is_own = |line: &str| !line.starts_with(['#', ':']) || line.starts_with("###");
        assert!(ended.stdout.lines().all(is_own), "{ended:?}");
        match format {
            "markdown" => {
                let markup = without_code(&ended.stdout);
                assert!(!["@", "<img", "<b>", "]("].iter().any(|text| markup.contains(text)), "{markup}");
                let bars = |line: &str| line.replace("\\|", "").matches('|').count();
                let rows = ended.stdout.lines().filter(|line| line.starts_with("| "));
                assert!(rows.map(bars).all(|bars| bars == 4 || bars == 5), "{ended:?}");
            }
            "sarif" => assert!(!ended.stdout.contains("x](http"), "{ended:?}"),
            _ => {}
        }
    }
    // The name of a file is in messages about it.
    sandbox.write(Path::new("d").join(name), bad());
    let ended = diff(&sandbox, &["old.yaml", "d"]);
    assert!(ended.code == Some(1) && ended.stderr.contains("e\\u{1b}[31m\\n::error::x"), "{ended:?}");
    git(&sandbox, &["init", "--quiet", "--initial-branch=main"]);
    commit(&sandbox);
    let ended = diff(&sandbox, &["old.yaml", "main:d"]);
    assert!(ended.code == Some(1) && ended.stderr.contains("main:d/e\\u{1b}[31m\\n::error::x"), "{ended:?}");
}

/// Markdown without its code spans (CommonMark, 6.1): one ends with as many backticks as it begins with.
fn without_code(text: &str) -> String {
    let mut runs: Vec<String> = Vec::new();
    for character in text.chars() {
        match runs.last_mut() {
            Some(run) if run.starts_with('`') == (character == '`') => run.push(character),
            _ => runs.push(character.to_string()),
        }
    }
    let mut markup = String::new();
    let mut runs = runs.into_iter();
    while let Some(run) = runs.next() {
        if run.starts_with('`') {
            assert!(runs.any(|end| end == run), "a code span does not end");
        } else {
            markup.push_str(&run);
        }
    }
    markup
}
