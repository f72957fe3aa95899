//! The static part of Envoy's configuration, which in a pod is the agent's.
//!
//! It refers to three files, which Envoy watches: clusters, listener, and the filter with its policy. Each is replaced
//! separately, so a new policy affects neither the listener nor its connections. Istio does the same: it sends the filter by
//! extension discovery (ECDS), and the listener refers to it by name. What is in the files is made from the objects that
//! `sallyport build` emits ([`sallyport_manifest::serve`]).

use std::path::Path;

use sallyport_egress::model::Egress;
use serde_json::{Value, json};

use super::files::Layout;

/// The static part.
pub(crate) fn bootstrap(egress: &Egress, layout: &Layout, admin_port: u16) -> Value {
    let Egress { name, namespace, .. } = egress;
    let admin = json!({"socket_address": {"address": "127.0.0.1", "port_value": admin_port}});
    json!({
        "node": {
            "id": format!("router~127.0.0.1~{name}-egress.{namespace}~{namespace}.svc.cluster.local"),
            "cluster": format!("{name}-egress.{namespace}"),
            "metadata": {"NAME": format!("{name}-egress"), "NAMESPACE": namespace},
        },
        "admin": {"address": admin},
        "dynamic_resources": {
            "cds_config": from_file(&layout.discovery("cds")),
            "lds_config": from_file(&layout.discovery("lds")),
        },
    })
}

/// A resource that Envoy reads from a file, and again whenever the file is replaced. Envoy waits for it without a timeout.
fn from_file(path: &Path) -> Value {
    json!({
        "path_config_source": {"path": path, "watched_directory": {"path": path.parent()}},
        "resource_api_version": "V3",
        "initial_fetch_timeout": "0s",
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::local::example::tests::egress_with;
    use snapbox::{Data, assert_data_eq};

    #[test]
    fn envoy_starts_with_what_the_golden_says() {
        let egress = egress_with(Vec::new());
        let value = bootstrap(&egress, &Layout::new(PathBuf::from("/run/sallyport")), 0);
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/local/bootstrap/golden/bootstrap.json");
        assert_data_eq!(format!("{value:#}\n"), Data::read_from(&path, Some(snapbox::data::DataFormat::Text)).raw());
    }
}
