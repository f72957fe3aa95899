//! Which program a YAML file is for, judging by its lines alone.
//!
//! The file is not parsed for it, because a file with broken YAML must be reported and not skipped. Of which kind it is says the
//! parser, as far as it can read it.

use super::Kind;
use crate::diagnostic::Sink;
use crate::istio::is_of_istio;
use crate::model::KINDS;
use crate::yaml::reader::read_all;

/// The group in `apiVersion: sallyport.dev/v1alpha1`.
const GROUP: &str = "sallyport.dev";

/// Groups of others that have a kind of the name of one of ours.
const GROUPS_OF_OTHERS: [&str; 7] = [
    "appmesh.k8s.aws",
    "argoproj.io",
    "consul.hashicorp.com",
    "crd.antrea.io",
    "kuma.io",
    "mesh.consul.hashicorp.com",
    "rollouts.kruise.io",
];

/// Which program a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// An Egress, Mesh, Candidate or Rollout, also with a misspelled group.
    Sallyport,
    /// Cases, which `sallyport test` runs.
    Cases,
    /// Manifests of kinds that the lints know.
    Manifests,
    /// Another program's.
    Others,
    /// It has no `apiVersion`.
    Unknown,
}

/// Which program a file is for. A file for Sallyport is never taken for a manifest.
#[must_use]
pub fn recognise(text: &str) -> FileKind {
    let (mut api_versions, mut own_kind, mut manifest, mut cases, mut ours) = (false, false, false, false, false);
    let mut document = (0, "", "");
    let mut is_of_wrong_group = false;
    for (number, field, value) in top_level_fields(text) {
        if document.0 != number {
            document = (number, "", "");
        }
        match field {
            "apiVersion" => {
                let group = value.split('/').next().unwrap_or(value).to_ascii_lowercase();
                if strsim::damerau_levenshtein(&group, GROUP) <= 3 {
                    ours = true;
                    continue;
                }
                api_versions = true;
                document.1 = value;
            }
            "kind" => {
                own_kind |= KINDS.contains(&value);
                cases |= value == "Cases";
                document.2 = value;
            }
            _ => {}
        }
        manifest |= is_read(document.1, document.2, text);
        // Istio has no kind of these names.
        is_of_wrong_group |= KINDS.contains(&document.2) && is_of_istio(document.1, document.2);
    }
    if ours || is_of_wrong_group {
        return if cases { FileKind::Cases } else { FileKind::Sallyport };
    }
    match (api_versions, own_kind) {
        (false, true) if cases => FileKind::Cases,
        (false, true) => FileKind::Sallyport,
        (false, false) => FileKind::Unknown,
        (true, _) if manifest && !is_template(text) => FileKind::Manifests,
        (true, _) => FileKind::Others,
    }
}

/// Whether a document of the file is of one of these kinds, as the parser reads it; if it cannot read the file, whether a line
/// says so.
#[must_use]
pub fn has_kind(text: &str, kinds: &[&str]) -> bool {
    has_kind_of(text, kinds, |_| true)
}

/// Whether a document of the file is of a kind of ours, whatever its group, unless others have such a kind in it. See
/// [`has_kind`].
#[must_use]
pub fn has_own_kind(text: &str) -> bool {
    has_kind_of(text, &KINDS, |api_version| {
        let group = api_version.split('/').next().unwrap_or(api_version);
        !GROUPS_OF_OTHERS.contains(&group)
    })
}

/// `is_meant`: asked for the `apiVersion` of a document, which is empty if it has none.
fn has_kind_of(text: &str, kinds: &[&str], is_meant: impl Fn(&str) -> bool) -> bool {
    // Most files of other programs do not even have the word, and need no parser. With escapes it may be written otherwise.
    let has_escapes = ["\\x", "\\u", "\\U", "\\\n", "\\\r"].iter().any(|escape| text.contains(escape));
    if !has_escapes && !kinds.iter().any(|kind| text.contains(kind)) {
        return false;
    }
    let mut sink = Sink::new(0);
    // A byte-order mark is no part of a name.
    let documents = read_all(text.trim_start_matches("\u{feff}"), &mut sink);
    let of_parser = documents.iter().any(|document| {
        document.text_at(&["kind"]).is_some_and(|kind| kinds.contains(&kind))
            && is_meant(document.text_at(&["apiVersion"]).unwrap_or_default())
    });
    if of_parser || sink.diagnostics.is_empty() {
        return of_parser;
    }
    let fields: Vec<_> = top_level_fields(text).collect();
    let api_version = |number: usize| {
        let mut of_document = fields.iter().filter(|(of, field, _)| (*of, *field) == (number, "apiVersion"));
        of_document.next().map_or("", |(_, _, value)| value)
    };
    fields
        .iter()
        .any(|(number, field, value)| *field == "kind" && kinds.contains(value) && is_meant(api_version(*number)))
}

