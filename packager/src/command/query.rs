//! `sallyport query`: what a policy grants, and which of its rules never decide.

use std::path::PathBuf;

use clap::ValueEnum;
use sallyport_core::wire::{Action, Stage};
use sallyport_core::{Engine, InvalidPolicy};
use sallyport_egress::diagnostic::LineIndex;
use sallyport_egress::meaning::{self, Asker, BUDGET, Question, Unanswered};
use sallyport_egress::model::{Egress, Mesh};
use sallyport_egress::{Checked, Located, Places, policy_source, standbys};

use crate::console::Console;
use crate::examine::examine;
use crate::exit::{Exit, Failure};
use crate::input::revision::gather_all;
use crate::input::{Selection, refuse_to_overwrite};
use crate::printable::visible;
use crate::report::example::Ground;
use crate::report::query::{Asked, Found, QueryReport};
use crate::report::{Format, Report};

/// Ask who may send a request, what a caller may do, and which rules never decide
///
/// The answer is exact: it names each ALLOW rule that grants some of the requests in question, the part of the rule that counts,
/// what denies some of it, and a shortest request that the engine allows. What is not asked for is free: without `--as`, any
/// caller; without `--path`, any path. The exit code says whether there is an answer, not what it is.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  sallyport query egress.yaml --method DELETE --path '/orders/*'    # who can?
  sallyport query egress.yaml --as shop/web                         # what can it do?
  sallyport query egress.yaml --as anonymous
  sallyport query egress.yaml --unreachable                         # rules that never decide")]
// Below an error clap would show the files as required.
#[command(override_usage = "sallyport query [OPTIONS] [FILE|DIR]...")]
pub(crate) struct Args {
    /// Egress and Mesh files, directories with them, or REVISION:PATH of the Git repository
    #[arg(value_name = "FILE|DIR", default_value = ".")]
    paths: Vec<PathBuf>,
    /// The method, such as DELETE
    #[arg(long, value_name = "METHOD")]
    method: Option<String>,
    /// The path, or a pattern or template as in a rule: /orders/17, '/orders/*', '/orders/{*}/items'
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// The host that the request is for, or a pattern as in a rule
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// A header of the request, whose value may be a pattern as in a rule; may be repeated
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// The caller: NAMESPACE/ACCOUNT, a principal, a pattern such as 'shop/*', or `anonymous`
    #[arg(long = "as", value_name = "CALLER")]
    caller: Option<String>,
    /// List the rules that never decide: they match no request, or others decide all that they match
    #[arg(long, conflicts_with_all = ["method", "path", "host", "headers", "caller"])]
    unreachable: bool,
    /// The format of the answer
    #[arg(long, short, value_enum, default_value_t)]
    format: QueryFormat,
    /// Write the answer to FILE instead of stdout
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum QueryFormat {
    /// For people
    #[default]
    Human,
    /// For programs: one JSON object with a versioned schema
    Json,
}

pub(crate) fn run(args: &Args, console: &Console) -> Result<Exit, Failure> {
    if let Some(output) = &args.output {
        refuse_to_overwrite(output, &args.paths)?;
    }
    let headers = args.headers.iter().map(|line| header(line)).collect::<Result<Vec<_>, _>>()?;
    let (report, checked) = examine(gather_all(&args.paths, Selection::Ours)?);
    if report.exit() != Exit::Ok {
        console.problem(report.render(Format::Human, console.coloured(None), console.quiet()).trim_end());
        return Ok(report.exit());
    }
    if checked.egresses.is_empty() {
        let failure = Failure::new(Exit::Io, "there is no policy to ask: no Egress was given");
        return Err(failure.with_help("name an Egress file; a Mesh file alone has no rules"));
    }
    let mesh = checked.mesh.as_ref().map_or_else(Mesh::default, |mesh| mesh.value.clone());
    let question = Question {
        asker: args.caller.as_deref().map(|caller| asker(caller, &mesh)).transpose()?,
        method: args.method.clone(),
        path: args.path.clone(),
        host: args.host.clone(),
        headers,
    };
    let mut answers = QueryReport { asked: in_words(args), policies: Vec::new() };
    for egress in &checked.egresses {
        answers.policies.push(ask(args, &question, &report, &checked, egress, &mesh)?);
    }
    let text = match args.format {
        QueryFormat::Human => answers.human(),
        QueryFormat::Json => answers.json(),
    };
    console.write(args.output.as_deref(), text.as_bytes())?;
    if answers.has_undecided() {
        let failure = Failure::new(Exit::Problems, "the search and the engine disagree about some requests");
        return Err(failure.with_help("this is a fault in sallyport: please report it with the policy"));
    }
    Ok(Exit::Ok)
}

fn ask(
    args: &Args,
    question: &Question,
    report: &Report,
    checked: &Checked,
    located: &Located<Egress>,
    mesh: &Mesh,
) -> Result<Asked, Failure> {
    let Located { file, value: egress, .. } = located;
    let policy = policy_source(egress, mesh, &standbys(egress, checked.egresses.iter().map(|egress| &egress.value)));
    let host = egress.spec.host.authority();
    let found = if args.unreachable {
        meaning::idle(&policy, &host, BUDGET).map(Found::Unreachable)
    } else {
        // One that does not compile has no answer.
        let needs = Engine::compile(&policy).map(|engine| engine.needs()).unwrap_or_default();
        meaning::query(&policy, &host, question, BUDGET).map(|mut answer| {
            let witnesses = answer.grants.iter_mut().map(|grant| &mut grant.witness);
            for scenario in witnesses.chain(&mut answer.undecided) {
                *scenario = scenario.clone().on_usual_connection(egress, needs);
            }
            Found::Grants(answer)
        })
    };
    let (name, text) = report.files.get(*file).map_or(("", ""), |file| (file.name.as_str(), file.text.as_str()));
    let found = found.map_err(|error| failure(error, name))?;
    let (places, lines) = (Places::of(text), LineIndex::new(text));
    let place = |position: usize| lines.position(places.place(&format!("spec.authz.rules[{position}].id")).start);
    let places = policy.rules.iter().enumerate().map(|(position, rule)| (rule.id.clone(), place(position))).collect();
    let argument = match args.paths.as_slice() {
        [one] => one.to_str(),
        _ => None,
    };
    let ground = Ground::new(located, checked.mesh.as_ref(), &report.files, argument);
    let is_shadow = policy.stage != Stage::Enforce;
    let shadow =
        policy.rules.iter().filter(|rule| !is_shadow && rule.stage == Stage::Shadow && rule.action != Action::Audit);
    let in_shadow = shadow.map(|rule| rule.id.clone()).collect();
    Ok(Asked { upstream: egress.route(), file: name.to_owned(), places, is_shadow, in_shadow, ground, found })
}

/// A header as it is written in a request.
fn header(line: &str) -> Result<(String, String), Failure> {
    match line.split_once(':') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        }
        _ => {
            let message = format!("`-H {}` is not a header", visible(line));
            Err(Failure::new(Exit::Usage, message).with_help("write `-H 'NAME: VALUE'`"))
        }
    }
}

