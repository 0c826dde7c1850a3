# SPDX-License-Identifier: Apache-2.0
"""What the tests share: a nats-server of their own, HostData as a host makes it, a provider process, waiting with a deadline."""

import asyncio
import base64
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from weft_provider import Connection, Lattice, Limits

SDK = pathlib.Path(__file__).resolve().parents[1]
ROOT = pathlib.Path(os.environ.get("WEFT_SOURCE_DIR", SDK.parents[1]))
APPS = pathlib.Path(os.environ.get("WEFT_APPS_DIR", ROOT / "build/apps"))
CACHE = pathlib.Path(os.environ.get("WEFT_CACHE_DIR", pathlib.Path.home() / ".cache/weft"))
DEADLINE = float(os.environ.get("WEFT_TEST_DEADLINE", "60"))

# The test vector of sealed secrets: 32 times 01 and 32 times 02.
HOST_SEED = "SXAACAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAN4QM"
HOST_XKEY = "XCSOBEUSWZI4E6FZO4WFNH27VG5RHWIGWRVLNDE57HOCWRAJ7CRATSUK"
PROVIDER_SEED = "SXAAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAT5QQ"
PROVIDER_XKEY = "XDHI2OWRZS3DH3D3ODAXQFFFY5XM2AUWQUCQ2NCHIW5ALBYOLB6VSWAL"

# Short, so that a test of waiting for nothing is short; nothing else comes near them.
IMPATIENT = Limits(accept_seconds=0.3, answer_seconds=0.5, parameter_seconds=0.5, idle_seconds=0.5)


def find_nats_server() -> str:
    named = os.environ.get("WEFT_NATS_SERVER") or "nats-server"
    found = shutil.which(named, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if found is None:
        raise unittest.SkipTest("there is no nats-server here; install it, or name one with WEFT_NATS_SERVER")
    return found


def find_newer_nats_server() -> str:
    found = CACHE / "peer/bin/nats-server"
    if not found.exists():
        raise unittest.SkipTest("there is no second nats-server here, of another version")
    return str(found)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class NatsServer:
    """A real one, in a folder of its own. `config` is text of its configuration file."""

    def __init__(self, config: str = "", program: str | None = None, jetstream: bool = False) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="weft-sdk-")
        path = pathlib.Path(self._folder.name)
        (path / "nats.conf").write_text(config)
        self.port = free_port()
        self._words = [program or find_nats_server(), "-a", "127.0.0.1", "-p", str(self.port), "-c", str(path / "nats.conf")]
        if jetstream:
            self._words += ["-js", "-sd", self._folder.name]
        self.start()

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._process = subprocess.Popen(self._words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self._listens, "nats-server listens")

    def _listens(self) -> bool:
        if self._process.poll() is not None:
            raise AssertionError(f"nats-server ended with {self._process.returncode}")
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1):
                return True
        except OSError:
            return False

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        self.kill()
        self._folder.cleanup()


def wait_for(condition: Callable[[], Any], what: str, deadline: float = DEADLINE) -> Any:
    """The first true value of the condition."""

    end = time.monotonic() + deadline
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        threading.Event().wait(0.01)
    raise AssertionError(f"{what}: not within {deadline} s")


async def eventually(condition: Callable[[], Awaitable[Any]], what: str, deadline: float = DEADLINE) -> Any:
    end = asyncio.get_running_loop().time() + deadline
    while asyncio.get_running_loop().time() < end:
        value = await condition()
        if value:
            return value
        await asyncio.sleep(0.01)
    raise AssertionError(f"{what}: not within {deadline} s")


