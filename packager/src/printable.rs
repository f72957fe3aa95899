//! Paths, words and texts of others in messages.

use std::path::Path;

/// A path as one line of text, with control characters escaped.
pub(crate) fn printable(path: &Path) -> String {
    visible(&path.to_string_lossy())
}

/// A text of others as one line, with control characters escaped, and those that break lines, turn the direction of text, or
/// cannot be seen.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::new();
    for character in text.chars() {
        if character.is_control() || is_unseen(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

fn is_unseen(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// A text as one word of a POSIX shell, for commands that can be pasted.
pub(crate) fn quoted(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-:@%+,=".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// A path as one word of a POSIX shell that no program takes for an option.
pub(crate) fn quoted_path(path: &Path) -> String {
    let text = printable(path);
    quoted(&if text.starts_with('-') { format!("./{text}") } else { text })
}

/// Whether a path is of the system: `/dev/stdout`, or what a shell makes of `<(...)`.
pub(crate) fn is_device(path: &Path) -> bool {
    path.starts_with("/dev") || path.starts_with("/proc")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_if_it_has_to_be() {
        assert_eq!(quoted("--root"), "--root");
        assert_eq!(quoted("my folder/it's"), r"'my folder/it'\''s'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn a_path_is_no_option() {
        for (path, word) in [("-x/a", "./-x/a"), ("a-b", "a-b"), ("$(x)", "'$(x)'"), ("-a b", "'./-a b'")] {
            assert_eq!(quoted_path(Path::new(path)), word);
        }
    }

    #[test]
    fn a_name_is_one_line() {
        assert_eq!(printable(Path::new("a\nb\u{1b}.yaml")), "a\\nb\\u{1b}.yaml");
    }
}
