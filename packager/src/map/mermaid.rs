//! The map as Mermaid text, for a README. GitHub draws no large diagram, and none is readable: so it has a limit, and says what
//! it leaves out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::escape::mermaid;
use super::model::Map;

/// The most links between callers and gateways.
const MOST_LINKS: usize = 60;

/// A link between two names, and whether all that it stands for is in shadow mode.
type Links = BTreeMap<(String, String), bool>;

pub(super) fn render(map: &Map) -> String {
    let (links, is_by_namespace) = links_of(map);
    let all = links.len();
    let kept: Links = links.into_iter().take(MOST_LINKS).collect();
    let left_out = all.saturating_sub(kept.len());
    let mut callers = Ids { letter: 'c', names: BTreeMap::new() };
    let mut gateways = Ids { letter: 'g', names: BTreeMap::new() };
    let mut upstreams = Ids { letter: 'u', names: BTreeMap::new() };
    let mut lines = Vec::new();
    let named: BTreeSet<&String> = kept.keys().map(|(_, gateway)| gateway).collect();
    let shown = |route: &String| left_out == 0 || named.contains(route);
    for ((caller, gateway), is_shadow) in &kept {
        let arrow = if *is_shadow { "-.->" } else { "-->" };
        lines.push(format!("  {} {arrow} {}", callers.of(caller), gateways.of(gateway)));
    }
    let mut without = 0_usize;
    for gateway in &map.gateways {
        if !shown(&gateway.route) {
            without = without.saturating_add(1);
            continue;
        }
        let from = gateways.of(&gateway.route);
        let routes =
            std::iter::once((gateway.upstream, "-->")).chain(gateway.standbys.iter().map(|one| (*one, "-.->")));
        for (upstream, arrow) in routes {
            let Some(upstream) = map.upstreams.get(upstream) else { continue };
            lines.push(format!("  {from} {arrow} {}", upstreams.of(&upstream.name)));
        }
    }
    let mut text = String::from("flowchart LR\n");
    if is_by_namespace {
        text.push_str("  %% callers by namespace: there are too many links for single ones\n");
    }
    if left_out > 0 {
        // Writing to a String cannot fail.
        let _ =
            writeln!(text, "  %% left out: {left_out} of {all} links, {without} of {} gateways", map.gateways.len());
    }
    callers.write(&mut text, ["([", "])"]);
    gateways.write(&mut text, ["[", "]"]);
    upstreams.write(&mut text, ["[(", ")]"]);
    for line in lines {
        text.push_str(&line);
        text.push('\n');
    }
    if left_out > 0 {
        let _ = writeln!(text, "  more[\"and {left_out} links, {without} gateways\"]");
    }
    text
}

/// The links, and whether they are by namespace, as there are too many callers.
fn links_of(map: &Map) -> (Links, bool) {
    let links = |by_namespace: bool| {
        let mut links = Links::new();
        for grant in &map.grants {
            let Some((caller, gateway)) = map.callers.get(grant.caller).zip(map.gateways.get(grant.gateway)) else {
                continue;
            };
            let is_in_one = by_namespace && !caller.namespace.is_empty();
            let name = if is_in_one { format!("{}/*", caller.namespace) } else { caller.name.clone() };
            *links.entry((name, gateway.route.clone())).or_insert(true) &= grant.is_shadow;
        }
        links
    };
    let single = links(false);
    if single.len() <= MOST_LINKS { (single, false) } else { (links(true), true) }
}

/// The ids of the nodes of one column.
struct Ids {
    letter: char,
    names: BTreeMap<String, usize>,
}

impl Ids {
    fn of(&mut self, name: &str) -> String {
        let next = self.names.len();
        let index = *self.names.entry(name.to_owned()).or_insert(next);
        format!("{}{index}", self.letter)
    }

    fn write(&self, text: &mut String, [open, close]: [&str; 2]) {
        for (name, index) in &self.names {
            let _ = writeln!(text, "  {}{index}{open}\"{}\"{close}", self.letter, mermaid(name));
        }
    }
}
