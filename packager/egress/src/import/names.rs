//! Hosts as Istio compares them, and the namespace that stands for all.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher};

/// The namespace of the mesh's configuration, unless Istio is installed elsewhere.
pub(crate) const ROOT: &str = "istio-system";

/// A host as Istio resolves it in this namespace: one without a dot is a Service there. The cluster's domain, which is not
/// known here, is removed.
pub(crate) fn host_in(namespace: &str, host: &str) -> String {
    let host = host.trim_end_matches('.');
    match host.split_once(".svc.") {
        Some((service, _)) => format!("{service}.svc"),
        None if host.contains('.') || host.contains('*') => host.to_owned(),
        None => service_host(host, namespace),
    }
}

/// The host of a Service, as Istio's routes have it.
pub(crate) fn service_host(name: &str, namespace: &str) -> String {
    format!("{name}.{namespace}.svc")
}

/// A host as Istio's objects have it: a Service's with the domain of the cluster, as far as `written` shows it.
pub(crate) fn full_host(host: &str, written: &str) -> String {
    if !host.ends_with(".svc") {
        return host.to_owned();
    }
    let domain = written.trim_end_matches('.').split_once(".svc.").map_or("cluster.local", |(_, domain)| domain);
    format!("{host}.{domain}")
}

/// Among more names than these, none is searched for one by one.
pub(crate) const MOST_COMPARED: usize = 200;

/// The known name that was probably meant: one that differs by a slip.
pub(crate) fn meant<'k>(written: &str, mut known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    known.find(|name| is_slip(written, name))
}

/// Names among which those that differ by a slip are found without comparing all.
///
/// # Design
/// Names that differ by a slip are the same after one character is removed from one of them or from both. Each name is
/// stored under what is left of it so, and under itself.
#[derive(Default)]
pub(crate) struct KnownNames<'k> {
    by_rest: HashMap<u64, Vec<&'k str>>,
}

impl<'k> KnownNames<'k> {
    pub(crate) fn new(names: impl IntoIterator<Item = &'k str>) -> Self {
        let mut known = Self::default();
        for name in names {
            rests(name).into_iter().for_each(|rest| known.by_rest.entry(rest).or_default().push(name));
        }
        known
    }

    /// The first of the names that this one is a slip of, and that may be meant.
    pub(crate) fn meant(&self, written: &str, may_be: impl Fn(&str) -> bool) -> Option<&'k str> {
        let near = rests(written).into_iter().filter_map(|rest| self.by_rest.get(&rest)).flatten().copied();
        near.filter(|name| is_slip(written, name) && may_be(name)).min()
    }
}

/// Between these, a name is compared piece by piece.
const SEPARATORS: [char; 3] = ['.', '-', '_'];
/// Shorter pieces of names are near to too many others: `eu`, `us`, `prod`, `prd`.
const SHORTEST: usize = 5;
/// With a letter replaced, shorter pieces are words of their own.
const SHORTEST_REPLACED: usize = 6;
/// No label of a host is longer.
const LONGEST: usize = 63;

/// Whether two names are probably the same one, misspelt. Those that people choose to be near are not: they differ in a piece
/// that is short, in a number, or at the end of a piece (`team-a`, `web2`, `webs`).
fn is_slip(one: &str, other: &str) -> bool {
    if one.len().abs_diff(other.len()) > 1 {
        return false;
    }
    let (mut pieces, mut others) = (one.split_inclusive(SEPARATORS), other.split_inclusive(SEPARATORS));
    let mut is_found = false;
    loop {
        match (pieces.next(), others.next()) {
            (None, None) => return is_found,
            (Some(piece), Some(other)) if piece == other => {}
            (Some(piece), Some(other)) if !is_found && is_slip_of_piece(piece, other) => is_found = true,
            _ => return false,
        }
    }
}

