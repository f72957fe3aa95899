//! What can be the value of a header.

use crate::problem::{Flaw, PolicyCode};
use crate::text::Escaped;

/// Whether a header can be sent with this value; what is wrong with it otherwise.
pub(crate) fn check(text: &str) -> Result<(), Flaw> {
    let is_printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if text.is_empty() || !is_printable || text.trim_ascii() != text {
        let flaw =
            Flaw::new(PolicyCode::HeaderTemplate, format_args!("`{}` cannot be the value of a header", Escaped(text)));
        return Err(flaw.help(format_args!("write visible ASCII, without spaces at its ends")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visible_ascii_with_spaces_inside() {
        for good in ["a", "Mozilla/5.0 (X11; Linux)", "~!\"%{}", "a  b"] {
            assert!(check(good).is_ok(), "{good:?}");
        }
        let control = (0..b' ').chain([0x7f]).map(|byte| format!("a{}b", char::from(byte)));
        for bad in control.chain(["", " ", " a", "a ", "\u{e9}", "a\u{a0}b"].map(str::to_owned)) {
            assert!(check(&bad).is_err(), "{bad:?}");
        }
    }
}
