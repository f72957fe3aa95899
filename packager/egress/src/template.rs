//! The first Egress file of a new upstream.

use crate::model::API_VERSION;
use crate::yaml::tree::Scalar;

/// What the first file says.
#[derive(Clone, Copy, Debug)]
pub struct Template<'a> {
    /// Path or URL of the JSON Schema, for the editor.
    pub schema: &'a str,
    /// `metadata.name`.
    pub name: &'a str,
    /// `metadata.namespace`.
    pub namespace: &'a str,
    /// The host that callers in the mesh use.
    pub host: &'a str,
    /// The upstream's DNS name or IP address.
    pub upstream_host: &'a str,
    /// The upstream's port.
    pub upstream_port: u16,
}

/// A short commented Egress file. It passes [`check`](crate::check()) when the values given are right, and whatever
/// they are, each stays the value of its own field.
#[must_use]
pub fn init_template(template: &Template<'_>) -> String {
    let Template { schema, name, namespace, host, upstream_host, upstream_port } = *template;
    let schema: String = schema.chars().filter(|c| !c.is_control()).collect();
    let (name, namespace, host, upstream_host) = (text(name), text(namespace), text(host), text(upstream_host));
    format!(
        "\
# yaml-language-server: $schema={schema}
apiVersion: {API_VERSION}
kind: Egress
metadata:
  name: {name}
  namespace: {namespace}
spec:
  # The host that callers in the mesh use, and the upstream: over TLS, verified against the system's authorities.
  host: {host}
  upstream:
    host: {upstream_host}
    port: {upstream_port}
    tls: {{mode: SIMPLE}}
  # A DENY rule overrides every ALLOW rule, wherever it stands; what no rule allows is refused.
  authz:
    rules:
    - id: readers                # the rule's name in reasons, metrics, logs and tests
      action: ALLOW
      from:
      - source:
          serviceAccounts: [default/sleep]    # NAMESPACE/NAME, in a namespace other than the gateway's
      to:
      - operation:
          methods: [GET, HEAD]
          paths: [\"/*\"]           # every path; narrow it: /exact, \"/prefix*\", \"/items/{{*}}\"
  # enforce, or shadow: then refusals are only counted.
  rollout: {{stage: enforce}}
"
    )
}

/// A short commented Mesh file, which passes [`check`](crate::check()).
#[must_use]
pub fn init_mesh(schema: &str) -> String {
    let schema: String = schema.chars().filter(|c| !c.is_control()).collect();
    format!(
        "\
# yaml-language-server: $schema={schema}
# What all gateways of one mesh share. A field that is left out has the value that is shown here, but for `accessLog` (text).
apiVersion: {API_VERSION}
kind: Mesh
metadata:
  name: mesh
spec:
  istioVersion: \"1.31\"         # the minor version, in quotes
  trustDomain: cluster.local   # as in Istio's meshConfig
  accessLog: json              # an object per request, with the decision, the rule and the reason
  # unchanged, or registry-only: then no workload of the mesh calls hosts that the mesh does not know.
  outboundTrafficPolicy: unchanged
  filter:
    # Where `sallyport image push` puts the filter's image. The lock that it writes pins the digest.
    image: registry.example.com/sallyport/filter
"
    )
}

/// Cases for the Egress of [`init_template`]; they pass, and cover all of its rules. `is_alone`: no other Egress file is in the
/// same folder.
#[must_use]
pub fn init_cases(template: &Template<'_>, is_alone: bool) -> String {
    let Template { schema, name, namespace, .. } = *template;
    let schema: String = schema.chars().filter(|c| !c.is_control()).collect();
    let egress = if is_alone { String::new() } else { format!("egress: {}\n", text(&format!("{namespace}/{name}"))) };
    format!(
        "\
# yaml-language-server: $schema={schema}
# Requests, and what the gateway must make of them: `sallyport test` runs them. Each caller with each method and path is a case.
apiVersion: {API_VERSION}
kind: Cases
{egress}groups:
- name: readers
  from: {{serviceAccounts: [default/sleep]}}
  to: {{paths: [/, /some/path]}}
  expect: {{verdict: ALLOW, rule: readers}}
  cases:
  - to: {{methods: [GET, HEAD]}}
  - name: do not write
    to: {{methods: [POST, PUT, DELETE]}}
    expect: {{verdict: DENY, reason: not_allowed}}
  - name: are the only ones
    from: {{serviceAccounts: [default/other, other/sleep]}}
    expect: {{verdict: DENY, reason: not_allowed}}
- name: no certificate
  from: {{anonymous: true}}
  to: {{paths: [/]}}
  expect: {{verdict: DENY, reason: no_identity, status: 401}}
"
    )
}

/// A string as YAML: without quotes where every YAML reader takes it for a string.
fn text(value: &str) -> String {
    let is_word = value.starts_with(|c: char| c.is_ascii_alphabetic())
        && value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '/'));
    if is_word && Scalar::is_plain_string(value) {
        value.to_owned()
    } else {
        serde_json::Value::from(value).to_string()
    }
}
