//! The files and the lock, read together.

use std::cell::OnceCell;
use std::fs;
use std::path::{Path, PathBuf};

use sallyport_egress::diagnostic::SourceFile;
use sallyport_egress::model::{Egress, Mesh};
use sallyport_egress::rollout::{
    Candidate, OTHERS, Rollout, Standing, Step, WaveOf, digest, digest_beside_rules, moment, waves, written_moment,
};
use sallyport_egress::{Checked, Code, Located};
use sallyport_manifest::{GatewayState, LockFile, Locked, PinnedFilter};

use super::lost::refuse_lost;
use super::past::by_hand;
use super::whole;
use crate::assemble::{choose, own_digest};
use crate::examine::examine;
use crate::exit::{Exit, Failure};
use crate::input::{self, Selection, relative};
use crate::lock::{self, Search};
use crate::oci::digest::Digest;
use crate::printable::printable;
use crate::report::{Report, ReportedFile, ReportedProblem};

/// Everything that the state of a rollout is.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) report: Report,
    pub(crate) checked: Checked,
    pub(crate) lock_path: PathBuf,
    /// `None`: there is no lock.
    pub(crate) lock_bytes: Option<Vec<u8>>,
    pub(crate) lock: LockFile,
    pub(crate) rollout: Rollout,
    pub(crate) mesh: Mesh,
    pub(crate) waves: Vec<WaveOf>,
    /// In Unix seconds.
    pub(crate) now: i64,
    /// The image of the gateways that have none of their own; or why it is not known.
    pub(crate) filter: Result<PinnedFilter, String>,
    /// Gateways whose Candidate file has errors that were left out, because other gateways are named.
    pub(crate) unread: Vec<String>,
    /// The digest of the image of the filter in this program.
    own: OnceCell<Option<Digest>>,
}

/// Files that were read.
#[derive(Debug)]
pub(crate) enum Read {
    /// They are valid.
    State(Box<State>),
    /// They have errors.
    Wrong(Box<Report>),
}

/// One gateway.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gateway<'s> {
    pub(crate) egress: &'s Located<Egress>,
    pub(crate) candidate: Option<&'s Located<Candidate>>,
    pub(crate) state: GatewayState<'s>,
    /// The position of its wave.
    pub(crate) wave: usize,
    /// Whether the Egress is another one beside its rules than it was when the stage began, or what it was is not known: what was
    /// seen before is no evidence.
    pub(crate) begins_again: bool,
    /// Whether its Candidate file has errors that were left out.
    pub(crate) is_unread: bool,
}

/// Reads the files that the arguments name, and their lock. They must be all: gates and waves are about all gateways.
///
/// `named`: gateways, `NAMESPACE/NAME` or `NAME`. If there are some, what is wrong with the candidate of another gateway keeps
/// nobody from them.
pub(crate) fn read(arguments: &[PathBuf], named: &[String], now: i64) -> Result<Read, Failure> {
    let read = read_but(arguments, now, |file, _| {
        let is_of = |gateway: &String| whole::has_name(&file.text, gateway);
        !named.is_empty() && !file.missing && whole::is_candidate_alone(&file.text) && !named.iter().any(is_of)
    })?;
    if let Read::State(state) = &read {
        let rollout = state.checked.rollout.as_ref().map(|rollout| &rollout.value);
        whole::refuse_part(&state.lock_path, &state.report.files, rollout)?;
    }
    Ok(read)
}

/// The same for going back: no file but the Egress files of these gateways, or of those that the lock has, keeps anybody from it.
/// `named`: `NAMESPACE/NAME` or `NAME`.
pub(crate) fn read_to_go_back(arguments: &[PathBuf], named: &[String], now: i64) -> Result<Read, Failure> {
    read_but(arguments, now, |file, lock| {
        let mut gateways: Vec<&String> = named.iter().collect();
        if gateways.is_empty() {
            gateways.extend(lock.rollout.gateways.keys());
        }
        !file.missing && !gateways.iter().any(|gateway| whole::is_egress_of(&file.text, gateway))
    })
}

