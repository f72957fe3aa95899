//! Any bytes at all as a policy: refused, or compiled into something that decides without a panic.
#![no_main]

#[path = "../../tests/core/common/mod.rs"]
mod common;

use common::request::Request;
use libfuzzer_sys::fuzz_target;
use sallyport_core::{Engine, RequestView};

fuzz_target!(|bytes: &[u8]| {
    let Ok(engine) = Engine::from_json(bytes) else { return };
    let token = serde_json::json!({"iss": "issuer", "sub": "alice", "scope": "read write", "groups": ["admin"]});
    let requests = [
        Request::get("/get"),
        Request::new("POST", "/anything/a//b%2f?q=admin&q=%zz").header("x-role", "admin").header("x-role", b"\xff, a"),
        Request::new("POST", "/pkg.Svc/Get").header("content-type", "application/grpc"),
        Request::get("/status/200").peer("spiffe://cluster.local/ns/httpbin/sa/sleep").token(token),
    ];
    for request in &requests {
        request.with_view(|view| {
            let decision = engine.on_request(view);
            assert_eq!(decision, engine.explain(view).decision);
        });
    }
    // The policy's own bytes are as good a request as any.
    let headers: Vec<(&[u8], &[u8])> = bytes.chunks(16).map(|chunk| chunk.split_at(chunk.len() / 2)).collect();
    let _ = engine.on_request(&RequestView { headers: &headers, metadata: Some(bytes), ..RequestView::default() });
});
