//! The pages of the policy's codes.

use sallyport_core::PolicyCode;

pub(super) fn policy_page(code: PolicyCode) -> &'static str {
    match code {
        PolicyCode::Shape => include_str!("../manual/SP1001.md"),
        PolicyCode::Version => include_str!("../manual/SP1002.md"),
        PolicyCode::Upstream => include_str!("../manual/SP1003.md"),
        PolicyCode::Limit => include_str!("../manual/SP1004.md"),
        PolicyCode::Candidate => include_str!("../manual/SP1005.md"),
        PolicyCode::RuleId => include_str!("../manual/SP1101.md"),
        PolicyCode::DuplicateRuleId => include_str!("../manual/SP1102.md"),
        PolicyCode::EmptyMatch => include_str!("../manual/SP1103.md"),
        PolicyCode::EmptyList => include_str!("../manual/SP1104.md"),
        PolicyCode::EmptyValue => include_str!("../manual/SP1105.md"),
        PolicyCode::Wildcard => include_str!("../manual/SP1106.md"),
        PolicyCode::Principal => include_str!("../manual/SP1201.md"),
        PolicyCode::ServiceAccount => include_str!("../manual/SP1202.md"),
        PolicyCode::Namespace => include_str!("../manual/SP1203.md"),
        PolicyCode::TrustDomain => include_str!("../manual/SP1204.md"),
        PolicyCode::Cidr => include_str!("../manual/SP1205.md"),
        PolicyCode::SourceAddressHidden => include_str!("../manual/SP1206.md"),
        PolicyCode::RequestPrincipal => include_str!("../manual/SP1207.md"),
        PolicyCode::Path => include_str!("../manual/SP1301.md"),
        PolicyCode::PathTemplate => include_str!("../manual/SP1302.md"),
        PolicyCode::Regex => include_str!("../manual/SP1303.md"),
        PolicyCode::Host => include_str!("../manual/SP1304.md"),
        PolicyCode::Port => include_str!("../manual/SP1305.md"),
        PolicyCode::Method => include_str!("../manual/SP1306.md"),
        PolicyCode::Grpc => include_str!("../manual/SP1307.md"),
        PolicyCode::ConditionKey => include_str!("../manual/SP1401.md"),
        PolicyCode::ConditionWithoutValues => include_str!("../manual/SP1402.md"),
        PolicyCode::ConditionQuantifier => include_str!("../manual/SP1403.md"),
        PolicyCode::HealthNumber => include_str!("../manual/SP1501.md"),
        PolicyCode::HealthClash => include_str!("../manual/SP1502.md"),
        PolicyCode::HealthExpect => include_str!("../manual/SP1503.md"),
        PolicyCode::Status => include_str!("../manual/SP1504.md"),
        PolicyCode::Standby => include_str!("../manual/SP1505.md"),
        PolicyCode::TracingMode => include_str!("../manual/SP1601.md"),
        PolicyCode::HeaderName => include_str!("../manual/SP1602.md"),
        PolicyCode::HeaderTemplate => include_str!("../manual/SP1603.md"),
    }
}
