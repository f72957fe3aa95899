//! Labels by which gateways are chosen.

use crate::code::Code;
use crate::diagnostic::{Sink, Span, UnplacedDiagnostic};
use crate::value::labels;
use crate::wording::quoted;
use crate::yaml::tree::{Node, ScalarType, Value};

/// Reports values that are not strings, or no values of labels. Names are the user's own: no object gets them.
pub(super) fn check(labels: &Node, sink: &mut Sink) {
    for entry in labels.entries() {
        match &entry.value.value {
            Value::Scalar(scalar) if scalar.resolve() == ScalarType::Text => {
                if let Some(flaw) = labels::check_label_value(&scalar.text) {
                    sink.report(entry.value.span, flaw);
                }
            }
            Value::Refused => {}
            Value::Scalar(_) | Value::Sequence(_) | Value::Mapping(_) => {
                let message = format!("the label {} has a value that is not a string", quoted(&entry.key.name));
                let start = Span { start: entry.value.span.start, end: entry.value.span.start };
                sink.report(start, UnplacedDiagnostic::new(Code::ObjectLabel, message).help("write it in quotes"));
            }
        }
    }
}
