//! The whole of `sallyport.lock`.

use std::collections::BTreeMap;
use std::fmt;

use sallyport_egress::rollout::{Stage, Standing, moment};
use sallyport_egress::value::digest::Digest;
use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::Lock;

/// The version of the format.
const VERSION: u32 = 1;
/// Hexadecimal digits of a SHA-256.
const DIGITS: usize = 64;

/// What the file says: which filter gateways load, and how far their candidates have come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LockFile {
    /// The image that gateways load.
    pub filter: Option<Lock>,
    /// The image of the same repository that is to take its place, gateway by gateway.
    pub next: Option<Lock>,
    /// How far candidates have come.
    pub rollout: LockedRollout,
}

/// How far candidates have come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LockedRollout {
    /// By `NAMESPACE/NAME`. One that is not here runs what its Egress file says.
    pub gateways: BTreeMap<String, LockedGateway>,
}

/// What the lock has of one gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LockedGateway {
    /// Its candidate.
    pub candidate: Option<Locked>,
    /// The digest of the filter's image that it loads, instead of that of the others.
    pub filter: Option<Digest>,
}

/// How far one candidate has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locked {
    /// The digest of the rules in force.
    pub policy: String,
    /// The digest of the candidate's rules.
    pub candidate: String,
    /// Where it stands.
    pub standing: Standing,
    /// Since when, as RFC 3339 writes it.
    pub since: String,
    /// The digest of the Egress without its rules when the stage began; `None`: an older program wrote the entry.
    pub egress: Option<String>,
    /// Why the step to this stage needed no evidence, in one line; `None`: it had what it needed.
    pub without_evidence: Option<String>,
}

/// Why a text is not a lock file.
#[derive(Debug)]
pub enum InvalidLock {
    /// It is not JSON of the expected shape.
    Json(serde_json::Error),
    /// It has another version of the format.
    Version(u32),
    /// What it says of the next filter is wrong.
    Next(String),
    /// What it says of a gateway contradicts itself.
    Gateway {
        /// `NAMESPACE/NAME`.
        gateway: String,
        /// What is wrong.
        problem: String,
    },
}

/// The file as it is written.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<Lock>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Lock>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rollout: Option<RolloutEntry>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct RolloutEntry {
    /// Older programs wrote it, and nothing reads it.
    #[serde(default, rename = "parent", skip_serializing)]
    _parent: IgnoredAny,
    #[serde(deserialize_with = "each_once")]
    gateways: BTreeMap<String, GatewayEntry>,
}

/// The gateways, each once: of two entries that a merge has left, neither is to be believed.
fn each_once<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, GatewayEntry>, D::Error> {
    struct Gateways;

    impl<'de> Visitor<'de> for Gateways {
        type Value = BTreeMap<String, GatewayEntry>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a mapping of gateways")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
            let mut gateways = BTreeMap::new();
            while let Some((name, entry)) = entries.next_entry::<String, GatewayEntry>()? {
                if gateways.contains_key(&name) {
                    return Err(A::Error::custom(format_args!("`{name}` is there twice")));
                }
                gateways.insert(name, entry);
            }
            Ok(gateways)
        }
    }

    deserializer.deserialize_map(Gateways)
}

#[derive(Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct GatewayEntry {
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    candidate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    egress: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    percent: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    #[serde(rename = "withoutEvidence", skip_serializing_if = "Option::is_none")]
    without_evidence: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<String>,
}

impl LockFile {
    /// Reads the text of a lock file.
    ///
    /// # Errors
    /// Fails if the text is not JSON of this shape, has another version, or contradicts itself.
    pub fn parse(text: &str) -> Result<LockFile, InvalidLock> {
        let File { version, filter, next, rollout } = serde_json::from_str(text).map_err(InvalidLock::Json)?;
        if version != VERSION {
            return Err(InvalidLock::Version(version));
        }
        if let Some(next) = &next {
            check_next(filter.as_ref(), next).map_err(InvalidLock::Next)?;
        }
        let Some(RolloutEntry { gateways, .. }) = rollout else {
            return match filter {
                Some(_) => Ok(LockFile { filter, next, ..LockFile::default() }),
                None => serde_json::from_str::<Required>(text).map(|_| LockFile::default()).map_err(InvalidLock::Json),
            };
        };
        let mut locked = LockedRollout::default();
        for (name, entry) in gateways {
            let gateway = gateway(entry).map_err(|problem| InvalidLock::Gateway { gateway: name.clone(), problem })?;
            locked.gateways.insert(name, gateway);
        }
        Ok(LockFile { filter, next, rollout: locked })
    }

