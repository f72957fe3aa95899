//! Whose turn it is: waves go one after the other.

use sallyport_egress::rollout::{Standing, Step};
use sallyport_manifest::GatewayState;

use super::evidence::Missing;
use super::state::{Gateway, State};

/// Whether a gateway has a candidate that does not decide for all yet, or begins its stage again, or cannot be read, or is gone.
pub(super) fn is_behind(gateway: &Gateway<'_>) -> bool {
    match gateway.state {
        _ if gateway.is_unread => true,
        GatewayState::Proposed(_) | GatewayState::Changed(..) => true,
        GatewayState::Rolling(_, locked) => locked.standing < Standing::Enforce || gateway.begins_again,
        // What became of it is not known before its file is restored, or it is rolled back.
        GatewayState::Gone(_) => true,
        GatewayState::Plain | GatewayState::Settling(..) => false,
    }
}

/// Why a step must wait: the gateway `first`, which is the first one that is behind, is in an earlier wave.
pub(super) fn out_of_turn(state: &State, first: &Gateway<'_>, gateway: &Gateway<'_>, step: Step) -> Option<String> {
    // What is where it was overtakes nobody.
    let is_ahead = step.leads_to().is_some_and(|to| !gateway.begins_again || gateway.standing() < Some(to));
    if !is_ahead || first.wave >= gateway.wave {
        return None;
    }
    let standing = match first.standing() {
        _ if matches!(first.state, GatewayState::Gone(_)) => {
            format!("has lost its Candidate file: restore it, or go back with `sallyport rollback {}`", first.name())
        }
        _ if first.is_unread => "has a Candidate file with errors".to_owned(),
        standing => format!("is at `{}`", standing?),
    };
    Some(format!(
        "`{}` is in the wave `{}`, and `{}` of the wave `{}` {standing}{}",
        gateway.name(),
        state.wave_name(gateway.wave),
        first.name(),
        state.wave_name(first.wave),
        if first.begins_again { ", which begins again" } else { "" }
    ))
}

/// Why a gateway is not settled yet: another one does not decide for all.
pub(super) fn settled_early(
    state: &State,
    first: Option<&Gateway<'_>>,
    gateway: &Gateway<'_>,
    step: Step,
) -> Option<Missing> {
    let is_begun = matches!(gateway.state, GatewayState::Settling(..));
    let first = first.filter(|first| step == Step::Settle && !is_begun && first.name() != gateway.name())?;
    Some(Missing::new(format!(
        "wave: the candidate of `{}`, of the wave `{}`, does not decide for all, and none is settled before all do",
        first.name(),
        state.wave_name(first.wave)
    )))
}

/// The first gateway that is behind, in the order of the waves.
pub(super) fn first_behind<'s>(gateways: &[Gateway<'s>]) -> Option<Gateway<'s>> {
    gateways.iter().find(|gateway| is_behind(gateway)).copied()
}

/// The wave whose turn it is.
pub(super) struct Turn {
    /// Its position.
    wave: usize,
    why: Why,
}

/// Why it is the turn of a wave.
enum Why {
    Interrupted,
    Behind,
    ToSettle,
}

impl Turn {
    /// The first wave in which there is something to do. All candidates decide for all before the first is settled. `None`: there
    /// is nothing to promote. `gateways`: all of them.
    pub(super) fn of(state: &State, gateways: &[Gateway<'_>]) -> Option<Self> {
        let is_interrupted = |gateway: &Gateway<'_>| matches!(gateway.state, GatewayState::Settling(..));
        let first = |is: &dyn Fn(&Gateway<'_>) -> bool| {
            (0..state.waves.len()).find(|wave| gateways.iter().any(|gateway| gateway.wave == *wave && is(gateway)))
        };
        let turn = |wave: usize, why: Why| Self { wave, why };
        first(&is_interrupted)
            .map(|wave| turn(wave, Why::Interrupted))
            .or_else(|| first(&is_behind).map(|wave| turn(wave, Why::Behind)))
            .or_else(|| first(&is_to_settle).map(|wave| turn(wave, Why::ToSettle)))
    }

    /// Its gateways that take a step: those that are least far.
    pub(super) fn gateways<'s>(&self, gateways: &[Gateway<'s>]) -> Vec<Gateway<'s>> {
        let of_wave = gateways.iter().filter(|gateway| gateway.wave == self.wave);
        if !matches!(self.why, Why::Behind) {
            return of_wave.filter(|gateway| is_to_settle(gateway)).copied().collect();
        }
        let behind: Vec<Gateway<'s>> = of_wave.filter(|gateway| is_behind(gateway)).copied().collect();
        let least = behind.iter().filter_map(Gateway::standing).min();
        behind.into_iter().filter(|gateway| gateway.standing() == least).collect()
    }

    /// The wave, and why it is its turn; `None`: there is one wave.
    pub(super) fn words(&self, state: &State) -> Option<String> {
        let why = match self.why {
            Why::Interrupted => "what was begun there is completed first",
            Why::Behind => {
                "it is the first one whose candidates do not all decide for all, and none is settled before they do"
            }
            Why::ToSettle => "all candidates decide for all, and it is the first one that is not settled",
        };
        (state.waves.len() > 1).then(|| format!("the wave `{}`: {why}", state.wave_name(self.wave)))
    }
}

fn is_to_settle(gateway: &Gateway<'_>) -> bool {
    gateway.standing() == Some(Standing::Enforce)
}
