//! The attack corpus: requests made to get round a rule, their mutants, and what the upstream received of each.
//!
//! The requests are data, in `tests/attack`. A request that must be refused must not reach the upstream at all; a mutant
//! of it may, but never as what was forbidden, by any reading of a lenient old server.

mod certificates;
mod data;
mod mutate;
mod offline;
mod reading;
mod run;
mod wsgi;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Instant;

use anyhow::{Result, ensure};
use sallyport_tests::envoys::all_envoys_at_once;

use self::data::{End, corpus};

/// Cases, those of one Envoy.
const FEWEST: usize = 1_500;
/// Failures of a class that are shown.
const SHOWN: usize = 12;

#[test]
fn the_corpus_is_fair() -> Result<()> {
    let mut refused = BTreeSet::new();
    let mut passing = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for seed in corpus()?.iter().flat_map(|group| &group.seeds) {
        ensure!(ids.insert(seed.id.clone()), "`{}` twice", seed.id);
        let ends = if seed.end == End::Refused { &mut refused } else { &mut passing };
        ends.insert(seed.class.clone());
    }
    let refusals_only: Vec<_> = refused.difference(&passing).collect();
    ensure!(refusals_only.is_empty(), "nothing that may pass in {refusals_only:?}");
    Ok(())
}

#[test]
fn nothing_gets_round_a_rule() {
    let groups = corpus().unwrap_or_else(|error| panic!("{error:#}"));
    let wanted = std::env::var("SALLYPORT_ATTACK").unwrap_or_default();
    let groups: Vec<_> = groups.into_iter().filter(|group| group.name.contains(&wanted)).collect();
    all_envoys_at_once("attack", |envoy, scratch| {
        let start = Instant::now();
        let report = run::run(envoy, scratch, &groups)?;
        let mut text = format!("\nattack corpus, Envoy {}, {:.0?}:\n", envoy.version, start.elapsed());
        let mut total = 0;
        for (class, count) in &report.counts {
            total += count.seeds + count.mutants;
            writeln!(
                text,
                "  {class:<26} {:>4} seeds {:>5} mutants {:>5} arrived",
                count.seeds, count.mutants, count.arrived
            )?;
        }
        writeln!(text, "  {total} cases, {} wrong", report.failures.len())?;
        // Not through `println!`, which the test runner keeps for failures.
        std::io::stderr().write_all(text.as_bytes())?;
        ensure!(report.failures.is_empty(), "{}", shown(&report.failures));
        ensure!(total >= FEWEST || !wanted.is_empty(), "only {total} cases");
        Ok(())
    });
}

/// The failures, by class.
fn shown(failures: &[run::Failure]) -> String {
    let mut classes: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for failure in failures {
        classes.entry(&failure.class).or_default().push(&failure.text);
    }
    let most = std::env::var("SALLYPORT_ATTACK_SHOWN").ok().and_then(|most| most.parse().ok()).unwrap_or(SHOWN);
    let mut text = format!("{} cases went wrong\n", failures.len());
    for (class, failures) in classes {
        let _ = writeln!(text, "  {class}: {}", failures.len());
        for failure in failures.iter().take(most) {
            let _ = writeln!(text, "    {failure}");
        }
    }
    text
}
