//! Machines: tests on the values of a dimension, symbol by symbol.
//!
//! # Design
//!
//! A value is a string of symbols: bytes, and symbols for what a dimension has beside bytes, such as the end of a header's
//! line. A test that looks at several readings of a value follows all of them at once, so what it says of a value is what
//! the matcher says: there is no list of values that was thought of. [`Lazy`] numbers the states that searches reach and
//! remembers each step, so a machine that is asked often is a table.

mod caller;
mod claim;
mod flag;
mod host;
mod lines;
mod network;
mod path;
mod text;

use std::cell::RefCell;
use std::fmt::Debug;

pub(super) use caller::{ANONYMOUS, CallerGuard, CallerTest, IDENTITY, SEVERAL, forwarder, is_several};
pub(super) use claim::{ClaimGuard, ClaimTest, LIST, TEXT};
pub(super) use flag::{Flag, Free, HAS};
pub(super) use host::{HostGuard, HostTest, LITERAL, Literal, PORT, PortGuard};
pub(super) use lines::{LinesGuard, LinesTest, Sender};
pub(super) use network::{NetworkGuard, NetworkTest, V4, V6};
pub(super) use path::{PathGuard, PathHas, PathTest, Spelling, shape_class};
pub(super) use text::{Fold, TextGuard, TextTest};

use rustc_hash::FxHashMap as HashMap;

use super::marks::{Marks, Symbol};

/// The value is not there: the only symbol of such a value.
pub(super) const ABSENT: Symbol = 0x1000;
/// Between two values of a list.
pub(super) const NEXT: Symbol = 0x1001;

/// A state, in numbers that only its machine understands.
pub(super) type State = Vec<u32>;

/// A test on the values of a dimension.
pub(super) trait Machine: Debug {
    /// Before the first symbol.
    fn start(&self) -> State;
    /// One symbol further.
    fn step(&self, state: &[u32], symbol: Symbol) -> State;
    /// Whether the test holds for a value that ends here.
    fn holds(&self, state: &[u32]) -> bool;
    /// Whether it holds for every value that begins so, or for none.
    fn settled(&self, _state: &[u32]) -> Option<bool> {
        None
    }
    /// What it tells apart.
    fn mark(&self, marks: &mut Marks);
}

/// A machine whose steps are remembered.
#[derive(Debug)]
pub(super) struct Lazy {
    machine: Box<dyn Machine>,
    pub(super) marks: Marks,
    table: RefCell<Table>,
}

#[derive(Debug, Default)]
struct Table {
    numbers: HashMap<State, u32>,
    states: Vec<(State, bool, Option<bool>)>,
    steps: HashMap<(u32, Symbol), u32>,
}

impl Lazy {
    pub(super) fn new(machine: impl Machine + 'static) -> Self {
        let mut marks = Marks::default();
        machine.mark(&mut marks);
        Self { machine: Box::new(machine), marks, table: RefCell::default() }
    }

    fn number(&self, state: State) -> u32 {
        let mut table = self.table.borrow_mut();
        if let Some(number) = table.numbers.get(&state) {
            return *number;
        }
        let number = u32::try_from(table.states.len()).unwrap_or(u32::MAX);
        let settled = self.machine.settled(&state);
        let holds = settled.unwrap_or_else(|| self.machine.holds(&state));
        table.numbers.insert(state.clone(), number);
        table.states.push((state, holds, settled));
        number
    }

    pub(super) fn start(&self) -> u32 {
        self.number(self.machine.start())
    }

    pub(super) fn step(&self, number: u32, symbol: Symbol) -> u32 {
        if let Some(next) = self.table.borrow().steps.get(&(number, symbol)) {
            return *next;
        }
        // What is settled stays as it is, so that searches do not follow what no longer matters.
        let next = self.with(number, |(state, _, settled)| settled.is_none().then(|| self.machine.step(state, symbol)));
        let next = next.flatten().map_or(number, |state| self.number(state));
        self.table.borrow_mut().steps.insert((number, symbol), next);
        next
    }

    fn with<T>(&self, number: u32, then: impl FnOnce(&(State, bool, Option<bool>)) -> T) -> Option<T> {
        let table = self.table.borrow();
        usize::try_from(number).ok().and_then(|number| table.states.get(number)).map(then)
    }

    pub(super) fn holds(&self, number: u32) -> bool {
        self.with(number, |(_, holds, _)| *holds).unwrap_or(false)
    }

    pub(super) fn settled(&self, number: u32) -> Option<bool> {
        self.with(number, |(_, _, settled)| *settled).flatten()
    }

    /// Whether the test holds for a value.
    pub(super) fn is_match(&self, value: &[Symbol]) -> bool {
        let mut state = self.start();
        for symbol in value {
            state = self.step(state, *symbol);
            if let Some(settled) = self.settled(state) {
                return settled;
            }
        }
        self.holds(state)
    }
}

/// The byte of a symbol that is one.
pub(super) fn byte(symbol: Symbol) -> Option<u8> {
    u8::try_from(symbol).ok()
}
