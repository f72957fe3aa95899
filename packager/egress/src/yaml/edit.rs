//! Values written over others in the text of a file. Everything else stays byte for byte, the comments between them too.

use super::tokens::end_of_quoted;
use super::tree::{Node, Scalar, Value};

/// A piece of text in the place of another.
pub(crate) struct Splice {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) text: String,
}

/// A value to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// A string, in quotes where it needs them.
    Text(String),
    /// A number or a boolean.
    Plain(String),
    Mapping(Vec<(&'static str, Wanted)>),
    List(Vec<Wanted>),
}

impl Wanted {
    pub(crate) fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    /// In flow style.
    pub(crate) fn flow(&self) -> String {
        match self {
            Self::Text(text) => scalar(text),
            Self::Plain(text) => text.clone(),
            Self::Mapping(fields) => {
                let fields: Vec<_> = fields.iter().map(|(name, value)| field(name, value)).collect();
                format!("{{{}}}", fields.join(", "))
            }
            Self::List(items) => format!("[{}]", items.iter().map(Self::flow).collect::<Vec<_>>().join(", ")),
        }
    }
}

fn field(name: &str, value: &Wanted) -> String {
    format!("{name}: {}", value.flow())
}

pub(crate) fn scalar(text: &str) -> String {
    let is_word = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '/'));
    if is_word && !text.starts_with('-') && Scalar::is_plain_string(text) {
        text.to_owned()
    } else {
        serde_json::Value::from(text).to_string()
    }
}

/// The text with all splices, which may overlap where they only remove.
pub(crate) fn spliced(text: &str, mut splices: Vec<Splice>) -> String {
    splices.sort_by_key(|splice| splice.start);
    let (mut result, mut done) = (String::new(), 0);
    for Splice { start, end, text: new } in splices {
        result.push_str(text.get(done..start).unwrap_or_default());
        result.push_str(&new);
        done = end.max(done);
    }
    result.push_str(text.get(done..).unwrap_or_default());
    result
}

/// An entry of a mapping with its key, or an item of a list.
pub(crate) struct Part<'n> {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) value: &'n Node,
    /// What takes its place; `None`: it stays, or is edited itself.
    pub(crate) change: Option<Change>,
}

pub(crate) enum Change {
    Replaced(String),
    Removed,
}

/// Edits a value in the text of its file.
pub(crate) struct Editor<'t> {
    pub(crate) text: &'t str,
    pub(crate) splices: Vec<Splice>,
}

