//! `exportTo` of VirtualServices, DestinationRules and ServiceEntries.

use super::Refusals;
use crate::import::Kind;
use crate::wording::{has_variable, quoted};
use std::collections::HashSet;

impl Refusals<'_> {
    pub(super) fn export(&mut self) {
        let manifest = self.manifest;
        let items = manifest.spec().items_at(&["exportTo"]);
        let is_entry = manifest.kind == Kind::ServiceEntry;
        let is_alone = items.len() == 1;
        let mut before = HashSet::new();
        for (item, text) in items.iter().filter_map(|item| Some((item, item.text()?))) {
            match text {
                "*" if !is_alone => {
                    self.add(item, "Istio refuses `*` beside other namespaces", "write `[\"*\"]`, or only the others");
                }
                "~" if !is_entry => {
                    let message = "Istio exports only a ServiceEntry to nobody";
                    self.add(item, message, "write `\".\"` for this namespace alone");
                }
                "~" if !is_alone => {
                    self.add(item, "Istio refuses `~` beside namespaces", "write `[\"~\"]`, or only the others");
                }
                "." | "*" | "~" => {}
                text if has_variable(text) => {}
                text if !is_label(text) => {
                    let message = format!("{} is not the name of a namespace", quoted(text));
                    self.add(item, message, "write whole names, each as an item, or `\".\"` or `\"*\"`");
                }
                _ => {}
            }
            let named = if text == "." { manifest.namespace.as_str() } else { text };
            if !before.insert(named) {
                self.add(item, format!("{} is in the list twice", quoted(text)), "remove one of the two");
            }
        }
    }
}

fn is_label(text: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.starts_with(is_letter) && text.ends_with(is_letter) && text.chars().all(|c| is_letter(c) || c == '-')
}
