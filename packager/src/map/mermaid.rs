//! The map as Mermaid text, for a README. GitHub draws no large diagram, and none is readable: so it has a limit, and says what
//! it leaves out.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use sallyport_core::wire::Stage;

use super::escape::mermaid;
use super::line::Line;
use super::model::{Gateway, Map};

/// The most links between callers and gateways.
const MOST_LINKS: usize = 60;

/// What is one node: more of it if there would be too many links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Detail {
    /// Each caller and each gateway.
    All,
    /// The callers of each namespace, and each gateway.
    Namespaces,
    /// The callers of each namespace, and the gateways of each group.
    Groups,
}

/// By the names of caller and gateway: the permissions that it stands for.
type Links = BTreeMap<(String, String), Line>;

pub(super) fn render(map: &Map) -> String {
    let (detail, links) = [Detail::All, Detail::Namespaces]
        .map(|detail| (detail, links_of(map, detail)))
        .into_iter()
        .find(|(_, links)| links.len() <= MOST_LINKS)
        .unwrap_or_else(|| (Detail::Groups, links_of(map, Detail::Groups)));
    let all = links.len();
    let mut heaviest: Vec<_> = links.into_iter().collect();
    heaviest.sort_by_key(|(_, line)| Reverse(line.count));
    heaviest.truncate(MOST_LINKS);
    let kept: Links = heaviest.into_iter().collect();
    let left_out = all.saturating_sub(kept.len());
    let shown: BTreeSet<&String> = kept.keys().map(|(_, gateway)| gateway).collect();
    let is_shown = |gateway: &Gateway| left_out == 0 || shown.contains(&name_of(map, gateway, detail));
    let without = map.gateways.iter().filter(|gateway| !is_shown(gateway)).count();

    let mut text = String::from("flowchart LR\n");
    // Writing to a String cannot fail.
    let _ = match detail {
        Detail::All => Ok(()),
        Detail::Namespaces => writeln!(text, "  %% callers by namespace: there are too many links for single ones"),
        Detail::Groups => {
            writeln!(text, "  %% callers and gateways by groups: there are too many links for single ones")
        }
    };
    let mut rest = Vec::new();
    if left_out > 0 {
        rest.push(format!("{left_out} of {all} links"));
    }
    if without > 0 {
        rest.push(format!("{without} of {} gateways", map.gateways.len()));
    }
    if !rest.is_empty() {
        let _ = writeln!(text, "  %% left out: {}", rest.join(", "));
    }
    let mut nodes = Nodes::default();
    for ((caller, gateway), line) in &kept {
        nodes.link([("c", caller), ("g", gateway)], line.class());
    }
    for gateway in map.gateways.iter().filter(|gateway| is_shown(gateway)) {
        let from = name_of(map, gateway, detail);
        let standbys = gateway.standbys.iter().map(|standby| (*standby, true));
        for (upstream, is_standby) in std::iter::once((gateway.upstream, false)).chain(standbys) {
            let Some(upstream) = map.upstreams.get(upstream) else { continue };
            let name = match detail {
                Detail::Groups => of_group(&upstream.group, "upstreams", map.upstreams.iter().map(|one| &one.group)),
                Detail::All | Detail::Namespaces => upstream.name.clone(),
            };
            nodes.link([("g", &from), ("u", &name)], if is_standby { "dashed" } else { "" });
        }
    }
    text.push_str(&nodes.render());
    if !rest.is_empty() {
        let _ = writeln!(text, "  more[\"and {}\"]", rest.join(", "));
    }
    text
}

fn links_of(map: &Map, detail: Detail) -> Links {
    let mut links = Links::new();
    for grant in &map.grants {
        let Some((caller, gateway)) = map.callers.get(grant.caller).zip(map.gateways.get(grant.gateway)) else {
            continue;
        };
        let is_in_one = detail != Detail::All && !caller.namespace.is_empty();
        let name = if is_in_one { format!("{}/*", caller.namespace) } else { caller.name.clone() };
        links.entry((name, name_of(map, gateway, detail))).or_default().grant(map, grant);
    }
    links
}

/// What the node of a gateway is called.
fn name_of(map: &Map, gateway: &Gateway, detail: Detail) -> String {
    match detail {
        Detail::Groups => of_group(&gateway.group, "gateways", map.gateways.iter().map(|one| &one.group)),
        Detail::All | Detail::Namespaces => {
            let words = gateway.stages().into_iter().filter(|stage| stage != Stage::Enforce.as_str());
            let words: Vec<_> = words.collect();
            if words.is_empty() { gateway.route.clone() } else { format!("{} ({})", gateway.route, words.join(", ")) }
        }
    }
}

fn of_group<'m>(group: &str, what: &str, all: impl Iterator<Item = &'m String>) -> String {
    format!("{group} ({} {what})", all.filter(|other| *other == group).count())
}

/// The nodes of each column by their names, and the links between them.
#[derive(Default)]
struct Nodes {
    names: BTreeMap<(&'static str, String), usize>,
    links: Vec<String>,
}

impl Nodes {
    /// Links a node of one column to one of the next; `class`: that of a [`Line`].
    fn link(&mut self, ends: [(&'static str, &String); 2], class: &str) {
        let [from, to] = ends.map(|(column, name)| {
            let next = self.names.keys().filter(|(other, _)| *other == column).count();
            let index = *self.names.entry((column, name.clone())).or_insert(next);
            format!("{column}{index}")
        });
        let arrow = match class {
            "dashed" => "-.->",
            "added" => "-. candidate adds .->",
            "removed" => "-- candidate removes -->",
            "changed" => "-- candidate changes -->",
            _ => "-->",
        };
        let link = format!("  {from} {arrow} {to}\n");
        if !self.links.contains(&link) {
            self.links.push(link);
        }
    }

    fn render(&self) -> String {
        let mut text = String::new();
        for ((column, name), index) in &self.names {
            let [open, close] = match *column {
                "c" => ["([", "])"],
                "g" => ["[", "]"],
                _ => ["[(", ")]"],
            };
            let _ = writeln!(text, "  {column}{index}{open}\"{}\"{close}", mermaid(name));
        }
        text + &self.links.concat()
    }
}
