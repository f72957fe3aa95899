//! One file per field of the schema, and what the field changes in what istiod gives Envoy.
//!
//! A file is the smallest one with this field: [`base`], the field, and the fields that it needs. A field of the schema
//! without a file here fails a test, and so does one that changes something else than is said here.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, bail, ensure};
use sallyport_tests::workspace;
use serde_json::{Value, json};

/// What a field changes of what Envoy gets. A statement about istiod, so that a file without effect is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Listeners, routes, clusters or endpoints.
    Envoy,
    /// Only the filter's policy.
    Policy,
    /// Nothing: it is about pods, other proxies or the manifests themselves.
    Nothing,
}

/// A file.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// The field, as in `spec.authn.jwt[].issuer`; of the Mesh file, if it begins with `mesh`.
    pub(crate) field: String,
    value: Value,
    with: Value,
    /// What follows from the field.
    pub(crate) effect: Effect,
    /// The gateway has a second Egress beside it, which is its standby.
    pub(crate) standby: bool,
}

impl Case {
    fn with(self, with: Value) -> Self {
        Self { with, ..self }
    }

    fn and_standby(self) -> Self {
        Self { standby: true, ..self }
    }

    /// Whether the field is one of the Mesh file.
    pub(crate) fn is_of_mesh(&self) -> bool {
        self.field.starts_with("mesh.")
    }

    /// A name that no other case has.
    pub(crate) fn name(&self, position: usize) -> String {
        let words: Vec<String> = self.field.split(['.', '[', ']']).map(str::to_lowercase).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).filter(|word| !word.is_empty()).collect();
        let last = words.get(words.len().saturating_sub(2)..).unwrap_or_default().join("-");
        format!("n{position:03}-{}", last.chars().take(24).collect::<String>())
    }

    /// The Egress file.
    pub(crate) fn egress(&self, name: &str) -> Value {
        let mut file = base(name, name);
        if !self.is_of_mesh() {
            merge(&mut file, &self.with);
            merge(&mut file, &nested(&self.field, self.value.clone()));
        }
        renamed(&file, name)
    }

    /// The Mesh file.
    pub(crate) fn mesh(&self, name: &str) -> Value {
        let mut file = mesh();
        if self.is_of_mesh() {
            merge(&mut file, &self.with);
            merge(&mut file, &nested(self.field.trim_start_matches("mesh."), self.value.clone()));
        }
        renamed(&file, name)
    }

    /// The same for all gateways of a mesh, if the Mesh file has the field, too.
    fn for_all(&self, fields: &BTreeSet<String>) -> Option<Self> {
        let own = self.field.strip_prefix("spec.")?;
        let of_egress = self.with.get("spec").cloned().unwrap_or_else(|| json!({}));
        let (field, with) = [
            (format!("mesh.spec.defaults.{own}"), json!({"spec": {"defaults": of_egress.clone()}})),
            (format!("mesh.spec.{own}"), json!({"spec": of_egress})),
        ]
        .into_iter()
        .find(|(field, _)| own.contains('.') && fields.contains(field) && !own.starts_with("filter."))?;
        Some(Self { field, with, value: self.value.clone(), standby: self.standby, effect: self.effect })
    }
}

/// `NAME` stands for the file's name.
fn renamed(file: &Value, name: &str) -> Value {
    serde_json::from_str(&file.to_string().replace("NAME", name)).unwrap_or_default()
}

/// The smallest file that lets something through.
pub(crate) fn base(namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": "sallyport.dev/v1alpha1",
        "kind": "Egress",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "host": format!("{name}.legacy.internal"),
            "upstream": {"host": format!("{name}.example.com"), "port": 443},
            "authz": {"rules": [{
                "id": "readers",
                "action": "ALLOW",
                "from": [{"source": {"namespaces": ["shop"]}}],
                "to": [{"operation": {"methods": ["GET"]}}],
            }]},
        },
    })
}

