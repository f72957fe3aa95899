//! One page that asks for no other file, and has no script.

use super::item::{Callers, Item};
use super::text::{INTRODUCTION, NOTHING, fields};
use crate::map::{hash, xml};
use crate::printable::visible;

const STYLE: &str = include_str!("page.css");

/// Only the style that is written here is in force, whatever a request contains.
pub(super) fn render(callers: &Callers) -> String {
    let policy = format!("default-src 'none'; style-src {}; base-uri 'none'; form-action 'none'", hash(STYLE));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>Would have been refused</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>Would have been refused</h1>\n",
        xml(&policy)
    );
    page.push_str(&format!("<p>{}</p>\n", xml(if callers.is_empty() { NOTHING } else { INTRODUCTION })));
    for (caller, items) in callers {
        page.push_str(&format!("<section>\n<h2>{}</h2>\n", shown(caller)));
        items.iter().for_each(|item| push(&mut page, item));
        page.push_str("</section>\n");
    }
    page + "</main>\n</body>\n</html>\n"
}

fn push(page: &mut String, item: &Item) {
    page.push_str("<article>\n<dl>\n");
    for (name, value) in fields(item) {
        page.push_str(&format!("<dt>{}</dt><dd>{}</dd>\n", xml(name), shown(&value)));
    }
    page.push_str("</dl>\n");
    if !item.explained.is_empty() {
        page.push_str("<table>\n<caption>What the next rules make of it</caption>\n<tbody>\n");
        for (rule, what) in &item.explained {
            page.push_str(&format!("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", shown(rule), shown(what)));
        }
        page.push_str("</tbody>\n</table>\n");
    }
    page.push_str("</article>\n");
}

fn shown(text: &str) -> String {
    xml(&visible(text))
}
