//! A curl command.

use std::path::Path;

use super::model::{PasteError, Pasted};
use super::url;
use super::words::{Word, words};
use crate::scenario::Request;
use crate::wording::quoted;

/// Options that do not change what the gateway sees of the request, and have no value.
const IGNORED: [&str; 27] = [
    "--compressed",
    "--fail",
    "--fail-with-body",
    "--globoff",
    "--http1.1",
    "--http2",
    "--http2-prior-knowledge",
    "--include",
    "--insecure",
    "--ipv4",
    "--ipv6",
    "--location",
    "--no-buffer",
    "--no-progress-meter",
    "--path-as-is",
    "--remote-name",
    "--show-error",
    "--silent",
    "--ssl-no-revoke",
    "--tlsv1.2",
    "--tlsv1.3",
    "--verbose",
    "--no-keepalive",
    "--http1.0",
    "--http3",
    "--raw",
    "--progress-bar",
];
/// The same with a value.
const IGNORED_WITH_VALUE: [&str; 22] = [
    "--cacert",
    "--capath",
    "--ciphers",
    "--connect-timeout",
    "--connect-to",
    "--cookie-jar",
    "--dump-header",
    "--key",
    "--key-type",
    "--cert-type",
    "--max-time",
    "--max-redirs",
    "--noproxy",
    "--output",
    "--pass",
    "--proxy",
    "--resolve",
    "--retry",
    "--stderr",
    "--tls-max",
    "--write-out",
    "--interface",
];
/// Options of one letter, and their long names.
const SHORT: [(char, &str); 25] = [
    ('X', "--request"),
    ('H', "--header"),
    ('d', "--data"),
    ('I', "--head"),
    ('G', "--get"),
    ('A', "--user-agent"),
    ('e', "--referer"),
    ('b', "--cookie"),
    ('u', "--user"),
    ('E', "--cert"),
    ('F', "--form"),
    ('T', "--upload-file"),
    ('o', "--output"),
    ('m', "--max-time"),
    ('w', "--write-out"),
    ('D', "--dump-header"),
    ('x', "--proxy"),
    ('c', "--cookie-jar"),
    ('k', "--insecure"),
    ('s', "--silent"),
    ('S', "--show-error"),
    ('v', "--verbose"),
    ('i', "--include"),
    ('L', "--location"),
    ('f', "--fail"),
];
const FLAGS: [&str; 2] = ["--head", "--get"];

/// What the command's options say.
#[derive(Default)]
struct Command {
    method: Option<String>,
    headers: Vec<(String, String)>,
    data: Vec<String>,
    is_form: bool,
    is_json: bool,
    is_upload: bool,
    is_head: bool,
    is_get: bool,
    url: Option<Word>,
    certificate: Option<String>,
}

/// The request that a curl command sends. A certificate that `sallyport run` made names its caller.
///
/// # Errors
///
/// What is not curl, an option that is not known here, and a command without a URL.
pub fn from_curl(text: &str) -> Result<Pasted, PasteError> {
    let words = words(text)?;
    let is_curl = |word: &Word| !word.is_operator && (word.text == "curl" || word.text.ends_with("/curl"));
    let Some(start) = words.iter().position(is_curl) else {
        return Err(PasteError::at(text, 0, "this is not a curl command", "it begins with `curl`"));
    };
    let own = words.into_iter().skip(start.saturating_add(1)).take_while(|word| !word.is_operator);
    let mut command = Command::default();
    let mut own = own.peekable();
    while let Some(word) = own.next() {
        command.take(text, word, &mut own)?;
    }
    command.pasted(text)
}

impl Command {
    fn take(&mut self, text: &str, word: Word, rest: &mut impl Iterator<Item = Word>) -> Result<(), PasteError> {
        if word.text.starts_with("--") {
            let (name, attached) = word
                .text
                .split_once('=')
                .map_or((word.text.as_str(), None), |(name, value)| (name, Some(value.to_owned())));
            return self.option(text, name, word.start, attached, rest);
        }
        let mut letters = word.text.strip_prefix('-').unwrap_or_default().chars();
        let Some(mut letter) = letters.next() else { return self.take_url(text, word) };
        loop {
            let Some((_, name)) = SHORT.iter().find(|(short, _)| *short == letter) else {
                return Err(unknown(text, &format!("-{letter}"), word.start));
            };
            if !takes_value(name) {
                self.option(text, name, word.start, None, rest)?;
                match letters.next() {
                    Some(next) => letter = next,
                    None => return Ok(()),
                }
            } else {
                let attached = letters.as_str();
                let attached = (!attached.is_empty()).then(|| attached.to_owned());
                return self.option(text, name, word.start, attached, rest);
            }
        }
    }

