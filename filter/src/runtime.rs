//! What `std` would bring: an allocator, and what a panic does.

use core::alloc::{GlobalAlloc, Layout};
use core::arch::wasm32::unreachable;
use core::hint::black_box;
use core::panic::PanicInfo;
use core::ptr::null_mut;

#[link(name = "c")]
unsafe extern "C" {
    fn malloc(size: usize) -> *mut u8;
    fn realloc(block: *mut u8, size: usize) -> *mut u8;
    fn free(block: *mut u8);
}

#[global_allocator]
static HEAP: Heap = Heap;

/// The C library's allocator, as `std` uses it.
///
/// # Design
///
/// An allocator of its own could be 8 KB smaller: rlsf and talc are. Each made a request 2 to 4 % slower.
struct Heap;

/// What `malloc` is aligned to: the largest alignment of C's own types.
const ALIGNMENT: usize = align_of::<u128>();

// SAFETY: a block that is given out is one that `malloc` gave, so it is as large as asked for and aligned to `ALIGNMENT`. What
// would have to be aligned to more cannot be allocated; nothing here does. The others have a block of this allocator, as their
// caller says.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match ALIGNMENT.checked_sub(layout.align()) {
            // SAFETY: any size is good.
            Some(_) => unsafe { malloc(layout.size()) },
            None => null_mut(),
        }
    }

    unsafe fn realloc(&self, block: *mut u8, _layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the block is one that `malloc` gave; the new one has its alignment, too.
        unsafe { realloc(block, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, _layout: Layout) {
        // SAFETY: the block is one that `malloc` gave, and is not used again.
        unsafe { free(block) }
    }
}

/// Ends the VM, as a panic would with `std`. It has no message: what formats one would be a tenth of the module, for panics that
/// [nothing here](crate) raises. Envoy logs the trap.
#[panic_handler]
fn end(info: &PanicInfo<'_>) -> ! {
    if cfg!(feature = "places") {
        black_box(info.location());
    }
    unreachable()
}
