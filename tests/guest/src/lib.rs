//! The pure crates as a wasm module for any host: check files, decide requests, build manifests.
//!
//! Each function is text in, text out, and the same natively as in wasm: a test compares them. There are no imports, so a
//! host needs nothing but memory. It writes the argument to [`abi::input`], calls a function, which returns the length of
//! the result, and reads the result from [`abi::output`].

pub mod abi;

use sallyport_core::{Engine, PeerView, RequestView, Verdict};
use sallyport_egress::diagnostic::SourceFile;
use sallyport_egress::model::Mesh;
use sallyport_egress::value::InvalidValue;
use sallyport_egress::value::digest::Digest;
use sallyport_egress::{Checked, policy_source};
use sallyport_manifest::{Options, PinnedFilter, Rollouts};
use serde::Deserialize;
use serde_json::{Value, json};

/// Stands for the digest of the caller's certificate.
const DIGEST: &str = "0";

/// The argument of every function.
#[derive(Deserialize)]
struct Argument {
    /// Egress and Mesh files, each as name and text.
    files: Vec<(String, String)>,
    /// The requests to decide.
    #[serde(default)]
    requests: Vec<Request>,
}

#[derive(Deserialize)]
struct Request {
    /// The SPIFFE id of the caller; `None` without mutual TLS.
    caller: Option<String>,
    method: String,
    authority: String,
    path: String,
}

/// Every diagnostic of the files: code, file, line, column, message and help.
#[must_use]
pub fn check_files(argument: &str) -> String {
    with_argument(argument, |argument| {
        let sources = sources(argument);
        let diagnostics = sallyport_egress::check(&sources).diagnostics;
        let diagnostics = diagnostics.into_iter().map(|found| {
            let place = sources.get(found.file).map(|file| (&file.name, file.position(found.span.start)));
            let (file, position) = place.unzip();
            json!({
                "code": found.code,
                "file": file,
                "line": position.map(|position| position.line),
                "column": position.map(|position| position.column),
                "message": found.message,
                "help": found.help,
            })
        });
        diagnostics.collect()
    })
}

/// The verdict on each request by the policy of the first Egress: whether it is allowed, by which rule, or the reason.
#[must_use]
pub fn decide_requests(argument: &str) -> String {
    with_argument(argument, |argument| {
        let checked = checked(argument);
        let Some(egress) = checked.egresses.first() else { return error("there is no valid Egress") };
        match Engine::compile(&policy_source(&egress.value, &mesh(&checked), &[])) {
            Ok(engine) => argument.requests.iter().map(|request| verdict(&engine, request)).collect(),
            Err(invalid) => error(&format!("{invalid:?}")),
        }
    })
}

/// The files that `sallyport build` would write, by name.
#[must_use]
pub fn build_manifests(argument: &str) -> String {
    with_argument(argument, |argument| {
        let checked = checked(argument);
        let egresses: Vec<_> = checked.egresses.iter().map(|egress| &egress.value).collect();
        let image = match "registry.example.com/filter".parse() {
            Ok(image) => image,
            Err::<_, InvalidValue>(invalid) => return error(&invalid.to_string()),
        };
        let filter = PinnedFilter { image, digest: Digest::from_bytes([0xab; 32]) };
        match sallyport_manifest::build(&egresses, &mesh(&checked), &filter, &Rollouts::default(), Options::default()) {
            Ok(build) => json!(build.files),
            Err(errors) => error(&errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
        }
    })
}

fn verdict(engine: &Engine, request: &Request) -> Value {
    let mut headers: Vec<(&[u8], &[u8])> = vec![
        (b":method", request.method.as_bytes()),
        (b":authority", request.authority.as_bytes()),
        (b":path", request.path.as_bytes()),
        (b":scheme", b"https"),
    ];
    let caller = request.caller.as_deref();
    // A gateway writes the caller's certificate into this header, and the filter compares the two.
    let forwarded = caller.map(|caller| format!("Hash={DIGEST};URI={caller}"));
    headers.extend(forwarded.iter().map(|value| (&b"x-forwarded-client-cert"[..], value.as_bytes())));
    let view = RequestView {
        headers: &headers,
        peer: PeerView {
            mtls: caller.is_some(),
            uri_san: caller.map(str::as_bytes),
            digest: caller.map(|_| DIGEST.as_bytes()),
        },
        ..RequestView::default()
    };
    match engine.on_request(&view).verdict {
        Verdict::Continue(permit) => json!({"allowed": true, "rule": permit.rule().map(|rule| rule.id)}),
        Verdict::Refuse(refusal) => json!({"allowed": false, "reason": refusal.reason.as_str()}),
    }
}

fn with_argument(argument: &str, then: impl FnOnce(&Argument) -> Value) -> String {
    let result = match serde_json::from_str(argument) {
        Ok(argument) => then(&argument),
        Err(wrong) => error(&wrong.to_string()),
    };
    result.to_string()
}

fn sources(argument: &Argument) -> Vec<SourceFile> {
    argument.files.iter().map(|(name, text)| SourceFile { name: name.clone(), text: text.clone() }).collect()
}

fn checked(argument: &Argument) -> Checked {
    sallyport_egress::check(&sources(argument))
}

fn mesh(checked: &Checked) -> Mesh {
    checked.mesh.as_ref().map(|mesh| mesh.value.clone()).unwrap_or_default()
}

fn error(message: &str) -> Value {
    json!({"error": message})
}
