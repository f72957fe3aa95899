//! Tables that repeat what the code says: exit codes, matchers, limits, metrics, alerts, the access log, codes, tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use sallyport_tests::process::Scratch;
use sallyport_tests::{gate, workspace};
use serde_json::Value;

use crate::page::Page;

/// The first cells of a table's rows between two marks, with the other cells.
pub(crate) fn rows(page: &Page, begin: &str, end: &str) -> Result<Vec<Vec<String>>> {
    let (_, rest) = page.text.split_once(begin).with_context(|| format!("{}: no `{begin}`", page.name))?;
    let (table, _) = rest.split_once(end).with_context(|| format!("{}: no `{end}`", page.name))?;
    let rows = table.lines().filter(|line| line.starts_with("| "));
    Ok(rows.map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()).collect())
}

/// The words in backticks.
pub(crate) fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

fn printed(arguments: &[&str]) -> Result<String> {
    let output = Command::new(gate::sallyport()?).args(arguments).output()?;
    Ok(String::from_utf8([output.stdout, output.stderr].concat())?)
}

/// A Mesh file with a pinned image.
fn mesh(more: &str) -> String {
    let digest = "ab".repeat(32);
    format!(
        "apiVersion: sallyport.dev/v1alpha1\nkind: Mesh\nmetadata: {{name: mesh}}\nspec:\n{more}  \
         filter: {{image: registry.example.com/filter, digest: 'sha256:{digest}'}}\n"
    )
}

#[test]
fn the_exit_codes_are_those_of_the_help() -> Result<()> {
    let help = printed(&["--help"])?;
    let (_, table) = help.split_once("Exit codes:").context("the help has no exit codes")?;
    let known: BTreeSet<&str> = table.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let listed = rows(&Page::read("docs/command.md")?, "exit-codes:begin", "exit-codes:end")?;
    let listed: BTreeSet<&str> = listed.iter().skip(1).map(|row| row[0].as_str()).collect();
    ensure!(listed == known, "listed {listed:?}, known {known:?}");
    Ok(())
}

/// What a wrong key's message offers, and what the schema has, is on the page.
#[test]
fn every_matcher_and_every_key_is_described() -> Result<()> {
    let page = Page::read("docs/writing-a-policy.md")?;
    let spans: BTreeSet<String> = page.spans().into_iter().collect();
    let scratch = Scratch::new("docs-keys")?;
    let file = "apiVersion: sallyport.dev/v1alpha1\nkind: Egress\nmetadata: {name: a, namespace: b}\nspec:\n  host: a.test\n  \
        upstream: {host: b.test, port: 443}\n  authz: {rules: [{id: a, action: DENY, when: [{key: nonsense, values: [a]}]}]}\n";
    let file = scratch.write("egress.yaml", file)?;
    let message = printed(&["check", &file.to_string_lossy()])?;
    let (_, keys) = message.split_once("the keys are ").context("the message offers no keys")?;
    let keys: Vec<&str> = quoted(keys.lines().next().unwrap_or_default()).collect();
    ensure!(keys.len() >= 15, "{keys:?}");
    for key in keys {
        ensure!(spans.contains(key), "the page does not describe the key `{key}`");
        let example = key.split('[').next().unwrap_or(key).trim_end_matches("FILTER");
        ensure!(page.text.contains(&format!("- key: {example}")), "the page has no example of the key `{key}`");
    }
    let schema: Value = serde_json::from_str(&printed(&["schema"])?)?;
    let mut fields = BTreeSet::new();
    for block in ["source", "operation"] {
        properties_of(&schema, block, &mut fields);
    }
    ensure!(fields.len() >= 26, "{fields:?}");
    for field in fields {
        ensure!(spans.contains(&field), "the page does not describe `{field}`");
    }
    Ok(())
}

/// The fields of every property of this name.
fn properties_of(schema: &Value, name: &str, fields: &mut BTreeSet<String>) {
    if let Some(Value::Object(own)) = schema.pointer(&format!("/properties/{name}/properties")) {
        fields.extend(own.keys().cloned());
    }
    match schema {
        Value::Object(map) => map.values().for_each(|value| properties_of(value, name, fields)),
        Value::Array(items) => items.iter().for_each(|value| properties_of(value, name, fields)),
        _ => {}
    }
}

