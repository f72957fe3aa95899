use snapbox::{assert_data_eq, str};

use super::*;

fn texts(files: &[(&str, &str)]) -> BTreeMap<String, String> {
    files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

/// What is left when these files were removed.
fn removed(files: &[(&str, &str)], built: &[(&str, &str)]) -> String {
    let difference = Difference { stale: texts(files), is_pruned: true, ..Difference::default() };
    Leftovers::of(&difference, &texts(built), true).last
}

fn object(version: &str, kind: &str, name: &str) -> String {
    format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: {name}, namespace: a}}\n")
}

const NAMESPACE: &str = "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n";
const LABELS: &str = "{sallyport.dev/gateway: x, sallyport.dev/namespace: a}";

#[test]
fn objects_are_deleted_in_reverse_order_unless_they_are_still_built() {
    let identity =
        format!("# Made\n---\n{}---\n{}", object("v1", "ServiceAccount", "x"), object("v1", "Service", "stays"));
    let values = format!("name: x-egress\nlabels: {LABELS}\n");
    let files = [
        ("a-x/10-identity.yaml", identity.as_str()),
        ("a-x/30-helm-values.yaml", &values),
        ("a-x/50-routes.yaml", &object("networking.istio.io/v1", "VirtualService", "x")),
        ("a-x/NOTES.md", "---\n"),
        ("a-x/broken.yaml", "a: ["),
    ];
    assert_data_eq!(
        removed(&files, &[("b-y/10-identity.yaml", &object("v1", "Service", "stays"))]),
        str![[r#"
No longer built, and still in the cluster if you applied it. When the new manifests are applied, delete it in this order:
  kubectl delete --ignore-not-found -n a virtualservice.networking.istio.io/x
  helm uninstall x-egress -n a
  kubectl delete --ignore-not-found -n a serviceaccount/x

"#]]
    );
}

#[test]
fn a_namespace_is_never_deleted_with_what_is_in_it() {
    let files = [("namespaces/a.yaml", NAMESPACE)];
    let used = [("a-y/10-identity.yaml", object("v1", "Service", "y"))];
    let used = used.each_ref().map(|(name, text)| (*name, text.as_str()));
    assert_eq!(removed(&files, &used), "The Namespace a stays, because gateways are in it: it is yours now.\n");
    // A folder that is no longer built but was not removed is still one.
    let stale = texts(&[files[0], used[0]]);
    let difference = Difference { stale, ..Difference::default() };
    assert_eq!(Leftovers::of(&difference, &BTreeMap::new(), false).last, "");
    let changed = texts(&[("a-x/00-namespace.yaml", NAMESPACE)]);
    let difference = Difference { changed, stale: texts(&used), ..Difference::default() };
    let last = Leftovers::of(&difference, &BTreeMap::new(), false).last;
    assert_eq!(last, "The Namespace a stays, because gateways are in it: it is yours now.\n");
    assert_data_eq!(
        removed(&files, &[]),
        str![[r#"
The Namespace a has no gateway of this build any more. Deleting it deletes everything in it, so look first for what others
have in it, callers and Secrets among them:
  kubectl get all,secrets,configmaps -n a
  # kubectl delete --ignore-not-found namespace a

"#]]
    );
}

#[test]
fn what_is_gone_from_a_file_that_stays_is_still_in_the_cluster() {
    let (kept, gone) = (object("v1", "Service", "x"), object("autoscaling/v2", "HorizontalPodAutoscaler", "x"));
    let changed = texts(&[
        ("a-x/30-deployment.yaml", &format!("{kept}---\n{gone}")),
        ("a-x/NOTES.md", "- Secret a/kept with token, for this\n- Secret a/cert with tls.crt, tls.key, for that\n"),
    ]);
    let difference = Difference { changed, ..Difference::default() };
    let built = texts(&[("a-x/30-deployment.yaml", &kept), ("a-x/NOTES.md", "- Secret a/kept with token, for this\n")]);
    assert_data_eq!(
        Leftovers::of(&difference, &built, false).last,
        str![[r#"
No longer built, and still in the cluster if you applied it. When the new manifests are applied, delete it in this order:
  kubectl delete --ignore-not-found -n a horizontalpodautoscaler.autoscaling/x
Made by you, and no longer referred to. Delete it if nothing else uses it:
  Secret a/cert

"#]]
    );
}

/// istioctl writes no autoscaler then, and kubectl leaves the old one.
#[test]
fn an_autoscaler_of_istioctl_is_left_behind() {
    let operator = |is_scaled: bool| {
        format!(
            "{}spec:\n  components: {{egressGateways: [{{label: {LABELS}}}]}}\n  \
             values: {{gateways: {{istio-egressgateway: {{autoscaleEnabled: {is_scaled}}}}}}}\n",
            object("install.istio.io/v1alpha1", "IstioOperator", "x-egress")
        )
    };
    let name = "a-x/30-istiooperator.yaml";
    let difference = Difference { changed: texts(&[(name, &operator(true))]), ..Difference::default() };
    let left = |built: bool| Leftovers::of(&difference, &texts(&[(name, &operator(built))]), false);
    assert_eq!(left(true), Leftovers::default());
    let last = left(false).last;
    assert!(
        last.ends_with("  kubectl delete --ignore-not-found -n a horizontalpodautoscaler.autoscaling/x-egress\n"),
        "{last}"
    );
}

#[test]
fn an_application_set_is_deleted_without_what_its_applications_have_applied() {
    let text = removed(&[("applicationset.yaml", &object("argoproj.io/v1alpha1", "ApplicationSet", "sallyport"))], &[]);
    let command = "  kubectl delete --ignore-not-found --cascade=orphan -n a applicationset.argoproj.io/sallyport   # ";
    assert!(text.contains(command), "{text}");
}

#[test]
fn a_name_in_an_edited_file_is_one_word() {
    let odd = "apiVersion: v1\nkind: Service\nmetadata: {name: \"x; rm\\n -r\", namespace: a}\n";
    let text = removed(&[("a-x/10.yaml", odd)], &[]);
    assert!(text.ends_with("-n a 'service/x; rm\\n -r'\n"), "{text}");
    let odd = "name: x\nlabels: {sallyport.dev/gateway: \"x'; rm\", sallyport.dev/namespace: \"a b\"}\n";
    let text = removed(&[("a-x/30-helm-values.yaml", odd)], &[]);
    assert!(text.ends_with("  helm uninstall x -n 'a b'\n"), "{text}");
}
