//! Names that a block does not have: what was meant, and which missing field each stands for.

use super::answer;
use super::words::{field_names, how_to_write, plain};
use crate::code::Code;
use crate::diagnostic::{Span, UnplacedDiagnostic};
use crate::wording::{did_you_mean, either, quoted};
use crate::yaml::tree::{Entry, Node, Scalar, ScalarType, Value};
use sallyport_core::wire::{Block, Field, Shape};

/// What there is to say of a block's unknown names.
#[derive(Default)]
pub(super) struct Unknown {
    /// Each with its place.
    pub(super) flaws: Vec<(Span, UnplacedDiagnostic)>,
    /// Missing fields that are written under a wrong name, or in the wrong way.
    pub(super) stands_for: Vec<&'static str>,
}

/// Fields by which an AuthorizationPolicy of Istio is known: an Egress has none of them there.
const OF_POLICY: [&str; 5] = ["selector", "targetRef", "targetRefs", "action", "provider"];
/// What the rules of such a policy lack: block and field.
pub(super) const POLICY_LACKS: [(&str, &str); 2] = [("rule", "id"), ("rule", "action")];

/// Fields of Kubernetes' objects that a file of ours does not have.
const OF_KUBERNETES: [&str; 12] = [
    "status",
    "annotations",
    "creationTimestamp",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "managedFields",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// Whether a block has the `spec` of an AuthorizationPolicy in it, with rules that have no `id` or `action` of their own.
pub(super) fn is_policy(block: &Block, node: &Node) -> bool {
    let has = OF_POLICY.iter().any(|name| node.entry(name).is_some());
    let lacks = |rule: &Node| POLICY_LACKS.iter().any(|(_, field)| rule.get(field).is_none());
    matches!(block.name, "authz" | "spec") && has && node.items_at(&["rules"]).iter().any(lacks)
}

/// What the unknown names of the innermost of these blocks mean.
pub(super) fn judge(above: &[&'static Block], node: &Node, unknown: &[&Entry], missing: &[&'static Field]) -> Unknown {
    let mut judged = Unknown::default();
    let (Some((block, above)), Some(first)) = (above.split_last(), unknown.first()) else { return judged };
    let mut rest = unknown.to_vec();
    if is_policy(block, node) {
        rest.retain(|entry| !OF_POLICY.contains(&entry.key.name.as_str()) && entry.key.name != "rules");
        judged.flaws.push((first.key.span, policy(block, unknown)));
        if block.name == "spec" {
            judged.stands_for.extend(missing.iter().map(|field| field.name));
        }
    } else if let Some((flaw, stands_for)) = as_a_whole(block, node, unknown) {
        judged.flaws.push((first.key.span, flaw));
        judged.stands_for.extend(stands_for);
        return judged;
    }
    let missing = if rest.len() == 1 { missing } else { &[] };
    for entry in rest {
        let (flaw, stands_for) = one(above, block, node, entry, missing);
        judged.flaws.push((entry.key.span, flaw));
        judged.stands_for.extend(stands_for);
    }
    judged
}

fn policy(block: &Block, unknown: &[&Entry]) -> UnplacedDiagnostic {
    let of_policy = |entry: &&&Entry| OF_POLICY.contains(&entry.key.name.as_str()) || entry.key.name == "rules";
    let names: Vec<_> = unknown.iter().filter(of_policy).map(|entry| format!("`{}`", entry.key.name)).collect();
    let message = format!(
        "`{}` has fields of Istio's AuthorizationPolicy that an Egress has not: {}",
        block.name,
        names.join(", ")
    );
    let place = if block.name == "authz" { "here" } else { "in `authz.rules`" };
    let help =
        format!("write only `rules` {place}, each rule with its own `id` and `action`: an Egress has one gateway");
    UnplacedDiagnostic::new(Code::RenamedField, message).help(help)
}

/// What all unknown names of a block mean together, and which fields they stand for.
fn as_a_whole(
    block: &'static Block,
    node: &Node,
    unknown: &[&Entry],
) -> Option<(UnplacedDiagnostic, Vec<&'static str>)> {
    let names: Vec<&str> = unknown.iter().map(|entry| entry.key.name.as_str()).collect();
    let shown = either(names.iter().copied()).replace(" or ", " and ");
    if let Some((wrapper, inner)) = sole(block).filter(|(wrapper, _)| node.get(wrapper.name).is_none())
        && names.iter().all(|name| inner.field(name).is_some())
    {
        let verb = if names.len() == 1 { "belongs" } else { "belong" };
        let flaw = UnplacedDiagnostic::new(Code::RenamedField, format!("{shown} {verb} in `{}`", wrapper.name));
        let inside: Vec<_> = names.iter().map(|name| format!("{name}: ...")).collect();
        let help = format!("write `{{{}: {{{}}}}}`", wrapper.name, inside.join(", "));
        return Some((flaw.help(help), vec![wrapper.name]));
    }
    let [entry] = unknown else { return None };
    let pair = pair(block, &entry.key.name, &entry.value).filter(|_| node.entries().len() == 1)?;
    let flaw = UnplacedDiagnostic::new(Code::UnknownField, format!("unknown field {shown} in `{}`", block.name));
    Some((flaw.help(format!("write `{pair}`")), block.fields.iter().map(|field| field.name).collect()))
}

/// The only field of a block, if that is a block itself: Istio's `source` and `operation`.
pub(super) fn sole(block: &'static Block) -> Option<(&'static Field, &'static Block)> {
    match block.fields {
        [field] => {
            if let Shape::Block(inner) = field.shape {
                Some((field, inner))
            } else {
                None
            }
        }
        _ => None,
    }
}

/// `NAME: VALUE` in a block that has a field for each of the two.
pub(super) fn pair(block: &Block, name: &str, value: &Node) -> Option<String> {
    let [first, second] = block.fields else { return None };
    let value = value.text().filter(|value| !value.is_empty())?;
    (first.name == "name" && second.name == "value")
        .then(|| format!("{{name: {}, value: {}}}", plain(name), plain(value)))
}

fn one(
    above: &[&'static Block],
    block: &'static Block,
    node: &Node,
    entry: &Entry,
    missing: &[&'static Field],
) -> (UnplacedDiagnostic, Vec<&'static str>) {
    let name = entry.key.name.as_str();
    let unknown = |code| UnplacedDiagnostic::new(code, format!("unknown field {} in `{}`", quoted(name), block.name));
    if let Some((_, instead)) = block.tombstones.iter().find(|(old, _)| *old == name) {
        let is_named = |field: &&Field| {
            let name = field.name;
            instead.contains(&format!("`{name}`")) || instead.contains(&format!("`{name}:"))
        };
        let stands_for = block.fields.iter().filter(is_named).map(|field| field.name).collect();
        let answer = answer::of_entry(block, node, entry);
        return (unknown(Code::RenamedField).help(answer.unwrap_or_else(|| (*instead).to_owned())), stands_for);
    }
    if (above.is_empty() || block.name == "metadata") && OF_KUBERNETES.contains(&name) {
        let help = "leave it out: it is for Kubernetes, and Sallyport does not read it";
        return (unknown(Code::RenamedField).help(help), Vec::new());
    }
    if let Some((field, value)) = without_colon(block, entry) {
        let help = format!("write `{}: {value}`: a colon and a space end the name of a field", field.name);
        return (unknown(Code::UnknownField).help(help), vec![field.name]);
    }
    if let Some(near) = block.fields.iter().find(|field| Some(field.name) == near(block, name)) {
        return (unknown(Code::UnknownField).help(format!("did you mean `{}`?", near.name)), vec![near.name]);
    }
    match homes(above, block, name).as_slice() {
        homes @ ([_] | [_, _]) => {
            let paths: Vec<_> = homes.iter().map(|home| home.path.as_str()).collect();
            let shown = either(paths.iter().copied());
            let help = if homes.iter().all(|home| home.is_near) {
                format!("it belongs in {shown}: check the indentation")
            } else {
                let written: Vec<_> = paths.iter().map(|path| format!("{path}.{name}")).collect();
                format!("write it in {}", either(written.iter().map(String::as_str)))
            };
            (unknown(Code::RenamedField).help(help), Vec::new())
        }
        _ => match missing {
            [field] => {
                let message =
                    format!("unknown field {} in `{}`, which has no `{}`", quoted(name), block.name, field.name);
                let flaw = UnplacedDiagnostic::new(Code::UnknownField, message);
                (flaw.help(how_to_write(field)), vec![field.name])
            }
            _ => (unknown(Code::UnknownField).help(format!("the fields are {}", field_names(block))), Vec::new()),
        },
    }
}

fn near(block: &'static Block, name: &str) -> Option<&'static str> {
    did_you_mean(name, block.fields.iter().map(|field| field.name))
}

/// The field and its value, if only the space behind the colon is missing, or the colon itself.
fn without_colon(block: &'static Block, entry: &Entry) -> Option<(&'static Field, String)> {
    let is_nothing = |scalar: &Scalar| scalar.resolve() == ScalarType::Null;
    let Value::Scalar(scalar) = &entry.value.value else { return None };
    let (name, value) = entry.key.name.split_once([':', ' ', '=']).filter(|_| is_nothing(scalar))?;
    let value = value.trim_start_matches([' ', '=', ':']);
    Some((block.field(name.trim_end())?, quoted(value).trim_matches('`').to_owned()))
}

/// A block that has a field.
struct Home {
    block: &'static Block,
    /// From the outermost block of a file's contents: `route.connectionPool`.
    path: String,
    /// One that the indentation may miss: around the block, directly in it, or beside it.
    is_near: bool,
}

/// The blocks that have such a field: around the block, up to two below it, or as many below those around it.
fn homes(above: &[&'static Block], block: &'static Block, name: &str) -> Vec<Home> {
    let inside = |block: &'static Block| block.fields.iter().filter_map(|field| block_of(&field.shape));
    let within = |block: &'static Block| {
        inside(block).map(move |inner| (inner, true)).chain(inside(block).flat_map(inside).map(|inner| (inner, false)))
    };
    let around = above.iter().copied().map(|block| (block, true));
    let beside = above.iter().rev().take(2).flat_map(|block| within(block));
    let root = above.first().copied().unwrap_or(block);
    let mut homes: Vec<Home> = Vec::new();
    for (home, is_near) in around.chain(within(block)).chain(beside) {
        let is_other = home.name != block.name && homes.iter().all(|known| known.block.name != home.name);
        if is_other && home.field(name).is_some() {
            let path = path_to(root, home).unwrap_or_else(|| home.name.to_owned());
            // What is inside of `spec` is named from there, as everywhere else.
            let path = if above.is_empty() { path } else { path.trim_start_matches("spec.").to_owned() };
            homes.push(Home { block: home, path, is_near });
        }
    }
    homes
}

/// The names of the fields that lead to a block.
fn path_to(root: &'static Block, wanted: &Block) -> Option<String> {
    root.fields.iter().find_map(|field| {
        let inner = block_of(&field.shape)?;
        if inner.name == wanted.name {
            return Some(field.name.to_owned());
        }
        path_to(inner, wanted).map(|path| format!("{}.{path}", field.name))
    })
}

fn block_of(mut shape: &'static Shape) -> Option<&'static Block> {
    while let Shape::List(of) = shape {
        shape = of;
    }
    if let Shape::Block(block) = shape { Some(block) } else { None }
}
