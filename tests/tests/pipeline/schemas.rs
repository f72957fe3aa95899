//! What programs of others say of the files in deploy/ci. That each of them finds something is tried with a mistake.

use std::fs;
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use sallyport_tests::process::Scratch;
use sallyport_tests::{tools, workspace};

/// A checker, the file that it is for, and a mistake in it: what is replaced by what.
type Check = (&'static [&'static str], &'static str, (&'static str, &'static str));

const CHECKS: [Check; 7] = [
    (&["check-jsonschema", "--builtin-schema", "vendor.github-actions"], "deploy/ci/action.yml", ("using:", "use:")),
    (
        &["check-jsonschema", "--builtin-schema", "vendor.github-workflows"],
        "deploy/ci/github-workflow.yaml",
        ("runs-on: ubuntu-24.04", "runs_on: ubuntu-24.04"),
    ),
    (&["check-jsonschema", "--builtin-schema", "vendor.gitlab-ci"], "deploy/ci/gitlab-ci.yaml", ("junit:", "jnit:")),
    (&["pre-commit", "validate-config"], "deploy/ci/pre-commit-config.yaml", ("entry:", "entrance:")),
    (&["pre-commit", "validate-manifest"], ".pre-commit-hooks.yaml", ("entry:", "entrance:")),
    // Security: permissions, pins, templates in scripts.
    (&ZIZMOR, "deploy/ci/action.yml", ("$STEPS", "${{ inputs.steps }}")),
    (&ZIZMOR, "deploy/ci/github-workflow.yaml", ("ea165f8d65b6e75b540449e92b4886f43607fa02", "v4")),
];
/// Below are matters of taste.
const ZIZMOR: [&str; 5] = ["zizmor", "--offline", "--no-progress", "--min-severity", "medium"];

fn run(scratch: &Scratch, words: &[&str], file: &str, text: &str) -> Result<Output> {
    let [program, arguments @ ..] = words else { anyhow::bail!("no program") };
    let name = file.rsplit('/').next().context("no name")?;
    let path = scratch.write(name, text)?;
    let program = tools().join("pipelines/bin").join(program);
    let mut command = Command::new(program);
    command.args(arguments).arg(path).env("PRE_COMMIT_HOME", scratch.path());
    command.output().context("run `tests/setup pipelines`")
}

#[test]
fn every_file_is_one_of_its_kind() -> Result<()> {
    let scratch = Scratch::new("pipeline-schemas")?;
    for (words, file, (before, after)) in CHECKS {
        let text = fs::read_to_string(workspace().join(file)).with_context(|| file.to_owned())?;
        let good = run(&scratch, words, file, &text)?;
        ensure!(good.status.success(), "{words:?} {file}: {good:?}");
        ensure!(text.contains(before), "{file} has no `{before}`");
        let bad = run(&scratch, words, file, &text.replace(before, after))?;
        ensure!(!bad.status.success(), "{words:?} does not see that `{before}` is `{after}` in {file}");
    }
    Ok(())
}

/// The scripts in them, for the shells that run them.
#[test]
fn the_scripts_pass_shellcheck() -> Result<()> {
    let scratch = Scratch::new("pipeline-scripts")?;
    let mut seen = 0;
    for (file, shell) in [("deploy/ci/action.yml", "bash"), ("deploy/ci/gitlab-ci.yaml", "sh")] {
        let text = fs::read_to_string(workspace().join(file))?;
        let tree = crate::yaml::to_json(&text).with_context(|| format!("{file} is not YAML"))?;
        let mut scripts = Vec::new();
        if let Some(steps) = tree["runs"]["steps"].as_array() {
            scripts.extend(steps.iter().filter_map(|step| step["run"].as_str().map(str::to_owned)));
        }
        for job in tree.as_object().into_iter().flatten() {
            if let Some(lines) = job.1["script"].as_array() {
                scripts.push(lines.iter().filter_map(|line| line.as_str()).collect::<Vec<_>>().join("\n"));
            }
        }
        for script in scripts {
            seen += 1;
            let path = scratch.write("script", &script)?;
            let mut command = Command::new(tools().join("pipelines/bin/shellcheck"));
            let output = command.args(["--shell", shell]).arg(path).output().context("run `tests/setup pipelines`")?;
            ensure!(output.status.success(), "{file}: {}", String::from_utf8_lossy(&output.stdout));
        }
    }
    ensure!(seen >= 8, "only {seen} scripts were found");
    Ok(())
}
