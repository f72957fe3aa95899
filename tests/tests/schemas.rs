//! What `build` emits is valid by the schemas of Kubernetes, of Istio's CRDs and of the Gateway API's, rules in CEL included: the
//! goldens, and every example, built by the command. So is what deploy/ci has for Argo CD and Flux, and what `plan --emit` writes for
//! Argo Rollouts, Flagger and Kargo. tests/tools/schemas.py validates. What `check` says of manifests that these schemas refuse is
//! held to them, too.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use sallyport_egress::diagnostic::SourceFile;
use sallyport_egress::{Code, check_with_manifests};
use sallyport_tests::gate::sallyport;
use sallyport_tests::process::Scratch;
use sallyport_tests::{tools, workspace};
use serde_json::{Value, json};

/// Validates sets of manifests, each a name and YAML; what is wrong with them, and the last line, which counts.
fn validate(sets: &[(String, String)]) -> Result<(Vec<String>, String)> {
    let input: Vec<Value> = sets.iter().map(|(name, text)| json!({"name": name, "text": text})).collect();
    let mut command = Command::new(tools().join("venv/bin/python"));
    command.arg(workspace().join("tests/tools/schemas.py")).arg(tools().join("schemas"));
    command.args([tools().join("pipelines/crds"), workspace().join("tests/tools/kargo")]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("run `tests/setup schemas`")?;
    let mut stdin = child.stdin.take().context("no stdin")?;
    let input = Value::Array(input).to_string();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output()?;
    writer.join().expect("the writer does not panic")?;
    let text = String::from_utf8(output.stdout)?;
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let count = lines
        .pop()
        .filter(|line| line.contains(" objects, "))
        .context("it failed: run `tests/setup schemas pipelines`")?;
    ensure!(output.status.success() == lines.is_empty(), "{text}");
    Ok((lines, count))
}

/// The YAML of a golden, whose files have a line with their name before them. Notes are for people.
fn golden(path: &Path) -> Result<(String, String)> {
    let text = fs::read_to_string(path)?;
    let mut yaml = String::new();
    for file in text.split("##### ").skip(1) {
        let (name, content) = file.split_once('\n').context("a file without content")?;
        if name.ends_with(".yaml") {
            yaml.push_str(&format!("---\n{content}\n"));
        }
    }
    let name = path.file_stem().context("no name")?.to_string_lossy().into_owned();
    Ok((name, yaml))
}

fn goldens() -> Result<Vec<(String, String)>> {
    let folder = workspace().join("packager/manifest/tests/golden");
    let mut paths: Vec<_> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    // Those of what `run` serves are in a folder of their own.
    paths.retain(|path| path.is_file());
    paths.sort();
    paths.iter().map(|path| golden(path)).collect()
}

/// Every YAML file below a folder.
fn manifests(folder: &Path) -> Result<String> {
    let mut text = String::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            text.push_str(&manifests(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "yaml")
            && !path.ends_with("30-helm-values.yaml")
        {
            text.push_str(&format!("---\n{}", fs::read_to_string(&path)?));
        }
    }
    Ok(text)
}

fn examples() -> Result<Vec<(String, String)>> {
    let scratch = Scratch::new("schemas")?;
    let digest = format!("sha256:{}", "ab".repeat(32));
    let mesh = "apiVersion: sallyport.dev/v1alpha1\nkind: Mesh\nmetadata: {name: tests}\nspec:\n  istioVersion: \"VERSION\"\n  \
                filter: {image: registry.example.com/filter, digest: \"DIGEST\"}\n";
    let examples =
        fs::read_dir(workspace().join("deploy/examples"))?.map(|entry| Ok(entry?.path().join("egress.yaml")));
    let examples: Vec<_> = examples.collect::<Result<Vec<_>>>()?.into_iter().filter(|path| path.exists()).collect();
    let mut sets = Vec::new();
    for version in ["1.29", "1.30", "1.31"] {
        let mesh = mesh.replace("VERSION", version).replace("DIGEST", &digest);
        let (mesh, out) = (scratch.write(&format!("mesh-{version}.yaml"), &mesh)?, scratch.path().join(version));
        let status = Command::new(sallyport()?).arg("build").args(&examples).arg(mesh).arg("-o").arg(&out).output()?;
        ensure!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
        sets.push((format!("examples for {version}"), manifests(&out)?));
    }
    Ok(sets)
}

#[test]
fn what_is_emitted_is_valid() {
    let sets = [goldens().unwrap(), examples().unwrap()].concat();
    let (problems, count) = validate(&sets).unwrap();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    let numbers: Vec<usize> = count.split(' ').filter_map(|word| word.parse().ok()).collect();
    // Objects, and rules in CEL: that something was checked at all.
    assert!(numbers[0] > 500 && numbers[1] > 1000, "{count}");
    // Those that the small evaluator cannot run are few and known.
    assert!(numbers[2] < 10, "{count}");
}

/// What Argo CD and Flux read: the layouts of deploy/ci, and the ApplicationSet over a build.
fn delivery() -> Result<Vec<(String, String)>> {
    let scratch = Scratch::new("schemas-delivery")?;
    let mut build = Command::new(sallyport()?);
    build.arg("build").arg(workspace().join("deploy/examples/httpbin")).arg("-o").arg(scratch.path().join("out"));
    build.args(["--argo", "--root", "--repository", "https://git.example.com/mesh.git"]);
    let built = build.args(["--repository-path", "manifests"]).output()?;
    ensure!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let text = |path: &Path| fs::read_to_string(path).with_context(|| path.display().to_string());
    let ci = workspace().join("deploy/ci");
    Ok(vec![
        ("the ApplicationSet".to_owned(), text(&scratch.path().join("out/applicationset.yaml"))?),
        ("Argo CD".to_owned(), text(&ci.join("argo-cd/sallyport.yaml"))?),
        ("Flux".to_owned(), text(&ci.join("flux/sallyport.yaml"))?),
    ])
}

#[test]
fn what_delivers_the_manifests_is_valid() {
    let sets = delivery().unwrap();
    let (problems, count) = validate(&sets).unwrap();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    // Each set for three versions of Istio.
    assert!(count.starts_with("12 objects, "), "{count}");
    for (set, (before, after)) in
        sets.iter().zip([("- list:", "- lists:"), ("include: ", "includes: "), ("prune: true", "prune: yes please")])
    {
        assert!(set.1.contains(before), "{}", set.1);
        let (problems, _) = validate(&[(set.0.clone(), set.1.replacen(before, after, 1))]).unwrap();
        assert!(!problems.is_empty(), "{}: {after}", set.0);
    }
}

/// The gates of a candidate, as `sallyport plan --emit` writes them: what Argo Rollouts and Flagger read, and its parts of a Canary
/// and of a Stage in one.
fn gates() -> Result<Vec<(String, String)>> {
    let scratch = Scratch::new("schemas-gates")?;
    scratch.write(
        "egress.yaml",
        "apiVersion: sallyport.dev/v1alpha1\nkind: Egress\nmetadata: {name: httpbin, namespace: egress-httpbin}\nspec:\n  \
         host: httpbin.internal\n  upstream: {host: httpbin.org, port: 443}\n  authz:\n    rules:\n    \
         - {id: readers, action: ALLOW, from: [{source: {serviceAccounts: [httpbin/sleep]}}]}\n",
    )?;
    scratch.write(
        "httpbin.candidate.yaml",
        "apiVersion: sallyport.dev/v1alpha1\nkind: Candidate\nmetadata: {name: httpbin, namespace: egress-httpbin}\nspec:\n  \
         rules:\n  - {id: nothing-else, action: DENY, to: [{operation: {notPaths: [/get]}}]}\n",
    )?;
    let output = Command::new(sallyport()?).args(["plan", "--emit", "gates"]).current_dir(scratch.path()).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = |name: &str| fs::read_to_string(scratch.path().join("gates/egress-httpbin-httpbin").join(name));
    let analysis = sallyport_egress::yaml_value(&text("flagger-analysis.yaml")?).context("no YAML")?;
    let mut canary = json!({
        "apiVersion": "flagger.app/v1beta1",
        "kind": "Canary",
        "metadata": {"name": "gateway", "namespace": "egress-httpbin"},
        "spec": {
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "gateway"},
            "service": {"port": 8443},
            "analysis": {"interval": "1m", "threshold": 1, "iterations": 1},
        },
    });
    canary["spec"]["analysis"]["metrics"] = analysis["metrics"].clone();
    let mut stage = json!({
        "apiVersion": "kargo.akuity.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": "gateway", "namespace": "egress-httpbin"},
        "spec": {"requestedFreight": [{"origin": {"kind": "Warehouse", "name": "manifests"}, "sources": {"direct": true}}]},
    });
    let verification = sallyport_egress::yaml_value(&text("kargo-verification.yaml")?).context("no YAML")?;
    let fields = verification.as_object().context("no mapping")?.iter();
    fields.for_each(|(field, value)| stage["spec"][field] = value.clone());
    Ok(vec![
        ("Argo Rollouts".to_owned(), text("argo-rollouts.yaml")?),
        ("Flagger".to_owned(), text("flagger-metric-templates.yaml")?),
        ("a Canary".to_owned(), canary.to_string()),
        ("a Stage".to_owned(), stage.to_string()),
    ])
}

