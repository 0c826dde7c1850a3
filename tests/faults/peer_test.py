# SPDX-License-Identifier: Apache-2.0
"""Peers of the lattice that lie, on a real NATS server: as callers of what runs here, and as those whom it calls. After each of them a neighbour answers,
nothing is left running, and the memory is what it was."""

import threading
import time

from daemon import DaemonTest, Visitor, at_once, free_port, main, wait_for
from http_client import Connection
from nats_server import NatsServer
from wrpc import Call, Nats, call

RELAY = "weft:relay/relay.run"
INCOMING = "wrpc:http/incoming-handler@0.1.0.handle"
ONE_SECOND = {"component_limits": {"max_execution_time": "1"}}
MEBIBYTE = 1 << 20
# What a host may keep of streams that nobody reads: 16 MiB of each and 128 that those of a shard share, in memory that grows by doubling.
UNREAD = 400 * MEBIBYTE


def leb128(number):
    out = bytearray()
    while number > 0x7f:
        out.append(number & 0x7f | 0x80)
        number >>= 7
    return bytes(out) + bytes([number])


def text(value):
    return leb128(len(value)) + value.encode()


def chunk(data):
    return leb128(len(data)) + data


def http_request(method=b"\0", path="/", authority="peer.test"):
    """Body and trailers pending; no headers."""
    return b"\0\0" + method + b"\1" + text(path) + b"\1\0" + b"\1" + text(authority) + b"\0"


HTTP_OK = b"\0\0\0\xc8\1\0"
END = b"\0"


class PeerTest(DaemonTest):
    APPS = ("hello-c", "relay", "relay-http", "echo")

    def setUp(self):
        super().setUp()
        self.server = NatsServer(self.folder / "js", free_port())
        self.addCleanup(self.server.kill)
        self.addCleanup(self.end)
        self.up("--nats", self.server.url)
        self.start_routed_hello()
        self.nats = self.peer()

    def peer(self):
        nats = Nats(self.server.port)
        self.addCleanup(nats.close)
        return nats

    def assert_well(self):
        """The host answers the lattice and its clients, and nothing is left of what was done to it."""
        self.assert_idle()
        self.assertEqual(self.ask("hello").text, "hello from C\n")
        self.down()


class CallerTest(PeerTest):
    """What runs here is called by peers that do not keep to the protocol."""

    def setUp(self):
        super().setUp()
        self.start("worker", "relay", **ONE_SECOND)
        wait_for(lambda: call(self.nats, "worker", RELAY, text("say ready")) == text("ready"), "it is served")

    def works(self, nats=None):
        self.assertEqual(call(nats or self.nats, "worker", RELAY, text("say fine")), text("fine"), self.daemon.err[-3000:])

    def test_calls_that_are_none(self):
        subject = f"default.worker.wrpc.0.0.1.{RELAY}"
        with Visitor(self):
            for _ in range(100):
                self.nats.publish(subject, text("say nobody asks"))
            for function in ("weft:relay/relay.walk", "weft:relay/relay@9.9.9.walk", "weft:relay/relay", "x", "weft:relay/fallible.none", "wrpc:http/incoming-handler@0.1.0.handle"):
                self.assertEqual(call(self.nats, "worker", function, text("say x")), b"", function)
            garbage = (b"", b"\xff", b"\xff\xff\xff\xff\x0f", b"\xff\xff\xff\xff\xff\xff", b"\5hi", b"\2\xff\xfe", b"\xff\xff\xff\x7f" + b"x" * 100_000)
            for params in garbage:
                self.assertEqual(call(self.nats, "worker", RELAY, params), b"", params[:20])
            for script in ("trap", "spin"):
                self.assertEqual(call(self.nats, "worker", RELAY, text(script)), b"", script)
            self.works()
        self.assert_well()

    def test_headers_that_lie(self):
        with Visitor(self):
            for said in ("complete;depth=x", "", "depth=-1;complete", "timeout=99999999999999999999", "complete;depth=" + "9" * 1000):
                self.assertEqual(call(self.nats, "worker", RELAY, text("say fine"), headers={"weft-call": said}), text("fine"), said)
            made = Call(self.nats, "worker", RELAY, text("say fine"), {"weft-call": "complete;depth=4294967295;timeout=0"})
            self.assertIsNotNone(self.nats.next(made.inbox))
            headers = {"source-id": "x" * 10_000, "link-name": "\u00e9", "traceparent": "no trace", "tracestate": ","}
            self.assertEqual(call(self.nats, "worker", RELAY, text("say fine"), headers=headers), text("fine"))
        self.assert_well()

    def test_channels_that_are_none(self):
        with Visitor(self):
            made = Call(self.nats, "worker", RELAY, b"")
            self.assertTrue(made.accepted())
            base = made.server.rpartition(".")[0]
            # Guesses of other calls, and channels that the call does not have.
            for number in ("0", "999999", "18446744073709551616", "x"):
                for end in ("", ".params", ".params.0", ".cancel", ".results"):
                    self.nats.publish(f"{base}.{number}{end}", b"?", self.nats.inbox)
            for end in (".params.0", ".params.9.9.9", ".results", ".parameters"):
                self.nats.publish(made.server + end, b"?")
            for byte in text("say byte by byte"):
                made.send(bytes([byte]))
            for _ in range(3):
                made.send()
            made.send(b"late")
            self.assertEqual(made.channel(), text("byte by byte"))
        self.assert_well()

    def test_parameters_that_never_end(self):
        """Ten thousand of them: each is given up after half a minute."""
        self.works()
        before = self.daemon.rss()
        peer = self.peer()
        calls = [Call(peer, "worker", RELAY, b"\x40say") for _ in range(10_000)]
        for one in calls:
            self.assertTrue(one.accepted(), self.daemon.err[-3000:])
        with Visitor(self):
            self.works()
            for one in calls:
                self.assertEqual(one.channel(), b"")
        self.assertLess(self.daemon.rss() - before, 100 * MEBIBYTE)
        self.works()
        self.assert_well()

    def test_ten_thousand_calls_that_are_given_up(self):
        before = self.daemon.rss()
        with Visitor(self) as visitor:
            peer = self.peer()
            for _ in range(10_000):
                Call(peer, "worker", RELAY, text("say nobody hears it"), {"weft-call": "complete;depth=0"})
            peer.flush()
            peer.close()
            # And such that run when their caller says so.
            peer = self.peer()
            calls = [Call(peer, "worker", RELAY, text("spin"), {"weft-call": "complete;depth=0"}) for _ in range(50)]
            accepted = [one for one in calls if one.accepted()]
            for one in accepted:
                peer.publish(f"{one.server}.cancel")
            peer.flush()
            self.assert_idle()
            self.works()
        self.assertLess(visitor.longest, 20)
        self.assertLess(self.daemon.rss() - before, 200 * MEBIBYTE)
        self.assert_well()


