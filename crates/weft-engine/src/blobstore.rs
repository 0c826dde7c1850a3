// SPDX-License-Identifier: Apache-2.0
//! `wasi:blobstore` as a guest knows it: its resources live here, and what they need of a store is asked of C as functions of
//! `wasi:blobstore/blobstore`, by the names and with the values of `wrpc:blobstore` 0.2.0 ("values", 3.11). A container is but its name.

pub mod link;

use crate::streams::{Held, Pipe};
use crate::transcode::wire::{self, Reader, WireResult};
use bytes::{Buf, Bytes, BytesMut};
use std::future::poll_fn;
use std::task::{Context, Poll};
use wasmtime_wasi::p2::{InputStream, OutputStream, Pollable, StreamError, StreamResult};

/// Longer is no name of an object.
const MAX_NAME: usize = 64 << 10;

/// A handle of a container.
pub struct Container(pub String);

/// What a future of the results holds or will: `result<_, string>`.
enum Status {
    Known(Result<(), String>),
    On(u32),
}

impl Status {
    fn read(reader: &mut Reader<'_>, channel: u32) -> WireResult<Self> {
        Ok(match reader.either()? {
            false => Status::On(channel),
            true => Status::Known(outcome(reader)?),
        })
    }

    fn poll(&mut self, held: &Held, cx: &mut Context<'_>) -> Poll<Result<(), String>> {
        if let Status::On(channel) = self {
            let polled = held.poll_channel(*channel, cx, |bytes, _ended| {
                outcome(&mut Reader::new(bytes)).ok().map(Ok)
            });
            *self = Status::Known(match polled {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(known)) => known,
                Poll::Ready(Err(why)) => Err(format!("how it ended is not known: {why}")),
            });
        }
        match self {
            Status::Known(known) => Poll::Ready(known.clone()),
            Status::On(_) => Poll::Pending,
        }
    }
}

fn outcome(reader: &mut Reader<'_>) -> WireResult<Result<(), String>> {
    Ok(match reader.either()? {
        false => Ok(()),
        true => Err(reader.string()?.to_owned()),
    })
}

/// A value that a guest writes: before `write-data`, which begins its way, and after.
#[derive(Default)]
pub struct OutgoingValue {
    pipe: Pipe,
    has_body: bool,
    sent: Option<(Held, Status)>,
}

impl OutgoingValue {
    fn body(&mut self) -> Option<ObjectWriter> {
        (!std::mem::replace(&mut self.has_body, true)).then(|| ObjectWriter(self.pipe.clone()))
    }

    async fn finish(mut self) -> Result<(), String> {
        if !self.has_body {
            self.pipe.end();
        }
        match self.sent.as_mut() {
            None => Ok(()),
            Some((held, status)) => poll_fn(|cx| status.poll(held, cx)).await,
        }
    }
}

struct ObjectWriter(Pipe);

impl Drop for ObjectWriter {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl OutputStream for ObjectWriter {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if bytes.len() > self.check_write()? {
            return Err(StreamError::trap("more is written than check-write allows"));
        }
        self.0.write(bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.0.room().ok_or_else(|| {
            StreamError::LastOperationFailed(wasmtime::format_err!(
                "nobody takes the object any more"
            ))
        })
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for ObjectWriter {
    async fn ready(&mut self) {
        poll_fn(|cx| self.0.poll_room(cx)).await;
    }
}

/// An object on its way to the guest.
pub struct IncomingValue {
    held: Held,
    /// Of the chunk that has begun, bytes that have not come yet.
    left: usize,
    ready: Bytes,
    /// The stream has ended.
    whole: bool,
    status: Status,
    end: Option<Result<(), String>>,
}

impl IncomingValue {
    /// Of `tuple<stream<u8>, future<result<_, string>>>`.
    fn read(reader: &mut Reader<'_>, held: Held) -> WireResult<Self> {
        let inline = Bytes::copy_from_slice(reader.byte_string()?);
        Ok(IncomingValue {
            whole: !inline.is_empty(),
            held,
            left: 0,
            ready: inline,
            status: Status::read(reader, 1)?,
            end: None,
        })
    }

    /// Until there are bytes, or the end is known.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.ready.is_empty() || self.end.is_some() {
            return Poll::Ready(());
        }
        if !self.whole {
            let left = &mut self.left;
            let polled = self
                .held
                .poll_channel(0, cx, |bytes, ended| next_piece(bytes, left, ended));
            match polled {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(Some(piece))) => {
                    self.ready = piece;
                    return Poll::Ready(());
                }
                Poll::Ready(Ok(None)) => self.whole = true,
                Poll::Ready(Err(why)) => {
                    // What the store says about it is worth more than that it broke off.
                    let Poll::Ready(status) = self.status.poll(&self.held, cx) else {
                        return Poll::Pending;
                    };
                    self.end = Some(Err(status.err().unwrap_or(why)));
                    return Poll::Ready(());
                }
            }
        }
        let Poll::Ready(status) = self.status.poll(&self.held, cx) else {
            return Poll::Pending;
        };
        self.end = Some(status);
        Poll::Ready(())
    }

