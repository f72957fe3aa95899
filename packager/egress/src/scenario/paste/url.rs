//! URLs, taken apart into what a request says.

/// The parts of a URL that a server gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    /// The host, with a port that the scheme does not imply.
    pub(super) authority: String,
    /// Path and query.
    pub(super) path: String,
    /// The user and the password before the host, as they are written.
    pub(super) user: Option<String>,
}

/// Without a scheme it is `http`, as for curl, which takes one to three slashes after it. `None`: there is no host, or
/// what is said to be a port is none.
pub(super) fn read(text: &str) -> Option<Url> {
    let is_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    let (scheme, rest) = match text.split_once(":/").filter(|(scheme, _)| scheme.bytes().all(is_scheme)) {
        Some((scheme, rest)) => (scheme, rest.strip_prefix("//").or_else(|| rest.strip_prefix('/')).unwrap_or(rest)),
        None => ("http", text),
    };
    let rest = rest.split('#').next().unwrap_or(rest);
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end)?;
    let (user, host) = authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    let authority = with_unusual_port(host, if scheme.eq_ignore_ascii_case("https") { 443 } else { 80 })?;
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    (!authority.is_empty()).then(|| Url { authority, path, user: user.map(ToOwned::to_owned) })
}

/// The host, and its port unless the scheme implies it.
fn with_unusual_port(host: &str, usual: u16) -> Option<String> {
    let Some((name, port)) = host.rsplit_once(':').filter(|(_, port)| !port.contains(']')) else {
        return Some(host.to_owned());
    };
    if port.is_empty() {
        return Some(name.to_owned());
    }
    let port = port.bytes().all(|byte| byte.is_ascii_digit()).then(|| port.parse::<u16>().ok()).flatten()?;
    Some(if port == usual { name.to_owned() } else { format!("{name}:{port}") })
}

/// The path as curl sends it: what is not ASCII is escaped, but not in the query.
pub(super) fn with_escapes(path: &str) -> String {
    let mut is_query = false;
    let mut sent = String::new();
    for character in path.chars() {
        is_query |= character == '?';
        if character.is_ascii() || is_query { sent.push(character) } else { escape(character, &mut sent) }
    }
    sent
}

/// Every character but the unreserved ones of RFC 3986 escaped.
pub(super) fn escaped(text: &str) -> String {
    let mut sent = String::new();
    for character in text.chars() {
        if character.is_ascii_alphanumeric() || "-._~".contains(character) {
            sent.push(character);
        } else {
            escape(character, &mut sent);
        }
    }
    sent
}

fn escape(character: char, sent: &mut String) {
    for byte in character.encode_utf8(&mut [0; 4]).bytes() {
        sent.push_str(&format!("%{byte:02x}"));
    }
}

/// The bytes that are meant by `%XX`. What is no escape stays.
pub(super) fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let escape =
            behind.split_at_checked(2).filter(|(digits, _)| *first == b'%' && digits.iter().all(u8::is_ascii_hexdigit));
        let byte = escape.and_then(|(digits, behind)| {
            let byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
            Some((byte, behind))
        });
        let (byte, behind) = byte.unwrap_or((*first, behind));
        bytes.push(byte);
        rest = behind;
    }
    bytes
}

/// The path without `/./` and `/../`, as curl sends it (RFC 3986, 5.2.4).
pub(super) fn without_dots(path: &str) -> String {
    let (path, query) = match path.find('?') {
        Some(at) => path.split_at_checked(at).unwrap_or((path, "")),
        None => (path, ""),
    };
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.strip_prefix('/').unwrap_or(path).split('/').peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                // The slash before it stays.
                kept.extend(is_last.then_some(""));
            }
            _ => kept.push(segment),
        }
    }
    format!("/{}{query}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_are_resolved_as_curl_does() {
        for (path, expected) in [
            ("/a/../b", "/b"),
            ("/a/./b/.", "/a/b/"),
            ("/a/b/..", "/a/"),
            ("/../..", "/"),
            ("/a//../b", "/a/b"),
            ("/a?b/../c", "/a?b/../c"),
            ("/a/.../b", "/a/.../b"),
            ("/", "/"),
        ] {
            assert_eq!(without_dots(path), expected, "{path}");
        }
    }

    #[test]
    fn a_url_has_a_host_and_a_path() {
        for (text, authority, path) in [
            ("https://a.b/c?d#e", "a.b", "/c?d"),
            ("https://a.b:443", "a.b", "/"),
            ("https://a.b:0443", "a.b", "/"),
            ("https://a.b:80", "a.b:80", "/"),
            ("https://a.b:/", "a.b", "/"),
            ("http://u:p@a.b:8080?x", "a.b:8080", "/?x"),
            ("a.b/c", "a.b", "/c"),
            ("a.b/c?d=http://e.f", "a.b", "/c?d=http://e.f"),
            ("http:/a.b/c", "a.b", "/c"),
            ("https:///a.b/c", "a.b", "/c"),
            ("https://[::1]:8443/", "[::1]:8443", "/"),
            ("https://[::1]/", "[::1]", "/"),
        ] {
            let read = read(text).unwrap();
            assert_eq!((read.authority.as_str(), read.path.as_str()), (authority, path), "{text}");
        }
        assert_eq!(read("http://u:p@a.b").unwrap().user.as_deref(), Some("u:p"));
        for text in
            ["https:///", "https:////x", "/x", "http:a.b/c", "https://a.b:x", "https://a.b:99999", "https://:443/"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn escapes_are_those_of_curl() {
        assert_eq!(with_escapes("/\u{e4}%2F\\?\u{e4}"), "/%c3%a4%2F\\?\u{e4}");
        assert_eq!(escaped("a b/~\u{e4}"), "a%20b%2f~%c3%a4");
        assert_eq!(unescaped("a%40%zz%4"), b"a@%zz%4");
    }
}
