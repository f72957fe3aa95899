//! Formulas over tests.

use std::rc::Rc;

use super::space::Atom;

/// A formula without negations but on tests.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Formula {
    /// The test has this result.
    Is(Atom, bool),
    /// All hold; without any it holds.
    All(Rc<[Formula]>),
    /// One holds; without any it does not.
    Any(Rc<[Formula]>),
}

impl Formula {
    pub(super) fn always() -> Self {
        Self::All(Rc::default())
    }

    pub(super) fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        Self::joined(parts, true)
    }

    pub(super) fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        Self::joined(parts, false)
    }

    fn joined(parts: impl IntoIterator<Item = Self>, is_all: bool) -> Self {
        let mut flat: Vec<Self> = Vec::new();
        for part in parts {
            match (&part, is_all) {
                (Self::All(inner), true) | (Self::Any(inner), false) => flat.extend(inner.iter().cloned()),
                // What never holds, or always does, decides.
                (Self::Any(inner), true) | (Self::All(inner), false) if inner.is_empty() => return part,
                _ => flat.push(part),
            }
        }
        match flat.pop() {
            Some(only) if flat.is_empty() => only,
            last => {
                flat.extend(last);
                if is_all { Self::All(flat.into()) } else { Self::Any(flat.into()) }
            }
        }
    }

    pub(super) fn not(&self) -> Self {
        match self {
            Self::Is(atom, holds) => Self::Is(*atom, !holds),
            Self::All(parts) => Self::Any(parts.iter().map(Self::not).collect()),
            Self::Any(parts) => Self::All(parts.iter().map(Self::not).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joining_flattens() {
        let (a, b, c) = (Formula::Is(0, true), Formula::Is(1, true), Formula::Is(2, false));
        let all = Formula::all([a.clone(), Formula::all([b.clone(), c.clone()])]);
        assert_eq!(all, Formula::All([a.clone(), b.clone(), c.clone()].into()));
        assert_eq!(Formula::all([a.clone()]), a);
        assert_eq!(Formula::all([Formula::always(), a.clone()]), a);
        assert_eq!(Formula::any([a.clone(), Formula::always()]), Formula::always());
        assert_eq!(all.not(), Formula::Any([a.not(), b.not(), c.not()].into()));
        assert_eq!(all.not().not(), all);
    }

    fn holds(formula: &Formula, test: &impl Fn(Atom) -> bool) -> bool {
        match formula {
            Formula::Is(atom, wanted) => test(*atom) == *wanted,
            Formula::All(parts) => parts.iter().all(|part| holds(part, test)),
            Formula::Any(parts) => parts.iter().any(|part| holds(part, test)),
        }
    }

    #[test]
    fn a_negation_holds_where_the_formula_does_not() {
        let is = |atom| Formula::Is(atom, true);
        let formula = Formula::any([Formula::all([is(0), is(1).not()]), is(2)]);
        for bits in 0..8_u32 {
            let test = |atom: Atom| bits & (1 << atom) != 0;
            assert_ne!(holds(&formula, &test), holds(&formula.not(), &test));
        }
    }
}
