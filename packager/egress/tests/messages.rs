//! Mistakes that are often made, each in one place of an otherwise good file of each kind (`messages/rows.txt`):
//! `messages.expected` has what is said of each, and the cure, followed, leaves nothing to say.

mod rows;

use sallyport_egress::check;
use sallyport_egress::diagnostic::{Diagnostic, SourceFile};

use rows::Table;

const GOOD: (&str, &str) = ("good.yaml", include_str!("messages/good.yaml"));

/// The good files, by the names that rows have for them. All are checked beside `good.yaml`.
const FILES: [(&str, &str); 4] = [
    GOOD,
    ("mesh.yaml", include_str!("messages/mesh.yaml")),
    ("rollout.yaml", include_str!("messages/rollout.yaml")),
    ("candidate.yaml", include_str!("messages/candidate.yaml")),
];

fn table() -> Table {
    Table::new(include_str!("messages/rows.txt"), &FILES, 200, checked)
}

fn checked(file: &SourceFile) -> Vec<Diagnostic> {
    let mut files = vec![file.clone()];
    if file.name != GOOD.0 {
        files.push(SourceFile { name: GOOD.0.to_owned(), text: GOOD.1.to_owned() });
    }
    check(&files).diagnostics
}

#[test]
fn every_mistake_is_named() {
    table().is_as_expected("messages.expected");
}

#[test]
fn one_mistake_has_one_message() {
    table().has_one_message_each();
}

#[test]
fn what_is_cured_is_good() {
    table().is_cured();
}
