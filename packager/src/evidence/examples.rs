//! Examples of requests that a candidate decides otherwise, as the filter logs them. Secrets are cut out there.

use std::collections::BTreeMap;

use sallyport_egress::evidence::Counted;
use sallyport_egress::model::Egress;
use sallyport_egress::scenario::{Caller, Certificate, Request, Scenario};

/// Regions and callers of which examples are kept.
const MOST: usize = 10_000;

/// A request that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Example {
    pub(crate) method: String,
    pub(crate) host: String,
    /// With the query, as far as it is logged.
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    /// In Unix seconds, if the line has a time.
    pub(crate) at: Option<i64>,
    /// The request's id, by which its caller finds it.
    pub(crate) id: Option<String>,
}

/// The first example of each region and caller.
#[derive(Clone, Debug, Default)]
pub(crate) struct Examples(BTreeMap<(String, Counted), Example>);

impl Examples {
    pub(super) fn note(&mut self, region: &str, caller: Counted, example: Example) {
        let has_room = self.0.len() < MOST;
        let key = (region.to_owned(), caller);
        match self.0.get_mut(&key) {
            Some(known) if known.at > example.at => *known = example,
            Some(_) => {}
            None if has_room => {
                self.0.insert(key, example);
            }
            None => {}
        }
    }

    pub(crate) fn of(&self, region: &str, caller: &Counted) -> Option<&Example> {
        self.0.get(&(region.to_owned(), caller.clone()))
    }
}

impl Example {
    /// The request as the engine gets it.
    pub(crate) fn scenario(&self, caller: &Counted, egress: &Egress) -> Scenario {
        let mut request = Request::new(&self.method, &self.host, &self.path);
        for (name, value) in &self.headers {
            // The gateway writes it, from the certificate.
            if !name.starts_with(':') && name != "x-forwarded-client-cert" {
                request = request.with(name, value.as_bytes());
            }
        }
        let certificate = match caller {
            Counted::Principal(principal) => Some(Certificate::of_principal(principal)),
            Counted::Others | Counted::Anonymous => None,
        };
        Scenario { caller: Caller { certificate, ..Caller::usual(egress, self.host.clone()) }, request }
    }
}
