//! The steps themselves.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use std::thread;

use anyhow::{Context, Result, ensure};
use sallyport_tests::gate::sallyport;
use sallyport_tests::registry::Registry;
use serde_json::Value;

use crate::project::{Project, git, printed, said};
use crate::runner::{Network, action, job, make};

pub(crate) const IMAGE: &str = "registry.example.com/sallyport/filter";

pub(crate) fn passes(output: &Output) -> Result<String> {
    ensure!(output.status.success(), "{}", printed(output));
    Ok(printed(output))
}

/// Fails, and says this.
pub(crate) fn fails(output: &Output, words: &str) -> Result<()> {
    let said = printed(output);
    ensure!(!output.status.success() && said.contains(words), "no failure with `{words}`: {said}");
    Ok(())
}

/// A checkout is as it was, but for the reports that Git ignores.
pub(crate) fn is_clean(checkout: &Path) -> Result<()> {
    let changes = said(Command::new("git").args(["status", "--porcelain"]).current_dir(checkout))?;
    ensure!(changes.is_empty(), "{changes}");
    Ok(())
}

pub(crate) fn report(checkout: &Path, name: &str) -> Result<String> {
    fs::read_to_string(checkout.join("reports").join(name)).with_context(|| format!("there is no report {name}"))
}

/// What code scanning reads: the exit code of each run.
fn exit_of_sarif(checkout: &Path, name: &str) -> Result<i64> {
    let log: Value = serde_json::from_str(&report(checkout, name)?)?;
    ensure!(log["version"] == "2.1.0", "{log}");
    log["runs"][0]["invocations"][0]["exitCode"].as_i64().context("no exit code")
}

#[test]
fn the_steps_pass_from_a_clean_checkout_without_a_network() -> Result<()> {
    let project = Project::new(IMAGE)?;
    let checkout = project.checkout("checkout", "wider")?;
    passes(&make(&checkout, Network::None, &["check"])?)?;
    ensure!(exit_of_sarif(&checkout, "check.sarif")? == 0);
    ensure!(report(&checkout, "check.xml")?.contains("<testsuite "));
    passes(&make(&checkout, Network::None, &["manifests"])?)?;
    let image = passes(&make(&checkout, Network::None, &["image"])?)?;
    ensure!(image.contains("Istio and Envoy would accept it"), "{image}");
    is_clean(&checkout)
}

#[test]
fn each_step_fails_for_its_own_reason() -> Result<()> {
    let project = Project::new(IMAGE)?;
    let checkout = project.checkout("checkout", "wider")?;
    let (egress, lock) = (checkout.join("deploy/egress.yaml"), checkout.join("deploy/sallyport.lock"));
    let good = fs::read_to_string(&egress)?;

    fs::write(&egress, good.replace("GET, DELETE", "GET, DELETE, PUT"))?;
    passes(&make(&checkout, Network::None, &["check"])?)?;
    fails(&make(&checkout, Network::None, &["manifests"])?, "changed egress-ledger-ledger/20-plugin.yaml")?;

    fs::write(&egress, good.replace("paths:", "path:"))?;
    let annotated = make(&checkout, Network::None, &["check", "FORMAT=github"])?;
    fails(&annotated, "::error file=deploy/egress.yaml,line=12,")?;
    ensure!(exit_of_sarif(&checkout, "check.sarif")? == 1);
    ensure!(report(&checkout, "check.xml")?.contains("<failure "));
    // All steps are run, whatever the ones before them have found.
    let all = make(&checkout, Network::None, &["--keep-going", "check", "manifests", "image"])?;
    fails(&all, "error[SP")?;
    ensure!(printed(&all).contains("Istio and Envoy would accept it"), "{}", printed(&all));

    fs::write(&egress, &good)?;
    let locked = fs::read_to_string(&lock)?;
    let (before, digest) = locked.split_once("sha256:").context("no digest")?;
    fs::write(&lock, format!("{before}sha256:{}{}", "0".repeat(64), &digest[64..]))?;
    fails(&make(&checkout, Network::None, &["image"])?, "error[SP3002]")
}

/// A hook before a commit wants no files.
#[test]
fn without_reports_nothing_is_written() -> Result<()> {
    let project = Project::new(IMAGE)?;
    let checkout = project.checkout("checkout", "main")?;
    passes(&make(&checkout, Network::None, &["REPORTS=", "check", "manifests"])?)?;
    ensure!(!checkout.join("reports").exists());
    is_clean(&checkout)
}

