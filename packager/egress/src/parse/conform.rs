//! Holds a tree against the declaration of its fields: reports everything that does not fit, and gives back what does.

mod answer;
mod any;
mod meant;
mod scalar;
mod unknown;
mod words;

use crate::code::Code;
use crate::diagnostic::{Sink, Span, UnplacedDiagnostic};
use crate::yaml::tree::{Entry, Node, Value};
use sallyport_core::wire::{Block, Field, Json, Presence, Shape};
use unknown::Unknown;
use words::What;

/// What is left of a node when everything that does not fit is removed.
pub(crate) struct Conformed<'t> {
    /// Of the shape that was asked for, but for what is missing. In a list, `null` stands for an item that was not
    /// sound, so that the others keep their positions.
    pub(crate) json: Json<'t>,
    /// Nothing had to be removed, and nothing is missing.
    pub(crate) sound: bool,
}

impl<'t> Conformed<'t> {
    const fn sound(json: Json<'t>) -> Self {
        Self { json, sound: true }
    }

    const fn refused() -> Self {
        Self { json: Json::Null, sound: false }
    }
}

/// Holds a document against the declaration of its kind.
pub(crate) fn conform<'t>(root: &'t Node, kind: &'static Block, sink: &mut Sink) -> Conformed<'t> {
    Conformer { above: Vec::new(), is_pasted: false, sink }.block(kind, What::field(kind.name), root)
}

struct Conformer<'a> {
    /// The blocks around the value that is read, from the outermost.
    above: Vec<&'static Block>,
    /// The rules are those of an AuthorizationPolicy: that they have neither `id` nor `action` was reported.
    is_pasted: bool,
    sink: &'a mut Sink,
}

impl Conformer<'_> {
    fn shape<'t>(&mut self, shape: &Shape, what: What<'_>, node: &'t Node) -> Conformed<'t> {
        match (shape, &node.value) {
            (_, Value::Refused) => Conformed::refused(),
            (Shape::Block(block), _) => self.block(block, what, node),
            (Shape::Fields, Value::Mapping(_)) | (Shape::Any, _) => self.any(node),
            (Shape::List(of), Value::Sequence(items)) => self.list(of, what, items),
            (Shape::Text(_) | Shape::Boolean | Shape::Whole { .. } | Shape::OneOf(_), Value::Scalar(scalar)) => {
                let value = scalar::read(shape, what, scalar);
                let answered = |flaw| answer::of_scalar(what, scalar, words::with_port(what, scalar, flaw));
                self.settle(value.map_err(answered), node.span)
            }
            _ => self.wrong_type(shape, what, node),
        }
    }

    fn block<'t>(&mut self, block: &'static Block, what: What<'_>, node: &'t Node) -> Conformed<'t> {
        let entries = match &node.value {
            Value::Mapping(entries) => entries,
            Value::Refused => return Conformed::refused(),
            _ => return self.wrong_type(&Shape::Block(block), what, node),
        };
        self.above.push(block);
        self.is_pasted |= unknown::is_policy(block, node);
        let (mut fields, mut sound, mut unknown) = (Vec::new(), true, Vec::new());
        for entry in entries {
            let Entry { key, value } = entry;
            let Some(known) = block.field(&key.name) else {
                unknown.push(entry);
                continue;
            };
            let what = What::field(known.name).within(block);
            let conformed =
                if self.is_of_candidate(what) { Conformed::refused() } else { self.shape(&known.shape, what, value) };
            sound &= conformed.sound;
            if conformed.sound || conformed.json != Json::Null {
                fields.push((known.name.into(), conformed.json));
            }
        }
        sound &= self.names(block, node, &unknown);
        self.above.pop();
        Conformed { json: Json::Map(fields), sound }
    }

    /// Whether it is the `stage` of a candidate's rule, which has none: that is reported, whatever is written there.
    fn is_of_candidate(&self, what: What<'_>) -> bool {
        let is_candidate = self.above.first().is_some_and(|kind| kind.name == "Candidate");
        is_candidate && what.field == "stage" && what.within.is_some_and(|block| block.name == "rule")
    }

    /// Whether no field is unknown or missing. What is written under a wrong name is not missing.
    fn names(&mut self, block: &'static Block, node: &Node, unknown: &[&Entry]) -> bool {
        let is_missing =
            |field: &&Field| matches!(field.presence, Presence::Required) && node.get(field.name).is_none();
        let missing: Vec<_> = block.fields.iter().filter(is_missing).collect();
        let Unknown { flaws, stands_for } = unknown::judge(&self.above, node, unknown, &missing);
        for (span, flaw) in flaws {
            self.sink.report(span, flaw);
        }
        for field in &missing {
            let is_said = self.is_pasted && unknown::POLICY_LACKS.contains(&(block.name, field.name));
            let is_said = is_said || (field.name == "port" && words::has_port_in_host(block, node));
            if !is_said && !stands_for.contains(&field.name) {
                self.sink.report(start_of(node), words::missing_field(block, field));
            }
        }
        unknown.is_empty() && missing.is_empty()
    }

    fn list<'t>(&mut self, of: &Shape, what: What<'_>, items: &'t [Node]) -> Conformed<'t> {
        let (mut list, mut all_sound) = (Vec::with_capacity(items.len()), true);
        for item in items {
            let conformed = self.shape(of, what.item(), item);
            all_sound &= conformed.sound;
            list.push(if conformed.sound { conformed.json } else { Json::Null });
        }
        Conformed { json: Json::List(list), sound: all_sound }
    }

    fn settle<'t>(&mut self, value: Result<Json<'t>, UnplacedDiagnostic>, span: Span) -> Conformed<'t> {
        match value {
            Ok(json) => Conformed::sound(json),
            Err(flaw) => {
                self.sink.report(span, flaw);
                Conformed::refused()
            }
        }
    }

    fn wrong_type<'t>(&mut self, shape: &Shape, what: What<'_>, node: &Node) -> Conformed<'t> {
        let flaw = words::wrong_type(shape, what, &node.value);
        let meant = Some(&node.value).filter(|_| flaw.code == Code::WrongType);
        let flaw = match meant.and_then(|value| meant::meant(shape, what, value)) {
            Some(help) => flaw.help(help),
            None => flaw,
        };
        self.settle(Err(flaw), start_of(node))
    }
}

/// A mapping or list can be long: its problems are shown where it begins.
fn start_of(node: &Node) -> Span {
    match node.value {
        Value::Mapping(_) | Value::Sequence(_) => Span { start: node.span.start, end: node.span.start },
        Value::Scalar(_) | Value::Refused => node.span,
    }
}
