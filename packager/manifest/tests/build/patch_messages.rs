//! What is said about patches that cannot be applied.

use sallyport_manifest::Place;

use super::*;
use crate::patches::{merge, operations, pods, refusal};

/// The place of the operation, and what is there.
#[test]
fn an_operation_that_fails_says_what_there_is() {
    let good = json!({"op": "test", "path": "/kind", "value": "Service"});
    for (operation, field, message, help) in [
        (
            json!({"op": "remove", "path": "/no"}),
            "path",
            "there is no `/no`",
            "the manifest has `apiVersion`, `kind`, `metadata`, `spec`",
        ),
        (
            json!({"op": "remove", "path": "/spec/port/0"}),
            "path",
            "there is no `/spec/port`",
            "did you mean `/spec/ports`? `/spec` has `ports`, `selector`, `type`",
        ),
        (
            json!({"op": "replace", "path": "/spec/ports/1/port", "value": 1}),
            "path",
            "there is no `/spec/ports/1`",
            "`/spec/ports` is a list with the items 0 (`https`); `/spec/ports/-` adds to it",
        ),
        (
            json!({"op": "add", "path": "/spec/sessionAffinityConfig/clientIP/timeoutSeconds", "value": 9}),
            "path",
            "there is no `/spec/sessionAffinityConfig`",
            "`/spec` has `ports`, `selector`, `type`; write `{op: add, path: /spec/sessionAffinityConfig, value: {clientIP: \
             {timeoutSeconds: 9}}}` to add it",
        ),
        (
            json!({"op": "remove", "path": "/spec/type/a"}),
            "path",
            "there is no `/spec/type/a`",
            "`/spec/type` is `ClusterIP`, which has nothing below it",
        ),
        (
            json!({"op": "copy", "from": "/metadata/label", "path": "/spec/a"}),
            "from",
            "there is no `/metadata/label`",
            "did you mean `/metadata/labels`? `/metadata` has `annotations`, `labels`, `name`, `namespace`",
        ),
        (
            json!({"op": "test", "path": "/spec/type", "value": "NodePort"}),
            "value",
            "the test of `/spec/type` fails",
            "its value is `ClusterIP`",
        ),
        (
            json!({"op": "move", "from": "/spec", "path": "/spec/a"}),
            "path",
            "a value cannot be moved into itself",
            "write a `path` outside of `from`",
        ),
    ] {
        let egress = with(|egress| egress.spec.patches = vec![operations("Service", &json!([good, operation]))]);
        let error = refusal(&egress);
        assert!(
            error.message.ends_with(&format!("a patch of `Service/httpbin-egress`: {message}")),
            "{}",
            error.message
        );
        assert_eq!(error.help.as_deref(), Some(help), "{operation}");
        let Place::Egress { path, .. } = *error.place else { panic!("{error:?}") };
        assert_eq!(path, format!("spec.patches[0].json[1].{field}"));
    }
}

#[test]
fn a_kind_that_no_manifest_has_gets_the_kinds() {
    for (kind, name, field, help) in [
        (
            "Deployments",
            None,
            "kind",
            "did you mean `Deployment`? the emitted kinds are `Deployment`, `DestinationRule`, ",
        ),
        ("deployment", None, "kind", "did you mean `Deployment`? "),
        ("Ingress", None, "kind", "the emitted kinds are "),
        (
            "Gateway",
            Some("httpbin"),
            "name",
            "the names of these manifests are `httpbin-egress`, `httpbin-egress-ready`",
        ),
        ("*", Some("httpbin-egres"), "name", "did you mean `httpbin-egress`? the names of these manifests are "),
    ] {
        let patch = Patch { name: name.map(value), ..merge(kind, &json!({"a": "b"})) };
        let error = refusal(&with(|egress| egress.spec.patches = vec![patch.clone()]));
        assert!(error.help.as_deref().unwrap().starts_with(help), "{error:?}");
        let Place::Egress { path, .. } = *error.place else { panic!("{error:?}") };
        assert_eq!(path, format!("spec.patches[0].{field}"));
        let mesh = Mesh { patches: vec![patch], ..Mesh::default() };
        let errors = build(&[&httpbin()], &mesh, &filter(), false).unwrap_err();
        assert!(errors[0].help.as_deref().unwrap().starts_with(help), "{errors:?}");
        assert_eq!(*errors[0].place, Place::MeshPatch { position: 0, field: field.to_owned() });
    }
}

/// It is in one file, so it is one error.
#[test]
fn a_mistake_in_the_mesh_file_is_reported_once() {
    let second = with(|egress| egress.name = value("second"));
    let bad = operations("Service", &json!([{"op": "remove", "path": "/no"}]));
    let lost = merge("Deployment", &pods(&json!({"containers": []})));
    let mesh = Mesh { patches: vec![bad, lost], ..Mesh::default() };
    let errors = build(&[&httpbin(), &second], &mesh, &filter(), false).unwrap_err();
    let places: Vec<_> = errors.iter().map(|error| (*error.place).clone()).collect();
    let place = |position, field: &str| Place::MeshPatch { position, field: field.to_owned() };
    assert_eq!(places, [place(0, "json[0].path"), place(1, "merge")]);
}
