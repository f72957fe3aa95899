//! The filter in its VM: configured once, then one request after the other.

use sallyport_core::wire::Policy;
use sallyport_egress::scenario::{Outcome, Scenario};
use wasmi::{Engine, Instance, Linker, Module, Store, TypedFunc};

use super::abi;
use super::reading;
use super::state::State;
use crate::exit::{Exit, Failure};

/// The contexts of the module: one configuration, and one request at a time.
const ROOT: u32 = 1;
const STREAM: u32 = 2;
/// What the module answers to a request that goes on.
const CONTINUE: u32 = 0;

/// A module that is translated, and can be started in any thread.
pub(crate) struct Loaded {
    engine: Engine,
    module: Module,
}

impl Loaded {
    /// Translates the module.
    pub(crate) fn new(bytes: &[u8]) -> Result<Self, Failure> {
        let engine = Engine::default();
        let module = Module::new(&engine, bytes).map_err(|error| broken(&error))?;
        Ok(Self { engine, module })
    }
}

/// The filter with one policy in force.
pub(crate) struct Filter {
    store: Store<State>,
    create: TypedFunc<(u32, u32), ()>,
    request: TypedFunc<(u32, u32, u32), u32>,
    done: TypedFunc<u32, u32>,
    tick: TypedFunc<u32, ()>,
}

impl Filter {
    /// Starts the module and gives it the policy as a gateway does.
    pub(crate) fn start(loaded: &Loaded, policy: &Policy) -> Result<Self, Failure> {
        // The decision is read from the filter state, which the filter sets only where something reads it. Without the health
        // gate: there is nobody to probe, and each tick would.
        let policy = Policy { filter_state: true, health: None, ..policy.clone() }.with_automata();
        let configuration = serde_json::to_vec(&policy)
            .map_err(|error| Failure::new(Exit::Module, format!("the policy cannot be serialized: {error}")))?;
        let size = u32::try_from(configuration.len()).unwrap_or(u32::MAX);
        let state = State { configuration, ..State::default() };
        let mut store = Store::new(&loaded.engine, state);
        let linker: Linker<State> = abi::linker(&loaded.engine).map_err(|error| broken(&error))?;
        let instance = linker.instantiate_and_start(&mut store, &loaded.module).map_err(|error| broken(&error))?;
        let run = || -> Result<Self, wasmi::Error> {
            store.data_mut().memory = instance.get_memory(&store, "memory");
            store.data_mut().allocate = Some(instance.get_typed_func(&store, "proxy_on_memory_allocate")?);
            store.data_mut().properties.insert(b"plugin_root_id".to_vec(), policy.upstream.clone().into_bytes());
            instance.get_typed_func::<(), ()>(&store, "_initialize")?.call(&mut store, ())?;
            let create: TypedFunc<(u32, u32), ()> = instance.get_typed_func(&store, "proxy_on_context_create")?;
            create.call(&mut store, (ROOT, 0))?;
            let configure: TypedFunc<(u32, u32), u32> = instance.get_typed_func(&store, "proxy_on_configure")?;
            if configure.call(&mut store, (ROOT, size))? == 0 {
                return Err(wasmi::Error::new(format!(
                    "the module refuses the policy: {}",
                    store.data().log.join("; ")
                )));
            }
            Self::of(&instance, store, create)
        };
        run().map_err(|error| broken(&error))
    }

    fn of(instance: &Instance, store: Store<State>, create: TypedFunc<(u32, u32), ()>) -> Result<Self, wasmi::Error> {
        let request = instance.get_typed_func(&store, "proxy_on_request_headers")?;
        let done = instance.get_typed_func(&store, "proxy_on_done")?;
        let tick = instance.get_typed_func(&store, "proxy_on_tick")?;
        Ok(Self { store, create, request, done, tick })
    }

    /// What the module makes of a request. The engine is the one of its policy: a gateway keeps what the filter asks for.
    pub(crate) fn play(&mut self, scenario: &Scenario, engine: &sallyport_core::Engine) -> Result<Outcome, Failure> {
        let headers: Vec<_> =
            scenario.headers(engine).into_iter().map(|(name, value)| (name.into_bytes(), value)).collect();
        let count = u32::try_from(headers.len()).unwrap_or(u32::MAX);
        let properties =
            scenario.caller.properties().into_iter().map(|(path, value)| (path.as_bytes().to_vec(), value));
        self.store.data_mut().begin(headers, properties.collect());
        let action = self.call(count).map_err(|error| broken(&error))?;
        reading::outcome(self.store.data(), action == CONTINUE)
    }

    /// The life of one request, and a tick, which flushes what was counted.
    fn call(&mut self, count: u32) -> Result<u32, wasmi::Error> {
        let Self { store, create, request, done, tick } = self;
        create.call(&mut *store, (STREAM, ROOT))?;
        let action = request.call(&mut *store, (STREAM, count, 1))?;
        done.call(&mut *store, STREAM)?;
        tick.call(&mut *store, ROOT)?;
        Ok(action)
    }
}

fn broken(error: &wasmi::Error) -> Failure {
    Failure::new(Exit::Module, format!("the filter module does not run: {error}"))
        .with_help("`sallyport image verify` says whether it is a filter of this version")
}
