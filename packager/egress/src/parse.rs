//! One file: text in, a resource and diagnostics out.

pub(crate) mod conform;
mod cross;
pub(crate) mod fields;
mod jwks;
pub(crate) mod load;
pub(crate) mod offsets;
pub(crate) mod source_text;
pub(crate) mod suggest;
pub(crate) mod syntax;
pub(crate) mod text;
pub(crate) mod tree;

use crate::code::Code;
use crate::diagnostic::{Diagnostic, Flaw, Severity, Sink, SourceFile, Span};
use crate::model::{Authz, Egress, EgressSpec, Mesh, MeshSpec};
use conform::{Conformed, conform};
use sallyport_core::wire;
use sallyport_core::wire::WIRE_VERSION;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};
use text::Text;
use tree::Node;

/// What was made of one file.
pub(crate) struct ParsedFile {
    pub(crate) resource: Option<Resource>,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

pub(crate) enum Resource {
    Egress(Box<ParsedEgress>),
    Mesh(Box<ParsedMesh>),
}

/// A Mesh file with its tree. `None`: something in the file is wrong.
pub(crate) struct ParsedMesh {
    pub(crate) mesh: Option<Mesh>,
    pub(crate) tree: Node,
}

/// An Egress file with its tree, so that what the core says of the policy can be shown in its place.
pub(crate) struct ParsedEgress {
    pub(crate) tree: Node,
    /// `None`: something in the file is wrong.
    pub(crate) egress: Option<Egress>,
    /// As far as they are sound.
    pub(crate) name: Option<String>,
    pub(crate) namespace: Option<String>,
    /// The policy without the parts that are not sound: those were reported, the others can still be judged.
    pub(crate) authz: Authz,
    pub(crate) num_trusted_proxies: u32,
    /// For each rule of `authz` its position in the file.
    pub(crate) rule_positions: Vec<usize>,
    /// For each trusted forwarder of `authz` its position in the file.
    pub(crate) forwarder_positions: Vec<usize>,
}

/// Parses one file.
pub(crate) fn parse(file: usize, source: &SourceFile) -> ParsedFile {
    let mut sink = Sink::new(file);
    let readable = source_text::examine(&source.text, &mut sink);
    let tree = if readable { load::load(&source.text, &mut sink) } else { None };
    let resource = tree.and_then(|tree| resource(tree, &mut sink));
    ParsedFile { resource, diagnostics: sink.diagnostics }
}

fn resource(tree: Node, sink: &mut Sink) -> Option<Resource> {
    if is_foreign(&tree) {
        if !has_error(sink) {
            let span = Span { start: tree.span.start, end: tree.span.start };
            let flaw = Flaw::new(Code::Kind, "the file is no resource: it has neither `apiVersion` nor `kind`");
            sink.report(span, flaw.help("`sallyport init` writes a first one; give only Egress and Mesh files"));
        }
        return None;
    }
    match kind_of(&tree, sink)? {
        Kind::Egress => {
            let conformed = conform(&tree, &fields::EGRESS, sink);
            cross::check(&tree, sink);
            Some(Resource::Egress(Box::new(parsed_egress(tree, conformed, sink))))
        }
        Kind::Mesh => {
            let conformed = conform(&tree, &fields::MESH, sink);
            let mesh = if has_error(sink) { None } else { mesh(&conformed.json, tree.span, sink) };
            Some(Resource::Mesh(Box::new(ParsedMesh { mesh, tree })))
        }
    }
}

/// A mapping that has nothing in common with our resources: to list its fields one by one would help nobody.
fn is_foreign(tree: &Node) -> bool {
    let common = ["apiVersion", "kind", "metadata", "spec"];
    matches!(tree.value, tree::Value::Mapping(_)) && common.iter().all(|name| tree.entry(name).is_none())
}

enum Kind {
    Egress,
    Mesh,
}

/// Which table to hold the document against. An unknown kind still tells what to do with the rest if it is near
/// enough to a known one; a missing one is guessed from the fields.
fn kind_of(tree: &Node, sink: &mut Sink) -> Option<Kind> {
    let Some(node) = tree.get("kind") else {
        let of_mesh = |name| tree.descend(&["spec", name]).is_some();
        let is_mesh =
            of_mesh("istioVersion") || of_mesh("trustDomain") || of_mesh("trustDomainAliases") || of_mesh("filter");
        return Some(if is_mesh { Kind::Mesh } else { Kind::Egress });
    };
    let Some(text) = node.text() else {
        return Some(Kind::Egress);
    };
    match suggest::did_you_mean(text, text::KINDS.into_iter()) {
        Some("Mesh") => Some(Kind::Mesh),
        Some(_) => Some(Kind::Egress),
        None if text.is_empty() => Some(Kind::Egress),
        None => {
            if let Some(flaw) = Text::Const("kind", "Egress").check(text) {
                sink.report(node.span, flaw);
            }
            None
        }
    }
}

fn mesh(json: &Json, span: Span, sink: &mut Sink) -> Option<Mesh> {
    let spec: MeshSpec = read(json.get("spec")?, span, sink)?;
    let MeshSpec { istio_version, trust_domain, trust_domain_aliases, filter, access_log } = spec;
    let name = text_at(json, "/metadata/name")?;
    Some(Mesh { name, istio_version, trust_domain, trust_domain_aliases, filter, access_log })
}

fn parsed_egress(tree: Node, conformed: Conformed, sink: &mut Sink) -> ParsedEgress {
    let mut json = conformed.json;
    let spec = json.get_mut("spec").and_then(Json::as_object_mut);
    let (authz, rollout) = spec.map(|spec| (spec.remove("authz"), spec.remove("rollout"))).unwrap_or_default();
    let sound = sound_policy(authz.unwrap_or_default(), rollout.unwrap_or_default(), tree.span, sink);
    let SoundPolicy { policy, rule_positions, forwarder_positions } = sound;
    let wire::Policy { trusted_forwarders, tolerate, disclose_rule, rules, mode, .. } = policy;
    let authz = Authz { trusted_forwarders, tolerate, disclose_rule, rules };
    let (name, namespace) = (text_at(&json, "/metadata/name"), text_at(&json, "/metadata/namespace"));
    let proxies = json.pointer("/spec/gateway/numTrustedProxies").and_then(Json::as_u64);
    let num_trusted_proxies = proxies.and_then(|proxies| u32::try_from(proxies).ok()).unwrap_or_default();
    let mut egress = if has_error(sink) { None } else { egress(&json, tree.span, sink) };
    if let Some(egress) = &mut egress {
        egress.spec.authz = authz.clone();
        egress.spec.rollout.mode = mode;
    }
    ParsedEgress { tree, egress, name, namespace, authz, num_trusted_proxies, rule_positions, forwarder_positions }
}

/// All of an Egress but what the core reads.
fn egress(json: &Json, span: Span, sink: &mut Sink) -> Option<Egress> {
    let (name, namespace) = (text_at(json, "/metadata/name")?, text_at(json, "/metadata/namespace")?);
    let mut spec: EgressSpec = read(json.get("spec")?, span, sink)?;
    spec.upstream.fill_tls_names();
    Some(Egress { name, namespace, spec })
}

/// The policy without the items that are not sound (they are `null`), and where the others were.
struct SoundPolicy {
    policy: wire::Policy,
    rule_positions: Vec<usize>,
    forwarder_positions: Vec<usize>,
}

/// Reads the policy as the filter will: the table has checked its shape already, so nothing should be left to say.
fn sound_policy(mut authz: Json, mut rollout: Json, span: Span, sink: &mut Sink) -> SoundPolicy {
    let mut take = |name: &str| -> (Vec<usize>, Vec<Json>) {
        let items = authz.get_mut(name).and_then(Json::as_array_mut).map(std::mem::take).unwrap_or_default();
        items.into_iter().enumerate().filter(|(_, item)| !item.is_null()).unzip()
    };
    let (rule_positions, rules) = take("rules");
    let (forwarder_positions, forwarders) = take("trustedForwarders");
    let (_, tolerate) = take("tolerate");
    let mut wire = Map::from_iter([
        ("version".to_owned(), WIRE_VERSION.into()),
        ("upstream".to_owned(), "unnamed/unnamed".into()),
        ("rules".to_owned(), rules.into()),
        ("trustedForwarders".to_owned(), forwarders.into()),
        ("tolerate".to_owned(), tolerate.into()),
    ]);
    wire.extend(authz.get("discloseRule").map(|disclose| ("discloseRule".to_owned(), disclose.clone())));
    wire.extend(rollout.get_mut("mode").map(|mode| ("mode".to_owned(), mode.take())));
    let policy = sallyport_core::engine::parse(Json::Object(wire).to_string().as_bytes()).unwrap_or_else(|invalid| {
        report_internal(&invalid, span, sink);
        wire::Policy::default()
    });
    SoundPolicy { policy, rule_positions, forwarder_positions }
}

/// What conforms to the table must fit the type; if it does not, that is our own mistake, and is said so.
fn read<T: DeserializeOwned>(json: &Json, span: Span, sink: &mut Sink) -> Option<T> {
    T::deserialize(json).map_err(|error| report_internal(&error, span, sink)).ok()
}

fn report_internal(error: &dyn std::error::Error, span: Span, sink: &mut Sink) {
    let message = format!(
        "the file fits the tables but not the model: {}",
        suggest::one_line(&error.to_string()).replace('`', "'")
    );
    let span = Span { start: span.start, end: span.start };
    sink.report(span, Flaw::new(Code::Internal, message).help("please report this as a defect of Sallyport"));
}

fn text_at(json: &Json, pointer: &str) -> Option<String> {
    json.pointer(pointer).and_then(Json::as_str).map(str::to_owned)
}

fn has_error(sink: &Sink) -> bool {
    sink.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
}
