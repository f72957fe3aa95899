//! The patterns that sets were made of.

use alloc::sync::Arc;
use alloc::vec::Vec;

use sallyport_pattern::Pattern;

use crate::matcher::host::HostSet;
use crate::matcher::metadata::MetadataSet;
use crate::matcher::path::{PathPattern, PathSet};
use crate::matcher::regex::RegexSet;
use crate::matcher::string::{StringPattern, StringSet};

/// Host patterns.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    /// Names that match whatever the port.
    pub names: Vec<StringPattern>,
    /// Names with a port; `None`: any port, but one.
    pub with_port: Vec<(StringPattern, Option<u16>)>,
}

/// Patterns of a text, and of the elements of a list.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    /// Of a text.
    pub texts: Vec<StringPattern>,
    /// Of one element of a list.
    pub elements: Vec<StringPattern>,
}

pub(super) fn strings(set: &StringSet) -> Vec<StringPattern> {
    let exact = set.hashed().map(|text| StringPattern::Exact(text.into()));
    let [prefixes, suffixes] = set.affixes();
    let prefixes = prefixes.iter().map(|text| StringPattern::Prefix(text.clone()));
    let suffixes = suffixes.iter().map(|text| StringPattern::Suffix(text.clone()));
    let mut patterns: Vec<_> = set.listed().iter().cloned().chain(exact).chain(prefixes).chain(suffixes).collect();
    patterns.sort();
    patterns
}

pub(super) fn paths(set: &PathSet) -> Vec<PathPattern> {
    let exact = set.hashed().map(|text| PathPattern::Exact(text.into()));
    let mut patterns: Vec<_> = set.listed().iter().cloned().chain(exact).collect();
    patterns.sort();
    patterns
}

pub(super) fn hosts(set: &HostSet) -> Hosts {
    let with_port = set.with_port().map(|(name, port)| (name.clone(), port)).collect();
    Hosts { names: strings(set.names()), with_port }
}

pub(super) fn metadata(set: &MetadataSet) -> Texts {
    Texts { texts: strings(set.texts()), elements: strings(set.elements()) }
}

pub(super) fn expressions(set: &RegexSet) -> Vec<Arc<Pattern>> {
    set.expressions().to_vec()
}
