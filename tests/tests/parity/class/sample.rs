//! Examples and near misses of classes.

use sallyport_core::engine::parse;
use sallyport_core::wire;
use sallyport_tests::client::{Request, Spoken};
use serde_json::Value;

use super::super::caller::WHO;
use super::{Class, Pair};

/// A difference by example.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    rules: Vec<wire::Rule>,
    who: &'static str,
    claims: Value,
    request: Request,
    http2: bool,
    spoken: Spoken,
}

impl Default for Sample {
    fn default() -> Self {
        Self {
            rules: Vec::new(),
            who: "sleep",
            claims: Value::Null,
            request: Request::get("/").host("a.test"),
            http2: false,
            spoken: Spoken::default(),
        }
    }
}

/// A difference that an ALLOW rule with these fields made.
pub(crate) fn allow(fields: &str) -> Sample {
    Sample { rules: rules("ALLOW", fields), ..Sample::default() }
}

/// A difference that a DENY rule with these fields made.
pub(crate) fn deny(fields: &str) -> Sample {
    Sample { rules: rules("DENY", fields), ..Sample::default() }
}

fn rules(action: &str, fields: &str) -> Vec<wire::Rule> {
    let fields = fields.trim_start_matches('{');
    let policy = format!(r#"{{"version":1,"upstream":"a/b","rules":[{{"id":"r","action":"{action}",{fields}]}}"#);
    parse(policy.as_bytes()).unwrap_or_else(|error| panic!("{policy}: {error}")).rules
}

impl Sample {
    pub(crate) fn who(self, who: &'static str) -> Self {
        Self { who, ..self }
    }

    pub(crate) fn claims(self, text: &str) -> Self {
        Self { claims: serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}")), ..self }
    }

    pub(crate) fn host(self, host: &str) -> Self {
        Self { request: self.request.host(host), ..self }
    }

    pub(crate) fn method(mut self, method: &str) -> Self {
        self.request.method = method.as_bytes().to_vec();
        self
    }

    pub(crate) fn path(mut self, path: &str) -> Self {
        self.request.path = path.as_bytes().to_vec();
        self
    }

    pub(crate) fn header(self, name: &str, value: &str) -> Self {
        Self { request: self.request.header(name, value), ..self }
    }

    pub(crate) fn over_http2(self) -> Self {
        Self { http2: true, ..self }
    }

    pub(crate) fn said(self, reason: &str, kind: &str) -> Self {
        Self { spoken: Spoken { reason: reason.to_owned(), kind: kind.to_owned(), ..Spoken::default() }, ..self }
    }

    /// Whether the class takes it.
    pub(crate) fn is_of(&self, class: &Class) -> bool {
        let rules: Vec<&wire::Rule> = self.rules.iter().collect();
        let who = WHO.iter().find(|who| who.name == self.who).unwrap_or_else(|| panic!("no caller {}", self.who));
        class.takes(&Pair {
            direction: class.direction,
            rules: &rules,
            domains: &["cluster.local".to_owned(), "old.test".to_owned()],
            who,
            claims: &self.claims,
            request: &self.request,
            http2: self.http2,
            spoken: &self.spoken,
        })
    }
}
