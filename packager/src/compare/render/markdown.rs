//! For the comment of a pull request.
//!
//! # Design
//!
//! A comment that is too long is not taken at all, so what is less important is left out: the sections are made of rows, each
//! with its rank, and rows are kept by rank as long as they fit.

use sallyport_egress::meaning::{Change, Region};

use super::words::{CHANGES, UNDECIDED, changed, decided, heading, scope, status, summary};
use crate::compare::model::{Comparison, FieldChange, Gateway, ObjectGroup};
use crate::compare::side::Side;
use crate::printable::{quoted, visible};

/// GitHub takes 65,536 characters. The rest is for what a pipeline writes around it.
const MOST: usize = 60_000;
/// A longer row is left out, whatever its rank: one must not take the place of all others.
const LONGEST_ROW: usize = MOST / 4;

/// Rows below a common head.
struct Section {
    /// Of the gateway, once before its first section.
    title: Option<String>,
    head: String,
    rank: usize,
    rows: Vec<String>,
    kind: RowKind,
}

/// What is counted if it is left out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum RowKind {
    Region,
    Undecided,
    Field,
    Manifests,
}

impl RowKind {
    fn counted(self, count: usize) -> Option<String> {
        let (one, several) = match self {
            Self::Region => ("set of requests", "sets of requests"),
            Self::Undecided => ("request that is not decided", "requests that are not decided"),
            Self::Field => ("other field", "other fields"),
            Self::Manifests => ("line of manifests", "lines of manifests"),
        };
        match count {
            0 => None,
            1 => Some(format!("1 {one}")),
            _ => Some(format!("{count} {several}")),
        }
    }
}

pub(super) fn render(comparison: &Comparison, old: &Side, new: &Side) -> String {
    let head = format!("### What this change means: {}\n", summary(comparison));
    let mut sections = sections(comparison);
    let left = shorten(&mut sections, MOST.saturating_sub(head.len()));
    let mut text = head;
    if !left.is_empty() {
        let command = format!("sallyport diff {} {}", quoted(&visible(&old.argument)), quoted(&visible(&new.argument)));
        text.push_str(&format!("\n> Not shown, because a comment has a largest size: {}.\n", left.join(", ")));
        text.push_str(&format!("> They are in the output of {}.\n", code(&command)));
    }
    let mut title = None;
    for section in sections.into_iter().filter(|section| !section.rows.is_empty()) {
        if section.title != title {
            text.push_str(section.title.as_deref().unwrap_or_default());
            title.clone_from(&section.title);
        }
        text.push_str(&section.head);
        text.push_str(&section.rows.concat());
    }
    text
}

/// Leaves out what does not fit; what that is, in words.
fn shorten(sections: &mut [Section], most: usize) -> Vec<String> {
    let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let total = |section: &Section| {
        let rows = section.rows.iter().map(String::len).sum::<usize>();
        rows.saturating_add(section.head.len()).saturating_add(length(&section.title))
    };
    if sections.iter().map(total).sum::<usize>() <= most {
        return Vec::new();
    }
    // What is said of those that are left out.
    let mut room = most.saturating_sub(1_000);
    let mut left: Vec<(RowKind, usize)> =
        [RowKind::Region, RowKind::Undecided, RowKind::Field, RowKind::Manifests].map(|kind| (kind, 0)).to_vec();
    let mut by_rank: Vec<&mut Section> = sections.iter_mut().collect();
    by_rank.sort_by_key(|section| section.rank);
    let mut is_full = false;
    for section in by_rank {
        let mut begun = section.head.len().saturating_add(length(&section.title));
        let count = section.rows.len();
        section.rows.retain(|row| {
            let size = row.len().saturating_add(begun);
            let fits = row.len() <= LONGEST_ROW && !is_full && size <= room;
            is_full |= row.len() <= LONGEST_ROW && size > room;
            if fits {
                room = room.saturating_sub(size);
                begun = 0;
            }
            fits
        });
        let without = count.saturating_sub(section.rows.len());
        left.iter_mut()
            .filter(|(kind, _)| *kind == section.kind)
            .for_each(|(_, total)| *total = total.saturating_add(without));
    }
    left.into_iter().filter_map(|(kind, count)| kind.counted(count)).collect()
}

