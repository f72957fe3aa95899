//! What `sallyport run` makes of an Egress file: the connection manager and the filter of its gateway.

use std::fs;
use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use sallyport_core::answer::ROUTE_HEADER;
use sallyport_tests::certs::Authority;
use sallyport_tests::envoys::Envoy;
use sallyport_tests::gate::{self, Gate, Options};
use sallyport_tests::process::Scratch;
use sallyport_tests::stage::egress_with;
use serde_json::{Value, json};

/// The gateway of an Egress file.
#[derive(Clone, Debug)]
pub struct Product {
    /// The connection manager, with no HTTP filters and no access log, for requests to any host.
    pub manager: Value,
    /// The HTTP filter's `typed_config`.
    pub filter: Value,
    /// The clusters of the upstream, by name: one for requests, and one for probes where there are any.
    pub clusters: Vec<String>,
    /// The rules, as the filter reads them.
    pub rules: Vec<Value>,
}

/// What an Egress file says beside its rules.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Fields of `spec`.
    pub spec: &'static str,
    /// Fields of `spec.authz`.
    pub authz: &'static str,
    /// The mesh's `accessLog`: `json` makes the filter tell what it has decided.
    pub log: &'static str,
}

impl Product {
    /// What becomes of two rules, the last of which allows what is asked for; `identity`: to one service account.
    pub fn make(envoy: &Envoy, settings: Settings, identity: bool) -> Result<Self> {
        let scratch = Scratch::new("bench-beside-product")?;
        let mesh = format!(
            "apiVersion: sallyport.dev/v1alpha1\nkind: Mesh\nmetadata: {{name: mesh}}\nspec: {{accessLog: {}}}\n",
            settings.log
        );
        let mesh = scratch.write("mesh.yaml", mesh)?.display().to_string();
        let authority = Authority::new("upstream authority")?.write(&scratch, "upstream-ca")?;
        let authz = format!("{}\nrules:\n{}", settings.authz, written(identity));
        let options = Options {
            envoy: &envoy.path,
            egress: &egress_with(settings.spec, &authz),
            // Nothing is asked of this gate.
            upstream: SocketAddr::from(([127, 0, 0, 1], 9)),
            authority: &authority,
            callers: &[],
        };
        let gate = Gate::start_with(&scratch, &options, &["--mesh", &mesh])?;
        let folder = gate.folder()?.join("xds");
        let resources = |name: &str| -> Result<Value> {
            let text = fs::read(folder.join(name).join(format!("{name}.json")))?;
            Ok(serde_json::from_slice::<Value>(&text)?["resources"].take())
        };
        let mut filter = resources("ecds")?[0]["typed_config"].take();
        filter["config"]["vm_config"]["code"]["local"]["filename"] = json!(gate::filter()?);
        let policy = filter["config"]["configuration"]["value"].as_str().context("no policy")?;
        let rules = serde_json::from_str::<Value>(policy)?["rules"].as_array().cloned().context("no rules")?;
        let mut manager = resources("lds")?[0]["filter_chains"][0]["filters"][0]["typed_config"].take();
        manager["access_log"] = json!([]);
        manager["http_filters"] = json!([]);
        manager["route_config"]["virtual_hosts"][0]["domains"] = json!(["*"]);
        let clusters = resources("cds")?;
        let names = clusters.as_array().into_iter().flatten().filter_map(|cluster| cluster["name"].as_str());
        Ok(Self { manager, filter, clusters: names.map(str::to_owned).collect(), rules })
    }

    /// With so many rules, all but the last like the first. A policy of 10,000 rules that name callers is larger than an
    /// object of Kubernetes, and so than what the packager lets through.
    pub fn with_rules(&self, count: usize) -> Result<Self> {
        let (first, last) = (self.rules.first().context("no rules")?, self.rules.last().context("no rules")?);
        let first = first.to_string();
        let like_first = |number: usize| {
            let text = first.replace("\"r0\"", &format!("\"r{number}\"")).replace("/res0/", &format!("/res{number}/"));
            Ok(serde_json::from_str(&text)?)
        };
        let mut rules = (0..count.saturating_sub(1)).map(like_first).collect::<Result<Vec<Value>>>()?;
        rules.push(last.clone());
        let mut product = self.clone();
        let policy = &mut product.filter["config"]["configuration"]["value"];
        let mut read: Value = serde_json::from_str(policy.as_str().context("no policy")?)?;
        read["rules"] = Value::Array(rules.clone());
        *policy = Value::String(read.to_string());
        product.rules = rules;
        Ok(product)
    }

    /// The same connection manager for a gateway without the filter: nothing is marked, and nothing is taken off.
    pub fn unguarded(&self) -> Value {
        let mut manager = self.manager.clone();
        if let Some(fields) = manager.as_object_mut() {
            fields.remove("early_header_mutation_extensions");
        }
        let route = &mut manager["route_config"]["virtual_hosts"][0]["routes"][0];
        if let Some(conditions) = route["match"].as_object_mut() {
            conditions.remove("headers");
        }
        if let Some(fields) = route.as_object_mut() {
            fields.remove("request_headers_to_remove");
            fields.remove("response_headers_to_remove");
        }
        manager
    }

    /// The same connection manager for a gateway without the filter, where every request has the mark: Envoy sets it where it
    /// removes what callers send under its name.
    pub fn marked(&self) -> Result<Value> {
        let mut manager = self.manager.clone();
        let mutation = &mut manager["early_header_mutation_extensions"][0]["typed_config"]["mutations"][0];
        ensure!(mutation["remove"] == ROUTE_HEADER, "the first change to a request's headers is not that of the mark");
        *mutation = json!({"append": {
            "header": {"key": ROUTE_HEADER, "value": self.mark()?}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
        }});
        Ok(manager)
    }

    /// The value of the mark that the way to the upstream asks for.
    pub fn mark(&self) -> Result<&str> {
        let condition = &self.manager["route_config"]["virtual_hosts"][0]["routes"][0]["match"]["headers"][0];
        ensure!(condition["name"] == ROUTE_HEADER, "the way to the upstream does not ask for the mark");
        condition["string_match"]["exact"].as_str().context("the mark has no value")
    }
}

/// Rules of an Egress file; the last is for the path `/ok`.
fn written(identity: bool) -> String {
    let from = if identity { "from: [{source: {serviceAccounts: [httpbin/sleep]}}], " } else { "" };
    let rule = |(id, path): (&str, &str)| {
        format!("- {{id: {id}, action: ALLOW, {from}to: [{{operation: {{methods: [GET], paths: [\"{path}\"]}}}}]}}\n")
    };
    [("r0", "/api/v1/res0/items*"), ("last", "/ok*")].into_iter().map(rule).collect()
}
