//! The report "would have been refused", by caller: to be sent to the teams of callers.
//!
//! # Design
//! What a caller's team needs is a request that it knows, why the next rules refuse it, since when and how often. The
//! explanation is the engine's own, with the candidate's rules. Values that may be secrets were cut out by the filter before they
//! were logged; nothing is added here but what the files have.

mod html;
mod item;
mod text;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use sallyport_egress::evidence::Answer;

use super::seen::{Judged, Seen};
use super::state::State;
use super::write::{Disk, Writer};
use crate::exit::{Exit, Failure};
use crate::printable::printable;
use item::{Callers, items};

/// Where the report goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ReportTarget {
    /// One file for all callers.
    File(PathBuf, ReportFormat),
    /// A page for each caller.
    Folder(PathBuf),
}

/// The format of a file, by the end of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReportFormat {
    Html,
    Markdown,
    Json,
    Text,
}

impl FromStr for ReportTarget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("a report needs the name of a file or a folder".to_owned());
        }
        let path = PathBuf::from(text);
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
        let format = match extension.as_deref() {
            Some("html" | "htm") => ReportFormat::Html,
            Some("md") => ReportFormat::Markdown,
            Some("json") => ReportFormat::Json,
            Some("txt") => ReportFormat::Text,
            Some(other) if !text.ends_with('/') && !path.is_dir() => {
                return Err(format!("a report is a file .html, .md, .json or .txt, or a folder, not .{other}"));
            }
            _ => return Ok(Self::Folder(path)),
        };
        Ok(Self::File(path, format))
    }
}

/// Writes the report; what there is to say of it.
pub(crate) fn write_report(target: &ReportTarget, state: &State, seen: &Seen) -> Result<Vec<String>, Failure> {
    let callers = items(state, seen)?;
    if let (true, Some(name)) = (seen.gateways.is_empty(), seen.of_before.keys().next()) {
        let message = format!("no report is written: the stage of `{name}` begins again, so nothing was seen at it");
        return Err(Failure::new(Exit::Blocked, message).with_help("`sallyport promote` begins the stage again"));
    }
    if seen.gateways.is_empty() {
        return Err(Failure::new(Exit::Blocked, "no report is written: no gateway has a candidate in the lock")
            .with_help(
                "what would be refused is known of a candidate: `sallyport promote` begins with one in shadow",
            ));
    }
    let is_known = |judged: &Judged| !matches!(judged.judgement.answer, Answer::NoData | Answer::NoTraffic);
    let unknown: Vec<_> = seen.gateways.iter().filter(|(_, judged)| !is_known(judged)).collect();
    if let (true, Some((name, judged))) = (callers.is_empty(), unknown.first()) {
        let message =
            format!("no report is written: of `{name}` there is {}", judged.judgement.answer.words(judged.standing));
        return Err(Failure::new(Exit::Blocked, message)
            .with_help("that is no evidence that nothing would have been refused; what is missing is above"));
    }
    if callers.is_empty() {
        let text = "nothing that was allowed would have been refused";
        return match target {
            // A pipeline may want the file.
            ReportTarget::File(path, format) => {
                write(path, &render(*format, &callers))?;
                Ok(vec![format!("{text}: `{}` says so", printable(path))])
            }
            ReportTarget::Folder(_) => Ok(vec![format!("{text}: no report is written")]),
        };
    }
    let several = if callers.len() == 1 { "1 caller" } else { &format!("{} callers", callers.len()) };
    match target {
        ReportTarget::File(path, format) => {
            write(path, &render(*format, &callers))?;
            Ok(vec![format!("wrote `{}`, about {several}", printable(path))])
        }
        ReportTarget::Folder(folder) => {
            fs::create_dir_all(folder).map_err(|error| Failure::write(folder, &error))?;
            let mut taken: BTreeMap<String, String> = BTreeMap::new();
            for (caller, items) in &callers {
                let mut name = file_name(caller);
                while taken.contains_key(&name) {
                    name.push('_');
                }
                taken.insert(name.clone(), caller.clone());
                let one = Callers::from([(caller.clone(), items.clone())]);
                write(&folder.join(format!("{name}.html")), &render(ReportFormat::Html, &one))?;
            }
            Ok(vec![format!("wrote pages about {several} into `{}`", printable(folder))])
        }
    }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    if path.is_dir() {
        return Err(Failure::new(Exit::Io, format!("cannot write `{}`: it is a directory", printable(path))));
    }
    let old = fs::read(path).ok();
    Disk.replace(path, old.as_deref(), text.as_bytes())
}

/// A caller as the name of a file.
fn file_name(caller: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    let name: String = caller.chars().map(|c| if is_plain(c) { c } else { '_' }).take(150).collect();
    name.trim_start_matches(['.', '-']).to_owned()
}

fn render(format: ReportFormat, callers: &Callers) -> String {
    match format {
        ReportFormat::Html => html::render(callers),
        ReportFormat::Markdown => text::markdown(callers),
        ReportFormat::Text => text::plain(callers),
        ReportFormat::Json => item::json(callers),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_known_by_its_name() {
        let read = |text: &str| text.parse::<ReportTarget>();
        assert_eq!(read("a.html"), Ok(ReportTarget::File("a.html".into(), ReportFormat::Html)));
        assert_eq!(read("a/b.md"), Ok(ReportTarget::File("a/b.md".into(), ReportFormat::Markdown)));
        assert_eq!(read("refused/"), Ok(ReportTarget::Folder("refused/".into())));
        assert_eq!(read("refused"), Ok(ReportTarget::Folder("refused".into())));
        assert_eq!(read("").unwrap_err(), "a report needs the name of a file or a folder");
        assert!(read("a.pdf").unwrap_err().starts_with("a report is a file .html"));
    }

    #[test]
    fn a_callers_file_stays_in_the_folder() {
        assert_eq!(file_name("cluster.local/ns/shop/sa/web"), "cluster.local_ns_shop_sa_web");
        assert_eq!(file_name("../../etc"), "_.._etc");
        assert_eq!(file_name("other callers"), "other_callers");
    }
}
