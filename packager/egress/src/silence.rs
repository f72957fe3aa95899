//! Comments that silence a warning: `# sallyport: ignore SP2101 because callers have no identity`.
//!
//! # Design
//! A silence is for one line: the line of the comment, or the next one with a value if the comment has a line of its own. So it
//! goes with what it is about, and a warning of the same code elsewhere is still reported. It needs a reason, because the next
//! reader has only the comment. Errors cannot be silenced: a file with an error cannot be used.

use crate::code::{Code, Severity};
use crate::diagnostic::{Diagnostic, LineIndex, Sink, SourceFile, Span, UnplacedDiagnostic};
use crate::wording::{did_you_mean, quoted};
use crate::yaml::reader::read_all;
use crate::yaml::tokens::{Kind, Token, tokens};

/// What such a comment begins with, behind the `#`.
const MARK: &str = "sallyport:";
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
        let help = "remove the comment, or move it to the line above the warning";
        UnplacedDiagnostic::new(Code::UnusedSilence, message).help(help).at(file, self.span)
    }
}

/// The silences of one file, and what is wrong with those that are none. In a file that is not YAML there are none. `file`: the
/// index for the diagnostics.
#[must_use]
pub fn silences(file: usize, source: &SourceFile) -> (Vec<Silence>, Vec<Diagnostic>) {
    let text = source.text.as_str();
    let (mut found, mut sink) = (Vec::new(), Sink::new(file));
    if !text.contains(MARK) {
        return (found, sink.diagnostics);
    }
    let mut unread = Sink::new(file);
    let documents = read_all(text, &mut unread);
    if !unread.diagnostics.is_empty() {
        return (found, sink.diagnostics);
    }
    let (tokens, lines) = (tokens(text, &documents), LineIndex::new(text));
    for (position, token) in tokens.iter().enumerate().filter(|(_, token)| token.kind == Kind::Comment) {
        let comment = token.text(text).trim_start_matches('#').trim_start();
        let Some(rest) = comment.strip_prefix(MARK) else { continue };
        match read(rest) {
            Ok((codes, reason)) => {
                let line = line(position, *token, &tokens, &lines);
                let silence = |code| Silence { code, reason: reason.clone(), span: token.span, line };
                found.extend(codes.into_iter().map(silence));
            }
            Err(flaw) => sink.report(token.span, flaw),
        }
    }
    (found, sink.diagnostics)
}

/// The line that a comment is about.
fn line(position: usize, comment: Token, tokens: &[Token], lines: &LineIndex<'_>) -> Option<usize> {
    let start = |token: &Token| lines.position(token.span.start).line;
    let own = start(&comment);
    let before = position.checked_sub(1).and_then(|before| tokens.get(before));
    // The last line of a value with several lines.
    if before.is_some_and(|before| lines.position(before.span.end).line == own) {
        return Some(own);
    }
    tokens.iter().skip(position).find(|token| token.kind != Kind::Comment).map(start)
}

/// ` ignore SP2101, SP2102 because REASON`: the codes and the reason.
fn read(rest: &str) -> Result<(Vec<Code>, String), UnplacedDiagnostic> {
    let form = |message: String| UnplacedDiagnostic::new(Code::SilenceForm, message).help(FORM);
    let rest = rest.trim();
    let (verb, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    if verb != "ignore" {
        return Err(form(format!("{} is not what a comment can ask of Sallyport", quoted(verb))));
    }
    let mut words = rest.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty());
    let codes = words.by_ref().take_while(|word| *word != "because").map(code).collect::<Result<Vec<_>, _>>()?;
    let reason = rest.split_whitespace().skip_while(|word| *word != "because").skip(1).collect::<Vec<_>>().join(" ");
    if codes.is_empty() {
        return Err(form("the comment names no code that it silences".to_owned()));
    }
    if reason.is_empty() {
        let codes: Vec<_> = codes.iter().map(|code| code.as_str()).collect();
        return Err(form(format!("{} is silenced without a reason", quoted(&codes.join(", ")))));
    }
    Ok((codes, reason))
}

fn code(word: &str) -> Result<Code, UnplacedDiagnostic> {
    let Some(code) = Code::parse(word) else {
        if !word.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("SP")) {
            let message = format!("{} stands where a code or `because` is expected", quoted(word));
            return Err(UnplacedDiagnostic::new(Code::SilenceForm, message).help(FORM));
        }
        let all = Code::all();
        let near = did_you_mean(word, all.iter().map(|code| code.as_str()));
        let help = match near {
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
    fn what_is_no_silence_is_said() {
        for (comment, code, message) in [
            ("", "SP9201", "`` is not what a comment can ask of Sallyport"),
            ("disable SP2101", "SP9201", "`disable` is not what a comment can ask of Sallyport"),
            ("ignore", "SP9201", "the comment names no code that it silences"),
            ("ignore because x", "SP9201", "the comment names no code that it silences"),
            ("ignore SP2101", "SP9201", "`SP2101` is silenced without a reason"),
            ("ignore SP2101 because ", "SP9201", "`SP2101` is silenced without a reason"),
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
}
