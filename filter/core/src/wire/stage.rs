//! Stages: how far a candidate has come.

crate::words! {
    /// How far a candidate has come. A rule in shadow is a candidate of one rule.
    pub enum Stage: Default = Enforce {
        /// It decides nothing: what it would decide is counted.
        "shadow" Shadow,
        /// It decides for some callers; for the others, what it would decide is counted.
        "canary" Canary,
        /// It decides for all.
        "enforce" Enforce,
    }
}

impl Stage {
    /// The stages of one rule.
    pub(crate) const OF_A_RULE: &'static [super::Choice] = match Self::CHOICES {
        [shadow, _, enforce] => &[*shadow, *enforce],
        _ => Self::CHOICES,
    };
}
