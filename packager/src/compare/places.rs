//! Where the rules of a gateway are written, on either side.

use std::collections::HashMap;

use sallyport_core::wire;
use sallyport_egress::diagnostic::{LineIndex, Position};
use sallyport_egress::meaning::{Region, Source};
use sallyport_egress::scenario::Effect;
use sallyport_egress::{Located, Places, model::Egress};

use super::side::Side;

/// Where a rule is written.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) file: String,
    pub(crate) position: Position,
    /// Whether the rule is in shadow mode there.
    pub(crate) is_shadow: bool,
}

/// The rules of the old and of the new side, by their ids.
#[derive(Debug, Default)]
pub(crate) struct RulePlaces {
    sides: [HashMap<String, Written>; 2],
}

/// A rule, with its places on the old and on the new side.
pub(crate) type Placed<'p> = (&'p str, [Option<&'p Written>; 2]);

impl RulePlaces {
    pub(super) fn new(sides: [(&Side, Option<&Located<Egress>>); 2]) -> Self {
        Self { sides: sides.map(|(side, egress)| egress.map_or_else(HashMap::new, |egress| of_side(side, egress))) }
    }

    /// The rules that decide the requests of a region, the new policy's first.
    pub(crate) fn of<'p>(&'p self, region: &'p Region) -> Vec<Placed<'p>> {
        // What is let pass because nothing is enforced, no rule decides.
        if region.scope.from == Source::Shadow {
            return Vec::new();
        }
        let scope = match &region.scope.from {
            Source::Rule(id) => Some(id.as_str()),
            Source::Ambiguity(..) | Source::Default | Source::Shadow => None,
        };
        let mut ids: Vec<&str> = Vec::new();
        let others = region.others.iter().filter_map(Effect::rule);
        for id in [region.new.rule(), region.old.rule(), scope].into_iter().flatten().chain(others) {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        let placed = |id| (id, self.sides.each_ref().map(|side| side.get(id)));
        ids.into_iter().map(placed).filter(|(_, places)| places.iter().any(Option::is_some)).collect()
    }
}

fn of_side(side: &Side, egress: &Located<Egress>) -> HashMap<String, Written> {
    let Some(file) = side.report.files.get(egress.file) else { return HashMap::new() };
    let (places, lines) = (Places::of(&file.text), LineIndex::new(&file.text));
    let rules = egress.value.spec.authz.rules.iter().enumerate();
    let written = |(at, id): (usize, String), is_shadow: bool| {
        let position = lines.position(places.place(&format!("spec.authz.rules[{at}].id")).start);
        (id, Written { file: file.name.clone(), position, is_shadow })
    };
    rules.map(|(at, rule)| written((at, rule.id.to_string()), rule.stage == wire::Stage::Shadow)).collect()
}

impl std::fmt::Display for Written {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.position.line, self.position.column)
    }
}
