# SPDX-License-Identifier: Apache-2.0
"""Calls that cannot go well: links in a ring, and callees that trap, spin, eat memory or answer nonsense, over links and behind http-server. The caller
gets an error that says so, the log says more, and the neighbours on the same host do not notice."""

import time

from daemon import DaemonTest, Visitor, at_once, main
from wasm_bytes import ANSWER_42, component_answering, component_exporting

RELAY = ("weft:relay", ["relay"])
ONE_SECOND = {"component_limits": {"max_execution_time": "1"}}


class CallTest(DaemonTest):
    APPS = ("hello-c", "relay", "relay-http", "proxy", "misbehave")

    def setUp(self):
        super().setUp()
        self.up()
        self.start_routed_hello()

    def start_front(self, target, **more):
        """relay-http, which asks `target`."""
        self.start("front", "relay-http", **more)
        self.route("front")
        self.link("front", target, *RELAY)

    def fails_with(self, status, component, target, *logged, times=1):
        """So many requests at once that fail so; gives one of the answers."""
        answers = at_once(*[lambda: self.ask(component, target)] * times)
        for answer in answers:
            self.is_failure(answer, status, target, logged)
        return answers[0]

    def is_failure(self, answer, status, target, logged):
        self.assertIsNotNone(answer, f"{target}: no answer\n{self.daemon.err[-3000:]}")
        self.assertEqual((answer.status, answer.complete), (status, True), f"{target}: {answer}\n{self.daemon.err[-3000:]}")
        for words in logged:
            self.assertIn(words, self.log_of(answer), f"{target}: {answer}")

    def log_of(self, answer):
        """What the log says about a failure whose id the client was given."""
        self.assertRegex(answer.text, r"\(id [0-9a-f.]+\)")
        identity = answer.text.rpartition("(id ")[2].partition(")")[0]
        return "\n".join(line["message"] for line in self.control.question("logs", '{"limit": 1000}') if f"request {identity}: " in line["message"])


class RingTest(CallTest):
    def start_ring(self, **more):
        for name, target in (("a", "b"), ("b", "c"), ("c", "a")):
            self.start(name, "relay", **more)
            self.link(name, target, *RELAY)

    def test_a_ring_of_links_ends_where_calls_are_nested_too_deep(self):
        self.start_ring(count=1000)
        self.start_front("a")
        with Visitor(self) as visitor:
            # 64 calls in each other are allowed, wherever they lead.
            self.assertEqual(self.ask("front", "/" + "call_" * 63 + "say_round").text, "round")
            self.fails_with(508, "front", "/" + "call_" * 64 + "say_round")
            answer = self.fails_with(508, "front", "/loop", "calls are nested 64 deep", "\"a\" failed in weft:relay/relay#run: \"b\" failed",
                                     "\"c\" failed in weft:relay/relay#run: \"a\" failed", "look for links that lead back")
            self.assertIn("calls are nested too deep", answer.text)
            self.assertIsNone(answer.header("retry-after"), "the same would happen again")
            self.fails_with(508, "front", "/loop", times=10)
        self.assertLess(visitor.longest, 5)
        self.assert_idle()
        self.assertEqual(self.ask("front", "/call_say_fine").text, "fine")
        self.down()

    def test_a_ring_whose_members_wait_for_themselves_ends_at_the_deadline(self):
        self.start_ring(count=2, **ONE_SECOND)
        self.start_front("a")
        with Visitor(self):
            began = time.monotonic()
            self.fails_with(504, "front", "/loop", "took longer than it may in weft:relay/relay#run")
            self.assertLess(time.monotonic() - began, 5)
        self.assert_idle()
        self.down()

    def test_a_component_that_is_linked_to_itself(self):
        self.start("a", "relay")
        self.link("a", "a", *RELAY)
        self.start_front("a")
        with Visitor(self):
            self.fails_with(508, "front", "/loop", "calls are nested 64 deep")
        self.assert_idle()
        self.down()

    def test_requests_that_components_pass_to_each_other_in_a_ring(self):
        for name, target in (("one", "two"), ("two", "one")):
            self.start(name, "proxy")
            self.link(name, target, "wasi:http", ["outgoing-handler"])
        self.route("one")
        with Visitor(self):
            url = "/?url=http://ring.test/?url=http://ring.test/"
            self.assertEqual(self.ask("one", "/nothing").status, 400)
            # The innermost one says 400, and everybody passes it on.
            self.assertEqual(self.ask("one", url).status, 400)
            endless = "/?url=http://ring.test" * 200
            answer = self.ask("one", endless)
            # apps/proxy answers 502 and the number of the error-code: 36 is loop-detected.
            self.assertEqual((answer.status, answer.text), (502, "error 36\n"))
        self.assert_idle()
        self.down()

    def test_a_ring_through_a_port_of_the_host_itself(self):
        """Nothing tells such a request from another client's: the limits of the components end it."""
        self.control.do(*self.control.start_provider("client", "http-client"))
        self.start("mirror", "proxy", count=20, **ONE_SECOND)
        self.link("mirror", "client", "wasi:http", ["outgoing-handler"])
        self.route("mirror")
        with Visitor(self):
            began = time.monotonic()
            answer = self.ask("mirror", f"/?url=http://127.0.0.1:{self.site.port}" * 100)
            self.assertIn(answer.status, (502, 504), answer)
            self.assertLess(time.monotonic() - began, 10)
        self.assert_idle()
        self.down()


