//! The image of the command: built twice it is the same, other programs read it, and what is in it runs in a root folder that
//! has nothing else, without a container engine.
//!
//! All of it is for Linux.

#![cfg(target_os = "linux")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use sallyport_tests::certs::Authority;
use sallyport_tests::gate::{sallyport, static_sallyport};
use sallyport_tests::process::Scratch;
use sallyport_tests::registry::Registry;
use sallyport_tests::workspace;
use serde_json::Value;

/// An image in a layout, built by the program that it has in it.
struct Image {
    digest: String,
    layout: PathBuf,
}

impl Image {
    fn build(scratch: &Scratch, name: &str) -> Result<Self> {
        let layout = scratch.path().join(name);
        let mut build = Command::new(static_sallyport()?);
        build.args(["image", "build", "--of", "command", "--output"]).arg(&layout);
        let digest = said(&mut build)?.trim().to_owned();
        Ok(Self { digest, layout })
    }

    fn blob(&self, digest: &str) -> Result<PathBuf> {
        let hex = digest.strip_prefix("sha256:").with_context(|| format!("no digest: {digest}"))?;
        Ok(self.layout.join("blobs/sha256").join(hex))
    }

    /// Unpacks the layers, as a container runtime does it before it starts a container.
    fn unpack(&self, root: &Path) -> Result<()> {
        let manifest: Value = serde_json::from_slice(&fs::read(self.blob(&self.digest)?)?)?;
        for layer in manifest["layers"].as_array().context("no layers")? {
            let layer = self.blob(layer["digest"].as_str().context("no digest")?)?;
            said(Command::new("tar").arg("-xzf").arg(layer).arg("-C").arg(root))?;
        }
        Ok(())
    }
}

fn said(command: &mut Command) -> Result<String> {
    let Output { status, stdout, stderr } = command.output().with_context(|| format!("{command:?}"))?;
    let stderr = String::from_utf8_lossy(&stderr);
    ensure!(status.success(), "{command:?}: {status}\n{}{stderr}", String::from_utf8_lossy(&stdout));
    Ok(String::from_utf8(stdout)?)
}

/// `/sallyport` in this root folder, which is all that it sees; as root with chroot, else in a user namespace.
fn inside(root: &Path) -> Command {
    let mut command = if rustix::process::geteuid().is_root() {
        Command::new("chroot")
    } else {
        let mut unshare = Command::new("unshare");
        unshare.args(["--map-root-user", "--root"]);
        unshare
    };
    command.arg(root).arg("/sallyport").env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
}

#[test]
fn two_builds_are_the_same_and_others_read_them() -> Result<()> {
    let scratch = Scratch::new("command-image")?;
    let (one, two) = (Image::build(&scratch, "one")?, Image::build(&scratch, "two")?);
    ensure!(one.digest == two.digest, "{} and {}", one.digest, two.digest);
    said(Command::new("diff").arg("--recursive").arg(&one.layout).arg(&two.layout))?;

    let mut inspect = Command::new("skopeo");
    let seen: Value =
        serde_json::from_str(&said(inspect.arg("inspect").arg(format!("oci:{}", one.layout.display())))?)?;
    ensure!(seen["Digest"] == one.digest.as_str() && seen["Os"] == "linux", "{seen}");
    ensure!(seen["Architecture"] == "amd64" && seen["Layers"].as_array().is_some_and(|all| all.len() == 1), "{seen}");

    // Pushed as it is, and verified where it is.
    let registry = Registry::start(&scratch)?;
    let name = registry.name("sallyport/sallyport:1");
    let mut push = Command::new(sallyport()?);
    push.args(["image", "push", "--of", "command", &name, "--layout"]).arg(&one.layout);
    ensure!(said(&mut push)?.trim() == format!("{}@{}", registry.name("sallyport/sallyport"), one.digest));
    let mut verify = Command::new(sallyport()?);
    verify.args(["image", "verify", "--of", "command", &name, "--expect", &one.digest]);
    ensure!(said(&mut verify)?.contains("a container runtime would run it"));
    // It is no filter, whatever its name.
    let as_filter = Command::new(sallyport()?).args(["image", "verify", &name]).output()?;
    ensure!(as_filter.status.code() == Some(1), "{as_filter:?}");
    Ok(())
}

