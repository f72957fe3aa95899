//! The space of requests: dimensions, the tests on each, and the search for a value that passes some and fails others.
//!
//! # Design
//!
//! A search goes breadth first through the product of the machines involved, made as it is needed; so the value that it finds
//! is a shortest one, and the cost is that of the states that are reached, not of an automaton for all patterns. Ordinary
//! values, and the texts that an exact list names, are tried first. What was searched for once is remembered.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use rustc_hash::{FxHashMap as HashMap, FxHashSet as HashSet};

use super::dimension::{Dimension, Draft, Setting, Value};
use super::machine::Lazy;
use super::marks::{Marks, Symbol};
use crate::scenario::{Caller, Request, Scenario};

/// A test, by its number.
pub(super) type Atom = usize;
/// A dimension, by its number.
pub(super) type DimensionIndex = usize;

/// Above the cost of every ordinary value.
const SOUGHT: u64 = 100;

/// Results that are asked for, sorted.
type Asked = Vec<(Atom, bool)>;

/// The search took more states than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhausted;

/// A value, and what it costs: ordinary values least, then by length.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) value: Value,
    pub(super) cost: u64,
}

/// Dimensions and tests.
#[derive(Debug)]
pub(super) struct Space {
    pub(super) setting: Setting,
    dimensions: Vec<Axis>,
    by_key: BTreeMap<Dimension, DimensionIndex>,
    atoms: Vec<Test>,
    atoms_by_key: HashMap<(DimensionIndex, String), Atom>,
    found: RefCell<HashMap<Asked, Option<Found>>>,
    matched: RefCell<HashMap<(Atom, Value), bool>>,
    /// Requests that were found.
    pub(super) points: RefCell<VecDeque<Vec<Value>>>,
    /// How many states may still be reached.
    budget: Cell<u64>,
}

#[derive(Debug)]
struct Axis {
    key: Dimension,
    guard: Lazy,
    ordinary: Vec<Value>,
}

#[derive(Debug)]
struct Test {
    dimension: DimensionIndex,
    machine: Lazy,
    /// All values for which it holds, if they are few.
    only: Option<Vec<Value>>,
}

impl Space {
    pub(super) fn new(setting: Setting, budget: u64) -> Self {
        let mut space = Self {
            setting,
            dimensions: Vec::new(),
            by_key: BTreeMap::new(),
            atoms: Vec::new(),
            atoms_by_key: HashMap::default(),
            found: RefCell::default(),
            matched: RefCell::default(),
            points: RefCell::default(),
            budget: Cell::new(budget),
        };
        // What every request has.
        for key in [Dimension::Path, Dimension::Method, Dimension::Caller, Dimension::Host] {
            space.dimension(&key);
        }
        space
    }

    /// The number of a dimension, new if it is new.
    pub(super) fn dimension(&mut self, key: &Dimension) -> DimensionIndex {
        if let Some(index) = self.by_key.get(key) {
            return *index;
        }
        let axis = Axis { key: key.clone(), guard: key.guard(&self.setting), ordinary: key.ordinary(&self.setting) };
        let index = self.dimensions.len();
        self.dimensions.push(axis);
        self.by_key.insert(key.clone(), index);
        index
    }

    /// The number of a test, new if none of this dimension has its text.
    pub(super) fn atom(
        &mut self,
        key: &Dimension,
        text: String,
        machine: impl FnOnce(&Setting) -> (Lazy, Option<Vec<Value>>),
    ) -> Atom {
        let dimension = self.dimension(key);
        if let Some(atom) = self.atoms_by_key.get(&(dimension, text.clone())) {
            return *atom;
        }
        let (machine, only) = machine(&self.setting);
        let atom = self.atoms.len();
        self.atoms.push(Test { dimension, machine, only });
        self.atoms_by_key.insert((dimension, text), atom);
        atom
    }

    /// The paths of the claims that tests are about.
    pub(super) fn claims(&self) -> Vec<Vec<String>> {
        let path = |key: &Dimension| match key {
            Dimension::Claim(path) => Some(path.clone()),
            _ => None,
        };
        self.by_key.keys().filter_map(path).collect()
    }

    /// The dimension of a test.
    pub(super) fn dimension_of(&self, atom: Atom) -> DimensionIndex {
        self.atoms.get(atom).map_or(usize::MAX, |test| test.dimension)
    }

    /// How many dimensions there are.
    pub(super) fn width(&self) -> usize {
        self.dimensions.len()
    }

    /// Whether a test holds for a value of its dimension.
    pub(super) fn holds(&self, atom: Atom, value: &Value) -> bool {
        let key = (atom, Rc::clone(value));
        if let Some(holds) = self.matched.borrow().get(&key) {
            return *holds;
        }
        let holds = self.atoms.get(atom).is_some_and(|test| test.machine.is_match(value));
        self.matched.borrow_mut().insert(key, holds);
        holds
    }

    /// The best value of a dimension that passes and fails tests as asked: the first ordinary one, otherwise a shortest one.
    /// `asked` is sorted.
    pub(super) fn find(&self, dimension: DimensionIndex, asked: &[(Atom, bool)]) -> Result<Option<Found>, Exhausted> {
        if let Some(found) = self.found.borrow().get(asked).filter(|_| !asked.is_empty()) {
            return Ok(found.clone());
        }
        let found = self.search(dimension, asked)?;
        if !asked.is_empty() {
            self.found.borrow_mut().insert(asked.to_vec(), found.clone());
        }
        Ok(found)
    }