/// Whether two pieces, each with the separator after it, differ in one letter that is left out, doubled, put in or replaced, or
/// in two neighbours.
fn is_slip_of_piece(one: &str, other: &str) -> bool {
    let bare = |piece: &str| piece.trim_end_matches(SEPARATORS).len();
    let (Some((one, end)), Some((other, other_end))) =
        (one.split_at_checked(bare(one)), other.split_at_checked(bare(other)))
    else {
        return false;
    };
    let (short, long) = if one.len() < other.len() { (one, other) } else { (other, one) };
    if end != other_end || short.len() < SHORTEST || long.len() > LONGEST {
        return false;
    }
    let (short, long) = (short.as_bytes(), long.as_bytes());
    let start = short.iter().zip(long).take_while(|(one, other)| one == other).count();
    let tail = short.iter().rev().zip(long.iter().rev()).take_while(|(one, other)| one == other).count();
    let (Some(left), Some(right)) = (short.get(start..), long.get(start..)) else { return false };
    match (left, right) {
        // In a run of equal letters any of them may be the one; at the start or the end it is another name.
        (rest, [letter, others @ ..]) if rest == others => {
            let is_doubled = start.checked_sub(1).and_then(|before| long.get(before)) == Some(letter);
            letter.is_ascii_alphabetic() && (is_doubled || (start > 0 && !rest.is_empty()))
        }
        ([a, rest @ ..], [b, others @ ..]) if rest == others => {
            let are_letters = a.is_ascii_alphabetic() && b.is_ascii_alphabetic();
            are_letters && start > 0 && tail > 0 && short.len() >= SHORTEST_REPLACED
        }
        ([a, b, rest @ ..], [c, d, others @ ..]) if (a, b, rest) == (d, c, others) => {
            a.is_ascii_alphabetic() && b.is_ascii_alphabetic()
        }
        _ => false,
    }
}

/// Hashes of a name, and of what is left of it without one character of a piece.
fn rests(name: &str) -> Vec<u64> {
    let bytes = name.as_bytes();
    let hash = |parts: [&[u8]; 2]| {
        let mut hasher = DefaultHasher::new();
        parts.into_iter().for_each(|part| hasher.write(part));
        hasher.finish()
    };
    let mut rests = vec![hash([bytes, &[]])];
    let mut end = 0_usize;
    for piece in name.split_inclusive(SEPARATORS) {
        let start = end;
        end = end.saturating_add(piece.len());
        let bare = piece.trim_end_matches(SEPARATORS).len();
        if !(SHORTEST..=LONGEST).contains(&bare) {
            continue;
        }
        for at in start..start.saturating_add(bare) {
            if let (Some(before), Some(after)) = (bytes.get(..at), bytes.get(at.saturating_add(1)..)) {
                rests.push(hash([before, after]));
            }
        }
    }
    rests.sort_unstable();
    rests.dedup();
    rests
}

/// Whether the host looks like a Service of the cluster.
pub(crate) fn is_cluster_service(host: &str) -> bool {
    host.ends_with(".svc") || host.ends_with(".local")
}

/// A Gateway's host without the namespace in `NAMESPACE/HOST`.
pub(crate) fn without_namespace(host: &str) -> &str {
    host.split_once('/').map_or(host, |(_, host)| host)
}

/// Whether a pattern (`*`, `*.example.com` or a host) covers the host.
pub(crate) fn covers(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(suffix) => host.len() > suffix.len() && host.ends_with(suffix),
        None => pattern == host,
    }
}

