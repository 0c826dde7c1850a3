# SPDX-License-Identifier: Apache-2.0
"""Client and server of the transport against each other."""

import asyncio
import dataclasses
import time
from typing import Any

from echo import Echo, TransportTest, add, at_root, double, download, echo_bytes, fail, method, name, negate, pause, upload, whoami
from support import DEADLINE, LatticeTest, NatsServer, eventually, find_newer_nats_server, main

from weft_provider import CalleeFailed, CallTimeout, Connection, ConnectionLost, DecodeError, Err, Limits, NobodyListens, Ok, Server
from weft_provider.codec import bytes_


class CallTest(TransportTest):
    """Our client and our server."""

    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.server_connection = await self.serve()

    async def test_calls_of_every_kind(self) -> None:
        self.assertEqual(await add(self.target, 2, 3), 5)
        self.assertEqual(await negate(self.target, 2**63 - 1), 1 - 2**63)
        self.assertEqual(await name(self.target), "echo")
        self.assertEqual(await at_root(self.target, 7), 7)
        self.assertEqual(await method(self.target, b"handle"), 6)
        self.echo.gate.set()
        await pause(self.target)
        self.assertEqual(await fail(self.target, "no"), Err("no"))

    async def test_large_values_both_ways(self) -> None:
        most = self.client.connection.max_payload
        for size in (most - 2000, most - 1, most, most + 1, 5 * 1024 * 1024):
            value = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
            self.assertEqual(await echo_bytes(self.target, value), value)

    async def test_calls_at_the_same_time(self) -> None:
        answers = await asyncio.gather(*(add(self.target, number, 1) for number in range(300)))
        self.assertEqual(list(answers), [number + 1 for number in range(300)])
        await eventually(self._nothing_is_open, "every inbox is given back")

    async def _nothing_is_open(self) -> bool:
        return self.inboxes(self.client.connection) == 0 and self.inboxes(self.server_connection) == 0

    async def test_streams_both_ways_at_once(self) -> None:
        asked: list[str] = []

        async def words() -> Any:
            for number in range(50):
                asked.append(str(number))
                yield str(number)

        doubled = await double(self.target, words())
        self.assertEqual(await doubled.read_all(), [str(number) * 2 for number in range(50)])
        self.assertEqual(len(asked), 50)
        self.assertEqual(await (await double(self.target, [])).read_all(), [])
        del doubled
        await eventually(self._nothing_is_open, "every inbox is given back")

    async def test_a_stream_can_answer_while_it_is_asked(self) -> None:
        turn: asyncio.Queue[str | None] = asyncio.Queue()

        async def words() -> Any:
            while (word := await turn.get()) is not None:
                yield word

        doubled = await double(self.target, words())
        for word in ("a", "b", "c"):
            turn.put_nowait(word)
            self.assertEqual(await anext(doubled), word * 2)
        turn.put_nowait(None)
        self.assertEqual(await doubled.read_all(), [])

    async def test_uploads_and_downloads(self) -> None:
        stored = await upload(self.target, "here", b"y" * 3_000_000)
        assert isinstance(stored, Ok)
        self.assertEqual(await stored.value, Ok(3_000_000))
        self.assertEqual(await upload(self.target, "nowhere", b"y" * 3_000_000), Err("there is no such place"))
        found = await download(self.target, 2_000_000, 0)
        assert isinstance(found, Ok)
        data, status = found.value
        self.assertEqual(sum([len(piece) async for piece in data]), 2_000_000)
        self.assertEqual(await status, Ok())

    async def test_a_failing_producer_is_no_end_of_a_stream(self) -> None:
        async def cut() -> Any:
            yield b"x" * 1000
            raise RuntimeError("as told")

        with self.assertLogs("weft_provider", "ERROR"):
            stored = await upload(self.target, "here", cut())
            assert isinstance(stored, Ok)
            self.assertIsInstance(await stored.value, Err)
            found = await download(self.target, 1000, 1)
            assert isinstance(found, Ok)
            with self.assertRaises(DecodeError):
                await found.value[0].read_all()
            self.assertEqual(await found.value[1], Err("the disk is gone"))

    async def test_failures_of_the_callee(self) -> None:
        with self.assertLogs("weft_provider", "ERROR") as logs:
            for text in ("raise", "wrong type"):
                with self.assertRaises(CalleeFailed):
                    await fail(self.target, text)
        self.assertIn("as told", "".join(logs.output))
        self.assertEqual(await add(self.target, 1, 1), 2)

    async def test_nobody_listens(self) -> None:
        began = time.monotonic()
        with self.assertRaises(NobodyListens):
            await add(self.client.target("nobody"), 1, 2)
        self.assertLess(time.monotonic() - began, DEADLINE / 2)

    async def test_a_spy_hides_that_nobody_listens_and_the_wait_is_bounded(self) -> None:
        spy = await self.raw()
        await spy.listen("*.*.wrpc.>")
        with self.assertRaisesRegex(CallTimeout, "accepted"):
            await add((await self.impatient()).target("nobody"), 1, 2)

    async def test_an_answer_that_does_not_come(self) -> None:
        with self.assertRaises(CallTimeout):
            await pause((await self.impatient()).target("echo"))
        with self.assertRaises(CallTimeout):
            await pause(self.target.within(0.2))
        self.echo.gate.set()

    async def test_who_calls(self) -> None:
        self.assertEqual(await whoami(self.target), ["<unknown>", "default"])
        self.assertEqual(await whoami(self.client.target("echo", source_id="me", link_name="fast")), ["me", "fast"])
        trace = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": ""}
        await whoami(dataclasses.replace(self.target, headers=trace))
        self.assertEqual(dict(self.echo.calls[-1].headers), trace)

    async def test_wrong_arguments_are_not_sent(self) -> None:
        with self.assertRaises(ValueError):
            await add(self.target, 1, 2**32)
        with self.assertRaises(TypeError):
            await add(self.target, 1)  # type: ignore[call-arg]
        self.assertEqual(self.inboxes(self.client.connection), 0)

    async def test_too_many_calls_are_refused_and_the_others_answered(self) -> None:
        crowd = Server(await self.connection(Limits(calls=3)), f"{self.lattice_name}.crowd")
        await self.echo.serve(crowd)
        await self.client.connection.flush()
        target = self.client.target("crowd")
        await eventually(lambda: self._serves(target), "it serves")
        waiting = [asyncio.create_task(pause(target)) for _ in range(3)]

        async def refused() -> bool:
            try:
                await name(target)
            except CalleeFailed:
                return True
            return False

        with self.assertLogs("weft_provider", "WARNING"):
            await eventually(refused, "the fourth is refused")
        self.echo.gate.set()
        await asyncio.gather(*waiting)
        await eventually(lambda: self._serves(target), "it serves again")

    async def _serves(self, target: Any) -> bool:
        try:
            return await name(target) == "echo"
        except (NobodyListens, CalleeFailed):
            return False

    async def test_two_servers_share_the_calls(self) -> None:
        other = Echo()
        connection = await self.connection()
        await other.serve(Server(connection, f"{self.lattice_name}.echo"))
        await connection.flush()

        async def both() -> bool:
            await asyncio.gather(*(whoami(self.target) for _ in range(20)))
            return bool(self.echo.calls and other.calls)

        await eventually(both, "both are called")
        before = len(self.echo.calls) + len(other.calls)
        await whoami(self.target)
        self.assertEqual(len(self.echo.calls) + len(other.calls), before + 1)

    async def test_a_server_that_stops_ends_what_it_has_begun(self) -> None:
        server = Server(await self.connection(), f"{self.lattice_name}.brief")
        await self.echo.serve(server)
        target = self.client.target("brief")
        await eventually(lambda: self._serves(target), "it serves")
        waiting = asyncio.create_task(pause(target))
        await eventually(self._a_call_waits(server), "the call is there")
        stopping = asyncio.create_task(server.stop(DEADLINE))
        self.echo.gate.set()
        await stopping
        await waiting
        with self.assertRaises(NobodyListens):
            await name(target)

    @staticmethod
    def _a_call_waits(server: Server) -> Any:
        async def look() -> bool:
            return bool(server._calls)

        return look


