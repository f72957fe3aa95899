//! A gateway of which evidence is read.

use sallyport_egress::meaning::Region;
use sallyport_egress::model::Egress;
use sallyport_egress::rollout::Standing;

/// A gateway with a candidate.
#[derive(Clone, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) egress: &'a Egress,
    /// The upstream's host: of a request that went on, the access log has it.
    pub(crate) upstream: String,
    /// The regions by which it counts.
    pub(crate) regions: &'a [Region],
    pub(crate) standing: Standing,
    /// What its workers are to have in force; `-` where that is not known, which nothing has.
    pub(crate) mark: &'a str,
    /// Since when it stands there, in Unix seconds.
    pub(crate) since: i64,
}
