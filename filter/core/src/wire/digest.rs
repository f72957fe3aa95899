//! Digests of rules and of whole configurations: SHA-256 of their canonical JSON.
//!
//! Canonical is what RFC 8785 says: no blanks, the fields of a mapping in the order of their names, only the escapes that JSON
//! demands. So it does not matter that Istio takes a plugin's configuration apart and writes it anew, and `jq -cSj` gives the
//! same bytes. Names of fields are ASCII here, where the order of RFC 8785 (by UTF-16) is that of bytes.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use sha2::{Digest as _, Sha256};

use super::json::{Json, write_text};
use crate::map::ByteMap;

/// A digest: 64 hexadecimal digits in lower case.
pub type Digest = String;

/// The digest of a list of rules.
#[must_use]
pub fn digest(rules: &[&Json<'_>]) -> Digest {
    let mut canonical = Canonical::default();
    canonical.list(rules.iter().copied());
    canonical.end()
}

/// How many hexadecimal digits a [`mark`] has: the names of metrics have it in them.
const MARK_DIGITS: usize = 16;

/// The mark of what a worker has in force: the beginning of the digest of its whole configuration, and of the digest of the
/// filter that takes it, where that is known (`sha256:DIGEST`, else empty). 16 hexadecimal digits.
#[must_use]
#[inline(never)]
pub fn mark(configuration: &Json<'_>, filter: &[u8]) -> String {
    let mut canonical = Canonical::default();
    canonical.write(configuration);
    // No text of JSON has a line end of its own.
    canonical.text.push('\n');
    canonical.hash();
    canonical.hash.update(filter);
    canonical.end().chars().take(MARK_DIGITS).collect()
}

/// The [`mark`] of a configuration that is given as JSON.
///
/// # Errors
///
/// It is no JSON.
pub fn mark_of(configuration: &[u8], filter: &[u8]) -> Result<String, String> {
    super::json::parse(configuration).map(|tree| mark(&tree, filter))
}

/// The digests of the rules in force and of the candidate's rules in the JSON of a policy; `None`: it has no candidate.
#[must_use]
#[inline(never)]
pub fn digests(policy: &Json<'_>) -> Option<[Digest; 2]> {
    let candidate = policy.get("candidate")?;
    let in_force: Vec<&Json<'_>> = list(policy, "rules").collect();
    // By id, where the candidate's version is; `REMOVED` where it has none.
    let mut changed = ByteMap::default();
    for (rule, number) in list(candidate, "rules").zip(0_u32..) {
        changed.insert(id(rule), number);
    }
    for removed in list(candidate, "remove") {
        changed.insert(text(removed), REMOVED);
    }
    let version = |number: u32| list(candidate, "rules").nth(usize::try_from(number).ok()?);
    let mut rules = Vec::with_capacity(in_force.len());
    for rule in &in_force {
        match changed.remove(&*id(rule)) {
            Some(number) => rules.extend(version(number)),
            None => rules.push(*rule),
        }
    }
    // What is left is new.
    rules.extend(list(candidate, "rules").filter(|rule| changed.contains_key(&*id(rule))));
    Some([digest(&in_force), digest(&rules)])
}

#[cfg(feature = "compile")]
impl super::Policy {
    /// The same policy with the digests that its candidate has to carry, if it has one.
    #[must_use]
    pub fn with_digests(mut self) -> Self {
        let json = serde_json::to_vec(&self).unwrap_or_default();
        let found = super::json::parse(&json).ok().and_then(|tree| digests(&tree));
        if let (Some(written), Some([policy, candidate])) = (&mut self.candidate, found) {
            (written.policy, written.candidate) = (policy, candidate);
        }
        self
    }
}

/// In place of the number of a rule.
const REMOVED: u32 = u32::MAX;

fn list<'t, 'j>(of: &'t Json<'j>, name: &str) -> impl Iterator<Item = &'t Json<'j>> {
    of.get(name).map(Json::items).unwrap_or_default().iter()
}

fn id(rule: &Json<'_>) -> Box<[u8]> {
    rule.get("id").map(text).unwrap_or_default()
}

fn text(json: &Json<'_>) -> Box<[u8]> {
    match json {
        Json::Text(text) => text.as_bytes().into(),
        _ => Box::default(),
    }
}

/// Hexadecimal digits in lower case.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Canonical JSON on its way into a digest: what has been written is not held beside its tree.
#[derive(Default)]
struct Canonical {
    hash: Sha256,
    text: String,
}

/// From how many bytes on the text is hashed.
const LONG: usize = 4096;

impl Canonical {
    fn write(&mut self, json: &Json<'_>) {
        let text = &mut self.text;
        match json {
            Json::Null => text.push_str("null"),
            Json::Boolean(flag) => text.push_str(if *flag { "true" } else { "false" }),
            Json::Whole(number) => {
                let _ = write!(text, "{number}");
            }
            // No field has such a number: the policy is refused for it.
            Json::Large(_) | Json::Negative(_) | Json::Fraction(_) => text.push('0'),
            Json::Text(value) => write_text(value, text),
            Json::List(items) => self.list(items),
            Json::Map(entries) => self.map(entries),
        }
        if self.text.len() >= LONG {
            self.hash();
        }
    }

    fn list<'t, 'j: 't>(&mut self, items: impl IntoIterator<Item = &'t Json<'j>>) {
        self.text.push('[');
        for (position, item) in items.into_iter().enumerate() {
            if position > 0 {
                self.text.push(',');
            }
            self.write(item);
        }
        self.text.push(']');
    }

    fn map<'j>(&mut self, entries: &[(Cow<'j, str>, Json<'j>)]) {
        self.text.push('{');
        // A mapping has few fields, so to look for the next one takes less than to sort them.
        let mut last: Option<&str> = None;
        let is_next = |name: &str, last: Option<&str>| last.is_none_or(|last| *last < *name);
        while let Some((name, value)) =
            entries.iter().filter(|(name, _)| is_next(name, last)).min_by_key(|(name, _)| &**name)
        {
            if last.is_some() {
                self.text.push(',');
            }
            write_text(name, &mut self.text);
            self.text.push(':');
            self.write(value);
            last = Some(name);
        }
        self.text.push('}');
    }

    fn hash(&mut self) {
        self.hash.update(self.text.as_bytes());
        self.text.clear();
    }

    fn end(mut self) -> Digest {
        self.hash();
        hex(&self.hash.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::json;

    fn digest_of(list: &str) -> String {
        let Json::List(rules) = json::parse(list.as_bytes()).unwrap() else { panic!("{list}") };
        digest(&rules.iter().collect::<Vec<_>>())
    }

    #[test]
    fn a_digest_is_that_of_the_canonical_text() {
        // `printf '[]' | sha256sum`, `jq -cSj . | sha256sum`.
        assert_eq!(digest_of("[]"), "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945");
        let plain = digest_of(r#"[{"action":"ALLOW","id":"a","n":80,"to":[true,null]},"é\n\"\\\u0001"]"#);
        let other = r#" [ {"to": [true, null], "n": 80.0, "id": "\u0061", "action": "ALLOW"}, "\u00e9\u000a\u0022\u005c\u0001" ]"#;
        assert_eq!(plain, digest_of(other));
        assert_eq!(plain, "c78327b25a37baa0a227dba1ffd8e9c253d63de3a45ebbe59dac4c1d2d6f33d8");
        assert_ne!(digest_of(r#"["a","b"]"#), digest_of(r#"["b","a"]"#));
    }
}
