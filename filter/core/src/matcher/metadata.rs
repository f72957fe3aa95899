//! What other filters leave of a request: `VALUE` is a text, `[VALUE]` an element of a list, as in Istio
//! (`envoyFilterGenerator`).

use alloc::vec::Vec;

use super::string::{StringPattern, StringSet};
use crate::problem::Flaw;
use crate::request::token::Texts;

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetadataPattern {
    /// Of a text.
    Text(StringPattern),
    /// Of one element of a list.
    Element(StringPattern),
}

impl MetadataPattern {
    /// Reads a value.
    pub fn parse(text: &str) -> Result<Self, Flaw> {
        match text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
            Some(element) => StringPattern::parse(element).map(Self::Element),
            None => StringPattern::parse(text).map(Self::Text),
        }
    }
}

/// Several values, of which one must match.
#[derive(Clone, Debug)]
pub struct MetadataSet {
    texts: StringSet,
    elements: StringSet,
}

impl MetadataSet {
    /// A set of these values.
    #[must_use]
    pub fn new(patterns: Vec<MetadataPattern>) -> Self {
        let (mut texts, mut elements) = (Vec::new(), Vec::new());
        for pattern in patterns {
            match pattern {
                MetadataPattern::Text(pattern) => texts.push(pattern),
                MetadataPattern::Element(pattern) => elements.push(pattern),
            }
        }
        Self { texts: StringSet::new(texts), elements: StringSet::new(elements) }
    }

    /// What texts are matched by.
    #[cfg(feature = "compile")]
    pub(crate) fn texts(&self) -> &StringSet {
        &self.texts
    }

    /// What elements of lists are matched by.
    #[cfg(feature = "compile")]
    pub(crate) fn elements(&self) -> &StringSet {
        &self.elements
    }

    /// Whether one of them matches.
    #[must_use]
    pub fn matches(&self, value: &Texts<'_>) -> bool {
        let set = match value {
            Texts::One(_) => &self.texts,
            Texts::Many(_) => &self.elements,
        };
        value.any(|text| set.matches(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_mean_an_element() {
        let set = |text: &str| MetadataSet::new(vec![MetadataPattern::parse(text).unwrap()]);
        let (text, list) = (Texts::One("update"), Texts::Many(vec!["read", "update"]));
        for (pattern, of_text, of_list) in
            [("update", true, false), ("[update]", false, true), ("[up*]", false, true), ("*", true, false)]
        {
            assert_eq!((set(pattern).matches(&text), set(pattern).matches(&list)), (of_text, of_list), "{pattern}");
        }
        assert!(MetadataPattern::parse("[]").is_err());
    }
}
