//! A HAR file (HTTP Archive 1.2), as browsers save it.

use serde::Deserialize;

use super::model::{PasteError, Pasted};
use super::url;
use crate::diagnostic::Position;
use crate::scenario::Request;

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Har {
    #[serde(default)]
    log: Option<Log>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Log {
    #[serde(default)]
    entries: Option<Vec<Entry>>,
}

/// The answer, which is most of a file, is skipped.
#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Entry {
    request: Sent,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Sent {
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<Header>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Header {
    name: String,
    value: String,
}

/// What is in a HAR file.
#[derive(Debug, Default)]
pub struct PastedHar {
    /// Its requests, each with its number among all entries of the file, from 1.
    pub requests: Vec<(usize, Pasted)>,
    /// The schemes of the entries that are no requests to a server, such as `data` and `chrome-extension`.
    pub skipped: Vec<String>,
}

/// The requests of a HAR file. A byte order mark before it is ignored.
///
/// # Errors
///
/// What is not a HAR, and an entry without a host.
pub fn from_har(text: &str) -> Result<PastedHar, PasteError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let har: Har = serde_json::from_str(text).map_err(|error| json_error(&error, "a HAR file", 0))?;
    let missing = |field: &str| {
        let message = format!("this is not a HAR file: it has no `{field}`");
        PasteError::at(text, 0, message, "save the requests as HAR in the network panel of the browser")
    };
    let entries = har.log.ok_or_else(|| missing("log"))?.entries.ok_or_else(|| missing("log.entries"))?;
    let mut found = PastedHar::default();
    for (number, Entry { request }) in (1..).zip(entries) {
        match foreign_scheme(&request.url) {
            Some(scheme) => found.skipped.push(scheme),
            None => found.requests.push((number, pasted(text, number, request)?)),
        }
    }
    Ok(found)
}

/// The scheme of a URL that no gateway sees.
fn foreign_scheme(url: &str) -> Option<String> {
    let (scheme, _) = url.split_once(':')?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    let scheme = scheme.to_ascii_lowercase();
    (is_scheme && !matches!(scheme.as_str(), "http" | "https" | "ws" | "wss")).then_some(scheme)
}

fn pasted(text: &str, number: usize, sent: Sent) -> Result<Pasted, PasteError> {
    let Some(url) = url::read(&sent.url) else {
        let message = format!("the URL of entry {number} has no host");
        let at = text.find(&sent.url).unwrap_or_default();
        return Err(PasteError::at(text, at, message, "remove the entry"));
    };
    let mut request = Request::new(&sent.method, &url.authority, &url.path);
    for Header { name, value } in &sent.headers {
        // A browser writes the pseudo headers of HTTP/2 beside the others.
        if !name.starts_with(':') && !name.eq_ignore_ascii_case("host") {
            request = request.with(name, value.as_bytes());
        }
    }
    Ok(Pasted::of(request))
}

/// What serde_json says, in its place; `line` is the number of lines before the text.
pub(super) fn json_error(error: &serde_json::Error, what: &str, line: usize) -> PasteError {
    let position = Position { line: error.line().max(1).saturating_add(line), column: error.column().max(1) };
    let said = error.to_string();
    let said = said.split(" at line ").next().unwrap_or(&said).replace('`', "'");
    let (message, help) = if error.is_eof() {
        (format!("{what} ends here in the middle: it is cut"), "copy the whole of it".to_owned())
    } else {
        (format!("this is not {what}: {said}"), "give it as it was written, without changes".to_owned())
    };
    PasteError { position, message, help }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_a_request() {
        let text = r#"{"log": {"version": "1.2", "entries": [
            {"request": {"method": "GET", "url": "https://a.b/c?d=e", "httpVersion": "HTTP/2", "headers": [
                {"name": ":authority", "value": "a.b"}, {"name": "X-Role", "value": "x"}]}, "response": {"content": {"text": "large"}}},
            {"request": {"method": "GET", "url": "data:image/png;base64,AAAA", "headers": []}},
            {"request": {"method": "GET", "url": "chrome-extension://abc/x.js", "headers": []}},
            {"request": {"method": "POST", "url": "https://a.b/", "headers": []}}]}}"#;
        let pasted = from_har(&format!("\u{feff}{text}")).unwrap();
        assert_eq!(pasted.skipped, ["data", "chrome-extension"]);
        let shown = pasted.requests.iter().map(|(number, pasted)| format!("{number} {}", pasted.request));
        assert_eq!(shown.collect::<Vec<_>>(), ["1 GET /c?d=e -H 'x-role: x'", "4 POST /"]);
    }

    #[test]
    fn what_is_wrong_has_its_place() {
        let shown = |text: &str| {
            from_har(text)
                .map_err(|error| format!("{}:{}: {}", error.position.line, error.position.column, error.message))
                .unwrap_err()
        };
        assert_eq!(shown("{\n\"log\": {\"entries\": ["), "2:20: a HAR file ends here in the middle: it is cut");
        assert_eq!(
            shown("{\n\"log\": 1}"),
            "2:8: this is not a HAR file: invalid type: integer '1', expected an object"
        );
        for (text, field) in
            [("[]", "log"), ("{}", "log"), (r#"{"a": 1, "log": null}"#, "log"), (r#"{"log": {}}"#, "log.entries")]
        {
            assert_eq!(shown(text), format!("1:1: this is not a HAR file: it has no `{field}`"), "{text}");
        }
        assert_eq!(shown("1"), "1:1: this is not a HAR file: invalid type: integer '1', expected an object");
        assert_eq!(shown(r#"{"log": {"entries": [{}]}}"#), "1:23: this is not a HAR file: missing field 'request'");
        assert_eq!(
            shown(r#"{"log": {"entries": [{"request": {"method": "GET", "url": "/x"}}]}}"#),
            "1:60: the URL of entry 1 has no host"
        );
    }
}
