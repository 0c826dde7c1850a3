# SPDX-License-Identifier: Apache-2.0
"""A capability provider: a process that a host starts, tells of its links and ends, and that serves functions to components."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nats.aio.msg import Msg

from .client import Target
from .connection import Connection, Limits
from .errors import ConnectionLost
from .host_data import HostData, HostDataError, Link, LinkDefinition, Role, Secret, parse_host_data, parse_link, text_map
from .interface import Function, served_by
from .logs import configure
from .nkeys import KeyProblem
from .server import Server

log = logging.getLogger("weft_provider")

# A host kills a provider 300 ms after it asked it to end.
_DRAIN_SECONDS = 0.1


@dataclass(frozen=True)
class Health:
    healthy: bool = True
    message: str = ""


class Provider:
    """Derive from it, mark the methods that answer functions with serves(), override the hooks you need, and pass an object to run().

    Everything runs on one event loop: a method that waits must await, and between two awaits nobody else touches its state. Calls run beside each
    other; link and configuration hooks run one after the other, in the order in which the host sent them, beside calls."""

    #: How the connection is called in the NATS server's lists.
    name = "weft-provider"
    limits = Limits()

    #: What the host said; there when init() is called.
    host: HostData
    config: Mapping[str, str]
    secrets: Mapping[str, Secret]

    async def init(self) -> None:
        """Before the first link and the first call. Raising ends the process; hosts start it again."""

    async def link_put(self, link: Link) -> None:
        """A new link. Comes once for a link until it is deleted, whatever its configuration. Raising refuses it: then it may come again."""

    async def link_deleted(self, link: Link) -> None:
        """A link that was put is gone."""

    async def config_changed(self, config: Mapping[str, str]) -> None:
        """The provider's configuration, whole. `self.config` is still the one before. May come without a change."""

    async def health(self) -> Health:
        """Asked every half minute. It has no consequence but an event in the lattice."""
        return Health()

    async def shutdown(self) -> None:
        """No more calls come. The host waits for 300 ms in all."""

    @property
    def links(self) -> tuple[Link, ...]:
        """Every link that was put, from its view as source or target."""
        return tuple(self._links.values())

    def component(self, id_: str) -> Target:
        """A component (or provider) to call, as this provider."""
        return Target(self._connection, f"{self.host.lattice}.{id_}", {"source-id": self.host.provider_id, "target-id": id_})

    async def serve(self, host: HostData, connection: Connection, stopped: asyncio.Event) -> None:
        """Lives until the host's shutdown command, `stopped`, or an init() that raises. For run(), and for tests; closes the connection."""
        self.host, self.config, self.secrets = host, host.config, host.secrets
        self._links: dict[tuple[str, ...], Link] = {}
        self._connection = connection
        life = _Life(self, connection, stopped)
        try:
            await life.run()
        finally:
            await connection.close()

    def _functions(self) -> dict[str, tuple[Function[..., Any], Callable[..., Any]]]:
        """By name. A method that a derived class overrides answers what the overridden one is marked for."""
        found = {}
        for class_ in reversed(type(self).__mro__):
            for name, attribute in vars(class_).items():
                for function in served_by(attribute):
                    found[str(function)] = (function, name)
        return {key: (function, getattr(self, name)) for key, (function, name) in found.items()}

    def _find_link(self, source: str, link_name: str, interface: str) -> Link | None:
        namespace, _, rest = interface.partition(":")
        package = rest.partition("/")[0]
        # Hosts call some interfaces of wasi by another namespace on the wire.
        for candidate in (namespace, "wasi") if namespace == "wrpc" else (namespace,):
            link = self._links.get(("target", source, self.host.provider_id, candidate, package, link_name))
            if link is not None:
                return link
        return None

    async def _put(self, definition: LinkDefinition) -> None:
        for role in self._roles(definition):
            key = (role, *definition.key)
            if key in self._links:
                continue
            link = self.host.link(definition, role)
            await self.link_put(link)
            self._links[key] = link

    async def _delete(self, definition: LinkDefinition) -> None:
        for role in self._roles(definition):
            link = self._links.pop((role, *definition.key), None)
            if link is not None:
                await self.link_deleted(link)

    def _roles(self, definition: LinkDefinition) -> list[Role]:
        ends: list[tuple[Role, str]] = [("source", definition.source_id), ("target", definition.target)]
        return [role for role, id_ in ends if id_ == self.host.provider_id]

    async def _configure(self, config: Mapping[str, str]) -> None:
        await self.config_changed(config)
        self.config = config


