//! `sallyport explain`: what becomes of one request, and why.

mod args;
mod pasted;
#[cfg(test)]
mod tests;

use sallyport_core::Engine;
use sallyport_egress::diagnostic::LineIndex;
use sallyport_egress::model::{Egress, Mesh};
use sallyport_egress::scenario::{Scenario, serves};
use sallyport_egress::{Checked, Located, Places, policy_source, standbys};

use crate::console::Console;
use crate::examine::examine;
use crate::exit::{Exit, Failure};
use crate::input::{Selection, gather, refuse_to_overwrite, revision};
use crate::neighbours::{Needs, with_needed};
use crate::report::explanation::Explanation;
use crate::report::{Format, Place, Report};
pub(crate) use args::Args;
use args::ExplainFormat;
use pasted::Asked;

pub(crate) fn run(args: &Args, console: &Console) -> Result<Exit, Failure> {
    if let Some(output) = &args.output {
        refuse_to_overwrite(output, std::slice::from_ref(&args.file))?;
    }
    let asked = pasted::read(args, console)?;
    let inputs = match revision::named(&args.file) {
        Some(spec) => revision::gather_beside(spec)?,
        None => gather(&with_needed(std::slice::from_ref(&args.file), Needs::Files), Selection::Ours),
    };
    let (report, checked) = examine(inputs);
    if report.exit() != Exit::Ok {
        console.problem(report.render(Format::Human, console.coloured(None), console.quiet()).trim_end());
        return Ok(report.exit());
    }
    let mesh = checked.mesh.as_ref().map_or_else(Mesh::default, |mesh| mesh.value.clone());
    let mut text = String::new();
    let chosen = choose(args, asked)?;
    let several = chosen.len() > 1;
    for asked in chosen {
        let number = asked.number;
        let egress = egress_of(args, &report, &checked, &asked)?;
        let explanation = explain(args, &report, &checked, egress, &mesh, asked)?;
        match args.format {
            ExplainFormat::Json => text.push_str(&format!("{:#}\n", explanation.json())),
            ExplainFormat::Human if several => text.push_str(&format!("{number:>4}  {}\n", explanation.line())),
            ExplainFormat::Human => text.push_str(&explanation.human()),
        }
    }
    console.write(args.output.as_deref(), text.as_bytes())?;
    if several && args.format == ExplainFormat::Human {
        console.note("\n`--entry NUMBER` explains one of them");
    }
    Ok(Exit::Ok)
}

/// The requests to explain.
fn choose(args: &Args, mut asked: Vec<Asked>) -> Result<Vec<Asked>, Failure> {
    let last = asked.last().map_or(0, |asked| asked.number);
    asked.retain(|asked| args.entry.is_none_or(|wanted| wanted == asked.number));
    let chosen = asked;
    match args.entry {
        Some(entry) if chosen.is_empty() => {
            let message = match entry {
                0 => "there is no request 0: the first is 1".to_owned(),
                _ if entry < last => format!("entry {entry} is left out: no server gets it"),
                _ => format!("there is no request {entry}: the last is {last}"),
            };
            Err(Failure::new(Exit::Usage, message))
        }
        _ if chosen.is_empty() => Err(Failure::new(Exit::Problems, "the file has no request in it")),
        _ => Ok(chosen),
    }
}

