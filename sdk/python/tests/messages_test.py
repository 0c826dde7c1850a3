# SPDX-License-Identifier: Apache-2.0
"""Client and server, each against a peer that is told message by message what to do."""

import asyncio

from echo import Echo, TransportTest, add, at_root, download, method, name, upload
from support import DEADLINE, IMPATIENT, eventually, main

from weft_provider import CalleeFailed, CallTimeout, DecodeError, Err, Lattice, Limits, NobodyListens, Ok, ProtocolError, Server, TooMuchData


class ClientTest(TransportTest):
    """Our client against a callee that is told what to do."""

    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.callee = await self.raw()
        await self.callee.listen(f"{self.lattice_name}.echo.wrpc.0.0.1.>")
        await self.callee.listen("rs.>")

    async def accept(self) -> str:
        """Takes the next call; the caller's inbox."""
        call = await self.callee.next()
        self.call = call
        await self.callee.publish(call.reply, reply="rs")
        return call.reply

    async def parameters(self) -> bytes:
        """All of them, until their end."""
        data = self.call.data
        while True:
            message = await self.callee.next()
            if message.subject == "rs.params":
                if not message.data:
                    return data
                data += message.data

    async def test_every_message_of_a_call(self) -> None:
        call = asyncio.create_task(add(self.client.target("echo", source_id="me", link_name="l"), 1, 300))
        rc = await self.accept()
        self.assertEqual(self.call.subject, f"{self.lattice_name}.echo.wrpc.0.0.1.test:transport/echo@0.1.0.add")
        self.assertEqual((self.call.data.hex(), self.call.headers), ("01ac02", {"source-id": "me", "link-name": "l"}))
        end = await self.callee.next()
        self.assertEqual((end.subject, end.data, end.reply, end.headers), ("rs.params", b"", "", None))
        await self.callee.publish(f"{rc}.results", bytes.fromhex("ad02"))
        await self.callee.publish(f"{rc}.results")
        self.assertEqual(await call, 301)

    async def test_a_function_of_a_resource_and_one_at_the_root(self) -> None:
        calls = [asyncio.create_task(method(self.target, b"")), asyncio.create_task(at_root(self.target, 1))]
        subjects = {(await self.callee.next()).subject for _ in calls}
        base = f"{self.lattice_name}.echo.wrpc.0.0.1"
        self.assertEqual(subjects, {f"{base}.test:transport/echo@0.1.0.thing.touch", f"{base}.at-root"})
        for call in calls:
            call.cancel()

    async def test_no_headers_without_a_caller_to_name(self) -> None:
        call = asyncio.create_task(name(self.target))
        await self.accept()
        self.assertIsNone(self.call.headers)
        self.assertEqual(self.call.data, b"")
        call.cancel()

    async def test_an_answer_may_come_before_the_end_of_the_parameters_and_byte_by_byte(self) -> None:
        call = asyncio.create_task(name(self.target))
        request = await self.callee.next()
        await self.callee.publish(request.reply, reply="rs")
        for byte in b"\x04weft":
            await self.callee.publish(f"{request.reply}.results", bytes([byte]))
        await self.callee.publish(f"{request.reply}.results")
        self.assertEqual(await call, "weft")
        self.assertEqual((await self.callee.next()).subject, "rs.params")

    async def test_stray_messages_are_passed_over(self) -> None:
        call = asyncio.create_task(download(self.target, 1, 0))
        rc = await self.accept()
        await self.parameters()
        for stray in ("", ".results.0", ".results.0.2", ".params", ".results.7.1", ".nothing"):
            await self.callee.publish(rc + stray, b"" if stray else b"second")
        await self.callee.publish(f"{rc}.results.0.0", b"\x02ab\x00")  # a channel may be ahead of the root
        await self.callee.publish(f"{rc}.results", b"\x00\x00\x00")
        await self.callee.publish(f"{rc}.results")
        await self.callee.publish(f"{rc}.results.0")
        found = await call
        assert isinstance(found, Ok)
        await self.callee.publish(f"{rc}.results.0.1", b"\x00")
        await self.callee.publish(f"{rc}.results.0.0")
        await self.callee.publish(f"{rc}.results.0.1")
        self.assertEqual(b"".join(await found.value[0].read_all()), b"ab")
        self.assertEqual(await found.value[1], Ok())

    async def test_nested_parameters(self) -> None:
        call = asyncio.create_task(upload(self.target, "a", b"hello"))
        rc = await self.accept()
        seen = [(self.call.subject.rpartition(".")[2], self.call.data)]
        while seen[-1] != ("rs.params.1", b""):
            message = await self.callee.next()
            seen.append((message.subject, message.data))
        self.assertEqual(seen[0][1], b"\x01a\x00")
        self.assertEqual(seen[1:], [("rs.params", b""), ("rs.params.1", b"\x05hello"), ("rs.params.1", b"\x00"), ("rs.params.1", b"")])
        await self.callee.publish(f"{rc}.results", b"\x01\x02no")
        await self.callee.publish(f"{rc}.results")
        self.assertEqual(await call, Err("no"))

    async def test_answers_that_are_none(self) -> None:
        for answer, error in [(b"", CalleeFailed), (b"\x05hi", CalleeFailed), (b"\x01\xff", DecodeError), (b"\x01aa", DecodeError)]:
            with self.subTest(answer=answer):
                call = asyncio.create_task(name(self.target))
                rc = await self.accept()
                await self.parameters()
                if answer:
                    await self.callee.publish(f"{rc}.results", answer)
                await self.callee.publish(f"{rc}.results")
                with self.assertRaises(error):
                    await call

    async def test_handshakes_that_are_none(self) -> None:
        handshakes: list[tuple[dict[str, str] | None, type[Exception], str]] = [
            (None, ProtocolError, "names no inbox"), ({"Status": "409", "Description": "gone"}, ProtocolError, "409 gone"),
            ({"Status": "408"}, CallTimeout, ""), ({"Status": "503"}, NobodyListens, "")]
        for headers, error, words in handshakes:
            call = asyncio.create_task(name(self.target))
            request = await self.callee.next()
            await self.callee.publish(request.reply, headers=headers)
            with self.assertRaisesRegex(error, words):
                await call

    async def test_a_large_answer_has_a_limit_and_others_do_not_notice(self) -> None:
        client = Lattice(await self.connection(Limits(value_bytes=100_000)), self.lattice_name)
        large, small = asyncio.create_task(name(client.target("echo"))), None
        rc = await self.accept()
        await self.parameters()
        for _ in range(11):
            await self.callee.publish(f"{rc}.results", b"x" * 10_000)
        with self.assertRaises(TooMuchData):
            await large
        small = asyncio.create_task(name(client.target("echo")))
        rc = await self.accept()
        await self.callee.publish(f"{rc}.results", b"\x01s")
        await self.callee.publish(f"{rc}.results")
        self.assertEqual(await small, "s")

    async def test_a_stream_that_nobody_reads_fails_alone(self) -> None:
        client = Lattice(await self.connection(Limits(queued_bytes=50_000)), self.lattice_name)
        calls = []
        for _ in range(2):
            calls.append(asyncio.create_task(download(client.target("echo"), 1, 0)))
            rc = await self.accept()
            await self.parameters()
            await self.callee.publish(f"{rc}.results", b"\x00\x00\x00")
            await self.callee.publish(f"{rc}.results")
        flooded, other = [await call for call in calls]
        assert isinstance(flooded, Ok) and isinstance(other, Ok)
        # `rc` is that of the second; the first is flooded by its own subject.
        first = next(inbox.subject for inbox in client.connection._inboxes.values() if inbox.subject != rc)
        for _ in range(60):
            await self.callee.publish(f"{first}.results.0.0", b"\x83\x08" + b"x" * 1027)
        await self.callee.publish(f"{rc}.results.0.0", b"\x02ok\x00")
        self.assertEqual(b"".join(await other.value[0].read_all()), b"ok")
        with self.assertRaises(TooMuchData):
            await flooded.value[0].read_all()

    async def test_a_stream_that_does_not_go_on(self) -> None:
        call = asyncio.create_task(download((await self.impatient()).target("echo"), 1, 0))
        rc = await self.accept()
        await self.parameters()
        await self.callee.publish(f"{rc}.results", b"\x00\x00\x00")
        await self.callee.publish(f"{rc}.results")
        found = await call
        assert isinstance(found, Ok)
        with self.assertRaises(CallTimeout):
            await found.value[0].read_all()

    async def test_what_a_caller_gives_up_is_forgotten(self) -> None:
        call = asyncio.create_task(name(self.target))
        await self.accept()
        await self.parameters()
        call.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await call
        self.assertEqual(self.inboxes(self.client.connection), 0)


