//! The search for a request for which several formulas hold.
//!
//! # Design
//!
//! A node is a set of test results that is asked for. Each dimension then gives the best value on its own, so there is a best
//! request, cheaper than any other with these results. If all formulas hold for it, it is the answer. Otherwise the first one
//! that does not is taken apart: of a conjunction a part that fails is asked for, of a disjunction each part in a node of its
//! own. Nodes are taken by the cost of their request, so the first answer is a cheapest one. Tests that never stand in the way
//! are never looked at: a comparison of large policies costs what the rules cost that the change can touch.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::rc::Rc;

use super::dimension::Value;
use super::formula::Formula;
use super::space::{Atom, DimensionIndex, Exhausted, Found, Space};

/// A request in parts: a value for each dimension.
pub(super) type Point = Vec<Value>;

/// How many requests are remembered.
const POINTS: usize = 512;

#[derive(Clone)]
struct Node {
    /// By dimension, sorted.
    asked: Vec<Rc<[(Atom, bool)]>>,
    found: Vec<Found>,
    /// Results that other nodes ask for.
    ruled_out: Vec<(Atom, bool)>,
}

impl Space {
    /// The cheapest request for which all of these hold; `None`: there is none.
    pub(super) fn witness(&self, formulas: &[&Formula]) -> Result<Option<Point>, Exhausted> {
        let Some(first) = self.root()? else { return Ok(None) };
        let mut nodes = vec![Some(first)];
        let mut open = BinaryHeap::from([Reverse((0_u64, 0_usize))]);
        while let Some(Reverse((_, at))) = open.pop() {
            self.spend()?;
            let Some(node) = nodes.get_mut(at).and_then(Option::take) else { break };
            let next = match self.branches(&node, formulas)? {
                None => return Ok(Some(node.found.iter().map(|found| Value::clone(&found.value)).collect())),
                Some(next) => next,
            };
            for node in next {
                let cost = node.found.iter().fold(0_u64, |sum, found| sum.saturating_add(found.cost));
                open.push(Reverse((cost, nodes.len())));
                nodes.push(Some(node));
            }
        }
        Ok(None)
    }

    /// The nodes that come next; `None` if all formulas hold for this one's request. Of the formulas that do not hold, the one
    /// with the fewest ways to make it hold is taken apart.
    fn branches(&self, node: &Node, formulas: &[&Formula]) -> Result<Option<Vec<Node>>, Exhausted> {
        let mut best: Option<Vec<Node>> = None;
        for formula in formulas {
            let Some(mut results) = self.broken(node, formula) else { continue };
            results.sort_unstable();
            results.dedup();
            results.retain(|result| !node.ruled_out.contains(result));
            let mut next: Vec<Node> = Vec::new();
            let mut others = node.ruled_out.clone();
            for (atom, wanted) in results {
                if let Some(mut narrowed) = self.narrowed(node, self.dimension_of(atom), (atom, wanted))? {
                    narrowed.ruled_out.clone_from(&others);
                    others.push((atom, wanted));
                    next.push(narrowed);
                }
                if best.as_ref().is_some_and(|best| next.len() >= best.len()) {
                    break;
                }
            }
            if best.as_ref().is_none_or(|best| next.len() < best.len()) {
                let is_forced = next.len() <= 1;
                best = Some(next);
                if is_forced {
                    break;
                }
            }
        }
        Ok(best)
    }

    /// Whether there is a request for which all of these hold. One that was found for something else is as good.
    pub(super) fn is_possible(&self, formulas: &[&Formula]) -> Result<bool, Exhausted> {
        self.spend()?;
        let is_known = self.points.borrow().iter().rev().any(|point| {
            point.len() == self.width() && formulas.iter().rev().all(|formula| self.is_true(formula, point))
        });
        if is_known {
            return Ok(true);
        }
        let found = self.witness(formulas)?;
        let is_possible = found.is_some();
        if let Some(point) = found {
            let mut points = self.points.borrow_mut();
            if points.len() == POINTS {
                points.pop_front();
            }
            points.push_back(point);
        }
        Ok(is_possible)
    }

    /// Whether a formula holds for a request.
    pub(super) fn is_true(&self, formula: &Formula, point: &Point) -> bool {
        match formula {
            Formula::Is(atom, wanted) => {
                point.get(self.dimension_of(*atom)).is_some_and(|value| self.holds(*atom, value)) == *wanted
            }
            Formula::All(parts) => parts.iter().all(|part| self.is_true(part, point)),
            Formula::Any(parts) => parts.iter().any(|part| self.is_true(part, point)),
        }
    }

    fn root(&self) -> Result<Option<Node>, Exhausted> {
        let found: Result<Option<Vec<Found>>, Exhausted> =
            (0..self.width()).map(|dimension| self.find(dimension, &[])).collect();
        let nothing: Rc<[(Atom, bool)]> = Rc::default();
        Ok(found?.map(|found| Node { asked: vec![nothing; self.width()], found, ruled_out: Vec::new() }))
    }

    /// The node with one more result asked for, if that leaves any request.
    fn narrowed(&self, node: &Node, dimension: DimensionIndex, asked: (Atom, bool)) -> Result<Option<Node>, Exhausted> {
        let Some(before) = node.asked.get(dimension) else { return Ok(None) };
        let place = before.partition_point(|known| *known < asked);
        let (head, tail) = before.split_at(place.min(before.len()));
        let list = [head, &[asked], tail].concat();
        let Some(value) = self.find(dimension, &list)? else { return Ok(None) };
        let mut narrowed = node.clone();
        if let (Some(list_slot), Some(slot)) = (narrowed.asked.get_mut(dimension), narrowed.found.get_mut(dimension)) {
            *list_slot = list.into();
            *slot = value;
        }
        Ok(Some(narrowed))
    }

    /// The results of which one must be asked for next, if the formula does not hold for the node's request.
    fn broken(&self, node: &Node, formula: &Formula) -> Option<Vec<(Atom, bool)>> {
        match formula {
            Formula::Is(atom, wanted) => (self.result(node, *atom) != *wanted).then(|| vec![(*atom, *wanted)]),
            Formula::All(parts) => parts.iter().find_map(|part| self.broken(node, part)),
            Formula::Any(parts) => {
                let mut results = Vec::new();
                for part in parts.iter() {
                    results.extend(self.broken(node, part)?);
                }
                Some(results)
            }
        }
    }

    fn result(&self, node: &Node, atom: Atom) -> bool {
        node.found.get(self.dimension_of(atom)).is_some_and(|found| self.holds(atom, &found.value))
    }
}
