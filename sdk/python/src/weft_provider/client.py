# SPDX-License-Identifier: Apache-2.0
"""Calls to components and providers."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import AsyncIterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .codec import Decoder, Encoder, Incomplete
from .connection import Connection, Inbox, Limits, Outlet, send_pending
from .errors import CalleeFailed, ConnectionLost

if TYPE_CHECKING:
    from .interface import Function

# The trace that a call being served belongs to; calls made while serving it carry it on.
TRACE_HEADERS = ("traceparent", "tracestate")
trace_context: ContextVar[Mapping[str, str]] = ContextVar("weft_trace_context", default={})


@dataclass(frozen=True)
class Target:
    """Someone in the lattice who can be called, and as whom: the headers say who calls, over which link."""

    connection: Connection
    prefix: str
    headers: Mapping[str, str] = field(default_factory=dict)
    answer_seconds: float | None = None

    def within(self, seconds: float) -> Target:
        """The same, with another limit to how long the answer may take."""
        return dataclasses.replace(self, answer_seconds=seconds)

    async def invoke(self, function: Function[..., Any], arguments: tuple[Any, ...]) -> Any:
        """One call. Raises EncodeError (before anything is sent), CallError, DecodeError."""
        out = Encoder()
        function.parameters.encode(arguments, out)
        limits = self.connection.limits
        inbox = self.connection.inbox("results", function.answer_paths)
        peer = await self._begin(function, bytes(out.data), inbox)
        senders = send_pending(self.connection, inbox, peer, "params", out.pending)
        try:
            seconds = limits.answer_seconds if self.answer_seconds is None else self.answer_seconds
            data = await inbox.channel().read_all(seconds, limits.value_bytes)
            return self._decode(function, data, inbox)
        except BaseException:
            for sender in senders:
                sender.cancel()
            raise

    async def _begin(self, function: Function[..., Any], parameters: bytes, inbox: Inbox) -> str:
        """Sends the call and all its parameters; the callee's inbox."""
        headers = {**trace_context.get(), **self.headers}
        first = max(0, self.connection.max_payload - len(inbox.subject) - header_size(headers))
        await self.connection.publish(function.subject(self.prefix), parameters[:first], reply=inbox.subject, headers=headers,
                                      generation=inbox.generation)
        peer = await inbox.peer()
        outlet = Outlet(self.connection, f"{peer}.params", inbox.generation)
        await outlet.write(parameters[first:])
        # Also when all of them fitted the first message: callees wait for it.
        await outlet.end()
        return peer

    @staticmethod
    def _decode(function: Function[..., Any], data: bytes, inbox: Inbox) -> Any:
        if not data and function.returns.size:
            raise CalleeFailed(f"{function}: no answer came; the callee failed")
        source = Decoder(data, inbox.limits.decode, inbox.open)
        try:
            answer = function.returns.decode(source)[0]
        except Incomplete as error:
            raise CalleeFailed(f"{function}: the answer is cut short; the callee failed") from error
        source.finish()
        return answer


def header_size(headers: Mapping[str, str]) -> int:
    """What headers take of the largest message: 12 bytes, and each with its `: ` and line end."""
    return 12 + sum(len(key.encode()) + len(value.encode()) + 4 for key, value in headers.items()) if headers else 0


class Lattice:
    """A lattice as one sees it who calls others and serves nothing."""

    def __init__(self, connection: Connection, name: str) -> None:
        self.connection, self.name = connection, name

    def target(self, id_: str, *, source_id: str | None = None, link_name: str | None = None) -> Target:
        """A component or provider by its id. Providers know their links by who calls (`source_id`) and the link's name."""
        headers = {"source-id": source_id, "link-name": link_name}
        return Target(self.connection, f"{self.name}.{id_}", {key: value for key, value in headers.items() if value is not None})


@contextlib.asynccontextmanager
async def connect(url: str = "", lattice: str = "default", *, jwt: str = "", seed: str = "", limits: Limits = Limits()) -> AsyncIterator[Lattice]:
    """A lattice to call into, for the time of an `async with`. Raises ConnectionLost when the server cannot be reached."""
    connection = await Connection.open(url, name="weft_provider client", jwt=jwt, seed=seed, limits=limits)
    try:
        yield Lattice(connection, lattice)
    finally:
        with contextlib.suppress(ConnectionLost):
            await connection.close()
