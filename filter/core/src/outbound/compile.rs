//! From the wire shape to the edits of requests, or every problem in it.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::known::Known;
use super::reserved::{OF_THE_GATE, Reserved};
use super::template::Template;
use super::{Folded, Outbound, trace_context};
use crate::health::MAX_TARGETS;
use crate::problem::{Flaw, Place, PolicyCode, Problems};
use crate::request::is_token_byte;
use crate::request::name::{fold, is_same_to_cgi};
use crate::text::Escaped;
use crate::trace_context::baggage;
use crate::wire::{self, ParentSpan, TracingMode};

/// Most headers that are set, and most names in a list.
const MAX_NAMES: usize = 64;
/// Most names that routes set or remove: those of the upstream and of every standby, and of each a credential.
const MAX_ROUTED: usize = MAX_TARGETS * (MAX_NAMES + 1);

/// Compiles `tracing` and `headers`; what is wrong goes to `problems`.
#[inline(never)]
pub(crate) fn compile(tracing: &wire::Tracing, headers: &wire::Headers, problems: &mut Problems) -> Outbound {
    let mut compiler = Compiler { problems };
    let wire::Tracing { mode, formats, baggage, parent, sampling_per_mille } = tracing;
    let place = &Place::Field("tracing");
    let is_standalone = *mode == TracingMode::Standalone;
    if formats.is_empty() == is_standalone {
        let (wrong, help) = match is_standalone {
            true => ("`formats` is empty", "write a format such as `w3c`, or `mode: strip`"),
            false => ("`formats` is only used with `mode: standalone`", "write `mode: standalone`, or leave it out"),
        };
        compiler.report(&place.field("formats"), PolicyCode::TracingMode, wrong, help);
    }
    let written = [
        ("baggage", !baggage.is_empty()),
        ("parent", *parent != ParentSpan::Caller),
        ("samplingPerMille", sampling_per_mille.is_some()),
    ];
    for (field, _) in written.iter().filter(|(_, is_written)| *is_written && !is_standalone) {
        let flaw = Flaw::new(PolicyCode::TracingMode, format_args!("`{field}` is only used with `mode: standalone`"));
        compiler.take(&place.field(field), flaw.help(format_args!("write `mode: standalone`, or leave it out")));
    }
    let wire::Headers { hygiene, keep, remove, routed, set, response } = headers;
    let wire::ResponseHeaders { keep: kept_of_responses, remove: removed_from_responses } = response;
    let place = &Place::Field("headers");
    let of_responses = &place.field("response");
    let mut by_route = compiler.names(&place.field("remove"), remove, MAX_NAMES);
    by_route.extend(compiler.names(&place.field("routed"), routed, MAX_ROUTED));
    let set = compiler.set(&place.field("set"), set, *mode);
    let owned = by_route.iter().chain(set.iter().map(|(name, _)| name)).map(|name| &**name).chain(OF_THE_GATE);
    Outbound {
        mode: *mode,
        formats: formats.clone(),
        parent: *parent,
        sampling_per_mille: *sampling_per_mille,
        baggage: baggage.iter().map(|key| key.as_str().into()).collect(),
        hygiene: *hygiene,
        keep: compiler.names(&place.field("keep"), keep, MAX_NAMES),
        owned: Folded::new(owned),
        by_route,
        keep_of_responses: compiler.names(&of_responses.field("keep"), kept_of_responses, MAX_NAMES),
        remove_from_responses: Folded::new(
            compiler.names(&of_responses.field("remove"), removed_from_responses, MAX_NAMES).iter().map(|name| &**name),
        ),
        set,
        known: Known::default(),
    }
    .with_known()
}

struct Compiler<'p> {
    problems: &'p mut Problems,
}

impl Compiler<'_> {
    fn report(&mut self, place: &Place<'_>, code: PolicyCode, message: &str, help: &str) {
        let flaw = Flaw::new(code, format_args!("{message}")).help(format_args!("{help}"));
        self.take(place, flaw);
    }

    fn take(&mut self, place: &Place<'_>, flaw: Flaw) {
        self.problems.report(place, flaw);
    }

    fn check_length(&mut self, place: &Place<'_>, length: usize, most: usize) {
        if length > most {
            let flaw = Flaw::new(PolicyCode::Limit, format_args!("the list has more than {most} entries"));
            self.take(place, flaw.help(format_args!("write fewer")));
        }
    }

    fn names(&mut self, place: &Place<'_>, names: &[String], most: usize) -> Vec<Box<str>> {
        self.check_length(place, names.len(), most);
        for (position, name) in names.iter().enumerate() {
            self.check_name(&place.item(position), name);
        }
        names.iter().map(|name| name.as_str().into()).collect()
    }

    fn check_name(&mut self, place: &Place<'_>, name: &str) {
        let good = |byte: u8| is_token_byte(byte) && !byte.is_ascii_uppercase();
        if name.is_empty() || name.len() > 256 || !name.bytes().all(good) {
            let flaw =
                Flaw::new(PolicyCode::HeaderName, format_args!("`{}` is not the name of a header", Escaped(name)))
                    .help(format_args!("write it in lower case"));
            self.take(place, flaw);
        } else if let Some(reserved) = Reserved::of(name) {
            let flaw = Flaw::new(PolicyCode::HeaderName, format_args!("`{name}` {}", reserved.problem()));
            self.take(place, flaw.help(format_args!("{}", reserved.help())));
        }
    }

    fn set(&mut self, place: &Place<'_>, sources: &[wire::SetHeader], mode: TracingMode) -> Vec<(Box<str>, Template)> {
        self.check_length(place, sources.len(), MAX_NAMES);
        let mut set: Vec<(Box<str>, Template)> = Vec::new();
        for (position, wire::SetHeader { name, value }) in sources.iter().enumerate() {
            let place = &place.item(position);
            self.check_name(&place.field("name"), name);
            let folded = fold(name.as_bytes());
            // Many an API has a `request-id` that is no trace, so a file may set it.
            let own_trace =
                mode != TracingMode::Strip && trace_context::is_trace_header(&folded) && *folded != *b"request-id";
            if own_trace || *folded == *baggage::BAGGAGE.as_bytes() {
                let flaw = Flaw::new(PolicyCode::HeaderName, format_args!("`{name}` cannot be set"))
                    .help(format_args!("it carries the request's trace; set a header with another name"));
                self.take(&place.field("name"), flaw);
            }
            if let Some((other, _)) = set.iter().find(|(other, _)| is_same_to_cgi(other.as_bytes(), name.as_bytes())) {
                let flaw = if **other == **name {
                    Flaw::new(PolicyCode::HeaderName, format_args!("`{name}` is set twice"))
                } else {
                    Flaw::new(PolicyCode::HeaderName, format_args!("`{name}` and `{other}` are the same header to CGI"))
                };
                self.take(&place.field("name"), flaw.help(format_args!("keep one of the two")));
            }
            match Template::parse(value) {
                Ok(template) => set.push((name.as_str().into(), template)),
                Err(flaw) => self.take(&place.field("value"), flaw),
            }
        }
        set
    }
}
