//! Examples whose lines say what is found in them: `# <- SP2001` at the end of a line, or `# <- SP2001 text` with the text
//! that the finding points at; several are separated by commas.

use sallyport_egress::diagnostic::SourceFile;
use sallyport_egress::{Code, check_with_manifests};

/// What is found in a line, or should be.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    pub file: String,
    pub line: usize,
    pub code: Code,
    /// Empty where a mark names none; then any will do.
    pub text: String,
}

/// What the marks of the files say.
pub fn marked(files: &[SourceFile]) -> Vec<Mark> {
    let of_file = |file: &SourceFile| {
        let lines: Vec<_> = file.text.lines().enumerate().collect();
        let marks = lines.into_iter().filter_map(|(at, line)| Some((at + 1, line.split_once("# <- ")?.1)));
        let mark = |line, words: &str| {
            let (code, text) = words.split_once(' ').unwrap_or((words, ""));
            let code = Code::parse(code).unwrap_or_else(|| panic!("{}: no code: {words}", file.name));
            Mark { file: file.name.clone(), line, code, text: text.to_owned() }
        };
        marks
            .flat_map(|(line, words)| words.split(", ").map(move |word| mark(line, word)).collect::<Vec<_>>())
            .collect::<Vec<_>>()
    };
    let mut marks: Vec<_> = files.iter().flat_map(of_file).collect();
    marks.sort();
    marks
}

/// What is found in the files, with the text where a mark of the same line and code names it.
pub fn found(files: &[SourceFile]) -> Vec<Mark> {
    let wanted = marked(files);
    let checked = check_with_manifests(files);
    let mut found = Vec::new();
    for problem in checked.diagnostics {
        let file = &files[problem.file];
        let text = file.text[problem.span.start..problem.span.end].trim_matches('"');
        let line = file.position(problem.span.start).line;
        let mark = |text: &str| Mark { file: file.name.clone(), line, code: problem.code, text: text.to_owned() };
        found.push(if wanted.contains(&mark("")) { mark("") } else { mark(text) });
    }
    found.sort();
    found
}
