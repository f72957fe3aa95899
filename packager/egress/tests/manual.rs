//! The manual: every code has a page with all its parts, and the examples on the pages do what the pages say.
//!
//! An example in `yaml` is one of these:
//! - a part of an Egress, with its place in the first line: `# spec` or `# spec.authz.rules`; the rest is added here;
//! - manifests without `apiVersion`, which follows from their `kind`;
//! - whole files, which lines such as `# mesh.yaml` separate.
//!
//! Where a page shows a character that cannot be seen, it has `<BOM>`, `<CR>`, `<TAB>` or `<U+202E>` in its place.

#![expect(clippy::expect_used, clippy::panic, reason = "a broken assumption ends the test")]

use sallyport_egress::cases::suites;
use sallyport_egress::diagnostic::SourceFile;
use sallyport_egress::{Code, check_with_manifests, manual};
use std::collections::BTreeSet;

/// Codes that no file of a readable size raises, that only the filter raises, or that `check` does not raise: their
/// examples are shell sessions, and nothing runs them.
fn has_commands(code: Code) -> bool {
    const OTHERS: [&str; 9] =
        ["SP0001", "SP0002", "SP0110", "SP0299", "SP0606", "SP1001", "SP1002", "SP1003", "SP1505"];
    OTHERS.contains(&code.as_str()) || code.as_str().starts_with("SP3") || code.as_str().starts_with("SP9")
}

/// Examples of manifests are cut short, so other lints may find something in them, too.
fn is_abridged(code: Code) -> bool {
    code.as_str().starts_with("SP25") || code.as_str().starts_with("SP26")
}

#[derive(Debug, Default)]
struct Page {
    summary: String,
    why: String,
    bad: Example,
    good: Example,
    fix: String,
}

#[derive(Debug, Default)]
struct Example {
    language: String,
    text: String,
}

/// The parts of a page, or what is missing.
fn parse(page: &str) -> Result<Page, String> {
    let (summary, rest) = page.split_once("\n\n").ok_or("only one paragraph")?;
    let (why, rest) = rest.split_once("\n\nBad:\n\n").ok_or("no bad example")?;
    let (bad, rest) = rest.split_once("\n\nGood:\n\n").ok_or("no good example")?;
    let (good, fix) = rest.split_once("\n\nFix: ").ok_or("no fix")?;
    Ok(Page {
        summary: summary.to_owned(),
        why: why.to_owned(),
        bad: example(bad)?,
        good: example(good)?,
        fix: fix.to_owned(),
    })
}

fn example(block: &str) -> Result<Example, String> {
    let inner = block.strip_prefix("```").and_then(|text| text.strip_suffix("\n```"));
    let (language, text) =
        inner.and_then(|text| text.split_once('\n')).ok_or_else(|| format!("no code block: {block}"))?;
    Ok(Example { language: language.to_owned(), text: format!("{text}\n") })
}

fn pages() -> Vec<(Code, Page)> {
    let parsed = |code: Code| parse(&manual::page(code)).unwrap_or_else(|what| panic!("{code}: {what}"));
    Code::all().into_iter().map(|code| (code, parsed(code))).collect()
}

#[test]
fn every_code_has_a_page_with_all_its_parts() {
    for (code, Page { summary, why, bad, good, fix }) in pages() {
        assert!(summary.ends_with('.') && summary.len() < 200, "{code}: {summary}");
        assert!(why.ends_with(['.', ':', ')']) && why.len() > 40, "{code}: {why}");
        assert!(fix.ends_with(['.', ')']) && fix.len() > 10, "{code}: {fix}");
        assert_ne!(bad.text, good.text, "{code}");
        for example in [&bad, &good] {
            assert_eq!(example.language, if has_commands(code) { "console" } else { "yaml" }, "{code}");
        }
        assert!(manual::page(code).lines().all(|line| line.chars().count() <= 120), "{code}: a line is too long");
    }
}

#[test]
fn no_two_codes_have_the_same_summary() {
    let mut summaries: Vec<_> = Code::all().into_iter().map(manual::summary).collect();
    summaries.sort();
    assert!(summaries.windows(2).all(|pair| pair[0] != pair[1]), "{summaries:#?}");
}

