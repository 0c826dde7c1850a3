// SPDX-License-Identifier: Apache-2.0
//! The part of the C border that deals in the streams of calls.

use super::calls::{BODY_DATA, BODY_END, BODY_ERROR, BODY_PENDING, FfiCall};
use super::{FfiFunc, FfiPrepared, RawBytes};
use crate::engine::Needs;
use crate::streams::{Event, Form, Piece};

/// What weft_call_next_stream returns.
pub(super) const STREAM_NONE: u32 = 0;
pub(super) const STREAM_READABLE: u32 = 1;
pub(super) const STREAM_WANTED: u32 = 2;
pub(super) const STREAM_DROPPED: u32 = 3;
pub(super) const STREAM_LEFT: u32 = 4;

/// What weft_call_stream_kind returns.
const KIND_NONE: u32 = 0;
const KIND_STREAM: u32 = 1;
const KIND_FUTURE: u32 = 2;

/// What weft_func_path and weft_import_path are asked for.
const PART_PARAMS: u32 = 0;

fn path<'a>(part: u32, index: u32, params: &'a [String], results: &'a [String]) -> Option<&'a str> {
    let paths = if part == PART_PARAMS { params } else { results };
    paths.get(index as usize).map(String::as_str)
}

unsafe fn give_path(path: Option<&str>, out: *mut RawBytes) -> bool {
    if let Some(path) = path {
        unsafe { *out = RawBytes::of(path.as_bytes()) };
    }
    path.is_some()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_prepared_has_streams(prepared: *const FfiPrepared) -> bool {
    unsafe { &*prepared }.0.needs == Needs::Concurrency
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_func_is_streamed(func: *const FfiFunc) -> bool {
    unsafe { &*func }.0.is_streamed()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_func_path(
    func: *const FfiFunc,
    part: u32,
    index: u32,
    out: *mut RawBytes,
) -> bool {
    let plan = &unsafe { &*func }.0;
    let path = path(part, index, plan.param_paths(), plan.result_paths());
    unsafe { give_path(path, out) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_import_path(
    prepared: *const FfiPrepared,
    import: u32,
    part: u32,
    index: u32,
    out: *mut RawBytes,
) -> bool {
    let import = unsafe { &*prepared }.0.imports.get(import as usize);
    let path = import.and_then(|it| path(part, index, &it.param_paths, &it.result_paths));
    unsafe { give_path(path, out) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_call_next_stream(
    call: *mut FfiCall,
    token: *mut u64,
    channel: *mut u32,
) -> u32 {
    let (kind, of, which) = match unsafe { &*call }.call.streams.next() {
        None => return STREAM_NONE,
        Some(Event::Readable(of, which)) => (STREAM_READABLE, of, which),
        Some(Event::Left(of, which)) => (STREAM_LEFT, of, which),
        Some(Event::Wanted(of, which)) => (STREAM_WANTED, of, which),
        Some(Event::Dropped(of)) => (STREAM_DROPPED, of, 0),
    };
    unsafe {
        *token = of;
        *channel = which;
    }
    kind
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_call_stream_kind(
    call: *const FfiCall,
    token: u64,
    channel: u32,
) -> u32 {
    match unsafe { &*call }.call.streams.form(token, channel) {
        None => KIND_NONE,
        Some(Form::Bytes | Form::Chunks) => KIND_STREAM,
        Some(Form::Value) => KIND_FUTURE,
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_call_stream_read(
    call: *mut FfiCall,
    token: u64,
    channel: u32,
    data: *mut RawBytes,
) -> u32 {
    let call = unsafe { &mut *call };
    match call.call.streams_to_change().read(token, channel) {
        Piece::Pending => BODY_PENDING,
        Piece::Data(bytes) => {
            call.chunk = bytes;
            unsafe { *data = RawBytes::of(&call.chunk) };
            BODY_DATA
        }
        Piece::End => BODY_END,
        Piece::Broken => BODY_ERROR,
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_call_stream_close(call: *mut FfiCall, token: u64, channel: u32) {
    let call = unsafe { &*call };
    call.call.streams_to_change().close_upload(token, channel)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_call_stream_push(
    call: *mut FfiCall,
    token: u64,
    channel: u32,
    bytes: RawBytes,
) {
    unsafe {
        (*call)
            .call
            .streams_to_change()
            .push(token, channel, bytes.get())
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_call_stream_end(call: *mut FfiCall, token: u64, channel: u32) {
    unsafe { &*call }
        .call
        .streams_to_change()
        .end(token, channel)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_call_stream_fail(
    call: *mut FfiCall,
    token: u64,
    channel: u32,
    message: RawBytes,
) {
    let why = String::from_utf8_lossy(unsafe { message.get() }).into_owned();
    unsafe { &*call }
        .call
        .streams_to_change()
        .fail(token, channel, why)
}
