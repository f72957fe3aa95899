//! The only file that names host calls: proxy-wasm ABI 0.2.1, as Envoy implements it.
//!
//! Every status but 0 becomes `None`, or is let go where nothing can be done about it.

use std::ptr::null_mut;

use sallyport_core::answer::{self, Answer};
use sallyport_core::request::pairs;

const OK: u32 = 0;

/// Map types of the ABI.
const REQUEST_HEADERS: u32 = 0;
const RESPONSE_HEADERS: u32 = 2;
const CALL_RESPONSE_HEADERS: u32 = 6;
/// Buffer types of the ABI.
const CALL_RESPONSE_BODY: u32 = 4;
const PLUGIN_CONFIGURATION: u32 = 7;

/// Metric types of the ABI.
#[derive(Clone, Copy, Debug)]
pub enum Metric {
    /// It adds up.
    Counter = 0,
    /// It holds what was written last.
    Gauge = 1,
    /// It tells the distribution of what was written.
    Histogram = 2,
}

/// Whose trailers: map types of the ABI.
#[derive(Clone, Copy, Debug)]
pub enum Trailers {
    /// The caller's.
    Request = 1,
    /// The upstream's.
    Response = 3,
}

/// Log levels of the ABI.
#[derive(Clone, Copy, Debug)]
pub enum Level {
    /// Something that worked.
    Info = 2,
    /// Something an operator may want to look at.
    Warn = 3,
    /// Something that an operator must look at.
    Error = 4,
}

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_log(level: u32, message: *const u8, size: usize) -> u32;
    fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
    fn proxy_get_buffer_bytes(kind: u32, start: usize, max: usize, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_replace_header_map_value(
        map: u32,
        name: *const u8,
        name_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
    fn proxy_remove_header_map_value(map: u32, name: *const u8, name_size: usize) -> u32;
    fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
    fn proxy_get_shared_data(
        key: *const u8,
        key_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
        cas: *mut u32,
    ) -> u32;
    fn proxy_set_shared_data(key: *const u8, key_size: usize, data: *const u8, size: usize, cas: u32) -> u32;
    fn proxy_get_property(path: *const u8, path_size: usize, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_set_property(path: *const u8, path_size: usize, value: *const u8, value_size: usize) -> u32;
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_size: usize,
        body: *const u8,
        body_size: usize,
        headers: *const u8,
        headers_size: usize,
        grpc_status: i32,
    ) -> u32;
    fn proxy_http_call(
        cluster: *const u8,
        cluster_size: usize,
        headers: *const u8,
        headers_size: usize,
        body: *const u8,
        body_size: usize,
        trailers: *const u8,
        trailers_size: usize,
        timeout: u32,
        token: *mut u32,
    ) -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, name_size: usize, id: *mut u32) -> u32;
    fn proxy_increment_metric(id: u32, offset: i64) -> u32;
    fn proxy_record_metric(id: u32, value: u64) -> u32;
}

#[link(wasm_import_module = "wasi_snapshot_preview1")]
unsafe extern "C" {
    fn random_get(data: *mut u8, size: usize) -> u16;
}

/// Writes one line to Envoy's log.
pub fn log(level: Level, message: &str) {
    // SAFETY: the host reads `message.len()` bytes from the pointer before it returns.
    unsafe {
        proxy_log(level as u32, message.as_ptr(), message.len());
    }
}

/// Asks for `on_tick` every so many milliseconds.
pub fn set_tick_period(milliseconds: u32) {
    // SAFETY: no pointers.
    unsafe {
        proxy_set_tick_period_milliseconds(milliseconds);
    }
}

/// The plugin's configuration.
pub fn plugin_configuration() -> Option<Vec<u8>> {
    // SAFETY: see `receive`.
    receive(|data, size| unsafe { proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, usize::MAX, data, size) })
}

/// All request headers, in the byte form of [`pairs`].
pub fn request_headers() -> Option<Vec<u8>> {
    // SAFETY: see `receive`.
    receive(|data, size| unsafe { proxy_get_header_map_pairs(REQUEST_HEADERS, data, size) })
}

/// An attribute; `path` is its segments joined by NUL. `None` when it is absent or cannot be given.
pub fn property(path: &str) -> Option<Vec<u8>> {
    // SAFETY: see `receive`; the path outlives the call.
    receive(|data, size| unsafe { proxy_get_property(path.as_ptr(), path.len(), data, size) })
}

/// Leaves a value in the stream's filter state, as `wasm.NAME`.
pub fn leave(name: &str, value: &str) {
    // SAFETY: the host copies both before it returns.
    unsafe {
        proxy_set_property(name.as_ptr(), name.len(), value.as_ptr(), value.len());
    }
}

/// Sets one request header, in place of any that the caller sent under its name. Envoy then looks for the route anew.
pub fn set_request_header(name: &str, value: &str) {
    replace_header(REQUEST_HEADERS, name, value);
}

/// Removes every request header of a name.
pub fn remove_request_header(name: &[u8]) {
    // SAFETY: the host reads the name before it returns.
    unsafe {
        proxy_remove_header_map_value(REQUEST_HEADERS, name.as_ptr(), name.len());
    }
}

/// All trailers of a message, in the byte form of [`pairs`]; only while they are being handed on.
pub fn trailers(of: Trailers) -> Option<Vec<u8>> {
    // SAFETY: see `receive`.
    receive(|data, size| unsafe { proxy_get_header_map_pairs(of as u32, data, size) })
}

/// Removes every trailer of a name; false if they are not there to be changed.
pub fn remove_trailer(of: Trailers, name: &[u8]) -> bool {
    // SAFETY: the host reads the name before it returns.
    let status = unsafe { proxy_remove_header_map_value(of as u32, name.as_ptr(), name.len()) };
    status == OK
}

