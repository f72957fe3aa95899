//! Two sets of files compared: what their policies mean, which other fields differ, and what that does to running gateways.

mod fields;
mod model;
mod objects;
mod places;
pub(crate) mod render;
mod side;

use std::collections::{BTreeMap, BTreeSet};

use sallyport_core::wire::Stage;
use sallyport_egress::meaning::{BUDGET, Change, Exhausted, Policy, diff};
use sallyport_egress::model::{Egress, Mesh};
use sallyport_egress::{Located, policy_source, standbys};

pub(crate) use self::model::{Comparison, Gateway, ObjectChange, Status};
pub(crate) use self::objects::{PODS_REPLACED, between_builds};
use self::places::RulePlaces;
pub(crate) use self::side::Side;
use crate::exit::{Exit, Failure};
use crate::report::example::Ground;

/// Compares two sets of files.
pub(crate) fn compare(old: &Side, new: &Side) -> Result<Comparison, Failure> {
    let (old_gateways, new_gateways) = (by_name(old), by_name(new));
    let names: BTreeSet<&String> = old_gateways.keys().chain(new_gateways.keys()).collect();
    let mut gateways = Vec::new();
    for name in names {
        let (before, after) = (old_gateways.get(name), new_gateways.get(name));
        let Some(present) = after.or(before) else { continue };
        let status = match (before, after) {
            (None, _) => Status::Added,
            (_, None) => Status::Removed,
            _ => Status::Kept,
        };
        let side = if after.is_some() { new } else { old };
        let ground = Ground::new(present, side.checked.mesh.as_ref(), &side.report.files, Some(&side.argument));
        let (was, is) = (policy(old, before, present)?, policy(new, after, present)?);
        let mut policy =
            diff(&was, &is, &present.value.spec.host.authority(), BUDGET).map_err(|Exhausted| exhausted(name))?;
        let needs = was.engine().needs() | is.engine().needs();
        let witnesses = policy.regions.iter_mut().map(|region| &mut region.witness);
        for scenario in witnesses.chain(policy.undecided.iter_mut().map(|wrong| &mut wrong.scenario)) {
            *scenario = scenario.clone().on_usual_connection(&present.value, needs);
        }
        if status != Status::Kept {
            // Why a gateway that is not there refuses a request is of no interest.
            policy.regions.retain(|region| region.change() != Change::Reason);
        }
        let changed = fields::between(old.egress_text(name).as_deref(), new.egress_text(name).as_deref());
        gateways.push(Gateway {
            name: name.clone(),
            ground,
            places: RulePlaces::new([(old, before.copied()), (new, after.copied())]),
            status,
            policy,
            fields: if status == Status::Kept { changed } else { Vec::new() },
        });
    }
    let mesh = fields::between(old.mesh_text().as_deref(), new.mesh_text().as_deref());
    Ok(Comparison { gateways, mesh, objects: objects::between(old, new) })
}

fn by_name(side: &Side) -> BTreeMap<String, &Located<Egress>> {
    side.checked.egresses.iter().map(|egress| (egress.value.route(), egress)).collect()
}

/// The policy of a gateway; of one that is not there, one that refuses everything.
fn policy(side: &Side, egress: Option<&&Located<Egress>>, other: &Located<Egress>) -> Result<Policy, Failure> {
    let mesh = side.mesh();
    let other = &other.value;
    let source = match egress.map(|egress| &egress.value) {
        Some(egress) => policy_source(egress, &mesh, &standbys(egress, side.egresses())),
        None => {
            let mut source = policy_source(other, &mesh, &[]);
            source.rules.clear();
            source.stage = Stage::Enforce;
            source
        }
    };
    // `check` has accepted it, so no input is known for which this happens.
    Policy::new(source).map_err(|invalid| {
        let message = format!("the policy of `{}` cannot be compared: {invalid}", other.route());
        Failure::new(Exit::Problems, message).with_help("please report this with the file")
    })
}

fn exhausted(name: &str) -> Failure {
    let message = format!("the comparison of the policies of `{name}` takes more than {BUDGET} steps");
    Failure::new(Exit::Problems, message).with_help("split the change, and compare one part after the other")
}

impl Side {
    fn egresses(&self) -> impl Iterator<Item = &Egress> + Clone {
        self.checked.egresses.iter().map(|located| &located.value)
    }

    fn mesh(&self) -> Mesh {
        self.checked.mesh.as_ref().map_or_else(Mesh::default, |mesh| mesh.value.clone())
    }

    /// The text of the file of this Egress.
    fn egress_text(&self, name: &str) -> Option<String> {
        let located = self.checked.egresses.iter().find(|located| located.value.route() == name)?;
        Some(self.report.files.get(located.file)?.text.clone())
    }

    fn mesh_text(&self) -> Option<String> {
        let located = self.checked.mesh.as_ref()?;
        Some(self.report.files.get(located.file)?.text.clone())
    }
}
