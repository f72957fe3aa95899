//! Paths with routes of their own.

use super::number::check_number;
use crate::code::Code;
use crate::diagnostic::{Sink, UnplacedDiagnostic};
use crate::value::path::RoutePath;
use crate::wording::quoted;
use crate::yaml::tree::Node;
use std::collections::HashMap;

/// The most `route.paths`.
const MOST_PATHS: usize = 32;

/// Reports paths that are written twice, that change nothing, or that cannot be rewritten as they are.
pub(super) fn check(paths: &[Node], sink: &mut Sink) {
    check_number(paths, "paths", MOST_PATHS, Code::RoutePath, sink);
    let mut seen = HashMap::new();
    for item in paths {
        let Some(node) = item.get("path") else { continue };
        let Some(path) = read(node) else { continue };
        if let Some(first) = seen.insert(path.to_string(), node.span) {
            let flaw = UnplacedDiagnostic::new(Code::RoutePath, format!("the path {} is written twice", quoted(&path)));
            sink.report_twice(node.span, first, flaw.help("write one entry with its `rewrite` and `timeout`"));
        }
        match item.get("rewrite") {
            Some(rewrite) => check_rewrite(&path, rewrite, sink),
            None if item.get("timeout").is_none() => {
                let flaw = UnplacedDiagnostic::new(Code::PathRewrite, format!("nothing is said of {}", quoted(&path)));
                sink.report(node.span, flaw.help("write `rewrite` or `timeout`, or remove the entry"));
            }
            None => {}
        }
    }
}

/// What is wrong with a path was reported already.
fn read(node: &Node) -> Option<RoutePath> {
    node.text()?.parse().ok()
}

/// What is below a path is also below the other one.
fn check_rewrite(path: &RoutePath, node: &Node, sink: &mut Sink) {
    let Some(rewrite) = read(node).filter(|rewrite| rewrite.prefix().is_some() != path.prefix().is_some()) else {
        return;
    };
    let (problem, near) = match rewrite.prefix() {
        Some(above) => ("all paths below another one", above.trim_end_matches('/').to_owned()),
        None => ("one path", format!("{}/{{**}}", rewrite.trim_end_matches('/'))),
    };
    let near = if near.is_empty() { "/" } else { &near };
    let message = format!("{} cannot become {problem}, {}", quoted(path), quoted(&rewrite));
    let flaw = UnplacedDiagnostic::new(Code::PathRewrite, message);
    sink.report(node.span, flaw.help(format!("write {}", quoted(near))));
}
