//! The canonical request: built once, the only thing that rules see.

use alloc::borrow::Cow;
use core::cell::OnceCell;
use core::net::IpAddr;

use super::caller::Caller;
use super::doubts::Doubts;
use super::endpoint;
use super::host;
use super::name::{fold, is_token_byte};
use super::path::{self, CanonicalPath};
use super::query;
use super::reading::MAX_READ;
use super::settings::ReadSettings;
use super::table::Values;
use super::token::{Metadata, RequestPrincipal};
use super::view::RequestView;
use crate::side::Sides;
use crate::wire::Ambiguity;

/// One request with one meaning, or with all of its readings side by side.
#[derive(Debug)]
pub struct CanonicalRequest<'a> {
    /// As it came: over HTTP/2 in any case.
    pub(crate) method: &'a [u8],
    /// Without query; see [`path`].
    pub(crate) path: CanonicalPath<'a>,
    /// Lower case, without port and trailing dot.
    pub(crate) host: host::Host<'a>,
    /// The headers that rules read.
    pub(crate) headers: Values<'a>,
    /// The query parameters that rules read.
    pub(crate) parameters: Values<'a>,
    /// Who calls, if a verified certificate says so.
    pub(crate) caller: Caller<'a>,
    /// Where from.
    pub(crate) source: Option<IpAddr>,
    /// To which address and port of the gateway.
    pub(crate) destination: Option<(IpAddr, u16)>,
    /// As the host sees it.
    pub(crate) view: RequestView<'a>,
    /// What verified tokens and other filters said.
    pub(crate) metadata: Metadata,
    /// In which way it is ambiguous for one of the policies.
    pub(crate) doubts: Doubts,
    request_principal: OnceCell<Option<RequestPrincipal>>,
}

impl<'a> CanonicalRequest<'a> {
    /// Reads a request, or says in which way it is ambiguous for both policies.
    #[inline(never)]
    pub(crate) fn read(view: &RequestView<'a>, reading: &'a ReadSettings) -> Result<Self, Doubts> {
        let mut doubts = Doubts::default();
        match Self::read_parts(view, reading, &mut doubts) {
            Ok(request) => Ok(Self { doubts, ..request }),
            Err(kind) => Err(doubts.of_both(kind)),
        }
    }

    fn read_parts(view: &RequestView<'a>, reading: &'a ReadSettings, doubts: &mut Doubts) -> Result<Self, Ambiguity> {
        // From cheap to expensive: most requests of scanners end here, before anything is allocated.
        let essentials = Essentials::find(view.headers)?;
        let method = essentials.method.ok_or(Ambiguity::MalformedMethod)?;
        if method.is_empty() || !method.iter().all(|byte| is_token_byte(*byte)) {
            return Err(Ambiguity::MalformedMethod);
        }
        let host = essentials.authority.and_then(host::parse).ok_or(Ambiguity::MalformedHost)?;
        let raw_path = essentials.path.ok_or(Ambiguity::MalformedPath)?;
        let (path, query) = path::canonical(raw_path, reading.tolerance)?;
        // An expression would read a part of the path only, and a rule must never match by a part.
        if path.text.len() > MAX_READ {
            doubts.raise(reading.path_by_pattern, Ambiguity::ValueTooLong)?;
        }
        Ok(Self {
            method,
            path,
            host,
            headers: read_headers(view.headers, reading, doubts)?,
            parameters: query::read(query, &reading.parameters, reading.tolerance, doubts)?,
            caller: Caller::read(view, reading).or_else(|kind| unread(reading.certificates, kind, doubts))?,
            source: view.source_address.and_then(endpoint::parse).map(|(address, _)| address),
            destination: view.destination_address.and_then(endpoint::parse),
            // Kept for what few rules ask for, such as the content type of gRPC.
            view: *view,
            metadata: view
                .metadata
                .map_or(Ok(Metadata::default()), Metadata::parse)
                .or_else(|kind| unread(reading.metadata, kind, doubts))?,
            doubts: Doubts::default(),
            request_principal: OnceCell::new(),
        })
    }

    /// Issuer and subject of the token.
    pub(crate) fn request_principal(&self) -> Option<&RequestPrincipal> {
        // On first use: most policies have no rule about tokens, and one may ask several times.
        self.request_principal.get_or_init(|| self.metadata.request_principal()).as_ref()
    }

    /// Whether this is a gRPC call.
    pub(crate) fn is_grpc_call(&self) -> bool {
        super::is_grpc_call(self.view.headers)
    }
}

/// In place of what cannot be read: nothing, for a policy that does not look at it.
fn unread<T: Default>(by: Sides, kind: Ambiguity, doubts: &mut Doubts) -> Result<T, Ambiguity> {
    doubts.raise(by, kind)?;
    Ok(T::default())
}

/// The headers every request must have, found in one pass.
#[derive(Default)]
struct Essentials<'a> {
    method: Option<&'a [u8]>,
    path: Option<&'a [u8]>,
    authority: Option<&'a [u8]>,
}

impl<'a> Essentials<'a> {
    fn find(headers: &'a [(&'a [u8], &'a [u8])]) -> Result<Self, Ambiguity> {
        let mut found = Self::default();
        let mut host = None;
        for (name, value) in headers {
            // A look at one byte spares most names five comparisons.
            if !matches!(name.first(), Some(b':' | b'h' | b'u')) {
                continue;
            }
            match *name {
                b":method" => set_once(&mut found.method, value, Ambiguity::MalformedMethod)?,
                b":path" => set_once(&mut found.path, value, Ambiguity::MalformedPath)?,
                b":authority" => set_once(&mut found.authority, value, Ambiguity::MalformedHost)?,
                b"host" => set_once(&mut host, value, Ambiguity::MalformedHost)?,
                b"upgrade" if !value.eq_ignore_ascii_case(b"websocket") => return Err(Ambiguity::UnknownUpgrade),
                _ => {}
            }
        }
        // Envoy turns `host` into `:authority`; where both are there, upstreams of HTTP/2 read the latter.
        found.authority = found.authority.or(host);
        Ok(found)
    }
}

fn set_once<'a>(slot: &mut Option<&'a [u8]>, value: &'a [u8], twice: Ambiguity) -> Result<(), Ambiguity> {
    match slot.replace(value) {
        None => Ok(()),
        // The first or the last: servers disagree, so neither counts.
        Some(_) => Err(twice),
    }
}

/// What rules read of the headers. A server that follows CGI would read the caller's `x_role` where a rule read
/// `x-role`.
#[inline(never)]
fn read_headers<'a>(
    headers: &[(&'a [u8], &'a [u8])],
    reading: &ReadSettings,
    doubts: &mut Doubts,
) -> Result<Values<'a>, Ambiguity> {
    let table = &reading.headers;
    let mut values = Values::new(table);
    if table.is_empty() {
        return Ok(values);
    }
    let twin = Ambiguity::UnderscoreHeader;
    let twin = (!reading.tolerance.allows(twin)).then_some(twin);
    for (name, value) in headers {
        values.take(table, (&fold(name), name), Cow::Borrowed(value), twin, doubts)?;
    }
    values.check_lengths(table, doubts)?;
    Ok(values)
}
