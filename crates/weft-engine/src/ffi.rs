// SPDX-License-Identifier: Apache-2.0
//! The C border: the functions of include/weft_engine.h, in its order. Each entry turns a panic into an error, checks nothing that the header
#![allow(
    clippy::missing_safety_doc,
    reason = "the contract of every entry stands in weft_engine.h"
)]
//! promises, and holds no logic of its own.

use crate::call::{self, BodyPiece, Call, HttpRequest, Lane};
use crate::component::Component;
use crate::describe;
use crate::engine::{Engine, EngineConfig};
use crate::error::{Code, Error, Result};
use crate::prepared::Prepared;
use crate::text::{self, Format};
use crate::transcode::ExportPlan;
use crate::waker::RawWaker;
use bytes::Bytes;
use http::uri::{Authority, PathAndQuery, Scheme as UriScheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use std::ffi::{CStr, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::ptr;
use std::sync::Arc;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;

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

/// What weft_call_body_next returns.
const BODY_PENDING: u32 = 0;
const BODY_DATA: u32 = 1;
const BODY_TRAILERS: u32 = 2;
const BODY_END: u32 = 3;
const BODY_ERROR: u32 = 4;

/// A call and what C borrows from it.
pub struct FfiCall {
    call: Call,
    head: Option<http::response::Parts>,
    headers: Vec<RawHeader>,
    piece: Bytes,
    trailers: HeaderMap,
    text: Vec<u8>,
}

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

// ---- calls ----

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_lane_new(prepared: *const FfiPrepared) -> *mut Lane {
    boxed(Lane::new(unsafe { &*prepared }.0.clone()))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_lane_free(lane: *mut Lane) {
    unsafe { free(lane) }
}

impl FfiCall {
    fn new(call: Call) -> Self {
        FfiCall {
            call,
            head: None,
            headers: Vec::new(),
            piece: Bytes::new(),
            trailers: HeaderMap::new(),
            text: Vec::new(),
        }
    }
}

/// # Safety
/// `headers` points at `count` valid headers.
unsafe fn header_map(headers: *const RawHeader, count: usize) -> Result<HeaderMap> {
    let bad = |what: &str| {
        Error::new(
            Code::InvalidArgument,
            format!("a header's {what} is not valid in HTTP"),
        )
    };
    let mut map = HeaderMap::with_capacity(count);
    let headers: &[RawHeader] = if count == 0 {
        &[]
    } else {
        unsafe { std::slice::from_raw_parts(headers, count) }
    };
    for header in headers {
        let name = HeaderName::from_bytes(unsafe { header.name.get() }).map_err(|_| bad("name"))?;
        let value =
            HeaderValue::from_bytes(unsafe { header.value.get() }).map_err(|_| bad("value"))?;
        map.append(name, value);
    }
    Ok(map)
}

/// # Safety
/// The request's pointers are valid, as the header promises.
unsafe fn http_request(raw: &RawHttpRequest) -> Result<HttpRequest> {
    let bad = |what: &str| {
        Error::new(
            Code::InvalidArgument,
            format!("the request's {what} is not valid in HTTP"),
        )
    };
    let (scheme, uri_scheme) = match unsafe { raw.scheme.get() } {
        b"https" => (Scheme::Https, UriScheme::HTTPS),
        _ => (Scheme::Http, UriScheme::HTTP),
    };
    let mut uri = http::uri::Parts::default();
    uri.scheme = Some(uri_scheme);
    uri.authority =
        Some(Authority::try_from(unsafe { raw.authority.get() }).map_err(|_| bad("authority"))?);
    uri.path_and_query =
        Some(PathAndQuery::try_from(unsafe { raw.path_and_query.get() }).map_err(|_| bad("path"))?);
    let mut head = Request::new(());
    *head.method_mut() =
        Method::from_bytes(unsafe { raw.method.get() }).map_err(|_| bad("method"))?;
    *head.uri_mut() = Uri::from_parts(uri).map_err(|_| bad("target"))?;
    *head.headers_mut() = unsafe { header_map(raw.headers, raw.header_count) }?;
    Ok(HttpRequest {
        scheme,
        head,
        has_body: raw.has_body,
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_http_start(
    lane: *mut Lane,
    request: *const RawHttpRequest,
    waker: RawWaker,
    out: *mut *mut FfiCall,
) -> *mut Error {
    guarded(out, || {
        let request = unsafe { http_request(&*request) }?;
        unsafe { &*lane }.http(request, waker).map(FfiCall::new)
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_command_start(
    lane: *mut Lane,
    waker: RawWaker,
    out: *mut *mut FfiCall,
) -> *mut Error {
    guarded(out, || unsafe { &*lane }.command(waker).map(FfiCall::new))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_func_start(
    lane: *mut Lane,
    func: *const FfiFunc,
    params: RawBytes,
    waker: RawWaker,
    out: *mut *mut FfiCall,
) -> *mut Error {
    guarded(out, || {
        let plan = unsafe { &*func }.0.clone();
        let params = unsafe { params.get() }.to_vec();
        unsafe { &*lane }
            .function(plan, params, waker)
            .map(FfiCall::new)
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_call_poll(call: *mut FfiCall) -> u32 {
    let call = unsafe { &mut (*call).call };
    catch_unwind(AssertUnwindSafe(|| call.poll())).unwrap_or_else(|_| {
        call.panicked();
        call::DONE
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_call_free(call: *mut FfiCall) {
    unsafe { free(call) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_call_body_push(call: *mut FfiCall, piece: RawBytes) {
    if let Some(body) = unsafe { &(*call).call.request_body } {
        body.push(unsafe { piece.get() });
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_call_body_end(
    call: *mut FfiCall,
    trailers: *const RawHeader,
    count: usize,
) {
    if let Some(body) = unsafe { &(*call).call.request_body } {
        // Trailers that are not valid HTTP make the body fail, as a broken connection does.
        match unsafe { header_map(trailers, count) } {
            Ok(trailers) => body.end(trailers),
            Err(_) => body.fail(),
        }
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_call_body_fail(call: *mut FfiCall) {
    if let Some(body) = unsafe { &(*call).call.request_body } {
        body.fail();
    }
}

fn raw_headers(map: &HeaderMap) -> Vec<RawHeader> {
    map.iter()
        .map(|(name, value)| RawHeader {
            name: RawBytes::of(name.as_str().as_bytes()),
            value: RawBytes::of(value.as_bytes()),
        })
        .collect()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_call_take_head(
    call: *mut FfiCall,
    status: *mut u16,
    headers: *mut *const RawHeader,
    count: *mut usize,
    error: *mut RawBytes,
) -> bool {
    let call = unsafe { &mut *call };
    match call.call.take_head() {
        Some(Ok(parts)) => {
            let parts = call.head.insert(parts);
            call.headers = raw_headers(&parts.headers);
            unsafe {
                *status = parts.status.as_u16();
                *headers = call.headers.as_ptr();
                *count = call.headers.len();
                *error = RawBytes::EMPTY;
            }
            true
        }
        failed => {
            call.text = match failed {
                Some(Err(text)) => text.into_bytes(),
                _ => b"no response is waiting".to_vec(),
            };
            unsafe { *error = RawBytes::of(&call.text) };
            false
        }
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_call_body_next(
    call: *mut FfiCall,
    data: *mut RawBytes,
    trailers: *mut *const RawHeader,
    count: *mut usize,
) -> u32 {
    let call = unsafe { &mut *call };
    match catch_unwind(AssertUnwindSafe(|| call.call.body_next())).unwrap_or(BodyPiece::Error) {
        BodyPiece::Pending => BODY_PENDING,
        BodyPiece::Data(piece) => {
            call.piece = piece;
            unsafe { *data = RawBytes::of(&call.piece) };
            BODY_DATA
        }
        BodyPiece::Trailers(map) => {
            call.trailers = map;
            call.headers = raw_headers(&call.trailers);
            unsafe {
                *trailers = call.headers.as_ptr();
                *count = call.headers.len();
            }
            BODY_TRAILERS
        }
        BodyPiece::End => BODY_END,
        BodyPiece::Error => BODY_ERROR,
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_call_woken(call: *mut FfiCall) -> bool {
    unsafe { &*call }.call.woken()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_call_next_log(
    call: *mut FfiCall,
    stream: *mut u32,
    line: *mut RawBytes,
) -> bool {
    let call = unsafe { &mut *call };
    match call.call.logs.pop() {
        None => false,
        Some((from, text)) => {
            call.text = text;
            unsafe {
                *stream = from as u32;
                *line = RawBytes::of(&call.text);
            }
            true
        }
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_call_next_import(
    call: *mut FfiCall,
    token: *mut u64,
    import: *mut u32,
    params: *mut RawBytes,
) -> bool {
    let call = unsafe { &mut *call };
    match call.call.imports.next() {
        None => false,
        Some(parked) => {
            call.text = parked.params;
            unsafe {
                *token = parked.token;
                *import = parked.import;
                *params = RawBytes::of(&call.text);
            }
            true
        }
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_call_import_complete(
    call: *mut FfiCall,
    token: u64,
    results: RawBytes,
) {
    unsafe {
        (*call)
            .call
            .imports
            .complete(token, Ok(results.get().to_vec()))
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_call_import_fail(call: *mut FfiCall, token: u64, message: RawBytes) {
    let message = String::from_utf8_lossy(unsafe { message.get() }).into_owned();
    unsafe { (*call).call.imports.complete(token, Err(message)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_prepared_import(
    prepared: *const FfiPrepared,
    import: u32,
    name: *mut RawBytes,
) -> bool {
    match unsafe { &*prepared }.0.imports.get(import as usize) {
        None => false,
        Some(text) => {
            unsafe { *name = RawBytes::of(text.as_bytes()) };
            true
        }
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_call_outcome(call: *mut FfiCall, exit_code: *mut i32) -> *mut Error {
    match unsafe { &mut *call }.call.end.take() {
        Some(Ok(code)) => {
            unsafe { *exit_code = code };
            ptr::null_mut()
        }
        Some(Err(error)) => boxed(error),
        None => boxed(Error::new(
            Code::Internal,
            "the call has not ended, or its outcome was taken already",
        )),
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_call_result(call: *const FfiCall) -> RawBytes {
    RawBytes::of(unsafe { &(*call).call.result })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_call_figures(call: *const FfiCall) -> RawStats {
    let call = unsafe { &(*call).call };
    RawStats {
        cpu_nanos: call.cpu_nanos,
        peak_memory_bytes: call.peak_memory_bytes,
        host_calls: call.host_calls,
    }
}

#[cfg(test)]
mod layout;
