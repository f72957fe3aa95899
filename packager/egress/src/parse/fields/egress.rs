//! The fields of `kind: Egress`, but for its rules.

use super::authz::AUTHZ;
use super::deploy::{EXPOSE, GATEWAY};
use super::health::HEALTH;
use super::outbound::{HEADERS, TRACING};
use super::patch::PATCH;
use super::route::ROUTE;
use super::{Block, METADATA_NAME, Shape, choice, defaulted, list, optional, required};
use crate::model::API_VERSION;
use crate::parse::text::Text;

pub(crate) static EGRESS: Block = Block {
    name: "Egress",
    fields: &[
        required("apiVersion", Shape::Text(Text::Const("apiVersion", API_VERSION)), "The version of this format."),
        required(
            "kind",
            Shape::Text(Text::Const("kind", "Egress")),
            "One upstream outside the mesh, with its own gateway.",
        ),
        required("metadata", Shape::Block(&METADATA), "What the resource is called, and where it lives."),
        required("spec", Shape::Block(&SPEC), "What the gateway does."),
    ],
    tombstones: &[],
};

static METADATA: Block = Block {
    name: "metadata",
    fields: &[
        METADATA_NAME,
        required(
            "namespace",
            Shape::Text(Text::Label),
            "The namespace of the gateway: 1 to 63 of `a-z`, `0-9` and `-`.",
        ),
    ],
    tombstones: &[],
};

static SPEC: Block = Block {
    name: "spec",
    fields: &[
        required("host", Shape::Text(Text::Host), "The host that callers in the mesh use."),
        optional("expose", Shape::Block(&EXPOSE), "The way in for callers outside the mesh. Absent: there is none."),
        required("upstream", Shape::Block(&UPSTREAM), "Where the gateway sends what it lets through."),
        defaulted("route", Shape::Block(&ROUTE), "no retry, no limit", "How requests go to the upstream."),
        defaulted(
            "health",
            Shape::Block(&HEALTH),
            "the upstream is always asked",
            "When the upstream is not asked, and who is asked instead.",
        ),
        defaulted(
            "tracing",
            Shape::Block(&TRACING),
            "the caller's trace goes on, as `traceparent`",
            "What the upstream is told of the trace.",
        ),
        defaulted(
            "headers",
            Shape::Block(&HEADERS),
            "nothing of the mesh leaves it",
            "What else the upstream gets, and what callers get back.",
        ),
        defaulted("authz", Shape::Block(&AUTHZ), "nobody may do anything", "Who may do what."),
        defaulted("authn", Shape::Block(&AUTHN), "no token is believed", "Whose tokens are believed."),
        defaulted("rollout", Shape::Block(&ROLLOUT), "`enforce`", "Whether refusals are enforced or only counted."),
        defaulted("gateway", Shape::Block(&GATEWAY), "two pods", "The gateway's own shape."),
        defaulted(
            "patches",
            Shape::List(&Shape::Block(&PATCH)),
            "none",
            "Changes to the emitted manifests, applied last.",
        ),
    ],
    tombstones: &[
        ("hosts", "write `host`: one Egress has one host"),
        ("rules", "write them in `authz.rules`"),
        ("policy", "write the rules in `authz.rules`"),
        ("tls", "write it in `upstream.tls`"),
        ("port", "write it in `upstream.port`"),
        ("jwt", "write it in `authn.jwt`"),
        ("jwtRules", "write them in `authn.jwt`"),
        ("mode", "write it in `rollout.mode`"),
        ("replicas", "write it in `gateway.replicas`"),
        ("resources", "write it in `gateway.resources`"),
        ("timeout", "write it in `route.timeout`"),
        ("retries", "write it in `route.retries`"),
        ("overlays", "write `patches`"),
        ("probe", "write it in `health.probe`"),
        ("readinessProbe", "write `health: {probe: {path: ...}, readiness: upstream}`"),
        ("failover", "write it in `health.failover`"),
    ],
};

