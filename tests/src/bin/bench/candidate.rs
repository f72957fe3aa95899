//! What a candidate costs: Envoy's CPU beside the same gate without one.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use anyhow::{Result, ensure};
use sallyport_tests::client::Request;
use sallyport_tests::envoys::Envoy;
use sallyport_tests::gate::sallyport;
use sallyport_tests::process::Scratch;
use sallyport_tests::stage::{Stage, egress};

use crate::turns::{self, Timed};

/// Rules of the policy, and how many of them the candidate changes: as many regions as the filter counts by.
const RULES: usize = 1_000;
const CHANGED: usize = 64;

/// What a gate has, and what it is asked for.
const KINDS: [(&str, Option<&str>, &str); 6] = [
    ("no candidate", None, "/r999"),
    ("shadow, decided alike", Some("shadow"), "/r999"),
    ("shadow, decided otherwise", Some("shadow"), "/r1"),
    ("shadow, in the last region", Some("shadow"), "/r63"),
    ("canary 50 %, decided alike", Some("50%"), "/r999"),
    ("enforced, decided alike", Some("enforce"), "/r999"),
];

fn rule(number: usize, path: &str) -> String {
    format!(
        "- {{id: r{number}, action: ALLOW, from: [{{source: {{serviceAccounts: [httpbin/sleep]}}}}], \
         to: [{{operation: {{methods: [GET], paths: [\"{path}\"]}}}}]}}\n"
    )
}

fn start(envoy: &Envoy, (name, stage, path): (&'static str, Option<&str>, &str)) -> Result<Timed> {
    let folder = Scratch::new("bench-candidate")?;
    let mut rules = String::from("rules:\n");
    (0..RULES).for_each(|number| rules.push_str(&rule(number, &format!("/r{number}"))));
    let egress = egress(&rules);
    folder.write("egress.yaml", &egress)?;
    if let Some(stage) = stage {
        let mut candidate = String::from(
            "apiVersion: sallyport.dev/v1alpha1\nkind: Candidate\nmetadata: {name: httpbin, namespace: egress-httpbin}\n\
             spec:\n  rules:\n",
        );
        for number in 0..CHANGED {
            let _ = write!(candidate, "  {}", rule(number, &format!("/new/r{number}")));
        }
        folder.write("httpbin.candidate.yaml", candidate)?;
        let shares = "apiVersion: sallyport.dev/v1alpha1\nkind: Rollout\nmetadata: {name: rollout}\nspec: {gates: {canary: {steps: [50]}}}\n";
        folder.write("rollout.yaml", shares)?;
        let promoted = Command::new(sallyport()?)
            .args(["promote", "--to", stage, "--without-evidence", "a benchmark"])
            .current_dir(folder.path())
            .output()?;
        ensure!(promoted.status.success(), "{}", String::from_utf8_lossy(&promoted.stderr));
        fs::remove_file(folder.path().join("rollout.yaml"))?;
    }
    let candidate = folder.path().join("httpbin.candidate.yaml").display().to_string();
    let arguments: Vec<&str> = if stage.is_some() { vec![&candidate] } else { Vec::new() };
    let stage = Stage::with_arguments(envoy, &folder, &egress, &arguments)?;
    Timed::new(name, Request::get(path), stage, folder)
}

/// Envoy's CPU for each request, beside that of a gate without a candidate.
pub fn run(envoy: &Envoy) -> Result<()> {
    println!("{RULES} rules, {CHANGED} of them changed         Envoy's CPU a request, beside no candidate");
    let mut gates = KINDS.into_iter().map(|kind| start(envoy, kind)).collect::<Result<Vec<_>>>()?;
    let cpu = turns::take(&mut gates)?;
    for (gate, cpu) in gates.iter().zip(cpu) {
        println!("  {:<38} {cpu}", gate.name);
    }
    Ok(())
}
