//! The way to an upstream: takes connections on the bridge, notes the name each asks for, and hands them on.
//!
//! It does not take part in TLS: it reads the first message over the shoulder of both sides.

use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result};
use rustls::server::Acceptor;

/// A running doorway, by default on port 443 as public upstreams have it.
#[derive(Debug)]
pub struct Doorway {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    behind: Mutex<SocketAddr>,
    /// For connections that ask for these names.
    by_name: Mutex<BTreeMap<String, SocketAddr>>,
    names: Mutex<Vec<String>>,
    open: Mutex<Vec<TcpStream>>,
    ended: AtomicBool,
}

impl Doorway {
    /// Opens it in front of `behind`.
    pub fn open(address: Ipv4Addr, behind: SocketAddr) -> Result<Self> {
        Self::open_at(SocketAddr::from((address, 443)), behind)
    }

    /// The same at any port.
    pub fn open_at(address: SocketAddr, behind: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind(address).context("cannot listen for the upstream")?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            behind: Mutex::new(behind),
            by_name: Mutex::default(),
            names: Mutex::default(),
            open: Mutex::default(),
            ended: AtomicBool::new(false),
        });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if shared.ended.load(Ordering::Relaxed) {
                    return;
                }
                let state = Arc::clone(&shared);
                // A connection that breaks is the two sides' to report.
                thread::spawn(move || drop(pass(stream, &state)));
            }
        });
        Ok(Self { address, state })
    }

    /// Lets new connections come to another upstream.
    pub fn lead_to(&self, behind: SocketAddr) {
        *self.state.behind.lock().unwrap_or_else(PoisonError::into_inner) = behind;
    }

    /// Lets new connections that ask for this name come to another upstream.
    pub fn lead_name_to(&self, name: &str, behind: SocketAddr) {
        self.state.by_name.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), behind);
    }

    /// Ends every connection, as an upstream does that goes away.
    pub fn hang_up(&self) {
        for stream in self.state.open.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // One that has ended by itself is as good.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Takes the names that connections have asked for so far, in order.
    #[must_use]
    pub fn take_names(&self) -> Vec<String> {
        std::mem::take(&mut *self.state.names.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Doorway {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::Relaxed);
        // Wakes the listener, so that it sees that it has ended.
        drop(TcpStream::connect(self.address));
    }
}

fn pass(mut caller: TcpStream, state: &State) -> Result<()> {
    let mut acceptor = Acceptor::default();
    let mut first = Vec::new();
    let name = loop {
        let mut part = [0; 4096];
        let length = caller.read(&mut part)?;
        let part = part.get(..length).unwrap_or_default();
        first.extend_from_slice(part);
        if part.is_empty() || acceptor.read_tls(&mut Cursor::new(part)).is_err() {
            break None;
        }
        match acceptor.accept() {
            Ok(None) => {}
            Ok(Some(accepted)) => break accepted.client_hello().server_name().map(str::to_owned),
            Err(_) => break None,
        }
    };
    let name = name.unwrap_or_default();
    let by_name = state.by_name.lock().unwrap_or_else(PoisonError::into_inner).get(&name).copied();
    let behind = by_name.unwrap_or_else(|| *state.behind.lock().unwrap_or_else(PoisonError::into_inner));
    state.names.lock().unwrap_or_else(PoisonError::into_inner).push(name);
    let mut upstream = TcpStream::connect(behind)?;
    state.open.lock().unwrap_or_else(PoisonError::into_inner).push(upstream.try_clone()?);
    upstream.write_all(&first)?;
    let (mut from_caller, mut to_upstream) = (caller.try_clone()?, upstream.try_clone()?);
    let there = thread::spawn(move || {
        let _ = std::io::copy(&mut from_caller, &mut to_upstream);
        to_upstream.shutdown(Shutdown::Write)
    });
    let _ = std::io::copy(&mut upstream, &mut caller);
    caller.shutdown(Shutdown::Write)?;
    let _ = there.join();
    Ok(())
}
