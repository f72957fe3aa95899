//! What `sallyport diff` takes for policies of more and more rules, beside the same files compared with themselves: that
//! reads, checks and compiles both sides, builds the manifests of both, and has nothing to search for.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use sallyport_tests::process::Scratch;
use sallyport_tests::stage::egress;

use super::{RUNS, fastest, released};

/// How many rules, and how many of them change.
const SIZES: [(usize, usize); 7] =
    [(10, 5), (100, 10), (1_000, 1), (1_000, 10), (1_000, 20), (1_000, 100), (5_000, 10)];

/// What a rule says, and one more path where it has changed.
type Shape = fn(usize, &str) -> String;

const SHAPES: [(&str, Shape); 2] =
    [("rules that have no request in common", apart), ("rules that overlap", overlapping)];

/// Prints the tables.
pub fn run(scratch: &Scratch) -> Result<()> {
    let (sallyport, profile) = released()?;
    for (at, (name, shape)) in SHAPES.into_iter().enumerate() {
        println!("sallyport diff, {name}, the fastest of {RUNS} runs ({profile} build)");
        println!("  rules  changed                    none changed   ratio");
        for (rules, changed) in SIZES {
            let folder = scratch.folder(&format!("diff-{at}-{rules}-{changed}"))?;
            let old = written(&folder, "old.yaml", shape, rules, 0)?;
            let new = written(&folder, "new.yaml", shape, rules, changed)?;
            let compared = |new: &Path| {
                fastest(|_| {
                    let mut diff = Command::new(&sallyport);
                    // No change takes anything away from a caller, so the exit code is 0.
                    diff.arg("diff").args([&old, new]).args(["--fail-on", "narrowed", "--format", "json"]);
                    diff
                })
            };
            let (all, floor) = (compared(&new)?, compared(&old)?);
            println!("  {rules:>5}  {changed:>7}  {all}  {floor}  {:>6.1}", all.seconds / floor.seconds);
        }
    }
    Ok(())
}

/// A file with so many rules, of which some have one more path.
fn written(folder: &Path, name: &str, shape: Shape, rules: usize, changed: usize) -> Result<PathBuf> {
    let mut text = String::from("rules:\n");
    for number in 0..rules {
        // An ALLOW rule, where not all change.
        let is_changed = rules.checked_div(changed).is_some_and(|step| number % step == (step - 1).min(5));
        let more = if is_changed { format!(", \"/new/{number}/{{*}}\"") } else { String::new() };
        let action = if number % 10 == 0 { "DENY" } else { "ALLOW" };
        let _ = writeln!(text, "- id: rule-{number}\n  action: {action}\n  {}", shape(number, &more));
    }
    let path = folder.join(name);
    fs::write(&path, egress(&text))?;
    Ok(path)
}

/// Of each rule paths of its own.
fn apart(number: usize, more: &str) -> String {
    let method = ["GET", "POST"][number % 2];
    format!(
        "from: [{{source: {{namespaces: [team-{}]}}}}]\n  \
         to: [{{operation: {{methods: [{method}], paths: [/api/{number}, \"/api/{number}/{{*}}\"{more}]}}}}]",
        number % 50
    )
}

/// Callers, paths and conditions that go together in every way.
fn overlapping(number: usize, more: &str) -> String {
    let source = match number % 7 {
        1 => format!("serviceAccounts: [team-{0}/web, team-{0}/job]", number % 20),
        2 => format!("principals: [\"*/sa/job-{}\"]", number % 9),
        3 => format!("notNamespaces: [team-{}]", number % 5),
        _ => format!("namespaces: [team-{}]", number % 20),
    };
    let method = ["GET", "POST", "\"P*\"", "\"*\""][number % 4];
    let path = match number % 5 {
        0 => format!("/api/{}/{{*}}", number % 40),
        1 => "/api/{*}/items/{**}".to_owned(),
        2 => format!("/v{}/*", number % 3),
        3 => "*.json".to_owned(),
        _ => format!("/{{**}}/export-{}", number % 11),
    };
    let condition = match number % 6 {
        4 => format!("\n  when: [{{key: \"request.headers[x-tenant]\", values: [t{}, \"a*\"]}}]", number % 13),
        5 => format!("\n  when: [{{key: \"request.query[debug]\", values: [t{}]}}]", number % 13),
        _ => String::new(),
    };
    format!(
        "from: [{{source: {{{source}}}}}]\n  to: [{{operation: {{methods: [{method}], paths: [\"{path}\"{more}]}}}}]{condition}"
    )
}
