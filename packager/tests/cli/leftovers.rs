//! What `sallyport build` says about objects that are no longer built and may still be in the cluster.

use snapbox::{assert_data_eq, file, str};

use crate::sandbox::{Ended, GOOD, LOCK, Sandbox};

/// Built with these lines at the end of the Egress.
fn built(more: &str) -> Sandbox {
    let sandbox = Sandbox::with(&[("in/sallyport.lock", LOCK)]);
    write(&sandbox, more);
    assert_eq!(build(&sandbox, &[]).code, Some(0));
    sandbox
}

fn write(sandbox: &Sandbox, more: &str) {
    sandbox.write("in/egress.yaml", format!("{GOOD}{more}"));
}

fn build(sandbox: &Sandbox, more: &[&str]) -> Ended {
    sandbox.run(&[&["build", "in", "-o", "out"], more].concat())
}

/// Every command that the text has, with its prefix.
fn commands(text: &str) -> Vec<&str> {
    let is_command = |line: &&str| ["kubectl", "helm", "istioctl"].iter().any(|tool| line.starts_with(tool));
    text.lines().map(str::trim_start).filter(is_command).collect()
}

#[test]
fn what_is_removed_is_listed_with_the_commands_that_delete_it_from_the_cluster() {
    let sandbox = built("  headers: {credential: {secretName: httpbin-token, name: x-token}}\n");
    sandbox.write("in/egress.yaml", GOOD.replace("name: httpbin", "name: other"));
    let ended = build(&sandbox, &["--prune"]);
    let (_, removed) = ended.stdout.split_once("7 removed\n").unwrap();
    assert_data_eq!(removed, file!["golden/removed.txt"].raw());
    let ended = build(&sandbox, &["--prune", "-q"]);
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", ""));
    // What is in the cluster cannot be known later.
    sandbox.write("in/egress.yaml", GOOD.replace("name: httpbin", "name: third"));
    let ended = build(&sandbox, &["--prune", "-q"]);
    assert!(ended.stdout.is_empty() && ended.stderr.contains("kubectl delete --ignore-not-found"), "{}", ended.stderr);
}

