# SPDX-License-Identifier: Apache-2.0
"""Control messages that are malformed, oversized or come again, through the socket of a daemon; and configurations and links that change in the middle of
calls. (tests/conformance/robustness_test.cpp sends such messages over NATS.)

WEFT_TEST_SEED repeats the mutations of a run."""

import contextlib
import json
import os
import random
import struct
import threading
import time

from control import CONNECT, PING, PUBLISH, REQUEST, SUBSCRIBE, Gone, frame, link, reference
from daemon import DaemonTest, Visitor, at_once, main, wait_for

MIB = 1 << 20


class MessageTest(DaemonTest):
    APPS = ("hello-c", "hello-cpp", "config-probe", "relay", "relay-http")

    def setUp(self):
        super().setUp()
        self.up()
        self.start_routed_hello()

    def assert_unharmed(self):
        self.assertTrue(self.control.command("host.ping").success)
        self.assertEqual(self.ask("hello").text, "hello from C\n")
        self.assertEqual(self.control.inventory()["host_id"], self.daemon.id)
        self.assertTrue(self.daemon.alive())

    def commands(self):
        """A valid message of every kind: subject and body."""
        control = self.control
        ours = [("component.scale.HOST", {"component_ref": reference("hello-c"), "component_id": "fuzzed", "count": 3, "annotations": {"a": "b"},
                                          "component_limits": {"max_memory_limit": "10000000"}, "config": ["kept"], "allow_update": True}),
                ("component.update.HOST", {"component_id": "fuzzed", "new_component_ref": reference("hello-cpp"), "annotations": None}),
                ("provider.start.HOST", {"provider_id": "fuzzkv", "provider_ref": "wasmcloud+builtin://keyvalue", "config": [], "annotations": {}}),
                ("provider.stop.HOST", {"provider_id": "fuzzkv", "host_id": ""}),
                ("host.ping", None), ("host.get.HOST", None), ("host.stop.HOST", {"host_id": "NOTHER", "timeout": 1000}),
                ("component.auction", {"component_ref": "x", "component_id": "y", "constraints": {"a": "b"}}),
                ("provider.auction", {"provider_ref": "x", "provider_id": "y", "constraints": {}}),
                ("label.put.HOST", {"key": "fuzzed", "value": "true"}), ("label.del.HOST", {"key": "fuzzed"}),
                link("fuzzed", "target", "wasi:keyvalue", ["store"]),
                ("link.del", {"source_id": "fuzzed", "name": "default", "wit_namespace": "wasi", "wit_package": "keyvalue"}),
                ("link.get", None), ("claims.get", None), ("config.put.fuzzed", {"a": "b", "c": "d"}), ("config.get.fuzzed", None), ("config.del.fuzzed", None),
                ("registry.put", {"r.example": {"username": "u", "password": "p", "registryType": "oci"}})]
        questions = {"status": b"", "components": b"", "component-config": b"hello", "logs": b'{"component":"hello","after":0,"limit":3}', "metrics": b"",
                     "tree": b"", "ops": b"", "ops-wait": b'{"id":"unknown"}',
                     "call": json.dumps({"component": "hello", "function": "a:b/c#d", "arguments": ["1"], "format": "json"}).encode()}
        return ([(control.subject(tail), json.dumps(body).encode() if body is not None else b"") for tail, body in ours]
                + [(f"weft.ctl.{control.lattice}.{control.host}.{name}", body) for name, body in questions.items()])

    def answered(self, requests):
        """Each of these has one well-formed answer, or none because nobody listens there or it asks for nothing."""
        numbers = [self.control.begin(subject, body, 2000) for subject, body in requests]
        for number, (subject, body) in zip(numbers, requests):
            answer = self.control.wait(number)
            if answer.failure is None:
                self.assertIn(answer.json.get("success"), (True, False), f"{subject} {body[:200]}: {answer}")
                self.assertIsInstance(answer.json.get("message"), str, answer)

    def test_malformed_messages_of_every_kind(self):
        deep = b"[" * 10_000
        bodies = [b"{", b"}", b"null", b"[]", b"0", b'"', deep, b"\0", b"\xc3\x28", b'{"component_id":' + deep, b'{"a":"b"} trailing', b'{"component_id":null}',
                  b" " * 100_000, b'{"component_id":"x","component_id":"y"}']
        with Visitor(self):
            # What ignores its body is as well with a malformed one; an auction that is not won is not answered.
            requests = [(subject, body) for subject, _ in self.commands() if "auction" not in subject and "host.stop" not in subject for body in bodies]
            self.answered(requests)
        self.assert_unharmed()
        self.down()

    def test_mutated_messages_of_every_kind(self):
        seed = int(os.environ.get("WEFT_TEST_SEED", random.SystemRandom().randrange(1 << 32)))
        print(f"WEFT_TEST_SEED={seed}", flush=True)
        chance = random.Random(seed)
        commands = [one for one in self.commands() if "host.stop" not in one[0] and "auction" not in one[0] and "ops-wait" not in one[0]]
        ends = time.monotonic() + 4
        with Visitor(self):
            while time.monotonic() < ends:
                batch = []
                for _ in range(50):
                    subject, body = chance.choice(commands)
                    body = bytearray(body)
                    for _ in range(chance.randrange(5)):
                        at = chance.randrange(len(body) + 1)
                        choice = chance.randrange(3)
                        if choice == 0:
                            body[at:at] = bytes([chance.randrange(256)])
                        elif choice == 1:
                            del body[at:at + chance.randrange(1, 9)]
                        else:
                            body[at:at + 1] = bytes([chance.randrange(256)])
                    batch.append((subject, bytes(body)))
                self.answered(batch)
        self.assert_unharmed()
        self.down()

    def test_messages_as_large_as_may_be_and_larger(self):
        def padded(size):
            return b'{"a":"' + b"x" * (size - 8) + b'"}'

        with Visitor(self):
            large = self.control.wait(self.control.begin(self.control.subject("config.put.large"), padded(MIB - 1000)))
            self.assertTrue(large.success, large)
            for subject, _ in self.commands():
                if "auction" in subject or "host.stop" in subject:
                    continue
                for body in (padded(MIB), b"{" * MIB, b"x" * (4 * MIB)):
                    answer = self.control.wait(self.control.begin(subject, body, 5000))
                    self.assertNotIn("no answer", answer.failure or "", subject)
                    self.assertTrue(answer.failure or answer.json.get("success") in (True, False), f"{subject}: {answer}")
        self.assert_unharmed()
        # A frame that claims more than a frame may have ends the connection of whoever sent it, and nothing else.
        for claim in (17 * MIB, 0xFFFFFFFF):
            other = self.daemon.control()
            other.send_bytes(struct.pack(">I", claim) + b"x" * 100)
            with self.assertRaises(Gone):
                other.read()
            other.close()
        self.assert_unharmed()
        self.down()

    def test_messages_that_come_again(self):
        self.control.do("config.put.kept", {"a": "b"})

        def run_all(times):
            for subject, body in self.commands():
                if "auction" in subject:
                    continue
                last = None
                for _ in range(times):
                    last = self.control.wait(self.control.begin(subject, body))
                if last.success and last.operation:
                    self.control.outcome(last)
            inventory = self.control.inventory()
            for changing in ("uptime_human", "uptime_seconds"):
                inventory.pop(changing)
            return inventory, self.control.command("link.get").response, self.control.command("config.get.fuzzed").response

        with Visitor(self):
            once = run_all(1)
            self.assertEqual(run_all(3), once)
        self.assert_unharmed()
        self.down()

    def test_bytes_that_are_no_frames(self):
        chance = random.Random(7)
        good = [frame(CONNECT, 1), frame(PING, 1), frame(SUBSCRIBE, 1, "a.>"), frame(PUBLISH, 0, "a.b", payload=b"x"),
                frame(REQUEST, 2, self.control.subject("host.ping"), words="1000")]
        with Visitor(self):
            for attempt in range(300):
                with contextlib.suppress(Gone, OSError):
                    other = self.daemon.control()
                    with contextlib.closing(other):
                        data = bytearray(b"".join(chance.choice(good) for _ in range(5)))
                        for _ in range(chance.randrange(1, 4)):
                            data[chance.randrange(len(data))] = chance.randrange(256)
                        other.send_bytes(bytes(data[:chance.randrange(1, len(data) + 1)]))
                        if attempt % 3 == 0:
                            other.socket.settimeout(0.05)
                            while True:
                                other.read()
        self.assert_unharmed()
        self.down()

    def test_a_client_that_never_reads(self):
        other = self.daemon.control()
        before = self.daemon.rss()
        with Visitor(self):
            with contextlib.suppress(Gone, OSError):
                other.socket.settimeout(2)
                for number in range(20_000):
                    other.send_bytes(frame(REQUEST, number, f"weft.ctl.default.{self.daemon.id}.metrics", words="1000"))
        self.assertLess(self.daemon.rss() - before, 200 * MIB)
        self.assert_unharmed()
        other.close()
        self.down()


