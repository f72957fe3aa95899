//! `sallyport image` with a real registry: what is pushed is what is verified, and what a second opinion sees.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a broken assumption ends the test"
)]

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// A module that exports `proxy_abi_version_0_2_1` and nothing else.
const MODULE: &[u8] = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\
    \x07\x1b\x01\x17proxy_abi_version_0_2_1\0\0\x0a\x04\x01\x02\0\x0b";
/// The user `mesh` with the password `secret`.
const HTPASSWD: &str = "mesh:$2y$05$LoysBuNTlFfsogse/.nWju4t13jK0AKWmPi/zahmR8lwPKjGD3QQm\n";

/// A registry that is stopped when it is dropped, and a directory with a module in it.
struct Registry {
    process: Child,
    port: u16,
    home: TempDir,
}

impl Registry {
    /// `extra` is added to the configuration: what it has of `http` beside the address, and `auth`.
    fn start(home: TempDir, extra: &Value) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut config = json!({
            "version": "0.1",
            "storage": {"filesystem": {"rootdirectory": home.path().join("data")}},
            "http": {"addr": format!("127.0.0.1:{port}")},
        });
        if let Some(auth) = extra.get("auth") {
            config["auth"] = auth.clone();
        }
        if let Some(tls) = extra.get("tls") {
            config["http"]["tls"] = tls.clone();
        }
        // JSON is YAML.
        fs::write(home.path().join("config.yml"), config.to_string()).unwrap();
        fs::write(home.path().join("filter.wasm"), MODULE).unwrap();
        let log = fs::File::create(home.path().join("log")).unwrap();
        let process = Command::new("docker-registry")
            .arg("serve")
            .arg(home.path().join("config.yml"))
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("docker-registry: tests/setup registry");
        let registry = Registry { process, port, home };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(20), "{}", registry.log());
            sleep(Duration::from_millis(20));
        }
        registry
    }

    /// One that lets anybody in.
    fn open() -> Self {
        Registry::start(tempfile::tempdir().unwrap(), &json!({}))
    }

    /// A registry with one user.
    fn locked() -> Self {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("htpasswd");
        fs::write(&path, HTPASSWD).unwrap();
        Registry::start(home, &json!({"auth": {"htpasswd": {"realm": "mesh", "path": path}}}))
    }

    fn name(&self, rest: &str) -> String {
        format!("localhost:{}/{rest}", self.port)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.home.path().join("log")).unwrap()
    }

    /// How many uploads were begun.
    fn uploads(&self) -> usize {
        self.log().lines().filter(|line| line.contains("POST /v2/")).count()
    }

    fn image(&self, arguments: &[&str]) -> Output {
        sallyport(self.home.path(), arguments)
    }

    /// Pushes the module, and gives the digest that was printed.
    fn push(&self, name: &str) -> String {
        let output = self.image(&["push", name, "--wasm", "filter.wasm", "--lock", "sallyport.lock"]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let printed = String::from_utf8(output.stdout).unwrap();
        printed.trim().split_once('@').unwrap().1.to_owned()
    }

    /// The exit code, and the codes of the findings.
    fn verify(&self, arguments: &[&str]) -> (Option<i32>, Vec<String>) {
        let output = self.image(&[&["verify", "--format", "json"], arguments].concat());
        let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        let findings = report["verdict"]["findings"].as_array().unwrap();
        let codes = findings.iter().map(|finding| finding["code"].as_str().unwrap().to_owned()).collect();
        (output.status.code(), codes)
    }

    /// What another program sees of an image.
    fn skopeo(&self, name: &str) -> Vec<u8> {
        let output = Command::new("skopeo")
            .args(["inspect", "--raw", "--tls-verify=false", &format!("docker://{name}")])
            .output()
            .expect("skopeo: tests/setup registry");
        assert!(output.status.success(), "{output:?}");
        output.stdout
    }

    /// Puts a manifest as it is.
    fn put(&self, repository: &str, tag: &str, kind: &str, body: &[u8]) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let length = body.len();
        let head = format!(
            "PUT /v2/{repository}/manifests/{tag} HTTP/1.1\r\nhost: localhost:{}\r\nconnection: close\r\n\
             content-type: {kind}\r\ncontent-length: {length}\r\n\r\n",
            self.port
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// `sallyport image` in a directory, which also has Docker's configuration.
fn sallyport(home: &Path, arguments: &[&str]) -> Output {
    let path = format!("{}:{}", home.display(), std::env::var("PATH").unwrap());
    Command::new(env!("CARGO_BIN_EXE_sallyport"))
        .arg("image")
        .args(arguments)
        .current_dir(home)
        .env("DOCKER_CONFIG", home)
        .env("PATH", path)
        .output()
        .unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
#[ignore = "needs docker-registry and skopeo: make test"]
fn what_is_pushed_is_what_is_served() {
    let registry = Registry::open();
    let name = registry.name("mesh/filter:1");
    let digest = registry.push(&name);
    assert_eq!(registry.uploads(), 2);
    assert_eq!(registry.push(&name), digest);
    assert_eq!(registry.uploads(), 2, "what was there was sent again");
    assert_eq!(registry.push(&registry.name("mesh/filter:2")), digest);
    assert_eq!(registry.uploads(), 2, "blobs that were there were sent again");
    let lock: Value = serde_json::from_slice(&fs::read(registry.home.path().join("sallyport.lock")).unwrap()).unwrap();
    let image = registry.name("mesh/filter");
    assert_eq!(lock, json!({"version": 1, "filter": {"image": image, "digest": digest}}));

    let raw = registry.skopeo(&name);
    fs::write(registry.home.path().join("raw"), &raw).unwrap();
    let sum = Command::new("sha256sum").arg(registry.home.path().join("raw")).output().unwrap();
    let sum = String::from_utf8(sum.stdout).unwrap();
    assert_eq!(format!("sha256:{}", sum.split(' ').next().unwrap()), digest);

    let pinned = format!("{image}@{digest}");
    let good = (Some(0), vec!["SP3015".to_owned()]);
    assert_eq!(registry.verify(&[&name, "--expect", &digest]), good);
    assert_eq!(registry.verify(&[&pinned]), good);
}

/// While a filter is rolled out, no other one is for all gateways at once; and nothing is pushed that the lock would not take.
#[test]
#[ignore = "needs docker-registry and skopeo: make test"]
fn what_is_pushed_as_the_next_filter_is_for_one_gateway_after_the_other() {
    let registry = Registry::open();
    let path = registry.home.path().join("sallyport.lock");
    let push = |module: &str, more: &[&str]| {
        let name = registry.name("mesh/filter:2");
        let arguments = [&["push", &name, "--wasm", module, "--lock", "sallyport.lock"][..], more].concat();
        registry.image(&arguments)
    };
    // An empty section more: another module.
    for number in [2, 3] {
        let other = [MODULE, b"\0\x02\x01", &[b'0' + number]].concat();
        fs::write(registry.home.path().join(format!("{number}.wasm")), other).unwrap();
    }
    let refused = push("2.wasm", &["--next"]);
    assert!(refused.status.code() == Some(64) && stderr(&refused).contains("has no filter"), "{refused:?}");
    let first = registry.push(&registry.name("mesh/filter:1"));
    let next = push("2.wasm", &["--next"]);
    let next = String::from_utf8(next.stdout).unwrap().trim().split_once('@').unwrap().1.to_owned();
    let lock = || -> Value { serde_json::from_slice(&fs::read(&path).unwrap()).unwrap() };
    let image = registry.name("mesh/filter");
    let both = |digest: &str| json!({"image": image, "digest": digest});
    assert_eq!(lock(), json!({"version": 1, "filter": both(&first), "next": both(&next)}));
    let mut rolling = lock();
    rolling["rollout"] = json!({"gateways": {"a/a": {"filter": next}}});
    fs::write(&path, rolling.to_string()).unwrap();
    let uploads = registry.uploads();
    for more in [&[][..], &["--next"]] {
        let refused = push("3.wasm", more);
        assert!(refused.status.code() == Some(8), "{refused:?}");
        assert!(stderr(&refused).contains(&format!("is being rolled out: a/a has {next}")), "{refused:?}");
        assert!(stderr(&refused).contains("`sallyport rollback --filter`"), "{refused:?}");
    }
    assert_eq!((lock(), registry.uploads()), (rolling, uploads));
}

/// The manifests of a first `build` name the very image that a later `image push` makes.
#[test]
#[ignore = "needs docker-registry and skopeo: make test"]
fn what_build_pins_is_what_is_pushed() {
    let registry = Registry::open();
    let home = registry.home.path();
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_sallyport")).args(arguments).current_dir(home).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    run(&["init"]);
    run(&["build", "egress.yaml", "--output", "before"]);
    let name = registry.name("mesh/filter:1");
    let pushed = run(&["image", "push", &name, "--lock", "sallyport.lock"]);
    let digest = pushed.trim().split_once('@').unwrap().1;
    run(&["build", "egress.yaml", "--output", "after"]);
    let plugin =
        |folder: &str| fs::read_to_string(home.join(folder).join("egress-httpbin-httpbin/20-plugin.yaml")).unwrap();
    let placeholder = "registry.example.com/sallyport/filter";
    assert!(plugin("before").contains(&format!("oci://{placeholder}@{digest}")), "{}", plugin("before"));
    let image = registry.name("mesh/filter");
    assert_eq!(plugin("before").replace(placeholder, &image), plugin("after"));
    assert_eq!(registry.verify(&[&format!("{image}@{digest}")]), (Some(0), vec![]));
}

#[test]
#[ignore = "needs docker-registry and skopeo: make test"]
fn a_layout_is_pushed_as_it_is() {
    let registry = Registry::open();
    for output in ["layout", "layout.tar"] {
        let built = registry.image(&["build", "--wasm", "filter.wasm", "--output", output, "--annotation", "a=b"]);
        assert_eq!(built.status.code(), Some(0), "{built:?}");
        let digest = String::from_utf8(built.stdout).unwrap();
        let name = registry.name("from/layout");
        let pushed = registry.image(&["push", &name, "--layout", output]);
        assert_eq!(String::from_utf8(pushed.stdout).unwrap(), format!("{name}@{digest}"), "{:?}", pushed.stderr);
        let copied = Command::new("skopeo")
            .args(["inspect", "--raw"])
            .arg(format!("{}:{}", if output == "layout" { "oci" } else { "oci-archive" }, output))
            .current_dir(registry.home.path())
            .output()
            .unwrap();
        assert_eq!(copied.stdout, registry.skopeo(&name), "{copied:?}");
    }
    // The filter of this program knows candidates in whatever image it is.
    let name = registry.name("from/layout:own");
    registry.image(&["build", "--output", "own", "--annotation", "a=b"]);
    for (layout, knows) in [("own", true), ("layout", false)] {
        let pushed = registry.image(&["push", &name, "--layout", layout, "--lock", "own.lock"]);
        assert_eq!(pushed.status.code(), Some(0), "{pushed:?}");
        let lock = std::fs::read_to_string(registry.home.path().join("own.lock")).unwrap();
        assert_eq!(lock.contains("\"candidates\": true"), knows, "{lock}");
    }
}

#[test]
#[ignore = "needs docker-registry and skopeo: make test"]
fn what_istio_would_refuse_is_found_before() {
    let registry = Registry::open();
    let name = registry.name("mesh/filter:1");
    let digest = registry.push(&name);
    let found = |code: Option<i32>, codes: &[&str]| (code, codes.iter().map(|&code| code.to_owned()).collect());
    let other = format!("sha256:{}", "0".repeat(64));
    assert_eq!(registry.verify(&[&name, "--expect", &other]), found(Some(1), &["SP3002", "SP3015"]));
    assert_eq!(registry.verify(&[&registry.name("mesh/filter:none")]), found(Some(1), &["SP3001"]));
    assert_eq!(registry.verify(&[&registry.name("no/such")]), found(Some(1), &["SP3001"]));
    assert_eq!(registry.verify(&[&registry.name(&format!("mesh/filter@{other}"))]), found(Some(1), &["SP3001"]));

    let size = registry.skopeo(&name).len();
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [{
        "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": size,
        "platform": {"os": "linux", "architecture": "amd64"}}]});
    registry.put("mesh/filter", "index", INDEX, index.to_string().as_bytes());
    let name = registry.name("mesh/filter:index");
    assert_eq!(registry.verify(&[&name]), found(Some(1), &["SP3003", "SP3015"]));
    let refused = registry.image(&["verify", &name]);
    assert!(String::from_utf8_lossy(&refused.stdout).starts_with("error[SP3003]: an index where a single"));
}

#[test]
#[ignore = "needs docker-registry and skopeo: make test"]
fn credentials_are_dockers() {
    let registry = Registry::locked();
    let name = registry.name("mesh/filter:1");
    let arguments = ["push", name.as_str(), "--wasm", "filter.wasm"];
    let refused = registry.image(&arguments);
    assert_eq!(refused.status.code(), Some(3));
    assert!(stderr(&refused).contains("401") && stderr(&refused).contains("docker login"), "{refused:?}");

    let home = registry.home.path();
    let host = format!("localhost:{}", registry.port);
    let configure = |configuration: Value| fs::write(home.join("config.json"), configuration.to_string()).unwrap();
    // mesh:wrong
    configure(json!({"auths": {&host: {"auth": "bWVzaDp3cm9uZw=="}}}));
    let refused = registry.image(&arguments);
    assert!(refused.status.code() == Some(3) && !stderr(&refused).contains("wrong"), "{refused:?}");
    // mesh:secret
    configure(json!({"auths": {&host: {"auth": "bWVzaDpzZWNyZXQ="}}}));
    registry.push(&name);

    let program = home.join("docker-credential-test");
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = get ] && [ \"$(cat)\" = {host} ] || exit 1\necho '{}'\n",
        json!({"ServerURL": host, "Username": "mesh", "Secret": "secret"})
    );
    fs::write(&program, script).unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&program, executable).unwrap();
    for configuration in [json!({"credsStore": "test"}), json!({"credHelpers": {&host: "test"}})] {
        configure(configuration);
        assert_eq!(registry.verify(&[&name]).0, Some(0));
    }
    configure(json!({"credsStore": "none"}));
    let failed = registry.image(&["verify", &name]);
    assert!(failed.status.code() == Some(3) && stderr(&failed).contains("docker-credential-none"), "{failed:?}");
}

