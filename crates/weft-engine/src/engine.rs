// SPDX-License-Identifier: Apache-2.0
//! The engine: compiler settings, the instance pool, and the ticker that makes long-running guests give their shard back.

use crate::error::{Code, Error, Result};
use crate::prepared;
use crate::state::State;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;
use wasmtime::component::Linker;
use wasmtime::{
    Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig, WasmBacktraceDetails,
};

/// A guest that computes gives the shard back after this long: one slice, less what had passed of its first epoch.
const EPOCH: Duration = Duration::from_millis(1);
pub const EPOCHS_A_SLICE: u64 = 1;
/// The ticker sleeps for good when no call has begun for this many epochs and none runs.
const IDLE_EPOCHS: u32 = 50;

const DEFAULT_INSTANCES: u32 = 1024;
const DEFAULT_MEMORY: u64 = 4 << 30;
/// Kept mapped and zeroed by hand instead of madvise: page-table traffic between threads is what costs most at small requests.
const MEMORY_KEEP_RESIDENT: usize = 256 << 10;
const TABLE_KEEP_RESIDENT: usize = 64 << 10;

pub struct EngineConfig {
    pub max_instances: u32,
    pub max_memory_bytes: u64,
    pub cache_dir: Option<PathBuf>,
}

/// What a guest needs of the engine that runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// One call at a time in each instance, as in WASI 0.2: faster than the other.
    Nothing,
    /// Async functions, streams or futures of the component model.
    Concurrency,
}

/// wasmtime with one set of features, and the interfaces of WASI for it.
pub struct Runtime {
    engine: wasmtime::Engine,
    provided: Linker<State>,
    pooling: bool,
}

impl Runtime {
    /// The pool reserves address space for every slot; where that is short (ulimit -v, a small machine), instances are made on demand.
    fn new(needs: Needs, instances: u32, memory: u64) -> Result<Self> {
        let pooled = settings(needs, Some((instances, memory)));
        let (engine, pooling) = match wasmtime::Engine::new(&pooled) {
            Ok(engine) => (engine, true),
            Err(_) => {
                let engine = wasmtime::Engine::new(&settings(needs, None)).map_err(|error| {
                    Error::from_wasmtime(
                        Code::Unsupported,
                        "cannot start the engine on this machine",
                        &error,
                    )
                })?;
                (engine, false)
            }
        };
        let provided = prepared::provided(&engine)?;
        Ok(Runtime {
            engine,
            provided,
            pooling,
        })
    }

    pub fn wasmtime(&self) -> &wasmtime::Engine {
        &self.engine
    }

    /// The interfaces of WASI, defined once for all components: doing so takes longer than anything else in linking one.
    pub fn provided(&self) -> &Linker<State> {
        &self.provided
    }
}

pub struct Engine {
    plain: Runtime,
    /// Made for the first guest that needs it.
    concurrent: Mutex<Option<Arc<Runtime>>>,
    instances: u32,
    memory: u64,
    ticker: Arc<Ticker>,
    thread: Option<JoinHandle<()>>,
    cache_dir: Option<PathBuf>,
}

impl Engine {
    pub fn new(config: EngineConfig) -> Result<Self> {
        let instances = if config.max_instances == 0 {
            DEFAULT_INSTANCES
        } else {
            config.max_instances
        };
        let memory = if config.max_memory_bytes == 0 {
            DEFAULT_MEMORY
        } else {
            config.max_memory_bytes
        };
        let plain = Runtime::new(Needs::Nothing, instances, memory)?;
        let ticker = Arc::new(Ticker::default());
        let thread = {
            let ticker = ticker.clone();
            ticker.add(&plain.engine);
            std::thread::Builder::new()
                .name("weft-epoch".into())
                .spawn(move || ticker.run())
                .map_err(|error| {
                    Error::new(Code::Io, format!("cannot start the epoch thread: {error}"))
                })?
        };
        ticker.thread.set(thread.thread().clone()).ok();
        Ok(Engine {
            plain,
            concurrent: Mutex::new(None),
            instances,
            memory,
            ticker,
            thread: Some(thread),
            cache_dir: config.cache_dir,
        })
    }

