// SPDX-License-Identifier: Apache-2.0
//! What goes beside the values of import calls: their streams and futures, each as the bytes of a channel in the value encoding ("values", 2.6).
//! A guest's stream of bytes is pulled by C; what C gives is pushed piece by piece when the guest looks for it. Nothing here runs by itself.

use crate::transcode::wire;
use bytes::{Bytes, BytesMut};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

/// How much a guest may write at a time, and what may wait for C before it must wait itself.
pub const PERMIT: usize = 64 << 10;

/// What C is told of, by the token of the import call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// After a read that found nothing: there is something now.
    Readable(u64),
    /// The guest waits for more of this channel of the results: push one piece.
    Wanted(u64, u32),
    /// The guest is not interested any more in what the call gives, nor will it give more; the token means nothing from here on.
    Dropped(u64),
}

/// A piece of what a guest writes, on its way to C: whole chunks of a `stream<u8>`.
pub enum Piece {
    Pending,
    Data(Vec<u8>),
    End,
    /// The guest has broken off.
    Broken,
}

#[derive(Default)]
struct Upload {
    pieces: VecDeque<Bytes>,
    bytes: usize,
    ended: bool,
    broken: bool,
    /// C has looked and found nothing.
    asked: bool,
    writer: Option<Waker>,
}

impl Upload {
    fn has_news(&self) -> bool {
        self.asked && (!self.pieces.is_empty() || self.ended || self.broken)
    }
}

/// The stream that a guest writes an object to. One thread at a time; the lock is for Send.
#[derive(Clone, Default)]
pub struct Pipe(Arc<Mutex<Upload>>);

impl Pipe {
    fn upload(&self) -> MutexGuard<'_, Upload> {
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// How much may be written now; None: nobody reads.
    pub fn room(&self) -> Option<usize> {
        let upload = self.upload();
        match upload.broken {
            true => None,
            false if upload.bytes < PERMIT => Some(PERMIT),
            false => Some(0),
        }
    }

    pub fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut upload = self.upload();
        if upload.broken || upload.bytes < PERMIT {
            return Poll::Ready(());
        }
        upload.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    pub fn write(&self, piece: Bytes) {
        let mut upload = self.upload();
        if !piece.is_empty() && !upload.ended && !upload.broken {
            upload.bytes += piece.len();
            upload.pieces.push_back(piece);
        }
    }

    pub fn end(&self) {
        self.upload().ended = true;
    }

    /// What was written and not read is lost, from whichever side.
    pub fn break_off(&self) {
        let writer = {
            let mut upload = self.upload();
            upload.broken = true;
            upload.pieces.clear();
            upload.writer.take()
        };
        if let Some(writer) = writer {
            writer.wake();
        }
    }

    fn read(&self) -> Piece {
        let (piece, writer) = {
            let mut upload = self.upload();
            if upload.broken {
                return Piece::Broken;
            }
            if upload.pieces.is_empty() {
                if upload.ended {
                    return Piece::End;
                }
                upload.asked = true;
                return Piece::Pending;
            }
            // All of it in one chunk, however small the pieces were that the guest has written.
            let mut chunk = Vec::with_capacity(upload.bytes + 5);
            wire::put_unsigned(&mut chunk, upload.bytes as u64);
            for piece in upload.pieces.drain(..) {
                chunk.extend_from_slice(&piece);
            }
            upload.bytes = 0;
            (chunk, upload.writer.take())
        };
        if let Some(writer) = writer {
            writer.wake();
        }
        Piece::Data(piece)
    }
}

#[derive(Default)]
struct Download {
    bytes: BytesMut,
    ended: bool,
    failed: Option<String>,
    /// The guest has looked for more and found nothing.
    wanted: bool,
    reader: Option<Waker>,
}

struct Entry {
    upload: Option<Pipe>,
    downloads: [Download; 2],
}

#[derive(Default)]
struct Streams {
    entries: BTreeMap<u64, Entry>,
    dropped: VecDeque<u64>,
}

impl Streams {
    fn news(&self) -> Option<Event> {
        if let Some(token) = self.dropped.front() {
            return Some(Event::Dropped(*token));
        }
        self.entries.iter().find_map(|(token, entry)| {
            if entry
                .upload
                .as_ref()
                .is_some_and(|it| it.upload().has_news())
            {
                return Some(Event::Readable(*token));
            }
            let wanted = entry.downloads.iter().position(|it| it.wanted)?;
            Some(Event::Wanted(*token, wanted as u32))
        })
    }
}

/// Shared by the store, the call and what the guest holds.
#[derive(Clone, Default)]
pub struct StreamQueue(Arc<Mutex<Streams>>);

