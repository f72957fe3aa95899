//! What `image verify` finds in images of all kinds.

use std::collections::BTreeMap;

use serde_json::json;

use super::ImageSource as _;
use super::archive::{READ, gzip, tar};
use super::digest::digest_of;
use super::image::Image;
use super::layout::{self, Layout};
use super::manifest::{
    DOCKER_LAYER, DOCKER_LIST, DOCKER_MANIFEST, OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST, WASM_LAYER,
};
use super::verify::{Expected, Verification, verify};

/// The digest of the image of a module that never changes: another digest here is another one for every user.
const GOLDEN: &str = "sha256:af4e9cafbdfbd7bf67fd1e9bf46ddd25a5ac38f6e4a455e81d75ac6f540e9181";

/// A module with one function, which does nothing, exported by this name.
fn exporting(name: &str) -> Vec<u8> {
    let mut module = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0".to_vec();
    let name_length = u8::try_from(name.len()).unwrap();
    module.extend([7, name_length + 4, 1, name_length]);
    module.extend(name.as_bytes());
    module.extend(b"\0\0\x0a\x04\x01\x02\0\x0b");
    module
}

fn with_section(mut module: Vec<u8>, name: &str, content: &str) -> Vec<u8> {
    let length = |text: &str| u8::try_from(text.len()).unwrap();
    module.extend([0, length(name) + length(content) + 1, length(name)]);
    module.extend(name.as_bytes());
    module.extend(content.as_bytes());
    module
}

fn module() -> Vec<u8> {
    let version = sallyport_core::wire::WIRE_VERSION.to_string();
    with_section(exporting("proxy_abi_version_0_2_1"), "sallyport.policy", &version)
}

/// An image with this manifest type and these layers.
fn image(kind: Option<&str>, layers: &[(&str, Vec<u8>)]) -> Image {
    let describe =
        |kind: &str, content: &[u8]| json!({"mediaType": kind, "digest": digest_of(content), "size": content.len()});
    let mut manifest = json!({
        "schemaVersion": 2,
        "config": describe(OCI_CONFIG, b"{}"),
        "layers": layers.iter().map(|(kind, content)| describe(kind, content)).collect::<Vec<_>>(),
    });
    if let Some(kind) = kind {
        manifest["mediaType"] = kind.into();
    }
    let blobs = layers.iter().map(|(_, content)| content.clone()).chain([b"{}".to_vec()]).collect();
    Image { manifest: manifest.to_string().into_bytes(), blobs }
}

fn archive(name: &str, content: &[u8]) -> Vec<u8> {
    gzip(&tar(&[("readme", b"text"), (name, content)], READ).unwrap()).unwrap()
}

fn verified(image: &Image) -> Verification {
    verify(image, "i".into(), Expected::default()).unwrap()
}

/// Checks the code of the only problem, and that its message contains these texts.
fn check(image: &Image, code: &str, texts: &[&str]) {
    let problems = verified(image).problems;
    assert_eq!(problems.iter().map(|problem| problem.code).collect::<Vec<_>>(), [code], "{problems:?}");
    for text in texts {
        assert!(problems[0].message.contains(text), "no `{text}` in `{}`", problems[0].message);
    }
}

#[test]
fn the_digest_is_the_same_on_every_host() {
    let module = exporting("proxy_abi_version_0_2_1");
    let image = Image::build(&module, &BTreeMap::new()).unwrap();
    assert_eq!(image.digest().to_string(), GOLDEN);
    let annotated = Image::build(&module, &BTreeMap::from([("a".into(), "b".into())])).unwrap();
    assert_ne!(annotated.digest(), image.digest());
    assert_eq!(annotated.blobs, image.blobs);
}

#[test]
fn the_config_tells_the_truth_of_the_layer() {
    let image = Image::build(&module(), &BTreeMap::new()).unwrap();
    let mut archive = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&image.blobs[1][..]), &mut archive).unwrap();
    let config: serde_json::Value = serde_json::from_slice(&image.blobs[0]).unwrap();
    assert_eq!(config["rootfs"]["diff_ids"], json!([digest_of(&archive)]));
    let mut archive = tar::Archive::new(&archive[..]);
    let entries: Vec<_> = archive.entries().unwrap().map(|entry| entry.unwrap().header().clone()).collect();
    let [entry] = &entries[..] else { panic!("{entries:?}") };
    assert_eq!(entry.path_bytes().as_ref(), b"plugin.wasm");
    let numbers = (entry.mode().unwrap(), entry.uid().unwrap(), entry.gid().unwrap(), entry.mtime().unwrap());
    assert_eq!(numbers, (0o644, 0, 0, 0));
}

