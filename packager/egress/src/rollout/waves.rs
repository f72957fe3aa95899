//! The order in which gateways are promoted.

use crate::model::Egress;
use crate::model::rollout::{Rollout, Wave};

/// The wave of the gateways that no wave of the Rollout has.
pub const OTHERS: &str = "(others)";
/// The wave of all gateways, if there are no waves.
const ALL: &str = "(all)";

/// A wave with its gateways: `NAMESPACE/NAME`, in the order in which the wave has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaveOf {
    /// What reports call it.
    pub name: String,
    /// Its gateways.
    pub gateways: Vec<String>,
}

/// Every gateway, once: in the wave that names it, else in the first whose labels it has.
#[must_use]
pub fn waves(rollout: &Rollout, egresses: &[&Egress]) -> Vec<WaveOf> {
    let mut left: Vec<&Egress> = egresses.to_vec();
    left.sort_by_key(|egress| egress.route());
    let names = |wave: &Wave, egress: &Egress| wave.gateways.iter().any(|gateway| *gateway == *egress.route());
    let is_named = |egress: &Egress| rollout.waves.iter().any(|wave| names(wave, egress));
    let mut waves: Vec<WaveOf> = Vec::new();
    for wave in &rollout.waves {
        let is_own = |egress: &&Egress| names(wave, egress) || (wave.has(egress) && !is_named(egress));
        let (mut own, others): (Vec<&Egress>, Vec<&Egress>) = left.into_iter().partition(is_own);
        let position = |egress: &Egress| wave.gateways.iter().position(|gateway| *gateway == *egress.route());
        own.sort_by_key(|egress| position(egress).unwrap_or(usize::MAX));
        waves.push(WaveOf { name: wave.name.to_string(), gateways: own.into_iter().map(Egress::route).collect() });
        left = others;
    }
    if !left.is_empty() {
        let name = if rollout.waves.is_empty() { ALL } else { OTHERS };
        waves.push(WaveOf { name: name.to_owned(), gateways: left.into_iter().map(Egress::route).collect() });
    }
    waves
}
