//! Path templates, segment by segment.

use sallyport_core::outline::{Segment, Template};

use super::outcome::{DEAD, FULL};
use super::suffixes::Suffixes;
use crate::meaning::marks::Marks;

/// Before the leading `/`.
pub(super) const START: u32 = 0;
/// States behind `{**}` have this bit.
const REST: u32 = 1 << 30;
/// Bits of the place within a segment.
const PLACE: u32 = 16;

/// A template.
#[derive(Clone, Debug)]
pub(super) struct TemplateWalk {
    template: Template,
    /// What must follow `{**}`.
    rest: Suffixes,
}

impl TemplateWalk {
    pub(super) fn new(template: &Template) -> Self {
        let mut rest = Suffixes::default();
        if let Some(text) = &template.rest {
            rest.add(text);
            rest.link();
        }
        Self { template: template.clone(), rest }
    }

    pub(super) fn mark(&self, marks: &mut Marks) {
        marks.text(b"/");
        for segment in &self.template.segments {
            if let Segment::Literal(text) = segment {
                marks.text(text);
            }
        }
        self.rest.mark(marks);
    }

    pub(super) fn step(&self, state: u32, byte: u8) -> u32 {
        match state {
            DEAD | FULL => state,
            START => {
                if byte == b'/' {
                    self.enter(0)
                } else {
                    DEAD
                }
            }
            state if state & REST != 0 => self.rest.step(state & !REST, byte) | REST,
            state => {
                let (segment, place) = unpack(state);
                if byte == b'/' {
                    return if self.is_complete(segment, place) { self.enter(segment.saturating_add(1)) } else { DEAD };
                }
                match self.segment(segment) {
                    Some(Segment::One) => pack(segment, 1),
                    Some(Segment::Literal(text)) if text.get(index(place)) == Some(&byte) => {
                        pack(segment, place.saturating_add(1))
                    }
                    _ => DEAD,
                }
            }
        }
    }

    /// Behind the slash before a segment, or before what follows the last.
    fn enter(&self, segment: u32) -> u32 {
        match (self.segment(segment), &self.template.rest) {
            (Some(_), _) => pack(segment, 0),
            (None, None) => DEAD,
            // Any rest of the path will do.
            (None, Some(rest)) if rest.is_empty() => FULL,
            (None, Some(_)) => REST,
        }
    }

    fn segment(&self, segment: u32) -> Option<&Segment> {
        self.template.segments.get(index(segment))
    }

    fn is_complete(&self, segment: u32, place: u32) -> bool {
        match self.segment(segment) {
            Some(Segment::Literal(text)) => text.len() == index(place),
            Some(Segment::One) => place > 0,
            None => false,
        }
    }

    pub(super) fn matches(&self, state: u32) -> bool {
        match state {
            DEAD | START => false,
            FULL => true,
            state if state & REST != 0 => self.rest.matches(state & !REST),
            state => {
                let (segment, place) = unpack(state);
                let is_last = index(segment).saturating_add(1) == self.template.segments.len();
                is_last && self.template.rest.is_none() && self.is_complete(segment, place)
            }
        }
    }
}

/// From 1 on: 0 is the start.
fn pack(segment: u32, place: u32) -> u32 {
    (segment.saturating_add(1) << PLACE) | (place & 0xffff)
}

fn unpack(state: u32) -> (u32, u32) {
    ((state >> PLACE).saturating_sub(1), state & 0xffff)
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
