# SPDX-License-Identifier: Apache-2.0
"""What a codec is. There are no tags on the wire: both sides know the type, and a codec is that type.

A codec turns a Python value into bytes and back. What cannot be sent at once (streams, futures) leaves a single byte in its place and is sent on
a channel of its own, named by its path: the places that lead to it, as in parameter 0, field 1."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")

Path = tuple[int, ...]


class EncodeError(ValueError):
    """A value is not of the type that was declared. Nothing of it was sent."""


class DecodeError(ValueError):
    """Bytes of a peer are not what the declared type says."""


class Incomplete(DecodeError):
    """The bytes end before the value does; at least `needed` more are to come."""

    def __init__(self, needed: int = 1) -> None:
        super().__init__(f"the value is cut short: at least {needed} more bytes belong to it")
        self.needed = needed


class Sink(Protocol):
    """Where the contents of one nested channel go."""

    async def write(self, data: bytes) -> None: ...


class Source(Protocol):
    """Where the contents of one nested channel come from."""

    async def read(self) -> bytes | None:
        """Some more bytes, never none at all; None at the end of the channel."""

    def close(self) -> None:
        """Nobody reads on; what still comes is dropped."""


Send = Callable[[Sink], Awaitable[None]]


class Encoder:
    """The bytes of one channel as they grow, and what is to be sent on nested channels once those bytes are out."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.path: Path = ()
        self.pending: list[tuple[Path, Send]] = []

    def later(self, send: Send) -> None:
        """`send` fills the channel that belongs to the value being encoded."""
        self.pending.append((self.path, send))


@dataclass(frozen=True)
class DecodeLimits:
    """What a peer may make us hold: `items` elements of lists in one channel, `element_bytes` for one element of a stream or the value of a future."""

    items: int = 16 * 1024 * 1024
    element_bytes: int = 64 * 1024 * 1024


class Decoder:
    """A place in the bytes of one channel. Bounds are checked in take(), nowhere else. `channel` opens the nested channel of a path."""

    def __init__(self, data: bytes, limits: DecodeLimits = DecodeLimits(), channel: Callable[[Path], Source] | None = None) -> None:
        self.data = data
        self.at = 0
        self.path: Path = ()
        self.limits = limits
        self._items_left = limits.items
        self._channel = channel

    @property
    def left(self) -> int:
        return len(self.data) - self.at

    def take(self, count: int) -> bytes:
        if count > self.left:
            raise Incomplete(count - self.left)
        self.at += count
        return self.data[self.at - count:self.at]

    def byte(self) -> int:
        if self.at >= len(self.data):
            raise Incomplete
        self.at += 1
        return self.data[self.at - 1]

    def elements(self, count: int, size: int) -> int:
        """`count` as a peer states it, once it is known that so many elements of at least `size` bytes can be there and are not too many."""
        if count > self._items_left:
            raise DecodeError(f"more than {self.limits.items} list elements")
        if count * size > self.left:
            raise Incomplete(count * size - self.left)
        self._items_left -= count
        return count

    def finish(self) -> None:
        """Nothing may follow."""
        if self.left:
            raise DecodeError(f"{self.left} bytes after the end of the value")

    def open(self) -> Source:
        """The nested channel of the value being decoded."""
        if self._channel is None:
            raise DecodeError("a pending stream or future where there are no channels")
        return self._channel(self.path)


class Codec(Generic[T]):
    """A type of the component model.

    `size`: the least number of bytes a value takes. `paths`: where nested channels may be, seen from the value; () is the value itself.
    `nullable`: None is one of its values, so that option() cannot tell it from none."""

    size: int = 1
    paths: frozenset[Path] = frozenset()
    nullable: bool = False

    def encode(self, value: T, out: Encoder) -> None:
        """Appends the value. Raises EncodeError."""
        raise NotImplementedError

    def decode(self, source: Decoder) -> T:
        """Takes one value. Raises DecodeError."""
        raise NotImplementedError

    def to_bytes(self, value: T) -> bytes:
        """The value by itself. What is pending in it is lost."""
        out = Encoder()
        self.encode(value, out)
        return bytes(out.data)

    def from_bytes(self, data: bytes, limits: DecodeLimits = DecodeLimits()) -> T:
        """The value that these bytes are, all of them."""
        source = Decoder(data, limits)
        value = self.decode(source)
        source.finish()
        return value


AnyCodec = Codec[Any]


def below(index: int, paths: frozenset[Path]) -> frozenset[Path]:
    return frozenset((index, *path) for path in paths)


def refuse_channels(codec: AnyCodec, where: str) -> None:
    # Peers demultiplex by exact subject and refuse places that only the data tells (an index in a list).
    if codec.paths:
        raise TypeError(f"streams and futures cannot be inside {where}: no peer in a 1.x lattice reads them there")


def take_unsigned(source: Decoder, bits: int) -> int:
    value = shift = 0
    while True:
        byte = source.byte()
        value |= (byte & 0x7F) << shift
        if value >> bits or (shift + 7 >= bits and byte & 0x80):
            raise DecodeError(f"a number that does not fit {bits} bits")
        if byte < 0x80:
            return value
        shift += 7


def put_unsigned(value: int, out: Encoder) -> None:
    while value >= 0x80:
        out.data.append(value & 0x7F | 0x80)
        value >>= 7
    out.data.append(value)