/// The Mesh file that all share which are not about it.
pub(crate) fn mesh() -> Value {
    json!({
        "apiVersion": "sallyport.dev/v1alpha1",
        "kind": "Mesh",
        "metadata": {"name": "tests"},
        "spec": {"filter": {
            "image": "registry.example.com/sallyport/filter",
            "digest": format!("sha256:{}", "ab".repeat(32)),
        }},
    })
}

/// `a.b[].c` and a value: `{a: {b: [{c: value}]}}`.
fn nested(path: &str, value: Value) -> Value {
    path.rsplit('.').fold(value, |inner, part| match part.strip_suffix("[]") {
        Some(name) => json!({ name: [inner] }),
        None => json!({ part: inner }),
    })
}

/// Lays one value over another: objects field by field, lists item by item. `null` takes a field away.
fn merge(base: &mut Value, over: &Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (name, value) in over {
                if value.is_null() {
                    base.remove(name);
                } else {
                    merge(base.entry(name).or_insert(Value::Null), value);
                }
            }
        }
        (Value::Array(base), Value::Array(over)) if over.iter().all(Value::is_object) => {
            for (position, value) in over.iter().enumerate() {
                match base.get_mut(position) {
                    Some(item) => merge(item, value),
                    None => base.push(value.clone()),
                }
            }
        }
        (base, over) => *base = over.clone(),
    }
}

fn merged(mut base: Value, over: &Value) -> Value {
    merge(&mut base, over);
    base
}

/// Every field of the schema, written as the cases write them.
fn schema_fields() -> Result<BTreeSet<String>> {
    let text = fs::read_to_string(workspace().join("packager/egress/egress.schema.json"))?;
    let schema: Value = serde_json::from_str(&text)?;
    let mut found = BTreeSet::new();
    for kind in schema["allOf"].as_array().context("no kinds")? {
        let name = kind.pointer("/if/properties/kind/const").and_then(Value::as_str).context("no kind")?;
        match name {
            "Egress" => collect(&kind["then"], "", &mut found),
            "Mesh" => collect(&kind["then"], "mesh", &mut found),
            // No gateway is made of them. A candidate is a part of the filter's configuration, which both get of one function.
            "Cases" | "Candidate" | "Rollout" => {}
            other => bail!("which gateways a {other} makes is not known"),
        }
    }
    ensure!(found.len() > 100, "only {} fields were found", found.len());
    Ok(found)
}

fn collect(schema: &Value, path: &str, found: &mut BTreeSet<String>) {
    if let Some(fields) = schema["properties"].as_object() {
        for (name, field) in fields {
            collect(field, &format!("{path}{}{name}", if path.is_empty() { "" } else { "." }), found);
        }
    } else if schema.pointer("/items/properties").is_some() {
        collect(&schema["items"], &format!("{path}[]"), found);
    } else {
        found.insert(path.to_owned());
    }
}

/// Fails if the schema has a field without a case, or a case has a field that the schema has not.
pub(crate) fn check_complete() -> Result<()> {
    let fields = schema_fields()?;
    let known: BTreeSet<String> = cases()?.into_iter().map(|case| case.field).collect();
    let missing: Vec<_> = fields.iter().filter(|field| !known.contains(*field) && !is_fixed(field)).collect();
    ensure!(
        missing.is_empty(),
        "fields of the schema without a case in tests/tests/differential/fields.rs: {missing:?}"
    );
    let unknown: Vec<_> = known.iter().filter(|field| !fields.contains(*field)).collect();
    ensure!(unknown.is_empty(), "cases whose field is not in the schema: {unknown:?}");
    Ok(())
}

/// What a file has only one value for, and what every file here has another value for.
fn is_fixed(field: &str) -> bool {
    let field = field.trim_start_matches("mesh.");
    matches!(field, "apiVersion" | "kind" | "metadata.name" | "metadata.namespace" | "spec.host")
}

fn case(field: &str, effect: Effect, value: Value) -> Case {
    Case { field: field.to_owned(), value, with: json!({}), effect, standby: false }
}

fn envoy(field: &str, value: Value) -> Case {
    case(field, Effect::Envoy, value)
}

fn policy(field: &str, value: Value) -> Case {
    case(field, Effect::Policy, value)
}

