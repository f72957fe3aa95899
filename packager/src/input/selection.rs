//! Which YAML files of a directory are read.

use std::path::Path;

use sallyport_egress::{FileKind, has_own_kind, recognise};

/// The group of our kinds. A file whose lines do not show it may have it all the same, say in flow style.
const GROUP: &str = "sallyport.dev/";

/// Which files of a directory are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Selection {
    /// Egress and Mesh files.
    #[default]
    Ours,
    /// Those, and files of cases.
    WithCases,
    /// Those, files of cases, and Istio's manifests.
    WithManifests,
}

/// Whether a file that was found in a directory is taken. Its content decides, or its name if it has no `apiVersion`.
pub(super) fn is_selected(selection: Selection, path: &Path, bytes: &[u8]) -> bool {
    let text = text_of(bytes);
    match recognise(&text) {
        FileKind::Sallyport => true,
        FileKind::Cases => selection != Selection::Ours,
        FileKind::Manifests => selection == Selection::WithManifests,
        FileKind::Others => false,
        FileKind::Unknown => {
            is_our_name(path)
                || (selection != Selection::Ours && is_name_of_cases(path))
                || (text.contains(GROUP) && has_own_kind(&text))
        }
    }
}

/// What a file says, as far as it is of interest which kind it is. UTF-16 is recognised too, so that it gets a diagnostic of its own.
pub(crate) fn text_of(bytes: &[u8]) -> String {
    let bytes: Vec<u8> = bytes.iter().copied().filter(|&byte| byte != 0).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whether a file that the user named is for another program. One that has a kind of ours under another group is not: its
/// `apiVersion` may be a mistake.
pub(crate) fn is_for_others(selection: Selection, bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let is_other = match recognise(&text) {
        FileKind::Others => true,
        FileKind::Manifests => selection != Selection::WithManifests,
        FileKind::Cases => selection == Selection::Ours,
        FileKind::Sallyport | FileKind::Unknown => false,
    };
    is_other && !has_own_kind(&text)
}

/// Whether a file that the user named, or standard input, is for Sallyport by what it says or by its name.
pub(crate) fn is_ours(path: &Path, bytes: &[u8]) -> bool {
    is_selected(Selection::WithCases, path, bytes) || has_own_kind(&text_of(bytes))
}

/// Whether the file has cases. No command counts one that it does not read as another program's.
pub(super) fn has_cases(bytes: &[u8]) -> bool {
    recognise(&String::from_utf8_lossy(bytes)) == FileKind::Cases
}

/// `cases.yaml` and `NAME.cases.yaml`.
fn is_name_of_cases(path: &Path) -> bool {
    stem_ends_with(path, &["cases"])
}

/// `egress.yaml`, `mesh.yaml` and `NAME.egress.yaml`: the names that `init` and the documentation use.
fn is_our_name(path: &Path) -> bool {
    stem_ends_with(path, &["egress", "mesh"])
}

fn stem_ends_with(path: &Path, words: &[&str]) -> bool {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("");
    stem.rsplit('.').next().is_some_and(|last| words.contains(&last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_ours(path: &str, bytes: &[u8]) -> bool {
        is_selected(Selection::Ours, Path::new(path), bytes)
    }

    #[test]
    fn a_file_without_api_version_is_taken_by_its_name() {
        assert!(is_ours("a/egress.yaml", b""));
        assert!(is_ours("httpbin.egress.yml", b"spec: {}"));
        assert!(!is_ours("some.yaml", b"spec: {}"));
        assert!(!is_ours("egress.yaml", b"apiVersion: v1\nkind: Service"));
    }

    #[test]
    fn manifests_are_taken_where_they_are_wanted() {
        let gateway = b"apiVersion: networking.istio.io/v1\nkind: Gateway\n";
        assert!(!is_ours("gateway.yaml", gateway));
        assert!(is_selected(Selection::WithManifests, Path::new("gateway.yaml"), gateway));
    }

    /// Its kind counts, whatever it is and however it is written.
    #[test]
    fn a_file_in_flow_style_is_ours() {
        let flow = b"{metadata: {name: rollout}, kind: Rollout, apiVersion: sallyport.dev/v1alpha1}\n";
        assert!(is_ours("some.yaml", flow));
        assert!(!is_ours("some.yaml", b"{metadata: {name: rollout}, kind: Job, note: sallyport.dev/v1alpha1}\n"));
    }

    #[test]
    fn a_kind_of_ours_under_another_group_is_not_for_others() {
        for kind in ["kind: Egress", "kind: \"Rollout\"", "kind : Candidate", "kind: Mesh\r"] {
            let text = format!("apiVersion: example.com/v1\n{kind}\n");
            assert!(!is_for_others(Selection::Ours, text.as_bytes()), "{text:?}");
        }
        assert!(is_for_others(Selection::Ours, b"apiVersion: v1\nkind: Service\n"));
        assert!(is_for_others(Selection::WithManifests, b"apiVersion: kuma.io/v1alpha1\nkind: Mesh\n"));
    }

    #[test]
    fn utf_16_is_recognised() {
        let wide: Vec<u8> =
            "\u{feff}apiVersion: sallyport.dev/v1alpha1\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(is_ours("some.yaml", &wide));
    }
}
