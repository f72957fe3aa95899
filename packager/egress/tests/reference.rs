//! The reference documentation in the repository is the one that the declarations give.

use sallyport_egress::{reference, reference_page};
use snapbox::Data;
use std::path::Path;

/// `SNAPSHOTS=overwrite cargo test -p sallyport-egress --test reference` writes the page.
#[test]
fn the_reference_page_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/egress-file.md");
    let assert = snapbox::Assert::new().action_env("SNAPSHOTS");
    assert.eq(reference_page(), Data::read_from(&path, None).raw());
}

#[test]
fn every_block_that_a_field_names_is_there() {
    let blocks = reference();
    for block in &blocks {
        for path in block.fields.iter().filter_map(|field| field.block.as_ref()) {
            assert!(blocks.iter().any(|other| other.kind == block.kind && other.path == *path), "{path}");
        }
    }
    let names = |path: &str| {
        let block = blocks.iter().find(|block| block.kind == "Egress" && block.path == path).expect("a block");
        block.fields.iter().map(|field| field.name).collect::<Vec<_>>()
    };
    assert_eq!(names("spec.health.refusal"), ["status", "retryAfter"]);
    assert_eq!(names("spec.authz.rules[].to[]"), ["operation"]);
}
