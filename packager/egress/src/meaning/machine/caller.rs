//! Callers: no certificate, an identity, a certificate of several names, or a trusted forwarder on behalf of one.

use sallyport_core::outline::{IdentityField, Listed, StringPattern, Use};

use super::{ABSENT, Machine, NEXT, State, byte};
use crate::meaning::lang::{Lang, Walk};
use crate::meaning::marks::{Marks, Symbol};

/// No verified certificate.
pub(in crate::meaning) const ANONYMOUS: Symbol = ABSENT;
/// A principal follows: the one name of the caller's certificate.
pub(in crate::meaning) const IDENTITY: Symbol = 0x1006;
/// Two principals follow, with [`NEXT`] between them: names of one certificate, so no identity.
pub(in crate::meaning) const SEVERAL: Symbol = 0x1007;
/// From here on: this forwarder, on behalf of the principal that follows.
pub(in crate::meaning) const FORWARDED: Symbol = 0x2000;
/// From here on: this forwarder, on behalf of a certificate of the two names that follow.
const FORWARDED_SEVERAL: Symbol = 0x2800;

/// The number of the forwarder that a symbol stands for, and whether it is on behalf of a certificate of several names.
pub(in crate::meaning) fn forwarder(symbol: Symbol) -> Option<(usize, bool)> {
    let is_several = symbol >= FORWARDED_SEVERAL;
    let first = if is_several { FORWARDED_SEVERAL } else { FORWARDED };
    Some((usize::try_from(symbol.checked_sub(first)?).ok()?, is_several))
}

/// Whether several names of one certificate follow.
pub(in crate::meaning) fn is_several(symbol: Symbol) -> bool {
    symbol == SEVERAL || matches!(forwarder(symbol), Some((_, true)))
}

/// Where in a principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Domain,
    /// The first segment of the path: `ns`, or of another kind of id.
    First,
    Namespace,
    /// `sa`.
    Sa,
    Account,
    /// Segments of another kind of id.
    Other,
    Dead,
}

impl Phase {
    const ALL: [Self; 7] =
        [Self::Domain, Self::First, Self::Namespace, Self::Sa, Self::Account, Self::Other, Self::Dead];

    /// Whether a name that is here can only be one of Istio's.
    fn is_of_istio(self) -> bool {
        matches!(self, Self::Namespace | Self::Sa | Self::Account)
    }

    fn load(number: u32) -> Self {
        usize::try_from(number).ok().and_then(|at| Self::ALL.get(at)).copied().unwrap_or(Self::Dead)
    }

    fn save(self) -> u32 {
        Self::ALL.iter().position(|phase| *phase == self).and_then(|at| u32::try_from(at).ok()).unwrap_or(u32::MAX)
    }
}

/// What a segment is so far, as far as it matters.
const EMPTY: u32 = 0;
const DOT: u32 = 1;
const DOTS: u32 = 2;
const N: u32 = 3;
const NS: u32 = 4;
const S: u32 = 5;
const SA: u32 = 6;
const ANY: u32 = 7;

fn segment(state: u32, byte: u8) -> u32 {
    match (state, byte) {
        (EMPTY, b'.') => DOT,
        (DOT, b'.') => DOTS,
        (EMPTY, b'n') => N,
        (N, b's') => NS,
        (EMPTY, b's') => S,
        (S, b'a') => SA,
        _ => ANY,
    }
}

/// The phase and the segment behind one more byte.
///
/// Names with `ns` or `sa` where Istio's have other words are left out: rules that refuse read these in more ways.
fn advance(phase: Phase, at: u32, byte: u8) -> (Phase, u32) {
    if byte == b'/' {
        let is_plain = !matches!(at, EMPTY | DOT | DOTS | NS | SA);
        let next = match phase {
            Phase::Domain if !matches!(at, EMPTY | NS) => Phase::First,
            Phase::First if at == NS => Phase::Namespace,
            Phase::First | Phase::Other if is_plain => Phase::Other,
            Phase::Namespace if is_plain => Phase::Sa,
            Phase::Sa if at == SA => Phase::Account,
            _ => Phase::Dead,
        };
        return (next, EMPTY);
    }
    let is_byte = match phase {
        Phase::Domain => byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte),
        Phase::Dead => false,
        _ => byte.is_ascii_alphanumeric() || b"._-".contains(&byte),
    };
    if is_byte { (phase, segment(at, byte)) } else { (Phase::Dead, ANY) }
}

/// Whether a principal may end here.
fn is_complete(phase: Phase, at: u32) -> bool {
    match phase {
        Phase::Account => !matches!(at, EMPTY | DOT | DOTS),
        Phase::First | Phase::Other => !matches!(at, EMPTY | DOT | DOTS | NS | SA),
        _ => false,
    }
}

