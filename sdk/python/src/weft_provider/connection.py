# SPDX-License-Identifier: Apache-2.0
"""One connection to a lattice, and the channels of the calls that pass over it, in both directions.

A call has an inbox at each end and on it channels: ordered streams of bytes, each a subject, ended by an empty message. One wildcard subscription
brings everything for all inboxes of this connection; what belongs to no open channel is dropped, as peers send stray ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import weakref
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from .codec import DecodeError, DecodeLimits, Path, Send
from .errors import CallError, CallTimeout, ConnectionLost, NobodyListens, ProtocolError, TooMuchData

log = logging.getLogger("weft_provider")

# What a queued message costs besides its bytes, so that many small ones count as well.
_MESSAGE_COST = 128


@dataclass(frozen=True)
class Limits:
    """What peers may cost. Bytes are per channel; exceeding one fails the call it belongs to and no other."""

    accept_seconds: float = 10.0  # until a callee says that it takes a call; a spy in the lattice keeps "nobody listens" away
    answer_seconds: float = 60.0  # from there until its answer is complete, streams not counted
    parameter_seconds: float = 60.0  # until a caller's parameters are complete, streams not counted
    idle_seconds: float = 600.0  # between two messages of a stream
    value_bytes: int = 64 * 1024 * 1024  # parameters or results of one call
    queued_bytes: int = 64 * 1024 * 1024  # of a stream that is not read as fast as it comes
    calls: int = 1024  # served at the same time; what comes beyond is refused
    decode: DecodeLimits = field(default_factory=DecodeLimits)


class Channel:
    """One direction of bytes. Its queue has a limit, beyond which the channel fails; the connection's reader never waits for anybody."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._queue: deque[bytes] = deque()
        self._queued = 0
        self._ended = False
        self._closed = False
        self._error: CallError | None = None
        self._wake = asyncio.Event()

    def put(self, data: bytes) -> None:
        if self._ended or self._closed or self._error is not None:
            return
        self._ended = not data
        self._queue.append(data)
        self._queued += len(data) + _MESSAGE_COST
        if self._queued > self._limits.queued_bytes:
            self.fail(TooMuchData(f"more than {self._limits.queued_bytes} bytes wait to be read"))
        self._wake.set()

    def fail(self, error: CallError) -> None:
        """What has not been read yet is lost. A channel that has come to its end stays whole."""
        if not self._ended or isinstance(error, TooMuchData):
            self._error = error
            self._queue.clear()
            self._wake.set()

    async def read(self) -> bytes | None:
        """The next message; None at the end. Raises CallError."""
        return await self.read_within(self._limits.idle_seconds)

    async def read_within(self, seconds: float) -> bytes | None:
        while not self._queue:
            if self._error is not None:
                raise self._error
            if self._ended or self._closed:
                return None
            self._wake.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._wake.wait()
            except TimeoutError:
                raise CallTimeout("the peer does not go on") from None
        data = self._queue.popleft()
        self._queued -= len(data) + _MESSAGE_COST
        return data or None

    async def read_all(self, seconds: float, most: int) -> bytes:
        """Everything until the end of the channel, which must come within `seconds` and `most` bytes."""
        data = bytearray()
        deadline = asyncio.get_running_loop().time() + seconds
        while (piece := await self.read_within(deadline - asyncio.get_running_loop().time())) is not None:
            data += piece
            if len(data) > most:
                raise TooMuchData(f"parameters or results of more than {most} bytes")
        return bytes(data)

    def close(self) -> None:
        self._closed = True
        self._queue.clear()
        self._wake.set()


class OpenChannel:
    """A channel as a stream or future reads it. Holds the call's inbox open for as long as somebody may still read."""

    def __init__(self, inbox: Inbox, channel: Channel) -> None:
        self._inbox: Inbox | None = inbox
        self._channel = channel

    async def read(self) -> bytes | None:
        return await self._channel.read()

    def close(self) -> None:
        self._channel.close()
        self._inbox = None


