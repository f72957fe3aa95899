//! Names of Kubernetes resources and labels, and words of other programs.

use super::{is_address, is_label};
use crate::code::Code;
use crate::diagnostic::Flaw;
use crate::parse::suggest::{did_you_mean, quoted};
use sallyport_core::outbound::reserved::Reserved;
use sallyport_core::request::is_token_byte;

/// What is wrong with the name of a resource: a DNS subdomain (RFC 1123).
pub(crate) fn check_resource(text: &str) -> Option<Flaw> {
    let good = text.len() <= 253 && text.split('.').all(is_label);
    (!good).then(|| {
        Flaw::new(Code::ResourceName, format!("{} cannot be the name of a resource", quoted(text)))
            .help("write at most 253 of `a-z`, `0-9`, `-` and `.`, with a letter or digit at both ends of each part")
    })
}

/// What is wrong with `NAMESPACE/LABEL`, which selects the pods of an ingress gateway.
pub(crate) fn check_ingress_gateway(text: &str) -> Option<Flaw> {
    let good = text.split_once('/').is_some_and(|(namespace, label)| is_label(namespace) && is_label_value(label));
    (!good).then(|| {
        Flaw::new(Code::IngressGateway, format!("{} does not name an ingress gateway", quoted(text))).help(
            "write `NAMESPACE/LABEL` with the value of the label `istio` of its pods: `istio-system/ingressgateway`",
        )
    })
}