/// Problems of files that are left out do not count.
fn read_but(
    arguments: &[PathBuf],
    now: i64,
    is_left_out: impl Fn(&ReportedFile, &LockFile) -> bool,
) -> Result<Read, Failure> {
    let (mut report, checked) = examine(input::gather(arguments, Selection::Ours));
    let relative: Vec<_> = arguments.iter().map(|path| relative(path)).collect();
    let search = lock::find(&relative, report.files.iter().map(|file| Path::new(&file.name)));
    let (lock_path, lock_bytes, lock) = lock_of(&search)?;
    forgive_interrupted(&mut report, &checked, &lock);
    let left_out: Vec<bool> = report.files.iter().map(|file| is_left_out(file, &lock)).collect();
    let is_left_out = |problem: &ReportedProblem| left_out.get(problem.file).copied().unwrap_or_default();
    let unread = unread(&report, &checked, is_left_out);
    report.problems.retain(|problem| !is_left_out(problem));
    if report.exit() != Exit::Ok {
        return Ok(Read::Wrong(Box::new(report)));
    }
    if checked.egresses.is_empty() {
        let names: Vec<_> = arguments.iter().map(|path| format!("`{}`", printable(path))).collect();
        let message = format!("{} has no Egress", names.join(", "));
        return Err(
            Failure::new(Exit::Io, message).with_help("name the files or the folder of the gateways with --files")
        );
    }
    let egresses: Vec<_> = checked.egresses.iter().map(|egress| &egress.value).collect();
    let rollout = checked.rollout.as_ref().map_or_else(Rollout::default, |rollout| rollout.value.clone());
    let mesh = checked.mesh.as_ref().map_or_else(Mesh::default, |mesh| mesh.value.clone());
    let filter = choose(&mesh, &search).map(|(chosen, _)| chosen.filter).map_err(|error| error.message);
    let waves = waves(&rollout, &egresses);
    let own = OnceCell::new();
    let state = State { report, checked, lock_path, lock_bytes, lock, rollout, mesh, waves, now, filter, unread, own };
    Ok(Read::State(Box::new(state)))
}

/// The gateways whose Candidate file is not read, because it has errors that are left out.
fn unread(report: &Report, checked: &Checked, is_left_out: impl Fn(&ReportedProblem) -> bool) -> Vec<String> {
    let is_read = |file: usize| checked.candidates.iter().any(|candidate| candidate.file == file);
    let wrong = report.problems.iter().filter(|problem| is_left_out(problem) && !is_read(problem.file));
    let texts: Vec<&String> =
        wrong.filter_map(|problem| report.files.get(problem.file)).map(|file| &file.text).collect();
    let names = checked.egresses.iter().map(|egress| egress.value.route());
    names
        .filter(|name| {
            let is_of = |text: &&String| whole::is_candidate_alone(text) && whole::has_name(text, name);
            texts.iter().any(is_of)
        })
        .collect()
}

/// The lock, with the very bytes that it was read from.
fn lock_of(search: &Search) -> Result<(PathBuf, Option<Vec<u8>>, LockFile), Failure> {
    let found = match &search.found {
        Ok(found) => found,
        Err((_, error)) => return Err(lock::unusable(error.clone(), Exit::Io)),
    };
    let Some((path, _)) = found else {
        search.looked_for.iter().try_for_each(|path| refuse_lost(path))?;
        return Ok((search.file.clone(), None, LockFile::default()));
    };
    let bytes = fs::read(path).map_err(|error| Failure::read(path, &error))?;
    let lock = LockFile::parse(&String::from_utf8_lossy(&bytes))
        .map_err(|error| Failure::new(Exit::Io, format!("`{}`: {error}", printable(path))))?;
    Ok((path.clone(), Some(bytes), lock))
}

