//! From a valid file to everything that Envoy needs: certificates on disk, resources in memory.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use sallyport_core::Engine;
use sallyport_egress::policy_source;

use super::authority::Authority;
use super::bootstrap::{EnvoyInputs, HostPort, Trust};
use super::caller::{Caller, callers};
use super::curl::{self, Endpoint};
use super::example::{Forecast, example};
use super::files::{Layout, Pair, Workspace};
use super::load::Loaded;
use super::resources::Resources;
use super::settings::Settings;
use super::trust;
use crate::exit::{Exit, Failure};

/// The session's directory, and the certificate authority in it.
pub(crate) struct Setup {
    settings: Settings,
    workspace: Workspace,
    authority: Authority,
    port: u16,
    /// The certificates that this session has issued, by file.
    issued: BTreeSet<PathBuf>,
}

/// One version of the file, ready for Envoy.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) loaded: Loaded,
    pub(crate) resources: Resources,
    pub(crate) callers: Vec<PreparedCaller>,
}

/// A caller with its certificate and a request to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PreparedCaller {
    pub(crate) caller: Caller,
    pub(crate) pair: Pair,
    /// Whether the policy or the user named the caller.
    pub(crate) named: bool,
    /// What the gateway will answer.
    pub(crate) forecast: Forecast,
    pub(crate) curl: String,
}

impl Setup {
    pub(crate) fn open(settings: Settings, port: u16) -> Result<Self, Failure> {
        let workspace = Workspace::open(settings.directory.as_deref())?;
        let authority = Authority::open(&workspace.layout)?;
        Ok(Setup { settings, workspace, authority, port, issued: BTreeSet::new() })
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.workspace.layout
    }

    /// Where to connect instead of the upstream's own address.
    pub(crate) fn connect_to(&self) -> Option<&HostPort> {
        self.settings.connect_to.as_ref()
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn is_temporary(&self) -> bool {
        self.workspace.is_temporary()
    }

    /// Issues the missing certificates, and decides what Envoy gets.
    pub(crate) fn prepare(&mut self, loaded: Loaded) -> Result<Served, Failure> {
        let settings = &self.settings;
        let trust = trust::resolve(&loaded.egress, &settings.file, settings.ca_certificates.as_deref())?;
        self.issue_for_gateway(&loaded)?;
        let callers = self.prepare_callers(&loaded)?;
        let resources = self.resources(&loaded, &trust)?;
        Ok(Served { loaded, resources, callers })
    }

    fn resources(&self, loaded: &Loaded, trust: &Trust) -> Result<Resources, Failure> {
        let inputs = EnvoyInputs {
            egress: &loaded.egress,
            mesh: &loaded.mesh,
            layout: self.layout(),
            port: self.port,
            connect_to: self.settings.connect_to.as_ref(),
            trust,
        };
        Resources::new(inputs)
            .map_err(|error| Failure::new(Exit::Problems, format!("the policy cannot be serialized: {error}")))
    }

    fn issue_for_gateway(&mut self, loaded: &Loaded) -> Result<(), Failure> {
        let egress = &loaded.egress;
        let host = egress.spec.host.as_str();
        let gateway = Caller::new(&loaded.mesh.trust_domain, &egress.namespace, &format!("{}-egress", egress.name));
        let pair = self.layout().gateway(host);
        self.issue(&gateway.spiffe_id(), &[host, "localhost", "127.0.0.1"], &pair)
    }

    /// Issues a certificate to every caller that is named, and to one that is not.
    fn prepare_callers(&mut self, loaded: &Loaded) -> Result<Vec<PreparedCaller>, Failure> {
        let Loaded { egress, mesh, .. } = loaded;
        let engine = Engine::compile(&policy_source(egress, mesh, &[]))
            .map_err(|error| Failure::new(Exit::Problems, format!("the policy does not compile: {error}")))?;
        let named = callers(egress, mesh, &self.settings.callers);
        let stranger = Caller::stranger(mesh);
        let strangers = (!named.contains(&stranger)).then_some((stranger, false));
        let mut prepared = Vec::new();
        for (caller, named) in named.into_iter().map(|caller| (caller, true)).chain(strangers) {
            let pair = self.layout().caller(&caller.file_stem(mesh));
            self.issue(&caller.spiffe_id(), &[], &pair)?;
            let example = example(&engine, egress, &caller, named);
            let endpoint = Endpoint { host: &egress.spec.host, port: self.port, ca: &self.layout().ca() };
            let curl = curl::line(endpoint, &pair.certificate, &pair.key, &example);
            prepared.push(PreparedCaller { caller, pair, named, forecast: example.forecast, curl });
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

/// A path as text, for a JSON event.
pub(crate) fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
