//! Names of Kubernetes objects, and of what other programs look up.

use super::{FromText, checked_text, default_text, kind, text_value};
use crate::code::Code;
use crate::diagnostic::UnplacedDiagnostic;
use crate::wording::{did_you_mean, quoted};
use sallyport_core::dns;
use sallyport_core::request::is_token_byte;
use sallyport_core::wire::TextKind;

checked_text!(
    /// A DNS label (RFC 1123): 1 to 63 of `a-z`, `0-9` and `-`.
    DnsLabel,
    check_label,
    TextKind { pattern: Some("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"), ..kind::<Self>("DNS label") }
);

checked_text!(
    /// The name of a Kubernetes resource: a DNS subdomain (RFC 1123).
    ResourceName,
    check_resource,
    "resource name"
);

checked_text!(
    /// A key of a Secret, which is also the name of a file where the Secret is mounted.
    SecretKey,
    check_secret_key,
    TextKind { pattern: Some("^[-._a-zA-Z0-9]{1,253}$"), ..kind::<Self>("key of a Secret") }
);

checked_text!(
    /// A name without spaces that is compared byte by byte: of a tracer.
    Word,
    check_word,
    "name"
);

checked_text!(
    /// A key of W3C baggage, which is compared byte by byte.
    BaggageKey,
    check_baggage_key,
    "baggage key"
);

checked_text!(
    /// The path of an OPA decision: `envoy/authz/allow`.
    DecisionPath,
    check_decision,
    "OPA decision path"
);

checked_text!(
    /// Envoy's retry conditions, comma-separated.
    RetryConditions,
    check_retry_conditions,
    "string of retry conditions"
);

checked_text!(
    /// A place in a document (RFC 6901), which is not the whole document.
    JsonPointer,
    check_json_pointer,
    TextKind { pattern: Some("^/"), ..kind::<Self>("JSON pointer") }
);

impl JsonPointer {
    /// A field's name as one reference token of a pointer (RFC 6901, section 3).
    #[must_use]
    pub fn token(name: &str) -> String {
        name.replace('~', "~0").replace('/', "~1")
    }
}

default_text!(DnsLabel, SecretKey, DecisionPath, RetryConditions);

/// The pods of an ingress gateway: `NAMESPACE/LABEL`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IngressGateway {
    text: String,
    namespace_length: usize,
}

impl IngressGateway {
    /// A gateway of ours, for a default. That defaults are right is tested.
    pub(crate) fn of(namespace: &'static str, label: &'static str) -> Self {
        Self { text: format!("{namespace}/{label}"), namespace_length: namespace.len() }
    }

    /// The text, as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The namespace of the pods.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.text.get(..self.namespace_length).unwrap_or_default()
    }

    /// The value of the pods' label `istio`.
    #[must_use]
    pub fn label(&self) -> &str {
        self.text.get(self.namespace_length..).unwrap_or_default().trim_start_matches('/')
    }
}

text_value!(IngressGateway);

impl FromText for IngressGateway {
    const KIND: TextKind = kind::<Self>("ingress gateway");

    fn from_text(text: &str) -> Result<Self, UnplacedDiagnostic> {
        match text.split_once('/') {
            Some((namespace, label)) if dns::is_label(namespace) && is_label_value(label) => {
                Ok(Self { text: text.to_owned(), namespace_length: namespace.len() })
            }
            _ => Err(UnplacedDiagnostic::new(Code::IngressGateway, format!("{} does not name an ingress gateway", quoted(text))).help(
                "write `NAMESPACE/LABEL` with the value of the label `istio` of its pods: `istio-system/ingressgateway`",
            )),
        }
    }
}

fn check_label(text: &str) -> Option<UnplacedDiagnostic> {
    (!dns::is_label(text)).then(|| {
        let flaw = UnplacedDiagnostic::new(Code::Name, format!("{} is not a DNS label", quoted(text)));
        match label_near(text) {
            Some(near) => flaw.help(format!("write {}", quoted(&near))),
            None => flaw.help("write 1 to 63 of `a-z`, `0-9` and `-`, with a letter or digit at both ends"),
        }
    })
}

