//! What changes a build beside the files that it is made from.

/// What there is to know about a build beside its files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Give each manifest the sync wave that keeps the order under Argo CD.
    pub argo: bool,
    /// There is one entry over all gateways: with Argo CD, an Application for each folder.
    pub root: bool,
    /// Nothing says where the filter's image is: see [`ChosenFilter::is_placeholder`](crate::ChosenFilter::is_placeholder).
    pub is_placeholder: bool,
}