class ChangeTest(DaemonTest):
    """What is told about components while they are called: every call is answered by the old or the new, none fails, none sees a mixture."""

    APPS = ("hello-c", "hello-cpp", "config-probe", "relay", "relay-http")

    def setUp(self):
        super().setUp()
        self.up()
        self.start_routes()

    def while_called(self, component, target, right, changes):
        """Four clients ask for as long as the changes take; each answer must be right(text)."""
        done = threading.Event()

        def client():
            wrong, count = [], 0
            while not done.is_set():
                answer = self.ask(component, target)
                count += 1
                if answer is None or not answer.complete or answer.status != 200 or not right(answer.text):
                    wrong.append(answer)
            return wrong, count

        def change():
            try:
                changes()
            finally:
                done.set()

        results = at_once(change, *[client] * 4)[1:]
        self.assertEqual([wrong for all_wrong, _ in results for wrong in all_wrong][:3], [], self.daemon.err[-2000:])
        self.assertGreater(min(count for _, count in results), 0)
        self.assert_idle()

    def test_a_configuration_that_changes_in_the_middle_of_calls(self):
        self.control.do("config.put.probe", {"one": "0", "two": "0"})
        self.start("probe", "config-probe", config=["probe"])
        self.route("probe")

        def changes():
            for number in range(200):
                self.control.do("config.put.probe", {"one": str(number), "two": str(number)})

        def both_alike(text):
            lines = dict(line.split("=") for line in text.splitlines())
            return lines.keys() == {"one", "two"} and lines["one"] == lines["two"]

        self.while_called("probe", "/", both_alike, changes)
        self.assertEqual(self.ask("probe").text, "one=199\ntwo=199\n", "the last one counts")
        self.down()

    def test_links_that_change_in_the_middle_of_calls(self):
        for worker in ("left", "right"):
            self.start(worker, "relay")
        self.start("front", "relay-http")
        self.route("front")
        for name in ("left", "right"):
            self.link("front", name, "weft:relay", ["relay"], name=name)
        self.link("front", "left", "weft:relay", ["relay"])

        def changes():
            for number in range(100):
                # Put and deleted again: links of other names, which nothing that runs is to notice.
                self.link("front", "right", "weft:relay", ["relay"], name=f"n{number}")
                self.control.do("link.del", {"source_id": "front", "name": f"n{number}", "wit_namespace": "weft", "wit_package": "relay"})

        self.while_called("front", "/say_x", lambda text: text == "x", changes)
        self.down()

    def test_scales_and_updates_in_the_middle_of_calls(self):
        self.start("hello", "hello-c")
        self.route("hello")

        def changes():
            for number in range(60):
                self.control.do(*self.control.scale("hello", ("hello-c", "hello-cpp")[number % 2], 10 + number, allow_update=True))

        self.while_called("hello", "/", lambda text: text in ("hello from C\n", "hello from C++\n"), changes)
        self.down()

    def test_a_configuration_of_http_server_that_changes_in_the_middle_of_requests(self):
        self.start("hello", "hello-c")
        self.route("hello")
        web = self.control.command("config.get.web").response

        def changes():
            for number in range(100):
                self.control.do("config.put.web", {**web, "cache_control": f"max-age={number}"})

        self.while_called("hello", "/", lambda text: text == "hello from C\n", changes)
        wait_for(lambda: self.ask("hello").header("cache-control") == "max-age=99", "the last one counts", 5)
        self.down()


if __name__ == "__main__":
    main()
