// SPDX-License-Identifier: Apache-2.0
//! The streams and futures among the values of a call, between the guest's own and the bytes of channels.
//!
//! What a guest writes is taken from it when there is room for it, and what comes for it is decoded when it reads: either side's pace is the
//! other's. Elements cross encoded, whole; those of a `stream<u8>` as pieces of bytes. A reader that goes ends the guest's write as dropped. There
//! are no words in the component model for a stream that breaks off, so a guest that reads one traps instead of taking it for whole.

use bytes::{Buf, Bytes, BytesMut};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use wasmtime::component::__internal::{InterfaceType, LiftContext, LowerContext};
use wasmtime::component::{
    Destination, FutureConsumer, FutureProducer, FutureReader, Lift, Lower, Source, StreamConsumer,
    StreamProducer, StreamReader, StreamResult, VecBuffer,
};
use wasmtime::error::Context as _;
use wasmtime::{Result, StoreContextMut, ValRaw, bail};

use super::element::{self, Element, MAX_ELEMENT};
use super::measure::{Measure, Shape};
use super::wire::{self, Reader};
use crate::streams::{Form, PERMIT, Pipe, StreamQueue};

/// So many small elements are handed over at once.
const BATCH: usize = 4096;

/// A stream or future just taken from a guest.
pub enum Given {
    Bytes(StreamReader<u8>),
    Elements(StreamReader<Element>, bool),
    Value(FutureReader<Element>),
}

impl Given {
    /// Takes the readable end that has this index in the guest.
    pub fn lift(cx: &mut LiftContext<'_>, ty: InterfaceType, index: u32) -> Result<Self> {
        let index = ValRaw::u32(index);
        let types = cx.types;
        Ok(match ty {
            InterfaceType::Stream(i) => match types[types[i].ty].payload {
                Some(InterfaceType::U8) => {
                    Given::Bytes(StreamReader::linear_lift_from_flat(cx, ty, &index)?)
                }
                Some(element) => {
                    let is_small = Shape::of(types, element)?.is_small();
                    Given::Elements(
                        StreamReader::linear_lift_from_flat(cx, ty, &index)?,
                        is_small,
                    )
                }
                None => bail!("a stream without elements cannot cross as bytes"),
            },
            InterfaceType::Future(_) => {
                Given::Value(FutureReader::linear_lift_from_flat(cx, ty, &index)?)
            }
            _ => bail!("neither a stream nor a future"),
        })
    }

    /// From now on what the guest writes goes into the pipe.
    fn pour<T: 'static>(self, store: StoreContextMut<'_, T>) -> Result<Pipe> {
        let pipe = Pipe::new(match self {
            Given::Bytes(_) => Form::Bytes,
            Given::Elements(..) => Form::Chunks,
            Given::Value(_) => Form::Value,
        });
        match self {
            Given::Bytes(reader) => reader.pipe(store, BytesOut(pipe.clone()))?,
            Given::Elements(reader, is_small) => {
                let pipe = pipe.clone();
                reader.pipe(store, ElementsOut { pipe, is_small })?;
            }
            Given::Value(reader) => reader.pipe(store, ValueOut(pipe.clone()))?,
        }
        Ok(pipe)
    }
}

/// In the order of `paths`; those that the values do not have are left out.
pub fn pour_all<T: 'static>(
    mut store: StoreContextMut<'_, T>,
    mut given: Vec<(String, Given)>,
    paths: &[String],
) -> Result<Vec<Option<Pipe>>> {
    let mut pipes = Vec::with_capacity(paths.len());
    for path in paths {
        let found = given.iter().position(|(at, _)| at == path);
        pipes.push(match found {
            Some(place) => {
                let (_, given) = given.swap_remove(place);
                Some(given.pour(wasmtime::AsContextMut::as_context_mut(&mut store))?)
            }
            None => None,
        });
    }
    match given.first() {
        Some((path, _)) => bail!("there is no channel for the stream at {path}"),
        None => Ok(pipes),
    }
}

/// The channels of one call from which its guest reads, until it has all the values: then those that no value had are given up.
pub struct Ends {
    queue: StreamQueue,
    token: u64,
    paths: Arc<[String]>,
    /// Nothing is added to the call's channels when the values are there.
    is_last: bool,
}

impl Ends {
    pub fn new(queue: StreamQueue, token: u64, paths: Arc<[String]>, is_last: bool) -> Self {
        Ends {
            queue,
            token,
            paths,
            is_last,
        }
    }

