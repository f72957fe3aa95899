//! The filter's image, gateway by gateway.

use sallyport_egress::value::digest::Digest;

use super::evidence::{Evidence, Missing};
use super::filter_seen::see_filter;
use super::lock;
use super::promote::{Order, Promoted, Taken};
use super::state::{Gateway, State};
use super::write::Writer;
use crate::evidence::EvidenceArgs;
use crate::exit::{Exit, Failure};

/// Pins the image for the next gateway; if all have it, it becomes that of the lock.
pub(crate) fn promote_filter(
    state: &State,
    order: &Order<'_>,
    digest: &Digest,
    args: &EvidenceArgs,
    writer: &mut dyn Writer,
) -> Result<Promoted, Failure> {
    let gateways = state.gateways();
    let named = state.named(order.gateways)?;
    if named.len() > 1 {
        let message = "a filter is promoted one gateway at a time";
        return Err(Failure::new(Exit::Usage, message).with_help("name one gateway, or none: then it is the next one"));
    }
    let has_it = |gateway: &Gateway<'_>| state.filter_of(&gateway.egress.value).as_ref() == Ok(digest);
    let next = match named.first() {
        Some(name) => gateways.iter().find(|gateway| gateway.name() == *name),
        None => gateways.iter().find(|gateway| !has_it(gateway)),
    };
    let Some(gateway) = next else { return everywhere(state, digest, writer) };
    let name = gateway.name();
    if has_it(gateway) {
        return Ok(Promoted { notes: vec![format!("{name} has the filter {digest} already")], ..Promoted::default() });
    }
    if let Some(pinned) = &gateway.egress.value.spec.gateway.filter_digest {
        let message = format!("the Egress file of `{name}` pins the filter {pinned} itself");
        return Err(Failure::new(Exit::Blocked, message)
            .with_help("remove `gateway.filterDigest` there, so that `sallyport.lock` decides"));
    }
    let others: Vec<_> = gateways.iter().filter(|gateway| has_it(gateway)).collect();
    let Evidence { lines, missing } = see_filter(state, &others, args)?;
    if order.without_evidence.is_none() && !missing.is_empty() {
        let missing: String = missing.iter().map(|Missing(what)| format!("\n  {name} to {digest}: {what}")).collect();
        let message = format!("nothing is promoted, because something is missing:{missing}");
        return Err(Failure::new(Exit::Blocked, message)
            .with_help("wait for it, or give a reason why it is not needed: --without-evidence REASON"));
    }
    let from =
        state.filter_of(&gateway.egress.value).map_or_else(|_| "not known".to_owned(), |digest| digest.to_string());
    let mut file = state.lock.clone();
    file.rollout.gateways.entry(name.clone()).or_default().filter = Some(digest.clone());
    lock::write(&state.lock_path, state.lock_bytes.as_deref(), file, writer)?;
    let taken = Taken { gateway: name, from, to: digest.to_string(), evidence: lines, missing, ..Taken::default() };
    Ok(Promoted { taken: vec![taken], files: vec![state.lock_path.clone()], ..Promoted::default() })
}

/// The image that all gateways have is that of the lock, and none is pinned any more.
fn everywhere(state: &State, digest: &Digest, writer: &mut dyn Writer) -> Result<Promoted, Failure> {
    let mut file = state.lock.clone();
    let is_pinned = file.rollout.gateways.values().any(|gateway| gateway.filter.is_some());
    if !is_pinned {
        return Ok(Promoted {
            notes: vec![format!("every gateway has the filter {digest} already")],
            ..Promoted::default()
        });
    }
    let Some(lock) = file.filter.as_mut() else {
        return Err(Failure::new(Exit::Blocked, "every gateway has the filter, but the lock names no image")
            .with_help("`sallyport image push REPOSITORY --lock sallyport.lock` writes it"));
    };
    let from = lock.digest.clone();
    lock.candidates = state.knows_candidates(digest);
    lock.digest = digest.to_string();
    file.rollout.gateways.values_mut().for_each(|gateway| gateway.filter = None);
    lock::write(&state.lock_path, state.lock_bytes.as_deref(), file, writer)?;
    let taken = Taken { gateway: "every gateway".to_owned(), from, to: digest.to_string(), ..Taken::default() };
    let notes =
        vec!["every gateway has this filter: it is the one of the lock now, and no gateway is pinned".to_owned()];
    Ok(Promoted { taken: vec![taken], files: vec![state.lock_path.clone()], notes, ..Promoted::default() })
}

/// Gateways load the filter of the lock again.
pub(crate) fn unpin_filters(state: &State, named: &[String], writer: &mut dyn Writer) -> Result<Promoted, Failure> {
    let named = state.named(named)?;
    let mut file = state.lock.clone();
    let mut taken = Vec::new();
    for (name, gateway) in &mut file.rollout.gateways {
        let is_meant = named.is_empty() || named.contains(name);
        if let Some(digest) = gateway.filter.take_if(|_| is_meant) {
            let to = "the filter of the lock".to_owned();
            taken.push(Taken { gateway: name.clone(), from: digest.to_string(), to, ..Taken::default() });
        }
    }
    if taken.is_empty() {
        return Ok(Promoted {
            notes: vec!["no such gateway has a filter of its own".to_owned()],
            ..Promoted::default()
        });
    }
    lock::write(&state.lock_path, state.lock_bytes.as_deref(), file, writer)?;
    Ok(Promoted { taken, files: vec![state.lock_path.clone()], ..Promoted::default() })
}
