//! Trailers: what comes after a body, of a request or of its answer.

use sallyport_core::Engine;
use sallyport_core::request::pairs;

use crate::dispatch::Action;
use crate::gate::Gate;
use crate::host::{self, Trailers};

/// Takes from them what does not leave, or does not come in. Where that cannot be done they go nowhere: the message stays
/// unfinished, until one of the two sides gives it up.
pub fn clean(gate: Option<&Gate>, of: Trailers) -> Action {
    let cleaned = gate.is_some_and(|gate| remove(&gate.engine, of).is_some());
    if cleaned { Action::Continue } else { Action::Pause }
}

fn remove(engine: &Engine, of: Trailers) -> Option<()> {
    let raw = host::trailers(of)?;
    let trailers = pairs::parse(&raw)?;
    let names = match of {
        Trailers::Request => engine.removed_from_trailers(&trailers),
        Trailers::Response => engine.outbound().removed_from_response_trailers(&trailers),
    };
    names.into_iter().all(|name| host::remove_trailer(of, name)).then_some(())
}
