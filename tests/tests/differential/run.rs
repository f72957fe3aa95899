//! The side of `sallyport run`: what it makes of the same files, in istiod's form and as Envoy on a machine gets it.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, anyhow, ensure};
use sallyport_egress::diagnostic::Severity;
use sallyport_egress::model::{Egress, Mesh};
use sallyport_egress::{check, decode};
use sallyport_manifest::{PinnedFilter, Rollouts, Served, Surroundings, plans, serve};
use serde_json::Value;

use crate::mesh::{Gateway, Site};

/// What is served for each gateway of a site.
pub(crate) fn served(site: &Site) -> Result<BTreeMap<Gateway, Served>> {
    let mut sources = Vec::new();
    for entry in fs::read_dir(&site.folder)? {
        let path = entry?.path();
        let name = path.display().to_string();
        sources.push(decode(&name, &fs::read(&path)?).ok().with_context(|| format!("{name} is not UTF-8"))?);
    }
    let checked = check(&sources);
    let errors: Vec<_> = checked.diagnostics.iter().filter(|found| found.severity == Severity::Error).collect();
    ensure!(errors.is_empty(), "{errors:?}");
    let mesh: Mesh = checked.mesh.map(|mesh| mesh.value).unwrap_or_default();
    let digest = mesh.filter.digest.clone().context("the Mesh file pins no digest")?;
    let filter = PinnedFilter { image: mesh.filter.image.clone(), digest };
    let egresses: Vec<&Egress> = checked.egresses.iter().map(|egress| &egress.value).collect();
    let plans = plans(&egresses, &mesh, &filter, &Rollouts::default());
    let mut all = BTreeMap::new();
    for plan in &plans {
        let gateway = Gateway { namespace: plan.egress.namespace.to_string(), name: plan.egress.name.to_string() };
        let served = serve(plan, &plans).map_err(|errors| anyhow!("{errors:?}"))?;
        all.insert(gateway, served);
    }
    Ok(all)
}

/// All resources.
pub(crate) fn resources(served: &Served) -> Vec<&Value> {
    let Served { listeners, routes, clusters, endpoints, extensions, .. } = served;
    [listeners, routes, clusters, endpoints, extensions].into_iter().flatten().collect()
}

/// The same on a machine, with every port of the pods at the same number.
pub(crate) fn on_a_machine(served: &Served) -> Served {
    let port = |listener: &Value| listener.pointer("/address/socket_address/port_value")?.as_u64()?.try_into().ok();
    let surroundings = Surroundings {
        ports: served.listeners.iter().filter_map(port).map(|port| (port, port)).collect(),
        own_certificate: ("/machine/gateway.pem".to_owned(), "/machine/gateway.key".to_owned()),
        authorities: "/machine/ca.pem".to_owned(),
        system_authorities: "/machine/system.pem".to_owned(),
        plugins: BTreeMap::new(),
        module: "/machine/filter.wasm".to_owned(),
        access_log: "/machine/access.log".to_owned(),
        ..Surroundings::default()
    };
    served.clone().on(&surroundings)
}
