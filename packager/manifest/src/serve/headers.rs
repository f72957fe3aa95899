//! From `headers` of a VirtualService to what Envoy's route does with headers.

use serde_json::{Value, json};

use super::view::View;

/// What a route does with headers.
#[derive(Debug, Default)]
pub(super) struct Edits {
    request_add: Vec<Value>,
    request_remove: Vec<Value>,
    response_add: Vec<Value>,
    response_remove: Vec<Value>,
    /// Setting `Host` is a rewrite of the authority.
    pub(super) authority: Option<String>,
}

impl Edits {
    /// Adds those of a destination.
    pub(super) fn extend(&mut self, other: Edits) {
        self.request_add.extend(other.request_add);
        self.request_remove.extend(other.request_remove);
        self.response_add.extend(other.response_add);
        self.response_remove.extend(other.response_remove);
        if self.authority.is_none() {
            self.authority = other.authority;
        }
    }

    /// The fields of Envoy's route, without those that are empty.
    pub(super) fn into_fields(self) -> impl Iterator<Item = (String, Value)> {
        [
            ("request_headers_to_add", self.request_add),
            ("request_headers_to_remove", self.request_remove),
            ("response_headers_to_add", self.response_add),
            ("response_headers_to_remove", self.response_remove),
        ]
        .into_iter()
        .filter(|(_, list)| !list.is_empty())
        .map(|(name, list)| (name.to_owned(), Value::Array(list)))
    }
}

/// What is set comes before what is added, each in the order of the names.
pub(super) fn edits(headers: View<'_>) -> Edits {
    let (request, response) = (headers.field("request"), headers.field("response"));
    let authority = |how: &str| {
        let all = request.and_then(|request| request.field(how)).into_iter().flat_map(View::entries);
        all.filter(|(name, _)| is_authority(name)).filter_map(|(_, value)| value.as_text().map(str::to_owned)).last()
    };
    Edits {
        request_add: additions(request),
        request_remove: removals(request),
        response_add: additions(response),
        response_remove: removals(response),
        authority: authority("set").or_else(|| authority("add")),
    }
}

/// Appending is Envoy's default, which is not written.
fn additions(side: Option<View<'_>>) -> Vec<Value> {
    let entries = |how: &str| {
        let entries = side.and_then(|side| side.field(how)).into_iter().flat_map(View::entries);
        let mut entries: Vec<_> = entries.filter(|(name, _)| !is_internal(name)).collect();
        entries.sort_by_key(|(name, _)| *name);
        entries.into_iter().map(|(name, value)| json!({"key": name, "value": value.as_text()}))
    };
    let set = entries("set").map(|header| json!({"header": header, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}));
    set.chain(entries("add").map(|header| json!({"header": header}))).collect()
}

fn removals(side: Option<View<'_>>) -> Vec<Value> {
    let names = side.into_iter().flat_map(|side| side.texts("remove"));
    names.filter(|name| !is_internal(name)).map(Value::from).collect()
}

/// What Envoy does not let a route change.
fn is_internal(name: &str) -> bool {
    name.starts_with(':') || name.eq_ignore_ascii_case("host")
}

fn is_authority(name: &str) -> bool {
    name.eq_ignore_ascii_case(":authority") || name.eq_ignore_ascii_case("host")
}