    /// The text of the lock file.
    ///
    /// # Errors
    /// None in practice: the signature is that of the serializer.
    pub fn render(&self) -> Result<String, serde_json::Error> {
        let LockFile { filter, next, rollout: LockedRollout { gateways } } = self;
        let entry = |(name, gateway): (&String, &LockedGateway)| (name.clone(), entry(gateway));
        // A file has at least one of both.
        let is_written = filter.is_none() || !gateways.is_empty();
        let rollout =
            is_written.then(|| RolloutEntry { _parent: IgnoredAny, gateways: gateways.iter().map(entry).collect() });
        let file = File { version: VERSION, filter: filter.clone(), next: next.clone(), rollout };
        serde_json::to_string_pretty(&file).map(|text| text + "\n")
    }

    /// The gateways that load this digest instead of that of the others, by `NAMESPACE/NAME`.
    pub fn pinned_to(&self, digest: &str) -> impl Iterator<Item = &str> {
        self.pinned().filter(move |(_, pinned)| pinned.to_string() == digest).map(|(name, _)| name)
    }

    /// The gateways that load another filter than the others, by `NAMESPACE/NAME`, each with its digest.
    pub fn pinned(&self) -> impl Iterator<Item = (&str, &Digest)> {
        self.rollout.gateways.iter().filter_map(|(name, gateway)| Some((name.as_str(), gateway.filter.as_ref()?)))
    }

    /// The candidate of a gateway.
    #[must_use]
    pub fn candidate(&self, gateway: &str) -> Option<&Locked> {
        self.rollout.gateways.get(gateway)?.candidate.as_ref()
    }
}

/// Without a rollout the filter must be there: its absence gets the words that it always had.
#[derive(Deserialize)]
struct Required {
    #[expect(dead_code, reason = "only whether it is there counts")]
    filter: Lock,
}

/// A rollout begins with the filter of all gateways, and only the digest changes.
fn check_next(filter: Option<&Lock>, next: &Lock) -> Result<(), String> {
    let Some(filter) = filter else { return Err("`next` is there, but no `filter` that it follows".to_owned()) };
    if next.digest.parse::<Digest>().is_err() {
        return Err(format!("`next`: `{}` is not a digest", next.digest.escape_debug()));
    }
    if next.image != filter.image {
        let (image, next) = (filter.image.escape_debug(), next.image.escape_debug());
        return Err(format!("`next` is in `{next}`, but `filter` is in `{image}`"));
    }
    Ok(())
}