#[test]
fn the_limits_are_those_of_the_code() -> Result<()> {
    let mut constants: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    let mut sources = String::new();
    for folder in ["filter", "packager"] {
        read_sources(&workspace().join(folder), &mut sources)?;
    }
    // Twice, because some are made of others.
    for _ in 0..2 {
        read_constants(&sources, &mut constants);
    }
    let listed = rows(&Page::read("docs/limits.md")?, "limits:begin", "limits:end")?;
    let listed: Vec<_> = listed.iter().filter(|row| row[1] != "limit").collect();
    ensure!(listed.len() >= 25, "only {} limits were found", listed.len());
    for row in listed {
        let numbers = numbers(&row[1]);
        let names: Vec<&str> = quoted(&row[2]).collect();
        ensure!(names.len() == numbers.len(), "{row:?}: {numbers:?}");
        for (name, number) in names.iter().zip(numbers) {
            let known = constants.get(*name).with_context(|| format!("there is no constant `{name}`"))?;
            ensure!(known.contains(&number), "`{name}` is {known:?}, and the page says {number}");
        }
    }
    Ok(())
}

/// The numbers of a cell: `8 MiB`, `1,600,000`, `32 and 512`.
fn numbers(cell: &str) -> Vec<u64> {
    let mut numbers: Vec<u64> = Vec::new();
    for word in cell.split_whitespace() {
        if let Ok(number) = word.replace(',', "").parse() {
            numbers.push(number);
        }
        let unit = match word {
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            _ => 1,
        };
        if let Some(last) = numbers.last_mut() {
            *last *= unit;
        }
    }
    numbers
}

/// Every `const NAME: TYPE = VALUE;` whose value is a number or a product of numbers and other constants.
fn read_constants(sources: &str, constants: &mut BTreeMap<String, BTreeSet<u64>>) {
    for line in sources.lines() {
        let Some((_, declaration)) = line.split_once("const ") else { continue };
        let Some((name, rest)) = declaration.split_once(": ") else { continue };
        let Some((_, value)) = rest.split_once(" = ") else { continue };
        if let Some(value) = value.split(';').next().and_then(|value| evaluate(value, constants)) {
            constants.entry(name.to_owned()).or_default().insert(value);
        }
    }
}

fn evaluate(text: &str, constants: &BTreeMap<String, BTreeSet<u64>>) -> Option<u64> {
    if let Some((left, right)) = text.split_once(" << ") {
        return evaluate(left, constants)?.checked_shl(u32::try_from(evaluate(right, constants)?).ok()?);
    }
    let factors = text.split(" * ").map(|factor| {
        let factor = factor.trim();
        factor.replace('_', "").parse().ok().or_else(|| constants.get(factor)?.iter().next().copied())
    });
    factors.product()
}

#[test]
fn the_metrics_and_alerts_are_those_of_the_dashboards() -> Result<()> {
    let read = |name: &str| fs::read_to_string(workspace().join("deploy/dashboards").join(name));
    let (job, alerts, dashboard) = (read("prometheus.yaml")?, read("alerts.yaml")?, read("grafana.json")?);
    let page = Page::read("docs/observability.md")?;
    let named = |line: &str| -> Vec<String> {
        quoted(line).filter(|name| name.starts_with("sallyport_")).map(str::to_owned).collect()
    };
    let series: BTreeSet<String> =
        page.text.lines().filter(|line| line.starts_with("| `sallyport_")).flat_map(named).collect();
    ensure!(series.len() >= 15, "only {series:?} were found");
    let filter = workspace().join("filter");
    let mut sources = String::new();
    read_sources(&filter, &mut sources)?;
    for name in &series {
        let own = name.trim_start_matches("sallyport_health_").trim_start_matches("sallyport_");
        let known = [&job, &alerts, &dashboard].iter().any(|text| text.contains(name.as_str()))
            || sources.contains(&format!("\"{own}\""));
        ensure!(known, "nothing makes or asks for `{name}`");
    }
    let known: BTreeSet<&str> = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    let listed = rows(&page, "## Alerts", "Envoy has no metric")?;
    let listed: BTreeSet<&str> = listed.iter().skip(1).flat_map(|row| quoted(&row[0])).collect();
    ensure!(listed == known, "listed {listed:?}, known {known:?}");
    Ok(())
}

fn read_sources(folder: &Path, text: &mut String) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            read_sources(&path, text)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(&path)?);
        }
    }
    Ok(())
}

