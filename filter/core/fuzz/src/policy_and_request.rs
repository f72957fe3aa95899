#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(e) = sallyport_core::Engine::from_json(bytes) { let _ = e.on_request(&Default::default()); }
});