class ServerTest(TransportTest):
    """Our server against a caller that is told what to do."""

    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.server_connection = await self.serve(Limits(parameter_seconds=DEADLINE))
        self.caller = await self.raw()
        await self.caller.listen("rc.>")
        await self.caller.listen("rc")

    def subject(self, function: str) -> str:
        return f"{self.lattice_name}.echo.wrpc.0.0.1.test:transport/echo@0.1.0.{function}"

    async def begin(self, function: str, data: bytes = b"", headers: dict[str, str] | None = None) -> str:
        """Calls; the server's inbox."""
        await self.caller.publish(self.subject(function), data, "rc", headers)
        accept = await self.caller.next()
        self.assertEqual((accept.subject, accept.data, accept.headers), ("rc", b"", None))
        return accept.reply

    async def expect(self, *messages: tuple[str, bytes]) -> None:
        self.assertEqual([(message.subject, message.data) for message in [await self.caller.next() for _ in messages]], list(messages))

    async def test_the_answer_waits_for_the_end_of_the_parameters(self) -> None:
        rs = await self.begin("name")
        # A round trip of another call: the first had its chance to answer too early.
        self.assertEqual(await add(self.target, 1, 1), 2)
        self.assertTrue(self.caller.messages.empty())
        await self.caller.publish(f"{rs}.params")
        await self.expect(("rc.results", b"\x04echo"), ("rc.results", b""))

    async def test_parameters_byte_by_byte_after_an_empty_call(self) -> None:
        rs = await self.begin("add")
        for byte in bytes.fromhex("05ac02"):
            await self.caller.publish(f"{rs}.params", bytes([byte]))
        await self.caller.publish(f"{rs}.params")
        await self.expect(("rc.results", bytes.fromhex("b102")), ("rc.results", b""))

    async def test_a_function_without_results_answers_with_its_end(self) -> None:
        self.echo.gate.set()
        rs = await self.begin("pause")
        await self.caller.publish(f"{rs}.params")
        await self.expect(("rc.results", b""))

    async def test_parameters_that_are_none_end_in_an_empty_answer(self) -> None:
        for data in (b"", b"\x01", b"\xff\xff\xff\xff\x1f\x01", b"\x01\x01\x01"):
            with self.assertLogs("weft_provider", "WARNING"):
                rs = await self.begin("add", data)
                await self.caller.publish(f"{rs}.params")
                await self.expect(("rc.results", b""))

    async def test_stray_ends_are_passed_over(self) -> None:
        rs = await self.begin("upload", b"\x01a\x00")
        await self.caller.publish(f"{rs}.params")
        for stray in (".params.0", ".params.1.0", ".results", ""):
            await self.caller.publish(rs + stray)
        await self.caller.publish(f"{rs}.params.1", b"\x02hi\x01")
        await self.caller.publish(f"{rs}.params.1", b"!\x00")
        await self.caller.publish(f"{rs}.params.1")
        await self.expect(("rc.results", b"\x00\x00"), ("rc.results", b""), ("rc.results.0", b"\x00\x03"), ("rc.results.0", b""))

    async def test_a_stream_may_be_inline(self) -> None:
        rs = await self.begin("upload", b"\x01a\x02hi")
        await self.caller.publish(f"{rs}.params")
        await self.expect(("rc.results", b"\x00\x00"), ("rc.results", b""), ("rc.results.0", b"\x00\x02"), ("rc.results.0", b""))

    async def test_nested_results(self) -> None:
        rs = await self.begin("download", b"\xe8\x07\x00")
        await self.caller.publish(f"{rs}.params")
        await self.expect(("rc.results", b"\x00\x00\x00"), ("rc.results", b""))
        by_channel: dict[str, list[bytes]] = {}
        for _ in range(5):
            message = await self.caller.next()
            by_channel.setdefault(message.subject, []).append(message.data)
        self.assertEqual(by_channel, {"rc.results.0.0": [b"\xe8\x07" + b"x" * 1000, b"\x00", b""], "rc.results.0.1": [b"\x00", b""]})

    async def test_a_caller_that_dies_costs_nothing_for_long(self) -> None:
        connection = await self.connection(IMPATIENT)
        await Echo().serve(Server(connection, f"{self.lattice_name}.brief"))
        await connection.flush()
        with self.assertLogs("weft_provider", "WARNING"):
            await self.caller.publish(self.subject("add").replace(".echo.", ".brief.", 1), b"\x01", "rc")
            self.assertTrue((await self.caller.next()).reply)
            await self.expect(("rc.results", b""))

        async def forgotten() -> bool:
            return self.inboxes(connection) == 0

        await eventually(forgotten, "the inbox is given back")

    async def test_a_call_without_an_inbox_is_dropped(self) -> None:
        with self.assertLogs("weft_provider", "WARNING"):
            await self.caller.publish(self.subject("name"))
            self.assertEqual(await name(self.target), "echo")


if __name__ == "__main__":
    main()