#[test]
fn the_gates_for_other_controllers_are_valid() {
    let sets = gates().unwrap();
    let (problems, count) = validate(&sets).unwrap();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    let objects: usize = count.split(' ').next().unwrap().parse().unwrap();
    // Each for three versions of Istio: a template of Argo Rollouts, a Canary, a Stage, and several of Flagger.
    assert!(objects >= 3 * 9, "{count}");
    for (set, (before, after)) in sets.iter().zip([
        ("successCondition", "sucessCondition"),
        ("type: prometheus", "types: prometheus"),
        ("thresholdRange", "tresholdRange"),
        ("analysisTemplates", "analysisTemplate"),
    ]) {
        assert!(set.1.contains(before), "{}", set.1);
        let (problems, _) = validate(&[(set.0.clone(), set.1.replace(before, after))]).unwrap();
        assert!(!problems.is_empty(), "{}: {after}", set.0);
    }
}

/// Each of these is what an API server would refuse, by another part of a schema.
#[test]
fn a_mutated_golden_is_invalid() {
    let golden = |name: &str| goldens().unwrap().into_iter().find(|(found, _)| found.as_str() == name).unwrap().1;
    let mutations = [
        ("full", "    timeout: \"10s\"\n", "    timeOut: \"10s\"\n", "'timeOut' was unexpected"),
        ("full", "    mode: STRICT\n", "    mode: STRICTER\n", "'STRICTER' is not one of"),
        ("full", "  hosts:\n  - httpbin.legacy.internal\n  location", "  location", "'hosts' is a required property"),
        ("full", "connectTimeout: \"1s\"", "connectTimeout: \"0s\"", "must be a valid duration greater than 1ms"),
        ("full", "    number: 9191\n", "    number: 70000\n", "port must be between 1-65535"),
        ("full", "maxSurge: 1\n", "maxSurges: 1\n", "'maxSurges' was unexpected"),
        ("full", "    - port: 53\n", "    - port: [53]\n", "[53]"),
        ("full", "  policyTypes:\n", "  policyType:\n", "'policyType' was unexpected"),
        (
            "gateway-api",
            "gatewayClassName: istio\n",
            "gatewayClass: istio\n",
            "'gatewayClassName' is a required property",
        ),
        ("gateway-api", "    protocol: HTTPS\n", "    protocol: HTTPS!\n", "does not match"),
        ("full-gateway-api", "request: \"10s\"", "request: \"1.5s\"", "does not match"),
        ("gateway-api", "PathPrefix\n        value: /\n", "PathPrefix\n        value: a\n", "must be an absolute path"),
    ];
    let sets: Vec<_> = mutations
        .iter()
        .enumerate()
        .map(|(number, (name, before, after, _))| {
            let text = golden(name);
            assert!(text.contains(before), "the golden has changed: {before}");
            (format!("mutation {number}"), text.replacen(before, after, 1))
        })
        .collect();
    let (problems, _) = validate(&sets).unwrap();
    for ((set, _), (name, _, after, says)) in sets.iter().zip(mutations) {
        let found: Vec<_> = problems.iter().filter(|problem| problem.starts_with(&format!("{set} ("))).collect();
        assert!(found.iter().any(|problem| problem.contains(says)), "{name}: {after}: {says}: {found:?}");
    }
}

