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
    [(10, 10), (100, 10), (1_000, 1), (1_000, 10), (1_000, 20), (1_000, 100), (5_000, 10)];

/// Prints the table.
pub fn run(scratch: &Scratch) -> Result<()> {
    let (sallyport, profile) = released()?;
    println!("sallyport diff, the fastest of {RUNS} runs ({profile} build)");
    println!("  rules  changed              nothing changed   of that");
    for (rules, changed) in SIZES {
        let folder = scratch.folder(&format!("diff-{rules}-{changed}"))?;
        let old = written(&folder, "old.yaml", rules, 0)?;
        let new = written(&folder, "new.yaml", rules, changed)?;
        let compared = |new: &Path| {
            fastest(|_| {
                let mut diff = Command::new(&sallyport);
                // Of what differs only the exit code would say so.
                diff.arg("diff").args([&old, new]).args(["--fail-on", "narrowed", "--format", "json"]);
                diff
            })
        };
        let (all, floor) = (compared(&new)?, compared(&old)?);
        println!("  {rules:>5}  {changed:>7}  {all}  {floor}  {:>5.1}", all.seconds / floor.seconds);
    }
    Ok(())
}

/// A file with so many rules, of which some have one more path.
fn written(folder: &Path, name: &str, rules: usize, changed: usize) -> Result<PathBuf> {
    let mut text = String::from("rules:\n");
    for number in 0..rules {
        let action = if number % 10 == 0 { "DENY" } else { "ALLOW" };
        let (namespace, method) = (number % 50, ["GET", "POST"][number % 2]);
        // An ALLOW rule, where not all change.
        let is_changed = rules.checked_div(changed).is_some_and(|step| number % step == (step - 1).min(5));
        let more = if is_changed { format!(", \"/new/{number}/{{*}}\"") } else { String::new() };
        let _ = writeln!(
            text,
            "- id: rule-{number}\n  action: {action}\n  from: [{{source: {{namespaces: [team-{namespace}]}}}}]\n  \
             to: [{{operation: {{methods: [{method}], paths: [/api/{number}, \"/api/{number}/{{*}}\"{more}]}}}}]"
        );
    }
    let path = folder.join(name);
    fs::write(&path, egress(&text))?;
    Ok(path)
}
