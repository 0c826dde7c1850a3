// SPDX-License-Identifier: Apache-2.0
//! What goes beside the values of calls: their streams and futures, each as the bytes of a channel in the value encoding ("values", 2.6). What a
//! guest writes is pulled by C; what C gives is pushed piece by piece when the guest looks for it. Nothing here runs by itself.

use crate::transcode::wire;
use bytes::{Bytes, BytesMut};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

/// How much a guest may write at a time, and what may wait for C before it must wait itself.
pub const PERMIT: usize = 64 << 10;

/// The token of the call that the guest itself answers; those of its import calls begin at 1.
pub const OWN_CALL: u64 = 0;

/// What C is told of, by the token of the call and the number of the channel among those of its direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// After a read that found nothing: there is something now.
    Readable(u64, u32),
    /// The guest waits for more of this channel: push one piece.
    Wanted(u64, u32),
    /// The guest reads this channel no more.
    Left(u64, u32),
    /// No channel of the call is open any more; the token means nothing from here on.
    Dropped(u64),
}

/// What the pieces are that a guest writes to a channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Bytes of a `stream<u8>`, which leave in chunks as large as they have come together.
    #[default]
    Bytes,
    /// Whole chunks of another stream.
    Chunks,
    /// The value of a future: no chunk ends it.
    Value,
}

/// A piece of what a guest writes, on its way to C.
pub enum Piece {
    Pending,
    Data(Vec<u8>),
    End,
    /// The guest has broken off.
    Broken,
}

#[derive(Default)]
struct Upload {
    form: Form,
    pieces: VecDeque<Bytes>,
    bytes: usize,
    ended: bool,
    broken: bool,
    /// C has had the chunk that ends a stream.
    has_said_end: bool,
    /// C knows that nothing follows.
    is_over: bool,
    /// C has looked and found nothing.
    asked: bool,
    writer: Option<Waker>,
}

impl Upload {
    fn has_news(&self) -> bool {
        self.asked && (!self.pieces.is_empty() || self.ended || self.broken)
    }
}

/// The stream or future that a guest writes to. One thread at a time; the lock is for Send.
#[derive(Clone, Default)]
pub struct Pipe(Arc<Mutex<Upload>>);

impl Pipe {
    pub fn new(form: Form) -> Self {
        let pipe = Pipe::default();
        pipe.upload().form = form;
        pipe
    }

    fn upload(&self) -> MutexGuard<'_, Upload> {
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// How much may be written now, at least; None: nobody reads.
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

    pub fn break_off_unless_ended(&self) {
        if !self.upload().ended {
            self.break_off();
        }
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
                upload.is_over = true;
                return Piece::Broken;
            }
            if upload.pieces.is_empty() {
                if !upload.ended {
                    upload.asked = true;
                    return Piece::Pending;
                }
                if upload.form == Form::Value || std::mem::replace(&mut upload.has_said_end, true) {
                    upload.is_over = true;
                    return Piece::End;
                }
                return Piece::Data(vec![0]);
            }
            // All of it in one chunk, however small the pieces were that the guest has written.
            let mut chunk = Vec::with_capacity(upload.bytes + 5);
            if upload.form == Form::Bytes {
                wire::put_unsigned(&mut chunk, upload.bytes as u64);
            }
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

    fn is_over(&self) -> bool {
        self.upload().is_over
    }
}

#[derive(Default)]
struct Download {
    bytes: BytesMut,
    ended: bool,
    failed: Option<String>,
    /// The guest has it, or had it.
    is_taken: bool,
    /// The guest reads it no more, and C knows.
    left: bool,
    has_told: bool,
    /// The guest has looked for more and found nothing.
    wanted: bool,
    reader: Option<Waker>,
}

/// The channels of one call. Those that its guest writes and reads are counted by themselves.
#[derive(Default)]
struct Entry {
    /// None: the values have no such stream.
    uploads: Vec<Option<Pipe>>,
    downloads: Vec<Download>,
    /// The guest may still add to them, or something holds it open by itself.
    is_held: bool,
}

impl Entry {
    fn is_over(&self) -> bool {
        let mut uploads = self.uploads.iter().flatten();
        !self.is_held && self.downloads.iter().all(|it| it.left) && uploads.all(Pipe::is_over)
    }

