//! Where a server is.

use super::{checked_text, kind};
use crate::code::Code;
use crate::diagnostic::UnplacedDiagnostic;
use crate::wording::quoted;
use sallyport_core::wire::TextKind;

checked_text!(
    /// A region, and perhaps a zone and a subzone: `REGION/ZONE/SUBZONE`.
    Locality,
    check_locality,
    TextKind { pattern: Some("^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+){0,2}$"), ..kind::<Self>("locality") }
);

fn check_locality(text: &str) -> Option<UnplacedDiagnostic> {
    let is_part = |part: &str| {
        !part.is_empty()
            && part.len() <= 63
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    let good = text.split('/').count() <= 3 && text.split('/').all(is_part);
    (!good).then(|| {
        UnplacedDiagnostic::new(Code::Locality, format!("{} is not a locality", quoted(text)))
            .help("write a region, and perhaps a zone and a subzone: `eu-west-1/eu-west-1a`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_zones_and_subzones() {
        for good in ["eu-west-1", "eu-west-1/eu-west-1a", "eu/a/rack_1.2"] {
            assert_eq!(check_locality(good), None, "{good}");
        }
        for bad in ["/a", "a/", "a//b", "a/b/c/d", "a b", "a/*", "é"] {
            assert!(check_locality(bad).is_some(), "{bad}");
        }
    }
}
