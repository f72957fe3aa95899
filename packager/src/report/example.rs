//! Requests that `diff` and `query` show as examples: as arguments of `explain`, and as fields.

use std::net::{IpAddr, Ipv4Addr};

use sallyport_egress::Located;
use sallyport_egress::model::{Egress, Mesh};
use sallyport_egress::scenario::{Caller, Request, Scenario, usual_server_name};
use serde_json::{Value, json};

use super::ReportedFile;
use crate::printable::{quoted, visible};

/// What a connection is without, as an argument.
pub(crate) const NONE: &str = "none";

/// What the examples of one gateway have in common.
#[derive(Clone, Debug)]
pub(crate) struct Ground {
    trust_domain: String,
    /// A client as `explain` supposes it.
    usual: Caller,
    egress: Egress,
    /// The file of the gateway, as an argument of `explain`; `None`: no one argument names all that decides.
    file: Option<String>,
}

impl Ground {
    /// For the examples of this Egress. `argument`: what the user named; `None` if that was not one thing.
    pub(crate) fn new(
        egress: &Located<Egress>,
        mesh: Option<&Located<Mesh>>,
        files: &[ReportedFile],
        argument: Option<&str>,
    ) -> Self {
        let name = |file: usize| files.get(file).map_or("", |file| file.name.as_str());
        let folder = |file: usize| name(file).rsplit_once('/').map_or("", |(folder, _)| folder);
        let file = match mesh {
            // `explain` reads the files beside the one that is named.
            Some(mesh) if folder(mesh.file) != folder(egress.file) => argument,
            _ => Some(name(egress.file)),
        };
        Self {
            trust_domain: mesh.map_or_else(|| Mesh::default().trust_domain, |mesh| mesh.value.trust_domain.clone()),
            usual: Caller::usual(&egress.value, egress.value.spec.host.to_string()),
            egress: egress.value.clone(),
            file: file.filter(|name| is_argument(name)).map(str::to_owned),
        }
    }

    /// The request in one line: the arguments of `explain` behind its file.
    pub(crate) fn text(&self, scenario: &Scenario) -> String {
        let words: Vec<String> = self.arguments(scenario).iter().map(|word| quoted(word)).collect();
        visible(&words.join(" "))
    }

    /// The command that explains the request; `None`: no command line can have this request, or name the file.
    pub(crate) fn command(&self, scenario: &Scenario) -> Option<String> {
        let file = self.file.as_ref()?;
        let Scenario { caller, request } = scenario;
        let headers = request.headers.iter().map(|(name, value)| (name.as_str(), value));
        let texts = [("", &request.method), ("", &request.authority), ("", &request.path)];
        let is_text = |(name, value): (&str, &Vec<u8>)| {
            name != "host" && value.trim_ascii() == value.as_slice() && std::str::from_utf8(value).is_ok()
        };
        let certificates = caller.certificate.iter().chain(&caller.forwarded);
        let is_exact = headers.chain(texts).all(is_text)
            && certificates.map(|certificate| certificate.dns.len()).sum::<usize>() == 0
            && caller.forwarded.len() < 2
            && caller.server_name.as_deref() != Some(NONE);
        let words: Vec<String> = self.arguments(scenario).iter().map(|word| quoted(word)).collect();
        let command = format!("sallyport explain {} {}", quoted(file), words.join(" "));
        (is_exact && visible(&command) == command).then_some(command)
    }

    /// What is as `explain` supposes it is left out.
    fn arguments(&self, scenario: &Scenario) -> Vec<String> {
        let Scenario { caller, request } = scenario;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (method, path) = (text(&request.method), text(&request.path));
        // What is no option comes first, unless it looks like one.
        let is_plain = !method.starts_with('-');
        let mut words = if is_plain { vec![method.clone(), path.clone()] } else { Vec::new() };
        let mut option = |name: &str, value: String| match value.starts_with('-') {
            true => words.push(format!("{name}={value}")),
            false => words.extend([name.to_owned(), value]),
        };
        option("--as", caller.written(&self.trust_domain));
        if let Some(forwarder) = caller.forwarder(&self.trust_domain) {
            option("--through", forwarder);
        }
        if let Some(token) = &caller.token {
            option("--claims", Value::Object(token.clone()).to_string());
        }
        if !caller.metadata.is_empty() {
            option("--metadata", json!(caller.metadata).to_string());
        }
        let or_none = |value: Option<String>| value.unwrap_or_else(|| NONE.to_owned());
        if caller.address != self.usual.address {
            option("--address", or_none(caller.address.map(|address| address.to_string())));
        }
        let [own, usual] = [caller, &self.usual].map(|caller| caller.gateway);
        if let Some(own) = own {
            if Some(own.port()) != usual.map(|usual| usual.port()) {
                option("--port", own.port().to_string());
            }
            if own.ip() != IpAddr::V4(Ipv4Addr::LOCALHOST) {
                option("--gateway-address", own.ip().to_string());
            }
        }
        if caller.server_name.as_ref() != Some(&usual_server_name(&self.egress, &text(&request.authority))) {
            option("--sni", or_none(caller.server_name.clone()));
        }
        if caller.tls_version != self.usual.tls_version {
            option("--tls", or_none(caller.tls_version.clone()));
        }
        if request.authority != self.egress.spec.host.authority().as_bytes() {
            option("-H", format!("host: {}", text(&request.authority)));
        }
        for (name, value) in &request.headers {
            let line = format!("{name}: {}", text(value));
            option(if name.starts_with('-') { "--header" } else { "-H" }, line.trim_end().to_owned());
        }
        if !is_plain {
            words.extend(["--".to_owned(), method, path]);
        }
        words
    }

    /// The request as fields.
    pub(crate) fn json(&self, scenario: &Scenario) -> Value {
        let Scenario { caller, request } = scenario;
        let Request { method, authority, path, headers } = request;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers: Vec<Value> = headers.iter().map(|(name, value)| json!([name, text(value)])).collect();
        json!({
            "caller": caller.written(&self.trust_domain),
            "through": caller.forwarder(&self.trust_domain),
            "identity": caller.principal().map(identity),
            "token": caller.token,
            "metadata": caller.metadata,
            "address": caller.address,
            "gateway": caller.gateway.map(|gateway| json!({"address": gateway.ip(), "port": gateway.port()})),
            "sni": caller.server_name,
            "tls": caller.tls_version,
            "method": text(method),
            "host": text(authority),
            "path": text(path),
            "headers": headers,
            "text": self.text(scenario),
            "explain": self.command(scenario),
        })
    }
}

/// A principal and its parts, which only one of Istio's form has.
fn identity(principal: &str) -> Value {
    let parts: Vec<&str> = principal.split('/').collect();
    let (namespace, account) = match parts.as_slice() {
        [_, "ns", namespace, "sa", account] => (Some(namespace), Some(account)),
        _ => (None, None),
    };
    json!({
        "principal": principal,
        "trustDomain": parts.first(),
        "namespace": namespace,
        "serviceAccount": account,
    })
}

/// Whether the name of a file in a report names it for another command, too.
fn is_argument(name: &str) -> bool {
    !name.is_empty() && !name.starts_with(['-', '<']) && !name.contains('\\')
}