fn sections(comparison: &Comparison) -> Vec<Section> {
    let mut sections: Vec<Section> =
        comparison.gateways.iter().filter(|gateway| !gateway.is_same()).flat_map(of_gateway).collect();
    sections.push(Section {
        title: None,
        head: "\n#### The Mesh file\n\n".to_owned(),
        rank: CHANGES.len().saturating_add(1),
        rows: comparison.mesh.iter().map(field).collect(),
        kind: RowKind::Field,
    });
    sections.push(Section {
        title: None,
        head: "\n#### Manifests\n\n| manifest | is | on running gateways |\n|---|---|---|\n".to_owned(),
        rank: CHANGES.len().saturating_add(2),
        rows: comparison.object_groups().iter().map(objects).collect(),
        kind: RowKind::Manifests,
    });
    sections
}

fn of_gateway(gateway: &Gateway) -> Vec<Section> {
    let status = status(gateway).map(|status| format!(" {status}")).unwrap_or_default();
    let title = format!("\n#### `{}`{status}\n", gateway.name);
    let section = |head: String, rank: usize, rows: Vec<String>, kind: RowKind| Section {
        title: Some(title.clone()),
        head,
        rank,
        rows,
        kind,
    };
    let of_change = |(rank, change): (usize, Change)| {
        let regions = gateway.policy.regions.iter().filter(|region| region.change() == change);
        let head = format!("\n**{}**\n\n| requests | was | is | example |\n|---|---|---|---|\n", heading(change));
        section(head, rank, regions.map(|region| row(gateway, region)).collect(), RowKind::Region)
    };
    let mut sections: Vec<Section> = (1..).zip(CHANGES).map(of_change).collect();
    let undecided = gateway.policy.undecided.iter();
    let undecided =
        undecided.map(|wrong| format!("\n> {UNDECIDED}: {}\n", code(&gateway.ground.text(&wrong.scenario))));
    sections.push(section(String::new(), 0, undecided.collect(), RowKind::Undecided));
    let fields = gateway.fields.iter().map(field).collect();
    let rank = CHANGES.len().saturating_add(1);
    sections.push(section("\n**other fields**\n\n".to_owned(), rank, fields, RowKind::Field));
    if sections.iter().all(|section| section.rows.is_empty()) {
        // It came or went, and that is all.
        sections.push(section(String::new(), 0, vec![String::new()], RowKind::Manifests));
    }
    sections
}

fn row(gateway: &Gateway, region: &Region) -> String {
    let [old, new] = decided(region);
    let parts: Vec<String> =
        scope(gateway, region).iter().map(|(label, what)| format!("{label}: {}", cell(what))).collect();
    format!(
        "| {}<br>`{}` | {old} | {new} | {} |\n",
        parts.join("<br>"),
        region.id,
        cell(&gateway.ground.text(&region.witness))
    )
}

fn objects(group: &ObjectGroup<'_>) -> String {
    let named = |name: &str| cell(&visible(name));
    let names: Vec<String> = group.names().map(|names| named(&names)).collect();
    let place = if group.namespace.is_empty() { String::new() } else { format!(" in {}", named(group.namespace)) };
    format!("| {} | {}{place} | {} |\n", names.join("<br>"), group.what.word(), group.effect)
}

fn field(field: &FieldChange) -> String {
    let [path, changed] = changed(field, code);
    format!("- {}: {changed}\n", code(&path))
}

/// Text as code, whatever it is (CommonMark, 6.1): nothing of it is markup, a mention or a link.
fn code(text: &str) -> String {
    let longest = text.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.saturating_add(1));
    // One space at both ends is not shown.
    let is_apart = text.is_empty() || text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']);
    let space = if is_apart { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// The same in a cell of a table, where a bar ends the cell even in code.
fn cell(text: &str) -> String {
    code(text).replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_write_is_no_markup() {
        for (text, shown) in [
            ("x", "`x`"),
            ("<img> @team [a](b)", "`<img> @team [a](b)`"),
            ("a`b", "``a`b``"),
            ("a`` @team ``", "``` a`` @team `` ```"),
            ("`", "`` ` ``"),
            (" a ", "`  a  `"),
            ("", "`  `"),
        ] {
            assert_eq!(code(text), shown);
        }
        assert_eq!(cell("a|`|b"), "``a\\|`\\|b``");
    }
}