/// A list of patterns on a part of the caller's names.
#[derive(Debug)]
pub(in crate::meaning) struct CallerTest {
    field: IdentityField,
    lang: Lang,
    by: Use,
    negated: bool,
    if_missing: bool,
    /// Forwarders that some policy trusts, and whether the one of this test does.
    forwarders: Vec<(String, bool)>,
}

impl CallerTest {
    pub(in crate::meaning) fn new(
        field: IdentityField,
        listed: &Listed<Vec<StringPattern>>,
        forwarders: Vec<(String, bool)>,
    ) -> Self {
        let lang = Lang::of_strings(&listed.patterns);
        Self { field, lang, by: listed.by, negated: listed.negated, if_missing: listed.if_missing, forwarders }
    }

    fn begin(&self, mode: Symbol, some: u32) -> State {
        [vec![mode, some, Phase::Domain.save(), EMPTY, 0], self.lang.start()].concat()
    }

    /// Whether the byte belongs to the part that is tested.
    fn reads(&self, phase: Phase, byte: u8) -> bool {
        match self.field {
            IdentityField::Principal => true,
            IdentityField::TrustDomain => phase == Phase::Domain && byte != b'/',
            IdentityField::Namespace => {
                matches!(phase, Phase::Namespace) && byte != b'/'
                    || (self.by == Use::Restrictive
                        && (phase == Phase::Namespace || (phase == Phase::Sa && byte != b'/')))
            }
            IdentityField::ServiceAccount => phase != Phase::Domain,
        }
    }

    /// Whether some part of the name that ends here matches: as its identity, and as a rule that restricts reads it. `None`:
    /// it has no such part.
    fn part(&self, rest: &[u32]) -> (Option<bool>, bool) {
        let [phase, _, found, walk @ ..] = rest else { return (None, false) };
        let is_istio = Phase::load(*phase) == Phase::Account;
        match self.field {
            IdentityField::Principal => {
                let matched = self.lang.matches(walk);
                (Some(matched), matched)
            }
            IdentityField::TrustDomain => (Some(*found & 1 != 0), *found & 1 != 0),
            IdentityField::Namespace => (is_istio.then_some(*found & 1 != 0), is_istio && *found != 0),
            IdentityField::ServiceAccount => {
                let matched = is_istio && self.lang.matches(walk);
                (is_istio.then_some(matched), matched)
            }
        }
    }

    /// Whether the part that is tested has ended.
    fn is_read(&self, phase: Phase) -> bool {
        match self.field {
            IdentityField::Principal | IdentityField::ServiceAccount => false,
            IdentityField::TrustDomain => phase != Phase::Domain,
            IdentityField::Namespace => phase == Phase::Account || (phase == Phase::Sa && self.by == Use::Permissive),
        }
    }

    fn conclude(&self, matched: Option<bool>) -> bool {
        matched.map_or(self.if_missing, |matched| matched != self.negated)
    }
}

/// The state: the kind of caller; whether a name before has matched; where in the name; what was found of its part, as the
/// part itself (1), and as a longer one that ends in `/sa` (2); and the walk.
impl Machine for CallerTest {
    fn start(&self) -> State {
        vec![0]
    }

    fn step(&self, state: &[u32], symbol: Symbol) -> State {
        let [mode, some, phase, at, found, ref walk @ ..] = state[..] else {
            return match symbol {
                ANONYMOUS => vec![ANONYMOUS],
                IDENTITY | SEVERAL => self.begin(symbol, 0),
                _ => {
                    let forwarder = forwarder(symbol).and_then(|(index, _)| self.forwarders.get(index));
                    match forwarder {
                        Some((_, true)) => self.begin(if is_several(symbol) { SEVERAL } else { IDENTITY }, 0),
                        Some((forwarder, false)) => {
                            let mut state = self.begin(IDENTITY, 0);
                            for byte in forwarder.bytes() {
                                state = self.step(&state, byte.into());
                            }
                            // Whatever follows: the policy does not believe it.
                            vec![FORWARDED, u32::from(self.holds(&state))]
                        }
                        None => Vec::new(),
                    }
                }
            };
        };
        if symbol == ANONYMOUS {
            return vec![ANONYMOUS];
        }
        let Some(byte) = byte(symbol) else {
            let (_, restricted) = self.part(&[&[phase, at, found], walk].concat());
            return self.begin(mode, some | u32::from(restricted));
        };
        let mut walk: Walk = walk.to_vec();
        let phase = Phase::load(phase);
        let mut found = found;
        if byte == b'/' {
            let matched = u32::from(self.lang.matches(&walk));
            found |= match (self.field, phase) {
                (IdentityField::TrustDomain, Phase::Domain) | (IdentityField::Namespace, Phase::Namespace) => matched,
                (IdentityField::Namespace, Phase::Sa) if self.by == Use::Restrictive => matched << 1,
                _ => 0,
            };
        }
        if self.reads(phase, byte) {
            self.lang.step(&mut walk, byte);
        }
        let (phase, at) = advance(phase, at, byte);
        if self.is_read(phase) {
            // The walk no longer matters.
            walk = self.lang.start();
        }
        [vec![mode, some, phase.save(), at, found], walk].concat()
    }

