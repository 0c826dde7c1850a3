// SPDX-License-Identifier: Apache-2.0
//! The part of the C border that runs guests: lanes, calls with their bodies, logs and imports, and what a call came to.

use super::outgoing::Sent;
use super::{FfiFunc, FfiPrepared, RawBytes, RawHeader, RawHttpRequest, RawStats};
use super::{boxed, free, guarded};
use crate::call::{self, BodyPiece, Call, HttpRequest, Lane};
use crate::error::{Code, Error, Result};
use crate::outgoing::error_number;
use crate::waker::RawWaker;
use bytes::Bytes;
use http::uri::{Authority, PathAndQuery, Scheme as UriScheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;

/// What weft_call_body_next returns.
pub(super) const BODY_PENDING: u32 = 0;
pub(super) const BODY_DATA: u32 = 1;
pub(super) const BODY_TRAILERS: u32 = 2;
pub(super) const BODY_END: u32 = 3;
pub(super) const BODY_ERROR: u32 = 4;

/// What weft_prepared_import tells of a function.
pub(super) const IMPORT_RPC_ERROR: u32 = 1;
pub(super) const IMPORT_ASYNC: u32 = 2;
/// What weft_call_head_error returns where there is none.
const NO_ERROR_CODE: u32 = u32::MAX;

/// A call and what C borrows from it.
pub struct FfiCall {
    pub(super) call: Call,
    head: Option<http::response::Parts>,
    headers: Vec<RawHeader>,
    piece: Bytes,
    trailers: HeaderMap,
    text: Vec<u8>,
    head_error: u32,
    pub(super) sent: Sent,
    /// Of a stream that the guest writes.
    pub(super) chunk: Vec<u8>,
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
            head_error: NO_ERROR_CODE,
            sent: Sent::default(),
            chunk: Vec::new(),
        }
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_lane_new(prepared: *const FfiPrepared) -> *mut Lane {
    boxed(Lane::new(unsafe { &*prepared }.0.clone()))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_lane_free(lane: *mut Lane) {
    unsafe { free(lane) }
}

/// # Safety
/// `headers` points at `count` valid headers.
pub(super) unsafe fn header_map(headers: *const RawHeader, count: usize) -> Result<HeaderMap> {
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
pub unsafe extern "C" fn weft_func_start_from(
    lane: *mut Lane,
    func: *const FfiFunc,
    caller: *mut FfiCall,
    waker: RawWaker,
    out: *mut *mut FfiCall,
) -> *mut Error {
    guarded(out, || {
        let plan = unsafe { &*func }.0.clone();
        let params = std::mem::take(unsafe { &mut (*caller).text });
        unsafe { &*lane }
            .function(plan, params, waker)
            .map(FfiCall::new)
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_resource_drop_start(
    lane: *mut Lane,
    handle: RawBytes,
    waker: RawWaker,
    out: *mut *mut FfiCall,
) -> *mut Error {
    guarded(out, || {
        unsafe { &*lane }
            .drop_resource(unsafe { handle.get() }, waker)
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
            Err(_) => body.fail(wasmtime_wasi_http::Error::ConnectionTerminated),
        }
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_call_body_fail(call: *mut FfiCall) {
    if let Some(body) = unsafe { &(*call).call.request_body } {
        body.fail(wasmtime_wasi_http::Error::ConnectionTerminated);
    }
}

pub(super) fn raw_headers(map: &HeaderMap) -> Vec<RawHeader> {
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
                Some(Err(error)) => {
                    call.head_error = error_number(&error);
                    format!("{error:?}").into_bytes()
                }
                _ => b"no response is waiting".to_vec(),
            };
            unsafe { *error = RawBytes::of(&call.text) };
            false
        }
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_call_head_error(call: *const FfiCall) -> u32 {
    unsafe { &*call }.head_error
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
    let call = unsafe { &(*call).call };
    call.answer_import(token, Ok(unsafe { results.get() }.to_vec()));
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_call_import_complete_from(
    call: *mut FfiCall,
    token: u64,
    from: *mut FfiCall,
) {
    let results = std::mem::take(unsafe { &mut (*from).call.result });
    let call = unsafe { &(*call).call };
    call.answer_import(token, Ok(results));
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_call_import_fail(call: *mut FfiCall, token: u64, message: RawBytes) {
    let message = String::from_utf8_lossy(unsafe { message.get() }).into_owned();
    unsafe { &*call }.call.answer_import(token, Err(message));
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_prepared_import(
    prepared: *const FfiPrepared,
    import: u32,
    name: *mut RawBytes,
    flags: *mut u32,
) -> bool {
    match unsafe { &*prepared }.0.imports.get(import as usize) {
        None => false,
        Some(function) => {
            unsafe {
                *name = RawBytes::of(function.name.as_bytes());
                *flags = 0;
                if function.gives_rpc_error {
                    *flags |= IMPORT_RPC_ERROR;
                }
                if function.is_async {
                    *flags |= IMPORT_ASYNC;
                }
            }
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
