//! Texts that nobody has checked, inside of XML, of a script element and of Mermaid.

/// For text and attributes of XML and HTML. Control characters, which XML does not have, become visible.
pub(crate) fn xml(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other if other.is_control() || matches!(other, '\u{fffe}' | '\u{ffff}') => {
                escaped.extend(other.escape_default());
            }
            other => escaped.push(other),
        }
    }
    escaped
}

/// JSON for inside of a script element: no `<` that could end it or begin a comment, and nothing that an old JavaScript
/// takes for the end of a line.
pub(super) fn json_in_script(json: &str) -> String {
    let mut escaped = String::new();
    for character in json.chars() {
        match character {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                escaped.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
            other => escaped.push(other),
        }
    }
    escaped
}

/// For a quoted label of Mermaid, which reads entities but no escapes, and may be rendered as HTML.
pub(super) fn mermaid(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | ' ' | '-' | '_' | '.' | '/' | ':' | ',' | '(' | ')' | '*' => {
                escaped.push(character);
            }
            other => escaped.push_str(&format!("#{};", u32::from(other))),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_what_it_is_in() {
        let hostile = "</script><!--\"'&\u{2028}\u{1}`";
        assert_eq!(xml(hostile), "&lt;/script&gt;&lt;!--&quot;&#39;&amp;\u{2028}\\u{1}`");
        assert_eq!(json_in_script(hostile), "\\u003c/script\\u003e\\u003c!--\"'\\u0026\\u2028\u{1}`");
        assert_eq!(mermaid("a\"]; <b>"), "a#34;#93;#59; #60;b#62;");
    }
}
