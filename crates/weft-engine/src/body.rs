// SPDX-License-Identifier: Apache-2.0
//! A request body that C feeds one piece at a time, when the guest asks for it.

use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use wasmtime_wasi_http::Error;

#[derive(Default)]
struct Feed {
    next: Option<Frame<Bytes>>,
    ended: bool,
    failed: bool,
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

    pub fn body(&self) -> RequestBody {
        RequestBody(self.clone())
    }

    /// True once per piece that the guest waits for.
    pub fn take_wanted(&self) -> bool {
        std::mem::take(&mut self.feed().wanted)
    }

    pub fn push(&self, piece: &[u8]) {
        self.put(|feed| feed.next = Some(Frame::data(Bytes::copy_from_slice(piece))));
    }

    pub fn end(&self, trailers: HeaderMap) {
        self.put(|feed| {
            if !trailers.is_empty() {
                feed.next = Some(Frame::trailers(trailers));
            }
            feed.ended = true;
        });
    }

    pub fn fail(&self) {
        self.put(|feed| feed.failed = true);
    }

    fn put(&self, change: impl FnOnce(&mut Feed)) {
        let reader = {
            let mut feed = self.feed();
            change(&mut feed);
            feed.reader.take()
        };
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

pub struct RequestBody(BodyFeed);

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let mut feed = self.0.feed();
        if let Some(frame) = feed.next.take() {
            return Poll::Ready(Some(Ok(frame)));
        }
        if feed.failed {
            return Poll::Ready(Some(Err(Error::ConnectionTerminated)));
        }
        if feed.ended {
            return Poll::Ready(None);
        }
        feed.wanted = true;
        feed.reader = Some(cx.waker().clone());
        Poll::Pending
    }
}