#[test]
fn every_shape_that_istio_takes_is_taken() {
    for (kind, layers) in [
        (None, vec![(OCI_LAYER, archive("plugin.wasm", &module()))]),
        (Some(OCI_MANIFEST), vec![("any/thing", b"x".to_vec()), (OCI_LAYER, archive("a/plugin.wasm", &module()))]),
        (Some(DOCKER_MANIFEST), vec![(DOCKER_LAYER, archive("plugin.wasm", &module()))]),
        (None, vec![(WASM_LAYER, module()), ("any/thing", b"x".to_vec())]),
        (None, vec![("any/thing", b"x".to_vec()), (WASM_LAYER, module())]),
    ] {
        assert_eq!(verified(&image(kind, &layers)).problems, [], "{kind:?} {layers:?}");
    }
}

#[test]
fn every_other_shape_is_refused_in_istios_words() {
    let good = || archive("plugin.wasm", &module());
    let none = "number of layers must be greater than zero";
    check(&image(Some(DOCKER_MANIFEST), &[]), "SP3005", &[none]);
    check(&image(None, &[]), "SP3005", &[none, "number of layers must be 2 but got 0"]);
    let docker = "could not extract Wasm file from the image as Docker container invalid media type \
                  application/vnd.oci.image.layer.v1.tar+gzip (expect application/vnd.docker.image.rootfs.diff.tar.gzip)";
    check(&image(Some(DOCKER_MANIFEST), &[(OCI_LAYER, good())]), "SP3005", &[docker]);
    let raw = "invalid media type application/vnd.module.wasm.content.layer.v1+wasm (expect \
               application/vnd.oci.image.layer.v1.tar+gzip)";
    let one = "could not parse as oci variant: number of layers must be 2 but got 1";
    check(&image(None, &[(WASM_LAYER, module())]), "SP3005", &["the given image is in invalid format", raw, one]);
    let zstd = "application/vnd.oci.image.layer.v1.tar+zstd";
    check(&image(None, &[(zstd, good())]), "SP3005", &[zstd]);
    check(&image(None, &[(OCI_LAYER, good()), ("a/b", vec![1])]), "SP3005", &["could not find the layer of type"]);
    let three = [("a/b", vec![1]), ("a/c", vec![2]), (WASM_LAYER, module())];
    check(&image(None, &three), "SP3005", &["number of layers must be 2 but got 3"]);
    check(&image(None, &[(OCI_LAYER, module())]), "SP3006", &["failed to parse layer as tar.gz"]);
    let short = good()[..60].to_vec();
    check(&image(None, &[(OCI_LAYER, short)]), "SP3006", &["could not extract wasm binary"]);
    let other = archive("filter.wasm", &module());
    check(&image(None, &[(OCI_LAYER, other)]), "SP3007", &["plugin.wasm not found in the archive", one]);
    for bad in [&b"\0asm\x01\0\0"[..], b"#!/bin/sh", b""] {
        let layer = archive("plugin.wasm", bad);
        check(&image(None, &[(OCI_LAYER, layer)]), "SP3009", &["fetched Wasm binary from URL is invalid"]);
    }
}

#[test]
fn an_index_is_refused_and_what_it_holds_is_judged() {
    let mut held = Image::build(&module(), &BTreeMap::new()).unwrap();
    let child = json!({"mediaType": OCI_MANIFEST, "digest": held.digest(), "size": held.manifest.len(),
        "platform": {"os": "linux", "architecture": "amd64"}});
    for kind in [OCI_INDEX, DOCKER_LIST] {
        let index = json!({"schemaVersion": 2, "mediaType": kind, "manifests": [child]}).to_string();
        let lost = Image { manifest: index.clone().into_bytes(), blobs: Vec::new() };
        let codes = |verdict: &Verification| verdict.problems.iter().map(|finding| finding.code).collect::<Vec<_>>();
        assert_eq!(codes(&verified(&lost)), ["SP3003", "SP3001"]);
        // A layout keeps manifests among its blobs.
        let directory = tempfile::tempdir().unwrap();
        let inner = held.manifest.clone();
        held.blobs.push(inner);
        let outer = Image { manifest: index.into_bytes(), blobs: held.blobs.clone() };
        layout::write(&outer, None, directory.path()).unwrap();
        let layout = Layout::open(directory.path()).unwrap();
        let pinned = outer.digest();
        let expected = Expected { digest: Some(&pinned), ..Expected::default() };
        let verdict = verify(&layout, "i".into(), expected).unwrap();
        assert_eq!(codes(&verdict), ["SP3003", "SP3002"]);
        assert!(verdict.problems[0].message.contains("can never match"), "{verdict:?}");
    }
}

