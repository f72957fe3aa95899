//! What came of cases.

use sallyport_egress::cases::Mismatch;
use sallyport_egress::scenario::{Effect, Outcome};

use crate::exit::Exit;
use crate::report::model::{Place, ReportedFile};

/// Everything that one run of `test` found.
#[derive(Debug, Default)]
pub(crate) struct SuiteReport {
    pub(crate) files: Vec<ReportedFile>,
    pub(crate) suites: Vec<TestedSuite>,
    /// Less coverage than this, in percent, is a failure.
    pub(crate) min_coverage: Option<u8>,
    pub(crate) decider: DecidedBy,
}

/// What decided the cases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum DecidedBy {
    /// The code in this program.
    #[default]
    Command,
    /// The filter's module, and this program in the same way.
    Module,
    /// A gateway that runs.
    Gateway,
}

impl DecidedBy {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Module => "module",
            Self::Gateway => "gateway",
        }
    }
}

/// The cases of one file.
#[derive(Debug)]
pub(crate) struct TestedSuite {
    pub(crate) file: usize,
    pub(crate) egress_file: usize,
    /// `NAMESPACE/NAME`.
    pub(crate) egress: String,
    pub(crate) cases: Vec<TestedCase>,
    /// How many rules there are, and how many are matched.
    pub(crate) rules: (usize, usize),
    /// How many branches there are, and how many are taken.
    pub(crate) branches: (usize, usize),
    pub(crate) missing: Vec<Uncovered>,
}

/// A branch of a rule that no case takes.
#[derive(Debug)]
pub(crate) struct Uncovered {
    pub(crate) place: Place,
    pub(crate) rule: String,
    pub(crate) text: String,
    /// A request that would show it.
    pub(crate) example: Option<String>,
}

impl Uncovered {
    pub(super) fn message(&self) -> String {
        let example = self.example.as_ref().map_or_else(String::new, |example| format!(": send {example}"));
        format!("`{}`: {}{example}", self.rule, self.text)
    }
}

/// One case.
#[derive(Debug)]
pub(crate) struct TestedCase {
    pub(crate) group: String,
    pub(crate) name: String,
    /// Its row.
    pub(crate) place: Place,
    pub(crate) outcome: Outcome,
    /// What is not as expected, each with the place of the expectation; nothing if it passed.
    pub(crate) mismatches: Vec<(Place, Mismatch)>,
    /// Places in the Egress file that say why.
    pub(crate) notes: Vec<(Place, String)>,
    pub(crate) expects_reason: bool,
    pub(crate) expects_status: bool,
}

impl TestedCase {
    pub(crate) fn passed(&self) -> bool {
        self.mismatches.is_empty()
    }

    /// Whether no rule had a say in it.
    pub(super) fn is_by_default(&self) -> bool {
        matches!(self.outcome.effect, Effect::Refused(reason, None) if !matches!(reason, sallyport_core::verdict::Reason::Ambiguous(_)))
    }

    /// Whether it may pass for another reason than its author thinks.
    pub(super) fn may_be_by_accident(&self) -> bool {
        self.passed() && self.is_by_default() && !self.expects_reason
    }

    /// The same for a request that does not depend on the policy at all.
    pub(super) fn may_be_envoys_by_accident(&self) -> bool {
        self.passed() && matches!(self.outcome.effect, Effect::ByEnvoy(_)) && !self.expects_status
    }

    /// What differs, in one line.
    pub(super) fn difference(&self) -> String {
        let one = |(_, mismatch): &(Place, Mismatch)| {
            format!("{}: expected {}, got {}", mismatch.field, mismatch.expected, mismatch.actual)
        };
        self.mismatches.iter().map(one).collect::<Vec<_>>().join("; ")
    }
}

impl TestedSuite {
    pub(crate) fn failed(&self) -> usize {
        self.cases.iter().filter(|case| !case.passed()).count()
    }

    pub(super) fn coverage(&self) -> usize {
        percent(self.branches)
    }

    fn is_covered_less_than(&self, least: Option<u8>) -> bool {
        least.is_some_and(|least| self.coverage() < usize::from(least))
    }
}

/// How many of all there are, rounded down, so that 100 is all of it.
pub(super) fn percent((all, taken): (usize, usize)) -> usize {
    taken.saturating_mul(100).checked_div(all).unwrap_or(100)
}

impl SuiteReport {
    /// The exit code, the same in every format.
    pub(crate) fn exit(&self) -> Exit {
        let is_bad = |suite: &TestedSuite| suite.failed() > 0 || suite.is_covered_less_than(self.min_coverage);
        if self.suites.iter().any(is_bad) { Exit::Problems } else { Exit::Ok }
    }

    pub(super) fn name(&self, file: usize) -> &str {
        self.files.get(file).map_or("", |file| &file.name)
    }

    pub(super) fn totals(&self) -> (usize, usize) {
        let cases = self.suites.iter().map(|suite| suite.cases.len()).sum();
        (cases, self.suites.iter().map(TestedSuite::failed).sum())
    }

    /// The branches of all suites: how many there are, and how many are taken.
    pub(super) fn branches(&self) -> (usize, usize) {
        self.suites.iter().map(|suite| suite.branches).fold((0, 0), |(all, taken), (more, more_taken)| {
            (all.saturating_add(more), taken.saturating_add(more_taken))
        })
    }

    /// Why a suite fails without a case that fails.
    pub(super) fn shortfall(&self, suite: &TestedSuite) -> Option<String> {
        let least = self.min_coverage?;
        suite.is_covered_less_than(self.min_coverage).then(|| {
            format!("{} % of the branches of `{}` are covered, less than {least} %", suite.coverage(), suite.egress)
        })
    }
}
