//! The text of an Egress file with the rules of its candidate in it.
//!
//! # Design
//! Everything but the rules that change stays byte for byte. A rule goes over as it is written, with the comments in it and
//! those right above it, indented as its new place demands. What comes out is read again: if it does not say what the
//! candidate means, nothing is written.

mod cut;

use crate::diagnostic::{Sink, SourceFile, Span};
use crate::model::Candidate;
use crate::parse::{Defaults, Resource, parse, parse_egress};
use crate::wording::quoted;
use crate::yaml::edit::{Change, Editor, Part, Splice, spliced};
use crate::yaml::plain::yaml_value;
use crate::yaml::reader;
use crate::yaml::tree::{Node, Value};
use cut::{Cut, cuts};
use sallyport_core::wire::Rule;

/// Why the text cannot be made, and what to do by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotSpliced {
    /// The place in the Egress file.
    pub span: Span,
    /// What is in the way.
    pub message: String,
    /// The edit to make.
    pub help: String,
}

/// The Egress file with the candidate's rules in it.
///
/// # Errors
/// Fails if the rules cannot be written there without touching anything else. Both files must be valid.
pub fn splice(egress: &SourceFile, candidate: &SourceFile) -> Result<String, NotSpliced> {
    let unreadable = || by_hand(Span { start: 0, end: 0 }, "the files cannot be read", egress, candidate);
    let (Some(rules), Some(change)) = (rules_of(egress), candidate_of(candidate)) else { return Err(unreadable()) };
    let (Some(tree), Some(next)) = (tree_of(egress), tree_of(candidate)) else { return Err(unreadable()) };
    let wanted = change.apply(&rules);
    if wanted == rules {
        return Ok(egress.text.clone());
    }
    let place = tree.descend(&["spec", "authz", "rules"]).or(tree.descend(&["spec", "authz"])).unwrap_or(&tree);
    let here = Span { start: place.span.start, end: place.span.start };
    let cuts = cuts(&candidate.text, &next);
    let mut splicer = Splicer { editor: Editor::new(&egress.text), cuts: &cuts, candidate: &change };
    let written = splicer.rules(&tree);
    let Some(text) = written.map(|()| spliced(&egress.text, without_blanks_at_ends(splicer.editor.splices))) else {
        return Err(by_hand(here, "the list of rules has no place for the candidate's", egress, candidate));
    };
    let result = SourceFile { name: egress.name.clone(), text };
    if rules_of(&result) == Some(wanted) && rest(&result.text) == rest(&egress.text) {
        return Ok(result.text);
    }
    Err(by_hand(here, "the rules cannot be written here without changing something else", egress, candidate))
}

/// A comma between brackets may come to stand before a line break.
fn without_blanks_at_ends(splices: Vec<Splice>) -> Vec<Splice> {
    splices.into_iter().map(|splice| Splice { text: splice.text.replace(", \n", ",\n"), ..splice }).collect()
}

fn by_hand(span: Span, message: &str, egress: &SourceFile, candidate: &SourceFile) -> NotSpliced {
    let help = format!(
        "write the rules of {} into {} by hand, in place of those of the same IDs, take out those in `remove`, and run the \
         command again: it finds them there",
        quoted(&candidate.name),
        quoted(&egress.name)
    );
    NotSpliced { span, message: message.to_owned(), help }
}

fn tree_of(file: &SourceFile) -> Option<Node> {
    reader::read_one(&file.text, &mut Sink::new(0))
}

fn rules_of(file: &SourceFile) -> Option<Vec<Rule>> {
    match parse(0, file).resource? {
        Resource::Egress(tree) => Some(parse_egress(tree, &Defaults::default(), &mut Sink::new(0)).authz.rules),
        _ => None,
    }
}

fn candidate_of(file: &SourceFile) -> Option<Candidate> {
    match parse(0, file).resource? {
        Resource::Candidate(parsed) => Some(parsed.candidate),
        _ => None,
    }
}

/// Everything that a text says beside the rules.
fn rest(text: &str) -> Option<serde_json::Value> {
    let mut value = yaml_value(text)?;
    let spec = value.get_mut("spec")?.as_object_mut()?;
    if let Some(authz) = spec.get_mut("authz").and_then(serde_json::Value::as_object_mut) {
        authz.remove("rules");
    }
    if spec.get("authz").is_some_and(|authz| authz.as_object().is_some_and(serde_json::Map::is_empty)) {
        spec.remove("authz");
    }
    Some(value)
}

struct Splicer<'t> {
    editor: Editor<'t>,
    cuts: &'t [Cut],
    candidate: &'t Candidate,
}

