//! The calls of the module: those that the filter imports, as Envoy answers them.

use std::time::{SystemTime, UNIX_EPOCH};

use sallyport_core::request::pairs;
use wasmi::{Caller, Error, Linker};

use super::state::{Answer, State};

type Module<'a> = Caller<'a, State>;

const OK: u32 = 0;
const NOT_FOUND: u32 = 1;
const BAD_ARGUMENT: u32 = 2;
const INVALID_MEMORY: u32 = 6;
const CAS_MISMATCH: u32 = 8;

const REQUEST_HEADERS: u32 = 0;
const PLUGIN_CONFIGURATION: u32 = 7;

/// Bytes of the module's memory; `None` beyond its end.
fn bytes(module: &Module<'_>, start: u32, size: u32) -> Option<Vec<u8>> {
    let start = usize::try_from(start).ok()?;
    let end = start.checked_add(usize::try_from(size).ok()?)?;
    Some(module.data().memory?.data(module).get(start..end)?.to_vec())
}

fn write(module: &mut Module<'_>, start: u32, bytes: &[u8]) -> Option<()> {
    let memory = module.data().memory?;
    memory.write(module, usize::try_from(start).ok()?, bytes).ok()
}

/// Gives bytes to the module, in memory that it allocates itself.
fn give(module: &mut Module<'_>, bytes: &[u8], data: u32, size: u32) -> u32 {
    let given = (|| {
        let length = u32::try_from(bytes.len()).ok()?;
        let allocate = module.data().allocate?;
        let start = allocate.call(&mut *module, length).ok()?;
        write(module, start, bytes)?;
        write(module, data, &start.to_le_bytes())?;
        write(module, size, &length.to_le_bytes())
    })();
    if given.is_some() { OK } else { INVALID_MEMORY }
}

fn map_bytes(headers: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let pairs: Vec<_> = headers.iter().map(|(name, value)| (name.as_slice(), value.as_slice())).collect();
    pairs::serialize(&pairs).unwrap_or_default()
}

/// Everything that the filter imports.
pub(super) fn linker(engine: &wasmi::Engine) -> Result<Linker<State>, Error> {
    let mut linker = Linker::new(engine);
    headers(&mut linker)?;
    values(&mut linker)?;
    metrics(&mut linker)?;
    system(&mut linker)?;
    Ok(linker)
}

/// Headers, and the answer.
fn headers(linker: &mut Linker<State>) -> Result<(), Error> {
    linker.func_wrap(
        "env",
        "proxy_get_header_map_pairs",
        |mut module: Module<'_>, map: u32, data: u32, size: u32| {
            // There are no others: no response and no trailers.
            if map != REQUEST_HEADERS {
                return NOT_FOUND;
            }
            let bytes = map_bytes(&module.data().headers);
            give(&mut module, &bytes, data, size)
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_replace_header_map_value",
        |mut module: Module<'_>, map: u32, name: u32, name_size: u32, value: u32, value_size: u32| {
            let (Some(name), Some(value)) = (bytes(&module, name, name_size), bytes(&module, value, value_size)) else {
                return INVALID_MEMORY;
            };
            if map != REQUEST_HEADERS {
                return BAD_ARGUMENT;
            }
            let headers = &mut module.data_mut().headers;
            headers.retain(|(known, _)| *known != name);
            headers.push((name, value));
            OK
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_remove_header_map_value",
        |mut module: Module<'_>, map: u32, name: u32, name_size: u32| {
            let Some(name) = bytes(&module, name, name_size) else { return INVALID_MEMORY };
            if map != REQUEST_HEADERS {
                return BAD_ARGUMENT;
            }
            module.data_mut().headers.retain(|(known, _)| *known != name);
            OK
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_send_local_response",
        |mut module: Module<'_>,
         status: u32,
         details: u32,
         details_size: u32,
         _: u32,
         _: u32,
         headers: u32,
         headers_size: u32,
         _: u32| {
            let found = (bytes(&module, details, details_size), bytes(&module, headers, headers_size));
            let (Some(details), Some(headers)) = found else { return INVALID_MEMORY };
            let headers = pairs::parse(&headers).unwrap_or_default();
            let headers = headers.into_iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
            module.data_mut().answer = Some(Answer { status, details, headers });
            OK
        },
    )?;
    Ok(())
}

