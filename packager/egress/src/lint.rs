//! Lints: what is valid, and probably not what its author intended.
//!
//! # Design
//! One lint is one file, and the `//!` comment at its head is its manual page, taken from the file itself, so that the
//! two cannot drift apart. Lints see only files that the parser and the core accept, so they need not judge syntax.
//!
//! `SP20xx` to `SP24xx` are about Egress and Mesh files (`egress`), `SP25xx` about one manifest and the resources that it
//! selects (`manifest`), `SP26xx` about several manifests together (`set`). What `sallyport build` writes raises none of
//! the latter two, unless a patch changed it.

mod definition;
mod egress;
mod finding;
mod input;
mod manifest;
mod set;

use crate::code::Code;
use crate::diagnostic::Diagnostic;
use definition::Lint;
use finding::Finding;
pub(crate) use input::{Input, Subject, idle_rules};

/// Every lint, in the order of the codes.
fn all() -> impl Iterator<Item = &'static Lint> {
    egress::LINTS.iter().chain(manifest::LINTS).chain(set::LINTS)
}

/// What all lints find.
pub(crate) fn run(input: &Input<'_>) -> Vec<Diagnostic> {
    let of_lint = |lint: &'static Lint| {
        (lint.run)(input).into_iter().map(|Finding { file, span, message, help }| Diagnostic {
            code: lint.code,
            severity: lint.code.severity(),
            file,
            span,
            message,
            help: Some(help),
            related: Vec::new(),
        })
    };
    all().flat_map(of_lint).collect()
}

/// The code of every lint, in order.
pub fn codes() -> impl Iterator<Item = Code> {
    all().map(|lint| lint.code)
}

/// The page of a lint: the `//!` lines at the head of its file.
pub(crate) fn page(code: Code) -> Option<String> {
    let lint = all().find(|lint| lint.code == code)?;
    let lines = lint.source.lines().map_while(|line| line.strip_prefix("//!"));
    let lines: Vec<_> = lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    Some(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_a_lint_has_one_lint() {
        let all = Code::all().into_iter().filter(|code| code.as_str().starts_with("SP2"));
        assert_eq!(codes().collect::<Vec<_>>(), all.collect::<Vec<_>>());
    }
}
