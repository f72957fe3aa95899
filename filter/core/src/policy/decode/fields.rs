//! Mappings, lists and values of a tree, each wrong one reported in its place.

use std::borrow::Cow;

use super::{Decoder, flaw};
use crate::problem::{Listed, Place};
use crate::wire::Json;

impl Decoder {
    /// The named fields of a mapping, in order of the names; anything else in it is reported.
    pub(super) fn fields<'j, const N: usize>(
        &mut self,
        place: &Place<'_>,
        json: &'j Json<'_>,
        names: [&'static str; N],
    ) -> Option<[Option<&'j Json<'j>>; N]> {
        let Json::Map(entries) = json else {
            self.wrong_type(place, "a mapping", json);
            return None;
        };
        let mut found = [None; N];
        self.sort(place, entries, &names, &mut found);
        Some(found)
    }

    /// The part of [`Self::fields`] that does not depend on their number.
    pub(super) fn sort<'j>(
        &mut self,
        place: &Place<'_>,
        entries: &'j [(Cow<'j, str>, Json<'j>)],
        names: &[&str],
        found: &mut [Option<&'j Json<'j>>],
    ) {
        for (name, value) in entries {
            let slot = names.iter().position(|known| known == name).and_then(|position| found.get_mut(position));
            match slot {
                Some(slot) if slot.is_none() => *slot = Some(value),
                Some(_) => self.report(place, flaw(format_args!("the field `{name}` stands twice"))),
                None => self.report(
                    place,
                    flaw(format_args!("the field `{name}` is unknown"))
                        .help(format_args!("the fields are {}", Listed(names.iter().copied()))),
                ),
            }
        }
    }

    /// The fields of a mapping in which each is a list of texts.
    pub(super) fn text_fields<const N: usize>(
        &mut self,
        place: &Place<'_>,
        json: &Json<'_>,
        names: [&'static str; N],
    ) -> Option<[Option<Vec<String>>; N]> {
        let found = self.fields(place, json, names)?;
        let mut lists = found.into_iter().zip(names);
        Some(std::array::from_fn(|_| {
            let (found, name) = lists.next()?;
            self.texts(place, name, found)
        }))
    }

    pub(super) fn required<'j>(
        &mut self,
        place: &Place<'_>,
        name: &'static str,
        found: Option<&'j Json<'j>>,
    ) -> Option<&'j Json<'j>> {
        if found.is_none() {
            self.report(place, flaw(format_args!("the field `{name}` is missing")));
        }
        found
    }

    pub(super) fn list<T>(
        &mut self,
        place: &Place<'_>,
        json: &Json<'_>,
        read: impl Fn(&mut Self, &Place<'_>, &Json<'_>) -> Option<T>,
    ) -> Vec<T> {
        let mut list = Vec::new();
        self.each_item(place, json, &mut |this, place, json| list.extend(read(this, place, json)));
        list
    }

    /// The part of [`Self::list`] that is the same for all.
    pub(super) fn each_item(
        &mut self,
        place: &Place<'_>,
        json: &Json<'_>,
        read: &mut dyn FnMut(&mut Self, &Place<'_>, &Json<'_>),
    ) {
        let Json::List(items) = json else { return self.wrong_type(place, "a list", json) };
        for (position, item) in items.iter().enumerate() {
            read(self, &place.item(position), item);
        }
    }

    pub(super) fn texts(
        &mut self,
        parent: &Place<'_>,
        name: &'static str,
        json: Option<&Json<'_>>,
    ) -> Option<Vec<String>> {
        let json = json?;
        Some(self.list(&parent.field(name), json, |this, place, json| Some(this.text(place, json))))
    }

    pub(super) fn text(&mut self, place: &Place<'_>, json: &Json<'_>) -> String {
        match json {
            Json::Text(text) => text.clone().into_owned(),
            other => {
                self.wrong_type(place, "a string", other);
                String::new()
            }
        }
    }

    pub(super) fn number(&mut self, place: &Place<'_>, json: &Json<'_>) -> u32 {
        match json {
            Json::Whole(number) => *number,
            other => {
                self.wrong_type(place, "a whole number", other);
                0
            }
        }
    }

    pub(super) fn flag(&mut self, place: &Place<'_>, json: &Json<'_>) -> bool {
        match json {
            Json::Boolean(flag) => *flag,
            other => {
                self.wrong_type(place, "true or false", other);
                false
            }
        }
    }

    pub(super) fn choice<T: Copy + Default>(&mut self, place: &Place<'_>, json: &Json<'_>, choices: &[(&str, T)]) -> T {
        self.known(place, json, choices).unwrap_or_default()
    }

    pub(super) fn known<T: Copy>(&mut self, place: &Place<'_>, json: &Json<'_>, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(place, json);
        let known = choices.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        if known.is_none() && matches!(json, Json::Text(_)) {
            let names = Listed(choices.iter().map(|(name, _)| *name));
            self.report(place, flaw(format_args!("`{text}` is not known here")).help(format_args!("write {names}")));
        }
        known
    }

    pub(super) fn wrong_type(&mut self, place: &Place<'_>, wanted: &str, found: &Json<'_>) {
        self.report(place, flaw(format_args!("{wanted} is wanted, {} was found", found.kind())));
    }
}
