//! `NOTES.md` in each gateway's folder: what must exist before the manifests are applied, and the commands in order.

use sallyport_egress::model::Egress;
use sallyport_egress::model::deploy::Install;

use crate::kind::mesh;
use crate::lock::{Lock, is_placeholder};
use crate::made_by::MADE_BY;
use crate::plan::Plan;
use crate::secrets::{self, FromSecret, TlsVolume};

/// Something that the manifests refer to and that `build` does not write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// `Namespace`, `Secret` or `ConfigMap`.
    pub kind: &'static str,
    /// Where it must be; the same as the name for a Namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The keys that are read from it.
    pub keys: Vec<String>,
    /// What it is for.
    pub purpose: &'static str,
}

/// Every Namespace, Secret and ConfigMap that the manifests of this gateway refer to.
pub(crate) fn needs(plan: &Plan<'_>) -> Vec<Need> {
    let Egress { namespace, spec, .. } = plan.egress;
    let of = |kind, name: &str, keys, purpose| Need {
        kind,
        namespace: namespace.to_string(),
        name: name.to_owned(),
        keys,
        purpose,
    };
    let mut needs = Vec::new();
    if !spec.gateway.create_namespace {
        needs.push(of("Namespace", namespace, Vec::new(), "the gateway"));
    }
    if let Some(secret) = &plan.mesh.filter.pull_secret {
        needs.push(of("Secret", secret, vec![".dockerconfigjson".to_owned()], "pulling the filter's image"));
    }
    for TlsVolume { secret, keys, .. } in secrets::tls_volumes(plan) {
        let keys = keys.into_iter().map(str::to_owned).collect();
        needs.push(of("Secret", &secret, keys, "the files of `upstream.tls`"));
    }
    if let Some(opa) = &spec.gateway.opa {
        needs.push(of("ConfigMap", &opa.policy_config_map, Vec::new(), "OPA's policy"));
    }
    for FromSecret { secret, key, .. } in secrets::variables(plan) {
        needs.push(of("Secret", &secret, vec![key], "the credential for the upstream"));
    }
    if let Some(expose) = &spec.expose {
        let keys = ["tls.crt", "tls.key"].map(str::to_owned).to_vec();
        let secret = of("Secret", &expose.credential_name, keys, "TLS for callers from outside");
        needs.push(Need { namespace: expose.gateway.namespace().to_owned(), ..secret });
    }
    needs
}

impl Need {
    /// The command that makes it, with stand-ins for content.
    fn command(&self) -> String {
        let Need { kind, namespace, name, keys, .. } = self;
        let files: String = keys.iter().map(|key| format!(" --from-file={key}")).collect();
        match (*kind, keys.as_slice()) {
            ("Namespace", _) => format!("kubectl create namespace {name}"),
            ("ConfigMap", _) => format!("kubectl create configmap {name} -n {namespace} --from-file=policy.rego"),
            (_, [key]) if key == ".dockerconfigjson" => {
                format!("kubectl create secret docker-registry {name} -n {namespace} --from-file={key}=config.json")
            }
            (_, [first, second]) if first == "tls.crt" && second == "tls.key" => {
                format!("kubectl create secret tls {name} -n {namespace} --cert=tls.crt --key=tls.key")
            }
            _ => format!("kubectl create secret generic {name} -n {namespace}{files}"),
        }
    }

    /// One line: kind, name and keys.
    #[must_use]
    pub fn line(&self) -> String {
        let Need { kind, namespace, name, keys, purpose } = self;
        let place = if *kind == "Namespace" { name.clone() } else { format!("{namespace}/{name}") };
        let keys = if keys.is_empty() { String::new() } else { format!(" with {}", keys.join(", ")) };
        format!("{kind} {place}{keys}, for {purpose}")
    }

    /// The Secrets and ConfigMaps that the notes of a gateway ask for: `Secret NAMESPACE/NAME`.
    pub fn on_page(page: &str) -> impl Iterator<Item = String> {
        page.lines().filter_map(|line| {
            let (kind, rest) = line.strip_prefix("- ")?.split_once(' ')?;
            let (place, _) = rest.split_once([' ', ','])?;
            (matches!(kind, "Secret" | "ConfigMap") && place.contains('/')).then(|| format!("{kind} {place}"))
        })
    }
}

