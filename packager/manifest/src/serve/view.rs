//! Reading the fields of an object, and noticing those that nobody has read.

use std::cell::RefCell;
use std::collections::BTreeSet;

use sallyport_egress::value::duration::Duration;
use serde_json::Value;

/// Which parts of some objects have been read.
#[derive(Debug, Default)]
pub(super) struct Seen(RefCell<BTreeSet<*const Value>>);

/// A part of an object. Whoever reads it through this has taken account of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    value: &'a Value,
    seen: &'a Seen,
}

impl Seen {
    /// The paths of all fields that were not read, such as `spec.http[0].fault`: of a part that was not read at all only
    /// the part's own.
    pub(super) fn unread(&self, object: &Value) -> Vec<String> {
        let mut found = Vec::new();
        self.collect(object, String::new(), &mut found);
        found
    }

    fn mark(&self, value: &Value) {
        self.0.borrow_mut().insert(std::ptr::from_ref(value));
    }

    fn has(&self, value: &Value) -> bool {
        self.0.borrow().contains(&std::ptr::from_ref(value))
    }

    fn collect(&self, value: &Value, path: String, found: &mut Vec<String>) {
        if !self.has(value) {
            found.push(path);
            return;
        }
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    self.collect(value, path, found);
                }
            }
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(at, item)| self.collect(item, format!("{path}[{at}]"), found));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

impl<'a> View<'a> {
    pub(super) fn new(value: &'a Value, seen: &'a Seen) -> Self {
        seen.mark(value);
        View { value, seen }
    }

    /// A field; `None` if the object has none of that name.
    pub(super) fn field(self, name: &str) -> Option<View<'a>> {
        self.value.get(name).map(|value| View::new(value, self.seen))
    }

    /// A field that is several levels down: `["spec", "tls"]`.
    pub(super) fn at<const N: usize>(self, path: [&str; N]) -> Option<View<'a>> {
        path.into_iter().try_fold(self, |view, name| view.field(name))
    }

    /// The items of a list; nothing for anything else.
    pub(super) fn items(self) -> impl Iterator<Item = View<'a>> {
        let items = self.value.as_array().map(Vec::as_slice).unwrap_or_default();
        items.iter().map(move |item| View::new(item, self.seen))
    }

    /// The items of a list in a field; nothing if there is no such field.
    pub(super) fn list(self, name: &str) -> impl Iterator<Item = View<'a>> {
        self.field(name).into_iter().flat_map(View::items)
    }

    /// The entries of a map.
    pub(super) fn entries(self) -> impl Iterator<Item = (&'a str, View<'a>)> {
        let entries = self.value.as_object().into_iter().flatten();
        entries.map(move |(name, value)| (name.as_str(), View::new(value, self.seen)))
    }

    pub(super) fn as_text(self) -> Option<&'a str> {
        self.value.as_str()
    }

    pub(super) fn text(self, name: &str) -> Option<&'a str> {
        self.field(name)?.as_text()
    }

    /// A text that is not empty: an empty one is as good as none, as everywhere in Istio.
    pub(super) fn filled(self, name: &str) -> Option<&'a str> {
        self.text(name).filter(|text| !text.is_empty())
    }

    /// A length of time that is not empty, as Envoy reads it: in seconds alone.
    pub(super) fn duration(self, name: &str) -> Option<String> {
        self.filled(name).map(seconds)
    }

    pub(super) fn number(self, name: &str) -> Option<u64> {
        self.field(name)?.value.as_u64()
    }

    pub(super) fn port(self, name: &str) -> Option<u16> {
        self.number(name).and_then(|number| u16::try_from(number).ok())
    }

    pub(super) fn flag(self, name: &str) -> bool {
        self.field(name).is_some_and(|view| view.value.as_bool() == Some(true))
    }

    /// The texts of a list.
    pub(super) fn texts(self, name: &str) -> Vec<&'a str> {
        self.list(name).filter_map(View::as_text).collect()
    }

    /// The value as it is, all of it read.
    pub(super) fn whole(self) -> &'a Value {
        self.mark_all(self.value);
        self.value
    }

    fn mark_all(self, value: &'a Value) {
        self.seen.mark(value);
        match value {
            Value::Object(fields) => fields.values().for_each(|value| self.mark_all(value)),
            Value::Array(items) => items.iter().for_each(|item| self.mark_all(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

/// `1m30s` is `90s`, and `250ms` is `0.250s`. What is no length of time stays, for Envoy to refuse.
fn seconds(text: &str) -> String {
    let Ok(duration) = text.parse::<Duration>() else { return text.to_owned() };
    let (whole, rest) = (duration.length().as_secs(), duration.length().subsec_nanos());
    match rest {
        0 => format!("{whole}s"),
        _ if rest % 1_000_000 == 0 => format!("{whole}.{:03}s", rest / 1_000_000),
        _ if rest % 1_000 == 0 => format!("{whole}.{:06}s", rest / 1_000),
        _ => format!("{whole}.{rest:09}s"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lengths_of_time_are_in_seconds() {
        for (written, expected) in
            [("7s", "7s"), ("1m30s", "90s"), ("250ms", "0.250s"), ("1.5s", "1.500s"), ("0s", "0s"), ("soon", "soon")]
        {
            assert_eq!(seconds(written), expected);
        }
    }

    #[test]
    fn what_was_not_read_is_named() {
        let object = json!({"a": {"b": 1, "c": [{"d": "x"}, {"e": {"f": true}}]}, "g": [1, 2]});
        let seen = Seen::default();
        let view = View::new(&object, &seen);
        assert_eq!(seen.unread(&object), ["a", "g"]);
        assert_eq!(view.at(["a", "b"]).and_then(|b| b.whole().as_u64()), Some(1));
        let items: Vec<_> = view.field("a").into_iter().flat_map(|a| a.list("c")).collect();
        assert_eq!(items.first().and_then(|item| item.text("d")), Some("x"));
        assert_eq!(seen.unread(&object), ["a.c[1].e", "g"]);
        view.field("g").map(View::whole);
        assert_eq!(seen.unread(&object), ["a.c[1].e"]);
    }
}
