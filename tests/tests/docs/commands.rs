//! Commands in console blocks: each is read by the program that it names; those of `sallyport` run where they need neither a
//! network nor an Envoy, and print what the page shows.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, bail, ensure};
use sallyport_tests::process::Scratch;
use sallyport_tests::{cluster, gate, workspace};

use crate::page::Page;

/// Programs that others make, and that the pages use.
const FOREIGN: [&str; 11] =
    ["argocd", "docker", "kind", "kubectl", "istioctl", "helm", "openssl", "curl", "echo", "install", "tee"];
/// What runs here: it needs no network, and ends by itself.
const RUNNABLE: [&str; 20] = [
    "check",
    "fmt",
    "test",
    "explain",
    "diff",
    "query",
    "map",
    "learn",
    "build",
    "plan",
    "status",
    "promote",
    "rollback",
    "init",
    "schema",
    "completions",
    "man",
    "version",
    "image build",
    "image verify --layout",
];

/// What needs a gateway, a Prometheus, a file of the reader's, or a Git repository.
const NEEDS: [&str; 6] = ["--against", "--prometheus", "--har", "main:", "v1.2:", "diff deploy/"];

/// A line behind `$ `.
struct Line {
    /// Up to the comment.
    command: String,
    /// What the page shows below it.
    shown: Vec<String>,
    place: String,
}

fn lines(page: &Page) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for block in page.blocks().iter().filter(|block| block.language == "console") {
        let first = lines.len();
        for (number, text) in (block.line..).zip(&block.lines) {
            match text.strip_prefix("$ ") {
                Some(command) => {
                    let command = command.split(" #").next().unwrap_or_default().trim().to_owned();
                    lines.push(Line { command, shown: Vec::new(), place: format!("{}:{number}", page.name) });
                }
                None => {
                    if let Some(line) = lines.get_mut(first..).and_then(<[Line]>::last_mut) {
                        line.shown.push(text.trim().to_owned());
                    }
                }
            }
        }
    }
    lines
}

/// The commands of a pipeline, each in words, without redirections and variables.
fn words(command: &str) -> Vec<Vec<&str>> {
    let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    let is_setting = |word: &str| word.split_once('=').is_some_and(|(name, _)| is_name(name));
    let parts = command.split(" | ").map(|part| {
        let words = part.split_whitespace().skip_while(|word| is_setting(word) || *word == "sudo");
        words.take_while(|word| !word.starts_with(['<', '>'])).collect()
    });
    parts.collect()
}

/// Lets a program read its arguments and do nothing else: each stands before a `--help`, so all are looked at first.
fn read_by(program: &Path, arguments: &[&str]) -> Result<()> {
    let own = arguments.iter().take_while(|argument| **argument != "--");
    let output = Command::new(program).args(own).arg("--help").output()?;
    ensure!(output.status.success(), "{} {arguments:?}: {output:?}", program.display());
    Ok(())
}

fn is_known(words: &[&str], sallyport: &Path) -> Result<()> {
    match words {
        ["make", targets @ ..] => {
            let (file, targets) = match targets {
                ["-f", "sallyport.mk", targets @ ..] => ("deploy/ci/sallyport.mk", targets),
                _ => ("Makefile", targets),
            };
            let makefile = fs::read_to_string(workspace().join(file))?;
            for target in targets {
                let start = match target.split_once('=') {
                    Some((variable, _)) => format!("{variable} ?="),
                    None => format!("{target}:"),
                };
                let known = makefile.lines().any(|line| line.starts_with(&start));
                ensure!(known, "the Makefile has no `{target}`");
            }
            Ok(())
        }
        ["sallyport", arguments @ ..] => read_by(sallyport, arguments),
        ["cargo", arguments @ ..] => cargo(arguments),
        [name, arguments @ ..] if FOREIGN.contains(name) => {
            // Those that `make cluster` has built.
            let program = cluster::program(name);
            if program.exists() { read_by(&program, arguments) } else { Ok(()) }
        }
        [program, ..] if workspace().join(program).is_file() => Ok(()),
        _ => bail!("this test does not know how to try it"),
    }
}

/// Of cargo's arguments, those that name something of ours.
fn cargo(arguments: &[&str]) -> Result<()> {
    for pair in arguments.windows(2) {
        let found = match pair {
            ["--package" | "-p", name] => {
                fs::read_to_string(workspace().join("Cargo.lock"))?.contains(&format!("name = \"{name}\""))
            }
            ["--test", name] => exists("tests/tests", name) || exists("packager/egress/tests", name),
            ["--bin", name] => exists("tests/src/bin", name),
            _ => true,
        };
        ensure!(found, "there is no `{}`", pair.join(" "));
    }
    Ok(())
}

