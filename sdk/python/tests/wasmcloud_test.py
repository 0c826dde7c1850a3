# SPDX-License-Identifier: Apache-2.0
"""With wasmCloud's own host, version 1.9: it starts a provider of ours, its components call it, and we call them.

Needs its program (WASMCLOUD_HOST names it, or ~/.cache/weft/peer/bin/wasmcloud), `wash` beside it for the archive, and built apps; skipped without."""

import asyncio
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import unittest
from typing import IO, Any

import nats
from support import APPS, CACHE, DEADLINE, SDK, NatsServer, ProviderProcess, encode_host_data, eventually, find_nats_server, main, wait_for
from values import ALL, DIVIDE, ECHOES, JOIN_MANY, KINDS, NOTHING, RUN_VALUES, SUM16, SUM17, Point, Values

from weft_provider import Case, CallError, Connection, Err, Lattice, Limits, Ok, parse_host_data
from weft_provider.interfaces import http, keyvalue


def find_host() -> str:
    program = pathlib.Path(os.environ.get("WASMCLOUD_HOST", CACHE / "peer/bin/wasmcloud"))
    if not program.exists():
        raise unittest.SkipTest("there is no host of wasmCloud 1.9 here; name its program with WASMCLOUD_HOST")
    return str(program)


def app(name: str) -> str:
    path = APPS / f"{name}.wasm"
    if not path.exists():
        raise unittest.SkipTest(f"{path.name} is not built; run scripts/build_apps")
    return f"file://{path}"


