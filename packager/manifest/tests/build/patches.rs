//! `patches`: what they change, and what they must not.

use sallyport_egress::yaml_value;

use super::*;

/// A file with everything that pods can need.
fn with_needs(install: Install, patches: Vec<Patch>) -> Egress {
    with(|egress| {
        full(egress);
        egress.spec.gateway.install = install;
        egress.spec.patches = patches;
        if install == Install::GatewayApi {
            egress.spec.route.retries = None;
        }
    })
}

pub(crate) fn merge(kind: &str, merge: &Value) -> Patch {
    Patch { kind: kind.to_owned(), name: None, merge: Some(patched_with(merge)), json: None }
}

pub(crate) fn operations(kind: &str, json: &Value) -> Patch {
    Patch { kind: kind.to_owned(), name: None, merge: None, json: Some(patched_with(json)) }
}

pub(crate) fn refusal(egress: &Egress) -> BuildError {
    let mut errors = build(&[egress], &image_volume(), &filter(), false).unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(errors[0].code, Code::PatchNotApplied);
    errors.remove(0)
}

/// The patch that the help says to write instead, if it shows one.
fn remedy(error: &BuildError, kind: &str) -> Option<Patch> {
    let (_, shown) = error.help.as_deref()?.split_once("write `")?;
    let written = yaml_value(&format!("{{{}}}", shown.strip_suffix('`').unwrap())).unwrap();
    let kind = written.get("kind").map_or(kind, |kind| kind.as_str().unwrap());
    Some(operations(kind, &written["json"]))
}

pub(crate) fn pods(spec: &Value) -> Value {
    json!({"spec": {"template": {"spec": spec}}})
}

const OF_PROXY: &str = "the readiness probe of `/sallyport/ready` at the port 8081 of `istio-proxy`, `securityContext` of \
                        `istio-proxy`, the variable `WASM_MODULE_EXPIRY` of `istio-proxy`, the variable \
                        `SALLYPORT_CREDENTIAL_HTTPBIN` of `istio-proxy`, the mount `/opt/sallyport` of `istio-proxy`, the \
                        mount `/etc/sallyport/tls` of `istio-proxy`";
const VOLUMES: &str = "the volume `sallyport-filter`, the volume `upstream-tls`, the volume `opa-policy`";
const SETTING: &str = "it removes or moves `forwardClientCertDetails`";

/// A list in a merge patch replaces the list: with it would go what the pods need.
#[test]
fn a_patch_cannot_take_from_the_pods_what_they_need() {
    let env = json!([{"name": "TZ", "value": "UTC"}]);
    let proxy = pods(&json!({"containers": [{"name": "istio-proxy", "image": "auto", "env": env}]}));
    let log = json!({"containers": [{"name": "log", "image": "registry.example.com/log@sha256:00"}]});
    let k8s =
        |k8s: Value| json!({"spec": {"components": {"egressGateways": [{"name": "httpbin-egress", "k8s": k8s}]}}});
    let without = format!("{OF_PROXY}, the container `opa`");
    let dropped = |what: &str| format!("it drops what the pods need: {what}");
    let containers = dropped("the container `istio-proxy`, the container `opa`");
    let both = dropped("`serviceAccountName`, the pod's `securityContext`");
    let tmp = json!([{"name": "tmp", "emptyDir": {}}]);
    for (install, kind, changed, gone, is_shown) in [
        (Install::Injected, "Deployment", proxy.clone(), dropped(&without), true),
        (Install::Injected, "*", proxy, dropped(&without), true),
        (Install::Injected, "Deployment", pods(&log), containers, true),
        (Install::Injected, "Deployment", pods(&json!({"volumes": tmp})), dropped(VOLUMES), true),
        (
            Install::Injected,
            "Deployment",
            pods(&json!({"serviceAccountName": null, "securityContext": null})),
            both,
            false,
        ),
        (
            Install::Injected,
            "Deployment",
            pods(&json!({"imagePullSecrets": [{"name": "other"}]})),
            dropped("the pull Secret `registry`"),
            true,
        ),
        (Install::IstioOperator, "IstioOperator", k8s(json!({"env": env})), SETTING.to_owned(), true),
        (Install::GatewayApi, "ConfigMap", json!({"data": {"deployment": "spec: {}"}}), SETTING.to_owned(), false),
    ] {
        let error = refusal(&with_needs(install, vec![merge(kind, &changed)]));
        assert!(error.message.ends_with(&gone), "{install:?} {changed}: {}", error.message);
        let instead = remedy(&error, kind);
        assert_eq!(instead.is_some(), is_shown, "{error:?}");
        if let Some(instead) = instead {
            let egress = with_needs(install, vec![instead]);
            assert!(build(&[&egress], &image_volume(), &filter(), false).is_ok(), "{error:?}");
        }
    }
}