    /// The index in the guest of a new stream or future, whose encoding comes next and whose place is `path`.
    pub fn lower<T: 'static>(
        &self,
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        reader: &mut Reader<'_>,
        path: Option<String>,
    ) -> Result<u32> {
        let path = path.unwrap_or_default();
        let Some(channel) = self.paths.iter().position(|known| *known == path) else {
            bail!("there is no channel for the stream at {path}");
        };
        let channel = channel as u32;
        self.queue.take(self.token, channel);
        let feed = Feed {
            queue: self.queue.clone(),
            token: self.token,
            channel,
            path,
        };
        let types = cx.types;
        let index = match ty {
            InterfaceType::Stream(i) => match types[types[i].ty].payload {
                Some(InterfaceType::U8) => {
                    let inline = reader.byte_string()?;
                    if !inline.is_empty() {
                        feed.fill_chunk(inline.len(), inline);
                    }
                    let stream = StreamReader::<u8>::new(&mut cx.store, BytesIn { feed, left: 0 })?;
                    super::raw::with_slots(|slot| stream.linear_lower_to_flat(cx, ty, slot))?
                }
                Some(element) => {
                    let shape = Shape::of(types, element)?;
                    inline_elements(reader, &shape, &feed)?;
                    let producer = ElementsIn {
                        feed,
                        chunks: Chunks::new(shape),
                    };
                    let stream = StreamReader::<Element>::new(&mut cx.store, producer)?;
                    super::raw::with_slots(|slot| stream.linear_lower_to_flat(cx, ty, slot))?
                }
                None => bail!("a stream without elements cannot cross as bytes"),
            },
            InterfaceType::Future(i) => match types[types[i].ty].payload {
                Some(payload) => {
                    let shape = Shape::of(types, payload)?;
                    if reader.either()? {
                        feed.fill(measured(reader, &shape)?);
                    }
                    let producer = ValueIn {
                        feed,
                        measure: Measure::new(shape),
                    };
                    let future = FutureReader::<Element>::new(&mut cx.store, producer)?;
                    super::raw::with_slots(|slot| future.linear_lower_to_flat(cx, ty, slot))?
                }
                None => bail!("a future without a value cannot cross as bytes"),
            },
            _ => bail!("neither a stream nor a future"),
        };
        Ok(index.get_u32())
    }
}

impl Drop for Ends {
    fn drop(&mut self) {
        self.queue.leave_untaken(self.token);
        if self.is_last {
            self.queue.let_go(self.token);
        }
    }
}

/// The next value, passed over.
fn measured<'a>(reader: &mut Reader<'a>, shape: &Arc<Shape>) -> Result<&'a [u8]> {
    let size = Measure::new(shape.clone()).look(reader.rest())?;
    match size {
        Some(size) => Ok(reader.take(size)?),
        None => Ok(reader.error("the bytes end inside a value")?),
    }
}

/// A stream that is whole among the values.
fn inline_elements(reader: &mut Reader<'_>, shape: &Arc<Shape>, feed: &Feed) -> Result<()> {
    let count = reader.list_len(1)?;
    if count == 0 {
        return Ok(());
    }
    let begin = reader.rest();
    for _ in 0..count {
        measured(reader, shape)?;
    }
    feed.fill_chunk(count, &begin[..begin.len() - reader.remaining()]);
    Ok(())
}

/// The guest's end of a channel that it reads.
struct Feed {
    queue: StreamQueue,
    token: u64,
    channel: u32,
    path: String,
}

impl Feed {
    /// All that will come of it.
    fn fill(&self, bytes: &[u8]) {
        self.queue.push(self.token, self.channel, bytes);
        self.queue.end(self.token, self.channel);
    }

    fn fill_chunk(&self, count: usize, elements: &[u8]) {
        let mut bytes = Vec::with_capacity(elements.len() + 6);
        wire::put_unsigned(&mut bytes, count as u64);
        bytes.extend_from_slice(elements);
        bytes.push(0);
        self.fill(&bytes);
    }

    fn poll<T>(
        &self,
        cx: &mut Context<'_>,
        take: impl FnOnce(&mut BytesMut, bool) -> Option<Result<T, String>>,
    ) -> Poll<Result<T>> {
        let polled = self.queue.poll_channel(self.token, self.channel, cx, take);
        polled.map(|taken| {
            taken
                .map_err(wasmtime::Error::msg)
                .with_context(|| format!("the stream or future at {} broke off", self.path))
        })
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.queue.leave(self.token, self.channel);
    }
}

