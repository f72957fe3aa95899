//! The formulas of tests: which machine each is, on which dimension.

use std::fmt::Debug;
use std::sync::Arc;

use sallyport_core::outline::{
    IdentityField, Kind, Listed, PathPattern, Pattern, StringPattern, Subject, Test, Texts, Use, Values,
};
use sallyport_core::request::grpc_content_types;
use sallyport_core::wire::Action;

use super::dimension::{Dimension, Value};
use super::formula::Formula;
use super::lang::Lang;
use super::lists::Reading;
use super::machine::{
    CallerTest, ClaimTest, Fold, Free, HostTest, IDENTITY, Lazy, LinesTest, NetworkTest, PORT, PathTest, Spelling,
    TextTest,
};
use super::marks::Symbol;
use super::space::Space;

impl Reading<'_> {
    /// When one holds.
    pub(super) fn test(&self, space: &mut Space, test: &Test) -> Formula {
        match &test.subject {
            Subject::Identity(field, listed) => self.identity(space, *field, listed),
            Subject::RequestPrincipal(listed) => request_principal(space, listed),
            Subject::SourceAddress(listed) => {
                is(space, &Dimension::SourceAddress, listed, |listed| Lazy::new(NetworkTest::new(listed)))
            }
            Subject::GatewayAddress(listed) => {
                is(space, &Dimension::GatewayAddress, listed, |listed| Lazy::new(NetworkTest::new(listed)))
            }
            Subject::GatewayPort(listed) => ports(space, listed),
            Subject::Host(listed) => {
                let literals = space.setting.literals.clone();
                is(space, &Dimension::Host, listed, |listed| Lazy::new(HostTest::new(listed, &literals)))
            }
            Subject::Method(listed) => {
                let only = exact_strings(listed).map(|texts| texts.iter().map(|text| plain(text)).collect());
                let test = |_: &_| (Lazy::new(TextTest::new(listed, &[Fold::AsIs, Fold::Upper])), only);
                Formula::Is(space.atom(&Dimension::Method, format!("{listed:?}"), test), true)
            }
            Subject::Path(listed) => Formula::Is(paths(space, listed, listed.negated), true),
            Subject::PathRegex(listed) => {
                let automata: Vec<Vec<u8>> = listed.patterns.iter().map(|pattern| pattern.automaton()).collect();
                let text = format!("{:?} {} {automata:?}", listed.by, listed.negated);
                let test = |_: &_| (Lazy::new(PathTest::of_expressions(listed)), None);
                Formula::Is(space.atom(&Dimension::Path, text, test), true)
            }
            Subject::Grpc(listed) => grpc(space, listed),
            Subject::Header(name, kind, values) => lines(space, Dimension::Header(name.clone()), *kind, values),
            Subject::Parameter(name, values) => {
                lines(space, Dimension::Parameter(name.clone()), Kind::Parameter, values)
            }
            Subject::Claim { path, words, listed } => {
                let test = |listed: &_| Lazy::new(ClaimTest::new(listed, *words));
                is(space, &Dimension::Claim(path.clone()), listed, test)
            }
            Subject::Metadata { filter, field, listed } => {
                let test = |listed: &Listed<Texts>| {
                    let langs = (Lang::of_strings(&listed.patterns.texts), Lang::of_strings(&listed.patterns.elements));
                    Lazy::new(ClaimTest::of(listed.by, listed.negated, listed.if_missing, langs, false))
                };
                is(space, &Dimension::Metadata(filter.clone(), field.clone()), listed, test)
            }
            Subject::Connection { key, folds, listed } => {
                let folds: &[Fold] = if *folds { &[Fold::AsIs, Fold::Lower] } else { &[Fold::AsIs] };
                let test = |listed: &_| Lazy::new(TextTest::new(listed, folds));
                is(space, &Dimension::Connection(key, folds.len() > 1), listed, test)
            }
        }
    }

    pub(super) fn identity(
        &self,
        space: &mut Space,
        field: IdentityField,
        listed: &Listed<Vec<StringPattern>>,
    ) -> Formula {
        let only = (field == IdentityField::Principal && self.forwarders.is_empty())
            .then(|| exact_strings(listed))
            .flatten()
            .map(|texts| {
                texts
                    .iter()
                    .map(|text| std::iter::once(IDENTITY).chain(text.iter().map(|byte| (*byte).into())).collect())
                    .collect()
            });
        let text = format!("{field:?} {listed:?} {:?}", self.forwarders);
        let test = |_: &_| (Lazy::new(CallerTest::new(field, listed, self.forwarders.clone())), only);
        Formula::Is(space.atom(&Dimension::Caller, text, test), true)
    }
}

fn is<P: Debug>(
    space: &mut Space,
    dimension: &Dimension,
    listed: &Listed<P>,
    machine: impl FnOnce(&Listed<P>) -> Lazy,
) -> Formula {
    Formula::Is(space.atom(dimension, format!("{listed:?}"), |_| (machine(listed), None)), true)
}

fn ports(space: &mut Space, listed: &Listed<Vec<u16>>) -> Formula {
    let symbol = |port: &u16| PORT.saturating_add((*port).into());
    let named: Vec<Formula> = listed
        .patterns
        .iter()
        .map(|port| {
            let machine = |_: &_| {
                let symbols = vec![symbol(port)];
                (Lazy::new(Free { symbols, or_none: false }), Some(vec![[symbol(port)].into()]))
            };
            Formula::Is(space.atom(&Dimension::GatewayPort, port.to_string(), machine), true)
        })
        .collect();
    let matched = Formula::any(named);
    if listed.negated { matched.not() } else { matched }
}

