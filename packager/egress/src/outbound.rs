//! From `spec.tracing` and `spec.headers` to what the filter and the route do.

use crate::model::outbound::{
    Credential, Headers, Hygiene, ResponseHeaders, SetHeader, TraceFormat, Tracing, TracingMode,
};
use crate::model::{Egress, EgressSpec};
use sallyport_core::answer::ROUTE_HEADER;
use sallyport_core::outbound::hygiene;
use sallyport_core::wire;
use std::collections::BTreeSet;

pub(crate) fn tracing_source(tracing: &Tracing) -> wire::Tracing {
    let Tracing { mode, formats, baggage, provider: _, sampling_per_mille: _, request_id: _ } = tracing;
    let formats = match (formats, mode) {
        (Some(formats), _) => formats.as_slice(),
        (None, TracingMode::Standalone) => &[TraceFormat::W3c],
        (None, TracingMode::Envoy | TracingMode::Strip) => &[],
    };
    wire::Tracing {
        mode: match mode {
            TracingMode::Envoy => wire::TracingMode::Envoy,
            TracingMode::Standalone => wire::TracingMode::Standalone,
            TracingMode::Strip => wire::TracingMode::Strip,
        },
        formats: formats
            .iter()
            .map(|format| match format {
                TraceFormat::W3c => wire::TraceFormat::W3c,
                TraceFormat::B3 => wire::TraceFormat::B3,
                TraceFormat::B3Multi => wire::TraceFormat::B3Multi,
            })
            .collect(),
        baggage: baggage.clone(),
    }
}

/// `standbys`: those whose routes the gateway has, too.
pub(crate) fn headers_source(headers: &Headers, standbys: &[&Egress]) -> wire::Headers {
    let set = |SetHeader { name, value }: &SetHeader| wire::SetHeader { name: name.clone(), value: value.clone() };
    let Headers {
        hygiene,
        keep,
        remove,
        set: all,
        response: ResponseHeaders { keep: kept, remove: removed },
        credential,
    } = headers;
    // What a route sets or removes is not the caller's to say: by no other spelling, and not in trailers.
    let shown = |credential: &Option<Credential>| credential.as_ref().map(|credential| credential.name.clone());
    let of_standbys = standbys.iter().map(|standby| &standby.spec.headers);
    let of_standbys = of_standbys.flat_map(|headers| headers.remove.iter().cloned().chain(shown(&headers.credential)));
    let routed: BTreeSet<String> = shown(credential).into_iter().chain(of_standbys).collect();
    wire::Headers {
        hygiene: hygiene_source(*hygiene),
        keep: keep.clone(),
        remove: remove.clone(),
        routed: routed.into_iter().collect(),
        set: all.iter().map(set).collect(),
        response: wire::ResponseHeaders { keep: kept.clone(), remove: removed.clone() },
    }
}

fn hygiene_source(hygiene: Hygiene) -> wire::Hygiene {
    match hygiene {
        Hygiene::Strict => wire::Hygiene::Strict,
        Hygiene::Compatible => wire::Hygiene::Compatible,
        Hygiene::Off => wire::Hygiene::Off,
    }
}

impl EgressSpec {
    /// The request headers that the route takes away, by name. The filter's mark is always one of them.
    #[must_use]
    pub fn removed_from_requests(&self) -> BTreeSet<&str> {
        let Headers { hygiene, keep, remove, set, .. } = &self.headers;
        let own =
            hygiene::removed_by_route(hygiene_source(*hygiene)).filter(|name| !keep.iter().any(|kept| kept == name));
        // What the filter sets is not the route's to take.
        let own: Vec<&str> = own.filter(|name| !set.iter().any(|set| set.name == **name)).collect();
        own.into_iter().chain(remove.iter().map(String::as_str)).chain([ROUTE_HEADER]).collect()
    }

    /// The response headers that the route takes away, by name.
    #[must_use]
    pub fn removed_from_responses(&self) -> BTreeSet<&str> {
        let own = hygiene::removed_from_responses(hygiene_source(self.headers.hygiene));
        let response = &self.headers.response;
        let own: Vec<&str> = own.filter(|name| !response.keep.iter().any(|kept| kept == name)).collect();
        own.into_iter().chain(response.remove.iter().map(String::as_str)).collect()
    }
}

impl Egress {
    /// The environment variable of the gateway's pods with the upstream's credential.
    #[must_use]
    pub fn credential_variable(&self) -> String {
        format!("SALLYPORT_CREDENTIAL_{}", self.name.to_ascii_uppercase().replace('-', "_"))
    }

    /// The header that shows it, by name and value. Envoy fills the secret in from its environment, so that no manifest,
    /// policy or log has it.
    #[must_use]
    pub fn credential_header(&self) -> Option<(&str, String)> {
        let Credential { name, prefix, .. } = self.spec.headers.credential.as_ref()?;
        // What stands before it is text, and to Envoy a percent sign is none.
        let prefix = prefix.replace('%', "%%");
        Some((name, format!("{prefix}%ENVIRONMENT({})%", self.credential_variable())))
    }
}
