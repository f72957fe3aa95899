//! What was meant by a value of the wrong type, as it would be written.

use super::answer::all_below;
use super::unknown::{pair, sole};
use super::words::{ADDRESS, What, address_and_port, first_named, instead_of, plain};
use crate::parse::cross::CLIENT;
use crate::value::FromText;
use crate::value::duration::Duration;
use crate::value::file_path::CERTIFICATES;
use crate::yaml::tree::{Entry, Node, Scalar, Value};
use sallyport_core::dns::is_label;
use sallyport_core::wire::{Block, Field, Presence, Shape};
use std::net::IpAddr;

/// What to write instead, if the value shows it.
pub(super) fn meant(shape: &Shape, what: What<'_>, found: &Value) -> Option<String> {
    let field = what.field;
    match (shape, found) {
        (Shape::List(Shape::Block(block)), Value::Mapping(entries)) => of_entries(block, field, entries),
        (Shape::List(Shape::Block(block)), Value::Scalar(scalar)) => {
            of_text(block, scalar).map(|one| format!("write a list: `{field}: [{one}]`"))
        }
        (Shape::Block(block), Value::Scalar(scalar)) => {
            of_text(block, scalar).map(|one| format!("write a mapping: `{one}`"))
        }
        (Shape::Block(block), Value::Sequence(items)) => of_items(block, items),
        (Shape::Text(_), Value::Sequence(items)) => one_of(what, items),
        (Shape::Text(_), Value::Mapping(_)) if field == "serviceAccounts" => account(found),
        (Shape::Text(_), Value::Mapping(entries)) if matches!(field, "path" | "paths") => path(what, entries),
        _ => None,
    }
}

/// A list of mappings of which only one is there, or whose names and values are.
fn of_entries(block: &'static Block, field: &str, entries: &[Entry]) -> Option<String> {
    let names: Vec<&str> = entries.iter().map(|entry| entry.key.name.as_str()).collect();
    if let Some((wrapper, inner)) = sole(block)
        && !names.is_empty()
        && names.iter().all(|name| inner.field(name).is_some())
    {
        let inside: Vec<_> = names.iter().map(|name| format!("{name}: ...")).collect();
        return Some(format!("write `{field}: [{{{}: {{{}}}}}]`", wrapper.name, inside.join(", ")));
    }
    let is_item = names.iter().any(|name| block.field(name).is_some());
    let pairs: Option<Vec<_>> = entries.iter().map(|entry| pair(block, &entry.key.name, &entry.value)).collect();
    let pairs = pairs.filter(|pairs| !is_item && (1..=3).contains(&pairs.len()))?;
    Some(format!("write `{field}: [{}]`", pairs.join(", ")))
}

/// A mapping of which only the value of one field is there.
fn of_text(block: &'static Block, scalar: &Scalar) -> Option<String> {
    let text = scalar.text.as_str();
    if block.name == "istiod" && is_label(text) {
        return Some(format!("{{namespace: {text}}}"));
    }
    if block.field(ADDRESS).is_some() {
        return address_and_port(text).map(|address| format!("{{{address}}}"));
    }
    if let Some((wrapper, inner)) = sole(block) {
        return of_text(inner, scalar).map(|inside| format!("{{{}: {inside}}}", wrapper.name));
    }
    if let Some(Field { shape: Shape::OneOf(choices), .. }) = block.field("mode") {
        let known = choices.iter().find(|choice| choice.value.eq_ignore_ascii_case(text));
        let choice = known.or_else(|| first_named(instead_of(block, "mode", text)?, choices))?;
        let is_mutual = block.name == "tls" && choice.value == "MUTUAL";
        let files = CLIENT.iter().filter(|_| is_mutual);
        let files: String = files.map(|(name, file)| format!(", {name}: {CERTIFICATES}/{file}")).collect();
        return Some(format!("{{mode: {}{files}}}", choice.value));
    }
    if let Some((name, value)) = text.split_once(':').filter(|_| block.fields.len() == 2) {
        let value = Scalar { text: value.trim().to_owned(), plain: false };
        let span = crate::diagnostic::Span { start: 0, end: 0 };
        return pair(block, name.trim(), &Node { span, value: Value::Scalar(value) });
    }
    match list_for(block, text) {
        Some(field) => Some(format!("{{{field}: [{}]}}", plain(text))),
        None => the_one(block, text).map(|field| format!("{{{field}: {}}}", plain(text))),
    }
}