/// Deployments are read if they are gateways, Services if they select pods or are names of
/// others, Namespaces and routes if they name something of
/// Istio, and lists if they have resources of Istio.
fn is_read(api_version: &str, kind: &str, text: &str) -> bool {
    match Kind::of(api_version, kind) {
        Some(Kind::Deployment) => text.contains("istio-proxy") || text.contains("inject.istio.io/templates"),
        Some(Kind::Service) => {
            api_version == "v1" && ["selector", "ExternalName"].iter().any(|word| text.contains(word))
        }
        Some(Kind::Namespace) => api_version == "v1" && text.contains("istio.io/"),
        Some(Kind::KubernetesGateway) => ["gatewayClassName", "servers"].iter().any(|word| text.contains(word)),
        Some(Kind::HTTPRoute) => text.contains(".istio.io"),
        Some(_) => true,
        None if is_of_istio(api_version, kind) => !kind.is_empty(),
        None => kind == "List" && text.contains(".istio.io/"),
    }
}

/// Whether the file is a Helm template, which is not YAML yet. Braces in a block scalar are text.
fn is_template(text: &str) -> bool {
    let has_block = text.lines().any(|line| line.ends_with(['|', '>']) || line.ends_with("|-") || line.ends_with(">-"));
    text.lines().any(|line| {
        let value = line.split_once(": ").map_or(line, |(_, value)| value);
        line.starts_with("{{") || (!has_block && value.trim_start_matches(['-', ' ']).starts_with("{{"))
    })
}

/// The `field: value` pairs at the top level of each document, with the document's number, judging by lines alone.
fn top_level_fields(text: &str) -> impl Iterator<Item = (usize, &str, &str)> {
    let (mut top, mut document) = (None, 0_usize);
    text.lines().filter_map(move |line| {
        let line = line.trim_start_matches(|character: char| !character.is_ascii());
        let content = line.trim_start();
        if content.is_empty() || content.starts_with(['#', '%']) {
            return None;
        }
        if line.starts_with("---") {
            top = None;
            document = document.saturating_add(1);
            return None;
        }
        let flow = content.starts_with('{');
        let indent = if flow { usize::MAX } else { line.len().saturating_sub(content.len()) };
        if indent > *top.get_or_insert(indent) {
            return None;
        }
        let (field, value) = content.trim_start_matches(['-', '[', '{', ' ']).split_once(':')?;
        let value = value.split([',', '}', '#']).next().unwrap_or(value);
        Some((document, unquoted(field), unquoted(value)))
    })
}