/// The table of Istio's fields is what the CRDs say. `SNAPSHOTS=overwrite` writes it.
#[test]
fn the_table_of_fields_is_that_of_the_crds() {
    let mut command = Command::new(tools().join("venv/bin/python"));
    command.arg(workspace().join("tests/tools/istio_fields.py")).arg(tools().join("schemas"));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let made = String::from_utf8(output.stdout).unwrap();
    let path = workspace().join("packager/egress/src/istio/fields.json");
    if std::env::var("SNAPSHOTS").is_ok_and(|action| action == "overwrite") {
        fs::write(&path, &made).unwrap();
    }
    assert!(made == fs::read_to_string(&path).unwrap(), "{}: write it with SNAPSHOTS=overwrite", path.display());
}

/// The rows of `packager/egress/tests/admission`: what the schemas admit is said to be refused by istiod alone, and every cure is
/// admitted.
#[test]
fn what_is_said_to_be_refused_is_refused() {
    let folder = workspace().join("packager/egress/tests/admission");
    let [good, rows] = ["good.yaml", "rows.txt"].map(|name| fs::read_to_string(folder.join(name)).unwrap());
    let (mut sets, mut part) = (vec![("good".to_owned(), good.clone())], String::new());
    for line in rows.lines().filter(|line| !line.starts_with('#')) {
        let text = line.get(2..).unwrap_or_default().replace("\\n", "\n");
        match line.as_bytes().first() {
            Some(b'=') => part = text,
            Some(sign) => sets.push((format!("{} {}", char::from(*sign), sets.len()), good.replacen(&part, &text, 1))),
            None => {}
        }
    }
    assert!(sets.len() > 200, "{}", sets.len());
    let (problems, _) = validate(&sets).unwrap();
    for (name, text) in &sets {
        // By the schema of a version, or because no version has the kind.
        let is_of = |problem: &&String| [" (", ": "].iter().any(|end| problem.starts_with(&format!("{name}{end}")));
        let refused = problems.iter().find(is_of);
        let file = SourceFile { name: name.clone(), text: text.clone() };
        let said = check_with_manifests(&[file]).diagnostics;
        match name.starts_with('-') {
            true if refused.is_some() => assert!(!said.is_empty(), "{name}: {refused:?}"),
            true => assert!(said.iter().all(|one| one.code == Code::RefusedByIstio), "{name}: {said:#?}"),
            false => assert!(refused.is_none() && said.is_empty(), "{name}: {refused:?} {said:#?}"),
        }
    }
}
