//! Several patterns, of which one must match.

use alloc::boxed::Box;
use alloc::collections::BinaryHeap;
use alloc::vec::Vec;
use core::cmp::Ordering;

use crate::map::ByteMap;

/// Above this many patterns they are looked up, not tried.
const FEW: usize = 8;

/// What a set is made of.
pub trait Pattern: Sized {
    /// Whether the pattern matches.
    fn matches(&self, value: &[u8]) -> bool;

    /// The text, if the pattern matches that and nothing else; otherwise the pattern again.
    fn into_exact(self) -> Result<Box<[u8]>, Self>;

    /// The end and its text, if the pattern matches every value with that text at that end and nothing else; otherwise
    /// the pattern again. What is given away here is no longer in [`PatternSet::listed`]; paths keep theirs, because the
    /// index reads them there.
    fn into_affix(self) -> Result<(End, Box<[u8]>), Self> {
        Err(self)
    }
}

/// One end of a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// The first bytes.
    #[default]
    First,
    /// The last bytes.
    Last,
}

impl End {
    /// Compares two texts from this end on.
    fn order(self, left: &[u8], right: &[u8]) -> Ordering {
        match self {
            Self::First => left.cmp(right),
            Self::Last => left.iter().rev().cmp(right.iter().rev()),
        }
    }

    /// Whether a value has a text at this end.
    fn is_at(self, text: &[u8], value: &[u8]) -> bool {
        match self {
            Self::First => value.starts_with(text),
            Self::Last => value.ends_with(text),
        }
    }
}

/// A set.
#[derive(Clone, Debug)]
pub enum PatternSet<P> {
    /// Tried one by one.
    Few(Vec<P>),
    /// The exact ones by hash, prefixes and suffixes by binary search, the others one by one.
    Many(Box<ManyPatterns<P>>),
}

/// A large set.
#[derive(Clone, Debug)]
pub struct ManyPatterns<P> {
    texts: Texts,
    others: Vec<P>,
}

/// What the patterns of a large set say, as far as it is a text.
#[derive(Clone, Debug, Default)]
struct Texts {
    /// As keys; the numbers mean nothing.
    exact: ByteMap,
    prefixes: Affixes,
    suffixes: Affixes,
}

/// Texts at one end of a value, in the order of that end. None of them has another at that end, so the only one that a
/// value can have is the last that is not greater than the value.
#[derive(Clone, Debug, Default)]
struct Affixes {
    end: End,
    texts: Vec<Box<[u8]>>,
}

/// A text in the order of one end.
#[derive(PartialEq, Eq)]
struct Ordered {
    end: End,
    text: Box<[u8]>,
}

impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> Ordering {
        self.end.order(&self.text, &other.text)
    }
}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Affixes {
    /// Behind the last text that is not greater.
    // Not generic and out of line, as the rest of these: each kind of set would have its own copy otherwise.
    #[inline(never)]
    fn place(&self, value: &[u8]) -> usize {
        self.texts.partition_point(|known| self.end.order(known, value).is_le())
    }

    /// Puts the texts in order, without those that another covers: they come right behind it.
    #[inline(never)]
    fn settle(&mut self) {
        let end = self.end;
        // A heap sorts in a tenth of the code of `sort`, which is made for more than the texts of a policy.
        let heap: BinaryHeap<_> =
            core::mem::take(&mut self.texts).into_iter().map(|text| Ordered { end, text }).collect();
        self.texts = heap.into_sorted_vec().into_iter().map(|ordered| ordered.text).collect();
        self.texts.dedup_by(|text, covering| end.is_at(covering, text));
        self.texts.shrink_to_fit();
    }

    #[inline(never)]
    fn matches(&self, value: &[u8]) -> bool {
        let last = self.place(value).checked_sub(1).and_then(|place| self.texts.get(place));
        last.is_some_and(|text| self.end.is_at(text, value))
    }
}

impl Texts {
    #[inline(never)]
    fn matches(&self, value: &[u8]) -> bool {
        self.exact.contains_key(value) || self.prefixes.matches(value) || self.suffixes.matches(value)
    }
}

