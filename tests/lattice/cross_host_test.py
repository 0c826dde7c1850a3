# SPDX-License-Identifier: Apache-2.0
"""Two hosts: what runs on one is called from the other, in every way that it is called at home."""

import contextlib
import json
import signal
import threading
import time

from daemon import at_once, free_port
from http_client import Connection, request
from lattice import LatticeTest, fetch
from nats_server import NatsServer
from weft import APPS, main, peak_memory, wait_for, weft
from wrpc import Nats

# Bigger than the messages of a NATS server, which are a mebibyte at most.
MEBIBYTE = 1 << 20
BIG = b"".join(number.to_bytes(4, "little") for number in range(700_000))


class CallTest(LatticeTest):
    APPS = ("relay", "hits", "misbehave", "hello-c")

    def setUp(self):
        super().setUp()
        self.here, self.there = self.host("here"), self.host("there")

    def call(self, component, script):
        return weft("call", component, "weft:relay/relay#run", json.dumps(script), "--nats", self.server.url, "--output", "json", env={"HOME": str(self.folder)})

    def said(self, script):
        outcome = self.call("caller", script)
        self.assertEqual(outcome.code, 0, f"{outcome}\n{self.logs()}")
        return json.loads(json.loads(outcome.out)["result"])

    def failure(self, script):
        outcome = self.call("caller", script)
        self.assertNotEqual(outcome.code, 0)
        return outcome.err

    def start_relays(self):
        self.here.start("caller", "relay")
        self.there.start("callee", "relay")
        self.put_link("caller", "callee", "weft:relay", ["relay"])

    def test_a_component_calls_one_of_another_host(self):
        self.start_relays()
        self.assertEqual(self.said("call say hello"), "hello")
        # Neither the parameters nor the results fit one message.
        for size in (0, 1_048_000, 1_048_576, 2_500_000):
            self.assertEqual(self.said(f"send {size}"), f"the same {size}")

    def test_calls_go_on_from_there(self):
        self.start_relays()
        self.put_link("callee", "caller", "weft:relay", ["relay"])
        self.assertEqual(self.said("call call call call say four hosts away"), "four hosts away")
        # A cycle ends where it would end at home.
        self.assertIn("nested 64 deep", self.failure("loop"))

    def test_what_fails_there_says_here_what_and_how_to_mend_it(self):
        self.start_relays()
        self.assertIn("trap", self.failure("call trap"))
        self.there.stop_component("callee", "relay")
        failure = self.failure("call say hello")
        self.assertIn("does not run on any host", failure)
        self.assertIn("weft start component", failure)

    def test_a_target_that_runs_here_is_called_here(self):
        self.start_relays()
        self.here.start("callee", "relay")
        self.assertEqual(self.said("call say hello"), "hello")
        calls = {host.name: [one for one in host.control.question("components") if one["id"] == "callee"] for host in self.hosts}
        self.assertEqual([one["calls"] for one in calls["there"]], [0], calls)

    def test_without_the_fast_path_calls_go_over_nats_all_the_same(self):
        alone = self.host("alone", "--no-local-fast-path")
        alone.start("caller", "relay")
        alone.start("callee", "relay")
        self.put_link("caller", "callee", "weft:relay", ["relay"])
        nats = Nats(self.server.port)
        self.addCleanup(nats.close)
        nats.subscribe("default.callee.wrpc.>")
        nats.flush()
        self.assertEqual(self.said("call say hello"), "hello")
        self.assertEqual(nats.next("default.callee").subject, "default.callee.wrpc.0.0.1.weft:relay/relay.run")

    def test_calls_may_have_a_server_of_their_own(self):
        second = NatsServer(self.folder / "calls", free_port())
        self.addCleanup(second.kill)
        one, two = (self.host(name, "--rpc-nats", second.url) for name in ("one", "two"))
        one.start("caller", "relay")
        two.start("callee", "relay")
        self.put_link("caller", "callee", "weft:relay", ["relay"])
        self.assertEqual(self.said("call say hello"), "hello")
        second.kill()
        self.assertIn("does not answer", self.failure("call say hello"))
        second.start()
        wait_for(lambda: self.call("caller", "call say hello").code == 0, "calls go on")

    def test_a_provider_of_another_host_answers(self):
        self.there.start_provider("kv", "keyvalue")
        self.here.start("hits", "hits")
        site = self.here.web()
        self.put_link("web", "hits", "wasi:http", ["incoming-handler"])
        self.put_link("hits", "kv", "wasi:keyvalue", ["store", "atomics"])
        self.wait_until_served(site)
        self.assertNotEqual(fetch(site, "/").text, fetch(site, "/").text)


