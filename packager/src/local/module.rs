//! The filter module that Envoy loads.

use std::borrow::Cow;
use std::path::Path;

use super::files::read;
use super::locate::upwards;
use crate::exit::{Exit, Failure};
use crate::printable::printable;

/// The filter that was embedded when this program was built, if any (`build.rs`).
const EMBEDDED: Option<&[u8]> = include!(concat!(env!("OUT_DIR"), "/embedded_filter.rs"));
/// Where the project's own build puts the filter.
const BUILT: &str = "target/wasm32-wasip1/wasm/sallyport_filter.wasm";
/// The first bytes of every module.
const MAGIC: &[u8] = b"\0asm\x01\0\0\0";

/// The module of `--wasm`, else the embedded one, else the one from the project's own build.
pub(crate) fn load(given: Option<&Path>) -> Result<Cow<'static, [u8]>, Failure> {
    match (given, EMBEDDED) {
        (Some(path), _) => from_file(path).map(Cow::Owned),
        (None, Some(module)) => Ok(Cow::Borrowed(module)),
        (None, None) => match upwards(BUILT) {
            Some(path) => from_file(&path).map(Cow::Owned),
            None => Err(Failure::new(Exit::Module, "this `sallyport` was built without the filter")
                .with_help("`make wasm` builds the filter; --wasm selects another")),
        },
    }
}

fn from_file(path: &Path) -> Result<Vec<u8>, Failure> {
    let module = read(path).map_err(|failure| Failure { exit: Exit::Module, ..failure })?;
    if module.starts_with(MAGIC) {
        return Ok(module);
    }
    Err(Failure::new(Exit::Module, format!("`{}` is not a wasm module", printable(path))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_wasm_module_is_accepted() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("m.wasm");
        assert_eq!(from_file(&path).unwrap_err().exit, Exit::Module);
        std::fs::write(&path, "no").unwrap();
        assert_eq!(from_file(&path).unwrap_err().exit, Exit::Module);
        std::fs::write(&path, MAGIC).unwrap();
        assert_eq!(load(Some(&path)).unwrap().as_ref(), MAGIC);
    }
}
