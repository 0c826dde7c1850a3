# SPDX-License-Identifier: Apache-2.0
"""Numbers, text and bytes. Fixed size: bool, u8, s8, f32, f64; everything else is LEB128 or begins with a length."""

from __future__ import annotations

import struct
from typing import cast

from .base import Codec, DecodeError, Decoder, EncodeError, Encoder, put_unsigned, take_unsigned


def _integer(value: int, least: int, most: int, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise EncodeError(f"{value!r} is no {name}")
    return value


class _Nothing(Codec[None]):
    size = 0
    nullable = True

    def encode(self, value: None, out: Encoder) -> None:
        if value is not None:
            raise EncodeError(f"{value!r} where there is no value")

    def decode(self, source: Decoder) -> None:
        return None


class _Bool(Codec[bool]):
    def encode(self, value: bool, out: Encoder) -> None:
        if not isinstance(value, bool):
            raise EncodeError(f"{value!r} is no bool")
        out.data.append(value)

    def decode(self, source: Decoder) -> bool:
        byte = source.byte()
        if byte > 1:
            raise DecodeError(f"{byte} is no bool")
        return byte == 1


class _Byte(Codec[int]):
    """u8 and s8 are one raw byte."""

    def __init__(self, name: str, least: int) -> None:
        self._name, self._least = name, least

    def encode(self, value: int, out: Encoder) -> None:
        out.data.append(_integer(value, self._least, self._least + 255, self._name) & 0xFF)

    def decode(self, source: Decoder) -> int:
        byte = source.byte()
        return byte - 256 if self._least and byte > 127 else byte


class _Unsigned(Codec[int]):
    def __init__(self, bits: int) -> None:
        self._bits = bits

    def encode(self, value: int, out: Encoder) -> None:
        put_unsigned(_integer(value, 0, (1 << self._bits) - 1, f"u{self._bits}"), out)

    def decode(self, source: Decoder) -> int:
        return take_unsigned(source, self._bits)


class _Signed(Codec[int]):
    """Signed LEB128 with one trap: peers in Rust check the last possible byte before they look at the sign, so they refuse a negative number of
    full length as the standard has it. They take it with the bits above the type's width cleared; that is what is sent. Both forms are read."""

    def __init__(self, bits: int) -> None:
        self._bits = bits
        self._most_bytes = -(-bits // 7)
        self._last_bits = bits - 7 * (self._most_bytes - 1)

    def encode(self, value: int, out: Encoder) -> None:
        half = 1 << (self._bits - 1)
        _integer(value, -half, half - 1, f"s{self._bits}")
        count = 1
        while not -64 <= value <= 63:
            out.data.append(value & 0x7F | 0x80)
            value >>= 7
            count += 1
        out.data.append(value & (0x7F if count < self._most_bytes else (1 << self._last_bits) - 1))

    def decode(self, source: Decoder) -> int:
        value = 0
        for index in range(self._most_bytes):
            byte = source.byte()
            value |= (byte & 0x7F) << (7 * index)
            if byte < 0x80:
                return self._with_sign(value, index + 1, byte)
        raise DecodeError(f"a number that does not fit {self._bits} bits")

    def _with_sign(self, value: int, count: int, last: int) -> int:
        if count < self._most_bytes:
            return value - (1 << (7 * count)) if last & 0x40 else value
        above = last >> self._last_bits
        negative = bool(last >> (self._last_bits - 1) & 1)
        if above != 0 and not (negative and above == 0x7F >> self._last_bits):
            raise DecodeError(f"a number that does not fit {self._bits} bits")
        value &= (1 << self._bits) - 1
        return value - (1 << self._bits) if negative else value


class _Float(Codec[float]):
    def __init__(self, form: str) -> None:
        self._form = struct.Struct(form)
        self.size = self._form.size

    def encode(self, value: float, out: Encoder) -> None:
        try:
            out.data += self._form.pack(value)
        except (struct.error, OverflowError) as error:
            raise EncodeError(f"{value!r} is no f{self.size * 8}") from error

    def decode(self, source: Decoder) -> float:
        return cast(float, self._form.unpack(source.take(self.size))[0])


class _Char(Codec[str]):
    def encode(self, value: str, out: Encoder) -> None:
        if not isinstance(value, str) or len(value) != 1 or 0xD800 <= ord(value) < 0xE000:
            raise EncodeError(f"{value!r} is no char")
        out.data += value.encode()

    def decode(self, source: Decoder) -> str:
        first = source.byte()
        more = 0 if first < 0x80 else 1 if first < 0xE0 else 2 if first < 0xF0 else 3
        source.at -= 1
        return _text(source.take(1 + more))


class _String(Codec[str]):
    def encode(self, value: str, out: Encoder) -> None:
        try:
            data = value.encode()
        except (AttributeError, UnicodeEncodeError) as error:
            raise EncodeError(f"{value!r} is no string") from error
        put_unsigned(len(data), out)
        out.data += data

    def decode(self, source: Decoder) -> str:
        return _text(source.take(take_unsigned(source, 32)))


class _Bytes(Codec[bytes]):
    """list<u8>, and the handles of resources: a length and so many bytes."""

    def encode(self, value: bytes, out: Encoder) -> None:
        if not isinstance(value, (bytes, bytearray, memoryview)):
            raise EncodeError(f"{value!r} are no bytes")
        put_unsigned(len(value), out)
        out.data += value

    def decode(self, source: Decoder) -> bytes:
        return source.take(take_unsigned(source, 32))


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise DecodeError("text that is not UTF-8") from error


nothing: Codec[None] = _Nothing()
bool_: Codec[bool] = _Bool()
u8: Codec[int] = _Byte("u8", 0)
s8: Codec[int] = _Byte("s8", -128)
u16: Codec[int] = _Unsigned(16)
u32: Codec[int] = _Unsigned(32)
u64: Codec[int] = _Unsigned(64)
s16: Codec[int] = _Signed(16)
s32: Codec[int] = _Signed(32)
s64: Codec[int] = _Signed(64)
f32: Codec[float] = _Float("<f")
f64: Codec[float] = _Float("<d")
char: Codec[str] = _Char()
string: Codec[str] = _String()
bytes_: Codec[bytes] = _Bytes()
# own<R> and borrow<R>: opaque to everybody but the one who exports R.
handle: Codec[bytes] = bytes_
