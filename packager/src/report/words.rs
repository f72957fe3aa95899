//! Parts of rules in the words of the file.

use sallyport_core::wire;
use serde::Serialize;
use serde_json::Value;

/// `key: values: ["a"]`
pub(crate) fn condition(condition: &wire::Condition) -> String {
    let rest = wire::Condition { key: String::new(), ..condition.clone() };
    let fields = fields(&rest).split(", ").filter(|field| *field != "key: \"\"").collect::<Vec<_>>().join(", ");
    format!("{}: {fields}", condition.key)
}

/// The fields that are written, as in the file: `methods: [GET], paths: ["/a/*"]`.
pub(crate) fn fields(of: &impl Serialize) -> String {
    let json = serde_json::to_value(of).unwrap_or_default();
    let fields = json.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    fields.map(|(name, value)| format!("{name}: {}", words(value))).collect::<Vec<_>>().join(", ")
}

fn words(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(words).collect::<Vec<_>>().join(", ")),
        Value::String(text) if is_plain(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Whether YAML reads the text as it is.
fn is_plain(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '.');
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/') && text.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_file() {
        let operation = wire::Operation {
            methods: Some(vec!["GET".to_owned()]),
            paths: Some(vec!["/a/*".to_owned(), "/b".to_owned()]),
            ..wire::Operation::default()
        };
        assert_eq!(fields(&operation), r#"methods: [GET], paths: ["/a/*", /b]"#);
        let role = wire::Condition {
            key: "request.headers[x-a]".to_owned(),
            values: Some(vec!["1, 2".to_owned()]),
            ..wire::Condition::default()
        };
        assert_eq!(condition(&role), r#"request.headers[x-a]: values: ["1, 2"]"#);
    }
}
