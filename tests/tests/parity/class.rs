//! In what Sallyport may differ from Istio: the one table.
//!
//! A difference that is of no class here fails the comparison, and a looser one must be of a looser class. A predicate
//! sees the request, the caller and the rules that can have made the difference; it is as tight as what it describes:
//! wherever it can, it asks whether *this* value reads differently, not whether there is a value. Each class has an
//! example and a near miss, which the test at the end tries.

mod certificate;
mod claim;
mod header;
mod path;
mod sample;

use sallyport_core::wire;
use sallyport_tests::client::{Request, Spoken};
use serde_json::Value;

use self::sample::{Sample, allow, deny};
use super::caller::Who;
use super::istio::{header_matches, host_matches};

/// Who lets more through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Sallyport allows what Istio refuses.
    Looser,
    /// Sallyport refuses what Istio allows.
    Stricter,
}

impl Direction {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Looser => "looser",
            Self::Stricter => "stricter",
        }
    }
}

/// One difference.
#[derive(Debug)]
pub(crate) struct Pair<'a> {
    pub(crate) direction: Direction,
    /// Those that can have made it: the rule that one side alone has matched, or all that one of may be.
    pub(crate) rules: &'a [&'a wire::Rule],
    /// The names of the mesh's trust domain.
    pub(crate) domains: &'a [String],
    pub(crate) who: &'a Who,
    /// Of the token; null without one.
    pub(crate) claims: &'a Value,
    pub(crate) request: &'a Request,
    pub(crate) http2: bool,
    /// What Sallyport says of it.
    pub(crate) spoken: &'a Spoken,
}

