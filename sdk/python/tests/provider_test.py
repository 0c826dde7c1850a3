# SPDX-License-Identifier: Apache-2.0
"""The life of a provider: real processes that are started, told and ended as a host does it."""

import asyncio
import json
import pathlib
import sys
import tempfile
from typing import Any

from support import DEADLINE, HOST_SEED, HOST_XKEY, PROVIDER_XKEY, SDK, LatticeTest, ProviderProcess, encode_host_data, eventually, example, link, main

from weft_provider import (Case, Connection, Err, Health, HostData, Interface, Limits, Link, NobodyListens, Ok, Provider, Target, parse_host_data, serves)
from weft_provider.codec import list_of, result, string, u64
from weft_provider.interfaces import keyvalue
from weft_provider.nkeys import seal
from weft_provider.pack import pack

increment = Interface("acme:counter/count@1.0.0").function("increment", string, u64, returns=result(u64, string))


class LifeTest(LatticeTest):
    """What a host says, and to whom."""

    async def asyncSetUp(self) -> None:
        self.client = await self.lattice()
        self.host = await self.raw()

    def subject(self, rest: str) -> str:
        return f"wasmbus.rpc.{self.lattice_name}.{rest}"

    async def tell(self, rest: str, body: Any) -> None:
        await self.host.publish(self.subject(rest), json.dumps(body).encode())
        await self.host.client.flush()
        await self.host.client.flush()

    async def ask(self, rest: str, body: bytes = b"", seconds: float = DEADLINE) -> bytes:
        return (await self.host.client.request(self.subject(rest), body, timeout=seconds)).data

    async def healthy(self, id_: str = "p") -> bool:
        try:
            return bool(json.loads(await self.ask(f"{id_}.health", seconds=1))["healthy"])
        except Exception:  # not there yet
            return False

    async def ready(self, process: Any) -> Any:
        """The process, once it serves."""

        async def look() -> bool:
            if process.process.poll() is not None:
                raise AssertionError(f"the provider ended:\n{process.output}")
            return await self.healthy()

        await eventually(look, "the provider is healthy")
        return process

    def shutdown(self, process: Any) -> bytes:
        return json.dumps({"host_id": process.host_data["host_id"]}).encode()


