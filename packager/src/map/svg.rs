//! The map as a picture, for a README: without scripts, light or dark as its reader's system is.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::candidate::{Candidate, ChangedRules};
use super::escape::xml;
use super::json::whole;
use super::line::Line;
use super::model::{Gateway, Grant, Map};
use super::observed::{Health, Observation};
use super::rows::{Row, rows};

/// How it looks; nothing else in the picture says so.
pub(super) const STYLE: &str = "\
.map{--ink:#1b2430;--soft:#556170;--paper:#fff;--line:#7d8b9c;--box:#f2f5f9;--edge:#8292a8;--warn:#8a4b00;--bad:#b3261e;--good:#14703f}\
@media(prefers-color-scheme:dark){.map{--ink:#e6ebf1;--soft:#a9b5c3;--paper:#12171e;--line:#76869a;--box:#1d2530;--edge:#4a5a6d;\
--warn:#f0b35a;--bad:#ff8a80;--good:#6fd39b}}\
.map{font:12px system-ui,sans-serif;fill:var(--ink)}.map .paper{fill:var(--paper)}.map .box{fill:var(--box);stroke:var(--edge)}\
.map .group{stroke-dasharray:none;stroke-width:2}.map .head{font-weight:600;fill:var(--soft)}.map .title{font-size:14px;font-weight:600}\
.map .link{fill:none;stroke:var(--line);opacity:.65}.map .dashed{stroke-dasharray:4 3}\
.map .added,.map .removed,.map .changed{stroke:var(--warn);opacity:1}.map .added{stroke-dasharray:2 3}.map .removed{stroke-dasharray:9 3}\
.map .box.candidate{stroke:var(--warn);stroke-width:2}\
.map .warn{fill:var(--warn)}.map .bad{fill:var(--bad)}.map .good{fill:var(--good)}.map .soft{fill:var(--soft)}\
.map .count{font-size:10px;fill:var(--soft);stroke:var(--paper);stroke-width:3px;paint-order:stroke}";

const WIDTH: usize = 1040;
/// How far the nodes of a group begin behind its name.
const INDENT: usize = 14;
/// Where each column begins, and how wide its nodes are: a word stands beside the name of a gateway. The page has the same ones.
const COLUMNS: [(usize, usize); 3] = [(10, 240), (360, 310), (790, 240)];
const ROW: usize = 28;
const TOP: usize = 58;
/// The width of a letter, as a wide font has it.
const LETTER: usize = 7;
/// A column of few rows beside a long one has its rows so many times farther apart, at most.
const FARTHEST: usize = 3;

/// The rows of one column, and in which of them each node is.
struct Column<'m> {
    /// Where it begins.
    x: usize,
    width: usize,
    /// For how many rows there is room.
    room: usize,
    rows: Vec<Row<'m>>,
    of_node: BTreeMap<usize, usize>,
}

