//! What `build` would write, and every problem with it: those of the files, and those of building them together.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use sallyport_egress::diagnostic::LineIndex;
use sallyport_egress::model::{Egress, Mesh};
use sallyport_egress::{Checked, Code, Located, place_of};
use sallyport_manifest::{Build, BuildError, ChosenFilter, LockFile, Options, PinnedFilter, Pins, Rollouts};

use crate::examine::examine;
use crate::exit::Exit;
use crate::input::{self, Selection, name_and_uri, relative};
use crate::local::module;
use crate::lock::{self, Search};
use crate::oci::digest::{Digest, digest_of};
use crate::oci::image::Image;
use crate::printable::{printable, quoted_path};
use crate::report::{Place, Report, ReportedFile, ReportedProblem};

/// Files, and what `build` makes of them.
#[derive(Debug)]
pub(crate) struct Assembled {
    /// Every problem, of `check` and `build` alike.
    pub(crate) report: Report,
    /// `None` if there is no Mesh file, or a wrong one.
    pub(crate) mesh: Option<Mesh>,
    /// `None` if there is an error.
    pub(crate) built: Option<Built>,
}

/// What `build` writes.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) build: Build,
    pub(crate) filter: ChosenFilter,
    /// Where a lock is, or would be found, as a word of a command.
    pub(crate) lock_file: String,
}

/// Reads the files that the arguments name, checks them, and builds what they describe.
pub(crate) fn assemble(arguments: &[PathBuf], selection: Selection, options: Options) -> Assembled {
    let (mut report, checked) = examine(input::gather(arguments, selection));
    let mut built = None;
    // Manifests alone are linted; there is nothing to build of them.
    if !checked.egresses.is_empty() || checked.mesh.is_some() {
        let arguments: Vec<_> = arguments.iter().map(|path| relative(path)).collect();
        let search = lock::find(&arguments, report.files.iter().map(|file| Path::new(&file.name)));
        let result = build(&checked, &search, options);
        // What depends on a file with errors is not known.
        let are_all_read = report.exit() == Exit::Ok;
        let problems = match &result {
            Ok((_, warnings)) if are_all_read => warnings.clone(),
            Ok(_) => Vec::new(),
            Err(errors) => {
                let is_known = |error: &&BuildError| are_all_read || !error.is_of_missing_file();
                errors.iter().filter(is_known).cloned().collect()
            }
        };
        Placing::new(&mut report, &checked, Some(&search)).report_all(problems);
        built = result.ok().map(|(built, _)| built).filter(|_| report.exit() == Exit::Ok);
    }
    Assembled { report, mesh: checked.mesh.map(|mesh| mesh.value), built }
}

/// What `build` makes of files that were checked, whatever the filter's image. Adds to the report what it would refuse.
pub(crate) fn build_with_any_filter(report: &mut Report, checked: &Checked) -> Option<Build> {
    if report.exit() != Exit::Ok {
        return None;
    }
    let mesh = checked.mesh.as_ref().map_or_else(Mesh::default, |mesh| mesh.value.clone());
    let egresses: Vec<_> = checked.egresses.iter().map(|egress| &egress.value).collect();
    let filter = PinnedFilter { image: mesh.filter.image.clone(), digest: digest_of(b"") };
    let options = Options { is_placeholder: true, ..Options::default() };
    match sallyport_manifest::build(&egresses, &mesh, &filter, &Rollouts::default(), options) {
        Ok(build) => Some(build),
        Err(errors) => {
            Placing::new(report, checked, None).report_all(errors);
            None
        }
    }
}

/// What is built, and the warnings about it.
fn build(checked: &Checked, search: &Search, options: Options) -> Result<(Built, Vec<BuildError>), Vec<BuildError>> {
    let mesh = checked.mesh.as_ref().map_or_else(Mesh::default, |mesh| mesh.value.clone());
    let egresses: Vec<_> = checked.egresses.iter().map(|egress| &egress.value).collect();
    let chosen = choose(&mesh, search);
    // The other problems are reported, too, whatever the digest.
    let filter = match &chosen {
        Ok((chosen, _)) => chosen.filter.clone(),
        Err(_) => PinnedFilter { image: mesh.filter.image.clone(), digest: digest_of(b"") },
    };
    let is_placeholder = chosen.as_ref().is_ok_and(|(chosen, _)| chosen.is_placeholder());
    let none = LockFile::default();
    let lock = search.found.as_ref().ok().and_then(Option::as_ref).map_or(&none, |(_, lock)| lock);
    let candidates: Vec<_> = checked.candidates.iter().map(|candidate| &candidate.value).collect();
    let rollout = checked.rollout.as_ref().map(|rollout| &rollout.value);
    let rollouts = Rollouts::of(&egresses, &candidates, rollout, lock)?;
    let built = sallyport_manifest::build(&egresses, &mesh, &filter, &rollouts, Options { is_placeholder, ..options });
    match (chosen, built) {
        (Ok((filter, mut warnings)), Ok(build)) => {
            warnings.extend(build.warnings.iter().cloned());
            Ok((Built { build, filter, lock_file: quoted_path(&search.file) }, warnings))
        }
        (Ok(_), Err(errors)) => Err(errors),
        (Err(error), built) => Err(std::iter::once(error).chain(built.err().unwrap_or_default()).collect()),
    }
}