fn nothing(field: &str, value: Value) -> Case {
    case(field, Effect::Nothing, value)
}

/// Every case. What the Mesh file says for all gateways has the same cases as what an Egress says.
pub(crate) fn cases() -> Result<Vec<Case>> {
    let fields = schema_fields()?;
    let of_egress = [upstream(), route(), headers(), authz(), health(), deploy()].concat();
    let for_all = of_egress.iter().filter_map(|case| case.for_all(&fields)).collect();
    Ok([of_egress, of_mesh(), for_all].concat())
}

fn upstream() -> Vec<Case> {
    let mutual = || {
        json!({"spec": {"upstream": {"tls": {
            "mode": "MUTUAL",
            "clientCertificate": "/etc/sallyport/upstream/tls.crt",
            "privateKey": "/etc/sallyport/upstream/tls.key",
        }}}})
    };
    let addresses = || {
        json!({"spec": {"upstream": {"endpoints": [
            {"address": "192.0.2.10", "locality": "eu-west-1/eu-west-1a", "weight": 3},
            {"address": "192.0.2.11", "locality": "eu-west-1/eu-west-1a"},
            {"address": "2001:db8::7", "locality": "us-east-1", "port": 9443},
        ]}}})
    };
    let checked = json!({"spec": {
        "route": {"outlierDetection": {"consecutive5xxErrors": 4}},
        "health": {"probe": {"path": "/health"}},
    }});
    let endpoint = |field: &str, value| envoy(&format!("spec.upstream.endpoints[].{field}"), value);
    vec![
        envoy("spec.aliases", json!(["NAME-old.legacy.internal", "NAME.example.internal"])),
        envoy("spec.ports[].port", json!(9000)).with(json!({"spec": {"ports": [
            {"upstreamPort": 9443},
            {"port": 81, "upstreamPort": 8081},
        ]}})),
        envoy("spec.ports[].upstreamPort", json!(9443)).with(json!({"spec": {
            "ports": [{"port": 9000}],
            "health": {"probe": {"path": "/health"}},
        }})),
        envoy("spec.upstream.authority", json!("NAME.other.example.com")),
        envoy("spec.upstream.authority", json!("NAME.other.example.com:8443"))
            .with(json!({"spec": {"health": {"probe": {"path": "/health"}}}})),
        endpoint("address", json!("192.0.2.9")),
        endpoint("address", json!("one.example.com"))
            .with(json!({"spec": {"upstream": {"endpoints": [{}, {"address": "two.example.com", "weight": 2}]}}})),
        endpoint("port", json!(9443)).with(addresses()),
        endpoint("locality", json!("eu-west-1/eu-west-1b/rack-7")).with(merged(addresses(), &checked)),
        endpoint("weight", json!(7)).with(addresses()),
        envoy("spec.upstream.host", json!("other.example.com")),
        envoy("spec.upstream.host", json!("192.0.2.7")),
        envoy("spec.upstream.host", json!("2001:db8::15")),
        envoy("spec.upstream.port", json!(8443)),
        envoy("spec.upstream.protocol", json!("http2")),
        envoy("spec.upstream.protocol", json!("http2")).with(json!({"spec": {"upstream": {"tls": {"mode": "NONE"}}}})),
        envoy("spec.upstream.tls.mode", json!("NONE")),
        envoy("spec.upstream.tls.mode", json!("NONE")).with(json!({"spec": {"upstream": {"port": 8080}}})),
        envoy("spec.upstream.tls.mode", json!("MUTUAL")).with(mutual()),
        envoy("spec.upstream.tls.sni", json!("name.example.com")),
        envoy("spec.upstream.tls.subjectAltNames", json!(["one.example.com", "spiffe://example.com/two", "192.0.2.9"])),
        envoy("spec.upstream.tls.caCertificates", json!("/etc/sallyport/upstream/ca.crt")),
        envoy("spec.upstream.tls.clientCertificate", json!("/etc/sallyport/upstream/other.crt")).with(mutual()),
        envoy("spec.upstream.tls.privateKey", json!("/etc/sallyport/upstream/other.key")).with(mutual()),
    ]
}

