//! Files checked together: each by itself, then against each other, then by the core that will run the policy.

mod candidates;
mod checked;
mod cure;
mod problems;
mod rollouts;

use crate::code::Code;
use crate::diagnostic::{Diagnostic, Severity, Sink, SourceFile, Span, UnplacedDiagnostic};
use crate::import::recognise::{FileKind, recognise};
use crate::import::set::Set;
use crate::import::{Manifest, import};
use crate::lint::{self, Input, Subject};
use crate::meaning::IdleRule;
use crate::model::{Authz, Mesh};
use crate::parse::{Defaults, ParsedEgress, ParsedFile, ParsedMesh, Resource, parse, parse_egress};
use crate::policy::{ByName, policy, policy_source};
use crate::wording::quoted;
use crate::yaml::tree::Node;
pub use checked::{Checked, Located};
use checked::{from_core, place, start_of};
use problems::problems_of;
use sallyport_core::Problem;
use sallyport_core::wire::{Policy, Stage};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

/// Parses and checks files together.
///
/// All problems come out of one run: what is wrong in one place does not hide what is wrong in another. The policy
/// itself is judged by [`Engine::compile`](sallyport_core::Engine::compile), the very code that the filter runs.
#[must_use]
pub fn check(files: &[SourceFile]) -> Checked {
    check_each(files, |_| false)
}

/// As [`check()`], and reads Istio's manifests among the files, too: for the lints alone, which speak of what surely or
/// probably is not meant. Whether a manifest is right otherwise is for others to say.
#[must_use]
pub fn check_with_manifests(files: &[SourceFile]) -> Checked {
    check_each(files, |source| recognise(&source.text) == FileKind::Manifests)
}

fn check_each(files: &[SourceFile], holds_manifests: fn(&SourceFile) -> bool) -> Checked {
    let mut checked = Checked::default();
    let (mut unread, mut meshes, mut manifests) = (Vec::new(), Vec::new(), Vec::new());
    let (mut candidates, mut rollouts) = (Vec::new(), Vec::new());
    for (file, source) in files.iter().enumerate() {
        if holds_manifests(source) {
            let (imported, diagnostics) = import(file, source);
            manifests.extend(imported);
            checked.diagnostics.extend(diagnostics);
            continue;
        }
        let ParsedFile { resource, sink } = parse(file, source);
        match resource {
            Some(Resource::Egress(tree)) => {
                unread.push((file, tree, sink));
                continue;
            }
            Some(Resource::Mesh(mesh)) => meshes.push((file, *mesh)),
            Some(Resource::Cases(cases)) => {
                checked.cases.push(Located { file, span: cases.tree.span, value: *cases });
            }
            Some(Resource::Candidate(candidate)) => candidates.push((file, *candidate)),
            Some(Resource::Rollout(rollout)) => rollouts.push((file, *rollout)),
            None => {}
        }
        checked.diagnostics.extend(sink.diagnostics);
    }
    let (mesh_tree, defaults) = check_meshes(files, meshes, &mut checked);
    let (judged, names) = check_egresses(files, unread, &defaults, &mut checked);
    checked.manifests = manifests.len();
    let found = lint(files, &checked, &names, judged, mesh_tree.as_ref(), &manifests);
    let is_wrong: HashSet<usize> =
        found.iter().filter(|found| found.severity == Severity::Error).map(|found| found.file).collect();
    checked.egresses.retain(|egress| !is_wrong.contains(&egress.file));
    candidates::check(files, candidates, &names, &mut checked);
    rollouts::check(files, rollouts, &names, &mut checked);
    checked.diagnostics.extend(found);
    checked.diagnostics.sort_by_key(|diagnostic| (diagnostic.file, diagnostic.span));
    checked
}

/// Takes the first Mesh; its tree, and what Egresses take from it. Even one with an error has defaults: without them,
/// Egresses would seem to have errors of their own.
fn check_meshes(
    files: &[SourceFile],
    meshes: Vec<(usize, ParsedMesh)>,
    checked: &mut Checked,
) -> (Option<Node>, Defaults) {
    for (file, ParsedMesh { tree, .. }) in meshes.iter().skip(1) {
        let first = meshes.first().map(|(first, mesh)| place(files, *first, mesh.tree.span)).unwrap_or_default();
        let flaw = UnplacedDiagnostic::new(Code::SeveralMeshes, format!("a second Mesh; the first is at {first}"));
        checked.diagnostics.push(flaw.help("keep one: all gateways share one Mesh").at(*file, start_of(tree)));
    }
    let Some((file, ParsedMesh { mesh, defaults, tree })) = meshes.into_iter().next() else {
        return (None, Defaults::default());
    };
    let Some(mesh) = mesh else { return (None, defaults) };
    checked.mesh = check_mesh(file, mesh, &tree, &mut checked.diagnostics);
    (Some(tree), defaults)
}

