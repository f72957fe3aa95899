//! Command lines that a user can paste into a shell.

use std::path::Path;

use super::example::{Example, Forecast};
use crate::printable::quoted;

/// The gateway of a session, which all command lines share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Endpoint<'a> {
    pub(crate) port: u16,
    pub(crate) ca: &'a Path,
}

/// A gRPC message of no bytes: not compressed, and the length 0. It is a valid message of every type.
const EMPTY_MESSAGE: &str = r"printf '\0\0\0\0\0' |";
/// The answer is binary: its headers and trailers, which have the status, are shown.
const GRPC_OPTIONS: [&str; 4] = ["-sS", "--http2", "-D -", "-o /dev/null"];
/// The call has the message as its body.
const GRPC_BODY: &str = "--data-binary @-";
/// One that will be refused has none: a gateway refuses it before it has the body, and tells the caller with RST_STREAM that it
/// needs none (RFC 9113, 8.1), which curl takes for an error and shows no answer.
const GRPC_REFUSED: &str = "-X POST";

/// A `curl` command that sends the request with a certificate.
pub(crate) fn line(endpoint: Endpoint<'_>, certificate: &Path, key: &Path, example: &Example) -> String {
    let (Endpoint { port, ca }, host) = (endpoint, &example.host);
    let mut words = vec!["curl".to_owned()];
    match example.method.as_str() {
        _ if example.is_grpc() => {
            words.extend(GRPC_OPTIONS.map(str::to_owned));
            if let Forecast::Refused(_) = example.forecast {
                words.push(GRPC_REFUSED.to_owned());
            } else {
                words.push(GRPC_BODY.to_owned());
                words.insert(0, EMPTY_MESSAGE.to_owned());
            }
        }
        "GET" => words.push("-i".to_owned()),
        "HEAD" => words.push("-I".to_owned()),
        method => words.extend(["-i".to_owned(), "-X".to_owned(), quoted(method)]),
    }
    for (option, path) in [("--cacert", ca), ("--cert", certificate), ("--key", key)] {
        words.extend([option.to_owned(), quoted(&path.to_string_lossy())]);
    }
    words.extend(["--resolve".to_owned(), quoted(&format!("{host}:{port}:127.0.0.1"))]);
    for (name, value) in &example.headers {
        words.extend(["-H".to_owned(), quoted(&format!("{name}: {value}"))]);
    }
    if example.needs_token {
        words.extend(["-H".to_owned(), "\"authorization: Bearer $TOKEN\"".to_owned()]);
    }
    // Without it, curl expands `{a,b}` and `[1-3]` in a path to several requests.
    if example.path.contains(['{', '}', '[', ']']) {
        words.push("--globoff".to_owned());
    }
    words.push(quoted(&format!("https://{host}:{port}{}", example.path)));
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn check(method: &str, path: &str, needs_token: bool, expected: &str) {
        let headers = if needs_token { vec![("x-role".into(), "a b".into())] } else { Vec::new() };
        let example = Example {
            host: "h.internal".into(),
            method: method.into(),
            path: path.into(),
            headers,
            needs_token,
            forecast: Forecast::DependsOnToken,
        };
        let endpoint = Endpoint { port: 8443, ca: Path::new("/d/ca.pem") };
        assert_eq!(line(endpoint, Path::new("/d/a.pem"), Path::new("/d/a.key"), &example), expected);
    }

    #[test]
    fn a_line_can_be_pasted() {
        let middle = "--cacert /d/ca.pem --cert /d/a.pem --key /d/a.key --resolve h.internal:8443:127.0.0.1";
        check("GET", "/get", false, &format!("curl -i {middle} https://h.internal:8443/get"));
        check("HEAD", "/get", false, &format!("curl -I {middle} https://h.internal:8443/get"));
        check("PUT", "/a?b&c", false, &format!("curl -i -X PUT {middle} 'https://h.internal:8443/a?b&c'"));
        let token = r#"-H 'x-role: a b' -H "authorization: Bearer $TOKEN""#;
        check("GET", "/a[1]", true, &format!("curl -i {middle} {token} --globoff 'https://h.internal:8443/a[1]'"));
    }

    #[test]
    fn a_call_has_an_empty_message() {
        let headers = [("content-type", "application/grpc"), ("te", "trailers")];
        let example = Example {
            host: "h.internal".into(),
            method: "POST".into(),
            path: "/a.B/C".into(),
            headers: headers.map(|(name, value)| (name.into(), value.into())).into(),
            needs_token: false,
            forecast: Forecast::DependsOnToken,
        };
        let endpoint = Endpoint { port: 8443, ca: Path::new("/d/ca.pem") };
        let expected = r"printf '\0\0\0\0\0' | curl -sS --http2 -D - -o /dev/null --data-binary @- --cacert /d/ca.pem \
                         --cert /d/a.pem --key /d/a.key --resolve h.internal:8443:127.0.0.1 \
                         -H 'content-type: application/grpc' -H 'te: trailers' https://h.internal:8443/a.B/C";
        let expected = expected.replace("\\\n", "").split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(line(endpoint, Path::new("/d/a.pem"), Path::new("/d/a.key"), &example), expected);
        let refused = Example { forecast: Forecast::Refused("denied"), ..example };
        assert_eq!(
            line(endpoint, Path::new("/d/a.pem"), Path::new("/d/a.key"), &refused),
            expected.replace(EMPTY_MESSAGE, "").trim_start().replace(GRPC_BODY, GRPC_REFUSED)
        );
        let sent = Command::new("sh").args(["-c", EMPTY_MESSAGE.trim_end_matches(" |")]).output().unwrap().stdout;
        assert_eq!(sent, [0; 5]);
    }

    #[test]
    fn a_shell_reads_back_what_was_quoted() {
        for text in
            ["", "plain/path-1.2", "two words", "it's", "$HOME `id` $(id)", "a\"b", "a\\b", "a;b&c|d", "ü", "*?[x]~#!"]
        {
            let printed = Command::new("sh").args(["-c", &format!("printf %s {}", quoted(text))]).output().unwrap();
            assert_eq!(String::from_utf8(printed.stdout).unwrap(), text);
        }
    }
}
