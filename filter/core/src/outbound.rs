//! What leaves the mesh: the headers of a permitted request, as the upstream gets them.
//!
//! # Design
//!
//! What Envoy's route can do it does: the packager writes [`hygiene::removed_by_route`] into it, and that costs no host
//! call. Here is what a route cannot: families of names, the trace ([`trace_context`]), and values
//! that differ from request to request. [`Outbound::outgoing`] says what is to change, and nothing where nothing is. Nor can
//! a route do anything about trailers: [`Outbound::removed_from_trailers`] has all of it.
//!
//! A route removes a header by its very name, and an upstream behind CGI, WSGI or PHP reads `x_api_key` as `x-api-key`. So
//! the filter takes away the *twins* ([`name::is_same_to_cgi`](crate::request::name::is_same_to_cgi)) of every name that the
//! filter or a route sets, removes or fills with a secret, whichever of the two has the name itself. `keep` is for a name as
//! it is written: its twins go, unless they are kept, too. A name with an underscore that has no such twin passes unchanged.

mod compile;
pub mod hygiene;
pub mod reserved;
mod template;
mod trailers;

use std::borrow::Cow;

use self::hygiene::Hygiene;
use self::template::Template;
use crate::answer::ROUTE_HEADER;
use crate::request::name::fold;
use crate::request::pairs::Pair;
use crate::trace_context::{self, Incoming, baggage};
use crate::wire::{TraceFormat, TracingMode};

pub(crate) use compile::compile;

/// What is done to requests on their way out, compiled.
#[derive(Debug, PartialEq, Eq)]
pub struct Outbound {
    mode: TracingMode,
    formats: Vec<TraceFormat>,
    /// Keys of baggage that may leave.
    baggage: Vec<Box<str>>,
    hygiene: Hygiene,
    /// Names that stay, whatever the hygiene says.
    keep: Vec<Box<str>>,
    /// Names that a route sets or removes because the file says so.
    by_route: Vec<Box<str>>,
    /// Those, the names that are set here, and the gate's own: under none of them is a caller heard.
    owned: Folded,
    /// The same of answers.
    keep_of_responses: Vec<Box<str>>,
    remove_from_responses: Folded,
    set: Vec<(Box<str>, Template)>,
}

/// What is known of a permitted request beside its headers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts<'a> {
    /// `TD/ns/NS/sa/SA`, if the caller has shown who it is.
    pub principal: Option<&'a str>,
    /// `NAMESPACE/NAME` of the Egress.
    pub gateway: &'a str,
    /// The rule that allowed it.
    pub rule: Option<&'a str>,
    /// 24 random bytes.
    pub ids: [u8; 24],
}

/// A change to the request's headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit<'a> {
    /// Every header of this name goes.
    Remove(Cow<'a, [u8]>),
    /// This takes the place of every header of its name.
    Set(Cow<'a, str>, String),
}

/// A permitted request on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing<'a> {
    /// What is to change, in this order; nothing where nothing is.
    pub edits: Vec<Edit<'a>>,
    /// The id of the trace, 32 hexadecimal digits: the caller's, or where the filter speaks of traces the one that begins
    /// here.
    pub trace_id: Option<String>,
}

impl Outbound {
    /// Whether the caller's identity is written into a header.
    #[must_use]
    pub fn needs_principal(&self) -> bool {
        self.set.iter().any(|(_, template)| template.needs_principal())
    }

    /// Whether new ids are written.
    #[must_use]
    pub fn needs_ids(&self) -> bool {
        self.mode == TracingMode::Standalone
    }

