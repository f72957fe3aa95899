//! What the host is asked to do beside the request itself.

use alloc::string::String;

/// How important a log line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Something worked.
    Info,
    /// An operator may want to look at it.
    Warn,
    /// An operator must look at it.
    Error,
}

/// How a metric takes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// It adds the value.
    Counter,
    /// It keeps the last value.
    Gauge,
    /// It keeps the distribution of the values.
    Histogram,
}

/// A log line, or a value for a metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Write this line to the log.
    Log(Level, String),
    /// Give this value to the metric of this name.
    Metric {
        /// What the metric does with it.
        kind: MetricKind,
        /// The metric's name.
        name: String,
        /// The value.
        value: u64,
    },
    /// Add one to a gauge, or take one away: workers that each do so count themselves, where a value would be that of the last.
    Step {
        /// The metric's name.
        name: String,
        /// Whether one more is there.
        is_up: bool,
    },
}

impl Effect {
    pub(super) fn gauge(name: impl Into<String>, value: u64) -> Self {
        Self::Metric { kind: MetricKind::Gauge, name: name.into(), value }
    }

    pub(super) fn counter(name: impl Into<String>, value: u64) -> Self {
        Self::Metric { kind: MetricKind::Counter, name: name.into(), value }
    }

    pub(super) fn histogram(name: impl Into<String>, value: u64) -> Self {
        Self::Metric { kind: MetricKind::Histogram, name: name.into(), value }
    }
}
