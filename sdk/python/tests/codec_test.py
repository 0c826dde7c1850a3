# SPDX-License-Identifier: Apache-2.0
"""The value encoding: every byte example of the protocol notes, what decoders must refuse, and random values there and back."""

import asyncio
import enum
import math
import random
import struct
import unittest
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from support import main

from weft_provider.codec import (AnyCodec, Case, DecodeError, DecodeLimits, Decoder, EncodeError, Encoder, Err, Incomplete, Ok, Some, bool_, byte_stream,
                                 bytes_, char, enum_of, f32, f64, flags_of, future_of, handle, list_of, nested_option, nothing, option, ready, record, result,
                                 s8, s16, s32, s64, stream_of, string, tuple_of, u8, u16, u32, u64, variant)
from weft_provider.errors import ConnectionLost
from weft_provider.interface import Interface
from weft_provider.interfaces import http, keyvalue, messaging


class Color(enum.Enum):
    RED = "red"
    GREEN = "green"
    BLUE = "blue"
    PINK = "pink"
    WHITE = "white"



def flags(count: int) -> Any:
    return enum.Flag("Flags", [f"F{number}" for number in range(count)])


Ten, Seventeen = flags(10), flags(17)
Refused = list[tuple[AnyCodec, str]]
purge = variant({**{f"c{number}": None for number in range(9)}, "purge": string})


@dataclass(frozen=True)
class ObjectId:
    container: str
    object: str


object_id = record(ObjectId, container=string, object=string)
get_container_data = Interface("wrpc:blobstore/blobstore@0.2.0").function(
    "get-container-data", object_id, u64, u64, returns=result(tuple_of(byte_stream, future_of(result(nothing, string))), string))
write_container_data = Interface("wrpc:blobstore/blobstore@0.2.0").function(
    "write-container-data", object_id, byte_stream, returns=result(future_of(result(nothing, string)), string))

