// SPDX-License-Identifier: Apache-2.0
//! A guest's standard output and error as whole lines that C collects after a poll. Bounded: a guest that writes without end waits for its host to
//! collect, and a line longer than the bound is cut into pieces.

use bytes::Bytes;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

const MAX_PENDING_BYTES: usize = 64 * 1024;
const MAX_LINE_BYTES: usize = 8 * 1024;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    Stdout = 1,
    Stderr = 2,
}

#[derive(Default)]
struct Lines {
    whole: VecDeque<(Stream, Vec<u8>)>,
    partial: [Vec<u8>; 2],
    pending_bytes: usize,
    blocked: Vec<Waker>,
}

#[derive(Clone, Default)]
pub struct LogQueue(Arc<Mutex<Lines>>);

impl LogQueue {
    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub fn is_empty(&self) -> bool {
        self.lines().whole.is_empty()
    }

    pub fn pop(&self) -> Option<(Stream, Vec<u8>)> {
        let mut lines = self.lines();
        let line = lines.whole.pop_front()?;
        lines.pending_bytes -= line.1.len();
        let blocked = std::mem::take(&mut lines.blocked);
        drop(lines);
        blocked.into_iter().for_each(Waker::wake);
        Some(line)
    }

    /// What is left without a newline becomes a last line of its own.
    pub fn finish(&self) {
        let mut lines = self.lines();
        for stream in [Stream::Stdout, Stream::Stderr] {
            let rest = std::mem::take(&mut lines.partial[stream as usize - 1]);
            if !rest.is_empty() {
                lines.pending_bytes += rest.len();
                lines.whole.push_back((stream, rest));
            }
        }
    }

    /// A line about the guest among its own, if there is room for it.
    pub fn note(&self, line: &str) {
        if self.room() >= line.len() {
            self.write(Stream::Stderr, line.as_bytes());
        }
    }

    fn write(&self, stream: Stream, mut bytes: &[u8]) {
        let mut lines = self.lines();
        while !bytes.is_empty() {
            let partial = &mut lines.partial[stream as usize - 1];
            let room = MAX_LINE_BYTES - partial.len();
            let newline = bytes.iter().take(room).position(|byte| *byte == b'\n');
            let taken = newline.unwrap_or_else(|| room.min(bytes.len()));
            partial.extend_from_slice(&bytes[..taken]);
            bytes = &bytes[taken..];
            if newline.is_some() {
                bytes = &bytes[1..];
            }
            if newline.is_some() || partial.len() == MAX_LINE_BYTES {
                let line = std::mem::take(partial);
                lines.pending_bytes += line.len();
                lines.whole.push_back((stream, line));
            }
        }
    }

    fn room(&self) -> usize {
        MAX_PENDING_BYTES.saturating_sub(self.lines().pending_bytes)
    }

    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<usize> {
        let mut lines = self.lines();
        let room = MAX_PENDING_BYTES.saturating_sub(lines.pending_bytes);
        if room == 0 {
            lines.blocked.push(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(room)
    }
}

/// What WasiCtx is given for stdout or stderr.
pub struct LogStream {
    pub queue: LogQueue,
    pub stream: Stream,
}

impl IsTerminal for LogStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogStream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(LogWriter {
            queue: self.queue.clone(),
            stream: self.stream,
        })
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(LogWriter {
            queue: self.queue.clone(),
            stream: self.stream,
        })
    }
}

struct LogWriter {
    queue: LogQueue,
    stream: Stream,
}

#[wasmtime_wasi::async_trait]
impl Pollable for LogWriter {
    async fn ready(&mut self) {
        let queue = self.queue.clone();
        std::future::poll_fn(move |cx| queue.poll_room(cx).map(|_| ())).await;
    }
}

impl OutputStream for LogWriter {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.queue.write(self.stream, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(self.queue.room())
    }
}

impl AsyncWrite for LogWriter {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.queue.poll_room(cx).map(|room| {
            let taken = room.min(bytes.len());
            self.queue.write(self.stream, &bytes[..taken]);
            Ok(taken)
        })
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(queue: &LogQueue) -> Vec<String> {
        std::iter::from_fn(|| queue.pop())
            .map(|(_, line)| String::from_utf8_lossy(&line).into_owned())
            .collect()
    }

    #[test]
    fn splits_lines_and_keeps_the_rest() {
        let queue = LogQueue::default();
        queue.write(Stream::Stdout, b"one\ntw");
        queue.write(Stream::Stderr, b"err\n");
        queue.write(Stream::Stdout, b"o\n\nlast");
        assert_eq!(drain(&queue), ["one", "err", "two", ""]);
        queue.finish();
        assert_eq!(drain(&queue), ["last"]);
    }

    #[test]
    fn cuts_endless_lines_and_reports_no_room() {
        let queue = LogQueue::default();
        queue.write(Stream::Stdout, &vec![b'x'; MAX_PENDING_BYTES + 5]);
        assert_eq!(queue.room(), 0);
        assert!(
            drain(&queue)
                .iter()
                .all(|line| line.len() == MAX_LINE_BYTES)
        );
        assert!(queue.room() > 0);
    }
}
