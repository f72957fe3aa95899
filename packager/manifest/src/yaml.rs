//! JSON values as YAML whose bytes depend on the values alone.
//!
//! # Design
//! Readers look for the same field in the same place, so mappings begin with the keys of [`FIRST`], in its order, and the
//! others follow by name. The order depends only on the keys, not on how the value was built. Strings that a reader of YAML
//! 1.1 or 1.2 could take for something else are quoted. Comments stand above the field or item that they are about.

use std::fmt::Write as _;
use std::iter;

use sallyport_egress::value::names::JsonPointer;
use serde_json::{Map, Value};

/// The keys that come first in a mapping.
const FIRST: [&str; 16] = [
    "apiVersion",
    "kind",
    "metadata",
    "version",
    "id",
    "action",
    "mode",
    "name",
    "namespace",
    "number",
    "key",
    "op",
    "path",
    "host",
    "hosts",
    "spec",
];

/// What a reader would wonder about: the place, as a JSON pointer, and the explanation.
pub(crate) struct Comment {
    pub(crate) pointer: String,
    pub(crate) text: String,
}

/// Lines of comments end before this column.
const COMMENT_WIDTH: usize = 120;

/// One document, without a `---` before it.
#[must_use]
pub fn document(value: &Value) -> String {
    commented(value, &[])
}

/// One document with comments. A comment whose place is not in the document is left out.
pub(crate) fn commented(value: &Value, comments: &[Comment]) -> String {
    let mut writer = Writer { text: String::new(), pointer: String::new(), comments };
    match value {
        Value::Object(map) if !map.is_empty() => writer.mapping(map, 0, false),
        Value::Array(items) if !items.is_empty() => writer.sequence(items, 0),
        scalar => {
            writer.text.push_str(&self::scalar(scalar));
            writer.text.push('\n');
        }
    }
    writer.text
}

struct Writer<'c> {
    text: String,
    /// Where the writer is.
    pointer: String,
    comments: &'c [Comment],
}

impl Writer<'_> {
    /// `inline`: a `- ` has already been written before the first line.
    fn mapping(&mut self, map: &Map<String, Value>, indent: usize, inline: bool) {
        let mut entries: Vec<_> = map.iter().collect();
        entries.sort_by_key(|(key, _)| (rank(key), key.as_str()));
        for (position, (key, value)) in entries.into_iter().enumerate() {
            self.at(&JsonPointer::token(key), |writer| {
                if position > 0 || !inline {
                    writer.comment(indent);
                    pad(&mut writer.text, indent);
                }
                writer.text.push_str(&string(key));
                writer.text.push(':');
                writer.field(value, indent);
            });
        }
    }

    /// What follows `key:`.
    fn field(&mut self, value: &Value, indent: usize) {
        match value {
            Value::Object(map) if !map.is_empty() => {
                self.text.push('\n');
                self.mapping(map, deeper(indent), false);
            }
            Value::Array(items) if !items.is_empty() => {
                self.text.push('\n');
                self.sequence(items, indent);
            }
            Value::String(lines) if is_block(lines) => {
                self.text.push_str(" |\n");
                for line in lines.lines() {
                    if !line.is_empty() {
                        pad(&mut self.text, deeper(indent));
                        self.text.push_str(line);
                    }
                    self.text.push('\n');
                }
            }
            scalar => {
                // Writing to a String cannot fail.
                let _ = writeln!(self.text, " {}", self::scalar(scalar));
            }
        }
    }

    fn sequence(&mut self, items: &[Value], indent: usize) {
        for (position, item) in items.iter().enumerate() {
            self.at(&position.to_string(), |writer| {
                writer.comment(indent);
                writer.item(item, indent);
            });
        }
    }

    fn item(&mut self, item: &Value, indent: usize) {
        pad(&mut self.text, indent);
        self.text.push('-');
        match item {
            Value::Object(map) if !map.is_empty() => {
                self.text.push(' ');
                self.mapping(map, deeper(indent), true);
            }
            Value::Array(inner) if !inner.is_empty() => {
                self.text.push('\n');
                self.sequence(inner, deeper(indent));
            }
            scalar => {
                self.text.push(' ');
                self.text.push_str(&self::scalar(scalar));
                self.text.push('\n');
            }
        }
    }

    fn at(&mut self, step: &str, write: impl FnOnce(&mut Self)) {
        let length = self.pointer.len();
        self.pointer.push('/');
        self.pointer.push_str(step);
        write(self);
        self.pointer.truncate(length);
    }

    /// What is to be said of the place where the writer is.
    fn comment(&mut self, indent: usize) {
        let here = self.comments.iter().filter(|comment| comment.pointer == self.pointer);
        for comment in here {
            for line in wrapped(&comment.text, COMMENT_WIDTH.saturating_sub(indent).saturating_sub(2)) {
                pad(&mut self.text, indent);
                self.text.push_str("# ");
                self.text.push_str(&line);
                self.text.push('\n');
            }
        }
    }
}

