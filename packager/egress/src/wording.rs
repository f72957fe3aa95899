//! Words for messages: the user's text in backticks, and guesses at what was meant.

/// The user's own text: one line, short, in backticks.
pub(crate) fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut shown = String::from("`");
    for (position, character) in text.chars().enumerate() {
        if position == LONGEST {
            shown.push('…');
            break;
        }
        match character {
            '`' => shown.push('\''),
            _ if must_escape(character) => shown.extend(character.escape_default()),
            _ => shown.push(character),
        }
    }
    shown.push('`');
    shown
}

/// Control characters and those that turn the direction of text (as in CVE-2021-42574).
pub(crate) fn is_hidden(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' => false,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}' | '\u{feff}' => true,
        _ => character.is_control(),
    }
}

/// What would end the line, or hide a part of it (escapes in double-quoted strings can write any character).
fn must_escape(character: char) -> bool {
    character.is_control() || is_hidden(character)
}

/// A sentence of the core, which may hold the user's text as it is: what would end the line is escaped.
pub(crate) fn one_line(sentence: &str) -> String {
    let escape = |c: char| if must_escape(c) { c.escape_default().to_string() } else { c.to_string() };
    sentence.chars().map(escape).collect()
}

/// Whether a text waits for another program to fill it in: `${NAME}`, `$(NAME)`, `$NAME`, `{{ name }}`, `%NAME%`, `<name>`.
pub(crate) fn has_variable(text: &str) -> bool {
    let is_name = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ' '))
    };
    let between = |open: &str, close: &str, test: &dyn Fn(&str) -> bool| {
        text.split(open).skip(1).any(|rest| rest.split_once(close).is_some_and(|(inside, _)| test(inside)))
    };
    let whole = |open: char, close: char| text.strip_prefix(open).and_then(|text| text.strip_suffix(close));
    between("${", "}", &|inside| !inside.is_empty())
        || between("$(", ")", &is_name)
        || between("{{", "}}", &|inside| !inside.is_empty())
        || text.strip_prefix('$').is_some_and(is_name)
        || whole('%', '%').is_some_and(is_name)
        || whole('<', '>').is_some_and(is_name)
}

/// What to say of it.
pub(crate) const NO_VARIABLES: (&str, &str) =
    ("has a variable, and the file is read as it is", "write the value itself, or fill the file in before it is read");

/// The known word that was probably meant, if one is near enough.
pub fn did_you_mean<'a>(written: &str, known: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let plain = |word: &str| -> String {
        word.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).map(|c| c.to_ascii_lowercase()).collect()
    };
    if written.len() > 64 {
        return None;
    }
    let written = plain(written);
    if let Some(same) = known.clone().find(|word| plain(word) == written) {
        return Some(same);
    }
    if written.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        // The next version is no misspelling of this one.
        return known.clone().find(|word| written.starts_with(*word));
    }
    let allowed = (written.chars().count() / 3).clamp(1, 3);
    known
        .map(|word| (strsim::osa_distance(&plain(word), &written), word))
        .filter(|(distance, word)| *distance <= allowed && *distance < word.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// `` `a`, `b` or `c` ``
pub(crate) fn either<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guesses_are_near_or_absent() {
        let known = ["serviceAccounts", "principals", "paths", "notPaths", "id"];
        let guess = |written| did_you_mean(written, known.into_iter());
        assert_eq!(guess("service_accounts"), Some("serviceAccounts"));
        assert_eq!(guess("serviceaccount"), Some("serviceAccounts"));
        assert_eq!(guess("path"), Some("paths"));
        assert_eq!(guess("notpaths"), Some("notPaths"));
        assert_eq!(guess("upstream"), None);
        assert_eq!(guess("x"), None);
    }

    #[test]
    fn variables_of_other_programs() {
        for text in [
            "${A}",
            "a-${a.b:-c}.d",
            "$(A)",
            "$LEDGER_HOST",
            "{{ .Values.host }}",
            "/v1/{{id}}",
            "%HOST%",
            "<your host>",
        ] {
            assert!(has_variable(text), "{text}");
        }
        for text in ["", "a", "$", "^/a$", "/a/{*}", "%{rule}", "100%", "a<b>", "${}", "$1", "%%", "<>"] {
            assert!(!has_variable(text), "{text}");
        }
    }

    #[test]
    fn quoting_is_one_short_line() {
        assert_eq!(quoted("a\n`b\u{1b}\u{202e}"), "`a\\n'b\\u{1b}\\u{202e}`");
        assert_eq!(quoted(&"é".repeat(90)).chars().count(), 63);
        assert_eq!(either(["a", "b", "c"].into_iter()), "`a`, `b` or `c`");
    }
}
