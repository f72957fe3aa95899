//! What the request of a curl command is for, of which only one thing is possible.

use super::super::model::PasteError;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Head,
    Data,
    /// Data as a part of the URL.
    Get,
    Form,
    Upload,
}

impl Kind {
    fn option(self) -> &'static str {
        match self {
            Self::Head => "-I",
            Self::Data => "-d",
            Self::Get => "-G",
            Self::Form => "-F",
            Self::Upload => "-T",
        }
    }
}

/// The kind on which all options agree, each with its place. With `is_get`, data is a part of the URL.
///
/// # Errors
///
/// Options of which curl takes only one.
pub(super) fn only(text: &str, options: &[(Kind, usize)], is_get: bool) -> Result<Option<Kind>, PasteError> {
    let mut found: Option<Kind> = None;
    for (kind, start) in options {
        let kind = if is_get && *kind == Kind::Data { Kind::Get } else { *kind };
        found = match (found, kind) {
            (Some(Kind::Head), Kind::Get) | (Some(Kind::Get), Kind::Head) => Some(Kind::Head),
            (Some(first), other) if first != other => {
                let message = format!("curl refuses `{}` with `{}`", other.option(), first.option());
                return Err(PasteError::at(text, *start, message, "leave one of them out"));
            }
            (_, kind) => Some(kind),
        };
    }
    Ok(found)
}

/// The method without `-X`.
pub(super) fn method(kind: Option<Kind>) -> &'static str {
    match kind {
        Some(Kind::Head) => "HEAD",
        Some(Kind::Upload) => "PUT",
        Some(Kind::Data | Kind::Form) => "POST",
        Some(Kind::Get) | None => "GET",
    }
}

/// What a form adds to its content type. The boundary is another one each time.
pub(super) const BOUNDARY: &str = "; boundary=------------------------0123456789abcdef";

/// The content type without `-H`, and without the boundary.
pub(super) fn body_type(kind: Option<Kind>) -> Option<&'static str> {
    match kind? {
        Kind::Form => Some("multipart/form-data"),
        Kind::Data => Some("application/x-www-form-urlencoded"),
        Kind::Head | Kind::Get | Kind::Upload => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::from_curl;

    /// The method and the content type that a server gets from curl 7.88.1.
    #[test]
    fn a_request_is_for_one_thing() {
        let shown = |options: &str| match from_curl(&format!("curl {options} https://a.b")) {
            Ok(pasted) => {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                let headers = &pasted.request.headers;
                let body = headers.iter().find(|(name, _)| name == "content-type").map(|(_, value)| text(value));
                format!("{} {}", text(&pasted.request.method), body.unwrap_or_default())
            }
            Err(error) => format!("{}: {}", error.position.column, error.message),
        };
        for (options, expected) in [
            ("-d ''", "POST application/x-www-form-urlencoded"),
            ("-X GET -d x", "GET application/x-www-form-urlencoded"),
            ("-d x --json '{}'", "POST application/json"),
            ("-F a=b -F c=d", "POST multipart/form-data; boundary=------------------------0123456789abcdef"),
            (
                "-F a=b -H 'Content-Type: multipart/form-data' -H 'Content-Type: x'",
                "POST multipart/form-data; boundary=------------------------0123456789abcdef",
            ),
            ("-T f", "PUT "),
            ("-I -X POST", "POST "),
            ("-I -G -d x", "HEAD "),
            ("-I -d x", "9: curl refuses `-d` with `-I`"),
            ("-T f -d x", "11: curl refuses `-d` with `-T`"),
            ("-F a=b -T f", "13: curl refuses `-T` with `-F`"),
            ("-G -F a=b -d x", "16: curl refuses `-G` with `-F`"),
        ] {
            assert_eq!(shown(options), expected, "{options}");
        }
    }
}
