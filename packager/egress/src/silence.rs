//! Comments that silence a warning: `# sallyport: ignore SP2101 because callers have no identity`.
//!
//! # Design
//! A silence is for one line: the line of the comment, or the next one with a value if the comment has a line of its own. So it
//! goes with what it is about, and a warning of the same code elsewhere is still reported. It needs a reason, because the next
//! reader has only the comment. Errors cannot be silenced: a file with an error cannot be used.

use crate::code::{Code, Severity};
use crate::diagnostic::{Diagnostic, LineIndex, Sink, SourceFile, Span, UnplacedDiagnostic};
use crate::manual::closest;
use crate::wording::quoted;
use crate::yaml::reader::read_all;
use crate::yaml::tokens::{Kind, Token, tokens};

/// What such a comment begins with, behind the `#`.
const MARK: &str = "sallyport:";
/// Its first word, by which one that is misspelt is known.
const NAME: &str = "sallyport";
const VERB: &str = "ignore";
const BECAUSE: &str = "because";
const FORM: &str = "write `# sallyport: ignore SP2101 because REASON`, on the line of the warning or above it";

/// One warning that a comment silences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silence {
    /// The code of the warning.
    pub code: Code,
    /// Why it may be ignored.
    pub reason: String,
    /// The comment.
    pub span: Span,
    /// The line on which the warning begins, from 1. `None`: nothing is below the comment.
    pub line: Option<usize>,
}

impl Silence {
    /// That there is no such warning.
    #[must_use]
    pub fn unused(&self, file: usize) -> Diagnostic {
        let message = format!("no {} is found here, so nothing is silenced", quoted(self.code.as_str()));
        let help = match self.code {
            Code::PlaceholderImage | Code::ForOthers | Code::MoreProblems => {
                "remove the comment: a warning about a whole file has no line, and cannot be silenced"
            }
            _ => "remove the comment, or move it to the line above the warning",
        };
        UnplacedDiagnostic::new(Code::UnusedSilence, message).help(help).at(file, self.span)
    }
}

/// The silences of one file, and what is wrong with those that are none. In a file that is not YAML there are none. `file`: the
/// index for the diagnostics.
#[must_use]
pub fn silences(file: usize, source: &SourceFile) -> (Vec<Silence>, Vec<Diagnostic>) {
    let text = source.text.as_str();
    let (mut found, mut sink) = (Vec::new(), Sink::new(file));
    // Cheaper than reading the file a second time.
    if !text.lines().any(|line| line.split('#').skip(1).any(|comment| begins_with(comment.trim_start(), NAME))) {
        return (found, sink.diagnostics);
    }
    let mut unread = Sink::new(file);
    let documents = read_all(text, &mut unread);
    if !unread.diagnostics.is_empty() {
        return (found, sink.diagnostics);
    }
    let (tokens, lines) = (tokens(text, &documents), LineIndex::new(text));
    let below = values_below(&tokens, &lines);
    for (position, token) in tokens.iter().enumerate().filter(|(_, token)| token.kind == Kind::Comment) {
        let comment = token.text(text).trim_start_matches('#').trim_start();
        let said = match comment.strip_prefix(MARK) {
            Some(rest) => read(rest),
            None if is_misspelt(comment) => {
                let message =
                    format!("the comment asks Sallyport for something, and does not begin with `{MARK} {VERB} `");
                Err(UnplacedDiagnostic::new(Code::SilenceForm, message).help(FORM))
            }
            None => continue,
        };
        match said {
            Ok((codes, reason)) => {
                let line = line(position, *token, &tokens, &below, &lines);
                let silence = |code| Silence { code, reason: reason.clone(), span: token.span, line };
                found.extend(codes.into_iter().map(silence));
            }
            Err(flaw) => sink.report(token.span, flaw),
        }
    }
    (found, sink.diagnostics)
}

/// Whether a comment is `Sallyport: ignore`, `sallyport ignore`, `sallyport-ignore` or the like.
fn is_misspelt(comment: &str) -> bool {
    let rest = if begins_with(comment, NAME) { comment.get(NAME.len()..) } else { None };
    let Some(rest) = rest.filter(|rest| !rest.starts_with(char::is_alphanumeric)) else { return false };
    let rest = rest.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, ':' | '-' | '_'));
    begins_with(rest, VERB) && !rest.get(VERB.len()..).is_some_and(|rest| rest.starts_with(char::is_alphanumeric))
}