/// What the lints read of an Egress file beside its data.
struct Judged {
    tree: Node,
    /// The rules that never decide.
    idle: Vec<IdleRule>,
}

/// Reads and takes the Egresses without an error. Returns what the lints read of them, in their order, and the namespace and name
/// of every Egress.
///
/// # Design
/// Each file is done before the next one is begun, with all that needs much memory for a moment: the same memory then serves for
/// every file. What thousands of files leave behind together is a heap in pieces, in which every later allocation is slower.
fn check_egresses(
    files: &[SourceFile],
    unread: Vec<(usize, Node, Sink)>,
    defaults: &Defaults,
    checked: &mut Checked,
) -> (Vec<Judged>, HashSet<(String, String)>) {
    let mesh = checked.mesh.as_ref().map_or_else(Mesh::default, |mesh| mesh.value.clone());
    // Where the name of each Egress is written first.
    let mut seen: HashMap<(String, String), (usize, Span)> = HashMap::new();
    let mut judged = Vec::new();
    for (file, tree, mut sink) in unread {
        let parsed = parse_egress(tree, defaults, &mut sink);
        checked.diagnostics.extend(sink.diagnostics);
        let problems = compile(&parsed, &mesh);
        let compiles = problems.is_empty();
        let first_ids = first_ids(&problems, &parsed.tree);
        let shown = problems.into_iter().map(|problem| in_place(problem, file, &parsed, &first_ids));
        checked.diagnostics.extend(shown);
        let duplicate = duplicate(files, file, &parsed, &mut seen);
        let is_duplicate = duplicate.is_some();
        checked.diagnostics.extend(duplicate);
        let ParsedEgress { tree, egress, .. } = parsed;
        if let Some(value) = egress.filter(|_| compiles && !is_duplicate) {
            let idle = lint::idle_rules(&value, &mesh);
            checked.egresses.push(Located { file, span: tree.span, value });
            judged.push(Judged { tree, idle });
        }
    }
    (judged, seen.into_keys().collect())
}

/// What the lints say of the files that are right; `judged` is of the Egress files, in their order.
fn lint(
    files: &[SourceFile],
    checked: &Checked,
    names: &HashSet<(String, String)>,
    judged: Vec<Judged>,
    mesh_tree: Option<&Node>,
    manifests: &[Manifest],
) -> Vec<Diagnostic> {
    let subjects = checked.egresses.iter().zip(judged);
    let egresses = subjects
        .map(|(egress, Judged { tree, idle })| Subject { file: egress.file, tree, egress: &egress.value, idle })
        .collect();
    let mesh = checked.mesh.as_ref().zip(mesh_tree).map(|(mesh, tree)| (mesh.file, tree, &mesh.value));
    let by_name = ByName::new(checked.egresses.iter().map(|egress| &egress.value));
    lint::run(&Input { files, egresses, by_name, names, mesh, set: Set::new(manifests) })
}

/// A policy without rules shows whether the mesh's own part of every policy is right.
fn check_mesh(file: usize, mesh: Mesh, tree: &Node, diagnostics: &mut Vec<Diagnostic>) -> Option<Located<Mesh>> {
    let policy = policy("mesh/mesh".to_owned(), &Authz::default(), Stage::Enforce, 0, &mesh);
    let problems = problems_of(&Policy { tracing: mesh.default_tracing().to_wire(), ..policy });
    if problems.is_empty() {
        return Some(Located { file, span: tree.span, value: mesh });
    }
    let spec = tree.get("spec").unwrap_or(tree);
    let place = |path: &str| match field_and_rest(path) {
        ("tracing", _) => spec.nearest(&format!("defaults.{path}")),
        _ => spec.nearest(path),
    };
    diagnostics.extend(problems.into_iter().map(|problem| from_core(file, place(&problem.path), problem)));
    None
}

