//! Whose turn it is: waves go one after the other.

use sallyport_egress::rollout::{Standing, Step};
use sallyport_manifest::GatewayState;

use super::state::{Gateway, State};

/// Whether a gateway has a candidate that does not decide for all yet, or begins its stage again.
pub(super) fn is_behind(gateway: &Gateway<'_>) -> bool {
    match gateway.state {
        GatewayState::Proposed(_) | GatewayState::Changed(..) => true,
        GatewayState::Rolling(_, locked) => locked.standing < Standing::Enforce || gateway.begins_again,
        GatewayState::Plain | GatewayState::Settling(..) | GatewayState::Gone(_) => false,
    }
}

/// Why a step must wait: the gateway `first`, which is the first one that is behind, is in an earlier wave.
pub(super) fn out_of_turn(state: &State, first: &Gateway<'_>, gateway: &Gateway<'_>, step: Step) -> Option<String> {
    // What is where it was overtakes nobody.
    let is_ahead = step.leads_to().is_some_and(|to| !gateway.begins_again || gateway.standing() < Some(to));
    let standing = first.standing().filter(|_| is_ahead && first.wave < gateway.wave)?;
    Some(format!(
        "`{}` is in the wave `{}`, and `{}` of the wave `{}` is at `{standing}`{}",
        gateway.name(),
        state.wave_name(gateway.wave),
        first.name(),
        state.wave_name(first.wave),
        if first.begins_again { ", which begins again" } else { "" }
    ))
}

/// The first gateway that is behind, in the order of the waves.
pub(super) fn first_behind<'s>(gateways: &[Gateway<'s>]) -> Option<Gateway<'s>> {
    gateways.iter().find(|gateway| is_behind(gateway)).copied()
}
