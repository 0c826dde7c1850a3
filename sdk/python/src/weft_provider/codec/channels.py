# SPDX-License-Identifier: Apache-2.0
"""Streams and futures: values that arrive on a channel of their own, after the call or answer that holds them.

To send one, give what holds the contents. To receive one, read the Stream or await the Future before, or after, answering: it holds its channel."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Generator, Iterable
from typing import Any, Generic, TypeVar, cast

from .base import Codec, DecodeError, DecodeLimits, Decoder, EncodeError, Encoder, Incomplete, Sink, Source, put_unsigned, refuse_channels, take_unsigned
from .primitives import u32

T = TypeVar("T")

# What one chunk of ours holds at most; peers have buffers.
CHUNK_BYTES = 64 * 1024


class _Reader:
    """Values out of a channel whose messages may end anywhere. Holds at most one unfinished value."""

    def __init__(self, source: Source, limits: DecodeLimits) -> None:
        self._source: Source | None = source
        self._limits = limits
        self._data, self._at = b"", 0

    async def _fill(self, count: int) -> bool:
        """Reads until `count` unread bytes are there; false if the channel ends before."""
        if count > self._limits.element_bytes:
            raise DecodeError(f"one element of more than {self._limits.element_bytes} bytes")
        pieces = [self._data[self._at:]]
        have = len(pieces[0])
        while have < count:
            piece = None if self._source is None else await self._source.read()
            if piece is None:
                self.close()
                break
            pieces.append(piece)
            have += len(piece)
        self._data, self._at = b"".join(pieces), 0
        return have >= count

    async def take(self, codec: Codec[T]) -> T:
        """One value. EOFError if the channel ends before it begins, DecodeError if it ends within."""
        needed = 1
        while True:
            if len(self._data) - self._at < needed and not await self._fill(needed):
                if self._data:
                    raise DecodeError("the channel ends within a value")
                raise EOFError
            decoder = Decoder(self._data, self._limits)
            decoder.at = self._at
            try:
                value = codec.decode(decoder)
            except Incomplete as missing:
                # At a border of messages the value is tried again, but not before there can be enough of it.
                needed = len(self._data) - self._at + missing.needed
            else:
                self._at = decoder.at
                return value

    async def take_some(self, most: int) -> bytes:
        if self._at == len(self._data) and not await self._fill(1):
            raise EOFError
        start, self._at = self._at, min(self._at + most, len(self._data))
        return self._data[start:self._at]

    def close(self) -> None:
        source, self._source = self._source, None
        if source is not None:
            source.close()


class Stream(Generic[T]):
    """What a peer sends piece by piece; iterate over it with `async for`, once. Pieces of stream<u8> are bytes, of any length.

    Raises DecodeError when a piece is cut short, and what the connection raises when the peer is gone. A peer's stream that ends early at the border
    of two pieces cannot be told from a complete one; a Sender of ours cuts within a piece. Not read to the end: aclose() drops what still comes."""

    def __init__(self, pieces: AsyncIterator[T], close: Callable[[], None]) -> None:
        self._pieces, self._close = pieces, close

    def __aiter__(self) -> Stream[T]:
        return self

    async def __anext__(self) -> T:
        return await self._pieces.__anext__()

    async def read_all(self) -> list[T]:
        """Every piece that is left."""
        return [piece async for piece in self]

    async def aclose(self) -> None:
        self._close()


class Future(Generic[T]):
    """What a peer sends later; await it, as often as you like. Raises DecodeError when the peer ends without sending it."""

    def __init__(self, take: Callable[[], Awaitable[T]]) -> None:
        self._take: Callable[[], Awaitable[T]] | None = take
        self._value: T | None = None

    def __await__(self) -> Generator[Any, None, T]:
        return self._wait().__await__()

    async def _wait(self) -> T:
        if self._take is not None:
            self._value = await self._take()
            self._take = None
        return cast(T, self._value)


async def _pieces(reader: _Reader, take: Callable[[int], Awaitable[tuple[T, int]]]) -> AsyncIterator[T]:
    """Chunk by chunk. `take` has what is left of a chunk, and gives the next piece with its share of that."""
    while True:
        try:
            left = await reader.take(u32)
        except EOFError:
            return
        if left == 0:
            reader.close()
            return
        while left:
            try:
                piece, share = await take(left)
            except EOFError:
                raise DecodeError("the stream ends within a chunk") from None
            left -= share
            yield piece


def _elements(reader: _Reader, element: Codec[T]) -> AsyncIterator[T]:
    async def take(_: int) -> tuple[T, int]:
        return await reader.take(element), 1

    return _pieces(reader, take)


def _byte_pieces(reader: _Reader) -> AsyncIterator[bytes]:
    async def take(left: int) -> tuple[bytes, int]:
        piece = await reader.take_some(left)
        return piece, len(piece)

    return _pieces(reader, take)


async def _of_list(items: list[T]) -> AsyncIterator[T]:
    for item in items:
        yield item


async def _iterate(value: Any) -> AsyncIterator[Any]:
    if isinstance(value, AsyncIterable):
        async for item in value:
            yield item
    else:
        for item in value:
            yield item


@contextlib.asynccontextmanager
async def _ended(sink: Sink) -> AsyncIterator[None]:
    """Ends a stream: with `00`, or, when what fills it fails, with half a length, which no reader takes for an end (`01` some do, which have taken the length already)."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(Exception):
            await sink.write(b"\x80")
        raise
    await sink.write(b"\x00")


