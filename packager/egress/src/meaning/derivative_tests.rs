//! The searches for paths beside an oracle that shares nothing with them: expressions as trees, and what is left of them
//! behind a byte (Brzozowski, 1964). It reads no pattern, so it has no parser to share, and it knows no automata.

#![expect(clippy::arithmetic_side_effects, reason = "a broken assumption ends the test")]

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::rc::Rc;

use fastrand::Rng;
use sallyport_core::wire;

use super::diff::setting;
use super::dimension::Dimension;
use super::formula::Formula;
use super::lists::Reading;
use super::space::Space;
use super::*;

/// How many policies, and searches for each.
const POLICIES: u64 = 400;
const SEARCHES: usize = 12;
/// Patterns have no other bytes than the first three; `c` stands for all of those.
const ALPHABET: &[u8] = b"ab/c";

/// An expression.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Tree {
    /// One byte of these.
    One(BTreeSet<u8>),
    /// Nothing but the empty text.
    Empty,
    Then(Rc<Tree>, Rc<Tree>),
    /// Without any, no text.
    Or(BTreeSet<Tree>),
    And(BTreeSet<Tree>),
    Not(Rc<Tree>),
    Star(Rc<Tree>),
}

use Tree::*;

fn never() -> Tree {
    Or(BTreeSet::new())
}

fn one(bytes: &[u8]) -> Tree {
    One(bytes.iter().copied().collect())
}

fn any() -> Tree {
    Star(Rc::new(one(ALPHABET)))
}

fn text(text: &str) -> Tree {
    text.bytes().rev().fold(Empty, |rest, byte| then(one(&[byte]), rest))
}

fn then(first: Tree, second: Tree) -> Tree {
    match (&first, &second) {
        _ if first == never() || second == never() => never(),
        (Empty, _) => second,
        (_, Empty) => first,
        // To one side, so that what is the same looks the same.
        (Then(head, tail), _) => then((**head).clone(), then((**tail).clone(), second)),
        _ => Then(Rc::new(first), Rc::new(second)),
    }
}

fn or(parts: impl IntoIterator<Item = Tree>) -> Tree {
    let mut flat = BTreeSet::new();
    for part in parts {
        match part {
            Or(inner) => flat.extend(inner),
            part => {
                flat.insert(part);
            }
        }
    }
    if flat.len() == 1 { flat.pop_first().unwrap() } else { Or(flat) }
}

fn and(parts: impl IntoIterator<Item = Tree>) -> Tree {
    And(parts.into_iter().collect())
}

fn not(tree: Tree) -> Tree {
    match tree {
        Not(inner) => (*inner).clone(),
        tree => Not(Rc::new(tree)),
    }
}

fn star(tree: &Tree) -> Tree {
    Star(Rc::new(tree.clone()))
}

impl Tree {
    fn has_empty(&self) -> bool {
        match self {
            One(_) => false,
            Empty | Star(_) => true,
            Then(first, second) => first.has_empty() && second.has_empty(),
            Or(parts) => parts.iter().any(Self::has_empty),
            And(parts) => parts.iter().all(Self::has_empty),
            Not(inner) => !inner.has_empty(),
        }
    }

    /// What must follow the byte.
    fn behind(&self, byte: u8) -> Self {
        match self {
            One(bytes) if bytes.contains(&byte) => Empty,
            One(_) | Empty => never(),
            Then(first, second) => {
                let within = then(first.behind(byte), (**second).clone());
                if first.has_empty() { or([within, second.behind(byte)]) } else { within }
            }
            Or(parts) => or(parts.iter().map(|part| part.behind(byte))),
            And(parts) => and(parts.iter().map(|part| part.behind(byte))),
            Not(inner) => not(inner.behind(byte)),
            Star(inner) => then(inner.behind(byte), self.clone()),
        }
    }

    fn matches(&self, value: &[u8]) -> bool {
        value.iter().fold(self.clone(), |tree, byte| tree.behind(*byte)).has_empty()
    }

    /// The length of a shortest text.
    fn shortest(&self) -> Option<usize> {
        let mut known = HashSet::from([self.clone()]);
        let mut open = VecDeque::from([(0, self.clone())]);
        while let Some((length, tree)) = open.pop_front() {
            if tree.has_empty() {
                return Some(length);
            }
            for byte in ALPHABET {
                let next = tree.behind(*byte);
                if known.insert(next.clone()) {
                    open.push_back((length + 1, next));
                }
            }
        }
        None
    }
}

/// Paths that can be sent as they are: they begin with a slash, and no two slashes follow each other.
fn sendable() -> Tree {
    and([then(text("/"), any()), not(then(any(), then(text("//"), any())))])
}

/// An expression, and as it is written.
fn expression(random: &mut Rng, depth: usize) -> (Tree, String) {
    if depth == 0 {
        return match random.u8(..8) {
            0 | 1 => (text("/"), "/".to_owned()),
            2 | 3 => (text("a"), "a".to_owned()),
            4 => (text("b"), "b".to_owned()),
            5 => (one(b"abc"), "[^/]".to_owned()),
            6 => (one(b"b/c"), "[^a]".to_owned()),
            _ => (one(ALPHABET), ".".to_owned()),
        };
    }
    let (first, written) = expression(random, depth - 1);
    match random.u8(..8) {
        0 => (star(&first), format!("({written})*")),
        1 => (then(first.clone(), star(&first)), format!("({written})+")),
        2 => (or([first, Empty]), format!("({written})?")),
        3 => (then(first.clone(), then(first.clone(), or([first, Empty]))), format!("({written}){{2,3}}")),
        4 | 5 => {
            let (second, other) = expression(random, depth - 1);
            (or([first, second]), format!("({written}|{other})"))
        }
        _ => {
            let (second, other) = expression(random, depth - 1);
            (then(first, second), format!("{written}{other}"))
        }
    }
}