fn label_near(text: &str) -> Option<String> {
    let near: String =
        text.to_ascii_lowercase().chars().map(|c| if matches!(c, '_' | '.' | ' ') { '-' } else { c }).collect();
    dns::is_label(&near).then_some(near)
}

fn check_resource(text: &str) -> Option<UnplacedDiagnostic> {
    (!dns::is_subdomain(text)).then(|| {
        UnplacedDiagnostic::new(Code::ResourceName, format!("{} cannot be the name of a resource", quoted(text)))
            .help("write at most 253 of `a-z`, `0-9`, `-` and `.`, with a letter or digit at both ends of each part")
    })
}

pub(super) fn is_label_value(text: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.len() <= 63
        && edge(text.chars().next())
        && edge(text.chars().next_back())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

fn check_secret_key(text: &str) -> Option<UnplacedDiagnostic> {
    let good = text.len() <= 253
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
        && text != "."
        && !text.starts_with("..");
    (!good).then(|| {
        UnplacedDiagnostic::new(Code::SecretKey, format!("{} cannot be a key of a Secret", quoted(text))).help(
            "write at most 253 of `A-Z`, `a-z`, `0-9`, `-`, `_` and `.`, not `.` alone and not `..` at the beginning",
        )
    })
}

fn check_word(text: &str) -> Option<UnplacedDiagnostic> {
    text.chars().any(|c| c.is_whitespace() || c.is_control()).then(|| {
        UnplacedDiagnostic::new(Code::Word, format!("{} has a space or control character", quoted(text)))
            .help("write the name exactly, without spaces")
    })
}

/// A pattern would match only a key that is written like it, so it is refused even where a key may have such characters.
fn check_baggage_key(text: &str) -> Option<UnplacedDiagnostic> {
    let flaw = |problem: &str| UnplacedDiagnostic::new(Code::Word, format!("{} {problem}", quoted(text)));
    let is_regex = text.starts_with('^') || text.ends_with('$') || text.contains(".+");
    if text.contains('*') || is_regex {
        let help =
            "write each key out: keys are compared byte by byte, and all of a caller's baggage never leaves the mesh";
        return Some(flaw("is a pattern, not a key of baggage").help(help));
    }
    let is_token = |key: &str| !key.is_empty() && key.bytes().all(is_token_byte);
    let keys = || text.split(',').map(|member| member.split(['=', ';']).next().unwrap_or(member).trim());
    if text.contains([',', '=', ';']) && keys().all(is_token) {
        let keys: Vec<_> = keys().collect();
        let (what, how) =
            if keys.len() == 1 { ("more than its key", "the key alone") } else { ("several keys", "each by itself") };
        let shown = quoted(&keys.join(", "));
        return Some(
            flaw(&format!("is {what}")).help(format!("write {how}: `baggage: [{}]`", shown.trim_matches('`'))),
        );
    }
    let help = "a key has letters, digits and `-`, `_`, `.`";
    (!is_token(text)).then(|| flaw("is not a key of baggage").help(help))
}

fn check_decision(text: &str) -> Option<UnplacedDiagnostic> {
    let is_word = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    (!text.split('/').all(is_word)).then(|| {
        UnplacedDiagnostic::new(Code::OpaPath, format!("{} is not the path of a decision", quoted(text)))
            .help("write the package and rule with slashes and without `data`: `envoy/authz/allow`")
    })
}

fn check_retry_conditions(text: &str) -> Option<UnplacedDiagnostic> {
    let wrong = text.split(',').map(str::trim).find(|word| !RETRY_CONDITIONS.contains(word) && !is_status(word))?;
    let flaw = UnplacedDiagnostic::new(Code::RetryCondition, format!("{} is not a retry condition", quoted(wrong)));
    Some(flaw.help(retry_condition_instead(wrong)))
}

/// What to write instead of a word that is no retry condition.
pub(crate) fn retry_condition_instead(wrong: &str) -> String {
    match did_you_mean(wrong, RETRY_CONDITIONS.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the conditions are {}, and status codes", RETRY_CONDITIONS.join(", ")),
    }
}

/// Whether Istio takes the word: it has one more than those that the Egress has, and any status that HTTP has.
pub(crate) fn is_retry_condition_of_istio(word: &str) -> bool {
    let is_status = word.len() == 3 && word.parse::<u16>().is_ok_and(|status| (100..600).contains(&status));
    is_status || word == "http3-post-connect-failure" || RETRY_CONDITIONS.contains(&word)
}

fn is_status(word: &str) -> bool {
    word.len() == 3 && word.parse::<u16>().is_ok_and(|status| (400..600).contains(&status))
}

/// Envoy's `x-envoy-retry-on` and `x-envoy-retry-grpc-on`.
const RETRY_CONDITIONS: [&str; 15] = [
    "connect-failure",
    "refused-stream",
    "reset-before-request",
    "reset",
    "gateway-error",
    "5xx",
    "retriable-4xx",
    "retriable-status-codes",
    "retriable-headers",
    "envoy-ratelimited",
    "cancelled",
    "deadline-exceeded",
    "internal",
    "resource-exhausted",
    "unavailable",
];

fn check_json_pointer(text: &str) -> Option<UnplacedDiagnostic> {
    let is_escape = |rest: &str| rest.starts_with(['0', '1']);
    let good = text.starts_with('/') && text.split('~').skip(1).all(is_escape);
    (!good).then(|| {
        UnplacedDiagnostic::new(Code::JsonPatch, format!("{} is not a JSON pointer", quoted(text)))
            .help("begin with `/`, and write `~1` for a `/` and `~0` for a `~` within a name: `/metadata/labels/team`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table<T: FromText>(good: &[&str], bad: &[&str]) {
        good.iter().for_each(|good| assert!(T::from_text(good).is_ok(), "{good}"));
        bad.iter().for_each(|bad| assert!(T::from_text(bad).is_err(), "{bad}"));
    }

    #[test]
    fn names() {
        let (long, longest) = ("a".repeat(64), "a".repeat(63));
        table::<DnsLabel>(&["a-1", &longest], &["My_App", "-a", "a-", "é", &long]);
        let near = UnplacedDiagnostic::new(Code::Name, "`My_App` is not a DNS label").help("write `my-app`");
        assert_eq!(check_label("My_App"), Some(near));
        table::<ResourceName>(&["a", "httpbin-cert", "a.b-c"], &["A", "a_b", "a..b", "-a", "a/b"]);
        let gateways = ["istio-system/ingressgateway", "a/In.gress_1"];
        table::<IngressGateway>(&gateways, &["ingressgateway", "a/", "/b", "A/b", "a/b/c", "a/-b"]);
        table::<DecisionPath>(&["envoy/authz/allow", "a"], &["data.envoy.authz", "/a", "a/", "a-b", "1/a"]);
        table::<RetryConditions>(&["5xx", "connect-failure, 503"], &["5XX", "connect-failure,", "200"]);
        table::<JsonPointer>(&["/a", "/a~1b/0/-", "/"], &["a", "/a~b", "/a~"]);
    }

    #[test]
    fn the_parts_of_an_ingress_gateway() {
        let gateway: IngressGateway = "istio-system/ingressgateway".parse().expect("a gateway");
        assert_eq!((gateway.namespace(), gateway.label()), ("istio-system", "ingressgateway"));
    }

    #[test]
    fn keys_of_secrets_and_words() {
        let (long, longest) = ("a".repeat(254), "a".repeat(253));
        table::<SecretKey>(
            &["token", "tls.crt", "a_b-C.1", ".hidden", "a..b", &longest],
            &[".", "..", "..data", "../token", "a/b", "a b", "a\0", "é", &long],
        );
        table::<Word>(&["zipkin", "tenant-id", "é"], &["a b", " a", "a\n", "a\0"]);
        table::<BaggageKey>(
            &["tenant-id", "user.name", "A_1", "a+b"],
            &["a b", "é", "*", "user-*", "^user", "user$", "user.+", "a=b", "a,b", "a;b", ",", "=", "a\n", "\"a\""],
        );
    }
}
