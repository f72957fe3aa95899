//! The filter's adapter looks up, calls and applies: nothing in it compares what a request or a response says. The core
//! decides that, where tests need no Envoy.

use anyhow::{Result, ensure};
use sallyport_tests::sources::code_lines;
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
    let lines = code_lines(&workspace().join("filter/src"))?;
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
        let is_text = is_text && !line.contains("feature = ");
        let is_section = file == "lib.rs" && line.contains("link_section");
        // The C library, whose allocator is the filter's.
        let is_section = is_section || (file == "runtime.rs" && line.contains("#[link("));
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

/// A second place that makes requests canonical or decides them would be a second sequence.
#[test]
fn a_request_is_made_canonical_and_decided_in_one_place() -> Result<()> {
    let lines = code_lines(&workspace().join("filter/core/src"))?;
    ensure!(lines.len() > 3000, "only {} lines were found", lines.len());
    for (call, home) in [
        ("CanonicalRequest::read(", "engine.rs"),
        ("Matches::find(", "engine.rs"),
        (".on_request(", "flow/request.rs"),
        ("Caller::read(", "request/canonical.rs"),
    ] {
        let calls = lines.iter().filter(|(.., line)| line.contains(call));
        let found: Vec<_> = calls.map(|(file, ..)| file.as_str()).collect();
        ensure!(found == [home], "{call} is in {found:?}");
    }
    Ok(())
}
