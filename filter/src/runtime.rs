//! What `std` would bring: an allocator, and what a panic does.

use core::arch::wasm32::unreachable;
use core::hint::black_box;
use core::panic::PanicInfo;

use rlsf::{GlobalTlsf, GlobalTlsfOptions};

// For what the compiler takes for granted: the comparison of memory.
#[link(name = "c")]
unsafe extern "C" {}

/// An allocator whose every call takes a bounded time, in a quarter of the code that the C library's has.
#[global_allocator]
static HEAP: GlobalTlsf<HeapOptions> = GlobalTlsf::new();

struct HeapOptions;

impl GlobalTlsfOptions for HeapOptions {
    /// Costs more code than it spares copies: nearly all that grows is small.
    const ENABLE_REALLOCATION: bool = false;
    /// Memory of the host is asked for in pages; without this, a block that spans pages would have some to itself.
    const COALESCE_POOLS: bool = true;
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