    /// At most `max` bytes: more than the guest has room for is not gathered for it.
    async fn all(mut self, max: usize) -> Result<Vec<u8>, String> {
        let mut out = Vec::new();
        loop {
            poll_fn(|cx| self.poll_ready(cx)).await;
            if self.ready.is_empty() {
                return self.end.expect("ready means one of the two").map(|()| out);
            }
            if self.ready.len() > max - out.len() {
                return Err(format!(
                    "the object is more than {max} bytes: read it as a stream"
                ));
            }
            out.extend_from_slice(&std::mem::take(&mut self.ready));
        }
    }
}

/// Of a `stream<u8>`; an inner None: its end.
fn next_piece(
    bytes: &mut BytesMut,
    left: &mut usize,
    ended: bool,
) -> Option<Result<Option<Bytes>, String>> {
    if *left == 0 {
        let length = match wire::length_prefix(bytes) {
            None if bytes.is_empty() && ended => return Some(Ok(None)),
            None => return None,
            Some(Err(why)) => return Some(Err(why.to_string())),
            Some(Ok((length, size))) => {
                bytes.advance(size);
                length
            }
        };
        if length == 0 {
            return Some(Ok(None));
        }
        *left = length as usize;
    }
    if bytes.is_empty() {
        return None;
    }
    let piece = bytes.split_to(bytes.len().min(*left));
    *left -= piece.len();
    Some(Ok(Some(piece.freeze())))
}

impl InputStream for IncomingValue {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        if self.ready.is_empty() {
            // A look without waiting: what has come is taken, and more is asked for.
            let _ = self.poll_ready(&mut Context::from_waker(std::task::Waker::noop()));
        }
        if !self.ready.is_empty() {
            let size = size.min(self.ready.len());
            return Ok(self.ready.split_to(size));
        }
        match &self.end {
            None => Ok(Bytes::new()),
            Some(Ok(())) => Err(StreamError::Closed),
            Some(Err(why)) => {
                let why = wasmtime::format_err!("{why}");
                self.end = Some(Ok(()));
                Err(StreamError::LastOperationFailed(why))
            }
        }
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for IncomingValue {
    async fn ready(&mut self) {
        poll_fn(|cx| self.poll_ready(cx)).await;
    }
}

/// The names of a container's objects, as they come.
pub struct ObjectNames {
    held: Held,
    /// Of the chunk that has begun, names that have not come yet.
    left: usize,
    inline: std::vec::IntoIter<String>,
    whole: bool,
    status: Status,
}

impl ObjectNames {
    /// Of `tuple<stream<string>, future<result<_, string>>>`.
    fn read(reader: &mut Reader<'_>, held: Held) -> WireResult<Self> {
        let count = reader.list_len(1)?;
        let mut inline = Vec::with_capacity(count);
        for _ in 0..count {
            inline.push(reader.string()?.to_owned());
        }
        Ok(ObjectNames {
            held,
            left: 0,
            whole: count != 0,
            inline: inline.into_iter(),
            status: Status::read(reader, 1)?,
        })
    }

    /// At most `count` of them; true: there are no more.
    async fn take(&mut self, count: u64, mut each: impl FnMut(String)) -> Result<bool, String> {
        for _ in 0..count {
            match self.next().await? {
                Some(name) => each(name),
                None => return Ok(true),
            }
        }
        Ok(false)
    }