class Inbox:
    """This end of one call. It is open for as long as it is referenced: the connection itself does not keep it."""

    def __init__(self, connection: Connection, subject: str, root: str, paths: Iterable[Path]) -> None:
        self.subject = subject
        self.generation = connection.generation
        self.limits = connection.limits
        self._root = root
        self.accepted: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        # A failure that nobody waits for is none: the inbox may be a server's.
        self.accepted.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._channels = {_channel_name(root, path): Channel(connection.limits) for path in ((), *paths)}

    def deliver(self, name: str, message: Msg) -> None:
        if not name:
            self._handshake(message)
        elif name in self._channels:
            self._channels[name].put(message.data)

    def _handshake(self, message: Msg) -> None:
        if self.accepted.done():
            return
        status = (message.headers or {}).get("Status")
        if status == "503":
            self.accepted.set_exception(NobodyListens("nobody listens"))
        elif status is not None and not status.startswith("2"):
            what = (message.headers or {}).get("Description", "")
            self.accepted.set_exception(CallTimeout("408") if status == "408" else ProtocolError(f"{status} {what}".strip()))
        elif message.reply:
            self.accepted.set_result(message.reply)
        else:
            self.accepted.set_exception(ProtocolError("an answer to the call that names no inbox"))

    def channel(self, path: Path = ()) -> Channel:
        return self._channels[_channel_name(self._root, path)]

    def open(self, path: Path) -> OpenChannel:
        return OpenChannel(self, self.channel(path))

    def fail(self, error: CallError) -> None:
        if not self.accepted.done():
            self.accepted.set_exception(error)
        for channel in self._channels.values():
            channel.fail(error)

    async def peer(self) -> str:
        """The callee's inbox, once it accepts."""
        try:
            async with asyncio.timeout(self.limits.accept_seconds):
                return await self.accepted
        except TimeoutError:
            raise CallTimeout(f"nobody accepted the call within {self.limits.accept_seconds:g} s") from None


def _channel_name(root: str, path: Path) -> str:
    return ".".join((root, *map(str, path)))