/// A kind of difference that is meant.
#[derive(Debug)]
pub(crate) struct Class {
    pub(crate) name: &'static str,
    pub(crate) direction: Direction,
    pub(crate) what: &'static str,
    /// The kind of ambiguity that Sallyport names, where the class is about requests that are answered 400.
    ambiguity: Option<fn(&str) -> bool>,
    holds: fn(&Pair<'_>) -> bool,
    example: fn() -> Sample,
    near_miss: fn() -> Sample,
}

impl Class {
    /// Whether a difference is of this class.
    pub(crate) fn takes(&self, pair: &Pair<'_>) -> bool {
        let ambiguous = pair.spoken.reason == "ambiguous_request";
        let as_told = self.ambiguity.map_or(!ambiguous, |is_of_kind| ambiguous && is_of_kind(&pair.spoken.kind));
        self.direction == pair.direction && as_told && (self.holds)(pair)
    }
}

use Direction::{Looser, Stricter};

/// Every class. The first that holds counts.
pub(crate) const CLASSES: &[Class] = &[
    Class {
        name: "host-port",
        direction: Looser,
        what: "the authority's port and one trailing dot are dropped before hosts are matched",
        ambiguity: None,
        holds: reads_another_host,
        example: || allow(r#"{"to":[{"operation":{"hosts":["a.test"]}}]}"#).host("A.test.:8443"),
        // Istio reads no port there either.
        near_miss: || allow(r#"{"to":[{"operation":{"hosts":["a.test:*"]}}]}"#).host("a.test"),
    },
    Class {
        name: "host-port",
        direction: Stricter,
        what: "the same, where a host is denied or must not be another",
        ambiguity: None,
        holds: reads_another_host,
        example: || deny(r#"{"to":[{"operation":{"hosts":["a.test"]}}]}"#).host("a.test:80"),
        near_miss: || deny(r#"{"to":[{"operation":{"hosts":["a.*"]}}]}"#).host("a.test:80"),
    },
    Class {
        name: "host-malformed",
        direction: Stricter,
        what: "an authority that is no host name or address is answered 400",
        ambiguity: Some(|kind| kind == "malformedHost"),
        holds: |pair| !is_host(&host(pair)),
        example: || Sample::default().host("a..").said("ambiguous_request", "malformedHost"),
        near_miss: || Sample::default().host("a.b.").said("ambiguous_request", "malformedHost"),
    },
    Class {
        name: "method-case",
        direction: Stricter,
        what: "where a method is denied or must not be another, it is compared in any case",
        ambiguity: None,
        holds: denies_method_in_another_case,
        example: || deny(r#"{"to":[{"operation":{"methods":["GET"]}}]}"#).method("gEt"),
        near_miss: || allow(r#"{"to":[{"operation":{"methods":["GET"]}}]}"#).method("gEt"),
    },
    Class {
        name: "path-ambiguous",
        direction: Stricter,
        what: "a path that servers read in several ways is answered 400 (each kind can be tolerated)",
        ambiguity: Some(path::is_kind),
        holds: path::is_as_told,
        example: || Sample::default().path("/a/%2Fb").said("ambiguous_request", "escapedSlash"),
        near_miss: || Sample::default().path("/a%20/b?x=%2F").said("ambiguous_request", "escapedSlash"),
    },
    Class {
        name: "header-twin",
        direction: Stricter,
        what: "a header that differs from one that a rule reads by `_` for `-` is answered 400",
        ambiguity: Some(|kind| kind == "underscoreHeader"),
        holds: header::has_a_twin,
        example: || deny(header::RED).header("x_color", "red").said("ambiguous_request", "underscoreHeader"),
        near_miss: || deny(header::RED).header("x_shape", "red").said("ambiguous_request", "underscoreHeader"),
    },
    Class {
        name: "header-readings",
        direction: Stricter,
        what: "of several lines or elements of a header, one is enough to deny, and all must satisfy to allow",
        ambiguity: None,
        holds: header::readings_differ,
        example: || deny(header::RED).header("x-color", "green, red"),
        near_miss: || deny(header::RED).header("x-color", "green, reddish"),
    },
    Class {
        name: "header-white-space",
        direction: Stricter,
        what: "white space at the ends of a value, which only HTTP/2 carries, does not hide it from a denial",
        ambiguity: None,
        holds: header::white_space_hides,
        example: || deny(header::RED).over_http2().header("x-color", " red"),
        near_miss: || deny(header::RED).over_http2().header("x-color", " green"),
    },
    Class {
        name: "certificate-names",
        direction: Stricter,
        what: "a certificate that is not one plain SPIFFE identity grants nothing, and is denied by any of its names",
        ambiguity: None,
        holds: certificate::is_no_plain_identity,
        example: || allow(certificate::SLEEP).who("two identities"),
        near_miss: || allow(certificate::SLEEP).who("sleep"),
    },
    Class {
        name: "certificate-path",
        direction: Stricter,
        what: "an identity that is not `ns/NS/sa/SA` has neither a namespace nor a service account to grant by",
        ambiguity: None,
        holds: certificate::is_no_workload,
        example: || allow(certificate::IN_HTTPBIN).who("a path above sleep"),
        near_miss: || allow(certificate::SLEEP).who("a path above sleep"),
    },
    Class {
        name: "certificate-missing",
        direction: Stricter,
        what: "a missing certificate never satisfies the `not` of an identity in an ALLOW rule",
        ambiguity: None,
        holds: certificate::is_missing_under_not,
        example: || allow(certificate::NOT_SLEEP).who("nobody"),
        near_miss: || deny(certificate::NOT_SLEEP).who("nobody"),
    },
    Class {
        name: "token-missing",
        direction: Stricter,
        what: "a token or claim that is missing, or no text, never satisfies a `not` in an ALLOW rule",
        ambiguity: None,
        holds: claim::is_missing_under_not,
        example: || allow(claim::NOT_GUEST).claims(r#"{"iss":"i","sub":"s","role":5}"#),
        near_miss: || allow(claim::NOT_GUEST).claims(r#"{"iss":"i","sub":"s","role":"admin"}"#),
    },
    Class {
        name: "certificate-alias",
        direction: Stricter,
        what: "where a caller is denied or must not be another, a pattern that matches one name of the mesh's trust domain \
               stands for all of them",
        ambiguity: None,
        holds: certificate::is_known_by_another_name,
        example: || deny(r#"{"from":[{"source":{"principals":["old*"]}}]}"#),
        near_miss: || deny(r#"{"from":[{"source":{"principals":["other*"]}}]}"#),
    },
    Class {
        name: "path-spelling",
        direction: Stricter,
        what: "a path that is not in canonical form is read in that form, too, and must match both ways to allow",
        ambiguity: None,
        holds: path::is_spelled_in_another_way,
        example: || allow(r#"{"to":[{"operation":{"notPaths":["/a/%C3%A4"]}}]}"#).path("/a/%c3%a4"),
        near_miss: || allow(r#"{"to":[{"operation":{"notPaths":["/a/%C3%A4"]}}]}"#).path("/a/%c3%a5"),
    },
];

fn is_allow(rule: &wire::Rule) -> bool {
    rule.action == wire::Action::Allow
}

/// A field and its `not` twin.
type Field = fn(&wire::Operation) -> [&Option<Vec<String>>; 2];
/// Values, and whether they are those of a `not` field.
type Listed<'a> = (&'a [String], bool);

/// The values of one field of every operation.
fn operations<'a>(rule: &'a wire::Rule, field: Field) -> impl Iterator<Item = Listed<'a>> {
    let operations = rule.to.iter().flatten().map(|to| &to.operation);
    operations.flat_map(move |operation| {
        let [values, not_values] = field(operation);
        [(values.as_deref().unwrap_or_default(), false), (not_values.as_deref().unwrap_or_default(), true)]
    })
}

fn host(pair: &Pair<'_>) -> String {
    String::from_utf8_lossy(pair.request.host.as_deref().unwrap_or_default()).into_owned()
}

/// Whether a field's values grant: those of an ALLOW rule, and what a DENY rule must not match.
fn is_permissive(rule: &wire::Rule, negated: bool) -> bool {
    is_allow(rule) != negated
}

/// The authority has a port or a trailing dot, and some pattern makes this difference because it is not looked at.
fn reads_another_host(pair: &Pair<'_>) -> bool {
    let authority = host(pair);
    let (name, port) = match authority.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (name, Some(port)),
        _ => (authority.as_str(), None),
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    if name == authority {
        return false;
    }
    let matches_here = |pattern: &String| {
        let (wanted, wanted_port) = match pattern.rsplit_once(':') {
            Some((wanted, "*")) => (wanted, None),
            Some((wanted, port)) => (wanted, Some(port)),
            None => (pattern.as_str(), None),
        };
        let wanted = wanted.strip_suffix('.').unwrap_or(wanted);
        host_matches(wanted, name) && (wanted_port.is_none() || wanted_port == port)
    };
    let hosts: Field = |operation| [&operation.hosts, &operation.not_hosts];
    pair.rules.iter().any(|rule| {
        operations(rule, hosts).any(|(patterns, negated)| {
            let here = patterns.iter().any(matches_here);
            let at_istio = patterns.iter().any(|pattern| host_matches(pattern, &authority));
            // To grant more is looser, to restrict more is stricter.
            here != at_istio && (here == is_permissive(rule, negated)) == (pair.direction == Looser)
        })
    })
}

/// `HOST`, `HOST:PORT`, `[IPv6]`, `[IPv6]:PORT`, with labels between single dots.
fn is_host(authority: &str) -> bool {
    let name = match authority.rsplit_once(':') {
        Some((name, port)) if port.parse::<u16>().is_ok() => name,
        _ => authority,
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    name.starts_with('[') || name.split('.').all(is_label)
}

/// A restrictive use of methods, and a method that its patterns match in another case only.
fn denies_method_in_another_case(pair: &Pair<'_>) -> bool {
    let method = String::from_utf8_lossy(&pair.request.method).into_owned();
    let differs = |pattern: &String| {
        let folded = header_matches(&pattern.to_ascii_uppercase(), &method.to_ascii_uppercase());
        folded && !header_matches(pattern, &method)
    };
    let methods: Field = |operation| [&operation.methods, &operation.not_methods];
    pair.rules.iter().any(|rule| {
        let mut lists = operations(rule, methods);
        lists.any(|(patterns, negated)| !is_permissive(rule, negated) && patterns.iter().any(differs))
    })
}

#[test]
fn each_class_takes_its_example_and_not_the_near_miss() {
    for class in CLASSES {
        assert!((class.example)().is_of(class), "{}: the example {:?}", class.name, (class.example)());
        assert!(!(class.near_miss)().is_of(class), "{}: the near miss {:?}", class.name, (class.near_miss)());
    }
}
