//! From `match` of a VirtualService to Envoy's.

use serde_json::{Map, Value, json};

use super::view::View;

/// Which requests a route is for; all without a match.
pub(super) fn route_match(found: Option<View<'_>>, is_http_route: bool) -> Value {
    let Some(found) = found else { return json!({"prefix": "/"}) };
    let mut out = found
        .field("uri")
        .map_or_else(|| Map::from_iter([("prefix".to_owned(), Value::from("/"))]), |uri| path(uri, is_http_route));
    out.insert("case_sensitive".to_owned(), (!found.flag("ignoreUriCase")).into());
    let mut headers: Vec<Value> = Vec::new();
    for (name, matcher) in found.field("headers").into_iter().flat_map(View::entries) {
        headers.push(Value::Object(header(name, matcher)));
    }
    for (name, matcher) in found.field("withoutHeaders").into_iter().flat_map(View::entries) {
        let mut header = header(name, matcher);
        header.insert("invert_match".to_owned(), true.into());
        if !header.contains_key("present_match") {
            header.insert("treat_missing_header_as_empty".to_owned(), true.into());
        }
        headers.push(Value::Object(header));
    }
    headers.sort_by_key(|header| header.get("name").and_then(Value::as_str).map(str::to_owned));
    for (field, name) in [("method", ":method"), ("authority", ":authority"), ("scheme", ":scheme")] {
        headers.extend(found.field(field).map(|matcher| Value::Object(header(name, matcher))));
    }
    if !headers.is_empty() {
        out.insert("headers".to_owned(), headers.into());
    }
    let parameters = found.field("queryParams").into_iter().flat_map(View::entries);
    let parameters: Vec<Value> = parameters.map(|(name, matcher)| Value::Object(header(name, matcher))).collect();
    if !parameters.is_empty() {
        out.insert("query_parameters".to_owned(), parameters.into());
    }
    Value::Object(out)
}

/// Whether a route is for every request.
pub(super) fn is_catch_all(route: &Value) -> bool {
    let Some(found) = route.get("match") else { return false };
    let is = |pointer: &str, text: &str| found.pointer(pointer).and_then(Value::as_str) == Some(text);
    let every_path = is("/prefix", "/") || is("/path_separated_prefix", "/") || is("/safe_regex/regex", ".*");
    every_path && found.get("headers").is_none() && found.get("query_parameters").is_none()
}

fn path(uri: View<'_>, is_http_route: bool) -> Map<String, Value> {
    let (name, value) = if let Some(exact) = uri.text("exact") {
        ("path", Value::from(exact))
    } else if let Some(regex) = uri.text("regex") {
        ("safe_regex", json!({"regex": regex}))
    } else {
        match uri.text("prefix").unwrap_or("/") {
            // A prefix of the Gateway API ends where a part of the path does.
            prefix if is_http_route && prefix != "/" => {
                ("path_separated_prefix", Value::from(prefix.strip_suffix('/').unwrap_or(prefix)))
            }
            prefix => ("prefix", Value::from(prefix)),
        }
    };
    Map::from_iter([(name.to_owned(), value)])
}

/// Of a header or of a parameter of the query. One without a text only has to be there.
fn header(name: &str, matcher: View<'_>) -> Map<String, Value> {
    let (field, value) = match string_match(matcher) {
        None => ("present_match", Value::Bool(true)),
        Some(matcher) => ("string_match", matcher),
    };
    Map::from_iter([("name".to_owned(), name.into()), (field.to_owned(), value)])
}

/// `None` for one that every text meets.
fn string_match(matcher: View<'_>) -> Option<Value> {
    if let Some(exact) = matcher.text("exact") {
        return Some(json!({"exact": exact}));
    }
    if let Some(prefix) = matcher.text("prefix") {
        return Some(json!({"prefix": prefix}));
    }
    // A star alone is no regular expression: it stands for any text.
    let regex = matcher.text("regex").filter(|regex| *regex != "*")?;
    Some(json!({"safe_regex": {"regex": regex}}))
}