impl<'t> Editor<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, splices: Vec::new() }
    }

    pub(crate) fn splice(&mut self, start: usize, end: usize, text: impl Into<String>) {
        self.splices.push(Splice { start, end, text: text.into() });
    }

    /// Makes a node what is wanted.
    pub(crate) fn write(&mut self, node: &Node, wanted: &Wanted) {
        match (wanted, &node.value) {
            (Wanted::Text(new) | Wanted::Plain(new), Value::Scalar(old)) => {
                if *new != old.text {
                    self.splice(node.span.start, self.end_of(node), wanted.flow());
                }
            }
            (Wanted::Mapping(fields), Value::Mapping(entries)) if !fields.is_empty() && !entries.is_empty() => {
                let mut new: Vec<_> = fields.iter().filter(|(name, _)| node.get(name).is_none()).collect();
                new.reverse();
                let mut parts = Vec::new();
                for entry in entries {
                    let change = match fields.iter().find(|(name, _)| *name == entry.key.name) {
                        Some((_, wanted)) => {
                            self.write(&entry.value, wanted);
                            None
                        }
                        None => Some(
                            new.pop().map_or(Change::Removed, |(name, value)| Change::Replaced(field(name, value))),
                        ),
                    };
                    parts.push(Part { change, ..self.kept(entry.key.span.start, &entry.value) });
                }
                let added = new.into_iter().rev().map(|(name, value)| field(name, value)).collect();
                self.parts(node, &parts, added);
            }
            (Wanted::List(wanted), Value::Sequence(items)) if !wanted.is_empty() && !items.is_empty() => {
                let mut parts = Vec::new();
                for (position, item) in items.iter().enumerate() {
                    let change = match wanted.get(position) {
                        Some(wanted) => {
                            self.write(item, wanted);
                            None
                        }
                        None => Some(Change::Removed),
                    };
                    parts.push(Part { change, ..self.kept(item.span.start, item) });
                }
                let added = wanted.iter().skip(items.len()).map(Wanted::flow).collect();
                self.parts(node, &parts, added);
            }
            _ => {
                // The items of a list may stand below its key, and nothing else may.
                let is_lines = matches!(node.value, Value::Sequence(_)) && !self.is_flow(node);
                let indent = if is_lines { "  " } else { "" };
                let new = self.with_comments(node, &format!("{indent}{}", wanted.flow()));
                self.splice(node.span.start, self.end_of(node), new);
            }
        }
    }

    /// Adds a field behind the others of a mapping.
    pub(crate) fn add(&mut self, node: &Node, name: &str, value: &Wanted) {
        let new = field(name, value);
        let parts: Vec<_> = node.entries().iter().map(|entry| self.kept(entry.key.span.start, &entry.value)).collect();
        match parts.is_empty() {
            false => self.parts(node, &parts, vec![new]),
            true if self.is_flow(node) => {
                let inside = node.span.start.saturating_add(1);
                self.splice(inside, inside, new);
            }
            true => self.splice(node.span.start, node.span.end, format!("{{{new}}}")),
        }
    }

    pub(crate) fn kept<'n>(&self, start: usize, value: &'n Node) -> Part<'n> {
        Part { start, end: self.end_of(value), value, change: None }
    }

    pub(crate) fn parts(&mut self, node: &Node, parts: &[Part<'_>], added: Vec<String>) {
        let is_flow = self.is_flow(node);
        let is_list = matches!(node.value, Value::Sequence(_));
        for (position, part) in parts.iter().enumerate() {
            match &part.change {
                None => {}
                Some(Change::Replaced(new)) => {
                    let new = self.with_comments(part.value, new);
                    self.splice(part.start, part.end, new);
                }
                Some(Change::Removed) if is_flow => self.remove_from_flow(node, parts, position),
                Some(Change::Removed) => self.remove_lines(part, is_list),
            }
        }
        let Some(last) = parts.last() else { return };
        let indent = " ".repeat(self.column(node.span.start));
        let dash = if is_list { "- " } else { "" };
        for new in added {
            if is_flow {
                self.splice(last.end, last.end, format!(", {new}"));
            } else {
                let at = self.line_end(last.end);
                self.splice(at, at, format!("\n{indent}{dash}{new}"));
            }
        }
    }

    /// A part between brackets goes with one comma, and with the blanks that have no comment in them.
    fn remove_from_flow(&mut self, node: &Node, parts: &[Part<'_>], position: usize) {
        let Some(part) = parts.get(position) else { return };
        let comments = self.with_comments(part.value, "");
        self.splice(part.start, part.end, comments);
        let is_kept = |part: &Part<'_>| !matches!(part.change, Some(Change::Removed));
        let next = parts.get(position.saturating_add(1));
        let is_followed = parts.iter().skip(position).any(is_kept);
        let gap = match (next, position.checked_sub(1).and_then(|before| parts.get(before))) {
            (Some(next), _) if is_followed => (part.end, next.start),
            (_, Some(before)) => (before.end, part.start),
            _ => return,
        };
        self.remove_comma(gap, true);
        if next.is_none() {
            self.remove_comma((part.end, self.end_of(node)), false);
        }
    }

    fn remove_comma(&mut self, (start, end): (usize, usize), with_blanks: bool) {
        let gap = self.text.get(start..end).unwrap_or_default();
        if with_blanks && !gap.contains('#') {
            self.splice(start, end, "");
        } else if let Some(at) = outside_comments(gap).find_map(|(at, character)| (character == ',').then_some(at)) {
            let at = start.saturating_add(at);
            self.splice(at, at.saturating_add(1), "");
        }
    }

    /// A part on lines of its own goes with them; a comment behind it stays.
    pub(crate) fn remove_lines(&mut self, part: &Part<'_>, is_list: bool) {
        let comments = self.with_comments(part.value, "");
        let line_start =
            self.text.get(..part.start).unwrap_or_default().rfind('\n').map_or(0, |at| at.saturating_add(1));
        let before = self.text.get(line_start..part.start).unwrap_or_default();
        let dash = if is_list { before.rfind('-') } else { None };
        let start = dash.map_or(part.start, |at| line_start.saturating_add(at));
        let line_end = self.line_end(part.end);
        let is_alone = self.text.get(line_start..start).unwrap_or_default().trim().is_empty()
            && self.text.get(part.end..line_end).unwrap_or_default().trim().is_empty();
        let comments = comments.trim_start();
        if is_alone && comments.is_empty() {
            self.splice(line_start, line_end.saturating_add(1).min(self.text.len()), "");
        } else {
            self.splice(start, part.end, comments);
        }
    }

    /// What takes the place of a value, with the comments inside that, each on a line of its own: behind it, or between
    /// brackets before it, where nothing that follows becomes a part of a comment.
    pub(crate) fn with_comments(&self, node: &Node, new: &str) -> String {
        if node.text().is_some() {
            return new.to_owned();
        }
        let mut scalars: Vec<(usize, usize)> = vec![(node.span.start, node.span.start)];
        for inner in node.descendants() {
            scalars.extend(inner.text().map(|_| (inner.span.start, self.end_of(inner))));
            scalars.extend(inner.entries().iter().map(|entry| (entry.key.span.start, entry.key.span.end)));
        }
        let end = self.end_of(node);
        scalars.push((end, end));
        scalars.sort_unstable();
        let indent = format!("\n{}", " ".repeat(self.column(node.span.start)));
        let mut comments = String::new();
        for (one, next) in scalars.iter().zip(scalars.iter().skip(1)) {
            let gap = self.text.get(one.1..next.0).unwrap_or_default();
            for line in gap.lines().filter_map(|line| line.find('#').and_then(|at| line.get(at..))) {
                comments.push_str(&format!("{indent}{}", line.trim_end()));
            }
        }
        match self.is_flow(node) && !comments.is_empty() {
            true => format!("{comments}{indent}{new}"),
            false => format!("{new}{comments}"),
        }
    }

    pub(crate) fn is_flow(&self, node: &Node) -> bool {
        self.text.get(node.span.start..).is_some_and(|rest| rest.starts_with(['{', '[']))
    }

    /// Where a node ends. The parser counts the blanks and the comment behind a bracket or a quote to what is in it.
    pub(crate) fn end_of(&self, node: &Node) -> usize {
        let last = node.items().last().or_else(|| node.entries().last().map(|entry| &entry.value));
        match (last, node.text()) {
            (_, Some(_)) => self.end_of_scalar(node),
            (Some(last), _) if !self.is_flow(node) => self.end_of(last),
            (last, _) => {
                let inside = last.map_or(node.span.start, |last| self.end_of(last));
                let rest = self.text.get(inside..).unwrap_or_default();
                let bracket = outside_comments(rest).find(|(_, character)| matches!(character, '}' | ']'));
                bracket.map_or(node.span.end, |(at, _)| inside.saturating_add(at).saturating_add(1))
            }
        }
    }

    fn end_of_scalar(&self, node: &Node) -> usize {
        let raw = self.text.get(node.span.start..node.span.end).unwrap_or_default();
        let Some(quote) = raw.chars().next().filter(|first| matches!(first, '"' | '\'')) else { return node.span.end };
        node.span.start.saturating_add(end_of_quoted(raw, quote))
    }

    pub(crate) fn line_end(&self, offset: usize) -> usize {
        let rest = self.text.get(offset..).unwrap_or_default();
        rest.find('\n').map_or(self.text.len(), |at| offset.saturating_add(at))
    }

    pub(crate) fn column(&self, offset: usize) -> usize {
        let before = self.text.get(..offset).unwrap_or_default();
        before.len().saturating_sub(before.rfind('\n').map_or(0, |newline| newline.saturating_add(1)))
    }
}

/// The characters between values that are not of a comment.
fn outside_comments(gap: &str) -> impl Iterator<Item = (usize, char)> {
    let mut is_comment = false;
    gap.char_indices().filter(move |(_, character)| {
        is_comment = (is_comment || *character == '#') && *character != '\n';
        !is_comment
    })
}
