//! From valid files to everything that Envoy needs: certificates on disk, resources in memory.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use sallyport_core::Engine;
use sallyport_egress::model::{Egress, Mesh};
use sallyport_egress::policy_source;
use sallyport_egress::value::digest::Digest;
use sallyport_manifest::{BuildError, HostPort, PinnedFilter, Plan, Surroundings, plans, serve};

use super::authority::Authority;
use super::caller::{Caller, callers};
use super::curl::{self, Endpoint};
use super::example::{Forecast, Policy, asks_for_ports, example};
use super::files::{Layout, Pair, Workspace};
use super::load::Loaded;
use super::notice::notices;
use super::port;
use super::resources::{Kind, Resources};
use super::secrets::{self, Found, Sources};
use super::settings::Settings;
use crate::exit::{Exit, Failure};
use crate::oci::digest::digest_of;

/// The session's directory, and the certificate authority in it.
pub(crate) struct Setup {
    settings: Settings,
    /// Of the image that has the module.
    module: Option<Digest>,
    workspace: Workspace,
    authority: Authority,
    /// Of each Egress, in their order.
    ports: Vec<u16>,
    /// Of the further ports of gateways, each by the Egress and the port in a pod.
    further_ports: BTreeMap<(String, u16), u16>,
    /// The certificates that this session has issued, by file.
    issued: BTreeSet<PathBuf>,
    /// The files with secrets that the last files needed, whether they are there or not.
    sought: BTreeSet<PathBuf>,
}

/// One version of an Egress, ready for Envoy.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    pub(crate) egress: Egress,
    pub(crate) port: u16,
    pub(crate) layout: Layout,
    pub(crate) resources: Resources,
    /// Where it connects to for its upstream.
    pub(crate) addresses: Vec<HostPort>,
    pub(crate) callers: Vec<PreparedCaller>,
    /// For each alias, one of the callers.
    pub(crate) aliases: Vec<PreparedCaller>,
    /// The credentials of upstreams, for the environment of Envoy.
    pub(crate) variables: Vec<(String, OsString)>,
    /// What a gateway in the mesh does, and this one does not.
    pub(crate) notices: Vec<String>,
    /// The certificates that are not valid now.
    pub(crate) warnings: Vec<String>,
}

/// A caller with its certificate and a request to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PreparedCaller {
    pub(crate) caller: Caller,
    /// The host that the request is for.
    pub(crate) host: String,
    pub(crate) pair: Pair,
    /// Whether the policy or the user named the caller.
    pub(crate) named: bool,
    /// What the gateway will answer.
    pub(crate) forecast: Forecast,
    pub(crate) curl: String,
}

impl Setup {
    /// `ports`: of each Egress; `module`: the digest of the image that has the module.
    pub(crate) fn open(settings: Settings, ports: Vec<u16>, module: Option<Digest>) -> Result<Self, Failure> {
        let workspace = Workspace::open(settings.directory.as_deref())?;
        let authority = Authority::open(&workspace.layout)?;
        Ok(Setup {
            settings,
            module,
            workspace,
            authority,
            ports,
            further_ports: BTreeMap::new(),
            issued: BTreeSet::new(),
            sought: BTreeSet::new(),
        })
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.workspace.layout
    }

    pub(crate) fn is_temporary(&self) -> bool {
        self.workspace.is_temporary()
    }

    /// The files to watch beside the Egress files.
    pub(crate) fn sought(&self) -> Vec<PathBuf> {
        self.sought.iter().cloned().collect()
    }

    /// Issues the missing certificates, and decides what each Envoy gets.
    pub(crate) fn prepare(&mut self, loaded: &Loaded) -> Result<Vec<Served>, Failure> {
        let mesh = &loaded.mesh;
        self.sought.clear();
        // Of the filter only the module on this machine is used.
        let filter = PinnedFilter { image: mesh.filter.image.clone(), digest: Digest::from_bytes([0; 32]) };
        let egresses: Vec<&Egress> = loaded.egresses.iter().collect();
        let rollouts = loaded.rollouts()?;
        let plans = plans(&egresses, mesh, &filter, &rollouts);
        let (mut translated, mut missing) = (Vec::new(), Vec::new());
        for (egress, port) in loaded.egresses.iter().zip(self.ports.clone()) {
            if let Some(plan) = plans.iter().find(|plan| plan.egress.route() == egress.route()) {
                let served = serve(plan, &plans).map_err(refused)?;
                self.sought.extend(secrets::sought(&served, self.sources()));
                missing.extend(secrets::missing(egress, &served, self.sources())?);
                translated.push((plan, served, port));
            }
        }
        if let Some(failure) = secrets::failure_of_missing(&missing) {
            return Err(failure);
        }
        translated.into_iter().map(|(plan, served, port)| self.prepare_one(plan, served, port)).collect()
    }