fn exists(folder: &str, name: &str) -> bool {
    let folder = workspace().join(folder);
    folder.join(format!("{name}.rs")).is_file() || folder.join(name).join("main.rs").is_file()
}

#[test]
fn every_command_is_read_by_its_program() -> Result<()> {
    let sallyport = gate::sallyport()?;
    let (mut seen, mut spans) = (0, 0);
    for page in Page::all()? {
        for line in lines(&page) {
            seen += 1;
            for words in words(&line.command) {
                is_known(&words, &sallyport).with_context(|| format!("{}: `{}`", line.place, line.command))?;
            }
        }
        let spoken = page.spans();
        // In prose `CODE` and `...` stand for something.
        for span in spoken.iter().filter(|span| span.starts_with("sallyport ") && !span.contains("...")) {
            spans += 1;
            let arguments = &words(span)[0][1..];
            read_by(&sallyport, arguments).with_context(|| format!("{}: `{span}`", page.name))?;
        }
    }
    ensure!(seen >= 80 && spans >= 30, "only {seen} commands and {spans} spans were found");
    Ok(())
}

#[test]
fn a_wrong_command_is_noticed() -> Result<()> {
    let sallyport = gate::sallyport()?;
    for bad in [
        &["sallyport", "chek"][..],
        &["sallyport", "check", "--formt", "json"],
        &["sallyport", "image", "pull"],
        &["sallyport", "build", "--out"],
        &["make", "tset"],
        &["make", "-f", "sallyport.mk", "BSAE=main"],
        &["cargo", "test", "--test", "no_such_test"],
        &["nonsense"],
    ] {
        ensure!(is_known(bad, &sallyport).is_err(), "{bad:?}");
    }
    ensure!(words("A=b sudo x y > z | tee w") == [vec!["x", "y"], vec!["tee", "w"]]);
    Ok(())
}

/// Where the commands of one page run.
struct Site {
    scratch: Scratch,
}

impl Site {
    /// A project with a first file, and beside it a copy of `deploy` for commands that name it. Both have locks.
    fn new(sallyport: &Path) -> Result<Self> {
        let site = Self { scratch: Scratch::new("docs")? };
        copy(&workspace().join("deploy"), &site.repository().join("deploy"))?;
        let placeholder = "registry.example.com/sallyport/filter";
        for (folder, image) in [
            (site.project(), placeholder),
            (site.repository().join("deploy/examples"), placeholder),
            // The one that its Mesh file names.
            (site.repository().join("deploy/kind"), "registry.registry:5000/sallyport/filter"),
        ] {
            let digest = "ab".repeat(32);
            let lock = format!(
                r#"{{"version":1,"filter":{{"image":"{image}","digest":"sha256:{digest}","candidates":true}}}}"#
            );
            fs::create_dir_all(&folder)?;
            fs::write(folder.join("sallyport.lock"), lock)?;
        }
        site.run(sallyport, "sallyport init")?;
        Ok(site)
    }

    fn project(&self) -> PathBuf {
        self.scratch.path().join("project")
    }

    fn repository(&self) -> PathBuf {
        self.scratch.path().join("repository")
    }

