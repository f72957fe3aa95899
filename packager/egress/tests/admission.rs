//! Mistakes in manifests that an API server or istiod refuses or drops, each in one place of otherwise good files
//! (`admission/rows.txt`): `admission.expected` has what is said of each, and the cure, followed, leaves nothing to say.
//! `tests/tests/schemas.rs` holds the rows to the CRDs.

mod rows;

use sallyport_egress::check_with_manifests;
use sallyport_egress::diagnostic::{Diagnostic, SourceFile};

use rows::Table;

const GOOD: [(&str, &str); 1] = [("manifests.yaml", include_str!("admission/good.yaml"))];

fn table() -> Table {
    Table::new(include_str!("admission/rows.txt"), &GOOD, 100, checked)
}

fn checked(file: &SourceFile) -> Vec<Diagnostic> {
    check_with_manifests(std::slice::from_ref(file)).diagnostics
}

#[test]
fn every_mistake_is_named() {
    table().is_as_expected("admission.expected");
}

#[test]
fn one_mistake_has_one_message() {
    table().has_one_message_each();
}

#[test]
fn what_is_cured_is_good() {
    table().is_cured();
}
