//! The steps that say what a change means: the cases, and the difference to the target branch.

use std::fs;

use anyhow::{Context, Result, ensure};

use crate::project::Project;
use crate::runner::{Network, action, job, make, pre_commit};
use crate::steps::{IMAGE, fails, is_clean, passes, report};

/// Every step that needs `sallyport test` or `sallyport diff`.
#[expect(dead_code, reason = "it becomes a test as soon as the two subcommands are there")]
fn a_pull_request_that_widens_a_rule_is_seen() -> Result<()> {
    let project = Project::new(IMAGE)?;
    let branch = project.checkout("branch", "wider")?;
    passes(&make(&branch, Network::None, &["test"])?)?;
    ensure!(report(&branch, "test.xml")?.contains("<testsuite "));

    // Differences are no failure, unless they are of a kind that fails the step.
    let merged = project.pull_request("merged")?;
    let printed = passes(&make(&merged, Network::None, &["diff", "BASE=HEAD^1"])?)?;
    ensure!(printed.contains("DELETE"), "{printed}");
    ensure!(report(&merged, "diff.md")?.contains("DELETE"));
    ensure!(report(&merged, "diff.sarif")?.contains("2.1.0"));
    fails(&make(&merged, Network::None, &["diff", "BASE=HEAD^1", "FAIL_ON=widened"])?, "DELETE")?;
    passes(&make(&merged, Network::None, &["diff", "BASE=HEAD", "FAIL_ON=any"])?)?;
    fails(&make(&merged, Network::None, &["diff", "BASE=no-such-revision"])?, "no-such-revision")?;
    passes(&make(&merged, Network::None, &["BASE=HEAD^1"])?).context("all steps at once")?;

    // As GitHub runs them: the report is in the run's summary.
    let (ran, summary) = action(&merged, Network::None, &[("base", "HEAD^1")])?;
    passes(&ran)?;
    ensure!(summary == report(&merged, "diff.md")?, "{summary}");
    let (refused, summary) = action(&merged, Network::None, &[("base", "HEAD^1"), ("fail-on", "widened")])?;
    fails(&refused, "DELETE")?;
    ensure!(summary.contains("DELETE"), "{summary}");
    is_clean(&merged)?;

    // As GitLab runs them.
    passes(&job(&branch, Network::None, "sallyport-test", &[])?)?;
    let base = [("CI_MERGE_REQUEST_DIFF_BASE_SHA", "origin/main")];
    passes(&job(&branch, Network::None, "sallyport-diff", &base)?)?;
    ensure!(report(&branch, "diff.md")?.contains("DELETE"));

    // Before a commit.
    passes(&pre_commit(&branch)?)?;
    let egress = branch.join("deploy/egress.yaml");
    fs::write(&egress, fs::read_to_string(&egress)?.replace("DELETE", "PUT"))?;
    fails(&pre_commit(&branch)?, "changed egress-ledger-ledger/20-plugin.yaml")
}