/// How many elements the next chunk has; 0: none follows. None: it has not come.
fn next_chunk(bytes: &mut BytesMut, ended: bool) -> Option<Result<u32, String>> {
    match wire::length_prefix(bytes) {
        None if bytes.is_empty() && ended => Some(Ok(0)),
        None => None,
        Some(Err(why)) => Some(Err(why.to_string())),
        Some(Ok((count, size))) => {
            bytes.advance(size);
            Some(Ok(count))
        }
    }
}

/// Gives a guest the bytes of a `stream<u8>`.
struct BytesIn {
    feed: Feed,
    /// Of the chunk that has begun.
    left: usize,
}

impl<D: 'static> StreamProducer<D> for BytesIn {
    type Item = u8;
    type Buffer = VecBuffer<u8>;

    fn poll_produce<'a>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut store: StoreContextMut<'a, D>,
        destination: Destination<'a, u8, VecBuffer<u8>>,
        finish: bool,
    ) -> Poll<Result<StreamResult>> {
        let me = self.get_mut();
        let room = destination.remaining(&mut store).unwrap_or(PERMIT);
        if room == 0 {
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        let mut place = destination.as_direct(store, room);
        let left = &mut me.left;
        let polled = me.feed.poll(cx, |bytes, ended| {
            if *left == 0 {
                match next_chunk(bytes, ended)? {
                    Err(why) => return Some(Err(why)),
                    Ok(0) => return Some(Ok(StreamResult::Dropped)),
                    Ok(count) => *left = count as usize,
                }
            }
            let free = place.remaining();
            let size = bytes.len().min(*left).min(free.len());
            if size == 0 {
                return None;
            }
            free[..size].copy_from_slice(&bytes[..size]);
            place.mark_written(size);
            bytes.advance(size);
            *left -= size;
            Some(Ok(StreamResult::Completed))
        });
        match polled {
            Poll::Pending if finish => Poll::Ready(Ok(StreamResult::Cancelled)),
            polled => polled,
        }
    }
}

/// Finds the elements in the chunks of a stream.
struct Chunks {
    shape: Arc<Shape>,
    /// Elements of the chunk that has begun.
    left: u32,
    /// Of the element that has begun.
    measure: Option<Measure>,
}

impl Chunks {
    fn new(shape: Arc<Shape>) -> Self {
        Chunks {
            shape,
            left: 0,
            measure: None,
        }
    }

    /// The next whole element, or that none follows. None: more bytes are needed.
    fn next(&mut self, bytes: &mut BytesMut, ended: bool) -> Option<Result<Option<Bytes>, String>> {
        if self.left == 0 {
            match next_chunk(bytes, ended)? {
                Err(why) => return Some(Err(why)),
                Ok(0) => return Some(Ok(None)),
                Ok(count) => self.left = count,
            }
        }
        let shape = &self.shape;
        let measure = self
            .measure
            .get_or_insert_with(|| Measure::new(shape.clone()));
        let element = next_value(measure, bytes)?;
        if element.is_ok() {
            self.left -= 1;
            self.measure = None;
        }
        Some(element.map(Some))
    }
}

/// The value that is measured, once it is there. None: more bytes are needed.
fn next_value(measure: &mut Measure, bytes: &mut BytesMut) -> Option<Result<Bytes, String>> {
    match measure.look(bytes) {
        Ok(Some(size)) => Some(Ok(bytes.split_to(size).freeze())),
        Ok(None) if bytes.len() > MAX_ELEMENT => Some(Err(format!(
            "an element is larger than a stream's can be ({MAX_ELEMENT} bytes)"
        ))),
        Ok(None) => None,
        Err(why) => Some(Err(why.to_string())),
    }
}

/// Gives a guest the elements of any other stream.
struct ElementsIn {
    feed: Feed,
    chunks: Chunks,
}