class StoreTest(LifeTest):
    """examples/hits.py, as apps/hits and others use it."""

    def store(self, **host_data: Any) -> Any:
        return self.provider(*example("hits.py"), **host_data)

    def target(self, source: str = "c", link_name: str | None = None) -> Target:
        return self.client.target("p", source_id=source, link_name=link_name)

    async def test_it_stores(self) -> None:
        await self.ready(self.store())
        target = self.target()
        self.assertEqual(await keyvalue.get(target, "b", "k"), Ok(None))
        self.assertEqual(await keyvalue.set_(target, "b", "k", b"v"), Ok())
        self.assertEqual(await keyvalue.get(target, "b", "k"), Ok(b"v"))
        self.assertEqual(await keyvalue.exists(target, "b", "k"), Ok(True))
        self.assertEqual(await keyvalue.exists(target, "other", "k"), Ok(False))
        self.assertEqual(await keyvalue.set_(target, "b", "ключ", b""), Ok())
        self.assertEqual(await keyvalue.list_keys(target, "b", None), Ok(keyvalue.KeyResponse(["k", "ключ"], None)))
        self.assertEqual(await keyvalue.list_keys(target, "b", 5), Ok(keyvalue.KeyResponse(["k", "ключ"], None)))
        self.assertEqual(await keyvalue.delete(target, "b", "k"), Ok())
        self.assertEqual(await keyvalue.exists(target, "b", "k"), Ok(False))

    async def test_it_counts(self) -> None:
        await self.ready(self.store())
        target = self.target()
        self.assertEqual(await keyvalue.increment(target, "hits", "/", 2**63), Ok(2**63))
        self.assertEqual(await keyvalue.increment(target, "hits", "/", 2**63 + 300), Ok(300))
        self.assertEqual(await keyvalue.get(target, "hits", "/"), Ok(b"300"))
        await keyvalue.set_(target, "hits", "word", b"abc")
        self.assertEqual(await keyvalue.increment(target, "hits", "word", 1), Err(Case("other", "word is no number")))
        answers = await asyncio.gather(*(keyvalue.increment(target, "hits", "many", 1) for _ in range(100)))
        self.assertEqual(sorted(answer.value for answer in answers), list(range(1, 101)))

    async def test_it_stores_what_is_larger_than_a_message(self) -> None:
        await self.ready(self.store())
        value = bytes(range(256)) * 12_000
        self.assertEqual(await keyvalue.set_(self.target(), "b", "large", value), Ok())
        self.assertEqual(await keyvalue.get(self.target(), "b", "large"), Ok(value))

    async def test_what_it_cannot_read_fails_and_it_goes_on(self) -> None:
        process = await self.ready(self.store())
        base = f"{self.lattice_name}.p.wrpc.0.0.1.wrpc:keyvalue/store@0.2.0-draft.get"
        await self.host.listen("rc.>")
        await self.host.listen("rc")
        for parameters in (b"", b"\x05ab", b"\x01\xff\x01a", b"\x01a\x01b!", b"\xff\xff\xff\xff\x7f"):
            await self.host.publish(base, parameters, "rc")
            accept = await self.host.next()
            await self.host.publish(f"{accept.reply}.params")
            answer = await self.host.next()
            self.assertEqual((answer.subject, answer.data), ("rc.results", b""))
        self.assertEqual(await keyvalue.get(self.target(), "b", "k"), Ok(None))
        self.assertIsNone(process.process.poll())

    async def test_the_answer_waits_for_the_end_of_parameters_that_come_byte_by_byte(self) -> None:
        await self.ready(self.store())
        await self.host.listen("rc.>")
        await self.host.listen("rc")
        await self.host.publish(f"{self.lattice_name}.p.wrpc.0.0.1.wrpc:keyvalue/atomics@0.2.0-draft.increment", b"", "rc")
        rs = (await self.host.next()).reply
        for byte in b"\x01b\x01k\xac\x02":
            await self.host.publish(f"{rs}.params", bytes([byte]))
        self.assertEqual(await keyvalue.get(self.target(), "b", "other"), Ok(None))
        self.assertTrue(self.host.messages.empty())
        await self.host.publish(f"{rs}.params")
        self.assertEqual([(await self.host.next()).data for _ in range(2)], [b"\x00\xac\x02", b""])

    async def test_links_of_the_start_and_later_ones(self) -> None:
        process = await self.ready(self.store(link_definitions=[
            link("c", "p", target_config={"prefix": "first/"}), link("d", "p", package="other:thing", target_config={"prefix": "no/"}),
            link("c", "elsewhere", target_config={"prefix": "no/"})]))
        await keyvalue.set_(self.target("c"), "b", "k", b"1")
        await keyvalue.set_(self.target("d"), "b", "k", b"2")
        self.assertEqual(await keyvalue.get(self.target("x"), "b", "first/k"), Ok(b"1"))
        self.assertEqual(await keyvalue.get(self.target("x"), "b", "k"), Ok(b"2"))
        self.assertEqual(await keyvalue.list_keys(self.target("c"), "b", None), Ok(keyvalue.KeyResponse(["k"], None)))
        # A link that is there stays as it is, whatever is put; changed, it is deleted and put again.
        await self.tell(f"{PROVIDER_XKEY}.linkdefs.put", link("c", "p", target_config={"prefix": "second/"}))
        await self.tell(f"{PROVIDER_XKEY}.linkdefs.put", link("d", "p", "named", target_config={"prefix": "named/"}))
        await self._has("d", "named", "named/")
        self.assertEqual(await keyvalue.get(self.target("c"), "b", "k"), Ok(b"1"))
        await self.tell("p.linkdefs.del", link("c", "p"))
        await self.tell(f"{PROVIDER_XKEY}.linkdefs.put", link("c", "p", target_config={"prefix": "second/"}))
        await self._has("c", None, "second/")
        # What is no link does no harm.
        nonsenses: list[Any] = [[], {}, "text", {"source_id": 1}]
        for nonsense in nonsenses:
            await self.tell(f"{PROVIDER_XKEY}.linkdefs.put", nonsense)
            await self.tell("p.linkdefs.del", nonsense)
        await self.host.publish(self.subject("p.linkdefs.del"), b"{")
        await self.tell("p.linkdefs.del", link("c", "p"))
        await self._has("c", None, "")
        self.assertIsNone(process.process.poll())

    async def _has(self, source: str, link_name: str | None, prefix: str) -> None:
        async def look() -> bool:
            await keyvalue.set_(self.target(source, link_name), "probe", "k", b"")
            here = prefix + "k" in (await keyvalue.list_keys(self.target("x"), "probe", None)).value.keys  # type: ignore[union-attr]
            await keyvalue.delete(self.target(source, link_name), "probe", "k")
            return here

        await eventually(look, f"the link of {source} has the prefix {prefix!r}")

    async def test_a_burst_of_changes_ends_with_the_last(self) -> None:
        await self.ready(self.store())
        for number in range(100):
            await self.host.publish(self.subject("p.linkdefs.del"), json.dumps(link("c", "p")).encode())
            await self.host.publish(self.subject(f"{PROVIDER_XKEY}.linkdefs.put"), json.dumps(link("c", "p", target_config={"prefix": f"{number}/"})).encode())
        await self.host.client.flush()
        await self._has("c", None, "99/")

    async def test_health(self) -> None:
        await self.ready(self.store())
        self.assertEqual(json.loads(await self.ask("p.health")), {"healthy": True})

    async def test_shutdown_is_for_its_own_host(self) -> None:
        process = await self.ready(self.store())
        for body in (b'{"host_id":"NOTHER"}', b"{}", b"", b"[]", b"null"):
            with self.assertRaises(Exception, msg=body):
                await self.ask("p.default.shutdown", body, 0.1)
        await self.host.publish(self.subject("p.default.shutdown"), self.shutdown(process))
        self.assertTrue(await self.healthy())
        self.assertEqual(await self.ask("p.default.shutdown", self.shutdown(process)), b"shutting down")
        self.assertEqual(process.wait(), 0)
        with self.assertRaises(NobodyListens):
            await keyvalue.get(self.target(), "b", "k")

    async def test_two_instances_share_calls_and_only_one_is_shut_down(self) -> None:
        first = await self.ready(self.store())
        second = self.store(host_id="NSECOND")

        async def both() -> bool:
            return "serves in lattice" in second.output

        await eventually(both, "the second serves")
        self.assertEqual(await self.ask("p.default.shutdown", self.shutdown(second)), b"shutting down")
        self.assertEqual(second.wait(), 0)
        self.assertIsNone(first.process.poll())
        self.assertEqual(await keyvalue.set_(self.target(), "b", "k", b""), Ok())

    async def test_it_survives_configuration(self) -> None:
        process = await self.ready(self.store(config={"a": "b"}))
        bodies: list[Any] = [{"a": "c"}, {}, {"a": 1}, [], "x"]
        for body in bodies:
            await self.tell("p.config.update", body)
        self.assertTrue(await self.healthy())
        self.assertIsNone(process.process.poll())