EXAMPLES: list[tuple[AnyCodec, Any, str]] = [
    (u8, 200, "c8"), (s8, -1, "ff"), (u16, 65535, "ffff03"),
    (u32, 0, "00"), (u32, 127, "7f"), (u32, 128, "8001"), (u32, 300, "ac02"), (u32, 624485, "e58e26"), (u32, 2**32 - 1, "ffffffff0f"),
    (u64, 2**64 - 1, "ffffffffffffffffff01"),
    (s16, -1, "7f"), (s16, 63, "3f"), (s16, 64, "c000"), (s16, -64, "40"), (s16, -65, "bf7f"),
    (s32, -123456, "c0bb78"), (s32, 2147483647, "ffffffff07"), (s64, 2**63 - 1, "ffffffffffffffffff00"),
    (f32, 1.5, "0000c03f"), (f64, -2.25, "00000000000002c0"),
    (char, "é", "c3a9"), (char, "€", "e282ac"), (char, "\U0001F600", "f09f9880"),
    (string, "hello", "0568656c6c6f"), (string, "é", "02c3a9"), (string, "", "00"),
    (bool_, False, "00"), (bool_, True, "01"), (nothing, None, ""),
    # The masked form of negative numbers that take all bytes.
    (s16, -8193, "ffbf03"), (s16, -32768, "808002"), (s32, -134217729, "ffffffbf0f"), (s32, -2147483648, "8080808008"),
    (s64, -2**62 - 1, "ffffffffffffffffbf01"), (s64, -2**63, "80808080808080808001"),
    (list_of(u32), [1, 300, 0], "0301ac0200"), (bytes_, b"\x01\xff", "0201ff"), (list_of(u8), [1, 255], "0201ff"),
    (list_of(string), ["a", "", "bc"], "03016100026263"),
    (option(u32), None, "00"), (option(u32), 300, "01ac02"),
    (result(nothing, string), Ok(), "00"), (result(nothing, string), Err("no"), "01026e6f"),
    (tuple_of(u8, u32, string, bool_), (0x42, 300, "x", True), "42ac02017801"),
    (tuple_of(bool_, u8, string, u32, tuple_of(result(bool_, string))), (True, 0xFE, "test", 0x42, (Ok(True),)), "01fe0474657374420001"),
    (purge, Case("purge", "PURGE"), "09055055524745"), (enum_of(Color), Color.WHITE, "04"),
    (variant({f"c{number}": None for number in range(131)}), Case("c130"), "8201"),
    (flags_of(Ten), Ten.F0 | Ten.F9, "0102"), (flags_of(Seventeen), Seventeen.F16, "000001"),
    (handle, bytes.fromhex("deadbeef"), "04deadbeef"),
    (keyvalue.get.parameters, ("default", "counter"), "0764656661756c7407636f756e746572"),
    (keyvalue.get.returns, (Ok(b"42"),), "0001023432"), (keyvalue.get.returns, (Ok(None),), "0000"),
    (keyvalue.get.returns, (Err(Case("other", "boom")),), "010204626f6f6d"), (keyvalue.get.returns, (Err(Case("no-such-store")),), "0100"),
    (keyvalue.set_.parameters, ("default", "k", b"v"), "0764656661756c74016b0176"),
    (keyvalue.increment.parameters, ("default", "counter", 1), "0764656661756c7407636f756e74657201"), (keyvalue.increment.returns, (Ok(300),), "00ac02"),
    (keyvalue.list_keys.parameters, ("default", None), "0764656661756c7400"),
    (keyvalue.list_keys.returns, (Ok(keyvalue.KeyResponse(["a", "b"], None)),), "00020161016200"),
    (keyvalue.get_many.returns, (Ok([("a", b"1"), None]),), "00020101610131" "00"),
    (messaging.broker_message, messaging.BrokerMessage("orders", b"hi", "_INBOX.a"), "066f7264657273026869" "01085f494e424f582e61"),
    (object_id, ObjectId("photos", "cat.png"), "0670686f746f73076361742e706e67"),
    (get_container_data.parameters, (ObjectId("photos", "cat.png"), 0, 1023), "0670686f746f73076361742e706e67" "00ff07"),
    (option(http.request_options), http.RequestOptions(600 * 10**9, 600 * 10**9, 600 * 10**9), "01" + "0180e0a596bb11" * 3),
    (http.handle.returns, (Err(Case("internal-error", "oops")),), "01" "26" "01046f6f7073"),
    (http.handle.returns, (Err(Case("connection-refused")),), "0106"),
    (option(http.fields), None, "00"), (option(http.fields), [("x-t", [b"1"])], "01" "0103782d740101" "31"),
]

REQUEST = http.Request(Case("get"), "/hi?x=1", "localhost:8000", Case("HTTP"), [("accept", [b"*/*"])])
REQUEST_BYTES = ("00" "00" "00" "01072f68693f783d31" "0100" "010e6c6f63616c686f73743a38303030" "01" "06616363657074" "01032a2f2a")
RESPONSE = http.Response(200, [("content-type", [b"text/plain"])])
RESPONSE_BYTES = "00" "0000" "c801" "010c636f6e74656e742d74797065010a746578742f706c61696e"


