//! One file: text in, a resource and diagnostics out.

pub(crate) mod conform;
mod cross;
pub(crate) mod fields;
mod jwks;
mod load;
mod offsets;
pub(crate) mod source_text;
pub(crate) mod suggest;
mod syntax;
pub(crate) mod text;
pub(crate) mod tree;

use crate::code::Code;
use crate::diagnostic::{Diagnostic, Flaw, Severity, Sink, SourceFile, Span};
use crate::model::{Authz, Egress, EgressSpec, Mesh, MeshSpec};
use conform::{Conformed, conform};
use sallyport_core::policy::source::RuleSource;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use text::Text;
use tree::Node;

/// What was made of one file.
pub(crate) struct ParsedFile {
    pub(crate) resource: Option<Resource>,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

pub(crate) enum Resource {
    Egress(Box<ParsedEgress>),
    Mesh { mesh: Option<Mesh>, tree: Node },
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
            Some(Resource::Mesh { mesh, tree })
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
        let is_mesh = of_mesh("istioVersion") || of_mesh("trustDomain") || of_mesh("trustDomainAliases");
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
    let MeshSpec { istio_version, trust_domain, trust_domain_aliases } = spec;
    let name = text_at(json, "/metadata/name")?;
    Some(Mesh { name, istio_version, trust_domain, trust_domain_aliases })
}

fn parsed_egress(tree: Node, conformed: Conformed, sink: &mut Sink) -> ParsedEgress {
    let mut json = conformed.json;
    let span = tree.span;
    let spec = json.get_mut("spec").and_then(Json::as_object_mut);
    let authz = spec.and_then(|spec| spec.remove("authz"));
    let (authz, rule_positions, forwarder_positions) = sound_authz(authz.unwrap_or_default(), span, sink);
    let (name, namespace) = (text_at(&json, "/metadata/name"), text_at(&json, "/metadata/namespace"));
    let proxies = json.pointer("/spec/gateway/numTrustedProxies").and_then(Json::as_u64);
    let num_trusted_proxies = proxies.and_then(|proxies| u32::try_from(proxies).ok()).unwrap_or_default();
    let egress = if has_error(sink) { None } else { egress(&json, &authz, span, sink) };
    ParsedEgress { tree, egress, name, namespace, authz, num_trusted_proxies, rule_positions, forwarder_positions }
}

fn egress(json: &Json, authz: &Authz, span: Span, sink: &mut Sink) -> Option<Egress> {
    let (name, namespace) = (text_at(json, "/metadata/name")?, text_at(json, "/metadata/namespace")?);
    let mut spec: EgressSpec = read(json.get("spec")?, span, sink)?;
    spec.upstream.fill_tls_names();
    spec.authz = authz.clone();
    Some(Egress { name, namespace, spec })
}

/// The authz block without the items that are not sound (they are `null`), and where the others were.
fn sound_authz(mut json: Json, span: Span, sink: &mut Sink) -> (Authz, Vec<usize>, Vec<usize>) {
    let mut take = |name: &str| -> (Vec<usize>, Vec<Json>) {
        let items = json.get_mut(name).and_then(Json::as_array_mut).map(std::mem::take).unwrap_or_default();
        items.into_iter().enumerate().filter(|(_, item)| !item.is_null()).unzip()
    };
    let (rule_positions, rules) = take("rules");
    let (forwarder_positions, forwarders) = take("trustedForwarders");
    let (_, tolerate) = take("tolerate");
    let rules: Option<Vec<RuleSource>> = rules.iter().map(|rule| read(rule, span, sink)).collect();
    let authz = Authz {
        rules: rules.unwrap_or_default(),
        trusted_forwarders: read(&Json::Array(forwarders), span, sink).unwrap_or_default(),
        tolerate: read(&Json::Array(tolerate), span, sink).unwrap_or_default(),
        disclose_rule: json.get("discloseRule").and_then(Json::as_bool).unwrap_or_default(),
    };
    (authz, rule_positions, forwarder_positions)
}

/// What conforms to the table must fit the type; if it does not, that is our own mistake, and is said so.
fn read<T: DeserializeOwned>(json: &Json, span: Span, sink: &mut Sink) -> Option<T> {
    match T::deserialize(json) {
        Ok(value) => Some(value),
        Err(error) => {
            let message =
                format!("the file fits the tables but not the model: {}", error.to_string().replace('`', "'"));
            let span = Span { start: span.start, end: span.start };
            sink.report(span, Flaw::new(Code::Internal, message).help("please report this as a defect of Sallyport"));
            None
        }
    }
}

fn text_at(json: &Json, pointer: &str) -> Option<String> {
    json.pointer(pointer).and_then(Json::as_str).map(str::to_owned)
}

fn has_error(sink: &Sink) -> bool {
    sink.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
}
