//! From a good file to everything that Envoy needs: certificates on disk, resources in memory.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use sallyport_core::Engine;
use sallyport_egress::policy_source;

use super::authority::Authority;
use super::bootstrap::{HostPort, Plan, Trust};
use super::caller::{Caller, ServiceAccount, callers};
use super::curl::{self, Target};
use super::example::{Outcome, example};
use super::files::{Layout, Pair, Workspace};
use super::resources::Resources;
use super::source::Loaded;
use super::trust;
use crate::exit::{Exit, Failure};

/// What the user asked for, of all that does not change while the session runs.
#[derive(Debug)]
pub(crate) struct Wishes {
    pub(crate) file: PathBuf,
    pub(crate) directory: Option<PathBuf>,
    pub(crate) callers: Vec<ServiceAccount>,
    pub(crate) connect_to: Option<HostPort>,
    pub(crate) ca_certificates: Option<PathBuf>,
}

/// The directory of the session, and who signs in it.
pub(crate) struct Setup {
    wishes: Wishes,
    workspace: Workspace,
    authority: Authority,
    port: u16,
    /// Certificates that this session has made, by file.
    issued: BTreeSet<PathBuf>,
}

/// One version of the file, ready to be given to Envoy.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) loaded: Loaded,
    pub(crate) resources: Resources,
    pub(crate) invitations: Vec<Invitation>,
}

/// A caller, its certificate, and a request for it to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Invitation {
    pub(crate) caller: Caller,
    pub(crate) pair: Pair,
    /// Whether the policy or the user named the caller.
    pub(crate) named: bool,
    /// What the gateway says to the request.
    pub(crate) outcome: Outcome,
    pub(crate) curl: String,
}

impl Setup {
    pub(crate) fn open(wishes: Wishes, port: u16) -> Result<Self, Failure> {
        let workspace = Workspace::open(wishes.directory.as_deref())?;
        let authority = Authority::open(&workspace.layout)?;
        Ok(Setup { wishes, workspace, authority, port, issued: BTreeSet::new() })
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.workspace.layout
    }

    /// Where requests go instead of to the upstream's own address.
    pub(crate) fn connect_to(&self) -> Option<&HostPort> {
        self.wishes.connect_to.as_ref()
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn is_temporary(&self) -> bool {
        self.workspace.is_temporary()
    }

    /// Makes the certificates that are still missing, and decides what Envoy gets.
    pub(crate) fn prepare(&mut self, loaded: Loaded) -> Result<Served, Failure> {
        let wishes = &self.wishes;
        let trust = trust::resolve(&loaded.egress, &wishes.file, wishes.ca_certificates.as_deref())?;
        self.issue_for_gateway(&loaded)?;
        let invitations = self.invite(&loaded)?;
        let resources = self.resources(&loaded, &trust)?;
        Ok(Served { loaded, resources, invitations })
    }

    fn resources(&self, loaded: &Loaded, trust: &Trust) -> Result<Resources, Failure> {
        let plan = Plan {
            egress: &loaded.egress,
            mesh: &loaded.mesh,
            layout: self.layout(),
            port: self.port,
            connect_to: self.wishes.connect_to.as_ref(),
            trust,
        };
        Resources::new(plan).map_err(|error| Failure::new(Exit::Problems, format!("the policy is no JSON: {error}")))
    }

    fn issue_for_gateway(&mut self, loaded: &Loaded) -> Result<(), Failure> {
        let egress = &loaded.egress;
        let host = egress.spec.host.as_str();
        let gateway = Caller::new(&loaded.mesh.trust_domain, &egress.namespace, &format!("{}-egress", egress.name));
        let pair = self.layout().gateway(host);
        self.issue(&gateway.spiffe_id(), &[host, "localhost", "127.0.0.1"], &pair)
    }

    /// Gives every caller that is named a certificate, and one that is not.
    fn invite(&mut self, loaded: &Loaded) -> Result<Vec<Invitation>, Failure> {
        let Loaded { egress, mesh, .. } = loaded;
        let engine = Engine::compile(&policy_source(egress, mesh, &[]))
            .map_err(|error| Failure::new(Exit::Problems, format!("the policy does not compile: {error}")))?;
        let named = callers(egress, mesh, &self.wishes.callers);
        let stranger = Caller::stranger(mesh);
        let strangers = (!named.contains(&stranger)).then_some((stranger, false));
        let mut invitations = Vec::new();
        for (caller, named) in named.into_iter().map(|caller| (caller, true)).chain(strangers) {
            let pair = self.layout().caller(&caller.file_stem(mesh));
            self.issue(&caller.spiffe_id(), &[], &pair)?;
            let example = example(&engine, egress, &caller, named);
            let target = Target { host: &egress.spec.host, port: self.port, ca: &self.layout().ca() };
            let curl = curl::line(target, &pair.certificate, &pair.key, &example);
            invitations.push(Invitation { caller, pair, named, outcome: example.outcome, curl });
        }
        Ok(invitations)
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

/// A path for a JSON report.
pub(crate) fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
