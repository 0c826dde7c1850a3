// SPDX-License-Identifier: Apache-2.0
//! The engine: compiler settings, the instance pool, and the ticker that makes long-running guests give their shard back.

use crate::error::{Code, Error, Result};
use crate::prepared;
use crate::state::State;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
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

pub struct Engine {
    inner: wasmtime::Engine,
    provided: Linker<State>,
    ticker: Arc<Ticker>,
    thread: Option<JoinHandle<()>>,
    pooling: bool,
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
        // The pool reserves address space for every slot; where that is short (ulimit -v, a small machine), instances are made on demand.
        let (inner, pooling) = match wasmtime::Engine::new(&settings(Some((instances, memory)))) {
            Ok(engine) => (engine, true),
            Err(_) => {
                let engine = wasmtime::Engine::new(&settings(None)).map_err(|error| {
                    Error::from_wasmtime(
                        Code::Unsupported,
                        "cannot start the engine on this machine",
                        &error,
                    )
                })?;
                (engine, false)
            }
        };
        let provided = prepared::provided(&inner)?;
        let ticker = Arc::new(Ticker::default());
        let thread = {
            let (ticker, engine) = (ticker.clone(), inner.weak());
            std::thread::Builder::new()
                .name("weft-epoch".into())
                .spawn(move || ticker.run(&engine))
                .map_err(|error| {
                    Error::new(Code::Io, format!("cannot start the epoch thread: {error}"))
                })?
        };
        ticker.thread.set(thread.thread().clone()).ok();
        Ok(Engine {
            inner,
            provided,
            ticker,
            thread: Some(thread),
            pooling,
            cache_dir: config.cache_dir,
        })
    }

    pub fn wasmtime(&self) -> &wasmtime::Engine {
        &self.inner
    }

    /// The interfaces of WASI, defined once for all components: doing so takes longer than anything else in linking one.
    pub fn provided(&self) -> &Linker<State> {
        &self.provided
    }

    pub fn ticker(&self) -> &Arc<Ticker> {
        &self.ticker
    }

    pub fn is_pooling(&self) -> bool {
        self.pooling
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

fn settings(pool: Option<(u32, u64)>) -> Config {
    let mut config = Config::new();
    config.wasm_component_model(true);
    // WASI 0.2 guests run faster without the machinery of 0.3; that will be a second engine.
    config.concurrency_support(false);
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

    fn run(&self, engine: &wasmtime::EngineWeak) {
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
            match engine.upgrade() {
                Some(engine) => engine.increment_epoch(),
                None => return,
            }
        }
    }
}
