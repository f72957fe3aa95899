//! Whether a YAML file that lies in a directory is meant for Sallyport.

use std::path::Path;

/// The group in `apiVersion: sallyport.dev/v1alpha1`.
const GROUP: &str = "sallyport.dev";

/// Whether a file that nobody named is to be checked.
///
/// A look at the lines, not a parse: a file that is broken YAML must be reported, not passed over. So must one whose
/// group is misspelt; a file that says nothing of itself is taken by its name or kind.
pub(super) fn is_ours(path: &Path, bytes: &[u8]) -> bool {
    // UTF-16 is recognised too, to be refused with a sentence of its own.
    let bytes: Vec<u8> = bytes.iter().copied().filter(|&byte| byte != 0).collect();
    let text = String::from_utf8_lossy(&bytes);
    let mut api_version = false;
    let mut kind = false;
    for (field, value) in top_level_fields(&text) {
        match field {
            "apiVersion" => {
                let group = value.split('/').next().unwrap_or(value).to_ascii_lowercase();
                if strsim::damerau_levenshtein(&group, GROUP) <= 3 {
                    return true;
                }
                api_version = true;
            }
            "kind" => kind |= matches!(value, "Egress" | "Mesh"),
            _ => {}
        }
    }
    !api_version && (kind || is_our_name(path))
}

/// `egress.yaml`, `mesh.yaml` and `NAME.egress.yaml`: the names that `init` and the documentation use.
fn is_our_name(path: &Path) -> bool {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("");
    matches!(stem.rsplit('.').next(), Some("egress" | "mesh"))
}

/// The `field: value` pairs at the top level of each document, as far as lines tell.
fn top_level_fields(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut top = None;
    text.lines().filter_map(move |line| {
        let line = line.trim_start_matches(|character: char| !character.is_ascii());
        let content = line.trim_start();
        if content.is_empty() || content.starts_with(['#', '%']) {
            return None;
        }
        if line.starts_with("---") {
            top = None;
            return None;
        }
        let flow = content.starts_with('{');
        let indent = if flow { usize::MAX } else { line.len() - content.len() };
        if indent > *top.get_or_insert(indent) {
            return None;
        }
        let (field, value) = content.trim_start_matches(['-', '[', '{', ' ']).split_once(':')?;
        let value = value.split([',', '}', '#']).next().unwrap_or(value);
        Some((unquoted(field), unquoted(value)))
    })
}

fn unquoted(text: &str) -> &str {
    text.trim().trim_matches(['"', '\''])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(text: &str) -> bool {
        is_ours(Path::new("some.yaml"), text.as_bytes())
    }

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
        ] {
            assert!(ours(text), "{text:?}");
        }
    }

    #[test]
    fn what_others_read_is_not_ours() {
        for text in [
            "",
            "replicas: 3\n",
            "apiVersion: crd.antrea.io/v1beta1\nkind: Egress\n",
            "apiVersion: v1\nkind: ConfigMap\ndata:\n  egress.yaml: |\n    apiVersion: sallyport.dev/v1alpha1\n",
            "# apiVersion: sallyport.dev/v1alpha1\nkind: Job\n",
        ] {
            assert!(!ours(text), "{text:?}");
        }
    }

    #[test]
    fn a_file_that_says_nothing_is_taken_by_its_name() {
        assert!(is_ours(Path::new("a/egress.yaml"), b""));
        assert!(is_ours(Path::new("httpbin.egress.yml"), b"spec: {}"));
        assert!(!is_ours(Path::new("egress.yaml"), b"apiVersion: v1\nkind: Service"));
    }

    #[test]
    fn utf_16_is_recognised() {
        let wide: Vec<u8> =
            "\u{feff}apiVersion: sallyport.dev/v1alpha1\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(is_ours(Path::new("some.yaml"), &wide));
    }
}