#[test]
#[ignore = "needs docker-registry and skopeo: make test"]
fn tls_is_verified() {
    let home = tempfile::tempdir().unwrap();
    let file = |name: &str| home.path().join(name);
    let (ca_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let mut parameters = CertificateParams::default();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    fs::write(file("ca.pem"), parameters.self_signed(&ca_key).unwrap().pem()).unwrap();
    let issuer = Issuer::new(parameters, ca_key);
    // A name of this machine that is none of its loopback addresses: only those are spoken to without TLS.
    let leaf = CertificateParams::new(["0.0.0.0".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    fs::write(file("cert.pem"), leaf.pem()).unwrap();
    fs::write(file("key.pem"), key.serialize_pem()).unwrap();
    let extra = json!({"tls": {"certificate": file("cert.pem"), "key": file("key.pem")}});
    let ca = file("ca.pem");
    let registry = Registry::start(home, &extra);

    let name = format!("0.0.0.0:{}/mesh/filter:1", registry.port);
    let unknown = registry.image(&["push", &name, "--wasm", "filter.wasm"]);
    assert_eq!(unknown.status.code(), Some(3), "{unknown:?}");
    assert!(stderr(&unknown).contains("TLS failed: invalid peer certificate"), "{unknown:?}");
    let known = Command::new(env!("CARGO_BIN_EXE_sallyport"))
        .args(["image", "push", &name, "--wasm", "filter.wasm"])
        .current_dir(registry.home.path())
        .env("SSL_CERT_FILE", ca)
        .output()
        .unwrap();
    assert_eq!(known.status.code(), Some(0), "{known:?}");
}

#[test]
#[ignore = "needs docker-registry and skopeo: make test"]
fn plain_http_is_spoken_where_it_is_asked_for() {
    let registry = Registry::open();
    let name = format!("0.0.0.0:{}/mesh/filter:1", registry.port);
    let arguments = ["push", &name, "--wasm", "filter.wasm"];
    let refused = registry.image(&arguments);
    assert_eq!(refused.status.code(), Some(3), "{refused:?}");
    assert!(stderr(&refused).contains("TLS failed") && stderr(&refused).contains("--plain-http"), "{refused:?}");
    let pushed = registry.image(&[&arguments[..], &["--plain-http"]].concat());
    assert_eq!(pushed.status.code(), Some(0), "{pushed:?}");
}
