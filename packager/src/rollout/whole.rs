//! Whether the files are all of a project: a Rollout that is not read has no gates, and a gateway that is not read has no turn.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use sallyport_egress::has_kind;
use sallyport_egress::rollout::Rollout;
use sallyport_manifest::Lock;

use crate::exit::{Exit, Failure};
use crate::input::{self, Selection, relative};
use crate::printable::{printable, quoted_path};
use crate::report::ReportedFile;

/// Fails if a Rollout that is below the folder of the lock is not among the files; or, if gateways have waves, an Egress
/// or a Candidate. `rollout`: the one among the files.
pub(super) fn refuse_part(lock: &Path, files: &[ReportedFile], rollout: Option<&Rollout>) -> Result<(), Failure> {
    let has_rollout = rollout.is_some();
    if rollout.is_some_and(|rollout| rollout.waves.is_empty()) {
        return Ok(());
    }
    refuse_left_out(lock, files, "to promote some gateways alone, give their names", |text| {
        match (has_kind(text, &["Rollout"]), has_kind(text, &["Egress", "Candidate"])) {
            (true, _) if !has_rollout => Some("its waves, gates and waivers would not count"),
            (_, true) if has_rollout => Some("its turn in the waves would not count"),
            _ => None,
        }
    })
}

/// Fails if an Egress that is below the folder of the lock is not among the files: a filter is given to all gateways once those that
/// were read have it.
pub(super) fn refuse_missing_egress(lock: &Path, files: &[ReportedFile]) -> Result<(), Failure> {
    refuse_left_out(lock, files, "to promote the filter of one gateway, give its name", |text| {
        has_kind(text, &["Egress"]).then_some("its gateway would get the filter without its turn")
    })
}

/// Fails if a file below the folder of the lock is not among those that were read, and something follows from it. `alone`: how to
/// promote a part.
fn refuse_left_out(
    lock: &Path,
    files: &[ReportedFile],
    alone: &str,
    follows: impl Fn(&str) -> Option<&'static str>,
) -> Result<(), Failure> {
    let folder = lock.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let read: BTreeSet<PathBuf> = files.iter().filter_map(|file| fs::canonicalize(&file.name).ok()).collect();
    for file in input::gather(&[folder.to_owned()], Selection::Ours).files {
        let path = PathBuf::from(&file.name);
        let is_named = files.iter().any(|read| read.name == file.name);
        let is_known = is_named || fs::canonicalize(&path).is_ok_and(|path| read.contains(&path));
        let Ok(bytes) = file.content else { continue };
        if is_known || has_lock_of_its_own(&path, folder) {
            continue;
        }
        let Some(what) = follows(&input::text_of(&bytes)) else { continue };
        let message = format!("`{}` is not among the files, so {what}", printable(&path));
        let help = format!("name the folder of all gateways, `--files {}`; {alone}", quoted_path(&relative(folder)));
        return Err(Failure::new(Exit::Usage, message).with_help(help));
    }
    Ok(())
}

/// Whether a file below the folder of a lock is nearer to another one.
fn has_lock_of_its_own(file: &Path, folder: &Path) -> bool {
    let folder = relative(folder);
    let between = file.ancestors().skip(1).take_while(|above| relative(above) != folder);
    between.into_iter().any(|above| !above.as_os_str().is_empty() && above.join(Lock::FILE).is_file())
}

/// Whether the text is, or is meant to be, the Egress file of a gateway: `NAMESPACE/NAME` or `NAME`.
pub(super) fn is_egress_of(text: &str, gateway: &str) -> bool {
    has_kind(text, &["Egress"]) && has_name(text, gateway)
}

/// Whether the text is, or is meant to be, a Candidate file and nothing that counts for other gateways.
pub(super) fn is_candidate_alone(text: &str) -> bool {
    has_kind(text, &["Candidate"]) && !has_kind(text, &["Egress", "Mesh", "Rollout"])
}

/// Whether the text has the name of a gateway: `NAMESPACE/NAME` or `NAME`.
pub(super) fn has_name(text: &str, gateway: &str) -> bool {
    let is_of_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    let words: Vec<&str> = text.split(|letter: char| !is_of_name(letter)).filter(|word| !word.is_empty()).collect();
    let says = |key: &str, value: &str| words.windows(2).any(|pair| pair == [key, value]);
    let (namespace, name) =
        gateway.split_once('/').map_or((None, gateway), |(namespace, name)| (Some(namespace), name));
    says("name", name) && namespace.is_none_or(|namespace| says("namespace", namespace))
}
