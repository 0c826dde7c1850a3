// SPDX-License-Identifier: Apache-2.0
//! Requests that the guest sends: parked here and handed over to C after the poll, which answers them piece by piece. Nothing runs besides the
//! guest's own future, so neither a runtime nor a thread is needed; link.rs puts this in the place of wasmtime's own outgoing handler.

pub mod link;

use crate::body::{BodyFeed, BodyPiece, FedBody, poll_piece};
use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::{Body, Frame};
use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use wasmtime_wasi_http::Error;
use wasmtime_wasi_http::p2::bindings::http::types::{
    DnsErrorPayload, ErrorCode, FieldSizePayload, TlsAlertReceivedPayload,
};
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

/// What C is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A new request: take it.
    Request(u64),
    /// The guest waits for more of the response's body.
    WantsBody(u64),
    /// The guest is not interested any more; the token means nothing from here on.
    Cancelled(u64),
}

pub struct Head {
    pub parts: http::request::Parts,
    pub connect_timeout: Duration,
    pub first_byte_timeout: Duration,
    pub between_bytes_timeout: Duration,
}

enum Answer {
    Awaited(Option<Waker>),
    Given(Result<Response<()>, ErrorCode>),
    Taken,
}

struct Exchange {
    /// Until C takes it.
    request: Option<Head>,
    body: Option<HyperOutgoingBody>,
    /// Looked at before C asked.
    peeked: Option<BodyPiece>,
    answer: Answer,
    feed: BodyFeed,
    /// C has ended the response or failed it.
    over: bool,
}

#[derive(Default)]
struct Outgoing {
    last_token: u64,
    exchanges: BTreeMap<u64, Exchange>,
    events: VecDeque<Event>,
}

/// Shared by the store, the call and what the guest holds; one thread at a time, the lock is for Send.
#[derive(Clone, Default)]
pub struct OutgoingQueue(Arc<Mutex<Outgoing>>);

impl OutgoingQueue {
    fn outgoing(&self) -> MutexGuard<'_, Outgoing> {
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// From the guest: a request leaves.
    pub fn park(&self, head: Head, body: Option<HyperOutgoingBody>) -> FutureResponse {
        let mut outgoing = self.outgoing();
        outgoing.last_token += 1;
        let token = outgoing.last_token;
        outgoing.events.push_back(Event::Request(token));
        outgoing.exchanges.insert(
            token,
            Exchange {
                request: Some(head),
                body,
                peeked: None,
                answer: Answer::Awaited(None),
                feed: BodyFeed::default(),
                over: false,
            },
        );
        FutureResponse(Some(Guard {
            queue: self.clone(),
            token,
        }))
    }

    /// The end of a call: nobody answers what is still open.
    pub fn close(&self) {
        let open: Vec<_> = {
            let mut outgoing = self.outgoing();
            outgoing.events.clear();
            outgoing.exchanges.keys().copied().collect()
        };
        for token in open {
            self.fail(token, ErrorCode::ConnectionTerminated);
        }
    }

    pub fn is_empty(&self) -> bool {
        let outgoing = self.outgoing();
        outgoing.events.is_empty() && !outgoing.exchanges.values().any(|it| it.feed.is_wanted())
    }

    pub fn next(&self) -> Option<Event> {
        let mut outgoing = self.outgoing();
        outgoing.events.pop_front().or_else(|| {
            let wanting = outgoing
                .exchanges
                .iter()
                .find(|(_, exchange)| exchange.feed.take_wanted());
            wanting.map(|(token, _)| Event::WantsBody(*token))
        })
    }

    /// The head of a new request, and whether a body follows; once.
    pub fn take_request(&self, token: u64, cx: &mut Context<'_>) -> Option<(Head, bool)> {
        let head = self.outgoing().exchanges.get_mut(&token)?.request.take()?;
        // A body that the guest has ended without a byte is none: it need not be framed as one.
        let piece = self.body_next(token, cx);
        let has_body = !matches!(piece, BodyPiece::End);
        if let Some(exchange) = self.outgoing().exchanges.get_mut(&token) {
            exchange.peeked = (!matches!(piece, BodyPiece::Pending)).then_some(piece);
        }
        Some((head, has_body))
    }

    pub fn body_next(&self, token: u64, cx: &mut Context<'_>) -> BodyPiece {
        let taken = {
            let mut outgoing = self.outgoing();
            let Some(exchange) = outgoing.exchanges.get_mut(&token) else {
                return BodyPiece::Error;
            };
            if let Some(piece) = exchange.peeked.take() {
                return piece;
            }
            exchange.body.take()
        };
        let Some(mut body) = taken else {
            return BodyPiece::End;
        };
        // Not under the lock: taking a piece wakes the guest.
        let piece = poll_piece(&mut body, cx);
        if matches!(piece, BodyPiece::Pending | BodyPiece::Data(_))
            && let Some(exchange) = self.outgoing().exchanges.get_mut(&token)
        {
            exchange.body = Some(body);
        }
        piece
    }

