//! A candidate beside the policy in force: who is decided by which, and which regions the change has.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::rule::CompiledRule;
use crate::side::Side;
use crate::verdict::Reason;
use crate::wire::Stage;

/// Most regions of a change: one bit each.
pub const MAX_REGIONS: usize = 64;

/// Which policy decides whose requests.
#[derive(Debug)]
pub struct Rollout {
    pub(crate) stage: Stage,
    /// What the candidate would replace lets every request pass: the whole policy is its own candidate.
    pub(crate) is_open: bool,
    pub(crate) share: Share,
    /// The candidate, where it is not the whole policy.
    pub(crate) candidate: Option<Candidate>,
}

/// A candidate that is compiled.
#[derive(Debug)]
pub struct Candidate {
    /// The digest of its rules.
    pub(crate) digest: Box<str>,
    /// What the change means.
    pub(crate) regions: Vec<Region>,
}

/// Requests that the candidate decides otherwise.
#[derive(Debug)]
pub struct Region {
    pub(crate) id: Box<str>,
    /// How the policy in force decides them, in words.
    pub(crate) in_force: Vec<Box<str>>,
    /// How the candidate does.
    pub(crate) candidate: Vec<Box<str>>,
    /// Where among the rules the part is that matches them.
    pub(crate) rule: Option<usize>,
    /// What matches them, too.
    pub(crate) and: Option<CompiledRule>,
    /// What matches none of them.
    pub(crate) fails: Option<CompiledRule>,
}

/// Callers for whom a candidate decides at the stage `canary`.
#[derive(Debug, Default)]
pub struct Share {
    pub(crate) percent: u32,
    pub(crate) callers: Vec<Box<str>>,
    /// Another candidate has other callers.
    pub(crate) salt: u64,
}

impl Rollout {
    /// Which policy decides this caller's requests.
    pub(crate) fn decides(&self, principal: Option<&str>) -> Side {
        let is_candidate = match self.stage {
            // Without a candidate of its own the policy is in force.
            Stage::Enforce => self.candidate.is_some(),
            Stage::Canary => principal.is_some_and(|principal| self.share.has(principal)),
            Stage::Shadow => false,
        };
        if is_candidate { Side::Candidate } else { Side::InForce }
    }

    /// Whether the candidate decides for someone.
    pub(crate) fn may_decide(&self, side: Side) -> bool {
        match (self.stage, side) {
            (Stage::Canary, _) | (Stage::Shadow, Side::InForce) => true,
            (Stage::Shadow, Side::Candidate) => false,
            (Stage::Enforce, side) => side == self.decides(None),
        }
    }
}

impl Share {
    /// Whether a caller is among them.
    pub(crate) fn has(&self, principal: &str) -> bool {
        // Of the 2^32 values of the upper half, as many as the share has of a hundred.
        let value = hash(self.salt, principal.as_bytes()) >> 32;
        let below = u64::from(self.percent).saturating_mul(1 << 32).checked_div(100).unwrap_or(0);
        value < below || self.callers.iter().any(|name| **name == *principal)
    }
}

/// FNV-1a of 64 bits, mixed by the finalizer of MurmurHash3, so that each bit of similar names counts. It protects nothing: a
/// caller does not choose its identity.
pub(crate) fn hash(salt: u64, bytes: &[u8]) -> u64 {
    let mut hash = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325 ^ salt, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    for factor in [0xff51_afd7_ed55_8ccd, 0xc4ce_b9fe_1a85_ec53] {
        hash = (hash ^ (hash >> 33)).wrapping_mul(factor);
    }
    hash ^ (hash >> 33)
}

impl Region {
    /// Whether requests that are decided so can be in it. A request that is ambiguous in several ways is reported as what is
    /// found first; `loosely`: all ways are the same.
    pub(crate) fn has_outcomes(&self, [in_force, candidate]: &[String; Side::COUNT], loosely: bool) -> bool {
        let way = |word: &str| word.starts_with(Reason::AMBIGUOUS);
        let is = |known: &str, word: &str| known == word || (loosely && way(known) && way(word));
        let has = |list: &[Box<str>], word: &str| list.iter().any(|known| is(known, word));
        has(&self.in_force, in_force) && has(&self.candidate, candidate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(percent: u32) -> Share {
        Share { percent, callers: vec!["td/ns/a/sa/named".into()], salt: hash(0, b"candidate") }
    }

    #[test]
    fn a_share_of_callers_is_what_it_says() {
        for percent in [0, 1, 5, 25, 50, 99, 100] {
            let share = share(percent);
            let count =
                (0..100_000).filter(|n| share.has(&format!("cluster.local/ns/team-{}/sa/job-{n}", n % 97))).count();
            let expected = usize::try_from(percent).unwrap() * 1000;
            assert!(count.abs_diff(expected) <= 500, "{percent} %: {count} of 100,000");
        }
    }

    #[test]
    fn who_is_in_a_share_stays_when_it_grows() {
        let (small, large) = (share(5), share(25));
        for n in 0..10_000 {
            let name = format!("td/ns/n{n}/sa/s");
            assert!(!small.has(&name) || large.has(&name), "{name}");
        }
        assert!(small.has("td/ns/a/sa/named"));
    }

    /// The same callers as in earlier releases: a gateway whose pods have two of them must not decide in two ways.
    #[test]
    fn the_hash_stays_as_it_is() {
        assert_eq!(hash(0, b""), 0xefd0_1f60_ba99_2926);
        assert_eq!(hash(7, b"cluster.local/ns/a/sa/b"), 11_237_674_233_455_398_435);
    }
}
