//! Headers of cases that are written as people write headers.

use crate::code::Code;
use crate::diagnostic::{Sink, UnplacedDiagnostic};
use crate::model::cases::{CaseHeader, ExpectHeader};
use crate::wording::quoted;
use crate::yaml::tree::{Node, Value};

/// Reports each `NAME: VALUE` in the place of a header once, and leaves nothing of it to report. The reader has bounded the
/// depth.
pub(crate) fn refuse_pairs(node: &mut Node, sink: &mut Sink) {
    match &mut node.value {
        Value::Sequence(items) => items.iter_mut().for_each(|item| refuse_pairs(item, sink)),
        Value::Mapping(entries) => {
            for entry in entries {
                match &mut entry.value.value {
                    Value::Sequence(items) if entry.key.name == "headers" => {
                        items.iter_mut().for_each(|item| refuse_pair(item, sink));
                    }
                    _ => refuse_pairs(&mut entry.value, sink),
                }
            }
        }
        Value::Scalar(_) | Value::Refused => {}
    }
}

fn refuse_pair(item: &mut Node, sink: &mut Sink) {
    let is_field = |name: &str| CaseHeader::BLOCK.field(name).or(ExpectHeader::BLOCK.field(name)).is_some();
    let [entry] = item.entries() else { return };
    let Some(value) = entry.value.text().filter(|_| !is_field(&entry.key.name)) else { return };
    let written = quoted(&format!("{{name: {}, value: {value}}}", entry.key.name));
    let flaw = UnplacedDiagnostic::new(Code::UnknownField, "a header is written with the fields `name` and `value`");
    sink.report(entry.key.span, flaw.help(format!("write {written}")));
    item.value = Value::Refused;
}
