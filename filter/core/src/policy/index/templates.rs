//! A trie over the segments of path templates: finds every template that matches a path, in one walk.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::radix::RadixTree;
use crate::map::{ByteMap, PairMap};
use crate::matcher::path::{Segment, Template, split_segment};

/// Templates with their keys.
#[derive(Debug)]
pub(super) struct TemplateTrie {
    nodes: Vec<Node>,
    // Segments have numbers, so that a request hashes each of its segments once, however many branches are tried.
    segments: ByteMap,
    /// (node, segment) to child.
    literals: PairMap,
}

#[derive(Debug, Default)]
struct Node {
    /// The child for `{*}`.
    one: Option<u32>,
    /// The template that ends here.
    end: Option<u32>,
    /// The templates that continue with `{**}` and a text, by that text read backwards.
    rests: Option<Box<RadixTree>>,
}

const ROOT: u32 = 0;

impl Default for TemplateTrie {
    fn default() -> Self {
        Self { nodes: vec![Node::default()], segments: ByteMap::default(), literals: PairMap::default() }
    }
}

impl TemplateTrie {
    /// The key of a template; a new template gets the next one of `count`.
    pub(super) fn intern(&mut self, template: &Template, count: &mut u32) -> u32 {
        let mut at = ROOT;
        for segment in &template.segments {
            at = match segment {
                Segment::Literal(text) => self.literal_child(at, text),
                Segment::One => self.one_child(at),
            };
        }
        let Some(node) = self.node_mut(at) else { return 0 };
        match &template.rest {
            None => *node.end.get_or_insert_with(|| {
                *count = count.saturating_add(1);
                *count
            }),
            // Backwards, because a template that ends in `{**}/z` asks how the path ends; a radix tree finds prefixes.
            Some(rest) => {
                let reversed: Vec<u8> = rest.iter().rev().copied().collect();
                node.rests.get_or_insert_default().intern(&reversed, count)
            }
        }
    }

    fn literal_child(&mut self, parent: u32, text: &[u8]) -> u32 {
        let next_segment = u32::try_from(self.segments.len()).unwrap_or(u32::MAX);
        let segment = match self.segments.get(text) {
            // Looked up first: `entry` would need an owned key even where the segment is known.
            Some(segment) => *segment,
            None => *self.segments.entry(text.into()).or_insert(next_segment),
        };
        if let Some(child) = self.literals.get(&(parent, segment)) {
            return *child;
        }
        let child = self.add();
        self.literals.insert((parent, segment), child);
        child
    }

    fn one_child(&mut self, parent: u32) -> u32 {
        if let Some(child) = self.node(parent).and_then(|node| node.one) {
            return child;
        }
        let child = self.add();
        if let Some(node) = self.node_mut(parent) {
            node.one = Some(child);
        }
        child
    }

    fn add(&mut self) -> u32 {
        let id = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        self.nodes.push(Node::default());
        id
    }

    fn node(&self, id: u32) -> Option<&Node> {
        self.nodes.get(usize::try_from(id).ok()?)
    }

    fn node_mut(&mut self, id: u32) -> Option<&mut Node> {
        self.nodes.get_mut(usize::try_from(id).ok()?)
    }

    /// Calls `visit` with the key of every template that matches the path.
    pub(super) fn visit_matches(&self, path: &[u8], visit: &mut impl FnMut(u32)) {
        if let Some(text) = path.strip_prefix(b"/") {
            self.walk(ROOT, Some(text), visit);
        }
    }

    /// The depth is bounded by the longest template, the breadth by the branches of all templates.
    fn walk(&self, at: u32, remaining: Option<&[u8]>, visit: &mut impl FnMut(u32)) {
        let Some(node) = self.node(at) else { return };
        let Some(text) = remaining else {
            if let Some(key) = node.end {
                visit(key);
            }
            return;
        };
        // `{**}` may stand for what is left here, and the walk goes on: longer templates can match as well.
        if let Some(rests) = &node.rests {
            rests.visit_prefixes(text.iter().rev().copied(), visit);
        }
        let (head, tail) = split_segment(text);
        if let Some(segment) = self.segments.get(head)
            && let Some(child) = self.literals.get(&(at, *segment))
        {
            self.walk(*child, tail, visit);
        }
        // `{*}` needs at least one byte, as in Envoy's URI templates: `/a/` has no segment for it.
        if let Some(child) = node.one
            && !head.is_empty()
        {
            self.walk(child, tail, visit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matcher::path::PathPattern;
    use crate::request::path::Tolerance;

    #[test]
    fn the_trie_agrees_with_the_matcher() {
        let texts = [
            "/{*}",
            "/a/{*}",
            "/a/b/{*}",
            "/{*}/b/{*}",
            "/a/{**}",
            "/{**}",
            "/a/{**}/",
            "/a/{**}/z",
            "/{*}/{*}/{**}/z",
            "/a/{*}/c",
        ];
        let templates: Vec<Template> = texts
            .iter()
            .map(|text| match PathPattern::parse(text, Tolerance::default()).unwrap() {
                PathPattern::Template(template) => template,
                other => panic!("{other:?}"),
            })
            .collect();
        let mut trie = TemplateTrie::default();
        let mut count = 0;
        let keys: Vec<u32> = templates.iter().map(|template| trie.intern(template, &mut count)).collect();
        assert_eq!(trie.intern(&templates[2], &mut count), keys[2]);
        for path in ["/", "/a", "/a/", "/a/b", "/a/b/c", "/a/b/z", "/x/b/c", "/a//", "/a/x/y/z", "/a/b/c/", "/a/b/"] {
            let mut found = Vec::new();
            trie.visit_matches(path.as_bytes(), &mut |key| found.push(key));
            found.sort_unstable();
            let mut expected: Vec<u32> = templates
                .iter()
                .zip(&keys)
                .filter(|(template, _)| template.matches(path.as_bytes()))
                .map(|(_, key)| *key)
                .collect();
            expected.sort_unstable();
            assert_eq!(found, expected, "{path}");
        }
    }
}