    /// None: there are no more.
    async fn next(&mut self) -> Result<Option<String>, String> {
        if let Some(name) = self.inline.next() {
            return Ok(Some(name));
        }
        if !self.whole {
            let (held, left) = (&self.held, &mut self.left);
            let next = poll_fn(|cx| {
                held.poll_channel(0, cx, |bytes, ended| next_name(bytes, left, ended))
            });
            match next.await {
                Ok(Some(name)) => return Ok(Some(name)),
                Ok(None) => self.whole = true,
                Err(why) => {
                    let status = poll_fn(|cx| self.status.poll(&self.held, cx)).await;
                    return Err(status.err().unwrap_or(why));
                }
            }
        }
        poll_fn(|cx| self.status.poll(&self.held, cx)).await?;
        Ok(None)
    }
}

/// Of a `stream<string>`; an inner None: its end.
fn next_name(
    bytes: &mut BytesMut,
    left: &mut usize,
    ended: bool,
) -> Option<Result<Option<String>, String>> {
    if *left == 0 {
        match wire::length_prefix(bytes) {
            None if bytes.is_empty() && ended => return Some(Ok(None)),
            None => return None,
            Some(Err(why)) => return Some(Err(why.to_string())),
            Some(Ok((0, _))) => return Some(Ok(None)),
            Some(Ok((count, size))) => {
                bytes.advance(size);
                *left = count as usize;
            }
        }
    }
    let (length, size) = match wire::length_prefix(bytes)? {
        Ok((length, size)) => (length as usize, size),
        Err(why) => return Some(Err(why.to_string())),
    };
    if length > MAX_NAME {
        return Some(Err("the name of an object is too long".into()));
    }
    if bytes.len() - size < length {
        return None;
    }
    bytes.advance(size);
    *left -= 1;
    let name = std::str::from_utf8(&bytes.split_to(length)).map(str::to_owned);
    Some(name.map(Some).map_err(|_| "a name is not UTF-8".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(parts: &[&[u8]], ended: bool) -> (Vec<u8>, Option<Result<bool, String>>) {
        let (mut bytes, mut left, mut out) = (BytesMut::new(), 0, Vec::new());
        for part in parts {
            bytes.extend_from_slice(part);
            loop {
                match next_piece(&mut bytes, &mut left, false) {
                    None => break,
                    Some(Ok(Some(piece))) => out.extend_from_slice(&piece),
                    Some(Ok(None)) => return (out, Some(Ok(true))),
                    Some(Err(why)) => return (out, Some(Err(why))),
                }
            }
        }
        let last = next_piece(&mut bytes, &mut left, ended);
        (out, last.map(|last| last.map(|piece| piece.is_none())))
    }

    #[test]
    fn a_stream_of_bytes_may_be_cut_anywhere() {
        let whole = [3, b'a', b'b', b'c', 1, b'd', 0];
        assert_eq!(pieces(&[&whole], false), (b"abcd".to_vec(), Some(Ok(true))));
        for cut in 0..whole.len() {
            let (first, second) = whole.split_at(cut);
            assert_eq!(pieces(&[first, second], false).0, b"abcd", "{cut}");
        }
        // An end at the border of a chunk is one; inside of it is none.
        assert_eq!(
            pieces(&[&whole[..4]], true),
            (b"abc".to_vec(), Some(Ok(true)))
        );
        assert_eq!(pieces(&[&whole[..3]], true), (b"ab".to_vec(), None));
        assert!(matches!(pieces(&[&[0xff; 6]], true).1, Some(Err(_))));
    }

    /// What a stream of either kind comes to: what was read, and how it ended.
    type Outcome = (Vec<String>, Option<Result<bool, String>>);

    fn names(parts: &[&[u8]]) -> Outcome {
        let (mut bytes, mut left, mut out) = (BytesMut::new(), 0, Vec::new());
        for part in parts {
            bytes.extend_from_slice(part);
            loop {
                match next_name(&mut bytes, &mut left, false) {
                    None => break,
                    Some(Ok(Some(name))) => out.push(name),
                    Some(Ok(None)) => return (out, Some(Ok(true))),
                    Some(Err(why)) => return (out, Some(Err(why))),
                }
            }
        }
        let last = next_name(&mut bytes, &mut left, true);
        (out, last.map(|last| last.map(|name| name.is_none())))
    }

    #[test]
    fn any_bytes_come_to_the_same_however_they_are_cut() {
        // A stream of small numbers, most of which are lengths that fit.
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = move || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed
        };
        for _ in 0..20_000 {
            let length = next() % 24;
            let any: Vec<u8> = (0..length)
                .map(|_| match next() % 8 {
                    0 => next() as u8,
                    1 => 0,
                    _ => (next() % 5) as u8,
                })
                .collect();
            let cut = (next() % (length + 1)) as usize;
            let (first, second) = any.split_at(cut);
            let single: Vec<&[u8]> = any.chunks(1).collect();
            assert_eq!(names(&[first, second]), names(&[&any]), "{any:?} at {cut}");
            assert_eq!(names(&single), names(&[&any]), "{any:?}");
            assert_eq!(
                pieces(&[first, second], true),
                pieces(&[&any], true),
                "{any:?} at {cut}"
            );
            assert_eq!(pieces(&single, true), pieces(&[&any], true), "{any:?}");
        }
    }

    #[test]
    fn a_stream_of_names_may_be_cut_anywhere() {
        let whole = [2, 1, b'a', 2, b'b', b'c', 1, 0, 0];
        for cut in 0..whole.len() {
            let (mut bytes, mut left, mut names) = (BytesMut::new(), 0, Vec::new());
            for part in [&whole[..cut], &whole[cut..]] {
                bytes.extend_from_slice(part);
                while let Some(Ok(Some(name))) = next_name(&mut bytes, &mut left, false) {
                    names.push(name);
                }
            }
            assert_eq!(names, ["a", "bc", ""], "{cut}");
        }
        let mut long = BytesMut::from(&[1, 0x81, 0x80, 0x04][..]);
        assert!(matches!(next_name(&mut long, &mut 0, false), Some(Err(_))));
        let mut no_text = BytesMut::from(&[1, 1, 0xff][..]);
        assert!(matches!(
            next_name(&mut no_text, &mut 0, false),
            Some(Err(_))
        ));
    }
}
