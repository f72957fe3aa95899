//! The manual: one page per code.
//!
//! A page is Markdown. Its first paragraph says what the code means; then it says why that matters, shows a `Bad:` and a
//! `Good:` example, and ends with what to do.

use crate::code::Code;
use crate::lint;

/// The page of a code, without a final line break.
#[must_use]
pub fn page(code: Code) -> String {
    let page = code.page().map(str::to_owned).or_else(|| lint::page(code));
    page.unwrap_or_default().trim_end().to_owned()
}

/// The first paragraph of a code's page, in one line.
#[must_use]
pub fn summary(code: Code) -> String {
    page(code).lines().take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The known code of the same group that was probably meant: it differs by one character. `O` and `0` are the same, as are `I`
/// and `1`.
#[must_use]
pub fn closest(wanted: &str) -> Option<Code> {
    let wanted = wanted.trim().to_ascii_uppercase().replace('O', "0").replace('I', "1");
    let group = wanted.get(..4)?;
    let all = Code::all().into_iter().filter(|code| wanted.len() <= 8 && code.as_str().starts_with(group));
    let distances = all.map(|code| (strsim::damerau_levenshtein(&wanted, code.as_str()), code));
    distances.min().filter(|(distance, _)| *distance <= 1).map(|(_, code)| code)
}

/// The address of a code's page, for formats that want one: an absolute URI that needs no host, as the page is in the
/// program. What follows the scheme is the question that `sallyport check` answers.
#[must_use]
pub fn uri(code: Code) -> String {
    format!("sallyport:explain/{code}")
}

/// The groups of codes, by the first two digits of their numbers.
const GROUPS: [(&str, &str); 26] = [
    ("SP00", "Files: text"),
    ("SP01", "Files: YAML"),
    ("SP02", "Files: structure"),
    ("SP03", "Files: values"),
    ("SP04", "Files: tokens (JWT)"),
    ("SP05", "Files: several together"),
    ("SP06", "Files: cases"),
    ("SP07", "Files: candidates and rollouts"),
    ("SP10", "Policy: as a whole"),
    ("SP11", "Policy: rules"),
    ("SP12", "Policy: callers"),
    ("SP13", "Policy: operations"),
    ("SP14", "Policy: conditions"),
    ("SP15", "Policy: health gate"),
    ("SP16", "Policy: headers and traces"),
    ("SP20", "Lints of Egress files: several together"),
    ("SP21", "Lints of Egress files: rules"),
    ("SP22", "Lints of Egress files: TLS and what leaves the mesh"),
    ("SP23", "Lints of Egress files: retries, health gate, gateway"),
    ("SP24", "Lints of Mesh files"),
    ("SP25", "Lints of Istio manifests"),
    ("SP26", "Lints of Istio manifests: several together"),
    ("SP30", "The filter's image"),
    ("SP90", "The `sallyport` command"),
    ("SP91", "Building manifests"),
    ("SP92", "Silenced warnings"),
];

/// Every code, by group: the title of the group and its codes in order.
pub fn groups() -> impl Iterator<Item = (&'static str, Vec<Code>)> {
    let all = Code::all();
    GROUPS.into_iter().map(move |(prefix, title)| {
        let codes = all.iter().copied().filter(|code| code.as_str().starts_with(prefix));
        (title, codes.collect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::reader::MOST_NODES;
    use sallyport_core::policy::MAX_RULES;

    #[test]
    fn a_code_is_suggested_only_if_one_character_differs() {
        assert_eq!(closest(" sp11O2").map(Code::as_str), Some("SP1102"));
        for wanted in ["SP9999", "SP9299", "SP99", "", "S", "0299", "é", "SPé1", &"SP0299".repeat(100)] {
            assert_eq!(closest(wanted), None, "{wanted}");
        }
    }

    #[test]
    fn pages_name_the_limits_that_hold() {
        for (number, limit) in [("SP0110", MOST_NODES), ("SP0110", MAX_RULES), ("SP1004", MAX_RULES)] {
            let page = Code::parse(number).map(page).unwrap_or_default().replace(',', "");
            let named = page.split(|c: char| !c.is_ascii_digit()).any(|word| word == limit.to_string());
            assert!(named, "{number} does not name {limit}: {page}");
        }
    }

    #[test]
    fn every_code_is_in_one_group() {
        let grouped: Vec<_> = groups().flat_map(|(_, codes)| codes).collect();
        assert_eq!(grouped, Code::all());
    }
}
