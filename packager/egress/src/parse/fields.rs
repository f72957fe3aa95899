//! The tables of fields: what an Egress or Mesh file may say.
//!
//! # Design
//! One table drives the decoder ([`conform`](mod@super::conform)), the JSON Schema ([`schema`](crate::schema)) and the help
//! in messages, so they cannot drift apart. What a table cannot say (fields that depend on each other) is in
//! [`cross`](super::cross); what the policy means is the core's business alone.

mod authz;
mod deploy;
mod egress;
mod health;
mod mesh;
mod operation;
mod outbound;
mod patch;
mod route;
mod rule;
mod source;

use super::suggest::either;
use super::text::Text;
use super::tree::{Scalar, ScalarType};

pub(crate) use egress::EGRESS;
pub(crate) use mesh::MESH;

/// A mapping with known fields.
pub(crate) struct Block {
    /// What it is called in messages: `operation`.
    pub(crate) name: &'static str,
    pub(crate) fields: &'static [Field],
    /// Names that people write here, and what to write instead.
    pub(crate) tombstones: &'static [(&'static str, &'static str)],
}

pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    pub(crate) presence: Presence,
    /// One or two sentences: the hover text of editors.
    pub(crate) doc: &'static str,
}

#[derive(Clone, Copy)]
pub(crate) enum Presence {
    Required,
    Optional,
    /// Absent means this, in words.
    Default(&'static str),
}

#[derive(Clone, Copy)]
pub(crate) enum Shape {
    Text(Text),
    Boolean,
    Whole {
        least: u64,
        most: u64,
    },
    OneOf(&'static [Choice]),
    List(&'static Shape),
    Block(&'static Block),
    /// A mapping with whatever fields.
    Fields,
    /// Whatever JSON can say, `null` too.
    Any,
}

pub(crate) struct Choice {
    pub(crate) value: &'static str,
    pub(crate) doc: &'static str,
}

impl Block {
    pub(crate) fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// This block and those within it.
    pub(crate) fn all(&'static self) -> Vec<&'static Block> {
        let mut blocks = vec![self];
        for field in self.fields {
            let mut shape = &field.shape;
            while let Shape::List(of) = shape {
                shape = of;
            }
            if let Shape::Block(block) = shape {
                blocks.extend(block.all());
            }
        }
        blocks
    }
}

impl Choice {
    /// As it must be written in YAML: in quotes where it looks like a number.
    pub(crate) fn written(&self) -> String {
        let scalar = Scalar { text: self.value.to_owned(), plain: true };
        if scalar.resolve() == ScalarType::Text { scalar.text } else { format!("\"{}\"", scalar.text) }
    }
}

impl Shape {
    /// What is wanted, in words: `a list of strings`.
    pub(crate) fn wanted(&self) -> String {
        match self {
            Shape::Text(_) => "a string".to_owned(),
            Shape::Boolean => "`true` or `false`".to_owned(),
            Shape::Whole { least, most } => format!("a whole number from {least} to {most}"),
            Shape::OneOf(choices) => Shape::wanted_of(choices),
            Shape::List(of) => match of {
                Shape::Text(_) => "a list of strings".to_owned(),
                Shape::Block(block) => format!("a list of mappings (`{}`)", block.name),
                _ => "a list".to_owned(),
            },
            Shape::Block(_) | Shape::Fields => "a mapping".to_owned(),
            Shape::Any => "a value".to_owned(),
        }
    }

    pub(crate) fn wanted_of(choices: &[Choice]) -> String {
        let values: Vec<String> = choices.iter().map(Choice::written).collect();
        either(values.iter().map(String::as_str))
    }
}

const fn required(name: &'static str, shape: Shape, doc: &'static str) -> Field {
    Field { name, shape, presence: Presence::Required, doc }
}

const fn optional(name: &'static str, shape: Shape, doc: &'static str) -> Field {
    Field { name, shape, presence: Presence::Optional, doc }
}

const fn defaulted(name: &'static str, shape: Shape, default: &'static str, doc: &'static str) -> Field {
    Field { name, shape, presence: Presence::Default(default), doc }
}

const fn choice(value: &'static str, doc: &'static str) -> Choice {
    Choice { value, doc }
}

const fn list(of: Text) -> Shape {
    match of {
        Text::Free => Shape::List(&Shape::Text(Text::Free)),
        Text::Digits => Shape::List(&Shape::Text(Text::Digits)),
        Text::SubjectAltName => Shape::List(&Shape::Text(Text::SubjectAltName)),
        Text::HeaderName => Shape::List(&Shape::Text(Text::HeaderName)),
        Text::Word => Shape::List(&Shape::Text(Text::Word)),
        _ => Shape::List(&Shape::Text(Text::NotEmpty)),
    }
}

const METADATA_NAME: Field =
    required("name", Shape::Text(Text::Label), "The resource's name: 1 to 63 of `a-z`, `0-9` and `-`.");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::deploy::{
        ConnectionPool, Delivery, Expose, Install, Opa, OutlierDetection, Patch, Resources, Retries, Route,
    };
    use crate::model::health::{
        Expect, ExpectedHeader, GateRefusal, Health, Override, Passive, Probe, Readiness, SlowStart,
    };
    use crate::model::outbound::{
        Credential, Headers, Hygiene, RequestId, ResponseHeaders, SetHeader, TraceFormat, Tracing, TracingMode,
    };
    use crate::model::{
        AccessLog, Authn, Authz, EgressSpec, Gateway, JwtProvider, Rollout, TlsMode, Upstream, UpstreamTls,
    };
    use sallyport_core::wire;
    use serde_json::{Value, json};

    /// Everything that the types can say, written without `..`: a new field breaks the build here.
    fn full() -> EgressSpec {
        let text = || Some("x".to_owned());
        let list = || Some(vec!["x".to_owned()]);
        let source = wire::Source {
            principals: list(),
            not_principals: list(),
            request_principals: list(),
            not_request_principals: list(),
            namespaces: list(),
            not_namespaces: list(),
            service_accounts: list(),
            not_service_accounts: list(),
            trust_domains: list(),
            not_trust_domains: list(),
            ip_blocks: list(),
            not_ip_blocks: list(),
            remote_ip_blocks: list(),
            not_remote_ip_blocks: list(),
        };
        let operation = wire::Operation {
            hosts: list(),
            not_hosts: list(),
            ports: list(),
            not_ports: list(),
            methods: list(),
            not_methods: list(),
            paths: list(),
            not_paths: list(),
            path_regex: list(),
            not_path_regex: list(),
            grpc: list(),
            not_grpc: list(),
        };
        let condition = wire::Condition {
            key: "x".to_owned(),
            values: list(),
            not_values: list(),
            regex: list(),
            not_regex: list(),
            quantifier: Some(wire::Quantifier::Any),
        };
        let rule = wire::Rule {
            id: "x".to_owned(),
            action: wire::Action::Audit,
            mode: wire::Mode::Shadow,
            from: Some(vec![wire::FromEntry { source }]),
            to: Some(vec![wire::ToEntry { operation }]),
            when: Some(vec![condition]),
        };
        let provider = JwtProvider { issuer: "x".to_owned(), audiences: vec![], jwks: text(), jwks_uri: text() };
        let tls = UpstreamTls {
            mode: TlsMode::Mutual,
            sni: text(),
            subject_alt_names: vec![],
            ca_certificates: text(),
            client_certificate: text(),
            private_key: text(),
        };
        let expose = Expose {
            host: "x".to_owned(),
            gateway: "x".to_owned(),
            credential_name: "x".to_owned(),
            https_redirect: true,
        };
        let patch = Patch {
            kind: "x".to_owned(),
            name: text(),
            merge: Some(json!({"x": null})),
            json: Some(json!([{"op": "add", "path": "/x", "from": "/y", "value": 1}])),
        };
        let route = full_route();
        EgressSpec {
            host: "x".to_owned(),
            expose: Some(expose),
            route,
            health: full_health(),
            tracing: Tracing {
                mode: TracingMode::Envoy,
                formats: Some(vec![TraceFormat::B3Multi]),
                baggage: vec![text().unwrap_or_default()],
                provider: text(),
                sampling_per_mille: Some(1),
                request_id: RequestId::New,
            },
            headers: full_headers(),
            patches: vec![patch],
            upstream: Upstream { host: "x".to_owned(), port: 1, tls },
            authz: Authz {
                trusted_forwarders: vec![],
                tolerate: vec![wire::Ambiguity::Fragment],
                disclose_rule: true,
                rules: vec![rule],
            },
            authn: Authn { jwt: vec![provider] },
            rollout: Rollout { mode: wire::Mode::Shadow },
            gateway: full_gateway(),
        }
    }

    fn full_gateway() -> Gateway {
        let text = || "x".to_owned();
        Gateway {
            replicas: 1,
            max_replicas: Some(1),
            install: Install::Helm,
            resources: Resources { cpu: text(), memory: text() },
            concurrency: 1,
            drain_seconds: 1,
            create_namespace: true,
            opa: Some(Opa { image: text(), policy_config_map: text(), path: text() }),
            num_trusted_proxies: 1,
        }
    }

    fn full_headers() -> Headers {
        let text = || "x".to_owned();
        Headers {
            hygiene: Hygiene::Off,
            keep: vec![text()],
            remove: vec![text()],
            set: vec![SetHeader { name: text(), value: text() }],
            response: ResponseHeaders { keep: vec![text()], remove: vec![text()] },
            credential: Some(Credential { name: text(), prefix: text(), secret_name: text(), secret_key: text() }),
        }
    }

    fn full_health() -> Health {
        let text = || "x".to_owned();
        let header = ExpectedHeader { name: text(), value: text() };
        Health {
            probe: Some(Probe {
                path: text(),
                method: text(),
                host: Some(text()),
                expect: Expect { statuses: vec![text()], header: Some(header), body_prefix: Some(text()) },
                interval: text(),
                jitter: 1,
                timeout: Some(text()),
                rise: 1,
                fall: 1,
            }),
            passive: Some(Passive {
                window: text(),
                minimum_requests: 1,
                failure_percent: Some(1),
                consecutive: 1,
                consecutive_local: 1,
                statuses: vec![text()],
                grpc_statuses: vec![1],
                p95: Some(text()),
            }),
            hold: text(),
            slow_start: SlowStart { share: 1, duration: text() },
            refusal: GateRefusal { status: 503, retry_after: text() },
            force: Some(Override::ForceOpen),
            readiness: Readiness::Upstream,
            failover: vec![text()],
        }
    }

    fn full_route() -> Route {
        let text = || Some("x".to_owned());
        Route {
            timeout: text(),
            retries: Some(Retries { attempts: 1, per_try_timeout: text(), retry_on: "x".to_owned() }),
            connection_pool: Some(ConnectionPool {
                max_connections: Some(1),
                connect_timeout: text(),
                max_requests: Some(1),
                max_pending_requests: Some(1),
            }),
            outlier_detection: Some(OutlierDetection {
                consecutive5xx_errors: Some(1),
                interval: text(),
                base_ejection_time: text(),
                max_ejection_percent: Some(1),
            }),
        }
    }

    fn same_fields(shape: &Shape, json: &Value) {
        match (shape, json) {
            (Shape::Block(block), Value::Object(fields)) => {
                let mut table: Vec<_> = block.fields.iter().map(|field| field.name).collect();
                let mut model: Vec<_> = fields.keys().map(String::as_str).collect();
                table.sort_unstable();
                model.sort_unstable();
                assert_eq!(table, model, "`{}`", block.name);
                block.fields.iter().for_each(|field| same_fields(&field.shape, &fields[field.name]));
            }
            (Shape::List(of), Value::Array(items)) => items.iter().for_each(|item| same_fields(of, item)),
            (Shape::OneOf(choices), Value::String(text)) => {
                assert!(choices.iter().any(|choice| choice.value == text), "{text}");
            }
            (Shape::Text(_), Value::String(_)) | (Shape::Boolean, Value::Bool(_)) => {}
            (Shape::Whole { .. }, Value::Number(_)) | (Shape::Fields, Value::Object(_)) | (Shape::Any, _) => {}
            (shape, json) => panic!("wanted {}, found {json}", shape.wanted()),
        }
    }

    #[test]
    fn tables_and_types_have_the_same_fields() {
        let spec = EGRESS.field("spec").map(|field| field.shape).expect("a spec");
        same_fields(&spec, &serde_json::to_value(full()).expect("JSON"));
    }

    /// Every choice of a table is one that its type, or the core, can read.
    #[test]
    fn tables_and_types_have_the_same_choices() {
        let core_reads = |policy: Value| {
            let mut wire = json!({"version": 1, "upstream": "a/b"});
            wire.as_object_mut().expect("a mapping").extend(policy.as_object().expect("a mapping").clone());
            sallyport_core::engine::parse(wire.to_string().as_bytes()).is_ok()
        };
        for block in EGRESS.all().into_iter().chain(MESH.all()) {
            for field in block.fields {
                let shape = if let Shape::List(of) = field.shape { *of } else { field.shape };
                let Shape::OneOf(choices) = shape else { continue };
                for value in choices.iter().map(|choice| choice.value) {
                    let condition = json!({"key": "x", "values": ["y"], "match": value});
                    let reads = match (block.name, field.name) {
                        ("tls", "mode") => serde_json::from_value::<TlsMode>(value.into()).is_ok(),
                        ("gateway", "install") => serde_json::from_value::<Install>(value.into()).is_ok(),
                        ("tracing", "mode") => serde_json::from_value::<TracingMode>(value.into()).is_ok(),
                        ("tracing", "formats") => serde_json::from_value::<TraceFormat>(value.into()).is_ok(),
                        ("tracing", "requestId") => serde_json::from_value::<RequestId>(value.into()).is_ok(),
                        ("headers", "hygiene") => serde_json::from_value::<Hygiene>(value.into()).is_ok(),
                        ("health", "override") => serde_json::from_value::<Override>(value.into()).is_ok(),
                        ("health", "readiness") => serde_json::from_value::<Readiness>(value.into()).is_ok(),
                        ("spec", "accessLog") => serde_json::from_value::<AccessLog>(value.into()).is_ok(),
                        ("filter", "delivery") => serde_json::from_value::<Delivery>(value.into()).is_ok(),
                        // RFC 6902's, and read by whoever applies them.
                        ("json", "op") => true,
                        ("spec", "istioVersion") => value.starts_with("1."),
                        ("rollout", "mode") => core_reads(json!({"mode": value})),
                        ("rule", "mode") => {
                            core_reads(json!({"rules": [{"id": "x", "action": "DENY", "mode": value}]}))
                        }
                        ("rule", "action") => core_reads(json!({"rules": [{"id": "x", "action": value}]})),
                        ("authz", "tolerate") => core_reads(json!({"tolerate": [value]})),
                        ("when", "match") => {
                            core_reads(json!({"rules": [{"id": "x", "action": "DENY", "when": [condition]}]}))
                        }
                        other => panic!("{other:?} has choices that no test reads"),
                    };
                    assert!(reads, "{} {value}", field.name);
                }
            }
        }
    }

    /// And what the core can tolerate, in its order, is what a file can name.
    #[test]
    fn each_kind_of_ambiguity_that_the_core_tolerates_is_a_choice() {
        let blocks = EGRESS.all();
        let authz = blocks.iter().find(|block| block.name == "authz").expect("a block");
        let Shape::List(Shape::OneOf(choices)) = authz.field("tolerate").expect("a field").shape else {
            panic!("`tolerate` is a list of choices");
        };
        let choices: Vec<_> = choices.iter().map(|choice| choice.value).collect();
        let core: Vec<_> = wire::Ambiguity::TOLERABLE.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(choices, core);
    }

    #[test]
    fn a_tombstone_is_no_field() {
        for block in EGRESS.all().into_iter().chain(MESH.all()) {
            for (old, _) in block.tombstones {
                assert!(block.field(old).is_none(), "`{old}` in `{}`", block.name);
            }
        }
    }
}
