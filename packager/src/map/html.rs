//! The page: one file that asks for no other.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::escape::json_in_script;
use super::model::Map;
use super::observed::Observation;
use super::{json, svg};

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Only the style and the script that are written here are in force, whatever a name contains.
pub(super) fn render(map: &Map, observation: Option<&Observation>) -> String {
    let picture = svg::render(map, observation);
    let data = json_in_script(&json::of_map(map, observation).to_string());
    let policy = format!(
        "default-src 'none'; script-src {}; style-src {} {}; base-uri 'none'; form-action 'none'",
        hash(SCRIPT),
        hash(STYLE),
        hash(svg::STYLE),
    );
    // In this order: what is filled in later may contain the words of places.
    let parts = [("{{policy}}", policy.as_str()), ("{{style}}", STYLE), ("{{script}}", SCRIPT)];
    let mut page = PAGE.to_owned();
    for (place, text) in parts {
        page = page.replace(place, text);
    }
    let (before, rest) = page.split_once("{{picture}}").unwrap_or((&page, ""));
    let (between, after) = rest.split_once("{{data}}").unwrap_or((rest, ""));
    [before, &picture, between, &data, after].concat()
}

/// A source of a Content-Security-Policy that is this text.
pub(crate) fn hash(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text.as_bytes())))
}
