//! Manifests of Istio, written in short.

use sallyport_egress::diagnostic::SourceFile;

/// Manifests, each written as `KIND NAMESPACE NAME SPEC`.
pub fn objects<T: AsRef<str>>(written: &[T]) -> SourceFile {
    let documents = written.iter().map(|one| {
        let [kind, namespace, name, spec] = one.as_ref().splitn(4, ' ').collect::<Vec<_>>()[..] else {
            panic!("{}", one.as_ref())
        };
        let (version, kind) = match kind {
            "Service" => ("v1", kind),
            "Deployment" => ("apps/v1", kind),
            "Knative" => ("serving.knative.dev/v1", "Service"),
            _ => ("networking.istio.io/v1", kind),
        };
        format!(
            "---\napiVersion: {version}\nkind: {kind}\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec: {spec}\n"
        )
    });
    SourceFile { name: "a.yaml".to_owned(), text: documents.collect() }
}

const TLS: &str = "resolution: DNS, ports: [{number: 443, name: tls, protocol: TLS}]";

/// A ServiceEntry of a host, exported to namespaces.
pub fn entry(namespace: &str, host: &str, more: &str) -> String {
    format!("ServiceEntry {namespace} e-{namespace} {{hosts: [{host}], {TLS}, exportTo: [{more}]}}")
}

/// A Gateway with one server that ends TLS.
pub fn server(namespace: &str, name: &str, hosts: &str) -> String {
    format!(
        "Gateway {namespace} {name} {{selector: {{gateway: {name}}}, servers: [{{port: {{number: 443, name: https, \
         protocol: HTTPS}}, hosts: [{hosts}], tls: {{mode: SIMPLE, credentialName: c}}}}]}}"
    )
}

/// A VirtualService at Gateways.
pub fn route(namespace: &str, hosts: &str, gateways: &str, to: &str) -> String {
    format!(
        "VirtualService {namespace} v-{namespace} {{hosts: [{hosts}], gateways: [{gateways}], http: \
         [{{route: [{{destination: {{host: {to}}}}}]}}]}}"
    )
}

/// A word for a number, of letters alone.
pub fn word(mut number: usize) -> String {
    let letters = ["ka", "lo", "mi", "nu", "re", "sa", "to", "vi", "wu", "ze"];
    (0..6)
        .map(|_| {
            let letter = letters[number % 10];
            number /= 10;
            letter
        })
        .collect()
}