/// Who calls.
fn asker(text: &str, mesh: &Mesh) -> Result<Asker, Failure> {
    if let Some(principal) = text.strip_prefix("spiffe://") {
        return Ok(Asker::Principal(principal.to_owned()));
    }
    match text.split('/').collect::<Vec<_>>().as_slice() {
        ["anonymous"] => Ok(Asker::Anonymous),
        [namespace, account] if !namespace.is_empty() && !account.is_empty() && !namespace.contains('*') => {
            Ok(Asker::Principal(format!("{}/ns/{namespace}/sa/{account}", mesh.trust_domain)))
        }
        [_, "ns", _, "sa", _] | ["*", ..] => Ok(Asker::Principal(text.to_owned())),
        _ => {
            let failure = Failure::new(Exit::Usage, format!("`--as {}` is not a caller", visible(text)));
            Err(failure.with_help(
                "write `NAMESPACE/ACCOUNT`, a principal `TRUST_DOMAIN/ns/NAMESPACE/sa/ACCOUNT`, or `anonymous`",
            ))
        }
    }
}

/// The requests in question: `DELETE requests to /orders/* from shop/web`.
fn in_words(args: &Args) -> String {
    let mut words = args.method.as_ref().map_or_else(String::new, |method| format!("{method} "));
    words.push_str("requests");
    let mut add = |before: &str, text: &Option<String>| {
        words.push_str(&text.as_ref().map_or_else(String::new, |text| format!(" {before} {text}")));
    };
    add("to", &args.path);
    add("for the host", &args.host);
    for header in &args.headers {
        add("with", &Some(format!("`{header}`")));
    }
    add("from", &args.caller.as_ref().map(|caller| caller.replace("anonymous", "callers without an identity")));
    words
}

fn failure(error: Unanswered, file: &str) -> Failure {
    match error {
        Unanswered::Question(invalid) => of_question(invalid),
        Unanswered::Policy(invalid) => Failure::new(Exit::Problems, format!("`{file}`: {invalid}")),
        Unanswered::Exhausted => {
            let message = format!("`{file}`: the search took more than {BUDGET} states, and found no complete answer");
            Failure::new(Exit::Problems, message)
                .with_help("ask about fewer requests: name a method, a path or a caller")
        }
    }
}

/// The first problem of a question, with the option that it is about.
fn of_question(invalid: InvalidPolicy) -> Failure {
    let Some(problem) = invalid.problems.into_iter().next() else {
        return Failure::new(Exit::Usage, "the question is not valid");
    };
    let options = [("methods", "--method"), ("paths", "--path"), ("hosts", "--host"), ("when", "-H"), ("from", "--as")];
    let option = options.iter().find(|(field, _)| problem.path.contains(field)).map_or("", |(_, option)| option);
    let failure = Failure::new(Exit::Usage, format!("`{option}`: {}", visible(&problem.message)));
    match problem.help {
        Some(help) => failure.with_help(visible(&help)),
        None => failure,
    }
}
