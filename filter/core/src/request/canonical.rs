//! The canonical request: built once, the only thing that rules see.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::net::IpAddr;

use super::forwarded;
use super::host;
use super::path::{self, Tolerance};
use super::principal::Principal;
use super::token::Metadata;
use super::view::RequestView;
use crate::matcher::grpc::is_grpc_content_type;
use crate::matcher::identity::TrustDomains;
use crate::matcher::method::is_token_byte;
use crate::matcher::network;
use crate::verdict::Ambiguity;

/// How requests are read under one policy.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The names of the mesh's own trust domain.
    pub(crate) domains: TrustDomains,
    /// What is not refused as ambiguous.
    pub(crate) tolerance: Tolerance,
    /// Principals whose `x-forwarded-client-cert` is believed.
    pub(crate) forwarders: Vec<Box<str>>,
    /// The headers with a `-` or `_` in their name that some enforced rule reads.
    pub(crate) headers_with_twins: Vec<Box<[u8]>>,
}

/// One request with one meaning.
#[derive(Debug)]
pub struct CanonicalRequest<'a> {
    /// Upper case.
    pub(crate) method: Cow<'a, [u8]>,
    /// Without query; see [`path`].
    pub(crate) path: Cow<'a, [u8]>,
    /// Raw, without `?`.
    pub(crate) query: Option<&'a [u8]>,
    /// Lower case, without port and trailing dot.
    pub(crate) host: host::Host<'a>,
    /// Whether the content type is gRPC's.
    pub(crate) is_grpc: bool,
    /// Every header in order.
    pub(crate) headers: &'a [(&'a [u8], &'a [u8])],
    /// Who calls, if a verified certificate says so.
    pub(crate) principal: Option<Principal<'a>>,
    /// Where from.
    pub(crate) source: Option<IpAddr>,
    /// To which address and port of the gateway.
    pub(crate) destination: Option<(IpAddr, u16)>,
    /// The name asked for in the TLS handshake.
    pub(crate) sni: Option<&'a [u8]>,
    metadata: Option<&'a [u8]>,
    parsed_metadata: OnceCell<Metadata>,
    request_principal: OnceCell<Option<String>>,
}

impl<'a> CanonicalRequest<'a> {
    /// Reads a request, or says in which way it is ambiguous.
    pub(crate) fn read(view: &RequestView<'a>, reading: &'a Reading) -> Result<Self, Ambiguity> {
        let essentials = Essentials::find(view.headers)?;
        let method = essentials.method.ok_or(Ambiguity::MalformedMethod)?;
        if method.is_empty() || !method.iter().all(|byte| is_token_byte(*byte)) {
            return Err(Ambiguity::MalformedMethod);
        }
        let method = if method.iter().any(u8::is_ascii_lowercase) {
            Cow::Owned(method.to_ascii_uppercase())
        } else {
            Cow::Borrowed(method)
        };
        let host = essentials.authority.and_then(host::parse).ok_or(Ambiguity::MalformedHost)?;
        let raw_path = essentials.path.ok_or(Ambiguity::MalformedPath)?;
        let (path, query) = path::canonical(raw_path, reading.tolerance)?;
        if !reading.headers_with_twins.is_empty() && !reading.tolerance.allows(Ambiguity::UnderscoreHeader) {
            refuse_twins(view.headers, &reading.headers_with_twins)?;
        }
        Ok(Self {
            method,
            path,
            query,
            host,
            is_grpc: essentials.is_grpc,
            headers: view.headers,
            principal: caller(view, reading)?,
            source: view.source_address.and_then(network::parse_endpoint).map(|(address, _)| address),
            destination: view.destination_address.and_then(network::parse_endpoint),
            sni: view.sni.filter(|name| !name.is_empty()),
            metadata: view.metadata,
            parsed_metadata: OnceCell::new(),
            request_principal: OnceCell::new(),
        })
    }

    /// The dynamic metadata, parsed when first asked for.
    pub(crate) fn metadata(&self) -> &Metadata {
        self.parsed_metadata.get_or_init(|| self.metadata.map(Metadata::parse).unwrap_or_default())
    }

