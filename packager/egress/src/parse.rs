//! One file: text in, a resource and diagnostics out.

pub(crate) mod conform;
mod cross;
mod defaults;
mod egress;
mod kind;
mod read;

use crate::code::Code;
use crate::diagnostic::{Sink, SourceFile, Span, UnplacedDiagnostic};
use crate::model::cases::CasesFile;
use crate::model::rollout::Rollout;
use crate::model::{self, Candidate, CandidateFile, EgressFile, EgressSpec, Mesh, MeshFile, RolloutFile};
use crate::wording::did_you_mean;
use crate::yaml::tree::{Node, Value};
use crate::yaml::{reader, source_text};
use conform::conform;
use read::{has_error, read};

pub(crate) use defaults::Defaults;
pub(crate) use egress::{ParsedEgress, parse_egress};

/// What was made of one file, and what is wrong with it so far.
pub(crate) struct ParsedFile {
    pub(crate) resource: Option<Resource>,
    pub(crate) sink: Sink,
}

pub(crate) enum Resource {
    /// To be read when the Mesh is known, which has its defaults.
    Egress(Node),
    Mesh(Box<ParsedMesh>),
    Cases(Box<Cases>),
    Candidate(Box<ParsedCandidate>),
    Rollout(Box<ParsedRollout>),
}

/// A Candidate file with its tree.
pub(crate) struct ParsedCandidate {
    pub(crate) candidate: Candidate,
    pub(crate) tree: Node,
}

/// A Rollout file with its tree.
pub(crate) struct ParsedRollout {
    pub(crate) rollout: Rollout,
    pub(crate) tree: Node,
}

/// A file of cases with its tree, so that what is said of a case can be shown in its place.
#[derive(Clone, Debug)]
pub struct Cases {
    /// What the file says.
    pub file: CasesFile,
    pub(crate) tree: Node,
}

/// A Mesh file with its tree. `None`: something in the file is wrong.
pub(crate) struct ParsedMesh {
    pub(crate) mesh: Option<Mesh>,
    pub(crate) defaults: Defaults,
    pub(crate) tree: Node,
}

/// Parses one file.
pub(crate) fn parse(file: usize, source: &SourceFile) -> ParsedFile {
    let mut sink = Sink::new(file);
    let readable = source_text::examine(&source.text, &mut sink);
    let tree = if readable { reader::read_one(&source.text, &mut sink) } else { None };
    let resource = tree.and_then(|tree| resource(tree, &mut sink));
    ParsedFile { resource, sink }
}

/// Where a field path leads in a file's text, or the nearest place that is written.
#[must_use]
pub fn place_of(text: &str, path: &str) -> Span {
    Places::of(text).place(path)
}

/// Where field paths lead in a text that is read once.
#[derive(Clone, Debug)]
pub struct Places {
    tree: Option<Node>,
}

impl Places {
    /// The places of a file's text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self { tree: reader::read_one(text, &mut Sink::new(0)) }
    }

    /// Where a field path leads, or the nearest place that is written.
    #[must_use]
    pub fn place(&self, path: &str) -> Span {
        let Some(tree) = &self.tree else { return Span { start: 0, end: 0 } };
        let node = tree.nearest(path);
        if node.text().is_some() { node.span } else { Span { start: node.span.start, end: node.span.start } }
    }
}

fn resource(tree: Node, sink: &mut Sink) -> Option<Resource> {
    if is_foreign(&tree) {
        if !has_error(sink) {
            let span = Span { start: tree.span.start, end: tree.span.start };
            let flaw = UnplacedDiagnostic::new(
                Code::Kind,
                "the file is not a resource: it has neither `apiVersion` nor `kind`",
            );
            sink.report(span, flaw.help("`sallyport init` writes one to start from; pass only Egress and Mesh files"));
        }
        return None;
    }
    match kind_of(&tree, sink)? {
        Kind::Egress => Some(Resource::Egress(tree)),
        Kind::Mesh => {
            let conformed = conform(&tree, &MeshFile::BLOCK, sink);
            cross::mesh::check(&tree, sink);
            let sound = if has_error(sink) { None } else { read::<MeshFile>(&conformed.json, tree.span, sink) };
            let defaults = Defaults::of(&conformed.json);
            Some(Resource::Mesh(Box::new(ParsedMesh { mesh: sound.map(|file| file.spec), defaults, tree })))
        }
        Kind::Cases => {
            let mut tree = tree;
            cross::cases::refuse_pairs(&mut tree, sink);
            let conformed = conform(&tree, &CasesFile::BLOCK, sink);
            let sound = if has_error(sink) { None } else { read::<CasesFile>(&conformed.json, tree.span, sink) };
            drop(conformed);
            sound.map(|file| Resource::Cases(Box::new(Cases { file, tree })))
        }
        Kind::Candidate => {
            let conformed = conform(&tree, &CandidateFile::BLOCK, sink);
            cross::candidate::check(&tree, sink);
            let sound = if has_error(sink) { None } else { read::<CandidateFile>(&conformed.json, tree.span, sink) };
            drop(conformed);
            sound.map(|file| Resource::Candidate(Box::new(ParsedCandidate { candidate: file.into(), tree })))
        }
        Kind::Rollout => {
            let conformed = conform(&tree, &RolloutFile::BLOCK, sink);
            cross::rollout::check(&tree, sink);
            let sound = if has_error(sink) { None } else { read::<RolloutFile>(&conformed.json, tree.span, sink) };
            drop(conformed);
            sound.map(|file| Resource::Rollout(Box::new(ParsedRollout { rollout: file.spec, tree })))
        }
    }
}

/// A mapping that has nothing in common with our resources: a list of its unknown fields would not help.
fn is_foreign(tree: &Node) -> bool {
    let mut common = EgressFile::BLOCK.fields.iter().chain(MeshFile::BLOCK.fields).chain(CasesFile::BLOCK.fields);
    matches!(tree.value, Value::Mapping(_)) && common.all(|field| tree.entry(field.name).is_none())
}

enum Kind {
    Egress,
    Mesh,
    Cases,
    Candidate,
    Rollout,
}

/// Which declaration to hold the document against. An unknown kind still tells what to do with the rest if it is near
/// enough to a known one; a missing one is guessed from the fields.
fn kind_of(tree: &Node, sink: &mut Sink) -> Option<Kind> {
    let Some(node) = tree.get("kind") else {
        if tree.get("groups").is_some() {
            return Some(Kind::Cases);
        }
        let of_mesh = Mesh::BLOCK.fields.iter().filter(|field| EgressSpec::BLOCK.field(field.name).is_none());
        let is_mesh = of_mesh.map(|field| field.name).any(|name| tree.descend(&["spec", name]).is_some());
        return Some(if is_mesh { Kind::Mesh } else { Kind::Egress });
    };
    let Some(text) = node.text() else {
        return Some(Kind::Egress);
    };
    match did_you_mean(text, model::KINDS.into_iter()) {
        Some("Mesh") => Some(Kind::Mesh),
        Some("Cases") => Some(Kind::Cases),
        Some("Candidate") => Some(Kind::Candidate),
        Some("Rollout") => Some(Kind::Rollout),
        Some(_) => Some(Kind::Egress),
        None if text.is_empty() => Some(Kind::Egress),
        None => {
            sink.report(node.span, kind::unknown(text));
            None
        }
    }
}
