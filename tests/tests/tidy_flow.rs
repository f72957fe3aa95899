//! The filter's adapter looks up, calls and applies: nothing in it compares what a request or a response says. The core
//! decides that, where tests need no Envoy.

use std::fs;

use anyhow::{Context, Result, ensure};
use sallyport_tests::workspace;

/// The only files with numbers of the host's interface.
const WITH_NUMBERS: [&str; 2] = ["host.rs", "dispatch.rs"];
/// The only file with names that the host knows.
const WITH_NAMES: &str = "host.rs";

/// How a comparison of bytes or text would be written.
const COMPARISONS: [&str; 15] = [
    "== b\"",
    "!= b\"",
    "== \"",
    "!= \"",
    "b\"",
    "starts_with",
    "ends_with",
    "strip_prefix",
    "strip_suffix",
    "eq_ignore_ascii_case",
    ".contains(&",
    "matches!",
    ".find(",
    ".position(",
    ".parse(",
];
/// How a number would be compared: a status, a port, a time.
const ORDER: [&str; 6] = [" >= ", " > ", " < ", " == ", " != ", "..="];
/// The ABI's one status, and the room that a table of ids needs.
const ALLOWED: [&str; 5] =
    ["(status == OK)", "    status == OK", "!= OK {", "metrics.len() <= slot", "const OK: u32 = 0;"];
/// Units of time and lengths of ids; no status, port or code.
const NUMBERS: [&str; 7] = ["0", "1", "3", "8", "24", "4", "1_000_000"];

/// The lines of code of each file of the filter, with their numbers.
fn code() -> Result<Vec<(String, usize, String)>> {
    let folder = workspace().join("filter/src");
    let mut lines = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path)?;
        let code = (1..).zip(text.lines()).filter(|(_, line)| !line.trim_start().starts_with("//"));
        lines.extend(code.map(|(number, line)| (name.clone(), number, line.to_owned())));
    }
    ensure!(lines.len() > 300, "only {} lines of code were found", lines.len());
    Ok(lines)
}

fn is_allowed(line: &str) -> bool {
    ALLOWED.iter().any(|allowed| line.contains(allowed))
}

#[test]
fn the_adapter_compares_nothing() -> Result<()> {
    for (file, number, line) in code()? {
        let found = COMPARISONS.iter().chain(&ORDER).find(|mark| line.contains(**mark));
        // The version in the module's own section, and the place of a context among the others.
        let is_known = is_allowed(&line) || file == "lib.rs" || (file == "dispatch.rs" && line.contains("known"));
        let is_root = file == "dispatch.rs" && line.contains("root == 0");
        ensure!(
            found.is_none() || is_known || is_root,
            "filter/src/{file}:{number}: `{}`: {line}",
            found.unwrap_or(&"")
        );
    }
    Ok(())
}

#[test]
fn only_the_host_file_has_names_that_the_host_knows() -> Result<()> {
    for (file, number, line) in code()? {
        let is_text = line.contains('"') && !line.contains("extern \"C\"") && !line.contains("reason = ");
        let is_section = file == "lib.rs" && line.contains("link_section");
        ensure!(!is_text || is_section || file == WITH_NAMES, "filter/src/{file}:{number}: {line}");
    }
    Ok(())
}

#[test]
fn the_adapter_has_no_status_and_no_port() -> Result<()> {
    for (file, number, line) in code()? {
        let words = line.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        for word in words.filter(|word| word.starts_with(|first: char| first.is_ascii_digit())) {
            let is_allowed = NUMBERS.contains(&word) || WITH_NUMBERS.contains(&file.as_str()) || file == "lib.rs";
            ensure!(is_allowed, "filter/src/{file}:{number}: `{word}`: {line}");
        }
    }
    Ok(())
}

/// Modules import in one direction only: each file may name those before it.
#[test]
fn the_adapters_modules_have_no_circles() -> Result<()> {
    const ORDER: [&str; 6] = ["host", "policy", "health", "stream", "root", "dispatch"];
    for (file, number, line) in code()? {
        let own = ORDER.iter().position(|name| file == format!("{name}.rs"));
        for (position, name) in ORDER.iter().enumerate() {
            let names = line.contains(&format!("crate::{name}"));
            ensure!(!names || own.is_some_and(|own| position < own), "filter/src/{file}:{number}: {line}");
        }
    }
    Ok(())
}

/// A second place that makes requests canonical or decides them would be a second sequence.
#[test]
fn a_request_is_made_canonical_and_decided_in_one_place() -> Result<()> {
    for (call, home) in [
        ("CanonicalRequest::read(", "engine.rs"),
        ("Matches::find(", "engine.rs"),
        (".on_request(", "flow/request.rs"),
        ("Caller::read(", "request/canonical.rs"),
    ] {
        let mut found = Vec::new();
        for (file, line) in core()? {
            let is_code = !line.trim_start().starts_with("//");
            if is_code && line.contains(call) {
                found.push(file);
            }
        }
        ensure!(found == [home], "{call} is in {found:?}");
    }
    Ok(())
}

/// The lines of production code of the core.
fn core() -> Result<Vec<(String, String)>> {
    let folder = workspace().join("filter/core/src");
    let mut folders = vec![folder.clone()];
    let mut lines = Vec::new();
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next)? {
            let path = entry?.path();
            let name = path.strip_prefix(&folder)?.to_string_lossy().into_owned();
            if path.is_dir() {
                if !name.ends_with("tests") {
                    folders.push(path);
                }
                continue;
            }
            let text = fs::read_to_string(&path)?;
            let production = text.split_once("\n#[cfg(test)]").map_or(text.as_str(), |(production, _)| production);
            lines.extend(production.lines().map(|line| (name.clone(), line.to_owned())));
        }
    }
    ensure!(lines.len() > 3000, "only {} lines were found", lines.len());
    Ok(lines)
}
