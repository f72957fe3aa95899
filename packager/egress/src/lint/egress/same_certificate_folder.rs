//! A standby's TLS files are in the same folder as those of another upstream of the gateway.
//!
//! For each upstream the gateway's pods mount a Secret, `NAME-upstream-tls`, as a folder. Kubernetes
//! cannot mount two Secrets at one path, so it would refuse the pods.
//!
//! Bad:
//!
//! ```yaml
//! # a.yaml
//! apiVersion: sallyport.dev/v1alpha1
//! kind: Egress
//! metadata: {name: a, namespace: egress}
//! spec:
//!   host: a.internal
//!   upstream: {host: a.example, port: 443, tls: {caCertificates: /etc/sallyport/ca.crt}}
//!   health: {passive: {}, failover: [b]}
//! # b.yaml
//! apiVersion: sallyport.dev/v1alpha1
//! kind: Egress
//! metadata: {name: b, namespace: egress}
//! spec:
//!   host: b.internal
//!   upstream: {host: b.example, port: 443, tls: {caCertificates: /etc/sallyport/ca.crt}}
//! ```
//!
//! Good:
//!
//! ```yaml
//! # a.yaml
//! apiVersion: sallyport.dev/v1alpha1
//! kind: Egress
//! metadata: {name: a, namespace: egress}
//! spec:
//!   host: a.internal
//!   upstream: {host: a.example, port: 443, tls: {caCertificates: /etc/sallyport/a/ca.crt}}
//!   health: {passive: {}, failover: [b]}
//! # b.yaml
//! apiVersion: sallyport.dev/v1alpha1
//! kind: Egress
//! metadata: {name: b, namespace: egress}
//! spec:
//!   host: b.internal
//!   upstream: {host: b.example, port: 443, tls: {caCertificates: /etc/sallyport/b/ca.crt}}
//! ```
//!
//! Fix: Give each upstream its own folder: `/etc/sallyport/NAME/ca.crt`.

use crate::code::Code;
use crate::lint::definition::Lint;
use crate::lint::finding::Finding;
use crate::lint::input::Input;
use crate::model::Egress;
use crate::wording::quoted;
use std::collections::{BTreeSet, HashMap};

pub(super) const LINT: Lint =
    Lint { code: Code::SameCertificateFolder, run, source: include_str!("same_certificate_folder.rs") };

fn run(input: &Input<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in &input.egresses {
        let own = folders(subject.egress).into_iter().map(|folder| (folder, subject.egress));
        let mut owners: HashMap<&str, &Egress> = own.collect();
        for (position, standby) in subject.standbys(input) {
            let taken = folders(standby).into_iter().find_map(|folder| {
                let owner = *owners.entry(folder).or_insert(standby);
                (owner.name != standby.name).then_some((folder, owner))
            });
            if let Some((folder, owner)) = taken {
                let (folder, standby, owner) = (quoted(folder), quoted(&standby.name), quoted(&owner.name));
                let message = format!("the TLS files of {standby} and {owner} are both in {folder}");
                let help = "give each upstream its own folder in `upstream.tls`";
                findings.push(subject.at(&format!("health.failover[{position}]"), message, help));
            }
        }
    }
    findings
}

fn folders(egress: &Egress) -> BTreeSet<&str> {
    egress.spec.upstream.tls.mounted_folders()
}
