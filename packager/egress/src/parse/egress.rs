//! One Egress file: the data, or what of it can still be judged.

use super::conform::{Conformed, conform};
use super::cross;
use super::defaults::Defaults;
use super::read::{at, has_error, read};
use crate::diagnostic::Sink;
use crate::model::{Authz, Egress, EgressFile, EgressMetadata, Gateway};
use crate::value::file_path::with_name;
use crate::yaml::tree::Node;
use sallyport_core::wire::Json;

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

/// `sink` has what was wrong with the file so far.
pub(crate) fn parse_egress(tree: Node, defaults: &Defaults, sink: &mut Sink) -> ParsedEgress {
    let Conformed { mut json, .. } = conform(&tree, &EgressFile::BLOCK, sink);
    cross::check(&tree, defaults, sink);
    defaults.fill(&mut json);
    let metadata = |name| match at(&json, &["metadata", name]) {
        Some(Json::Text(text)) => Some(text.to_string()),
        _ => None,
    };
    let num_trusted_proxies = match at(&json, &["spec", "gateway", "numTrustedProxies"]) {
        Some(Json::Whole(proxies)) => *proxies,
        _ => Gateway::default().num_trusted_proxies,
    };
    let (name, namespace) = (metadata("name"), metadata("namespace"));
    let SoundAuthz { authz, rule_positions, forwarder_positions } = sound_authz(&json, &tree, sink);
    let sound = if has_error(sink) { None } else { read::<EgressFile>(&json, tree.span, sink) };
    let egress = sound.map(egress);
    if let Some(name) = &name {
        // What is said of a value by itself does not know whose it is.
        for help in sink.diagnostics.iter_mut().filter_map(|diagnostic| diagnostic.help.as_mut()) {
            *help = with_name(help, name);
        }
    }
    ParsedEgress { tree, egress, name, namespace, authz, num_trusted_proxies, rule_positions, forwarder_positions }
}

fn egress(file: EgressFile) -> Egress {
    let EgressFile { api_version: _, kind: _, metadata: EgressMetadata { name, namespace, labels }, mut spec } = file;
    spec.upstream.fill_tls_names();
    Egress { name, namespace, labels, spec }
}

/// The policy without the items that are not sound (they are `null`), and where the others were.
struct SoundAuthz {
    authz: Authz,
    rule_positions: Vec<usize>,
    forwarder_positions: Vec<usize>,
}

fn sound_authz(json: &Json<'_>, tree: &Node, sink: &mut Sink) -> SoundAuthz {
    let empty = Vec::new();
    let written = match at(json, &["spec", "authz"]) {
        Some(Json::Map(fields)) => fields,
        _ => &empty,
    };
    let (mut fields, mut rule_positions, mut forwarder_positions) = (Vec::new(), Vec::new(), Vec::new());
    for (name, value) in written {
        let value = match value {
            Json::List(items) => {
                let sound = items.iter().cloned().enumerate().filter(|(_, item)| *item != Json::Null);
                let (positions, items) = sound.unzip();
                match &**name {
                    "rules" => rule_positions = positions,
                    "trustedForwarders" => forwarder_positions = positions,
                    _ => {}
                }
                Json::List(items)
            }
            other => other.clone(),
        };
        fields.push((name.clone(), value));
    }
    let authz = read(&Json::Map(fields), tree.span, sink).unwrap_or_default();
    SoundAuthz { authz, rule_positions, forwarder_positions }
}
