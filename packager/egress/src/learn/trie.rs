//! The paths of one caller, segment by segment, in bounded memory.
//!
//! # Design
//!
//! A log has millions of paths of a few shapes. Where more than [`MOST_VALUES`] values of one segment are known, they become
//! one: the node below keeps what all of them have, and no longer which value has what. Which segments are general is decided
//! later ([`generalise`](super::generalise)), with a lower threshold; here only what is general in any case is forgotten. Ids and
//! names are counted apart, so that `/orders/export` stays beside a thousand numbers.

use super::evidence::Evidence;
use super::likeness::is_like_an_id;

/// Values of one segment that are kept apart.
pub const MOST_VALUES: usize = 256;
/// Segments of all paths that are kept apart.
pub const MOST_SEGMENTS: usize = 200_000;
/// Segments of one path.
pub const DEEPEST: usize = 64;
/// Examples that are kept of what has become one.
const MOST_SAMPLES: usize = 16;
/// Other spellings of one path. Each has to be written beside the usual one.
const MOST_SPELLINGS: usize = 64;

/// What is known of a segment, and below it.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) names: Vec<(Box<str>, Node)>,
    pub(super) ids: Vec<(Box<str>, Node)>,
    pub(super) any: Option<Box<Any>>,
    pub(super) ends: Vec<End>,
}

/// Values that have become one.
#[derive(Debug, Default)]
pub(super) struct Any {
    pub(super) node: Node,
    /// Whether there are names among them.
    pub(super) has_names: bool,
    /// How many they were when they became one.
    pub(super) values: usize,
    pub(super) examples: Vec<Box<str>>,
}

/// A method with which a path was requested.
#[derive(Debug)]
pub(super) struct End {
    pub(super) method: u16,
    pub(super) evidence: Evidence,
    /// Some paths as the log has them.
    pub(super) samples: Vec<Box<str>>,
    /// Paths as the log has them, of those that have another canonical form.
    pub(super) spellings: Vec<Box<str>>,
}

/// Why a path is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// [`MOST_SEGMENTS`] are kept.
    Segments,
    /// A caller has [`MOST_VALUES`] names as first segments.
    FirstSegments,
    /// A path has [`MOST_SPELLINGS`].
    Spellings,
}

impl Node {
    /// The end of a path, made if it is new.
    pub(super) fn end(&mut self, segments: &[&str], method: u16, left: &mut usize) -> Result<&mut End, Full> {
        self.below(segments, true, left)?.end_of(method).ok_or(Full::Segments)
    }

    fn below(&mut self, segments: &[&str], is_first: bool, left: &mut usize) -> Result<&mut Self, Full> {
        match segments.split_first() {
            None => Ok(self),
            Some((segment, rest)) => self.child(segment, is_first, left)?.below(rest, false, left),
        }
    }

    fn child(&mut self, segment: &str, is_first: bool, left: &mut usize) -> Result<&mut Self, Full> {
        let is_id = is_like_an_id(segment);
        let is_of = |any: &Any| is_id || (any.has_names && !segment.is_empty());
        if self.any.as_deref().is_some_and(is_of) {
            return Ok(&mut self.any.get_or_insert_default().node);
        }
        let list = if is_id { &mut self.ids } else { &mut self.names };
        let position = list.binary_search_by(|(known, _)| (**known).cmp(segment));
        if position.is_err() && list.len() >= MOST_VALUES {
            if is_first && !is_id {
                return Err(Full::FirstSegments);
            }
            let before = self.size();
            self.make_one(!is_id);
            *left = left.saturating_add(before.saturating_sub(self.size()));
            // The empty one behind a last slash is a name that stays.
            if !segment.is_empty() {
                return Ok(&mut self.any.get_or_insert_default().node);
            }
            return self.child(segment, is_first, left);
        }
        let list = if is_id { &mut self.ids } else { &mut self.names };
        let position = match position {
            Ok(position) => position,
            Err(position) => {
                *left = left.checked_sub(1).ok_or(Full::Segments)?;
                if list.is_empty() {
                    list.reserve_exact(1);
                }
                list.insert(position, (segment.into(), Self::default()));
                position
            }
        };
        list.get_mut(position).map(|(_, node)| node).ok_or(Full::Segments)
    }

    /// Makes one of all ids, and of all names, too, if these are meant.
    pub(super) fn make_one(&mut self, with_names: bool) {
        let mut any = self.any.take().unwrap_or_default();
        let mut all = std::mem::take(&mut self.ids);
        if with_names {
            any.has_names = true;
            let names = std::mem::take(&mut self.names).into_iter();
            let (empty, names): (Vec<_>, Vec<_>) = names.partition(|(name, _)| name.is_empty());
            self.names = empty;
            all.extend(names);
        }
        any.values = any.values.saturating_add(all.len());
        for (value, node) in all {
            if any.examples.len() < MOST_SAMPLES {
                any.examples.push(value);
            }
            any.node.absorb(node);
        }
        self.any = Some(any);
    }