    /// `ISS/SUB` of the token.
    pub(crate) fn request_principal(&self) -> Option<&str> {
        self.request_principal.get_or_init(|| self.metadata().request_principal()).as_deref()
    }

    /// Every value of a header; `name` in lower case.
    pub(crate) fn header<'r>(&'r self, name: &'r [u8]) -> impl Iterator<Item = &'a [u8]> + 'r {
        self.headers.iter().filter(move |(key, _)| *key == name).map(|(_, value)| *value)
    }
}

/// The headers every request must have, found in one pass.
#[derive(Default)]
struct Essentials<'a> {
    method: Option<&'a [u8]>,
    path: Option<&'a [u8]>,
    authority: Option<&'a [u8]>,
    is_grpc: bool,
}

impl<'a> Essentials<'a> {
    fn find(headers: &'a [(&'a [u8], &'a [u8])]) -> Result<Self, Ambiguity> {
        let mut found = Self::default();
        let mut host = None;
        for (name, value) in headers {
            match *name {
                b":method" => set_once(&mut found.method, value, Ambiguity::MalformedMethod)?,
                b":path" => set_once(&mut found.path, value, Ambiguity::MalformedPath)?,
                b":authority" => set_once(&mut found.authority, value, Ambiguity::MalformedHost)?,
                b"host" => set_once(&mut host, value, Ambiguity::MalformedHost)?,
                b"upgrade" if !value.eq_ignore_ascii_case(b"websocket") => return Err(Ambiguity::UnknownUpgrade),
                b"content-type" => found.is_grpc |= is_grpc_content_type(value),
                _ => {}
            }
        }
        found.authority = found.authority.or(host);
        Ok(found)
    }
}

fn set_once<'a>(slot: &mut Option<&'a [u8]>, value: &'a [u8], twice: Ambiguity) -> Result<(), Ambiguity> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(twice),
    }
}

/// A server that maps `-` and `_` to one name (CGI does) would read the caller's `x_role` where a rule read `x-role`.
fn refuse_twins(headers: &[(&[u8], &[u8])], read: &[Box<[u8]>]) -> Result<(), Ambiguity> {
    let is_dash = |byte: &u8| matches!(byte, b'-' | b'_');
    let is_twin = |name: &[u8], read: &[u8]| {
        name.len() == read.len()
            && name != read
            && name.iter().zip(read).all(|(ours, theirs)| ours == theirs || (is_dash(ours) && is_dash(theirs)))
    };
    for (name, _) in headers {
        if read.iter().any(|read| is_twin(name, read)) {
            return Err(Ambiguity::UnderscoreHeader);
        }
    }
    Ok(())
}

/// The caller: the peer, or whom a trusted forwarder speaks for.
fn caller<'a>(view: &RequestView<'a>, reading: &'a Reading) -> Result<Option<Principal<'a>>, Ambiguity> {
    let peer = match view.peer.uri_san {
        Some(uri) if view.peer.mtls => Principal::from_uri_san(uri, &reading.domains),
        _ => None,
    };
    match peer {
        Some(forwarder) if reading.forwarders.iter().any(|trusted| **trusted == *forwarder.as_str()) => {
            spoken_for(view, reading, forwarder)
        }
        peer => Ok(peer),
    }
}

fn spoken_for<'a>(
    view: &RequestView<'a>,
    reading: &'a Reading,
    forwarder: Principal<'a>,
) -> Result<Option<Principal<'a>>, Ambiguity> {
    let mut last_other = None;
    for (name, line) in view.headers {
        if *name != forwarded::HEADER {
            continue;
        }
        for element in forwarded::parse(line).map_err(|_| Ambiguity::MalformedForwardedIdentity)? {
            let principal = match &element.uri {
                Some(uri) => Principal::from_uri_san(uri, &reading.domains).map(Principal::into_owned),
                None => None,
            };
            if principal.as_ref().is_none_or(|principal| principal.as_str() != forwarder.as_str()) {
                last_other = Some(principal);
            }
        }
    }
    Ok(last_other.unwrap_or(Some(forwarder)))
}
