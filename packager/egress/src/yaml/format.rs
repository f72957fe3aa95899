//! A file in one usual form: indentation, blanks and empty lines, and nothing else.
//!
//! # Design
//! Only white space between tokens changes: every key, value and comment stays what it is and where it is, and nothing is sorted,
//! because the order of rules is reviewed and that of lists has a meaning. What comes out is read again; if it does not say the
//! same with the same comments, the file is left alone and that is reported as a defect.
//!
//! The form is that of [`init_template`](crate::init_template): two blanks per level, the dashes of a list below its key, one
//! blank behind `:` and `,`, none within brackets, at most one empty line. Where lines break is the author's choice.

use super::reader::read_one;
use super::source_text;
use super::tokens::{Kind, Token, tokens};
use super::tree::{Node, Value};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Sink, SourceFile, Span, UnplacedDiagnostic};

/// Blanks per level.
const STEP: usize = 2;

/// The text in the usual form.
///
/// # Errors
/// What makes the file unreadable. What is wrong with its fields does not matter here.
pub fn formatted(file: usize, source: &SourceFile) -> Result<String, Vec<Diagnostic>> {
    let text = source.text.as_str();
    let mut sink = Sink::new(file);
    let readable = source_text::examine(text, &mut sink);
    let tree = if readable { read_one(text, &mut sink) } else { None };
    let Some(tree) = tree.filter(|_| sink.diagnostics.is_empty()) else { return Err(sink.diagnostics) };
    let tokens = tokens(text, std::slice::from_ref(&tree));
    let written = Layout::of(text, &tree, &tokens).map(|columns| Writer::new(text, &tokens, &columns).write());
    match written.filter(|written| says_the_same(text, &tree, &tokens, written)) {
        Some(written) => Ok(written),
        None => {
            let flaw =
                UnplacedDiagnostic::new(Code::Internal, "the file cannot be formatted without changing what it says");
            sink.report(Span { start: 0, end: 0 }, flaw.help("please report this as a bug in Sallyport"));
            Err(sink.diagnostics)
        }
    }
}

/// Whether another text has the same keys, values and comments.
fn says_the_same(text: &str, tree: &Node, old: &[Token], written: &str) -> bool {
    let mut sink = Sink::new(0);
    let Some(again) = read_one(written, &mut sink).filter(|_| sink.diagnostics.is_empty()) else { return false };
    let new = tokens(written, std::slice::from_ref(&again));
    let is_comment = |token: &&Token| token.kind == Kind::Comment;
    let comments = old.iter().filter(is_comment).map(|token| token.text(text));
    same(tree, &again) && comments.eq(new.iter().filter(is_comment).map(|token| token.text(written)))
}

