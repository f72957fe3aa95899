//! Paths in the notations of other tools: of frameworks, proxies, OpenAPI, and regular expressions.

/// What a path in another notation is in a rule's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Meant {
    /// A path or template.
    Path(String),
    /// A regular expression over the whole path.
    Regex(String),
}

/// What such a path is, as the end of a sentence about it, and what it stands for; `None` if it is in a rule's own notation,
/// as far as can be seen.
pub(crate) fn meant(written: &str) -> Option<(&'static str, Meant)> {
    if let Some((scheme, rest)) = written.split_once("://").filter(|(scheme, _)| is_name(scheme)) {
        let path = rest.find('/').and_then(|start| rest.get(start..)).unwrap_or("/");
        let path = path.split(['?', '#']).next().unwrap_or(path);
        return (!scheme.is_empty()).then(|| ("is a URL", Meant::Path(path.to_owned())));
    }
    if let Some((method, path)) = written.split_once(' ')
        && !method.is_empty()
        && method.bytes().all(|byte| byte.is_ascii_uppercase())
        && path.starts_with('/')
    {
        return Some(("begins with a method, which belongs in `methods`", Meant::Path(path.to_owned())));
    }
    if let Some(meant) = segments(written).filter(|meant| *meant != Meant::Path(written.to_owned())) {
        return Some(("has a placeholder in another notation", meant));
    }
    is_regex(written).then(|| ("is written as a regular expression", Meant::Regex(whole(written))))
}

fn is_name(text: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && text.chars().all(is_allowed)
}

/// One segment of a path in another notation.
enum Piece<'a> {
    Literal(&'a str),
    One,
    Rest,
    Regex(&'a str),
}

/// A path with names, or other tools' wildcards, for whole segments.
fn segments(written: &str) -> Option<Meant> {
    let body = written.strip_prefix('/')?;
    let pieces: Vec<_> = body.split('/').map(piece).collect();
    if pieces.iter().all(|piece| matches!(piece, Piece::Literal(_))) {
        return None;
    }
    let is_plain = |piece: &Piece<'_>| !matches!(piece, Piece::Regex(_));
    let part = |piece: &Piece<'_>| match piece {
        Piece::Literal(text) => (*text).to_owned(),
        Piece::One => "{*}".to_owned(),
        Piece::Rest | Piece::Regex(_) => "{**}".to_owned(),
    };
    let pattern = |piece: &Piece<'_>| match piece {
        Piece::Literal(text) => escaped(text),
        Piece::One => "[^/]+".to_owned(),
        Piece::Rest => ".*".to_owned(),
        Piece::Regex(regex) => (*regex).to_owned(),
    };
    let join =
        |of: &dyn Fn(&Piece<'_>) -> String| pieces.iter().map(|piece| format!("/{}", of(piece))).collect::<String>();
    Some(if pieces.iter().all(is_plain) { Meant::Path(join(&part)) } else { Meant::Regex(join(&pattern)) })
}

fn piece(segment: &str) -> Piece<'_> {
    let between = |open: char, close: char| segment.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
    match segment {
        "{*}" | "*" | "{}" | "%s" | "%d" | "%v" => return Piece::One,
        "{**}" | "**" | "..." => return Piece::Rest,
        _ => {}
    }
    if let Some(inside) = between('{', '}') {
        return named(inside).unwrap_or(Piece::Literal(segment));
    }
    if let Some(inside) = between('<', '>') {
        return match inside.split_once(':') {
            Some(("path", name)) if is_name(name) => Piece::Rest,
            Some((kind, name)) if is_name(kind) && is_name(name) => Piece::One,
            None if is_name(inside) => Piece::One,
            _ => Piece::Literal(segment),
        };
    }
    if let Some(name) = segment.strip_prefix(':') {
        return match name.strip_suffix(['*', '+']) {
            Some(name) if is_name(name) => Piece::Rest,
            None if is_name(name.trim_end_matches('?')) => Piece::One,
            _ => Piece::Literal(segment),
        };
    }
    Piece::Literal(segment)
}