/// Where the pods are described by something else than their Deployment.
#[test]
fn what_pods_need_is_found_in_every_install_mode() {
    let k8s = "/spec/components/egressGateways/0/k8s";
    let remove = |path: String| json!({"op": "remove", "path": path});
    for (install, kind, operation, gone) in [
        (
            Install::Injected,
            "Deployment",
            remove("/spec/template/spec/containers/0".to_owned()),
            "container `istio-proxy`",
        ),
        (Install::Injected, "Deployment", remove("/spec/template/spec/containers/1".to_owned()), "container `opa`"),
        (Install::IstioOperator, "IstioOperator", remove(format!("{k8s}/env/0")), "`WASM_MODULE_EXPIRY`"),
        (Install::IstioOperator, "IstioOperator", remove(format!("{k8s}/readinessProbe")), "readiness probe"),
        (Install::IstioOperator, "IstioOperator", remove(format!("{k8s}/overlays/0")), "`serviceAccountName`"),
        (Install::IstioOperator, "IstioOperator", remove(format!("{k8s}/overlays/0")), "mount `/etc/sallyport/tls`"),
        (
            Install::IstioOperator,
            "IstioOperator",
            remove("/spec/values/gateways/istio-egressgateway/additionalContainers".to_owned()),
            "container `opa`",
        ),
    ] {
        let error = refusal(&with_needs(install, vec![operations(kind, &json!([operation]))]));
        assert!(error.message.contains(gone), "{operation}: {}", error.message);
    }
    let egress = with_needs(Install::GatewayApi, Vec::new());
    let files = build(&[&egress], &image_volume(), &filter(), false).unwrap().files;
    let documents: Vec<_> = files["egress-httpbin-httpbin/30-deployment.yaml"].split("---\n").collect();
    let parameters = yaml_value(documents.iter().find(|text| text.contains("kind: ConfigMap")).unwrap()).unwrap();
    let text = parameters["data"]["deployment"].as_str().unwrap();
    for (from, to, gone) in [
        ("WASM_MODULE_EXPIRY", "OTHER", "`WASM_MODULE_EXPIRY`"),
        ("path: /sallyport/ready", "path: /", "readiness probe of `/sallyport/ready` at the port 8081"),
        ("    spec:\n", "    other:\n", "container `istio-proxy`"),
    ] {
        assert!(text.contains(from));
        let changed = json!({"data": {"deployment": text.replace(from, to)}});
        let error = refusal(&with_needs(Install::GatewayApi, vec![merge("ConfigMap", &changed)]));
        assert!(error.message.contains(gone), "{}", error.message);
        assert!(error.help.unwrap().contains("is one text"));
    }
}

#[test]
fn pods_can_be_changed_and_get_more() {
    let proxy = "/spec/template/spec/containers/0";
    for patch in [
        merge("Deployment", &pods(&json!({"priorityClassName": "high", "nodeSelector": {"a": "b"}}))),
        operations("Deployment", &json!([{"op": "add", "path": format!("{proxy}/env/-"), "value": {"name": "A"}}])),
        operations("Deployment", &json!([{"op": "replace", "path": format!("{proxy}/env/0/value"), "value": "1h"}])),
        operations(
            "Deployment",
            &json!([{"op": "replace", "path": format!("{proxy}/readinessProbe/periodSeconds"), "value": 9}]),
        ),
        operations("Deployment", &json!([{"op": "remove", "path": format!("{proxy}/resources/limits")}])),
        operations(
            "Deployment",
            &json!([
                {"op": "remove", "path": "/spec/template/spec/containers/1/readinessProbe/httpGet/port"},
                {"op": "add", "path": "/spec/template/spec/containers/1/readinessProbe/httpGet/port", "value": 8282},
                {"op": "add", "path": "/spec/template/spec/containers/-", "value": {"name": "log", "image": "a"}},
            ]),
        ),
    ] {
        assert!(build(&[&with_needs(Install::Injected, vec![patch])], &image_volume(), &filter(), false).is_ok());
    }
    // Another namespace may admit pods with privileges.
    let patch = merge("Deployment", &pods(&json!({"securityContext": null})));
    let egress = with(|egress| egress.spec.patches = vec![patch]);
    assert!(build(&[&egress], &mesh("1.31"), &filter(), false).is_ok());
}