class ProcessTest(LifeTest):
    """What only a process shows."""

    async def test_the_counter_is_the_twin_of_the_one_inside_the_host(self) -> None:
        process = await self.ready(self.provider(*example("counter.py")))
        caller, stranger = self.client.target("p", source_id="caller"), self.client.target("p")
        self.assertEqual(await increment(stranger, "visits", 2), Ok(2))
        self.assertEqual(await increment(caller, "visits", 3), Ok(5))
        self.assertEqual(await increment(stranger, "", 1), Err("a counter has a name"))
        await self.tell(f"{PROVIDER_XKEY}.linkdefs.put", link("caller", "p", package="acme:counter", target_config={"prefix": "shop/"}))

        async def prefixed() -> bool:
            return await increment(caller, "visits", 1) == Ok(1)

        await eventually(prefixed, "the link has come")
        process.process.terminate()
        self.assertEqual(process.wait(), 0)

    async def test_it_ends_when_it_cannot_begin(self) -> None:
        for host_data, words in [({"lattice_rpc_user_jwt": "jwt"}, "without its seed"), ({"provider_xkey_private_key": "SXNOKEY"}, "key"),
                                 ({"link_definitions": None}, "no list"), ({"config": []}, ""), ({"secrets": {"a": 1}}, "neither text nor bytes")]:
            process = self.provider(*example("hits.py"), **host_data)  # type: ignore[arg-type]
            if host_data == {"config": []}:
                await self.ready(process)
                continue
            self.assertEqual(process.wait(), 1)
            self.assertIn(words, process.output)

    async def test_it_runs_as_one_file_without_any_environment(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            packed = pathlib.Path(folder) / "counter"
            pack(SDK / "examples/counter.py", packed, str(pathlib.Path(sys.executable).resolve()), [])
            process = ProviderProcess([str(packed)], self.host_data(), {})
            self.addCleanup(process.close)
            await self.ready(process)
            self.assertEqual(await increment(self.client.target("p"), "visits", 2), Ok(2))

    async def test_structured_logging(self) -> None:
        process = await self.ready(self.provider(*example("hits.py"), structured_logging=True, log_level="info"))
        lines = [json.loads(line) for line in process.output.splitlines()]
        self.assertEqual([line["level"] for line in lines], ["INFO"])
        self.assertIn("serves", lines[0]["fields"]["message"])
        self.assertEqual(set(lines[0]), {"timestamp", "level", "fields", "target"})


relayed = Interface("test:relay/relay@0.1.0").function("relay", string, returns=list_of(string))


class Probe(Provider):
    """Writes down what it is told."""

    limits = Limits(accept_seconds=5)

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []
        self.state = Health()
        self.refuses = False

    async def init(self) -> None:
        self.events.append(("init", dict(self.config)))

    async def link_put(self, link: Link) -> None:
        self.events.append(("put", link))
        if self.refuses:
            raise RuntimeError("not now")

    async def link_deleted(self, link: Link) -> None:
        self.events.append(("deleted", link.peer))

    async def config_changed(self, config: Any) -> None:
        self.events.append(("config", (dict(self.config), dict(config))))

    async def health(self) -> Health:
        if self.state.message == "raise":
            raise RuntimeError("as told")
        return self.state

    async def shutdown(self) -> None:
        self.events.append(("shutdown", None))

    @serves(relayed)
    async def relay(self, call: Any, text: str) -> list[str]:
        answer = await increment(self.component("counter"), text, 1)
        return [call.source_id, call.link_name, str(answer)]

    def happened(self, kind: str) -> list[Any]:
        return [what for event, what in self.events if event == kind]


class HookTest(LifeTest):
    """A provider in this process, whose hooks can be looked at."""

    async def start(self, **host_data: Any) -> Probe:
        probe = Probe()
        host = parse_host_data(encode_host_data(self.host_data(**host_data)))
        self.stopped = asyncio.Event()
        connection = await Connection.open(host.nats_url, limits=probe.limits)
        self.life = asyncio.create_task(probe.serve(host, connection, self.stopped))
        self.addAsyncCleanup(self._stop)
        await eventually(self.healthy, "the provider is healthy")
        return probe

    async def _stop(self) -> None:
        self.stopped.set()
        await self.life

    async def has(self, probe: Probe, kind: str, count: int) -> Any:
        async def look() -> bool:
            return len(probe.happened(kind)) == count

        await eventually(look, f"{count} times {kind}")
        return probe.happened(kind)[-1]

    async def test_the_order_of_a_life(self) -> None:
        probe = await self.start(config={"a": "b"}, link_definitions=[link("c", "p"), link("p", "d", source_config={"x": "y"})])
        self.assertEqual([kind for kind, _ in probe.events], ["init", "put", "put"])
        self.assertEqual(probe.events[0][1], {"a": "b"})
        self.assertEqual([(one.role, one.peer, dict(one.config)) for one in probe.happened("put")], [("target", "c", {}), ("source", "d", {"x": "y"})])
        self.assertEqual(len(probe.links), 2)
        await self.ask("p.default.shutdown", json.dumps({"host_id": probe.host.host_id}).encode())
        await self.life
        self.assertEqual(probe.events[-1][0], "shutdown")

    async def test_puts_and_deletes(self) -> None:
        probe = await self.start()
        for definition in (link("c", "p"), link("c", "p", target_config={"a": "b"}), link("c", "p", "other"), link("c", "p", package="acme:counter")):
            await self.tell(f"{PROVIDER_XKEY}.linkdefs.put", definition)
        await self.has(probe, "put", 3)
        await self.tell("p.linkdefs.del", link("c", "p", "unknown"))
        await self.tell("p.linkdefs.del", link("c", "p", "other"))
        await self.has(probe, "deleted", 1)
        self.assertEqual(len(probe.links), 2)
        # A link from a provider to itself has two ends.
        await self.tell(f"{PROVIDER_XKEY}.linkdefs.put", link("p", "p"))
        await self.has(probe, "put", 5)

    async def test_a_link_that_was_refused_may_come_again(self) -> None:
        with self.assertLogs("weft_provider", "ERROR"):
            probe = await self.start()
            probe.refuses = True
            await self.tell(f"{PROVIDER_XKEY}.linkdefs.put", link("c", "p"))
            await self.has(probe, "put", 1)
        probe.refuses = False
        await self.tell(f"{PROVIDER_XKEY}.linkdefs.put", link("c", "p"))
        await self.has(probe, "put", 2)
        await self.tell(f"{PROVIDER_XKEY}.linkdefs.put", link("c", "p"))
        await self.tell("p.linkdefs.del", link("c", "p"))
        await self.has(probe, "deleted", 1)
        self.assertEqual(len(probe.happened("put")), 2)

    async def test_sealed_secrets(self) -> None:
        plain = json.dumps({"password": {"kind": "String", "value": "hunter2"}, "key": {"kind": "Bytes", "value": [0, 255]}}).encode()
        try:
            sealed = seal(plain, HOST_SEED, PROVIDER_XKEY)
        except Exception as error:
            self.skipTest(str(error))
        probe = await self.start(secrets={"own": {"kind": "String", "value": "s"}}, link_definitions=[link("c", "p", target_secrets=list(sealed))])
        self.assertEqual(dict(probe.links[0].secrets), {"password": "hunter2", "key": b"\x00\xff"})
        self.assertEqual(dict(probe.secrets), {"own": "s"})
        self.assertNotIn("hunter2", repr(probe.links[0]))
        damaged = [*sealed[:-1], sealed[-1] ^ 1]
        with self.assertLogs("weft_provider", "WARNING"):
            await self.tell(f"{PROVIDER_XKEY}.linkdefs.put", link("d", "p", target_secrets=damaged))
            await self.tell(f"{PROVIDER_XKEY}.linkdefs.put", link("e", "p"))
            await self.has(probe, "put", 2)

    async def test_configuration(self) -> None:
        probe = await self.start(config={"a": "1"})
        await self.tell("p.config.update", {"a": "2"})
        self.assertEqual(await self.has(probe, "config", 1), ({"a": "1"}, {"a": "2"}))
        await self.tell("p.config.update", {})
        self.assertEqual(await self.has(probe, "config", 2), ({"a": "2"}, {}))

    async def test_what_a_derived_class_overrides_is_served(self) -> None:
        class Derived(Probe):
            @property
            def broken(self) -> str:
                raise RuntimeError("a property that is none of anybody's business")

            async def relay(self, call: Any, text: str) -> list[str]:
                return [text]

        functions = Derived()._functions()
        self.assertEqual(list(functions), ["test:relay/relay@0.1.0#relay"])
        self.assertEqual(await functions["test:relay/relay@0.1.0#relay"][1](None, "x"), ["x"])

    async def test_health_in_its_own_words(self) -> None:
        probe = await self.start()
        probe.state = Health(False, "the disk is full")
        self.assertEqual(json.loads(await self.ask("p.health")), {"healthy": False, "message": "the disk is full"})
        probe.state = Health(False, "raise")
        with self.assertLogs("weft_provider", "ERROR"):
            self.assertFalse(json.loads(await self.ask("p.health"))["healthy"])

    async def test_a_host_without_keys_puts_links_under_the_id(self) -> None:
        probe = await self.start(host_xkey_public_key="", provider_xkey_private_key="")
        await self.tell("p.linkdefs.put", link("c", "p"))
        await self.has(probe, "put", 1)

    async def test_calls_to_components_carry_who_calls_and_the_trace(self) -> None:
        await self.start()
        callee = await self.raw()
        await callee.listen(f"{self.lattice_name}.counter.>")
        await callee.listen("rs.params")
        trace = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": "a=b"}
        target = Target(self.client.connection, f"{self.lattice_name}.p", {"source-id": "me", **trace})
        call = asyncio.create_task(relayed(target, "x"))
        request = await callee.next()
        self.assertEqual(request.headers, {"source-id": "p", "target-id": "counter", **trace})
        await callee.publish(request.reply, reply="rs")
        await callee.next()
        await callee.publish(f"{request.reply}.results", b"\x00\x05")
        await callee.publish(f"{request.reply}.results")
        self.assertEqual(await call, ["me", "default", "Ok(value=5)"])

    async def test_the_keys_of_the_test_vector(self) -> None:
        host = parse_host_data(encode_host_data(self.host_data()))
        self.assertEqual((host.link_put_id, host.host_xkey), (PROVIDER_XKEY, HOST_XKEY))
        self.assertIsInstance(host, HostData)


if __name__ == "__main__":
    main()
