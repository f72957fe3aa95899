//! The only file that names host calls: proxy-wasm ABI 0.2.1, as Envoy implements it.
//!
//! Every status but 0 becomes `None`, or is ignored where nothing can be done about it.

use alloc::vec;
use alloc::vec::Vec;
use core::ptr::null_mut;

use sallyport_core::answer::Answer;
use sallyport_core::flow::trailers::Message;
use sallyport_core::flow::{Effect, Level, MetricKind, Needs, Properties};
use sallyport_core::request::pairs;

const OK: u32 = 0;

/// Map types of the ABI.
const REQUEST_HEADERS: u32 = 0;
const RESPONSE_HEADERS: u32 = 2;
const CALL_RESPONSE_HEADERS: u32 = 6;
/// Buffer types of the ABI.
const CALL_RESPONSE_BODY: u32 = 4;
const PLUGIN_CONFIGURATION: u32 = 7;

/// What Envoy does with a message after a callback; the numbers are the ABI's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Action {
    /// It goes on.
    Continue = 0,
    /// It is held back.
    Pause = 1,
}

/// The map type of a message's trailers.
fn trailers_map(of: Message) -> u32 {
    match of {
        Message::Request => 1,
        Message::Response => 3,
    }
}

/// The ABI's number of a metric type.
fn metric_type(kind: MetricKind) -> u32 {
    match kind {
        MetricKind::Counter => 0,
        MetricKind::Gauge => 1,
        MetricKind::Histogram => 2,
    }
}

/// The ABI's number of a log level.
fn log_level(level: Level) -> u32 {
    match level {
        Level::Info => 2,
        Level::Warn => 3,
        Level::Error => 4,
    }
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
    fn environ_sizes_get(count: *mut usize, size: *mut usize) -> u16;
    fn environ_get(variables: *mut *mut u8, text: *mut u8) -> u16;
}

/// Writes one line to Envoy's log, or a value into a metric. These metrics change seldom, so each is looked up by name.
pub fn apply(effect: &Effect) {
    match effect {
        Effect::Log(level, line) => log(*level, line),
        Effect::Metric { kind, name, value } => {
            let Some(metric) = define_metric(*kind, name) else { return };
            match kind {
                MetricKind::Counter => increment(metric, *value),
                MetricKind::Gauge | MetricKind::Histogram => record(metric, *value),
            }
        }
        Effect::Step { name, is_up } => {
            if let Some(metric) = define_metric(MetricKind::Gauge, name) {
                // SAFETY: no pointers.
                unsafe {
                    proxy_increment_metric(metric, if *is_up { 1 } else { -1 });
                }
            }
        }
    }
}

fn log(level: Level, message: &str) {
    // SAFETY: the host reads `message.len()` bytes from the pointer before it returns.
    unsafe {
        proxy_log(log_level(level), message.as_ptr(), message.len());
    }
}

/// Asks the host for a tick at this interval, in milliseconds.
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

/// The variables of the VM: each is `NAME=VALUE`, with a zero behind it.
pub fn environment() -> Option<Vec<u8>> {
    let (mut count, mut size) = (0, 0);
    // SAFETY: the host writes two numbers.
    let status = u32::from(unsafe { environ_sizes_get(&raw mut count, &raw mut size) });
    (status == OK).then_some(())?;
    let (mut variables, mut text) = (vec![null_mut(); count], vec![0; size]);
    // SAFETY: both have the sizes that the host has just named.
    let status = u32::from(unsafe { environ_get(variables.as_mut_ptr(), text.as_mut_ptr()) });
    (status == OK).then_some(text)
}

/// The name that the plugin's configuration gives it.
pub fn plugin_root_id() -> Option<Vec<u8>> {
    property("plugin_root_id")
}

/// Looks up the properties that a stage needs, one host call each.
pub fn read_properties(needs: Needs, properties: &mut Properties) {
    for (need, path) in Needs::PROPERTIES {
        if needs.contains(need) {
            properties.insert(need, property(path));
        }
    }
}

/// An attribute. `None` when it is absent or cannot be given.
fn property(path: &str) -> Option<Vec<u8>> {
    // SAFETY: see `receive`; the path outlives the call.
    receive(|data, size| unsafe { proxy_get_property(path.as_ptr(), path.len(), data, size) })
}