/// The configuration, properties, and values that all VMs share.
fn values(linker: &mut Linker<State>) -> Result<(), Error> {
    linker.func_wrap(
        "env",
        "proxy_get_buffer_bytes",
        |mut module: Module<'_>, kind: u32, _: u32, _: u32, data: u32, size: u32| {
            if kind != PLUGIN_CONFIGURATION {
                return NOT_FOUND;
            }
            let bytes = module.data().configuration.clone();
            give(&mut module, &bytes, data, size)
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_property",
        |mut module: Module<'_>, path: u32, path_size: u32, data: u32, size: u32| {
            let Some(path) = bytes(&module, path, path_size) else { return INVALID_MEMORY };
            match module.data().properties.get(&path).cloned() {
                Some(value) => give(&mut module, &value, data, size),
                None => NOT_FOUND,
            }
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_property",
        |mut module: Module<'_>, path: u32, path_size: u32, value: u32, value_size: u32| {
            let (Some(path), Some(value)) = (bytes(&module, path, path_size), bytes(&module, value, value_size)) else {
                return INVALID_MEMORY;
            };
            module.data_mut().attributes.insert(path, value);
            OK
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_shared_data",
        |mut module: Module<'_>, key: u32, key_size: u32, data: u32, size: u32, cas: u32| {
            let Some(key) = bytes(&module, key, key_size) else { return INVALID_MEMORY };
            let Some((value, version)) = module.data().shared.get(&key).cloned() else { return NOT_FOUND };
            match write(&mut module, cas, &version.to_le_bytes()) {
                Some(()) => give(&mut module, &value, data, size),
                None => INVALID_MEMORY,
            }
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_shared_data",
        |mut module: Module<'_>, key: u32, key_size: u32, data: u32, size: u32, cas: u32| {
            let (Some(key), Some(value)) = (bytes(&module, key, key_size), bytes(&module, data, size)) else {
                return INVALID_MEMORY;
            };
            let shared = &mut module.data_mut().shared;
            let version = shared.get(&key).map_or(0, |(_, version)| *version);
            if cas != 0 && cas != version {
                return CAS_MISMATCH;
            }
            shared.insert(key, (value, version.wrapping_add(1)));
            OK
        },
    )?;
    Ok(())
}

fn metrics(linker: &mut Linker<State>) -> Result<(), Error> {
    linker.func_wrap(
        "env",
        "proxy_define_metric",
        |mut module: Module<'_>, _: u32, name: u32, name_size: u32, id: u32| {
            let Some(name) = bytes(&module, name, name_size) else { return INVALID_MEMORY };
            let metrics = &mut module.data_mut().metrics;
            let position = metrics.iter().position(|known| *known == name).unwrap_or(metrics.len());
            if position == metrics.len() {
                metrics.push(name);
            }
            let position = u32::try_from(position).unwrap_or(u32::MAX);
            if write(&mut module, id, &position.to_le_bytes()).is_some() { OK } else { INVALID_MEMORY }
        },
    )?;
    linker.func_wrap("env", "proxy_increment_metric", |mut module: Module<'_>, id: u32, _: i64| {
        let state = module.data_mut();
        let name = usize::try_from(id).ok().and_then(|id| state.metrics.get(id)).cloned();
        state.grown.extend(name);
        OK
    })?;
    linker.func_wrap("env", "proxy_record_metric", |_: Module<'_>, _: u32, _: u64| OK)?;
    Ok(())
}

/// Time, the log, random bytes, and what the module's standard library imports.
fn system(linker: &mut Linker<State>) -> Result<(), Error> {
    linker.func_wrap("env", "proxy_log", |mut module: Module<'_>, _: u32, text: u32, size: u32| {
        let Some(text) = bytes(&module, text, size) else { return INVALID_MEMORY };
        module.data_mut().log.push(String::from_utf8_lossy(&text).into_owned());
        OK
    })?;
    linker.func_wrap("env", "proxy_set_tick_period_milliseconds", |_: Module<'_>, _: u32| OK)?;
    linker.func_wrap("env", "proxy_get_current_time_nanoseconds", |mut module: Module<'_>, time: u32| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_nanos());
        let now = u64::try_from(now).unwrap_or(u64::MAX);
        if write(&mut module, time, &now.to_le_bytes()).is_some() { OK } else { INVALID_MEMORY }
    })?;
    // No probe is sent, so none is answered: the upstream counts as healthy.
    linker.func_wrap(
        "env",
        "proxy_http_call",
        |_: Module<'_>, _: u32, _: u32, _: u32, _: u32, _: u32, _: u32, _: u32, _: u32, _: u32, _: u32| BAD_ARGUMENT,
    )?;
    const WASI: &str = "wasi_snapshot_preview1";
    linker.func_wrap(WASI, "random_get", |mut module: Module<'_>, data: u32, size: u32| {
        // The same each time, as in a scenario.
        let bytes = vec![0x5a; usize::try_from(size.min(1 << 16)).unwrap_or(0)];
        if write(&mut module, data, &bytes).is_some() { OK } else { INVALID_MEMORY }
    })?;
    linker.func_wrap(WASI, "environ_get", |_: Module<'_>, _: u32, _: u32| OK)?;
    linker.func_wrap(WASI, "environ_sizes_get", |mut module: Module<'_>, count: u32, size: u32| {
        let written = write(&mut module, count, &[0; 4]).and_then(|()| write(&mut module, size, &[0; 4]));
        if written.is_some() { OK } else { INVALID_MEMORY }
    })?;
    linker.func_wrap(WASI, "fd_write", |_: Module<'_>, _: u32, _: u32, _: u32, _: u32| BAD_ARGUMENT)?;
    linker.func_wrap(WASI, "proc_exit", |_: Module<'_>, code: u32| -> Result<(), Error> {
        Err(Error::new(format!("the module ended itself with {code}")))
    })?;
    Ok(())
}