class _Stream(Codec[AsyncIterable[T] | Iterable[T]]):
    paths = frozenset({()})

    def __init__(self, element: Codec[T]) -> None:
        refuse_channels(element, "a stream")
        self._element = element

    def encode(self, value: AsyncIterable[T] | Iterable[T], out: Encoder) -> None:
        if not isinstance(value, (AsyncIterable, Iterable)):
            raise EncodeError(f"{value!r} is no stream")
        out.data.append(0)
        out.later(lambda sink: self._send(value, sink))

    async def _send(self, value: AsyncIterable[T] | Iterable[T], sink: Sink) -> None:
        # What is there already goes in large chunks, what comes piece by piece goes as it comes.
        at_once = CHUNK_BYTES if isinstance(value, Iterable) else 0
        async with _ended(sink):
            count, chunk = 0, Encoder()
            async for item in _iterate(value):
                self._element.encode(item, chunk)
                count += 1
                if len(chunk.data) >= at_once:
                    await self._flush(count, chunk, sink)
                    count, chunk = 0, Encoder()
            if count:
                await self._flush(count, chunk, sink)

    async def _flush(self, count: int, chunk: Encoder, sink: Sink) -> None:
        whole = Encoder()
        put_unsigned(count, whole)
        await sink.write(bytes(whole.data + chunk.data))

    def decode(self, source: Decoder) -> Stream[T]:
        count = source.elements(take_unsigned(source, 32), self._element.size)
        if count:
            return Stream(_of_list([self._element.decode(source) for _ in range(count)]), lambda: None)
        reader = _Reader(source.open(), source.limits)
        return Stream(_elements(reader, self._element), reader.close)


class _ByteStream(Codec[AsyncIterable[bytes] | Iterable[bytes] | bytes]):
    paths = frozenset({()})

    def encode(self, value: AsyncIterable[bytes] | Iterable[bytes] | bytes, out: Encoder) -> None:
        if isinstance(value, str) or not isinstance(value, (AsyncIterable, Iterable)):
            raise EncodeError(f"{value!r} is no stream of bytes")
        out.data.append(0)
        out.later(lambda sink: self._send([value] if isinstance(value, (bytes, bytearray)) else value, sink))

    async def _send(self, value: Any, sink: Sink) -> None:
        async with _ended(sink):
            async for piece in _iterate(value):
                for at in range(0, len(piece), CHUNK_BYTES):
                    part = bytes(piece[at:at + CHUNK_BYTES])
                    head = Encoder()
                    put_unsigned(len(part), head)
                    await sink.write(bytes(head.data) + part)

    def decode(self, source: Decoder) -> Stream[bytes]:
        data = source.take(take_unsigned(source, 32))
        if data:
            return Stream(_of_list([data]), lambda: None)
        reader = _Reader(source.open(), source.limits)
        return Stream(_byte_pieces(reader), reader.close)


class _Future(Codec[Awaitable[T]]):
    paths = frozenset({()})

    def __init__(self, content: Codec[T]) -> None:
        refuse_channels(content, "a future")
        self._content = content

    def encode(self, value: Awaitable[T], out: Encoder) -> None:
        if not isinstance(value, Awaitable):
            raise EncodeError(f"{value!r} cannot be awaited")
        out.data.append(0)
        out.later(lambda sink: self._send(value, sink))

    async def _send(self, value: Awaitable[T], sink: Sink) -> None:
        await sink.write(self._content.to_bytes(await value))

    def decode(self, source: Decoder) -> Future[T]:
        state = source.byte()
        if state > 1:
            raise DecodeError(f"{state} is neither a pending nor a resolved future")
        if state == 1:
            return ready(self._content.decode(source))
        reader = _Reader(source.open(), source.limits)

        async def take() -> T:
            try:
                value = await reader.take(self._content)
            except EOFError:
                raise DecodeError("the future ends without a value") from None
            reader.close()
            return value

        return Future(take)


def ready(value: T) -> Future[T]:
    """A future that is there already."""

    async def take() -> T:
        return value

    return Future(take)


def stream_of(element: Codec[T]) -> Codec[Any]:
    """stream<T>. Send any iterable, asynchronous or not; what is received is a Stream[T]. For stream<u8> see byte_stream."""
    return _Stream(element)


def future_of(content: Codec[T]) -> Codec[Any]:
    """future<T>. Send anything that can be awaited (ready(value) for one that is there); what is received is a Future[T]."""
    return _Future(content)


# stream<u8>. Send bytes or any iterable of bytes, asynchronous or not; what is received is a Stream[bytes].
byte_stream: Codec[Any] = _ByteStream()
