//! YAML blocks: whole files and parts of one pass `sallyport check`; those marked `<!-- bad: CODE -->` fail with that code.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use sallyport_tests::gate;
use sallyport_tests::process::Scratch;

use crate::page::{Block, Page};
use crate::yaml;

/// What a part of a file is put into, so that it means something.
const AROUND: &str = "apiVersion: sallyport.dev/v1alpha1\nkind: Egress\n\
    metadata: {name: ledger, namespace: egress-ledger}\nspec:\n  host: ledger.legacy.internal\n";
const UPSTREAM: &str = "  upstream: {host: ledger.corp.example, port: 8443}\n";
const TOKENS: &str = "  authn: {jwt: [{issuer: \"https://login.partner.example\", \
    jwksUri: \"https://login.partner.example/jwks.json\"}]}\n";
const SOME_RULE: &str = "  authz:\n    rules:\n    - id: some\n      action: ALLOW\n";

/// The whole file that a block stands for; `None`: it is for another program.
fn file(block: &Block) -> Option<String> {
    let text = block.lines.join("\n") + "\n";
    let key = block.lines.iter().find(|line| !line.starts_with('#'))?.split(':').next()?;
    let indented = |by: &str| block.lines.iter().map(|line| format!("{by}{line}\n")).collect::<String>();
    let sender = "      from: [{source: {namespaces: [shop]}}]\n";
    Some(match key {
        "apiVersion" => return text.contains("sallyport.dev/").then_some(text),
        "- id" => format!("{AROUND}{UPSTREAM}{TOKENS}  authz:\n    rules:\n{}", indented("    ")),
        "from" => format!("{AROUND}{UPSTREAM}{TOKENS}{SOME_RULE}{}", indented("      ")),
        "to" | "when" => format!("{AROUND}{UPSTREAM}{TOKENS}{SOME_RULE}{sender}{}", indented("      ")),
        "authn" => format!("{AROUND}{UPSTREAM}{}", indented("  ")),
        "upstream" => format!("{AROUND}{}", indented("  ")),
        // Parts of `spec`.
        _ => format!("{AROUND}{UPSTREAM}{}", indented("  ")),
    })
}

#[test]
fn yaml_blocks_pass_check() -> Result<()> {
    let sallyport = gate::sallyport()?;
    let (mut good, mut bad) = (0, 0);
    for page in Page::all()? {
        let blocks = page.blocks();
        for (index, block) in blocks.iter().enumerate().filter(|(_, block)| block.language == "yaml") {
            let place = format!("{}:{}", page.name, block.line);
            let Some(text) = file(block) else {
                yaml::to_json(&block.lines.join("\n")).with_context(|| format!("{place}: this is not YAML"))?;
                continue;
            };
            let scratch = Scratch::new("docs-yaml")?;
            let kinds = [
                ("kind: Cases", "cases.yaml"),
                ("kind: Candidate", "candidate.yaml"),
                ("kind: Rollout", "rollout.yaml"),
            ];
            let other = kinds.iter().find(|(kind, _)| text.lines().any(|line| line == *kind));
            scratch.write(other.map_or("egress.yaml", |(_, name)| name), &text)?;
            if other.is_some() {
                // They are about the file that the page shows.
                let is_egress = |block: &&Block| block.lines.iter().any(|line| line == "kind: Egress");
                let egress = blocks.iter().find(is_egress).with_context(|| format!("{place}: of which Egress?"))?;
                scratch.write("egress.yaml", &(egress.lines.join("\n") + "\n"))?;
            }
            // A standby that examples name.
            let standby =
                AROUND.replace("name: ledger,", "name: ledger-dr,").replace("host: ledger.", "host: ledger-dr.");
            let standby = standby + &UPSTREAM.replace("ledger.corp", "ledger-dr.corp");
            scratch.write("standby.yaml", if text.contains("ledger-dr]") { &standby } else { "kind: List\n" })?;
            let output = Command::new(&sallyport).args(["check", "."]).current_dir(scratch.path()).output()?;
            let printed = String::from_utf8([output.stdout, output.stderr].concat())?;
            match block.mark.as_deref().and_then(|mark| mark.strip_prefix("bad: ")) {
                Some(code) => {
                    bad += 1;
                    let found = printed.contains(&format!("[{code}]"));
                    ensure!(output.status.code() == Some(1) && found, "{place}: no {code} in\n{printed}");
                    // What the page shows below it.
                    let shown = blocks
                        .get(index + 1)
                        .filter(|next| next.lines.iter().any(|line| line.contains(&format!("[{code}]"))));
                    for line in shown.into_iter().flat_map(|next| &next.lines) {
                        ensure!(
                            printed.contains(line.trim_end()),
                            "{place}: check does not print\n{line}\nbut\n{printed}"
                        );
                    }
                }
                None => {
                    good += 1;
                    ensure!(output.status.success(), "{place}:\n{printed}");
                    let is_whole = text == block.lines.join("\n") + "\n";
                    // A page's file has no lock beside it, and says nothing of a repository.
                    let warned = |line: &str| line.starts_with("warning[") && !line.starts_with("warning[SP9108]");
                    ensure!(!is_whole || !printed.lines().any(warned), "{place}:\n{printed}");
                }
            }
        }
    }
    ensure!(good >= 30 && bad >= 2, "only {good} good and {bad} bad blocks were found");
    Ok(())
}
