//! What a candidate costs: Envoy's CPU beside the same gate without one.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use anyhow::{Result, ensure};
use sallyport_tests::client::{Http2, Request};
use sallyport_tests::envoys::Envoy;
use sallyport_tests::gate::sallyport;
use sallyport_tests::process::Scratch;
use sallyport_tests::stage::{Stage, egress};

/// Requests of a turn, and turns: the gates take turns, so that what else the machine does meets them all.
const TURN: usize = 2_000;
const TURNS: usize = 12;
/// So many are on their way at once: an Envoy that sleeps between two requests spends its time on waking.
const AT_ONCE: usize = 32;
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

/// A gate whose CPU time is taken.
struct Timed {
    name: &'static str,
    path: &'static str,
    connection: Http2,
    stage: Stage,
    _folder: Scratch,
    /// The least that a turn took, in µs a request.
    cpu: f64,
}

impl Timed {
    fn start(envoy: &Envoy, (name, stage, path): (&'static str, Option<&str>, &'static str)) -> Result<Self> {
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
        let connection = stage.sleep()?.http2()?;
        Ok(Self { name, path, connection, stage, _folder: folder, cpu: f64::INFINITY })
    }

    fn turn(&mut self) -> Result<()> {
        let before = self.stage.gate.cpu()?;
        let replies = self.connection.send_many(&Request::get(self.path), TURN, AT_ONCE)?;
        let cpu = self.stage.gate.cpu()?.saturating_sub(before);
        ensure!(replies.iter().all(|reply| reply.status == 200), "a call failed: {}", self.name);
        self.cpu = self.cpu.min(cpu.as_secs_f64() * 1e6 / TURN as f64);
        Ok(())
    }
}

/// Envoy's CPU for each request, beside that of a gate without a candidate.
pub fn run(envoy: &Envoy) -> Result<()> {
    println!("{RULES} rules, {CHANGED} of them changed         Envoy's CPU a request, beside no candidate");
    let mut gates = KINDS.into_iter().map(|kind| Timed::start(envoy, kind)).collect::<Result<Vec<_>>>()?;
    for _ in 0..TURNS {
        for gate in &mut gates {
            gate.turn()?;
        }
    }
    let none = gates.first().map_or(f64::NAN, |gate| gate.cpu);
    for Timed { name, cpu, .. } in &gates {
        println!("  {name:<38} {cpu:>9.1} µs   {:>+6.1} µs ({:.2})", cpu - none, cpu / none);
    }
    Ok(())
}
