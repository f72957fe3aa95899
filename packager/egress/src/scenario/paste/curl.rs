//! A curl command.

mod headers;
mod kind;
mod options;
mod target;

use std::path::Path;

use super::model::{PasteError, Pasted};
use super::words::{Word, words};
use super::{cmd, shell};
use crate::scenario::Request;
use crate::wording::quoted;
use headers::Headers;
use kind::Kind;
use options::{IGNORED, SHORT, takes_value};
use target::{Datum, Shape, target};

/// What the command's options say.
#[derive(Default)]
struct Command {
    method: Option<String>,
    headers: Headers,
    data: Vec<Datum>,
    queries: Vec<Datum>,
    is_json: bool,
    upload: Option<String>,
    /// What its options make of the request, and where they are.
    kinds: Vec<(Kind, usize)>,
    is_get: bool,
    is_plain: bool,
    is_path_as_is: bool,
    is_compressed: bool,
    url: Option<Word>,
    certificate: Option<String>,
}

/// The request that a curl command sends. A certificate that `sallyport run` made names its caller.
///
/// # Errors
///
/// What is not curl, an option that is not known here, and a command without a URL.
pub fn from_curl(text: &str) -> Result<Pasted, PasteError> {
    let words = if cmd::is_cmd(text) { cmd::words(text)? } else { words(text)? };
    let is_curl = |word: &Word| {
        !word.is_operator && (word.text == "curl" || word.text == "curl.exe" || word.text.ends_with("/curl"))
    };
    let Some(start) = words.iter().position(is_curl) else {
        return Err(PasteError::at(text, 0, "this is not a curl command", "it begins with `curl`"));
    };
    let mut own = shell::own_words(text, words.into_iter().skip(start.saturating_add(1)))?.into_iter();
    let mut command = Command::default();
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
                .map_or((word.text.as_str(), None), |(name, value)| (name, Some(word.part(value))));
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
                let attached = (!attached.is_empty()).then(|| word.part(attached));
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
        attached: Option<Word>,
        rest: &mut impl Iterator<Item = Word>,
    ) -> Result<(), PasteError> {
        if IGNORED.contains(&name) {
            return Ok(());
        }
        match name {
            "--head" => self.kinds.push((Kind::Head, start)),
            "--get" => self.is_get = true,
            "--globoff" => self.is_plain = true,
            "--path-as-is" => self.is_path_as_is = true,
            "--compressed" => self.is_compressed = true,
            _ if !takes_value(name) => return Err(unknown(text, name, start)),
            _ => {
                let Some(value) = attached.or_else(|| rest.next()) else {
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

    fn option_with_value(&mut self, text: &str, name: &str, start: usize, word: Word) -> Result<(), PasteError> {
        let value = word.text.clone();
        match name {
            "--request" => self.method = Some(value),
            "--header" if value.starts_with('@') => {
                let message =
                    format!("the headers in the file {} are not known here", quoted(value.trim_start_matches('@')));
                return Err(PasteError::at(text, start, message, "write each of them as `-H 'name: value'`"));
            }
            "--header" => self.headers.add(&value),
            "--user-agent" => self.headers.user_agent = Some(value),
            "--referer" => self.headers.set_referer(&value),
            "--cookie" => self.headers.add_cookies(&value),
            "--user" if !value.is_empty() && !value.contains(':') => {
                let message = format!("curl asks for the password of {}", quoted(&value));
                return Err(PasteError::at(text, start, message, "write `-u 'USER:PASSWORD'`"));
            }
            "--user" => self.headers.user = Some(value),
            "--oauth2-bearer" => self.headers.token = Some(value),
            "--range" => self.headers.range = Some(value),
            "--url" => return self.take_url(text, word),
            "--cert" => self.certificate = Some(value),
            "--form" | "--form-string" => self.kinds.push((Kind::Form, start)),
            "--upload-file" if value.is_empty() => {}
            "--upload-file" => {
                self.upload = Some(value);
                self.kinds.push((Kind::Upload, start));
            }
            "--url-query" => self.queries.push(Datum::new(name, &value, start)),
            _ if name == "--json" || name.starts_with("--data") => {
                self.is_json |= name == "--json";
                self.data.push(Datum::new(name, &value, start));
                self.kinds.push((Kind::Data, start));
            }
            _ => {}
        }
        Ok(())
    }

    fn pasted(self, text: &str) -> Result<Pasted, PasteError> {
        let kind = kind::only(text, &self.kinds, self.is_get)?;
        let Some(word) = &self.url else {
            return Err(PasteError::at(text, text.len(), "the command has no URL", "copy the whole command"));
        };
        if word.is_open {
            let message = format!("the shell has not expanded {}", quoted(&word.text));
            return Err(PasteError::at(text, word.start, message, "write the URL that the shell makes of it"));
        }
        let shape = Shape {
            is_plain: self.is_plain,
            is_path_as_is: self.is_path_as_is,
            upload: self.upload.as_deref(),
            query: if self.is_get && !self.data.is_empty() { &self.data } else { &self.queries },
        };
        let url = target(text, word, &shape)?;
        let authority = self.headers.host().unwrap_or(&url.authority);
        if authority.is_empty() {
            let help = "leave out the `-H` that takes the host away";
            return Err(PasteError::at(text, word.start, "the request has no host: no gateway takes it", help));
        }
        let mut request = Request::new(self.method.as_deref().unwrap_or(kind::method(kind)), authority, &url.path);
        // What curl sends by itself.
        let body_type = if self.is_json { Some("application/json") } else { kind::body_type(kind) };
        let accept = if self.is_json { "application/json" } else { "*/*" };
        let own = [
            ("user-agent", Some("curl/8.0.0")),
            ("accept", Some(accept)),
            ("accept-encoding", self.is_compressed.then_some("deflate, gzip, br, zstd")),
            ("content-type", body_type),
        ];
        for (name, value) in self.headers.sent(&own, url.user.as_deref(), kind == Some(Kind::Form)) {
            request = request.with(&name, value.as_bytes());
        }
        Ok(Pasted { caller: self.certificate.as_deref().and_then(caller_of), ..Pasted::of(request) })
    }
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
                "a.b GET /x -H 'accept-encoding: deflate, gzip, br, zstd' -H 'accept: text/html'",
            ),
            ("curl --compressed https://a.b -H 'Accept-Encoding: gzip'", "a.b GET / -H 'accept-encoding: gzip'"),
            ("curl --compressed https://a.b -H accept-encoding:", "a.b GET /"),
            ("curl 'https://a.b/x?$top=1'", "a.b GET /x?$top=1"),
            ("curl https://a.b/x?\\$top=1 -H \"x-role: $ROLE\"", "a.b GET /x?$top=1 -H 'x-role: $ROLE'"),
            ("curl https://a.b/x/../y/./z?a/../b", "a.b GET /y/z?a/../b"),
            ("curl --path-as-is https://a.b/x/../y", "a.b GET /x/../y"),
            ("curl -g 'https://a.b/{1,2}[3]'", "a.b GET /{1,2}[3]"),
            ("curl 'https://[::1]:8443/x'", "[::1]:8443 GET /x"),
            ("curl https://a.b -H 'X-Empty;' -e '' -b ''", "a.b GET / -H 'x-empty: '"),
            (
                "curl ^\"https://a.b/c?d=1^&e=^%^20^\" ^\r\n  -X ^\"PUT^\" ^\r\n  -H ^\"x-role: ^\\^\"a^\\^\"^\"",
                "a.b PUT /c?d=1&e=%20 -H 'x-role: \"a\"'",
            ),
            ("curl \"https://a.b/c\" ^\n  -H \"x-role: it's ^ a\"", "a.b GET /c -H 'x-role: it'\\''s ^ a'"),
        ] {
            assert_eq!(shown(command), expected, "{command}");
        }
    }

    /// `-H name:` and `-A ""` leave out what curl sends by itself.
    #[test]
    fn headers_of_curl_itself_can_be_removed() {
        let names = |command: &str| {
            let headers = from_curl(command).unwrap().request.headers;
            headers.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        assert_eq!(names("curl https://a.b"), ["user-agent", "accept"]);
        assert_eq!(names("curl https://a.b -H 'Accept:' -A \"\""), Vec::<String>::new());
        assert_eq!(names("curl https://a.b -H 'User-Agent:' -H 'Content-Type: ' -d x"), ["accept"]);
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
            ("curl https://a.b -H @f", "1:18: the headers in the file `f` are not known here"),
            ("curl https://a.b -H Host:", "1:6: the request has no host: no gateway takes it"),
            ("curl https://a.b -u me", "1:18: curl asks for the password of `me`"),
            ("curl 'https://a.b/{1,2}'", "1:6: the URL has the pattern `{1,2}`, of which curl makes several requests"),
            ("curl https://a.b/[1-3]x", "1:6: the URL has the pattern `[1-3]`, of which curl makes several requests"),
            ("curl -i $URL", "1:9: the shell has not expanded `$URL`"),
            ("curl --url=\"https://${HOST}/x\"", "1:6: the shell has not expanded `https://${HOST}/x`"),
            ("curl ^\"https://a.b ^\n -i", "1:7: the quotes that begin here do not end"),
            ("curl https:///", "1:6: `https:///` has no host"),
            ("", "1:1: this is not a curl command"),
        ] {
            assert_eq!(shown(command), expected, "{command}");
        }
    }
}
