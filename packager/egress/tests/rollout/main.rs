//! Candidates, Rollouts and waves: what `check` says of them, and the text of an Egress file with its candidate's rules in it.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a broken assumption ends the test"
)]

mod messages;
mod splice;
mod waves;

use sallyport_egress::diagnostic::SourceFile;
use sallyport_egress::{Checked, check, decode};

/// An Egress file with these rules, as YAML in the place of the value of `rules`.
fn egress(rules: &str) -> SourceFile {
    let text = format!(
        "apiVersion: sallyport.dev/v1alpha1\nkind: Egress\nmetadata: {{name: httpbin, namespace: httpbin}}\nspec:\n  \
         host: httpbin.internal\n  upstream: {{host: httpbin.org, port: 443}}\n  authz:\n    rules:{rules}"
    );
    file("egress.yaml", &text)
}

/// A Candidate file with this `spec`.
fn candidate(spec: &str) -> SourceFile {
    let text = format!(
        "apiVersion: sallyport.dev/v1alpha1\nkind: Candidate\nmetadata: {{name: httpbin, namespace: httpbin}}\nspec:{spec}"
    );
    file("httpbin.candidate.yaml", &text)
}

fn file(name: &str, text: &str) -> SourceFile {
    decode(name, text.as_bytes()).expect("UTF-8")
}

/// Each problem in one line: code, place, message, help.
fn problems(files: &[SourceFile]) -> Vec<String> {
    let Checked { diagnostics, .. } = check(files);
    let line = |problem: &sallyport_egress::diagnostic::Diagnostic| {
        let source = &files[problem.file];
        let place = source.position(problem.span.start);
        let help = problem.help.as_deref().unwrap_or_default();
        format!("{} {}:{}:{} {}; {help}", problem.code.as_str(), source.name, place.line, place.column, problem.message)
    };
    diagnostics.iter().map(line).collect()
}
