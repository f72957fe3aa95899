//! Manifests as they are found in the wild: the pairs of examples of each lint are in `lints.rs`.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    reason = "a broken assumption ends the test"
)]

mod marks;

use proptest::prelude::*;
use sallyport_egress::check_with_manifests;
use sallyport_egress::diagnostic::SourceFile;
use std::fs;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn read(name: &str) -> SourceFile {
    let text = fs::read_to_string(folder().join(name)).expect("the file is there");
    SourceFile { name: name.to_owned(), text }
}

/// Line and code of what is found.
fn found(file: &SourceFile) -> Vec<(usize, String)> {
    let found = marks::found(std::slice::from_ref(file));
    found.into_iter().map(|mark| (mark.line, mark.code.to_string())).collect()
}

/// The gateway of 2020 that so many copied, and the policy that its readers wanted.
#[test]
fn every_trap_of_the_blog_is_named() {
    let blog = [read("manifests/blog-2020.yaml")];
    assert_eq!(marks::found(&blog), marks::marked(&blog));
}

/// In one namespace and with labels of their own, as a generator would write them.
#[test]
fn a_thousand_upstreams() {
    let one = ["SP2604", "SP2605", "SP2602", "SP2603", "SP2608", "SP2554"]
        .map(|code| read(&format!("lints/{code}-good.yaml")).text);
    let all: Vec<_> = (0..1_000)
        .map(|number| SourceFile {
            name: format!("{number}.yaml"),
            text: one.join("---\n").replace("httpbin", &format!("upstream-{number}")),
        })
        .collect();
    let start = std::time::Instant::now();
    let checked = check_with_manifests(&all);
    println!("the manifests of 1,000 upstreams: {:?}", start.elapsed());
    assert_eq!((checked.manifests, checked.diagnostics), (22_000, vec![]));
}

#[test]
fn yaml_that_cannot_be_read_has_a_place_and_hides_nothing_before_it() {
    let text = "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nspec: {hosts: [\"*\"]}\n---\nkind: [\n";
    let file = SourceFile { name: "a.yaml".to_owned(), text: text.to_owned() };
    assert_eq!(found(&file), [(3, "SP2544".to_owned()), (5, "SP0101".to_owned())]);
}

#[test]
fn lists_and_aliases_are_read_as_kubernetes_does() {
    let entry = "apiVersion: networking.istio.io/v1\n  kind: ServiceEntry\n  spec: {hosts: [\"*\"]}\n";
    let file = |text: String| SourceFile { name: "a.yaml".to_owned(), text };
    let list = file(format!("apiVersion: v1\nkind: List\nitems:\n- {entry}- kind: Service\n"));
    assert_eq!(found(&list), [(6, "SP2544".to_owned())]);
    let shared = "all: &all\n  - \"*\"\n---\n";
    let alias = file(format!("{shared}{}", entry.replace("\n  ", "\n").replace("[\"*\"]", "&any [\"*\"], more: *any")));
    assert_eq!(found(&alias), [(6, "SP2544".to_owned()), (6, "SP2574".to_owned())]);
}

#[test]
fn a_manifest_is_read_however_it_is_shaped() {
    let kinds = ["networking.istio.io/v1 Gateway", "networking.istio.io/v1 VirtualService"];
    let others = ["networking.istio.io/v1 DestinationRule", "networking.istio.io/v1 ServiceEntry"];
    let more = ["extensions.istio.io/v1alpha1 WasmPlugin", "security.istio.io/v1 AuthorizationPolicy"];
    let shapes = [
        "",
        "[]",
        "{}",
        "x",
        "{selector: [a], servers: {a: b}, hosts: a, http: [[], x, {route: [1, {destination: x}]}]}",
    ];
    for kind in kinds.iter().chain(&others).chain(&more) {
        let (api_version, kind) = kind.split_once(' ').expect("two words");
        for spec in shapes {
            let text = format!("apiVersion: {api_version}\nkind: {kind}\nmetadata: {spec}\nspec: {spec}\n");
            let checked = check_with_manifests(&[SourceFile { name: "a.yaml".to_owned(), text }]);
            assert_eq!(checked.manifests, 1, "{kind} {spec}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_yaml_breaks_the_reader(text in "([\\[\\]{}:,&*!|>'\"%@`#?\\-<~ \n\t\r.é😀a0\u{0}\u{feff}]|---|: |- |\n  |&a |\\*a |<<: ){0,120}") {
        spans_lie_in(format!("apiVersion: networking.istio.io/v1\nkind: Gateway\nspec: {text}"));
    }

    #[test]
    fn no_change_of_a_manifest_breaks_the_reader(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), 0usize..12, "[\\[\\]{}:,&*!|>'\"#?\\- \n\té😀a0]{0,4}"), 1..6)
    ) {
        let mut characters: Vec<char> = read("manifests/blog-2020.yaml").text.chars().collect();
        for (at, removed, inserted) in changes {
            let at = at.index(characters.len());
            let end = (at + removed).min(characters.len());
            characters.splice(at..end, inserted.chars());
        }
        spans_lie_in(characters.into_iter().collect());
    }
}

fn spans_lie_in(text: String) {
    let file = SourceFile { name: "a.yaml".to_owned(), text };
    for problem in check_with_manifests(std::slice::from_ref(&file)).diagnostics {
        assert!(file.text.get(problem.span.start..problem.span.end).is_some(), "{problem:?}");
    }
}
