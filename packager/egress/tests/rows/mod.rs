//! Tables of mistakes, each in one place of an otherwise good file. A line of a table begins with `@` (the file of the rows
//! below), `=` (a part of that file), `-` (what stands there instead) or `+` (the cure).

use std::path::Path;

use sallyport_egress::diagnostic::{Diagnostic, Severity, SourceFile};
use snapbox::Data;

/// A part of a good file, what stands there instead, and the cure.
struct Row {
    file: SourceFile,
    of: String,
    wrong: String,
    right: String,
}

/// A table, and what is said of a file.
pub struct Table {
    rows: Vec<Row>,
    check: fn(&SourceFile) -> Vec<Diagnostic>,
}

impl Table {
    /// Reads the rows. `files`: the good ones, the first of which needs no `@`. `least`: fewer rows are no table.
    pub fn new(text: &str, files: &[(&str, &str)], least: usize, check: fn(&SourceFile) -> Vec<Diagnostic>) -> Self {
        let (mut rows, mut of, mut wrong) = (Vec::new(), String::new(), None);
        let mut file = files.first();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let text = unescaped(line.get(2..).unwrap_or_default());
            match (line.as_bytes().first(), wrong.take()) {
                (Some(b'@'), None) => file = files.iter().find(|(name, _)| *name == text),
                (Some(b'='), None) => of = text,
                (Some(b'-'), None) => wrong = Some(text),
                (Some(b'+'), Some(wrong)) => {
                    assert!(file.is_some(), "{line}: no such file");
                    rows.extend(file.map(|(name, good)| Row {
                        file: SourceFile { name: (*name).to_owned(), text: (*good).to_owned() },
                        of: of.clone(),
                        wrong,
                        right: text,
                    }));
                }
                (sign, _) => assert_eq!(sign, None, "{line}: out of place"),
            }
        }
        assert!(rows.len() > least, "{}", rows.len());
        Self { rows, check }
    }

    /// What is said of a file: each message with its place and its help.
    pub fn said(&self, file: &SourceFile) -> Vec<String> {
        let said = (self.check)(file).into_iter().map(|problem| {
            let at = file.position(problem.span.start);
            let severity = if problem.severity == Severity::Warning { " warning" } else { "" };
            let help = problem.help.unwrap_or_default();
            format!("{}:{} {}{severity} {}\n    help: {help}", at.line, at.column, problem.code, problem.message)
        });
        said.collect()
    }

    /// What is said of each mistake is as in the file. `SNAPSHOTS=overwrite cargo test -p sallyport-egress --test NAME` writes it.
    pub fn is_as_expected(&self, expected: &str) {
        let mut table = String::new();
        for row in &self.rows {
            let shown = row.wrong.replace('\u{a0}', "\\u{a0}").replace('\t', "\\t");
            table.push_str(&format!("{}\n", shown.trim_end().replace('\n', "\n| ")));
            for said in self.said(&row.with(&row.wrong)) {
                table.push_str(&format!("    {said}\n"));
            }
        }
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(expected);
        snapbox::Assert::new().action_env("SNAPSHOTS").eq(table, Data::read_from(&path, None).raw());
    }

    /// One mistake has one message.
    pub fn has_one_message_each(&self) {
        let all = self.rows.iter().map(|row| (&row.wrong, self.said(&row.with(&row.wrong))));
        let several: Vec<_> = all.filter(|(_, said)| said.len() != 1).collect();
        assert!(several.is_empty(), "{several:#?}");
    }

    /// Nothing is said of what is cured, nor of the good files.
    pub fn is_cured(&self) {
        let good = self.rows.iter().map(|row| (&row.of, self.said(&row.file)));
        let cured = self.rows.iter().map(|row| (&row.right, self.said(&row.with(&row.right))));
        let uncured: Vec<_> = good.chain(cured).filter(|(_, said)| !said.is_empty()).collect();
        assert!(uncured.is_empty(), "{uncured:#?}");
    }
}

impl Row {
    fn with(&self, instead: &str) -> SourceFile {
        let SourceFile { name, text } = &self.file;
        assert_eq!(text.matches(&self.of).count(), 1, "{}: it is not there once", self.of);
        SourceFile { name: name.clone(), text: text.replacen(&self.of, instead, 1) }
    }
}

fn unescaped(text: &str) -> String {
    let spaces =
        [("\\n", "\n"), ("\\t", "\t"), ("\\u{a0}", "\u{a0}"), ("\\u{201c}", "\u{201c}"), ("\\u{201d}", "\u{201d}")];
    spaces.iter().fold(text.to_owned(), |text, (escape, c)| text.replace(escape, c))
}
