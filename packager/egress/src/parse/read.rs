//! From what conforms to a declaration to its type.

use crate::code::Code;
use crate::diagnostic::{Severity, Sink, Span, UnplacedDiagnostic};
use crate::wording::one_line;
use sallyport_core::wire::{Json, Reader, Wire};

/// What conforms to a declaration must fit its type; if it does not, that is a defect of ours, and is reported as one.
pub(super) fn read<T: Wire>(json: &Json<'_>, span: Span, sink: &mut Sink) -> Option<T> {
    let invalid = match Reader::read(json) {
        Ok(value) => return Some(value),
        Err(invalid) => invalid,
    };
    let message = one_line(&invalid.to_string()).replace('`', "'");
    let flaw =
        UnplacedDiagnostic::new(Code::Internal, format!("the file fits the declaration but not the type: {message}"));
    let span = Span { start: span.start, end: span.start };
    sink.report(span, flaw.help("please report this as a bug in Sallyport"));
    None
}

/// Follows field names.
pub(super) fn at<'j>(json: &'j Json<'j>, names: &[&str]) -> Option<&'j Json<'j>> {
    names.iter().try_fold(json, |json, name| match json {
        Json::Map(fields) => fields.iter().find(|(key, _)| key == name).map(|(_, value)| value),
        _ => None,
    })
}

/// Whether something is wrong that makes the file unusable.
pub(super) fn has_error(sink: &Sink) -> bool {
    sink.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
}
