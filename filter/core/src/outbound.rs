//! What leaves the mesh: the headers of a permitted request, as the upstream gets them.
//!
//! # Design
//!
//! Envoy's route does what it can: the packager writes [`hygiene::removed_by_route`] into it, and that costs no host call.
//! Here is the rest: families of names, the trace ([`trace_context`]), and values that differ from request to request.
//! [`Outbound::outgoing`] gives the changes, and none where nothing changes. A route cannot change trailers at all, so
//! [`Outbound::removed_from_trailers`] covers everything.
//!
//! A route removes a header by its exact name, but an upstream behind CGI, WSGI or PHP reads `x_api_key` as `x-api-key`. So
//! the filter removes the *twins* ([`name::is_same_to_cgi`](crate::request::name::is_same_to_cgi)) of every name that the
//! filter or a route sets, removes or fills with a secret, whichever of the two handles the name itself. `keep` keeps a name
//! as it is written: its twins are removed, unless they are kept, too. A name with an underscore that has no such twin
//! passes unchanged.

mod compile;
mod facts;
pub mod hygiene;
mod known;
pub mod reserved;
mod template;
mod trailers;

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use self::hygiene::Hygiene;
use self::known::Known;
use self::template::Template;
use crate::answer::ROUTE_HEADER;
use crate::request::name::fold;
use crate::request::pairs::Pair;
use crate::trace_context::{self, Incoming, TraceContext, baggage};
use crate::wire::{ParentSpan, TraceFormat, TracingMode};

pub(crate) use compile::compile;
pub use facts::Facts;
pub use template::placeholders;

/// How the headers of requests are changed on their way out, compiled.
#[derive(Debug, PartialEq, Eq)]
pub struct Outbound {
    mode: TracingMode,
    formats: Vec<TraceFormat>,
    parent: ParentSpan,
    /// How many of a thousand traces are sampled where the caller has not decided.
    sampling_per_mille: Option<u32>,
    /// Keys of baggage that may leave.
    baggage: Vec<Box<str>>,
    hygiene: Hygiene,
    /// Names that are kept, whatever the hygiene says.
    keep: Vec<Box<str>>,
    /// Names that a route sets or removes because the file says so.
    by_route: Vec<Box<str>>,
    /// Those, the names that are set here, and the gate's own: what a caller sends under any of them is removed.
    owned: Folded,
    /// The same for responses.
    keep_of_responses: Vec<Box<str>>,
    remove_from_responses: Folded,
    set: Vec<(Box<str>, Template)>,
    known: Known,
}

/// A change to the request's headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit<'a> {
    /// Remove every header of this name.
    Remove(Cow<'a, [u8]>),
    /// Replace every header of this name.
    Set(Cow<'a, str>, String),
}

/// A permitted request on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing<'a> {
    /// The changes, in this order.
    pub edits: Vec<Edit<'a>>,
    /// The id of the trace, 32 hexadecimal digits: the caller's, or where the filter propagates traces the one that it has
    /// started.
    pub trace_id: Option<String>,
    /// The id of the gateway's own span, where the upstream gets one.
    pub span_id: Option<[u8; 8]>,
}

impl Outbound {
    /// Whether a header is set to the caller's identity.
    #[must_use]
    pub fn needs_principal(&self) -> bool {
        self.set.iter().any(|(_, template)| template.needs_principal())
    }