fn route() -> Vec<Case> {
    let pool = |field: &str, value| envoy(&format!("spec.route.connectionPool.{field}"), value);
    let outlier = |field: &str, value| envoy(&format!("spec.route.outlierDetection.{field}"), value);
    let path = |field: &str, value| envoy(&format!("spec.route.paths[].{field}"), value);
    let paths = |with: Value| {
        let paths = json!([{"path": "/v1/{**}", "timeout": "20s"}, {"path": "/status", "rewrite": "/health"}]);
        merged(json!({"spec": {"route": {"timeout": "5s", "paths": paths}}}), &json!({ "spec": with }))
    };
    vec![
        path("path", json!("/v2/{**}")).with(paths(json!({}))),
        path("rewrite", json!("/api/v1/{**}")).with(paths(json!({"health": {"probe": {"path": "/health"}}}))),
        path("timeout", json!("60s")).with(paths(json!({"aliases": ["NAME-old.legacy.internal"]}))),
        envoy("spec.route.timeout", json!("7s")),
        envoy("spec.route.timeout", json!("1m30s")),
        envoy("spec.route.retries.attempts", json!(3)),
        // None is the default.
        nothing("spec.route.retries.attempts", json!(0)),
        envoy("spec.route.retries.perTryTimeout", json!("2s"))
            .with(json!({"spec": {"route": {"retries": {"attempts": 1}}}})),
        envoy("spec.route.retries.retryOn", json!("5xx,reset,503"))
            .with(json!({"spec": {"route": {"retries": {"attempts": 1}}}})),
        pool("maxConnections", json!(40)),
        pool("connectTimeout", json!("3s")),
        pool("connectTimeout", json!("250ms")),
        pool("maxRequests", json!(50)),
        pool("maxPendingRequests", json!(60)),
        outlier("consecutive5xxErrors", json!(4)),
        outlier("interval", json!("11s")),
        outlier("interval", json!("1m30s")),
        outlier("baseEjectionTime", json!("31s")),
        outlier("maxEjectionPercent", json!(49)),
        // With a probe, callers use a subset.
        outlier("consecutive5xxErrors", json!(4)).with(json!({"spec": {"health": {"probe": {"path": "/health"}}}})),
    ]
}

fn headers() -> Vec<Case> {
    let credential = json!({"spec": {"headers": {"credential": {"name": "authorization", "secretName": "token"}}}});
    let set = json!({"spec": {"headers": {"set": [{"name": "x-caller", "value": "%{caller.principal}"}]}}});
    let traced = json!({"spec": {"tracing": {"mode": "envoy"}}});
    vec![
        envoy("spec.headers.hygiene", json!("compatible")),
        envoy("spec.headers.hygiene", json!("off")),
        envoy("spec.headers.keep", json!(["x-forwarded-for"])),
        envoy("spec.headers.remove", json!(["x-internal"])),
        policy("spec.headers.set[].name", json!("x-other")).with(set.clone()),
        policy("spec.headers.set[].value", json!("%{requestId}")).with(set),
        envoy("spec.headers.response.keep", json!(["server"])),
        envoy("spec.headers.response.remove", json!(["set-cookie"])),
        envoy("spec.headers.credential.name", json!("x-api-key")).with(credential.clone()),
        envoy("spec.headers.credential.prefix", json!("Bearer 100% ")).with(credential.clone()),
        envoy("spec.headers.credential.secretName", json!("other")).with(credential.clone()),
        envoy("spec.headers.credential.secretKey", json!("other")).with(credential),
        // Spans are made where a provider is named, here or as the default of the mesh.
        policy("spec.tracing.mode", json!("strip")),
        policy("spec.tracing.mode", json!("envoy")),
        policy("spec.tracing.formats", json!(["b3multi"])),
        policy("spec.tracing.baggage", json!(["tenant"])),
        policy("spec.tracing.parent", json!("gateway")),
        policy("spec.tracing.samplingPerMille", json!(125)),
        envoy("spec.tracing.provider", json!("collector")).with(traced.clone()),
        envoy("spec.tracing.samplingPerMille", json!(125))
            .with(merged(traced, &json!({"spec": {"tracing": {"provider": "collector"}}}))),
        envoy("spec.tracing.requestId", json!("new")),
    ]
}

