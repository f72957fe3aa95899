//! From JSON to the wire shape, with every field that is not of it.
//!
//! # Design
//!
//! serde's derived readers stop at the first error and are generic over everything, which makes a module of twice the
//! size. So the JSON is read into a small tree, by serde_json and one visitor, and the tree is read here. The struct
//! literals below name every field: a new one does not build until it is read.

mod fields;
mod health;
mod outbound;

use std::fmt::Arguments;

use super::source::{
    ActionSource, AmbiguitySource, AutomatonSource, ConditionSource, FromSource, ModeSource, OperationSource,
    PolicySource, QuantifierSource, RuleSource, SourceSource, ToSource,
};
use crate::problem::{Flaw, InvalidPolicy, Place, PolicyCode, Problem};
use crate::wire::json::{self, Json};

/// Reads a policy.
pub(crate) fn decode(bytes: &[u8]) -> Result<PolicySource, InvalidPolicy> {
    let mut decoder = Decoder { problems: Vec::new() };
    if bytes.trim_ascii().is_empty() {
        decoder.report(&Place::Root, flaw(format_args!("there is no policy: the configuration is empty")));
        return Err(InvalidPolicy { problems: decoder.problems });
    }
    let policy = match json::parse(bytes) {
        Ok(tree) => decoder.policy(&Place::Root, &tree),
        Err(error) => {
            decoder.report(&Place::Root, flaw(format_args!("{error}")));
            None
        }
    };
    match policy {
        Some(policy) if decoder.problems.is_empty() => Ok(policy),
        _ => Err(InvalidPolicy { problems: decoder.problems }),
    }
}

const MODES: &[(&str, ModeSource)] = &[("enforce", ModeSource::Enforce), ("shadow", ModeSource::Shadow)];
const ACTIONS: &[(&str, ActionSource)] =
    &[("ALLOW", ActionSource::Allow), ("DENY", ActionSource::Deny), ("AUDIT", ActionSource::Audit)];
const QUANTIFIERS: &[(&str, QuantifierSource)] = &[("any", QuantifierSource::Any), ("all", QuantifierSource::All)];

struct Decoder {
    problems: Vec<Problem>,
}

impl Decoder {
    #[cold]
    #[inline(never)]
    fn report(&mut self, place: &Place<'_>, flaw: Flaw) {
        let Flaw { code, message, help } = flaw;
        self.problems.push(Problem { path: place.to_string(), code, message, help });
    }

    fn policy(&mut self, place: &Place<'_>, json: &Json<'_>) -> Option<PolicySource> {
        let [
            version,
            upstream,
            mode,
            trust_domain,
            trust_domain_aliases,
            trusted_forwarders,
            tolerate,
            disclose_rule,
            filter_state,
            num_trusted_proxies,
            health,
            readiness,
            tracing,
            headers,
            rules,
            automata,
        ] = self.fields(
            place,
            json,
            [
                "version",
                "upstream",
                "mode",
                "trustDomain",
                "trustDomainAliases",
                "trustedForwarders",
                "tolerate",
                "discloseRule",
                "filterState",
                "numTrustedProxies",
                "health",
                "readiness",
                "tracing",
                "headers",
                "rules",
                "automata",
            ],
        )?;
        let tolerated = &place.field("tolerate");
        let ambiguities: Vec<_> = AmbiguitySource::ALL.iter().map(|kind| (kind.kind().as_str(), *kind)).collect();
        Some(PolicySource {
            version: self.required(place, "version", version).map(|json| self.number(&place.field("version"), json))?,
            upstream: self
                .required(place, "upstream", upstream)
                .map(|json| self.text(&place.field("upstream"), json))?,
            mode: mode.map(|json| self.choice(&place.field("mode"), json, MODES)).unwrap_or_default(),
            trust_domain: trust_domain.map(|json| self.text(&place.field("trustDomain"), json)),
            trust_domain_aliases: self.texts(place, "trustDomainAliases", trust_domain_aliases).unwrap_or_default(),
            trusted_forwarders: self.texts(place, "trustedForwarders", trusted_forwarders).unwrap_or_default(),
            tolerate: tolerate
                .map(|json| self.list(tolerated, json, |this, place, json| this.known(place, json, &ambiguities)))
                .unwrap_or_default(),
            disclose_rule: disclose_rule.is_some_and(|json| self.flag(&place.field("discloseRule"), json)),
            filter_state: filter_state.is_some_and(|json| self.flag(&place.field("filterState"), json)),
            num_trusted_proxies: num_trusted_proxies
                .map(|json| self.number(&place.field("numTrustedProxies"), json))
                .unwrap_or_default(),
            health: health.and_then(|json| self.health(&place.field("health"), json)),
            readiness: readiness.and_then(|json| self.readiness(&place.field("readiness"), json)),
            tracing: tracing.and_then(|json| self.tracing(&place.field("tracing"), json)).unwrap_or_default(),
            headers: headers.and_then(|json| self.headers(&place.field("headers"), json)).unwrap_or_default(),
            rules: rules.map(|json| self.list(&place.field("rules"), json, Self::rule)).unwrap_or_default(),
            automata: automata
                .map(|json| self.list(&place.field("automata"), json, Self::automaton))
                .unwrap_or_default(),
        })
    }

