// SPDX-License-Identifier: Apache-2.0
//! How long a call with bytes to a fresh instance takes: instantiate, copy in, call, copy out, drop.
//! `cargo run --release -p weft-engine --example call_bench`

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use wasmtime::component::{Component, Linker};
use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Result, Store,
};
use weft_engine::transcode::{BytesHost, ExportPlan, ImportFuture, ResourceTable, call_export};

/// Gives back the bytes that it is given, from a copy of its own.
const ECHO: &str = r#"(component
    (core module $m
        (memory (export "mem") 4)
        (global $at (mut i32) (i32.const 1024))
        (func (export "realloc") (param i32 i32 i32 i32) (result i32)
            (global.get $at)
            (global.set $at (i32.add (global.get $at) (local.get 3))))
        (func (export "echo") (param $ptr i32) (param $len i32) (result i32)
            (memory.copy (i32.const 131072) (local.get $ptr) (local.get $len))
            (i32.store (i32.const 0) (i32.const 131072))
            (i32.store (i32.const 4) (local.get $len))
            (i32.const 0)))
    (core instance $i (instantiate $m))
    (func (export "echo") (param "bytes" (list u8)) (result (list u8))
        (canon lift (core func $i "echo") (memory $i "mem") (realloc (func $i "realloc")))))"#;

struct Host(ResourceTable);

impl BytesHost for Host {
    fn call_import(&mut self, _: u32, _: Vec<u8>) -> ImportFuture {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn resources(&mut self) -> &mut ResourceTable {
        &mut self.0
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(out) = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            return out;
        }
    }
}

fn main() -> Result<()> {
    let mut pool = PoolingAllocationConfig::default();
    pool.linear_memory_keep_resident(256 << 10)
        .table_keep_resident(64 << 10);
    let mut config = Config::new();
    config.concurrency_support(false);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    let engine = Engine::new(&config)?;
    let wasm = wat::parse_str(ECHO).map_err(|e| wasmtime::Error::msg(e.to_string()))?;
    let component = Component::new(&engine, wasm)?;
    let plan = ExportPlan::new(&engine, &component, None, "echo")?;
    let pre = Linker::<Host>::new(&engine).instantiate_pre(&component)?;
    for size in [0usize, 1 << 10, 64 << 10] {
        let mut params = Vec::new();
        weft_engine::transcode::wire::put_byte_string(&mut params, &vec![7; size]);
        let call = || -> Result<()> {
            let mut store = Store::new(&engine, Host(ResourceTable::new()));
            let instance = block_on(pre.instantiate_async(&mut store))?;
            let got = block_on(call_export(&mut store, &instance, &plan, &params))?;
            assert_eq!(got.len(), params.len());
            Ok(())
        };
        let mut rounds = Vec::new();
        for _ in 0..9 {
            let (start, mut calls) = (Instant::now(), 0u32);
            while start.elapsed() < Duration::from_millis(200) {
                call()?;
                calls += 1;
            }
            rounds.push(start.elapsed() / calls);
        }
        rounds.sort();
        println!(
            "{size:>6} bytes: {:>9.2?} a call (median of {})",
            rounds[rounds.len() / 2],
            rounds.len()
        );
    }
    Ok(())
}
