//! The steps that say what a change means: the cases, and the difference to the target branch.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::project::{Project, git, printed, said};
use crate::runner::{Network, action, coverage, file, job, make, pre_commit};
use crate::steps::{IMAGE, fails, is_clean, passes, report};

#[test]
fn the_cases_are_played_with_their_coverage() -> Result<()> {
    let project = Project::new(IMAGE)?;
    let branch = project.checkout("branch", "wider")?;
    passes(&make(&branch, Network::None, &["test"])?)?;
    ensure!(report(&branch, "test.xml")?.contains("<testsuite "));
    let played = job(&branch, Network::None, "sallyport-test", &[])?;
    passes(&played)?;
    ensure!(coverage(&branch, "sallyport-test", &played)?.as_deref() == Some("100"), "{}", printed(&played));
    is_clean(&branch)?;

    // A rule that no case shows.
    let cases = branch.join("deploy/cases.yaml");
    let good = fs::read_to_string(&cases)?;
    let (fewer, _) = good.split_once("  - name: are not read once").context("no such case")?;
    fs::write(&cases, fewer)?;
    let played = job(&branch, Network::None, "sallyport-test", &[])?;
    fails(&played, "of the branches of `egress-ledger/ledger` are covered, less than 100 %")?;
    ensure!(coverage(&branch, "sallyport-test", &played)?.as_deref() == Some("80"), "{}", printed(&played));
    ensure!(report(&branch, "test.xml")?.contains("<failure "));
    passes(&make(&branch, Network::None, &["test", "MIN_COVERAGE=80"])?)?;

    // A verdict that is not the expected one.
    fs::write(&cases, good.replace("DENY, rule: no-closed", "ALLOW"))?;
    fails(&make(&branch, Network::None, &["test"])?, "`verdict`: expected ALLOW, got DENY")?;
    ensure!(report(&branch, "test.xml")?.contains("<failure "));
    let annotated = make(&branch, Network::None, &["test", "FORMAT=github"])?;
    fails(&annotated, "::error file=deploy/cases.yaml,line=18,")?;
    fs::remove_file(&cases)?;
    fails(&make(&branch, Network::None, &["test"])?, "there are no cases in `deploy`")?;
    ensure!(report(&branch, "test.xml").is_err(), "there is an old report");
    Ok(())
}

#[test]
fn a_pull_request_that_widens_a_rule_is_seen() -> Result<()> {
    let project = Project::new(IMAGE)?;
    // Differences are no failure, unless they are of a kind that fails the step.
    let merged = project.pull_request("merged")?;
    let compared = passes(&make(&merged, Network::None, &["diff", "BASE=HEAD^1"])?)?;
    ensure!(compared.contains("DELETE"), "{compared}");
    ensure!(report(&merged, "diff.md")?.contains("DELETE"));
    ensure!(report(&merged, "diff.sarif")?.contains("2.1.0"));
    for which in ["widened", "narrowed", "any"] {
        fails(&make(&merged, Network::None, &["diff", "BASE=HEAD^1", &format!("FAIL_ON={which}")])?, "DELETE")?;
    }
    // The first commit alone only narrows.
    let first = ["diff", "BASE=HEAD^1", "FAIL_ON=widened"];
    git(&merged, &["reset", "--quiet", "--hard", "origin/wider^"])?;
    passes(&make(&merged, Network::None, &first)?)?;
    git(&merged, &["reset", "--quiet", "--hard", "ORIG_HEAD"])?;
    passes(&make(&merged, Network::None, &["diff", "BASE=HEAD", "FAIL_ON=any"])?)?;
    let unknown = make(&merged, Network::None, &["diff", "BASE=no-such-revision"])?;
    fails(&unknown, "no-such-revision")?;
    ensure!(printed(&unknown).matches("error:").count() == 1, "{}", printed(&unknown));
    ensure!(report(&merged, "diff.md").is_err(), "there is an old report");
    passes(&make(&merged, Network::None, &["BASE=HEAD^1"])?).context("all steps at once")?;
    is_clean(&merged)
}

#[test]
fn github_has_the_difference_in_the_summary() -> Result<()> {
    let project = Project::new(IMAGE)?;
    let merged = project.pull_request("merged")?;
    let (ran, summary) = action(&merged, Network::None, &[("base", "HEAD^1")])?;
    passes(&ran)?;
    ensure!(summary == report(&merged, "diff.md")?, "{summary}");
    let (refused, summary) = action(&merged, Network::None, &[("base", "HEAD^1"), ("fail-on", "widened")])?;
    fails(&refused, "DELETE")?;
    ensure!(summary.contains("DELETE"), "{summary}");
    is_clean(&merged)
}

#[test]
fn gitlab_compares_with_where_the_branch_began() -> Result<()> {
    let project = Project::new(IMAGE)?;
    let branch = project.checkout("branch", "wider")?;
    let base = said(Command::new("git").args(["merge-base", "origin/main", "HEAD"]).current_dir(&branch))?;
    let base = [("CI_MERGE_REQUEST_DIFF_BASE_SHA", base.trim())];
    passes(&job(&branch, Network::None, "sallyport-diff", &base)?)?;
    ensure!(report(&branch, "diff.md")?.contains("DELETE"));
    is_clean(&branch)?;
    // A failure has its report, too, and the comment does not wait for success.
    let failed = job(&branch, Network::None, "sallyport-diff", &[base[0], ("FAIL_ON", "widened")])?;
    fails(&failed, "DELETE")?;
    ensure!(report(&branch, "diff.md")?.contains("DELETE"));
    let pipeline = file(&branch, ".gitlab-ci.yml")?;
    ensure!(pipeline[".sallyport"]["artifacts"]["when"] == "always", "{pipeline}");
    ensure!(pipeline["sallyport-comment"]["rules"][0]["when"] == "always", "{pipeline}");
    Ok(())
}

#[test]
fn the_hook_runs_before_a_commit() -> Result<()> {
    let project = Project::new(IMAGE)?;
    let branch = project.checkout("branch", "wider")?;
    passes(&pre_commit(&branch)?)?;
    let egress = branch.join("deploy/egress.yaml");
    fs::write(&egress, fs::read_to_string(&egress)?.replace("GET, DELETE", "GET, PUT"))?;
    fails(&pre_commit(&branch)?, "changed egress-ledger-ledger/20-plugin.yaml")?;
    let cases = branch.join("deploy/cases.yaml");
    fs::write(&cases, fs::read_to_string(&cases)?.replace("DENY, rule: no-closed", "ALLOW"))?;
    fails(&pre_commit(&branch)?, "expected ALLOW, got DENY")
}
