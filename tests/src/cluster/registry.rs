//! A real registry, and the filter's image in it.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use ring::digest::{SHA256, digest};
use serde_json::json;

use super::network::{Namespace, run};
use crate::gate::sallyport;
use crate::process::{Program, Scratch, Stdout};

const PORT: u16 = 5000;
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A running registry, over plain HTTP.
#[derive(Debug)]
pub struct Registry {
    _program: Program,
    address: SocketAddr,
}

impl Registry {
    /// Starts it inside a namespace.
    pub fn start(scratch: &Scratch, namespace: &Namespace) -> Result<Self> {
        let settings = format!(
            "{{version: 0.1, storage: {{filesystem: {{rootdirectory: '{}'}}}}, http: {{addr: ':{PORT}'}}}}\n",
            scratch.folder("registry")?.display()
        );
        let settings = scratch.write("registry.yaml", settings)?;
        let mut command = namespace.command("docker-registry");
        command.arg("serve").arg(settings);
        let mut program = Program::start("registry", scratch.path(), &mut command, Stdout::Log)?;
        let address = SocketAddr::from((namespace.address(), PORT));
        let deadline = Instant::now() + Duration::from_secs(20);
        while !super::control::http_status(address, "/v2/", "registry").is_ok_and(|status| status == 200) {
            program.check_running()?;
            if Instant::now() > deadline {
                bail!("the registry does not answer:\n{}", program.log());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(Self { _program: program, address })
    }

    /// The image of this name, without a tag.
    #[must_use]
    pub fn name(&self, name: &str) -> String {
        format!("{}/{name}", self.address)
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
        let url = |reference: &str| format!("http://{}/v2/{name}/manifests/{reference}", self.address);
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