#[test]
fn the_program_needs_nothing_beside_it() -> Result<()> {
    let scratch = Scratch::new("command-image-root")?;
    let image = Image::build(&scratch, "layout")?;
    let root = scratch.folder("root")?;
    image.unpack(&root)?;
    let names: Vec<_> = fs::read_dir(&root)?.map(|entry| Ok(entry?.file_name())).collect::<Result<_>>()?;
    ensure!(names == ["sallyport"], "{names:?}");

    ensure!(said(inside(&root).arg("version"))?.starts_with("sallyport "));
    // It has the filter in it, and the image in it is the one that it came from.
    let filter = said(Command::new(sallyport()?).args(["image", "build"]))?;
    ensure!(said(inside(&root).args(["image", "build"]))? == filter);
    let again = said(inside(&root).args(["image", "build", "--of", "command", "--program", "/sallyport"]))?;
    ensure!(again.trim() == image.digest, "{again}");

    // A mounted folder, as far as the program sees: it writes what any other build of it writes.
    fs::create_dir(root.join("work"))?;
    fs::copy(workspace().join("deploy/examples/httpbin/egress.yaml"), root.join("work/egress.yaml"))?;
    said(inside(&root).args(["check", "/work/egress.yaml"]))?;
    said(inside(&root).args(["build", "/work/egress.yaml", "--quiet", "-o", "/work/out"]))?;
    let mut build = Command::new(sallyport()?);
    build.args(["build", "egress.yaml", "--quiet", "-o", "expected"]).current_dir(root.join("work"));
    said(&mut build)?;
    said(
        Command::new("diff")
            .args(["--recursive", "out/egress-httpbin-httpbin", "expected/egress-httpbin-httpbin"])
            .current_dir(root.join("work")),
    )?;

    // What it lacks there, it says.
    let run = inside(&root).args(["run", "/work/egress.yaml"]).output()?;
    ensure!(run.status.code() == Some(4), "{run:?}");
    let unknown = inside(&root).args(["image", "verify", "registry.invalid/a/b:1"]).output()?;
    let message = String::from_utf8_lossy(&unknown.stderr).into_owned();
    ensure!(unknown.status.code() == Some(3) && message.contains("failed to lookup address"), "{unknown:?}");
    Ok(())
}

/// The image has no certificate authorities: a mounted file of them is enough.
#[test]
fn authorities_are_mounted() -> Result<()> {
    let scratch = Scratch::new("command-image-tls")?;
    let image = Image::build(&scratch, "layout")?;
    let root = scratch.folder("root")?;
    image.unpack(&root)?;
    let authority = Authority::new("registries")?;
    let registry = Registry::start_tls(&scratch, &authority.server(&scratch, "registry", &["0.0.0.0"])?)?;
    fs::copy(authority.write(&scratch, "authorities")?, root.join("authorities.pem"))?;
    // A name of this machine that is none of its loopback addresses: only those are spoken to without TLS.
    let name = format!("0.0.0.0:{}/sallyport/filter:1", registry.address().port());
    let push = |more: &[(&str, &str)]| inside(&root).args(["image", "push", &name]).envs(more.iter().copied()).output();
    let refused = push(&[])?;
    let message = String::from_utf8_lossy(&refused.stderr).into_owned();
    ensure!(refused.status.code() == Some(3) && message.contains("certificate"), "{message}");
    let pushed = push(&[("SSL_CERT_FILE", "/authorities.pem")])?;
    ensure!(pushed.status.success(), "{pushed:?}");
    Ok(())
}

#[test]
fn a_program_with_libraries_is_refused() -> Result<()> {
    let program = sallyport()?;
    let refused = Command::new(&program).args(["image", "build", "--of", "command"]).output()?;
    let message = String::from_utf8_lossy(&refused.stderr).into_owned();
    ensure!(
        refused.status.code() == Some(1) && message.contains("error[SP3018]: the program needs the loader"),
        "{message}"
    );
    Ok(())
}