    /// The response's head, once. An answer to a request that was cancelled meanwhile is dropped, here and below.
    pub fn respond(&self, token: u64, head: Response<()>) {
        self.answer(token, Ok(head));
    }

    pub fn push(&self, token: u64, piece: &[u8]) {
        if let Some(feed) = self.feed(token, false) {
            feed.push(piece);
        }
    }

    pub fn end(&self, token: u64, trailers: HeaderMap) {
        if let Some(feed) = self.feed(token, true) {
            feed.end(trailers);
        }
    }

    /// Before the head: the request fails. After it: the response breaks off.
    pub fn fail(&self, token: u64, error: ErrorCode) {
        if let Some(feed) = self.feed(token, true) {
            feed.fail(error.clone().into());
            self.answer(token, Err(error));
        }
    }

    fn answer(&self, token: u64, given: Result<Response<()>, ErrorCode>) {
        let waker = match self.outgoing().exchanges.get_mut(&token) {
            Some(Exchange {
                answer: answer @ Answer::Awaited(_),
                ..
            }) => match std::mem::replace(answer, Answer::Given(given)) {
                Answer::Awaited(waker) => waker,
                _ => None,
            },
            _ => None,
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn feed(&self, token: u64, over: bool) -> Option<BodyFeed> {
        let (feed, _body) = {
            let mut outgoing = self.outgoing();
            let exchange = outgoing.exchanges.get_mut(&token)?;
            if exchange.over {
                return None;
            }
            exchange.over = over;
            // Nobody reads on in a request whose answer is complete; dropped outside of the lock, because that wakes the guest.
            let body = if over { exchange.body.take() } else { None };
            (exchange.feed.clone(), body)
        };
        Some(feed)
    }

    fn poll_answer(&self, token: u64, cx: &mut Context<'_>) -> Poll<()> {
        match self.outgoing().exchanges.get_mut(&token) {
            Some(Exchange {
                answer: Answer::Awaited(waker),
                ..
            }) => {
                *waker = Some(cx.waker().clone());
                Poll::Pending
            }
            _ => Poll::Ready(()),
        }
    }

    fn take_answer(&self, token: u64) -> Option<Result<(Response<()>, BodyFeed), ErrorCode>> {
        let mut outgoing = self.outgoing();
        let Some(exchange) = outgoing.exchanges.get_mut(&token) else {
            return Some(Err(ErrorCode::ConnectionTerminated));
        };
        match std::mem::replace(&mut exchange.answer, Answer::Taken) {
            Answer::Given(Ok(head)) => Some(Ok((head, exchange.feed.clone()))),
            Answer::Given(Err(error)) => Some(Err(error)),
            Answer::Taken => Some(Err(ErrorCode::InternalError(None))),
            awaited @ Answer::Awaited(_) => {
                exchange.answer = awaited;
                None
            }
        }
    }

    fn drop_exchange(&self, token: u64) {
        let mut outgoing = self.outgoing();
        let Some(exchange) = outgoing.exchanges.remove(&token) else {
            return;
        };
        if exchange.request.is_some() {
            outgoing
                .events
                .retain(|event| *event != Event::Request(token));
        } else if !exchange.over {
            outgoing.events.push_back(Event::Cancelled(token));
        }
        drop(outgoing);
    }
}

/// What keeps an exchange open on the guest's side; its end tells C, unless C has ended it already.
struct Guard {
    queue: OutgoingQueue,
    token: u64,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.queue.drop_exchange(self.token);
    }
}

/// The concrete type behind `future-incoming-response`. Empty once its response was taken.
pub struct FutureResponse(Option<Guard>);

impl FutureResponse {
    /// None: not yet. An inner None: taken before.
    fn take(&mut self) -> Option<Option<Result<Response<ResponseBody>, ErrorCode>>> {
        let Some(guard) = &self.0 else {
            return Some(None);
        };
        let answer = guard.queue.take_answer(guard.token)?;
        let guard = self.0.take().expect("looked at just above");
        Some(Some(answer.map(|(head, feed)| {
            head.map(|()| ResponseBody {
                body: feed.body(),
                _guard: guard,
            })
        })))
    }

    async fn answered(&self) {
        if let Some(guard) = &self.0 {
            std::future::poll_fn(|cx| guard.queue.poll_answer(guard.token, cx)).await;
        }
    }
}

struct ResponseBody {
    body: FedBody,
    _guard: Guard,
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }
}

