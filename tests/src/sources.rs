//! The project's own source files, for the tests that read them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// Every Rust file below a folder; what is built or hidden is left out.
///
/// # Errors
///
/// A folder cannot be read, or has no such file, which is most likely a wrong path.
pub fn rust_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).with_context(|| next.display().to_string())? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                if name != "target" && !name.starts_with('.') {
                    folders.push(path);
                }
            } else if name.ends_with(".rs") {
                found.push(path);
            }
        }
    }
    ensure!(!found.is_empty(), "there is no Rust file below {}", folder.display());
    found.sort();
    Ok(found)
}

/// A file without its unit tests, which stand at its end.
#[must_use]
pub fn production(text: &str) -> &str {
    text.split_once("\n#[cfg(test)]\nmod tests").map_or(text, |(production, _)| production)
}

/// Every line of production code below a folder, with its file's path from there; comments and files of tests are left
/// out.
///
/// # Errors
///
/// As [`rust_files`].
pub fn code_lines(folder: &Path) -> Result<Vec<(String, usize, String)>> {
    let mut lines = Vec::new();
    for path in rust_files(folder)? {
        let name = path.strip_prefix(folder)?.to_string_lossy().into_owned();
        if name.split('/').any(|part| part == "tests" || part == "tests.rs") {
            continue;
        }
        let text = fs::read_to_string(&path)?;
        let code = (1..).zip(production(&text).lines()).filter(|(_, line)| !line.trim_start().starts_with("//"));
        lines.extend(code.map(|(number, line)| (name.clone(), number, line.to_owned())));
    }
    Ok(lines)
}
