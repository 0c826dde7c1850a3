// SPDX-License-Identifier: Apache-2.0
//! The C border: the functions of include/weft_engine.h, in its order; those of calls stand in ffi/calls.rs. Each entry turns a panic into
//! an error, checks nothing that the header promises, and holds no logic of its own.
#![allow(
    clippy::missing_safety_doc,
    reason = "the contract of every entry stands in weft_engine.h"
)]

mod calls;
mod outgoing;
mod signatures;
mod streams;

use crate::component::Component;
use crate::describe;
use crate::engine::{Engine, EngineConfig};
use crate::error::{Code, Error, Result};
use crate::prepared::Prepared;
use crate::text::{self, Format};
use crate::transcode::ExportPlan;
use std::ffi::{CStr, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::ptr;
use std::sync::Arc;

/// Borrowed bytes, or a text result.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct RawBytes {
    data: *const u8,
    len: usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct RawHeader {
    name: RawBytes,
    value: RawBytes,
}

#[repr(C)]
pub struct RawEngineConfig {
    max_instances: u32,
    max_memory_bytes: u64,
    cache_dir: RawBytes,
}

#[repr(C)]
pub struct RawHttpRequest {
    method: RawBytes,
    scheme: RawBytes,
    authority: RawBytes,
    path_and_query: RawBytes,
    headers: *const RawHeader,
    header_count: usize,
    has_body: bool,
}

/// A request that the guest sends.
#[repr(C)]
pub struct RawOutgoing {
    method: RawBytes,
    scheme: RawBytes,
    authority: RawBytes,
    path_and_query: RawBytes,
    headers: *const RawHeader,
    header_count: usize,
    connect_timeout_nanos: u64,
    first_byte_timeout_nanos: u64,
    between_bytes_timeout_nanos: u64,
    has_body: bool,
}

#[repr(C)]
pub struct RawStats {
    cpu_nanos: u64,
    peak_memory_bytes: u64,
    host_calls: u64,
}

/// Bytes that C frees.
pub struct RawString(Vec<u8>);

pub struct FfiPrepared(Arc<Prepared>);
pub struct FfiFunc(Arc<ExportPlan>);

impl RawBytes {
    const EMPTY: RawBytes = RawBytes {
        data: ptr::null(),
        len: 0,
    };

    fn of(bytes: &[u8]) -> Self {
        RawBytes {
            data: bytes.as_ptr(),
            len: bytes.len(),
        }
    }

    /// # Safety
    /// The bytes must be valid for `'a`, as the header promises for the length of a call.
    unsafe fn get<'a>(self) -> &'a [u8] {
        if self.len == 0 {
            return &[];
        }
        // SAFETY: by this function's contract.
        unsafe { std::slice::from_raw_parts(self.data, self.len) }
    }

    /// # Safety
    /// As for `get`.
    unsafe fn text<'a>(self, what: &str) -> Result<&'a str> {
        // SAFETY: by this function's contract.
        let bytes = unsafe { self.get() };
        std::str::from_utf8(bytes)
            .map_err(|_| Error::new(Code::InvalidArgument, format!("{what} is not UTF-8")))
    }
}

fn boxed<T>(value: T) -> *mut T {
    Box::into_raw(Box::new(value))
}

/// # Safety
/// `pointer` came from `boxed`, or is null.
unsafe fn free<T>(pointer: *mut T) {
    if !pointer.is_null() {
        // A destructor that panics has nobody to tell.
        // SAFETY: by this function's contract.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(unsafe { Box::from_raw(pointer) })));
    }
}

/// Runs `work`, stores its value in `out`, and returns the error or null.
fn guarded<T>(out: *mut *mut T, work: impl FnOnce() -> Result<T>) -> *mut Error {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => {
            // SAFETY: the header demands a valid place for the result.
            unsafe { *out = boxed(value) };
            ptr::null_mut()
        }
        Ok(Err(error)) => boxed(error),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            boxed(
                Error::new(Code::Internal, "the engine panicked").detail(text.unwrap_or_default()),
            )
        }
    }
}

// ---- errors and strings ----