impl<'t> Splicer<'t> {
    fn cut(&self, rule: &Node) -> Option<&'t Cut> {
        let id = rule.text_at(&["id"])?;
        self.cuts.iter().find(|cut| cut.id == id)
    }

    fn is_removed(&self, rule: &Node) -> bool {
        rule.text_at(&["id"]).is_some_and(|id| self.candidate.remove.iter().any(|removed| removed == id))
    }

    /// The candidate's rules that are not among these.
    fn added(&self, rules: &[Node]) -> Vec<&'t Cut> {
        let is_known = |cut: &&Cut| rules.iter().any(|rule| rule.text_at(&["id"]) == Some(&*cut.id));
        self.cuts.iter().filter(|cut| !is_known(cut)).collect()
    }

    fn rules(&mut self, tree: &Node) -> Option<()> {
        let spec = tree.get("spec")?;
        let Some(authz) = spec.get("authz") else { return self.field(spec, &["authz", "rules"]) };
        let Some(rules) = authz.entry("rules") else { return self.field(authz, &["rules"]) };
        match &rules.value.value {
            Value::Sequence(items) if items.is_empty() && !self.editor.is_flow(authz) => {
                let colon = self.colon(rules.key.span.end)?;
                let text = lines(&self.added(&[]), self.editor.column(rules.key.span.start));
                self.editor.splice(colon, self.editor.end_of(&rules.value), format!("\n{}", text.trim_end()));
                Some(())
            }
            Value::Sequence(items) if self.editor.is_flow(&rules.value) => self.flow(&rules.value, items),
            Value::Sequence(items) => self.block(&rules.value, items, rules.key.span.end),
            _ => None,
        }
    }

    /// Behind the colon of a key.
    fn colon(&self, key_end: usize) -> Option<usize> {
        let rest = self.editor.text.get(key_end..)?;
        Some(key_end.saturating_add(rest.find(':')?).saturating_add(1))
    }

    /// Adds fields that are not there, with all rules as the value of the last.
    fn field(&mut self, node: &Node, names: &[&str]) -> Option<()> {
        let new = self.added(&[]);
        if self.editor.is_flow(node) {
            let items: Vec<_> = new.iter().map(|cut| cut.flow()).collect();
            let mut value = format!("[{}]", items.join(", "));
            for (depth, name) in names.iter().rev().enumerate() {
                value = if depth == 0 { format!("{name}: {value}") } else { format!("{name}: {{{value}}}") };
            }
            let (at, comma) = match node.entries().last() {
                Some(last) => (self.editor.end_of(&last.value), ", "),
                None => (node.span.start.saturating_add(1), ""),
            };
            self.editor.splice(at, at, format!("{comma}{value}"));
            return Some(());
        }
        let (first, last) = (node.entries().first()?, node.entries().last()?);
        let (mut text, mut depth) = (String::new(), self.editor.column(first.key.span.start));
        for name in names {
            text.push_str(&format!("{}{name}:\n", " ".repeat(depth)));
            depth = depth.saturating_add(2);
        }
        text.push_str(&lines(&new, depth.saturating_sub(2)));
        self.insert_lines(self.editor.end_of(&last.value), text);
        Some(())
    }

    /// Whole lines below the one that this offset is in.
    fn insert_lines(&mut self, offset: usize, text: String) {
        let all = self.editor.text;
        if all.get(..offset).is_some_and(|before| before.ends_with('\n')) {
            return self.editor.splice(offset, offset, text);
        }
        let end = self.editor.line_end(offset);
        if end < all.len() {
            let next = end.saturating_add(1);
            self.editor.splice(next, next, text);
        } else {
            self.editor.splice(end, end, format!("\n{}", text.trim_end_matches('\n')));
        }
    }

    fn flow(&mut self, list: &Node, items: &[Node]) -> Option<()> {
        let new: Vec<String> = self.added(items).iter().map(|cut| cut.flow()).collect();
        if items.iter().all(|item| self.is_removed(item)) {
            let text = self.editor.with_comments(list, &format!("[{}]", new.join(", ")));
            self.editor.splice(list.span.start, self.editor.end_of(list), text);
            return Some(());
        }
        let mut parts = Vec::new();
        for item in items {
            let change = match self.cut(item) {
                Some(cut) => Some(Change::Replaced(cut.flow())),
                None if self.is_removed(item) => Some(Change::Removed),
                None => None,
            };
            parts.push(Part { change, ..self.editor.kept(item.span.start, item) });
        }
        self.editor.parts(list, &parts, new);
        Some(())
    }

    fn block(&mut self, list: &Node, items: &[Node], key_end: usize) -> Option<()> {
        let indent = self.editor.column(self.dash(items.first()?)?);
        for item in items {
            let dash = self.dash(item)?;
            if self.is_removed(item) {
                let part = self.editor.kept(item.span.start, item);
                self.editor.remove_lines(&part, true);
            } else if let Some(cut) = self.cut(item) {
                let line = dash.saturating_sub(self.editor.column(dash));
                let (text, end) = (cut.block(self.editor.column(item.span.start)), self.editor.end_of(item));
                self.editor.splice(line, line, cut.comment_lines(indent));
                self.editor.splice(item.span.start, end, text);
            }
        }
        let new = self.added(items);
        if !new.is_empty() {
            self.insert_lines(self.editor.end_of(list), lines(&new, indent));
        } else if items.iter().all(|item| self.is_removed(item)) {
            let colon = self.colon(key_end)?;
            self.editor.splice(colon, colon, " []");
        }
        Some(())
    }

    /// The dash of an item, if nothing but blanks is before it on its line.
    fn dash(&self, item: &Node) -> Option<usize> {
        let before = self.editor.text.get(..item.span.start)?.trim_end();
        let dash = before.strip_suffix('-')?;
        dash.rsplit('\n').next().is_some_and(|line| line.trim().is_empty()).then_some(dash.len())
    }
}

/// Rules as items of a block list, each with a line break at its end.
fn lines(cuts: &[&Cut], indent: usize) -> String {
    let blanks = " ".repeat(indent);
    let item = |cut: &&Cut| format!("{}{blanks}- {}\n", cut.comment_lines(indent), cut.block(indent.saturating_add(2)));
    cuts.iter().map(item).collect()
}