/// The error-code of wasi:http@0.2 with this index; text goes where the case has a place for it.
pub fn error_code(number: u32, text: String) -> ErrorCode {
    let text = (!text.is_empty()).then_some(text);
    let field = || FieldSizePayload {
        field_name: None,
        field_size: None,
    };
    match number {
        0 => ErrorCode::DnsTimeout,
        1 => ErrorCode::DnsError(DnsErrorPayload {
            rcode: text,
            info_code: Some(0),
        }),
        2 => ErrorCode::DestinationNotFound,
        3 => ErrorCode::DestinationUnavailable,
        4 => ErrorCode::DestinationIpProhibited,
        5 => ErrorCode::DestinationIpUnroutable,
        6 => ErrorCode::ConnectionRefused,
        7 => ErrorCode::ConnectionTerminated,
        8 => ErrorCode::ConnectionTimeout,
        9 => ErrorCode::ConnectionReadTimeout,
        10 => ErrorCode::ConnectionWriteTimeout,
        11 => ErrorCode::ConnectionLimitReached,
        12 => ErrorCode::TlsProtocolError,
        13 => ErrorCode::TlsCertificateError,
        14 => ErrorCode::TlsAlertReceived(TlsAlertReceivedPayload {
            alert_id: None,
            alert_message: text,
        }),
        15 => ErrorCode::HttpRequestDenied,
        16 => ErrorCode::HttpRequestLengthRequired,
        17 => ErrorCode::HttpRequestBodySize(None),
        18 => ErrorCode::HttpRequestMethodInvalid,
        19 => ErrorCode::HttpRequestUriInvalid,
        20 => ErrorCode::HttpRequestUriTooLong,
        21 => ErrorCode::HttpRequestHeaderSectionSize(None),
        22 => ErrorCode::HttpRequestHeaderSize(None),
        23 => ErrorCode::HttpRequestTrailerSectionSize(None),
        24 => ErrorCode::HttpRequestTrailerSize(field()),
        25 => ErrorCode::HttpResponseIncomplete,
        26 => ErrorCode::HttpResponseHeaderSectionSize(None),
        27 => ErrorCode::HttpResponseHeaderSize(field()),
        28 => ErrorCode::HttpResponseBodySize(None),
        29 => ErrorCode::HttpResponseTrailerSectionSize(None),
        30 => ErrorCode::HttpResponseTrailerSize(field()),
        31 => ErrorCode::HttpResponseTransferCoding(text),
        32 => ErrorCode::HttpResponseContentCoding(text),
        33 => ErrorCode::HttpResponseTimeout,
        34 => ErrorCode::HttpUpgradeFailed,
        35 => ErrorCode::HttpProtocolError,
        36 => ErrorCode::LoopDetected,
        37 => ErrorCode::ConfigurationError,
        _ => ErrorCode::InternalError(text),
    }
}

/// The other way round.
pub fn error_number(error: &ErrorCode) -> u32 {
    match error {
        ErrorCode::DnsTimeout => 0,
        ErrorCode::DnsError(_) => 1,
        ErrorCode::DestinationNotFound => 2,
        ErrorCode::DestinationUnavailable => 3,
        ErrorCode::DestinationIpProhibited => 4,
        ErrorCode::DestinationIpUnroutable => 5,
        ErrorCode::ConnectionRefused => 6,
        ErrorCode::ConnectionTerminated => 7,
        ErrorCode::ConnectionTimeout => 8,
        ErrorCode::ConnectionReadTimeout => 9,
        ErrorCode::ConnectionWriteTimeout => 10,
        ErrorCode::ConnectionLimitReached => 11,
        ErrorCode::TlsProtocolError => 12,
        ErrorCode::TlsCertificateError => 13,
        ErrorCode::TlsAlertReceived(_) => 14,
        ErrorCode::HttpRequestDenied => 15,
        ErrorCode::HttpRequestLengthRequired => 16,
        ErrorCode::HttpRequestBodySize(_) => 17,
        ErrorCode::HttpRequestMethodInvalid => 18,
        ErrorCode::HttpRequestUriInvalid => 19,
        ErrorCode::HttpRequestUriTooLong => 20,
        ErrorCode::HttpRequestHeaderSectionSize(_) => 21,
        ErrorCode::HttpRequestHeaderSize(_) => 22,
        ErrorCode::HttpRequestTrailerSectionSize(_) => 23,
        ErrorCode::HttpRequestTrailerSize(_) => 24,
        ErrorCode::HttpResponseIncomplete => 25,
        ErrorCode::HttpResponseHeaderSectionSize(_) => 26,
        ErrorCode::HttpResponseHeaderSize(_) => 27,
        ErrorCode::HttpResponseBodySize(_) => 28,
        ErrorCode::HttpResponseTrailerSectionSize(_) => 29,
        ErrorCode::HttpResponseTrailerSize(_) => 30,
        ErrorCode::HttpResponseTransferCoding(_) => 31,
        ErrorCode::HttpResponseContentCoding(_) => 32,
        ErrorCode::HttpResponseTimeout => 33,
        ErrorCode::HttpUpgradeFailed => 34,
        ErrorCode::HttpProtocolError => 35,
        ErrorCode::LoopDetected => 36,
        ErrorCode::ConfigurationError => 37,
        ErrorCode::InternalError(_) => 38,
    }
}