    fn take_url(&mut self, text: &str, word: Word) -> Result<(), PasteError> {
        if self.url.is_some() {
            return Err(PasteError::at(
                text,
                word.start,
                format!("the command has a second URL, {}", quoted(&word.text)),
                "explain one request at a time",
            ));
        }
        self.url = Some(word);
        Ok(())
    }

    fn option(
        &mut self,
        text: &str,
        name: &str,
        start: usize,
        attached: Option<String>,
        rest: &mut impl Iterator<Item = Word>,
    ) -> Result<(), PasteError> {
        if IGNORED.contains(&name) {
            return Ok(());
        }
        match name {
            "--head" => self.is_head = true,
            "--get" => self.is_get = true,
            _ if !takes_value(name) => return Err(unknown(text, name, start)),
            _ => {
                let value = attached.or_else(|| rest.next().map(|word| word.text));
                let Some(value) = value else {
                    return Err(PasteError::at(
                        text,
                        start,
                        format!("`{name}` has no value: the command is cut"),
                        "copy the whole command",
                    ));
                };
                self.option_with_value(text, name, start, value)?;
            }
        }
        Ok(())
    }

    fn option_with_value(&mut self, text: &str, name: &str, start: usize, value: String) -> Result<(), PasteError> {
        let mut header = |name: &str, value: &str| self.headers.push((name.to_owned(), value.to_owned()));
        match name {
            "--request" => self.method = Some(value),
            "--header" => match value.split_once(':') {
                Some((name, value)) if !value.trim().is_empty() => header(name.trim(), value.trim()),
                // `name:` removes a header, and `name;` sends it empty.
                Some(_) => {}
                None => match value.strip_suffix(';') {
                    Some(name) => header(name, ""),
                    None => {
                        return Err(PasteError::at(
                            text,
                            start,
                            format!("{} is not a header", quoted(&value)),
                            "write `-H 'name: value'`",
                        ));
                    }
                },
            },
            "--user-agent" => header("user-agent", &value),
            "--referer" => header("referer", &value),
            "--cookie" => header("cookie", &value),
            "--user" => header("authorization", "Basic <credentials>"),
            "--oauth2-bearer" => header("authorization", "Bearer <token>"),
            "--url" => return self.take_url(text, Word { start, text: value, is_operator: false }),
            "--cert" => self.certificate = Some(value),
            "--form" | "--form-string" => self.is_form = true,
            "--upload-file" => self.is_upload = true,
            "--json" => {
                self.is_json = true;
                self.data.push(value);
            }
            _ if name.starts_with("--data") => self.data.push(value),
            _ => {}
        }
        Ok(())
    }

    fn pasted(self, text: &str) -> Result<Pasted, PasteError> {
        let Some(word) = self.url else {
            return Err(PasteError::at(text, text.len(), "the command has no URL", "copy the whole command"));
        };
        let Some(url) = url::read(&word.text) else {
            return Err(PasteError::at(
                text,
                word.start,
                format!("{} has no host", quoted(&word.text)),
                "write a URL such as `https://HOST/PATH`",
            ));
        };
        let mut path = url.path;
        let has_body = !self.data.is_empty() && !self.is_get;
        if self.is_get && !self.data.is_empty() {
            path.push(if path.contains('?') { '&' } else { '?' });
            path.push_str(&self.data.join("&"));
        }
        let usual = match () {
            () if self.is_head => "HEAD",
            () if self.is_upload => "PUT",
            () if has_body || self.is_form => "POST",
            () => "GET",
        };
        let named = |name: &str| self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        let authority = named("host").map_or(url.authority, |(_, host)| host.clone());
        let mut request = Request::new(self.method.as_deref().unwrap_or(usual), &authority, &path);
        // What curl sends by itself.
        let body_type = match () {
            () if self.is_json => Some("application/json"),
            () if self.is_form => Some("multipart/form-data"),
            () if has_body => Some("application/x-www-form-urlencoded"),
            () => None,
        };
        let accept = if self.is_json { "application/json" } else { "*/*" };
        let own = [("user-agent", Some("curl/8.0.0")), ("accept", Some(accept)), ("content-type", body_type)];
        for (name, value) in own {
            if let (Some(value), None) = (value, named(name)) {
                request = request.with(name, value.as_bytes());
            }
        }
        for (name, value) in self.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("host")) {
            request = request.with(name, value.as_bytes());
        }
        Ok(Pasted { caller: self.certificate.as_deref().and_then(caller_of), ..Pasted::of(request) })
    }
}