/// The words of a text, in lines of at most `width` characters.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len().saturating_add(1).saturating_add(word.len()) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The value without the fields that are `null`, which is how an absent setting is written.
pub(crate) fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => map
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key, without_nulls(value)))
            .collect(),
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        scalar => scalar,
    }
}

fn rank(key: &str) -> usize {
    FIRST.iter().position(|first| *first == key).unwrap_or(FIRST.len())
}

fn deeper(indent: usize) -> usize {
    indent.saturating_add(2)
}

fn pad(text: &mut String, indent: usize) {
    text.extend(iter::repeat_n(' ', indent));
}

/// The value on one line, as a message shows what to write.
pub(crate) fn flow(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| format!("{}: {}", string(name), flow(value));
            format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        // A message ends its quotes with this.
        Value::String(text) => string(text).replace('`', "\\x60"),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => string(text),
        Value::Object(_) => "{}".to_owned(),
        Value::Array(_) => "[]".to_owned(),
        other => other.to_string(),
    }
}

/// Whether a literal block can express the text exactly: it has several lines of printable characters.
fn is_block(text: &str) -> bool {
    let printable = |line: &str| line.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && !line.ends_with(' ');
    let body = text.strip_suffix('\n');
    body.is_some_and(|body| {
        body.contains('\n')
            && !body.starts_with([' ', '\n'])
            && !body.ends_with('\n')
            && body.split('\n').all(printable)
    })
}

fn string(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { quoted(text) }
}

/// Whether every YAML reader takes the unquoted text for this string.
fn is_plain(text: &str) -> bool {
    let first_is_safe = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/' || first == '_');
    let rest_is_safe = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_.-:@=".contains(&byte));
    let word = text.to_ascii_lowercase();
    let is_word = matches!(word.as_str(), "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n" | "null");
    first_is_safe && rest_is_safe && !text.ends_with(':') && !is_word
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            ' '..='~' => quoted.push(character),
            // YAML has no surrogate pairs: such characters have an escape of eight digits.
            _ if u32::from(character) > 0xffff => {
                let _ = write!(quoted, "\\U{:08x}", u32::from(character));
            }
            _ => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(character));
            }
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_have_one_order() {
        let text =
            document(&json!({"spec": {"b": 1, "a": [], "name": "x"}, "kind": "K", "apiVersion": "v1", "data": {}}));
        assert_eq!(text, "apiVersion: v1\nkind: K\nspec:\n  name: x\n  a: []\n  b: 1\ndata: {}\n");
    }

    #[test]
    fn an_absent_setting_is_left_out() {
        assert_eq!(without_nulls(json!({"a": null, "b": [{"c": null}], "d": 1})), json!({"b": [{}], "d": 1}));
    }

    #[test]
    fn ambiguous_strings_are_quoted() {
        for text in [
            "", "true", "No", "1", "1.31", "0x1", "-", "- a", "a: b", "a:", "*", "a #b", "~", "null", "é", "a\tb",
            "1e3",
        ] {
            assert!(string(text).starts_with('"'), "{text}");
        }
        for text in ["a", "/status/200", "oci://r.example.com/a@sha256:ab", "a.b-c_d", "x=y"] {
            assert_eq!(string(text), text);
        }
        assert_eq!(quoted("a\"\\\u{7f}\n"), "\"a\\\"\\\\\\u007f\\n\"");
    }

    #[test]
    fn nesting_and_lines() {
        let text = document(&json!({"a": [{"c": [1, {"d": "e"}], "b": "x\ny\n"}, "z", {}, [1]]}));
        assert_eq!(text, "a:\n- b: |\n    x\n    y\n  c:\n  - 1\n  - d: e\n- z\n- {}\n-\n  - 1\n");
    }

    #[test]
    fn a_document_reads_as_expected() {
        let text =
            document(&json!({"kind": "K", "list": [{"a": "1.31", "b": ["x", {"c": {}}]}], "lines": "a: 1\nb: |\n"}));
        let value: Value = json!("kind: K\nlines: |\n  a: 1\n  b: |\nlist:\n- a: \"1.31\"\n  b:\n  - x\n  - c: {}\n");
        assert_eq!(Value::String(text), value);
    }

    #[test]
    fn comments_stand_above_what_they_are_about() {
        let comment = |pointer: &str, text: &str| Comment { pointer: pointer.to_owned(), text: text.to_owned() };
        let value = json!({"kind": "K", "spec": {"a/b": [{"c": 1}, 2], "d": {}}});
        let comments = [
            comment("/spec", "About the spec."),
            comment("/spec/a~1b/0", "The first."),
            comment("/spec/d", &"word ".repeat(30)),
            comment("/spec/gone", "Of nothing."),
        ];
        let text = commented(&value, &comments);
        let long = "word ".repeat(23);
        let expected = format!(
            "kind: K\n# About the spec.\nspec:\n  a/b:\n  # The first.\n  - c: 1\n  - 2\n  # {}\n  # {}\n  d: {{}}\n",
            long.trim_end(),
            "word ".repeat(7).trim_end(),
        );
        assert_eq!(text, expected);
    }
}
