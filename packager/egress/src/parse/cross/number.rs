//! Limits on the length of lists.

use crate::code::Code;
use crate::diagnostic::{Sink, UnplacedDiagnostic};
use crate::yaml::tree::Node;

/// Each entry of such a list becomes objects or routes of the gateway, so that their number has a limit.
pub(super) fn check_number(items: &[Node], name: &str, most: usize, code: Code, sink: &mut Sink) {
    if let Some(beyond) = items.get(most) {
        let flaw = UnplacedDiagnostic::new(code, format!("`{name}` has {} entries", items.len()));
        sink.report(beyond.span, flaw.help(format!("write at most {most}, and an Egress of its own for what is left")));
    }
}
