//! What a caller gets back.

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The headers, in order, names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
    /// Whether the headers ended the message: no body, no trailers.
    pub headers_only: bool,
}

impl Reply {
    /// The first value of a header, as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(candidate, _)| candidate == name)?;
        std::str::from_utf8(value).ok()
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// What the gate says in `x-sallyport`.
    #[must_use]
    pub fn spoken(&self) -> Spoken {
        self.header("x-sallyport").map(Spoken::parse).unwrap_or_default()
    }
}

/// The header `x-sallyport`, taken apart. What is not told is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spoken {
    /// `allowed` or `refused`.
    pub verdict: String,
    /// Why it was refused.
    pub reason: String,
    /// The ambiguity.
    pub kind: String,
    /// The rule that decided.
    pub rule: String,
    /// `refused` where all rules, the shadow ones included, would have refused what was allowed.
    pub shadow: String,
    /// Why it would have been refused.
    pub shadow_reason: String,
    /// The ambiguity for which it would have been refused.
    pub shadow_kind: String,
    /// The rule that would have decided.
    pub shadow_rule: String,
    /// The request's id.
    pub id: String,
}

impl Spoken {
    fn parse(text: &str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let mut spoken = Self { verdict: parts.next().unwrap_or_default().to_owned(), ..Self::default() };
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            let value = value.trim_matches('"').to_owned();
            match name {
                "reason" => spoken.reason = value,
                "kind" => spoken.kind = value,
                "rule" => spoken.rule = value,
                "shadow" => spoken.shadow = value,
                "shadow-reason" => spoken.shadow_reason = value,
                "shadow-kind" => spoken.shadow_kind = value,
                "shadow-rule" => spoken.shadow_rule = value,
                "id" => spoken.id = value,
                _ => {}
            }
        }
        spoken
    }
}
