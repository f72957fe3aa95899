//! The map: who may call what through which gateway, and how it goes.
//!
//! # Design
//! A [`Map`] is read off the rules: a caller is what a rule names, so a whole namespace, a pattern and "any caller" are nodes
//! of their own beside the service accounts. [`Observation`] joins what the gateways count. Each format is a function of both
//! to text. The order of the nodes is calculated once (`order`), for the picture and for the page; without a Prometheus, the
//! same files give the same bytes.
//!
//! Names come from files and are not trusted: nothing is written but through `escape`, and the page makes text nodes only.

mod callers;
mod candidate;
mod escape;
mod grants;
mod html;
mod json;
mod line;
mod mermaid;
mod model;
mod observed;
mod order;
mod rows;
mod svg;

pub(crate) use escape::xml;
pub(crate) use html::hash;
pub(crate) use model::Map;
pub(crate) use observed::Observation;

/// The formats of the map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum MapFormat {
    /// One page that needs no other file: search, filters, zoom, a table
    #[default]
    Html,
    /// A picture
    Svg,
    /// A diagram for a README, of at most 60 links
    Mermaid,
    /// For programs: one JSON object with a versioned schema
    Json,
}

impl Map {
    /// The map as text.
    pub(crate) fn render(&self, format: MapFormat, observation: Option<&Observation>) -> String {
        match format {
            MapFormat::Html => html::render(self, observation),
            MapFormat::Svg => svg::render(self, observation),
            MapFormat::Mermaid => mermaid::render(self),
            MapFormat::Json => format!("{:#}\n", json::of_map(self, observation)),
        }
    }
}

#[cfg(test)]
mod tests;
