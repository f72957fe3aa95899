//! Candidates on the map in a real Chromium: what decides now, how far a candidate is, and what it changes, at a glance.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use sallyport_tests::chromium::{Chromium, Page};
use sallyport_tests::gate;
use sallyport_tests::process::Scratch;

const LOCK: &str = r#"{"version":1,"filter":{"image":"registry.example.com/sallyport/filter","digest":"sha256:abababababababababababababababababababababababababababababababab","candidates":true}}"#;

fn sallyport(folder: &Path, arguments: &[&str]) -> Result<()> {
    let output = Command::new(gate::sallyport()?).args(arguments).current_dir(folder).output()?;
    ensure!(output.status.success(), "{arguments:?}: {output:?}");
    Ok(())
}

/// A gateway of a team. Its candidate takes a caller away, adds one, and adds a rule.
fn write(folder: &Path, name: &str, team: &str, stage: &str, has_candidate: bool) -> Result<()> {
    fs::write(
        folder.join(format!("{name}.yaml")),
        format!(
            "apiVersion: sallyport.dev/v1alpha1
kind: Egress
metadata: {{name: {name}, namespace: egress-{team}}}
spec:
  host: {name}.legacy.internal
  upstream: {{host: {name}.example.com, port: 443}}
  rollout: {{stage: {stage}}}
  authz:
    rules:
    - id: readers
      action: ALLOW
      from: [{{source: {{serviceAccounts: [{team}/web, {team}/old]}}}}]
      to: [{{operation: {{methods: [GET], paths: [\"/v1/*\"]}}}}]
    - id: guests
      action: ALLOW
      from: [{{source: {{namespaces: [{team}-guests]}}}}]
      to: [{{operation: {{methods: [HEAD]}}}}]
"
        ),
    )?;
    if has_candidate {
        let rules = format!(
            "apiVersion: sallyport.dev/v1alpha1
kind: Candidate
metadata: {{name: {name}, namespace: egress-{team}}}
spec:
  rules:
  - id: readers
    action: ALLOW
    from: [{{source: {{serviceAccounts: [{team}/web, {team}/mobile]}}}}]
    to: [{{operation: {{methods: [GET], paths: [\"/v1/*\"]}}}}]
  - id: exports
    action: ALLOW
    from: [{{source: {{serviceAccounts: [{team}/export]}}}}]
    to: [{{operation: {{methods: [GET], paths: [/export]}}}}]
"
        );
        fs::write(folder.join(format!("{name}.candidate.yaml")), rules)?;
    }
    Ok(())
}

/// Takes the candidate of a gateway to a stage.
fn promote(folder: &Path, gateway: &str, to: &str) -> Result<()> {
    sallyport(folder, &["promote", gateway, "--to", to, "--without-evidence", "a picture"])
}

fn map(folder: &Path) -> Result<PathBuf> {
    sallyport(folder, &["map", "-o", "map.html"])?;
    Ok(folder.join("map.html"))
}

/// With `MAP_SCREENSHOTS=FOLDER` it is there to be looked at.
fn shoot(page: &mut Page<'_>, scratch: &Scratch, name: &str) -> Result<()> {
    let folder = std::env::var_os("MAP_SCREENSHOTS").map_or_else(|| scratch.path().to_owned(), PathBuf::from);
    page.screenshot(&folder.join(format!("{name}.png")))
}

fn details(page: &mut Page<'_>) -> Result<String> {
    page.text("document.getElementById('details').innerText")
}

/// Selects a gateway and returns what the page says of it.
fn select(page: &mut Page<'_>, gateway: &str) -> Result<String> {
    page.click(&format!(
        "[...document.querySelectorAll('#canvas .node')].find(node => node.textContent.includes('{gateway}'))"
    ))?;
    let text = details(page)?;
    page.press("Escape")?;
    Ok(text)
}

#[test]
fn what_decides_and_what_is_to_come_is_seen_at_a_glance() -> Result<()> {
    let scratch = Scratch::new("map-candidate")?;
    let folder = scratch.folder("files")?;
    fs::write(folder.join("sallyport.lock"), LOCK)?;
    for (name, team, stage, has_candidate) in [
        ("orders", "shop", "enforce", true),
        ("claims", "insurance", "enforce", true),
        ("ledger", "bank", "enforce", true),
        ("stock", "depot", "enforce", true),
        ("mails", "office", "shadow", false),
        ("prices", "market", "enforce", false),
    ] {
        write(&folder, name, team, stage, has_candidate)?;
    }
    for (gateway, to) in [("orders", "shadow"), ("claims", "25%"), ("ledger", "enforce")] {
        promote(&folder, gateway, to)?;
    }
    let file = map(&folder)?;
    let mut chromium = Chromium::start(&scratch)?;
    for scheme in ["light", "dark"] {
        let mut page = chromium.open(&file, [1280, 720], scheme)?;
        shoot(&mut page, &scratch, &format!("candidate-{scheme}"))?;
        let words = page.text(
            "[...document.querySelectorAll('#canvas .node .warn')].map(word => word.textContent).sort().join()",
        )?;
        ensure!(
            words == "candidate: 25 %,candidate: enforce,candidate: proposed,candidate: shadow,policy in shadow",
            "{words}"
        );
        let count = "['candidate', 'added', 'removed', 'changed', 'dashed'].map(one => document.querySelectorAll(`#canvas .${one}`).length).join()";
        ensure!(page.text(count)? == "4,8,4,0,3", "{}", page.text(count)?);
        // The lines are explained, as far as there are such.
        let legend = details(&mut page)?;
        for line in ["in force", "only counted, or a standby", "a candidate adds it", "a candidate removes it"] {
            ensure!(legend.contains(line), "no `{line}` in {legend}");
        }
    }
    let mut page = chromium.open(&file, [1280, 720], "light")?;
    for (gateway, expected) in [
        (
            "orders",
            &[
                "It is in shadow: the rules before it decide",
                "in force: no (the candidate adds it)",
                "in force: yes (the candidate removes it)",
                "It adds exports; changes readers.",
            ][..],
        ),
        (
            "claims",
            &[
                "It decides for 25 % of the callers",
                "for 25 % of the callers (the candidate adds it)",
                "for 75 % of the callers (the candidate removes it)",
            ],
        ),
        (
            "ledger",
            &["It decides for all", "in force: yes (the candidate adds it)", "in force: no (the candidate removes it)"],
        ),
        ("stock", &["It is proposed: no gateway has it", "in force: no (the candidate adds it)"]),
        (
            "mails",
            &[
                "The policy is in shadow: every request is let through.",
                "in force: no (only counted: policy in shadow)",
            ],
        ),
    ] {
        let text = select(&mut page, gateway)?;
        for part in expected {
            ensure!(text.contains(part), "{gateway}: no `{part}` in {text}");
        }
    }
    let text = select(&mut page, "prices")?;
    ensure!(!text.contains("candidate") && !text.contains("in force"), "{text}");
    page.eval("document.querySelector('[data-key=g0]').focus()")?;
    page.press("Enter")?;
    shoot(&mut page, &scratch, "candidate-selected")?;
    // By stage, and in the table.
    page.press("Escape")?;
    page.click("document.getElementById('view-table')")?;
    shoot(&mut page, &scratch, "candidate-table")?;
    let table = page.text("document.querySelector('#table table').innerText")?;
    for cell in [
        "In force",
        "no (the candidate adds it)",
        "for 75 % of the callers (the candidate removes it)",
        "enforce, candidate: 25 %",
    ] {
        ensure!(table.contains(cell), "no `{cell}` in {table}");
    }
    let stages = page.text("[...document.getElementById('stage').options].map(option => option.value).join()")?;
    ensure!(
        stages == ",candidate: 25 %,candidate: enforce,candidate: proposed,candidate: shadow,enforce,policy in shadow",
        "{stages}"
    );
    let complaints = page.complaints()?;
    ensure!(complaints.is_empty(), "{complaints:#?}");
    // The picture says the same.
    page.without_scripts()?;
    shoot(&mut page, &scratch, "candidate-picture")?;
    let picture = page.text("document.querySelector('svg').textContent")?;
    ensure!(picture.contains("amber: has a candidate") && picture.contains("candidate: 25 %"), "{picture}");
    Ok(())
}

#[test]
fn a_candidate_is_found_among_three_hundred_upstreams() -> Result<()> {
    let scratch = Scratch::new("map-candidates")?;
    let folder = scratch.folder("files")?;
    let teams = ["billing", "catalog", "claims", "crm", "logistics", "orders", "payments", "risk", "shop", "treasury"];
    for number in 0..300_usize {
        let team = teams.get(number % 10).context("no team")?;
        let stage = if number % 50 == 49 { "shadow" } else { "enforce" };
        write(&folder, &format!("up-{number}"), team, stage, number % 60 == 7)?;
    }
    let file = map(&folder)?;
    let mut chromium = Chromium::start(&scratch)?;
    for scheme in ["light", "dark"] {
        let mut page = chromium.open(&file, [1280, 720], scheme)?;
        let words = page.text(
            "[...document.querySelectorAll('#canvas .group .warn')].map(word => word.textContent).sort().join()",
        )?;
        ensure!(words == "5 candidates,6 in shadow", "{words}");
        ensure!(page.eval("document.querySelectorAll('#canvas .changed, #canvas .added').length")?.as_u64() >= Some(1));
        shoot(&mut page, &scratch, &format!("candidates-{scheme}"))?;
        page.press("/")?;
        page.type_text("exports")?;
        shoot(&mut page, &scratch, &format!("candidates-search-{scheme}"))?;
        let status = page.text("document.getElementById('status').textContent")?;
        ensure!(status.starts_with("5 of 300 gateways, 5 of "), "{status}");
    }
    Ok(())
}
