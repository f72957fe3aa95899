//! Which program a YAML file is for, judging by its lines alone.
//!
//! The file is not parsed, because a file with broken YAML must be reported and not skipped.

use super::Kind;
use crate::model::KINDS;

/// The group in `apiVersion: sallyport.dev/v1alpha1`.
const GROUP: &str = "sallyport.dev";

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
    }
    if ours {
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

/// Deployments are read if they are gateways, and lists if they have resources of Istio.
fn is_read(api_version: &str, kind: &str, text: &str) -> bool {
    match Kind::of(api_version, kind) {
        Some(Kind::Deployment) => text.contains("istio-proxy") || text.contains("inject.istio.io/templates"),
        Some(_) => true,
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
        ] {
            assert_eq!(recognise(text), FileKind::Sallyport, "{text:?}");
        }
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
