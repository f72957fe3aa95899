//! A real registry, and the filter's image in it.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use ring::digest::{SHA256, digest};
use serde_json::json;

use super::network::{Namespace, run};
use crate::gate::sallyport;
use crate::process::Scratch;
use crate::registry;

const PORT: u16 = 5000;
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A running registry of a cluster.
#[derive(Debug)]
pub struct Registry(registry::Registry);

impl Registry {
    /// Starts it inside a namespace.
    pub fn start(scratch: &Scratch, namespace: &Namespace) -> Result<Self> {
        let command = namespace.command("docker-registry");
        let address = SocketAddr::from((namespace.address(), PORT));
        registry::Registry::start_with(scratch, command, &format!("addr: ':{PORT}'"), address).map(Self)
    }

    /// The image of this name, without a tag.
    #[must_use]
    pub fn name(&self, name: &str) -> String {
        self.0.name(name)
    }

    /// Pushes the filter as `NAME:tests` with `sallyport image push`, which writes the lock; its digest.
    pub fn push_filter(&self, name: &str, lock: &Path) -> Result<String> {
        let mut push = Command::new(sallyport()?);
        push.args(["image", "push", "--plain-http", &format!("{}:tests", self.name(name)), "--lock"]).arg(lock);
        let said = run(&mut push)?;
        let (_, digest) = said.trim().split_once('@').with_context(|| format!("no digest: {said}"))?;
        Ok(digest.to_owned())
    }

    /// Pushes an index in front of the filter's manifest, as image builders like to; the index's digest.
    pub fn push_index(&self, scratch: &Scratch, name: &str) -> Result<String> {
        let manifest = self.push_filter(name, &scratch.path().join("unused.lock"))?;
        let url = |reference: &str| format!("http://{}/v2/{name}/manifests/{reference}", self.0.address());
        let mut fetch = Command::new("curl");
        fetch.args(["-sSf", "-H", &format!("accept: {MANIFEST}"), &url(&manifest)]);
        let size = run(&mut fetch)?.len();
        let index = json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [{
                "mediaType": MANIFEST, "digest": manifest, "size": size,
                "platform": {"os": "linux", "architecture": "amd64"},
            }],
        })
        .to_string();
        let file = scratch.write("image-index.json", &index)?;
        run(Command::new("curl")
            .args(["-sSf", "-X", "PUT", "-H", "content-type: application/vnd.oci.image.index.v1+json"])
            .arg("--data-binary")
            .arg(format!("@{}", file.display()))
            .arg(url("index")))?;
        Ok(format!("sha256:{}", hex(index.as_bytes())))
    }
}

fn hex(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
