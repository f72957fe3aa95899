//! A policy, ready to be compared: its source, its engine and its outline.

use sallyport_core::outline::{Outline, outline};
use sallyport_core::{Engine, InvalidPolicy, wire};

/// A policy, ready to be compared.
#[derive(Debug)]
pub struct Policy {
    source: wire::Policy,
    engine: Engine,
    outline: Outline,
}

impl Policy {
    /// Compiles a policy.
    ///
    /// # Errors
    ///
    /// As [`Engine::compile`].
    pub fn new(source: wire::Policy) -> Result<Self, InvalidPolicy> {
        let engine = Engine::compile(&source)?;
        let outline = outline(&source)?;
        Ok(Self { source, engine, outline })
    }

    /// What decides.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// What it was compiled from.
    #[must_use]
    pub fn source(&self) -> &wire::Policy {
        &self.source
    }

    pub(super) fn outline(&self) -> &Outline {
        &self.outline
    }

    /// A rule by its id.
    pub(super) fn rule(&self, id: &str) -> Option<&wire::Rule> {
        self.source.rules.iter().find(|rule| rule.id == id)
    }

    /// The ids of its AUDIT rules.
    pub(super) fn audits(&self) -> impl Iterator<Item = &str> {
        self.source.rules.iter().filter(|rule| rule.action == wire::Action::Audit).map(|rule| &*rule.id)
    }

    /// Whether something in it is in shadow mode.
    pub(super) fn has_shadow(&self) -> bool {
        !self.outline.enforced
            || self
                .source
                .rules
                .iter()
                .any(|rule| rule.stage == wire::Stage::Shadow && rule.action != wire::Action::Audit)
    }
}
