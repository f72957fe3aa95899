//! A standby's TLS files are in the same folder as those of another upstream of the gateway.
//!
//! The gateway's pods have a folder for each upstream that they ask, with the files of its Secret, `NAME-upstream-tls`. Two
//! Secrets cannot be in one folder: the pods would not be made.
//!
//! Give each upstream a folder of its own: `/etc/sallyport/NAME/ca.crt`.

use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::model::{Egress, UpstreamTls};
use crate::parse::suggest::quoted;
use std::collections::HashMap;

pub(super) fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        let own = folders(subject.egress).map(|folder| (folder, subject.egress));
        let mut owners: HashMap<&str, &Egress> = own.collect();
        for (position, standby) in subject.standbys(input) {
            let taken = folders(standby).find_map(|folder| {
                let owner = *owners.entry(folder).or_insert(standby);
                (owner.name != standby.name).then_some((folder, owner))
            });
            if let Some((folder, owner)) = taken {
                let (folder, standby, owner) = (quoted(folder), quoted(&standby.name), quoted(&owner.name));
                let message = format!("the files of {standby} are in {folder}, as those of {owner} are");
                let help = "give each upstream a folder of its own in `upstream.tls`";
                findings.push(subject.at(&format!("health.failover[{position}]"), message, help));
            }
        }
    }
    findings
}

fn folders(egress: &Egress) -> impl Iterator<Item = &str> {
    let UpstreamTls { ca_certificates, client_certificate, private_key, .. } = &egress.spec.upstream.tls;
    let files = [ca_certificates, client_certificate, private_key].into_iter().flatten();
    files.filter_map(|path| Some(path.rsplit_once('/')?.0))
}
