//! Free ports for Envoy.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, TcpListener};

use crate::exit::{Exit, Failure};

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
    fn a_port_in_use_is_reported() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let failure = free(port, "--port").unwrap_err();
        assert_eq!(failure.exit, Exit::Port);
        assert_eq!(failure.message, format!("port {port} of 127.0.0.1 is in use"));
        assert_ne!(free(0, "--port").unwrap(), 0);
    }
}
