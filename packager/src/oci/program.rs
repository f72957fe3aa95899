//! The command's image: whether a container runtime could run the program in it, which has nothing beside it.

use std::io::{self, Read};

use sallyport_egress::Code;

use super::accept::{Fetch, Stop};
use super::archive::decompressed;
use super::digest::digest_of;
use super::executable::{OS, PROGRAM, architecture, not_static};
use super::image::{Config, RunConfig};
use super::manifest::{DOCKER_LAYER, Manifest, OCI_LAYER};
use super::problem::ImageProblem;

/// The size of the program in an image, and everything that is wrong with the image.
pub(crate) fn inspect(manifest: &Manifest, fetch: Fetch<'_>) -> Result<(usize, Vec<ImageProblem>), Stop> {
    let [layer] = manifest.layers.as_slice() else {
        let message = format!("the command's image has one layer, not {}", manifest.layers.len());
        return Err(ImageProblem::new(Code::ImageLayers, message).into());
    };
    if layer.media_type != OCI_LAYER && layer.media_type != DOCKER_LAYER {
        let found = layer.media_type.escape_debug();
        let message = format!("the layer has the media type `{found}`, not {OCI_LAYER}");
        return Err(ImageProblem::new(Code::ImageLayers, message).into());
    }
    let mut archive = Vec::new();
    let read = decompressed(&fetch(layer)?).read_to_end(&mut archive);
    let program = read.and_then(|_| only_file(&archive)).map_err(|error| {
        ImageProblem::new(Code::ImageArchive, format!("the layer cannot be read as tar.gz: {error}"))
    })?;
    let Some(program) = program else {
        let message = format!("the layer does not hold one executable file `{PROGRAM}`, and nothing else");
        return Err(ImageProblem::new(Code::CommandMissing, message).into());
    };
    let config = fetch(&manifest.config)?;
    let problems = not_static(&program).into_iter().chain(wrong_config(&config, &archive, &program)).collect();
    Ok((program.len(), problems))
}

/// The content of the program, if it is what an archive has, and can be run.
fn only_file(archive: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let mut program = None;
    for entry in tar::Archive::new(archive).entries()? {
        let mut entry = entry?;
        let can_be_run = entry.header().mode()? & 0o111 == 0o111;
        let is_program = entry.header().entry_type().is_file() && *entry.path_bytes() == *PROGRAM.as_bytes();
        if !is_program || !can_be_run || program.is_some() {
            return Ok(None);
        }
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        program = Some(content);
    }
    Ok(program)
}