#[test]
fn what_is_gone_from_a_gateway_that_stays_is_deleted_by_hand_whatever_the_options() {
    let expose = "  expose: {host: httpbin.example.com, credentialName: httpbin-cert}\n";
    let sandbox = built(&format!("  aliases: [a.legacy.internal]\n{expose}  gateway: {{maxReplicas: 9}}\n"));
    write(&sandbox, "");
    for how in ["--check", "--diff"] {
        let ended = sandbox.run(&["build", "in", how, "out"]);
        assert_eq!(ended.code, Some(2));
        assert_data_eq!(
            ended.stderr,
            str![[r#"
No longer built, and still in the cluster if you applied it. When the new manifests are applied, delete it in this order:
  kubectl delete --ignore-not-found -n httpbin virtualservice.networking.istio.io/httpbin-ingress
  kubectl delete --ignore-not-found -n istio-system gateway.networking.istio.io/httpbin-httpbin-ingress
  kubectl delete --ignore-not-found -n httpbin horizontalpodautoscaler.autoscaling/httpbin-egress
Made by you, and no longer referred to. Delete it if nothing else uses it:
  Secret istio-system/httpbin-cert
to bring the folder up to date: sallyport build in -o out

"#]]
        );
        assert!(!ended.stdout.contains("No longer built"), "{}", ended.stdout);
    }
    let ended = build(&sandbox, &[]);
    let (_, last) = ended.stdout.split_once("Then:\n  follow out/httpbin-httpbin/NOTES.md\n").unwrap();
    assert_eq!(commands(last).len(), 3, "{}", ended.stdout);
    assert!(commands(&build(&sandbox, &[]).stdout).is_empty());
}

#[test]
fn a_namespace_that_a_gateway_is_in_stays() {
    let gateway = "  gateway: {createNamespace: true}\n";
    let stays = "The Namespace httpbin stays, because gateways are in it: it is yours now.\n";
    let sandbox = built(gateway);
    write(&sandbox, "");
    let ended = build(&sandbox, &["--prune"]);
    assert!(ended.stdout.ends_with(stays) && !ended.stdout.contains("delete"), "{}", ended.stdout);
    // So it does for another gateway, but not when the last one goes.
    let sandbox = built(gateway);
    sandbox.write("in/egress.yaml", GOOD.replace("name: httpbin", "name: other"));
    let ended = build(&sandbox, &["--prune"]);
    assert!(ended.stdout.contains(stays) && !ended.stdout.contains("delete --ignore-not-found namespace"));
    let sandbox = built(gateway);
    sandbox.write("in/egress.yaml", GOOD.replace("namespace: httpbin", "namespace: other"));
    let ended = build(&sandbox, &["--prune"]);
    let last = "Deleting it deletes everything in it, so look first for what others\nhave in it, callers and Secrets among them:\n  \
                kubectl get all,secrets,configmaps -n httpbin\n  # kubectl delete --ignore-not-found namespace httpbin\n";
    assert!(ended.stdout.ends_with(last), "{}", ended.stdout);
}

/// The commands select what the one tool has made, so they do not touch what the other makes under the same names.
#[test]
fn a_gateway_that_is_installed_in_another_way_goes_before_it_comes() {
    let deletions: [(&str, &[&str]); 4] = [
        (
            "injected",
            &["kubectl delete -n httpbin deployment,service,horizontalpodautoscaler,poddisruptionbudget \
               -l 'sallyport.dev/gateway=httpbin,app.kubernetes.io/managed-by=sallyport,!gateway.networking.k8s.io/gateway-name'"],
        ),
        (
            "istiooperator",
            &[
                "kubectl delete -n httpbin deployment,service,horizontalpodautoscaler,poddisruptionbudget,serviceaccount \
                 -l sallyport.dev/gateway=httpbin,operator.istio.io/component=EgressGateways",
                "kubectl delete --ignore-not-found -n httpbin role/httpbin-egress-sds rolebinding/httpbin-egress-sds",
            ],
        ),
        ("helm", &["helm uninstall httpbin-egress -n httpbin"]),
        (
            "gateway-api",
            &[
                "kubectl delete --ignore-not-found -n httpbin gateway.gateway.networking.k8s.io/httpbin-egress \
                 configmap/httpbin-egress",
                "kubectl wait --for=delete --timeout=2m -n httpbin \
                 deployment,service,horizontalpodautoscaler,poddisruptionbudget \
                 -l gateway.networking.k8s.io/gateway-name=httpbin-egress",
            ],
        ),
    ];
    for (old, deletion) in deletions {
        for (new, _) in deletions.iter().filter(|(new, _)| *new != old) {
            let gateway = |install: &str| format!("  gateway: {{install: {install}, maxReplicas: 5}}\n");
            let sandbox = built(&gateway(old));
            write(&sandbox, &gateway(new));
            let ended = sandbox.run(&["build", "in", "--check", "out"]);
            assert_eq!(commands(&ended.stderr)[..deletion.len()], *deletion, "{old} {new}: {}", ended.stderr);
            let ended = build(&sandbox, &[]);
            let (first, last) = ended.stdout.split_once("\nBefore you apply").unwrap();
            let head = format!("The pods of httpbin/httpbin are installed in another way: `{new}` instead of `{old}`.");
            assert!(first.contains(&head), "{first}");
            assert_eq!(commands(first), deletion, "{old} {new}: {first}");
            // What is deleted afterwards has other names or is of another kind.
            let of_pods = ["deployment", "service/", "autoscaler", "disruption", "helm uninstall", "configmap"];
            assert!(!commands(last).iter().any(|line| of_pods.iter().any(|name| line.contains(name))), "{last}");
            let is_gateway_api = old == "gateway-api" || *new == "gateway-api";
            assert_eq!(!commands(last).is_empty(), is_gateway_api, "{old} {new}: {last}");
            // It is said once, and again when the old file is removed.
            assert!(!build(&sandbox, &[]).stdout.contains("another way"));
            let pruned = build(&sandbox, &["--prune"]).stdout;
            assert_eq!(pruned.contains("another way"), pruned.contains("removed:\n"), "{pruned}");
        }
    }
}

#[test]
fn pods_of_another_tool_are_deleted_with_their_gateway() {
    for (install, command) in [
        ("helm", "  helm uninstall httpbin-egress -n httpbin\n"),
        (
            "istiooperator",
            "serviceaccount -l sallyport.dev/gateway=httpbin,operator.istio.io/component=EgressGateways\n",
        ),
    ] {
        let sandbox = built(&format!("  gateway: {{install: {install}, maxReplicas: 5}}\n"));
        sandbox.write("in/egress.yaml", GOOD.replace("name: httpbin", "name: other"));
        let ended = build(&sandbox, &["--prune"]);
        assert!(ended.stdout.contains(command) && !ended.stdout.contains("another way"), "{}", ended.stdout);
    }
}

#[test]
fn an_application_set_that_is_no_longer_built_takes_nothing_with_it() {
    let sandbox = built("");
    let argo = ["--argo", "--root", "--repository", "https://git.example.com/mesh.git"];
    assert_eq!(build(&sandbox, &argo).code, Some(0));
    let ended = build(&sandbox, &["--prune"]);
    let command =
        "kubectl delete --ignore-not-found --cascade=orphan -n argocd applicationset.argoproj.io/sallyport   # ";
    assert_eq!(commands(&ended.stdout).len(), 1, "{}", ended.stdout);
    assert!(commands(&ended.stdout)[0].starts_with(command), "{}", ended.stdout);
}