#[test]
fn a_tag_is_pushed_as_the_lock_pins_it() -> Result<()> {
    let scratch = sallyport_tests::process::Scratch::new("pipeline-registry")?;
    let registry = Registry::start(&scratch)?;
    let image = registry.name("mesh/filter");
    let project = Project::new(&image)?;
    let checkout = project.checkout("checkout", "main")?;
    fails(&make(&checkout, Network::Ours, &["push"])?, "push needs TAG=")?;
    // It is the one step that needs a network.
    fails(&make(&checkout, Network::None, &["push", "TAG=0.9.0"])?, "cannot connect to the registry")?;
    let pushed = passes(&make(&checkout, Network::Ours, &["push", "TAG=1.0.0"])?)?;
    let locked: Value = serde_json::from_slice(&fs::read(checkout.join("deploy/sallyport.lock"))?)?;
    let digest = locked["filter"]["digest"].as_str().context("no digest")?;
    ensure!(pushed.contains(&format!("{image}@{digest}")), "{pushed}");
    is_served(&image, "1.0.0", digest)?;

    // The same by GitHub's action and by GitLab's job.
    passes(&action(&checkout, Network::Ours, &[("steps", "push"), ("tag", "1.0.1")])?.0)?;
    is_served(&image, "1.0.1", digest)?;
    let variables = [("CI_COMMIT_TAG", "1.0.2"), ("DOCKER_AUTH_CONFIG", "{}")];
    passes(&job(&checkout, Network::Ours, "sallyport-push", &variables)?)?;
    is_served(&image, "1.0.2", digest)?;
    is_clean(&checkout)?;

    fs::remove_file(checkout.join("deploy/sallyport.lock"))?;
    fails(&make(&checkout, Network::Ours, &["push", "TAG=1.0.3"])?, "there is no image in deploy/sallyport.lock")
}

fn is_served(image: &str, tag: &str, digest: &str) -> Result<()> {
    let mut verify = Command::new(sallyport()?);
    said(verify.args(["image", "verify", &format!("{image}:{tag}"), "--expect", digest])).map(drop)
}

#[test]
fn githubs_action_runs_the_steps_of_a_pull_request() -> Result<()> {
    let project = Project::new(IMAGE)?;
    let checkout = project.pull_request("checkout")?;
    let (good, _) = action(&checkout, Network::None, &[("steps", "check manifests image")])?;
    passes(&good)?;
    ensure!(exit_of_sarif(&checkout, "check.sarif")? == 0);
    is_clean(&checkout)?;

    let egress = checkout.join("deploy/egress.yaml");
    fs::write(&egress, fs::read_to_string(&egress)?.replace("action: DENY", "action: DENIED"))?;
    let (bad, _) = action(&checkout, Network::None, &[("steps", "check manifests")])?;
    fails(&bad, "::error file=deploy/egress.yaml,line=14,")
}

#[test]
fn gitlabs_jobs_run_the_steps() -> Result<()> {
    let project = Project::new(IMAGE)?;
    let checkout = project.checkout("checkout", "wider")?;
    for name in ["sallyport-check", "sallyport-manifests", "sallyport-image"] {
        passes(&job(&checkout, Network::None, name, &[])?).context(name)?;
    }
    ensure!(report(&checkout, "check.xml")?.contains("<testsuite "));
    git(&checkout, &["diff", "--exit-code"])?;
    is_clean(&checkout)
}

/// A server that takes one request, as GitLab's API would.
fn api() -> Result<(String, thread::JoinHandle<Result<String>>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = format!("http://{}/api/v4", listener.local_addr()?);
    let served = thread::spawn(move || {
        let (mut stream, _) = listener.accept()?;
        let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
        loop {
            let count = stream.read(&mut buffer)?;
            request.extend(&buffer[..count]);
            let text = String::from_utf8_lossy(&request).into_owned();
            let length = text.lines().find_map(|line| line.strip_prefix("Content-Length: ")?.parse::<usize>().ok());
            let whole = text.split_once("\r\n\r\n").is_some_and(|(_, body)| Some(body.len()) >= length);
            if whole || count == 0 {
                stream.write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")?;
                return Ok(text);
            }
        }
    });
    Ok((address, served))
}

#[test]
fn gitlabs_comment_has_the_report() -> Result<()> {
    let project = Project::new(IMAGE)?;
    let checkout = project.checkout("checkout", "main")?;
    fs::create_dir(checkout.join("reports"))?;
    fs::write(checkout.join("reports/diff.md"), "**Widened** & more\n")?;
    let (address, served) = api()?;
    let variables = [
        ("CI_API_V4_URL", address.as_str()),
        ("CI_PROJECT_ID", "7"),
        ("CI_MERGE_REQUEST_IID", "42"),
        ("SALLYPORT_COMMENT_TOKEN", "glpat-bot"),
    ];
    passes(&job(&checkout, Network::Ours, "sallyport-comment", &variables)?)?;
    let request = served.join().expect("the server does not panic")?;
    ensure!(request.starts_with("POST /api/v4/projects/7/merge_requests/42/notes HTTP/1.1"), "{request}");
    ensure!(request.contains("PRIVATE-TOKEN: glpat-bot"), "{request}");
    ensure!(request.contains("body=%2A%2AWidened%2A%2A+%26+more%0A"), "{request}");
    Ok(())
}