/// The depth is bounded by the reader.
fn same(one: &Node, other: &Node) -> bool {
    match (&one.value, &other.value) {
        (Value::Scalar(one), Value::Scalar(other)) => one.text == other.text && one.plain == other.plain,
        (Value::Sequence(one), Value::Sequence(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Mapping(one), Value::Mapping(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .zip(other)
                    .all(|(one, other)| one.key.name == other.key.name && same(&one.value, &other.value))
        }
        _ => false,
    }
}

/// Where a token belongs.
#[derive(Clone, Copy)]
enum Column {
    /// A key or a dash of a block.
    Of(usize),
    /// A value, if it begins a line.
    IfFirst(usize),
    /// What moves along with what is before it.
    Any,
}

impl Column {
    fn number(self) -> Option<usize> {
        match self {
            Column::Of(column) | Column::IfFirst(column) => Some(column),
            Column::Any => None,
        }
    }
}

/// The column of each token.
struct Layout<'a> {
    text: &'a str,
    tokens: &'a [Token],
    columns: Vec<Column>,
    at: usize,
}

impl<'a> Layout<'a> {
    /// `None`: the file is written in a way that is not known here, such as with `? ` before a key.
    fn of(text: &'a str, tree: &Node, tokens: &'a [Token]) -> Option<Vec<Column>> {
        let mut layout = Self { text, tokens, columns: vec![Column::Any; tokens.len()], at: 0 };
        layout.node(tree, 0)?;
        Some(layout.columns)
    }

    fn is_block(&self, node: &Node) -> bool {
        let is_collection = matches!(node.value, Value::Sequence(_) | Value::Mapping(_));
        is_collection && !self.text.get(node.span.start..).is_some_and(|rest| rest.starts_with(['{', '[']))
    }

    fn node(&mut self, node: &Node, column: usize) -> Option<()> {
        let below = column.saturating_add(STEP);
        match &node.value {
            Value::Sequence(items) if self.is_block(node) => {
                for item in items {
                    self.take(Kind::Mark('-'), Column::Of(column))?;
                    self.node(item, below)?;
                }
            }
            Value::Mapping(entries) if self.is_block(node) => {
                for entry in entries {
                    self.take(Kind::Scalar, Column::Of(column))?;
                    self.take(Kind::Mark(':'), Column::Any)?;
                    let is_list = matches!(entry.value.value, Value::Sequence(_)) && self.is_block(&entry.value);
                    self.node(&entry.value, if is_list { column } else { below })?;
                }
            }
            // Nothing is written; a block without a line has its head.
            Value::Scalar(scalar) if scalar.plain && node.span.start >= node.span.end => {}
            Value::Scalar(_) => self.take(Kind::Scalar, Column::IfFirst(column))?,
            Value::Sequence(_) | Value::Mapping(_) => self.flow(column)?,
            Value::Refused => return None,
        }
        Some(())
    }

    /// Takes the tokens up to the bracket that closes the next one.
    fn flow(&mut self, column: usize) -> Option<()> {
        let (mut depth, mut column) = (0_usize, Column::IfFirst(column));
        loop {
            match self.next()? {
                Kind::Mark('[' | '{') => depth = depth.saturating_add(1),
                Kind::Mark(']' | '}') => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.place(std::mem::replace(&mut column, Column::Any));
            if depth == 0 {
                return Some(());
            }
        }
    }

    fn take(&mut self, kind: Kind, column: Column) -> Option<()> {
        (self.next()? == kind).then(|| self.place(column))
    }

    /// The kind of the next token that is no comment and no line before the document.
    fn next(&mut self) -> Option<Kind> {
        while matches!(self.tokens.get(self.at)?.kind, Kind::Comment | Kind::Other) {
            self.at = self.at.saturating_add(1);
        }
        self.tokens.get(self.at).map(|token| token.kind)
    }

    fn place(&mut self, column: Column) {
        if let Some(of_token) = self.columns.get_mut(self.at) {
            *of_token = column;
        }
        self.at = self.at.saturating_add(1);
    }
}

/// Where something was, and where it is now.
#[derive(Clone, Copy, Default)]
struct Moved {
    old: usize,
    new: usize,
}

impl Moved {
    /// Where something goes that moves along.
    fn along(self, column: usize) -> usize {
        column.saturating_add(self.new).saturating_sub(self.old)
    }
}

struct Writer<'a> {
    text: &'a str,
    tokens: &'a [Token],
    columns: &'a [Column],
    written: String,
    /// The keys and dashes around the current place.
    around: Vec<Moved>,
    /// The beginning of the line, or of the line on which the brackets around the current place began.
    line: Moved,
    /// How many brackets are open.
    depth: usize,
}

impl<'a> Writer<'a> {
    fn new(text: &'a str, tokens: &'a [Token], columns: &'a [Column]) -> Self {
        Self { text, tokens, columns, written: String::new(), around: Vec::new(), line: Moved::default(), depth: 0 }
    }

    fn write(mut self) -> String {
        let mut done = 0;
        let mut before = None;
        for (position, token) in self.tokens.iter().enumerate() {
            let gap = self.text.get(done..token.span.start).unwrap_or_default();
            match (before, gap.matches('\n').count()) {
                (None, _) => self.indent(position, *token),
                (Some(before), 0) => self.written.push_str(blank(before, *token, gap)),
                (Some(_), lines) => {
                    self.written.push_str(if lines > 1 { "\n\n" } else { "\n" });
                    self.indent(position, *token);
                }
            }
            self.place(position, *token);
            done = token.span.end;
            before = Some(*token);
        }
        self.written.push('\n');
        self.written
    }

    /// Of a byte, in its line.
    fn column(&self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or_default();
        before.len().saturating_sub(before.rfind('\n').map_or(0, |end| end.saturating_add(1)))
    }

    /// Begins a line.
    fn indent(&mut self, position: usize, token: Token) {
        let old = self.column(token.span.start);
        let new = match self.columns.get(position).and_then(|column| column.number()) {
            Some(column) => column,
            None if self.depth > 0 => self.line.along(old),
            None if token.kind == Kind::Comment => self.of_comment(position, old),
            None => 0,
        };
        if self.depth == 0 {
            self.line = Moved { old, new };
        }
        self.written.push_str(&" ".repeat(new));
    }

    /// A comment goes with what follows it in the same column, or else with what it stands below.
    fn of_comment(&self, position: usize, old: usize) -> usize {
        let mut next = self.columns.iter().zip(self.tokens).skip(position);
        let next = next.find_map(|(column, token)| Some((column.number()?, self.column(token.span.start))));
        match (next, self.around.iter().rev().find(|around| around.old <= old)) {
            (Some((new, at)), _) if at == old => new,
            (_, Some(around)) => around.along(old),
            (Some((new, _)), None) => new,
            (None, None) => 0,
        }
    }

    fn place(&mut self, position: usize, token: Token) {
        let old = self.column(token.span.start);
        if let Some(Column::Of(new)) = self.columns.get(position).copied() {
            self.around.retain(|around| around.old < old);
            self.around.push(Moved { old, new });
        }
        match token.kind {
            Kind::Mark('[' | '{') => self.depth = self.depth.saturating_add(1),
            Kind::Mark(']' | '}') => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        let raw = token.text(self.text);
        match raw.split_once('\n') {
            Some((head, lines)) if raw.starts_with(['|', '>']) => self.block(head, lines),
            Some((head, lines)) => self.continued(head, lines),
            None => self.written.push_str(raw),
        }
    }

    /// The lines of a value without a bar: the parser takes no notice of their indentation.
    fn continued(&mut self, head: &str, lines: &str) {
        self.written.push_str(head);
        for line in lines.split('\n') {
            let content = line.trim_start_matches([' ', '\t']);
            self.written.push('\n');
            if !content.is_empty() {
                let new = self.line.along(line.len().saturating_sub(content.len())).max(1);
                self.written.push_str(&" ".repeat(new));
                self.written.push_str(content);
            }
        }
    }

    /// The lines of a block: they all move by as much.
    fn block(&mut self, head: &str, lines: &str) {
        let indentation = |line: &str| line.len().saturating_sub(line.trim_start_matches(' ').len());
        // The value of a key or dash; what it says of its indentation counts from there.
        let parent = self.around.last().copied().unwrap_or_default();
        let is_told = head.split('#').next().is_some_and(|head| head.contains(|c: char| c.is_ascii_digit()));
        let first = lines.split('\n').find(|line| !line.trim_matches(' ').is_empty()).map_or(0, indentation);
        let moved = if is_told { parent } else { Moved { old: first, new: parent.new.saturating_add(STEP) } };
        self.written.push_str(head.trim_end());
        for line in lines.split('\n') {
            let blanks = indentation(line);
            let content = line.get(blanks..).unwrap_or_default();
            self.written.push('\n');
            if !content.is_empty() || blanks > moved.old {
                self.written.push_str(&" ".repeat(moved.along(blanks)));
                self.written.push_str(content);
            }
        }
    }
}

/// What is between two tokens of one line.
fn blank(before: Token, token: Token, gap: &str) -> &str {
    match (before.kind, token.kind) {
        // Comments of several lines may be in one column.
        (_, Kind::Comment) => gap,
        (_, Kind::Mark(',' | ':' | ']' | '}')) | (Kind::Mark('[' | '{'), _) => "",
        (Kind::Mark(',' | ':' | '-'), _) => " ",
        _ => gap,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> SourceFile {
        SourceFile { name: "a.yaml".to_owned(), text: text.to_owned() }
    }

    /// What comes out stays as it is.
    fn check(text: &str, expected: &str) {
        let written = formatted(0, &source(text)).unwrap_or_else(|problems| panic!("{text}\n{problems:?}"));
        assert_eq!(written, expected);
        assert_eq!(formatted(0, &source(&written)).as_deref(), Ok(written.as_str()));
    }

    #[test]
    fn only_white_space_changes() {
        check(
            "\n\n# head\n\n\n\na :   1   # one\nlist:\n    -   x:  [ 1,2 ,3 ]\n        y: { a : b,c: d }\n\n        # of z\n        \
             z: ~\n    # of the next\n    - w\n\nlast:\n      # of key\n      key:\n         deep: \"a\\\"b\"  \n      # end\n# foot\n\n\n",
            "# head\n\na: 1   # one\nlist:\n- x: [1, 2, 3]\n  y: {a: b, c: d}\n\n  # of z\n  z: ~\n# of the next\n- w\n\n\
             last:\n  # of key\n  key:\n    deep: \"a\\\"b\"\n  # end\n# foot\n",
        );
    }

    #[test]
    fn lists_in_lists_and_values_on_lines_of_their_own() {
        check(
            "a:\n   - - 1\n     -   2\n   -\n     - 3\nb:\n      'x'\nc:\n    {d: e}\n",
            "a:\n- - 1\n  - 2\n-\n  - 3\nb:\n  'x'\nc:\n  {d: e}\n",
        );
        check("---\na:\nb: \n", "---\na:\nb:\n");
        check("{a: b,\n   c: [ d,\n  e ]\n}", "{a: b,\n   c: [d,\n  e]\n}\n");
    }

    #[test]
    fn brackets_over_several_lines_move_as_a_whole() {
        check(
            "a:\n    - b: {c: d,\n          # of e\n          e: [f,\n              g]}\n      h: i\n",
            "a:\n- b: {c: d,\n      # of e\n      e: [f,\n          g]}\n  h: i\n",
        );
    }

    #[test]
    fn the_lines_of_a_value_stay_what_they_are() {
        check(
            "a:\n    - b: |\n            one\n              two   \n\n            three\n      c: >-\n         x\n\n\n      d: |2\n          y\n    \
             - e: \"p\n        q\"\n      f: r\n        s\n",
            "a:\n- b: |\n    one\n      two   \n\n    three\n  c: >-\n    x\n\n  d: |2\n      y\n- e: \"p\n    q\"\n  f: r\n    s\n",
        );
        check("a: |+\n  x\n\n\nb: |\n  # text\n# no text\n", "a: |+\n  x\n\n\nb: |\n  # text\n# no text\n");
        check("a: |+\n  x\n\n\n", "a: |+\n  x\n\n\n");
        check("a: |\n  x\n\n\n", "a: |\n  x\n");
        check("a:   |\nb:\n   - >-\n\n   - c\n", "a: |\nb:\n- >-\n\n- c\n");
    }

    #[test]
    fn what_cannot_be_read_is_not_formatted() {
        for (text, code) in [
            ("a: [", "SP0101"),
            ("", "SP0006"),
            ("a: 1\r\n", "SP0004"),
            ("a: &x 1\n", "SP0104"),
            ("? a\n: b\n", "SP0299"),
        ] {
            let problems = formatted(0, &source(text)).expect_err("not readable");
            assert_eq!(problems.first().map(|problem| problem.code.as_str()), Some(code), "{text}");
        }
    }
}
