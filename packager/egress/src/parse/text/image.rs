//! References to container images, and digests.

use crate::code::Code;
use crate::diagnostic::Flaw;
use crate::parse::suggest::quoted;

/// What is wrong with the name of a repository: `registry.example.com/sallyport/filter`, without tag or digest.
pub(crate) fn check_repository(text: &str) -> Option<Flaw> {
    let (repository, suffix) = split(text);
    let flaw = |problem: &str| Flaw::new(Code::ImageRepository, format!("{} {problem}", quoted(text)));
    if let Some((_, rest)) = text.split_once("://") {
        return Some(flaw("is a URL, not a repository").help(format!("write {}", quoted(split(rest).0))));
    }
    match suffix {
        _ if !is_repository(repository) => {
            Some(flaw("is not the name of a repository").help("write `registry.example.com/sallyport/filter`"))
        }
        Suffix::None => None,
        Suffix::Tag(_) => Some(
            flaw("has a tag, which can be moved to another image")
                .help(format!("write {}, and the digest in `digest`", quoted(repository))),
        ),
        Suffix::Digest(_) => {
            Some(flaw("has a digest").help(format!("write {}, and the digest in `digest`", quoted(repository))))
        }
    }
}

/// What is wrong with a reference to one image: a repository with a tag or digest.
pub(crate) fn check_reference(text: &str) -> Option<Flaw> {
    let (repository, suffix) = split(text);
    let good = is_repository(repository)
        && match suffix {
            Suffix::None => false,
            Suffix::Tag(tag) => is_tag(tag),
            Suffix::Digest(digest) => is_digest(digest),
        };
    let flaw = |problem: &str| Flaw::new(Code::ImageReference, format!("{} {problem}", quoted(text)));
    (!good).then(|| match suffix {
        Suffix::None if is_repository(repository) => flaw("names no version of the image")
            .help(format!("write {}, or better its digest", quoted(&format!("{repository}:TAG")))),
        _ => flaw("is not a reference to an image").help("write `REPOSITORY:TAG` or `REPOSITORY@sha256:DIGEST`"),
    })
}

/// What is wrong with a digest.
pub(crate) fn check_digest(text: &str) -> Option<Flaw> {
    (!is_digest(text)).then(|| {
        Flaw::new(Code::Digest, format!("{} is not a SHA-256 digest", quoted(text)))
            .help("write `sha256:` and 64 of `0-9` and `a-f`, as `sallyport image build` prints it")
    })
}

#[derive(Clone, Copy)]
enum Suffix<'a> {
    None,
    Tag(&'a str),
    Digest(&'a str),
}

/// The repository, and what comes after it. The colon of a port is before the last slash.
fn split(text: &str) -> (&str, Suffix<'_>) {
    if let Some((repository, digest)) = text.split_once('@') {
        return (repository, Suffix::Digest(digest));
    }
    match text.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, Suffix::Tag(tag)),
        _ => (text, Suffix::None),
    }
}

fn is_repository(text: &str) -> bool {
    let (first, rest) = text.split_once('/').unwrap_or(("", text));
    let (host, port) = first.split_once(':').unwrap_or((first, "1"));
    let is_host = text.contains('/').then(|| is_component(host) && port.parse::<u16>().is_ok_and(|port| port > 0));
    is_host.unwrap_or(true) && rest.split('/').all(is_component)
}

fn is_component(text: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    edge(text.chars().next())
        && edge(text.chars().next_back())
        && text.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '-'))
}

fn is_tag(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
}

fn is_digest(text: &str) -> bool {
    let is_hex = |c: char| matches!(c, '0'..='9' | 'a'..='f');
    text.strip_prefix("sha256:").is_some_and(|hex| hex.len() == 64 && hex.chars().all(is_hex))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        for good in ["registry.example.com/sallyport/filter", "localhost:5000/filter", "filter", "a/b_c/d.e-f"] {
            assert!(check_repository(good).is_none(), "{good}");
            assert!(check_reference(good).is_some(), "{good}");
            assert!(check_reference(&format!("{good}:1.2")).is_none(), "{good}");
            assert!(check_repository(&format!("{good}:1.2")).is_some(), "{good}");
            assert!(check_reference(&format!("{good}@{digest}")).is_none(), "{good}");
            assert!(check_repository(&format!("{good}@{digest}")).is_some(), "{good}");
        }
        for bad in ["", "oci://a/b", "A/b", "a//b", "a:0/b", "a/b:", "a b/c", "/a", "a/"] {
            assert!(check_repository(bad).is_some(), "{bad}");
            assert!(check_reference(bad).is_some(), "{bad}");
        }
        assert!(check_digest(&digest).is_none());
        for bad in ["", "sha256:", &"0a".repeat(32), &digest.to_uppercase(), "sha512:00"] {
            assert!(check_digest(bad).is_some(), "{bad}");
        }
    }
}