/// What stands in braces: `id`, `name=**`, `path...`, `*path`, `id:[0-9]+`.
fn named(inside: &str) -> Option<Piece<'_>> {
    if let Some((name, of)) = inside.split_once(['=', ':']).filter(|(name, _)| is_name(name)) {
        return match of {
            "*" | "string" | "int" | "[^/]+" if !name.is_empty() => Some(Piece::One),
            "**" | ".*" | ".+" | "path" => Some(Piece::Rest),
            regex if !regex.contains(['{', '}', '/']) => Some(Piece::Regex(regex)),
            _ => None,
        };
    }
    let name = inside.trim_start_matches('*').trim_end_matches(['.', '*', '+', '?']);
    match name {
        _ if !is_name(name) => None,
        _ if name == inside || inside.ends_with('?') => Some(Piece::One),
        _ => Some(Piece::Rest),
    }
}

/// Whether a text has what only regular expressions have.
fn is_regex(text: &str) -> bool {
    let has_set = text.split_once('[').is_some_and(|(_, rest)| rest.contains(']'));
    let has_choice = text.split_once('(').is_some_and(|(_, rest)| rest.contains(['|', '?', '*', '+']));
    text.starts_with(['^', '~'])
        || text.ends_with('$')
        || [".*", ".+", ")?", "\\d", "\\w", "\\."].iter().any(|sign| text.contains(sign))
        || has_set
        || has_choice
}

/// A regular expression that may match a part of a path, as one that matches all of it.
fn whole(text: &str) -> String {
    let text = text.trim_start_matches('~').trim_start_matches('*').trim_start();
    let (body, is_begun) = text.strip_prefix('^').map_or((text, false), |body| (body, true));
    match body.strip_suffix('$') {
        Some(body) => body.to_owned(),
        None if is_begun && !body.ends_with(".*") => format!("{body}.*"),
        None => body.to_owned(),
    }
}

fn escaped(literal: &str) -> String {
    let is_special = |c: char| "\\.+*?()|[]{}^$".contains(c);
    literal.chars().flat_map(|c| is_special(c).then_some('\\').into_iter().chain([c])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notations_of_other_tools() {
        let path = |text: &str| Some(Meant::Path(text.to_owned()));
        let regex = |text: &str| Some(Meant::Regex(text.to_owned()));
        for (written, means) in [
            ("/v1/**", path("/v1/{**}")),
            ("/v1/*/items", path("/v1/{*}/items")),
            ("/v1/{id}", path("/v1/{*}")),
            ("/v1/{}/a", path("/v1/{*}/a")),
            ("/v1/{name=*}", path("/v1/{*}")),
            ("/v1/{name=**}", path("/v1/{**}")),
            ("/v1/{path...}", path("/v1/{**}")),
            ("/v1/{*path}", path("/v1/{**}")),
            ("/v1/{path+}", path("/v1/{**}")),
            ("/v1/{path:.*}", path("/v1/{**}")),
            ("/v1/{id?}", path("/v1/{*}")),
            ("/v1/:id/a", path("/v1/{*}/a")),
            ("/v1/:path*", path("/v1/{**}")),
            ("/v1/<id>", path("/v1/{*}")),
            ("/v1/<int:id>", path("/v1/{*}")),
            ("/v1/<path:rest>", path("/v1/{**}")),
            ("/v1/%s", path("/v1/{*}")),
            ("https://a.b/v1/a?b=c", path("/v1/a")),
            ("https://a.b", path("/")),
            ("GET /v1/a", path("/v1/a")),
            ("/v1.0/{id:[0-9]+}/a", regex("/v1\\.0/[0-9]+/a")),
            ("/{a}/{id:[0-9]+}", regex("/[^/]+/[0-9]+")),
            ("^/v1/.*$", regex("/v1/.*")),
            ("^/v1", regex("/v1.*")),
            ("~* ^/v1/", regex("/v1/.*")),
            ("/v1/a$", regex("/v1/a")),
            ("/v1/.*", regex("/v1/.*")),
            ("/v1/[0-9]+", regex("/v1/[0-9]+")),
            ("/v1/(a|b)", regex("/v1/(a|b)")),
            ("/v1/\\d+", regex("/v1/\\d+")),
            ("/v1/a", None),
            ("/v1/*", path("/v1/{*}")),
            ("/v1/a*", None),
            ("*.html", None),
            ("/a.b/c~d", None),
            ("/a:b/c", None),
            ("/Orders(42)", None),
            ("/a/:", None),
            ("/a{b}", None),
            ("/a/{*}/b/{**}", None),
            ("*", None),
            ("", None),
        ] {
            assert_eq!(meant(written).map(|(_, means)| means), means, "{written}");
        }
    }
}
