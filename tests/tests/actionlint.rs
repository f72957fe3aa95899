//! The workflow of deploy/ci as actionlint sees it, in a repository that has the action, too. It is a program in Go, so it
//! belongs to `make parity`; tests/tests/pipeline has what needs no Go.

use std::fs;
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use sallyport_tests::process::Scratch;
use sallyport_tests::{cluster, tools, workspace};

fn actionlint(workflow: &str) -> Result<Output> {
    let scratch = Scratch::new("actionlint")?;
    let action = scratch.folder(".github/actions/sallyport")?;
    for name in ["action.yml", "sallyport.mk"] {
        fs::copy(workspace().join("deploy/ci").join(name), action.join(name))?;
    }
    scratch.folder(".github/workflows")?;
    let file = scratch.write(".github/workflows/sallyport.yaml", workflow)?;
    // It looks for the top of a repository.
    Command::new("git").args(["init", "--quiet"]).current_dir(scratch.path()).status()?;
    let mut command = Command::new(cluster::program("actionlint"));
    command.arg("-shellcheck").arg(tools().join("pipelines/bin/shellcheck")).arg(file).current_dir(scratch.path());
    command.output().context("run `tests/setup parity pipelines`")
}

#[test]
fn the_workflow_is_right() -> Result<()> {
    let workflow = fs::read_to_string(workspace().join("deploy/ci/github-workflow.yaml"))?;
    let output = actionlint(&workflow)?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    // An input that the action has not, an expression, a context, and a script.
    for (before, after) in [
        ("steps: push", "stages: push"),
        ("github.ref_name", "github.reference"),
        ("needs: verify", "needs: verified"),
        ("\"$NUMBER\"", "$NUMBER"),
    ] {
        ensure!(workflow.contains(before), "{before}");
        let output = actionlint(&workflow.replace(before, after))?;
        ensure!(output.status.code() == Some(1), "actionlint does not see `{after}`: {output:?}");
    }
    Ok(())
}