    fn run(&self, sallyport: &Path, command: &str) -> Result<Output> {
        if command == "sallyport init" {
            let _ = fs::remove_file(self.project().join("egress.yaml"));
        }
        let folder = if command.contains("deploy/") { self.repository() } else { self.project() };
        let programs = sallyport.parent().context("a program has a folder")?;
        let path = std::env::join_paths(
            [programs.to_owned()]
                .into_iter()
                .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
        )?;
        Ok(Command::new("sh")
            .args(["-c", command])
            .env("PATH", path)
            // The time of the pages.
            .env("SALLYPORT_NOW", "1795000000")
            // The project of the pages is in no repository, although it is below the one of this test.
            .env("GIT_CEILING_DIRECTORIES", self.scratch.path())
            .current_dir(folder)
            .output()?)
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// The file that the page is about, if it begins with one.
fn file_at_the_beginning(page: &Page) -> Option<String> {
    let block = page.blocks().into_iter().next().filter(|block| block.language == "yaml")?;
    block.lines.iter().any(|line| line == "kind: Egress").then(|| block.lines.join("\n") + "\n")
}

/// The first file of cases on the page.
fn cases_of(page: &Page) -> Option<String> {
    let mut blocks = page.blocks().into_iter().filter(|block| block.language == "yaml");
    let block = blocks.find(|block| block.lines.iter().any(|line| line == "kind: Cases"))?;
    Some(block.lines.join("\n") + "\n")
}

/// A case that fails, a difference, or a step that waits is what a page is to show.
fn may_end_with(command: &str, code: i32) -> bool {
    (command.starts_with("sallyport test") && code == 1)
        || (command.starts_with("sallyport diff") && code == 2)
        || (command.starts_with("sallyport promote") && code == 8)
}

#[test]
fn commands_do_and_print_what_the_page_shows() -> Result<()> {
    let sallyport = gate::sallyport()?;
    let (mut ran, mut compared, mut wrong) = (0, 0, Vec::new());
    for page in Page::all()? {
        let site = Site::new(&sallyport)?;
        if let Some(file) = file_at_the_beginning(&page) {
            fs::write(site.project().join("egress.yaml"), file)?;
            // Those of the first file have nothing to do with it.
            fs::remove_file(site.project().join("cases.yaml"))?;
        }
        for block in page.blocks() {
            if let Some(name) = block.mark.as_deref().and_then(|mark| mark.strip_prefix("file: ")) {
                fs::write(site.project().join(name), block.lines.join("\n") + "\n")?;
            }
        }
        if let Some(cases) = cases_of(&page) {
            fs::write(site.project().join("cases.yaml"), cases)?;
        }
        for Line { command, shown, place } in lines(&page) {
            let runs = command.strip_prefix("sallyport ").is_some_and(|rest| {
                RUNNABLE.iter().any(|known| rest.starts_with(known))
                    && !NEEDS.iter().any(|option| rest.contains(option))
            });
            if !runs {
                continue;
            }
            ran += 1;
            let output = site.run(&sallyport, &command)?;
            let ended_well =
                output.status.success() || output.status.code().is_some_and(|code| may_end_with(&command, code));
            ensure!(ended_well, "{place}: `{command}`: {output:?}");
            let printed = String::from_utf8([output.stdout, output.stderr].concat())?;
            let real: Vec<&str> = printed.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
            let mut at = None;
            for line in shown.iter().filter(|line| !line.is_empty()) {
                if line == "..." {
                    at = None;
                    continue;
                }
                compared += 1;
                let found = match at {
                    None => real.iter().position(|real| real == line),
                    Some(next) => real.get(next).filter(|real| *real == line).map(|_| next),
                };
                let Some(found) = found else {
                    wrong.push(format!(
                        "{place}: `{command}` does not print, behind what stands before it,\n{line}\n but\n{printed}"
                    ));
                    break;
                };
                at = Some(found.saturating_add(1));
            }
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    ensure!(ran >= 20 && compared >= 1, "only {ran} commands ran, and {compared} lines were compared");
    Ok(())
}

/// The files that commands name are in the repository, or in what `sallyport build` makes of it.
#[test]
fn every_file_of_a_command_exists() -> Result<()> {
    let sallyport = gate::sallyport()?;
    let site = Site::new(&sallyport)?;
    let built = site.run(&sallyport, "sallyport build deploy/kind -o out")?;
    ensure!(built.status.success(), "{built:?}");
    let mut seen = 0;
    for page in Page::all()? {
        for line in lines(&page) {
            for word in line.command.split_whitespace() {
                let path = match word.split('/').next() {
                    // The lock is what its command makes.
                    Some("deploy") if !word.ends_with(".lock") => workspace().join(word),
                    Some("out") if word != "out" => site.repository().join(word),
                    _ => continue,
                };
                seen += 1;
                ensure!(path.exists(), "{}: `{word}` does not exist", line.place);
            }
        }
    }
    ensure!(seen >= 10, "only {seen} files were found");
    Ok(())
}

#[test]
fn the_files_of_a_build_are_listed() -> Result<()> {
    let sallyport = gate::sallyport()?;
    let site = Site::new(&sallyport)?;
    let built = site.run(&sallyport, "sallyport build deploy/kind -o out")?;
    ensure!(built.status.success(), "{built:?}");
    let page = Page::read("docs/install.md")?;
    let cells = page.text.lines().filter(|line| line.starts_with("| `")).filter_map(|line| line.split(" | ").next());
    let listed: Vec<&str> = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    for folder in ["egress-httpbin-httpbin", "mesh"] {
        for entry in fs::read_dir(site.repository().join("out").join(folder))? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            let name = if folder == "mesh" { format!("mesh/{name}") } else { name };
            ensure!(listed.contains(&name.as_str()), "docs/install.md does not list `{name}`: {listed:?}");
        }
    }
    Ok(())
}