fn unquoted(text: &str) -> &str {
    text.trim().trim_matches(['"', '\''])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_group_is_ours_however_it_is_written() {
        for text in [
            "apiVersion: sallyport.dev/v1alpha1\nkind: Egress\n",
            "# comment\n---\r\n\"apiVersion\": 'sallyport.dev/v9'\r\n",
            "\u{feff}kind: Egress\napiVersion: sallyport.dev/v1alpha1",
            "{apiVersion: sallyport.dev/v1alpha1, kind: Egress}",
            "{\n  \"apiVersion\": \"sallyport.dev/v1alpha1\",\n  \"kind\": \"Egress\"\n}",
            "apiVersion: salyport.dev/v1alpha1",
            "  kind: Egress\n  apiVersion: sallyport.dev/v1alpha1\n  metadata: [",
            "kind: Egress\nmetadata: {}",
            "- apiVersion: sallyport.dev/v1alpha1\n  kind: Egress\n",
            "apiVersion: v1\nkind: Service\n---\napiVersion: sallyport.dev/v1alpha1\n",
            "apiVersion: networking.istio.io/v1\nkind: Gateway\n---\napiVersion: sallyport.dev/v1alpha1\n",
            "apiVersion: networking.istio.io/v1\nkind: Egress\n",
            "kind: Rollout\napiVersion: security.istio/v1\n",
        ] {
            assert_eq!(recognise(text), FileKind::Sallyport, "{text:?}");
        }
    }

    #[test]
    fn a_kind_is_one_however_it_is_written() {
        for text in [
            "kind: Rollout\n",
            "kind: \"Rollout\"\n",
            "'kind': 'Rollout'\n",
            "kind : Rollout # of all\n",
            "kind:\n  Rollout\n",
            "kind: !!str Rollout\n",
            "kind: \"Roll\\x6fut\"\n",
            "kind: \"Roll\\u006Fut\"\n",
            "kind: \"Roll\\\n  out\"\n",
            "\u{feff}apiVersion: sallyport.dev/v1alpha1\r\nkind: Rollout\r\n",
            "{metadata: {name: a}, kind: Rollout, apiVersion: sallyport.dev/v1alpha1}\n",
            "{\"apiVersion\": \"sallyport.dev/v1alpha1\", \"kind\": \"Rollout\"}",
            "kind: Egress\n---\nkind: Rollout\n",
            // What cannot be parsed, by its lines.
            "kind: \"Rollout\"\nspec: [\n",
            "spec: [\nkind : Rollout\n",
        ] {
            assert!(has_kind(text, &["Mesh", "Rollout"]) && has_own_kind(text), "{text:?}");
        }
        for text in [
            "kind: RolloutX\n",
            "a: |\n  kind: Rollout\n",
            "# kind: Rollout\n",
            "spec: {kind: Rollout}\n",
            "",
            "spec: [",
        ] {
            assert!(!has_kind(text, &["Rollout"]), "{text:?}");
        }
    }

    #[test]
    fn kinds_of_others_are_not_ours() {
        for group in ["kuma.io", "consul.hashicorp.com"] {
            let mesh = format!("apiVersion: {group}/v1alpha1\nkind: Mesh\n");
            assert!(!has_own_kind(&mesh) && has_kind(&mesh, &["Mesh"]), "{group}");
            assert!(!has_own_kind(&format!("{mesh}spec: [\n")), "{group}");
            assert!(has_own_kind(&format!("{mesh}---\nkind: Egress\n")), "{group}");
            assert!(has_own_kind(&format!("{mesh}---\nkind: Egress\nspec: [\n")), "{group}");
        }
        assert!(has_own_kind("apiVersion: example.com/v1\nkind: Mesh\n"));
    }

    #[test]
    fn what_others_read_is_not_ours() {
        for text in [
            "apiVersion: crd.antrea.io/v1beta1\nkind: Egress\n",
            "apiVersion: v1\nkind: ConfigMap\ndata:\n  egress.yaml: |\n    apiVersion: sallyport.dev/v1alpha1\n",
            "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\n",
            "apiVersion: apps/v1\nkind: Deployment\nspec: {}\n",
            "apiVersion: v1\nkind: Service\n---\nkind: Gateway\n",
            "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata:\n  name: {{ .Values.name }}\n",
            "{{- if .Values.on }}\napiVersion: networking.istio.io/v1\nkind: Gateway\n{{- end }}\n",
        ] {
            assert_eq!(recognise(text), FileKind::Others, "{text:?}");
        }
        for text in ["", "replicas: 3\n", "# apiVersion: sallyport.dev/v1alpha1\nkind: Job\n"] {
            assert_eq!(recognise(text), FileKind::Unknown, "{text:?}");
        }
    }

    #[test]
    fn manifests_are_known_by_group_and_kind() {
        for text in [
            "apiVersion: networking.istio.io/v1\nkind: Gateway\nspec: [",
            "kind: WasmPlugin\napiVersion: extensions.istio.io/v1alpha1\n",
            "apiVersion: v1\nkind: Service\n---\napiVersion: security.istio.io/v1\nkind: PeerAuthentication\n",
            "apiVersion: apps/v1\nkind: Deployment\nspec: {template: {spec: {containers: [{name: istio-proxy}]}}}\n",
            "apiVersion: v1\nkind: List\nitems:\n- apiVersion: networking.istio.io/v1\n  kind: Gateway\n",
            "apiVersion: v1\nkind: ConfigMap\ndata:\n  a: |\n    {{ b }}\n---\napiVersion: networking.istio.io/v1\nkind: Gateway\n",
        ] {
            assert_eq!(recognise(text), FileKind::Manifests, "{text:?}");
        }
    }
}
