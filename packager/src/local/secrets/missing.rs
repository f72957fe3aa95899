//! Everything that gateways need and that is not there, in one message: a reader who creates one file after the other would
//! have to start `run` for each.

use crate::exit::{Exit, Failure};

/// A file or a credential that is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Missing {
    /// `the file ... from ...`.
    pub(super) what: String,
    pub(super) cure: Cure,
}

/// How to give it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cure {
    /// With `SECRET/KEY` in a folder for `--secrets`.
    InFolder(String),
    /// It is neither in the folder of `--secrets` nor at this path of the Egress file.
    InEither(String),
    /// As this says.
    Other(String),
}

/// The failure that names them all, each once: Egresses can share a file. `None` if there are none.
pub(crate) fn failure(missing: &[Missing]) -> Option<Failure> {
    let mut all = Vec::new();
    missing.iter().for_each(|missing| push(&mut all, missing.what.clone()));
    let message = match all.as_slice() {
        [] => return None,
        [what] => format!("{what} does not exist"),
        several => format!("{} things that gateways need do not exist: {}", several.len(), several.join(", ")),
    };
    Some(Failure::new(Exit::Io, message).with_help(help(missing)))
}

fn help(missing: &[Missing]) -> String {
    let (mut in_folder, mut in_either, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for Missing { cure, .. } in missing {
        match cure {
            Cure::InFolder(relative) => push(&mut in_folder, format!("`{relative}`")),
            Cure::InEither(path) => push(&mut in_either, format!("`{path}`")),
            Cure::Other(help) => push(&mut others, help.clone()),
        }
    }
    let mut all = Vec::new();
    if !in_folder.is_empty() {
        all.push(format!("give a folder with {} by --secrets", in_folder.join(", ")));
    }
    match in_either.as_slice() {
        [] => {}
        [path] => all.push(format!("it is not at {path} either, the path in the Egress file")),
        paths => all.push(format!("they are not at {} either, the paths in the Egress file", paths.join(", "))),
    }
    all.append(&mut others);
    all.join("; ")
}

fn push(all: &mut Vec<String>, one: String) {
    if !all.contains(&one) {
        all.push(one);
    }
}
