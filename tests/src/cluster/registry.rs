//! A real registry, and the filter's image in it.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;
use std::{thread, time::Instant};

use anyhow::{Result, bail};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::network::{Namespace, run};
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

    /// Pushes the built filter as `NAME:tests`; the URL that pins it, and its digest without `sha256:`.
    pub fn push_filter(&self, scratch: &Scratch, name: &str) -> Result<(String, String)> {
        let layout = scratch.folder("image")?;
        let manifest = write_layout(scratch)?;
        let target = format!("docker://{}/{name}:tests", self.address);
        run(Command::new("skopeo")
            .args(["--insecure-policy", "copy", "--quiet", "--preserve-digests", "--dest-tls-verify=false"])
            .arg(format!("oci:{}:tests", layout.display()))
            .arg(target))?;
        Ok((format!("oci://{}/{name}@sha256:{manifest}", self.address), manifest))
    }
}

impl Registry {
    /// Pushes an index in front of the filter's manifest, as image builders like to; the URL that pins the index.
    pub fn push_index(&self, scratch: &Scratch, name: &str) -> Result<String> {
        let (_, manifest) = self.push_filter(scratch, name)?;
        let size = fs::metadata(scratch.path().join("image/blobs/sha256").join(&manifest))?.len();
        let index = json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [{
                "mediaType": MANIFEST, "digest": format!("sha256:{manifest}"), "size": size,
                "platform": {"os": "linux", "architecture": "amd64"},
            }],
        })
        .to_string();
        let file = scratch.write("image-index.json", &index)?;
        run(Command::new("curl")
            .args(["-sSf", "-X", "PUT", "-H", "content-type: application/vnd.oci.image.index.v1+json"])
            .arg("--data-binary")
            .arg(format!("@{}", file.display()))
            .arg(format!("http://{}/v2/{name}/manifests/index", self.address)))?;
        Ok(format!("oci://{}/{name}@sha256:{}", self.address, hex(index.as_bytes())))
    }
}

/// An OCI layout with one manifest and one layer, as the agent accepts it; the manifest's digest.
fn write_layout(scratch: &Scratch) -> Result<String> {
    let layout = scratch.folder("image")?;
    let blobs = scratch.folder("image/blobs/sha256")?;
    let content = scratch.folder("image-content")?;
    fs::copy(crate::gate::filter()?, content.join("plugin.wasm"))?;
    let tar = content.join("layer.tar");
    run(Command::new("tar")
        .args(["--owner=0", "--group=0", "--numeric-owner", "--mtime=@0", "--mode=0644", "-C"])
        .arg(&content)
        .arg("-cf")
        .arg(&tar)
        .arg("plugin.wasm"))?;
    let plain = hex(&fs::read(&tar)?);
    run(Command::new("gzip").arg("-nf").arg(&tar))?;
    let blob = |bytes: &[u8], kind: &str| -> Result<Value> {
        let name = hex(bytes);
        fs::write(blobs.join(&name), bytes)?;
        Ok(json!({"mediaType": kind, "digest": format!("sha256:{name}"), "size": bytes.len()}))
    };
    let layer = blob(&fs::read(content.join("layer.tar.gz"))?, "application/vnd.oci.image.layer.v1.tar+gzip")?;
    let config = json!({
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{plain}")]},
    });
    let config = blob(config.to_string().as_bytes(), "application/vnd.oci.image.config.v1+json")?;
    let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]}).to_string();
    let mut entry = blob(manifest.as_bytes(), MANIFEST)?;
    entry["annotations"] = json!({"org.opencontainers.image.ref.name": "tests"});
    fs::write(layout.join("index.json"), json!({"schemaVersion": 2, "manifests": [entry]}).to_string())?;
    fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
    Ok(hex(manifest.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
