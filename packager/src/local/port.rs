//! Free ports for Envoy.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, TcpListener};

use sallyport_egress::model::READINESS_PORT;

use crate::exit::{Exit, Failure};

/// The first port, and for each further gateway the next; any free ports if the first is 0.
///
/// The kubelet's port is left out: the filter answers whatever comes there as the kubelet's question.
pub(crate) fn in_a_row(first: u16, count: usize, option: &str) -> Result<Vec<u16>, Failure> {
    if first == READINESS_PORT {
        let message = format!("port {first} is for the kubelet's probes: the filter decides nothing there");
        return Err(Failure::new(Exit::Port, message).with_help(format!("choose another with {option}")));
    }
    let mut ports = Vec::new();
    let mut next = first;
    while ports.len() < count {
        let port = free(next, option)?;
        if port != READINESS_PORT && !ports.contains(&port) {
            ports.push(port);
        }
        if first != 0 && ports.len() < count {
            let after = if next.checked_add(1) == Some(READINESS_PORT) { 2 } else { 1 };
            next = next.checked_add(after).ok_or_else(|| busy(next, option, &ErrorKind::AddrInUse.into()))?;
        }
    }
    Ok(ports)
}

/// A free port of 127.0.0.1: `requested`, or any if that is 0. `option` is the option to change it with.
///
/// It is checked here because Envoy would share a port that is in use.
pub(crate) fn free(requested: u16, option: &str) -> Result<u16, Failure> {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, requested));
    bound
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| busy(requested, option, &error))
}

fn busy(requested: u16, option: &str, error: &io::Error) -> Failure {
    let why = match error.kind() {
        ErrorKind::AddrInUse => "is in use".to_owned(),
        ErrorKind::PermissionDenied => "needs more privileges".to_owned(),
        _ => format!("cannot be bound: {error}"),
    };
    Failure::new(Exit::Port, format!("port {requested} of 127.0.0.1 {why}"))
        .with_help(format!("choose another with {option}, or any free port with `{option} 0`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_no_port_after_the_last() {
        // Another program may have it.
        if TcpListener::bind((Ipv4Addr::LOCALHOST, u16::MAX)).is_ok() {
            assert_eq!(in_a_row(u16::MAX, 1, "--port").unwrap(), [u16::MAX]);
        }
        assert!(in_a_row(u16::MAX, 2, "--port").is_err());
    }

    #[test]
    fn a_port_in_use_is_reported() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let failure = free(port, "--port").unwrap_err();
        assert_eq!(failure.exit, Exit::Port);
        assert_eq!(failure.message, format!("port {port} of 127.0.0.1 is in use"));
        assert_ne!(free(0, "--port").unwrap(), 0);
    }

    #[test]
    fn ports_are_in_a_row_without_that_of_the_kubelet() {
        let any = in_a_row(0, 3, "--port").unwrap();
        assert_eq!(any.len(), 3);
        assert_eq!(in_a_row(READINESS_PORT, 1, "--port").unwrap_err().exit, Exit::Port);
        assert_eq!(in_a_row(u16::MAX, 2, "--port").unwrap_err().exit, Exit::Port);
    }
}