    /// Whether random ids are needed: where a span of the gateway is written, or a trace may begin.
    #[must_use]
    pub fn needs_ids(&self, headers: &[Pair<'_>]) -> bool {
        let may_begin = || self.sampling_per_mille.is_some() || trace_context::b3::is_there(headers);
        self.mode == TracingMode::Standalone && (self.parent == ParentSpan::Gateway || may_begin())
    }

    /// The changes, and the trace of the request.
    #[must_use]
    #[inline(never)]
    pub fn outgoing<'a>(&'a self, headers: &[Pair<'a>], facts: &Facts<'_>) -> Outgoing<'a> {
        let (context, written) = self.trace(headers, facts);
        let trace_id = context.as_ref().map(|context| trace_context::hex(&context.trace_id));
        let span_id = context.filter(|context| context.is_own).map(|context| context.span_id);
        let is_written = |name: &[u8]| written.iter().any(|(written, _)| written.as_bytes() == name);
        let removed = names(headers, |name| self.is_removed(name) && !is_written(name));
        let mut edits: Vec<_> = removed.into_iter().map(|name| Edit::Remove(Cow::Borrowed(name))).collect();
        for (name, value) in written {
            set(&mut edits, headers, name, value);
        }
        for (name, template) in &self.set {
            match template.render(headers, facts, trace_id.as_deref()) {
                Some(value) => set(&mut edits, headers, name, value),
                // Without a value of ours, the caller's must not pass as if it were.
                None if headers.iter().any(|(key, _)| *key == name.as_bytes()) => {
                    edits.push(Edit::Remove(Cow::Borrowed(name.as_bytes())));
                }
                None => {}
            }
        }
        Outgoing { edits, trace_id, span_id }
    }

    /// The trace, for logs and other headers, and the headers that propagate it.
    #[inline(never)]
    fn trace(&self, headers: &[Pair<'_>], facts: &Facts<'_>) -> (Option<TraceContext>, Vec<(&'static str, String)>) {
        let incoming = Incoming::read(headers);
        if self.mode != TracingMode::Standalone {
            return (incoming.context, Vec::new());
        }
        let context = incoming.next(self.parent, self.sampling_per_mille, facts.ids);
        let mut written =
            context.as_ref().map_or_else(Vec::new, |context| trace_context::write(context, &self.formats));
        if !self.baggage.is_empty() {
            let list = |name| Some((name, baggage::listed(headers, name, &self.baggage)?));
            written.extend(baggage::LISTS.into_iter().filter_map(list));
        }
        (context, written)
    }

    /// The same, with the answers about names that are known beforehand.
    fn with_known(self) -> Self {
        let listed = hygiene::listed().chain(trace_context::names()).map(|name| -> &[u8] { name.as_bytes() });
        let names = listed.chain(self.owned.0.iter().map(|name| &**name));
        let known = Known::new(names, |name| self.decides_removal(name));
        Self { known, ..self }
    }

    /// Whether the filter removes a request's header.
    fn is_removed(&self, name: &[u8]) -> bool {
        self.known.is_removed(name).unwrap_or_else(|| self.decides_removal(name))
    }

    /// Whether the filter removes a request's header. It need not remove what it sets, and what a route sets or removes by
    /// this exact name is left to that route, unless it is also part of the hygiene: the request may take another route.
    fn decides_removal(&self, name: &[u8]) -> bool {
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
        by_hygiene && !self.is_kept(name)
            || self.is_foreign_trace(&folded) && !baggage::is_listed_member(name, &self.baggage)
    }

    /// Whether a header belongs to the caller's trace, and that must not pass. `keep` does not change that.
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

/// Names as CGI reads them. There are few, so they are compared one by one.
#[derive(Debug, Default, PartialEq, Eq)]
struct Folded(Vec<Box<[u8]>>);

impl Folded {
    fn new<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        Self(names.map(|name| fold(name.as_bytes()).into()).collect())
    }

    /// Whether it has a name with this [`fold`].
    fn has(&self, folded: &[u8]) -> bool {
        self.0.iter().any(|known| **known == *folded)
    }
}

/// The names to remove, each once.
fn names<'a>(headers: &[Pair<'a>], is_removed: impl Fn(&[u8]) -> bool) -> Vec<&'a [u8]> {
    let mut names = Vec::new();
    for (name, _) in headers {
        if is_removed(name) && !names.contains(name) {
            names.push(*name);
        }
    }
    names
}

/// Sets a header, unless it has that value already.
fn set<'a>(edits: &mut Vec<Edit<'a>>, headers: &[Pair<'_>], name: &'a str, value: String) {
    let mut there = headers.iter().filter(|(key, _)| *key == name.as_bytes()).map(|(_, value)| *value);
    if there.next() != Some(value.as_bytes()) || there.next().is_some() {
        edits.push(Edit::Set(Cow::Borrowed(name), value));
    }
}