    /// What is to change, and the trace of the request.
    #[must_use]
    pub fn outgoing<'a>(&'a self, headers: &[Pair<'a>], facts: &Facts<'_>) -> Outgoing<'a> {
        let (trace_id, written) = self.trace(headers, facts);
        let is_written = |name: &[u8]| written.iter().any(|(written, _)| written.as_bytes() == name);
        let gone = names(headers, |name| self.is_taken_away(name) && !is_written(name));
        let mut edits: Vec<_> = gone.into_iter().map(|name| Edit::Remove(Cow::Borrowed(name))).collect();
        for (name, value) in written {
            set(&mut edits, headers, name, value);
        }
        for (name, template) in &self.set {
            match template.render(headers, facts, trace_id.as_deref()) {
                Some(value) => set(&mut edits, headers, name, value),
                // What the caller has written there is not what the file says.
                None if headers.iter().any(|(key, _)| *key == name.as_bytes()) => {
                    edits.push(Edit::Remove(Cow::Borrowed(name.as_bytes())));
                }
                None => {}
            }
        }
        Outgoing { edits, trace_id }
    }

    /// The id of the trace, for those who want it elsewhere, and the headers that tell of it.
    fn trace(&self, headers: &[Pair<'_>], facts: &Facts<'_>) -> (Option<String>, Vec<(&'static str, String)>) {
        let incoming = Incoming::read(headers);
        match self.mode {
            TracingMode::Envoy | TracingMode::Strip => (incoming.trace_id(), Vec::new()),
            TracingMode::Standalone => {
                let context = incoming.next(facts.ids);
                let mut written = trace_context::write(&context, &self.formats);
                written.extend(baggage::listed(headers, &self.baggage).map(|value| (baggage::BAGGAGE, value)));
                (Some(trace_context::hex(&context.trace_id)), written)
            }
        }
    }

    /// Whether the filter removes a request's header. What it sets it replaces, and what a route sets or removes by this very
    /// name is left to that route, unless the hygiene has it, too: another route may be taken.
    fn is_taken_away(&self, name: &[u8]) -> bool {
        if self.is_set(name) || name == ROUTE_HEADER.as_bytes() {
            return false;
        }
        let folded = fold(name);
        let is_owned = self.owned.has(&folded) && !contains(&self.by_route, name);
        if is_owned || reserved::is_second_reading(name, &folded) {
            return true;
        }
        let is_twin = *folded != *name;
        let by_hygiene = if is_twin { self.hygiene.removes(&folded) } else { self.hygiene.removed_by_filter(name) };
        (by_hygiene || self.is_foreign_trace(&folded)) && !self.is_kept(name)
    }

    /// Whether a header tells of the caller's trace where the caller is not to.
    fn is_foreign_trace(&self, folded: &[u8]) -> bool {
        self.mode != TracingMode::Envoy && trace_context::is_trace_header(folded)
    }

    fn is_kept(&self, name: &[u8]) -> bool {
        contains(&self.keep, name)
    }

    fn is_set(&self, name: &[u8]) -> bool {
        self.set.iter().any(|(set, _)| set.as_bytes() == name)
    }
}

fn contains(names: &[Box<str>], name: &[u8]) -> bool {
    names.iter().any(|known| known.as_bytes() == name)
}

/// Names, as CGI reads them. There are few, so they are compared one by one.
#[derive(Debug, Default, PartialEq, Eq)]
struct Folded(Vec<Box<[u8]>>);

impl Folded {
    fn new<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        Self(names.map(|name| fold(name.as_bytes()).into()).collect())
    }

    /// Whether it has a name of this spelling: [`fold`].
    fn has(&self, folded: &[u8]) -> bool {
        self.0.iter().any(|known| **known == *folded)
    }
}

/// The names that are to go, each once.
fn names<'a>(headers: &[Pair<'a>], goes: impl Fn(&[u8]) -> bool) -> Vec<&'a [u8]> {
    let mut names = Vec::new();
    for (name, _) in headers {
        if goes(name) && !names.contains(name) {
            names.push(*name);
        }
    }
    names
}

/// Sets a header, unless that is what it says already.
fn set<'a>(edits: &mut Vec<Edit<'a>>, headers: &[Pair<'_>], name: &'a str, value: String) {
    let mut there = headers.iter().filter(|(key, _)| *key == name.as_bytes()).map(|(_, value)| *value);
    if there.next() != Some(value.as_bytes()) || there.next().is_some() {
        edits.push(Edit::Set(Cow::Borrowed(name), value));
    }
}
