//! The Envoys that the tests run against.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::thread;

use anyhow::{Context, Result, ensure};

use crate::process::Scratch;

/// One Envoy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Envoy {
    /// `1.40.0`.
    pub version: String,
    /// The program.
    pub path: PathBuf,
}

/// Every Envoy under `target/tools`, or those that `SALLYPORT_ENVOYS` names (versions, separated by commas).
pub fn envoys() -> Result<Vec<Envoy>> {
    let wanted = std::env::var("SALLYPORT_ENVOYS").ok();
    let wanted: Option<Vec<&str>> = wanted.as_deref().map(|text| text.split(',').map(str::trim).collect());
    let mut found = Vec::new();
    for entry in fs::read_dir(crate::tools()).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(version) = name.strip_prefix("envoy-") else { continue };
        let path = entry.path().join("envoy/_bin/envoy");
        if path.exists() && wanted.as_ref().is_none_or(|wanted| wanted.contains(&version)) {
            found.push(Envoy { version: version.to_owned(), path });
        }
    }
    found.sort();
    let missing = wanted.iter().flatten().find(|version| found.iter().all(|envoy| envoy.version != **version));
    ensure!(missing.is_none(), "Envoy {} is not set up: run `tests/setup envoys`", missing.unwrap_or(&""));
    ensure!(!found.is_empty(), "no Envoy is set up: run `tests/setup`");
    Ok(found)
}

/// The newest Envoy there is.
pub fn newest() -> Result<Envoy> {
    envoys()?.pop().context("no Envoy is set up: run `tests/setup`")
}

/// Runs a test against every Envoy, each time with an empty folder of its own.
///
/// # Panics
///
/// With the Envoy's version and the folder of the logs, when the test fails.
pub fn each_envoy(name: &str, test: impl Fn(&Envoy, &Scratch) -> Result<()>) {
    for envoy in envoys().unwrap_or_else(|error| panic!("{error:#}")) {
        run(name, &envoy, &test);
    }
}

/// Runs a test against every Envoy at once, each with an empty folder of its own: for long ones, which mostly wait.
///
/// # Panics
///
/// As [`each_envoy`], after all have ended.
pub fn all_envoys_at_once(name: &str, test: impl Fn(&Envoy, &Scratch) -> Result<()> + Sync) {
    let envoys = envoys().unwrap_or_else(|error| panic!("{error:#}"));
    thread::scope(|scope| {
        let running: Vec<_> = envoys.iter().map(|envoy| scope.spawn(|| run(name, envoy, &test))).collect();
        let ended: Vec<_> = running.into_iter().map(thread::ScopedJoinHandle::join).collect();
        ended.into_iter().for_each(|end| end.unwrap_or_else(|panic| resume_unwind(panic)));
    });
}

/// Runs a test against the newest Envoy only, for what does not depend on Envoy's version.
///
/// # Panics
///
/// As [`each_envoy`].
pub fn newest_envoy(name: &str, test: impl Fn(&Envoy, &Scratch) -> Result<()>) {
    run(name, &newest().unwrap_or_else(|error| panic!("{error:#}")), &test);
}

fn run(name: &str, envoy: &Envoy, test: &impl Fn(&Envoy, &Scratch) -> Result<()>) {
    let mut scratch = Scratch::new(&format!("{name}-{}", envoy.version)).unwrap_or_else(|error| panic!("{error:#}"));
    let outcome = catch_unwind(AssertUnwindSafe(|| test(envoy, &scratch)));
    if !matches!(outcome, Ok(Ok(()))) {
        scratch.keep();
        eprintln!("{name} failed with Envoy {}; its logs are in {}", envoy.version, scratch.path().display());
    }
    match outcome {
        Ok(Ok(())) => {}
        Ok(Err(error)) => panic!("Envoy {}: {error:#}", envoy.version),
        Err(panic) => resume_unwind(panic),
    }
}