/// A pattern of `paths`, and as it is written.
fn path(random: &mut Rng) -> (Tree, String) {
    let segments = random.usize(1..=3);
    let mut tree = Empty;
    let mut written = String::new();
    for _ in 0..segments {
        let (segment, name) = match random.u8(..4) {
            0 => (text("/a"), "/a"),
            1 => (text("/ab"), "/ab"),
            2 => (text("/b"), "/b"),
            _ => (then(text("/"), then(one(b"abc"), star(&one(b"abc")))), "/{*}"),
        };
        tree = then(tree, segment);
        written.push_str(name);
    }
    let is_template = written.contains('{');
    match random.u8(..6) {
        0 if !is_template => (then(tree, any()), format!("{written}*")),
        1 if !is_template => (then(any(), tree), format!("*{written}")),
        2 => (then(tree, then(text("/"), any())), format!("{written}/{{**}}")),
        3 => (then(tree, then(text("/"), then(any(), text("/b")))), format!("{written}/{{**}}/b")),
        4 if segments == 1 => (then(one(ALPHABET), any()), "*".to_owned()),
        _ => (tree, written),
    }
}

/// The value of one field of an operation, and when it holds.
fn field(random: &mut Rng) -> (Tree, String) {
    let is_expression = random.bool();
    let count = random.usize(1..=3);
    let (trees, texts): (Vec<Tree>, Vec<String>) =
        (0..count).map(|_| if is_expression { expression(random, 3) } else { path(random) }).unzip();
    let name = if is_expression { "pathRegex" } else { "paths" };
    (or(trees), format!("{name:?}: {}", serde_json::to_string(&texts).unwrap()))
}

/// How many searches found a path, and how many found none.
fn look_at(seed: u64) -> (usize, usize) {
    let mut random = Rng::with_seed(seed);
    let mut trees = Vec::new();
    let mut rules = Vec::new();
    for at in 0..random.usize(2..=5) {
        let (tree, written) = field(&mut random);
        trees.push(tree);
        let action = ["ALLOW", "DENY"][random.usize(..2)];
        rules.push(format!(r#"{{"id": "r{at}", "action": "{action}", "to": [{{"operation": {{{written}}}}}]}}"#));
    }
    let json = format!(r#"{{"version": 1, "upstream": "a/b", "rules": [{}]}}"#, rules.join(","));
    let source: wire::Policy = sallyport_core::engine::parse(json.as_bytes()).unwrap();
    // Too many steps for one request.
    let Ok(policy) = Policy::new(source) else { return (0, 0) };
    let mut space = Space::new(setting([&policy, &policy], "a.example"), BUDGET);
    let formulas = Reading::new(&mut space, policy.outline()).rules;
    let dimension = space.dimension(&Dimension::Path);
    let (mut found, mut none) = (0, 0);
    for _ in 0..SEARCHES {
        let mut asked = Vec::new();
        let mut all = vec![sendable()];
        for (formula, tree) in formulas.iter().zip(&trees) {
            let Formula::Is(atom, holds) = formula else { panic!("{formula:?}") };
            if random.u8(..3) > 0 {
                let wanted = random.bool();
                all.push(if wanted { tree.clone() } else { not(tree.clone()) });
                asked.push((*atom, wanted == *holds));
            }
        }
        asked.sort_unstable();
        asked.dedup();
        let all = and(all);
        let value = space.find(dimension, &asked).unwrap().map(|found| found.value);
        // One with escapes is found only where there is no other, and of those the oracle knows nothing.
        let plain: Option<Vec<u8>> =
            value.and_then(|value| value.iter().map(|symbol| u8::try_from(*symbol).ok()).collect());
        let shown = || {
            format!("seed {seed}: {json}\n{asked:?} {:?}", plain.as_ref().map(|plain| plain.escape_ascii().to_string()))
        };
        assert_eq!(plain.as_ref().map(Vec::len), all.shortest(), "{}", shown());
        match &plain {
            Some(plain) => {
                let value: Vec<u8> =
                    plain.iter().map(|byte| if ALPHABET.contains(byte) { *byte } else { b'c' }).collect();
                assert!(all.matches(&value), "{}", shown());
                found += 1;
            }
            None => none += 1,
        }
    }
    (found, none)
}

#[test]
fn a_shortest_path_is_found_where_there_is_one_and_none_where_there_is_none() {
    let (found, none): (Vec<usize>, Vec<usize>) = (0..POLICIES).map(look_at).unzip();
    let (found, none): (usize, usize) = (found.iter().sum(), none.iter().sum());
    eprintln!("{found} searches found a path, {none} none");
    assert!(found > 1000 && none > 300);
}

#[test]
fn the_oracle_knows_its_operators() {
    let tree = or([then(text("a"), star(&text("b"))), text("c")]);
    for (value, matches) in [("a", true), ("abb", true), ("c", true), ("", false), ("ba", false), ("cb", false)] {
        assert_eq!(tree.matches(value.as_bytes()), matches, "{value}");
        assert_eq!(not(tree.clone()).matches(value.as_bytes()), !matches, "{value}");
    }
    assert_eq!(and([tree.clone(), not(text("a")), not(text("c"))]).shortest(), Some(2));
    assert_eq!(and([tree, then(any(), text("a")), not(text("a"))]).shortest(), None);
}
