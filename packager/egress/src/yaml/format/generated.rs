//! Files that people could have written: the repository's own, with other indentation, comments and blank lines.

use std::fs;
use std::path::{Path, PathBuf};

use saphyr_parser::{Event, Parser};

use super::formatted;
use crate::code::Code;
use crate::diagnostic::{Sink, SourceFile};
use crate::yaml::reader::read_all;
use crate::yaml::tokens::{Kind, tokens};

/// What is rare in the examples.
const RARE: [&str; 16] = [
    "|\n   x\n\n   \n",
    "|+\n    x\n   \n\n",
    "|\n   \n",
    "|+\n    \n   \n",
    ">-\n     x\n       y\n\n     z\n   # below\n",
    "|2\n     x\n    y\n   \n",
    "|- # head\n  # text\n  x  \n",
    ">\n  x\n    \n",
    "\n- [a]\n",
    "\n  - [a, {b: c}]\n  -   [d]\n",
    "\n-   - [a]\n    - b: c\n",
    "\n-\n  - [a]\n",
    "{a: b,\n   # in\n      c: [d,\n  e]}\n",
    "\"a\n     b\"\n",
    "a\n     b\n",
    "\n   'it''s # no'\n",
];

fn files(folder: &Path, found: &mut Vec<String>) {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort_unstable();
    for path in paths {
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            found.push(fs::read_to_string(path).unwrap());
        }
    }
}

/// `by` times the columns, those of keys behind dashes, too.
fn spread(line: &str, by: usize) -> String {
    let mut written = String::new();
    let mut rest = line;
    let mut column = 0_usize;
    loop {
        let content = rest.trim_start_matches(' ');
        column = column.saturating_add(rest.len().saturating_sub(content.len()));
        written.push_str(&" ".repeat(column.saturating_mul(by).saturating_sub(written.len())));
        match content.strip_prefix('-') {
            Some(behind) if behind.starts_with(' ') => {
                written.push('-');
                rest = behind;
                column = column.saturating_add(1);
            }
            _ => return written + content,
        }
    }
}

fn changed(example: &str, random: &mut fastrand::Rng) -> String {
    let by = random.usize(1..4);
    let mut lines: Vec<String> = example.lines().map(|line| spread(line, by)).collect();
    for number in 0..random.usize(0..4) {
        let rare = RARE[random.usize(..RARE.len())];
        lines.extend(format!("rare{number}: {rare}").lines().map(str::to_owned));
    }
    for number in 0..random.usize(0..8) {
        let at = random.usize(..=lines.len());
        let blanks = " ".repeat(random.usize(0..9));
        match random.usize(0..3) {
            0 => lines.insert(at, format!("{blanks}# own {number}")),
            1 => lines.insert(at, blanks),
            _ => {
                if let Some(line) = lines.get_mut(at) {
                    line.push_str(&format!("{blanks} # behind {number}"));
                }
            }
        }
    }
    let end = ["\n", "\n", "", "\n\n", "\n   ", "   "][random.usize(..6)];
    lines.join("\n") + end
}

/// What other parsers see, and the comments.
fn says(text: &str) -> (Vec<Event<'_>>, Vec<&str>) {
    let mut sink = Sink::new(0);
    let documents = read_all(text, &mut sink);
    let comments = tokens(text, &documents).into_iter().filter(|token| token.kind == Kind::Comment);
    let comments = comments.map(|token| token.text(text)).collect();
    (Parser::new_from_str(text).map(|event| event.unwrap().0).collect(), comments)
}

#[test]
fn formatting_twice_is_formatting_once_and_changes_nothing_that_is_said() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut examples = Vec::new();
    files(&root.join("tests/lints"), &mut examples);
    files(&root.join("../../deploy"), &mut examples);
    let (mut random, mut formattable) = (fastrand::Rng::with_seed(7), 0);
    let format = |text: &str| formatted(0, &SourceFile { name: "a.yaml".to_owned(), text: text.to_owned() });
    for _ in 0..3_000 {
        let text = changed(&examples[random.usize(..examples.len())], &mut random);
        match format(&text) {
            Ok(once) => {
                formattable += 1;
                assert_eq!(says(&text), says(&once), "{text:?}\n{once:?}");
                assert_eq!(format(&once).as_deref(), Ok(once.as_str()), "{text:?}");
            }
            Err(problems) => {
                let is_ours = |code| matches!(code, Code::Internal | Code::NotFormatted);
                assert!(!problems.iter().any(|problem| is_ours(problem.code)), "{text:?}\n{problems:?}");
            }
        }
    }
    assert!(formattable > 1_000, "{formattable}");
}