#[test]
fn a_patch_is_applied_last_and_named() {
    let patch = |kind: &str, merge, json| Patch { kind: kind.to_owned(), name: None, merge, json };
    let egress = with(|egress| {
        egress.spec.patches = vec![
            patch("Deployment", Some(patched_with(&json!({"spec": {"replicas": 7, "strategy": null}}))), None),
            patch(
                "Service",
                None,
                Some(patched_with(&json!([{"op": "add", "path": "/metadata/annotations", "value": {"a": "b"}}]))),
            ),
        ];
    });
    let build = built(&egress, &mesh("1.31"));
    let text = &build.files["egress-httpbin-httpbin/30-deployment.yaml"];
    assert!(text.contains("replicas: 7") && !text.contains("strategy") && text.contains("  annotations:\n    a: b\n"));
    let changed = vec![value("Deployment/httpbin-egress"), value("Service/httpbin-egress")];
    assert_eq!(build.patched, [(value("egress-httpbin/httpbin"), changed)]);
}

/// Else the pods would have no filter, or the filter no pods.
#[test]
fn a_patch_cannot_take_the_pods_from_their_policy() {
    let label = "/spec/template/metadata/labels/sallyport.dev~1gateway";
    for (kind, operation, place) in [
        ("Deployment", json!({"op": "replace", "path": label, "value": "other"}), label),
        ("Service", json!({"op": "remove", "path": "/spec/selector"}), "/spec/selector"),
        ("Gateway", json!({"op": "add", "path": "/spec/selector/app", "value": "other"}), "/spec/selector"),
        (
            "TrafficExtension",
            json!({"op": "add", "path": "/spec/selector/matchLabels/a", "value": "b"}),
            "/spec/selector",
        ),
        ("EnvoyFilter", json!({"op": "remove", "path": "/spec/workloadSelector"}), "/spec/workloadSelector"),
        ("NetworkPolicy", json!({"op": "replace", "path": "/spec/podSelector", "value": {}}), "/spec/podSelector"),
        ("*", json!({"op": "replace", "path": "/metadata/name", "value": "other"}), "/metadata/name"),
        ("*", json!({"op": "replace", "path": "/metadata/namespace", "value": "other"}), "/metadata/namespace"),
        ("*", json!({"op": "replace", "path": "/kind", "value": "Secret"}), "/kind"),
    ] {
        let json = Some(patched_with(&json!([operation])));
        let egress = with(|egress| {
            egress.spec.patches = vec![Patch { kind: kind.to_owned(), name: None, merge: None, json }];
        });
        let refusals = build(&[&egress], &mesh("1.31"), &filter(), false).unwrap_err();
        assert_eq!(refusals[0].code, Code::PatchNotApplied, "{kind}: {operation}");
        assert!(refusals[0].message.ends_with(&format!("it changes `{place}`")), "{}", refusals[0].message);
    }
}

/// However a patch goes about it: the gateway would not write who calls.
#[test]
fn a_patch_cannot_take_away_who_calls() {
    let annotations = "/spec/template/metadata/annotations";
    for install in [Install::Injected, Install::GatewayApi, Install::IstioOperator] {
        let with_patch = |kind: &str, merge, json| {
            with(|egress| {
                egress.spec.gateway.install = install;
                egress.spec.patches = vec![Patch { kind: kind.to_owned(), name: None, merge, json }];
            })
        };
        let (kind, merge, json) = match install {
            Install::Injected => (
                "Deployment",
                json!({"spec": {"template": {"metadata": {"annotations": null}}}}),
                [
                    json!({"op": "remove", "path": annotations}),
                    json!({"op": "replace", "path": "/spec/template/metadata", "value": {"labels": {}}}),
                    json!({"op": "move", "from": annotations, "path": "/metadata/annotations"}),
                    json!({"op": "replace", "path": "/spec/template", "value": {}}),
                ]
                .to_vec(),
            ),
            Install::GatewayApi => ("ConfigMap", json!({"data": null}), vec![json!({"op": "remove", "path": "/data"})]),
            _ => {
                ("IstioOperator", json!({"spec": {"components": null}}), vec![json!({"op": "remove", "path": "/spec"})])
            }
        };
        let json = json.into_iter().map(|operation| (None, Some(patched_with(&json!([operation])))));
        for (merge, json) in json.chain([(Some(patched_with(&merge)), None)]) {
            let egress = with_patch(kind, merge.clone(), json.clone());
            let refusals = build(&[&egress], &mesh("1.31"), &filter(), false).unwrap_err();
            assert_eq!(refusals[0].code, Code::PatchNotApplied, "{merge:?} {json:?}");
            assert!(refusals[0].message.contains("forwardClientCertDetails"), "{}", refusals[0].message);
        }
        let harmless = with_patch(kind, Some(patched_with(&json!({"metadata": {"labels": {"team": "a"}}}))), None);
        assert!(build(&[&harmless], &mesh("1.31"), &filter(), false).is_ok());
    }
}