#[test]
fn a_wrong_digest_is_named_as_istio_names_it() {
    let image = Image::build(&module(), &BTreeMap::new()).unwrap();
    let other = digest_of(b"other");
    let expected = Expected { digest: Some(&other), ..Expected::default() };
    let problems = verify(&image, "i".into(), expected).unwrap().problems;
    let words = format!(
        "module downloaded from URL has checksum {}, which does not match: {}",
        image.digest().hex(),
        other.hex()
    );
    assert_eq!(
        (problems[0].code.as_str(), problems[0].message.as_str(), problems.len()),
        ("SP3002", words.as_str(), 1)
    );
}

#[test]
fn a_manifest_that_is_none_and_a_lost_blob_are_found() {
    for text in ["", "no", "{}", "[]", r#"{"schemaVersion": 1, "fsLayers": []}"#] {
        check(&Image { manifest: text.into(), blobs: Vec::new() }, "SP3004", &["could not retrieve manifest"]);
    }
    let mut image = image(None, &[(OCI_LAYER, archive("plugin.wasm", &module()))]);
    image.blobs.clear();
    check(&image, "SP3010", &["could not get layer content"]);
}

#[test]
fn envoy_must_be_able_to_load_the_module() {
    let check_module = |module: Vec<u8>, code: &str, words: &str| {
        check(&Image::build(&module, &BTreeMap::new()).unwrap(), code, &[words])
    };
    let mut cut = module();
    cut.truncate(20);
    check_module(cut, "SP3011", "is invalid");
    check_module(with_section(exporting("_start"), "sallyport.policy", "1"), "SP3012", "proxy_abi_version_0_2_1");
    let mut importing = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x02\x09\x01\x03env\x01f\0\0".to_vec();
    importing.extend(b"\x07\x1b\x01\x17proxy_abi_version_0_2_1\0\0");
    check_module(with_section(importing, "sallyport.policy", "1"), "SP3013", "`env.f`");
    let other = with_section(exporting("proxy_abi_version_0_2_1"), "sallyport.policy", "9");
    check_module(other, "SP3014", "reads policy version 9");
    check_module(exporting("proxy_abi_version_0_2_1"), "SP3015", "does not declare");
}

#[test]
fn the_filter_of_this_program_reads_what_this_program_writes() {
    let module = exporting("proxy_abi_version_0_2_1");
    let image = Image::build(&module, &BTreeMap::new()).unwrap();
    let expected = Expected { filter: Some(&module), ..Expected::default() };
    assert_eq!(verify(&image, "i".into(), expected).unwrap().problems, []);
}

#[test]
fn a_layout_gives_back_what_it_was_given() {
    let directory = tempfile::tempdir().unwrap();
    let image = Image::build(&module(), &BTreeMap::new()).unwrap();
    let name = "localhost:5000/filter:1".parse().unwrap();
    for path in [directory.path().join("layout"), directory.path().join("layout.tar")] {
        let old = Image::build(&exporting("old"), &BTreeMap::new()).unwrap();
        layout::write(&old, None, &path).unwrap();
        layout::write(&image, Some(&name), &path).unwrap();
        let layout = Layout::open(&path).unwrap();
        assert_eq!(layout.manifest(None).unwrap().as_ref(), Some(&image.manifest));
        assert_eq!(layout.blob(&old.digest(), 1).unwrap(), None, "a blob of the image before is left");
        let copy = Image::copy(&layout).unwrap();
        assert_eq!((copy.digest(), &copy.blobs), (image.digest(), &image.blobs));
    }
    std::fs::write(directory.path().join("other"), "x").unwrap();
    assert!(layout::write(&image, None, directory.path()).is_err(), "another directory was overwritten");
    assert!(Layout::open(directory.path()).is_err());
}
