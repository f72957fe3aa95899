//! The engine (being built: this is its interface).
use crate::policy::error::InvalidPolicy;
use crate::policy::source::PolicySource;
use crate::request::view::RequestView;
use crate::verdict::Reason;

/// Bit set: what the host must be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Needs(u32);

/// A compiled policy.
#[derive(Debug)]
pub struct Engine { source: PolicySource }

/// A rule that spoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleRef<'e> {
    /// position in the file
    pub index: u32,
    /// the rule's id
    pub id: &'e str,
}
/// Proof that a request may pass; only the engine makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permit<'e> { rule: Option<RuleRef<'e>> }
impl<'e> Permit<'e> {
    /// The ALLOW rule that matched; `None` when nothing allowed it and the policy is in shadow mode.
    #[must_use]
    pub fn rule(&self) -> Option<RuleRef<'e>> { self.rule }
}
/// Why not, and by which rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal<'e> { pub reason: Reason, pub rule: Option<RuleRef<'e>> }
/// What happens to the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict<'e> { Continue(Permit<'e>), Refuse(Refusal<'e>) }
/// What would have happened had every shadow rule (or the shadow policy) been enforced, where it differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shadow<'e> { WouldContinue(RuleRef<'e>), WouldRefuse(Refusal<'e>) }
/// All the engine says of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision<'e> {
    pub verdict: Verdict<'e>,
    pub shadow: Option<Shadow<'e>>,
    /// AUDIT rules that matched, in file order.
    pub audits: Vec<RuleRef<'e>>,
}
impl Engine {
    /// Compiles a policy, or refuses it with every problem.
    pub fn compile(source: &PolicySource) -> Result<Engine, InvalidPolicy> { Ok(Engine { source: source.clone() }) }
    /// Parses the JSON of the wire shape, then compiles.
    pub fn from_json(json: &[u8]) -> Result<Engine, InvalidPolicy> {
        let source: PolicySource = serde_json::from_slice(json).map_err(|_| InvalidPolicy { problems: vec![] })?;
        Self::compile(&source)
    }
    /// What to ask the host for.
    #[must_use]
    pub fn needs(&self) -> Needs { Needs(u32::try_from(self.source.rules.len()).unwrap_or(0)) }
    /// Decides one request.
    #[must_use]
    pub fn on_request(&self, _view: &RequestView<'_>) -> Decision<'_> {
        Decision { verdict: Verdict::Refuse(Refusal { reason: Reason::NoPolicy, rule: None }), shadow: None, audits: Vec::new() }
    }
}
