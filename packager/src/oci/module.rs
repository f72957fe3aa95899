//! Whether Envoy can load a module, and whether the module reads the policies of this program.

use sallyport_core::wire::WIRE_VERSION;
use wasmparser::{BinaryReaderError, Parser, Payload, Validator};

use super::problem::ImageProblem;
use sallyport_egress::Code;

/// The exported function that declares the ABI of a module.
const ABI_EXPORT: &str = "proxy_abi_version_0_2_1";
/// The custom section in which a filter declares the version of the policy that it reads, in decimal.
const POLICY_SECTION: &str = "sallyport.policy";
/// Modules above this size get a warning.
const LARGE: usize = 8 << 20;

/// The functions that Envoy provides in `env`, without the prefix `proxy_`.
const HOST: [&str; 43] = [
    "add_header_map_value",
    "call_foreign_function",
    "clear_route_cache",
    "close_stream",
    "continue_request",
    "continue_response",
    "continue_stream",
    "define_metric",
    "dequeue_shared_queue",
    "done",
    "enqueue_shared_queue",
    "get_buffer_bytes",
    "get_buffer_status",
    "get_configuration",
    "get_current_time_nanoseconds",
    "get_header_map_pairs",
    "get_header_map_size",
    "get_header_map_value",
    "get_log_level",
    "get_metric",
    "get_property",
    "get_shared_data",
    "get_status",
    "grpc_call",
    "grpc_cancel",
    "grpc_close",
    "grpc_send",
    "grpc_stream",
    "http_call",
    "increment_metric",
    "log",
    "record_metric",
    "register_shared_queue",
    "remove_header_map_value",
    "replace_header_map_value",
    "resolve_shared_queue",
    "send_local_response",
    "set_buffer_bytes",
    "set_effective_context",
    "set_header_map_pairs",
    "set_property",
    "set_shared_data",
    "set_tick_period_milliseconds",
];

/// The functions of WASI that Envoy provides.
const WASI: [&str; 15] = [
    "args_get",
    "args_sizes_get",
    "clock_time_get",
    "environ_get",
    "environ_sizes_get",
    "fd_close",
    "fd_fdstat_get",
    "fd_prestat_dir_name",
    "fd_prestat_get",
    "fd_read",
    "fd_seek",
    "fd_write",
    "path_open",
    "proc_exit",
    "random_get",
];

/// Everything that is wrong with a module. `own` is the filter in this program, whose version is known.
pub(crate) fn inspect(module: &[u8], own: Option<&[u8]>) -> Vec<ImageProblem> {
    if let Err(error) = Validator::new().validate_all(module) {
        return vec![ImageProblem::new(Code::InvalidModule, format!("the wasm module is invalid: {error}"))];
    }
    let traits = match Traits::read(module) {
        Ok(traits) => traits,
        Err(error) => {
            return vec![ImageProblem::new(Code::InvalidModule, format!("the wasm module cannot be read: {error}"))];
        }
    };
    let mut problems = Vec::new();
    if !traits.abi {
        problems.push(ImageProblem::new(Code::ModuleAbi, format!("the module does not export `{ABI_EXPORT}`")));
    }
    for import in &traits.unknown_imports {
        let message = format!("the module imports `{}`, which Envoy does not provide", import.escape_debug());
        problems.push(ImageProblem::new(Code::ModuleImport, message));
    }
    problems.extend(policy(traits.policy.as_deref(), own == Some(module)));
    if module.len() > LARGE {
        problems.push(ImageProblem::new(Code::LargeModule, format!("the module has {} MiB", module.len() >> 20)));
    }
    problems
}

/// The problem with the policy version, if there is one.
fn policy(declared: Option<&str>, is_own: bool) -> Option<ImageProblem> {
    match declared {
        Some(version) if version == WIRE_VERSION.to_string() => None,
        Some(version) => {
            let version = version.escape_debug();
            let message = format!("the filter reads policy version {version}, but this program writes {WIRE_VERSION}");
            Some(ImageProblem::new(Code::ModulePolicyVersion, message))
        }
        None if is_own => None,
        None => {
            let message = format!("the filter does not declare that it reads policy version {WIRE_VERSION}");
            Some(ImageProblem::new(Code::ModuleWithoutPolicyVersion, message))
        }
    }
}

/// What is relevant about a module.
#[derive(Default)]
struct Traits {
    abi: bool,
    unknown_imports: Vec<String>,
    policy: Option<String>,
}

impl Traits {
    fn read(module: &[u8]) -> Result<Traits, BinaryReaderError> {
        let mut traits = Traits::default();
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let import = import?;
                        if !is_known(import.module, import.name) {
                            traits.unknown_imports.push(format!("{}.{}", import.module, import.name));
                        }
                    }
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        traits.abi |= export?.name == ABI_EXPORT;
                    }
                }
                Payload::CustomSection(section) if section.name() == POLICY_SECTION => {
                    traits.policy = Some(String::from_utf8_lossy(section.data()).into_owned());
                }
                _ => {}
            }
        }
        Ok(traits)
    }
}

fn is_known(module: &str, name: &str) -> bool {
    match module {
        "env" => name.strip_prefix("proxy_").is_some_and(|name| HOST.contains(&name)),
        "wasi_snapshot_preview1" | "wasi_unstable" => WASI.contains(&name),
        _ => false,
    }
}