class NewerNatsServerTest(CallTest):
    """The same with another version of the server."""

    @classmethod
    def program(cls) -> str:
        return find_newer_nats_server()


class SmallPayloadTest(CallTest):
    """The same where a message holds 64 KiB."""

    CONFIG = "max_payload: 65536\n"

    async def test_a_mebibyte_goes_in_pieces(self) -> None:
        spy = await self.raw()
        await spy.listen(">")
        value = b"v" * (1 << 20)
        self.assertEqual(self.client.connection.max_payload, 65536)
        self.assertEqual(await echo_bytes(self.client.target("echo", source_id="me"), value), value)
        call, accept = await spy.next(), await spy.next()
        # 12 bytes for the head of the headers, 4 for each header, and what the inbox would take.
        self.assertEqual(len(call.data), 65536 - len(call.reply) - (12 + len("source-id") + len("me") + 4))
        self.assertEqual((accept.subject, accept.data), (call.reply, b""))
        parameters, answer = b"", b""
        while message := await spy.next():
            if message.subject == f"{accept.reply}.params":
                self.assertLessEqual(len(message.data), 65536)
                parameters += message.data
                self.assertEqual(answer, b"", "an answer before all parameters have come")
            elif message.subject == f"{call.reply}.results":
                answer += message.data
                if not message.data:
                    break
        self.assertEqual(call.data + parameters, answer)
        self.assertEqual(answer, bytes_.to_bytes(value))