/// A candidate whose rules are in the Egress already is an error, unless a promotion was interrupted between the two.
fn forgive_interrupted(report: &mut Report, checked: &Checked, lock: &LockFile) {
    let is_interrupted = |candidate: &Candidate| {
        let egress = checked.egresses.iter().find(|egress| egress.value.route() == candidate.gateway());
        egress.is_some_and(|egress| {
            let locked = lock.candidate(&candidate.gateway());
            matches!(GatewayState::of(&egress.value, Some(candidate), locked), GatewayState::Settling(..))
        })
    };
    let interrupted: Vec<usize> = checked
        .candidates
        .iter()
        .filter(|candidate| is_interrupted(&candidate.value))
        .map(|candidate| candidate.file)
        .collect();
    report
        .problems
        .retain(|problem| problem.code != Code::CandidateWithoutChange || !interrupted.contains(&problem.file));
    // Without its file, a candidate that the lock has could go neither on nor back.
    for problem in report.problems.iter_mut().filter(|problem| problem.code == Code::CandidateWithoutChange) {
        let candidate = checked.candidates.iter().find(|candidate| candidate.file == problem.file);
        let Some(locked) = candidate.and_then(|candidate| lock.candidate(&candidate.value.gateway())) else { continue };
        let of =
            |egress: &&Located<Egress>| candidate.is_some_and(|found| found.value.gateway() == egress.value.route());
        let egress = checked
            .egresses
            .iter()
            .find(of)
            .filter(|egress| digest(&egress.value.spec.authz.rules) == locked.candidate);
        if let Some(file) = egress.and_then(|egress| report.files.get(egress.file)) {
            problem.help = Some(format!(
                "the lock has this candidate at `{}`, and the rules in `{}` are its own already: keep the file, and {}",
                locked.standing,
                file.name,
                by_hand(Path::new(&file.name), &locked.policy)
            ));
        }
    }
}

impl State {
    /// Every gateway, in the order of the waves.
    pub(crate) fn gateways(&self) -> Vec<Gateway<'_>> {
        let mut gateways = Vec::new();
        for (wave, of_wave) in self.waves.iter().enumerate() {
            gateways.extend(of_wave.gateways.iter().filter_map(|name| self.gateway(name, wave)));
        }
        gateways
    }

    fn gateway(&self, name: &str, wave: usize) -> Option<Gateway<'_>> {
        let egress = self.checked.egresses.iter().find(|egress| egress.value.route() == name)?;
        let locked = self.lock.candidate(name);
        let candidate = self.checked.candidates.iter().find(|candidate| candidate.value.gateway() == name);
        // A file that is left over, and that the lock knows nothing of, is no candidate.
        let rules = &egress.value.spec.authz.rules;
        let candidate = candidate.filter(|candidate| locked.is_some() || !candidate.value.is_in(rules));
        let state = GatewayState::of(&egress.value, candidate.map(|found| &found.value), locked);
        let begins_again = match state {
            GatewayState::Rolling(_, locked) => !is_of(locked, &egress.value),
            _ => false,
        };
        let is_unread = self.unread.iter().any(|unread| unread == name);
        Some(Gateway { egress, candidate, state, wave, begins_again, is_unread })
    }

    /// The name of a wave.
    pub(crate) fn wave_name(&self, wave: usize) -> &str {
        self.waves.get(wave).map_or(OTHERS, |wave| wave.name.as_str())
    }

    /// The gateways that the user named: by `NAMESPACE/NAME`, or by a name that no two have.
    pub(crate) fn named(&self, names: &[String]) -> Result<Vec<String>, Failure> {
        let mut known: Vec<String> = self.gateways().iter().map(Gateway::name).collect();
        known.extend(self.strays().into_iter().map(str::to_owned));
        let mut found: Vec<String> = Vec::new();
        for name in names {
            let is_meant =
                |gateway: &&String| *gateway == name || gateway.split_once('/').is_some_and(|(_, short)| short == name);
            let meant: Vec<&String> = known.iter().filter(is_meant).collect();
            match meant.as_slice() {
                [one] if found.contains(one) => {}
                [one] => found.push((*one).clone()),
                [] => {
                    let near = sallyport_egress::did_you_mean(name, known.iter().map(String::as_str));
                    let failure = Failure::new(Exit::Usage, format!("there is no gateway `{}`", name.escape_debug()));
                    let help = near.map_or_else(
                        || "a gateway is `NAMESPACE/NAME` of its Egress; `sallyport plan` lists them".to_owned(),
                        |near| format!("did you mean `{near}`?"),
                    );
                    return Err(failure.with_help(help));
                }
                several => {
                    let names: Vec<_> = several.iter().map(|name| format!("`{name}`")).collect();
                    let message = format!("`{name}` could be {}", names.join(" or "));
                    return Err(Failure::new(Exit::Usage, message).with_help("write the namespace, too"));
                }
            }
        }
        Ok(found)
    }

    /// Gateways of the lock whose Egress is not among the files.
    pub(crate) fn strays(&self) -> Vec<&str> {
        let is_here = |name: &str| self.checked.egresses.iter().any(|egress| egress.value.route() == name);
        self.lock.rollout.gateways.keys().map(String::as_str).filter(|name| !is_here(name)).collect()
    }

    /// The text of a file of the report, by its index.
    pub(crate) fn source(&self, file: usize) -> SourceFile {
        let file = self.report.files.get(file);
        let of = |text: fn(&ReportedFile) -> &String| file.map(text).cloned().unwrap_or_default();
        SourceFile { name: of(|file| &file.name), text: of(|file| &file.text) }
    }

    /// The filter that a gateway loads.
    pub(crate) fn filter_of(&self, egress: &Egress) -> Result<Digest, String> {
        if let Some(digest) = &egress.spec.gateway.filter_digest {
            return Ok(digest.clone());
        }
        let locked = self.lock.rollout.gateways.get(&egress.route()).and_then(|gateway| gateway.filter.clone());
        match (locked, &self.filter) {
            (Some(digest), _) => Ok(digest),
            (None, Ok(filter)) => Ok(filter.digest.clone()),
            (None, Err(reason)) => Err(reason.clone()),
        }
    }

    fn own(&self) -> Option<&Digest> {
        self.own.get_or_init(own_digest).as_ref()
    }

    /// Whether gateways get another filter, one by one.
    pub(crate) fn rolls_out_a_filter(&self) -> bool {
        self.lock.next.is_some() || self.lock.pinned().next().is_some()
    }

    /// Whether the filter of this digest knows candidates: `image push` has said so of it, or it is the one in this program.
    pub(crate) fn knows_candidates(&self, digest: &Digest) -> bool {
        let is_said = |lock: &sallyport_manifest::Lock| lock.candidates && lock.digest == digest.to_string();
        self.lock.filter.iter().chain(&self.lock.next).any(is_said) || self.own() == Some(digest)
    }

    /// The digest of a filter that knows candidates, if one is known.
    pub(crate) fn capable_filter(&self) -> Option<String> {
        let mut locked = self.lock.next.iter().chain(&self.lock.filter).filter(|lock| lock.candidates);
        locked.next().map(|lock| lock.digest.clone()).or_else(|| self.own().map(ToString::to_string))
    }
}

