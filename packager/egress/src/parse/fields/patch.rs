//! The fields of `spec.patches`: changes to what the packager writes.

use super::{Block, Shape, choice, optional, required};
use crate::parse::text::Text;

pub(crate) static PATCH: Block = Block {
    name: "patch",
    fields: &[
        required("kind", Shape::Text(Text::NotEmpty), "The kind of the manifest that is changed: `Deployment`."),
        optional("name", Shape::Text(Text::ResourceName), "Its name. Absent: every manifest of the kind."),
        optional(
            "merge",
            Shape::Fields,
            "Merged into the manifest (RFC 7396): mappings field by field, lists whole; `null` removes a field. Either this or `json`.",
        ),
        optional(
            "json",
            Shape::List(&Shape::Block(&OPERATION)),
            "Operations on the manifest, in order (RFC 6902). Either this or `merge`.",
        ),
    ],
    tombstones: &[
        ("target", "write its `kind` and `name` here"),
        ("patch", "write `merge`, or `json` with a list of operations"),
        ("strategic", "write `merge`"),
    ],
};

static OPERATION: Block = Block {
    name: "json",
    fields: &[
        required(
            "op",
            Shape::OneOf(&[
                choice("add", "writes `value` at `path`, or inserts it into a list"),
                choice("remove", "takes away what is at `path`"),
                choice("replace", "writes `value` at `path`, where something must be"),
                choice("move", "takes what is at `from` to `path`"),
                choice("copy", "copies what is at `from` to `path`"),
                choice("test", "fails unless `value` is at `path`"),
            ]),
            "What is done.",
        ),
        required("path", Shape::Text(Text::JsonPointer), "Where: a JSON pointer such as `/metadata/labels/team`."),
        optional("from", Shape::Text(Text::JsonPointer), "From where. For `move` and `copy`."),
        optional("value", Shape::Any, "What is written or compared. For `add`, `replace` and `test`."),
    ],
    tombstones: &[],
};
