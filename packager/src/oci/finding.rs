//! What can be wrong with an image: the codes, their manual, and one finding.

use serde::Serialize;

pub(crate) const MISSING: &str = "SP3001";
pub(crate) const DIGEST: &str = "SP3002";
pub(crate) const INDEX: &str = "SP3003";
pub(crate) const MANIFEST: &str = "SP3004";
pub(crate) const SHAPE: &str = "SP3005";
pub(crate) const ARCHIVE: &str = "SP3006";
pub(crate) const NO_PLUGIN: &str = "SP3007";
pub(crate) const TOO_LARGE: &str = "SP3008";
pub(crate) const NOT_WASM: &str = "SP3009";
pub(crate) const BLOB: &str = "SP3010";
pub(crate) const INVALID_MODULE: &str = "SP3011";
pub(crate) const ABI: &str = "SP3012";
pub(crate) const IMPORT: &str = "SP3013";
pub(crate) const POLICY: &str = "SP3014";
pub(crate) const NO_POLICY: &str = "SP3015";
pub(crate) const LARGE: &str = "SP3016";

/// The manual of every code.
pub(crate) const MANUAL: [(&str, &str); 16] = [
    (
        MISSING,
        "The registry has no such image.\n\n\
         Istio's agent says `could not fetch manifest`, and puts a filter in place of ours that denies\n\
         every request (RBAC, stat prefix `wasm-default-deny`). Envoy accepts that filter, so nothing\n\
         tries again until the next push of configuration: an image that comes later does not help alone.",
    ),
    (
        DIGEST,
        "The image has another digest than the one that was expected.\n\n\
         Istio compares the digest of the manifest, not that of the module, and says `module downloaded\n\
         from URL has checksum A, which does not match: B`. Every request is denied then.",
    ),
    (
        INDEX,
        "The name leads to an index, a list of images, and not to one manifest.\n\n\
         Istio's agent takes the image for linux/amd64 out of it and compares the digest of that one: a\n\
         pinned digest of the index can never match, and every request is denied. `docker buildx` makes\n\
         an index where it attests provenance (`--provenance=false` leaves it out).",
    ),
    (
        MANIFEST,
        "The manifest cannot be read.\n\n\
         It is no JSON, or not an image manifest with a config, layers and sha256 digests. Istio's agent\n\
         says `could not retrieve manifest`, and every request is denied.",
    ),
    (
        SHAPE,
        "The layers have a shape that Istio does not take.\n\n\
         Of a Docker manifest the last layer must be `application/vnd.docker.image.rootfs.diff.tar.gzip`;\n\
         of an OCI manifest the last must be `application/vnd.oci.image.layer.v1.tar+gzip`, or there must\n\
         be exactly two with one `application/vnd.module.wasm.content.layer.v1+wasm`. What `oras push`,\n\
         `wasm-to-oci` and `wkg` make is refused. `sallyport image build` makes the right shape.",
    ),
    (
        ARCHIVE,
        "The layer is no tar archive in gzip, or breaks off.\n\n\
         Istio's agent says `failed to parse layer as tar.gz` or `could not extract wasm binary`, and\n\
         every request is denied.",
    ),
    (
        NO_PLUGIN,
        "No file in the layer has the name plugin.wasm.\n\n\
         Istio's agent looks at the base names of the last layer alone, and says `plugin.wasm not found\n\
         in the archive`. Every request is denied.",
    ),
    (
        TOO_LARGE,
        "The module is larger than Istio's agent reads.\n\n\
         The limit is 256 MiB (`ISTIO_WASM_MAX_BINARY_SIZE_BYTES`), in an archive for all of its content.",
    ),
    (
        NOT_WASM,
        "What the image holds is no wasm module.\n\n\
         A module begins with `\\0asm` and has at least 8 bytes. Istio's agent says `fetched Wasm binary\n\
         from URL is invalid`, and every request is denied.",
    ),
    (
        BLOB,
        "A blob that the manifest names is missing, or is another than it says.\n\n\
         Size and digest must be those of the manifest. Istio's agent cannot pull such an image.",
    ),
    (
        INVALID_MODULE,
        "The wasm module is not valid.\n\n\
         Istio's agent looks at its first bytes only and takes it; Envoy cannot load it then, rejects the\n\
         configuration, and a new gateway does not become ready.",
    ),
    (
        ABI,
        "The module does not speak the ABI of proxy-wasm that Envoy wants.\n\n\
         Envoy chooses the ABI by a function that the module exports. Sallyport's filter exports\n\
         `proxy_abi_version_0_2_1`.",
    ),
    (
        IMPORT,
        "The module imports something that Envoy does not have.\n\n\
         Envoy links the functions of proxy-wasm in `env` and part of WASI in `wasi_snapshot_preview1`.\n\
         A module that wants another one cannot be loaded.",
    ),
    (
        POLICY,
        "The filter reads another version of the policy than this program writes.\n\n\
         A filter refuses a policy of another version as a whole, and the gateway does not become ready.\n\
         Build the image with the filter of the same release as this program.",
    ),
    (
        NO_POLICY,
        "The filter does not say which version of the policy it reads.\n\n\
         It is not the filter that this program holds, and has no custom section `sallyport.policy`. It\n\
         may be right: try it with `sallyport run --wasm`.",
    ),
    (
        LARGE,
        "The module is large.\n\n\
         Each replica pulls it at each start, and has 30 seconds for it. Build the filter with the profile\n\
         `wasm` (`make wasm`), stripped and optimised for size.",
    ),
];

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    Error,
    Warning,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    pub(crate) code: &'static str,
    pub(crate) severity: Severity,
    pub(crate) message: String,
}

impl Finding {
    pub(crate) fn error(code: &'static str, message: impl Into<String>) -> Self {
        Finding { code, severity: Severity::Error, message: message.into() }
    }

    pub(crate) fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Finding { code, severity: Severity::Warning, message: message.into() }
    }
}