/// The patterns with a `*` that cover a host, most specific first: `*.b.c`, `*.c`, `*` for `a.b.c`.
pub(crate) fn patterns_over(host: &str) -> impl Iterator<Item = String> {
    let own = host.strip_prefix('*').unwrap_or(host);
    let dots = own.match_indices('.').map(|(at, _)| at).filter(move |at| *at > 0 || !host.starts_with('*'));
    let suffixes: Vec<_> = dots.filter_map(|at| own.get(at..)).map(|suffix| format!("*{suffix}")).collect();
    suffixes.into_iter().chain((host != "*").then(|| "*".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether one of two names is taken for a slip of the other, in both directions and with the index.
    fn is_meant(one: &str, other: &str) -> bool {
        let both = [(one, other), (other, one)].map(|(written, known)| {
            let found = meant(written, [known].into_iter());
            assert_eq!(
                KnownNames::new(["another.example", known]).meant(written, |_| true),
                found,
                "{written} {known}"
            );
            found == Some(known)
        });
        assert_eq!(both[0], both[1], "{one} {other}");
        both[0]
    }

    #[test]
    fn a_slip_is_told_from_a_name_that_is_near_on_purpose() {
        let slips = [
            ("api.exmaple.com", "api.example.com"),
            ("editon.cnn.com", "edition.cnn.com"),
            ("ediition.cnn.com", "edition.cnn.com"),
            ("edution.cnn.com", "edition.cnn.com"),
            ("istio-egressgatway.istio-system.svc", "istio-egressgateway.istio-system.svc"),
            ("istio-egressgateway.istio-sytem.svc", "istio-egressgateway.istio-system.svc"),
            ("pay-egres", "pay-egress"),
            ("partenr_egress", "partner_egress"),
            ("ordres", "orders"),
            ("api.exampel", "api.example"),
        ];
        for (written, known) in slips {
            assert!(is_meant(written, known), "{written} {known}");
        }
        let on_purpose = [
            ("orders", "orders"),
            ("team-a", "team-b"),
            ("apps-eu", "apps-us"),
            ("prod", "prd"),
            ("prod", "prod2"),
            ("web", "web2"),
            ("web", "webs"),
            ("order", "orders"),
            ("orders", "orderz"),
            ("gateway1", "gateway2"),
            ("gate1way", "gate2way"),
            ("gate1way", "gateway"),
            ("ingress", "egress"),
            ("istio-ingress", "istio-egress"),
            ("gateway-a", "gateway-b"),
            ("ingressgateway-eu", "ingressgateway"),
            ("example.com", "example.org"),
            ("api.eu.example.com", "api.us.example.com"),
            ("db.prod", "db.prd"),
            ("commerce", "ecommerce"),
            ("stage", "state"),
            ("exmaple.orders.com", "example.ordres.com"),
            ("partner-egress", "partner.egress"),
            ("a.example", "a-b.example"),
            ("egress-payy", "egress-pay"),
            ("", "a"),
        ];
        for (one, other) in on_purpose {
            assert!(!is_meant(one, other), "{one} {other}");
        }
    }

    #[test]
    fn the_index_finds_what_comparing_finds() {
        let words =
            ["gateway", "gatewya", "gatway", "gaateway", "gateweay", "gätewäy", "gatteway", "gatewayy", "a-gateway"];
        for written in words {
            let found = KnownNames::new(words).meant(written, |_| true);
            let mut all: Vec<_> = words.into_iter().filter(|known| is_slip(written, known)).collect();
            all.sort_unstable();
            assert_eq!(found, all.first().copied(), "{written}");
        }
    }

    #[test]
    fn hosts_are_compared_as_istio_does() {
        assert_eq!(host_in("a", "gateway"), "gateway.a.svc");
        assert_eq!(host_in("a", "gateway.b.svc.cluster.local"), "gateway.b.svc");
        assert_eq!(host_in("a", "api.example.com"), "api.example.com");
        assert_eq!(full_host("gateway.a.svc", "gatway"), "gateway.a.svc.cluster.local");
        assert_eq!(full_host("gateway.a.svc", "gatway.a.svc.corp.example"), "gateway.a.svc.corp.example");
        assert_eq!(full_host("api.example.com", "api.exmaple.com"), "api.example.com");
        assert!(covers("*.b.c", "a.b.c") && covers("*", "a") && !covers("*.b.c", "b.c") && !covers("a", "b"));
        let over = |host| patterns_over(host).collect::<Vec<_>>();
        assert_eq!(over("a.b.c"), ["*.b.c", "*.c", "*"]);
        assert_eq!(over("*.b.c"), ["*.c", "*"]);
        assert_eq!(over("*"), Vec::<String>::new());
    }
}
