//! What is compared: the same gateway with other HTTP filters, which decide by the same rules.

use std::fmt::Write as _;

use anyhow::{Context, Result, ensure};
use sallyport_core::answer::ROUTE_HEADER;
use sallyport_tests::envoys::Envoy;
use sallyport_tests::istio;
use sallyport_tests::process::Scratch;
use sallyport_tests::workspace;
use serde_json::{Value, json};

use super::product::{Product, Settings};
use super::proxy::{router, typed};

/// Rules and nothing else.
const ALONE: Settings = Settings { spec: "headers: {hygiene: off}", authz: "", log: "text" };
/// What an Egress file has that says nothing of it.
const USUAL: Settings = Settings { spec: "", authz: "", log: "json" };
/// Everything that costs something.
const EVERYTHING: Settings = Settings {
    spec: "tracing: {formats: [w3c, b3, b3multi], parent: gateway, samplingPerMille: 1000}\n\
           headers: {set: [{name: x-caller, value: \"%{caller.serviceAccount}\"}, {name: x-by, value: \"%{rule}\"}]}\n\
           health: {probe: {path: /ok}, passive: {}}",
    authz: "discloseRule: true",
    log: "json",
};

/// How a request is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Not at all.
    None,
    /// A filter in WebAssembly that does nothing.
    Empty,
    /// Not at all, with a route that asks for a mark: Envoy itself sets it before it looks for the route.
    Guard,
    /// A filter in WebAssembly that reads the headers of a request and sets the mark of its route, and is called once for
    /// it.
    Least,
    /// Lua that compares one header.
    Lua,
    /// Envoy's RBAC filter, as istiod configures it.
    Rbac(usize),
    /// OPA, asked by Envoy's `ext_authz`.
    Opa,
    /// Sallyport with rules alone.
    Ours(usize),
    /// Sallyport with the defaults of the Egress file.
    Usual,
    /// Sallyport with everything on.
    Everything,
}

/// Rules of those that are not measured at several numbers of them.
pub const FEW: usize = 10;

impl Kind {
    /// In the tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "no filter",
            Self::Empty => "an empty filter in WebAssembly",
            Self::Guard => "the guard of the route alone",
            Self::Least => "the least that reads headers and sets the mark",
            Self::Lua => "Lua, one header compared",
            Self::Rbac(_) => "Istio's RBAC",
            Self::Opa => "OPA",
            Self::Ours(_) => "Sallyport, rules alone",
            Self::Usual => "Sallyport, the defaults",
            Self::Everything => "Sallyport, everything on",
        }
    }

    /// How many rules decide, if any do.
    pub fn rules(self) -> Option<usize> {
        match self {
            Self::None | Self::Empty | Self::Guard | Self::Least | Self::Lua => None,
            Self::Rbac(rules) | Self::Ours(rules) => Some(rules),
            Self::Opa | Self::Usual | Self::Everything => Some(FEW),
        }
    }

    /// The name of its files.
    pub fn slug(self) -> String {
        let word = match self {
            Self::None => "none",
            Self::Empty => "empty",
            Self::Guard => "guard",
            Self::Least => "least",
            Self::Lua => "lua",
            Self::Rbac(_) => "rbac",
            Self::Opa => "opa",
            Self::Ours(_) => "ours",
            Self::Usual => "usual",
            Self::Everything => "everything",
        };
        self.rules().map_or_else(|| word.to_owned(), |rules| format!("{word}-{rules}"))
    }
}

/// The gateways of Egress files with different settings.
#[derive(Debug)]
pub struct Products {
    alone: Product,
    usual: Product,
    everything: Product,
}

impl Products {
    /// With rules that allow `httpbin/sleep` alone, or everyone.
    pub fn make(envoy: &Envoy, identity: bool) -> Result<Self> {
        Ok(Self {
            alone: Product::make(envoy, ALONE, identity)?,
            usual: Product::make(envoy, USUAL, identity)?,
            everything: Product::make(envoy, EVERYTHING, identity)?,
        })
    }
}

/// A gateway that is decided for in one way.
#[derive(Debug)]
pub struct Variant {
    pub kind: Kind,
    /// Its connection manager.
    pub manager: Value,
    /// The clusters that are its upstream.
    pub clusters: Vec<String>,
    /// What decides, in the filter's words.
    pub rules: Vec<Value>,
}

