//! The files that are compared: every example, and one per field of the schema.

use std::fs;

use anyhow::{Context, Result, ensure};
use sallyport_tests::process::Scratch;
use sallyport_tests::workspace;
use serde_json::json;

use crate::fields::{self, Effect};
use crate::mesh::{Gateway, Site, folder};

/// A file, and the gateway that it makes.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    /// The field, or the name of an example.
    pub(crate) what: String,
    pub(crate) gateway: Gateway,
    /// What the field changes; `None` for an example.
    pub(crate) effect: Option<Effect>,
}

/// What is built and applied together, and the files in it that are compared.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) site: Site,
    pub(crate) gateways: Vec<Gateway>,
    pub(crate) subjects: Vec<Subject>,
}

/// The name of the file that has no field beside those that every file has.
pub(crate) const PLAIN: &str = "plain";

/// The name of the one with a probe and nothing else: what is said of a probe is beside it.
pub(crate) const PROBED: &str = "probed";

/// Builds all of it.
pub(crate) fn groups(scratch: &Scratch) -> Result<Vec<Group>> {
    let mut groups = vec![examples(scratch)?];
    let mut files = vec![("mesh".to_owned(), fields::mesh())];
    let (mut gateways, mut subjects) = (Vec::new(), Vec::new());
    for what in [PLAIN, PROBED] {
        let mut file = fields::base(what, what);
        if what == PROBED {
            file["spec"]["health"] = json!({"probe": {"path": "/health"}});
        }
        let gateway = Gateway { namespace: what.to_owned(), name: what.to_owned() };
        files.push((what.to_owned(), file));
        gateways.push(gateway.clone());
        subjects.push(Subject { what: what.to_owned(), gateway, effect: None });
    }
    for (position, case) in fields::cases()?.iter().enumerate() {
        let name = case.name(position);
        let gateway = Gateway { namespace: name.clone(), name: name.clone() };
        let subject = Subject { what: case.field.clone(), gateway: gateway.clone(), effect: Some(case.effect) };
        if case.is_of_mesh() {
            let files = [("egress.yaml".to_owned(), case.egress(&name)), ("mesh.yaml".to_owned(), case.mesh(&name))];
            let files = files.map(|(name, file)| (name, file.to_string()));
            let site = Site::build(scratch, &name, folder(scratch, &name, files)?)?;
            groups.push(Group { site, gateways: vec![gateway], subjects: vec![subject] });
            continue;
        }
        files.push((name.clone(), case.egress(&name)));
        if case.standby {
            files.push((format!("{name}-standby"), fields::base(&name, "standby")));
            gateways.push(Gateway { namespace: name, name: "standby".to_owned() });
        }
        gateways.push(gateway);
        subjects.push(subject);
    }
    let files = files.iter().map(|(name, file)| (format!("{name}.yaml"), file.to_string()));
    let site = Site::build(scratch, "fields", folder(scratch, "fields", files)?)?;
    groups.push(Group { site, gateways, subjects });
    Ok(groups)
}

/// As they are, with the Mesh file that belongs to them.
fn examples(scratch: &Scratch) -> Result<Group> {
    let home = workspace().join("deploy/examples");
    let mesh = fs::read_to_string(home.join("mesh.yaml"))?;
    let digest = format!("\n  filter:\n    digest: sha256:{}\n", "ab".repeat(32));
    let mesh = if mesh.contains("digest: sha256") { mesh } else { mesh.replacen("\n  filter:\n", &digest, 1) };
    let mut files = vec![("mesh.yaml".to_owned(), mesh)];
    let mut subjects = Vec::new();
    for entry in fs::read_dir(&home)? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() {
            continue;
        }
        let text = fs::read_to_string(entry.path().join("egress.yaml"))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(&format!("  {key}: ")));
            line.and_then(|rest| rest.split_whitespace().next()).map(str::to_owned)
        };
        let gateway =
            Gateway { namespace: value("namespace").context("no namespace")?, name: value("name").context("no name")? };
        files.push((format!("{name}.yaml"), text.clone()));
        subjects.push(Subject { what: format!("deploy/examples/{name}"), gateway, effect: None });
    }
    ensure!(subjects.len() > 3, "only {} examples were found", subjects.len());
    subjects.sort_by(|one, other| one.what.cmp(&other.what));
    let gateways = subjects.iter().map(|subject| subject.gateway.clone()).collect();
    let site = Site::build(scratch, "examples", folder(scratch, "examples", files)?)?;
    Ok(Group { site, gateways, subjects })
}
