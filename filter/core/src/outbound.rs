//! What leaves the mesh: the headers of a permitted request, as the upstream gets them.
//!
//! # Design
//!
//! What Envoy's route can do it does: the packager writes [`hygiene::removed_by_route`] into it, and that costs no host
//! call. Here is what a route cannot: families of names, the trace ([`trace_context`]), and values
//! that differ from request to request. [`Outbound::outgoing`] says what is to change, and nothing where nothing is. Nor can
//! a route do anything about trailers: [`Outbound::removed_from_trailers`] has all of it.

mod compile;
pub mod hygiene;
pub mod source;
mod template;
mod trailers;

use std::borrow::Cow;

use self::hygiene::Hygiene;
use self::template::Template;
use crate::request::pairs::Pair;
use crate::trace_context::{self, Format, Incoming, Mode, baggage};

pub(crate) use compile::compile;

/// What is done to requests on their way out, compiled.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outbound {
    mode: Mode,
    formats: Vec<Format>,
    /// Keys of baggage that may leave.
    baggage: Vec<Box<str>>,
    hygiene: Hygiene,
    /// Names that stay, whatever the hygiene says.
    keep: Vec<Box<str>>,
    /// Names that go, too. Of headers the route takes them.
    remove: Vec<Box<str>>,
    /// The same of answers.
    keep_of_responses: Vec<Box<str>>,
    remove_from_responses: Vec<Box<str>>,
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
        self.mode == Mode::Standalone
    }

    /// What is to change, and the trace of the request.
    #[must_use]
    pub fn outgoing<'a>(&'a self, headers: &[Pair<'a>], facts: &Facts<'_>) -> Outgoing<'a> {
        let mut edits = Vec::new();
        let trace_id = self.trace(headers, facts, &mut edits);
        let goes = |name: &[u8]| self.hygiene.removed_by_filter(name) && !self.is_kept(name) && !self.is_set(name);
        remove(&mut edits, headers, goes);
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

    /// The headers of the trace; its id, for those who want it elsewhere.
    fn trace<'a>(&'a self, headers: &[Pair<'a>], facts: &Facts<'_>, edits: &mut Vec<Edit<'a>>) -> Option<String> {
        let incoming = Incoming::read(headers);
        let mut written: Vec<(&'static str, String)> = Vec::new();
        let id = match self.mode {
            Mode::Envoy | Mode::Strip => incoming.trace_id(),
            Mode::Standalone => {
                let context = incoming.next(facts.ids);
                written = trace_context::write(&context, &self.formats);
                written.extend(baggage::listed(headers, &self.baggage).map(|value| (baggage::BAGGAGE, value)));
                Some(trace_context::hex(&context.trace_id))
            }
        };
        if self.mode != Mode::Envoy {
            let stays = |name: &[u8]| written.iter().any(|(kept, _)| kept.as_bytes() == name) || self.is_kept(name);
            let goes = |name: &[u8]| trace_context::is_trace_header(name) && !stays(name) && !self.is_set(name);
            remove(edits, headers, goes);
        }
        for (name, value) in written {
            set(edits, headers, name, value);
        }
        id
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

fn remove<'a>(edits: &mut Vec<Edit<'a>>, headers: &[Pair<'a>], goes: impl Fn(&[u8]) -> bool) {
    edits.extend(names(headers, goes).into_iter().map(|name| Edit::Remove(Cow::Borrowed(name))));
}

/// Sets a header, unless that is what it says already.
fn set<'a>(edits: &mut Vec<Edit<'a>>, headers: &[Pair<'_>], name: &'a str, value: String) {
    let mut there = headers.iter().filter(|(key, _)| *key == name.as_bytes()).map(|(_, value)| *value);
    if there.next() != Some(value.as_bytes()) || there.next().is_some() {
        edits.push(Edit::Set(Cow::Borrowed(name), value));
    }
}
