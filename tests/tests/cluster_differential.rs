//! What istiod gives Envoy for the manifests of `sallyport build`, and what `sallyport run` gives it: the same, but for
//! lists of paths with a reason each. Compared for every example and for a file per field of the schema.
//!
//! There are two comparisons: of istiod with the translation of the same objects, and of the translation with what Envoy
//! gets on a machine that is no pod. Every leaf of the second side is also changed, and the comparison must see it.

#[path = "differential/compare.rs"]
mod compare;
#[path = "differential/fields.rs"]
mod fields;
#[path = "differential/files.rs"]
mod files;
#[path = "differential/ignored.rs"]
mod ignored;
#[path = "differential/mesh.rs"]
mod mesh;
#[path = "differential/mutate.rs"]
mod mutate;
#[path = "differential/normal.rs"]
mod normal;
#[path = "differential/run.rs"]
mod run;

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use sallyport_tests::process::Scratch;

use compare::{Difference, Ignored, compare};
use fields::Effect;
use files::{Group, PLAIN, Subject, groups};
use mesh::{Gateway, MeshSide};
use mutate::Mutations;
use normal::{Given, Leaves};

/// How much of what differs is shown.
const SHOWN: usize = 60;

#[test]
fn run_is_the_mesh() {
    fields::check_complete().unwrap();
    let mut scratch = Scratch::new("cluster-differential").unwrap();
    if let Err(error) = exercise(&scratch) {
        scratch.keep();
        panic!("{error:#}\nfiles and logs are in {}", scratch.path().display());
    }
}

fn exercise(scratch: &Scratch) -> Result<()> {
    let groups = groups(scratch)?;
    let given = given(scratch, &groups)?;
    let mut translated = Tally::new("istiod and `run`", ignored::TRANSLATED);
    let mut surrounded = Tally::new("`run` and Envoy on a machine", ignored::SURROUNDED);
    let mut by_effect = Vec::new();
    for group in &groups {
        let served = run::served(&group.site)?;
        for subject in &group.subjects {
            let served = served.get(&subject.gateway).with_context(|| format!("{} is not served", subject.what))?;
            let mut of_mesh = given.get(&subject.gateway).context("istiod was not asked")?.clone();
            let of_run = Given::of(run::resources(served));
            translated.strangers += of_mesh.leave_out_strangers(&of_run);
            let of_mesh = of_mesh.leaves();
            translated.add(subject, &of_mesh, &of_run.leaves());
            translated.mutations.try_all(&run::resources(served), &of_mesh, ignored::TRANSLATED)?;
            let here = run::on_a_machine(served);
            surrounded.add(subject, &of_run.leaves(), &Given::of(run::resources(&here)).leaves());
            surrounded.mutations.try_all(&run::resources(&here), &of_run.leaves(), ignored::SURROUNDED)?;
            by_effect.push((subject.clone(), of_mesh));
        }
    }
    let mut failures = check_effects(&by_effect)?;
    println!("\n{} files compared, {} fields\n", translated.files, translated.fields + surrounded.fields);
    for tally in [&translated, &surrounded] {
        tally.print();
        failures.extend(tally.failures());
    }
    ensure!(failures.is_empty(), "{}", failures.join("\n"));
    Ok(())
}

fn given(scratch: &Scratch, groups: &[Group]) -> Result<BTreeMap<Gateway, Given>> {
    let side = MeshSide::start(scratch)?;
    side.apply(groups)?;
    let gateways: Vec<Gateway> = groups.iter().flat_map(|group| group.gateways.clone()).collect();
    let proxies = side.proxies(&gateways)?;
    gateways.into_iter().zip(&proxies).map(|(gateway, proxy)| Ok((gateway, side.given(proxy)?))).collect()
}

