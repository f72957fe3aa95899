//! The fields of `kind: Mesh`.

use super::{Block, Choice, Field, METADATA_NAME, Shape, choice, defaulted, list, optional, required};
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
        defaulted("filter", Shape::Block(&FILTER), "a placeholder", "Where the filter's image is."),
        defaulted(
            "accessLog",
            Shape::OneOf(&[
                choice("text", "as Istio has it"),
                choice("json", "one object a line; needs the emitted mesh configuration"),
            ]),
            "`text`",
            "In which form gateways write a line a request.",
        ),
    ],
    tombstones: &[
        ("version", "write `istioVersion`"),
        ("image", "write it in `filter.image`"),
        ("digest", "write it in `filter.digest`"),
    ],
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

// A pull secret with `image-volume` is right: it goes into the pod's `imagePullSecrets`, for the kubelet, and never into
// the plugin's resource, where nobody would take it out of the filter's environment again.
static FILTER: Block = Block {
    name: "filter",
    fields: &[
        defaulted(
            "image",
            Shape::Text(Text::ImageRepository),
            "`registry.example.com/sallyport/filter`",
            "The image's repository, without tag: `registry.example.com/sallyport/filter`.",
        ),
        defaulted(
            "digest",
            Shape::Text(Text::Digest),
            "the one in `sallyport.lock`",
            "The digest of the image's manifest: `sha256:` and 64 hexadecimal digits.",
        ),
        optional(
            "pullSecret",
            Shape::Text(Text::ResourceName),
            "The Secret (type `kubernetes.io/dockerconfigjson`) to pull the image with, in each gateway's namespace.",
        ),
        defaulted(
            "delivery",
            Shape::OneOf(&[
                choice("oci", "Istio's agent pulls it"),
                choice("image-volume", "the kubelet mounts it (Kubernetes 1.35 and later)"),
            ]),
            "`oci`",
            "How the filter reaches the proxy.",
        ),
    ],
    tombstones: &[
        ("tag", "write `digest`: a tag can be moved to another image"),
        ("url", "write `image` and `digest`"),
        ("repository", "write `image`"),
        ("imagePullSecret", "write `pullSecret`"),
        ("imagePullSecrets", "write `pullSecret`"),
        ("sha256", "write `digest`"),
    ],
};
