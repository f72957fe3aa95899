//! Several patterns, of which one must match.

use crate::map::ByteMap;

/// Above this many patterns the exact ones are looked up by hash.
const FEW: usize = 8;

/// What a set is made of.
pub trait Pattern: Sized {
    /// Whether the pattern matches.
    fn matches(&self, value: &[u8]) -> bool;

    /// The text, if the pattern matches that and nothing else; otherwise the pattern again.
    fn into_exact(self) -> Result<Box<[u8]>, Self>;
}

/// A set.
#[derive(Clone, Debug)]
pub enum PatternSet<P> {
    /// Tried one by one.
    Few(Vec<P>),
    /// The exact ones by hash, the others one by one.
    Many(Box<ManyPatterns<P>>),
}

/// A large set.
#[derive(Clone, Debug)]
pub struct ManyPatterns<P> {
    /// As keys; the numbers mean nothing.
    exact: ByteMap,
    others: Vec<P>,
}

impl<P: Pattern> PatternSet<P> {
    /// A set of these patterns.
    #[must_use]
    pub fn new(patterns: Vec<P>) -> Self {
        if patterns.len() <= FEW {
            return Self::Few(patterns);
        }
        let mut many = ManyPatterns { exact: ByteMap::default(), others: Vec::new() };
        for pattern in patterns {
            match pattern.into_exact() {
                Ok(text) => {
                    many.exact.insert(text, 0);
                }
                Err(other) => many.others.push(other),
            }
        }
        Self::Many(Box::new(many))
    }

    /// Whether one of them matches.
    #[must_use]
    pub fn matches(&self, value: &[u8]) -> bool {
        self.listed().iter().any(|pattern| pattern.matches(value))
            || matches!(self, Self::Many(many) if many.exact.contains_key(value))
    }

    /// The exact texts that are kept by hash.
    pub(crate) fn hashed(&self) -> impl Iterator<Item = &[u8]> {
        let many = match self {
            Self::Few(_) => None,
            Self::Many(many) => Some(many.exact.keys()),
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
}