    fn automaton(&mut self, place: &Place<'_>, json: &Json<'_>) -> Option<AutomatonSource> {
        let [pattern, automaton] = self.fields(place, json, ["pattern", "automaton"])?;
        Some(AutomatonSource {
            pattern: self.required(place, "pattern", pattern).map(|json| self.text(&place.field("pattern"), json))?,
            automaton: self
                .required(place, "automaton", automaton)
                .map(|json| self.text(&place.field("automaton"), json))?,
        })
    }

    fn rule(&mut self, place: &Place<'_>, json: &Json<'_>) -> Option<RuleSource> {
        let [id, action, mode, from, to, when] =
            self.fields(place, json, ["id", "action", "mode", "from", "to", "when"])?;
        Some(RuleSource {
            id: self.required(place, "id", id).map(|json| self.text(&place.field("id"), json))?,
            action: self
                .required(place, "action", action)
                .map(|json| self.choice(&place.field("action"), json, ACTIONS))?,
            mode: mode.map(|json| self.choice(&place.field("mode"), json, MODES)).unwrap_or_default(),
            from: from.map(|json| self.list(&place.field("from"), json, Self::from)),
            to: to.map(|json| self.list(&place.field("to"), json, Self::to)),
            when: when.map(|json| self.list(&place.field("when"), json, Self::condition)),
        })
    }

    fn from(&mut self, place: &Place<'_>, json: &Json<'_>) -> Option<FromSource> {
        let [source] = self.fields(place, json, ["source"])?;
        let source = self.required(place, "source", source)?;
        Some(FromSource { source: self.source(&place.field("source"), source)? })
    }

    fn source(&mut self, place: &Place<'_>, json: &Json<'_>) -> Option<SourceSource> {
        const NAMES: [&str; 14] = [
            "principals",
            "notPrincipals",
            "requestPrincipals",
            "notRequestPrincipals",
            "namespaces",
            "notNamespaces",
            "serviceAccounts",
            "notServiceAccounts",
            "trustDomains",
            "notTrustDomains",
            "ipBlocks",
            "notIpBlocks",
            "remoteIpBlocks",
            "notRemoteIpBlocks",
        ];
        let [
            principals,
            not_principals,
            request_principals,
            not_request_principals,
            namespaces,
            not_namespaces,
            service_accounts,
            not_service_accounts,
            trust_domains,
            not_trust_domains,
            ip_blocks,
            not_ip_blocks,
            remote_ip_blocks,
            not_remote_ip_blocks,
        ] = self.text_fields(place, json, NAMES)?;
        Some(SourceSource {
            principals,
            not_principals,
            request_principals,
            not_request_principals,
            namespaces,
            not_namespaces,
            service_accounts,
            not_service_accounts,
            trust_domains,
            not_trust_domains,
            ip_blocks,
            not_ip_blocks,
            remote_ip_blocks,
            not_remote_ip_blocks,
        })
    }