    fn news(&self, token: u64) -> Option<Event> {
        let is_news = |it: &Option<Pipe>| it.as_ref().is_some_and(|it| it.upload().has_news());
        if let Some(number) = self.uploads.iter().position(is_news) {
            return Some(Event::Readable(token, number as u32));
        }
        if let Some(number) = self.downloads.iter().position(|it| it.wanted) {
            return Some(Event::Wanted(token, number as u32));
        }
        let untold = |it: &Download| it.left && !it.has_told;
        let number = self.downloads.iter().position(untold)?;
        Some(Event::Left(token, number as u32))
    }
}

#[derive(Default)]
struct Streams {
    entries: BTreeMap<u64, Entry>,
    /// What the guest still wrote when its call ended, by token and channel.
    cut: BTreeMap<(u64, u32), Pipe>,
    dropped: VecDeque<u64>,
    /// Waits until no call has channels any more.
    idle: Option<Waker>,
}

impl Streams {
    fn news(&self) -> Option<Event> {
        if let Some(token) = self.dropped.front() {
            return Some(Event::Dropped(*token));
        }
        let mut entries = self.entries.iter();
        entries.find_map(|(token, entry)| entry.news(*token))
    }

    /// The call's channels go if none of them is open. Who waits for that is to be woken.
    #[must_use]
    fn settle(&mut self, token: u64) -> Option<Waker> {
        if !self.entries.get(&token).is_some_and(Entry::is_over) {
            return None;
        }
        self.entries.remove(&token);
        self.dropped.push_back(token);
        self.idle.take().filter(|_| self.entries.is_empty())
    }

    fn pipe(&self, token: u64, channel: u32) -> Option<Pipe> {
        let entry = self.entries.get(&token)?;
        entry.uploads.get(channel as usize)?.clone()
    }

    fn download(&mut self, token: u64, channel: u32) -> Option<&mut Download> {
        let entry = self.entries.get_mut(&token)?;
        entry.downloads.get_mut(channel as usize)
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

    /// For an import call of the engine's own that has streams beside its values, before C hears of it.
    pub fn open(&self, token: u64, upload: Option<Pipe>) -> Held {
        self.open_call(token, vec![upload], 2);
        Held {
            queue: self.clone(),
            token,
        }
    }

    /// The channels of a call: what the guest writes, and how many it may read. They stay open until `let_go` and until each has come to its end.
    pub fn open_call(&self, token: u64, uploads: Vec<Option<Pipe>>, downloads: usize) {
        let entry = Entry {
            uploads,
            downloads: std::iter::repeat_with(Download::default)
                .take(downloads)
                .collect(),
            is_held: true,
        };
        self.streams().entries.insert(token, entry);
    }

    /// What the guest writes beside the results of its own call.
    pub fn add_uploads(&self, token: u64, uploads: Vec<Option<Pipe>>) {
        if let Some(entry) = self.streams().entries.get_mut(&token) {
            entry.uploads = uploads;
        }
    }

    /// All channels of the call are known.
    pub fn let_go(&self, token: u64) {
        let idle = {
            let mut streams = self.streams();
            if let Some(entry) = streams.entries.get_mut(&token) {
                entry.is_held = false;
            }
            streams.settle(token)
        };
        wake(idle);
    }

    /// Ready when no call has channels that are open.
    pub fn poll_idle(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut streams = self.streams();
        if streams.entries.is_empty() {
            return Poll::Ready(());
        }
        streams.idle = Some(cx.waker().clone());
        Poll::Pending
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
            Event::Readable(token, channel) => {
                if let Some(pipe) = streams.pipe(token, channel) {
                    pipe.upload().asked = false;
                }
            }
            Event::Wanted(token, channel) => {
                if let Some(download) = streams.download(token, channel) {
                    download.wanted = false;
                }
            }
            Event::Left(token, channel) => {
                if let Some(download) = streams.download(token, channel) {
                    download.has_told = true;
                }
            }
        }
        Some(event)
    }

    /// What the guest writes there, or had not ended to write when the call ended; None: the values have no such stream, or it is over.
    pub fn form(&self, token: u64, channel: u32) -> Option<Form> {
        let pipe = {
            let streams = self.streams();
            match streams.entries.get(&token) {
                Some(entry) => entry.uploads.get(channel as usize)?.clone(),
                None => streams.cut.get(&(token, channel)).cloned(),
            }
        };
        Some(pipe?.upload().form)
    }