impl<'m> Column<'m> {
    fn new((x, width): (usize, usize), groups: &[&'m str]) -> Self {
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
        Column { x, width, room: rows.len(), rows, of_node }
    }

    /// Its rows spread beside a column of `most` rows.
    fn beside(self, most: usize) -> Self {
        Column { room: most.min(self.rows.len().saturating_mul(FARTHEST)), ..self }
    }

    /// Where its nodes end.
    fn end(&self) -> usize {
        self.x.saturating_add(self.width)
    }

    /// The middle of a row.
    fn middle(&self, row: usize) -> usize {
        let halves = row.saturating_mul(2).saturating_add(1).saturating_mul(ROW).saturating_mul(self.room);
        halves.checked_div(self.rows.len().saturating_mul(2)).unwrap_or(0).saturating_add(TOP)
    }

    /// Where the row of a node begins, and its middle.
    fn place(&self, node: usize) -> Option<(usize, usize)> {
        let row = self.of_node.get(&node)?;
        let by = if matches!(self.rows.get(*row), Some(Row::Member(_))) { INDENT } else { 0 };
        Some((self.x.saturating_add(by), self.middle(*row)))
    }
}

pub(super) fn render(map: &Map, observation: Option<&Observation>) -> String {
    let columns = columns(map);
    let most = columns.iter().map(|column| column.rows.len()).max().unwrap_or(0);
    let [callers, gateways, upstreams] = columns.map(|column| column.beside(most));
    let height = most.saturating_mul(ROW).saturating_add(TOP).saturating_add(18);
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
        |node: usize, by: usize| map.callers.get(node).map(|one| node_of(&callers, by, &one.name, None, "", "box"));
    text.push_str(&boxes(&callers, |_| false, caller));
    let has_candidate = |node: usize| map.gateways.get(node).is_some_and(|one| one.candidate.is_some());
    let gateway =
        |node: usize, by: usize| map.gateways.get(node).map(|one| gateway_of(&gateways, by, one, observation));
    text.push_str(&boxes(&gateways, has_candidate, gateway));
    text.push_str(&words_of_groups(map, &gateways, observation));
    if let Some(all) = observation {
        text.push_str(&traffic(map, &gateways, all));
    }
    let upstream = |node: usize, by: usize| {
        map.upstreams.get(node).map(|one| node_of(&upstreams, by, &one.name, None, &one.protocol, "box"))
    };
    text.push_str(&boxes(&upstreams, |_| false, upstream));
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
    let is_counted = |grant: &Grant| grant.change.is_none() && map.in_force(grant) == 0;
    if map.grants.iter().any(is_counted) || map.gateways.iter().any(|gateway| !gateway.standbys.is_empty()) {
        words.push("dashed: counted only, or a standby".to_owned());
    }
    if map.gateways.iter().any(|gateway| gateway.candidate.is_some()) {
        words.push("amber: has a candidate, which adds what is dotted and removes what has long dashes".to_owned());
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

/// By the places of both ends.
type Links = BTreeMap<((usize, usize), (usize, usize)), Line>;

/// The links between rows: as wide as there are many, in the style of what all of them are.
fn links(map: &Map, callers: &Column<'_>, gateways: &Column<'_>, upstreams: &Column<'_>) -> String {
    let mut calls: Links = BTreeMap::new();
    for grant in &map.grants {
        let Some(ends) = callers.place(grant.caller).zip(gateways.place(grant.gateway)) else { continue };
        calls.entry(ends).or_default().grant(map, grant);
    }
    let mut routes: Links = BTreeMap::new();
    for (node, gateway) in map.gateways.iter().enumerate() {
        let standbys = gateway.standbys.iter().map(|standby| (*standby, true));
        for (upstream, is_standby) in std::iter::once((gateway.upstream, false)).chain(standbys) {
            let Some(ends) = gateways.place(node).zip(upstreams.place(upstream)) else { continue };
            routes.entry(ends).or_default().way(is_standby);
        }
    }
    let mut text = String::new();
    for (from, links) in [(callers, calls), (gateways, routes)] {
        let start = from.end();
        for (((_, y1), (end, y2)), line) in links {
            let (half, class) = (start.midpoint(end), line.class());
            let width = f64::from(u32::try_from(line.count).unwrap_or(u32::MAX)).log2().min(5.0) + 1.0;
            let _ = writeln!(
                text,
                "<path class=\"link {class}\" stroke-width=\"{width:.1}\" d=\"M{start} {y1}C{half} {y1} {half} {y2} {end} {y2}\"/>"
            );
        }
    }
    text
}

/// `is_marked`: whether a node has a candidate, which its group shows.
fn boxes(
    column: &Column<'_>,
    is_marked: impl Fn(usize) -> bool,
    node: impl Fn(usize, usize) -> Option<String>,
) -> String {
    let mut text = String::new();
    for (row, shown) in column.rows.iter().enumerate() {
        let y = column.middle(row);
        let inner = match shown {
            Row::Head(name) => {
                format!(
                    "<text class=\"head\" x=\"{}\" y=\"6\">{}</text>",
                    column.x,
                    xml(&cut(name, column.width / LETTER))
                )
            }
            Row::Group(name, nodes) => {
                let class = if nodes.iter().any(|node| is_marked(*node)) { "box group candidate" } else { "box group" };
                group_of(column, &format!("{name} ({})", nodes.len()), class)
            }
            Row::Node(index) => node(*index, 0).unwrap_or_default(),
            Row::Member(index) => node(*index, INDENT).unwrap_or_default(),
        };
        let _ = writeln!(text, "<g transform=\"translate(0 {y})\">{inner}</g>");
    }
    text
}

/// How many gateways of a group are down, or have something beside rules that are in force.
fn words_of_groups(map: &Map, gateways: &Column<'_>, observation: Option<&Observation>) -> String {
    let x = gateways.end().saturating_sub(10);
    let mut text = String::new();
    for (row, shown) in gateways.rows.iter().enumerate() {
        let Row::Group(_, nodes) = shown else { continue };
        let members: Vec<_> = nodes.iter().filter_map(|node| map.gateways.get(*node)).collect();
        let count = |is: &dyn Fn(&Gateway) -> bool| members.iter().filter(|gateway| is(gateway)).count();
        let down = count(&|gateway| observation.is_some_and(|all| all.health(gateway) == Health::Down));
        let (candidates, in_shadow) = (count(&|gateway| gateway.candidate.is_some()), count(&Gateway::is_shadow));
        let (class, word) = match (down, candidates, in_shadow) {
            (0, 0, 0) => continue,
            (0, 0, policies) => ("warn", format!("{policies} in shadow")),
            (0, 1, _) => ("warn", "1 candidate".to_owned()),
            (0, candidates, _) => ("warn", format!("{candidates} candidates")),
            (down, ..) => ("bad", format!("{down} down")),
        };
        let y = gateways.middle(row).saturating_add(4);
        let _ = writeln!(text, "<text class=\"{class}\" x=\"{x}\" y=\"{y}\" text-anchor=\"end\">{word}</text>");
    }
    text
}

/// What the gateways of each row let through and refuse, beside the row.
fn traffic(map: &Map, gateways: &Column<'_>, all: &Observation) -> String {
    let x = gateways.end().saturating_add(6);
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
        let y = gateways.middle(row).saturating_sub(5);
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

fn group_of(column: &Column<'_>, name: &str, class: &str) -> String {
    let Column { x, width, .. } = column;
    let (inside, name) = (x.saturating_add(10), xml(&cut(name, width / LETTER)));
    format!(
        "<rect class=\"{class}\" x=\"{x}\" y=\"-11\" width=\"{width}\" height=\"22\" rx=\"4\"/>\
         <text class=\"head\" x=\"{inside}\" y=\"4\">{name}</text>"
    )
}

/// A box with a name and a word about it; the title has all of it. `by`: how far behind its column it begins.
fn node_of(column: &Column<'_>, by: usize, name: &str, word: Option<(&str, &str)>, more: &str, class: &str) -> String {
    let (begin, end) = (column.x.saturating_add(by), column.end().saturating_sub(10));
    let (inside, width) = (begin.saturating_add(10), column.width.saturating_sub(by));
    let title = if more.is_empty() { xml(name) } else { format!("{}: {}", xml(name), xml(more)) };
    let beside = word.map_or(0, |(_, word)| word.chars().count().saturating_add(1));
    let fit = (width.saturating_sub(20) / LETTER).saturating_sub(beside);
    let word = word.map_or_else(String::new, |(class, word)| {
        format!("<text class=\"{class}\" x=\"{end}\" y=\"4\" text-anchor=\"end\">{}</text>", xml(word))
    });
    format!(
        "<title>{title}</title><rect class=\"{class}\" x=\"{begin}\" y=\"-11\" width=\"{width}\" height=\"22\" rx=\"11\"/>\
         <text x=\"{inside}\" y=\"4\">{}</text>{word}",
        xml(&cut(name, fit))
    )
}

fn gateway_of(column: &Column<'_>, by: usize, gateway: &Gateway, observation: Option<&Observation>) -> String {
    let (health, candidate) = (observation.map(|all| all.health(gateway)), gateway.candidate.as_ref());
    let words = candidate.map(Candidate::words);
    let (class, word) = match (health, &words) {
        (Some(Health::Down), _) => ("bad", "down"),
        (Some(Health::Recovering), _) => ("warn", "recovering"),
        (_, Some(words)) => ("warn", words.as_str()),
        _ if gateway.is_shadow() => ("warn", "policy in shadow"),
        _ if !gateway.shadow_rules.is_empty() => ("warn", "shadow rules"),
        (Some(Health::NoData), _) => ("soft", "no data"),
        (Some(Health::Healthy), _) => ("good", "healthy"),
        (Some(Health::NoGate) | None, _) => ("soft", ""),
    };
    let mut more = format!("{}; {}", gateway.hosts.join(", "), gateway.stages().join("; "));
    for (what, rules) in
        candidate.and_then(|candidate| candidate.rules.as_ref()).into_iter().flat_map(ChangedRules::parts)
    {
        more.push_str(&format!("; {what} {}", rules.join(", ")));
    }
    if let Some(observed) = observation.and_then(|all| all.of(gateway)) {
        let (allowed, refused) = (whole(observed.allowed), whole(observed.all_refused()));
        more.push_str(&format!("; {allowed} requests allowed, {refused} refused"));
    }
    let class_of_box = if candidate.is_some() { "box candidate" } else { "box" };
    node_of(column, by, &gateway.route, (!word.is_empty()).then_some((class, word)), &more, class_of_box)
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