fn authz() -> Vec<Case> {
    let source = |field: &str, value| policy(&format!("spec.authz.rules[].from[].source.{field}"), json!([value]));
    let operation = |field: &str, value| policy(&format!("spec.authz.rules[].to[].operation.{field}"), json!([value]));
    let condition = |field: &str, value| policy(&format!("spec.authz.rules[].when[].{field}"), value);
    let no_namespace = || json!({"spec": {"authz": {"rules": [{"from": [{"source": {"namespaces": null}}]}]}}});
    let key = || json!({"spec": {"authz": {"rules": [{"when": [{"key": "request.headers[x-role]"}]}]}}});
    let key_and_value =
        || json!({"spec": {"authz": {"rules": [{"when": [{"key": "request.headers[x-role]", "values": ["a"]}]}]}}});
    let issuer = || {
        json!({"spec": {"authn": {"jwt": [{
            "issuer": "https://login.example.com",
            "jwksUri": "https://login.example.com/keys",
        }]}}})
    };
    let public = r#"{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;
    let jwt = |field: &str, value| envoy(&format!("spec.authn.jwt[].{field}"), value);
    vec![
        policy("spec.authz.discloseRule", json!(true)),
        envoy("spec.authz.trustedForwarders", json!(["cluster.local/ns/istio-system/sa/ingress"])),
        policy("spec.authz.tolerate", json!(["semicolon"])),
        policy("spec.authz.rules[].id", json!("others")),
        policy("spec.authz.rules[].action", json!("AUDIT")),
        policy("spec.authz.rules[].stage", json!("shadow")),
        source("principals", "cluster.local/ns/shop/sa/orders"),
        source("notPrincipals", "cluster.local/ns/shop/sa/orders"),
        source("namespaces", "billing"),
        source("notNamespaces", "shop"),
        source("serviceAccounts", "shop/other").with(no_namespace()),
        source("notServiceAccounts", "shop/other").with(no_namespace()),
        source("trustDomains", "cluster.local"),
        source("notTrustDomains", "other.test"),
        source("ipBlocks", "192.0.2.0/24"),
        source("notIpBlocks", "192.0.2.0/24"),
        source("remoteIpBlocks", "192.0.2.0/24"),
        source("notRemoteIpBlocks", "192.0.2.0/24"),
        envoy("spec.authz.rules[].from[].source.requestPrincipals", json!(["https://login.example.com/*"]))
            .with(issuer()),
        envoy("spec.authz.rules[].from[].source.notRequestPrincipals", json!(["https://login.example.com/*"]))
            .with(issuer()),
        operation("hosts", "*.legacy.internal"),
        operation("notHosts", "*.legacy.internal"),
        operation("ports", "8443"),
        operation("notPorts", "8443"),
        operation("methods", "PUT"),
        operation("notMethods", "PUT"),
        operation("paths", "/a/{*}"),
        operation("notPaths", "/a/{*}"),
        operation("pathRegex", "/a/[0-9]+"),
        operation("notPathRegex", "/a/[0-9]+"),
        policy("spec.authz.rules[].to[].operation.grpc", json!(["a.B/C"]))
            .with(json!({"spec": {"authz": {"rules": [{"to": [{"operation": {"methods": ["POST"]}}]}]}}})),
        operation("notGrpc", "a.B/C"),
        condition("key", json!("request.headers[x-role]")).with(key_and_value()),
        condition("values", json!(["a"])).with(key()),
        condition("notValues", json!(["a"])).with(key()),
        condition("regex", json!(["a+"])).with(key()),
        condition("notRegex", json!(["a+"])).with(key()),
        condition("match", json!("any")).with(key_and_value()),
        jwt("issuer", json!("https://other.example.com")).with(issuer()),
        jwt("audiences", json!(["orders"])).with(issuer()),
        jwt("jwksUri", json!("https://other.example.com/keys")).with(issuer()),
        jwt("jwksUri", json!("http://keys.example.com:8080/keys")).with(issuer()),
        jwt("jwks", json!(public)).with(json!({"spec": {"authn": {"jwt": [{"issuer": "https://login.example.com"}]}}})),
        envoy("spec.authn.jwt[].issuer", json!("https://one.example.com")).with(json!({"spec": {"authn": {"jwt": [
            {"jwks": public},
            {"issuer": "https://two.example.com", "audiences": ["a", "b"], "jwks": public},
        ]}}})),
    ]
}

