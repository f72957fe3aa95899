//! URLs, taken apart into what a request says.

/// The parts of a URL that a server gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    /// The host, with a port that the scheme does not imply.
    pub(super) authority: String,
    /// Path and query.
    pub(super) path: String,
}

/// Without a scheme it is `http`, as for curl. `None`: there is no host.
pub(super) fn read(text: &str) -> Option<Url> {
    let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
    let rest = rest.split('#').next().unwrap_or(rest);
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end)?;
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let usual = if scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" };
    let authority = host.strip_suffix(usual).unwrap_or(host);
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    (!authority.is_empty()).then(|| Url { authority: authority.to_owned(), path })
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
            ("http://u:p@a.b:8080?x", "a.b:8080", "/?x"),
            ("a.b/c", "a.b", "/c"),
            ("https://[::1]:8443/", "[::1]:8443", "/"),
        ] {
            assert_eq!(read(text), Some(Url { authority: authority.to_owned(), path: path.to_owned() }), "{text}");
        }
        assert_eq!(read("https:///x"), None);
    }
}
