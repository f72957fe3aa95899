//! The objects of one gateway as they are applied: patched, and without the fields that are not set. The files of a build
//! are written from them, and what `sallyport run` serves is made from them.

use serde_json::Value;

use crate::error::BuildError;
use crate::patch::Patched;
use crate::plan::Plan;
use crate::step::{Step, add_version, installer, objects};
use crate::{patch, yaml};

/// Everything that is emitted for one gateway.
pub(crate) struct Emitted {
    /// What is applied to the cluster, in order.
    pub(crate) objects: Vec<(Step, Value)>,
    /// The file that another tool makes the pods from.
    pub(crate) installer: Option<(&'static str, Value)>,
    /// What the patches changed.
    pub(crate) patched: Patched,
}

/// `waves`: mark each object for Argo CD. `namespace`: what another Egress of the same namespace has made of it; there is one
/// object for all of them.
///
/// # Errors
/// Every field that the way of installation cannot express, or every patch that cannot be applied.
pub(crate) fn emit(plan: &Plan<'_>, waves: bool, namespace: Option<Value>) -> Result<Emitted, Vec<BuildError>> {
    let mut objects: Vec<_> =
        objects(plan)?.into_iter().map(|(step, value)| (step, yaml::without_nulls(value))).collect();
    objects.iter_mut().for_each(|(_, value)| add_version(value));
    let mut installer = installer(plan).map(|(file, value)| (file, yaml::without_nulls(value)));
    if waves {
        objects.iter_mut().for_each(|(step, value)| step.add_wave(value));
    }
    if let (Some(namespace), Some((_, own))) =
        (namespace, objects.iter_mut().find(|(step, _)| *step == Step::Namespace))
    {
        *own = namespace;
    }
    let values = objects.iter_mut().map(|(_, value)| value).chain(installer.iter_mut().map(|(_, value)| value));
    let patched = patch::apply(plan.egress, plan.mesh, values)?;
    Ok(Emitted { objects, installer, patched })
}