/// Sets one response header, in place of any that the upstream sent under its name.
pub fn set_response_header(name: &str, value: &str) {
    replace_header(RESPONSE_HEADERS, name, value);
}

fn replace_header(map: u32, name: &str, value: &str) {
    // SAFETY: the host copies both before it returns.
    unsafe {
        proxy_replace_header_map_value(map, name.as_ptr(), name.len(), value.as_ptr(), value.len());
    }
}

/// Answers the request here. Envoy turns this into a trailers-only response for gRPC callers, and leaves the body out
/// for HEAD.
pub fn send_answer(answer: &Answer) -> bool {
    let retry_after = answer.retry_after.map(|seconds| seconds.to_string());
    let headers = [(answer::HEADER, Some(&answer.header)), ("retry-after", retry_after.as_ref())];
    let written = headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_bytes(), value.filter(|value| !value.is_empty())?.as_bytes())));
    let headers = pairs::serialize(&written.collect::<Vec<_>>()).unwrap_or_default();
    let grpc_status = i32::try_from(answer.grpc_status).unwrap_or(-1);
    // SAFETY: the host copies all four before it returns.
    let status = unsafe {
        proxy_send_local_response(
            u32::from(answer.status),
            answer.details.as_ptr(),
            answer.details.len(),
            answer.body.as_ptr(),
            answer.body.len(),
            headers.as_ptr(),
            headers.len(),
            grpc_status,
        )
    };
    status == OK
}

/// Makes a metric known, or finds it.
pub fn define_metric(kind: Metric, name: &str) -> Option<u32> {
    let mut id = 0;
    // SAFETY: the host reads the name and writes one `u32` before it returns.
    let status = unsafe { proxy_define_metric(kind as u32, name.as_ptr(), name.len(), &raw mut id) };
    (status == OK).then_some(id)
}

/// Adds to a counter.
pub fn increment(counter: u32, increase: u64) {
    // SAFETY: no pointers.
    unsafe {
        proxy_increment_metric(counter, i64::try_from(increase).unwrap_or(i64::MAX));
    }
}

/// Sets a gauge, or adds to a histogram.
pub fn record(metric: u32, value: u64) {
    // SAFETY: no pointers.
    unsafe {
        proxy_record_metric(metric, value);
    }
}

/// Milliseconds since the epoch, by a clock that may be set.
pub fn now() -> u64 {
    now_nanoseconds() / 1_000_000
}

/// Nanoseconds since the epoch, by the same clock.
pub fn now_nanoseconds() -> u64 {
    let mut nanoseconds = 0;
    // SAFETY: the host writes one `u64` before it returns.
    unsafe {
        proxy_get_current_time_nanoseconds(&raw mut nanoseconds);
    }
    nanoseconds
}

/// A number that nobody can foretell.
pub fn random() -> u64 {
    let mut bytes = [0; 8];
    // SAFETY: the host writes eight bytes before it returns.
    unsafe {
        random_get(bytes.as_mut_ptr(), bytes.len());
    }
    u64::from_le_bytes(bytes)
}

/// What all VMs share under a key, and its number for [`set_shared_data`]; 0 where there is nothing.
pub fn shared_data(key: &str) -> (Option<Vec<u8>>, u32) {
    let mut cas = 0;
    // SAFETY: see `receive`; the key outlives the call, and the host writes one `u32` before it returns.
    let data =
        receive(|data, size| unsafe { proxy_get_shared_data(key.as_ptr(), key.len(), data, size, &raw mut cas) });
    (data, cas)
}

/// Puts a value in the place of the one of this number; false if somebody was faster.
pub fn set_shared_data(key: &str, value: &[u8], cas: u32) -> bool {
    // SAFETY: the host copies both before it returns.
    let status = unsafe { proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), cas) };
    status == OK
}

/// Sends a request of our own; its token, or nothing if it failed at once. `timeout` is in milliseconds.
pub fn call(cluster: &str, headers: &[(&str, &str)], timeout: u32) -> Option<u32> {
    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
    let headers = pairs::serialize(&headers)?;
    let trailers = pairs::serialize(&[])?;
    let mut token = 0;
    // SAFETY: the host copies all of them, and writes one `u32`, before it returns.
    let status = unsafe {
        proxy_http_call(
            cluster.as_ptr(),
            cluster.len(),
            headers.as_ptr(),
            headers.len(),
            null_mut(),
            0,
            trailers.as_ptr(),
            trailers.len(),
            timeout,
            &raw mut token,
        )
    };
    (status == OK).then_some(token)
}

/// The answer's headers, in the byte form of [`pairs`]; only while it is being handed on.
pub fn call_response_headers() -> Option<Vec<u8>> {
    // SAFETY: see `receive`.
    receive(|data, size| unsafe { proxy_get_header_map_pairs(CALL_RESPONSE_HEADERS, data, size) })
}

/// The beginning of the answer's body; only while it is being handed on.
pub fn call_response_body(most: usize) -> Option<Vec<u8>> {
    // SAFETY: see `receive`.
    receive(|data, size| unsafe { proxy_get_buffer_bytes(CALL_RESPONSE_BODY, 0, most, data, size) })
}

/// Takes what the host allocated for us.
fn receive(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Option<Vec<u8>> {
    let mut data = null_mut();
    let mut size = 0;
    if call(&raw mut data, &raw mut size) != OK {
        return None;
    }
    if data.is_null() {
        return Some(Vec::new());
    }
    // SAFETY: with status 0 the host has allocated `size` bytes by `proxy_on_memory_allocate`, a boxed slice of that
    // length, filled them, and given them up to us.
    Some(unsafe { Vec::from_raw_parts(data, size, size) })
}