impl StreamQueue {
    fn streams(&self) -> MutexGuard<'_, Streams> {
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// For an import call that has streams beside its values, before C hears of it.
    pub fn open(&self, token: u64, upload: Option<Pipe>) -> Held {
        let entry = Entry {
            upload,
            downloads: Default::default(),
        };
        self.streams().entries.insert(token, entry);
        Held {
            queue: self.clone(),
            token,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.streams().news().is_none()
    }

    /// Each event once.
    pub fn next(&self) -> Option<Event> {
        let mut streams = self.streams();
        let event = streams.news()?;
        match event {
            Event::Dropped(_) => drop(streams.dropped.pop_front()),
            Event::Readable(token) => {
                if let Some(pipe) = streams
                    .entries
                    .get(&token)
                    .and_then(|it| it.upload.as_ref())
                {
                    pipe.upload().asked = false;
                }
            }
            Event::Wanted(token, channel) => {
                if let Some(entry) = streams.entries.get_mut(&token) {
                    entry.downloads[channel as usize].wanted = false;
                }
            }
        }
        Some(event)
    }

    /// Of the stream that the guest writes.
    pub fn read(&self, token: u64) -> Piece {
        let pipe = {
            let streams = self.streams();
            streams.entries.get(&token).and_then(|it| it.upload.clone())
        };
        pipe.map_or(Piece::Broken, |pipe| pipe.read())
    }

    /// Nobody reads what the guest writes any more.
    pub fn close_upload(&self, token: u64) {
        let pipe = {
            let streams = self.streams();
            streams.entries.get(&token).and_then(|it| it.upload.clone())
        };
        if let Some(pipe) = pipe.filter(|pipe| !pipe.upload().ended) {
            pipe.break_off();
        }
    }

    pub fn push(&self, token: u64, channel: u32, bytes: &[u8]) {
        self.give(token, channel, |it| it.bytes.extend_from_slice(bytes));
    }

    pub fn end(&self, token: u64, channel: u32) {
        self.give(token, channel, |it| it.ended = true);
    }

    pub fn fail(&self, token: u64, channel: u32, why: String) {
        self.give(token, channel, |it| it.failed = Some(why));
    }

    fn give(&self, token: u64, channel: u32, change: impl FnOnce(&mut Download)) {
        let reader = {
            let mut streams = self.streams();
            let entry = streams.entries.get_mut(&token);
            let Some(download) = entry.and_then(|it| it.downloads.get_mut(channel as usize)) else {
                return;
            };
            if download.ended || download.failed.is_some() {
                return;
            }
            download.wanted = false;
            change(download);
            download.reader.take()
        };
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// The end of a call: nobody gives or takes anything any more.
    pub fn close(&self) {
        let entries = {
            let mut streams = self.streams();
            let entries = std::mem::take(&mut streams.entries);
            streams.dropped.extend(entries.keys());
            entries
        };
        for entry in entries.into_values() {
            if let Some(pipe) = entry.upload {
                pipe.break_off();
            }
            for download in entry.downloads {
                if let Some(reader) = download.reader {
                    reader.wake();
                }
            }
        }
    }
}

/// What keeps the streams of an import call open on the guest's side; its end tells C.
pub struct Held {
    queue: StreamQueue,
    token: u64,
}

impl Held {
    /// The bytes of a channel that have come and `take` uses, which is asked again when more have come. It is given all there is and whether
    /// nothing follows, and says what it has made of them; None: more is needed.
    pub fn poll_channel<T>(
        &self,
        channel: u32,
        cx: &mut Context<'_>,
        take: impl FnOnce(&mut BytesMut, bool) -> Option<Result<T, String>>,
    ) -> Poll<Result<T, String>> {
        let mut streams = self.queue.streams();
        let Some(entry) = streams.entries.get_mut(&self.token) else {
            return Poll::Ready(Err("the call that gives it has ended".into()));
        };
        let download = &mut entry.downloads[channel as usize];
        if let Some(taken) = take(&mut download.bytes, download.ended) {
            return Poll::Ready(taken);
        }
        if let Some(why) = &download.failed {
            return Poll::Ready(Err(why.clone()));
        }
        if download.ended {
            return Poll::Ready(Err("it breaks off".into()));
        }
        download.wanted = true;
        download.reader = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let entry = {
            let mut streams = self.queue.streams();
            let entry = streams.entries.remove(&self.token);
            if entry.is_some() {
                streams.dropped.push_back(self.token);
            }
            entry
        };
        if let Some(pipe) = entry.and_then(|it| it.upload) {
            pipe.break_off();
        }
    }
}
