//! Values of headers that differ from request to request: `%{caller.namespace}`.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use super::facts::Facts;
use crate::problem::{Flaw, Listed, PolicyCode};
use crate::request::pairs::Pair;
use crate::request::value;
use crate::text::split_once;
use crate::trace_context::other;

/// Longest request id of a caller that is used.
const MAX_REQUEST_ID: usize = 128;

/// A value with placeholders for facts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(Box<str>),
    Fact(Fact),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fact {
    Principal,
    Namespace,
    ServiceAccount,
    Gateway,
    Rule,
    TraceId,
    RequestId,
    ForeignTrace,
}

/// Every name. None of them is a secret, and a caller chooses none but the ids, whose form is checked.
const FACTS: [(&str, Fact); 8] = [
    ("caller.principal", Fact::Principal),
    ("caller.namespace", Fact::Namespace),
    ("caller.serviceAccount", Fact::ServiceAccount),
    ("gateway", Fact::Gateway),
    ("rule", Fact::Rule),
    ("traceId", Fact::TraceId),
    ("requestId", Fact::RequestId),
    ("foreignTrace", Fact::ForeignTrace),
];

/// The names that stand for facts in the values of headers, as in `%{NAME}`.
pub fn placeholders() -> impl Iterator<Item = &'static str> + Clone {
    FACTS.iter().map(|(name, _)| *name)
}

impl Template {
    pub(super) fn parse(text: &str) -> Result<Self, Flaw> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = split_once(rest, "%{") {
            let unclosed = || {
                Flaw::new(PolicyCode::HeaderTemplate, format_args!("`%{{` has no `}}`"))
                    .help(format_args!("write `%{{NAME}}`"))
            };
            let (name, after) = split_once(after, "}").ok_or_else(unclosed)?;
            if !before.is_empty() {
                parts.push(Part::Text(before.into()));
            }
            let fact = FACTS.iter().find(|(known, _)| *known == name).map(|(_, fact)| *fact);
            parts.push(Part::Fact(fact.ok_or_else(|| {
                Flaw::new(PolicyCode::HeaderTemplate, format_args!("`%{{{name}}}` is not known"))
                    .help(format_args!("the names are {}", Listed(placeholders())))
            })?));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.into()));
        }
        value::check(text)?;
        Ok(Self(parts))
    }

    pub(super) fn needs_principal(&self) -> bool {
        let of_caller = [Fact::Principal, Fact::Namespace, Fact::ServiceAccount];
        self.0.iter().any(|part| matches!(part, Part::Fact(fact) if of_caller.contains(fact)))
    }

    /// The value; none if a fact in it is unknown.
    pub(super) fn render(&self, headers: &[Pair<'_>], facts: &Facts<'_>, trace_id: Option<&str>) -> Option<String> {
        let mut value = String::new();
        for part in &self.0 {
            let _ = match part {
                Part::Text(text) => write!(value, "{text}"),
                Part::Fact(fact) => write!(value, "{}", fact.read(headers, facts, trace_id)?),
            };
        }
        Some(value)
    }
}

impl Fact {
    fn read<'a>(self, headers: &[Pair<'a>], facts: &Facts<'a>, trace_id: Option<&'a str>) -> Option<Cow<'a, str>> {
        let account = || {
            let (_, path) = split_once(facts.principal?, "/ns/")?;
            split_once(path, "/sa/")
        };
        let text = match self {
            Self::ForeignTrace => return other::correlation(headers).map(Cow::Owned),
            Self::Principal => facts.principal,
            Self::Namespace => account().map(|(namespace, _)| namespace),
            Self::ServiceAccount => account().map(|(_, account)| account),
            Self::Gateway => Some(facts.gateway),
            Self::Rule => facts.rule,
            Self::TraceId => trace_id,
            Self::RequestId => {
                let (_, id) = headers.iter().find(|(name, _)| *name == b"x-request-id")?;
                let good = (1..=MAX_REQUEST_ID).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic);
                core::str::from_utf8(id).ok().filter(|_| good)
            }
        };
        text.map(Cow::Borrowed)
    }
}