impl<D: 'static> StreamProducer<D> for ElementsIn {
    type Item = Element;
    type Buffer = VecBuffer<Element>;

    fn poll_produce<'a>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        store: StoreContextMut<'a, D>,
        mut destination: Destination<'a, Element, VecBuffer<Element>>,
        finish: bool,
    ) -> Poll<Result<StreamResult>> {
        let me = self.get_mut();
        let room = destination.remaining(store).unwrap_or(BATCH).min(BATCH);
        if room == 0 {
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        let chunks = &mut me.chunks;
        let polled = me.feed.poll(cx, |bytes, ended| {
            let mut elements = Vec::new();
            while elements.len() < room {
                match chunks.next(bytes, ended) {
                    Some(Ok(Some(element))) => elements.push(Element(element)),
                    Some(Ok(None)) => return Some(Ok((elements, StreamResult::Dropped))),
                    Some(Err(why)) => return Some(Err(why)),
                    None if elements.is_empty() => return None,
                    None => break,
                }
            }
            Some(Ok((elements, StreamResult::Completed)))
        });
        match polled {
            Poll::Ready(Ok((elements, result))) => {
                destination.set_buffer(elements.into());
                Poll::Ready(Ok(result))
            }
            Poll::Ready(Err(why)) => Poll::Ready(Err(why)),
            Poll::Pending if finish => Poll::Ready(Ok(StreamResult::Cancelled)),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// Gives a guest the value of a future.
struct ValueIn {
    feed: Feed,
    measure: Measure,
}

impl<D> FutureProducer<D> for ValueIn {
    type Item = Element;

    fn poll_produce(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        _: StoreContextMut<D>,
        finish: bool,
    ) -> Poll<Result<Option<Element>>> {
        let me = self.get_mut();
        let measure = &mut me.measure;
        match me.feed.poll(cx, |bytes, _| next_value(measure, bytes)) {
            Poll::Ready(value) => Poll::Ready(value.map(|value| Some(Element(value)))),
            Poll::Pending if finish => Poll::Ready(Ok(None)),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// Whether what a guest writes can be taken now.
fn poll_room(pipe: &Pipe, cx: &mut Context<'_>, finish: bool) -> Poll<Option<StreamResult>> {
    match pipe.room() {
        None => Poll::Ready(Some(StreamResult::Dropped)),
        Some(0) if finish => Poll::Ready(Some(StreamResult::Cancelled)),
        Some(0) => pipe.poll_room(cx).map(|()| None),
        Some(_) => Poll::Ready(None),
    }
}

/// Takes the bytes that a guest writes to a `stream<u8>`.
struct BytesOut(Pipe);

impl<D: 'static> StreamConsumer<D> for BytesOut {
    type Item = u8;

    fn poll_consume(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        store: StoreContextMut<D>,
        source: Source<'_, u8>,
        finish: bool,
    ) -> Poll<Result<StreamResult>> {
        match poll_room(&self.0, cx, finish) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Some(result)) => return Poll::Ready(Ok(result)),
            Poll::Ready(None) => {}
        }
        let mut source = source.as_direct(store);
        let written = source.remaining();
        let piece = Bytes::copy_from_slice(&written[..written.len().min(PERMIT)]);
        source.mark_read(piece.len());
        self.0.write(piece);
        Poll::Ready(Ok(StreamResult::Completed))
    }
}

impl Drop for BytesOut {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Takes the elements that a guest writes to any other stream.
struct ElementsOut {
    pipe: Pipe,
    is_small: bool,
}

impl<D: 'static> StreamConsumer<D> for ElementsOut {
    type Item = Element;

    fn poll_consume(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut store: StoreContextMut<D>,
        mut source: Source<'_, Element>,
        finish: bool,
    ) -> Poll<Result<StreamResult>> {
        match poll_room(&self.pipe, cx, finish) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Some(result)) => return Poll::Ready(Ok(result)),
            Poll::Ready(None) => {}
        }
        let mut bytes = Vec::new();
        let mut count = 0;
        let batch = if self.is_small { BATCH } else { 1 };
        while bytes.len() < PERMIT && source.remaining(&mut store) > 0 {
            count += element::read(&mut source, &mut store, count, batch, &mut bytes)?;
        }
        if count > 0 {
            let mut chunk = Vec::with_capacity(bytes.len() + 5);
            wire::put_unsigned(&mut chunk, count as u64);
            chunk.extend_from_slice(&bytes);
            self.pipe.write(chunk.into());
        }
        Poll::Ready(Ok(StreamResult::Completed))
    }
}

impl Drop for ElementsOut {
    fn drop(&mut self) {
        self.pipe.end();
    }
}

/// Takes the value that a guest writes to a future.
struct ValueOut(Pipe);

impl<D: 'static> FutureConsumer<D> for ValueOut {
    type Item = Element;

    fn poll_consume(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        store: StoreContextMut<D>,
        mut source: Source<'_, Element>,
        _: bool,
    ) -> Poll<Result<()>> {
        let mut bytes = Vec::new();
        element::read(&mut source, store, 0, 1, &mut bytes)?;
        // Nobody may be interested any more: then it goes nowhere.
        self.0.write(bytes.into());
        self.0.end();
        Poll::Ready(Ok(()))
    }
}

impl Drop for ValueOut {
    fn drop(&mut self) {
        // Without a value a future has not come to an end.
        self.0.break_off_unless_ended();
    }
}