fn health() -> Vec<Case> {
    let probe = |field: &str, value| {
        policy(&format!("spec.health.probe.{field}"), value)
            .with(json!({"spec": {"health": {"probe": {"path": "/health"}}}}))
    };
    let passive = |field: &str, value| {
        policy(&format!("spec.health.passive.{field}"), value)
            .with(json!({"spec": {"health": {"passive": {"consecutive": 5}}}}))
    };
    let gate = |field: &str, value| {
        policy(&format!("spec.health.{field}"), value).with(json!({"spec": {"health": {"probe": {"path": "/health"}}}}))
    };
    let header = || json!({"spec": {"health": {"probe": {"path": "/health", "expect": {"header": {"name": "x-state", "value": "up"}}}}}});
    let window = || json!({"spec": {"health": {"passive": {"consecutive": 5, "failurePercent": 50}}}});
    vec![
        probe("path", json!("/other")),
        probe("method", json!("HEAD")),
        probe("host", json!("probe.example.com")),
        probe("userAgent", json!("prober/1")),
        probe("interval", json!("6s")),
        probe("timeout", json!("900ms")),
        probe("jitter", json!(7)),
        probe("fall", json!(4)),
        probe("rise", json!(5)),
        probe("expect.statuses", json!(["204"])),
        probe("expect.bodyPrefix", json!("ok")),
        probe("expect.header.name", json!("x-other")).with(header()),
        probe("expect.header.value", json!("down")).with(header()),
        passive("consecutive", json!(6)),
        passive("consecutiveLocal", json!(7)),
        passive("failurePercent", json!(40)),
        passive("minimumRequests", json!(30)).with(window()),
        passive("p95", json!("2s")),
        passive("statuses", json!(["500-599"])),
        passive("grpcStatuses", json!([14])),
        passive("window", json!("20s")).with(window()),
        gate("hold", json!("12s")),
        gate("override", json!("forceOpen")),
        gate("readiness", json!("upstream")),
        gate("refusal.status", json!(502)),
        gate("refusal.retryAfter", json!("9s")),
        gate("slowStart.duration", json!("20s")),
        gate("slowStart.share", json!(20))
            .with(json!({"spec": {"health": {"probe": {"path": "/health"}, "slowStart": {"duration": "10s"}}}})),
        envoy("spec.health.failover", json!(["standby"]))
            .with(json!({"spec": {"health": {"probe": {"path": "/health"}}}}))
            .and_standby(),
    ]
}

