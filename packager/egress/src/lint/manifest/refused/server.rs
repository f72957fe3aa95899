//! Servers of Gateways.

use super::{Refusals, has, is_empty_list, is_null, lacks};
use crate::import::protocol::Protocol;
use crate::wording::quoted;
use crate::yaml::tree::Node;

/// What can hold a server's certificate.
const SOURCES: [&str; 4] = ["credentialName", "credentialNames", "tlsCertificates", "serverCertificate"];

impl Refusals<'_> {
    pub(super) fn gateway(&mut self) {
        let manifest = self.manifest;
        let servers = manifest.spec().items_at(&["servers"]);
        if let Some(empty) = manifest.spec().get("servers").filter(|servers| is_empty_list(servers)) {
            self.add(empty, "Istio refuses a Gateway without a server", "write its servers");
        }
        for server in servers {
            self.server(server);
        }
        self.twice(servers, &["port", "name"], "the name of a port");
    }

    fn server(&mut self, server: &Node) {
        if let Some(hosts) = server.get("hosts").filter(|hosts| is_empty_list(hosts)) {
            self.add(hosts, "Istio refuses a server without a host", "write the hosts, or `[\"*\"]` for all");
        }
        self.hosts(server.items_at(&["hosts"]));
        let Some(port) = server.get("port") else { return };
        self.protocol(port);
        let number = port.get("number").and_then(|node| Some((node, node.text()?.parse::<u64>().ok()?)));
        let is_socket = server.text_at(&["bind"]).is_some_and(|bind| bind.starts_with("unix://"));
        if let Some((node, number)) = number.filter(|(_, number)| !(1..=65535).contains(number) && !is_socket) {
            self.add(node, format!("there is no port {}", quoted(&number.to_string())), "write one from 1 to 65535");
        }
        let protocol = port.text_at(&["protocol"]).unwrap_or_default();
        match server.get("tls").filter(|tls| !is_null(tls)) {
            Some(tls) => self.with_tls(tls, protocol),
            None if Protocol::of(protocol) == Protocol::Tls && lacks(server, "tls") => {
                let place = port.get("protocol").unwrap_or(port);
                let message = format!("Istio refuses a server of the protocol {} without `tls`", quoted(protocol));
                self.add(place, message, "add `tls: {mode: ISTIO_MUTUAL}`, or another mode, or write `HTTP`");
            }
            None => {}
        }
    }

    fn with_tls(&mut self, tls: &Node, protocol: &str) {
        let mode = tls.text_at(&["mode"]).unwrap_or("PASSTHROUGH");
        let place = tls.get("mode").unwrap_or(tls);
        let passes = matches!(mode, "PASSTHROUGH" | "AUTO_PASSTHROUGH");
        let has_files = ["caCertificates", "privateKey", "serverCertificate"].iter().any(|name| has(tls, name));
        let message = format!("Istio refuses TLS on a server of the protocol {}", quoted(protocol));
        match Protocol::of(protocol) {
            Protocol::Http if !passes || has_files => {
                return self.add(place, message, "write `protocol: HTTPS`, or remove `tls`");
            }
            Protocol::Tcp => return self.add(place, message, "write `protocol: TLS`, or remove `tls`"),
            _ => {}
        }
        match mode {
            "ISTIO_MUTUAL" => {
                let own = [&SOURCES[..], &["privateKey", "caCertificates"]].concat();
                for entry in own.iter().filter(|name| has(tls, name)).filter_map(|name| tls.entry(name)) {
                    let message = format!("Istio refuses {} with `ISTIO_MUTUAL`", quoted(&entry.key.name));
                    self.add_at(entry, message, "remove it: the mesh's own certificates are used; or write `SIMPLE`");
                }
            }
            "SIMPLE" | "MUTUAL" | "OPTIONAL_MUTUAL" => self.certificates(tls, mode, place),
            _ => {}
        }
    }

    fn certificates(&mut self, tls: &Node, mode: &str, place: &Node) {
        let of_secret = ["credentialName", "credentialNames"].into_iter().find(|name| has(tls, name));
        let of_files = has(tls, "serverCertificate") && has(tls, "privateKey");
        let others = ["credentialName", "credentialNames", "tlsCertificates"];
        if let Some(other) = others.into_iter().find(|name| of_files && has(tls, name)) {
            if let Some(entry) = tls.entry("serverCertificate") {
                let message = format!("{} cannot stand beside {}", quoted("serverCertificate"), quoted(other));
                self.add_at(entry, message, "remove `serverCertificate` and `privateKey`, or the other");
            }
            return;
        }
        if of_secret.is_some() {
            return;
        }
        let lists_files = has(tls, "tlsCertificates");
        let mut missing: Vec<_> = match lists_files {
            true => Vec::new(),
            false => ["serverCertificate", "privateKey"].into_iter().filter(|name| !has(tls, name)).collect(),
        };
        if missing.len() == 2 && ["credentialName", "credentialNames"].iter().all(|name| lacks(tls, name)) {
            let what = if mode == "SIMPLE" { "a certificate" } else { "certificates" };
            let message = format!("Istio refuses {} without {what}", quoted(mode));
            return self.add(
                place,
                message,
                "add `credentialName`, with the name of a Secret, or write `ISTIO_MUTUAL`",
            );
        }
        missing.extend(["caCertificates"].into_iter().filter(|name| mode != "SIMPLE" && !has(tls, name)));
        for name in missing.into_iter().filter(|name| lacks(tls, name)) {
            self.add(
                place,
                format!("Istio refuses {} without {}", quoted(mode), quoted(name)),
                format!("add `{name}`"),
            );
        }
    }
}
