//! From lists of callers and requests to cases.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde_json::Value;

use super::sound::Sink;
use super::suite::{Case, Row, rows};
use crate::Cases;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::model::cases::{CaseFrom, CaseTo, Expect};
use crate::model::{Egress, Mesh};
use crate::scenario::{Caller, Certificate, Request, Scenario, principal_of, usual_server_name};
use crate::wording::quoted;

/// As many cases as a file may have: a few lists with a thousand items each would make a billion of them.
pub(crate) const MOST_CASES: usize = 100_000;

/// What every case of a file shares.
pub(super) struct Ground<'c> {
    pub(super) egress: &'c Egress,
    trust_domain: &'c str,
}

/// The cases of a file, and what no case can be made of.
pub(super) fn expand<'c>(
    file: usize,
    source: &'c Cases,
    egress: &'c Egress,
    mesh: Option<&'c Mesh>,
) -> (Vec<Case<'c>>, Vec<Diagnostic>) {
    let ground = Ground { egress, trust_domain: mesh.map_or("cluster.local", |mesh| &mesh.trust_domain) };
    let mut sink = Sink::new(file, source);
    let mut cases: Vec<Case<'c>> = Vec::new();
    for (position, group) in source.file.groups.iter().enumerate() {
        for (row, case) in rows(position, group) {
            let own = |path: &str| format!("{}.{path}", row.path());
            let from = merged_from(group.from.as_ref(), case.and_then(|case| case.from.as_ref()));
            let to = merged_to(group.to.as_ref(), case.and_then(|case| case.to.as_ref()));
            let expected = case.and_then(|case| case.expect.as_ref()).or(group.expect.as_ref());
            let Some(expected) = expected.filter(|expected| **expected != Expect::default()) else {
                sink.report(
                    &row.path(),
                    Code::CaseIncomplete,
                    "the case expects nothing".to_owned(),
                    "write `expect: {verdict: ALLOW, rule: ID}` or `expect: {verdict: DENY, reason: not_allowed}`",
                );
                continue;
            };
            let expectation = if case.is_some_and(|case| case.expect.is_some()) {
                own("expect")
            } else {
                format!("groups[{position}].expect")
            };
            sink.check_expectation(&expectation, expected, egress);
            let fields = Fields { row, position };
            let callers = callers(&ground, &from, &fields, &mut sink);
            let requests = requests(&ground, &to, &fields, &mut sink);
            if callers.len().saturating_mul(requests.len()).saturating_add(cases.len()) > MOST_CASES {
                let message = format!("the file has more than {MOST_CASES} cases");
                sink.report(&row.path(), Code::TooManyCases, message, "write fewer callers, methods, hosts or paths");
                return (cases, sink.diagnostics);
            }
            for caller in &callers {
                for (request, port) in &requests {
                    let mut caller = caller.clone();
                    let usual = || usual_server_name(egress, &String::from_utf8_lossy(&request.authority));
                    caller.server_name = Some(from.sni.clone().unwrap_or_else(usual));
                    caller.gateway = Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), *port));
                    let scenario = Scenario { caller, request: request.clone() };
                    let name = case.and_then(|case| case.name.as_deref());
                    cases.push(Case { group: &group.name, name, row, scenario, expected });
                }
            }
        }
    }
    (cases, sink.diagnostics)
}

/// Where the fields of a row are written: in the row, or in its group.
struct Fields {
    row: Row,
    position: usize,
}

impl Fields {
    fn path(&self, sink: &Sink<'_>, block: &str, field: &str) -> String {
        let own = format!("{}.{block}", self.row.path());
        let path = if sink.has(&own, field) { own } else { format!("groups[{}].{block}", self.position) };
        format!("{path}.{field}")
    }
}

fn merged_from(group: Option<&CaseFrom>, row: Option<&CaseFrom>) -> CaseFrom {
    let group = group.cloned().unwrap_or_default();
    let Some(row) = row.cloned() else { return group };
    let names_caller = row.service_accounts.is_some() || row.principals.is_some() || row.anonymous.is_some();
    let callers = if names_caller { row.clone() } else { group.clone() };
    CaseFrom {
        service_accounts: callers.service_accounts,
        principals: callers.principals,
        anonymous: callers.anonymous,
        through: row.through.or(group.through),
        claims: row.claims.or(group.claims),
        address: row.address.or(group.address),
        sni: row.sni.or(group.sni),
        metadata: row.metadata.or(group.metadata),
    }
}

