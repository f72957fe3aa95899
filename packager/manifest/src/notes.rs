//! `NOTES.md` in each gateway's folder: what must exist before the manifests are applied, and the commands in order.

use sallyport_egress::model::Egress;
use sallyport_egress::model::deploy::Install;

use crate::kind::mesh;
use crate::lock::Lock;
use crate::made_by::MADE_BY;
use crate::names::{NAMESPACES, application, folder_name};
use crate::options::Options;
use crate::plan::Plan;
use crate::secrets::{self, FromSecret, TlsVolume};

/// Something that the manifests refer to and that `build` does not write.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
pub(crate) fn notes(plan: &Plan<'_>, options: Options, kustomized: &[String], is_large: bool) -> String {
    let Egress { namespace, name, labels: _, spec } = plan.egress;
    let mut page = format!(
        "# The gateway {namespace}/{name}\n\n\
         {MADE_BY} from the Egress {namespace}/{name}. It is rebuilt together with the manifests.\n\n\
         ## What must exist first\n\n"
    );
    page.push_str(&earlier_steps(plan, options));
    for need in needs(plan) {
        page.push_str(&format!("- {}:\n  `{}`\n", need.line(), need.command()));
    }
    page.push_str(&filter_image(plan, options));
    page.push_str(
        "- Istio with the settings in `../mesh`: `istiooperator.yaml` for istioctl, `values.yaml` for the chart `istiod`.\n",
    );
    if plan.install() == Install::GatewayApi {
        page.push_str("- The CRDs of the Kubernetes Gateway API.\n");
    }
    if let Some(provider) = &spec.tracing.provider {
        let is_brought = plan.mesh.providers().any(|own| own.name == provider.as_str());
        let source = if is_brought { "which the settings in `../mesh` bring" } else { "which you add to them" };
        page.push_str(&format!("- The tracer `{provider}` among the extension providers of the mesh, {source}.\n"));
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
    let of_argo = if options.argo && !options.root { "Sync the Application of this folder. Then, in" } else { "In" };
    page.push_str(&format!("\n## Apply\n\n{of_argo} this folder, in this order:\n\n```console\n"));
    for command in commands(plan, options, kustomized, is_large) {
        page.push_str(&format!("$ {command}\n"));
    }
    page.push_str("```\n");
    page
}

/// What other folders have, and what makes Argo CD read them: before the Secrets, which are in the namespace.
fn earlier_steps(plan: &Plan<'_>, options: Options) -> String {
    let mut text = String::new();
    if options.argo {
        text.push_str("- The output folder, committed and pushed to the repository that Argo CD reads.\n");
        text.push_str(if options.root {
            "- The Applications of Argo CD, of which none syncs by itself. In this folder:\n  \
             `kubectl apply -f ../applicationset.yaml`\n"
        } else {
            "- An Application of Argo CD for this folder, which does not sync by itself yet.\n"
        });
    }
    if plan.egress.spec.gateway.create_namespace {
        let namespace = &plan.egress.namespace;
        text.push_str(&match options {
            Options { argo: true, root: true, .. } => format!(
                "- Namespace {namespace}, which this build makes:\n  `argocd app sync {}`\n",
                application(NAMESPACES)
            ),
            Options { argo: true, .. } => {
                format!("- Namespace {namespace}, which this build makes: sync an Application of `../{NAMESPACES}`.\n")
            }
            _ => format!(
                "- Namespace {namespace}, which this build makes. In this folder:\n  `kubectl apply -k ../{NAMESPACES}`\n"
            ),
        });
    }
    text
}

/// Where the filter's image must be, and the command that pushes it.
fn filter_image(plan: &Plan<'_>, options: Options) -> String {
    let reference = plan.filter.reference();
    let (repository, remark) = if options.is_placeholder {
        let remark = "This repository is a placeholder: push to one that the cluster can reach, and build again.";
        ("REPOSITORY".to_owned(), remark)
    } else {
        let remark = "If it prints another digest, build again: the lock has it, unless the Mesh file or `gateway.filterDigest` \
                      pins one.";
        (plan.filter.image.to_string(), remark)
    };
    let lock = Lock::FILE;
    format!(
        "- The filter's image, at `{reference}`. Unless it is there, run beside `{lock}`, or if there is none yet, in the \
         folder that has all Egress files in it or below:\n  `sallyport image push {repository} --lock {lock}`\n  {remark}\n"
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
fn commands(plan: &Plan<'_>, options: Options, kustomized: &[String], is_large: bool) -> Vec<String> {
    let (namespace, gateway) = (&plan.egress.namespace, plan.gateway_name());
    let apply = if is_large { "kubectl apply --server-side" } else { "kubectl apply" };
    let rollout = format!("kubectl rollout status deployment/{gateway} -n {namespace}");
    let installed = match plan.install() {
        Install::Injected | Install::GatewayApi => None,
        Install::IstioOperator => {
            Some("istioctl manifest generate -f 30-istiooperator.yaml | kubectl apply -f -".to_owned())
        }
        Install::Helm => {
            Some(format!("helm upgrade --install {gateway} istio/gateway -n {namespace} -f 30-helm-values.yaml"))
        }
    };
    if options.argo {
        let how = if is_large { " --server-side" } else { "" };
        let sync = options.root.then(|| format!("argocd app sync {}{how}", application(&folder_name(plan))));
        return sync.into_iter().chain(installed).chain([rollout]).collect();
    }
    let Some(installed) = installed else { return vec![format!("{apply} -k ."), rollout] };
    let mut files: Vec<_> = kustomized.iter().map(String::as_str).collect();
    files.dedup();
    let (before, after): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| *file < "30");
    let of_files = |files: Vec<&str>| files.into_iter().map(|file| format!(" -f {file}")).collect::<String>();
    vec![format!("{apply}{}", of_files(before)), installed, format!("{apply}{}", of_files(after)), rollout]
}