    fn to(&mut self, place: &Place<'_>, json: &Json<'_>) -> Option<ToSource> {
        let [operation] = self.fields(place, json, ["operation"])?;
        let operation = self.required(place, "operation", operation)?;
        Some(ToSource { operation: self.operation(&place.field("operation"), operation)? })
    }

    fn operation(&mut self, place: &Place<'_>, json: &Json<'_>) -> Option<OperationSource> {
        const NAMES: [&str; 12] = [
            "hosts",
            "notHosts",
            "ports",
            "notPorts",
            "methods",
            "notMethods",
            "paths",
            "notPaths",
            "pathRegex",
            "notPathRegex",
            "grpc",
            "notGrpc",
        ];
        let [
            hosts,
            not_hosts,
            ports,
            not_ports,
            methods,
            not_methods,
            paths,
            not_paths,
            path_regex,
            not_path_regex,
            grpc,
            not_grpc,
        ] = self.text_fields(place, json, NAMES)?;
        Some(OperationSource {
            hosts,
            not_hosts,
            ports,
            not_ports,
            methods,
            not_methods,
            paths,
            not_paths,
            path_regex,
            not_path_regex,
            grpc,
            not_grpc,
        })
    }

    fn condition(&mut self, place: &Place<'_>, json: &Json<'_>) -> Option<ConditionSource> {
        let [key, values, not_values, regex, not_regex, quantifier] =
            self.fields(place, json, ["key", "values", "notValues", "regex", "notRegex", "match"])?;
        Some(ConditionSource {
            key: self.required(place, "key", key).map(|json| self.text(&place.field("key"), json))?,
            values: self.texts(place, "values", values),
            not_values: self.texts(place, "notValues", not_values),
            regex: self.texts(place, "regex", regex),
            not_regex: self.texts(place, "notRegex", not_regex),
            quantifier: quantifier.and_then(|json| self.known(&place.field("match"), json, QUANTIFIERS)),
        })
    }
}