#[test]
fn every_key_of_the_access_log_is_described() -> Result<()> {
    let scratch = Scratch::new("docs-log")?;
    let mesh = scratch.write("mesh.yaml", mesh("  accessLog: json\n"))?;
    let example = workspace().join("deploy/examples/httpbin/egress.yaml");
    let out = scratch.path().join("out");
    let arguments = [&mesh, &example].map(|path| path.to_string_lossy().into_owned());
    printed(&["build", &arguments[0], &arguments[1], "-o", &out.to_string_lossy()])?;
    let values = fs::read_to_string(out.join("mesh/values.yaml"))?;
    let (_, labels) = values.split_once("labels:\n").context("there is no log format")?;
    let keys: Vec<&str> = labels
        .lines()
        .take_while(|line| line.contains(": \"%"))
        .filter_map(|line| line.trim().split(':').next())
        .collect();
    ensure!(keys.len() >= 20, "{keys:?}");
    let spans: BTreeSet<String> = Page::read("docs/observability.md")?.spans().into_iter().collect();
    for key in keys {
        ensure!(spans.contains(key), "`{key}` is not described");
    }
    Ok(())
}

/// The page shows a short block, and the same with its defaults: the gateway gets the same.
#[test]
fn the_defaults_of_health_are_the_defaults() -> Result<()> {
    let page = Page::read("docs/health.md")?;
    let blocks: Vec<_> = page.blocks().into_iter().filter(|block| block.language == "yaml").take(2).collect();
    let mut plugins = Vec::new();
    for block in &blocks {
        let scratch = Scratch::new("docs-health")?;
        let lines: String = block.lines.iter().map(|line| format!("  {line}\n")).collect();
        let text = format!(
            "apiVersion: sallyport.dev/v1alpha1\nkind: Egress\nmetadata: {{name: a, namespace: b}}\nspec:\n  host: a.test\n  \
             upstream: {{host: b.test, port: 443}}\n{lines}"
        );
        let files = [scratch.write("egress.yaml", text)?, scratch.write("mesh.yaml", mesh(""))?];
        let files = files.map(|path| path.to_string_lossy().into_owned());
        let out = scratch.path().join("out");
        let report = printed(&["build", &files[0], &files[1], "-o", &out.to_string_lossy()])?;
        let plugin = fs::read_to_string(out.join("b-a/20-plugin.yaml")).context(report)?;
        ensure!(plugin.contains("health:") && plugin.contains("passive:"), "{plugin}");
        plugins.push(plugin);
    }
    ensure!(plugins.len() == 2 && plugins[0] == plugins[1], "{plugins:#?}");
    Ok(())
}

#[test]
fn every_code_and_every_test_that_is_named_exists() -> Result<()> {
    let (mut codes, mut tests) = (BTreeSet::new(), BTreeSet::new());
    for page in Page::all()? {
        let is_code = |word: &&str| {
            word.len() == 6 && word.starts_with("SP") && word[2..].bytes().all(|byte| byte.is_ascii_digit())
        };
        let words = page.text.split(|letter: char| !letter.is_ascii_alphanumeric());
        codes.extend(words.filter(is_code).map(str::to_owned));
        let is_test = |span: &String| {
            ["cluster_", "gate_"].iter().any(|begin| span.starts_with(begin) && span.len() > begin.len())
        };
        tests.extend(page.spans().into_iter().filter(is_test));
    }
    ensure!(codes.len() >= 8 && tests.len() >= 15, "only {codes:?} and {tests:?} were found");
    for code in codes {
        let manual = printed(&["check", "--explain", &code])?;
        ensure!(manual.starts_with(&code), "there is no code {code}: {manual}");
    }
    for name in tests {
        ensure!(workspace().join(format!("tests/tests/{name}.rs")).exists(), "there is no test `{name}`");
    }
    Ok(())
}

/// Parts that will come.
const PLANNED: [&str; 3] = ["packager/cluster", "packager/egress/src/scenario", "deploy/playground"];

#[test]
fn every_path_that_is_named_exists() -> Result<()> {
    let mut seen = 0;
    for page in Page::all()? {
        for span in page.spans() {
            let is_ours =
                ["filter/", "packager/", "tests/", "deploy/", "docs/"].iter().any(|top| span.starts_with(top));
            let is_pattern =
                span.contains(['*', ' ', '<']) || ["NAME", "SPnnnn"].iter().any(|stand_in| span.contains(stand_in));
            if is_ours && !is_pattern && !PLANNED.contains(&span.as_str()) {
                seen += 1;
                // A test may be a file or a folder.
                let exists = workspace().join(&span).exists() || workspace().join(format!("{span}.rs")).exists();
                ensure!(exists, "{}: there is no `{span}`", page.name);
            }
        }
    }
    ensure!(seen >= 20, "only {seen} paths were found");
    Ok(())
}
