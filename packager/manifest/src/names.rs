//! Names that must fit and must differ, and those of folders.

use sallyport_egress::Code;
use sallyport_egress::model::Egress;
use sallyport_egress::value::names::DnsLabel;

use crate::error::BuildError;
use crate::kind::{gateway, opa};
use crate::plan::Plan;

/// The longest name of a Service or of a provider of the mesh, and the longest value of a label.
const LONGEST_NAME: usize = 63;

/// The folder of the namespaces: no gateway's folder has a name without a hyphen.
pub const NAMESPACES: &str = "namespaces";

/// The name of the Application of a folder. Applications of all teams may share their namespace.
#[must_use]
pub fn application(folder: &str) -> String {
    format!("sallyport-{folder}")
}

/// The folder of one gateway.
pub(crate) fn folder_name(plan: &Plan<'_>) -> String {
    format!("{}-{}", plan.egress.namespace, plan.egress.name)
}

/// `other`: the Egress that has the same folder, if there is one.
pub(crate) fn check_names(plan: &Plan<'_>, other: Option<&Egress>) -> Vec<BuildError> {
    let wrong = |message: String, help| BuildError::of(plan.egress, Code::ResourceNames, message).with_help(help);
    let mut problems = Vec::new();
    if let Some(other) = other {
        let message = format!("its folder would be the same as that of `{}/{}`", other.namespace, other.name);
        problems.push(wrong(message, "give one of them another name"));
    }
    let mut names = vec![plan.gateway_name()];
    names.extend(plan.egress.spec.expose.iter().map(|_| gateway::ingress_name(plan)));
    names.extend(plan.egress.spec.gateway.opa.iter().map(|_| opa::provider(plan)));
    if let Some(name) = names.into_iter().find(|name| name.len() > LONGEST_NAME) {
        let message = format!("`{name}`, which is made from its name, has more than {LONGEST_NAME} characters");
        problems.push(wrong(message, "give it a shorter name"));
    }
    problems
}

/// Without a standby's own file there is no route to it, and the filter would send requests where no route leads.
pub(crate) fn check_standbys(plan: &Plan<'_>) -> Vec<BuildError> {
    let Egress { namespace, spec, .. } = plan.egress;
    let is_there = |name: &DnsLabel| plan.standbys.iter().any(|standby| standby.name == *name);
    let failover = spec.health.failover.iter().enumerate();
    let missing = failover.filter(|(_, name)| !is_there(name)).map(|(position, name)| {
        let message = format!("its standby `{namespace}/{name}` is not among the files");
        BuildError::of(plan.egress, Code::StandbyMissing, message)
            .at(format!("spec.health.failover[{position}]"))
            .with_help("build the standby's file together with it")
    });
    missing.collect()
}