    /// What runs guests that need nothing beyond WASI 0.2.
    pub fn plain(&self) -> &Runtime {
        &self.plain
    }

    /// What runs the others, which pay for it in every call.
    pub fn concurrent(&self) -> Result<Arc<Runtime>> {
        let mut concurrent = self
            .concurrent
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(runtime) = &*concurrent {
            return Ok(runtime.clone());
        }
        let runtime = Arc::new(Runtime::new(
            Needs::Concurrency,
            self.instances,
            self.memory,
        )?);
        self.ticker.add(&runtime.engine);
        Ok(concurrent.insert(runtime).clone())
    }

    pub fn ticker(&self) -> &Arc<Ticker> {
        &self.ticker
    }

    pub fn is_pooling(&self) -> bool {
        self.plain.pooling
    }

    pub fn cache_dir(&self) -> Option<&PathBuf> {
        self.cache_dir.as_ref()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.ticker.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // The ticker cannot panic, so there is nothing to hear from it.
            let _ = thread.join();
        }
    }
}

fn settings(needs: Needs, pool: Option<(u32, u64)>) -> Config {
    let mut config = Config::new();
    config.wasm_component_model(true);
    // Guests without streams run faster without the machinery for them.
    config.concurrency_support(needs == Needs::Concurrency);
    if needs == Needs::Concurrency {
        config.wasm_component_model_async(true);
    }
    config.epoch_interruption(true);
    config.wasm_backtrace_details(WasmBacktraceDetails::Enable);
    config.cranelift_nan_canonicalization(false);
    if let Some((instances, memory)) = pool {
        let mut pooling = PoolingAllocationConfig::new();
        pooling
            .total_component_instances(instances)
            .total_core_instances(instances.saturating_mul(8))
            .total_memories(instances)
            .total_tables(instances.saturating_mul(4))
            .total_stacks(instances)
            .max_memory_size(usize::try_from(memory).unwrap_or(usize::MAX))
            .table_elements(100_000)
            .max_core_instance_size(4 << 20)
            .max_component_instance_size(4 << 20)
            .max_unused_warm_slots(256)
            .linear_memory_keep_resident(MEMORY_KEEP_RESIDENT)
            .table_keep_resident(TABLE_KEEP_RESIDENT)
            // Only what the guest wrote is cleared, where the kernel can tell (Linux 6.7 and later).
            .pagemap_scan(Enabled::Auto);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pooling));
    }
    config
}

/// Advances the epoch while calls run, and sleeps while none do.
#[derive(Default)]
pub struct Ticker {
    stop: AtomicBool,
    parked: AtomicBool,
    started: AtomicU64,
    finished: AtomicU64,
    thread: std::sync::OnceLock<std::thread::Thread>,
    engines: Mutex<Vec<wasmtime::EngineWeak>>,
}

impl Ticker {
    pub fn call_started(&self) {
        self.started.fetch_add(1, Ordering::Relaxed);
        if self.parked.swap(false, Ordering::AcqRel)
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
    }

    pub fn call_finished(&self) {
        self.finished.fetch_add(1, Ordering::Relaxed);
    }

    fn add(&self, engine: &wasmtime::Engine) {
        self.engines().push(engine.weak());
    }

    fn engines(&self) -> MutexGuard<'_, Vec<wasmtime::EngineWeak>> {
        self.engines
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn run(&self) {
        let mut idle = 0;
        let mut seen = 0;
        while !self.stop.load(Ordering::Acquire) {
            let started = self.started.load(Ordering::Relaxed);
            let running = started != self.finished.load(Ordering::Relaxed);
            idle = if running || started != seen {
                0
            } else {
                idle + 1
            };
            seen = started;
            if idle < IDLE_EPOCHS {
                std::thread::park_timeout(EPOCH);
            } else {
                self.parked.store(true, Ordering::Release);
                // A call may have begun before the flag was seen: then do not sleep.
                if self.started.load(Ordering::SeqCst) == seen && !self.stop.load(Ordering::Acquire)
                {
                    std::thread::park();
                }
                self.parked.store(false, Ordering::Release);
                idle = 0;
            }
            for engine in self.engines().iter() {
                if let Some(engine) = engine.upgrade() {
                    engine.increment_epoch();
                }
            }
        }
    }
}