    fn sources(&self) -> Sources<'_> {
        Sources {
            directory: self.directory(),
            secrets: self.settings.secrets.as_deref(),
            authorities: self.settings.ca_certificates.as_deref(),
        }
    }

    fn prepare_one(
        &mut self,
        plan: &Plan<'_>,
        served: sallyport_manifest::Served,
        port: u16,
    ) -> Result<Served, Failure> {
        let Plan { egress, mesh, .. } = plan;
        let layout = if self.ports.len() > 1 {
            self.layout().of(&format!("{}.{}", egress.namespace, egress.name))
        } else {
            self.layout().clone()
        };
        layout.make()?;
        let found = secrets::find(egress, &served, self.sources())?;
        let ports = self.ports_of(egress, &served.ports(), port)?;
        let mut notices = notices(plan, &served, &self.settings);
        // The first is in the gateway's URL already.
        let shown =
            |position: usize, (of_pod, here): &(u16, u16)| position > 0 || (of_pod != here && asks_for_ports(egress));
        let shown = ports.iter().enumerate().filter(|(position, pair)| shown(*position, pair));
        notices.extend(shown.map(|(_, (of_pod, here))| {
            let rules = if of_pod == here { "" } else { ", which is the port that rules with `ports` see" };
            format!("port {of_pod} of a pod is 127.0.0.1:{here}{rules}")
        }));
        self.issue_for_gateway(egress, mesh, &own_pair(&layout, egress))?;
        let engine = Engine::compile(&policy_source(egress, mesh, &[]))
            .map_err(|error| Failure::new(Exit::Problems, format!("the policy does not compile: {error}")))?;
        let policy = Policy { egress, engine: &engine, port };
        let callers = self.prepare_callers(policy, mesh)?;
        let aliases = policy.prepare_aliases(&callers, &self.layout().ca());
        let (variables, warnings) = (found.variables.clone(), found.warnings.clone());
        let surroundings =
            Surroundings { ports: ports.into_iter().collect(), ..self.surroundings(plan, &layout, &served, found) };
        let here = served.on(&surroundings);
        let addresses = here.addresses(&egress.upstream_host());
        let resources = Resources::new(here);
        let egress = (*egress).clone();
        Ok(Served { egress, port, layout, resources, addresses, callers, aliases, variables, notices, warnings })
    }

    /// For each port of a pod, the one on this machine: the first is the session's, the others are the same if they are
    /// free, because rules can be about ports.
    fn ports_of(&mut self, egress: &Egress, of_pod: &[u16], first: u16) -> Result<Vec<(u16, u16)>, Failure> {
        let mut ports = Vec::new();
        for (position, of_pod) in of_pod.iter().enumerate() {
            let here = match self.further_ports.entry((egress.route(), *of_pod)) {
                _ if position == 0 => first,
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(vacant) => {
                    *vacant.insert(port::free(*of_pod, "--port").or_else(|_| port::free(0, "--port"))?)
                }
            };
            ports.push((*of_pod, here));
        }
        Ok(ports)
    }

    /// Relative paths in an Egress file are relative to it; of several files, to the first.
    fn directory(&self) -> &Path {
        let first = self.settings.files.first().map_or(Path::new("."), PathBuf::as_path);
        if first.is_dir() { first } else { first.parent().unwrap_or(Path::new(".")) }
    }

    fn surroundings(
        &self,
        plan: &Plan<'_>,
        layout: &Layout,
        served: &sallyport_manifest::Served,
        found: Found,
    ) -> Surroundings {
        let own = own_pair(layout, plan.egress);
        let Found { files, digests, system_authorities, upstream_authorities, variables: _, warnings: _ } = found;
        let upstreams = std::iter::once(plan.egress).chain(plan.standbys.iter().copied());
        let connect =
            upstreams.filter_map(|egress| Some((egress.upstream_host(), self.settings.address_of(egress)?.clone())));
        let names = served.extensions.iter().filter_map(|plugin| plugin.get("name")?.as_str().map(str::to_owned));
        let plugin_file = text(&layout.discovery(Kind::Plugin.service()));
        Surroundings {
            ports: BTreeMap::new(),
            own_certificate: (text(&own.certificate), text(&own.key)),
            authorities: text(&layout.ca()),
            system_authorities,
            upstream_authorities,
            files,
            digests,
            connect: connect.collect::<BTreeMap<_, _>>(),
            authorization: self.settings.opa.clone(),
            plugins: names.map(|name| (name, plugin_file.clone())).collect(),
            module: text(&layout.module()),
            module_digest: self.module.as_ref().map(ToString::to_string),
            access_log: text(&layout.access_log()),
            failure_log: Some(text(&layout.failure_log())),
        }
    }

    fn issue_for_gateway(&mut self, egress: &Egress, mesh: &Mesh, pair: &Pair) -> Result<(), Failure> {
        let gateway = Caller::new(&mesh.trust_domain, &egress.namespace, &format!("{}-egress", egress.name));
        let hosts: Vec<&str> = egress.hosts().map(|host| host.as_str()).chain(["localhost", "127.0.0.1"]).collect();
        self.issue(&gateway.spiffe_id(), &hosts, pair)
    }

    /// Issues a certificate to every caller that is named, and to one that is not.
    fn prepare_callers(&mut self, policy: Policy<'_>, mesh: &Mesh) -> Result<Vec<PreparedCaller>, Failure> {
        let named = callers(policy.egress, mesh, &self.settings.callers);
        let stranger = Caller::stranger(mesh);
        let strangers = (!named.contains(&stranger)).then_some((stranger, false));
        let mut prepared = Vec::new();
        for (caller, named) in named.into_iter().map(|caller| (caller, true)).chain(strangers) {
            let pair = self.layout().caller(&caller.file_stem(mesh));
            self.issue(&caller.spiffe_id(), &[], &pair)?;
            prepared.push(policy.prepare(&policy.egress.spec.host, caller, named, pair, &self.layout().ca()));
        }
        Ok(prepared)
    }

    fn issue(&mut self, spiffe_id: &str, hosts: &[&str], pair: &Pair) -> Result<(), Failure> {
        if self.issued.contains(&pair.certificate) {
            return Ok(());
        }
        self.authority.issue(spiffe_id, hosts, pair)?;
        self.issued.insert(pair.certificate.clone());
        Ok(())
    }
}

