//! The fields of `kind: Mesh`.

use super::{Block, Choice, Field, METADATA_NAME, Shape, choice, defaulted, list, required};
use crate::model::API_VERSION;
use crate::parse::text::Text;

pub(crate) static MESH: Block = Block {
    name: "Mesh",
    fields: &[
        required("apiVersion", Shape::Text(Text::Const("apiVersion", API_VERSION)), "The version of this format."),
        required("kind", Shape::Text(Text::Const("kind", "Mesh")), "What all gateways of one mesh share."),
        required("metadata", Shape::Block(&METADATA), "What the resource is called."),
        required("spec", Shape::Block(&SPEC), "The mesh."),
    ],
    tombstones: &[],
};

static METADATA: Block = Block {
    name: "metadata",
    fields: &[METADATA_NAME],
    tombstones: &[("namespace", "leave it out: a Mesh is in no namespace")],
};

static SPEC: Block = Block {
    name: "spec",
    fields: &[
        ISTIO_VERSION,
        defaulted(
            "trustDomain",
            Shape::Text(Text::Free),
            "`cluster.local`",
            "The mesh's trust domain, as in the `meshConfig` of Istio.",
        ),
        defaulted(
            "trustDomainAliases",
            list(Text::Free),
            "none",
            "Other names under which the mesh's own trust domain is known, as in the `meshConfig` of Istio.",
        ),
    ],
    tombstones: &[("version", "write `istioVersion`")],
};

const ISTIO_VERSION: Field = defaulted(
    "istioVersion",
    Shape::OneOf(ISTIO_VERSIONS),
    "`\"1.31\"`",
    "The minor version of Istio, in quotes. It decides which resources the packager writes.",
);

const ISTIO_VERSIONS: &[Choice] = &[
    choice("1.29", "the filter is a WasmPlugin"),
    choice("1.30", "the filter is a TrafficExtension"),
    choice("1.31", "the filter is a TrafficExtension"),
];