fn paths(space: &mut Space, listed: &Listed<Vec<PathPattern>>, negated: bool) -> usize {
    let exact = |pattern: &PathPattern| match pattern {
        PathPattern::Exact(text) => path_symbols(text),
        _ => None,
    };
    let is_permissive = listed.by == Use::Permissive && !negated;
    let only = is_permissive.then(|| listed.patterns.iter().map(exact).collect::<Option<Vec<Value>>>()).flatten();
    let text = format!("{:?} {negated} {:?}", listed.by, listed.patterns);
    space.atom(&Dimension::Path, text, |_| (Lazy::new(PathTest::of_paths(listed, negated)), only))
}

/// The symbols of a path; `None` for one with characters that have a meaning of their own.
fn path_symbols(text: &[u8]) -> Option<Value> {
    let mut symbols = Vec::new();
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first() {
        if *first == b'%' {
            let (digits, behind) = behind.split_at_checked(2)?;
            let byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
            let raw = [b"%", digits].concat();
            let spelled = (1..3).map(|kind: Symbol| kind.saturating_mul(0x100).saturating_add(byte.into()));
            symbols.push(spelled.into_iter().find(|symbol| Spelling::of(*symbol).raw == raw)?);
            rest = behind;
        } else {
            let plain = Symbol::from(*first);
            let otherwise = plain.saturating_add(0x200);
            let is_plain = Spelling::of(otherwise).raw != [*first];
            symbols.push(if is_plain { plain } else { otherwise });
            rest = behind;
        }
    }
    Some(symbols.into())
}

fn plain(text: &[u8]) -> Value {
    text.iter().map(|byte| Symbol::from(*byte)).collect()
}

/// The texts, if a permissive list has only such.
fn exact_strings(listed: &Listed<Vec<StringPattern>>) -> Option<Vec<&[u8]>> {
    if listed.by == Use::Restrictive || listed.negated {
        return None;
    }
    let mut texts = Vec::new();
    for pattern in &listed.patterns {
        let StringPattern::Exact(text) = pattern else { return None };
        texts.push(&**text);
    }
    Some(texts)
}

/// A call is a POST with a content type of gRPC's, where that helps the caller.
fn grpc(space: &mut Space, listed: &Listed<Vec<PathPattern>>) -> Formula {
    let of_path = Formula::Is(paths(space, listed, false), true);
    let matched = match listed.by {
        Use::Restrictive => of_path,
        Use::Permissive => {
            let post = Listed {
                patterns: vec![StringPattern::Exact(b"POST"[..].into())],
                negated: false,
                by: Use::Permissive,
                if_missing: false,
            };
            let is_post = |_: &_| (Lazy::new(TextTest::new(&post, &[Fold::AsIs])), Some(vec![plain(b"POST")]));
            let is_post = Formula::Is(space.atom(&Dimension::Method, "POST".to_owned(), is_post), true);
            let is_call = |_: &_| (Lazy::new(LinesTest::every(content_types())), None);
            let header = Dimension::Header("content-type".to_owned());
            let is_call = Formula::Is(space.atom(&header, "gRPC".to_owned(), is_call), true);
            Formula::all([is_post, is_call, of_path])
        }
    };
    if listed.negated { matched.not() } else { matched }
}

fn content_types() -> Lang {
    let expressions: Vec<_> = grpc_content_types().map(Arc::new).into_iter().collect();
    Lang::default().or_expressions(&expressions)
}

fn lines(space: &mut Space, dimension: Dimension, kind: Kind, values: &Values) -> Formula {
    let automata = |regex: &Option<Vec<Arc<Pattern>>>| -> Option<Vec<Vec<u8>>> {
        regex.as_ref().map(|regex| regex.iter().map(|pattern| pattern.automaton()).collect())
    };
    let Values { action, quantifier, values: wanted, regex, not_values, not_regex } = values;
    // DENY and AUDIT rules read alike.
    let text = format!(
        "{} {quantifier:?} {wanted:?} {:?} {not_values:?} {:?}",
        *action == Action::Allow,
        automata(regex),
        automata(not_regex)
    );
    Formula::Is(space.atom(&dimension, text, |_| (Lazy::new(LinesTest::new(kind, values)), None)), true)
}

fn request_principal(space: &mut Space, listed: &Listed<Vec<(StringPattern, StringPattern)>>) -> Formula {
    let mut half = |name: &str, pattern: &StringPattern| {
        let test = |_: &_| (Lazy::new(ClaimTest::of_text(Lang::of_strings([pattern]))), None);
        let claim = Dimension::Claim(vec![name.to_owned()]);
        Formula::Is(space.atom(&claim, format!("text {pattern:?}"), test), true)
    };
    let mut both =
        |(issuer, subject): (&StringPattern, &StringPattern)| Formula::all([half("iss", issuer), half("sub", subject)]);
    let there = both((&StringPattern::Present, &StringPattern::Present));
    let matched =
        Formula::any(listed.patterns.iter().map(|(issuer, subject)| both((issuer, subject))).collect::<Vec<_>>());
    match (listed.negated, listed.if_missing) {
        (false, _) => Formula::all([there, matched]),
        (true, true) => Formula::any([there.not(), matched.not()]),
        (true, false) => Formula::all([there, matched.not()]),
    }
}