/// The Egress of the file; of several in a folder, the one that is called by the request's host.
fn egress_of<'c>(
    args: &Args,
    report: &Report,
    checked: &'c Checked,
    asked: &Asked,
) -> Result<&'c Located<Egress>, Failure> {
    let name = |file: usize| report.files.get(file).map_or("", |file| file.name.as_str());
    let named = revision::name_of(&args.file)?;
    let of_file = checked.egresses.iter().find(|egress| name(egress.file) == named);
    let is_called = |egress: &&Located<Egress>| {
        let host = asked.host();
        let upstream = egress.value.upstream_authority().to_string();
        egress.value.hosts().any(|own| Some(&**own) == host.as_deref()) || asked.authority.as_deref() == Some(&upstream)
    };
    let one = || match checked.egresses.as_slice() {
        [egress] => Some(egress),
        several => several.iter().find(is_called),
    };
    of_file.or_else(one).ok_or_else(|| {
        let names: Vec<_> = checked.egresses.iter().map(|egress| format!("`{}`", name(egress.file))).collect();
        let failure = Failure::new(Exit::Usage, format!("it is not clear which Egress of `{named}` is called"));
        if names.is_empty() {
            failure.with_help("name an Egress file")
        } else {
            failure.with_help(format!("name one file: {}", names.join(", ")))
        }
    })
}

fn explain(
    args: &Args,
    report: &Report,
    checked: &Checked,
    egress: &Located<Egress>,
    mesh: &Mesh,
    asked: Asked,
) -> Result<Explanation, Failure> {
    let all = checked.egresses.iter().map(|egress| &egress.value);
    let policy = policy_source(&egress.value, mesh, &standbys(&egress.value, all));
    let engine = Engine::compile(&policy).map_err(|invalid| {
        let first = invalid.problems.into_iter().next().map_or_else(String::new, |problem| problem.message);
        Failure::new(Exit::Problems, format!("the policy does not compile: {first}"))
    })?;
    let logged = asked.logged.clone();
    let scenario = asked.scenario(args, &egress.value, mesh)?;
    let outcome = scenario.run(&engine, &egress.value);
    let text = report.files.get(egress.file).map_or("", |file| file.text.as_str());
    let (places, lines) = (Places::of(text), LineIndex::new(text));
    let trace = scenario.trace(&engine, &egress.value).into_iter().enumerate();
    let rules = trace.map(|(position, rule)| {
        let path = match &rule.failed {
            Some(failed) => failed.path.clone(),
            None => format!("spec.authz.rules[{position}].id"),
        };
        let place = Place::new(&lines, places.place(&path));
        (rule, place)
    });
    let rules = rules.collect();
    let file = report.files.get(egress.file).map_or_else(String::new, |file| file.name.clone());
    let notes = notes(&scenario, &egress.value, logged.as_deref());
    Ok(Explanation { file, scenario, outcome, rules, logged, notes })
}

/// What keeps a request from reaching the policy as it was sent, or this explanation from being the truth.
fn notes(scenario: &Scenario, egress: &Egress, logged: Option<&str>) -> Vec<String> {
    let mut notes = Vec::new();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let sent = &scenario.request;
    let received = scenario.received(egress).map_or_else(|_| sent.clone(), |received| received.request);
    if received.authority != sent.authority {
        let (from, to) = (text(&sent.authority), text(&received.authority));
        notes.push(format!("the ingress gateway makes the host {to} of {from}"));
    } else if !serves(egress, &sent.authority) {
        let hosts: Vec<_> = egress.hosts().map(ToString::to_string).collect();
        notes.push(format!(
            "the gateway does not serve the host {}, but {}",
            text(&sent.authority),
            hosts.join(" and ")
        ));
        if egress.spec.expose.iter().flat_map(|expose| expose.hosts()).any(|host| host.as_bytes() == sent.authority) {
            notes.push(
                "the ingress gateway serves it: add `--through NAMESPACE/ACCOUNT` with the ingress gateway's account"
                    .to_owned(),
            );
        }
    }
    let (method, upper) = (text(&sent.method), text(&sent.method.to_ascii_uppercase()));
    if method != upper && pasted::is_method(&method) {
        notes.push(format!("methods are case-sensitive: {method} is not {upper}"));
    }
    if received.path != sent.path {
        notes.push(format!("Envoy makes the path {} of {} before the filter", text(&received.path), text(&sent.path)));
    }
    if logged.is_some() {
        notes.push("a line of the log has no query, no token, no address and few headers: where rules read them, add `-H` and `--claims`".to_owned());
    }
    notes
}
