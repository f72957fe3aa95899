//! gRPC callers are answered as gRPC answers: 200, trailers only, and a `grpc-status`.

use anyhow::Result;
use sallyport_tests::client::{Caller, Request};
use sallyport_tests::envoys::each_envoy;
use sallyport_tests::stage::Stage;

const AUTHZ: &str = "
rules:
- id: shelves
  action: ALLOW
  from: [{source: {serviceAccounts: [httpbin/sleep]}}]
  to: [{operation: {grpc: [library.Shelves/List, library.Books/*]}}]
- id: no-burning
  action: DENY
  to: [{operation: {grpc: [library.Books/Burn]}}]
";

fn refused(caller: &Caller, path: &str, grpc_status: &str) -> Result<()> {
    let reply = caller.http2()?.send(&Request::grpc(path))?;
    let told = (reply.status, reply.header("grpc-status"), reply.headers_only);
    assert_eq!(told, (200, Some(grpc_status), true), "{}: {path}: {reply:?}", caller.name);
    assert_eq!(reply.spoken().verdict, "refused", "{reply:?}");
    Ok(())
}

#[test]
fn refusals_are_trailers_only() {
    each_envoy("grpc", |envoy, scratch| {
        let stage = Stage::start(envoy, scratch, AUTHZ)?;
        let sleep = stage.sleep()?;

        for path in ["/library.Shelves/List", "/library.Books/Read"] {
            let reply = sleep.http2()?.send(&Request::grpc(path))?;
            assert_eq!((reply.status, reply.header("grpc-status")), (200, None), "{reply:?}");
        }
        refused(&sleep, "/library.Books/Burn", "7")?;
        refused(&sleep, "/library.Shelves/Delete", "7")?;
        refused(&stage.stranger()?, "/library.Shelves/List", "7")?;
        refused(&stage.gate.nobody()?, "/library.Shelves/List", "16")?;
        refused(&sleep, "/library.Shelves/List;a=b", "3")?;

        // The same path without the shape of a gRPC call is not one.
        let plain = sleep.http2()?.send(&Request::new("POST", "/library.Shelves/List"))?;
        assert_eq!((plain.status, plain.header("grpc-status")), (403, None), "{plain:?}");
        Ok(())
    });
}
