//! Series with their values.

use std::collections::BTreeMap;

/// 2^53.
const MOST_COUNTED: f64 = 9_007_199_254_740_992.0;
/// The end of the year 9999, in Unix seconds.
const LAST_MOMENT: f64 = 253_402_300_799.0;

/// One series and its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    /// Empty where a query has calculated the value.
    pub(crate) name: String,
    /// Without the name.
    pub(crate) labels: BTreeMap<String, String>,
    /// May be infinite or no number, as in Prometheus.
    pub(crate) value: f64,
}

impl Sample {
    /// A label; empty where there is none, as in Prometheus.
    pub(crate) fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }

    /// Whether its value can be a count or a time. Counts beyond 2^53 are not exact, and no calendar has a time of after the year
    /// 9999.
    pub(crate) fn is_count(&self) -> bool {
        let most = if self.name.ends_with("_seconds") { LAST_MOMENT } else { MOST_COUNTED };
        (0.0..=most).contains(&self.value)
    }

    /// The warning for one that is none.
    pub(crate) fn no_count(&self) -> String {
        format!("{} is {}, which is no count", self.words(), self.value)
    }

    /// Its name, for people.
    pub(super) fn words(&self) -> &str {
        if self.name.is_empty() { "a query" } else { &self.name }
    }

    /// Whether it is the same series.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.name == other.name && self.labels == other.labels
    }
}

/// Some series, in the order of their names and labels.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Samples(Vec<Sample>);

impl Samples {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Sample> {
        self.0.iter()
    }

    /// Those that are there again.
    pub(super) fn twice(&self) -> impl Iterator<Item = &Sample> {
        let pairs = self.0.iter().zip(self.0.iter().skip(1));
        pairs.filter(|(one, next)| one.is_same(next)).map(|(_, next)| next)
    }

    /// The series of one name.
    pub(crate) fn named<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s Sample> {
        self.0.iter().filter(move |sample| sample.name == name)
    }
}

impl FromIterator<Sample> for Samples {
    fn from_iter<T: IntoIterator<Item = Sample>>(samples: T) -> Self {
        let mut samples: Vec<_> = samples.into_iter().collect();
        samples.sort_by(|one, two| (&one.name, &one.labels).cmp(&(&two.name, &two.labels)));
        Samples(samples)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_count_is_known() {
        let is_count =
            |name: &str, value: f64| Sample { name: name.to_owned(), labels: BTreeMap::new(), value }.is_count();
        for value in [0.0, 0.5, 9_007_199_254_740_992.0] {
            assert!(is_count("a_total", value), "{value}");
        }
        for value in [-1.0, f64::NAN, f64::INFINITY, 1e16, 1e308] {
            assert!(!is_count("a_total", value), "{value}");
        }
        assert!(is_count("a_seconds", 253_402_300_799.0) && !is_count("a_seconds", 253_402_300_800.0));
    }
}