class _Life:
    """One run of a provider: its command subjects and the order of its start and end."""

    def __init__(self, provider: Provider, connection: Connection, stopped: asyncio.Event) -> None:
        self._provider, self._connection, self._stopped = provider, connection, stopped
        self._host = provider.host
        self._server = Server(connection, f"{self._host.lattice}.{self._host.provider_id}", provider._find_link)
        self._changes: asyncio.Queue[Msg] = asyncio.Queue()
        self._ready = False
        self._shutdown_reply = ""
        base = f"wasmbus.rpc.{self._host.lattice}"
        self._health, self._shutdown = f"{base}.{self._host.provider_id}.health", f"{base}.{self._host.provider_id}.default.shutdown"
        self._put, self._delete = f"{base}.{self._host.link_put_id}.linkdefs.put", f"{base}.{self._host.provider_id}.linkdefs.del"
        self._config = f"{base}.{self._host.provider_id}.config.update"

    async def run(self) -> None:
        await self._connection.subscribe(self._health, self._take_health)
        await self._connection.subscribe(self._shutdown, self._take_shutdown)
        # A changed link is deleted and put again: in another order it would be lost.
        await self._connection.subscribe_in_order((self._put, self._delete, self._config), self._changes.put_nowait)
        life = asyncio.create_task(self._live())
        ended = asyncio.create_task(self._stopped.wait())
        try:
            await asyncio.wait((life, ended), return_when=asyncio.FIRST_COMPLETED)
            if life.done():
                life.result()
        finally:
            for task in (life, ended):
                task.cancel()
            await asyncio.gather(life, ended, return_exceptions=True)
            await self._end()

    async def _live(self) -> None:
        provider = self._provider
        await provider.init()
        for definition in self._host.links:
            await self._apply("a link", lambda definition=definition: provider._put(definition))  # type: ignore[misc]
        for function, method in provider._functions().values():
            await self._server.serve(function, method)
        await self._connection.flush()
        self._ready = True
        log.info("provider %s serves in lattice %s", self._host.provider_id, self._host.lattice)
        while True:
            message = await self._changes.get()
            await self._apply(message.subject.rpartition(".")[2], lambda message=message: self._change(message))  # type: ignore[misc]

    async def _change(self, message: Msg) -> None:
        if message.subject == self._config:
            try:
                config = text_map(json.loads(message.data))
            except ValueError as error:
                raise HostDataError(f"no configuration: {error}") from error
            await self._provider._configure(config)
        elif message.subject == self._put:
            await self._provider._put(parse_link(message.data))
        else:
            await self._provider._delete(parse_link(message.data))

    @staticmethod
    async def _apply(what: str, change: Callable[[], Any]) -> None:
        """One change. What it raises is logged, and the provider goes on without it."""
        try:
            await change()
        except HostDataError as error:
            log.warning("%s was passed over: %s", what, error)
        except Exception:
            log.exception("%s was passed over", what)

    async def _end(self) -> None:
        await self._server.stop(_DRAIN_SECONDS)
        if self._ready:
            await self._apply("the provider's own shutdown", self._provider.shutdown)
        if self._shutdown_reply:
            with contextlib.suppress(ConnectionLost):
                await self._connection.publish(self._shutdown_reply, b"shutting down")
            await self._connection.flush()
        log.info("provider %s ends", self._host.provider_id)

    def _take_shutdown(self, message: Msg) -> None:
        # All instances of this provider hear it; only the one of this host is meant.
        try:
            meant = message.reply and json.loads(message.data).get("host_id") == self._host.host_id
        except (ValueError, AttributeError):
            meant = False
        if meant:
            self._shutdown_reply = message.reply
            self._stopped.set()

    def _take_health(self, message: Msg) -> None:
        if message.reply:
            self._connection.spawn(self._answer_health(message.reply), "the health check")

    async def _answer_health(self, reply: str) -> None:
        try:
            health = await self._provider.health() if self._ready else Health(False, "it is starting")
        except Exception as error:
            log.exception("health() failed")
            health = Health(False, f"its check failed: {error}")
        answer = {"healthy": True} if health.healthy else {"healthy": False, "message": health.message}
        await self._connection.publish(reply, json.dumps(answer).encode())


async def _run(provider: Provider, host: HostData) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    if host.nats_jwt and not host.nats_seed:
        raise KeyProblem("a JWT without its seed")
    connection = await Connection.open(host.nats_url, name=provider.name, jwt=host.nats_jwt, seed=host.nats_seed, limits=provider.limits)
    await provider.serve(host, connection, stopped)


def run(provider: Provider) -> None:
    """The main function of a provider process: reads HostData from stdin, serves until the host ends it, exits: 0 after a shutdown or SIGTERM, 1 when
    it could not start, with the reason on stderr."""
    try:
        host = parse_host_data(sys.stdin.buffer.readline())
        configure(host.log_level, host.structured_logging)
        asyncio.run(_run(provider, host))
    except (HostDataError, ConnectionLost, KeyProblem) as error:
        if not logging.getLogger().handlers:
            configure("info", False)
        log.error("%s", error)
        sys.exit(1)
    except Exception:
        log.exception("the provider failed")
        sys.exit(1)