fn merged_to(group: Option<&CaseTo>, row: Option<&CaseTo>) -> CaseTo {
    let group = group.cloned().unwrap_or_default();
    let Some(row) = row.cloned() else { return group };
    // A gRPC call has its own path and method, so the one takes the place of the other.
    let (paths, grpc) = match (&row.paths, &row.grpc) {
        (None, None) => (group.paths, group.grpc),
        _ => (row.paths, row.grpc),
    };
    CaseTo {
        methods: row.methods.or(group.methods),
        hosts: row.hosts.or(group.hosts),
        paths,
        query: row.query.or(group.query),
        grpc,
        headers: row.headers.or(group.headers),
        port: row.port.or(group.port),
    }
}

fn callers(ground: &Ground<'_>, from: &CaseFrom, fields: &Fields, sink: &mut Sink<'_>) -> Vec<Caller> {
    let mut certificates: Vec<Option<Certificate>> = Vec::new();
    for (position, account) in from.service_accounts.iter().flatten().enumerate() {
        match principal_of(account, ground.trust_domain).filter(|_| is_account(account)) {
            Some(principal) => certificates.push(Some(Certificate::of_principal(&principal))),
            None => {
                let path = format!("{}[{position}]", fields.path(sink, "from", "serviceAccounts"));
                let message = format!("{} is not a service account", quoted(account));
                sink.report(&path, Code::CaseText, message, "write `NAMESPACE/ACCOUNT`");
            }
        }
    }
    certificates.extend(from.principals.iter().flatten().map(|principal| Some(Certificate::of_principal(principal))));
    if from.anonymous == Some(true) || (certificates.is_empty() && from.through.is_some()) {
        certificates.push(None);
    }
    if certificates.is_empty() && from.service_accounts.is_none() {
        sink.report(
            &fields.row.path(),
            Code::CaseIncomplete,
            "the case does not say who calls".to_owned(),
            "write `from: {serviceAccounts: [NAMESPACE/ACCOUNT]}` or `from: {anonymous: true}`",
        );
    }
    let shared = shared(ground, from, fields, sink);
    let caller = |certificate: Option<Certificate>| match &shared.through {
        Some(through) => Caller {
            certificate: Some(through.clone()),
            forwarded: certificate.into_iter().collect(),
            ..shared.caller.clone()
        },
        None => Caller { certificate, ..shared.caller.clone() },
    };
    certificates.into_iter().map(caller).collect()
}

/// What is the same for all callers of a row.
struct Shared {
    caller: Caller,
    through: Option<Certificate>,
}

fn shared(ground: &Ground<'_>, from: &CaseFrom, fields: &Fields, sink: &mut Sink<'_>) -> Shared {
    let mut caller = Caller { tls_version: Some("TLSv1.3".to_owned()), ..Caller::anonymous() };
    if let Some(text) = &from.address {
        match text.parse() {
            Ok(address) => caller.address = Some(address),
            Err(_) => {
                let message = format!("{} is not an IP address", quoted(text));
                sink.report(
                    &fields.path(sink, "from", "address"),
                    Code::CaseText,
                    message,
                    "write one address, such as `10.0.0.1`",
                );
            }
        }
    }
    caller.token = from.claims.as_ref().and_then(|claims| claims.as_object()).cloned();
    for (filter, value) in from.metadata.iter().filter_map(|metadata| metadata.as_object()).flatten() {
        match value {
            Value::Object(said) => {
                caller.metadata.insert(filter.clone(), said.clone());
            }
            _ => {
                let path = format!("{}.{filter}", fields.path(sink, "from", "metadata"));
                let message = format!("the metadata of {} is not a mapping", quoted(filter));
                sink.report(&path, Code::CaseText, message, "write `metadata: {FILTER: {NAME: VALUE}}`");
            }
        }
    }
    let through = from.through.as_ref().and_then(|text| {
        let principal = principal_of(text, ground.trust_domain);
        if principal.is_none() {
            let message = format!("{} is not a service account", quoted(text));
            sink.report(
                &fields.path(sink, "from", "through"),
                Code::CaseText,
                message,
                "write `NAMESPACE/ACCOUNT`, or a principal",
            );
        }
        principal.map(|principal| Certificate::of_principal(&principal))
    });
    Shared { caller, through }
}