fn deploy() -> Vec<Case> {
    let expose = || json!({"spec": {"expose": {"host": "NAME.public.example.com", "credentialName": "app"}}});
    let opa = || json!({"spec": {"gateway": {"opa": {"image": "openpolicyagent/opa:1.4.2-envoy", "policyConfigMap": "policy"}}}});
    let patch = |field: &str, value: Value, with: Value| {
        let whole = json!({"kind": "VirtualService", "name": "NAME-upstream"});
        envoy(&format!("spec.patches[].{field}"), value).with(json!({"spec": {"patches": [merged(whole, &with)]}}))
    };
    let operation = |op: Value| json!({"json": [merged(json!({"op": "add", "path": "/spec/http/0/timeout"}), &op)]});
    let pool = || json!({"spec": {"trafficPolicy": {"connectionPool": {"tcp": {"maxConnections": 9}}}}});
    vec![
        nothing("spec.expose.host", json!("NAME.other.example.com")).with(expose()),
        nothing("spec.expose.aliases", json!(["NAME.old.example.com"])).with(expose()),
        nothing("spec.expose.gateway", json!("istio-system/other")).with(expose()),
        nothing("spec.expose.credentialName", json!("other")).with(expose()),
        nothing("spec.expose.httpsRedirect", json!(false)).with(expose()),
        nothing("spec.gateway.replicas", json!(3)),
        nothing("spec.gateway.maxReplicas", json!(4)),
        nothing("spec.gateway.resources.cpu", json!("200m")),
        nothing("spec.gateway.resources.memory", json!("512Mi")),
        nothing("spec.gateway.concurrency", json!(1)),
        nothing("spec.gateway.drainSeconds", json!(45)),
        nothing("spec.gateway.createNamespace", json!(true)),
        nothing("spec.gateway.maxSurge", json!(2)),
        nothing("spec.gateway.maxUnavailable", json!(1)),
        envoy("spec.gateway.numTrustedProxies", json!(2)),
        nothing("spec.gateway.install", json!("istiooperator")),
        nothing("spec.gateway.install", json!("helm")),
        envoy("spec.gateway.install", json!("gateway-api")),
        envoy("spec.gateway.opa.image", json!("openpolicyagent/opa:1.5.0-envoy")).with(opa()),
        envoy("spec.gateway.opa.policyConfigMap", json!("other")).with(opa()),
        envoy("spec.gateway.opa.path", json!("other/allow")).with(opa()),
        policy("spec.gateway.filterDigest", json!(format!("sha256:{}", "cd".repeat(32)))),
        policy("spec.rollout.stage", json!("shadow")),
        policy("spec.rollout.canary.percent", json!(5)).with(canary()),
        policy("spec.rollout.canary.callers", json!(["cluster.local/ns/shop/sa/web"])).with(canary()),
        nothing("metadata.labels", json!({"tier": "silver"})),
        patch("kind", json!("DestinationRule"), json!({"merge": pool()})),
        patch("name", json!("NAME-upstream"), json!({"kind": "DestinationRule", "merge": pool()})),
        patch("merge", pool(), json!({"kind": "DestinationRule"})),
        patch("json[].op", json!("replace"), operation(json!({"path": "/spec/http/0/name", "value": "patched"}))),
        patch("json[].path", json!("/spec/http/0/timeout"), operation(json!({"value": "9s"}))),
        patch("json[].from", json!("/metadata/name"), operation(json!({"op": "copy", "path": "/spec/http/0/name"}))),
        patch("json[].value", json!("8s"), operation(json!({}))),
    ]
}

fn canary() -> Value {
    json!({"spec": {"rollout": {"stage": "canary", "canary": {"percent": 10}}}})
}

fn of_mesh() -> Vec<Case> {
    let filter = |field: &str, effect, value| case(&format!("mesh.spec.filter.{field}"), effect, value);
    vec![
        nothing("mesh.spec.istioVersion", json!("1.30")),
        nothing("mesh.spec.revision", json!("default")),
        nothing("mesh.spec.istiod.namespace", json!("istio-control")),
        nothing("mesh.spec.istiod.address", json!("istiod.example.com")),
        nothing("mesh.spec.istiod.port", json!(15443)),
        nothing("mesh.spec.outboundTrafficPolicy", json!("registry-only")),
        nothing("mesh.spec.dnsCapture", json!("always")),
        nothing(
            "mesh.spec.extensionProviders",
            json!([{"name": "other", "envoyFileAccessLog": {"path": "/dev/stdout"}}]),
        ),
        nothing("mesh.spec.labels", json!({"team": "a"})),
        nothing("mesh.spec.annotations", json!({"team.example.com/contact": "a"})),
        policy("mesh.spec.trustDomain", json!("other.test")),
        policy("mesh.spec.trustDomainAliases", json!(["old.test"])),
        envoy("mesh.spec.accessLog", json!("json")),
        filter("image", Effect::Policy, json!("other.example.com/filter")),
        filter("digest", Effect::Policy, json!(format!("sha256:{}", "cd".repeat(32)))),
        filter("pullSecret", Effect::Policy, json!("registry")),
        filter("delivery", Effect::Policy, json!("image-volume")),
    ]
}
