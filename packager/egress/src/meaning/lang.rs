//! Languages: the values that a set of patterns matches, byte by byte.
//!
//! # Design
//!
//! Exact texts and prefixes share one trie, suffixes one automaton with failure links (Aho and Corasick, 1975); each
//! template and each expression goes by itself, because one automaton for several of them can be exponentially large. A
//! state is the states of the parts side by side.

mod outcome;
mod suffixes;
mod template;
mod trie;

use std::rc::Rc;
use std::sync::Arc;

use sallyport_core::outline::{PathPattern, Pattern, StringPattern, Survey};

use self::outcome::{DEAD, FULL};
use self::suffixes::Suffixes;
use self::template::TemplateWalk;
use self::trie::Trie;
use super::marks::Marks;

/// The values that one of several patterns matches.
#[derive(Clone, Debug, Default)]
pub(super) struct Lang {
    trie: Trie,
    suffixes: Suffixes,
    /// Any value but the empty one.
    present: bool,
    templates: Vec<TemplateWalk>,
    expressions: Vec<(Arc<Pattern>, Rc<Survey>)>,
}

/// Where in a value a language is.
pub(super) type Walk = Vec<u32>;

impl Lang {
    /// Of texts.
    pub(super) fn of_strings<'p>(patterns: impl IntoIterator<Item = &'p StringPattern>) -> Self {
        let mut lang = Self::default();
        for pattern in patterns {
            match pattern {
                StringPattern::Exact(text) => lang.trie.add(text, false),
                StringPattern::Prefix(text) => lang.trie.add(text, true),
                StringPattern::Suffix(text) => lang.suffixes.add(text),
                StringPattern::Present => lang.present = true,
            }
        }
        lang.suffixes.link();
        lang
    }

    /// Of paths.
    pub(super) fn of_paths(patterns: &[PathPattern]) -> Self {
        let mut lang = Self::default();
        for pattern in patterns {
            match pattern {
                PathPattern::Exact(text) => lang.trie.add(text, false),
                PathPattern::Prefix(text) => lang.trie.add(text, true),
                PathPattern::Suffix(text) => lang.suffixes.add(text),
                PathPattern::Present => lang.present = true,
                PathPattern::Template(template) => lang.templates.push(TemplateWalk::new(template)),
            }
        }
        lang.suffixes.link();
        lang
    }

    /// With these expressions, too.
    pub(super) fn or_expressions(mut self, expressions: &[Arc<Pattern>]) -> Self {
        self.expressions.extend(expressions.iter().map(|pattern| (Arc::clone(pattern), Rc::new(pattern.survey()))));
        self
    }

    /// What it tells apart.
    pub(super) fn mark(&self, marks: &mut Marks) {
        self.trie.mark(marks);
        self.suffixes.mark(marks);
        for template in &self.templates {
            template.mark(marks);
        }
        marks.classes.extend(self.expressions.iter().map(|(_, survey)| Rc::new(survey.classes)));
    }

    /// How many numbers a walk has.
    pub(super) fn width(&self) -> usize {
        self.templates.len().saturating_add(self.expressions.len()).saturating_add(3)
    }

    /// Before the first byte.
    pub(super) fn start(&self) -> Walk {
        let mut walk = vec![self.trie.start(), 0, 0];
        walk.extend(self.templates.iter().map(|_| template::START));
        walk.extend(self.expressions.iter().map(|(expression, survey)| settle(expression.start(), survey)));
        walk
    }

    /// One byte further.
    pub(super) fn step(&self, walk: &mut [u32], byte: u8) {
        let [trie, suffix, present, others @ ..] = walk else { return };
        *trie = self.trie.step(*trie, byte);
        *suffix = self.suffixes.step(*suffix, byte);
        *present = 1;
        let (templates, expressions) = others.split_at_mut(self.templates.len().min(others.len()));
        for (state, template) in templates.iter_mut().zip(&self.templates) {
            *state = template.step(*state, byte);
        }
        for (state, (expression, survey)) in expressions.iter_mut().zip(&self.expressions) {
            if !matches!(*state, DEAD | FULL) {
                *state = expression.next(*state, byte).map_or(DEAD, |next| settle(next, survey));
            }
        }
    }

    /// Several bytes further.
    pub(super) fn steps(&self, walk: &mut [u32], bytes: &[u8]) {
        for byte in bytes {
            self.step(walk, *byte);
        }
    }

    /// Whether a value that ends here matches.
    pub(super) fn matches(&self, walk: &[u32]) -> bool {
        let [trie, suffix, present, others @ ..] = walk else { return false };
        let (templates, expressions) = others.split_at(self.templates.len().min(others.len()));
        self.trie.matches(*trie)
            || self.suffixes.matches(*suffix)
            || (self.present && *present == 1)
            || templates.iter().zip(&self.templates).any(|(state, template)| template.matches(*state))
            || expressions
                .iter()
                .zip(&self.expressions)
                .any(|(state, (expression, _))| *state == FULL || (*state != DEAD && expression.accepts(*state)))
    }

    /// Whether every value that begins so matches, or none does.
    pub(super) fn settled(&self, walk: &[u32]) -> Option<bool> {
        let [trie, _, present, others @ ..] = walk else { return None };
        let (templates, expressions) = others.split_at(self.templates.len().min(others.len()));
        if *trie == FULL || (self.present && *present == 1) || others.contains(&FULL) {
            return Some(true);
        }
        let is_dead = *trie == DEAD
            && self.suffixes.is_empty()
            && !self.present
            && templates.iter().chain(expressions).all(|state| *state == DEAD);
        is_dead.then_some(false)
    }
}