class HostTest(unittest.IsolatedAsyncioTestCase):
    """A lattice of one host, for the class."""

    folder: pathlib.Path
    server: NatsServer
    log: IO[bytes]
    host: str

    @classmethod
    def setUpClass(cls) -> None:
        program = find_host()
        folder = tempfile.TemporaryDirectory(prefix="weft-sdk-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.server = NatsServer(program=find_nats_server(), jetstream=True)
        cls.addClassCleanup(cls.server.close)
        cls.log = open(cls.folder / "wasmcloud.log", "w+b")
        cls.addClassCleanup(cls.log.close)
        host = subprocess.Popen([program, "--nats-port", str(cls.server.port), "--allow-file-load"], stdin=subprocess.DEVNULL, stdout=cls.log, stderr=cls.log)
        cls.addClassCleanup(host.wait)
        cls.addClassCleanup(host.terminate)
        cls.host = wait_for(lambda: asyncio.run(cls._ping()), "wasmCloud's host answers")

    @classmethod
    async def _ping(cls) -> str | None:
        client = await nats.connect(cls.server.url)
        try:
            answer = await client.request("wasmbus.ctl.v1.default.host.ping", b"", timeout=1)
            return str(json.loads(answer.data)["response"]["id"])
        except Exception:  # not there yet
            return None
        finally:
            await client.close()

    async def asyncSetUp(self) -> None:
        self.connection = await Connection.open(self.server.url, limits=Limits(accept_seconds=5))
        self.addAsyncCleanup(self.connection.close)
        self.lattice = Lattice(self.connection, "default")
        self.client = await nats.connect(self.server.url)
        self.addAsyncCleanup(self.client.close)

    def host_log(self) -> str:
        return pathlib.Path(str(self.log.name)).read_text(errors="replace")

    async def control(self, operation: str, **body: Any) -> Any:
        answer = json.loads((await self.client.request(f"wasmbus.ctl.v1.default.{operation}", json.dumps(body).encode(), timeout=DEADLINE)).data)
        self.assertTrue(answer["success"], answer)
        return answer.get("response")

    async def inventory(self) -> Any:
        return await self.control(f"host.get.{self.host}")

    async def start_component(self, name: str, id_: str) -> None:
        await self.control(f"component.scale.{self.host}", component_ref=app(name), component_id=id_, count=20)

        async def there() -> bool:
            return id_ in [one["id"] for one in (await self.inventory())["components"]]

        await eventually(there, f"{id_} runs")
        self.addAsyncCleanup(self.control, f"component.scale.{self.host}", component_ref=app(name), component_id=id_, count=0)

    async def link(self, source: str, target: str, package: str, *interfaces: str, config: tuple[str, ...] = ()) -> None:
        namespace, _, name = package.partition(":")
        await self.control("link.put", source_id=source, target=target, name="default", wit_namespace=namespace, wit_package=name,
                           interfaces=list(interfaces), source_config=[], target_config=list(config))

    async def unlink(self, source: str, package: str) -> None:
        namespace, _, name = package.partition(":")
        await self.control("link.del", source_id=source, name="default", wit_namespace=namespace, wit_package=name)

    async def get(self, component: str, path: str) -> str:
        answer = await http.handle(self.lattice.target(component), http.Request(path_with_query=path))
        assert isinstance(answer, Ok), answer
        return b"".join(await answer.value.body.read_all()).decode()

    async def says(self, component: str, path: str, text: str) -> None:
        async def asks() -> bool:
            try:
                return await self.get(component, path) == text
            except CallError:
                return False

        await eventually(asks, f"{component} says {text!r}")


class ProviderTest(HostTest):
    """A provider that the host starts."""

    archive: str

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        wash = pathlib.Path(find_host()).with_name("wash")
        if not wash.exists():
            raise unittest.SkipTest("there is no wash beside the host, to make an archive of the provider")
        executable, archive = cls.folder / "hits", cls.folder / "hits.par.gz"
        subprocess.run([sys.executable, "-m", "weft_provider.pack", SDK / "examples/hits.py", "-o", executable], check=True)
        subprocess.run([wash, "par", "create", "--vendor", "weft", "--name", "hits", "--binary", executable, "--destination", archive, "--compress",
                        "--directory", cls.folder / "keys"], check=True, capture_output=True, env={**os.environ, "HOME": str(cls.folder)})
        cls.archive = f"file://{archive}"

    async def start(self, id_: str, **more: Any) -> None:
        await self.control(f"provider.start.{self.host}", provider_id=id_, provider_ref=self.archive, **more)
        await self.serves(id_)

    async def serves(self, id_: str) -> None:
        async def asks() -> bool:
            try:
                return await keyvalue.exists(self.lattice.target(id_), "b", "k") == Ok(False)
            except CallError:
                return False

        # A call that reached the one that was killed waits for an accept in vain, and is made again.
        await eventually(asks, f"{id_} serves")

    def process(self) -> int:
        """The one process that runs the archive's executable."""
        found = [int(entry.name) for entry in pathlib.Path("/proc").iterdir() if entry.name.isdigit() and self._runs(entry)]
        self.assertEqual(len(found), 1)
        return found[0]

    def _runs(self, entry: pathlib.Path) -> bool:
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        # The host unpacks it to a file with the archive's path as its name.
        name = re.sub("[^a-z0-9]", "_", str(self.folder).lower()).encode()
        return any(b"wasmcloudcache" in word and name in word for word in words)

    async def test_from_its_start_to_its_end(self) -> None:
        await self.control("config.put.shop", prefix="shop")
        await self.control("config.put.market", prefix="market")
        await self.control("config.put.own", colour="red")
        health = await self.client.subscribe("wasmbus.evt.default.health_check_passed")
        stopped = await self.client.subscribe("wasmbus.evt.default.provider_stopped")
        await self.start("kv", config=["own"])
        await self.start_component("hits", "hits")
        await self.link("hits", "kv", "wasi:keyvalue", "store", "atomics", config=("shop",))
        stranger = self.lattice.target("kv")
        # The link reaches the running provider; its configuration names the keys.
        await eventually(lambda: self._counted(stranger, "shop/page"), "the link came to the provider")
        # Put again with another configuration it stays as it was; deleted and put again it changes.
        await self.link("hits", "kv", "wasi:keyvalue", "store", "atomics", config=("market",))
        await self.get("hits", "/page")
        self.assertEqual(await keyvalue.get(stranger, "hits", "market/page"), Ok(None))
        await self.unlink("hits", "wasi:keyvalue")
        await self.link("hits", "kv", "wasi:keyvalue", "store", "atomics", config=("market",))
        await eventually(lambda: self._counted(stranger, "market/page"), "the changed link came to the provider")
        # Its configuration may change, which this one does not mind.
        await self.control("config.put.own", colour="blue")
        # Killed, it is started again, with its links.
        os.kill(self.process(), signal.SIGKILL)
        await self.serves("kv")
        self.assertEqual(await keyvalue.get(stranger, "hits", "market/page"), Ok(None))
        await self.says("hits", "/page", "1 visits\n")
        self.assertEqual(await keyvalue.get(stranger, "hits", "market/page"), Ok(b"1"))
        event = json.loads((await health.next_msg(DEADLINE)).data)
        self.assertEqual((event["type"], event["data"]["provider_id"]), ("com.wasmcloud.lattice.health_check_passed", "kv"))
        await self.control(f"provider.stop.{self.host}", provider_id="kv")
        self.assertEqual(json.loads((await stopped.next_msg(DEADLINE)).data)["data"]["reason"], "stop")
        with self.assertRaises(CallError):
            await keyvalue.exists(stranger, "b", "k")
        await self.unlink("hits", "wasi:keyvalue")

    async def _counted(self, stranger: Any, key: str) -> bool:
        try:
            await self.get("hits", "/page")
        except CallError:
            return False
        return await keyvalue.get(stranger, "hits", key) != Ok(None)


class CallTest(HostTest):
    """Calls between its components and us."""

    async def test_we_call_a_component_with_every_type(self) -> None:
        await self.start_component("values-callee", "callee")
        callee = self.lattice.target("callee")
        await NOTHING(callee)
        for name, _, values in KINDS:
            for value in values:
                with self.subTest(function=name, value=str(value)[:50]):
                    self.assertEqual(await ECHOES[name](callee, value), value)
        self.assertEqual(await SUM17(callee, *range(1, 18)), 1785)
        self.assertEqual(await SUM16(callee, *range(1, 17)), 1496)
        self.assertEqual(await JOIN_MANY(callee, "a", "b", "c", b"d", Point(-1, 2), None, Case("pair", (1, 2)), "h", "i"), "a,b,c,d,-1,2,,4,h,i")
        self.assertEqual(await DIVIDE(callee, 17, 5), Ok((3, 2)))
        self.assertEqual(await DIVIDE(callee, 1, 0), Err("division by zero"))
        many = [ALL] * 5000  # more than one message, there and back
        self.assertEqual(await ECHOES["list-everything"](callee, many), many)
        answers = await asyncio.gather(*(ECHOES["u32"](callee, number) for number in range(100)))
        self.assertEqual(list(answers), list(range(100)))

    async def test_a_component_calls_a_provider_with_every_type(self) -> None:
        """The provider is in this process; the host knows it by its id alone."""
        host = parse_host_data(encode_host_data({
            "lattice_rpc_prefix": "default", "provider_key": "values", "lattice_rpc_url": self.server.url, "env_values": {}, "link_definitions": []}))
        stop = asyncio.Event()
        provider = Values()
        life = asyncio.create_task(provider.serve(host, await Connection.open(host.nats_url), stop))
        try:
            await self.start_component("values-caller", "caller")
            await self.link("caller", "values", "weft:values", "echo")

            async def linked() -> bool:
                # The host tells of the link under the id of either end, for hosts without keys.
                return bool(getattr(provider, "_links", {}))

            await eventually(linked, "the link came")
            self.assertEqual(await RUN_VALUES(self.lattice.target("caller").within(DEADLINE)), Ok())
        finally:
            await self.unlink("caller", "weft:values")
            stop.set()
            await life

    async def test_requests_and_bodies(self) -> None:
        await self.start_component("echo", "echo")
        body = bytes(range(256)) * 8000
        answer = await http.handle(self.lattice.target("echo"), http.Request(Case("post"), "/", body=body))
        assert isinstance(answer, Ok), answer
        self.assertEqual(answer.value.status, 200)
        self.assertEqual(b"".join(await answer.value.body.read_all()), body)
        self.assertIsNone(await answer.value.trailers)

    async def test_the_provider_in_javascript(self) -> None:
        modules = os.environ.get("NODE_PATH")
        if not modules:
            self.skipTest("there is no Node.js with what apps/provider-js needs")
        process = ProviderProcess(["/usr/bin/env", "node", str(SDK.parents[1] / "apps/provider-js/provider.js")], {
            "host_id": self.host, "lattice_rpc_prefix": "default", "provider_key": "js", "lattice_rpc_url": self.server.url, "env_values": {},
            "link_definitions": []}, {"NODE_PATH": modules, "PATH": os.environ["PATH"]})
        self.addCleanup(process.close)
        await self.control("config.put.js", prefix="js")
        await self.start_component("hits", "hits")
        stranger = self.lattice.target("js")

        async def serves() -> bool:
            try:
                return await keyvalue.exists(stranger, "b", "k") == Ok(False)
            except CallError:
                return False

        await eventually(serves, "it serves")
        await self.link("hits", "js", "wasi:keyvalue", "store", "atomics", config=("js",))
        self.addAsyncCleanup(self.unlink, "hits", "wasi:keyvalue")
        await self.says("hits", "/page", "1 visits\n")
        await self.says("hits", "/page", "2 visits\n")
        self.assertEqual(await keyvalue.get(stranger, "hits", "js/page"), Ok(b"2"))


if __name__ == "__main__":
    main()