/// One of the comparisons, of all files.
#[derive(Debug)]
struct Tally {
    what: &'static str,
    list: &'static [Ignored],
    files: usize,
    fields: usize,
    /// Clusters of other services in the mesh.
    strangers: usize,
    used: BTreeMap<usize, usize>,
    differences: Vec<(String, Difference)>,
    mutations: Mutations,
}

impl Tally {
    fn new(what: &'static str, list: &'static [Ignored]) -> Self {
        let (used, differences, mutations) = (BTreeMap::new(), Vec::new(), Mutations::default());
        Self { what, list, files: 0, fields: 0, strangers: 0, used, differences, mutations }
    }

    fn add(&mut self, subject: &Subject, first: &Leaves, second: &Leaves) {
        let comparison = compare(first, second, self.list);
        self.files += 1;
        self.fields += comparison.fields;
        for (at, count) in comparison.ignored {
            *self.used.entry(at).or_default() += count;
        }
        let what = format!("{} ({})", subject.what, subject.gateway.name);
        self.differences.extend(comparison.differences.into_iter().map(|difference| (what.clone(), difference)));
    }

    fn print(&self) {
        let ignored: usize = self.used.values().sum();
        let Mutations { seen, ignored: not_seen, .. } = self.mutations;
        println!(
            "| {} | files | fields | that differ, with a reason | mutations seen | at an ignored path |",
            self.what
        );
        println!("|---|---|---|---|---|---|");
        println!("| | {} | {} | {ignored} | {seen} | {not_seen} |\n", self.files, self.fields);
        println!("| path | fields | reason |\n|---|---|---|");
        for (at, entry) in self.list.iter().enumerate() {
            let count = self.used.get(&at).copied().unwrap_or_default();
            println!("| {:?} `{}` | {count} | {} |", entry.how, entry.path, entry.reason);
        }
        if self.strangers > 0 {
            println!(
                "| clusters and endpoints that nothing refers to | {} | other services in the mesh |",
                self.strangers
            );
        }
        println!();
    }

    fn failures(&self) -> Vec<String> {
        let shown = self.differences.iter().take(SHOWN);
        let mut failures: Vec<String> = shown.map(|(what, difference)| format!("{what}: {difference}")).collect();
        if !failures.is_empty() {
            failures.insert(0, format!("{}: {} fields differ", self.what, self.differences.len()));
        }
        let unused = self.list.iter().enumerate().filter(|(at, _)| !self.used.contains_key(at));
        failures
            .extend(unused.map(|(_, entry)| format!("nothing needs the ignored path {:?} {}", entry.how, entry.path)));
        failures
    }
}

/// Whether each field changes what is said of it, beside the file without it.
fn check_effects(all: &[(Subject, Leaves)]) -> Result<Vec<String>> {
    let renamed = |subject: &Subject, leaves: &Leaves| -> Result<Leaves> {
        let text = serde_json::to_string(leaves)?.replace(&subject.gateway.name, PLAIN);
        // Names come in the order of the alphabet.
        Ok(serde_json::from_str(&text)?)
    };
    let plain = all.iter().find(|(subject, _)| subject.what == PLAIN).context("the plain file was not compared")?;
    let mut failures = Vec::new();
    for (subject, leaves) in all {
        let Some(effect) = subject.effect else { continue };
        let leaves = renamed(subject, leaves)?;
        let version = "ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION";
        let differences = compare(&plain.1, &leaves, &[]).differences;
        let mut paths = differences.iter().map(|found| found.path.as_str()).filter(|path| !path.ends_with(version));
        let found = if paths.clone().any(|path| !path.starts_with("extensions/")) {
            Effect::Envoy
        } else if paths.next().is_some() {
            Effect::Policy
        } else {
            Effect::Nothing
        };
        if found != effect {
            let some: Vec<_> = differences.iter().take(4).map(ToString::to_string).collect();
            failures.push(format!(
                "{} ({}) changes {found:?}, not {effect:?}: {some:?}",
                subject.what, subject.gateway.name
            ));
        }
    }
    Ok(failures)
}
