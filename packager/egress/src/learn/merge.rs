//! Rules put behind those of a file. Everything else stays byte for byte.

use super::propose::LearnedRule;
use super::render;
use crate::diagnostic::Sink;
use crate::yaml::edit::Editor;
use crate::yaml::reader;
use crate::yaml::tree::Node;

/// The text of an Egress file with further rules. `None`: there is no place for them, because what they belong to is in brackets.
pub(super) fn merged(text: &str, rules: &[LearnedRule]) -> Option<String> {
    let tree = reader::read_one(text, &mut Sink::new(0))?;
    let file = File(Editor::new(text));
    let spec = tree.get("spec").filter(|spec| !file.0.is_flow(spec))?;
    let Some(authz) = spec.get("authz").filter(|authz| !authz.entries().is_empty()) else {
        if spec.get("authz").is_some() {
            return None;
        }
        let indent = file.indent(spec);
        let added = format!("{indent}authz:\n{indent}  rules:\n{}", render::rules(rules, &format!("{indent}  ")));
        return file.behind(spec, &added);
    };
    match authz.get("rules") {
        Some(list) if file.0.is_flow(list) => match list.items().last() {
            Some(last) => {
                let items = rules.iter().filter_map(|rule| serde_json::to_string(&rule.to_wire()).ok());
                let items: String = items.map(|item| format!(", {item}")).collect();
                file.inserted(file.0.end_of(last), &items)
            }
            None if file.0.is_flow(authz) => None,
            None => file.in_place_of(list, &render::rules(rules, &file.indent(authz))),
        },
        Some(list) => file.behind(list, &render::rules(rules, &file.indent(list))),
        None if file.0.is_flow(authz) => None,
        None => {
            let indent = file.indent(authz);
            file.behind(authz, &format!("{indent}rules:\n{}", render::rules(rules, &indent)))
        }
    }
}

struct File<'t>(Editor<'t>);

impl File<'_> {
    /// The text with whole lines behind those of a node.
    fn behind(&self, node: &Node, lines: &str) -> Option<String> {
        let at = self.0.line_end(self.0.end_of(node));
        self.inserted(at, &format!("\n{}", lines.trim_end_matches('\n')))
    }

    /// The text with whole lines below a key, in the place of its value in brackets.
    fn in_place_of(&self, node: &Node, lines: &str) -> Option<String> {
        let end = self.0.end_of(node);
        let at = self.0.line_end(end);
        let (before, comment) = (self.0.text.get(..node.span.start)?.trim_end(), self.0.text.get(end..at)?);
        Some(format!("{before}{comment}\n{}{}", lines.trim_end_matches('\n'), self.0.text.get(at..)?))
    }

    fn inserted(&self, at: usize, text: &str) -> Option<String> {
        Some(format!("{}{text}{}", self.0.text.get(..at)?, self.0.text.get(at..)?))
    }

    /// The blanks before what a node has on each line.
    fn indent(&self, node: &Node) -> String {
        " ".repeat(self.0.column(node.span.start))
    }
}
