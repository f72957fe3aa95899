//! What `learn` promises: what it kept is allowed, nothing beyond the listed generalisations is, and the rest of a file stays.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a broken assumption ends the test"
)]

mod generated;
mod merged;
mod proposed;

use sallyport_egress::check;
use sallyport_egress::diagnostic::SourceFile;
use sallyport_egress::learn::{Base, Learned, Learner, Options, Unlearned};
use sallyport_egress::model::Mesh;

/// A line of the access log with what matters; the others of its keys have no say.
struct Line {
    account: String,
    method: &'static str,
    path: String,
    status: u16,
    day: u32,
    address: u8,
}

impl Line {
    fn new(account: &str, method: &'static str, path: &str) -> Self {
        Self { account: account.to_owned(), method, path: path.to_owned(), status: 200, day: 1, address: 1 }
    }

    fn on(self, day: u32) -> Self {
        Self { day, ..self }
    }

    fn json(&self) -> String {
        let Self { account, method, path, status, day, address } = self;
        let principal = match account.split_once('/') {
            Some((namespace, account)) if !account.contains('/') && !namespace.contains('.') => {
                format!("spiffe://cluster.local/ns/{namespace}/sa/{account}")
            }
            _ => format!("spiffe://{account}"),
        };
        serde_json::json!({
            "time": format!("2026-11-{day:02}T10:00:00.000Z"), "status": status, "decision": "allowed", "rule": "-",
            "reason": "via_upstream", "principal": principal, "caller": "-", "method": method, "path": path,
            "host": "orders.internal", "address": format!("10.0.0.{address}"),
        })
        .to_string()
    }
}

fn options() -> Options {
    Options {
        names: 4,
        ids: 3,
        keeps_rare: true,
        hosts: Vec::new(),
        principal_key: None,
        mesh: Mesh::default(),
        base: None,
    }
}

/// As with `--merge` of this file.
fn based(text: &str) -> (Options, Vec<SourceFile>) {
    let file = SourceFile { name: "egress.yaml".to_owned(), text: text.to_owned() };
    let checked = check(std::slice::from_ref(&file));
    let Some(egress) = checked.egresses.into_iter().next() else { panic!("{:#?}\n{text}", checked.diagnostics) };
    (Options { base: Some(Base { egress: egress.value, standbys: Vec::new() }), ..options() }, vec![file])
}

fn learned(options: Options, files: &[SourceFile], lines: &[String]) -> Result<Learned, Unlearned> {
    let mut learner = Learner::new(options).unwrap();
    lines.iter().for_each(|line| learner.line(line.as_bytes()));
    learner.finish(files)
}

fn learn(lines: &[Line]) -> Learned {
    learned(options(), &[], &lines.iter().map(Line::json).collect::<Vec<_>>()).unwrap()
}

/// A whole file with the block.
fn file_of(block: &str) -> String {
    let block: String = block.lines().map(|line| format!("  {line}\n")).collect();
    format!(
        "apiVersion: sallyport.dev/v1alpha1\nkind: Egress\nmetadata: {{name: orders, namespace: shop}}\nspec:\n  \
         host: orders.internal\n  upstream: {{host: orders.example.com, port: 443}}\n{block}"
    )
}