pub(crate) fn choose(mesh: &Mesh, search: &Search) -> Result<(ChosenFilter, Vec<BuildError>), BuildError> {
    let found = search.found.as_ref().map_err(|(_, error)| error.clone())?;
    let (lock_file, unread) = (quoted_path(&search.file), search.unread.as_deref().map(printable));
    let looked_for: Vec<_> = search.looked_for.iter().map(|path| printable(path)).collect();
    let found = found.as_ref().and_then(|(path, lock)| Some((printable(path), lock.filter.as_ref()?)));
    let is_pinned = found.is_some() || mesh.filter.digest.is_some();
    let own = if is_pinned { None } else { own_digest() };
    let pins = Pins {
        lock: found.as_ref().map(|(path, lock)| (path.as_str(), *lock)),
        own,
        looked_for: &looked_for,
        lock_file: &lock_file,
        unread: unread.as_deref(),
    };
    let chosen = ChosenFilter::choose(mesh, &pins)?;
    let warnings = chosen.warnings(&pins);
    Ok((chosen, warnings))
}

/// The digest of the image that `image push` makes of the filter in this program.
pub(crate) fn own_digest() -> Option<Digest> {
    Image::digest_with(&module::load(None).ok()?)
}

/// Finds the file and the place of each problem of a build.
struct Placing<'a> {
    report: &'a mut Report,
    checked: &'a Checked,
    /// The file of each Egress, by namespace and name.
    files: HashMap<(&'a str, &'a str), usize>,
    /// `None`: the lock has no part in it.
    search: Option<&'a Search>,
}

impl<'a> Placing<'a> {
    fn new(report: &'a mut Report, checked: &'a Checked, search: Option<&'a Search>) -> Self {
        let of_egress =
            |egress: &'a Located<Egress>| ((egress.value.namespace.as_str(), egress.value.name.as_str()), egress.file);
        Self { report, checked, files: checked.egresses.iter().map(of_egress).collect(), search }
    }

    fn report_all(mut self, problems: Vec<BuildError>) {
        for problem in problems {
            let (file, path) = self.file_and_path(&problem.place);
            let place = path.and_then(|path| {
                let text = &self.report.files.get(file)?.text;
                Some(Place::new(&LineIndex::new(text), place_of(text, &path)))
            });
            self.report.add(ReportedProblem::of_build(problem, file, place));
        }
        self.leave_out_what_is_said_twice();
        self.report.sort();
    }

    /// The index of a file in the report, and the path of a field in it.
    fn file_and_path(&mut self, place: &sallyport_manifest::Place) -> (usize, Option<String>) {
        use sallyport_manifest::Place;
        match place {
            Place::Egress { namespace, name, path } => {
                let file = self.files.get(&(namespace.as_str(), name.as_str())).copied();
                (file.unwrap_or_else(|| self.first()), Some(path.clone()))
            }
            Place::Mesh(path) => self.of_mesh((*path).to_owned()),
            Place::MeshPatch { position, field } => self.of_mesh(format!("spec.patches[{position}].{field}")),
            Place::Lock => (self.lock_file(), None),
        }
    }

    /// The first file of an Egress: for a problem of all that has no file.
    fn first(&self) -> usize {
        self.checked.egresses.first().map_or(0, |egress| egress.file)
    }

    fn of_mesh(&self, path: String) -> (usize, Option<String>) {
        match &self.checked.mesh {
            Some(mesh) => (mesh.file, Some(path)),
            None => (self.first(), None),
        }
    }

    /// The lock is part of the report if there is something to report about it.
    fn lock_file(&mut self) -> usize {
        let path = match self.search.map(|search| &search.found) {
            Some(Ok(Some((path, _))) | Err((path, _))) => path,
            Some(Ok(None)) | None => return 0,
        };
        let (name, uri) = name_and_uri(path);
        if let Some(known) = self.report.files.iter().position(|file| file.name == name) {
            return known;
        }
        self.report.files.push(ReportedFile { name, uri, text: String::new(), missing: false });
        self.report.files.len().saturating_sub(1)
    }

    /// A standby that is missing is an error of the build, and then no warning of the files.
    fn leave_out_what_is_said_twice(&mut self) {
        let missing = self.report.problems.iter().filter(|problem| problem.code == Code::StandbyMissing);
        let files: BTreeSet<_> = missing.map(|problem| problem.file).collect();
        self.report.problems.retain(|problem| problem.code != Code::StandbyNotFound || !files.contains(&problem.file));
    }
}
