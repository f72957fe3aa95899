//! What docs/ci.md says of the files and the steps.

use std::fs;

use anyhow::{Context, Result, ensure};
use sallyport_tests::workspace;

use crate::project::Project;
use crate::runner::{Network, make, program};
use crate::steps::{IMAGE, fails, passes, report};

fn page() -> Result<String> {
    Ok(fs::read_to_string(workspace().join("docs/ci.md"))?)
}

/// What is between two marks.
fn part(name: &str) -> Result<String> {
    let page = page()?;
    let (_, rest) = page.split_once(&format!("<!-- {name}:begin -->")).with_context(|| format!("no part `{name}`"))?;
    let (part, _) = rest.split_once(&format!("<!-- {name}:end -->")).context("the part has no end")?;
    Ok(part.to_owned())
}

/// The cells of a table between its marks, without its head and without backticks.
pub(crate) fn table(name: &str) -> Result<Vec<Vec<String>>> {
    let table = part(name)?;
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let cells = |line: &str| {
        let inner = line.trim_start_matches('|').trim_end_matches('|');
        inner.split('|').map(|cell| cell.trim().replace('`', "")).collect()
    };
    Ok(rows.map(cells).collect())
}

/// Digests are others with each filter.
fn without_digests(text: &str) -> String {
    let mut parts = text.split("sha256:");
    let first = parts.next().unwrap_or_default().to_owned();
    let rest =
        parts.map(|part| format!("sha256:...{}", part.trim_start_matches(|c: char| c.is_ascii_hexdigit() || c == '.')));
    first + &rest.collect::<String>()
}

#[test]
fn the_steps_print_what_the_page_shows() -> Result<()> {
    let project = Project::new(IMAGE)?;
    let checkout = project.checkout("checkout", "wider")?;
    let (mut printed, mut compared) = (String::new(), 0);
    // The log has a test of its own.
    for line in page()?.replace(&part("log")?, "").lines() {
        match line.strip_prefix("$ make -f sallyport.mk ") {
            Some(arguments) => {
                let arguments: Vec<_> = arguments.split_whitespace().collect();
                printed = without_digests(&passes(&make(&checkout, Network::None, &arguments)?)?);
            }
            None if line.starts_with("```") => printed.clear(),
            None if !printed.is_empty() => {
                compared += 1;
                ensure!(printed.lines().any(|real| real == line), "`{line}` is not in\n{printed}");
            }
            None => {}
        }
    }
    ensure!(compared >= 4, "only {compared} lines were compared");

    // What the page shows of failures.
    let egress = checkout.join("deploy/egress.yaml");
    let good = fs::read_to_string(&egress)?;
    for (before, after, arguments, start) in [
        ("DELETE", "PUT", &["manifests"][..], "changed "),
        ("DELETE", "PUT", &["manifests"], "to bring the folder up to date: "),
        ("methods: [GET, DELETE], paths:", "methods: [GET], path:", &["check", "FORMAT=github"], "::error file="),
    ] {
        fs::write(&egress, good.replace(before, after))?;
        let page = page()?;
        let shown = page.lines().find(|line| line.starts_with(start)).with_context(|| format!("no line `{start}`"))?;
        fails(&make(&checkout, Network::None, arguments)?, shown)?;
    }
    Ok(())
}

/// All of it, in its order.
#[test]
fn the_page_has_the_log_of_a_pull_request_that_widens_a_rule() -> Result<()> {
    let project = Project::new(IMAGE)?;
    let checkout = project.pull_request("checkout")?;
    let log = part("log")?;
    let (command, shown) = log.split_once("$ ").and_then(|(_, log)| log.split_once('\n')).context("no command")?;
    let mut shell = program(&checkout, Network::None, "sh")?;
    let output = shell.args(["-c", &format!("exec {command} 2>&1")]).output()?;
    fails(&output, "DELETE")?;
    let printed = String::from_utf8(output.stdout)?;
    ensure!(shown.trim_end().strip_suffix("```") == Some(&printed), "{printed}");
    let comment = report(&checkout, "diff.md")?;
    ensure!(comment.contains(part("comment")?.trim()), "{comment}");
    Ok(())
}

#[test]
fn every_step_is_described_with_its_reports() -> Result<()> {
    let makefile = fs::read_to_string(workspace().join("deploy/ci/sallyport.mk"))?;
    let phony = makefile.lines().find_map(|line| line.strip_prefix(".PHONY: all ")).context("no steps")?;
    let rows = table("steps")?;
    let described: Vec<_> = rows.iter().map(|row| row[0].as_str()).collect();
    ensure!(described == phony.split(' ').collect::<Vec<_>>(), "{described:?}, {phony}");
    for report in rows.iter().flat_map(|row| row[2].split(", ")).filter(|name| !name.is_empty()) {
        ensure!(makefile.contains(report), "no step writes {report}");
    }
    Ok(())
}