fn is_account(text: &str) -> bool {
    text.matches('/').count() == 1
}

/// The requests of a row, each with the port that it comes to.
fn requests(ground: &Ground<'_>, to: &CaseTo, fields: &Fields, sink: &mut Sink<'_>) -> Vec<(Request, u16)> {
    let own_host = vec![ground.egress.spec.host.authority().to_string()];
    let get = vec!["GET".to_owned()];
    let (hosts, methods) = (to.hosts.as_ref().unwrap_or(&own_host), to.methods.as_ref().unwrap_or(&get));
    let first_port = ground.egress.listening_ports().next().map_or(8443, |(_, port)| port);
    let port = to.port.unwrap_or(first_port);
    if to.paths.is_none() && to.grpc.is_none() {
        sink.report(
            &fields.row.path(),
            Code::CaseIncomplete,
            "the case does not say what is requested".to_owned(),
            "write `to: {paths: [/PATH]}`",
        );
    }
    check_texts(to, fields, sink);
    let mut requests = Vec::new();
    for host in hosts {
        for path in to.paths.iter().flatten() {
            let path = match &to.query {
                Some(query) => format!("{path}?{query}"),
                None => path.clone(),
            };
            requests.extend(methods.iter().map(|method| (with_headers(Request::new(method, host, &path), to), port)));
        }
        for call in to.grpc.iter().flatten() {
            let request = Request::new("POST", host, &format!("/{call}")).with("content-type", b"application/grpc");
            requests.push((with_headers(request.with("te", b"trailers"), to), port));
        }
    }
    requests
}

fn with_headers(request: Request, to: &CaseTo) -> Request {
    let headers = to.headers.iter().flatten();
    headers.fold(request, |request, header| request.with(&header.name, header.value.as_bytes()))
}

/// What could not be sent over HTTP at all.
fn check_texts(to: &CaseTo, fields: &Fields, sink: &mut Sink<'_>) {
    let has_space = |text: &str| text.chars().any(|c| c.is_whitespace() || c.is_control());
    let is_token = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
    let mut each = |field: &str, texts: &Option<Vec<String>>, is_wrong: &dyn Fn(&str) -> bool, help: &str| {
        for (position, text) in texts.iter().flatten().enumerate().filter(|(_, text)| is_wrong(text)) {
            let path = format!("{}[{position}]", fields.path(sink, "to", field));
            sink.report(&path, Code::CaseText, format!("{} cannot be sent", quoted(text)), help);
        }
    };
    each("methods", &to.methods, &|text| !is_token(text), "write a method, such as `GET`");
    each(
        "paths",
        &to.paths,
        &|text| has_space(text) || !text.starts_with(['/', '*']),
        "write the path as it is sent: it begins with `/`, and a space is `%20`",
    );
    each("hosts", &to.hosts, &has_space, "write a host, or `HOST:PORT`");
    each(
        "grpc",
        &to.grpc,
        &|text| has_space(text) || text.matches('/').count() != 1 || text.starts_with('/'),
        "write `package.Service/Method`",
    );
    if let Some(query) = to.query.as_ref().filter(|query| has_space(query) || query.starts_with('?')) {
        let path = fields.path(sink, "to", "query");
        sink.report(
            &path,
            Code::CaseText,
            format!("{} cannot be sent as a query", quoted(query)),
            "write it without `?`, and a space as `%20`",
        );
    }
    for (position, header) in to.headers.iter().flatten().enumerate() {
        let path = format!("{}[{position}]", fields.path(sink, "to", "headers"));
        if !is_token(&header.name) {
            sink.report(
                &format!("{path}.name"),
                Code::CaseText,
                format!("{} cannot be the name of a header", quoted(&header.name)),
                "the method, host and path have fields of their own in `to`",
            );
        }
        if header.value.contains(['\r', '\n', '\0']) {
            sink.report(
                &format!("{path}.value"),
                Code::CaseText,
                "the value of a header is one line".to_owned(),
                "write the header again for another line",
            );
        }
    }
}
