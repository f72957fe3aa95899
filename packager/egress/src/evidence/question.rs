//! What is asked about a gateway.

use super::observed::Observed;
use crate::meaning::Region;
use crate::model::{Egress, Mesh};
use crate::rollout::{Rollout, Standing};

/// What is asked about a gateway.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The gateway.
    pub egress: &'a Egress,
    /// What all gateways share.
    pub mesh: &'a Mesh,
    /// The regions by which it counts.
    pub regions: &'a [Region],
    /// Gates and waivers.
    pub rollout: &'a Rollout,
    /// Where its candidate stands.
    pub standing: Standing,
    /// Since when, in Unix seconds.
    pub since: i64,
    /// The time here, in Unix seconds. What has ended by this clock or by that of the source has ended.
    pub now: i64,
    /// What its workers are to have in force ([`sallyport_core::wire::mark`]), or why that is not known.
    pub mark: Result<&'a str, &'a str>,
}

/// A caller whose requests may be refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaivedCaller {
    /// Its principal.
    pub caller: String,
    /// Why.
    pub reason: String,
    /// The last day.
    pub until: String,
}

impl Question<'_> {
    /// The waivers of a region that hold.
    pub(super) fn waivers(&self, region: &str, observed: &Observed) -> Vec<WaivedCaller> {
        let now = self.now.max(observed.now as i64);
        let route = self.egress.route();
        let own = self.rollout.waivers.iter().filter(|waiver| waiver.gateway == *route && waiver.region == *region);
        let holds = own.filter(|waiver| waiver.until.end() >= now);
        let waived = holds.map(|waiver| WaivedCaller {
            caller: waiver.caller.to_string(),
            reason: waiver.reason.clone(),
            until: waiver.until.to_string(),
        });
        waived.collect()
    }
}