/// The certificate of a gateway is for all of its hosts, and Envoy reads it when its path is new.
fn own_pair(layout: &Layout, egress: &Egress) -> Pair {
    let aliases: Vec<&str> = egress.spec.aliases.iter().map(|alias| alias.as_str()).collect();
    if aliases.is_empty() {
        return layout.gateway(&egress.spec.host);
    }
    let digest = digest_of(aliases.join(" ").as_bytes());
    layout.gateway(&format!("{}-{}", egress.spec.host, digest.hex()))
}

/// How many callers are tried for an alias. Their number can be great, and the answer is mostly that for the first.
const MOST_TRIED: usize = 8;

impl Policy<'_> {
    fn prepare(self, host: &str, caller: Caller, named: bool, pair: Pair, ca: &Path) -> PreparedCaller {
        let example = example(self, host, &caller, named);
        let curl = curl::line(Endpoint { port: self.port, ca }, &pair.certificate, &pair.key, &example);
        PreparedCaller { caller, host: host.to_owned(), pair, named, forecast: example.forecast, curl }
    }

    /// For each alias the first caller that is allowed there, else the first.
    fn prepare_aliases(self, callers: &[PreparedCaller], ca: &Path) -> Vec<PreparedCaller> {
        let of_alias = |alias: &str| {
            let again =
                |known: &PreparedCaller| self.prepare(alias, known.caller.clone(), known.named, known.pair.clone(), ca);
            let tried: Vec<_> = callers.iter().take(MOST_TRIED).map(again).collect();
            let allowed = tried.iter().position(|tried| matches!(tried.forecast, Forecast::Allowed(_)));
            tried.into_iter().nth(allowed.unwrap_or(0))
        };
        self.egress.spec.aliases.iter().filter_map(|alias| of_alias(alias)).collect()
    }
}

/// The first of the reasons for which `build`, too, would refuse the files.
fn refused(errors: Vec<BuildError>) -> Failure {
    let Some(BuildError { code, message, help, .. }) = errors.into_iter().next() else {
        return Failure::new(Exit::Problems, "the Egress cannot be built");
    };
    Failure { exit: Exit::Problems, message: format!("{code}: {message}"), help }
}

/// A path as text, for a JSON event.
pub(crate) fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// What the objects of an Egress come to, before anything of this machine is in it.
    pub(crate) fn served(egress: &Egress) -> sallyport_manifest::Served {
        let mesh = Mesh::default();
        let filter = PinnedFilter { image: mesh.filter.image.clone(), digest: Digest::from_bytes([0; 32]) };
        let plans = plans(&[egress], &mesh, &filter, &sallyport_manifest::Rollouts::default());
        serve(plans.first().expect("an Egress has a plan"), &plans).expect("it can be served")
    }
}