fn flaw(message: Arguments<'_>) -> Flaw {
    Flaw::new(PolicyCode::Shape, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::source::ReadinessSource;
    use crate::outbound::source::{
        FormatSource, HeadersSource, HygieneSource, ResponseSource, SetSource, TracingModeSource, TracingSource,
    };

    fn problems(json: &str) -> Vec<(String, String)> {
        let invalid = decode(json.as_bytes()).unwrap_err();
        assert!(invalid.problems.iter().all(|problem| problem.code == PolicyCode::Shape));
        invalid.problems.into_iter().map(|problem| (problem.path, problem.message)).collect()
    }

    fn problem(path: &str, message: &str) -> (String, String) {
        (path.to_owned(), message.to_owned())
    }

    #[test]
    fn every_problem_in_its_place() {
        let json = r#"{"version":"1","upstream":"a/b","colour":1,"mode":"audit","rules":[
            {"id":"a","action":"allow","from":[{"source":{"principal":["x"]}}]},
            {"id":"b","action":"ALLOW","to":[{"operation":{"paths":["/a",5],"hosts":"x"}}],"to":[]},
            {"action":"DENY","from":[{}],"when":[{"values":[]}]},
            7]}"#;
        assert_eq!(
            problems(json),
            [
                problem(".", "the field `colour` is unknown"),
                problem("version", "a whole number is wanted, a string was found"),
                problem("mode", "`audit` is not known here"),
                problem("rules[0].action", "`allow` is not known here"),
                problem("rules[0].from[0].source", "the field `principal` is unknown"),
                problem("rules[1]", "the field `to` stands twice"),
                problem("rules[1].to[0].operation.hosts", "a list is wanted, a string was found"),
                problem("rules[1].to[0].operation.paths[1]", "a string is wanted, a whole number was found"),
                problem("rules[2]", "the field `id` is missing"),
                problem("rules[3]", "a mapping is wanted, a whole number was found"),
            ]
        );
    }

    #[test]
    fn what_is_no_json_is_one_problem() {
        for json in ["", " ", "{", "[]", "{} {}", "null", "\u{feff}{}", "{\"version\":1e999}"] {
            assert_eq!(problems(json).len(), 1, "{json}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(problems(&deep).len(), 1);
    }

    #[test]
    fn numbers_may_have_been_through_a_protobuf_struct() {
        let policy = decode(br#"{"version":1.0,"upstream":"a/b"}"#).unwrap();
        assert_eq!(policy.version, 1);
    }

    #[test]
    fn every_field_comes_back() {
        let all = |text: &str| Some(vec![text.to_owned()]);
        let policy = PolicySource {
            version: 1,
            upstream: "a/b".to_owned(),
            mode: ModeSource::Shadow,
            trust_domain: Some("td".to_owned()),
            trust_domain_aliases: vec!["alias".to_owned()],
            trusted_forwarders: vec!["td/x".to_owned()],
            tolerate: AmbiguitySource::ALL.to_vec(),
            disclose_rule: true,
            filter_state: true,
            num_trusted_proxies: 3,
            health: Some(health::tests::full()),
            readiness: Some(ReadinessSource { port: 8081, upstream: true }),
            tracing: TracingSource {
                mode: TracingModeSource::Standalone,
                formats: vec![FormatSource::W3c, FormatSource::B3, FormatSource::B3Multi],
                baggage: vec!["k".to_owned()],
            },
            headers: HeadersSource {
                hygiene: HygieneSource::Strict,
                keep: vec!["x-k".to_owned()],
                remove: vec!["x-r".to_owned()],
                routed: vec!["x-s".to_owned()],
                set: vec![SetSource { name: "n".to_owned(), value: "v".to_owned() }],
                response: ResponseSource { keep: vec!["x-k".to_owned()], remove: vec!["x-r".to_owned()] },
            },
            rules: vec![RuleSource {
                id: "r".to_owned(),
                action: ActionSource::Audit,
                mode: ModeSource::Shadow,
                from: Some(vec![FromSource {
                    source: SourceSource {
                        principals: all("1"),
                        not_principals: all("2"),
                        request_principals: all("3"),
                        not_request_principals: all("4"),
                        namespaces: all("5"),
                        not_namespaces: all("6"),
                        service_accounts: all("7"),
                        not_service_accounts: all("8"),
                        trust_domains: all("9"),
                        not_trust_domains: all("10"),
                        ip_blocks: all("11"),
                        not_ip_blocks: all("12"),
                        remote_ip_blocks: all("13"),
                        not_remote_ip_blocks: all("14"),
                    },
                }]),
                to: Some(vec![ToSource {
                    operation: OperationSource {
                        hosts: all("1"),
                        not_hosts: all("2"),
                        ports: all("3"),
                        not_ports: all("4"),
                        methods: all("5"),
                        not_methods: all("6"),
                        paths: all("7"),
                        not_paths: all("8"),
                        path_regex: all("9"),
                        not_path_regex: all("10"),
                        grpc: all("11"),
                        not_grpc: all("12"),
                    },
                }]),
                when: Some(vec![ConditionSource {
                    key: "k\"\u{1}é".to_owned(),
                    values: all("1"),
                    not_values: all("2"),
                    regex: all("3"),
                    not_regex: all("4"),
                    quantifier: Some(QuantifierSource::All),
                }]),
            }],
            automata: vec![AutomatonSource { pattern: "p".to_owned(), automaton: "YQ==".to_owned() }],
        };
        assert_eq!(decode(&serde_json::to_vec(&policy).unwrap()), Ok(policy));
    }
}