fn takes_value(name: &str) -> bool {
    const KNOWN: [&str; 14] = [
        "--request",
        "--header",
        "--user-agent",
        "--referer",
        "--cookie",
        "--user",
        "--oauth2-bearer",
        "--url",
        "--cert",
        "--form",
        "--form-string",
        "--upload-file",
        "--json",
        "--data",
    ];
    !FLAGS.contains(&name)
        && (KNOWN.contains(&name) || name.starts_with("--data-") || IGNORED_WITH_VALUE.contains(&name))
}

fn unknown(text: &str, name: &str, start: usize) -> PasteError {
    PasteError::at(
        text,
        start,
        format!("the option {} of curl is not known here", quoted(name)),
        "leave it out if it does not change the request",
    )
}

/// `run` names the certificates of its callers `NAMESPACE.ACCOUNT.pem`.
fn caller_of(certificate: &str) -> Option<String> {
    let stem = Path::new(certificate).file_stem()?.to_str()?;
    let (account, trust_domain) =
        stem.split_once('@').map_or((stem, None), |(account, domain)| (account, Some(domain)));
    let (namespace, account) = account.split_once('.')?;
    match trust_domain {
        Some(domain) => Some(format!("{domain}/ns/{namespace}/sa/{account}")),
        None => Some(format!("{namespace}/{account}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match from_curl(text) {
            Ok(Pasted { request, caller, .. }) => {
                let own = ["-H 'user-agent: curl/8.0.0'", "-H 'accept: */*'"];
                let shown =
                    own.iter().fold(request.to_string(), |shown, own| shown.replacen(&format!(" {own}"), "", 1));
                let caller = caller.map_or_else(String::new, |caller| format!(" as {caller}"));
                format!("{} {shown}{caller}", String::from_utf8_lossy(&request.authority))
            }
            Err(error) => format!("{}:{}: {}", error.position.line, error.position.column, error.message),
        }
    }

    #[test]
    fn a_command_is_a_request() {
        for (command, expected) in [
            ("curl https://a.b/c", "a.b GET /c"),
            (
                "curl -sSi -XPUT 'https://a.b:8443/c?d=e' -H 'X-Role: a' -H \"x-role: b\"",
                "a.b:8443 PUT /c?d=e -H 'x-role: a' -H 'x-role: b'",
            ),
            ("curl -d a=b https://a.b", "a.b POST / -H 'content-type: application/x-www-form-urlencoded'"),
            ("curl -G --data-urlencode a=b https://a.b/x?y", "a.b GET /x?y&a=b"),
            ("curl -I https://a.b -H host:c.d", "c.d HEAD /"),
            (
                "curl --json '{}' https://a.b",
                "a.b POST / -H 'accept: application/json' -H 'content-type: application/json'",
            ),
            (
                "printf x | curl --data-binary @- -D - -o /dev/null --cert /d/httpbin.sleep.pem --key k https://a.b | jq",
                "a.b POST / -H 'content-type: application/x-www-form-urlencoded' as httpbin/sleep",
            ),
            ("curl --cert /d/app.a@other.example.pem https://a.b", "a.b GET / as other.example/ns/app/sa/a"),
            (
                "curl 'https://a.b/x' \\\n  -H 'accept: text/html' \\\n  --compressed",
                "a.b GET /x -H 'accept: text/html'",
            ),
            ("curl -u a:b https://a.b", "a.b GET / -H 'authorization: Basic <credentials>'"),
        ] {
            assert_eq!(shown(command), expected, "{command}");
        }
    }

    #[test]
    fn what_is_wrong_has_its_place() {
        for (command, expected) in [
            ("wget https://a.b", "1:1: this is not a curl command"),
            ("curl -i", "1:8: the command has no URL"),
            ("curl https://a.b https://c.d", "1:18: the command has a second URL, `https://c.d`"),
            ("curl https://a.b \\\n  --frob", "2:3: the option `--frob` of curl is not known here"),
            ("curl https://a.b -H", "1:18: `--header` has no value: the command is cut"),
            ("curl https://a.b -H 'x: ", "1:21: the quotes that begin here do not end"),
            ("curl https://a.b -H abc", "1:18: `abc` is not a header"),
            ("curl https:///x", "1:6: `https:///x` has no host"),
            ("", "1:1: this is not a curl command"),
        ] {
            assert_eq!(shown(command), expected, "{command}");
        }
    }
}