/// Each copy of an object into itself doubles it.
#[test]
fn copies_do_not_grow_without_bound() {
    let copy =
        |at| json!({"op": "copy", "from": "/metadata/annotations", "path": format!("/metadata/annotations/x{at}")});
    let of = |most| operations("Service", &(0..most).map(copy).collect());
    let few = with(|egress| egress.spec.patches = vec![of(3)]);
    assert!(build(&[&few], &mesh("1.31"), &filter(), false).is_ok());
    let refused = refusal(&with(|egress| egress.spec.patches = vec![of(60)]));
    assert!(refused.message.ends_with("the patch copies more than 1024 KiB"), "{}", refused.message);
}

/// The pods of a Gateway of the Kubernetes API have their settings from there.
#[test]
fn the_parameters_of_a_gateway_stay() {
    let remove = json!([{"op": "remove", "path": "/spec/infrastructure/parametersRef"}]);
    let patch = operations("Gateway", &remove);
    let refused = refusal(&with_needs(Install::GatewayApi, vec![patch]));
    assert!(refused.message.ends_with("it changes `/spec/infrastructure/parametersRef`"), "{}", refused.message);
}

#[test]
fn values_of_a_chart_are_no_manifest_of_every_kind() {
    let patch = merge("*", &json!({"metadata": {"annotations": {"team": "a"}}}));
    let built = built(&with_needs(Install::Helm, vec![patch]), &image_volume());
    let values = &built.files["egress-httpbin-httpbin/30-helm-values.yaml"];
    assert!(!values.contains("metadata:"), "{values}");
}

#[test]
fn a_patch_of_the_mesh_is_for_every_gateway() {
    let patch = |kind: &str, name: Option<&str>| Patch {
        kind: kind.to_owned(),
        name: name.map(value),
        merge: Some(patched_with(&json!({"metadata": {"labels": {"a": "b"}}}))),
        json: None,
    };
    let second = with(|egress| {
        egress.name = value("second");
        egress.spec.gateway.install = Install::GatewayApi;
    });
    let first = httpbin();
    let both = |patches| {
        let mesh = Mesh { patches, ..Mesh::default() };
        build(&[&first, &second], &mesh, &filter(), false)
    };
    // Only one of the two has a Deployment.
    let build = both(vec![patch("Deployment", None), patch("*", Some("second-egress"))]).unwrap();
    let value = |text: &str| text.to_owned();
    let deployment = (value("egress-httpbin/httpbin"), vec![value("Deployment/httpbin-egress")]);
    let by_name = (value("egress-httpbin/second"), vec![value("*/second-egress (9 manifests)")]);
    assert_eq!(build.patched, [deployment, by_name]);
    let every = both(vec![patch("*", None)]).unwrap();
    // However many there are, the summary has one entry per patch.
    let entries = every.patched.iter().map(|(_, changed)| changed.as_slice());
    assert!(entries.clone().all(|changed| changed.len() == 1 && changed[0].starts_with("* (1")), "{:?}", every.patched);
    assert_eq!(entries.len(), 2);
    let errors = both(vec![patch("*", None), patch("Ingress", None)]).unwrap_err();
    assert_eq!(errors.iter().map(|error| error.code).collect::<Vec<_>>(), [Code::PatchNotApplied]);
    assert!(errors[0].message.contains("`Ingress`"), "{errors:?}");
}
