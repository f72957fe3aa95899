//! A rule cut out of the text of a candidate, to be written elsewhere.

use crate::yaml::edit::{Editor, scalar};
use crate::yaml::tree::{Node, ScalarType, Value};

/// A rule of a candidate.
pub(super) struct Cut {
    pub(super) id: String,
    /// The comments right above it.
    comments: Vec<String>,
    /// As it is written, without the dash.
    text: String,
    /// The column in which it begins.
    column: usize,
    /// In flow style, with all comments before it.
    flow: String,
}

/// Every rule of a candidate.
pub(super) fn cuts(text: &str, tree: &Node) -> Vec<Cut> {
    let editor = Editor::new(text);
    let Some(entry) = tree.get("spec").and_then(|spec| spec.entry("rules")) else { return Vec::new() };
    let is_in_flow = editor.is_flow(&entry.value);
    let mut before = if is_in_flow { entry.value.span.start } else { editor.line_end(entry.key.span.end) };
    let mut cuts = Vec::new();
    for item in entry.value.items() {
        let gap = text.get(before..item.span.start).unwrap_or_default();
        let comments = gap.lines().filter_map(|line| line.find('#').and_then(|at| line.get(at..)));
        let comments: Vec<String> = comments.map(|comment| comment.trim_end().to_owned()).collect();
        let end = editor.end_of(item);
        let line_end = editor.line_end(end);
        let behind = text.get(end..line_end).unwrap_or_default().trim();
        let is_commented = !is_in_flow && behind.starts_with('#');
        before = if is_in_flow { end } else { line_end };
        let own = text.get(item.span.start..if is_commented { line_end } else { end }).unwrap_or_default();
        let inside = editor.with_comments(item, "");
        let inside = inside.lines().map(str::trim).filter(|line| line.starts_with('#')).map(str::to_owned);
        let behind = is_commented.then(|| behind.to_owned());
        let all = comments.iter().cloned().chain(inside).chain(behind);
        let mut in_flow: String = all.map(|comment| format!("\n{BETWEEN_BRACKETS}{comment}")).collect();
        if !in_flow.is_empty() {
            in_flow.push_str(&format!("\n{BETWEEN_BRACKETS}"));
        }
        in_flow.push_str(&flow(item));
        cuts.push(Cut {
            id: item.text_at(&["id"]).unwrap_or_default().to_owned(),
            comments,
            text: own.trim_end().to_owned(),
            column: editor.column(item.span.start),
            flow: in_flow,
        });
    }
    cuts
}

/// Deep enough for a line between the brackets of `spec.authz.rules`.
const BETWEEN_BRACKETS: &str = "      ";

impl Cut {
    /// The comments above it, each with a line break at its end.
    pub(super) fn comment_lines(&self, indent: usize) -> String {
        let blanks = " ".repeat(indent);
        self.comments.iter().map(|comment| format!("{blanks}{comment}\n")).collect()
    }

    /// As the item of a block list that begins in this column.
    pub(super) fn block(&self, column: usize) -> String {
        let mut lines = self.text.split('\n');
        let mut text = lines.next().unwrap_or_default().to_owned();
        for line in lines {
            text.push('\n');
            let content = line.trim_start_matches(' ');
            if !content.is_empty() {
                let old = line.len().saturating_sub(content.len());
                // What is between brackets may stand further left, but not left of the rule.
                let new = old.saturating_add(column).checked_sub(self.column).filter(|new| *new >= column);
                text.push_str(&" ".repeat(new.unwrap_or(column.saturating_add(1))));
                text.push_str(content);
            }
        }
        text
    }

    /// As an item between brackets.
    pub(super) fn flow(&self) -> String {
        self.flow.clone()
    }
}

/// The depth is bounded by the reader of the YAML.
fn flow(node: &Node) -> String {
    match &node.value {
        Value::Scalar(value) if value.plain && value.resolve() != ScalarType::Text => value.text.clone(),
        Value::Scalar(value) => scalar(&value.text),
        Value::Sequence(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Mapping(entries) => {
            let fields: Vec<_> =
                entries.iter().map(|entry| format!("{}: {}", entry.key.name, flow(&entry.value))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        Value::Refused => String::new(),
    }
}
