//! What the declaration of a field cannot say: fields that depend on each other.

mod callers;
pub(super) mod candidate;
pub(super) mod cases;
mod deploy;
mod labels;
pub(super) mod mesh;
mod number;
mod outbound;
mod paths;
mod providers;
pub(super) mod rollout;
mod upstream;

use super::defaults::Defaults;
use crate::code::Code;
use crate::diagnostic::{Sink, Span, UnplacedDiagnostic};
use crate::model::{TlsMode, UpstreamTls};
use crate::value::file_path::CERTIFICATES;
use crate::wording::quoted;
use crate::yaml::tree::{Entry, Node};
use sallyport_core::policy::key::{Topic, topic_of};
use std::collections::HashMap;

/// What a client presents, and the usual names of the files in a Secret.
pub(super) const CLIENT: [(&str, &str); 2] = [("clientCertificate", "tls.crt"), ("privateKey", "tls.key")];

/// Reports fields of an Egress that contradict each other.
pub(crate) fn check(root: &Node, defaults: &Defaults, sink: &mut Sink) {
    if let Some(labels) = root.descend(&["metadata", "labels"]) {
        labels::check(labels, sink);
    }
    let Some(spec) = root.get("spec") else { return };
    if let Some(tls) = spec.descend(&["upstream", "tls"]) {
        check_tls(tls, sink);
        check_folders(tls, sink);
    }
    if let Some(node) = spec.get("upstream") {
        upstream::check(node, sink);
    }
    callers::check(spec, sink);
    paths::check(spec.items_at(&["route", "paths"]), sink);
    deploy::check(spec, defaults, sink);
    outbound::check(spec, defaults, sink);
    let issuers = spec.descend(&["authn", "jwt"]).map_or(&[][..], Node::items);
    check_issuers(issuers, sink);
    if issuers.is_empty() {
        let rules = spec.descend(&["authz", "rules"]).map_or(&[][..], Node::items);
        rules.iter().for_each(|rule| warn_of_tokens(rule, sink));
    }
}

fn check_tls(tls: &Node, sink: &mut Sink) {
    let mode = match tls.get("mode") {
        Some(mode) => mode.text().and_then(TlsMode::parse),
        None => Some(UpstreamTls::default().mode),
    };
    let mut refuse = |entry: &Entry, code, problem: &str, help: &str| {
        sink.report(
            entry.key.span,
            UnplacedDiagnostic::new(code, format!("`{}` {problem}", entry.key.name)).help(help),
        );
    };
    let written = |names: &'static [&'static str]| names.iter().filter_map(|name| tls.entry(name));
    match mode {
        Some(TlsMode::None) => {
            for entry in written(&["sni", "subjectAltNames", "caCertificates", "clientCertificate", "privateKey"]) {
                refuse(
                    entry,
                    Code::TlsFieldWithoutTls,
                    "is not used with `mode: NONE`",
                    "remove it, or write `mode: SIMPLE`",
                );
            }
        }
        Some(TlsMode::Simple) => {
            for entry in written(&["clientCertificate", "privateKey"]) {
                refuse(
                    entry,
                    Code::CertificateWithoutMutual,
                    "needs `mode: MUTUAL`",
                    "write `mode: MUTUAL`, or remove it",
                );
            }
        }
        // Who writes Istio's `credentialName` is told what to write instead of it.
        Some(TlsMode::Mutual) if tls.get("credentialName").is_some() => {}
        Some(TlsMode::Mutual) => {
            let missing: Vec<_> = CLIENT.iter().filter(|(name, _)| tls.get(name).is_none()).collect();
            if let (Some(entry), false) = (tls.entry("mode"), missing.is_empty()) {
                let names: Vec<_> = missing.iter().map(|(name, _)| format!("`{name}`")).collect();
                let paths: Vec<_> =
                    missing.iter().map(|(name, file)| format!("`{name}: {CERTIFICATES}/{file}`")).collect();
                let flaw = UnplacedDiagnostic::new(
                    Code::MutualWithoutCertificate,
                    format!("`mode: MUTUAL` needs {}", names.join(" and ")),
                );
                let help = format!("write {}, or `mode: SIMPLE`", paths.join(" and "));
                sink.report(entry.value.span, flaw.help(help));
            }
        }
        None => {}
    }
}

/// A file below another path makes that path a folder. What is wrong with a path alone was reported already.
fn check_folders(tls: &Node, sink: &mut Sink) {
    const PATHS: [&str; 3] = ["caCertificates", "clientCertificate", "privateKey"];
    let paths = || PATHS.iter().filter_map(|name| tls.get(name)).filter_map(|node| Some((node.text()?, node)));
    for (folder, node) in paths().filter(|(folder, _)| !folder.is_empty()) {
        let is_below =
            |file: &str| file.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/') && rest.len() > 1);
        if let Some((file, _)) = paths().find(|(file, _)| is_below(file)) {
            let message = format!("{} is the folder of {}, not a file", quoted(folder), quoted(file));
            sink.report(
                node.span,
                UnplacedDiagnostic::new(Code::FilePath, message).help("write the path of a file in it"),
            );
        }
    }
}

fn check_issuers(issuers: &[Node], sink: &mut Sink) {
    let mut seen: HashMap<&str, Span> = HashMap::new();
    for issuer in issuers {
        check_key_source(issuer, sink);
        let Some((name, node)) = issuer.get("issuer").and_then(|node| Some((node.text()?, node))) else { continue };
        if let Some(first) = seen.get(name) {
            let flaw =
                UnplacedDiagnostic::new(Code::DuplicateIssuer, format!("the issuer {} is written twice", quoted(name)));
            sink.report_twice(node.span, *first, flaw.help("write one entry with all `audiences`"));
        } else {
            seen.insert(name, node.span);
        }
    }
}

fn check_key_source(issuer: &Node, sink: &mut Sink) {
    match (issuer.entry("jwks"), issuer.entry("jwksUri")) {
        (Some(jwks), Some(uri)) => {
            let (first, second) = if jwks.key.span < uri.key.span { (jwks, uri) } else { (uri, jwks) };
            let flaw = UnplacedDiagnostic::new(Code::JwtKeySource, "the issuer has both `jwks` and `jwksUri`");
            sink.report_twice(second.key.span, first.key.span, flaw.help("keep one of the two"));
        }
        (None, None) if !issuer.entries().is_empty() => {
            let flaw = UnplacedDiagnostic::new(Code::JwtKeySource, "the issuer has neither `jwks` nor `jwksUri`");
            sink.report(issuer.span, flaw.help("write where its keys are: `jwksUri: https://...`"));
        }
        _ => {}
    }
}

/// Without an issuer no token is trusted, so these fields look at something that is never there.
fn warn_of_tokens(rule: &Node, sink: &mut Sink) {
    let mut warn = |span, what: &str| {
        let flaw = UnplacedDiagnostic::new(
            Code::TokenRuleWithoutIssuer,
            format!("{} needs a token, but no issuer is trusted", quoted(what)),
        );
        sink.report(span, flaw.help("write the issuer in `authn.jwt`"));
    };
    for from in rule.get("from").map_or(&[][..], Node::items) {
        for name in ["requestPrincipals", "notRequestPrincipals"] {
            if let Some(entry) = from.get("source").and_then(|source| source.entry(name)) {
                warn(entry.key.span, name);
            }
        }
    }
    for condition in rule.get("when").map_or(&[][..], Node::items) {
        let Some(key) = condition.get("key") else {
            continue;
        };
        if let Some(text) = key.text().filter(|text| topic_of(text) == Some(Topic::Token)) {
            warn(key.span, text);
        }
    }
}
