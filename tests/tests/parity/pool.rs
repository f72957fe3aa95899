//! What policies are drawn from. A few values are such as Sallyport refuses and Istio takes.

pub(crate) const PRINCIPALS: &[&str] = &[
    "cluster.local/ns/httpbin/sa/sleep",
    "cluster.local/ns/httpbin/sa/sleep",
    "cluster.local/ns/httpbin/sa/writer",
    "cluster.local/ns/httpbin/*",
    "cluster.local/ns/httpbin/sa/sl*",
    "cluster.local/*",
    "old.test/ns/httpbin/sa/sleep",
    "old.test/ns/httpbin/*",
    "old*",
    "elsewhere.test/ns/httpbin/sa/sleep",
    "prod.test/ns/httpbin/sa/writer",
    "cluster.local/ns/other/sa/stranger",
    "*/ns/httpbin/sa/sleep",
    "*/sa/writer",
    "*test/ns/httpbin/sa/sleep",
    "*leep",
    "*",
    "cluster.local/region/eu/ns/httpbin/sa/sleep",
    "cluster.local/ns/httpbin/sa/sleep/extra",
    "cluster.local/ns/*/sa/sleep",
];
pub(crate) const NAMESPACES: &[&str] = &["httpbin", "httpbin", "other", "elsewhere", "http*", "*bin", "*", "o*r"];
pub(crate) const ACCOUNTS: &[&str] =
    &["httpbin/sleep", "sleep", "writer", "httpbin/writer", "other/stranger", "other/x.y"];
pub(crate) const TRUST_DOMAINS: &[&str] =
    &["cluster.local", "old.test", "elsewhere.test", "prod.test", "*", "old*", "*.test", "*local", "Cluster.Local"];
pub(crate) const BLOCKS: &[&str] = &[
    "127.0.0.0/8",
    "127.0.0.1",
    "127.0.0.2/32",
    "::1",
    "::/0",
    "10.0.0.0/8",
    "10.1.2.3",
    "192.0.2.0/24",
    "10.1.2.3/8",
];
pub(crate) const REQUEST_PRINCIPALS: &[&str] = &[
    "*",
    "*/*",
    "*/admin",
    "*/alice",
    "*min",
    "*test/alice",
    "https*",
    "https://issuer.test/alice",
    "https://issuer.test/*",
    "https://issuer.test/al*",
    "https://issuer.test/guest/admin",
    "https://issuer.test/guest/*",
    "https://issuer.test/",
    "https://i/*",
    "https://i/t/u",
    "https://i/t/*",
    "alice",
];
pub(crate) const HOSTS: &[&str] = &[
    "httpbin.legacy.internal",
    "HTTPBIN.Legacy.internal",
    "*.internal",
    "*.legacy.internal",
    "httpbin.*",
    "other.test",
    "httpbin.legacy.internal:*",
    "httpbin.legacy.internal:8443",
    "httpbin.legacy.internal.",
    "*:8443",
    "*",
];
pub(crate) const METHODS: &[&str] = &["GET", "GET", "POST", "PUT", "P*", "*T", "*", "get", "DELETE"];
pub(crate) const PATHS: &[&str] = &[
    "/a",
    "/a",
    "/a/b",
    "/a/*",
    "/a*",
    "*/c",
    "*b",
    "*",
    "/*",
    "/a/{*}",
    "/a/{**}",
    "/{*}/b",
    "/b/{*}/c",
    "/{**}/c",
    "/a/{*}/",
    "/A",
    "/a/%41",
    "/a/a%20b",
    "/a/%C3%A4",
    "/a/%c3%a4",
    "/a/@",
    "/a/%40",
    "/a/ä",
    "/a/",
    "/a//b",
    "/a/../b",
    "a",
];
pub(crate) const SNIS: &[&str] =
    &["httpbin.legacy.internal", "other.test", "*.internal", "httpbin*", "*", "HTTPBIN.legacy.internal"];

const COLORS: &[&str] = &["red", "green", "blue", "re*", "*en", "*", "red,green", "red, green", "RED", "a b"];
/// Names of headers as policies write them, and what is looked for in each.
pub(crate) const HEADERS: &[(&str, &[&str])] = &[
    ("x-color", COLORS),
    ("x-color", COLORS),
    ("X-Shape", COLORS),
    ("x-shape", COLORS),
    ("user-agent", &["curl", "curl, red", "curl*", "*red", "*", "red"]),
    ("host", &["httpbin.legacy.internal", "*", "other*"]),
    (":authority", &["httpbin.legacy.internal", "*"]),
    (":path", &["/a", "/a*"]),
    (":method", &["GET", "*"]),
];
/// Paths of claims as policies write them, and what is looked for in each.
pub(crate) const CLAIMS: &[(&str, &[&str])] = &[
    ("[role]", &["admin", "not an admin", "adm*", "*min", "*", "guest"]),
    ("[role]", &["admin", "ops", "a*"]),
    ("[groups]", &["admins", "staff", "*", "adm*", "staff admins", "*ins"]),
    ("[scope]", &["read", "write", "read write", "*", "re*", "*te"]),
    ("[permission]", &["read", "delete", "*"]),
    ("[level]", &["5", "*"]),
    ("[realm][role]", &["owner", "guest", "*", "own*", "owner x"]),
    ("[realm]", &["owner", "*"]),
    ("[realm.role]", &["owner", "*"]),
    ("[iss]", &["https://issuer.test", "https*", "https://i/t"]),
    ("[sub]", &["alice", "guest/admin", "*admin", "u", "*"]),
];
pub(crate) const AUDIENCES: &[&str] = &["httpbin", "other", "http*", "*", "httpbin other"];
pub(crate) const PRESENTERS: &[&str] = &["portal", "por*", "*", "cli"];

/// Where the listener puts what the header [`METADATA_HEADER`] holds.
pub(crate) const METADATA_FILTER: &str = "envoy.filters.http.parity";
pub(crate) const METADATA_KEY: &str = "mode";
pub(crate) const METADATA_HEADER: &str = "x-parity-mode";
pub(crate) const METADATA: &[&str] = &["update", "[update]", "[read]", "[up*]", "[*]", "*", "up*", "*date", "[*date]"];
