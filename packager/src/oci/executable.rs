//! The program in the command's image: the platform that it is for, and whether it needs anything beside it.

use elf::ElfBytes;
use elf::abi::{EM_AARCH64, EM_X86_64, ET_DYN, ET_EXEC, PT_INTERP};
use elf::endian::AnyEndian;
use sallyport_egress::Code;

use super::problem::ImageProblem;

/// The program's path in the image, without the slash before it.
pub(crate) const PROGRAM: &str = "sallyport";
pub(crate) const OS: &str = "linux";

/// The platform that a program is for, in the words of image configs.
pub(crate) fn architecture(program: &[u8]) -> Option<&'static str> {
    match ElfBytes::<AnyEndian>::minimal_parse(program).ok()?.ehdr.e_machine {
        EM_X86_64 => Some("amd64"),
        EM_AARCH64 => Some("arm64"),
        _ => None,
    }
}

/// The loader that a program asks the kernel for is not in the image, nor is a library.
pub(crate) fn not_static(program: &[u8]) -> Option<ImageProblem> {
    let problem = |message: String| Some(ImageProblem::new(Code::CommandNotStatic, message));
    let Ok(elf) = ElfBytes::<AnyEndian>::minimal_parse(program) else {
        return problem("the program is not an ELF file, which Linux runs".to_owned());
    };
    if architecture(program).is_none() || !matches!(elf.ehdr.e_type, ET_EXEC | ET_DYN) {
        return problem("the program is not an executable for x86-64 or AArch64".to_owned());
    }
    let Some(segments) = elf.segments() else {
        return problem("the program has no segments to load".to_owned());
    };
    let loader = segments.iter().find(|segment| segment.p_type == PT_INTERP)?;
    let name = elf.segment_data(&loader).unwrap_or_default();
    let name = String::from_utf8_lossy(name).trim_end_matches('\0').escape_debug().to_string();
    problem(format!("the program needs the loader `{name}`, and the image has nothing but the program"))
}
