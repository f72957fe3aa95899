//! The URL that a curl command asks for.

use super::super::model::PasteError;
use super::super::url::{self, Url};
use super::super::words::Word;
use crate::wording::quoted;

/// What the options say of the URL.
pub(super) struct Shape<'c> {
    /// `--globoff`.
    pub(super) is_plain: bool,
    /// `--path-as-is`.
    pub(super) is_path_as_is: bool,
    /// The file that is sent, whose name a URL that ends with `/` gets.
    pub(super) upload: Option<&'c str>,
    /// The data that `-G` or `--url-query` adds to it.
    pub(super) query: &'c [Datum],
}

/// One `-d`, `--url-query`, or a relative of them.
pub(super) struct Datum {
    start: usize,
    /// What is sent, or the name of the file it is in.
    content: Result<String, String>,
    /// `--json`: there is no `&` before it.
    is_json: bool,
}

impl Datum {
    /// The data of the option `name`.
    pub(super) fn new(name: &str, value: &str, start: usize) -> Self {
        let content = match name {
            "--data-raw" => Ok(value.to_owned()),
            "--url-query" => value.strip_prefix('+').map_or_else(|| encoded(value), |plain| Ok(plain.to_owned())),
            "--data-urlencode" => encoded(value),
            _ => value.strip_prefix('@').map_or_else(|| Ok(value.to_owned()), |file| Err(file.to_owned())),
        };
        Self { start, content, is_json: name == "--json" }
    }
}

/// `content`, `=content`, `name=content`, `@file` or `name@file`.
fn encoded(value: &str) -> Result<String, String> {
    let encoded = |content: &str| url::escaped(content).replace("%20", "+");
    match (value.split_once('='), value.split_once('@')) {
        (Some(("", content)), _) => Ok(encoded(content)),
        (Some((name, content)), _) => Ok(format!("{name}={}", encoded(content))),
        (None, Some((_, file))) => Err(file.to_owned()),
        (None, None) => Ok(encoded(value)),
    }
}

/// The URL as it is sent.
///
/// # Errors
///
/// What curl refuses, what stands for several URLs, and data of a file.
pub(super) fn target(text: &str, word: &Word, shape: &Shape<'_>) -> Result<Url, PasteError> {
    let written = if shape.is_plain { word.text.clone() } else { without_globs(text, word)? };
    if written.contains(is_refused) {
        let what = format!("the URL {}", quoted(&word.text));
        return Err(refused(text, word.start, &what, "escape such characters: a space is `%20`"));
    }
    let Some(mut url) = url::read(&written) else {
        return Err(PasteError::at(
            text,
            word.start,
            format!("{} has no host", quoted(&word.text)),
            "write a URL such as `https://HOST/PATH`",
        ));
    };
    if !shape.is_path_as_is {
        url.path = url::without_dots(&url.path);
    }
    url.path = url::with_escapes(&url.path);
    if let Some(file) = shape.upload {
        name_file(&mut url.path, file);
    }
    add_query(text, &mut url.path, shape.query)?;
    Ok(url)
}

fn is_refused(character: char) -> bool {
    character == ' ' || character.is_ascii_control()
}

fn refused(text: &str, start: usize, what: &str, help: &str) -> PasteError {
    let message = format!("curl refuses {what}: it has a space or a control character");
    PasteError::at(text, start, message, help)
}

/// A path that ends with `/` gets the name of the file. `-` and `.` are the standard input.
fn name_file(path: &mut String, file: &str) {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    let end = path.find('?').unwrap_or(path.len());
    let has_name = path.get(..end).is_some_and(|path| !path.ends_with('/'));
    if !has_name && !matches!(file, "-" | ".") {
        path.insert_str(end, &url::escaped(name));
    }
}

fn add_query(text: &str, path: &mut String, data: &[Datum]) -> Result<(), PasteError> {
    let mut query = String::new();
    for (position, datum) in data.iter().enumerate() {
        let content = datum.content.as_ref().map_err(|file| {
            let message =
                format!("the content of the file {} is not known here, and is a part of the URL", quoted(file));
            PasteError::at(text, datum.start, message, "write the data in place of the file")
        })?;
        if content.contains(is_refused) {
            let what = format!("{} in a URL", quoted(content));
            return Err(refused(text, datum.start, &what, "use `--data-urlencode`"));
        }
        if position > 0 && !datum.is_json {
            query.push('&');
        }
        query.push_str(content);
    }
    let query = query.split('#').next().unwrap_or_default();
    if !query.is_empty() {
        match path.find('?') {
            None => path.push('?'),
            Some(_) if path.ends_with(['?', '&']) => {}
            Some(_) => path.push('&'),
        }
        path.push_str(query);
    }
    Ok(())
}

