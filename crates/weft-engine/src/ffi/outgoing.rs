// SPDX-License-Identifier: Apache-2.0
//! The part of the C border that answers requests which guests send.

use super::calls::{
    BODY_DATA, BODY_END, BODY_ERROR, BODY_PENDING, BODY_TRAILERS, FfiCall, header_map, raw_headers,
};
use super::{RawBytes, RawHeader, RawOutgoing};
use crate::body::BodyPiece;
use crate::outgoing::{Event, Head, error_code};
use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// What weft_call_next_http returns.
pub(super) const HTTP_NONE: u32 = 0;
pub(super) const HTTP_REQUEST: u32 = 1;
pub(super) const HTTP_WANTS_BODY: u32 = 2;
pub(super) const HTTP_CANCELLED: u32 = 3;

/// What C borrows of them.
#[derive(Default)]
pub(super) struct Sent {
    head: Option<Head>,
    scheme: String,
    authority: String,
    path: String,
    headers: Vec<RawHeader>,
    piece: Bytes,
    trailers: HeaderMap,
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_call_next_http(call: *mut FfiCall, token: *mut u64) -> u32 {
    let (kind, of) = match unsafe { &*call }.call.outgoing.next() {
        None => return HTTP_NONE,
        Some(Event::Request(of)) => (HTTP_REQUEST, of),
        Some(Event::WantsBody(of)) => (HTTP_WANTS_BODY, of),
        Some(Event::Cancelled(of)) => (HTTP_CANCELLED, of),
    };
    unsafe { *token = of };
    kind
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_call_http_request(
    call: *mut FfiCall,
    token: u64,
    out: *mut RawOutgoing,
) -> bool {
    let call = unsafe { &mut *call };
    let taken = catch_unwind(AssertUnwindSafe(|| call.call.take_request(token)));
    let Ok(Some((head, has_body))) = taken else {
        return false;
    };
    let sent = &mut call.sent;
    let head = sent.head.insert(head);
    let uri = &head.parts.uri;
    sent.scheme = uri.scheme_str().unwrap_or("https").to_owned();
    sent.authority = uri
        .authority()
        .map_or_else(String::new, |it| it.as_str().to_owned());
    sent.path = uri
        .path_and_query()
        .map_or_else(|| "/".to_owned(), |it| it.as_str().to_owned());
    sent.headers = raw_headers(&head.parts.headers);
    let request = RawOutgoing {
        method: RawBytes::of(head.parts.method.as_str().as_bytes()),
        scheme: RawBytes::of(sent.scheme.as_bytes()),
        authority: RawBytes::of(sent.authority.as_bytes()),
        path_and_query: RawBytes::of(sent.path.as_bytes()),
        headers: sent.headers.as_ptr(),
        header_count: sent.headers.len(),
        connect_timeout_nanos: nanos(head.connect_timeout),
        first_byte_timeout_nanos: nanos(head.first_byte_timeout),
        between_bytes_timeout_nanos: nanos(head.between_bytes_timeout),
        has_body,
    };
    unsafe { *out = request };
    true
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_call_http_body_next(
    call: *mut FfiCall,
    token: u64,
    data: *mut RawBytes,
    trailers: *mut *const RawHeader,
    count: *mut usize,
) -> u32 {
    let call = unsafe { &mut *call };
    let taken = catch_unwind(AssertUnwindSafe(|| call.call.request_body_next(token)));
    match taken.unwrap_or(BodyPiece::Error) {
        BodyPiece::Pending => BODY_PENDING,
        BodyPiece::Data(piece) => {
            call.sent.piece = piece;
            unsafe { *data = RawBytes::of(&call.sent.piece) };
            BODY_DATA
        }
        BodyPiece::Trailers(map) => {
            call.sent.trailers = map;
            call.sent.headers = raw_headers(&call.sent.trailers);
            unsafe {
                *trailers = call.sent.headers.as_ptr();
                *count = call.sent.headers.len();
            }
            BODY_TRAILERS
        }
        BodyPiece::End => BODY_END,
        BodyPiece::Error => BODY_ERROR,
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_call_http_head(
    call: *mut FfiCall,
    token: u64,
    status: u16,
    headers: *const RawHeader,
    count: usize,
) -> bool {
    let Ok(status) = StatusCode::from_u16(status) else {
        return false;
    };
    let Ok(headers) = (unsafe { header_map(headers, count) }) else {
        return false;
    };
    let mut head = Response::new(());
    *head.status_mut() = status;
    *head.headers_mut() = headers;
    unsafe { &*call }.call.outgoing.respond(token, head);
    true
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_call_http_body_push(call: *mut FfiCall, token: u64, piece: RawBytes) {
    unsafe { (*call).call.outgoing.push(token, piece.get()) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_call_http_body_end(
    call: *mut FfiCall,
    token: u64,
    trailers: *const RawHeader,
    count: usize,
) {
    // Trailers that are not valid HTTP are none.
    let trailers = unsafe { header_map(trailers, count) }.unwrap_or_default();
    unsafe { &*call }.call.outgoing.end(token, trailers)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_call_http_fail(
    call: *mut FfiCall,
    token: u64,
    error: u32,
    text: RawBytes,
) {
    let text = String::from_utf8_lossy(unsafe { text.get() }).into_owned();
    unsafe { &*call }
        .call
        .outgoing
        .fail(token, error_code(error, text))
}