    /// Of what the guest writes.
    pub fn read(&self, token: u64, channel: u32) -> Piece {
        let known = {
            let streams = self.streams();
            let entry = streams.entries.get(&token);
            entry
                .and_then(|it| it.uploads.get(channel as usize))
                .cloned()
        };
        let Some(pipe) = known else {
            return Piece::Broken;
        };
        // A stream that the values do not have ends without a byte.
        let Some(pipe) = pipe else {
            return Piece::End;
        };
        let piece = pipe.read();
        if matches!(piece, Piece::End | Piece::Broken) {
            let idle = self.streams().settle(token);
            wake(idle);
        }
        piece
    }

    /// Nobody reads what the guest writes any more.
    pub fn close_upload(&self, token: u64, channel: u32) {
        let Some(pipe) = self.streams().pipe(token, channel) else {
            return;
        };
        pipe.break_off_unless_ended();
        pipe.upload().is_over = true;
        let idle = self.streams().settle(token);
        wake(idle);
    }

    /// The guest reads that channel no more.
    pub fn leave(&self, token: u64, channel: u32) {
        let idle = {
            let mut streams = self.streams();
            if let Some(download) = streams.download(token, channel) {
                download.left = true;
                download.wanted = false;
                download.bytes = BytesMut::new();
            }
            streams.settle(token)
        };
        wake(idle);
    }

    /// The guest reads that channel, in which nothing may have come yet.
    pub fn take(&self, token: u64, channel: u32) {
        if let Some(download) = self.streams().download(token, channel) {
            download.is_taken = true;
        }
    }

    /// The guest has all the values: what it has not taken it does not have.
    pub fn leave_untaken(&self, token: u64) {
        let mut streams = self.streams();
        let entry = streams.entries.get_mut(&token);
        for download in entry.into_iter().flat_map(|it| &mut it.downloads) {
            download.left |= !download.is_taken;
        }
    }

    /// The bytes of a channel that have come and `take` uses, which is asked again when more have come. It is given all there is and whether
    /// nothing follows, and says what it has made of them; None: more is needed.
    pub fn poll_channel<T>(
        &self,
        token: u64,
        channel: u32,
        cx: &mut Context<'_>,
        take: impl FnOnce(&mut BytesMut, bool) -> Option<Result<T, String>>,
    ) -> Poll<Result<T, String>> {
        let mut streams = self.streams();
        let Some(download) = streams.download(token, channel) else {
            return Poll::Ready(Err("the call that gives it has ended".into()));
        };
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
            let Some(download) = streams.download(token, channel) else {
                return;
            };
            if download.ended || download.failed.is_some() || download.left {
                return;
            }
            download.wanted = false;
            change(download);
            download.reader.take()
        };
        wake(reader);
    }

    /// The end of a call: nobody gives or takes anything any more.
    pub fn close(&self) {
        let (entries, idle) = {
            let mut streams = self.streams();
            let entries = std::mem::take(&mut streams.entries);
            streams.dropped.extend(entries.keys());
            for (token, entry) in &entries {
                for (channel, pipe) in entry.uploads.iter().enumerate() {
                    let known = pipe.clone().map(|pipe| ((*token, channel as u32), pipe));
                    streams.cut.extend(known);
                }
            }
            (entries, streams.idle.take())
        };
        for entry in entries.into_values() {
            for pipe in entry.uploads.into_iter().flatten() {
                pipe.break_off();
            }
            for download in entry.downloads {
                wake(download.reader);
            }
        }
        wake(idle);
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// What keeps the streams of an import call of the engine's own open on the guest's side; its end tells C.
pub struct Held {
    queue: StreamQueue,
    token: u64,
}

impl Held {
    /// As `StreamQueue::poll_channel`.
    pub fn poll_channel<T>(
        &self,
        channel: u32,
        cx: &mut Context<'_>,
        take: impl FnOnce(&mut BytesMut, bool) -> Option<Result<T, String>>,
    ) -> Poll<Result<T, String>> {
        self.queue.poll_channel(self.token, channel, cx, take)
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
        for pipe in entry.into_iter().flat_map(|it| it.uploads).flatten() {
            pipe.break_off();
        }
    }
}
