//! Headers that the gateway keeps, removes or sets.

use super::{checked_text, default_text, kind};
use crate::code::Code;
use crate::diagnostic::UnplacedDiagnostic;
use crate::wording::quoted;
use sallyport_core::outbound::reserved::Reserved;
use sallyport_core::request::is_token_byte;
use sallyport_core::wire::TextKind;

checked_text!(
    /// The name of a header that may be removed, kept or set, in lower case.
    HeaderName,
    check_name,
    TextKind { pattern: Some("^[a-z0-9!#$%&'*+.^_`|~-]+$"), ..kind::<Self>("header name") }
);

checked_text!(
    /// What stands before a secret in a header's value; it may be empty.
    HeaderPrefix,
    check_prefix,
    TextKind { pattern: Some("^([!-~][ -~]*)?$"), may_be_empty: true, ..kind::<Self>("beginning of a header value") }
);

default_text!(HeaderPrefix);

fn check_name(text: &str) -> Option<UnplacedDiagnostic> {
    let flaw = |problem: &str| UnplacedDiagnostic::new(Code::HeaderName, format!("{} {problem}", quoted(text)));
    if text.len() > 256 || !text.bytes().all(is_token_byte) {
        return Some(flaw("is not the name of a header").help("write one name, without `:` and without its value"));
    }
    if let Some(reserved) = Reserved::of(text) {
        let help = if text == "host" { "write it in `upstream.authority`" } else { reserved.help() };
        return Some(flaw(reserved.problem()).help(help));
    }
    let lower = text.to_ascii_lowercase();
    (lower != text).then(|| flaw("is not in lower case").help(format!("write {}", quoted(&lower))))
}

fn check_prefix(text: &str) -> Option<UnplacedDiagnostic> {
    let good = text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && !text.starts_with(' ');
    (!good).then(|| {
        UnplacedDiagnostic::new(Code::HeaderPrefix, format!("{} cannot begin the value of a header", quoted(text)))
            .help("write visible ASCII and spaces, without a space at the beginning: `Bearer `")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sallyport_core::outbound::reserved::{OF_THE_GATE, OF_THE_REQUEST};

    #[test]
    fn what_stands_before_a_credential() {
        for good in ["", "Bearer ", "100% ", "Token token=\"", "a  b"] {
            assert!(good.parse::<HeaderPrefix>().is_ok(), "{good}");
        }
        let control = (0..b' ').chain([0x7f]).map(|byte| format!("Bearer{}", char::from(byte)));
        for bad in control.chain(["Bearer é", " Bearer", " "].map(str::to_owned)) {
            assert!(bad.parse::<HeaderPrefix>().is_err(), "{bad}");
        }
    }

    /// What the core calls reserved no list of a file may have, in any spelling.
    #[test]
    fn reserved_headers() {
        for name in OF_THE_REQUEST.iter().chain(&OF_THE_GATE) {
            for spelling in [(*name).to_owned(), name.replace('-', "_"), name.to_ascii_uppercase()] {
                let reserved = Reserved::of(name).expect("it is in the list");
                let message = format!("{} {}", quoted(&spelling), reserved.problem());
                let help = if spelling == "host" { "write it in `upstream.authority`" } else { reserved.help() };
                let refused = UnplacedDiagnostic::new(Code::HeaderName, message).help(help);
                assert_eq!(check_name(&spelling), Some(refused), "{spelling}");
            }
        }
    }
}
