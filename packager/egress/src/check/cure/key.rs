//! The key of a condition, in other words than its own.

use crate::wording::{did_you_mean, quoted};
use sallyport_core::policy::key::{KEYS, WrittenKey};

/// What to write instead of a key that is none.
pub(super) fn cure(written: &str) -> Option<String> {
    if let Some(field) = operation_field(written) {
        return Some(format!("write `to: [{{operation: {{{field}: [...]}}}}]`"));
    }
    if let Some(near) = near(written).or_else(|| named(written)) {
        return Some(format!("did you mean {}?", quoted(&near)));
    }
    let (stem, inside) = written.strip_suffix(']')?.split_once('[')?;
    KEYS.iter().find(|key| key.name.split_once('[').is_some_and(|(of, _)| of == stem))?;
    if inside.trim().is_empty() {
        return Some(format!("write a name between the brackets: {}", quoted(&format!("{stem}[NAME]"))));
    }
    let (name, _) = inside.split_once([':', '=', ' '])?;
    let key = format!("{stem}[{}]", name.trim());
    WrittenKey::read(&key).map(|_| format!("write {}, and what it must be in `values`", quoted(&key)))
}

/// The field of an operation that says what an attribute of Envoy, Istio or OPA is about.
fn operation_field(written: &str) -> Option<&'static str> {
    let mut parts = written.rsplit('.');
    let last = parts.next()?;
    let is_of_request = parts.any(|part| matches!(part, "request" | "http" | "input"));
    match last.trim_start_matches(':') {
        "path" | "url_path" | "url" | "uri" | "parsed_path" if is_of_request => Some("paths"),
        "method" if is_of_request => Some("methods"),
        "host" | "authority" if is_of_request => Some("hosts"),
        _ => None,
    }
}

/// The key with its name in brackets: `request.headers.x-role`, `header(x-role)`, `claims.group`, `x-role`.
fn named(written: &str) -> Option<String> {
    const WORDS: [(&[&str], &str); 3] = [
        (&["header", "headers"], "headers"),
        (&["query", "params", "query_params"], "query"),
        (&["claim", "claims"], "claims"),
    ];
    let stem_of = |last: &str| {
        let stems = KEYS.iter().filter_map(|key| key.name.split_once('[').map(|(stem, _)| stem));
        stems.into_iter().find(|stem| stem.rsplit('.').next() == Some(last))
    };
    let of = |stem: &str, name: &str| {
        let key = format!("{stem}[{}]", name.trim_matches(['\'', '"']));
        WrittenKey::read(&key).is_some().then_some(key)
    };
    if written.starts_with("x-") {
        return of(stem_of("headers")?, written);
    }
    let mut rest = written;
    while let Some((part, after)) = rest.split_once(['.', '(', '[']) {
        let word = WORDS.iter().find(|(words, _)| words.contains(&part.to_ascii_lowercase().as_str()));
        if let Some((_, last)) = word {
            return of(stem_of(last)?, after.trim_end_matches([')', ']']));
        }
        rest = after;
    }
    None
}

/// The key of a condition that was probably meant, with the names that are written.
fn near(written: &str) -> Option<String> {
    let split = |text: &'static str| text.split_once('[').map_or(text, |(stem, _)| stem);
    let first = written.find('[').unwrap_or(written.len());
    let (stem, names) = written.split_at_checked(first)?;
    let near = did_you_mean(stem, KEYS.iter().map(|key| split(key.name)))?;
    let of_stem = || KEYS.iter().map(|key| key.name).filter(|name| split(name) == near);
    if of_stem().any(|name| near == stem && name.contains('[') != names.is_empty()) {
        // Not the key is wrong, but what is in its brackets.
        return None;
    }
    let with_names = format!("{near}{names}");
    match WrittenKey::read(&with_names) {
        Some(_) => Some(with_names),
        None => of_stem().next().map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_other_words() {
        for (written, help) in [
            ("request.path", Some("write `to: [{operation: {paths: [...]}}]`")),
            ("request.url_path", Some("write `to: [{operation: {paths: [...]}}]`")),
            ("input.attributes.request.http.method", Some("write `to: [{operation: {methods: [...]}}]`")),
            ("request.host", Some("write `to: [{operation: {hosts: [...]}}]`")),
            ("request.headers.x-role", Some("did you mean `request.headers[x-role]`?")),
            ("request.headers(x-role)", Some("did you mean `request.headers[x-role]`?")),
            ("header.x-role", Some("did you mean `request.headers[x-role]`?")),
            ("headers['x-role']", Some("did you mean `request.headers[x-role]`?")),
            ("x-role", Some("did you mean `request.headers[x-role]`?")),
            ("query.page", Some("did you mean `request.query[page]`?")),
            ("jwt.claims.group", Some("did you mean `request.auth.claims[group]`?")),
            ("request.headers[]", Some("write a name between the brackets: `request.headers[NAME]`")),
            ("request.headers[x-role: a]", Some("write `request.headers[x-role]`, and what it must be in `values`")),
            ("source.workload", None),
            ("role", None),
        ] {
            assert_eq!(cure(written).as_deref(), help, "{written}");
        }
    }

    #[test]
    fn a_key_that_is_suggested_is_one() {
        for (written, suggested) in [
            ("request.header[x-a]", Some("request.headers[x-a]")),
            ("Request.Headers[x-a]", Some("request.headers[x-a]")),
            ("request.auth.claim[a][b]", Some("request.auth.claims[a][b]")),
            ("request.headers", Some("request.headers[NAME]")),
            ("source.principl", Some("source.principal")),
            ("source.namespaces", Some("source.namespace")),
            ("source.ip[x]", Some("source.ip")),
            // What stands in the brackets could not stay.
            ("request.header[", Some("request.headers[NAME]")),
            ("request.header[:path]", Some("request.headers[NAME]")),
            // Near to nothing, or the key is right and the rest is not.
            ("xyz", None),
            ("", None),
            ("[", None),
            ("request.headers[:path]", None),
            ("request.headers[x-a", None),
        ] {
            assert_eq!(near(written).as_deref(), suggested, "{written}");
        }
    }
}
