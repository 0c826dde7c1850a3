# SPDX-License-Identifier: Apache-2.0
"""An interface with a function of every kind, and what serves it: what the tests of the transport call."""

import asyncio
import gc
from typing import Any

from support import DEADLINE, IMPATIENT, LatticeTest

from weft_provider import Call, Connection, DecodeError, Err, Interface, Lattice, Limits, Ok, Server
from weft_provider.codec import byte_stream, bytes_, future_of, list_of, nothing, ready, result, s64, stream_of, string, tuple_of, u32, u64

echo = Interface("test:transport/echo@0.1.0")
echo_bytes = echo.function("echo-bytes", bytes_, returns=bytes_)
add = echo.function("add", u32, u32, returns=u32)
negate = echo.function("negate", s64, returns=s64)
pause = echo.function("pause", returns=nothing)
name = echo.function("name", returns=string)
fail = echo.function("fail", string, returns=result(nothing, string))
double = echo.function("double", stream_of(string), returns=stream_of(string))
upload = echo.function("upload", string, byte_stream, returns=result(future_of(result(u64, string)), string))
download = echo.function("download", u32, u32, returns=result(tuple_of(byte_stream, future_of(result(nothing, string))), string))
whoami = echo.function("whoami", returns=list_of(string))
at_root = Interface("").function("at-root", u32, returns=u32)
method = echo.function("[method]thing.touch", bytes_, returns=u32)


class Echo:
    """What the tests serve. `gate` holds back whoever asks to pause."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.calls: list[Call] = []

    async def serve(self, server: Server) -> None:
        for function in (echo_bytes, add, negate, pause, name, fail, double, upload, download, whoami, at_root, method):
            # A method of this class has the name of the variable.
            await server.serve(function, getattr(self, next(key for key, value in globals().items() if value is function)))

    async def echo_bytes(self, _: Call, value: bytes) -> bytes:
        return value

    async def add(self, _: Call, a: int, b: int) -> int:
        return a + b

    async def negate(self, _: Call, value: int) -> int:
        return -value

    async def pause(self, _: Call) -> None:
        await self.gate.wait()

    async def name(self, _: Call) -> str:
        return "echo"

    async def fail(self, _: Call, text: str) -> Any:
        if text == "raise":
            raise RuntimeError("as told")
        return Err(text) if text != "wrong type" else 5

    async def double(self, _: Call, texts: Any) -> Any:
        async def twice() -> Any:
            async for text in texts:
                yield text + text

        return twice()

    async def upload(self, _: Call, into: str, data: Any) -> Any:
        if into == "nowhere":
            return Err("there is no such place")

        async def count() -> Any:
            try:
                return Ok(sum([len(piece) async for piece in data]))
            except DecodeError as error:
                return Err(str(error))

        return Ok(count())

    async def download(self, _: Call, size: int, then_fails: int) -> Any:
        async def pieces() -> Any:
            for _ in range(size // 1000):
                yield b"x" * 1000
            if then_fails:
                raise RuntimeError("the disk is gone")

        return Ok((pieces(), ready(Err("the disk is gone") if then_fails else Ok())))

    async def whoami(self, call: Call) -> list[str]:
        self.calls.append(call)
        return [call.source_id, call.link_name]

    async def at_root(self, _: Call, value: int) -> int:
        return value

    async def method(self, _: Call, thing: bytes) -> int:
        return len(thing)


class TransportTest(LatticeTest):
    async def asyncSetUp(self) -> None:
        self.echo = Echo()
        self.client = await self.lattice(Limits(accept_seconds=DEADLINE, answer_seconds=DEADLINE))
        self.target = self.client.target("echo")

    async def serve(self, limits: Limits = Limits()) -> Connection:
        connection = await self.connection(limits)
        await self.echo.serve(Server(connection, f"{self.lattice_name}.echo"))
        await connection.flush()
        return connection

    async def impatient(self) -> Lattice:
        return Lattice(await self.connection(IMPATIENT), self.lattice_name)

    def inboxes(self, connection: Connection) -> int:
        gc.collect()
        return len(connection._inboxes)