fn gateway(entry: GatewayEntry) -> Result<LockedGateway, String> {
    let GatewayEntry { policy, candidate, egress, stage, percent, since, without_evidence, filter } = entry;
    let quote = |text: &str| format!("`{}`", text.escape_debug());
    let filter = match filter {
        Some(text) => Some(text.parse().map_err(|_| format!("{} is not a digest", quote(&text)))?),
        None => None,
    };
    let (policy, candidate, stage, since) = match (policy, candidate, stage, since) {
        (None, None, None, None) if percent.is_none() && egress.is_none() && without_evidence.is_none() => {
            return Ok(LockedGateway { candidate: None, filter });
        }
        (Some(policy), Some(candidate), Some(stage), Some(since)) => (policy, candidate, stage, since),
        _ => return Err("a candidate has `policy`, `candidate`, `stage` and `since`".to_owned()),
    };
    let is_digest = |text: &str| {
        text.len() == DIGITS && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    if let Some(wrong) = [&policy, &candidate].into_iter().chain(&egress).find(|text| !is_digest(text)) {
        return Err(format!("{} is not a SHA-256", quote(wrong)));
    }
    let standing = match (Stage::parse(&stage), percent) {
        (Some(Stage::Shadow), None) => Standing::Shadow,
        (Some(Stage::Canary), Some(percent @ 0..=99)) => Standing::Canary(percent),
        (Some(Stage::Enforce), None) => Standing::Enforce,
        (Some(Stage::Canary), Some(percent)) => return Err(format!("{percent} percent is not from 0 to 99")),
        (Some(Stage::Canary), None) => return Err("a canary has `percent`".to_owned()),
        (Some(_), Some(_)) => return Err("only a canary has `percent`".to_owned()),
        (None, _) => return Err(format!("{} is not a stage: `shadow`, `canary` or `enforce`", quote(&stage))),
    };
    if moment(&since).is_none() {
        return Err(format!("{} is not a time such as `2026-12-01T09:30:00Z`", quote(&since)));
    }
    // It goes into the message of a commit.
    if let Some(reason) =
        without_evidence.as_ref().filter(|text| text.trim().is_empty() || text.contains(char::is_control))
    {
        return Err(format!("{} is not a reason in one line", quote(reason)));
    }
    Ok(LockedGateway {
        candidate: Some(Locked { policy, candidate, standing, since, egress, without_evidence }),
        filter,
    })
}

fn entry(gateway: &LockedGateway) -> GatewayEntry {
    let LockedGateway { candidate, filter } = gateway;
    let filter = filter.as_ref().map(ToString::to_string);
    let Some(Locked { policy, candidate, standing, since, egress, without_evidence }) = candidate else {
        return GatewayEntry { filter, ..GatewayEntry::default() };
    };
    GatewayEntry {
        policy: Some(policy.clone()),
        candidate: Some(candidate.clone()),
        egress: egress.clone(),
        stage: standing.stage().map(|stage| stage.to_string()),
        percent: standing.percent(),
        since: Some(since.clone()),
        without_evidence: without_evidence.clone(),
        filter,
    }
}

impl fmt::Display for InvalidLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InvalidLock::Json(error) => error.fmt(f),
            InvalidLock::Next(problem) => f.write_str(problem),
            InvalidLock::Version(version) => write!(f, "its version is {version}, but this program reads {VERSION}"),
            InvalidLock::Gateway { gateway, problem } => {
                write!(f, "the gateway `{}`: {problem}", gateway.escape_debug())
            }
        }
    }
}

impl std::error::Error for InvalidLock {}

#[cfg(test)]
mod tests {
    use snapbox::{assert_data_eq, str};

    use super::*;

    fn file() -> LockFile {
        LockFile {
            filter: Some(Lock {
                image: "ghcr.io/acme/filter".to_owned(),
                digest: format!("sha256:{}", "ab".repeat(32)),
                candidates: false,
            }),
            ..LockFile::default()
        }
    }

    fn rolling() -> LockFile {
        let candidate = |standing| Locked {
            policy: "01".repeat(32),
            candidate: "02".repeat(32),
            standing,
            since: "2026-12-01T09:30:00Z".to_owned(),
            egress: Some("05".repeat(32)),
            without_evidence: Some("tested by hand".to_owned()),
        };
        let gateway = |standing| LockedGateway { candidate: Some(candidate(standing)), filter: None };
        let filter = LockedGateway { candidate: None, filter: Some(Digest::from_bytes([3; 32])) };
        let gateways = [
            ("n/a", gateway(Standing::Shadow)),
            ("n/b", gateway(Standing::Canary(25))),
            ("n/c", gateway(Standing::Enforce)),
            ("n/d", filter),
        ];
        let gateways = gateways.into_iter().map(|(name, gateway)| (name.to_owned(), gateway)).collect();
        LockFile { rollout: LockedRollout { gateways }, ..file() }
    }

