//! `tracing` and `headers`.

use super::Decoder;
use crate::outbound::source::{
    FormatSource, HeadersSource, HygieneSource, ResponseSource, SetSource, TracingModeSource, TracingSource,
};
use crate::problem::Place;
use crate::wire::Json;

const MODES: &[(&str, TracingModeSource)] = &[
    ("envoy", TracingModeSource::Envoy),
    ("standalone", TracingModeSource::Standalone),
    ("strip", TracingModeSource::Strip),
];
const FORMATS: &[(&str, FormatSource)] =
    &[("w3c", FormatSource::W3c), ("b3", FormatSource::B3), ("b3multi", FormatSource::B3Multi)];
const HYGIENES: &[(&str, HygieneSource)] =
    &[("off", HygieneSource::Off), ("compatible", HygieneSource::Compatible), ("strict", HygieneSource::Strict)];

impl Decoder {
    pub(super) fn tracing(&mut self, place: &Place<'_>, json: &Json<'_>) -> Option<TracingSource> {
        let [mode, formats, baggage] = self.fields(place, json, ["mode", "formats", "baggage"])?;
        let listed = &place.field("formats");
        Some(TracingSource {
            mode: self
                .required(place, "mode", mode)
                .map(|json| self.choice(&place.field("mode"), json, MODES))
                .unwrap_or_default(),
            formats: formats
                .map(|json| self.list(listed, json, |this, place, json| this.known(place, json, FORMATS)))
                .unwrap_or_default(),
            baggage: self.texts(place, "baggage", baggage).unwrap_or_default(),
        })
    }

    pub(super) fn headers(&mut self, place: &Place<'_>, json: &Json<'_>) -> Option<HeadersSource> {
        let [hygiene, keep, remove, routed, set, response] =
            self.fields(place, json, ["hygiene", "keep", "remove", "routed", "set", "response"])?;
        Some(HeadersSource {
            hygiene: self
                .required(place, "hygiene", hygiene)
                .map(|json| self.choice(&place.field("hygiene"), json, HYGIENES))
                .unwrap_or_default(),
            keep: self.texts(place, "keep", keep).unwrap_or_default(),
            remove: self.texts(place, "remove", remove).unwrap_or_default(),
            routed: self.texts(place, "routed", routed).unwrap_or_default(),
            set: set.map(|json| self.list(&place.field("set"), json, Self::set_header)).unwrap_or_default(),
            response: response.and_then(|json| self.response(&place.field("response"), json)).unwrap_or_default(),
        })
    }

    fn response(&mut self, place: &Place<'_>, json: &Json<'_>) -> Option<ResponseSource> {
        let [keep, remove] = self.fields(place, json, ["keep", "remove"])?;
        Some(ResponseSource {
            keep: self.texts(place, "keep", keep).unwrap_or_default(),
            remove: self.texts(place, "remove", remove).unwrap_or_default(),
        })
    }

    fn set_header(&mut self, place: &Place<'_>, json: &Json<'_>) -> Option<SetSource> {
        let [name, value] = self.fields(place, json, ["name", "value"])?;
        let name = self.required(place, "name", name);
        let value = self.required(place, "value", value);
        Some(SetSource {
            name: self.text(&place.field("name"), name?),
            value: self.text(&place.field("value"), value?),
        })
    }
}
