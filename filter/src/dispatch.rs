//! The entry points that the host calls, and the contexts that it calls them for.
//!
//! # Design
//!
//! proxy-wasm ABI 0.2.1 as Envoy uses it, and only the functions that the filter needs: Envoy does not call a function that
//! is not exported. The SDK would export all of them, make the module an eighth larger, and panic on a context or a token
//! that it does not know. Here an unknown context is refused, and a callback into one that is running finds its place
//! empty.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use crate::host::Action;
use crate::policy::ActivePolicy;
use crate::root::Root;
use crate::stream::Stream;

/// All contexts of this VM. While one runs, its place is empty.
struct Contexts {
    /// A handful: one for each configuration that is still in use.
    roots: Vec<(u32, Option<Root>)>,
    streams: HashMap<u32, Option<Stream>, FxBuildHasher>,
}

impl Contexts {
    fn root(&mut self, id: u32) -> Option<&mut Option<Root>> {
        self.roots.iter_mut().find(|(known, _)| *known == id).map(|(_, root)| root)
    }

    /// What a new stream of this root is decided by.
    fn policy_of(&mut self, root: u32) -> Option<Rc<ActivePolicy>> {
        self.root(root)?.as_ref()?.policy()
    }
}

/// A value of this VM's one thread.
struct OfThread<T>(T);

// SAFETY: a VM is run by one thread only, the worker that made it. This module is compiled without atomics, so its memory
// cannot be shared, and it starts no thread.
unsafe impl<T> Sync for OfThread<T> {}

static CONTEXTS: OfThread<RefCell<Contexts>> =
    OfThread(RefCell::new(Contexts { roots: Vec::new(), streams: HashMap::with_hasher(FxBuildHasher) }));

fn with<R>(work: impl FnOnce(&mut Contexts) -> R) -> Option<R> {
    CONTEXTS.0.try_borrow_mut().ok().map(|mut contexts| work(&mut contexts))
}

/// Runs a callback of a root. The contexts are not borrowed meanwhile: the host may call back.
fn with_root<R>(id: u32, mut work: impl FnMut(&mut Root) -> R) -> Option<R> {
    let mut result = None;
    run_root(id, &mut |root| result = Some(work(root)));
    result
}

/// Runs a callback of a stream, in the same way.
fn with_stream<R>(id: u32, mut work: impl FnMut(&mut Stream) -> R) -> Option<R> {
    let mut result = None;
    run_stream(id, &mut |stream| result = Some(work(stream)));
    result
}

/// The part of [`with_root`] that is the same for all callbacks: compiled once.
fn run_root(id: u32, work: &mut dyn FnMut(&mut Root)) {
    let Some(mut root) = with(|contexts| contexts.root(id)?.take()).flatten() else { return };
    work(&mut root);
    with(|contexts| {
        if let Some(place) = contexts.root(id) {
            *place = Some(root);
        }
    });
}

/// The same part of [`with_stream`].
fn run_stream(id: u32, work: &mut dyn FnMut(&mut Stream)) {
    let Some(mut stream) = with(|contexts| contexts.streams.get_mut(&id)?.take()).flatten() else { return };
    work(&mut stream);
    with(|contexts| {
        if let Some(place) = contexts.streams.get_mut(&id) {
            *place = Some(stream);
        }
    });
}

unsafe extern "C" {
    /// Made by the linker: it must run before anything else here does.
    fn __wasm_call_ctors();
}

#[unsafe(no_mangle)]
extern "C" fn _initialize() {
    // SAFETY: the host calls this once, before any other function.
    unsafe { __wasm_call_ctors() }
}

#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

/// Memory that the host fills and [`host::receive`](crate::host) takes over: a boxed slice of this length.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
    Box::into_raw(Box::<[u8]>::new_uninit_slice(size)).cast()
}

/// `root` is 0 for a root context, else the root that the stream belongs to.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_context_create(id: u32, root: u32) {
    with(|contexts| {
        if root == 0 {
            contexts.roots.push((id, Some(Root::default())));
        } else {
            let policy = contexts.policy_of(root);
            contexts.streams.insert(id, Some(Stream::new(policy)));
        }
    });
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_configure(id: u32, _size: usize) -> bool {
    with_root(id, Root::configure).unwrap_or(false)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_tick(id: u32) {
    with_root(id, Root::tick);
}

/// The answer to a probe, or the news that there is none. Only roots send probes.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_http_call_response(id: u32, token: u32, _headers: usize, _body: usize, _trailers: usize) {
    with_root(id, |root| root.on_call_response(token));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(id: u32, _headers: usize, _end: bool) -> Action {
    with_stream(id, Stream::on_request_headers).unwrap_or(Action::Pause)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_trailers(id: u32, _trailers: usize) -> Action {
    with_stream(id, Stream::on_request_trailers).unwrap_or(Action::Pause)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_headers(id: u32, _headers: usize, _end: bool) -> Action {
    with_stream(id, Stream::on_response_headers).unwrap_or(Action::Pause)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_trailers(id: u32, _trailers: usize) -> Action {
    with_stream(id, Stream::on_response_trailers).unwrap_or(Action::Pause)
}

/// The end of a stream, or of a configuration; true: nothing is left to do. Envoy calls three functions at the end of each
/// stream, and this is the only one that it calls at the end of a configuration, too.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_done(id: u32) -> bool {
    if let Some(stream) = with(|contexts| contexts.streams.remove(&id)).flatten() {
        stream.into_iter().for_each(|stream| stream.done());
    } else {
        with_root(id, Root::done);
        with(|contexts| contexts.roots.retain(|(known, _)| *known != id));
    }
    true
}