static UPSTREAM: Block = Block {
    name: "upstream",
    fields: &[
        required("host", Shape::Text(Text::Host), "The upstream's DNS name or IP address: no scheme, no port."),
        required("port", Shape::Whole { least: 1, most: 65535 }, "The upstream's port."),
        defaulted("tls", Shape::Block(&TLS), "TLS, verified", "How the connection to the upstream is secured."),
    ],
    tombstones: &[
        ("url", "write `host` and `port`"),
        ("address", "write `host` and `port`"),
        ("hostname", "write `host`"),
        ("scheme", "write `tls: {mode: SIMPLE}` for https, `tls: {mode: NONE}` for http"),
        ("protocol", "write `tls: {mode: SIMPLE}` for https, `tls: {mode: NONE}` for http"),
    ],
};

static TLS: Block = Block {
    name: "tls",
    fields: &[
        defaulted(
            "mode",
            Shape::OneOf(&[
                choice("SIMPLE", "TLS; the upstream shows a certificate"),
                choice("MUTUAL", "TLS; both sides show a certificate"),
                choice("NONE", "plaintext"),
            ]),
            "`SIMPLE`",
            "Whether and how TLS is spoken to the upstream.",
        ),
        defaulted("sni", Shape::Text(Text::ServerName), "`upstream.host`", "The server name sent to the upstream."),
        defaulted(
            "subjectAltNames",
            list(Text::SubjectAltName),
            "the server name",
            "Names of which the upstream's certificate must bear one: DNS names, IP addresses or SPIFFE ids.",
        ),
        defaulted(
            "caCertificates",
            Shape::Text(Text::FilePath),
            "the system's authorities",
            "Path of a PEM file with the authorities to believe.",
        ),
        optional(
            "clientCertificate",
            Shape::Text(Text::FilePath),
            "Path of a PEM file with the gateway's certificate. Needs `mode: MUTUAL`.",
        ),
        optional(
            "privateKey",
            Shape::Text(Text::FilePath),
            "Path of a PEM file with the gateway's private key. Needs `mode: MUTUAL`.",
        ),
    ],
    tombstones: &[
        ("ca", "write `caCertificates`"),
        ("caFile", "write `caCertificates`"),
        ("cert", "write `clientCertificate`"),
        ("certFile", "write `clientCertificate`"),
        ("key", "write `privateKey`"),
        ("keyFile", "write `privateKey`"),
        ("serverName", "write `sni`"),
        ("sans", "write `subjectAltNames`"),
        ("insecureSkipVerify", "the upstream is always verified: write `caCertificates` for a private authority"),
    ],
};

static AUTHN: Block = Block {
    name: "authn",
    fields: &[defaulted(
        "jwt",
        Shape::List(&Shape::Block(&JWT)),
        "none",
        "Issuers of JSON Web Tokens that are believed.",
    )],
    tombstones: &[("jwtRules", "write `jwt`")],
};

static JWT: Block = Block {
    name: "jwt",
    fields: &[
        required("issuer", Shape::Text(Text::Issuer), "The token's issuer (`iss`), exactly."),
        defaulted(
            "audiences",
            list(Text::NotEmpty),
            "any audience",
            "The token's audience (`aud`) must have one of these.",
        ),
        optional("jwks", Shape::Text(Text::Jwks), "The issuer's key set, as JSON text. Either this or `jwksUri`."),
        optional("jwksUri", Shape::Text(Text::JwksUri), "Where to fetch the issuer's key set. Either this or `jwks`."),
    ],
    tombstones: &[
        ("jwks_uri", "write `jwksUri`"),
        ("keys", "write `jwks` with the whole key set as JSON text"),
        (
            "spaceDelimitedClaims",
            "leave it out: `scope` and `permission` are lists of words, any other claim is one text",
        ),
    ],
};

static ROLLOUT: Block = Block {
    name: "rollout",
    fields: &[defaulted(
        "mode",
        Shape::OneOf(&[
            choice("enforce", "a refused request is refused"),
            choice("shadow", "a refused request passes and is counted"),
        ]),
        "`enforce`",
        "Whether refusals are enforced or only counted.",
    )],
    tombstones: &[],
};
