//! Every lint by pairs of examples: `tests/lints/SP2001-bad.yaml` raises the lint at the lines that are marked in it, and
//! `SP2001-good.yaml` does not. A pair may be two folders of files that are checked together; further pairs of a lint are
//! numbered, as in `SP2003-2-bad`.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    reason = "a broken assumption ends the test"
)]

mod marks;

use marks::{found, marked};
use sallyport_egress::diagnostic::{Severity, SourceFile};
use sallyport_egress::{Code, check, check_with_manifests, lint};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

#[derive(Default)]
struct Pair {
    bad: Vec<SourceFile>,
    good: Vec<SourceFile>,
}

/// Every pair, with the lint's code, by the common part of its names: `SP2003-2`.
fn pairs() -> BTreeMap<String, (Code, Pair)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lints");
    let mut pairs: BTreeMap<String, (Code, Pair)> = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("readable").path();
        let (stem, is_bad) = stem_of(&path);
        let code = stem.split('-').next().and_then(Code::parse).unwrap_or_else(|| panic!("{stem} names no code"));
        let (_, pair) = pairs.entry(stem).or_insert_with(|| (code, Pair::default()));
        *(if is_bad { &mut pair.bad } else { &mut pair.good }) = read_all(&path);
    }
    pairs
}

fn stem_of(path: &Path) -> (String, bool) {
    let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
    match (name.strip_suffix("-bad"), name.strip_suffix("-good")) {
        (Some(stem), _) => (stem.to_owned(), true),
        (None, Some(stem)) => (stem.to_owned(), false),
        (None, None) => panic!("{name} ends neither with -bad nor with -good"),
    }
}

/// A file, or the files of a folder by name.
fn read_all(path: &Path) -> Vec<SourceFile> {
    if !path.is_dir() {
        return vec![read(path)];
    }
    let entries = fs::read_dir(path).expect("a folder");
    let mut files: Vec<_> = entries.map(|entry| read(&entry.expect("readable").path())).collect();
    files.sort_by(|one, other| one.name.cmp(&other.name));
    files
}

fn read(path: &Path) -> SourceFile {
    let name = path.file_name().expect("a name").to_string_lossy().into_owned();
    SourceFile { name, text: fs::read_to_string(path).expect("UTF-8") }
}

#[test]
fn every_lint_finds_its_bad_example_and_nothing_in_its_good_one() {
    let pairs = pairs();
    let mut wrong = Vec::new();
    for (stem, (code, pair)) in &pairs {
        assert!(!pair.bad.is_empty() && !pair.good.is_empty(), "{stem} is not a pair");
        for files in [&pair.bad, &pair.good] {
            let (found, marked) = (found(files), marked(files));
            if found != marked {
                wrong.push(format!("{stem}: found {found:#?}, marked {marked:#?}"));
            }
        }
        assert!(marked(&pair.bad).iter().any(|mark| mark.code == *code), "{stem}: nothing is marked");
        assert!(marked(&pair.good).iter().all(|mark| mark.code != *code), "{stem}: the good example is marked");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for code in lint::codes() {
        assert!(pairs.values().any(|(of, _)| *of == code), "{code} has no pair of examples in tests/lints");
    }
}

/// What to write instead of a reference that leads nowhere, or of TLS that does not fit.
#[test]
fn the_cure_is_the_one_that_was_meant() {
    let pairs = pairs();
    let table = [
        ("SP2573-2", "write `apiVersion: networking.istio.io/v1`"),
        ("SP2604-2", "write a rule about `connection.sni`, or `tls: {mode: ISTIO_MUTUAL}` in that server"),
        ("SP2605-2", "write `mode: ISTIO_MUTUAL` and `sni: api.partner.example`"),
        ("SP2605-3", "write it for port `443`"),
        ("SP2605-4", "write `mode: ISTIO_MUTUAL` and `sni: api.partner.example`"),
        ("SP2605-5", "write that subset in the route, or these settings in the rule's own `trafficPolicy`"),
        ("SP2606-2", "write `sni: api.partner.example`"),
        ("SP2609-3", "did you mean `partner-egress`?"),
        ("SP2615-3", "did you mean `api.partner.example`?"),
        ("SP2615-4", "did you mean `partner-egress.egress.svc.cluster.local`?"),
        ("SP2616-3", "write the port of a server: `80`"),
        ("SP2619-4", "remove it, or write `tls: {mode: ISTIO_MUTUAL}` in the Gateway's server"),
        ("SP2627", "did you mean `api.partner.example`?"),
        ("SP2627-2", "did you mean `api.partner.example`?"),
        ("SP2627-4", "move it there, or write `api.partner.example` without a namespace in the server"),
        ("SP2627-5", "did you mean `api.partner.example`?"),
        ("SP2628", "did you mean `api.partner.example`?"),
        ("SP2629-3", "write `namespace: apps` beside it"),
        ("SP2629-4", "write a path that begins with `/v2` or `/v3`"),
        ("SP2630", "did you mean `egress`?"),
        ("SP2633", "did you mean `orders.partner.example`?"),
    ];
    for (stem, help) in table {
        let (code, pair) = &pairs[stem];
        let found = check_with_manifests(&pair.bad).diagnostics;
        let said: Vec<_> = found.iter().filter(|one| one.code == *code).map(|one| one.help.as_deref()).collect();
        assert!(!said.is_empty() && said.iter().all(|one| *one == Some(help)), "{stem}: {said:?}");
    }
}

#[test]
fn messages_keep_the_style() {
    for (_, pair) in pairs().values() {
        for found in check_with_manifests(&pair.bad).diagnostics {
            for sentence in [&found.message, found.help.as_ref().expect("what to do")] {
                let has_capital = sentence.starts_with(char::is_uppercase) && !sentence.starts_with("Istio ");
                assert!(!sentence.ends_with('.') && !has_capital, "{sentence}");
                assert_eq!(sentence.matches('`').count() % 2, 0, "{sentence}");
            }
        }
    }
}

/// An Egress with an error is not built; one with a warning is.
#[test]
fn an_error_takes_the_egress_out() {
    for (stem, (_, pair)) in pairs() {
        let egresses = pair.bad.iter().filter(|file| file.text.contains("kind: Egress")).count();
        let checked = check(&pair.bad);
        let wrong = checked.diagnostics.iter().filter(|found| found.severity == Severity::Error).count();
        if egresses > 0 {
            assert_eq!(checked.egresses.len(), egresses - wrong, "{stem}");
        }
    }
}

#[test]
fn the_deployed_examples_raise_no_lint() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/examples");
    let paths =
        ["mesh.yaml", "httpbin/egress.yaml", "ledger/egress.yaml", "partner/egress.yaml", "mainframe/egress.yaml"];
    let read = |name: &&str| SourceFile {
        name: (*name).to_owned(),
        text: fs::read_to_string(folder.join(name)).expect("the example"),
    };
    let checked = check(&paths.iter().map(read).collect::<Vec<_>>());
    assert_eq!(checked.diagnostics, []);
    assert_eq!((checked.egresses.len(), checked.mesh.is_some()), (4, true));
}
