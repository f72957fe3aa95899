//! The map as a picture, for a README: without scripts, light or dark as its reader's system is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::escape::xml;
use super::json::whole;
use super::model::{Gateway, Map};
use super::observed::{Health, Observation};
use super::rows::{Row, rows};

/// How it looks; nothing else in the picture says so.
pub(super) const STYLE: &str = "\
.map{--ink:#1b2430;--soft:#556170;--paper:#fff;--line:#7d8b9c;--box:#f2f5f9;--edge:#8292a8;--warn:#8a4b00;--bad:#b3261e;--good:#14703f}\
@media(prefers-color-scheme:dark){.map{--ink:#e6ebf1;--soft:#a9b5c3;--paper:#12171e;--line:#76869a;--box:#1d2530;--edge:#4a5a6d;\
--warn:#f0b35a;--bad:#ff8a80;--good:#6fd39b}}\
.map{font:12px system-ui,sans-serif;fill:var(--ink)}.map .paper{fill:var(--paper)}.map .box{fill:var(--box);stroke:var(--edge)}\
.map .group{stroke-dasharray:none;stroke-width:2}.map .head{font-weight:600;fill:var(--soft)}.map .title{font-size:14px;font-weight:600}\
.map .link{fill:none;stroke:var(--line);opacity:.65}.map .would,.map .standby{stroke-dasharray:4 3}\
.map .warn{fill:var(--warn)}.map .bad{fill:var(--bad)}.map .good{fill:var(--good)}.map .soft{fill:var(--soft)}\
.map .count{font-size:10px;fill:var(--soft);stroke:var(--paper);stroke-width:3px;paint-order:stroke}";

const WIDTH: usize = 1040;
const NODE: usize = 260;
/// How far the nodes of a group begin behind its name.
const INDENT: usize = 14;
/// Where each column begins.
const COLUMNS: [usize; 3] = [10, 390, 770];
const ROW: usize = 28;
const TOP: usize = 58;
/// Letters that fit into a node, and into a node beside a word about it.
const FIT: usize = 36;
const FIT_WITH_WORD: usize = 24;

/// The middle of a row.
fn middle(row: usize) -> usize {
    row.saturating_mul(ROW).saturating_add(TOP).saturating_add(ROW / 2)
}

/// The rows of one column, and in which of them each node is.
struct Column<'m> {
    /// Where it begins.
    x: usize,
    rows: Vec<Row<'m>>,
    of_node: BTreeMap<usize, usize>,
}

impl<'m> Column<'m> {
    fn new(x: usize, groups: &[&'m str]) -> Self {
        let rows = rows(groups);
        let mut of_node = BTreeMap::new();
        for (row, what) in rows.iter().enumerate() {
            match what {
                Row::Head(_) => {}
                Row::Node(node) | Row::Member(node) => {
                    of_node.insert(*node, row);
                }
                Row::Group(_, nodes) => of_node.extend(nodes.iter().map(|node| (*node, row))),
            }
        }
        Column { x, rows, of_node }
    }

    /// Where the row of a node begins, and its middle.
    fn place(&self, node: usize) -> Option<(usize, usize)> {
        let row = self.of_node.get(&node)?;
        let by = if matches!(self.rows.get(*row), Some(Row::Member(_))) { INDENT } else { 0 };
        Some((self.x.saturating_add(by), middle(*row)))
    }
}

pub(super) fn render(map: &Map, observation: Option<&Observation>) -> String {
    let [callers, gateways, upstreams] = columns(map);
    let most = [&callers, &gateways, &upstreams].map(|column| column.rows.len()).into_iter().max().unwrap_or(0);
    let height = middle(most).saturating_add(4);
    let about =
        format!("{} callers, {} gateways, {} upstreams", map.callers.len(), map.gateways.len(), map.upstreams.len());
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"map\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" role=\"img\" aria-label=\"Map: {about}\"><style>{STYLE}</style>\
         <rect class=\"paper\" width=\"{WIDTH}\" height=\"{height}\"/>\n"
    );
    for (x, name, count) in [
        (callers.x, "Callers", map.callers.len()),
        (gateways.x, "Gateways", map.gateways.len()),
        (upstreams.x, "Upstreams", map.upstreams.len()),
    ] {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "<text class=\"title\" x=\"{x}\" y=\"28\">{name} ({count})</text>");
    }
    text.push_str(&legend(map, observation));
    text.push_str(&links(map, &callers, &gateways, &upstreams));
    let caller =
        |node: usize, by: usize| map.callers.get(node).map(|one| node_of([callers.x, by], &one.name, None, ""));
    text.push_str(&boxes(&callers, caller));
    let gateway =
        |node: usize, by: usize| map.gateways.get(node).map(|one| gateway_of([gateways.x, by], one, observation));
    text.push_str(&boxes(&gateways, gateway));
    text.push_str(&words_of_groups(map, &gateways, observation));
    if let Some(all) = observation {
        text.push_str(&traffic(map, &gateways, all));
    }
    let upstream = |node: usize, by: usize| {
        map.upstreams.get(node).map(|one| node_of([upstreams.x, by], &one.name, None, &one.protocol))
    };
    text.push_str(&boxes(&upstreams, upstream));
    text.push_str("</svg>\n");
    text
}

