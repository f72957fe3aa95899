//! Ports, before Envoy is given them.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, TcpListener};

use crate::exit::{Exit, Failure};

/// A port of 127.0.0.1 that nobody has: `wanted`, or any when that is 0. `option` is what the user would change.
///
/// Envoy shares a busy port rather than refuse it, so it must be asked for here.
pub(crate) fn free(wanted: u16, option: &str) -> Result<u16, Failure> {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, wanted));
    bound
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| busy(wanted, option, &error))
}

fn busy(wanted: u16, option: &str, error: &io::Error) -> Failure {
    let why = match error.kind() {
        ErrorKind::AddrInUse => "is busy".to_owned(),
        ErrorKind::PermissionDenied => "needs privileges that you do not have".to_owned(),
        _ => format!("cannot be bound: {error}"),
    };
    Failure::new(Exit::Port, format!("port {wanted} of 127.0.0.1 {why}"))
        .with_help(format!("take another with {option}; {option} 0 takes any that is free"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_port_is_named() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let failure = free(port, "--port").unwrap_err();
        assert_eq!(failure.exit, Exit::Port);
        assert_eq!(failure.message, format!("port {port} of 127.0.0.1 is busy"));
        assert_ne!(free(0, "--port").unwrap(), 0);
    }
}