    fn search(&self, dimension: DimensionIndex, asked: &[(Atom, bool)]) -> Result<Option<Found>, Exhausted> {
        let Some(axis) = self.dimensions.get(dimension) else { return Ok(None) };
        let passes = |value: &Value| asked.iter().all(|(atom, wanted)| self.holds(*atom, value) == *wanted);
        for (cost, value) in (0..).zip(&axis.ordinary) {
            if axis.guard.is_match(value) && passes(value) {
                return Ok(Some(Found { value: Rc::clone(value), cost }));
            }
        }
        let tests: Vec<(&Test, bool)> =
            asked.iter().filter_map(|(atom, wanted)| Some((self.atoms.get(*atom)?, *wanted))).collect();
        let named = tests.iter().filter(|(_, wanted)| *wanted).filter_map(|(test, _)| test.only.as_ref());
        if let Some(values) = named.min_by_key(|values| values.len()) {
            let passing = values.iter().filter(|value| axis.guard.is_match(value) && passes(value));
            return Ok(passing.min_by_key(|value| value.len()).map(sought));
        }
        // Without what no ordinary client sends, if that is possible.
        let found = match self.breadth_first(axis, &tests, true)? {
            None if axis.key.has_odd() => self.breadth_first(axis, &tests, false)?,
            found => found,
        };
        Ok(found.map(|found| {
            let usual = axis
                .key
                .as_usual(&found.value, &self.setting)
                .filter(|value| axis.guard.is_match(value) && passes(value));
            usual.map_or(found.clone(), |value| Found { value, ..found })
        }))
    }

    fn breadth_first(&self, axis: &Axis, tests: &[(&Test, bool)], is_plain: bool) -> Result<Option<Found>, Exhausted> {
        let mut marks = Marks::default();
        marks.join(&axis.guard.marks);
        for (test, _) in tests {
            marks.join(&test.machine.marks);
        }
        let mut alphabet = axis.key.alphabet(&marks, &self.setting);
        alphabet.retain(|symbol| !is_plain || !axis.key.is_odd(*symbol));
        let machines: Vec<(&Lazy, bool)> = std::iter::once((&axis.guard, true))
            .chain(tests.iter().map(|(test, wanted)| (&test.machine, *wanted)))
            .collect();
        let start: Vec<u32> = machines.iter().map(|(machine, _)| machine.start()).collect();
        let mut known = HashSet::from_iter([start.clone()]);
        // Each state with the one before it, and the symbol between them.
        let mut trail: Vec<(usize, Symbol)> = vec![(0, 0)];
        let mut open = VecDeque::from([(0, start)]);
        while let Some((at, state)) = open.pop_front() {
            self.spend()?;
            if machines.iter().zip(&state).all(|((machine, wanted), state)| machine.holds(*state) == *wanted) {
                return Ok(Some(sought(&spelled(&trail, at))));
            }
            for symbol in &alphabet {
                let mut next = Vec::with_capacity(state.len());
                for ((machine, wanted), state) in machines.iter().zip(&state) {
                    let state = machine.step(*state, *symbol);
                    if machine.settled(state).is_some_and(|settled| settled != *wanted) {
                        break;
                    }
                    next.push(state);
                }
                if next.len() == machines.len() && known.insert(next.clone()) {
                    open.push_back((trail.len(), next));
                    trail.push((at, *symbol));
                }
            }
        }
        Ok(None)
    }

    /// Takes one state from the budget.
    pub(super) fn spend(&self) -> Result<(), Exhausted> {
        let left = self.budget.get().checked_sub(1).ok_or(Exhausted)?;
        self.budget.set(left);
        Ok(())
    }

    /// What is left of the budget.
    pub(super) fn left(&self) -> u64 {
        self.budget.get()
    }

    /// A request with these values.
    pub(super) fn scenario(&self, values: &[Value]) -> Scenario {
        let request = Request { method: Vec::new(), authority: Vec::new(), path: Vec::new(), headers: Vec::new() };
        let scenario = Scenario { caller: Caller::anonymous(), request };
        let mut draft = Draft { scenario, query: Vec::new() };
        let mut axes: Vec<(&Axis, &Value)> = self.dimensions.iter().zip(values).collect();
        axes.sort_by(|(left, _), (right, _)| left.key.cmp(&right.key));
        for (axis, value) in axes {
            axis.key.write(value, &self.setting, &mut draft);
        }
        draft.finish()
    }
}

fn sought(value: &Value) -> Found {
    let length = u64::try_from(value.len()).unwrap_or(u64::MAX);
    Found { value: Rc::clone(value), cost: length.saturating_add(SOUGHT) }
}

/// The symbols that led to a state.
fn spelled(trail: &[(usize, Symbol)], mut at: usize) -> Value {
    let mut symbols = Vec::new();
    while at != 0 {
        let Some((before, symbol)) = trail.get(at) else { break };
        symbols.push(*symbol);
        at = *before;
    }
    symbols.reverse();
    symbols.into()
}
