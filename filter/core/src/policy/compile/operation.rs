//! `to`: what.

use alloc::string::String;
use alloc::vec::Vec;

use super::Compiler;
use crate::matcher::grpc;
use crate::matcher::host::{HostPattern, HostSet};
use crate::matcher::method;
use crate::matcher::path::{PathPattern, PathSet};
use crate::matcher::port::{self, PortSet};
use crate::matcher::regex::RegexSet;
use crate::matcher::string::StringSet;
use crate::policy::rule::{Operation, OperationMatcher, OperationTest};
use crate::problem::Place;
use crate::request::needs::Needs;
use crate::side::Sides;
use crate::wire;

/// The fields of an operation, each with its `not` twin.
#[derive(Clone, Copy)]
enum OperationField {
    Methods,
    Paths,
    Grpc,
    Hosts,
    Ports,
    PathRegex,
}

impl Compiler<'_> {
    #[inline(never)]
    pub(super) fn operation(&mut self, place: &Place<'_>, to: &wire::ToEntry, decides: Sides) -> Operation {
        let wire::ToEntry { operation } = to;
        let place = &place.field("operation");
        let wire::Operation {
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
        } = operation;
        if path_regex.is_some() || not_path_regex.is_some() {
            self.path_by_pattern |= decides;
        }
        let mut tests = Vec::new();
        // In this order they are asked, so expressions come last: they cost the most.
        for (field, negated, list, kind) in [
            ("methods", false, methods, OperationField::Methods),
            ("notMethods", true, not_methods, OperationField::Methods),
            ("paths", false, paths, OperationField::Paths),
            ("notPaths", true, not_paths, OperationField::Paths),
            ("grpc", false, grpc, OperationField::Grpc),
            ("notGrpc", true, not_grpc, OperationField::Grpc),
            ("hosts", false, hosts, OperationField::Hosts),
            ("notHosts", true, not_hosts, OperationField::Hosts),
            ("ports", false, ports, OperationField::Ports),
            ("notPorts", true, not_ports, OperationField::Ports),
            ("pathRegex", false, path_regex, OperationField::PathRegex),
            ("notPathRegex", true, not_path_regex, OperationField::PathRegex),
        ] {
            let matcher = self.operation_matcher(&place.field(field), list.as_deref(), kind);
            tests.extend(matcher.map(|matcher| OperationTest { negated, matcher }));
        }
        let empty = *operation == wire::Operation::default();
        self.check_not_empty(place, empty, "operation", "everything");
        tests.shrink_to_fit();
        tests
    }

    fn operation_matcher(
        &mut self,
        place: &Place<'_>,
        list: Option<&[String]>,
        kind: OperationField,
    ) -> Option<OperationMatcher> {
        let tolerance = self.tolerance;
        Some(match kind {
            OperationField::Methods => {
                OperationMatcher::Methods(StringSet::new(self.values(place, list, |_, text| method::parse(text))?))
            }
            OperationField::Paths => {
                let paths = self.values(place, list, |_, text| PathPattern::parse(text, tolerance))?;
                #[cfg(feature = "compile")]
                for (position, path) in paths.iter().enumerate() {
                    if let Err(flaw) = path.check_beside(&paths, tolerance) {
                        self.report(&place.item(position), flaw);
                    }
                }
                OperationMatcher::Paths(PathSet::new(paths))
            }
            OperationField::Grpc => {
                OperationMatcher::Grpc(PathSet::new(self.values(place, list, |_, text| grpc::parse(text))?))
            }
            OperationField::Hosts => {
                OperationMatcher::Hosts(HostSet::new(self.values(place, list, |_, text| HostPattern::parse(text))?))
            }
            OperationField::Ports => {
                self.needs |= if list.is_some() { Needs::DESTINATION_ADDRESS } else { Needs::default() };
                OperationMatcher::Ports(PortSet::new(self.values(place, list, |_, text| port::parse(text))?))
            }
            OperationField::PathRegex => OperationMatcher::PathRegex(RegexSet::new(self.regexes(place, list)?)),
        })
    }
}
