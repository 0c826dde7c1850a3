# SPDX-License-Identifier: Apache-2.0
"""Serving functions: one queue subscription each, one task for every call."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nats.aio.msg import Msg

from .client import TRACE_HEADERS, trace_context
from .codec import Decoder, Encoder
from .connection import Connection, Inbox, Outlet, send_pending
from .errors import TooMuchData

if TYPE_CHECKING:
    from .host_data import Link
    from .interface import Function

log = logging.getLogger("weft_provider")


@dataclass(frozen=True)
class Call:
    """Who calls. `link`: the link over which it came, if this provider was told of it."""

    source_id: str
    link_name: str
    headers: Mapping[str, str] = field(default_factory=dict)
    link: Link | None = None

    @property
    def link_config(self) -> Mapping[str, str]:
        """What the link configures on the provider's side; empty without a link."""
        return {} if self.link is None else self.link.config


Handler = Callable[..., Awaitable[Any]]
FindLink = Callable[[str, str, str], "Link | None"]


class Server:
    """Serves functions under `prefix`, shared with everybody else who does so. A call is accepted at once; the answer goes out after all parameters
    have come, as some callers lose an answer that is faster. Each failure of a handler ends in an empty answer, and a line in the log."""

    def __init__(self, connection: Connection, prefix: str, find_link: FindLink = lambda *_: None) -> None:
        self._connection, self._prefix, self._find_link = connection, prefix, find_link
        self._ends: list[Callable[[], Awaitable[None]]] = []
        self._calls: set[asyncio.Task[Any]] = set()

    async def serve(self, function: Function[..., Any], handler: Handler) -> None:
        def take(message: Msg) -> None:
            if not message.reply:
                log.warning("%s was called without an inbox for the answer", function)
                return
            task = self._connection.spawn(self._answer(function, handler, message), str(function))
            self._calls.add(task)
            task.add_done_callback(self._calls.discard)

        self._ends.append(await self._connection.subscribe(function.subject(self._prefix), take, queue=self._prefix))

    async def stop(self, seconds: float) -> None:
        """No new calls; those that have come have so long to end, and the server of NATS as long to hear of it."""
        ends, self._ends = self._ends, []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await asyncio.gather(*(end() for end in ends))
        if self._calls:
            await asyncio.wait(self._calls, timeout=seconds)

    async def _answer(self, function: Function[..., Any], handler: Handler, message: Msg) -> None:
        inbox = self._connection.inbox("params", function.parameters.paths)
        await self._connection.publish(message.reply, reply=inbox.subject, generation=inbox.generation)
        outlet = Outlet(self._connection, f"{message.reply}.results", inbox.generation)
        out = Encoder()
        try:
            if len(self._calls) > self._connection.limits.calls:
                raise TooMuchData(f"refused: {self._connection.limits.calls} calls are being served")
            arguments = await self._parameters(function, message.data, inbox)
            answer = await self._handle(function, handler, message.headers or {}, arguments)
            function.returns.encode((answer,), out)
            await outlet.write(bytes(out.data))
        finally:
            await outlet.end()
        await asyncio.gather(*send_pending(self._connection, inbox, message.reply, "results", out.pending))

    async def _parameters(self, function: Function[..., Any], first: bytes, inbox: Inbox) -> tuple[Any, ...]:
        limits = self._connection.limits
        data = first + await inbox.channel().read_all(limits.parameter_seconds, limits.value_bytes)
        source = Decoder(data, limits.decode, inbox.open)
        arguments = function.parameters.decode(source)
        source.finish()
        return arguments

    async def _handle(self, function: Function[..., Any], handler: Handler, headers: Mapping[str, str], arguments: tuple[Any, ...]) -> Any:
        source, link_name = headers.get("source-id", "<unknown>"), headers.get("link-name", "default")
        call = Call(source, link_name, headers, self._find_link(source, link_name, function.interface))
        # This task is the call's own, so nobody else sees what is set here.
        trace_context.set({name: headers[name] for name in TRACE_HEADERS if name in headers})
        return await handler(call, *arguments)