/// The field that such a value is for: the only one of a block, or its only duration, where no other must be there.
fn the_one(block: &Block, text: &str) -> Option<&'static str> {
    const DURATION: &str = <Duration as FromText>::KIND.name;
    let takes = |field: &&Field| {
        let is_alone = block.fields.len() == 1;
        matches!(field.shape, Shape::Text(kind) if (is_alone || kind.name == DURATION) && (kind.check)(text).is_ok())
    };
    let fields: Vec<_> = block.fields.iter().filter(takes).collect();
    let [field] = fields.as_slice() else { return None };
    let mut others = block.fields.iter().filter(|other| other.name != field.name);
    others.all(|other| !matches!(other.presence, Presence::Required)).then_some(field.name)
}

/// The field of a source or an operation that has such values.
fn list_for(block: &Block, text: &str) -> Option<&'static str> {
    let is_network = |text: &str| text.split('/').next().is_some_and(|address| address.parse::<IpAddr>().is_ok());
    let is_account = || text.split('/').count() == 2 && !text.contains('*');
    match block.name {
        "source" if is_network(text) => Some("ipBlocks"),
        "source" if is_account() => Some("serviceAccounts"),
        "expect" if text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit()) => Some("statuses"),
        "operation" if text.starts_with('/') => Some("paths"),
        "operation" if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_uppercase()) => Some("methods"),
        _ => None,
    }
}

/// A mapping of which only one list is there.
fn of_items(block: &Block, items: &[Node]) -> Option<String> {
    let texts: Option<Vec<_>> = items.iter().map(|item| item.text().map(plain)).collect();
    let texts = texts.filter(|texts| (1..=3).contains(&texts.len()))?.join(", ");
    let is_list = |field: &&Field| matches!(field.shape, Shape::List(Shape::Text(_)));
    let lists = block.fields.iter().rev().filter(is_list);
    let lists: Vec<_> = lists.map(|field| format!("`{{{}: [{texts}]}}`", field.name)).collect();
    ((1..=2).contains(&lists.len())).then(|| format!("write {}", lists.join(", or ")))
}

/// One string, where a list of them is.
fn one_of(what: What<'_>, items: &[Node]) -> Option<String> {
    let first = plain(items.first()?.text()?);
    let field = what.field;
    let others = match (field, what.within?.name) {
        _ if items.len() == 1 => "",
        ("host", "spec" | "expose") => ", and the others in `aliases`",
        ("host", "upstream") => ", and the servers in `endpoints: [{address: ...}]`",
        _ => return None,
    };
    Some(format!("write `{field}: {first}`{others}"))
}

/// A path as a VirtualService or an Ingress matches it.
fn path(what: What<'_>, entries: &[Entry]) -> Option<String> {
    let [entry] = entries else { return None };
    let path = entry.value.text().filter(|path| path.starts_with('/'))?;
    let path = match entry.key.name.as_str() {
        "prefix" => all_below(path),
        "exact" => path.to_owned(),
        _ => return None,
    };
    let field = if what.is_item() { String::new() } else { format!("{}: ", what.field) };
    Some(format!("write `{field}{}`", plain(&path)))
}

/// A service account as Kubernetes refers to it.
fn account(found: &Value) -> Option<String> {
    let Value::Mapping(entries) = found else { return None };
    let text = |name: &str| entries.iter().find(|entry| entry.key.name == name)?.value.text();
    Some(format!("write `{}/{}`", text("namespace")?, text("name")?))
}