    fn holds(&self, state: &[u32]) -> bool {
        match state {
            [FORWARDED, holds] => *holds == 1,
            [mode, some, rest @ ..] if !rest.is_empty() => {
                let (identity, restricted) = self.part(rest);
                let restricts = self.by == Use::Restrictive && (restricted || *some == 1);
                let matched = if *mode == SEVERAL { None } else { identity };
                self.conclude(if restricts { Some(true) } else { matched })
            }
            _ => self.conclude(None),
        }
    }

    fn settled(&self, state: &[u32]) -> Option<bool> {
        let [mode, some, phase, _, found, walk @ ..] = state else {
            return match state {
                [FORWARDED, holds] => Some(*holds == 1),
                [ANONYMOUS] => Some(self.conclude(None)),
                _ => None,
            };
        };
        if *mode == SEVERAL {
            return match (self.by, some) {
                (Use::Permissive, _) => Some(self.conclude(None)),
                (Use::Restrictive, 1) => Some(!self.negated),
                (Use::Restrictive, _) => None,
            };
        }
        let phase = Phase::load(*phase);
        let (is_istio, is_other) = (phase.is_of_istio(), phase == Phase::Other);
        match self.field {
            IdentityField::Principal => self.lang.settled(walk).map(|matches| self.conclude(Some(matches))),
            IdentityField::TrustDomain => (phase != Phase::Domain).then(|| self.conclude(Some(*found & 1 != 0))),
            IdentityField::Namespace | IdentityField::ServiceAccount if is_other => Some(self.conclude(None)),
            IdentityField::Namespace => {
                let is_read = match self.by {
                    Use::Permissive => matches!(phase, Phase::Sa | Phase::Account),
                    Use::Restrictive => phase == Phase::Account || (phase == Phase::Sa && *found != 0),
                };
                is_read.then(|| self.conclude(Some(*found != 0)))
            }
            IdentityField::ServiceAccount => {
                let settled = self.lang.settled(walk)?;
                let is_same = self.conclude(None) == self.conclude(Some(settled));
                (is_istio || (is_same && phase != Phase::Domain)).then(|| self.conclude(Some(settled)))
            }
        }
    }

    fn mark(&self, marks: &mut Marks) {
        self.lang.mark(marks);
        marks.symbols.extend([ANONYMOUS, IDENTITY, SEVERAL, NEXT]);
    }
}

/// Which callers there are.
#[derive(Debug)]
pub(in crate::meaning) struct CallerGuard {
    /// Forwarders that only one of two policies trusts, so that who is behind them matters.
    pub(in crate::meaning) forwarders: usize,
}

/// The state: the kind of caller, how many names there were, and where in the name.
impl Machine for CallerGuard {
    fn start(&self) -> State {
        vec![0]
    }

    fn step(&self, state: &[u32], symbol: Symbol) -> State {
        let [mode, names, phase, at] = state[..] else {
            let is_begin = *state == [0];
            let is_forwarder = forwarder(symbol).is_some_and(|(index, _)| index < self.forwarders);
            return match symbol {
                ANONYMOUS if is_begin => vec![ANONYMOUS],
                IDENTITY | SEVERAL if is_begin => vec![symbol, 0, Phase::Domain.save(), EMPTY],
                _ if is_begin && is_forwarder => {
                    let mode = if is_several(symbol) { SEVERAL } else { FORWARDED };
                    vec![mode, 0, Phase::Domain.save(), EMPTY]
                }
                _ => Vec::new(),
            };
        };
        let phase = Phase::load(phase);
        match byte(symbol) {
            // On behalf of a caller whose certificate has no such name.
            None if symbol == ANONYMOUS
                && mode == FORWARDED
                && state == [FORWARDED, 0, Phase::Domain.save(), EMPTY] =>
            {
                vec![ANONYMOUS]
            }
            None if symbol == NEXT && mode == SEVERAL && names == 0 && is_complete(phase, at) => {
                vec![mode, 1, Phase::Domain.save(), EMPTY]
            }
            None => Vec::new(),
            Some(byte) => match advance(phase, at, byte) {
                (Phase::Dead, _) => Vec::new(),
                (phase, at) => vec![mode, names, phase.save(), at],
            },
        }
    }

    fn holds(&self, state: &[u32]) -> bool {
        match state[..] {
            [ANONYMOUS] => true,
            [mode, names, phase, at] => (mode != SEVERAL || names == 1) && is_complete(Phase::load(phase), at),
            _ => false,
        }
    }

    fn settled(&self, state: &[u32]) -> Option<bool> {
        state.is_empty().then_some(false)
    }

    fn mark(&self, marks: &mut Marks) {
        marks.text(b"/nsa.");
        for first in [FORWARDED, FORWARDED_SEVERAL] {
            marks.symbols.extend((first..).take(self.forwarders));
        }
    }
}
