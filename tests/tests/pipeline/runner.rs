//! Runs the steps of pipelines as their systems run them: make, GitHub's composite actions, and GitLab's jobs.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use sallyport_tests::gate::sallyport;
use sallyport_tests::tools;
use serde_json::{Map, Value};

use crate::project::printed;
use crate::yaml;

/// Whether a step can reach anything at all, this machine included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Network {
    None,
    Ours,
}

/// A program in a checkout, with `sallyport` on the path and nothing else of this test's environment.
pub(crate) fn program(folder: &Path, network: Network, name: &str) -> Result<Command> {
    let mut command = match network {
        Network::Ours => Command::new(name),
        // A network namespace of its own, in which not even the loopback device is up.
        Network::None => {
            let mut command = Command::new("unshare");
            if !rustix::process::geteuid().is_root() {
                command.arg("--map-root-user");
            }
            command.args(["--net", "--", name]);
            command
        }
    };
    let own = sallyport()?;
    let own = own.parent().context("a program has a folder")?.to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths([own].into_iter().chain(std::env::split_paths(&path)))?;
    command.current_dir(folder).env_clear().env("PATH", path).env("HOME", folder.join("..")).env("NO_COLOR", "1");
    // The owner of a folder in a user namespace is another one.
    command.envs([("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "safe.directory"), ("GIT_CONFIG_VALUE_0", "*")]);
    Ok(command)
}

/// `make -f sallyport.mk`, with goals and variables.
pub(crate) fn make(folder: &Path, network: Network, arguments: &[&str]) -> Result<Output> {
    let mut command = program(folder, network, "make")?;
    Ok(command.args(["-f", "sallyport.mk"]).args(arguments).output()?)
}

pub(crate) fn file(folder: &Path, name: &str) -> Result<Value> {
    let text = fs::read_to_string(folder.join(name)).with_context(|| name.to_owned())?;
    yaml::to_json(&text).with_context(|| format!("{name} is not YAML"))
}

fn object<'a>(value: &'a Value, name: &str) -> Result<&'a Map<String, Value>> {
    value[name].as_object().with_context(|| format!("there is no `{name}`"))
}

/// A scalar, as it is in an environment.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The composite action of a checkout with these inputs; what it wrote into the run's summary is added to what it printed.
pub(crate) fn action(folder: &Path, network: Network, with: &[(&str, &str)]) -> Result<(Output, String)> {
    let home = ".github/actions/sallyport";
    let action = file(folder, &format!("{home}/action.yml"))?;
    let mut inputs = BTreeMap::new();
    for (name, input) in object(&action, "inputs")? {
        inputs.insert(name.as_str(), text(&input["default"]));
    }
    for (name, value) in with {
        ensure!(inputs.insert(name, (*value).to_owned()).is_some(), "the action has no input `{name}`");
    }
    let steps = action["runs"]["steps"].as_array().context("no steps")?;
    let [step] = &steps[..] else { anyhow::bail!("one step is expected: {steps:?}") };
    ensure!(step["shell"] == "bash" && step["if"].is_null(), "another step than this test can run: {step}");
    let temporary = folder.with_extension("runner");
    fs::create_dir_all(&temporary)?;
    let (script, summary) = (temporary.join("script.sh"), temporary.join("summary.md"));
    fs::write(&script, step["run"].as_str().context("no script")?)?;
    fs::write(&summary, "")?;
    // As GitHub's documentation says of `shell: bash`.
    let mut command = program(folder, network, "bash")?;
    command.args(["--noprofile", "--norc", "-eo", "pipefail"]).arg(script);
    command
        .env("GITHUB_ACTION_PATH", folder.join(home))
        .env("GITHUB_STEP_SUMMARY", &summary)
        .env("RUNNER_TEMP", temporary);
    for (name, value) in object(step, "env")? {
        let mut value = text(value);
        for (input, given) in &inputs {
            value = value.replace(&format!("${{{{ inputs.{input} }}}}"), given);
        }
        ensure!(!value.contains("${{"), "another expression than this test can read: {value}");
        command.env(name, value);
    }
    Ok((command.output()?, fs::read_to_string(summary)?))
}

/// The hook before a commit, over all files.
pub(crate) fn pre_commit(folder: &Path) -> Result<Output> {
    let pre_commit = tools().join("pipelines/bin/pre-commit").canonicalize().context("run `tests/setup pipelines`")?;
    let mut command = program(folder, Network::None, &pre_commit.to_string_lossy())?;
    command.args(["run", "--all-files"]).env("PRE_COMMIT_HOME", folder.with_extension("pre-commit"));
    Ok(command.output()?)
}

/// A job of GitLab's in a checkout, with the variables that GitLab would set.
pub(crate) fn job(folder: &Path, network: Network, name: &str, variables: &[(&str, &str)]) -> Result<Output> {
    let pipeline = file(folder, ".gitlab-ci.yml")?;
    let job = &pipeline[name];
    let base = &pipeline[job["extends"].as_str().with_context(|| format!("{name} extends nothing"))?];
    let lines = job["script"].as_array().with_context(|| format!("{name} has no script"))?;
    let script: Vec<String> = lines.iter().map(text).collect();
    let mut command = program(folder, network, "sh")?;
    command.arg("-ec").arg(script.join("\n")).env("CI_PROJECT_DIR", folder);
    for scope in [&pipeline, base, job] {
        for (name, value) in scope["variables"].as_object().into_iter().flatten() {
            command.env(name, text(value));
        }
    }
    Ok(command.envs(variables.iter().copied()).output()?)
}

/// The number that GitLab takes from what a job has printed: the first one in the last match of the job's `coverage`.
pub(crate) fn coverage(folder: &Path, name: &str, output: &Output) -> Result<Option<String>> {
    let pipeline = file(folder, ".gitlab-ci.yml")?;
    let pattern = pipeline[name]["coverage"].as_str().with_context(|| format!("{name} has no coverage"))?;
    let pattern = pattern.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')).context("not between slashes")?;
    let printed = printed(output);
    let last = regex_lite::Regex::new(pattern)?.find_iter(&printed).last();
    Ok(last
        .and_then(|found| Some(regex_lite::Regex::new(r"\d+(\.\d+)?").ok()?.find(found.as_str())?.as_str().to_owned())))
}