class HttpCallerTest(PeerTest):
    """The same of requests."""

    def setUp(self):
        super().setUp()
        self.start("echo", "echo", **ONE_SECOND)
        wait_for(lambda: self.request("hello"), "it is served")

    def request(self, target, value=None):
        """The head of the answer to a request without a body; b"" if it failed."""
        made = Call(self.nats, target, INCOMING, http_request() if value is None else value)
        if not made.accepted():
            return None
        made.send()
        for path in ("0.0", "0.1"):
            made.send(END, path)
            made.send(b"", path)
        return made.channel()

    def test_requests_that_are_none(self):
        with Visitor(self):
            for value in (b"", b"\7", b"\xff" * 50, http_request()[:-1], http_request(method=b"\x0a"), b"\xff\xff\xff\xff\x0f" + b"x" * 1000):
                self.assertEqual(self.request("hello", value), b"", value)
            faults = ((http_request(method=b"\x09" + text("GET / HTTP/1.1\r\nx: y")), 18), (http_request(path="/ HTTP/1.1\r\nx: y"), 19), (http_request(authority="a b"), 19))
            for value, fault in faults:
                self.assertEqual(self.request("hello", value), b"\1" + bytes([fault]), value)
            self.assertEqual(self.request("hello")[:5], b"\0\0\0\xc8\1")
        self.assert_well()

    def test_bodies_that_break_off_or_never_end(self):
        with Visitor(self):
            broken = Call(self.nats, "echo", INCOMING, http_request(method=b"\2"))
            self.assertTrue(broken.accepted())
            broken.send()
            broken.send(b"\5he", "0.0")
            broken.send(b"", "0.0")
            self.assertIsNotNone(broken.channel())
            no_chunk = Call(self.nats, "echo", INCOMING, http_request(method=b"\2"))
            self.assertTrue(no_chunk.accepted())
            no_chunk.send()
            no_chunk.send(b"\xff\xff\xff\xff\xff\xff", "0.0")
            self.assertIsNotNone(no_chunk.channel())
            # The limit of the component ends what waits for the rest.
            endless = Call(self.nats, "echo", INCOMING, http_request(method=b"\2"))
            self.assertTrue(endless.accepted())
            endless.send()
            endless.send(b"\5hello", "0.0")
            self.assertIsNotNone(endless.channel())
        self.assert_well()

    def test_a_body_that_nobody_reads(self):
        """Before its request is whole nobody can."""
        before = self.daemon.rss()
        with Visitor(self):
            for _ in range(3):
                made = Call(self.nats, "echo", INCOMING, http_request(method=b"\2"))
                self.assertTrue(made.accepted())
                piece = chunk(b"x" * 500_000)
                for _ in range(200):
                    made.send(piece, "0.0")
                self.nats.flush()
                self.assertLess(self.daemon.rss() - before, UNREAD)
                made.send()
                self.assertIsNotNone(made.channel())
        self.assert_well()