class Channel:
    """A source of nested bytes, in the pieces given, and a sink that keeps them."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = list(pieces)
        self.closed = False

    async def read(self) -> bytes | None:
        return self.pieces.pop(0) if self.pieces else None

    def close(self) -> None:
        self.closed = True

    async def write(self, data: bytes) -> None:
        self.pieces.append(data)


def encoded(codec: AnyCodec, value: Any) -> Encoder:
    out = Encoder()
    codec.encode(value, out)
    return out


async def sent(codec: AnyCodec, value: Any) -> list[bytes]:
    """What goes out on the one nested channel of a value."""
    sink = Channel()
    ((_, send),) = encoded(codec, value).pending
    await send(sink)
    return sink.pieces


def received(codec: AnyCodec, *pieces: bytes, limits: DecodeLimits = DecodeLimits()) -> Any:
    return codec.decode(Decoder(b"\x00", limits, lambda _: Channel(*pieces)))


class ValueTest(unittest.TestCase):
    def test_examples(self) -> None:
        for codec, value, hexadecimal in EXAMPLES:
            with self.subTest(value=value):
                self.assertEqual(codec.to_bytes(value).hex(), hexadecimal)
                self.assertEqual(codec.from_bytes(bytes.fromhex(hexadecimal)), value)

    def test_the_standard_form_of_negative_numbers_is_read_as_well(self) -> None:
        for codec, value, hexadecimal in [(s16, -8193, "ffbf7f"), (s16, -32768, "80807e"), (s32, -134217729, "ffffffbf7f"),
                                          (s32, -2147483648, "8080808078"), (s64, -2**62 - 1, "ffffffffffffffffbf7f"),
                                          (s64, -2**63, "8080808080808080807f"), (s32, 1, "8100"), (s32, -1, "ffffffff7f"), (s32, -1, "ffffffff0f"),
                                          (u32, 1, "8180808000"), (u16, 1, "818000")]:
            with self.subTest(value=value, hexadecimal=hexadecimal):
                self.assertEqual(codec.from_bytes(bytes.fromhex(hexadecimal)), value)

    def test_what_is_no_value_is_refused(self) -> None:
        refused: Refused = [(u16, "ffff04"), (u16, "80808000"), (u32, "ffffffff10"), (u32, "808080808000"), (u64, "ffffffffffffffffff02"),
                                   (s16, "ffff08"), (s16, "80807c"), (s32, "ffffffff1f"), (s32, "ffffffff77"), (s32, "808080808000"),
                                   (s64, "ffffffffffffffffff03"), (s64, "8080808080808080807e"),
                                   (bool_, "02"), (option(u8), "02"), (result(nothing, nothing), "02"), (enum_of(Color), "05"), (purge, "0a"),
                                   (flags_of(Ten), "0004"), (flags_of(Seventeen), "000002"),
                                   (string, "01ff"), (string, "02c328"), (char, "c0af"), (char, "eda080"), (char, "f4908080"), (char, "80"),
                                   (string, "056869"), (bytes_, "0568"), (list_of(u32), "0201"), (f32, "000000"), (f64, ""), (char, "e282"), (u8, ""),
                                   (option(u32), "01"), (u32, "80"), (u8, "0000"), (string, "016162")]
        for codec, hexadecimal in refused:
            with self.subTest(hexadecimal=hexadecimal), self.assertRaises(DecodeError):
                codec.from_bytes(bytes.fromhex(hexadecimal))

    def test_a_stated_length_allocates_nothing(self) -> None:
        huge = bytes.fromhex("ffffffff0f")
        for codec in (list_of(u8), list_of(tuple_of(u64, f64)), bytes_, string, list_of(list_of(u8))):
            with self.assertRaises(DecodeError):
                codec.from_bytes(huge + b"\x00" * 100)
            with self.assertRaises(Incomplete):
                codec.from_bytes(b"\xff\xff\xff\x07" + b"\x00" * 100)
        with self.assertRaisesRegex(DecodeError, "elements"):
            list_of(list_of(bool_)).from_bytes(b"\x03" + b"\x03\x00\x00\x00" * 3, DecodeLimits(items=10))
        self.assertEqual(len(list_of(list_of(bool_)).from_bytes(b"\x03" + b"\x03\x00\x00\x00" * 3, DecodeLimits(items=12))), 3)

    def test_what_is_not_of_the_type_is_not_sent(self) -> None:
        wrong: list[tuple[AnyCodec, Any]] = [(u8, 256), (u8, -1), (s8, 128), (u32, 2**32), (u32, True), (u32, 1.0), (s16, -32769), (s64, 2**63),
                                             (bool_, 1), (char, ""),
                             (char, "ab"), (char, "\ud800"), (string, b"x"), (string, "\ud800"), (bytes_, "x"), (bytes_, [1]), (f32, "1"), (f32, 1e300),
                             (list_of(string), "abc"), (list_of(u8), 1), (tuple_of(u8, u8), (1,)), (tuple_of(u8), [1]), (purge, Case("none")),
                             (purge, "purge"), (purge, Case("c1", 1)), (enum_of(Color), "red"), (flags_of(Ten), 1), (flags_of(Ten), Seventeen.F16),
                             (result(u8, u8), 1), (nothing, 0), (nested_option(option(u8)), 1), (object_id, 1), (byte_stream, "text"), (stream_of(u8), 1),
                             (future_of(u8), 1)]
        for codec, value in wrong:
            with self.subTest(value=value), self.assertRaises(EncodeError):
                codec.to_bytes(value)

    def test_options_in_options_keep_what_is_there_apart(self) -> None:
        with self.assertRaises(TypeError):
            option(option(u8))
        codec: AnyCodec = nested_option(option(u8))
        for value, hexadecimal in [(None, "00"), (Some(None), "0100"), (Some(5), "010105")]:
            self.assertEqual(codec.to_bytes(value).hex(), hexadecimal)
            self.assertEqual(codec.from_bytes(bytes.fromhex(hexadecimal)), value)

    def test_types_that_cannot_be(self) -> None:
        shuffled = enum.Flag("shuffled", {"A": 2, "B": 1})
        for make in (lambda: list_of(byte_stream), lambda: stream_of(future_of(u8)), lambda: future_of(byte_stream), lambda: list_of(nothing),
                     lambda: variant({}), lambda: flags_of(shuffled)):
            with self.assertRaises(TypeError):
                make()

    def test_a_nan_stays_one(self) -> None:
        self.assertTrue(math.isnan(f64.from_bytes(f64.to_bytes(math.nan))))
        self.assertTrue(math.isnan(f32.from_bytes(bytes.fromhex("010080ff"))))

    def test_random_values_come_back(self) -> None:
        seed = random.randrange(2**32)
        draw = random.Random(seed)
        for _ in range(2000):
            codec, value = random_value(draw, 4)
            data = codec.to_bytes(value)
            self.assertEqual(codec.from_bytes(data), value, f"seed {seed}")
            with self.assertRaises(DecodeError, msg=f"seed {seed}"):
                codec.from_bytes(data + b"\x00")

    def test_random_bytes_are_read_or_refused(self) -> None:
        seed = random.randrange(2**32)
        draw = random.Random(seed)
        for _ in range(5000):
            codec, _ = random_value(draw, 4)
            data = draw.randbytes(draw.randrange(20))
            try:
                value = codec.from_bytes(data)
            except DecodeError:
                continue
            again = codec.to_bytes(value)
            self.assertEqual(codec.to_bytes(codec.from_bytes(again)), again, f"seed {seed}")


def random_value(draw: random.Random, depth: int) -> tuple[AnyCodec, Any]:
    """A type and a value of it."""
    bits = draw.choice((16, 32, 64))
    plain: list[tuple[AnyCodec, Any]] = [
        (bool_, draw.random() < 0.5), (u8, draw.randrange(256)), (s8, draw.randrange(-128, 128)),
        ({16: u16, 32: u32, 64: u64}[bits], draw.randrange(2**bits) >> draw.randrange(bits)),
        ({16: s16, 32: s32, 64: s64}[bits], draw.randrange(-2**(bits - 1), 2**(bits - 1)) >> draw.randrange(bits)),
        (f32, struct.unpack("<f", struct.pack("<f", draw.uniform(-1e6, 1e6)))[0]), (f64, draw.uniform(-1e300, 1e300)),
        (char, draw.choice("aé€😀\0")), (string, "".join(draw.choices("aé€😀\0", k=draw.randrange(200)))),
        (bytes_, draw.randbytes(draw.randrange(200))),
        (enum_of(Color), draw.choice(list(Color))), (flags_of(Ten), Ten(draw.randrange(1024)))]
    if depth == 0 or draw.random() < 0.3:
        return draw.choice(plain)
    codec, value = random_value(draw, depth - 1)
    other, another = random_value(draw, depth - 1)
    composed: list[tuple[AnyCodec, Any]] = [
        (list_of(codec), [value] * draw.randrange(8)), (tuple_of(codec, other), (value, another)), (nested_option(codec), draw.choice([None, Some(value)])),
        (result(codec, other), draw.choice([Ok(value), Err(another)])), (variant({"a": None, "b": codec, "c": other}), draw.choice(
            [Case("a"), Case("b", value), Case("c", another)]))]
    return draw.choice(composed)


class ChannelTest(unittest.IsolatedAsyncioTestCase):
    def test_heads_of_http_messages(self) -> None:
        out = encoded(http.request, REQUEST)
        self.assertEqual((out.data.hex(), [path for path, _ in out.pending]), (REQUEST_BYTES, [(0,), (1,)]))
        self.assertEqual(len(out.data), 43)
        out = encoded(http.handle.returns, (Ok(RESPONSE),))
        self.assertEqual((out.data.hex(), [path for path, _ in out.pending]), (RESPONSE_BYTES, [(0, 0), (0, 1)]))
        self.assertEqual(len(out.data), 31)
        opened = []
        request = http.request.decode(Decoder(bytes.fromhex(REQUEST_BYTES), DecodeLimits(), lambda path: opened.append(path) or Channel()))  # type: ignore
        self.assertEqual((request.authority, request.headers, opened), ("localhost:8000", [("accept", [b"*/*"])], [(0,), (1,)]))

    def test_heads_of_blobstore_messages(self) -> None:
        async def empty() -> Any:
            return Ok()

        status = asyncio.run(self._future(empty))
        out = encoded(get_container_data.returns, (Ok((b"", status)),))
        self.assertEqual((out.data.hex(), [path for path, _ in out.pending]), ("000000", [(0, 0), (0, 1)]))
        out = encoded(write_container_data.parameters, (ObjectId("photos", "cat.png"), b""))
        self.assertEqual((out.data.hex(), [path for path, _ in out.pending]), ("0670686f746f73076361742e706e67" "00", [(1,)]))

    @staticmethod
    async def _future(make: Any) -> Any:
        return ready(await make())

    def test_paths_of_functions(self) -> None:
        for function, parameters, answer in [(http.handle, {(0, 0), (0, 1)}, {(0, 0), (0, 1)}), (http.handle_outgoing, {(0, 0), (0, 1)}, {(0, 0), (0, 1)}),
                                             (get_container_data, set(), {(0, 0), (0, 1)}), (write_container_data, {(1,)}, {(0,)}),
                                             (keyvalue.get, set(), set())]:
            self.assertEqual((set(function.parameters.paths), set(function.returns.paths)), (parameters, answer))  # type: ignore[attr-defined]

    async def test_futures(self) -> None:
        self.assertEqual(await future_of(u32).from_bytes(bytes.fromhex("01ac02")), 300)
        self.assertEqual(future_of(u32).to_bytes(ready(300)), b"\x00")
        self.assertEqual(await sent(future_of(u32), ready(300)), [bytes.fromhex("ac02")])
        later = received(future_of(u32), b"\xac", b"\x02")
        self.assertEqual((await later, await later), (300, 300))
        with self.assertRaises(DecodeError):
            await received(future_of(u32))
        with self.assertRaises(DecodeError):
            await received(future_of(u32), b"\xac")

    async def test_streams_as_they_are_sent(self) -> None:
        self.assertEqual(await sent(stream_of(string), ["a", "b"]), [bytes.fromhex("0201610162"), b"\x00"])
        self.assertEqual(await sent(byte_stream, b"hi"), [b"\x02hi", b"\x00"])
        self.assertEqual(await sent(byte_stream, b""), [b"\x00"])
        self.assertEqual(await sent(stream_of(u8), []), [b"\x00"])
        self.assertEqual(await sent(byte_stream, [b"a", b"", b"b"]), [b"\x01a", b"\x01b", b"\x00"])

        async def pieces() -> Any:
            yield "a"
            yield "b"

        self.assertEqual(await sent(stream_of(string), pieces()), [b"\x01\x01a", b"\x01\x01b", b"\x00"])
        # Large contents go in chunks.
        chunks = await sent(byte_stream, b"x" * 200_000)
        self.assertEqual([len(chunk) for chunk in chunks], [3 + 65536, 3 + 65536, 3 + 65536, 2 + 200_000 - 3 * 65536, 1])

    async def test_streams_as_they_come(self) -> None:
        self.assertEqual(await byte_stream.from_bytes(b"\x02hi").read_all(), [b"hi"])
        self.assertEqual(await stream_of(string).from_bytes(b"\x02\x01a\x01b").read_all(), ["a", "b"])
        whole = bytes.fromhex("0201610162" "01036c6f6e" "00")
        for size in range(1, len(whole) + 1):
            pieces = [whole[at:at + size] for at in range(0, len(whole), size)]
            self.assertEqual(await received(stream_of(string), *pieces).read_all(), ["a", "b", "lon"])
        # After the end, anything; and an end without its mark.
        self.assertEqual(b"".join(await received(byte_stream, b"\x01a\x01b\x00", b"\x00", b"\x01c").read_all()), b"ab")
        self.assertEqual(b"".join(await received(byte_stream, b"\x01a", b"\x01b").read_all()), b"ab")

    async def test_a_stream_that_is_cut_is_not_taken_for_a_whole_one(self) -> None:
        for codec, pieces in [(byte_stream, [b"\x05hi"]), (byte_stream, [b"\x02hi\x01"]), (stream_of(string), [b"\x02\x01a"]),
                              (stream_of(string), [b"\x01\x02a"]), (stream_of(u32), [b"\x01"]), (stream_of(u32), [b"\x80"])]:
            with self.assertRaises(DecodeError):
                await received(codec, *pieces).read_all()

        async def fails() -> Any:
            yield b"part"
            raise ConnectionLost("where it comes from")

        sink = Channel()
        ((_, send),) = encoded(byte_stream, fails()).pending
        with self.assertRaises(ConnectionLost):
            await send(sink)
        with self.assertRaises(DecodeError):
            await received(byte_stream, *sink.pieces).read_all()

    async def test_an_element_has_a_limit_and_a_stream_none(self) -> None:
        limits = DecodeLimits(element_bytes=1000)
        with self.assertRaises(DecodeError):
            await received(stream_of(string), b"\x01\xe8\x07", b"x" * 999, b"x", limits=limits).read_all()
        pieces = [b"\x01\x64" + b"x" * 100] * 50
        self.assertEqual(len(await received(stream_of(string), *pieces, limits=limits).read_all()), 50)
        with self.assertRaises(DecodeError):
            await received(future_of(bytes_), b"\xe8\x07", *[b"x" * 100] * 20, limits=limits)

    async def test_streams_of_records_cut_anywhere(self) -> None:
        codec: AnyCodec = tuple_of(string, list_of(u32), option(bytes_))
        values: Sequence[Any] = [("a" * length, list(range(length)), b"x" * length) for length in range(40)]
        whole = b"".join(await sent(stream_of(codec), values))
        draw = random.Random(7)
        at, pieces = 0, []
        while at < len(whole):
            size = draw.randrange(1, 60)
            pieces.append(whole[at:at + size])
            at += size
        self.assertEqual(await received(stream_of(codec), *pieces).read_all(), values)

    async def test_closing_drops_the_channel(self) -> None:
        channel = Channel(b"\x01a")
        stream = byte_stream.decode(Decoder(b"\x00", DecodeLimits(), lambda _: channel))
        await stream.aclose()
        self.assertTrue(channel.closed)
        self.assertEqual(await stream.read_all(), [])
        with self.assertRaises(DecodeError):
            byte_stream.from_bytes(b"\x00")


if __name__ == "__main__":
    main()
