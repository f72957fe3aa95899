//! Paths of routes.

use super::{checked_text, kind};
use crate::code::Code;
use crate::diagnostic::UnplacedDiagnostic;
use crate::wording::quoted;
use sallyport_core::request::is_unreserved;
use sallyport_core::wire::TextKind;

/// The end of a path that stands for all paths below, as in the paths of rules.
const BELOW: &str = "{**}";

checked_text!(
    /// A path, or with `/{**}` at its end all paths below it. It has only characters that have one spelling in a request
    /// (RFC 3986, 2.3), so that a path is that of a route or is not, whoever reads it.
    RoutePath,
    check_path,
    TextKind {
        pattern: Some("^/([A-Za-z0-9._~-]+/)*([A-Za-z0-9._~-]*|\\{\\*\\*\\})$"),
        ..kind::<Self>("path of a route")
    }
);

impl RoutePath {
    /// With a slash at its end, what all paths begin with that it stands for; `None` if it is one path.
    #[must_use]
    pub fn prefix(&self) -> Option<&str> {
        self.0.strip_suffix(BELOW)
    }
}

fn check_path(text: &str) -> Option<UnplacedDiagnostic> {
    let flaw = |problem: &str| UnplacedDiagnostic::new(Code::RoutePath, format!("{} {problem}", quoted(text)));
    let Some(path) = text.strip_prefix('/') else {
        return Some(flaw("does not begin with `/`").help(format!("write {}", quoted(&format!("/{text}")))));
    };
    if text.contains(['?', '#']) {
        return Some(flaw("has a query or fragment, which is not part of a path").help("write the path alone"));
    }
    let path = match path.strip_suffix(BELOW) {
        Some(above) if above.is_empty() || above.ends_with('/') => above,
        _ if path.contains(['*', '{', '}']) => {
            return Some(flaw("is a pattern that no route can have").help("write one path, or `/{**}` at its end"));
        }
        _ => path,
    };
    if path.split('/').any(|segment| matches!(segment, "." | "..")) || text.contains("//") {
        return Some(flaw("has an empty segment, `.` or `..`").help("write the path that it leads to"));
    }
    let mut others = path.chars().filter(|c| *c != '/' && !u8::try_from(*c).is_ok_and(is_unreserved));
    let other = others.next()?;
    let problem = format!("has {}, which a request can spell in more than one way", quoted(&other.to_string()));
    Some(flaw(&problem).help("write a path of `A-Z`, `a-z`, `0-9`, `-`, `.`, `_`, `~` and `/`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        for good in ["/", "/a", "/a/", "/a/b.c-d_e~f", "/{**}", "/a/{**}", "/..a"] {
            assert_eq!(check_path(good), None, "{good}");
        }
        for (bad, says) in [
            ("a", "`a` does not begin with `/`"),
            ("/a?b", "`/a?b` has a query or fragment, which is not part of a path"),
            ("/a*", "`/a*` is a pattern that no route can have"),
            ("/a{**}", "`/a{**}` is a pattern that no route can have"),
            ("/{*}/a", "`/{*}/a` is a pattern that no route can have"),
            ("/{**}/a", "`/{**}/a` is a pattern that no route can have"),
            ("//a", "`//a` has an empty segment, `.` or `..`"),
            ("/a/../b", "`/a/../b` has an empty segment, `.` or `..`"),
            ("/a/./{**}", "`/a/./{**}` has an empty segment, `.` or `..`"),
            ("/a%2fb", "`/a%2fb` has `%`, which a request can spell in more than one way"),
            ("/a;b", "`/a;b` has `;`, which a request can spell in more than one way"),
            ("/a@b", "`/a@b` has `@`, which a request can spell in more than one way"),
            ("/caf\u{e9}", "`/caf\u{e9}` has `\u{e9}`, which a request can spell in more than one way"),
            ("/a b", "`/a b` has ` `, which a request can spell in more than one way"),
        ] {
            assert_eq!(check_path(bad).map(|flaw| flaw.message), Some(says.to_owned()), "{bad}");
        }
    }

    #[test]
    fn one_path_and_all_below() {
        let prefix = |text: &str| text.parse::<RoutePath>().expect("a path").prefix().map(str::to_owned);
        assert_eq!((prefix("/a"), prefix("/a/{**}"), prefix("/{**}")), (None, Some("/a/".into()), Some("/".into())));
    }
}