/// What the config says of the program that is not so.
fn wrong_config(config: &[u8], archive: &[u8], program: &[u8]) -> Option<ImageProblem> {
    let problem = |message: String| Some(ImageProblem::new(Code::CommandConfig, message));
    let config: Config = match serde_json::from_slice(config) {
        Ok(config) => config,
        Err(error) => return problem(format!("the image's config cannot be parsed: {error}")),
    };
    let platform = format!("{}/{}", config.os, config.architecture);
    let own = architecture(program).map(|architecture| format!("{OS}/{architecture}"));
    if own.as_ref().is_some_and(|own| *own != platform) {
        let (platform, own) = (platform.escape_debug(), own.unwrap_or_default());
        return problem(format!("the config is for `{platform}`, but the program for {own}"));
    }
    if config.rootfs.diff_ids != [digest_of(archive)] {
        return problem("the config's `diff_ids` are not those of the layer".to_owned());
    }
    let RunConfig { entrypoint, .. } = config.config.unwrap_or_default();
    let expected = format!("/{PROGRAM}");
    (entrypoint != [expected.as_str()])
        .then(|| ImageProblem::new(Code::CommandConfig, format!("the config's entry point is not `{expected}`")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use elf::abi::{EM_AARCH64, EM_X86_64, ET_DYN, PT_INTERP};
    use serde_json::json;

    use super::super::Content;
    use super::super::archive::{READ, RUN, gzip, tar};
    use super::super::digest::Digest;
    use super::super::image::Image;
    use super::super::manifest::{OCI_CONFIG, OCI_INDEX, OCI_MANIFEST};
    use super::super::verify::{Expected, Verification, verify};
    use super::*;

    /// The digest of the image of a program that never changes: another digest here is another one for every user.
    const GOLDEN: &str = "sha256:d28cf9eb8f5af9c4c705d15674cde2069658f103c24ba0603dd0bf3a5cace36a";

    /// A header of an executable for `machine`, with one segment, and the name of a loader if it has one.
    fn program(machine: u16, loader: Option<&str>) -> Vec<u8> {
        let loader = loader.map(|name| format!("{name}\0"));
        let length = loader.as_ref().map_or(0, |name| name.len() as u64);
        let mut elf = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
        elf.extend(ET_DYN.to_le_bytes());
        elf.extend(machine.to_le_bytes());
        elf.extend(1_u32.to_le_bytes());
        // The entry point, the place of the segments, that of the sections, and the flags.
        for number in [0_u64, 64, 0] {
            elf.extend(number.to_le_bytes());
        }
        elf.extend([0; 4]);
        for number in [64_u16, 56, 1, 0, 0, 0] {
            elf.extend(number.to_le_bytes());
        }
        let kind: u32 = if loader.is_some() { PT_INTERP } else { 1 };
        elf.extend(kind.to_le_bytes());
        elf.extend(4_u32.to_le_bytes());
        for number in [120, 0, 0, length, length, 1] {
            elf.extend(number.to_le_bytes());
        }
        elf.extend(loader.unwrap_or_default().into_bytes());
        elf
    }

    fn of(program: &[u8]) -> Image {
        Image::of_command(program, &BTreeMap::new()).unwrap()
    }

    fn verified(image: &Image, digest: Option<&Digest>) -> Verification {
        verify(image, "i".into(), Expected { content: Content::Command, digest, filter: None }).unwrap()
    }

    /// Checks the code of the only problem, and that its message contains the text.
    fn check(image: &Image, code: &str, words: &str) {
        let problems = verified(image, None).problems;
        assert_eq!(problems.iter().map(|problem| problem.code).collect::<Vec<_>>(), [code], "{problems:?}");
        assert!(problems[0].message.contains(words), "no `{words}` in `{}`", problems[0].message);
    }

    /// An image with this config, and a layer with these files.
    fn image(config: &str, files: &[(&str, &[u8])], mode: u32) -> Image {
        let layer = gzip(&tar(files, mode).unwrap()).unwrap();
        let describe = |kind: &str, content: &[u8]| json!({"mediaType": kind, "digest": digest_of(content), "size": content.len()});
        let manifest = json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST,
            "config": describe(OCI_CONFIG, config.as_bytes()), "layers": [describe(OCI_LAYER, &layer)]});
        Image { manifest: manifest.to_string().into_bytes(), blobs: vec![config.as_bytes().to_vec(), layer] }
    }

    #[test]
    fn the_digest_is_the_same_on_every_host() {
        let image = of(&program(EM_X86_64, None));
        assert_eq!(image.digest().to_string(), GOLDEN);
        let verification = verified(&image, Some(&image.digest()));
        assert_eq!((verification.problems, verification.program_size), (vec![], Some(120)));
    }

    #[test]
    fn the_config_is_for_the_programs_platform() {
        for (machine, name) in [(EM_X86_64, "amd64"), (EM_AARCH64, "arm64")] {
            let image = of(&program(machine, None));
            assert_eq!(verified(&image, None).problems, []);
            let config: serde_json::Value = serde_json::from_slice(&image.blobs[0]).unwrap();
            assert_eq!((&config["architecture"], &config["os"]), (&json!(name), &json!("linux")));
            let run = json!({"User": "65532:65532", "Entrypoint": ["/sallyport"], "WorkingDir": "/work"});
            assert_eq!(config["config"], run);
        }
    }

    #[test]
    fn a_program_that_needs_more_than_the_image_has_is_refused() {
        let dynamic = of(&program(EM_X86_64, Some("/lib64/ld-linux-x86-64.so.2")));
        check(&dynamic, "SP3018", "needs the loader `/lib64/ld-linux-x86-64.so.2`");
        check(&of(&program(243, None)), "SP3018", "not an executable for x86-64 or AArch64");
        check(&of(b"#!/bin/sh\n"), "SP3018", "not an ELF file");
        check(&of(b""), "SP3018", "not an ELF file");
        let whole = program(EM_X86_64, None);
        // A header whose segments are cut off.
        check(&of(&whole[..whole.len() - 1]), "SP3018", "");
    }

    #[test]
    fn the_layer_is_one_program() {
        let program = program(EM_X86_64, None);
        let config = String::from_utf8(of(&program).blobs[0].clone()).unwrap();
        let words = "does not hold one executable file `sallyport`";
        check(&image(&config, &[("plugin.wasm", &program)], RUN), "SP3017", words);
        check(&image(&config, &[("sallyport", &program)], READ), "SP3017", words);
        check(&image(&config, &[("sallyport", &program), ("sh", b"")], RUN), "SP3017", words);
        check(&image(&config, &[], RUN), "SP3017", words);
        let mut two = of(&program);
        let manifest = String::from_utf8(two.manifest.clone()).unwrap();
        let layers = manifest.split_once("\"layers\":[").unwrap().1.split_once(']').unwrap().0.to_owned();
        two.manifest = manifest.replace(&layers, &format!("{layers},{layers}")).into_bytes();
        check(&two, "SP3005", "has one layer, not 2");
        let mut other = of(&program);
        other.manifest = String::from_utf8(other.manifest).unwrap().replace("tar+gzip", "tar+zstd").into_bytes();
        check(&other, "SP3005", "tar+zstd");
        let mut broken = image(&config, &[("sallyport", &program)], RUN);
        let whole = broken.blobs[1].clone();
        let cut = whole[..whole.len() / 2].to_vec();
        let manifest = String::from_utf8(broken.manifest).unwrap();
        let manifest = manifest.replace(&digest_of(&whole).to_string(), &digest_of(&cut).to_string());
        broken.manifest =
            manifest.replace(&format!("\"size\":{}", whole.len()), &format!("\"size\":{}", cut.len())).into();
        broken.blobs[1] = cut;
        check(&broken, "SP3006", "cannot be read as tar.gz");
    }

    #[test]
    fn the_config_tells_the_truth_of_the_program() {
        let program = program(EM_X86_64, None);
        let good = String::from_utf8(of(&program).blobs[0].clone()).unwrap();
        for (before, after, words) in [
            ("amd64", "arm64", "is for `linux/arm64`, but the program for linux/amd64"),
            ("linux", "windows", "is for `windows/amd64`"),
            ("\"/sallyport\"", "\"/bin/sh\"", "entry point is not `/sallyport`"),
            ("\"/sallyport\"", "\"/sallyport\",\"run\"", "entry point is not `/sallyport`"),
            ("sha256:", "sha256:0", "cannot be parsed"),
            ("layers\",\"diff_ids\":[", "layers\",\"diff_ids\":[],\"other\":[", "`diff_ids` are not those"),
            ("{", "", "cannot be parsed"),
        ] {
            assert!(good.contains(before), "{good}");
            check(&image(&good.replacen(before, after, 1), &[("sallyport", &program)], RUN), "SP3019", words);
        }
    }

    #[test]
    fn a_wrong_digest_is_found_and_a_filter_is_no_command() {
        let image = of(&program(EM_X86_64, None));
        let other = digest_of(b"other");
        let problems = verified(&image, Some(&other)).problems;
        let words = format!("the image has the digest {}, not {other}", image.digest());
        assert_eq!((problems[0].code.as_str(), &problems[0].message, problems.len()), ("SP3002", &words, 1));
        let as_filter = verify(&image, "i".into(), Expected::default()).unwrap();
        assert_eq!(as_filter.problems[0].code.as_str(), "SP3007", "{as_filter:?}");
        check(&Image::build(b"\0asm\x01\0\0\0", &BTreeMap::new()).unwrap(), "SP3017", "does not hold");
    }

    #[test]
    fn an_index_is_the_image_for_a_container_runtime() {
        let mut held = of(&program(EM_X86_64, None));
        let child = json!({"mediaType": OCI_MANIFEST, "digest": held.digest(), "size": held.manifest.len(),
            "platform": {"os": "linux", "architecture": "amd64"}});
        let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [child]}).to_string();
        held.blobs.push(std::mem::replace(&mut held.manifest, index.into_bytes()));
        let digest = held.digest();
        let directory = tempfile::tempdir().unwrap();
        super::super::layout::write(&held, None, directory.path()).unwrap();
        let layout = super::super::layout::Layout::open(directory.path()).unwrap();
        let expected = Expected { content: Content::Command, digest: Some(&digest), filter: None };
        assert_eq!(verify(&layout, "i".into(), expected).unwrap().problems, []);
    }
}
