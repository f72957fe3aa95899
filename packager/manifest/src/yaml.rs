//! JSON values as YAML whose bytes depend on the values alone.
//!
//! # Design
//! Readers look for the same field in the same place, so mappings begin with the keys of [`FIRST`], in its order, and the
//! others follow by name. The order depends only on the keys, not on how the value was built. Strings that a reader of YAML
//! 1.1 or 1.2 could take for something else are quoted.

use std::fmt::Write as _;

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

/// One document, without a `---` before it.
pub(crate) fn document(value: &Value) -> String {
    let mut text = String::new();
    match value {
        Value::Object(map) if !map.is_empty() => mapping(&mut text, map, 0, false),
        Value::Array(items) if !items.is_empty() => sequence(&mut text, items, 0),
        scalar => {
            text.push_str(&self::scalar(scalar));
            text.push('\n');
        }
    }
    text
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

/// `inline`: a `- ` has already been written before the first line.
fn mapping(text: &mut String, map: &Map<String, Value>, indent: usize, inline: bool) {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_by_key(|(key, _)| (rank(key), key.as_str()));
    for (position, (key, value)) in entries.into_iter().enumerate() {
        if position > 0 || !inline {
            pad(text, indent);
        }
        text.push_str(&string(key));
        text.push(':');
        field(text, value, indent);
    }
}

fn rank(key: &str) -> usize {
    FIRST.iter().position(|first| *first == key).unwrap_or(FIRST.len())
}

/// What follows `key:`.
fn field(text: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            text.push('\n');
            mapping(text, map, deeper(indent), false);
        }
        Value::Array(items) if !items.is_empty() => {
            text.push('\n');
            sequence(text, items, indent);
        }
        Value::String(lines) if is_block(lines) => {
            text.push_str(" |\n");
            for line in lines.lines() {
                if !line.is_empty() {
                    pad(text, deeper(indent));
                    text.push_str(line);
                }
                text.push('\n');
            }
        }
        scalar => {
            // Writing to a String cannot fail.
            let _ = writeln!(text, " {}", self::scalar(scalar));
        }
    }
}

fn sequence(text: &mut String, items: &[Value], indent: usize) {
    for item in items {
        pad(text, indent);
        text.push('-');
        match item {
            Value::Object(map) if !map.is_empty() => {
                text.push(' ');
                mapping(text, map, deeper(indent), true);
            }
            Value::Array(inner) if !inner.is_empty() => {
                text.push('\n');
                sequence(text, inner, deeper(indent));
            }
            scalar => {
                text.push(' ');
                text.push_str(&self::scalar(scalar));
                text.push('\n');
            }
        }
    }
}

fn deeper(indent: usize) -> usize {
    indent.saturating_add(2)
}

fn pad(text: &mut String, indent: usize) {
    text.extend(std::iter::repeat_n(' ', indent));
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
}
