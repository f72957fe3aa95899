//! Suffixes: which of several texts a value ends with.

use std::collections::BTreeMap;

use crate::meaning::marks::Marks;

/// The automaton of Aho and Corasick.
#[derive(Clone, Debug, Default)]
pub(super) struct Suffixes {
    nodes: Vec<Node>,
}

#[derive(Clone, Debug, Default)]
struct Node {
    children: BTreeMap<u8, u32>,
    /// The longest proper suffix of this node's text that is a node.
    fail: u32,
    /// A text ends here, or at a node that failure links lead to.
    ends: bool,
}

impl Suffixes {
    pub(super) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    pub(super) fn add(&mut self, text: &[u8]) {
        if self.nodes.is_empty() {
            self.nodes.push(Node::default());
        }
        let mut at = 0;
        for byte in text {
            let next = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
            let Some(node) = self.nodes.get_mut(index(at)) else { return };
            let child = *node.children.entry(*byte).or_insert(next);
            if child == next {
                self.nodes.push(Node::default());
            }
            at = child;
        }
        if let Some(node) = self.nodes.get_mut(index(at)) {
            node.ends = true;
        }
    }

    /// Sets the failure links, once all texts are there: breadth first, so those of shorter texts come first.
    pub(super) fn link(&mut self) {
        let mut open = std::collections::VecDeque::from([0]);
        while let Some(at) = open.pop_front() {
            let Some(node) = self.nodes.get(index(at)).cloned() else { return };
            for (byte, child) in node.children {
                let fail = if at == 0 { 0 } else { self.step(node.fail, byte) };
                let ends = self.nodes.get(index(fail)).is_some_and(|node| node.ends);
                if let Some(child) = self.nodes.get_mut(index(child)) {
                    child.fail = fail;
                    child.ends |= ends;
                }
                open.push_back(child);
            }
        }
    }

    pub(super) fn mark(&self, marks: &mut Marks) {
        marks.bytes.extend(self.nodes.iter().flat_map(|node| node.children.keys()));
    }

    pub(super) fn step(&self, mut state: u32, byte: u8) -> u32 {
        loop {
            let Some(node) = self.nodes.get(index(state)) else { return 0 };
            match node.children.get(&byte) {
                Some(child) => return *child,
                None if state == 0 => return 0,
                None => state = node.fail,
            }
        }
    }

    pub(super) fn matches(&self, state: u32) -> bool {
        self.nodes.get(index(state)).is_some_and(|node| node.ends)
    }
}

fn index(state: u32) -> usize {
    usize::try_from(state).unwrap_or(usize::MAX)
}
