//! What the values of set headers are made from.

/// What is known about a permitted request beside its headers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts<'a> {
    /// `TD/ns/NS/sa/SA`, if the caller has an identity.
    pub principal: Option<&'a str>,
    /// `NAMESPACE/NAME` of the Egress.
    pub gateway: &'a str,
    /// The rule that allowed it.
    pub rule: Option<&'a str>,
    /// 24 random bytes.
    pub ids: [u8; 24],
}