/// A state, or that what follows no longer matters.
fn settle(state: u32, survey: &Survey) -> u32 {
    match state {
        state if survey.full.contains(&state) => FULL,
        state if survey.dead.contains(&state) => DEAD,
        state => state,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sallyport_core::wire;

    /// The patterns of a list of paths, as the compiler reads them.
    fn paths(texts: &[&str]) -> Vec<PathPattern> {
        let list: Vec<String> = texts.iter().map(|text| format!("{text:?}")).collect();
        let policy = format!(
            r#"{{"version": 1, "upstream": "a/b", "rules": [{{"id": "r", "action": "DENY",
                "to": [{{"operation": {{"paths": [{}]}}}}]}}]}}"#,
            list.join(",")
        );
        let policy: wire::Policy = sallyport_core::engine::parse(policy.as_bytes()).unwrap();
        let outline = sallyport_core::outline::outline(&policy).unwrap();
        match &outline.rules[0].to.as_ref().unwrap()[0][0].subject {
            sallyport_core::outline::Subject::Path(listed) => listed.patterns.clone(),
            other => panic!("{other:?}"),
        }
    }

    fn is_match(lang: &Lang, value: &[u8]) -> bool {
        let mut walk = lang.start();
        lang.steps(&mut walk, value);
        lang.matches(&walk)
    }

    /// The walk ends where the matcher does, for every short value over a few bytes.
    #[test]
    fn a_walk_is_the_matcher() {
        let texts = [
            "/a",
            "/ab*",
            "/a/*",
            "*/b",
            "*b",
            "*",
            "/{*}",
            "/a/{*}",
            "/{*}/b",
            "/a/{**}",
            "/a/{**}/b",
            "/{**}/a/b",
            "/{*}/b/{**}",
            "/",
            "/a/b",
        ];
        let mut values = vec![b"/".to_vec()];
        for from in 0..340 {
            for byte in b"ab/" {
                let longer = [&values[from][..], &[*byte]].concat();
                values.push(longer);
            }
        }
        for first in texts {
            for second in texts {
                let patterns = paths(&[first, second]);
                let lang = Lang::of_paths(&patterns);
                for value in &values {
                    let expected = patterns.iter().any(|pattern| pattern.matches(value));
                    assert_eq!(is_match(&lang, value), expected, "{first} {second} on {}", value.escape_ascii());
                    let mut walk = lang.start();
                    lang.steps(&mut walk, &value[..1]);
                    if let Some(settled) = lang.settled(&walk) {
                        assert_eq!(settled, expected, "{first} {second} on {}", value.escape_ascii());
                    }
                }
            }
        }
    }

    #[test]
    fn many_suffixes_go_together() {
        let patterns: Vec<StringPattern> =
            ["ab", "b", "bab", "aa"].map(|text| StringPattern::Suffix(text.as_bytes().into())).to_vec();
        let lang = Lang::of_strings(&patterns);
        for value in ["", "a", "b", "ab", "bab", "aab", "ba", "baa", "abba"] {
            let expected = patterns.iter().any(|pattern| pattern.matches(value.as_bytes()));
            assert_eq!(is_match(&lang, value.as_bytes()), expected, "{value}");
        }
    }
}
