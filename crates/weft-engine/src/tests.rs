// SPDX-License-Identifier: Apache-2.0
//! The engine as C uses it, with real guests: those of apps/, which scripts/build_apps builds, and small ones in text form.

mod backtraces;
mod bodies;
mod linked;
mod malformed;
mod messaging;
mod outgoing;
mod streams;

use crate::call::{AGAIN, Call, DONE, HttpRequest, Lane};
use crate::component::Component;
use crate::engine::{Engine, EngineConfig};
use crate::error::{Error, Result};
use crate::prepared::Prepared;
use crate::waker::RawWaker;
use http::Request;
use std::ffi::c_void;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;

/// Nothing takes this long when all is well.
const DEADLINE: Duration = Duration::from_secs(60);

fn engine() -> Engine {
    Engine::new(EngineConfig {
        max_instances: 8,
        max_memory_bytes: 0,
        cache_dir: None,
    })
    .expect("an engine")
}

fn app(name: &str) -> Vec<u8> {
    let folder = std::env::var_os("WEFT_APPS_DIR").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../build/apps")),
        PathBuf::from,
    );
    let file = folder.join(name).with_extension("wasm");
    std::fs::read(&file)
        .unwrap_or_else(|error| panic!("{}: {error}; run scripts/build_apps", file.display()))
}

fn prepare(engine: &Engine, wasm: &[u8], grants: &str) -> Arc<Prepared> {
    let component = Component::load(engine, wasm).expect("it compiles");
    Arc::new(Prepared::new(engine, &component, grants.as_bytes()).expect("it links"))
}

fn waker() -> RawWaker {
    extern "C" fn ignore(_: *mut c_void) {}
    RawWaker {
        context: std::ptr::null_mut(),
        wake: ignore,
        drop: ignore,
    }
}

fn start(prepared: &Arc<Prepared>, function: &str, params: &[u8]) -> Call {
    let plan = Arc::new(prepared.plan(function).expect("the export is there"));
    Lane::new(prepared.clone())
        .function(plan, params.to_vec(), waker())
        .expect("the call begins")
}

fn start_http(lane: &Lane, path: &str) -> Call {
    let request = HttpRequest {
        scheme: Scheme::Http,
        head: Request::get(format!("http://test{path}"))
            .body(())
            .expect("a request"),
        has_body: false,
    };
    lane.http(request, waker()).expect("the call begins")
}

/// Polls until the call has ended; `answer` is asked for every import by its name.
fn run_with(
    call: &mut Call,
    prepared: &Prepared,
    mut answer: impl FnMut(&str, &[u8]) -> std::result::Result<Vec<u8>, String>,
) -> Result<Vec<u8>> {
    let end = Instant::now() + DEADLINE;
    loop {
        let flags = call.poll();
        if flags & DONE != 0 {
            let outcome = call.end.take().expect("an outcome");
            return outcome.map(|_| call.result.clone());
        }
        let mut answered = false;
        while let Some(parked) = call.imports.next() {
            let name = &prepared.imports[parked.import as usize].name;
            call.imports
                .complete(parked.token, answer(name, &parked.params));
            answered = true;
        }
        assert!(Instant::now() < end, "the call does not end");
        if !answered && flags & AGAIN == 0 {
            std::thread::yield_now();
        }
    }
}

fn run(call: &mut Call, prepared: &Prepared) -> Result<Vec<u8>> {
    run_with(call, prepared, |name, _| {
        Err(format!("nobody answers {name}"))
    })
}

fn failure(outcome: Result<Vec<u8>>) -> Error {
    match outcome {
        Ok(bytes) => panic!("the call gave {bytes:?} and should have failed"),
        Err(error) => error,
    }
}
