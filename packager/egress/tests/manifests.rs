//! The lints of manifests: a bad example of each, with the places that it speaks of marked in it, and a good one.

use proptest::prelude::*;
use sallyport_egress::diagnostic::SourceFile;
use sallyport_egress::{check_with_manifests, explain, lint};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/manifests")
}

fn read(name: &str) -> SourceFile {
    let text = fs::read_to_string(folder().join(name)).expect("the file is there");
    SourceFile { name: name.to_owned(), text }
}

/// What a file says that is found in it: `# <- CODE, CODE` at the end of the line.
fn marked(file: &SourceFile) -> Vec<(usize, String)> {
    let lines = file.text.lines().enumerate();
    let marks = lines.filter_map(|(at, line)| Some((at + 1, line.split_once("# <- ")?.1)));
    marks.flat_map(|(line, codes)| codes.split(", ").map(move |code| (line, code.to_owned()))).collect()
}

/// What is found in it.
fn found(file: &SourceFile) -> Vec<(usize, String)> {
    let checked = check_with_manifests(std::slice::from_ref(file));
    assert!(checked.manifests > 0, "{}", file.name);
    let of_one = |found: &sallyport_egress::diagnostic::Diagnostic| {
        (file.position(found.span.start).line, found.code.to_owned())
    };
    let mut all: Vec<_> = checked.diagnostics.iter().map(of_one).collect();
    all.sort();
    all
}

/// The lints of manifests alone.
fn codes() -> impl Iterator<Item = &'static str> {
    lint::codes().filter(|code| *code >= "SP2500")
}

#[test]
fn every_lint_speaks_of_its_bad_example_alone() {
    for code in codes() {
        let bad = read(&format!("{code}-bad.yaml"));
        assert_eq!(found(&bad), marked(&bad), "{code}");
        assert!(marked(&bad).iter().all(|(_, marked)| marked == code), "{code}");
        assert_eq!(found(&read(&format!("{code}-good.yaml"))), [], "{code}");
    }
}

#[test]
fn there_is_no_example_without_a_lint() {
    let known: BTreeSet<_> =
        codes().flat_map(|code| [format!("{code}-bad.yaml"), format!("{code}-good.yaml")]).collect();
    for entry in fs::read_dir(folder()).expect("the folder is there") {
        let name = entry.expect("readable").file_name().to_string_lossy().into_owned();
        assert!(known.contains(&name) || name == "blog-2020.yaml", "{name}");
    }
}

#[test]
fn messages_keep_the_style_and_have_a_manual() {
    for code in codes() {
        for found in check_with_manifests(&[read(&format!("{code}-bad.yaml"))]).diagnostics {
            for sentence in [&found.message, found.help.as_ref().expect("what would be right")] {
                assert!(!sentence.ends_with('.') && !sentence.starts_with(char::is_uppercase), "{sentence}");
                assert_eq!(sentence.matches('`').count() % 2, 0, "{sentence}");
            }
        }
        assert!(explain(code).is_some_and(|manual| manual.matches("\n\n").count() >= 2), "{code}");
    }
}

/// The gateway of 2020 that so many copied, and the policy that its readers wanted.
#[test]
fn every_trap_of_the_blog_is_named() {
    let blog = read("blog-2020.yaml");
    assert_eq!(found(&blog), marked(&blog));
}

/// In one namespace and with labels of their own, as a generator would write them.
#[test]
fn a_thousand_upstreams() {
    let one = ["SP2604", "SP2605", "SP2602", "SP2603", "SP2608", "SP2554"]
        .map(|code| read(&format!("{code}-good.yaml")).text);
    let all: Vec<_> = (0..1_000)
        .map(|number| SourceFile {
            name: format!("{number}.yaml"),
            text: one.join("---\n").replace("httpbin", &format!("upstream-{number}")),
        })
        .collect();
    let start = std::time::Instant::now();
    let checked = check_with_manifests(&all);
    println!("the manifests of 1,000 upstreams: {:?}", start.elapsed());
    assert_eq!((checked.manifests, checked.diagnostics), (17_000, vec![]));
}

#[test]
fn yaml_that_cannot_be_read_has_a_place_and_hides_nothing_before_it() {
    let text = "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nspec: {hosts: [\"*\"]}\n---\nkind: [\n";
    let file = SourceFile { name: "a.yaml".to_owned(), text: text.to_owned() };
    assert_eq!(found(&file), [(3, "SP2544".to_owned()), (6, "SP0101".to_owned())]);
}

#[test]
fn lists_and_aliases_are_read_as_kubernetes_does() {
    let entry = "apiVersion: networking.istio.io/v1\n  kind: ServiceEntry\n  spec: {hosts: [\"*\"]}\n";
    let file = |text: String| SourceFile { name: "a.yaml".to_owned(), text };
    let list = file(format!("apiVersion: v1\nkind: List\nitems:\n- {entry}- kind: Service\n"));
    assert_eq!(found(&list), [(6, "SP2544".to_owned())]);
    let shared = "all: &all\n  - \"*\"\n---\n";
    let alias = file(format!("{shared}{}", entry.replace("\n  ", "\n").replace("[\"*\"]", "&any [\"*\"], more: *any")));
    assert_eq!(found(&alias), [(6, "SP2544".to_owned())]);
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
        let mut characters: Vec<char> = read("blog-2020.yaml").text.chars().collect();
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
