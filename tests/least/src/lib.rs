//! A filter that reads the headers of a request and marks it for its route, and decides nothing: what every filter costs
//! without which no route leads to the upstream. Elsewhere than in wasm it is empty, as its host is Envoy.

#![cfg(target_family = "wasm")]

use core::hint::black_box;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root { mark: String::new() }));
}}

/// Its configuration is `NAME VALUE`, the header that is the mark.
struct Root {
    mark: String,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _: usize) -> bool {
        let configuration = self.get_plugin_configuration().unwrap_or_default();
        self.mark = String::from_utf8_lossy(&configuration).into_owned();
        self.mark.contains(' ')
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        let (name, value) = self.mark.split_once(' ').unwrap_or_default();
        Some(Box::new(Stream { name: name.to_owned(), value: value.to_owned() }))
    }
}

struct Stream {
    name: String,
    value: String,
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        black_box(self.get_http_request_headers_bytes());
        self.set_http_request_header(&self.name, Some(&self.value));
        Action::Continue
    }
}
