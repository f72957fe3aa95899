//! What is decided about names of headers before any request has them.

use alloc::borrow::Cow;

use crate::map::ByteMap;
use crate::request::name::fold;

/// The answers about all names that something is known about.
///
/// # Design
///
/// Whether a header is removed depends on its name alone. There are a hundred names that it is asked of, and a request has
/// ten others: one look for each of those costs less than a hundred comparisons. What is looked up is the answer of the one
/// function that decides, [`Outbound::decides_removal`](super::Outbound::decides_removal), which is asked when the policy is
/// compiled; for a request it is asked only about names that are of a family, or spelled in another way.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// 1: it is removed.
    names: ByteMap,
    /// Where some family has its [`place`].
    families: Places,
}

/// A set of [`place`]s.
#[derive(Debug, PartialEq, Eq)]
struct Places([bool; 256]);

impl Default for Places {
    fn default() -> Self {
        Self([false; 256])
    }
}

impl Places {
    fn add(&mut self, name: &[u8]) {
        if let Some(there) = self.0.get_mut(usize::from(place(name))) {
            *there = true;
        }
    }

    fn may_have(&self, name: &[u8]) -> bool {
        self.0.get(usize::from(place(name))).is_none_or(|there| *there)
    }
}

impl Known {
    /// `names`: all names of which the answer may be yes, as [`fold`] spells them. One that ends with `-` is a family: the
    /// beginning of names.
    pub(super) fn new<'n>(names: impl Iterator<Item = &'n [u8]>, is_removed: impl Fn(&[u8]) -> bool) -> Self {
        let mut known = Self::default();
        for name in names {
            if name.ends_with(b"-") {
                known.families.add(name);
            } else {
                known.names.insert(name.into(), is_removed(name).into());
            }
        }
        known
    }

    /// Whether a header is removed; `None` where that must be asked.
    pub(super) fn is_removed(&self, name: &[u8]) -> Option<bool> {
        // No list has a pseudo-header.
        if name.first() == Some(&b':') {
            return Some(false);
        }
        if matches!(fold(name), Cow::Owned(_)) {
            return None;
        }
        match self.names.get(name) {
            Some(answer) => Some(*answer == 1),
            None => (!self.families.may_have(name)).then_some(false),
        }
    }
}

/// A number made of the first three bytes of a name. Of families that begin with `x-` each third byte has its own.
#[inline(always)]
fn place(name: &[u8]) -> u8 {
    let [first, second, third] = [0, 1, 2].map(|at| name.get(at).copied().unwrap_or_default());
    first.wrapping_mul(31).wrapping_add(second.wrapping_mul(7)).wrapping_add(third)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::engine::Engine;
    use crate::outbound::hygiene;
    use crate::trace_context;

    fn engines() -> Vec<Engine> {
        let policies = [
            r#""headers": {"hygiene": "strict", "keep": ["x-user", "x_email"], "remove": ["x-own", "x_other"],
                "set": [{"name": "x-forwarded-user", "value": "a"}, {"name": "x_set", "value": "b"}]}"#,
            r#""headers": {"hygiene": "compatible", "remove": ["x-family-"]}, "tracing": {"mode": "envoy"}"#,
            r#""headers": {"hygiene": "off"}, "tracing": {"mode": "standalone", "formats": ["w3c"], "baggage": ["user"]}"#,
            r#""headers": {"hygiene": "strict"}, "tracing": {"mode": "strip"}"#,
        ];
        let engine = |more| {
            let policy = format!(r#"{{"version": 1, "upstream": "a/b", "rules": [], {more}}}"#);
            Engine::from_json(policy.as_bytes()).unwrap()
        };
        policies.into_iter().map(engine).collect()
    }

    fn check(name: &str) {
        for engine in engines() {
            let outbound = engine.outbound();
            assert_eq!(outbound.is_removed(name.as_bytes()), outbound.decides_removal(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn every_listed_name_is_decided_as_if_it_were_not_known() {
        let own = ["x-own", "x_other", "x-other", "x-forwarded-user", "x_set", "x-set", "x-family-", "x-family-a", ""];
        for name in hygiene::listed().chain(trace_context::names()).chain(own) {
            for spelled in [name.to_owned(), name.replace('-', "_"), name.to_uppercase(), format!("{name}user")] {
                check(&spelled);
            }
            check(name.get(..name.len().saturating_sub(1)).unwrap_or_default());
        }
    }

    proptest! {
        #[test]
        fn any_name_is(name in "(x-|x_|)[a-z]{0,3}[-_a-zA-Z0-9]{0,12}") {
            check(&name);
        }
    }

    #[test]
    fn what_most_requests_have_needs_one_look() {
        let engines = engines();
        let strict = &engines[0].outbound().known;
        for name in
            [":path", ":method", ":authority", "host", "accept", "user-agent", "cookie", "x-request-id", "content-type"]
        {
            assert_eq!(strict.is_removed(name.as_bytes()), Some(false), "{name}");
        }
        assert_eq!(strict.is_removed(b"x-real-ip"), Some(true));
        assert_eq!([&b"x-forwarded-email"[..], b"x_user"].map(|name| strict.is_removed(name)), [None, None]);
    }
}
