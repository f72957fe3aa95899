//! The least that a filter can do without which no route leads to the upstream: it reads the headers of a request, looks at
//! none of them, and sets the mark of its route. Envoy calls it once for a request. Elsewhere than in wasm it is empty, as
//! its host is Envoy.
//!
//! It is not made with the SDK, whose filters are called eight times, and has no allocator: what the host hands over is put
//! into the same place each time.

#![cfg(target_family = "wasm")]
#![no_std]

use core::arch::wasm32::unreachable;
use core::panic::PanicInfo;
use core::ptr::null_mut;

/// Room for the headers of a request.
const ROOM: usize = 64 << 10;
/// Room for the configuration: `NAME VALUE`, the header that is the mark.
const ROOM_OF_MARK: usize = 512;

/// The numbers of the ABI.
const OK: u32 = 0;
const REQUEST_HEADERS: u32 = 0;
const PLUGIN_CONFIGURATION: u32 = 7;
const CONTINUE: u32 = 0;

// A VM is run by one thread only.
static mut HANDED_OVER: [u8; ROOM] = [0; ROOM];
static mut MARK: [u8; ROOM_OF_MARK] = [0; ROOM_OF_MARK];
/// Bytes of the mark's name and of its value.
static mut LENGTHS: (usize, usize) = (0, 0);

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_get_buffer_bytes(kind: u32, start: usize, max: usize, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_replace_header_map_value(
        map: u32,
        name: *const u8,
        name_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
}

#[unsafe(no_mangle)]
extern "C" fn _initialize() {}

#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
    if size <= ROOM { (&raw mut HANDED_OVER).cast() } else { null_mut() }
}

/// Keeps the mark.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_configure(_root: u32, _size: usize) -> bool {
    let (mut data, mut size) = (null_mut(), 0);
    // SAFETY: the host writes a pointer to what it has put into `HANDED_OVER`, and its length; no other reference to either
    // place is in use.
    unsafe {
        let status = proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, ROOM_OF_MARK, &raw mut data, &raw mut size);
        if status != OK || data.is_null() || size > ROOM_OF_MARK {
            return false;
        }
        let configuration = core::slice::from_raw_parts(data, size);
        let Some(space) = configuration.iter().position(|byte| *byte == b' ') else { return false };
        data.copy_to((&raw mut MARK).cast(), size);
        LENGTHS = (space, size - space - 1);
    }
    true
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(_stream: u32, _headers: usize, _end: bool) -> u32 {
    let (mut data, mut size) = (null_mut::<u8>(), 0);
    // SAFETY: as above; `LENGTHS` are those of what is in `MARK`.
    unsafe {
        let _ = proxy_get_header_map_pairs(REQUEST_HEADERS, &raw mut data, &raw mut size);
        let (name, value) = LENGTHS;
        let mark: *const u8 = (&raw const MARK).cast();
        // If this fails no route leads to the upstream.
        let _ = proxy_replace_header_map_value(REQUEST_HEADERS, mark, name, mark.add(name + 1), value);
    }
    CONTINUE
}

#[panic_handler]
fn end(_: &PanicInfo<'_>) -> ! {
    unreachable()
}
