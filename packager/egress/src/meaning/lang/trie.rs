//! Exact texts and prefixes.

use std::collections::BTreeMap;

use super::outcome::{DEAD, FULL};
use crate::meaning::marks::Marks;

/// A trie.
#[derive(Clone, Debug, Default)]
pub(super) struct Trie {
    /// The first is the root; without nodes nothing matches.
    nodes: Vec<Node>,
}

#[derive(Clone, Debug, Default)]
struct Node {
    children: BTreeMap<u8, u32>,
    /// A text ends here.
    ends: bool,
    /// A prefix ends here.
    is_prefix: bool,
}

impl Trie {
    pub(super) fn add(&mut self, text: &[u8], is_prefix: bool) {
        if self.nodes.is_empty() {
            self.nodes.push(Node::default());
        }
        let mut at = 0;
        for byte in text {
            let next = u32::try_from(self.nodes.len()).unwrap_or(DEAD);
            let Some(node) = self.nodes.get_mut(at) else { return };
            let child = *node.children.entry(*byte).or_insert(next);
            if child == next {
                self.nodes.push(Node::default());
            }
            at = usize::try_from(child).unwrap_or(usize::MAX);
        }
        if let Some(node) = self.nodes.get_mut(at) {
            node.ends |= !is_prefix;
            node.is_prefix |= is_prefix;
        }
    }

    pub(super) fn mark(&self, marks: &mut Marks) {
        marks.bytes.extend(self.nodes.iter().flat_map(|node| node.children.keys()));
    }

    fn node(&self, state: u32) -> Option<&Node> {
        self.nodes.get(usize::try_from(state).ok()?)
    }

    fn settle(&self, state: u32) -> u32 {
        match self.node(state) {
            None => DEAD,
            Some(node) if node.is_prefix => FULL,
            Some(_) => state,
        }
    }

    pub(super) fn start(&self) -> u32 {
        self.settle(0)
    }

    pub(super) fn step(&self, state: u32, byte: u8) -> u32 {
        if matches!(state, DEAD | FULL) {
            return state;
        }
        let child = self.node(state).and_then(|node| node.children.get(&byte));
        child.map_or(DEAD, |child| self.settle(*child))
    }

    pub(super) fn matches(&self, state: u32) -> bool {
        state == FULL || self.node(state).is_some_and(|node| node.ends)
    }
}
