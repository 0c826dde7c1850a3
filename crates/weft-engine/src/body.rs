// SPDX-License-Identifier: Apache-2.0
//! A body that C feeds one piece at a time, when the guest asks for it: of the request it answers, or of a response to one that it sent.

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame};
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use wasmtime_wasi_http::Error;
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

/// A piece of a body that the guest writes, on its way to C.
pub enum BodyPiece {
    Pending,
    Data(Bytes),
    Trailers(HeaderMap),
    End,
    Error,
}

pub fn poll_piece(body: &mut HyperOutgoingBody, cx: &mut Context<'_>) -> BodyPiece {
    match Pin::new(body).poll_frame(cx) {
        Poll::Pending => BodyPiece::Pending,
        Poll::Ready(None) => BodyPiece::End,
        Poll::Ready(Some(Err(_))) => BodyPiece::Error,
        Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
            Ok(data) => BodyPiece::Data(data),
            Err(frame) => frame
                .into_trailers()
                .map_or(BodyPiece::End, BodyPiece::Trailers),
        },
    }
}

#[derive(Default)]
struct Feed {
    /// Rarely more than one, since C pushes when it is asked to.
    frames: VecDeque<Frame<Bytes>>,
    ended: bool,
    failed: Option<Error>,
    /// The guest has looked for more and found nothing.
    wanted: bool,
    reader: Option<Waker>,
}

/// C's end. Only one thread touches a call at a time, so the lock is never contended; it is here because a body must be Send.
#[derive(Clone, Default)]
pub struct BodyFeed(Arc<Mutex<Feed>>);

impl BodyFeed {
    fn feed(&self) -> MutexGuard<'_, Feed> {
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub fn body(&self) -> FedBody {
        FedBody(self.clone())
    }

    /// True once per piece that the guest waits for.
    pub fn take_wanted(&self) -> bool {
        std::mem::take(&mut self.feed().wanted)
    }

    pub fn is_wanted(&self) -> bool {
        self.feed().wanted
    }

    pub fn push(&self, piece: &[u8]) {
        self.put(|feed| {
            feed.frames
                .push_back(Frame::data(Bytes::copy_from_slice(piece)));
        });
    }

    pub fn end(&self, trailers: HeaderMap) {
        self.put(|feed| {
            if !trailers.is_empty() {
                feed.frames.push_back(Frame::trailers(trailers));
            }
            feed.ended = true;
        });
    }

    pub fn fail(&self, error: Error) {
        self.put(|feed| feed.failed = Some(error));
    }

    fn put(&self, change: impl FnOnce(&mut Feed)) {
        let reader = {
            let mut feed = self.feed();
            feed.wanted = false;
            change(&mut feed);
            feed.reader.take()
        };
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

/// The guest's end.
pub struct FedBody(BodyFeed);

impl Body for FedBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let mut feed = self.0.feed();
        if let Some(frame) = feed.frames.pop_front() {
            return Poll::Ready(Some(Ok(frame)));
        }
        if let Some(error) = feed.failed.take() {
            feed.ended = true;
            return Poll::Ready(Some(Err(error)));
        }
        if feed.ended {
            return Poll::Ready(None);
        }
        feed.wanted = true;
        feed.reader = Some(cx.waker().clone());
        Poll::Pending
    }
}