class BrokenConnectionTest(TransportTest):
    """The server of NATS goes away, so each test has its own."""

    @classmethod
    def setUpClass(cls) -> None:
        pass

    def setUp(self) -> None:
        super().setUp()
        self.server = NatsServer()
        self.addCleanup(self.server.close)

    async def test_calls_under_way_fail_and_later_ones_succeed(self) -> None:
        serving = await self.serve()
        call = asyncio.create_task(pause(self.target))

        async def accepted() -> bool:
            return bool(self.inboxes(serving))

        await eventually(accepted, "the call is being served")
        with self.assertLogs("weft_provider", "WARNING"):
            self.server.kill()
            with self.assertRaises(ConnectionLost):
                await call
            self.server.start()
            self.echo.gate.set()

            async def again() -> bool:
                try:
                    return await add(self.target.within(1), 1, 2) == 3
                except (ConnectionLost, NobodyListens, CallTimeout):
                    return False

            await eventually(again, "both have come back")
        self.assertEqual(await echo_bytes(self.target, b"x" * 3_000_000), b"x" * 3_000_000)

    async def test_a_stream_under_way_fails(self) -> None:
        await self.serve()

        async def endless() -> Any:
            yield "a"
            await asyncio.Event().wait()

        doubled = await double(self.target, endless())
        self.assertEqual(await anext(doubled), "aa")
        with self.assertLogs("weft_provider", "WARNING"):
            self.server.kill()
            with self.assertRaises(ConnectionLost):
                await anext(doubled)
            self.server.start()

    async def test_a_callee_that_dies_is_waited_for_no_longer_than_told(self) -> None:
        callee = await self.raw()
        await callee.listen(f"{self.lattice_name}.echo.>")
        call = asyncio.create_task(name(self.target.within(0.3)))
        request = await callee.next()
        await callee.publish(request.reply, reply="rs")
        await callee.client.flush()
        await callee.client.close()
        with self.assertRaises(CallTimeout):
            await call


class ConnectTest(LatticeTest):
    async def test_nobody_there(self) -> None:
        began = time.monotonic()
        with self.assertRaises(ConnectionLost), self.assertLogs("weft_provider", "WARNING"):
            await Connection.open("nats://127.0.0.1:1", connect_seconds=0.5)
        self.assertLess(time.monotonic() - began, DEADLINE / 2)


if __name__ == "__main__":
    main()
