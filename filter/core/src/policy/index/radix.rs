//! A radix tree over byte strings: finds every stored string that is a prefix of a given one, in one walk.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem;

use crate::map::PairMap;

/// Strings with their keys.
#[derive(Debug)]
pub(super) struct RadixTree {
    nodes: Vec<Node>,
    /// (node, first byte of the label) to child.
    // One map for the whole tree: a map or a sorted list in each node would cost memory for every path of a policy.
    children: PairMap,
}

#[derive(Debug, Default)]
struct Node {
    /// The bytes between the parent and this node.
    label: Box<[u8]>,
    key: Option<u32>,
}

const ROOT: u32 = 0;

impl Default for RadixTree {
    fn default() -> Self {
        Self { nodes: vec![Node::default()], children: PairMap::default() }
    }
}

impl RadixTree {
    /// The key of a string; a new string gets the next one of `count`.
    pub(super) fn intern(&mut self, text: &[u8], count: &mut u32) -> u32 {
        let node = self.insert(text);
        // 0 is the key of any path: a node that is missing would propose the rule too often, never too seldom.
        let Some(node) = self.node_mut(node) else { return 0 };
        *node.key.get_or_insert_with(|| {
            *count = count.saturating_add(1);
            *count
        })
    }

    /// The node of a string, added if there is none.
    fn insert(&mut self, text: &[u8]) -> u32 {
        let mut at = ROOT;
        let mut rest = text;
        while let Some(first) = rest.first() {
            let Some(child) = self.children.get(&(at, u32::from(*first))).copied() else {
                return self.add(at, rest);
            };
            let label = self.node(child).map(|node| &*node.label).unwrap_or_default();
            let common = label.iter().zip(rest).take_while(|(left, right)| left == right).count();
            at = if common == label.len() { child } else { self.split(at, child, common) };
            rest = rest.get(common..).unwrap_or(&[]);
        }
        at
    }

    /// Inserts a node between a parent and its child, at the byte where the label and a new string differ.
    fn split(&mut self, parent: u32, child: u32, common: usize) -> u32 {
        let label = self.node_mut(child).map(|node| mem::take(&mut node.label)).unwrap_or_default();
        let (head, tail) = label.split_at_checked(common).unwrap_or((&label, &[]));
        // `add` replaces the entry of the parent: the head begins with the same byte as the label did.
        let middle = self.add(parent, head);
        if let Some(node) = self.node_mut(child) {
            node.label = tail.into();
        }
        if let Some(first) = tail.first() {
            self.children.insert((middle, u32::from(*first)), child);
        }
        middle
    }

    fn add(&mut self, parent: u32, label: &[u8]) -> u32 {
        let id = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        self.nodes.push(Node { label: label.into(), key: None });
        if let Some(first) = label.first() {
            self.children.insert((parent, u32::from(*first)), id);
        }
        id
    }

    fn node(&self, id: u32) -> Option<&Node> {
        self.nodes.get(usize::try_from(id).ok()?)
    }

    fn node_mut(&mut self, id: u32) -> Option<&mut Node> {
        self.nodes.get_mut(usize::try_from(id).ok()?)
    }

    /// Calls `visit` with the key of every stored string that is a prefix of `text`.
    pub(super) fn visit_prefixes(&self, mut text: impl Iterator<Item = u8>, visit: &mut impl FnMut(u32)) {
        let mut at = ROOT;
        if let Some(key) = self.node(ROOT).and_then(|root| root.key) {
            visit(key);
        }
        while !self.children.is_empty() {
            let Some(first) = text.next() else { return };
            let Some(child) = self.children.get(&(at, u32::from(first))) else { return };
            let Some(node) = self.node(*child) else { return };
            // The map was asked by the first byte, so only the rest of the label is left to compare.
            if !node.label.iter().skip(1).all(|byte| text.next() == Some(*byte)) {
                return;
            }
            if let Some(key) = node.key {
                visit(key);
            }
            at = *child;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prefix_is_found_once() {
        let words = ["/a", "/abc", "/abd", "/ab", "/", "/b", "", "/abcdef", "/ab"];
        let mut tree = RadixTree::default();
        let mut count = 0;
        let keys: Vec<u32> = words.iter().map(|word| tree.intern(word.as_bytes(), &mut count)).collect();
        assert_eq!(keys[3], keys[8]);
        for text in ["/abcdefg", "/abx", "", "x", "/b", "/abcde"] {
            let mut found = Vec::new();
            tree.visit_prefixes(text.bytes(), &mut |key| found.push(key));
            let mut expected: Vec<u32> = words
                .iter()
                .zip(&keys)
                .take(8)
                .filter(|(word, _)| text.starts_with(**word))
                .map(|(_, key)| *key)
                .collect();
            found.sort_unstable();
            expected.sort_unstable();
            assert_eq!(found, expected, "{text}");
        }
    }
}
