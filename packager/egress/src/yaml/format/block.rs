//! The lines of a block scalar, `|` or `>`: they all move by as much.

use super::layout::STEP;

/// Where something was, and where it is now.
#[derive(Clone, Copy, Default)]
pub(super) struct Moved {
    pub(super) old: usize,
    pub(super) new: usize,
}

impl Moved {
    /// Where something goes that moves along.
    pub(super) fn along(self, column: usize) -> usize {
        column.saturating_add(self.new).saturating_sub(self.old)
    }
}

pub(super) struct Block<'a> {
    head: &'a str,
    lines: Vec<&'a str>,
    moved: Moved,
    /// How many blanks are before each line, and are no part of the value.
    content: usize,
    /// Empty lines at its end, which mean nothing, were left out.
    pub(super) has_lost_lines: bool,
    /// The last line ends the file without a line end. The value has none either, so none is to be added.
    pub(super) is_open: bool,
}

impl<'a> Block<'a> {
    /// `is_last`: the text ends with the block, so its last line has no line end.
    pub(super) fn new(head: &'a str, lines: &'a str, parent: Moved, is_last: bool) -> Self {
        let told = head.split('#').next().and_then(|head| head.chars().find_map(|c| c.to_digit(10)));
        let keeps = head.split('#').next().is_some_and(|head| head.contains('+'));
        let all = || lines.split('\n');
        let content = match told {
            Some(told) => parent.old.saturating_add(told as usize),
            None => match all().find(|line| !is_blank(line)) {
                Some(first) => indentation(first),
                // Without a line that has more than blanks, the longest one decides, and all are empty.
                None => all().map(indentation).max().unwrap_or_default(),
            },
        };
        let moved = if told.is_some() { parent } else { Moved { old: content, new: parent.new.saturating_add(STEP) } };
        let mut kept: Vec<_> = all().collect();
        let last = kept.last().copied().unwrap_or_default();
        let has_open_line = is_last && (!is_blank(last) || indentation(last) >= content);
        if is_last && !has_open_line {
            kept.pop();
        }
        let before = kept.len();
        let is_empty = |line: &mut &str| is_blank(line) && indentation(line) <= content;
        while !keeps && !has_open_line && kept.pop_if(is_empty).is_some() {}
        let has_lost_lines = kept.len() < before;
        // With `-` the value has no line end in either case.
        let strips = head.split('#').next().is_some_and(|head| head.contains('-'));
        let is_open = has_open_line && (is_blank(last) || !strips);
        Self { head: head.trim_end(), lines: kept, moved, content, has_lost_lines, is_open }
    }

    pub(super) fn write(&self, written: &mut String) {
        written.push_str(self.head);
        for (number, line) in self.lines.iter().enumerate() {
            let blanks = indentation(line);
            let content = line.get(blanks..).unwrap_or_default();
            written.push('\n');
            // To some parsers, blanks at the end of the file are a line.
            let is_open = self.is_open && number.saturating_add(1) == self.lines.len();
            if !content.is_empty() || blanks > self.content || is_open {
                written.push_str(&" ".repeat(self.moved.along(blanks)));
                written.push_str(content);
            }
        }
    }
}

fn is_blank(line: &str) -> bool {
    line.trim_matches(' ').is_empty()
}

fn indentation(line: &str) -> usize {
    line.len().saturating_sub(line.trim_start_matches(' ').len())
}