impl<P: Pattern> PatternSet<P> {
    /// A set of these patterns.
    #[must_use]
    pub fn new(patterns: Vec<P>) -> Self {
        if patterns.len() <= FEW {
            return Self::Few(patterns);
        }
        let suffixes = Affixes { end: End::Last, texts: Vec::new() };
        let mut many = ManyPatterns { texts: Texts { suffixes, ..Texts::default() }, others: Vec::new() };
        for pattern in patterns {
            match pattern.into_exact().map_err(Pattern::into_affix) {
                Ok(text) => {
                    many.texts.exact.insert(text, 0);
                }
                Err(Ok((End::First, text))) => many.texts.prefixes.texts.push(text),
                Err(Ok((End::Last, text))) => many.texts.suffixes.texts.push(text),
                Err(Err(other)) => many.others.push(other),
            }
        }
        many.texts.prefixes.settle();
        many.texts.suffixes.settle();
        Self::Many(Box::new(many))
    }

    /// Whether one of them matches.
    #[must_use]
    pub fn matches(&self, value: &[u8]) -> bool {
        self.listed().iter().any(|pattern| pattern.matches(value))
            || matches!(self, Self::Many(many) if many.texts.matches(value))
    }

    /// Whether prefixes or suffixes are kept apart.
    pub(crate) fn has_affixes(&self) -> bool {
        matches!(self, Self::Many(many) if !(many.texts.prefixes.texts.is_empty() && many.texts.suffixes.texts.is_empty()))
    }

    /// The prefixes and suffixes that are kept apart.
    #[cfg(feature = "compile")]
    pub(crate) fn affixes(&self) -> [&[Box<[u8]>]; 2] {
        match self {
            Self::Few(_) => [&[], &[]],
            Self::Many(many) => [&many.texts.prefixes.texts, &many.texts.suffixes.texts],
        }
    }

    /// The exact texts that are kept by hash.
    pub(crate) fn hashed(&self) -> impl Iterator<Item = &[u8]> {
        let many = match self {
            Self::Few(_) => None,
            Self::Many(many) => Some(many.texts.exact.keys()),
        };
        many.into_iter().flatten().map(|text| &**text)
    }

    /// The patterns that are kept one by one.
    pub(crate) fn listed(&self) -> &[P] {
        match self {
            Self::Few(patterns) => patterns,
            Self::Many(many) => &many.others,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::matcher::string::{StringPattern, StringSet};

    #[test]
    fn a_large_set_matches_like_a_small_one() {
        let star = |n: i32| if n % 5 == 0 { "*" } else { "" };
        let patterns: Vec<_> = (0..20).map(|n| StringPattern::parse(&format!("v{n}{}", star(n))).unwrap()).collect();
        let set = StringSet::new(patterns);
        assert!(set.matches(b"v7"));
        assert!(set.matches(b"v10 and more"));
        assert!(!set.matches(b"v7 and more"));
    }

    /// Every short text over two letters, as a value of sets of such prefixes and suffixes.
    #[test]
    fn prefixes_and_suffixes_are_found_wherever_they_stand() {
        let mut values = vec![String::new()];
        for from in 0..63 {
            let longer = ["a", "b"].map(|letter| format!("{}{letter}", values[from]));
            values.extend(longer);
        }
        for step in 1..values.len() {
            let literals: Vec<_> = values.iter().skip(1).step_by(step).cycle().take(20).collect();
            let pattern = |(n, text): (usize, &&String)| match n % 3 {
                0 => text.to_string(),
                1 => format!("{text}*"),
                _ => format!("*b{text}"),
            };
            let texts: Vec<_> = literals.iter().enumerate().map(pattern).collect();
            let patterns: Vec<_> = texts.iter().map(|text| StringPattern::parse(text).unwrap()).collect();
            let set = StringSet::new(patterns.clone());
            for value in &values {
                let expected = patterns.iter().any(|pattern| pattern.matches(value.as_bytes()));
                assert_eq!(set.matches(value.as_bytes()), expected, "{value} in {texts:?}");
            }
        }
    }

    #[test]
    fn what_another_covers_is_dropped() {
        let set = |texts: &mut dyn Iterator<Item = String>| {
            StringSet::new(texts.map(|text| StringPattern::parse(&text).unwrap()).collect())
        };
        for (set, left) in [
            (set(&mut (0..100).map(|n| format!("{n}*"))), 10),
            (set(&mut (0..100).map(|n| format!("*{n}"))), 10),
            (set(&mut (100..200).map(|n| format!("*{n}"))), 100),
            (set(&mut (0..100).map(|_| "*a".to_owned())), 1),
        ] {
            assert!(set.has_affixes() && set.all_exact().is_none());
            let StringSet::Many(many) = set else { panic!("few") };
            assert_eq!(many.texts.prefixes.texts.len() + many.texts.suffixes.texts.len(), left);
        }
    }
}