class LinkedCalleeTest(CallTest):
    """front -> worker, which misbehaves."""

    def start_worker(self, **more):
        self.start("worker", "relay", **more)
        self.start_front("worker")

    def start_bytes(self, wasm):
        """Any component as the worker."""
        file = self.folder / "worker.wasm"
        file.write_bytes(wasm)
        subject, body = self.control.scale("worker", "relay", 10)
        self.control.do(subject, {**body, "component_ref": f"file://{file}"})
        self.start_front("worker")

    def test_one_that_traps(self):
        self.start_worker()
        with Visitor(self):
            self.fails_with(500, "front", "/trap", "\"worker\" failed in weft:relay/relay#run: the guest trapped", times=50)
            self.assertEqual(self.ask("front", "/say_fine").text, "fine")
        self.assert_idle()
        self.down()

    def test_one_that_spins_on_every_shard(self):
        self.start_worker(**ONE_SECOND)
        began = time.monotonic()
        with Visitor(self) as visitor:
            self.fails_with(504, "front", "/spin", "\"worker\" took longer than it may", times=6)
            self.assertEqual(self.ask("front", "/say_fine").text, "fine")
        self.assertLess(time.monotonic() - began, 15)
        self.assertGreater(visitor.answers, 5, "the neighbour got its share of the time")
        self.assert_idle()
        self.down()

    def test_one_that_may_take_longer_than_clocks_count(self):
        self.start_worker(component_limits={"max_execution_time": str(2**64 - 1)})
        self.assertEqual(self.ask("front", "/say_fine").text, "fine")
        self.down()

    def test_one_that_eats_memory(self):
        self.start_worker(component_limits={"max_memory_limit": str(16 << 20)})
        before = self.daemon.rss()
        with Visitor(self):
            for _ in range(20):
                self.fails_with(500, "front", "/eat", "after it was refused more memory")
            self.assertEqual(self.ask("front", "/say_fine").text, "fine")
        self.assert_idle()
        self.assertLess(self.daemon.rss() - before, 100 << 20)
        self.down()

    def test_one_that_answers_as_it_should(self):
        self.start_bytes(component_answering("weft:relay/relay", "run", b"made of bytes"))
        self.assertEqual(self.ask("front", "/say_x").text, "made of bytes")
        self.down()

    def test_one_whose_text_is_no_text(self):
        self.start_bytes(component_answering("weft:relay/relay", "run", b"\xc3\x28\xff\xfe"))
        with Visitor(self):
            self.fails_with(500, "front", "/say_x", "\"worker\" failed in weft:relay/relay#run")
        self.assert_idle()
        self.down()

    def test_one_whose_answer_lies_outside_its_memory(self):
        for pointer, length in ((65536, 1), (65530, 100), (-4, 1), (32, -1), (-1, -1), (32, 1 << 31)):
            with self.subTest(pointer=pointer, length=length):
                self.start_bytes(component_answering("weft:relay/relay", "run", b"text", pointer, length))
                with Visitor(self):
                    self.fails_with(500, "front", "/say_x", "\"worker\" failed in weft:relay/relay#run")
                self.assert_idle()
                self.control.do(*self.control.scale("worker", "relay", 0))
        self.down()

    def test_one_whose_function_has_another_type(self):
        self.start_bytes(component_exporting(ANSWER_42, ["weft:relay/relay"], function="run"))
        with Visitor(self):
            self.fails_with(500, "front", "/say_x", "weft:relay/relay#run")
        self.assert_idle()
        self.down()

    def test_one_without_the_function(self):
        self.start_bytes(component_exporting(ANSWER_42, ["weft:relay/relay"]))
        with Visitor(self):
            self.fails_with(500, "front", "/say_x", "weft:relay/relay", "run")
        self.assert_idle()
        self.down()

    def test_one_that_does_not_run_or_is_not_linked(self):
        self.start_front("worker")
        self.fails_with(500, "front", "/say_x", "\"worker\", which the link \"default\" of \"front\"", "weft start component <ref> worker")
        self.control.do("link.del", {"source_id": "front", "name": "default", "wit_namespace": "weft", "wit_package": "relay"})
        self.fails_with(500, "front", "/say_x", "has no link named \"default\"", "weft link put front <target> weft relay --interface relay")
        self.down()


class ServedCalleeTest(CallTest):
    """apps/misbehave behind http-server; what each of its ways does to a client is tests/http/misbehaving_guest_test.py's."""

    def test_every_way_to_fail_beside_a_neighbour(self):
        self.start("bad", "misbehave", **ONE_SECOND)
        self.route("bad")
        self.start("bomb", "misbehave")
        self.route("bomb")
        before = self.daemon.rss()
        failing = {"/trap-before": 500, "/no-response": 502, "/recurse": 500, "/exit?code=1": 502, "/error-response": 502, "/headers-flood?n=100000": 500,
                   "/spin": 504, "/never": 504}
        cut = ("/trap-after", "/spin-after", "/never-after", "/short", "/long", "/drop-body", "/drop-body-at-once", "/keep-body")
        with Visitor(self) as visitor:
            targets = [*failing, *cut] * 3
            for target, answer in zip(targets, at_once(*[lambda target=target: self.ask("bad", target) for target in targets])):
                if target in failing:
                    self.is_failure(answer, failing[target], target, [""])
                else:
                    self.assertFalse(answer is not None and answer.status == 200 and answer.complete, f"{target}: {answer} looks whole")
            self.assertEqual(self.ask("bomb", "/memory-bomb").status, 200)
            self.assertEqual(self.ask("bad", "/status?code=200").status, 200)
        self.assertGreater(visitor.answers, 5)
        self.assert_idle()
        self.assertLess(self.daemon.rss() - before, 200 << 20)
        self.down()


if __name__ == "__main__":
    main()