/// # Safety
/// See weft_engine.h; so for every function below.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_error_code(error: *const Error) -> u16 {
    unsafe { (*error).code as u16 }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_error_message(error: *const Error) -> RawBytes {
    RawBytes::of(unsafe { (*error).message.as_bytes() })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_error_hint(error: *const Error) -> RawBytes {
    RawBytes::of(unsafe { (*error).hint.as_bytes() })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_error_detail(error: *const Error) -> RawBytes {
    RawBytes::of(unsafe { (*error).detail.as_bytes() })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_error_free(error: *mut Error) {
    unsafe { free(error) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_string_bytes(string: *const RawString) -> RawBytes {
    RawBytes::of(unsafe { &(*string).0 })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_string_free(string: *mut RawString) {
    unsafe { free(string) }
}

#[unsafe(no_mangle)]
pub extern "C" fn weft_engine_wasmtime_version() -> *const c_char {
    // The exact version that Cargo.toml pins.
    const VERSION: &CStr = c"48.0.8";
    VERSION.as_ptr()
}

// ---- engine ----

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_engine_new(
    config: *const RawEngineConfig,
    out: *mut *mut Engine,
) -> *mut Error {
    guarded(out, || {
        let config = unsafe { &*config };
        let cache_dir = unsafe { config.cache_dir.text("the cache folder's name") }?;
        Engine::new(EngineConfig {
            max_instances: config.max_instances,
            max_memory_bytes: config.max_memory_bytes,
            cache_dir: (!cache_dir.is_empty()).then(|| PathBuf::from(cache_dir)),
        })
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_engine_free(engine: *mut Engine) {
    unsafe { free(engine) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_engine_is_pooling(engine: *const Engine) -> bool {
    unsafe { (*engine).is_pooling() }
}

// ---- components ----

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_describe(wasm: RawBytes, json: *mut *mut RawString) -> *mut Error {
    guarded(json, || {
        Ok(RawString(
            describe::describe(unsafe { wasm.get() })?
                .to_json()
                .into_bytes(),
        ))
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_component_load(
    engine: *mut Engine,
    wasm: RawBytes,
    out: *mut *mut Component,
) -> *mut Error {
    guarded(out, || {
        Component::load(unsafe { &*engine }, unsafe { wasm.get() })
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_component_was_cached(component: *const Component) -> bool {
    unsafe { (*component).was_cached }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_component_free(component: *mut Component) {
    unsafe { free(component) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_prepare(
    engine: *mut Engine,
    component: *const Component,
    config: RawBytes,
    out: *mut *mut FfiPrepared,
) -> *mut Error {
    guarded(out, || {
        let prepared = Prepared::new(unsafe { &*engine }, unsafe { &*component }, unsafe {
            config.get()
        })?;
        Ok(FfiPrepared(Arc::new(prepared)))
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_prepared_free(prepared: *mut FfiPrepared) {
    unsafe { free(prepared) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_func_find(
    prepared: *const FfiPrepared,
    name: RawBytes,
    out: *mut *mut FfiFunc,
) -> *mut Error {
    guarded(out, || {
        let plan = unsafe { &*prepared }
            .0
            .plan(unsafe { name.text("the function's name") }?)?;
        Ok(FfiFunc(Arc::new(plan)))
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_func_free(func: *mut FfiFunc) {
    unsafe { free(func) }
}

fn format(number: u32) -> Result<Format> {
    match number {
        0 => Ok(Format::Wave),
        1 => Ok(Format::Json),
        _ => Err(Error::new(
            Code::InvalidArgument,
            "there is no such text format",
        )),
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_func_encode(
    func: *const FfiFunc,
    arguments: *const RawBytes,
    count: usize,
    form: u32,
    out: *mut *mut RawString,
) -> *mut Error {
    guarded(out, || {
        let arguments: &[RawBytes] = if count == 0 {
            &[]
        } else {
            unsafe { std::slice::from_raw_parts(arguments, count) }
        };
        let arguments = arguments
            .iter()
            .map(|argument| unsafe { argument.text("an argument") }.map(str::to_owned))
            .collect::<Result<Vec<_>>>()?;
        text::encode_args(&unsafe { &*func }.0, &arguments, format(form)?).map(RawString)
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_func_decode(
    func: *const FfiFunc,
    results: RawBytes,
    form: u32,
    out: *mut *mut RawString,
) -> *mut Error {
    guarded(out, || {
        let text = text::decode_results(
            &unsafe { &*func }.0,
            unsafe { results.get() },
            format(form)?,
        )?;
        Ok(RawString(text.into_bytes()))
    })
}
#[cfg(test)]
mod layout;
