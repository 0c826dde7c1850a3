// SPDX-License-Identifier: Apache-2.0
//! Answers every request with one line of text.

use wasip2::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};

struct Hello;

wasip2::http::proxy::export!(Hello);

impl wasip2::exports::http::incoming_handler::Guest for Hello {
    fn handle(_request: IncomingRequest, out: ResponseOutparam) {
        let headers = Fields::new();
        headers.append("content-type", b"text/plain").expect("a valid header");
        let response = OutgoingResponse::new(headers);
        let body = response.body().expect("the body is taken once");
        ResponseOutparam::set(out, Ok(response));
        let stream = body.write().expect("the stream is taken once");
        // Fails if the client has left: then there is nobody to tell.
        let _ = stream.blocking_write_and_flush(b"hello from Rust\n");
        drop(stream);
        let _ = OutgoingBody::finish(body, None);
    }
}