fn columns(map: &Map) -> [Column<'_>; 3] {
    let [one, two, three] = COLUMNS;
    let callers: Vec<_> = map.callers.iter().map(|caller| caller.group.as_str()).collect();
    let gateways: Vec<_> = map.gateways.iter().map(|gateway| gateway.group.as_str()).collect();
    let upstreams: Vec<_> = map.upstreams.iter().map(|upstream| upstream.group.as_str()).collect();
    [Column::new(one, &callers), Column::new(two, &gateways), Column::new(three, &upstreams)]
}

fn legend(map: &Map, observation: Option<&Observation>) -> String {
    let mut words = Vec::new();
    if map.grants.iter().any(|grant| grant.is_shadow) || map.gateways.iter().any(|gateway| !gateway.standbys.is_empty())
    {
        words.push("dashed: counted only, or a standby".to_owned());
    }
    if let Some(all) = observation {
        let since = match (&all.window, &all.as_of) {
            (Some(window), Some(as_of)) => format!("in {window} until {as_of}"),
            _ => "since the pods started".to_owned(),
        };
        words.push(format!("at the right of a gateway: requests allowed · refused, {since}"));
        if !all.warnings.is_empty() {
            words.push("some of the data is missing".to_owned());
        }
    }
    format!("<text class=\"soft\" x=\"10\" y=\"48\">{}</text>\n", xml(&words.join(" · ")))
}

/// By the places of both ends: how many there are, and whether all are dashed.
type Links = BTreeMap<((usize, usize), (usize, usize)), (usize, bool)>;

/// The links between rows: as wide as there are many, dashed if all of them are.
fn links(map: &Map, callers: &Column<'_>, gateways: &Column<'_>, upstreams: &Column<'_>) -> String {
    let mut calls: Links = BTreeMap::new();
    for grant in &map.grants {
        let Some(ends) = callers.place(grant.caller).zip(gateways.place(grant.gateway)) else { continue };
        let (count, is_shadow) = calls.entry(ends).or_insert((0, true));
        *count = count.saturating_add(1);
        *is_shadow &= grant.is_shadow;
    }
    let mut routes: Links = BTreeMap::new();
    for (node, gateway) in map.gateways.iter().enumerate() {
        let standbys = gateway.standbys.iter().map(|standby| (*standby, true));
        for (upstream, is_standby) in std::iter::once((gateway.upstream, false)).chain(standbys) {
            let Some(ends) = gateways.place(node).zip(upstreams.place(upstream)) else { continue };
            let (count, only_standbys) = routes.entry(ends).or_insert((0, true));
            *count = count.saturating_add(1);
            *only_standbys &= is_standby;
        }
    }
    let mut text = String::new();
    for (from, links, class) in [(callers, calls, "would"), (gateways, routes, "standby")] {
        let start = from.x.saturating_add(NODE);
        for (((_, y1), (end, y2)), (count, is_dashed)) in links {
            let half = start.midpoint(end);
            let class = if is_dashed { class } else { "" };
            let width = f64::from(u32::try_from(count).unwrap_or(u32::MAX)).log2().min(5.0) + 1.0;
            let _ = writeln!(
                text,
                "<path class=\"link {class}\" stroke-width=\"{width:.1}\" d=\"M{start} {y1}C{half} {y1} {half} {y2} {end} {y2}\"/>"
            );
        }
    }
    text
}

fn boxes(column: &Column<'_>, node: impl Fn(usize, usize) -> Option<String>) -> String {
    let mut text = String::new();
    for (row, shown) in column.rows.iter().enumerate() {
        let y = middle(row);
        let inner = match shown {
            Row::Head(name) => {
                format!("<text class=\"head\" x=\"{}\" y=\"6\">{}</text>", column.x, xml(&cut(name, FIT)))
            }
            Row::Group(name, nodes) => group_of(column.x, &format!("{name} ({})", nodes.len())),
            Row::Node(index) => node(*index, 0).unwrap_or_default(),
            Row::Member(index) => node(*index, INDENT).unwrap_or_default(),
        };
        let _ = writeln!(text, "<g transform=\"translate(0 {y})\">{inner}</g>");
    }
    text
}