fn is_label_value(text: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.len() <= 63
        && edge(text.chars().next())
        && edge(text.chars().next_back())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// What is wrong with the host that outside callers use, apart from what is wrong with any host.
pub(crate) fn check_exposed_host(text: &str) -> Option<Flaw> {
    is_address(text).then(|| {
        Flaw::new(
            Code::Host,
            format!("{} is an IP address, which callers cannot ask for by TLS server name", quoted(text)),
        )
        .help("write the DNS name of which the certificate is")
    })
}

/// What is wrong with the path of an OPA decision: `envoy/authz/allow`.
pub(crate) fn check_decision(text: &str) -> Option<Flaw> {
    let is_word = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    (!text.split('/').all(is_word)).then(|| {
        Flaw::new(Code::OpaPath, format!("{} is not the path of a decision", quoted(text)))
            .help("write the package and rule with slashes and without `data`: `envoy/authz/allow`")
    })
}

/// What is wrong with Envoy's retry conditions, comma-separated.
pub(crate) fn check_retry_conditions(text: &str) -> Option<Flaw> {
    let wrong = text.split(',').map(str::trim).find(|word| !RETRY_CONDITIONS.contains(word) && !is_status(word))?;
    let flaw = Flaw::new(Code::RetryCondition, format!("{} is not a retry condition", quoted(wrong)));
    Some(match did_you_mean(wrong, RETRY_CONDITIONS.iter().copied()) {
        Some(near) => flaw.help(format!("did you mean `{near}`?")),
        None => flaw.help(format!("the conditions are {}, and status codes", RETRY_CONDITIONS.join(", "))),
    })
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

/// What is wrong with the path of an RFC 6902 operation (RFC 6901).
pub(crate) fn check_json_pointer(text: &str) -> Option<Flaw> {
    let is_escape = |rest: &str| rest.starts_with(['0', '1']);
    let good = text.starts_with('/') && text.split('~').skip(1).all(is_escape);
    (!good).then(|| {
        Flaw::new(Code::JsonPatch, format!("{} is not a JSON pointer", quoted(text)))
            .help("begin with `/`, and write `~1` for a `/` and `~0` for a `~` within a name: `/metadata/labels/team`")
    })
}

/// What is wrong with the name of a header.
pub(crate) fn check_header(text: &str) -> Option<Flaw> {
    let flaw = |problem: &str| Flaw::new(Code::HeaderName, format!("{} {problem}", quoted(text)));
    if text.len() > 256 || !text.bytes().all(is_token_byte) {
        return Some(flaw("is not the name of a header").help("write one name, without `:` and without its value"));
    }
    if let Some(reserved) = Reserved::of(text) {
        return Some(flaw(reserved.problem()).help(reserved.help()));
    }
    let lower = text.to_ascii_lowercase();
    (lower != text).then(|| flaw("is not in lower case").help(format!("write {}", quoted(&lower))))
}

/// What is wrong with text that stands at the beginning of a header's value.
pub(crate) fn check_header_prefix(text: &str) -> Option<Flaw> {
    let good = text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && !text.starts_with(' ');
    (!good).then(|| {
        Flaw::new(Code::HeaderPrefix, format!("{} cannot begin the value of a header", quoted(text)))
            .help("write visible ASCII and spaces, without a space at the beginning: `Bearer `")
    })
}

/// What is wrong with a key of a Secret, which is also the name of a file where the Secret is mounted.
pub(crate) fn check_secret_key(text: &str) -> Option<Flaw> {
    let good = text.len() <= 253
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
        && text != "."
        && !text.starts_with("..");
    (!good).then(|| {
        Flaw::new(Code::SecretKey, format!("{} cannot be a key of a Secret", quoted(text))).help(
            "write at most 253 of `A-Z`, `a-z`, `0-9`, `-`, `_` and `.`, not `.` alone and not `..` at the beginning",
        )
    })
}

/// What is wrong with the path of a file in the gateway's pods.
pub(crate) fn check_file_path(text: &str) -> Option<Flaw> {
    // A colon ends the path of a mount, and `..` would lead out of the folder that is mounted. A path that is not from the
    // root is for `sallyport run`, which reads it from beside the file.
    let is_segment = |segment: &str| !matches!(segment, "" | "." | "..");
    let good = text.strip_prefix('/').unwrap_or(text).split('/').all(is_segment)
        && !text.contains(':')
        && !text.chars().any(char::is_control);
    (!good).then(|| {
        Flaw::new(Code::FilePath, format!("{} is not the path of a file", quoted(text)))
            .help("write it without `.`, `..`, `//` and `:`: `/etc/upstream/tls.crt`")
    })
}

/// What is wrong with a name that is compared byte by byte: of a tracer, a key of baggage.
pub(crate) fn check_word(text: &str) -> Option<Flaw> {
    text.chars().any(|c| c.is_whitespace() || c.is_control()).then(|| {
        Flaw::new(Code::Word, format!("{} has a space or control character", quoted(text)))
            .help("write the name exactly, without spaces")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Span;
    use sallyport_core::outbound::reserved::{OF_THE_GATE, OF_THE_REQUEST};

    fn table(check: fn(&str) -> Option<Flaw>, good: &[&str], bad: &[&str]) {
        good.iter().for_each(|good| assert!(check(good).is_none(), "{good}"));
        bad.iter().for_each(|bad| assert!(check(bad).is_some(), "{bad}"));
    }

    #[test]
    fn names() {
        table(check_resource, &["a", "httpbin-cert", "a.b-c"], &["", "A", "a_b", "a..b", "-a", "a/b"]);
        let gateways = ["istio-system/ingressgateway", "a/In.gress_1"];
        table(check_ingress_gateway, &gateways, &["", "ingressgateway", "a/", "/b", "A/b", "a/b/c", "a/-b"]);
        table(check_exposed_host, &["a.example"], &["10.0.0.1", "::1"]);
        table(check_decision, &["envoy/authz/allow", "a"], &["", "data.envoy.authz", "/a", "a/", "a-b", "1/a"]);
        table(check_retry_conditions, &["5xx", "connect-failure, 503"], &["", "5XX", "connect-failure,", "200"]);
        table(check_json_pointer, &["/a", "/a~1b/0/-", "/"], &["", "a", "/a~b", "/a~"]);
    }

    #[test]
    fn what_stands_before_a_credential() {
        let control = (0..b' ').chain([0x7f]).map(|byte| format!("Bearer{}", char::from(byte)));
        let control: Vec<String> = control.chain(["Bearer é".to_owned()]).collect();
        let bad: Vec<&str> = control.iter().map(String::as_str).chain([" Bearer", " "]).collect();
        table(check_header_prefix, &["", "Bearer ", "100% ", "Token token=\"", "a  b"], &bad);
    }

    #[test]
    fn keys_of_secrets_and_files() {
        let long = "a".repeat(254);
        table(
            check_secret_key,
            &["token", "tls.crt", "a_b-C.1", ".hidden", "a..b", &long[1..]],
            &[".", "..", "..data", "../token", "a/b", "a b", "a\0", "é", &long],
        );
        table(
            check_file_path,
            &["/ca.pem", "/etc/upstream/tls.crt", "/a b/c", "/..data/tls.crt", "beside/ca.pem"],
            &["./ca.pem", "../ca.pem", "/", "/a/", "/a//b", "/a/../b", "/..", "/./a", "/a:b", "/a\nb", "C:/a"],
        );
        table(check_word, &["zipkin", "tenant-id", "é"], &["a b", " a", "a\n", "a\0"]);
    }

    /// The two tables are one: what the core calls reserved no list of a file may have, in any spelling.
    #[test]
    fn reserved_headers() {
        for name in OF_THE_REQUEST.iter().chain(&OF_THE_GATE) {
            for spelling in [(*name).to_owned(), name.replace('-', "_"), name.to_ascii_uppercase()] {
                let reserved = Reserved::of(name).expect("it is in the list");
                let flaw = check_header(&spelling).expect("it is refused").at(0, Span { start: 0, end: 0 });
                assert_eq!((flaw.code.as_str(), flaw.help.as_deref()), ("SP0321", Some(reserved.help())), "{spelling}");
            }
        }
    }
}
