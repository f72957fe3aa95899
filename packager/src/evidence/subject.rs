//! A gateway of which evidence is read.

use sallyport_egress::meaning::Region;
use sallyport_egress::model::Egress;
use sallyport_egress::rollout::Standing;

/// A gateway with a candidate, or with a new filter.
#[derive(Clone, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) egress: &'a Egress,
    /// The regions by which it counts.
    pub(crate) regions: &'a [Region],
    pub(crate) standing: Standing,
    /// What its workers are to have in force; `-` where that is not known, which nothing has.
    pub(crate) mark: &'a str,
    /// Since when it stands there, in Unix seconds.
    pub(crate) since: i64,
    /// Whether it is judged by all of its requests, as a filter is: those that were counted before the mark was in force are not
    /// told apart by their series, so they are left out by their time.
    pub(crate) is_of_filter: bool,
}

impl Subject<'_> {
    pub(super) fn has_region(&self, id: &str) -> bool {
        self.regions.iter().any(|region| region.id == id)
    }
}
