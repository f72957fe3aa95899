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
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use sallyport_tests::process::Scratch;

use compare::{Difference, Ignored, compare};
use fields::Effect;
use files::{Group, PLAIN, PROBED, Subject, groups};
use mesh::{Gateway, MeshSide};
use mutate::Mutations;
use normal::{Given, Leaves};

/// How much of what differs in a file is shown.
const SHOWN: usize = 8;

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
    let started = Instant::now();
    let groups = groups(scratch)?;
    let mut served = BTreeMap::new();
    for group in &groups {
        served.extend(run::served(&group.site)?);
    }
    let mut subjects = Vec::new();
    for subject in groups.iter().flat_map(|group| &group.subjects) {
        subjects
            .push((subject, served.get(&subject.gateway).with_context(|| format!("{} is not served", subject.what))?));
    }
    let of_run: Vec<Given> = subjects.iter().map(|(_, served)| Given::of(run::resources(served))).collect();
    let given = given(scratch, &groups, &of_run)?;
    let asked = started.elapsed();
    let mut translated = Tally::new("istiod and `run`", ignored::TRANSLATED);
    let mut surrounded = Tally::new("`run` and Envoy on a machine", ignored::SURROUNDED);
    let mut by_effect = Vec::new();
    for (((subject, served), of_run), (of_mesh, strangers)) in subjects.into_iter().zip(&of_run).zip(given) {
        translated.strangers += strangers;
        let (of_mesh, of_run) = (of_mesh.leaves(), of_run.leaves());
        translated.add(subject, &of_mesh, &of_run);
        translated.mutations.try_all(&run::resources(served), &of_mesh, ignored::TRANSLATED)?;
        let here = run::on_a_machine(served);
        surrounded.add(subject, &of_run, &Given::of(run::resources(&here)).leaves());
        surrounded.mutations.try_all(&run::resources(&here), &of_run, ignored::SURROUNDED)?;
        by_effect.push((subject.clone(), of_mesh));
    }
    let mut failures = check_effects(&by_effect)?;
    println!(
        "\n{} files compared, {} fields; istiod was asked after {} s, compared after {} s\n",
        translated.files,
        translated.fields + surrounded.fields,
        asked.as_secs(),
        started.elapsed().as_secs(),
    );
    for tally in [&translated, &surrounded] {
        tally.print();
        failures.extend(tally.failures());
    }
    ensure!(failures.is_empty(), "{}", failures.join("\n"));
    Ok(())
}

/// What istiod gives the Envoys of all files, in their order.
fn given(scratch: &Scratch, groups: &[Group], of_run: &[Given]) -> Result<Vec<(Given, usize)>> {
    let side = MeshSide::start(scratch)?;
    side.apply(groups)?;
    let subjects = groups.iter().flat_map(|group| &group.subjects);
    let gateways: Vec<Gateway> = subjects.map(|subject| subject.gateway.clone()).collect();
    let proxies = side.proxies(&gateways)?;
    side.given_to_all(&proxies, of_run)
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
        let mut of_file: BTreeMap<&str, usize> = BTreeMap::new();
        let shown = self.differences.iter().filter(|(what, _)| {
            let count = of_file.entry(what).or_default();
            *count += 1;
            *count <= SHOWN
        });
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
    let beside = |wanted: &str| -> Result<Leaves> {
        let found = all.iter().find(|(subject, _)| subject.what == wanted);
        let (subject, leaves) = found.with_context(|| format!("the {wanted} file was not compared"))?;
        renamed(subject, leaves)
    };
    let (plain, probed) = (beside(PLAIN)?, beside(PROBED)?);
    let mut failures = Vec::new();
    for (subject, leaves) in all {
        let Some(effect) = subject.effect else { continue };
        let leaves = renamed(subject, leaves)?;
        let version = "ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION";
        let is_probed = leaves.keys().any(|path| path.starts_with("clusters/") && path.contains("|probe|"));
        let differences = compare(if is_probed { &probed } else { &plain }, &leaves, &[]).differences;
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
