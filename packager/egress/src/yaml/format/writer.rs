//! Tokens, each at its column.

use super::block::{Block, Moved};
use super::layout::Column;
use crate::yaml::tokens::{Kind, Token};

/// What was written before a token.
#[derive(Clone, Copy)]
struct Before {
    token: Token,
    /// A block whose empty lines at its end, which mean nothing, were left out.
    has_lost_lines: bool,
    /// The token is a block.
    is_block: bool,
}

pub(super) struct Writer<'a> {
    text: &'a str,
    tokens: &'a [Token],
    columns: &'a [Column],
    /// Where each token begins in its line, in bytes.
    old: Vec<usize>,
    /// For each token, the next one that has a column: itself, or one behind it.
    next: Vec<Option<Moved>>,
    written: String,
    /// The keys and dashes around the current place.
    around: Vec<Moved>,
    /// The beginning of the line, or of the line on which the brackets around the current place began.
    line: Moved,
    /// How many brackets are open.
    depth: usize,
    /// The last line is the last one of a block, and has no line end, which belongs to the value.
    is_open: bool,
}

impl<'a> Writer<'a> {
    pub(super) fn new(text: &'a str, tokens: &'a [Token], columns: &'a [Column]) -> Self {
        let old = starts_in_lines(text, tokens);
        let mut next = Vec::with_capacity(tokens.len());
        let mut behind = None;
        for (column, old) in columns.iter().zip(&old).rev() {
            behind = column.number().map(|new| Moved { old: *old, new }).or(behind);
            next.push(behind);
        }
        next.reverse();
        Self {
            text,
            tokens,
            columns,
            old,
            next,
            written: String::new(),
            around: Vec::new(),
            line: Moved::default(),
            depth: 0,
            is_open: false,
        }
    }

    pub(super) fn write(mut self) -> String {
        let mut done = 0;
        let mut before: Option<Before> = None;
        for (position, token) in self.tokens.iter().enumerate() {
            let gap = self.text.get(done..token.span.start).unwrap_or_default();
            match (before, gap.matches('\n').count()) {
                (None, _) => self.indent(position, *token, false),
                (Some(before), 0) if !before.has_lost_lines => self.written.push_str(blank(before.token, *token, gap)),
                (Some(before), lines) => {
                    self.written.push_str(if lines > 1 || before.has_lost_lines { "\n\n" } else { "\n" });
                    self.indent(position, *token, before.is_block);
                }
            }
            before = Some(self.place(position, *token));
            done = token.span.end;
        }
        if !self.is_open {
            self.written.push('\n');
        }
        self.written
    }

    /// Begins a line.
    fn indent(&mut self, position: usize, token: Token, is_below_block: bool) {
        let old = self.old.get(position).copied().unwrap_or_default();
        let new = match self.columns.get(position).and_then(|column| column.number()) {
            Some(column) => column,
            None if self.depth > 0 => self.line.along(old),
            None if token.kind == Kind::Comment => {
                let new = self.of_comment(position, old);
                // Where the lines of the block are, it would be one of them.
                if is_below_block { new.min(self.around.last().map_or(0, |around| around.new)) } else { new }
            }
            None => 0,
        };
        if self.depth == 0 {
            self.line = Moved { old, new };
        }
        self.written.push_str(&" ".repeat(new));
    }

    /// A comment goes with what follows it in the same column, or else with what it stands below.
    fn of_comment(&self, position: usize, old: usize) -> usize {
        let next = self.next.get(position).copied().flatten();
        match (next, self.around.iter().rev().find(|around| around.old <= old)) {
            (Some(next), _) if next.old == old => next.new,
            (_, Some(around)) => around.along(old),
            (Some(next), None) => next.new,
            (None, None) => 0,
        }
    }

    fn place(&mut self, position: usize, token: Token) -> Before {
        let old = self.old.get(position).copied().unwrap_or_default();
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
        let is_block = token.kind == Kind::Scalar && raw.starts_with(['|', '>']);
        let mut has_lost_lines = false;
        match raw.split_once('\n') {
            Some((head, lines)) if is_block => {
                // The value of a key or dash; what it says of its indentation counts from there.
                let parent = self.around.last().copied().unwrap_or_default();
                let block = Block::new(head, lines, parent, token.span.end == self.text.len());
                block.write(&mut self.written);
                (has_lost_lines, self.is_open) = (block.has_lost_lines, block.is_open);
            }
            Some((head, lines)) => self.continued(head, lines),
            None => self.written.push_str(raw),
        }
        Before { token, has_lost_lines, is_block }
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
}

/// One pass, because a line may be long and lines may be many.
fn starts_in_lines(text: &str, tokens: &[Token]) -> Vec<usize> {
    let (mut line, mut done) = (0, 0);
    let mut start = |token: &Token| {
        let before = text.get(done..token.span.start).unwrap_or_default();
        if let Some(end) = before.rfind('\n') {
            line = end.saturating_add(done).saturating_add(1);
        }
        done = token.span.start;
        token.span.start.saturating_sub(line)
    };
    tokens.iter().map(&mut start).collect()
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
