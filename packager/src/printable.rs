//! Paths in messages.

use std::path::Path;

/// A path as one line of text, with control characters escaped.
pub(crate) fn printable(path: &Path) -> String {
    let mut text = String::new();
    for character in path.to_string_lossy().chars() {
        if character.is_control() {
            text.extend(character.escape_default());
        } else {
            text.push(character);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line() {
        assert_eq!(printable(Path::new("a\nb\u{1b}.yaml")), "a\\nb\\u{1b}.yaml");
    }
}