    #[test]
    fn a_lock_is_read_as_it_is_written() {
        let text = file().render().unwrap();
        assert_eq!(LockFile::parse(&text).unwrap(), file());
        assert_data_eq!(
            text,
            str![[r#"
{
  "version": 1,
  "filter": {
    "image": "ghcr.io/acme/filter",
    "digest": "sha256:abababababababababababababababababababababababababababababababab"
  }
}

"#]]
        );
        assert_eq!(LockFile::parse(&rolling().render().unwrap()).unwrap(), rolling());
        for alone in [LockFile { filter: None, ..rolling() }, LockFile::default()] {
            assert_eq!(LockFile::parse(&alone.render().unwrap()).unwrap(), alone);
        }
    }

    #[test]
    fn the_next_filter_is_one_of_the_same_repository() {
        let next = Lock { digest: format!("sha256:{}", "cd".repeat(32)), candidates: true, ..file().filter.unwrap() };
        for with in [file(), rolling()] {
            let with = LockFile { next: Some(next.clone()), ..with };
            assert_eq!(LockFile::parse(&with.render().unwrap()).unwrap(), with);
        }
        let alone = LockFile { filter: None, next: Some(next.clone()), ..rolling() };
        let (image, digest) = ("ghcr.io/acme/other".to_owned(), "sha256:1".to_owned());
        let elsewhere = LockFile { next: Some(Lock { image, ..next.clone() }), ..file() };
        let none = LockFile { next: Some(Lock { digest, ..next }), ..file() };
        for (wrong, problem) in [
            (alone, "`next` is there, but no `filter` that it follows"),
            (elsewhere, "`next` is in `ghcr.io/acme/other`, but `filter` is in `ghcr.io/acme/filter`"),
            (none, "`next`: `sha256:1` is not a digest"),
        ] {
            assert_eq!(LockFile::parse(&wrong.render().unwrap()).unwrap_err().to_string(), problem);
        }
    }

    /// As an older program wrote it.
    #[test]
    fn a_lock_with_a_parent_and_without_the_digest_of_the_egress_is_read() {
        let text = rolling().render().unwrap();
        let (egress, reason) = (
            format!("        \"egress\": \"{}\",\n", "05".repeat(32)),
            "        \"withoutEvidence\": \"tested by hand\",\n",
        );
        let older = text.replace("\"gateways\": {", "\"parent\": null,\n    \"gateways\": {").replace(&egress, "");
        let older = older.replace(&format!(",\n{}", reason.trim_end_matches(",\n")), "").replace(reason, "");
        assert!(older.contains("parent") && !older.contains("egress") && !older.contains("withoutEvidence"), "{older}");
        let mut expected = rolling();
        for locked in expected.rollout.gateways.values_mut().filter_map(|gateway| gateway.candidate.as_mut()) {
            (locked.egress, locked.without_evidence) = (None, None);
        }
        assert_eq!(LockFile::parse(&older).unwrap(), expected);
    }

    #[test]
    fn another_shape_or_version_is_refused() {
        assert!(matches!(LockFile::parse("{}"), Err(InvalidLock::Json(_))));
        let without = LockFile::parse("{\"version\": 1}").unwrap_err().to_string();
        assert!(without.starts_with("missing field `filter`"), "{without}");
        let newer = file().render().unwrap().replace("\"version\": 1", "\"version\": 2");
        assert_eq!(LockFile::parse(&newer).unwrap_err().to_string(), "its version is 2, but this program reads 1");
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let text = rolling().render().unwrap();
        for (from, to, problem) in [
            ("\"shadow\"", "\"shadwo\"", "the gateway `n/a`: `shadwo` is not a stage: `shadow`, `canary` or `enforce`"),
            ("\"canary\"", "\"enforce\"", "the gateway `n/b`: only a canary has `percent`"),
            ("\"shadow\"", "\"canary\"", "the gateway `n/a`: a canary has `percent`"),
            ("\"percent\": 25", "\"percent\": 100", "the gateway `n/b`: 100 percent is not from 0 to 99"),
            (
                "tested by hand",
                "a\\nSigned-off-by: b",
                "the gateway `n/a`: `a\\nSigned-off-by: b` is not a reason in one line",
            ),
            (
                "\"egress\": \"05",
                "\"egress\": \"",
                "the gateway `n/a`: `05050505050505050505050505050505050505050505050505050505050505` is not a SHA-256",
            ),
            ("2026-12-01T09:30:00Z", "now", "the gateway `n/a`: `now` is not a time such as `2026-12-01T09:30:00Z`"),
            (
                "\"stage\": \"shadow\",",
                "",
                "the gateway `n/a`: a candidate has `policy`, `candidate`, `stage` and `since`",
            ),
            (
                "\"sha256:0303",
                "\"sha256:x303",
                "the gateway `n/d`: `sha256:x303030303030303030303030303030303030303030303030303030303030303` is not a digest",
            ),
        ] {
            let wrong = text.replacen(from, to, 1);
            assert_ne!(wrong, text, "{from}");
            assert_eq!(LockFile::parse(&wrong).unwrap_err().to_string(), problem);
        }
    }
}