impl Variant {
    /// With the rules that its kind has.
    pub fn make(scratch: &Scratch, products: &Products, kind: Kind) -> Result<Self> {
        let product = match kind {
            Kind::Usual => &products.usual,
            Kind::Everything => &products.everything,
            _ => &products.alone,
        };
        let product = product.with_rules(kind.rules().unwrap_or(FEW))?;
        let filters = match kind {
            Kind::None | Kind::Guard => Vec::new(),
            Kind::Empty => vec![bare("empty", "")?],
            Kind::Least => vec![bare("least", &format!("{ROUTE_HEADER} {}", product.mark()?))?],
            Kind::Lua => vec![lua()],
            Kind::Rbac(_) => rbac(scratch, &product.rules)?,
            Kind::Opa => vec![external()],
            Kind::Ours(_) | Kind::Usual | Kind::Everything => {
                vec![json!({"name": "sallyport", "typed_config": product.filter})]
            }
        };
        let manager = match kind {
            Kind::Least | Kind::Ours(_) | Kind::Usual | Kind::Everything => product.manager.clone(),
            Kind::Guard => product.marked()?,
            Kind::None | Kind::Empty | Kind::Lua | Kind::Rbac(_) | Kind::Opa => product.unguarded(),
        };
        Ok(Self { kind, manager: with_filters(manager, filters), clusters: product.clusters, rules: product.rules })
    }
}

/// The connection manager with these HTTP filters, and the router.
pub fn with_filters(mut manager: Value, mut filters: Vec<Value>) -> Value {
    filters.push(router());
    manager["http_filters"] = Value::Array(filters);
    manager
}

/// A filter that is there for a comparison, with its configuration.
fn bare(name: &str, configuration: &str) -> Result<Value> {
    let module = workspace().join(format!("target/wasm32-wasip1/wasm/sallyport_{name}.wasm"));
    ensure!(module.exists(), "the filter `{name}` is not built: run `tests/tools/wasm {name}`");
    let config = json!({"config": {
        "name": name,
        "configuration": {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": configuration},
        "vm_config": {"runtime": "envoy.wasm.runtime.v8", "code": {"local": {"filename": module.canonicalize()?}}},
    }});
    Ok(json!({"name": name, "typed_config": typed("filters.http.wasm.v3.Wasm", config)}))
}

fn lua() -> Value {
    const SCRIPT: &str = "function envoy_on_request(handle)\n  \
                          if handle:headers():get(':method') ~= 'GET' then handle:respond({[':status'] = '403'}, 'no') end\n\
                          end\n";
    let config = json!({"default_source_code": {"inline_string": SCRIPT}});
    json!({"name": "lua", "typed_config": typed("filters.http.lua.v3.Lua", config)})
}

/// What istiod makes of one AuthorizationPolicy of these rules.
pub fn rbac(scratch: &Scratch, rules: &[Value]) -> Result<Vec<Value>> {
    let rules: Vec<Value> = rules
        .iter()
        .cloned()
        .map(|mut rule| {
            // The fields have the same names; a rule has these only in an Egress file.
            if let Some(fields) = rule.as_object_mut() {
                fields.retain(|name, _| name != "id" && name != "action");
            }
            rule
        })
        .collect();
    let policy = json!({
        "name": "readers", "namespace": "egress-httpbin", "spec": {"action": "ALLOW", "rules": rules},
    });
    let case = json!({"id": "beside", "trustDomain": "cluster.local", "policies": [policy]});
    let made = istio::translate(scratch, vec![case])?.pop().context("no answer")?.into_filters()?;
    let filter = |mut filter: Value| json!({"name": filter["name"], "typed_config": filter["typedConfig"].take()});
    Ok(made.into_iter().map(filter).collect())
}

fn external() -> Value {
    let config = json!({
        "transport_api_version": "V3",
        "grpc_service": {"envoy_grpc": {"cluster_name": "opa"}, "timeout": "10s"},
    });
    json!({"name": "opa", "typed_config": typed("filters.http.ext_authz.v3.ExtAuthz", config)})
}

/// The rules in OPA's language.
pub fn rego(rules: &[Value]) -> Result<String> {
    let mut text = String::from("package envoy.authz\n\nimport rego.v1\n\ndefault allow := false\n");
    for rule in rules {
        let operation = &rule["to"][0]["operation"];
        let method = operation["methods"][0].as_str().context("a rule without a method")?;
        let path = operation["paths"][0].as_str().and_then(|path| path.strip_suffix('*')).context("no prefix")?;
        let _ = write!(text, "\nallow if {{\n");
        if let Some(account) = rule["from"][0]["source"]["serviceAccounts"][0].as_str() {
            let (namespace, name) = account.split_once('/').context("an account without a namespace")?;
            let _ = writeln!(
                text,
                "\tinput.attributes.source.principal == \"spiffe://cluster.local/ns/{namespace}/sa/{name}\""
            );
        }
        let _ = writeln!(text, "\tinput.attributes.request.http.method == \"{method}\"");
        let _ = writeln!(text, "\tstartswith(input.attributes.request.http.path, \"{path}\")\n}}");
    }
    Ok(text)
}
