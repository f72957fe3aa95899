//! The README is true: its commands exist, its files are there, its table is what the demo checks.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use sallyport_tests::process::Scratch;
use sallyport_tests::{gate, scenes};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn readme() -> Result<String> {
    fs::read_to_string(root().join("README.md")).context("there is no README")
}

/// What stands behind `$ ` in console blocks, up to a comment.
fn commands(readme: &str) -> impl Iterator<Item = &str> {
    let command = |line: &str| -> Option<usize> { line.strip_prefix("$ ").map(str::len) };
    readme
        .lines()
        .filter(move |line| command(line).is_some())
        .filter_map(|line| line.get(2..)?.split(" #").next())
        .map(str::trim)
}

#[test]
fn every_command_exists() -> Result<()> {
    let readme = readme()?;
    let makefile = fs::read_to_string(root().join("Makefile"))?;
    let sallyport = gate::sallyport()?;
    let mut seen = 0;
    for command in commands(&readme) {
        seen += 1;
        let words: Vec<&str> = command.split_whitespace().collect();
        match words.as_slice() {
            ["make", target] => {
                let known = makefile.lines().any(|line| line.starts_with(&format!("{target}:")));
                ensure!(known, "`{command}`: the Makefile has no `{target}`");
            }
            ["sallyport", verb, ..] => {
                let help = Command::new(&sallyport).args([verb, "--help"]).output()?;
                ensure!(help.status.success(), "`{command}`: there is no `{verb}`");
            }
            _ => ensure!(false, "`{command}` is nothing that this test knows to try"),
        }
    }
    ensure!(seen >= 6, "only {seen} commands were found");
    Ok(())
}

#[test]
fn what_init_writes_passes_check() -> Result<()> {
    let folder = Scratch::new("init")?;
    let sallyport = gate::sallyport()?;
    for arguments in [&["init"][..], &["check", "egress.yaml"]] {
        let output = Command::new(&sallyport).args(arguments).current_dir(folder.path()).output()?;
        ensure!(output.status.success(), "sallyport {arguments:?}: {output:?}");
    }
    Ok(())
}

#[test]
fn every_link_leads_somewhere() -> Result<()> {
    let readme = readme()?;
    for link in readme.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        ensure!(link.starts_with("https://") || root().join(link).exists(), "the link `{link}` leads nowhere");
    }
    Ok(())
}

#[test]
fn the_table_is_the_demos() -> Result<()> {
    let readme = readme()?;
    let example = fs::read_to_string(root().join(scenes::EXAMPLE))?;
    let (_, flipped) = scenes::change(&example)?;
    for row in scenes::rows().iter().chain([&flipped]) {
        let line = row.line(&row.expected);
        ensure!(readme.lines().any(|shown| shown.starts_with(&line)), "the README does not show\n{line}");
    }
    Ok(())
}