#[test]
fn bad_examples_raise_their_code_and_good_ones_do_not() {
    let mut wrong = Vec::new();
    for (code, page) in pages().into_iter().filter(|(code, _)| !has_commands(*code)) {
        let (mut bad, good) = (found(code, &page.bad.text), found(code, &page.good.text));
        if code == Code::TracingStripOnOldIstio {
            // The version is reported by itself, too.
            bad.remove(&Code::IstioOutOfSupport);
        }
        let is_right = match is_abridged(code) {
            true => bad.contains(&code) && !good.contains(&code),
            false => bad == BTreeSet::from([code]) && good.is_empty(),
        };
        if !is_right {
            wrong.push(format!("{code}: bad: {bad:?}, good: {good:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn found(code: Code, example: &str) -> BTreeSet<Code> {
    let files = files(code, example);
    let checked = check_with_manifests(&files);
    let names: Vec<_> = files.iter().map(|file| file.name.as_str()).collect();
    let (_, of_cases) = suites(&names, &checked);
    checked.diagnostics.iter().chain(&of_cases).map(|problem| problem.code).collect()
}

fn files(code: Code, example: &str) -> Vec<SourceFile> {
    let text = shown(example);
    let text = if let Some(rules) = text.strip_prefix("# spec.authz.rules\n") {
        egress(&format!("authz:\n  rules:\n{}", indented(rules)))
    } else if let Some(fields) = text.strip_prefix("# spec\n") {
        egress(fields)
    } else if text.starts_with("kind:") {
        manifests(&text)
    } else {
        text
    };
    let mut files = vec![SourceFile { name: "example.yaml".to_owned(), text: String::new() }];
    for line in text.split_inclusive('\n') {
        let name = line.trim_end().strip_prefix("# ").filter(|name| name.ends_with(".yaml") && !name.contains(' '));
        match name {
            Some(name) => files.push(SourceFile { name: name.to_owned(), text: String::new() }),
            None => files.last_mut().expect("there is one").text.push_str(line),
        }
    }
    assert!(files.iter().any(|file| !file.text.is_empty()), "{code}");
    files.retain(|file| !file.text.is_empty());
    files
}

fn shown(example: &str) -> String {
    let characters = [("<BOM>", "\u{feff}"), ("<CR>", "\r"), ("<TAB>", "\t"), ("<U+202E>", "\u{202e}")];
    characters.iter().fold(example.to_owned(), |text, (name, character)| text.replace(name, character))
}

/// An Egress with these fields of `spec`, and the required ones.
fn egress(fields: &str) -> String {
    let mut text = String::from(
        "apiVersion: sallyport.dev/v1alpha1\nkind: Egress\nmetadata: {name: httpbin, namespace: httpbin}\nspec:\n",
    );
    for (field, value) in [("host", "httpbin.internal"), ("upstream", "{host: httpbin.org, port: 443}")] {
        if !fields.lines().any(|line| line.starts_with(&format!("{field}:"))) {
            text.push_str(&format!("  {field}: {value}\n"));
        }
    }
    text + &indented(fields)
}

fn indented(text: &str) -> String {
    text.split_inclusive('\n').map(|line| format!("  {line}")).collect()
}

fn manifests(text: &str) -> String {
    let documents = text.split("---\n").map(|document| {
        let kind = document.lines().next().and_then(|line| line.strip_prefix("kind: ")).expect("a kind");
        let group = match kind {
            "Deployment" => "apps/v1",
            "Service" => "v1",
            "IstioOperator" => "install.istio.io/v1alpha1",
            "WasmPlugin" | "TrafficExtension" => "extensions.istio.io/v1alpha1",
            "PeerAuthentication" | "PeerAuthentications" | "RequestAuthentication" | "AuthorizationPolicy" => {
                "security.istio.io/v1"
            }
            "EnvoyFilter" => "networking.istio.io/v1alpha3",
            "Telemetry" => "telemetry.istio.io/v1",
            _ => "networking.istio.io/v1",
        };
        format!("apiVersion: {group}\n{document}")
    });
    documents.collect::<Vec<_>>().join("---\n")
}