/// What the core says of the sound parts of a file's policy. Names that were refused already are replaced, so that
/// nothing is said twice.
fn compile(parsed: &ParsedEgress, mesh: &Mesh) -> Vec<Problem> {
    let or_any = |name: &Option<String>| name.clone().unwrap_or_else(|| "unnamed".to_owned());
    let upstream = format!("{}/{}", or_any(&parsed.namespace), or_any(&parsed.name));
    let policy = policy(upstream, &parsed.authz, Stage::Enforce, parsed.num_trusted_proxies, mesh);
    // Standbys are other files' business.
    let Some(egress) = &parsed.egress else { return problems_of(&policy) };
    let Policy { health, tracing, headers, stage, canary, .. } = policy_source(egress, mesh, &[]);
    problems_of(&Policy { health, tracing, headers, stage, canary, ..policy })
}

/// Shows a problem of the policy where its cause is written; `first_ids` has where each rule id is written first.
fn in_place(problem: Problem, file: usize, parsed: &ParsedEgress, first_ids: &HashMap<&str, Span>) -> Diagnostic {
    let tree = &parsed.tree;
    let spec = tree.get("spec").unwrap_or(tree);
    let (root, path) = match field_and_rest(&problem.path) {
        ("rules", rest) => (spec.get("authz"), at_position("rules", rest, &parsed.rule_positions)),
        ("trustedForwarders", rest) => {
            (spec.get("authz"), at_position("trustedForwarders", rest, &parsed.forwarder_positions))
        }
        ("numTrustedProxies", _) => (spec.get("gateway"), problem.path.clone()),
        ("health" | "tracing" | "headers", _) => (Some(spec), problem.path.clone()),
        ("stage" | "canary", _) => (spec.get("rollout"), problem.path.clone()),
        ("upstream", _) => (tree.get("metadata"), "name".to_owned()),
        _ => (spec.get("authz"), problem.path.clone()),
    };
    let node = root.unwrap_or(spec).nearest(&path);
    let is_duplicate = problem.code == sallyport_core::PolicyCode::DuplicateRuleId;
    let first = node.text().filter(|_| is_duplicate).and_then(|id| first_ids.get(id)).copied();
    let first = first.filter(|first| *first != node.span);
    let mut diagnostic = from_core(file, node, problem);
    if let Some(span) = first {
        // The core counts rules by the policy's positions, which are not the file's where a rule was left out.
        diagnostic.help = Some("give each rule its own ID: logs and metrics name the rule by it".to_owned());
        diagnostic.related.push((span, "first written here".to_owned()));
    }
    diagnostic
}

/// `rules[3].to[0]`: `rules` and `[3].to[0]`.
fn field_and_rest(path: &str) -> (&str, &str) {
    path.split_at(path.find(['[', '.']).unwrap_or(path.len()))
}

/// The path with the position that the item has in the file.
fn at_position(field: &str, rest: &str, positions: &[usize]) -> String {
    let index = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let position = index.and_then(|(index, after)| Some((positions.get(index.parse::<usize>().ok()?)?, after)));
    match position {
        Some((position, after)) => format!("{field}[{position}]{after}"),
        None => format!("{field}{rest}"),
    }
}

/// Where each rule id is written first, if some is written twice.
fn first_ids<'t>(problems: &[Problem], tree: &'t Node) -> HashMap<&'t str, Span> {
    let mut first = HashMap::new();
    if problems.iter().any(|problem| problem.code == sallyport_core::PolicyCode::DuplicateRuleId) {
        let rules = tree.items_at(&["spec", "authz", "rules"]).iter();
        for id in rules.filter_map(|rule| rule.get("id")) {
            id.text().map(|text| first.entry(text).or_insert(id.span));
        }
    }
    first
}

/// That an earlier file has the namespace and name of this Egress. `seen`: where each is written first.
fn duplicate(
    files: &[SourceFile],
    file: usize,
    egress: &ParsedEgress,
    seen: &mut HashMap<(String, String), (usize, Span)>,
) -> Option<Diagnostic> {
    let (namespace, name) = (egress.namespace.clone()?, egress.name.clone()?);
    let span = egress.tree.descend(&["metadata", "name"]).unwrap_or(&egress.tree).span;
    match seen.entry((namespace, name)) {
        Entry::Vacant(vacant) => {
            vacant.insert((file, span));
            None
        }
        Entry::Occupied(first) => {
            let (namespace, name) = first.key();
            let resource = quoted(&format!("{namespace}/{name}"));
            let (first_file, first) = *first.get();
            let first = place(files, first_file, first);
            let message = format!("the Egress {resource} is written twice; the first is at {first}");
            let flaw = UnplacedDiagnostic::new(Code::DuplicateEgress, message);
            Some(flaw.help("give one of them another name, or remove it").at(file, span))
        }
    }
}