class HttpTest(LatticeTest):
    APPS = ("hello-c", "hello-cpp", "echo", "misbehave", "proxy")

    def setUp(self):
        super().setUp()
        self.here, self.there = self.host("here"), self.host("there")

    def serve(self, app):
        self.there.start("site", app)
        site = self.here.web()
        self.put_link("web", "site", "wasi:http", ["incoming-handler"])
        self.wait_until_served(site)
        return site

    def test_a_request_is_answered_by_another_host(self):
        site = self.serve("hello-c")
        answer = fetch(site, "/")
        self.assertEqual((answer.status, answer.text, answer.complete), (200, "hello from C\n", True), self.logs())

    def test_bodies_of_any_length_stream_both_ways(self):
        site = self.serve("echo")
        for body in (b"", b"x", b"a few bytes", BIG):
            answer = fetch(site, "/", "POST", body=body)
            self.assertEqual((answer.status, answer.complete, len(answer.body)), (200, True, len(body)), self.logs())
            self.assertTrue(answer.body == body)

    def test_a_slow_client_holds_back_the_bodies_of_both_directions(self):
        """An echo comes as fast as it is read: so the guest reads no faster, and no more is sent to it than may be on the way."""
        site = self.serve("echo")
        body = bytes(range(256)) * (64 * MEBIBYTE // 256)
        self.assertEqual(len(fetch(site, "/", "POST", body=body[:MEBIBYTE]).body), MEBIBYTE)
        before = [peak_memory(host.process.pid) for host in self.hosts]
        with Connection(site) as slow:
            sender = threading.Thread(target=slow.send, args=(request("POST", "/", body=body),))
            sender.start()
            for _ in range(100):
                self.assertEqual(fetch(site, "/", "POST", body=b"meanwhile").text, "meanwhile")
            self.assertTrue(sender.is_alive(), "64 MiB were taken, and nobody has read a byte of them")
            answer = slow.answer()
            sender.join()
        self.assertEqual((answer.status, answer.complete), (200, True), self.logs())
        self.assertTrue(answer.body == body)
        grown = [peak_memory(host.process.pid) - memory for host, memory in zip(self.hosts, before)]
        self.assertLess(max(grown), 40 * MEBIBYTE, "a body was held in memory")

    def test_a_guest_that_fails_there_fails_here_as_it_would_at_home(self):
        site = self.serve("misbehave")
        for path, status in (("/trap-before", 500), ("/no-response", 502), ("/error-response", 502), ("/status?code=418", 418), ("/recurse", 500)):
            answer = fetch(site, path)
            self.assertEqual((answer.status, answer.complete), (status, True), f"{path} {answer}\n{self.logs()}")
        for path in ("/trap-after", "/drop-body"):
            answer = fetch(site, path)
            # It may fail before its head has left.
            self.assertNotEqual((answer.status, answer.complete), (200, True), f"{path} {answer}")

    def test_headers_trailers_and_methods_arrive(self):
        site = self.serve("misbehave")
        answer = fetch(site, "/echo-headers", headers=[("X-Two", "a"), ("X-Two", "b"), ("X-One", "c")])
        for line in ("x-two: a", "x-two: b", "x-one: c"):
            self.assertIn(line, answer.text)
        self.assertTrue(fetch(site, "/trailers").trailers)
        head = fetch(site, "/", "HEAD")
        self.assertEqual((head.status, head.body), (200, b""))
        big = fetch(site, "/big?bytes=5000000")
        self.assertEqual((big.complete, len(big.body)), (True, 5_000_000))

    def test_a_client_that_leaves_ends_the_guest(self):
        site = self.serve("misbehave")
        connection = Connection(site)
        connection.send("GET /never HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_for(lambda: self.busy(), "the guest runs")
        connection.socket.close()
        wait_for(lambda: not self.busy(), "the guest has ended")

    def busy(self):
        return [one for one in self.there.control.question("components") if one["running"]]

    def test_a_request_that_a_killed_host_had_fails_at_once(self):
        site = self.serve("misbehave")
        with Connection(site) as connection:
            connection.send("GET /never HTTP/1.1\r\nHost: a\r\n\r\n")
            wait_for(lambda: self.busy(), "the guest runs")
            began = time.monotonic()
            self.there.kill()
            answer = connection.answer("GET")
        # Either its word that it has accepted the request had left it before it was killed, or not.
        said = {503: "is gone", 504: "nobody accepted"}
        self.assertIn(said.get(answer.status, "another answer"), answer.text)
        self.assertLess(time.monotonic() - began, 3)

    def test_a_guest_sends_requests_by_a_client_of_another_host(self):
        target = self.serve("echo")
        self.here.start("proxy", "proxy")
        self.there.start_provider("client", "http-client")
        front = self.here.web("front")
        self.put_link("front", "proxy", "wasi:http", ["incoming-handler"])
        self.put_link("proxy", "client", "wasi:http", ["outgoing-handler"])
        url = f"/?url=http://127.0.0.1:{target.port}/"
        self.wait_until_served(front, url)
        for body in (b"", b"through two hosts", BIG):
            answer = fetch(front, url, "POST", body=body)
            self.assertEqual((answer.status, answer.complete), (200, True), f"{answer}\n{self.logs()}")
            self.assertTrue(answer.body == body)
        refused = fetch(front, "/?url=http://127.0.0.1:1/")
        self.assertEqual((refused.status, refused.text.strip()), (502, "error 6"))

    def test_what_runs_on_both_shares_the_load_of_a_third(self):
        site = self.served_by_both()
        answers = at_once(*[lambda: [fetch(site, "/").status for _ in range(50)]] * 4)
        self.assertEqual(set(sum(answers, [])), {200}, self.logs())
        for host in (self.here, self.there):
            self.assertGreater(host.control.question("components")[0]["calls"], 20)

    def test_nothing_is_lost_while_what_is_called_comes_and_goes(self):
        self.here.start("site", "hello-c")
        third = self.host("third")
        site = third.web("web-of-third")
        self.put_link("web-of-third", "site", "wasi:http", ["incoming-handler"])
        self.wait_until_served(site)
        answers, over = [], threading.Event()

        def visit():
            while not over.is_set():
                answers.append(fetch(site, "/"))

        visitors = [threading.Thread(target=visit) for _ in range(4)]
        for visitor in visitors:
            visitor.start()
        try:
            for _ in range(5):
                self.there.start("site", "hello-c")
                for app in ("hello-cpp", "hello-c"):
                    self.there.control.do("component.update.HOST", {"component_id": "site", "new_component_ref": f"file://{APPS / app}.wasm", "host_id": self.there.id})
                self.there.start("site", "hello-c", 7)
                self.there.stop_component("site", "hello-c")
        finally:
            over.set()
            for visitor in visitors:
                visitor.join()
        wrong = [answer for answer in answers if (answer.status, answer.complete) != (200, True)]
        self.assertEqual(wrong[:3], [], f"{len(wrong)} of {len(answers)}\n{self.logs()}")
        self.assertGreater(len(answers), 50)

    def served_by_both(self):
        """A site on a third host, of a component that runs on two."""
        self.here.start("site", "hello-c")
        self.there.start("site", "hello-c")
        site = self.host("third").web()
        self.put_link("web", "site", "wasi:http", ["incoming-handler"])
        self.wait_until_served(site)
        return site

    def test_a_host_that_is_killed_leaves_the_calls_to_the_other(self):
        site = self.served_by_both()
        self.there.kill()
        began = time.monotonic()
        wait_for(lambda: all(fetch(site, "/").status == 200 for _ in range(20)), "the other serves")
        self.assertLess(time.monotonic() - began, 3)

    def test_calls_avoid_a_host_that_is_silent_until_it_is_back(self):
        site = self.served_by_both()

        def visits():
            with contextlib.suppress(OSError):
                return all(fetch(site, "/", timeout=1).status == 200 for _ in range(20))

        self.there.process.send_signal(signal.SIGSTOP)  # as one that was cut off: the server goes on sending it calls
        began = time.monotonic()
        wait_for(visits, "the other serves")
        print(f"served by the other alone after {time.monotonic() - began:.1f} s")
        self.assertLess(time.monotonic() - began, 6)
        self.assertIn("calls avoid it", self.hosts[2].err)

        self.there.process.send_signal(signal.SIGCONT)
        wait_for(lambda: "is heard again" in self.hosts[2].err, "it is heard again")
        before = self.calls_there()
        wait_for(lambda: visits() and self.calls_there() > before, "it has its share again")

    def calls_there(self):
        return self.there.control.question("components")[0]["calls"]


if __name__ == "__main__":
    main()
