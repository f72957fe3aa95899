//! Two changes of one text, together.
//!
//! # Design
//! `git merge-file` takes changes of lines beside each other for a conflict, and what follows the rules in an Egress file often
//! stands right below them. Who calls this looks whether the result means what it should.

use std::ops::Range;

use similar::{DiffTag, TextDiff};

/// Lines of the base, and what stands in their place.
#[derive(Debug)]
struct Hunk {
    lines: Range<usize>,
    text: String,
}

/// The text `one` with what `other` changes of their common `base`; `None`: both change the same lines.
pub(super) fn merged(base: &str, one: &str, other: &str) -> Option<String> {
    let mut all = hunks(base, one);
    all.extend(hunks(base, other));
    all.sort_by_key(|hunk| (hunk.lines.start, hunk.lines.end));
    let lines: Vec<&str> = base.split_inclusive('\n').collect();
    let (mut text, mut at) = (String::new(), 0);
    let mut before: Option<&Hunk> = None;
    for hunk in &all {
        // Of two additions in one place, none is first.
        let is_same_place = before.is_some_and(|before| before.lines == hunk.lines);
        text.extend(lines.get(at..hunk.lines.start).filter(|_| !is_same_place)?.iter().copied());
        text.push_str(&hunk.text);
        (at, before) = (hunk.lines.end, Some(hunk));
    }
    text.extend(lines.get(at..)?.iter().copied());
    Some(text)
}

fn hunks(base: &str, changed: &str) -> Vec<Hunk> {
    let diff = TextDiff::from_lines(base, changed);
    let new: Vec<&str> = changed.split_inclusive('\n').collect();
    let is_change = |tag: DiffTag| tag != DiffTag::Equal;
    let changes = diff.ops().iter().filter(|op| is_change(op.tag()));
    let hunk =
        |lines: Range<usize>, text: Range<usize>| Hunk { lines, text: new.get(text).unwrap_or_default().concat() };
    changes.map(|op| hunk(op.old_range(), op.new_range())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_beside_each_other_are_merged_and_those_of_one_place_are_not() {
        let base = "a\nb\nc\nd\n";
        for (one, other, expected) in [
            (base, base, Some(base)),
            ("a\nB\nc\nd\n", base, Some("a\nB\nc\nd\n")),
            ("a\nB\nc\nd\n", "a\nb\nC\nd\n", Some("a\nB\nC\nd\n")),
            ("a\nb\nc\nd\ne\n", "a\nb\nc\n", Some("a\nb\nc\ne\n")),
            ("x\na\nb\nc\nd\n", "b\nc\nd\n", Some("x\nb\nc\nd\n")),
            ("a\nB\nc\nd\n", "a\nbb\nc\nd\n", None),
            ("a\nB\nC\nd\n", "a\nb\nCC\nd\n", None),
            ("a\nb\nc\nd\ne\n", "a\nb\nc\nd\nf\n", None),
            ("a\nb\nx\nc\nd\n", "a\nd\n", None),
        ] {
            assert_eq!(merged(base, one, other).as_deref(), expected, "{one:?} {other:?}");
            assert_eq!(merged(base, other, one).as_deref(), expected, "{other:?} {one:?}");
        }
    }
}