/// The URL without the `\` that makes a bracket plain. `[]` and addresses are no patterns.
fn without_globs(text: &str, word: &Word) -> Result<String, PasteError> {
    let mut written = String::new();
    let mut rest = word.text.as_str();
    while let Some(next) = rest.chars().next() {
        let mut length = next.len_utf8();
        let behind = rest.get(length..).unwrap_or_default();
        match next {
            '\\' if behind.starts_with(['{', '[', '}', ']']) => {
                rest = behind;
                length = 1;
            }
            '[' => match behind.split_once(']') {
                Some((inside, _)) if inside.is_empty() || is_address(inside) => {
                    length = inside.len().saturating_add(2);
                }
                _ => return Err(pattern(text, word, rest)),
            },
            '{' => return Err(pattern(text, word, rest)),
            '}' | ']' => {
                let message = format!("curl refuses the URL: nothing opens its `{next}`");
                return Err(PasteError::at(
                    text,
                    word.start,
                    message,
                    "write `--globoff` if the URL is meant as it is",
                ));
            }
            _ => {}
        }
        let (plain, behind) = rest.split_at_checked(length).unwrap_or((rest, ""));
        written.push_str(plain);
        rest = behind;
    }
    Ok(written)
}

fn is_address(inside: &str) -> bool {
    // A zone may follow.
    let address = inside.split('%').next().unwrap_or(inside);
    address.parse::<std::net::Ipv6Addr>().is_ok()
}

fn pattern(text: &str, word: &Word, rest: &str) -> PasteError {
    let glob = rest.find(['}', ']']).and_then(|end| rest.get(..=end)).unwrap_or(rest);
    PasteError::at(
        text,
        word.start,
        format!("the URL has the pattern {}, of which curl makes several requests", quoted(glob)),
        "write one of its URLs, or `--globoff` if the URL is meant as it is",
    )
}

#[cfg(test)]
mod tests {
    use super::super::from_curl;

    fn line(arguments: &str) -> String {
        match from_curl(&format!("curl {arguments}")) {
            Ok(pasted) => {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                format!("{} {}", text(&pasted.request.method), text(&pasted.request.path))
            }
            Err(error) => format!("{}: {}", error.position.column, error.message),
        }
    }

    /// As a server gets it from curl 7.88.1.
    #[test]
    fn request_lines_are_those_that_curl_sends() {
        for (arguments, expected) in [
            ("-G --data-urlencode 'a=b c' http://h/a", "GET /a?a=b+c"),
            ("-G --data-urlencode 'a b' http://h/a", "GET /a?a+b"),
            (
                "-G --data-urlencode '=a b&c/\u{e4}~' --data-urlencode n=x=y http://h/a",
                "GET /a?a+b%26c%2f%c3%a4~&n=x%3dy",
            ),
            ("-d a=b -G 'http://h/a?'", "GET /a?a=b"),
            ("-d a=b -d c=d -G 'http://h/a?x#f'", "GET /a?x&a=b&c=d"),
            ("-G -d a 'http://h/a?x&'", "GET /a?x&a"),
            ("-G -d a=b http://h", "GET /?a=b"),
            ("-G -d '' http://h/a", "GET /a"),
            ("-G -d '' -d a http://h/a", "GET /a?&a"),
            ("-G -d 'q=a#b' http://h/a", "GET /a?q=a"),
            ("-G --data-raw @f http://h/a", "GET /a?@f"),
            ("-G -I -d x http://h/a", "HEAD /a?x"),
            ("-G -X PUT -d x http://h/a", "PUT /a?x"),
            ("--url-query 'a=b c' --url-query '+d%20e' http://h/a", "GET /a?a=b+c&d%20e"),
            ("-T f http://h/d/", "PUT /d/f"),
            ("-T /tmp/f http://h", "PUT /f"),
            ("-T f http://h/d/x", "PUT /d/x"),
            ("-T f 'http://h/d/?q'", "PUT /d/f?q"),
            ("-T - http://h/d/", "PUT /d/"),
            ("-T '' http://h/d/", "GET /d/"),
            ("-T f -X POST http://h/d/", "POST /d/f"),
            ("'http://h/\u{e4}?x=\u{e4}'", "GET /%c3%a4?x=\u{e4}"),
            ("'http://h/a?b[]=1'", "GET /a?b[]=1"),
            ("'http://h/a\\{b\\]\\c'", "GET /a{b]\\c"),
            ("'http://h/[::1]/a'", "GET /[::1]/a"),
            ("-g 'http://h/a\\{b'", "GET /a\\{b"),
        ] {
            assert_eq!(line(arguments), expected, "{arguments}");
        }
    }

    #[test]
    fn what_curl_refuses_has_its_place() {
        for (arguments, expected) in [
            ("'http://h/a b'", "6: curl refuses the URL `http://h/a b`: it has a space or a control character"),
            ("-G -d 'q=a b' http://h", "9: curl refuses `q=a b` in a URL: it has a space or a control character"),
            ("-G -d @f http://h", "9: the content of the file `f` is not known here, and is a part of the URL"),
            (
                "-G --data-urlencode a@f http://h",
                "9: the content of the file `f` is not known here, and is a part of the URL",
            ),
            ("'http://h/a}'", "6: curl refuses the URL: nothing opens its `}`"),
            ("'http://h/a[b]'", "6: the URL has the pattern `[b]`, of which curl makes several requests"),
            ("http:h/a", "6: `http:h/a` has no host"),
        ] {
            assert_eq!(line(arguments), expected, "{arguments}");
        }
    }
}
