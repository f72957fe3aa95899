//! A request to try, and its forecast.

/// A request, and what the gateway will answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Example {
    pub(crate) host: String,
    pub(crate) method: String,
    /// With its query.
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    /// Whether the rule that it was made from asks for a token in addition to the certificate.
    pub(crate) needs_token: bool,
    pub(crate) forecast: Forecast,
}

/// The header by which a request is a gRPC call.
pub(super) const CONTENT_TYPE: (&str, &str) = ("content-type", "application/grpc");

impl Example {
    pub(crate) fn is_grpc(&self) -> bool {
        self.headers.iter().any(|(name, value)| (name.as_str(), value.as_str()) == CONTENT_TYPE)
    }
}

/// What the gateway will answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Forecast {
    /// Allowed by this rule, or without a rule if the policy is in shadow mode.
    Allowed(Option<String>),
    /// Refused, for this reason.
    Refused(&'static str),
    /// That depends on the token.
    DependsOnToken,
}
