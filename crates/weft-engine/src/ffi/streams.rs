// SPDX-License-Identifier: Apache-2.0
//! The part of the C border that deals in streams of import calls.

use super::RawBytes;
use super::calls::{BODY_DATA, BODY_END, BODY_ERROR, BODY_PENDING, FfiCall};
use crate::streams::{Event, Piece};

/// What weft_call_next_stream returns.
pub(super) const STREAM_NONE: u32 = 0;
pub(super) const STREAM_READABLE: u32 = 1;
pub(super) const STREAM_WANTED: u32 = 2;
pub(super) const STREAM_DROPPED: u32 = 3;

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_call_next_stream(
    call: *mut FfiCall,
    token: *mut u64,
    channel: *mut u32,
) -> u32 {
    let (kind, of, which) = match unsafe { &*call }.call.streams.next() {
        None => return STREAM_NONE,
        Some(Event::Readable(of)) => (STREAM_READABLE, of, 0),
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
pub unsafe extern "C" fn weft_call_stream_read(
    call: *mut FfiCall,
    token: u64,
    data: *mut RawBytes,
) -> u32 {
    let call = unsafe { &mut *call };
    match call.call.streams_to_change().read(token) {
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
pub unsafe extern "C" fn weft_call_stream_close(call: *mut FfiCall, token: u64) {
    unsafe { &*call }
        .call
        .streams_to_change()
        .close_upload(token)
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
