//! What the host keeps between calls of the module.

use std::collections::BTreeMap;

use wasmi::{Memory, TypedFunc};

/// Headers in order.
pub(super) type Headers = Vec<(Vec<u8>, Vec<u8>)>;

/// The answer that the module sends itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    pub(super) status: u32,
    pub(super) details: Vec<u8>,
    pub(super) headers: Headers,
}

/// The state of one VM.
#[derive(Default)]
pub(super) struct State {
    pub(super) memory: Option<Memory>,
    pub(super) allocate: Option<TypedFunc<u32, u32>>,
    pub(super) configuration: Vec<u8>,
    /// By path, the segments joined by NUL.
    pub(super) properties: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(super) headers: Headers,
    pub(super) answer: Option<Answer>,
    /// The filter state that the module has set.
    pub(super) attributes: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The names of metrics; the position is the id.
    pub(super) metrics: Vec<Vec<u8>>,
    /// The names of the counters that have grown.
    pub(super) grown: Vec<Vec<u8>>,
    /// Each value with its version.
    pub(super) shared: BTreeMap<Vec<u8>, (Vec<u8>, u32)>,
    pub(super) log: Vec<String>,
}

impl State {
    /// Forgets the request before.
    pub(super) fn begin(&mut self, headers: Headers, properties: BTreeMap<Vec<u8>, Vec<u8>>) {
        self.headers = headers;
        self.properties = properties;
        self.answer = None;
        self.attributes.clear();
        self.grown.clear();
        self.log.clear();
    }
}
