//! A YAML document as a tree in which everything knows its place.

use crate::diagnostic::Span;

/// A value and its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) value: Value,
}

#[derive(Clone, Debug)]
pub(crate) enum Value {
    Scalar(Scalar),
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
    /// Something that was already reported; whoever meets it keeps quiet.
    Refused,
}

#[derive(Clone, Debug)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    /// Written without quotes: then YAML gives meaning to how it looks.
    pub(crate) plain: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: Key,
    pub(crate) value: Node,
}

#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) name: String,
    pub(crate) span: Span,
}

/// What YAML 1.2 (core schema) takes a scalar for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScalarType {
    Null,
    Boolean,
    Number,
    Text,
}

impl Scalar {
    pub(crate) fn resolve(&self) -> ScalarType {
        if !self.plain {
            return ScalarType::Text;
        }
        match self.text.as_str() {
            "" | "~" | "null" | "Null" | "NULL" => ScalarType::Null,
            "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => ScalarType::Boolean,
            text if is_number(text) => ScalarType::Number,
            _ => ScalarType::Text,
        }
    }

    /// Whether every YAML reader takes this text for a string, without quotes.
    pub(crate) fn is_plain_string(text: &str) -> bool {
        let scalar = Self { text: text.to_owned(), plain: true };
        scalar.resolve() == ScalarType::Text && !scalar.is_old_boolean()
    }

    /// A plain word that YAML 1.1 readers, among them kubectl and many editors, take for a boolean.
    pub(crate) fn is_old_boolean(&self) -> bool {
        const WORDS: [&str; 6] = ["y", "n", "yes", "no", "on", "off"];
        self.plain && WORDS.iter().any(|word| self.text.eq_ignore_ascii_case(word))
    }
}

fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let radix = |prefix: &str, digit: fn(&char) -> bool| {
        text.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| digit(&c)))
    };
    matches!(unsigned, ".inf" | ".Inf" | ".INF")
        || matches!(text, ".nan" | ".NaN" | ".NAN")
        || radix("0x", char::is_ascii_hexdigit)
        || radix("0o", |c| ('0'..='7').contains(c))
        || (unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') && unsigned.parse::<f64>().is_ok())
}

impl Node {
    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Mapping(entries) => entries,
            _ => &[],
        }
    }

    pub(crate) fn items(&self) -> &[Node] {
        match &self.value {
            Value::Sequence(items) => items,
            _ => &[],
        }
    }

    pub(crate) fn into_items(self) -> Vec<Node> {
        match self.value {
            Value::Sequence(items) => items,
            _ => Vec::new(),
        }
    }

    /// Takes the value of a field out.
    pub(crate) fn take(&mut self, name: &str) -> Option<Node> {
        let Value::Mapping(entries) = &mut self.value else { return None };
        let position = entries.iter().position(|entry| entry.key.name == name)?;
        Some(entries.remove(position).value)
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(scalar) => Some(&scalar.text),
            _ => None,
        }
    }

    pub(crate) fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key.name == name)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Node> {
        self.entry(name).map(|entry| &entry.value)
    }

    /// Follows field names; `None` where one is missing.
    pub(crate) fn descend(&self, names: &[&str]) -> Option<&Node> {
        names.iter().try_fold(self, |node, name| node.get(name))
    }

    /// The text where field names lead.
    pub(crate) fn text_at(&self, names: &[&str]) -> Option<&str> {
        self.descend(names)?.text()
    }

    /// The items of the list where field names lead.
    pub(crate) fn items_at(&self, names: &[&str]) -> &[Node] {
        self.descend(names).map_or(&[], Node::items)
    }

    /// The node itself and all below it, in no order that matters.
    pub(crate) fn descendants(&self) -> impl Iterator<Item = &Node> {
        let mut open = vec![self];
        std::iter::from_fn(move || {
            let node = open.pop()?;
            open.extend(node.items().iter().chain(node.entries().iter().map(|entry| &entry.value)));
            Some(node)
        })
    }

    /// Follows a path such as `rules[3].to[0].operation.paths[1]`, as far as the tree has it.
    pub(crate) fn nearest(&self, path: &str) -> &Node {
        let mut node = self;
        for segment in path.split(['.', '[']).filter(|segment| !segment.is_empty()) {
            let next = match segment.strip_suffix(']') {
                Some(index) => index.parse::<usize>().ok().and_then(|index| node.items().get(index)),
                None => node.get(segment),
            };
            match next {
                Some(next) => node = next,
                None => break,
            }
        }
        node
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_resolve_as_yaml_1_2_says() {
        let resolve = |text: &str| Scalar { text: text.to_owned(), plain: true }.resolve();
        for text in ["1", "-1", "+1.5", "1e3", "0x1F", "0o17", ".5", "1.30", ".inf", "-.INF", ".nan", "010"] {
            assert_eq!(resolve(text), ScalarType::Number, "{text}");
        }
        for text in ["1.31.2", "10.0.0.1", "inf", "nan", "infinity", "0x", "0xg", "-", ".", "1_000", "é", "yes"] {
            assert_eq!(resolve(text), ScalarType::Text, "{text}");
        }
        assert_eq!(resolve("TRUE"), ScalarType::Boolean);
        assert_eq!(resolve("~"), ScalarType::Null);
        assert_eq!(Scalar { text: "1".into(), plain: false }.resolve(), ScalarType::Text);
    }
}
