//! One line of a log: the request that it is about, and what became of that.

mod text;

use std::borrow::Cow;

use sallyport_core::request::parse_certificates;

use super::fields::{Fact, Fields};
use super::moment::Moment;
use super::seen::{Fate, Kind, Seen, Unread, is_unlisted, without_query};

/// What an identity in a certificate begins with; a principal may be written without it.
const SCHEME: &str = "spiffe://";

/// Reads a line. `own` is a further key for the identity of the caller.
pub(super) fn read<'l>(line: &'l str, own: Option<&str>) -> Result<Seen<'l>, Unread> {
    let json = line.find('{');
    let of_filter = text::start(line);
    match (json, of_filter) {
        // What `kubectl logs` or Envoy writes before it is skipped.
        (Some(json), other) if other.is_none_or(|other| json < other) => {
            let before = line.get(..json).unwrap_or_default();
            let fields = Fields::read(line.get(json..).unwrap_or_default().trim_end(), own);
            of_fields(fields.ok_or(Unread::Broken)?, before)
        }
        (_, Some(start)) => text::read(line, start),
        _ => Err(Unread::Other),
    }
}

fn of_fields<'l>(mut fields: Fields<'l>, before: &str) -> Result<Seen<'l>, Unread> {
    let is_example = fields.get(Fact::Sallyport) == Some("candidate");
    let fate = if is_example { fate_of_example(&fields) } else { fate(&fields) };
    let is_request = fields.get(Fact::Method).is_some() || fields.get(Fact::Status).is_some();
    let (Some(method), Some(path)) = (fields.take(Fact::Method), fields.take(Fact::Path)) else {
        return Err(if is_request { Unread::NotHttp } else { Unread::Other });
    };
    let caller = fields.take(Fact::Caller);
    let peer = match fields.take(Fact::Peer) {
        // A principal without its scheme is one, too.
        Some(peer) if peer.contains("://") => Some(peer),
        Some(peer) => Some(Cow::Owned(format!("{SCHEME}{peer}"))),
        None => fields.get(Fact::Certificates).and_then(last_certificate).map(Cow::Owned),
    };
    let bare = |caller: Cow<'l, str>| match caller.strip_prefix(SCHEME) {
        Some(bare) => Cow::Owned(bare.to_owned()),
        None => caller,
    };
    let (peer, caller) = match (peer, caller) {
        // Who names the key `caller` for the identity in the certificate has a scheme in it, which our own log has not.
        (None, Some(caller)) if is_example || caller.starts_with(SCHEME) => {
            (Cow::Owned(format!("{SCHEME}{}", bare(caller))), None)
        }
        (None, _) => return Err(Unread::NoPrincipal),
        (Some(peer), caller) => {
            let behind_it = caller.filter(|caller| *caller != peer).map(bare);
            (peer, behind_it)
        }
    };
    let at = fields.get(Fact::Time).and_then(Moment::read).or_else(|| Moment::read(before));
    Ok(Seen {
        kind: if is_example { Kind::Example } else { Kind::Access },
        method,
        host: fields.take(Fact::Host),
        server_name: fields.take(Fact::ServerName),
        path: without_query(path),
        peer,
        caller,
        address: fields.take(Fact::Address).map(without_port),
        at,
        fate,
        rule: fields.take(Fact::Rule),
    })
}

/// What became of a request according to the access log.
fn fate(fields: &Fields<'_>) -> Fate {
    let reason = fields.get(Fact::Reason).unwrap_or_default();
    let of_filter = reason.strip_prefix("sallyport:");
    if fields.get(Fact::Decision) == Some("refused") || of_filter.is_some() {
        let reason = of_filter.unwrap_or(reason);
        // While the upstream is down, what the policy allows is refused.
        return if reason.starts_with("upstream_down") { Fate::Reached } else { Fate::Refused(reason.to_owned()) };
    }
    if let Some(would) = fields.get(Fact::Shadow).and_then(|shadow| shadow.strip_prefix("would_refuse:"))
        && !is_unlisted(would)
    {
        return Fate::WouldBeRefused(would.to_owned());
    }
    let status = fields.get(Fact::Status).unwrap_or_default();
    let by_gateway = !matches!(reason, "" | "via_upstream");
    match (status, fields.get(Fact::GrpcStatus).unwrap_or_default().to_ascii_uppercase().as_str()) {
        ("400" | "401" | "403", _) if by_gateway => Fate::Refused(reason.to_owned()),
        ("401" | "403", _) => Fate::Forbidden(status.to_owned()),
        ("404" | "405" | "410" | "501", _) => Fate::NotFound(status.to_owned()),
        (_, grpc @ ("PERMISSION_DENIED" | "PERMISSIONDENIED" | "UNAUTHENTICATED")) => Fate::Forbidden(grpc.to_owned()),
        (_, "UNIMPLEMENTED") => Fate::NotFound("UNIMPLEMENTED".to_owned()),
        _ => Fate::Reached,
    }
}

/// What became of a request according to an example of a candidate.
fn fate_of_example(fields: &Fields<'_>) -> Fate {
    let refused = |fact| fields.get(fact).and_then(|text| text.strip_prefix("refused:"));
    match (refused(Fact::InForce), refused(Fact::Candidate)) {
        (Some(reason), _) => Fate::Refused(reason.to_owned()),
        (None, Some(reason)) if !is_unlisted(reason) => Fate::WouldBeRefused(reason.to_owned()),
        (None, _) => Fate::Reached,
    }
}

/// The URI names of the newest certificate.
fn last_certificate(header: &str) -> Option<String> {
    let elements = parse_certificates(header.as_bytes()).ok()?;
    let uris = &elements.last()?.uris;
    let uris: Option<Vec<_>> = uris.iter().map(|uri| std::str::from_utf8(uri).ok()).collect();
    uris.map(|uris| uris.join(",")).filter(|uris| !uris.is_empty())
}

/// `10.1.2.3:4567` without the port, `[::1]:4567` without brackets and port.
fn without_port(address: Cow<'_, str>) -> Cow<'_, str> {
    match address.parse::<std::net::SocketAddr>() {
        Ok(socket) => Cow::Owned(socket.ip().to_string()),
        Err(_) => address,
    }
}

#[cfg(test)]
mod tests;
