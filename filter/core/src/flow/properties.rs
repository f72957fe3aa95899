//! What the host has said about one request so far.

use alloc::vec::Vec;

use crate::request::needs::Needs;
use crate::request::pairs::Pair;
use crate::request::view::{RequestView, shows_certificate};

/// The host's answers to [`Needs`], as raw bytes.
///
/// Shapes are those of Envoy's attributes (envoyproxy.io, "Attributes"): a number is an `i64`, little-endian; a boolean is
/// one byte.
#[derive(Clone, Debug, Default)]
pub struct Properties {
    /// A handful, so they are searched one by one.
    values: Vec<(Needs, Vec<u8>)>,
    /// What there is a value of: most of what a request's view has there is not.
    known: Needs,
    time: Option<u64>,
    ids: [u8; 24],
}

impl Properties {
    /// Adds the value of a property; `None` when the host has none. A stage asks for each property once.
    pub fn insert(&mut self, need: Needs, value: Option<Vec<u8>>) {
        if let Some(value) = value {
            self.values.push((need, value));
            self.known |= need;
        }
    }

    /// Adds the time, in nanoseconds since the epoch: [`Needs::TIME`].
    pub fn set_time(&mut self, nanoseconds: u64) {
        self.time = Some(nanoseconds);
    }

    /// Adds random bytes: [`Needs::RANDOM_IDS`].
    pub fn set_ids(&mut self, ids: [u8; 24]) {
        self.ids = ids;
    }

    /// The time, if it was asked for.
    #[must_use]
    pub fn time(&self) -> Option<u64> {
        self.time
    }

    /// The request with these properties.
    #[must_use]
    pub fn view<'a>(&'a self, headers: &'a [Pair<'a>]) -> RequestView<'a> {
        if self.values.is_empty() {
            return RequestView { headers, ..RequestView::default() };
        }
        RequestView::new(headers, |need| self.get(need))
    }

    pub(super) fn ids(&self) -> [u8; 24] {
        self.ids
    }

    pub(super) fn get(&self, need: Needs) -> Option<&[u8]> {
        if !self.known.contains(need) {
            return None;
        }
        self.values.iter().find(|(known, _)| *known == need).map(|(_, value)| &**value)
    }

    /// Whether the caller has shown a certificate.
    pub(super) fn has_mtls(&self) -> bool {
        shows_certificate(self.get(Needs::MTLS), self.get(Needs::URI_SAN))
    }

    pub(super) fn number(&self, need: Needs) -> Option<i64> {
        self.get(need)?.try_into().ok().map(i64::from_le_bytes)
    }
}

#[cfg(test)]
impl Properties {
    /// For tests of stages: with one more property.
    pub(super) fn with(mut self, need: Needs, value: &[u8]) -> Self {
        self.insert(need, Some(value.to_vec()));
        self
    }

    pub(super) fn with_number(self, need: Needs, value: i64) -> Self {
        self.with(need, &value.to_le_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_yes_is_mtls() {
        for (value, has_mtls) in [(&[1][..], true), (&[0], false), (&[2], false), (&[], false), (&[1, 0], false)] {
            let properties = Properties::default().with(Needs::MTLS, value);
            assert_eq!(properties.has_mtls(), has_mtls, "{value:?}");
            assert_eq!(properties.view(&[]).peer.mtls, has_mtls);
        }
        assert!(!Properties::default().has_mtls());
    }

    #[test]
    fn numbers_have_eight_bytes() {
        let properties =
            Properties::default().with_number(Needs::RESPONSE_STATUS, -1).with(Needs::GRPC_STATUS, &[1, 2, 3, 4]);
        assert_eq!(properties.number(Needs::RESPONSE_STATUS), Some(-1));
        assert_eq!(properties.number(Needs::GRPC_STATUS), None);
        assert_eq!(properties.number(Needs::BACKEND_LATENCY), None);
    }
}