/// In upper or lower case.
fn begins_with(text: &str, word: &str) -> bool {
    text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

/// For each token, the line of the next one that is a key or value: itself, or one behind it. A dash that is alone on its line
/// stands for the item behind it.
fn values_below(tokens: &[Token], lines: &LineIndex<'_>) -> Vec<Option<usize>> {
    let mut line = None;
    let mut below: Vec<_> = tokens
        .iter()
        .rev()
        .map(|token| {
            if !matches!(token.kind, Kind::Comment | Kind::Mark('-')) {
                line = Some(lines.position(token.span.start).line);
            }
            line
        })
        .collect();
    below.reverse();
    below
}

/// The line that a comment is about.
fn line(
    position: usize,
    comment: Token,
    tokens: &[Token],
    below: &[Option<usize>],
    lines: &LineIndex<'_>,
) -> Option<usize> {
    let own = lines.position(comment.span.start).line;
    let below = below.get(position).copied().flatten();
    let before = position.checked_sub(1).and_then(|before| tokens.get(before));
    match before {
        // The last line of a value with several lines.
        Some(before) if before.kind != Kind::Mark('-') && lines.position(before.span.end).line == own => Some(own),
        _ => below,
    }
}

/// ` ignore SP2101, SP2102 because REASON`: the codes and the reason.
fn read(rest: &str) -> Result<(Vec<Code>, String), UnplacedDiagnostic> {
    let form = |message: String| UnplacedDiagnostic::new(Code::SilenceForm, message).help(FORM);
    let rest = rest.trim();
    let (verb, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    if verb != VERB {
        return Err(form(format!("{} is not what a comment can ask of Sallyport", quoted(verb))));
    }
    let mut words = rest.split_whitespace();
    let mut codes = Vec::new();
    for word in words.by_ref().take_while(|word| *word != BECAUSE) {
        if word.split(',').any(|part| part == BECAUSE) {
            return Err(form(format!("{} has a comma beside `{BECAUSE}`, where a blank is expected", quoted(word))));
        }
        for word in word.split(',').filter(|word| !word.is_empty()) {
            codes.push(code(word)?);
        }
    }
    let reason = words.collect::<Vec<_>>().join(" ");
    if codes.is_empty() {
        return Err(form("the comment names no code that it silences".to_owned()));
    }
    if reason.contains(MARK) {
        return Err(form(format!("a second {} stands in the reason, and is not read", quoted(MARK))));
    }
    if !reason.contains(char::is_alphanumeric) {
        let codes: Vec<_> = codes.iter().map(|code| code.as_str()).collect();
        return Err(form(format!("{} is silenced without a reason", quoted(&codes.join(", ")))));
    }
    Ok((codes, reason))
}

fn code(word: &str) -> Result<Code, UnplacedDiagnostic> {
    let Some(code) = Code::parse(word) else {
        let end = word.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(word.len());
        if let Some((known, rest)) = word.split_at_checked(end).filter(|(known, _)| Code::parse(known).is_some()) {
            let message =
                format!("{} stands behind the code {}, where a blank is expected", quoted(rest), quoted(known));
            return Err(UnplacedDiagnostic::new(Code::SilenceForm, message).help(FORM));
        }
        if !word.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("SP")) {
            let message = format!("{} stands where a code or `because` is expected", quoted(word));
            return Err(UnplacedDiagnostic::new(Code::SilenceForm, message).help(FORM));
        }
        let help = match closest(word) {
            Some(near) => format!("did you mean `{near}`? `sallyport check --explain` lists all codes"),
            None => "`sallyport check --explain` lists all codes".to_owned(),
        };
        let message = format!("there is no code {}", quoted(word));
        return Err(UnplacedDiagnostic::new(Code::SilenceOfUnknownCode, message).help(help));
    };
    let refused =
        |message: String, help: &str| Err(UnplacedDiagnostic::new(Code::SilenceOfError, message).help(help.to_owned()));
    match code.severity() {
        Severity::Error => {
            refused(format!("`{code}` is an error, and errors cannot be silenced"), "correct what it is about")
        }
        Severity::Warning if code == Code::UnusedSilence => refused(
            format!("`{code}` is about silences, and cannot be silenced"),
            "remove the silence that is not used",
        ),
        Severity::Warning => Ok(code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Code, line and reason of each silence.
    type Found = Vec<(&'static str, Option<usize>, String)>;

    fn silences_of(text: &str) -> (Found, Vec<(&'static str, String)>) {
        let (found, problems) = silences(0, &SourceFile { name: "a.yaml".to_owned(), text: text.to_owned() });
        let found = found.into_iter().map(|silence| (silence.code.as_str(), silence.line, silence.reason)).collect();
        (found, problems.into_iter().map(|problem| (problem.code.as_str(), problem.message)).collect())
    }

    #[test]
    fn a_silence_is_for_its_line_or_the_next_one() {
        let text = "# sallyport: ignore SP2101, sp2102 because a: b # c\n# more\n\na: # sallyport: ignore SP2103 because d\n  \
                    - |\n    # sallyport: ignore SP2104 because it is text\n  - '# sallyport: x' # sallyport:ignore SP2105 because e\n\
                    b: {c: d,\n  # sallyport: ignore SP2106 because f\n  e: f}\n---\n#   sallyport: ignore SP2107 because g\n";
        let (found, problems) = silences_of(text);
        let found: Vec<_> = found.iter().map(|(code, line, reason)| (*code, *line, reason.as_str())).collect();
        let expected = [
            ("SP2101", Some(4), "a: b # c"),
            ("SP2102", Some(4), "a: b # c"),
            ("SP2103", Some(4), "d"),
            ("SP2105", Some(7), "e"),
            ("SP2106", Some(10), "f"),
            ("SP2107", None, "g"),
        ];
        assert_eq!((found.as_slice(), problems), (expected.as_slice(), vec![]));
    }

    #[test]
    fn what_stands_in_text_silences_nothing() {
        let text = "a: |\n  # sallyport: ignore SP2101 because x\nb: >-\n  y # sallyport: ignore SP2101 because x\n\
                    c: \"y\n  # sallyport: ignore SP2101 because x\"\nd: 'y # sallyport: ignore SP2101 because x'\n\
                    e: y#sallyport: z\n";
        assert_eq!(silences_of(text), (vec![], vec![]));
    }

    #[test]
    fn blanks_and_letters_may_be_odd() {
        let text = "a: {b: 1, # sallyport:\tignore  SP2101 ,SP2102,\u{a0}SP2101  because  größer — да\n  \
                    c: 2} ##sallyport:ignore sp2103 because 理由\n";
        let (found, problems) = silences_of(text);
        let found: Vec<_> = found.iter().map(|(code, line, reason)| (*code, *line, reason.as_str())).collect();
        let reason = "größer — да";
        let of_first = ["SP2101", "SP2102", "SP2101"].map(|code| (code, Some(1), reason));
        assert_eq!((found, problems), ([&of_first[..], &[("SP2103", Some(2), "理由")]].concat(), vec![]));
    }

    #[test]
    fn what_is_no_silence_is_said() {
        for (comment, code, message) in [
            ("", "SP9201", "`` is not what a comment can ask of Sallyport"),
            ("disable SP2101", "SP9201", "`disable` is not what a comment can ask of Sallyport"),
            ("ignore", "SP9201", "the comment names no code that it silences"),
            ("ignore because x", "SP9201", "the comment names no code that it silences"),
            ("ignore SP2101", "SP9201", "`SP2101` is silenced without a reason"),
            ("ignore SP2101 because ", "SP9201", "`SP2101` is silenced without a reason"),
            ("ignore SP2101 because .", "SP9201", "`SP2101` is silenced without a reason"),
            ("ignore SP2101 because - -", "SP9201", "`SP2101` is silenced without a reason"),
            (
                "ignore SP2101 because x # sallyport: ignore SP2102 because y",
                "SP9201",
                "a second `sallyport:` stands in the reason, and is not read",
            ),
            ("ignore SP2101: because x", "SP9201", "`:` stands behind the code `SP2101`, where a blank is expected"),
            (
                "ignore SP2101;SP2102 because x",
                "SP9201",
                "`;SP2102` stands behind the code `SP2101`, where a blank is expected",
            ),
            (
                "ignore SP2101,because x",
                "SP9201",
                "`SP2101,because` has a comma beside `because`, where a blank is expected",
            ),
            (
                "ignore SP2101 because, x",
                "SP9201",
                "`because,` has a comma beside `because`, where a blank is expected",
            ),
            ("ignore SP2101 as x", "SP9201", "`as` stands where a code or `because` is expected"),
            ("ignore SP99 because x", "SP9202", "there is no code `SP99`"),
            ("ignore SP0203 because x", "SP9203", "`SP0203` is an error, and errors cannot be silenced"),
            ("ignore SP9204 because x", "SP9203", "`SP9204` is about silences, and cannot be silenced"),
        ] {
            let (found, problems) = silences_of(&format!("a: b # sallyport: {comment}\n"));
            assert_eq!((found, problems), (vec![], vec![(code, message.to_owned())]), "{comment}");
        }
        // Other comments, and files that are not YAML.
        for text in ["a: b # of sallyport: ignore\n", "a: [ # sallyport: x\n", "a: 'sallyport: x'\n"] {
            assert_eq!(silences_of(text), (vec![], vec![]), "{text}");
        }
    }

    #[test]
    fn a_mark_that_is_misspelt_is_said() {
        for comment in
            ["Sallyport: ignore", "sallyport ignore", "sallyport-ignore", "sallyport : ignore", "SALLYPORT:Ignore:"]
        {
            let (found, problems) = silences_of(&format!("a: b # {comment} SP2101 because x\n"));
            let message = "the comment asks Sallyport for something, and does not begin with `sallyport: ignore `";
            assert_eq!((found, problems), (vec![], vec![("SP9201", message.to_owned())]), "{comment}");
        }
        for comment in
            ["Sallyport: the gateway", "sallyport ignores it", "sallyports ignore it", "sallyport.dev", "sallyport"]
        {
            assert_eq!(silences_of(&format!("a: b # {comment}\n")), (vec![], vec![]), "{comment}");
        }
    }

    #[test]
    fn a_dash_alone_on_its_line_stands_for_the_item_behind_it() {
        let text = "a:\n# sallyport: ignore SP2101 because x\n-\n  # more\n  b: c\n- # sallyport: ignore SP2102 because y\n  \
                    b: d\n# sallyport: ignore SP2103 because z\n- b: e\n";
        let (found, problems) = silences_of(text);
        let lines: Vec<_> = found.iter().map(|(code, line, _)| (*code, *line)).collect();
        assert_eq!((lines, problems), (vec![("SP2101", Some(5)), ("SP2102", Some(7)), ("SP2103", Some(9))], vec![]));
    }

    #[test]
    fn what_has_no_line_is_not_to_be_moved() {
        let help = |code| {
            let silence = Silence { code, reason: "x".to_owned(), span: Span { start: 0, end: 0 }, line: None };
            silence.unused(0).help.unwrap_or_default()
        };
        assert!(help(Code::UnusedSilence).contains("line above"), "{}", help(Code::UnusedSilence));
        let placeholder = help(Code::PlaceholderImage);
        assert!(placeholder.contains("cannot be silenced") && !placeholder.contains("above"), "{placeholder}");
    }

    #[test]
    fn thousands_of_silences_take_no_time() {
        let took = |count: usize| {
            let text = format!("{}a: 1\n", "# sallyport: ignore SP2101 because x\n".repeat(count));
            let times = (0..3).map(|_| {
                let started = std::time::Instant::now();
                assert_eq!(silences_of(&text).0.len(), count);
                started.elapsed()
            });
            times.min().unwrap()
        };
        // Eight times as many take eight times as long, not 64 times.
        let (few, many) = (took(1_000), took(8_000));
        assert!(many < few.saturating_mul(32), "{few:?} {many:?}");
    }
}
