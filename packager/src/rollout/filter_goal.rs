//! Which filter is rolled out, which gateways have it, and what keeps one from getting it, whatever was seen.

use sallyport_egress::rollout::Standing;
use sallyport_egress::value::digest::Digest;

use super::state::{Gateway, State};
use crate::exit::{Exit, Failure};
use crate::printable::{printable, quoted_path};

/// The filter that gateways are to have.
#[derive(Debug)]
pub(super) enum Goal {
    /// The lock's next one.
    Next(Digest),
    /// That of the lock, which gateways without a pin have.
    Own(Digest),
}

impl Goal {
    pub(super) fn digest(&self) -> &Digest {
        let (Goal::Next(digest) | Goal::Own(digest)) = self;
        digest
    }
}

/// The filter that the lock rolls out. `given`: the digest that the user expects; it may be that of the lock's own filter, too.
pub(super) fn goal(state: &State, given: Option<&Digest>) -> Result<Goal, Failure> {
    let (lock, name) = (quoted_path(&state.lock_path), printable(&state.lock_path));
    let push = format!("`sallyport image push {} --lock {lock}", repository(state));
    let blocked = |message: String, help: String| Err(Failure::new(Exit::Blocked, message).with_help(help));
    if let Some(pinned) = &state.mesh.filter.digest {
        return blocked(
            format!("the Mesh file pins the filter {pinned} for all gateways itself"),
            format!("remove `filter.digest` there, so that `{name}` decides; {push}` writes that filter there"),
        );
    }
    if state.lock.filter.is_none() {
        return blocked(
            format!("`{name}` has no filter, and a rollout begins with the one that all gateways have"),
            format!("{push}` writes that one there, and the same with --next the one that is rolled out"),
        );
    }
    let own = state.filter.as_ref().map_err(|reason| Failure::new(Exit::Blocked, reason.clone()))?;
    // The lock was refused if this is no digest.
    let next: Option<Digest> = state.lock.next.as_ref().and_then(|next| next.digest.parse().ok());
    match (given, next) {
        (None, Some(next)) => Ok(Goal::Next(next)),
        (Some(given), Some(next)) if *given == next => Ok(Goal::Next(next)),
        (Some(given), _) if *given == own.digest => Ok(Goal::Own(given.clone())),
        (Some(given), next) => {
            let of = next.map_or_else(String::new, |next| format!("; it rolls out {next}"));
            blocked(format!("`{name}` does not know the filter {given}{of}"), how_to_begin(state, &push))
        }
        (None, None) => blocked(format!("`{name}` has no filter that is rolled out"), how_to_begin(state, &push)),
    }
}

/// How a filter gets into the lock to be rolled out. `push`: the command, without its closing quote.
fn how_to_begin(state: &State, push: &str) -> String {
    let begin = format!("{push} --next` pushes a filter and writes it there");
    match state.lock.pinned().next() {
        Some((gateway, digest)) => {
            format!("{gateway} has {digest}: end that rollout first with `sallyport rollback --filter`; then {begin}")
        }
        None => begin,
    }
}

/// Where the filter's images are, as a word of a command.
pub(super) fn repository(state: &State) -> &str {
    state.lock.filter.as_ref().map_or("REPOSITORY", |filter| filter.image.as_str())
}

/// The gateways that have a filter, and those that do not, both in the order in which they get it.
pub(super) fn holders<'s>(state: &'s State, digest: &Digest) -> (Vec<Gateway<'s>>, Vec<Gateway<'s>>) {
    state.gateways().into_iter().partition(|gateway| state.filter_of(&gateway.egress.value).as_ref() == Ok(digest))
}

/// Why a gateway cannot get a filter.
pub(super) fn obstacle(state: &State, gateway: &Gateway<'_>, digest: &Digest) -> Option<Failure> {
    let name = gateway.name();
    if let Some(pinned) = &gateway.egress.value.spec.gateway.filter_digest {
        let message = format!("the Egress file of `{name}` pins the filter {pinned} itself");
        return Some(
            Failure::new(Exit::Blocked, message)
                .with_help("remove `gateway.filterDigest` there, so that `sallyport.lock` decides"),
        );
    }
    let live = state.lock.candidate(&name).filter(|_| !state.knows_candidates(digest))?;
    Some(refuse_old(&name, live.standing, &digest.to_string()))
}

/// A filter that does not know candidates would refuse the configuration of a gateway that has one.
pub(super) fn refuse_old(gateway: &str, standing: Standing, filter: &str) -> Failure {
    let message =
        format!("`{gateway}` has a candidate at `{standing}`, and the filter {filter} is not known to know candidates");
    Failure::new(Exit::Blocked, message).with_help(format!(
        "take the candidate back first: `sallyport rollback {gateway}`; or push that filter with the `sallyport` that it belongs to, \
         which writes whether it knows them"
    ))
}

/// What is to be done for a gateway whose filter does not know candidates, so that it can have one.
pub(super) fn cure(state: &State, gateway: &Gateway<'_>, digest: &Digest) -> String {
    let (name, lock) = (gateway.name(), quoted_path(&state.lock_path));
    let knowing = |filter: &Option<sallyport_manifest::Lock>| {
        let digest = filter.as_ref()?.digest.parse::<Digest>().ok()?;
        state.knows_candidates(&digest).then_some(digest)
    };
    if gateway.egress.value.spec.gateway.filter_digest.is_some() {
        return "its Egress file pins it: remove `gateway.filterDigest` there, so that `sallyport.lock` decides"
            .to_owned();
    }
    let is_pinned = state.lock.pinned_to(&digest.to_string()).any(|pinned| pinned == name);
    if state.mesh.filter.digest.is_some() && !is_pinned {
        return "the Mesh file pins it: remove `filter.digest` there, so that `sallyport.lock` decides".to_owned();
    }
    if let Some(own) = knowing(&state.lock.filter).filter(|_| is_pinned) {
        return format!("`sallyport rollback --filter {name}` gives it that of the lock, {own}, which does");
    }
    if let Some(next) = knowing(&state.lock.next) {
        let having: Vec<String> = holders(state, &next).0.iter().map(Gateway::name).collect();
        let needs = match having.as_slice() {
            [] => String::new(),
            _ => format!(
                "; that needs evidence of {} (--prometheus, --metrics or --log), or a reason (--without-evidence REASON)",
                having.join(", ")
            ),
        };
        return format!("`sallyport promote {name} --filter` comes first: it gives it {next}, which does{needs}");
    }
    let push = format!("`sallyport image push {} --lock {lock}", repository(state));
    let end = if state.lock.pinned().next().is_some() {
        "end the rollout of another filter with `sallyport rollback --filter`, and "
    } else {
        ""
    };
    match state.lock.filter {
        Some(_) => format!(
            "{end}push the filter of this `sallyport` first, {push} --next`, and give it to this gateway, `sallyport promote {name} --filter`"
        ),
        None => format!("{end}push the filter of this `sallyport` first: {push}`"),
    }
}
