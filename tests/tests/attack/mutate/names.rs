//! Names of headers otherwise spelled.

use super::Change;
use crate::data::Protocol;
use crate::reading::folded;

impl Change<'_> {
    /// The header, or trailer, by the names that lenient servers take for its own.
    pub(super) fn names(&mut self, name: &str) {
        let under = name.replace('-', "_");
        let first = name.replacen('-', "_", 1);
        let title = |text: &str| {
            let mut start = true;
            let upper = |c: char| match std::mem::replace(&mut start, !c.is_alphanumeric()) {
                true => c.to_ascii_uppercase(),
                false => c,
            };
            text.chars().map(upper).collect::<String>()
        };
        let mut names = vec![
            under.clone(),
            first.clone(),
            title(name),
            title(&under),
            name.to_uppercase(),
            under.to_uppercase(),
            title(&first),
        ];
        names.extend([format!("{name} "), format!("{name}\t"), format!(" {name}"), format!("{under} ")]);
        names.sort();
        names.dedup();
        for changed in names {
            // Of a name that is in upper case or has a blank HTTP/2 makes nothing at all.
            let only = changed.bytes().any(|byte| byte.is_ascii_uppercase() || byte <= b' ').then_some(Protocol::Http1);
            let rename = |fields: &mut Vec<(Vec<u8>, Vec<u8>)>| {
                fields
                    .iter_mut()
                    .filter(|(key, _)| folded(&String::from_utf8_lossy(key)) == folded(name))
                    .for_each(|(key, _)| *key = changed.clone().into_bytes());
            };
            self.push(format!("as {changed:?}"), only, |request| {
                rename(&mut request.headers);
                rename(&mut request.trailers);
            });
            self.push(format!("beside {changed:?}"), only, |request| {
                let again = |fields: &mut Vec<(Vec<u8>, Vec<u8>)>| {
                    let mut renamed = fields.clone();
                    rename(&mut renamed);
                    renamed.retain(|field| !fields.contains(field));
                    fields.extend(renamed);
                };
                again(&mut request.headers);
                again(&mut request.trailers);
            });
        }
    }
}
