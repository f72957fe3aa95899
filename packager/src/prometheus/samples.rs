//! Series with their values.

use std::collections::BTreeMap;

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

    /// Whether its value can be a count or a time.
    pub(crate) fn is_count(&self) -> bool {
        self.value.is_finite() && self.value >= 0.0
    }

    /// The warning for one that is none.
    pub(crate) fn no_count(&self) -> String {
        let name = if self.name.is_empty() { "a query" } else { &self.name };
        format!("{name} is {}, which is no count", self.value)
    }
}

/// Some series, in the order of their names and labels.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Samples(Vec<Sample>);

impl Samples {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Sample> {
        self.0.iter()
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