/// Whether the Egress is, beside its rules, the one with which a stage began. What an older program has not written is not known.
pub(super) fn is_of(locked: &Locked, egress: &Egress) -> bool {
    locked.egress.as_ref() == Some(&digest_beside_rules(egress))
}

impl Gateway<'_> {
    /// `NAMESPACE/NAME`.
    pub(crate) fn name(&self) -> String {
        self.egress.value.route()
    }

    /// Where its candidate stands.
    pub(crate) fn standing(&self) -> Option<Standing> {
        match self.state {
            GatewayState::Plain => None,
            GatewayState::Proposed(_) | GatewayState::Changed(..) => Some(Standing::Proposed),
            GatewayState::Rolling(_, locked) | GatewayState::Settling(_, locked) | GatewayState::Gone(locked) => {
                Some(locked.standing)
            }
        }
    }

    /// The next step; `None`: there is nothing to promote.
    pub(crate) fn next(&self, steps: &[u32]) -> Option<Step> {
        match self.state {
            GatewayState::Plain | GatewayState::Gone(_) => None,
            GatewayState::Settling(..) => Some(Step::Settle),
            GatewayState::Rolling(..) if self.begins_again => self.standing().map(Standing::step),
            GatewayState::Proposed(_) | GatewayState::Changed(..) | GatewayState::Rolling(..) => {
                self.standing().map(|standing| standing.next(steps))
            }
        }
    }

    /// What the lock has of it once it is at this stage; `now`: in Unix seconds.
    pub(crate) fn locked(&self, candidate: &Candidate, standing: Standing, now: i64) -> Locked {
        let rules = &self.egress.value.spec.authz.rules;
        Locked {
            policy: digest(rules),
            candidate: digest(&candidate.apply(rules)),
            standing,
            since: written_moment(now),
            egress: Some(digest_beside_rules(&self.egress.value)),
            without_evidence: None,
        }
    }

    /// Since when it is at its stage, in Unix seconds; `None`: since no time that counts.
    pub(crate) fn since(&self) -> Option<i64> {
        match self.state {
            GatewayState::Rolling(..) if self.begins_again => None,
            GatewayState::Rolling(_, locked) | GatewayState::Settling(_, locked) => moment(&locked.since),
            GatewayState::Plain | GatewayState::Proposed(_) | GatewayState::Changed(..) | GatewayState::Gone(_) => None,
        }
    }
}