/// The page. `kustomized` has the numbered files of the kustomization; `is_large`: one of them is too large for
/// client-side apply.
pub(crate) fn notes(plan: &Plan<'_>, kustomized: &[String], is_large: bool) -> String {
    let Egress { namespace, name, spec } = plan.egress;
    let mut page = format!(
        "# The gateway {namespace}/{name}\n\n\
         {MADE_BY} from the Egress {namespace}/{name}. It is rebuilt together with the manifests.\n\n\
         ## What must exist first\n\n"
    );
    for need in needs(plan) {
        page.push_str(&format!("- {}:\n  `{}`\n", need.line(), need.command()));
    }
    page.push_str(&filter_image(plan));
    page.push_str(
        "- Istio with the settings in `../mesh`: `istiooperator.yaml` for istioctl, `values.yaml` for the chart `istiod`.\n",
    );
    if plan.install() == Install::GatewayApi {
        page.push_str("- The CRDs of the Kubernetes Gateway API.\n");
    }
    if let Some(provider) = &spec.tracing.provider {
        page.push_str(&format!("- The tracer `{provider}`, among the extension providers of the mesh.\n"));
    }
    for host in plan.egress.hosts() {
        let resolver = if mesh::captures_dns(plan.mesh, std::slice::from_ref(plan)) {
            "which their sidecars see to with the settings in `../mesh`, once they are restarted"
        } else {
            "by a record or by Istio's DNS capture; any address will do"
        };
        page.push_str(&format!("- DNS for callers: `{host}` resolves in their pods, {resolver}.\n"));
    }
    for name in plan.upstreams().flat_map(resolved) {
        page.push_str(&format!("- DNS for the gateway: its pods resolve `{name}`.\n"));
    }
    for standby in &plan.standbys {
        page.push_str(&format!("- The standby: apply the folder `../{}-{}`, too.\n", standby.namespace, standby.name));
    }
    page.push_str("\n## Apply\n\nIn this folder, in this order:\n\n```console\n");
    let namespaces = "kubectl apply -k ../namespaces".to_owned();
    let first = spec.gateway.create_namespace.then_some(namespaces);
    for command in first.into_iter().chain(commands(plan, kustomized, is_large)) {
        page.push_str(&format!("$ {command}\n"));
    }
    page.push_str("```\n");
    page
}

/// Where the filter's image must be, and the command that pushes it.
fn filter_image(plan: &Plan<'_>) -> String {
    let reference = plan.filter.reference();
    let (repository, remark) = if is_placeholder(&plan.filter.image) {
        let remark = "This repository is a placeholder: push to one that the cluster can reach, and build again.";
        ("REPOSITORY".to_owned(), remark)
    } else {
        let remark = "If it prints another digest, build again: the lock has it, unless the Mesh file or `gateway.filterDigest` \
                      pins one.";
        (plan.filter.image.to_string(), remark)
    };
    format!(
        "- The filter's image, at `{reference}`. Unless it is there, run beside the Egress files:\n  \
         `sallyport image push {repository} --lock {}`\n  {remark}\n",
        Lock::FILE
    )
}

/// The names by which the gateway finds an upstream: its own, or those of its endpoints.
fn resolved(upstream: &Egress) -> Vec<String> {
    let endpoints = upstream.spec.upstream.fixed_endpoints();
    if endpoints.is_empty() {
        return vec![upstream.upstream_host()];
    }
    let names = endpoints.iter().filter(|endpoint| endpoint.address.address().is_none());
    names.map(|endpoint| endpoint.address.to_string()).collect()
}

/// The order keeps the filter before the pods, and the routes last.
fn commands(plan: &Plan<'_>, kustomized: &[String], is_large: bool) -> Vec<String> {
    let (namespace, gateway) = (&plan.egress.namespace, plan.gateway_name());
    let apply = if is_large { "kubectl apply --server-side" } else { "kubectl apply" };
    let rollout = format!("kubectl rollout status deployment/{gateway} -n {namespace}");
    let installed = match plan.install() {
        Install::Injected | Install::GatewayApi => return vec![format!("{apply} -k ."), rollout],
        Install::IstioOperator => "istioctl manifest generate -f 30-istiooperator.yaml | kubectl apply -f -".to_owned(),
        Install::Helm => {
            format!("helm upgrade --install {gateway} istio/gateway -n {namespace} -f 30-helm-values.yaml")
        }
    };
    let mut files: Vec<_> = kustomized.iter().map(String::as_str).collect();
    files.dedup();
    let (before, after): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| *file < "30");
    let of_files = |files: Vec<&str>| files.into_iter().map(|file| format!(" -f {file}")).collect::<String>();
    vec![format!("{apply}{}", of_files(before)), installed, format!("{apply}{}", of_files(after)), rollout]
}