class Raw:
    """A peer that sends exactly what it is told, and keeps what it gets."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.messages: asyncio.Queue[Msg] = asyncio.Queue()

    async def listen(self, subject: str, queue: str = "") -> None:
        async def take(message: Msg) -> None:
            self.messages.put_nowait(message)

        await self.client.subscribe(subject, queue=queue, cb=take)
        # Twice: see Connection.flush().
        await self.client.flush()
        await self.client.flush()

    async def next(self) -> Msg:
        return await asyncio.wait_for(self.messages.get(), DEADLINE)

    async def publish(self, subject: str, data: bytes = b"", reply: str = "", headers: dict[str, str] | None = None) -> None:
        await self.client.publish(subject, data, reply=reply, headers=headers)


class LatticeTest(unittest.IsolatedAsyncioTestCase):
    """A test with a nats-server, shared by the class, and a lattice of its own in it."""

    CONFIG = ""
    server: NatsServer

    @classmethod
    def program(cls) -> str:
        return find_nats_server()

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = NatsServer(cls.CONFIG, cls.program())
        cls.addClassCleanup(cls.server.close)

    def setUp(self) -> None:
        self.lattice_name = f"lattice-{uuid.uuid4().hex}"

    async def connection(self, limits: Limits = Limits()) -> Connection:
        connection = await Connection.open(self.server.url, limits=limits)
        self.addAsyncCleanup(connection.close)
        return connection

    async def lattice(self, limits: Limits = Limits()) -> Lattice:
        return Lattice(await self.connection(limits), self.lattice_name)

    async def raw(self) -> Raw:
        client = await nats.connect(self.server.url, max_reconnect_attempts=-1)
        self.addAsyncCleanup(client.close)
        return Raw(client)

    def host_data(self, **more: Any) -> dict[str, Any]:
        """As a host of version 1.9 writes it."""
        return {
            "host_id": "NACAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAICP6", "lattice_rpc_prefix": self.lattice_name, "link_name": "default",
            "lattice_rpc_user_jwt": "", "lattice_rpc_user_seed": "", "lattice_rpc_url": self.server.url, "provider_key": "p", "env_values": {},
            "instance_id": str(uuid.uuid4()), "link_definitions": [], "cluster_issuers": [], "config": {}, "secrets": {},
            "host_xkey_public_key": HOST_XKEY, "provider_xkey_private_key": PROVIDER_SEED, "default_rpc_timeout_ms": 2000,
            "structured_logging": False, "log_level": "debug",
            "otel_config": {"enable_observability": False, "protocol": "Http", "additional_ca_paths": [], "trace_level": "info"}, **more}

    def provider(self, *words: str | os.PathLike[str], **host_data: Any) -> "ProviderProcess":
        process = ProviderProcess(words, self.host_data(**host_data))
        self.addCleanup(process.close)
        return process


def encode_host_data(data: dict[str, Any]) -> bytes:
    return base64.b64encode(json.dumps(data).encode()) + b"\r\n"


def link(source: str, target: str, name: str = "default", package: str = "wasi:keyvalue", **more: Any) -> dict[str, Any]:
    namespace, _, rest = package.partition(":")
    return {"source_id": source, "target": target, "name": name, "wit_namespace": namespace, "wit_package": rest, "interfaces": ["store"],
            "source_config": {}, "target_config": {}, "source_secrets": None, "target_secrets": None, **more}


class ProviderProcess:
    """A provider as a host starts it: no arguments of its own, an empty environment, HostData on stdin."""

    def __init__(self, words: Any, host_data: dict[str, Any], environment: dict[str, str] | None = None) -> None:
        self.log = tempfile.TemporaryFile()
        self.host_data = host_data
        # PYTHONPATH stands for an installed package.
        self.process = subprocess.Popen([*words], stdin=subprocess.PIPE, stdout=self.log, stderr=self.log,
                                        env={"PYTHONPATH": f"{SDK}/src"} if environment is None else environment)
        assert self.process.stdin is not None
        self.process.stdin.write(encode_host_data(host_data))
        self.process.stdin.close()

    @property
    def output(self) -> str:
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def wait(self) -> int:
        return self.process.wait(DEADLINE)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.log.close()


def example(name: str) -> list[str]:
    return [sys.executable, str(SDK / "examples" / name)]


def main() -> None:
    """unittest.main, but a file of which everything was skipped says so to CTest."""
    result = unittest.main(module="__main__", exit=False, verbosity=2).result
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(77 if result.skipped and len(result.skipped) >= result.testsRun else 0)