class ServerTest(PeerTest):
    """What runs here calls a peer that does not keep to the protocol: front asks it for text, `web` for HTTP."""

    def setUp(self):
        super().setUp()
        for name, limits in (("front", {}), ("hasty", ONE_SECOND)):
            self.start(name, "relay-http", **limits)
            self.route(name)
            self.link(name, "peer", "weft:relay", ["relay"])
        self.route("peer")
        self.nats.subscribe("default.peer.wrpc.0.0.1.>")
        self.nats.flush()
        self.inbox = f"{self.nats.inbox}.server"

    def asked(self, act, component="front", patience=60):
        """What a client is told whose request leads to the peer, which does `act` with the caller's inbox."""
        answers = []
        thread = threading.Thread(target=lambda: answers.append(self.ask(component, "/say_hello", timeout=patience)))
        thread.start()
        message = self.nats.next("default.peer.")
        self.assertIsNotNone(message, self.daemon.err[-3000:])
        act(message.reply)
        self.nats.flush()
        thread.join()
        self.assertTrue(answers, self.daemon.err[-3000:])
        return answers[0]

    def say(self, subject, payload=b"", reply="", headers=None):
        self.nats.publish(subject, payload, reply, headers)

    def accept(self, inbox):
        self.say(inbox, reply=self.inbox)

    def answer(self, inbox, results):
        self.accept(inbox)
        if results:
            self.say(inbox + ".results", results)
        self.say(inbox + ".results")

    def test_answers_that_are_none(self):
        def fails(act, *statuses):
            answer = self.asked(act)
            self.assertTrue(answer.complete and answer.status in (statuses or (500,)), f"{answer}\n{self.daemon.err[-3000:]}")

        with Visitor(self):
            self.assertEqual(self.asked(lambda inbox: self.answer(inbox, text("hello"))).text, "hello")
            fails(lambda inbox: self.say(inbox))
            fails(lambda inbox: self.say(inbox, b"no inbox"))
            fails(lambda inbox: self.say(inbox + ".results", text("early")))
            for status in ("503", "408", "409", "404", "x"):
                fails(lambda inbox, status=status: self.say(inbox, headers={"Status": status}), 500, 503, 504)
            for error in (b"", b"{}", b"\xff", b'{"code":999}'):
                fails(lambda inbox, error=error: self.say(inbox, error, headers={"weft-answer": "error"}), 500, 502, 503, 504)
            for results in (b"", b"\5hi", b"\2\xff\xfe", b"\xff\xff\xff\xff\x0f", b"\xff" * 20):
                fails(lambda inbox, results=results: self.answer(inbox, results))
                fails(lambda inbox, results=results: self.say(inbox, results, headers={"weft-answer": "results"}))
        self.assert_well()

    def test_answers_with_more_than_was_asked_for(self):
        def act(inbox):
            base, _, number = inbox.rpartition(".")
            for other in (int(number) + 1, int(number) + 1000, "x", "18446744073709551616"):
                self.say(f"{base}.{other}", reply=self.inbox)
                self.say(f"{base}.{other}.results", b"?")
                self.say(f"{base}.{other}.results")
            self.accept(inbox)
            self.say(inbox, reply=self.inbox + "2")
            self.say(inbox, headers={"Status": "503"})
            for channel in (".results.0", ".results.0.0.0", ".params", ".cancel", ".result"):
                self.say(inbox + channel, b"?")
            for byte in text("hello"):
                self.say(inbox + ".results", bytes([byte]))
            for _ in range(3):
                self.say(inbox + ".results")
                self.say(inbox + ".results", b"after the end")
            self.answer(inbox, text("another"))

        with Visitor(self):
            for _ in range(20):
                self.assertEqual(self.asked(act).text, "hello")
        self.assert_well()

    def test_silence_at_every_stage(self):
        with Visitor(self):
            for act in (lambda inbox: None, self.accept, lambda inbox: (self.accept(inbox), self.say(inbox + ".results", b"\5he"))):
                began = time.monotonic()
                answer = self.asked(act, "hasty")
                self.assertEqual(answer.status, 504, f"{answer}\n{self.daemon.err[-3000:]}")
                self.assertLess(time.monotonic() - began, 15)
            # Without a limit of its own: whoever is silent altogether is given up after ten seconds.
            began = time.monotonic()
            self.assertEqual(self.asked(lambda inbox: None).status, 504)
            self.assertLess(time.monotonic() - began, 25)
        self.assert_well()

    def test_a_spy_that_hears_everything(self):
        """It keeps the server from saying that nobody serves what is called."""
        spy = self.peer()
        self.start("other", "relay-http")
        self.route("other")
        self.link("other", "ghost", "weft:relay", ["relay"])
        self.assertIn(self.ask("other", "/say_x").status, (500, 503))
        spy.subscribe(">")
        spy.flush()
        began = time.monotonic()
        with Visitor(self):
            self.assertEqual(self.ask("other", "/say_x").status, 504)
        self.assertTrue(8 < time.monotonic() - began < 25)
        self.assert_well()

    def test_http_answers_that_are_none(self):
        def head(results):
            return self.asked(lambda inbox: self.answer(inbox, results), "peer").status

        with Visitor(self):
            self.assertEqual(head(b""), 500)
            for results in (b"\7", HTTP_OK[:3], b"\0\0\0\xff\xff\x04", b"\1\x27", b"\0\0\0\x63\0", b"\0\0\0\xc8\1\xff\xff\xff\xff\x0f"):
                self.assertEqual(head(results), 502, results)
            self.assertEqual(head(b"\1\6"), 502, "connection-refused")
            for pieces in ((b"\5he", b""), (b"\xff\xff\xff\xff\xff\xff",), (chunk(b"hello"), b"\1", b"")):
                def act(inbox, pieces=pieces):
                    self.answer(inbox, HTTP_OK)
                    for piece in pieces:
                        self.say(inbox + ".results.0.0", piece)

                answer = self.asked(act, "peer")
                self.assertNotEqual((answer.status, answer.complete), (200, True), answer)

            def whole(inbox):
                self.answer(inbox, HTTP_OK)
                for path in ("0", "0.7", "1"):
                    self.say(f"{inbox}.results.{path}", b"?")
                self.say(inbox + ".results.0.0", chunk(b"hello") + END + b"more")
                self.say(inbox + ".results.0.1", END)
                self.say(inbox + ".results.0.1")

            self.assertEqual(self.asked(whole, "peer").text, "hello")
        self.assert_well()

    def open_request(self, headers):
        """A client that has asked the peer and reads nothing; the caller's inbox."""
        client = Connection(self.site)
        self.addCleanup(client.close)
        client.send("GET / HTTP/1.1\r\nHost: a\r\nX-To: peer\r\n\r\n")
        message = self.nats.next("default.peer.")
        self.say(message.reply, reply=self.inbox, headers=headers)
        self.say(message.reply + ".results", HTTP_OK)
        self.say(message.reply + ".results")
        return client, message.reply

    def test_a_stream_that_never_ends_and_a_client_that_never_reads(self):
        before = self.daemon.rss()
        piece = chunk(b"x" * 500_000)
        with Visitor(self):
            client, inbox = self.open_request({})
            for _ in range(400):
                self.say(inbox + ".results.0.0", piece)
            self.nats.flush()
            self.assertLess(self.daemon.rss() - before, UNREAD)
            # What it has is cut, not whole.
            answer = client.answer()
            self.assertEqual((answer.status, answer.complete), (200, False))
        self.assert_well()

    def test_a_client_that_leaves_a_stream(self):
        with Visitor(self):
            client, inbox = self.open_request({"weft-accept": "1"})
            self.say(inbox + ".results.0.0", chunk(b"hello"))
            client.close()
            # Who understands it is told.
            self.assertIsNotNone(self.nats.next(f"{self.inbox}.cancel"))
            for _ in range(100):
                self.say(inbox + ".results.0.0", chunk(b"hello"))
        self.assert_well()

    def test_many_at_once_whose_peer_lies(self):
        def lie(count):
            for number in range(count):
                message = self.nats.next("default.peer.")
                if number % 3 == 0:
                    self.answer(message.reply, text("hello"))
                elif number % 3 == 1:
                    self.answer(message.reply, b"")
                else:
                    self.say(message.reply)

        with Visitor(self):
            results = at_once(lambda: lie(150), *[lambda: [self.ask("front", "/say_hello").status for _ in range(10)] for _ in range(15)])
        statuses = sum(results[1:], [])
        self.assertEqual((statuses.count(200), statuses.count(500)), (50, 100))
        self.assert_well()


if __name__ == "__main__":
    main()