    /// Takes all that is below another node.
    pub(super) fn absorb(&mut self, other: Self) {
        for (list, others) in [(&mut self.names, other.names), (&mut self.ids, other.ids)] {
            for (value, node) in others {
                match list.binary_search_by(|(known, _)| known.cmp(&value)) {
                    Ok(position) => {
                        if let Some((_, known)) = list.get_mut(position) {
                            known.absorb(node);
                        }
                    }
                    Err(position) => list.insert(position, (value, node)),
                }
            }
        }
        if let Some(theirs) = other.any {
            let any = self.any.get_or_insert_default();
            any.has_names |= theirs.has_names;
            any.values = any.values.max(theirs.values);
            any.examples.extend(theirs.examples);
            any.examples.truncate(MOST_SAMPLES);
            any.node.absorb(theirs.node);
        }
        // What has become one on either side, or is too much on both together, is one.
        let has_names = self.any.as_ref().is_some_and(|any| any.has_names);
        if has_names || self.names.len() > MOST_VALUES {
            self.make_one(true);
        } else if self.any.is_some() || self.ids.len() > MOST_VALUES {
            self.make_one(false);
        }
        for end in other.ends {
            if let Some(own) = self.end_of(end.method) {
                own.absorb(end);
            }
        }
    }

    fn end_of(&mut self, method: u16) -> Option<&mut End> {
        let position = match self.ends.binary_search_by_key(&method, |end| end.method) {
            Ok(position) => position,
            Err(position) => {
                let new = End { method, evidence: Evidence::default(), samples: Vec::new(), spellings: Vec::new() };
                self.ends.insert(position, new);
                position
            }
        };
        self.ends.get_mut(position)
    }

    /// How many segments are kept below.
    fn size(&self) -> usize {
        let all = self.names.iter().chain(&self.ids).map(|(_, node)| node.size().saturating_add(1));
        all.chain(self.any.as_ref().map(|any| any.node.size())).fold(0, usize::saturating_add)
    }
}

impl End {
    /// Notes a path as the log has it.
    pub(super) fn note(&mut self, path: &str, is_canonical: bool) -> Result<(), Full> {
        let (list, most) = match is_canonical {
            true => (&mut self.samples, MOST_SAMPLES),
            false => (&mut self.spellings, MOST_SPELLINGS),
        };
        if list.iter().any(|known| **known == *path) {
            return Ok(());
        }
        match (list.len() < most, is_canonical) {
            (true, _) => list.push(path.into()),
            (false, true) => {}
            (false, false) => return Err(Full::Spellings),
        }
        Ok(())
    }

    fn absorb(&mut self, other: Self) {
        self.evidence.absorb(&other.evidence);
        for (path, is_canonical) in
            other.samples.iter().map(|path| (path, true)).chain(other.spellings.iter().map(|path| (path, false)))
        {
            // Beyond the limit a spelling is not kept here; the replay says so if a rule needs it.
            let _ = self.note(path, is_canonical);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn see(node: &mut Node, path: &str, left: &mut usize) -> Result<(), Full> {
        let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let end = node.end(&segments, 0, left)?;
        end.evidence.see(super::super::seen::Kind::Access, None, None);
        end.note(path, true)
    }

    #[test]
    fn many_values_become_one_and_names_stay_beside_ids() {
        let (mut root, mut left) = (Node::default(), 10_000);
        see(&mut root, "/orders/export", &mut left).unwrap();
        for id in 0..5000 {
            see(&mut root, &format!("/orders/{id}"), &mut left).unwrap();
            see(&mut root, &format!("/orders/{id}/items"), &mut left).unwrap();
        }
        let orders = &root.names[0].1;
        assert_eq!((orders.ids.len(), orders.names.len()), (0, 1));
        let any = orders.any.as_ref().unwrap();
        assert_eq!((any.has_names, any.values), (false, MOST_VALUES));
        assert_eq!(any.node.ends[0].evidence.calls(), 5000);
        assert_eq!(any.node.ends[0].samples.len(), MOST_SAMPLES);
        assert_eq!(any.node.names[0].1.ends[0].evidence.calls(), 5000);
        assert!(left > 9_000);
    }

    #[test]
    fn names_become_one_but_not_at_the_beginning() {
        let (mut root, mut left) = (Node::default(), 10_000);
        for number in 0..300 {
            let name: String = format!("{number:03}").bytes().map(|digit| char::from(digit + 50)).collect();
            see(&mut root, &format!("/users/{name}/"), &mut left).unwrap();
            let first = see(&mut root, &format!("/{name}"), &mut left);
            assert_eq!(first.is_err(), number >= MOST_VALUES - 1, "{number}");
        }
        see(&mut root, "/users/", &mut left).unwrap();
        let users = &root.names.iter().find(|(name, _)| &**name == "users").unwrap().1;
        assert_eq!(users.names.len(), 1, "the path that ends with a slash");
        assert_eq!(users.any.as_ref().unwrap().node.names[0].1.ends[0].evidence.calls(), 300);
    }

    #[test]
    fn the_memory_is_bounded() {
        let (mut root, mut left) = (Node::default(), 10);
        for number in 0..20 {
            let result = see(&mut root, &format!("/a{number}"), &mut left);
            assert_eq!(result.err(), (number >= 10).then_some(Full::Segments));
        }
        see(&mut root, "/a1", &mut left).unwrap();
    }
}