/// Sets a value of the stream's filter state, as `wasm.NAME`.
pub fn set_filter_state(name: &str, value: &str) {
    // SAFETY: the host copies both before it returns.
    unsafe {
        proxy_set_property(name.as_ptr(), name.len(), value.as_ptr(), value.len());
    }
}

/// Sets one request header, in place of any that the caller sent under its name. Envoy then looks for the route again.
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

/// All trailers of a message, in the byte form of [`pairs`]; only while they are being
/// passed on.
pub fn trailers(of: Message) -> Option<Vec<u8>> {
    // SAFETY: see `receive`.
    receive(|data, size| unsafe { proxy_get_header_map_pairs(trailers_map(of), data, size) })
}

/// Removes every trailer of a name; false if they cannot be changed.
pub fn remove_trailer(of: Message, name: &[u8]) -> bool {
    // SAFETY: the host reads the name before it returns.
    let status = unsafe { proxy_remove_header_map_value(trailers_map(of), name.as_ptr(), name.len()) };
    status == OK
}

/// All response headers, in the byte form of [`pairs`]; only while they are being passed on.
pub fn response_headers() -> Option<Vec<u8>> {
    // SAFETY: see `receive`.
    receive(|data, size| unsafe { proxy_get_header_map_pairs(RESPONSE_HEADERS, data, size) })
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
pub fn send_answer(answer: &Answer) {
    let headers = answer.headers();
    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
    let headers = pairs::serialize(&headers).unwrap_or_default();
    let grpc_status = i32::try_from(answer.grpc_status).unwrap_or(-1);
    // SAFETY: the host copies all four before it returns.
    unsafe {
        proxy_send_local_response(
            u32::from(answer.status),
            answer.details.as_ptr(),
            answer.details.len(),
            answer.body.as_ptr(),
            answer.body.len(),
            headers.as_ptr(),
            headers.len(),
            grpc_status,
        );
    }
}

/// Defines a metric, or finds it.
pub fn define_metric(kind: MetricKind, name: &str) -> Option<u32> {
    let mut id = 0;
    // SAFETY: the host reads the name and writes one `u32` before it returns.
    let status = unsafe { proxy_define_metric(metric_type(kind), name.as_ptr(), name.len(), &raw mut id) };
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
fn record(metric: u32, value: u64) {
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

/// An unpredictable number.
pub fn random() -> u64 {
    let mut bytes = [0; 8];
    // SAFETY: the host writes eight bytes before it returns.
    unsafe {
        random_get(bytes.as_mut_ptr(), bytes.len());
    }
    u64::from_le_bytes(bytes)
}

/// The value that all VMs share under a key, and its version for [`set_shared_data`]; 0 where there is none.
pub fn shared_data(key: &str) -> (Option<Vec<u8>>, u32) {
    let mut cas = 0;
    // SAFETY: see `receive`; the key outlives the call, and the host writes one `u32` before it returns.
    let data =
        receive(|data, size| unsafe { proxy_get_shared_data(key.as_ptr(), key.len(), data, size, &raw mut cas) });
    (data, cas)
}

/// Replaces the value of this version; false if another VM has replaced it first.
pub fn set_shared_data(key: &str, value: &[u8], cas: u32) -> bool {
    // SAFETY: the host copies both before it returns.
    let status = unsafe { proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), cas) };
    status == OK
}

/// Sends a request of our own. Its token, or `None` if it could not be sent. `timeout` is in milliseconds.
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

/// The answer's headers, in the byte form of [`pairs`]; only while it is being passed on.
pub fn call_response_headers() -> Option<Vec<u8>> {
    // SAFETY: see `receive`.
    receive(|data, size| unsafe { proxy_get_header_map_pairs(CALL_RESPONSE_HEADERS, data, size) })
}

/// The beginning of the answer's body; only while it is being passed on.
pub fn call_response_body(most: usize) -> Option<Vec<u8>> {
    // SAFETY: see `receive`.
    receive(|data, size| unsafe { proxy_get_buffer_bytes(CALL_RESPONSE_BODY, 0, most, data, size) })
}

/// Takes over the memory that the host allocated for a result.
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