/// How many gateways of a group are down, or in another stage than the last.
fn words_of_groups(map: &Map, gateways: &Column<'_>, observation: Option<&Observation>) -> String {
    let x = gateways.x.saturating_add(NODE).saturating_sub(10);
    let mut text = String::new();
    for (row, shown) in gateways.rows.iter().enumerate() {
        let Row::Group(_, nodes) = shown else { continue };
        let members: Vec<_> = nodes.iter().filter_map(|node| map.gateways.get(*node)).collect();
        let is_down = |gateway: &&&Gateway| observation.is_some_and(|all| all.health(gateway) == Health::Down);
        let down = members.iter().filter(is_down).count();
        let stages: BTreeSet<_> = members.iter().map(|one| one.stage()).filter(|stage| *stage != "enforce").collect();
        let staged = members.iter().filter(|one| one.stage() != "enforce").count();
        let (class, word) = match stages.first() {
            _ if down > 0 => ("bad", format!("{down} down")),
            Some(stage) if stages.len() == 1 => ("warn", format!("{staged} {stage}")),
            Some(_) => ("warn", format!("{staged} in rollout")),
            None => continue,
        };
        let y = middle(row).saturating_add(4);
        let _ = writeln!(text, "<text class=\"{class}\" x=\"{x}\" y=\"{y}\" text-anchor=\"end\">{word}</text>");
    }
    text
}

/// What the gateways of each row let through and refuse, beside the row.
fn traffic(map: &Map, gateways: &Column<'_>, all: &Observation) -> String {
    let x = gateways.x.saturating_add(NODE).saturating_add(6);
    let mut text = String::new();
    for (row, shown) in gateways.rows.iter().enumerate() {
        let nodes: &[usize] = match shown {
            Row::Head(_) => continue,
            Row::Node(node) | Row::Member(node) => std::slice::from_ref(node),
            Row::Group(_, nodes) => nodes,
        };
        let observed = nodes.iter().filter_map(|node| all.of(map.gateways.get(*node)?));
        let counts = observed.map(|observed| (observed.allowed, observed.all_refused()));
        let Some((allowed, refused)) = counts.reduce(|one, two| (one.0 + two.0, one.1 + two.1)) else { continue };
        let y = middle(row).saturating_sub(5);
        let (allowed, refused) = (short(allowed), short(refused));
        let _ = writeln!(text, "<text class=\"count\" x=\"{x}\" y=\"{y}\">{allowed} · {refused}</text>");
    }
    text
}

/// `950`, `12.3k`, `4.0M`. The page writes its counts so, too.
fn short(count: f64) -> String {
    match count {
        count if count < 999.5 => format!("{count:.0}"),
        count if count < 999_950.0 => format!("{:.1}k", count / 1e3),
        count => format!("{:.1}M", count / 1e6),
    }
}

fn group_of(x: usize, name: &str) -> String {
    let (inside, name) = (x.saturating_add(10), xml(&cut(name, FIT)));
    format!(
        "<rect class=\"box group\" x=\"{x}\" y=\"-11\" width=\"{NODE}\" height=\"22\" rx=\"4\"/>\
         <text class=\"head\" x=\"{inside}\" y=\"4\">{name}</text>"
    )
}

/// A box with a name and a word about it; the title has all of it. The place is the column's, and how far behind it begins.
fn node_of([x, by]: [usize; 2], name: &str, word: Option<(&str, &str)>, more: &str) -> String {
    let (begin, end) = (x.saturating_add(by), x.saturating_add(NODE).saturating_sub(10));
    let (inside, width) = (begin.saturating_add(10), NODE.saturating_sub(by));
    let title = if more.is_empty() { xml(name) } else { format!("{}: {}", xml(name), xml(more)) };
    let fit = if word.is_some() { FIT_WITH_WORD } else { FIT };
    let word = word.map_or_else(String::new, |(class, word)| {
        format!("<text class=\"{class}\" x=\"{end}\" y=\"4\" text-anchor=\"end\">{}</text>", xml(word))
    });
    format!(
        "<title>{title}</title><rect class=\"box\" x=\"{begin}\" y=\"-11\" width=\"{width}\" height=\"22\" rx=\"11\"/>\
         <text x=\"{inside}\" y=\"4\">{}</text>{word}",
        xml(&cut(name, fit))
    )
}

fn gateway_of(place: [usize; 2], gateway: &Gateway, observation: Option<&Observation>) -> String {
    let health = observation.map(|all| all.health(gateway));
    let (class, word) = match health {
        Some(Health::Down) => ("bad", "down"),
        Some(Health::Recovering) => ("warn", "recovering"),
        _ if gateway.stage() != "enforce" => ("warn", gateway.stage()),
        _ if !gateway.shadow_rules.is_empty() => ("warn", "shadow rules"),
        Some(Health::NoData) => ("soft", "no data"),
        Some(Health::Healthy) => ("good", "healthy"),
        Some(Health::NoGate) | None => ("soft", ""),
    };
    let mut more = format!("{}; {}", gateway.hosts.join(", "), gateway.stage());
    if let Some(observed) = observation.and_then(|all| all.of(gateway)) {
        let (allowed, refused) = (whole(observed.allowed), whole(observed.all_refused()));
        more.push_str(&format!("; {allowed} requests allowed, {refused} refused"));
    }
    node_of(place, &gateway.route, (!word.is_empty()).then_some((class, word)), &more)
}

/// The beginning of a text that is too long for its box.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut kept: String = text.chars().take(most.saturating_sub(1)).collect();
    kept.push('…');
    kept
}
