//! A small repository as docs/ci.md describes it, with a pull request of two commits; the second one widens a rule.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use sallyport_tests::gate::sallyport;
use sallyport_tests::process::Scratch;
use sallyport_tests::workspace;

use crate::page::table;

const EGRESS: &str = "\
apiVersion: sallyport.dev/v1alpha1
kind: Egress
metadata: {name: ledger, namespace: egress-ledger}
spec:
  host: ledger.legacy.internal
  upstream: {host: ledger.corp.example, port: 8443}
  authz:
    rules:
    - id: readers
      action: ALLOW
      from: [{source: {serviceAccounts: [shop/reports]}}]
      to: [{operation: {methods: [GET], paths: [\"/accounts/{*}\"]}}]
";
const CASES: &str = "\
apiVersion: sallyport.dev/v1alpha1
kind: Cases
groups:
- name: accounts
  from: {serviceAccounts: [shop/reports]}
  to: {paths: [/accounts/7]}
  expect: {verdict: ALLOW, rule: readers}
  cases:
  - name: are read by the reports
  - name: are not read by others
    from: {serviceAccounts: [shop/web]}
    expect: {verdict: DENY, reason: not_allowed}
  - name: are all that is read
    to: {paths: [/invoices/7]}
    expect: {verdict: DENY, reason: not_allowed}
";
/// What the first commit of the pull request adds: a rule, and a case that shows it.
const NEW_RULE: &str =
    "    - id: no-closed\n      action: DENY\n      to: [{operation: {paths: [/accounts/closed]}}]\n";
const NEW_CASE: &str = "  - name: are not read once they are closed
    to: {paths: [/accounts/closed]}
    expect: {verdict: DENY, rule: no-closed}
";
/// What the second commit changes: more methods for a caller that was there. No case shows it.
const WIDER: (&str, &str) = ("methods: [GET]", "methods: [GET, DELETE]");
const MESH: &str = "\
apiVersion: sallyport.dev/v1alpha1
kind: Mesh
metadata: {name: mesh}
spec: {istioVersion: \"1.31\"}
";

/// The repository, and clean checkouts of it.
pub(crate) struct Project {
    pub(crate) scratch: Scratch,
}

impl Project {
    /// `image` is where the filter's image is pushed to.
    pub(crate) fn new(image: &str) -> Result<Self> {
        let project = Self { scratch: Scratch::new("pipeline")? };
        let origin = project.scratch.folder("origin")?;
        // As docs/ci.md says.
        for row in table("copies")? {
            let (name, target) = (&row[0], origin.join(&row[1]));
            fs::create_dir_all(target.parent().context("a file has a folder")?)?;
            fs::copy(workspace().join("deploy/ci").join(name), target)?;
        }
        fs::create_dir(origin.join("deploy"))?;
        fs::write(origin.join(".gitignore"), "/reports\n")?;
        fs::write(origin.join("deploy/mesh.yaml"), MESH)?;
        let digest = said(Command::new(sallyport()?).args(["image", "build"]))?;
        let digest = digest.trim();
        let lock = format!(r#"{{"version": 1, "filter": {{"image": "{image}", "digest": "{digest}"}}}}"#);
        fs::write(origin.join("deploy/sallyport.lock"), lock)?;

        git(&origin, &["init", "--quiet", "--initial-branch", "main"])?;
        project.commit("The ledger behind a gateway", EGRESS, CASES)?;
        git(&origin, &["switch", "--quiet", "--create", "wider"])?;
        let (narrower, cases) = (format!("{EGRESS}{NEW_RULE}"), format!("{CASES}{NEW_CASE}"));
        project.commit("Nobody reads closed accounts", &narrower, &cases)?;
        project.commit("The reports also delete accounts", &narrower.replace(WIDER.0, WIDER.1), &cases)?;
        // Meanwhile the target branch moves on, so that its tip is no ancestor of the pull request.
        git(&origin, &["switch", "--quiet", "main"])?;
        fs::write(origin.join("README.md"), "The egress gateways of the shop.\n")?;
        git(&origin, &["add", "--all"])?;
        git(&origin, &["commit", "--quiet", "--message", "A readme"])?;
        Ok(project)
    }

    /// A commit with this Egress file, its cases, and the manifests built from it.
    fn commit(&self, message: &str, egress: &str, cases: &str) -> Result<()> {
        let origin = self.scratch.path().join("origin");
        fs::write(origin.join("deploy/egress.yaml"), egress)?;
        fs::write(origin.join("deploy/cases.yaml"), cases)?;
        let mut build = Command::new(sallyport()?);
        said(build.args(["build", "deploy", "-o", "manifests", "--root", "--quiet"]).current_dir(&origin))?;
        git(&origin, &["add", "--all"])?;
        git(&origin, &["commit", "--quiet", "--message", message])
    }

    /// A clean checkout as GitHub makes it for a pull request: the merge with the target branch, and its two parents.
    pub(crate) fn pull_request(&self, name: &str) -> Result<PathBuf> {
        let checkout = self.checkout(name, "main")?;
        git(&checkout, &["merge", "--quiet", "--no-ff", "--message", "Merge", "origin/wider"])?;
        Ok(checkout)
    }

    /// A clean checkout of a branch.
    pub(crate) fn checkout(&self, name: &str, branch: &str) -> Result<PathBuf> {
        git(self.scratch.path(), &["clone", "--quiet", "--branch", branch, "origin", name])?;
        Ok(self.scratch.path().join(name))
    }
}

/// Whoever runs the tests has settings of their own.
pub(crate) fn git(folder: &Path, arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=Tests", "-c", "user.email=tests@example.com"]).args(arguments).current_dir(folder);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    said(&mut command).map(drop)
}

/// The stdout of a command that must succeed.
pub(crate) fn said(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", printed(&output));
    Ok(String::from_utf8(output.stdout)?)
}

/// All that a command has printed.
pub(crate) fn printed(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    format!("{}\n{out}{err}", output.status)
}