class Outlet:
    """Where the contents of one channel of the peer's inbox are sent: in pieces that fit, ended by an empty message."""

    def __init__(self, connection: Connection, subject: str, generation: int) -> None:
        self._connection, self._subject, self._generation = connection, subject, generation

    async def write(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            # Asked each time: another server may allow less.
            most = self._connection.max_payload
            await self._connection.publish(self._subject, data[at:at + most], generation=self._generation)
            at += most

    async def end(self) -> None:
        await self._connection.publish(self._subject, b"", generation=self._generation)


class _NumberedMsg(Msg):
    """A message that knows when it came among those that are counted: callbacks of different subscriptions run in any order."""

    arrival: int = -1

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        client = self._client
        if isinstance(client, _Client) and self.subject in client.counted:
            self.arrival = client.arrivals
            client.arrivals += 1


class _Client(Client):
    msg_class = _NumberedMsg

    def __init__(self) -> None:
        super().__init__()
        self.counted: set[str] = set()
        self.arrivals = 0


class Connection:
    """Owned by who made it with open(). One event loop; not for several threads.

    When the connection breaks it is made again for as long as it takes, subscriptions are restored, and every call under way fails with
    ConnectionLost: nobody knows what was lost."""

    def __init__(self, client: _Client, limits: Limits) -> None:
        self.limits = limits
        self.generation = 0
        self._client = client
        self._base = f"_INBOX.{secrets.token_hex(11)}"
        self._inboxes: weakref.WeakValueDictionary[str, Inbox] = weakref.WeakValueDictionary()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._last_problem = ""

    @classmethod
    async def open(cls, url: str = "", *, name: str = "weft-provider", jwt: str = "", seed: str = "", limits: Limits = Limits(),
                   connect_seconds: float = 10.0) -> Connection:
        """Connects to a NATS server, with a user's JWT and seed where there are both. Raises ConnectionLost."""
        options: dict[str, Any] = {"reconnect_time_wait": 0.2}
        if jwt:
            from .nkeys import sign

            options |= {"user_jwt_cb": lambda: jwt.encode(), "signature_cb": lambda nonce: sign(seed, nonce.encode())}
        deadline = asyncio.get_running_loop().time() + connect_seconds
        problem = ""
        while True:
            client = _Client()
            connection = cls(client, limits)
            connection._last_problem = problem
            try:
                # One attempt at a time, each bounded by the client itself: its own attempts at a first connection swallow a cancellation.
                await client.connect(
                    url or "nats://127.0.0.1:4222", name=name, max_reconnect_attempts=1, allow_reconnect=False, error_cb=connection._problem,
                    disconnected_cb=connection._broken, closed_cb=connection._broken, reconnected_cb=connection._again, **options)
                break
            except (TimeoutError, OSError, nats.errors.Error) as error:
                problem = connection._last_problem
                with contextlib.suppress(Exception):
                    await client.close()
                if asyncio.get_running_loop().time() > deadline:
                    why = problem or str(error) or "no answer"
                    raise ConnectionLost(f"cannot connect to {url or 'the server on this machine'}: {why}") from error
                await asyncio.sleep(0.2)
        client.options |= {"allow_reconnect": True, "max_reconnect_attempts": -1}
        await client.subscribe(f"{connection._base}.>", cb=connection._route, pending_msgs_limit=0, pending_bytes_limit=0)
        return connection

    @property
    def max_payload(self) -> int:
        return self._client.max_payload

    def inbox(self, root: str, paths: Iterable[Path]) -> Inbox:
        """A new one, with the root channel and these nested ones."""
        token = secrets.token_hex(11)
        inbox = Inbox(self, f"{self._base}.{token}", root, paths)
        self._inboxes[token] = inbox
        return inbox

    async def _route(self, message: Msg) -> None:
        token, _, name = message.subject[len(self._base) + 1:].partition(".")
        inbox = self._inboxes.get(token)
        if inbox is not None:
            inbox.deliver(name, message)

    async def _broken(self) -> None:
        self.generation += 1
        for inbox in list(self._inboxes.values()):
            inbox.fail(ConnectionLost("the connection to the lattice broke"))

    async def _problem(self, error: Exception) -> None:
        # The same for every attempt to connect.
        problem = str(error) or type(error).__name__
        if problem != self._last_problem:
            log.warning("NATS: %s", problem)
        self._last_problem = problem

    async def _again(self) -> None:
        self._last_problem = ""
        log.info("NATS: connected again")

    async def publish(self, subject: str, data: bytes = b"", *, reply: str = "", headers: dict[str, str] | None = None,
                      generation: int | None = None) -> None:
        """Raises ConnectionLost, also if the connection is not any more the one of `generation`: a channel may not go on after a gap."""
        if generation is not None and generation != self.generation:
            raise ConnectionLost("the connection to the lattice broke")
        try:
            await self._client.publish(subject, data, reply=reply, headers=headers or None)
        except (nats.errors.Error, OSError) as error:
            raise ConnectionLost(f"cannot publish: {error}") from error

    async def subscribe(self, subject: str, callback: Callable[[Msg], None], queue: str = "") -> Callable[[], Awaitable[None]]:
        """Calls back for every message; returns what ends it, after which what has come is still called back. Never loses a message for want of room:
        the callback only takes it over."""

        async def take(message: Msg) -> None:
            callback(message)

        subscription = await self._client.subscribe(subject, queue=queue, cb=take, pending_msgs_limit=0, pending_bytes_limit=0)

        async def end() -> None:
            with contextlib.suppress(nats.errors.Error, OSError):
                await subscription.drain()  # type: ignore[no-untyped-call]

        return end

    async def subscribe_in_order(self, subjects: Iterable[str], callback: Callable[[Msg], None]) -> None:
        """Subscribes to several subjects, whose messages are called back in the order in which they came, until the connection is closed."""
        waiting: dict[int, Msg] = {}
        following = self._client.arrivals

        def take(message: Msg) -> None:
            nonlocal following
            waiting[message.arrival if isinstance(message, _NumberedMsg) else following] = message
            while following in waiting:
                callback(waiting.pop(following))
                following += 1

        subjects = list(subjects)
        self._client.counted.update(subjects)
        for subject in subjects:
            await self.subscribe(subject, take)

    def spawn(self, work: Any, what: str) -> asyncio.Task[Any]:
        """Runs a coroutine until it ends or the connection is closed; a failure is logged."""

        async def run() -> None:
            try:
                await work
            except (CallError, DecodeError) as error:
                log.warning("%s: %s", what, error)
            except Exception:
                log.exception("%s failed", what)

        task = asyncio.get_running_loop().create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def flush(self, seconds: float = 5.0) -> None:
        """Returns when the server has everything that was published, or does not answer in time."""
        with contextlib.suppress(nats.errors.Error, OSError):
            # This client's ping overtakes what waits to be written; the second one does not, as the first has made it be written.
            for _ in range(2):
                await self._client.flush(timeout=seconds)  # type: ignore[arg-type]

    async def close(self) -> None:
        """Ends what is under way and closes."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.flush()
        await self._client.close()


def send_pending(connection: Connection, inbox: Inbox, peer: str, root: str, pending: list[tuple[Path, Send]]) -> list[asyncio.Task[Any]]:
    """Begins to fill the nested channels of the peer's inbox. Each is ended whatever becomes of it."""

    async def fill(path: Path, send: Send) -> None:
        outlet = Outlet(connection, f"{peer}.{_channel_name(root, path)}", inbox.generation)
        try:
            await send(outlet)
        finally:
            with contextlib.suppress(ConnectionLost):
                await outlet.end()

    return [connection.spawn(fill(path, send), f"what was sent on {_channel_name(root, path)} was cut") for path, send in pending]
